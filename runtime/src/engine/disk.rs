//! What must be on disk, or be read from there, while the store may fail: asked for again and again,
//! as long as that can help.

use std::{sync::Arc, time::Duration};

use super::Shared;
use crate::{
    model::{Execution, ExecutionId, TaskId, perform::Decide},
    store::{Committed, StoreError, TaskKey},
};

/// How long a message waits before a write that the store could not do is tried again: doubled each
/// time, from the first to the last.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_secs(1);

/// How often is tried again what fails for a reason which may not pass.
pub(super) const DOUBTFUL_TRIES_MAX: u32 = 5;

/// When a store that failed is to be asked again, and whether.
struct Again {
    pause: Duration,
    doubtful_left: u32,
}

impl Default for Again {
    fn default() -> Self {
        Self { pause: RETRY_FIRST, doubtful_left: DOUBTFUL_TRIES_MAX }
    }
}

impl Again {
    /// Waits before the next try; the error when another one would end the same way.
    async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        if !error.may_pass() {
            if matches!(error, StoreError::Closed) || self.doubtful_left == 0 {
                return Err(error);
            }
            self.doubtful_left -= 1;
        }
        // The store itself says, once, that it does not work.
        tracing::debug!(%error, "the store is asked again");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(RETRY_LAST);
        Ok(())
    }
}

/// Writes what has happened already and cannot be refused any more. While the store cannot, the
/// execution stays where it is, visibly running. `None` only when the store is closed or damaged or we
/// have a bug; then the next start goes on with it.
pub(super) async fn persist(
    shared: &Shared,
    task: TaskId,
    execution: ExecutionId,
    decide: impl Fn() -> Decide,
) -> Option<Committed> {
    let mut again = Again::default();
    loop {
        match shared.store.transact(TaskKey::Id(task), Some(execution), decide()).await {
            Ok(committed) => return Some(committed),
            Err(error) => {
                if let Err(error) = again.after(error).await {
                    // Trying on would hold the task's turn for ever.
                    give_up(
                        &error,
                        "an execution cannot be recorded; the next start decides what became of it",
                    );
                    return None;
                }
            }
        }
    }
}

/// Reads an execution; `None` where there is none, or none that can be read.
pub(super) async fn read(shared: &Arc<Shared>, id: ExecutionId) -> Option<Execution> {
    let mut again = Again::default();
    while !shared.is_draining() {
        match shared.store.execution(id).await {
            Ok(found) => return found,
            Err(error) => {
                if let Err(error) = again.after(error).await {
                    give_up(&error, "an execution cannot be read; it stays as it is on disk");
                    return None;
                }
            }
        }
    }
    None
}

fn give_up(error: &StoreError, what: &str) {
    if !matches!(error, StoreError::Closed) {
        tracing::error!(%error, "{what}");
    }
}
