//! Named places at which a test may end the process, as `kill -9` would.
//!
//! A debug build looks at `ONWARD_CRASH_AT=NAME:COUNT` and dies at the COUNT-th passing of that place;
//! a release build has none of this. Knows nothing and is called by the engine, the store and the alerts, at each
//! place where something becomes durable or leaves the process.

/// Every place: those of an action in the order in which it passes them, then those that few pass.
pub const NAMES: [&str; 20] = [
    "admit.before",
    "admit.after",
    "commit.before",
    "commit.after",
    "send.before",
    "send.after",
    "finish.before",
    "finish.after",
    "begin.before",
    "begin.after",
    "wake.before",
    "wake.after",
    "retry.before",
    "retry.after",
    "schedule.before",
    "schedule.after",
    "recover.before",
    "recover.after",
    "alert.before",
    "alert.after",
];

/// Passes a place; the process may end here in a test.
#[inline]
pub fn crash_point(name: &'static str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    fn read() -> Option<Armed> {
        let wanted = std::env::var("ONWARD_CRASH_AT").ok()?;
        let (name, count) = wanted.split_once(':')?;
        Some(Armed { name: name.to_owned(), left: AtomicU64::new(count.parse().ok()?) })
    }

    pub(super) fn pass(name: &'static str) {
        debug_assert!(super::NAMES.contains(&name), "{name} is not among the named places");
        let Some(armed) = ARMED.get_or_init(read).as_ref().filter(|armed| armed.name == name) else { return };
        if armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Nothing is flushed, nothing is dropped: all that is left is what the system has.
            std::process::abort();
        }
    }
}
