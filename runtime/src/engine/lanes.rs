//! Turns: the executions of one task go one at a time, in the order in which they came.
//!
//! Shared by every worker thread, sharded by task. Who enters an empty lane has the turn at once;
//! the others wait in line. A turn passes on when it is dropped, whatever the reason, so it cannot
//! be lost. Those that were in the store before (left by an earlier run, or woken) stand in line by
//! their id alone: however many there are, they cost a few bytes each until their turn comes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use crate::model::{Execution, ExecutionId, TaskId};

const SHARDS: usize = 64;

/// Who stands in a line.
enum Waiter {
    /// Somebody here, to whom the turn is sent.
    Here(oneshot::Sender<Turn>),
    /// An execution in the store; whoever takes up stored ones gets its turn.
    Stored(ExecutionId),
}

type Line = VecDeque<Waiter>;

/// A lane exists while somebody has its turn.
pub(super) struct Lanes {
    shards: [Shard; SHARDS],
    /// Stored executions whose turn has come, to be taken up by any thread.
    ready: Mutex<VecDeque<Ready>>,
    has_ready: Notify,
}

/// Aligned to a cache line, so that threads on different shards do not slow each other.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<HashMap<TaskId, Line>>);

/// A stored execution whose turn has come.
pub(crate) struct Ready {
    pub(crate) execution: ExecutionId,
    pub(crate) turn: Turn,
    /// Who waits for its end.
    pub(crate) ended: Option<oneshot::Sender<Execution>>,
    /// Whether it was between two tries, and the pause is over.
    pub(crate) has_paused: bool,
    /// A place that it keeps meanwhile, so that those who are between two tries are counted, too.
    pub(crate) keeps: Option<OwnedSemaphorePermit>,
}

/// The right to run steps on a task.
pub(crate) struct Turn {
    /// `None` once it has been handed on.
    lanes: Option<Arc<Lanes>>,
    task: TaskId,
}

/// Where one stands after entering a lane.
pub(crate) enum Standing {
    Now(Turn),
    /// The turn comes through here.
    Queued(oneshot::Receiver<Turn>),
}

impl Lanes {
    pub(super) fn new() -> Arc<Self> {
        let shards = std::array::from_fn(|_| Shard::default());
        Arc::new(Self { shards, ready: Mutex::default(), has_ready: Notify::new() })
    }

    /// Enters a task's lane. `stamp` runs while the lane is held: what it makes (a place) has the
    /// lane's order.
    pub(crate) fn enter<T>(self: &Arc<Self>, task: TaskId, stamp: impl FnOnce() -> T) -> (Standing, T) {
        let mut shard = self.shard(task);
        let stamp = stamp();
        let standing = match shard.get_mut(&task) {
            Some(line) => {
                // Those at the end who were refused meanwhile have left: the line does not grow with them.
                while line.back().is_some_and(Waiter::has_left) {
                    line.pop_back();
                }
                let (sender, receiver) = oneshot::channel();
                line.push_back(Waiter::Here(sender));
                Standing::Queued(receiver)
            }
            None => {
                shard.insert(task, Line::new());
                Standing::Now(Turn { lanes: Some(Arc::clone(self)), task })
            }
        };
        (standing, stamp)
    }

    /// Puts an execution that is queued in the store into its task's line.
    pub(super) fn enter_stored(self: &Arc<Self>, task: TaskId, execution: ExecutionId) {
        let mut shard = self.shard(task);
        match shard.get_mut(&task) {
            Some(line) => line.push_back(Waiter::Stored(execution)),
            None => {
                shard.insert(task, Line::new());
                drop(shard);
                let turn = Turn { lanes: Some(Arc::clone(self)), task };
                self.make_ready(Ready { execution, turn, ended: None, has_paused: false, keeps: None });
            }
        }
    }

    /// The next stored execution whose turn has come; waits for one.
    pub(super) async fn next_ready(&self) -> Ready {
        loop {
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match next {
                Some(next) => {
                    // One word may have come for several.
                    self.has_ready.notify_one();
                    return next;
                }
                None => self.has_ready.notified().await,
            }
        }
    }

    /// Hands an execution that has its turn to whoever takes stored ones up.
    pub(super) fn make_ready(&self, ready: Ready) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(ready);
        self.has_ready.notify_one();
    }

    fn shard(&self, task: TaskId) -> MutexGuard<'_, HashMap<TaskId, Line>> {
        // The lowest bits of an id are random.
        let index = (task.as_u128() % SHARDS as u128) as usize;
        self.shards[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Whose turn it is.
    pub(super) fn task(&self) -> TaskId {
        self.task
    }
}

impl Waiter {
    fn has_left(&self) -> bool {
        matches!(self, Self::Here(sender) if sender.is_closed())
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
            let turn = Self { lanes: Some(Arc::clone(&lanes)), task: self.task };
            match next {
                Waiter::Stored(execution) => {
                    drop(shard);
                    return lanes.make_ready(Ready {
                        execution,
                        turn,
                        ended: None,
                        has_paused: false,
                        keeps: None,
                    });
                }
                // A loop and not a drop of what comes back: a long line of those who left must not
                // become a deep recursion.
                Waiter::Here(sender) => match sender.send(turn) {
                    Ok(()) => return,
                    Err(mut back) => back.lanes = None,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId::from_u128(1);

    fn enter(lanes: &Arc<Lanes>) -> Standing {
        lanes.enter(TASK, || ()).0
    }

    fn queued(place: Standing) -> oneshot::Receiver<Turn> {
        match place {
            Standing::Queued(receiver) => receiver,
            Standing::Now(_) => panic!("the lane should have been held"),
        }
    }

    #[test]
    fn turns_come_in_order_and_skip_those_who_left() {
        let lanes = Lanes::new();
        let Standing::Now(first) = enter(&lanes) else { panic!("the lane should have been free") };
        let (mut second, third, mut fourth) =
            (queued(enter(&lanes)), queued(enter(&lanes)), queued(enter(&lanes)));
        assert!(second.try_recv().is_err());
        drop(first);
        let turn = second.try_recv().expect("the second's turn");
        assert!(fourth.try_recv().is_err());
        drop(third);
        drop(turn);
        drop(fourth.try_recv().expect("the fourth's turn, as the third has left"));
        assert!(matches!(enter(&lanes), Standing::Now(_)), "an empty lane is free");
    }

    #[test]
    fn stored_executions_stand_in_the_same_line() {
        let lanes = Lanes::new();
        let ready = || lanes.ready.lock().expect("the list").pop_front();
        lanes.enter_stored(TASK, ExecutionId::from_u128(1));
        lanes.enter_stored(TASK, ExecutionId::from_u128(2));
        let mut third = queued(enter(&lanes));
        for id in [1, 2] {
            let Ready { execution, turn, .. } = ready().expect("its turn");
            assert_eq!(execution.as_u128(), id);
            assert!(ready().is_none() && third.try_recv().is_err());
            drop(turn);
        }
        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn a_long_line_of_those_who_left_is_passed_without_end() {
        let lanes = Lanes::new();
        let Standing::Now(first) = enter(&lanes) else { panic!("the lane should have been free") };
        // All at once, so that none finds the one before it gone already.
        let line: Vec<_> = (0..200_000).map(|_| queued(enter(&lanes))).collect();
        drop(line);
        let mut last = queued(enter(&lanes));
        drop(first);
        assert!(last.try_recv().is_ok());
    }
}
