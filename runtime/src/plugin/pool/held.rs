//! An instance that something uses.

use std::sync::{Arc, Weak};

use super::Pool;
use crate::plugin::load::Instance;

/// A use of an instance: of a call that has not ended, of a thread in it, or of what may begin another call. With the last one the instance
/// is given back, by a thread of the pool: the last use may end on a thread of the library's, within one of its own functions.
#[derive(Clone)]
pub(super) struct Held {
    instance: Option<Arc<Instance>>,
    pool: Weak<Pool>,
}

impl Held {
    pub(super) fn new(instance: Instance, pool: &Arc<Pool>) -> Self {
        Self { instance: Some(Arc::new(instance)), pool: Arc::downgrade(pool) }
    }

    pub(super) fn run(&self, call: u64, input: &[u8]) {
        if let Some(instance) = &self.instance {
            instance.run(call, input);
        }
    }

    pub(super) fn cancel(&self, call: u64) {
        if let Some(instance) = &self.instance {
            instance.cancel(call);
        }
    }

    /// Whether both are the same instance's.
    pub(super) fn is(&self, other: &Self) -> bool {
        let (Some(this), Some(other)) = (&self.instance, &other.instance) else { return false };
        Arc::ptr_eq(this, other)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(instance) = self.instance.take().and_then(Arc::into_inner) else { return };
        match self.pool.upgrade() {
            Some(pool) => pool.give_back(instance),
            // Nobody is there who might do it.
            None => std::mem::forget(instance),
        }
    }
}
