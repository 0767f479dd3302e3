//! "Default retention": what is kept for a while, with a clock above a real store.

use jiff::SignedDuration;

use super::*;
use crate::{
    bootstrap::{self, Bootstrap},
    model::{ApiKey, Scope, Timestamp, id::KeyId, perform::IdempotencyKey},
    retention::{RetentionSettings, forget_changes, forget_keys, forget_records},
    sessions::{SessionSettings, Sessions},
    store::admin::{AdminChange, By},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn settings() -> RetentionSettings {
    RetentionSettings { records_days: 90, records_max: 1_000, audit_days: 730, revoked_keys_days: 90 }
}

/// A step that leaves a record of its call.
fn recorded() -> StepTypes {
    let called = |_: &Call<'_>| Outcome { record: Some("{}".to_owned()), ..Outcome::done(Answer::Unchanged) };
    StepTypes::new(vec![Does::quietly("calls", called)])
}

struct Bench {
    shared: Arc<Shared>,
    engine: EngineHandle,
    clock: Clock,
    began: Timestamp,
}

impl Bench {
    async fn new(folder: &Path) -> Self {
        let began = sample::now();
        let clock = Clock::standing(began);
        let (shared, engine) = engine_on(open(folder), clock.clone(), recorded()).await;
        Self { shared, engine, clock, began }
    }

    /// So long after the beginning.
    fn is_after(&self, time: SignedDuration) {
        self.clock.move_to(self.began + time);
    }

    async fn has_record(&self, id: ExecutionId) -> bool {
        let found = self.shared.store.execution_detail(id).await.expect("an answer").expect("the execution");
        let end = found.attempts[0].end.as_ref().expect("its end");
        assert_eq!(end.outcome, "succeeded", "how it ended is kept");
        end.record.is_some()
    }

    async fn administered(&self, change: AdminChange) {
        let by = By { performer: sample::performer(), at: self.clock.now() };
        assert!(self.shared.store.administer(change, by).await.expect("an answer"));
    }

    /// What the audit log has, newest first.
    async fn audit(&self) -> Vec<(u64, String)> {
        let entries = self.shared.store.audit(None, 10).await.expect("an answer");
        entries.into_iter().map(|entry| (entry.id, entry.change)).collect()
    }
}

#[actix::test]
async fn records_of_calls_are_forgotten_by_their_age() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path()).await;
    let old = perform(&bench.shared, &bench.engine, &["calls"]).await.id;
    bench.is_after(DAY * 10);
    let young = perform(&bench.shared, &bench.engine, &["calls"]).await.id;
    let second = SignedDuration::from_secs(1);
    for (time, expected) in [
        (DAY * 90 - second, (true, true)),
        (DAY * 90 + second, (false, true)),
        (DAY * 100 - second, (false, true)),
        (DAY * 100 + second, (false, false)),
    ] {
        bench.is_after(time);
        let for_ever = RetentionSettings { records_days: 0, ..settings() };
        let mut none = ExecutionId::from_u128(0);
        let before = (bench.has_record(old).await, bench.has_record(young).await);
        forget_records(&bench.shared, &for_ever, &mut none).await.expect("done");
        assert_eq!((bench.has_record(old).await, bench.has_record(young).await), before, "for ever");
        forget_records(&bench.shared, &settings(), &mut none).await.expect("done");
        assert_eq!((bench.has_record(old).await, bench.has_record(young).await), expected, "after {time:#}");
    }
}

#[actix::test]
async fn idempotency_keys_are_forgotten_after_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path()).await;
    let key = IdempotencyKey { scope: [1; 32], body: [2; 32] };
    let request = Perform { key: Some(key), ..request(&bench.shared, &["calls"]) };
    bench.engine.perform(request).await.expect("admitted");
    for (hours, expected) in [(23, true), (24, true), (25, false)] {
        bench.is_after(SignedDuration::from_hours(hours));
        forget_keys(&bench.shared).await.expect("done");
        let is_there = bench.shared.store.admitted([1; 32]).await.expect("an answer").is_some();
        assert_eq!(is_there, expected, "after {hours} hours");
    }
}

#[actix::test]
async fn changes_and_revoked_keys_are_forgotten_by_their_age() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path()).await;
    let key = ApiKey {
        id: KeyId::new("key_1"),
        name: "Key".to_owned(),
        hash: [7; 32],
        scopes: vec![Scope::Read],
        workflows: None,
        expires_at: None,
    };
    bench.administered(AdminChange::AddKey(key.clone())).await;
    bench.is_after(DAY);
    bench.administered(AdminChange::RevokeKey(key.id.clone())).await;
    let for_ever = RetentionSettings { audit_days: 0, revoked_keys_days: 0, ..settings() };
    let all = [(2, "key.revoked".to_owned()), (1, "key.added".to_owned())];
    for days in [90, 730] {
        bench.is_after(DAY * days);
        forget_changes(&bench.shared, &for_ever).await.expect("done");
        forget_changes(&bench.shared, &settings()).await.expect("done");
        assert_eq!(bench.audit().await, all, "after {days} days");
    }
    bench.is_after(DAY * 731);
    forget_changes(&bench.shared, &for_ever).await.expect("done");
    assert_eq!(bench.audit().await, all, "for ever");
    forget_changes(&bench.shared, &settings()).await.expect("done");
    assert_eq!(bench.audit().await, all[..1]);
    // The last one stays, however old: numbers never begin anew.
    bench.is_after(DAY * 2_000);
    forget_changes(&bench.shared, &settings()).await.expect("done");
    assert_eq!(bench.audit().await, all[..1]);
    bench.administered(AdminChange::AddKey(ApiKey { id: KeyId::new("key_2"), hash: [8; 32], ..key })).await;
    assert_eq!(bench.audit().await[0], (3, "key.added".to_owned()));
}

/// "Immediate revocation", for good: whatever is forgotten of a key, its file makes no key of it again.
#[actix::test]
async fn a_revoked_key_stays_one_after_it_was_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path()).await;
    let file = folder.path().join("key");
    std::fs::write(&file, format!("onw_{}\n", "a1".repeat(20))).expect("written");
    let bootstrap = Bootstrap { administrator: None, api_key_file: Some(file) };
    let start = async || {
        bootstrap::run(&*bench.shared.store, &bench.clock, &bootstrap).await.expect("a start");
        bench.shared.store.workspace().await.expect("an answer").keys
    };
    let first = start().await;
    assert_eq!(first.len(), 1);
    bench.administered(AdminChange::RevokeKey(first[0].id.clone())).await;
    for days in [1, 91, 3_650] {
        bench.is_after(DAY * days);
        forget_changes(&bench.shared, &settings()).await.expect("done");
        assert_eq!(start().await, [], "after {days} days");
    }
}

/// "Session expiry."
#[actix::test]
async fn sessions_end_when_nothing_is_done_and_after_their_longest() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::new(folder.path()).await;
    let settings = SessionSettings {
        idle: Duration::from_secs(7 * 24 * 3600),
        longest: Duration::from_secs(30 * 24 * 3600),
        hashes_max: 1,
    };
    let store = Arc::clone(&bench.shared.store);
    let sessions = Sessions::new(Arc::clone(&store), bench.clock.clone(), settings);
    bench.administered(AdminChange::AddUser { user: sample::user(), password_hash: None }).await;
    let token = async || sessions.begin(&sample::user().id).await.expect("a session").hash;
    let (used, unused) = (token().await, token().await);
    let there = async |hash| store.session(hash).await.expect("an answer").is_some();
    for (days, expected) in [
        (6, (true, true)),
        (12, (true, false)),
        (18, (true, false)),
        (24, (true, false)),
        (29, (true, false)),
        (31, (false, false)),
    ] {
        bench.is_after(DAY * days);
        sessions.forget_old().await.expect("done");
        assert_eq!((there(used).await, there(unused).await), expected, "after {days} days");
        store.note_use(Vec::new(), vec![(used, bench.clock.now())]).await.expect("noted");
    }
}
