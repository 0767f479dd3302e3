//! Turns: the executions of one task go one at a time, in the order in which they came.
//!
//! Shared by every worker thread, sharded by task. Who enters an empty lane has the turn at once;
//! the others wait in line. A turn passes on when it is dropped, whatever the reason, so it cannot
//! be lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::model::TaskId;

const SHARDS: usize = 64;

type Line = VecDeque<oneshot::Sender<Turn>>;

/// A lane exists while somebody has its turn.
pub(super) struct Lanes {
    shards: [Shard; SHARDS],
}

/// Aligned to a cache line, so that threads on different shards do not slow each other.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<HashMap<TaskId, Line>>);

/// The right to run steps on a task.
pub(crate) struct Turn {
    /// `None` once it has been handed on.
    lanes: Option<Arc<Lanes>>,
    task: TaskId,
}

/// Where one stands after entering a lane.
pub(crate) enum Place {
    Now(Turn),
    /// The turn comes through here.
    Queued(oneshot::Receiver<Turn>),
}

impl Lanes {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { shards: std::array::from_fn(|_| Shard::default()) })
    }

    /// Enters a task's lane. `stamp` runs while the lane is held: what it makes (an id) has the
    /// lane's order.
    pub(crate) fn enter<T>(self: &Arc<Self>, task: TaskId, stamp: impl FnOnce() -> T) -> (Place, T) {
        let mut shard = self.shard(task);
        let stamp = stamp();
        let place = match shard.get_mut(&task) {
            Some(line) => {
                // Those at the end who were refused meanwhile have left: the line does not grow with them.
                while line.back().is_some_and(oneshot::Sender::is_closed) {
                    line.pop_back();
                }
                let (sender, receiver) = oneshot::channel();
                line.push_back(sender);
                Place::Queued(receiver)
            }
            None => {
                shard.insert(task, Line::new());
                Place::Now(Turn { lanes: Some(Arc::clone(self)), task })
            }
        };
        (place, stamp)
    }

    fn shard(&self, task: TaskId) -> MutexGuard<'_, HashMap<TaskId, Line>> {
        // The lowest bits of an id are random.
        let index = (task.as_u128() % SHARDS as u128) as usize;
        self.shards[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A turn that was handed on, and came back disarmed.
        let Some(lanes) = self.lanes.take() else { return };
        let mut shard = lanes.shard(self.task);
        loop {
            let Some(next) = shard.get_mut(&self.task).and_then(VecDeque::pop_front) else {
                shard.remove(&self.task);
                return;
            };
            // A loop and not a drop of what comes back: a long line of those who left must not
            // become a deep recursion.
            match next.send(Self { lanes: Some(Arc::clone(&lanes)), task: self.task }) {
                Ok(()) => return,
                Err(mut back) => back.lanes = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId::from_u128(1);

    fn enter(lanes: &Arc<Lanes>) -> Place {
        lanes.enter(TASK, || ()).0
    }

    fn queued(place: Place) -> oneshot::Receiver<Turn> {
        match place {
            Place::Queued(receiver) => receiver,
            Place::Now(_) => panic!("the lane should have been held"),
        }
    }

    #[test]
    fn turns_come_in_order_and_skip_those_who_left() {
        let lanes = Lanes::new();
        let Place::Now(first) = enter(&lanes) else { panic!("the lane should have been free") };
        let (mut second, third, mut fourth) =
            (queued(enter(&lanes)), queued(enter(&lanes)), queued(enter(&lanes)));
        assert!(second.try_recv().is_err());
        drop(first);
        let turn = second.try_recv().expect("the second's turn");
        assert!(fourth.try_recv().is_err());
        drop(third);
        drop(turn);
        drop(fourth.try_recv().expect("the fourth's turn, as the third has left"));
        assert!(matches!(enter(&lanes), Place::Now(_)), "an empty lane is free");
    }

    #[test]
    fn a_long_line_of_those_who_left_is_passed_without_end() {
        let lanes = Lanes::new();
        let Place::Now(first) = enter(&lanes) else { panic!("the lane should have been free") };
        // All at once, so that none finds the one before it gone already.
        let line: Vec<_> = (0..200_000).map(|_| queued(enter(&lanes))).collect();
        drop(line);
        let mut last = queued(enter(&lanes));
        drop(first);
        assert!(last.try_recv().is_ok());
    }
}
