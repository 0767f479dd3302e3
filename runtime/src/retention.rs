//! Forgets what is kept for a while only: idempotency keys, sessions, the requests and answers of calls, what administrators
//! have changed, and keys that are revoked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Ids,
    engine::Shared,
    model::{ExecutionId, perform::IDEMPOTENCY_HOURS},
    sessions::Sessions,
    store::StoreError,
};

/// How often is looked for idempotency keys that mean nothing any more, and for sessions that are over.
const MINUTE: Duration = Duration::from_secs(60);

/// How often is looked for records of calls, and how often from the beginning: some are of executions that were open
/// before.
const RECORDS_EVERY: Duration = Duration::from_secs(10 * 60);
const RECORDS_ANEW_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Rows that are forgotten, or looked at, at a time, so that a day's do not hold up the store's writer.
const AT_ONCE: usize = 1_000;

/// How much is kept. 0 means all.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    pub records_days: u32,
    /// Of so many executions, the newest.
    pub records_max: u64,
    pub audit_days: u32,
    pub revoked_keys_days: u32,
}

/// Runs until it is dropped.
pub async fn run(shared: Arc<Shared>, sessions: Arc<Sessions>, settings: RetentionSettings) {
    futures_util::future::join(minutely(&shared, &sessions), by_age(&shared, &settings)).await;
}

async fn minutely(shared: &Shared, sessions: &Sessions) {
    loop {
        if let Err(error) = forget_keys(shared).await {
            tracing::warn!(%error, "old idempotency keys could not be forgotten; it is tried again");
        }
        if let Err(error) = sessions.flush().await {
            tracing::warn!(%error, "when keys and sessions were used could not be noted; it is tried again");
        }
        if let Err(error) = sessions.forget_old().await {
            tracing::warn!(%error, "sessions that are over could not be forgotten; it is tried again");
        }
        tokio::time::sleep(MINUTE).await;
    }
}

/// Idempotency keys.
pub(crate) async fn forget_keys(shared: &Shared) -> Result<(), StoreError> {
    let before = shared.clock.now() - SignedDuration::from_hours(IDEMPOTENCY_HOURS);
    while shared.store.forget_admitted(before, AT_ONCE).await? == AT_ONCE {}
    Ok(())
}

async fn by_age(shared: &Shared, settings: &RetentionSettings) {
    let (none, mut began) = (ExecutionId::from_u128(0), Instant::now());
    let mut up_to = none;
    loop {
        if began.elapsed() >= RECORDS_ANEW_EVERY {
            (up_to, began) = (none, Instant::now());
        }
        if let Err(error) = forget_records(shared, settings, &mut up_to).await {
            tracing::warn!(%error, "old records of calls could not be forgotten; it is tried again");
        }
        if let Err(error) = forget_changes(shared, settings).await {
            tracing::warn!(%error, "old entries of the audit log could not be forgotten; it is tried again");
        }
        tokio::time::sleep(RECORDS_EVERY).await;
    }
}

/// So many days ago; nothing where all is kept.
fn days_ago(shared: &Shared, days: u32) -> Option<Timestamp> {
    (days > 0).then(|| shared.clock.now() - SignedDuration::from_hours(24 * i64::from(days)))
}

/// What administrators have changed, and keys that they have revoked.
pub(crate) async fn forget_changes(shared: &Shared, settings: &RetentionSettings) -> Result<(), StoreError> {
    if let Some(before) = days_ago(shared, settings.audit_days) {
        while shared.store.forget_audit(before, AT_ONCE).await? == AT_ONCE {}
    }
    if let Some(before) = days_ago(shared, settings.revoked_keys_days) {
        shared.store.forget_revoked_keys(before).await?;
    }
    Ok(())
}

/// `up_to`: which executions were looked at already.
pub(crate) async fn forget_records(
    shared: &Shared,
    settings: &RetentionSettings,
    up_to: &mut ExecutionId,
) -> Result<(), StoreError> {
    let too_old = days_ago(shared, settings.records_days);
    let too_old = too_old.map(|before| ExecutionId::from_u128(Ids::first_at(before)));
    let too_many = match settings.records_max {
        0 => None,
        newest => shared.store.execution_before(newest - 1).await?,
    };
    let Some(before) = too_old.max(too_many) else { return Ok(()) };
    while let Some(last) = shared.store.forget_records(*up_to, before, AT_ONCE).await? {
        *up_to = last;
    }
    Ok(())
}
