//! Where secrets come from: the store, where they are encrypted; a folder with a file for each; the
//! environment. And the key with which those in the store are encrypted.
//!
//! Nothing here is logged. A row is bound to its name, so that one cannot be put in another's place.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use crate::{
    credential,
    model::{
        Secrets,
        secret::{Source, name_problem, value_problem},
    },
    store::SecretRow,
};

const KEY_BYTES: usize = 32;

/// What a secret's variable in the environment begins with.
const VARIABLE_PREFIX: &str = "ONWARD_SECRET_";

/// The variable that has the key, instead of the file.
const KEY_VARIABLE: &str = "ONWARD_SECRETS_KEY";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the key file {}: {problem}; `secrets.key_file` names it", path.display())]
    KeyFile { path: PathBuf, problem: String },
    #[error("secrets cannot be changed: {}: {problem}", path.display())]
    Lock { path: PathBuf, problem: io::Error },
    #[error("`ONWARD_SECRETS_KEY` must be {KEY_BYTES} random bytes in base64")]
    KeyVariable,
    #[error("the key comes from `ONWARD_SECRETS_KEY`, which only you can change; rotating is for a key file")]
    NotOurs,
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] credential::CredentialError),
    #[error(
        "a secret in the store cannot be decrypted, because its key is not in the key file; set it anew or remove \
         it first"
    )]
    Unreadable,
    #[error("a secret could not be encrypted")]
    Seal,
}

/// Keys: the first encrypts, all decrypt.
#[derive(Clone)]
struct Keys(Arc<[Key]>);

struct Key {
    /// Names the key; says nothing of it.
    id: String,
    aead: LessSafeKey,
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        let id = Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { id, aead: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?) })
    }

    fn read(line: &str) -> Option<Self> {
        let bytes: [u8; KEY_BYTES] = BASE64_STANDARD.decode(line.trim()).ok()?.try_into().ok()?;
        Self::new(&bytes)
    }
}

/// Reads secrets, and encrypts those that are to be stored.
pub struct Vault {
    key_file: PathBuf,
    lock_file: PathBuf,
    folder: Option<PathBuf>,
    keys: RwLock<Option<Keys>>,
    /// What the folder had when it was read last.
    mounted: Mutex<Mounted>,
}

#[derive(Default)]
struct Mounted {
    secrets: BTreeMap<String, Arc<str>>,
    /// Names, sizes and times of its files.
    seen: Vec<(OsString, u64, Option<SystemTime>)>,
}

/// Nobody else, here or in another process, changes keys or what is encrypted with them. Held over reading,
/// encrypting and writing.
pub struct VaultLock(File);

impl Vault {
    /// `data`: the data folder, which is written to. `folder`: one file a secret, called as it is.
    pub fn new(key_file: PathBuf, data: &Path, folder: Option<PathBuf>) -> Self {
        let lock_file = data.join("secrets.lock");
        Self { key_file, lock_file, folder, keys: RwLock::new(None), mounted: Mutex::default() }
    }

    /// Waits for whoever else changes secrets.
    pub fn lock(&self) -> Result<VaultLock, VaultError> {
        let problem = |error: io::Error| VaultError::Lock { path: self.lock_file.clone(), problem: error };
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.lock_file);
        let file = file.map_err(problem)?;
        file.lock().map_err(problem)?;
        Ok(VaultLock(file))
    }

    /// Encrypts a value. Makes the key file where there is no key yet.
    pub fn seal(&self, _held: &VaultLock, name: &str, value: &str) -> Result<SecretRow, VaultError> {
        // Not what was read before: a command beside the server may have made a new one.
        let keys = match self.read_keys()? {
            Some(keys) => keys,
            None => self.make_key()?,
        };
        let key = keys.0.first().ok_or(VaultError::Seal)?;
        seal(key, name, value)
    }

    /// All secrets that can be read, by name, and where each comes from. What is in the store stands before the
    /// folder, and that before the environment.
    pub fn open(&self, rows: &[SecretRow]) -> Secrets {
        let mut found = BTreeMap::new();
        for (name, value) in from_environment() {
            found.insert(name, (value, Source::Environment));
        }
        for (name, value) in self.mounted() {
            found.insert(name, (value, Source::Folder));
        }
        if rows.is_empty() {
            return found.into();
        }
        let keys = self.keys_of(rows).unwrap_or_else(|error| {
            tracing::error!(%error, "the secrets in the store cannot be read");
            None
        });
        for row in rows {
            match keys.as_ref().and_then(|keys| open(keys, row)) {
                Some(value) => drop(found.insert(row.name.clone(), (value, Source::Store))),
                None => {
                    // Not what stands elsewhere under its name: the operator has replaced that.
                    found.remove(&row.name);
                    tracing::error!(
                        secret = row.name,
                        key = row.key,
                        "a secret cannot be decrypted: its key is not here"
                    );
                }
            }
        }
        found.into()
    }

    /// Whether the folder has changed since it was read.
    pub fn has_changed(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        // What cannot be read stays as it was.
        look_at(folder).is_ok_and(|seen| seen != self.mounted_lock().seen)
    }

    /// A new key, and the rows encrypted with it. The old key stays in the file until
    /// [`Vault::forget_old_keys`], so that a crash in between leaves what can be read.
    pub fn rotate(&self, _held: &VaultLock, rows: &[SecretRow]) -> Result<Vec<SecretRow>, VaultError> {
        if std::env::var_os(KEY_VARIABLE).is_some() {
            return Err(VaultError::NotOurs);
        }
        let old = self.read_keys()?;
        let opened: Option<Vec<_>> =
            rows.iter().map(|row| Some((&row.name, open(old.as_ref()?, row)?))).collect();
        let opened = opened.ok_or(VaultError::Unreadable)?;
        let keys = self.make_key()?;
        let key = keys.0.first().ok_or(VaultError::Seal)?;
        opened.into_iter().map(|(name, value)| seal(key, name, &value)).collect()
    }

    /// Leaves only the key that encrypts.
    pub fn forget_old_keys(&self, _held: &VaultLock) -> Result<(), VaultError> {
        let lines = self.read_key_lines()?;
        self.write_key_file(&lines[..lines.len().min(1)])
    }

    /// A command beside the server may have made a new key.
    fn keys_of(&self, rows: &[SecretRow]) -> Result<Option<Keys>, VaultError> {
        let keys = self.keys()?;
        let is_known =
            |row: &SecretRow| keys.as_ref().is_some_and(|keys| keys.0.iter().any(|key| key.id == row.key));
        if rows.iter().all(is_known) {
            return Ok(keys);
        }
        self.forget_read();
        self.keys()
    }

    fn forget_read(&self) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Read once, and again after a change; `None` where there is no key yet.
    fn keys(&self) -> Result<Option<Keys>, VaultError> {
        if let Some(keys) = &*self.keys.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Some(keys.clone()));
        }
        let keys = self.read_keys()?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).clone_from(&keys);
        Ok(keys)
    }

    fn read_keys(&self) -> Result<Option<Keys>, VaultError> {
        let keys = match std::env::var_os(KEY_VARIABLE) {
            Some(text) => vec![text.to_str().and_then(Key::read).ok_or(VaultError::KeyVariable)?],
            None => match self.read_key_lines()? {
                lines if lines.is_empty() => return Ok(None),
                lines => self.parse(&lines)?,
            },
        };
        Ok(Some(Keys(keys.into())))
    }

    fn parse(&self, lines: &[String]) -> Result<Vec<Key>, VaultError> {
        let keys: Option<Vec<_>> = lines.iter().map(|line| Key::read(line)).collect();
        let problem = format!("each line must be {KEY_BYTES} random bytes in base64");
        keys.ok_or_else(|| VaultError::KeyFile { path: self.key_file.clone(), problem })
    }

    /// Nothing where there is no file.
    fn read_key_lines(&self) -> Result<Vec<String>, VaultError> {
        match fs::read_to_string(&self.key_file) {
            Ok(text) => Ok(text.lines().filter(|line| is_key_line(line)).map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.key_file_problem(&error)),
        }
    }

    fn key_file_problem(&self, error: &io::Error) -> VaultError {
        VaultError::KeyFile { path: self.key_file.clone(), problem: error.to_string() }
    }

    /// A new key before those in the file.
    fn make_key(&self) -> Result<Keys, VaultError> {
        let mut bytes = [0; KEY_BYTES];
        credential::fill_random(&mut bytes)?;
        let mut lines = vec![BASE64_STANDARD.encode(bytes)];
        lines.extend(self.read_key_lines()?);
        self.write_key_file(&lines)?;
        self.read_keys()?.ok_or(VaultError::Seal)
    }

    /// Whole or not at all, for its owner alone, and on disk when this returns.
    fn write_key_file(&self, lines: &[String]) -> Result<(), VaultError> {
        let part = self.beside(".part");
        let text = format!(
            "# The key of Onward's secrets. Without it they cannot be read: keep a copy, but not with the backups.\n{}\n",
            lines.join("\n")
        );
        let write = || {
            if let Err(error) = fs::remove_file(&part)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &self.key_file)?;
            // The name, too, before anything is encrypted with it.
            File::open(self.key_file.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new(".")))?
                .sync_all()
        };
        write().map_err(|error| self.key_file_problem(&error))?;
        self.forget_read();
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.key_file.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn mounted_lock(&self) -> MutexGuard<'_, Mounted> {
        self.mounted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the folder has; of what cannot be read, what it had.
    fn mounted(&self) -> BTreeMap<String, Arc<str>> {
        let Some(folder) = &self.folder else { return BTreeMap::new() };
        let mut mounted = self.mounted_lock();
        match look_at(folder) {
            Ok(seen) => *mounted = Mounted { secrets: from_folder(folder, &seen, &mounted.secrets), seen },
            Err(error) => tracing::error!(
                %error,
                folder = %folder.display(),
                "the folder of secrets cannot be read; `secrets.folder` names it"
            ),
        }
        mounted.secrets.clone()
    }
}

impl Drop for VaultLock {
    fn drop(&mut self) {
        // The system would let go of it, too.
        let _ = self.0.unlock();
    }
}

fn is_key_line(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn seal(key: &Key, name: &str, value: &str) -> Result<SecretRow, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    credential::fill_random(&mut nonce)?;
    let mut sealed = value.as_bytes().to_vec();
    let bound = Aad::from(name.as_bytes());
    key.aead
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
        .map_err(|_| VaultError::Seal)?;
    Ok(SecretRow { name: name.to_owned(), key: key.id.clone(), nonce: nonce.to_vec(), sealed })
}

fn open(keys: &Keys, row: &SecretRow) -> Option<Arc<str>> {
    let key = keys.0.iter().find(|key| key.id == row.key)?;
    let nonce = Nonce::try_assume_unique_for_key(&row.nonce).ok()?;
    let mut sealed = row.sealed.clone();
    let opened = key.aead.open_in_place(nonce, Aad::from(row.name.as_bytes()), &mut sealed).ok()?;
    std::str::from_utf8(opened).ok().map(Arc::from)
}

fn from_environment() -> Vec<(String, Arc<str>)> {
    let variables = std::env::vars_os().filter_map(|(variable, value)| {
        let name = variable.to_str()?.strip_prefix(VARIABLE_PREFIX)?.to_owned();
        let value = value.into_string().ok()?;
        usable(&name, &value, "the environment").then(|| (name, Arc::from(value)))
    });
    variables.collect()
}

/// The files of a folder, in the order of their names.
fn look_at(folder: &Path) -> io::Result<Vec<(OsString, u64, Option<SystemTime>)>> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Not the entry's own: in such folders files are links.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_file() {
            seen.push((entry.file_name(), metadata.len(), metadata.modified().ok()));
        }
    }
    seen.sort();
    Ok(seen)
}

fn from_folder(
    folder: &Path,
    files: &[(OsString, u64, Option<SystemTime>)],
    before: &BTreeMap<String, Arc<str>>,
) -> BTreeMap<String, Arc<str>> {
    let mut secrets = BTreeMap::new();
    for (file, ..) in files {
        // Beside the secrets, systems that mount such folders keep files of their own.
        let Some(name) = file.to_str().filter(|name| name_problem(name).is_none()) else { continue };
        match fs::read_to_string(folder.join(name)) {
            Ok(text) => {
                let value = without_line_end(&text);
                if usable(name, value, "the folder of secrets") {
                    secrets.insert(name.to_owned(), Arc::from(value));
                }
            }
            Err(error) => {
                tracing::error!(%error, secret = name, "a secret's file cannot be read; its last value stays");
                secrets.extend(before.get(name).map(|value| (name.to_owned(), Arc::clone(value))));
            }
        }
    }
    secrets
}

/// What editors and `echo` add at the end is not meant.
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn usable(name: &str, value: &str, place: &str) -> bool {
    match name_problem(name).map(str::to_owned).or_else(|| value_problem(value)) {
        None => true,
        Some(problem) => {
            tracing::error!(secret = name, place, "a secret is not used: {problem}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn vault(folder: &Path) -> Vault {
        Vault::new(folder.join("secrets.key"), folder, Some(folder.join("secrets")))
    }

    fn sealed(vault: &Vault, name: &str, value: &str) -> SecretRow {
        vault.seal(&vault.lock().expect("the lock"), name, value).expect("sealed")
    }

    fn value(vault: &Vault, rows: &[SecretRow], name: &str) -> Option<(String, Source)> {
        let secrets = vault.open(rows);
        let (_, source) = secrets.names().find(|(known, _)| *known == name)?;
        Some((secrets.get(name)?.to_string(), source))
    }

    #[test]
    fn what_is_sealed_is_read_again_with_the_key_and_not_without_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = vault(folder.path());
        let row = sealed(&one, "TOKEN", "a secret value");
        assert!(!row.sealed.windows(6).any(|window| window == b"secret"), "it is not encrypted");
        let mode = fs::metadata(folder.path().join("secrets.key")).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = vault(folder.path());
        assert_eq!(
            value(&again, std::slice::from_ref(&row), "TOKEN"),
            Some(("a secret value".to_owned(), Source::Store))
        );
        // Two of the same value look different, and one cannot stand in another's place.
        assert_ne!(sealed(&one, "TOKEN", "a secret value").sealed, row.sealed);
        let moved = SecretRow { name: "OTHER".to_owned(), ..row.clone() };
        assert_eq!(value(&again, &[moved], "OTHER"), None);
        let elsewhere = tempfile::tempdir().expect("a folder");
        let other = vault(elsewhere.path());
        sealed(&other, "X", "another");
        assert_eq!(value(&other, &[row], "TOKEN"), None);
    }

    #[test]
    fn a_new_key_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = vault(folder.path());
        let rows = vec![sealed(&vault, "A", "the first"), sealed(&vault, "B", "the second")];
        let rotated = vault.rotate(&vault.lock().expect("the lock"), &rows).expect("rotated");
        assert_ne!(rotated[0].key, rows[0].key);
        // A crash before the rows are written: both can be read.
        for rows in [&rows, &rotated] {
            assert_eq!(value(&vault, rows, "B").map(|(value, _)| value).as_deref(), Some("the second"));
        }
        vault.forget_old_keys(&vault.lock().expect("the lock")).expect("forgotten");
        assert_eq!(value(&vault, &rows, "A"), None);
        assert_eq!(value(&vault, &rotated, "A").map(|(value, _)| value).as_deref(), Some("the first"));
    }

    #[test]
    fn the_folder_is_read_and_the_store_stands_before_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).expect("a folder");
        for (name, text) in [
            ("TOKEN", "from the folder\n"),
            ("SHORT", "12345"),
            ("..data", "no name"),
            ("KEPT", "a\nb c d\n\n"),
        ] {
            fs::write(secrets.join(name), text).expect("written");
        }
        let vault = vault(folder.path());
        assert_eq!(value(&vault, &[], "TOKEN"), Some(("from the folder".to_owned(), Source::Folder)));
        assert_eq!(value(&vault, &[], "KEPT").map(|(value, _)| value).as_deref(), Some("a\nb c d\n"));
        assert_eq!((value(&vault, &[], "SHORT"), value(&vault, &[], "..data")), (None, None));
        let row = sealed(&vault, "TOKEN", "from the store");
        assert_eq!(value(&vault, &[row], "TOKEN"), Some(("from the store".to_owned(), Source::Store)));
    }

    #[test]
    fn a_key_file_that_is_none_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("secrets.key"), "not a key\n").expect("written");
        let vault = vault(folder.path());
        let error = vault.seal(&vault.lock().expect("the lock"), "TOKEN", "a secret value");
        let error = error.expect_err("no key").to_string();
        assert!(
            error.contains("each line must be 32 random bytes in base64; `secrets.key_file` names it"),
            "{error}"
        );
    }

    #[test]
    fn whoever_makes_the_first_key_makes_the_only_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        // As in as many processes.
        let rows: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    scope.spawn(move || sealed(&vault(path), &format!("N{number}"), "a secret value"))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("sealed")).collect()
        });
        let vault = vault(folder.path());
        assert_eq!(vault.open(&rows).names().count(), 8);
    }

    #[test]
    fn a_server_encrypts_with_the_key_that_a_command_has_made_meanwhile() {
        let folder = tempfile::tempdir().expect("a folder");
        let (server, command) = (vault(folder.path()), vault(folder.path()));
        let row = sealed(&server, "A", "the first");
        let held = command.lock().expect("the lock");
        let rotated = command.rotate(&held, &[row]).expect("rotated");
        command.forget_old_keys(&held).expect("forgotten");
        drop(held);
        let later = sealed(&server, "B", "the second");
        assert_eq!(later.key, rotated[0].key);
        assert_eq!(vault(folder.path()).open(&[rotated[0].clone(), later]).names().count(), 2);
    }

    #[test]
    fn a_folder_that_changes_is_noticed_and_one_that_fails_keeps_what_it_had() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).expect("a folder");
        fs::write(secrets.join("TOKEN"), "the first\r\n").expect("written");
        let vault = vault(folder.path());
        assert_eq!(value(&vault, &[], "TOKEN").map(|(value, _)| value).as_deref(), Some("the first"));
        assert!(!vault.has_changed());
        fs::write(secrets.join("TOKEN"), "the second one").expect("written");
        assert!(vault.has_changed());
        assert_eq!(value(&vault, &[], "TOKEN").map(|(value, _)| value).as_deref(), Some("the second one"));
        assert!(!vault.has_changed());
        fs::rename(&secrets, folder.path().join("away")).expect("moved");
        assert!(!vault.has_changed());
        assert_eq!(value(&vault, &[], "TOKEN").map(|(value, _)| value).as_deref(), Some("the second one"));
    }
}
