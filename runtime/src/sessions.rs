//! Signing in: passwords, the sessions that follow, and when keys and sessions were last used.
//!
//! A session is a random token in a cookie; on disk is its hash. What is known here of sessions is good for one revision
//! of the workspace, so that a password that is changed beside the server ends them here, too. Who guesses passwords
//! waits longer and longer; how many are hashed at a time is limited, since each takes memory and time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use self::attempts::Attempts;
use crate::{
    clock::Clock,
    credential::{self, CredentialError},
    model::{User, UserId, Workspace, id::KeyId},
    store::{Store, StoreError, admin::Session},
};

mod attempts;

/// Sessions that are remembered; of more, all are asked for anew.
const KNOWN_MAX: usize = 10_000;

/// How exactly is noted when something was used.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Passwords that wait to be hashed; one more is refused.
const HASHES_WAITING_MAX: usize = 32;

/// Characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 10;
pub const PASSWORD_CHARS_MAX: usize = 200;

/// Bytes of a session's token, and of a link's.
const TOKEN_BYTES: usize = 32;

/// What wrong tokens for the first user are counted as.
const SETUP: &str = "setup";

/// How long people stay signed in, and how many passwords are hashed at a time.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// After so long without a request.
    pub idle: Duration,
    /// After so long in any case.
    pub longest: Duration,
    pub hashes_max: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("no user has this email and this password")]
    Wrong,
    #[error("too many attempts; try again in {} s", .0.as_secs().max(1))]
    TooMany(Duration),
    #[error("too many people sign in at the same time; try again in a moment")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// A fresh token, and what is kept of it.
pub struct Token {
    pub text: String,
    pub hash: [u8; 32],
}

impl Token {
    pub fn new() -> Result<Self, CredentialError> {
        let text = credential::random_hex(TOKEN_BYTES)?;
        Ok(Self { hash: hash(&text), text })
    }
}

/// What is kept of a token.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// However much of them is the same, it takes as long.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
}

/// What is wrong with a new password.
pub fn password_problem(password: &str) -> Option<String> {
    let count = password.chars().count();
    (!(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&count))
        .then(|| format!("a password has from {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"))
}

/// Everybody who is signed in. One for all threads.
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Clock,
    settings: SessionSettings,
    hashing: Semaphore,
    waiting: Semaphore,
    attempts: Mutex<Attempts>,
    /// Each with the workspace's revision at which it was read.
    known: Mutex<HashMap<[u8; 32], (Session, u64)>>,
    used: Mutex<Used>,
    /// How many were ended.
    ended: AtomicU64,
}

/// When something was last used, and what of it is not on disk yet.
#[derive(Default)]
struct Used {
    keys: HashMap<KeyId, Timestamp>,
    keys_anew: HashMap<KeyId, Timestamp>,
    sessions_anew: HashMap<[u8; 32], Timestamp>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pairs<K: Clone>(used: &HashMap<K, Timestamp>) -> Vec<(K, Timestamp)> {
    used.iter().map(|(what, at)| (what.clone(), *at)).collect()
}

impl Sessions {
    pub fn new(store: Arc<dyn Store>, clock: Clock, settings: SessionSettings) -> Self {
        Self {
            store,
            clock,
            hashing: Semaphore::new(settings.hashes_max),
            waiting: Semaphore::new(settings.hashes_max + HASHES_WAITING_MAX),
            settings,
            attempts: Mutex::default(),
            known: Mutex::default(),
            used: Mutex::default(),
            ended: AtomicU64::new(0),
        }
    }

    /// How long a browser keeps the cookie.
    pub fn longest(&self) -> Duration {
        self.settings.longest
    }

    /// Signs a user in. `from`: where they are, for counting attempts.
    pub async fn sign_in(
        &self,
        workspace: &Workspace,
        email: &str,
        password: &str,
        from: &str,
    ) -> Result<(Arc<User>, Token), SignInError> {
        self.attempt(email, from)?;
        // By email alone: an id is nothing to sign in with.
        let user = workspace.directory.find(email).filter(|user| user.email.eq_ignore_ascii_case(email));
        let Some((user, hash)) = self.shown(user, password).await? else { return Err(SignInError::Wrong) };
        let token = self.begin_with(&user.id, Some(hash)).await?;
        locked(&self.attempts).succeeded(email, from);
        Ok((user, token))
    }

    /// Whether who is signed in knows the password; guessing is as slow as at the door.
    pub async fn confirm(&self, user: &Arc<User>, password: &str, from: &str) -> Result<bool, SignInError> {
        self.attempt(&user.email, from)?;
        let is_right = self.shown(Some(user), password).await?.is_some();
        if is_right {
            locked(&self.attempts).succeeded(&user.email, from);
        }
        Ok(is_right)
    }

    /// The token with which the first user is made, the same at each start and on each node; `None` where there is one.
    pub async fn setup_token(&self) -> Result<Option<String>, SignInError> {
        Ok(self.store.setup_token(Token::new()?.text).await?)
    }

    /// Whether somebody has that token; guessing it is as slow as guessing a password.
    pub async fn is_setup_token(&self, token: &str, from: &str) -> Result<bool, SignInError> {
        let kept = self.setup_token().await?;
        let is_right = kept.is_some_and(|kept| is_same(&hash(&kept), &hash(token)));
        if !is_right {
            // Who has the link is let in, whoever else has guessed from where they are.
            self.attempt(SETUP, from)?;
        }
        Ok(is_right)
    }

    /// Counted as a failure until it has succeeded: many at once are as many.
    fn attempt(&self, email: &str, from: &str) -> Result<(), SignInError> {
        let mut attempts = locked(&self.attempts);
        if let Some(wait) = attempts.wait(email, from) {
            return Err(SignInError::TooMany(wait));
        }
        attempts.failed(email, from);
        Ok(())
    }

    /// The user, and the hash of the password that was shown, if it is theirs. Where there is no user it takes as long.
    async fn shown(
        &self,
        user: Option<&Arc<User>>,
        password: &str,
    ) -> Result<Option<(Arc<User>, String)>, SignInError> {
        // Longer ones are nobody's, and are not hashed.
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Ok(None);
        }
        let id = user.map_or_else(|| UserId::new(""), |user| user.id.clone());
        let hash = self.store.password_hash(id).await?;
        let compared = hash.clone().unwrap_or_else(|| credential::NOBODYS.to_owned());
        let password = password.to_owned();
        let is_right = self.hashing(move || Ok(credential::is_password(&compared, &password))).await?;
        Ok(user.zip(hash).filter(|_| is_right).map(|(user, hash)| (Arc::clone(user), hash)))
    }

    /// A session for somebody who has shown who they are.
    pub async fn begin(&self, user: &UserId) -> Result<Token, SignInError> {
        self.begin_with(user, None).await
    }

    /// `hash`: of the password that was shown; it may be another one by now.
    async fn begin_with(&self, user: &UserId, hash: Option<String>) -> Result<Token, SignInError> {
        let (token, now) = (Token::new()?, self.clock.now());
        let session = Session { hash: token.hash, user: user.clone(), created_at: now, seen_at: now };
        if self.store.add_session(session, hash).await? { Ok(token) } else { Err(SignInError::Wrong) }
    }

    /// What is kept of a new password.
    pub async fn hash_password(&self, password: String) -> Result<String, SignInError> {
        self.hashing(move || credential::hash_password(&password)).await
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CredentialError> + Send + 'static,
    ) -> Result<T, SignInError> {
        let _waits = self.waiting.try_acquire().map_err(|_| SignInError::Busy)?;
        let _hashes = self.hashing.acquire().await.map_err(|_| SignInError::Busy)?;
        let done = tokio::task::spawn_blocking(work).await;
        Ok(done.map_err(|error| CredentialError::Hash(error.to_string()))??)
    }

    /// Who has the session with this hash; `None` where there is none, or it is over. `is_use`: they do something.
    pub async fn user(
        &self,
        workspace: &Workspace,
        hash: [u8; 32],
        is_use: bool,
    ) -> Result<Option<Arc<User>>, StoreError> {
        let ended = self.ended.load(Ordering::SeqCst);
        let known = locked(&self.known).get(&hash).filter(|(_, at)| *at == workspace.revision).cloned();
        let session = match known {
            Some((session, _)) => session,
            None => match self.store.session(hash).await? {
                Some(session) => session,
                None => return Ok(None),
            },
        };
        let now = self.clock.now();
        if self.is_over(&session, now) {
            self.end(hash).await?;
            return Ok(None);
        }
        let user = workspace.directory.user(&session.user).filter(|user| user.is_active).cloned();
        // One that was ended meanwhile is not known again.
        if self.ended.load(Ordering::SeqCst) == ended {
            self.remember(session, workspace.revision, is_use.then_some(now));
        }
        Ok(user)
    }

    fn is_over(&self, session: &Session, now: Timestamp) -> bool {
        let age = |since: Timestamp| now.duration_since(since).unsigned_abs();
        age(session.seen_at) > self.settings.idle || age(session.created_at) > self.settings.longest
    }

    /// `used`: when, if somebody does something with it; a stream that is only open does not.
    fn remember(&self, mut session: Session, revision: u64, used: Option<Timestamp>) {
        if let Some(now) = used.filter(|now| now.duration_since(session.seen_at) >= NOTED_EVERY) {
            session.seen_at = now;
            locked(&self.used).sessions_anew.insert(session.hash, now);
        }
        let mut known = locked(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(session.hash, (session, revision));
    }

    pub async fn end(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        // Off the disk first: else a request in between would find it there, and know it again.
        self.store.end_session(hash).await?;
        self.ended.fetch_add(1, Ordering::SeqCst);
        locked(&self.known).remove(&hash);
        Ok(())
    }

    /// A key was used now.
    pub fn key_used(&self, key: &KeyId) {
        let now = self.clock.now();
        let mut used = locked(&self.used);
        if used.keys.get(key).is_some_and(|at| now.duration_since(*at) < NOTED_EVERY) {
            return;
        }
        used.keys.insert(key.clone(), now);
        used.keys_anew.insert(key.clone(), now);
    }

    /// When each key was last used, also what is not on disk yet.
    pub async fn keys_used(&self) -> Result<Vec<(KeyId, Option<Timestamp>)>, StoreError> {
        let mut keys = self.store.keys_used().await?;
        let used = locked(&self.used);
        keys.iter_mut().for_each(|(key, at)| *at = (*at).max(used.keys.get(key).copied()));
        Ok(keys)
    }

    /// Writes what was used, and forgets sessions that are over. Called now and then, and at the end.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (keys, sessions) = {
            let mut used = locked(&self.used);
            (std::mem::take(&mut used.keys_anew), std::mem::take(&mut used.sessions_anew))
        };
        if !keys.is_empty() || !sessions.is_empty() {
            let noted = self.store.note_use(pairs(&keys), pairs(&sessions)).await;
            if noted.is_err() {
                // The next time, with what has been used since, which is later.
                let mut used = locked(&self.used);
                keys.into_iter().for_each(|(key, at)| _ = used.keys_anew.entry(key).or_insert(at));
                sessions.into_iter().for_each(|(hash, at)| _ = used.sessions_anew.entry(hash).or_insert(at));
            }
            noted?;
        }
        Ok(())
    }

    pub async fn forget_old(&self) -> Result<(), StoreError> {
        let before = |age: Duration| {
            let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
            self.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
        };
        let (longest, idle) = (before(self.settings.longest), before(self.settings.idle));
        locked(&self.attempts).forget();
        self.store.forget_sessions(longest, idle, self.clock.now()).await
    }
}
