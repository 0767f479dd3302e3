//! Time and fresh ids: the only place that reads the system clock.
//!
//! `model` never does; it is given instants and ids. Tests give a clock of their own.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;

use crate::model::{ItemId, Place, TaskId};

/// Where instants come from. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds since the epoch that a test has set; `None` for the system's time.
    set: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that stands at an instant until it is moved.
    pub fn standing(at: Timestamp) -> Self {
        Self { set: Some(Arc::new(AtomicI64::new(at.as_millisecond()))) }
    }

    /// Moves a standing clock; a system clock cannot be moved and stays.
    pub fn move_to(&self, at: Timestamp) {
        if let Some(set) = &self.set {
            set.store(at.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// Now, to the millisecond: what the store keeps.
    pub fn now(&self) -> Timestamp {
        let millis = match &self.set {
            Some(set) => set.load(Ordering::Relaxed),
            None => Timestamp::now().as_millisecond(),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Makes ids that grow, in the layout of UUID version 7 (RFC 9562): 48 bits of milliseconds, a
/// 12-bit counter within the millisecond, 62 random bits.
#[derive(Debug)]
pub struct Ids {
    clock: Clock,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    millis: u64,
    counter: u16,
    random: u64,
}

const COUNTER_MAX: u16 = 0x0fff;

impl Ids {
    /// `after`: the greatest id that the store already has, so that ids do not go backwards when
    /// the system's clock does.
    pub fn new(clock: Clock, after: Option<u128>) -> Self {
        let millis = after.map_or(0, |id| (id >> 80) as u64);
        Self { clock, last: Mutex::new(Last { millis, counter: COUNTER_MAX, random: seed() }) }
    }

    pub fn task(&self) -> TaskId {
        TaskId::from_u128(self.next())
    }

    /// A checklist item that somebody adds. No start looks for the greatest of these: a clock that was set back
    /// meanwhile may list new ones before old ones, and does nothing worse.
    pub fn item(&self) -> ItemId {
        ItemId::new(self.task().to_string())
    }

    /// A place behind all that were given before; a new execution is called by its first one.
    pub fn place(&self) -> Place {
        Place::from_u128(self.next())
    }

    /// Before all that are given at an instant or later.
    pub fn first_at(at: Timestamp) -> u128 {
        u128::from(u64::try_from(at.as_millisecond()).unwrap_or(0)) << 80
    }

    fn next(&self) -> u128 {
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now > last.millis {
            last.millis = now;
            last.counter = 0;
        } else if last.counter < COUNTER_MAX {
            last.counter += 1;
        } else {
            last.millis += 1;
            last.counter = 0;
        }
        last.random = splitmix(last.random);
        let random = last.random >> 2;
        (u128::from(last.millis) << 80)
            | (0x7 << 76)
            | (u128::from(last.counter) << 64)
            | (0b10 << 62)
            | u128::from(random)
    }
}

/// Ids name things, they do not guard them: a seeded sequence serves, and costs no system call.
fn splitmix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back_or_stands() {
        let clock = Clock::standing("2026-01-01T00:00:00Z".parse().expect("an instant"));
        let ids = Ids::new(clock.clone(), None);
        let mut last = ids.place();
        for round in 0..10_000 {
            if round == 5_000 {
                clock.move_to("2020-01-01T00:00:00Z".parse().expect("an instant"));
            }
            let next = ids.place();
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        let restarted = Ids::new(clock, Some(last.as_u128()));
        assert!(restarted.place() > last, "an id went backwards over a restart");
    }
}
