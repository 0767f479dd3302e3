//! The store on a disk that fails: what is acknowledged stays, what cannot be accepted is refused with
//! 503 and a reason, and recovery needs no hand.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    Answer, Disk, Fault, Ledger, On, Project, Receiver, Reply, Server, acme, all_is_moved, create_tasks,
    eventually, hold_the_write_lock, pinging, request, under_load,
};

/// Executions that show that the load is one.
const SOME: usize = 20;

/// Refusals of one fault; each is an admission that failed in the middle.
const REFUSALS: usize = 60;

/// What a server may grow by while it refuses.
const GROWTH_KIB_MAX: u64 = 48 * 1024;

fn probe(server: &Server, path: &str) -> Answer {
    request(&server.address, "GET", path, &[], b"")
}

fn is_ready(server: &Server) -> bool {
    probe(server, "/readyz").status == 200
}

/// A server on a disk that can be made to fail, with what its clients were told.
struct Trial {
    receiver: Receiver,
    project: Project,
    key: String,
    disk: Disk,
    server: Server,
    ledger: Ledger,
}

impl Trial {
    fn begin() -> Self {
        let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Expected Close Date":"2020-02-01"}}"#));
        let (project, key) = Project::new(&pinging(&receiver));
        let disk = Disk::of(&project);
        let server = project.serve_in(&key, &disk.environment());
        Self { receiver, project, key, disk, server, ledger: Ledger::default() }
    }

    /// Does something while actions are performed on many tasks.
    fn under_load(&self, meanwhile: impl FnOnce()) {
        create_tasks(&self.server);
        under_load(&self.server, &self.ledger, || {
            eventually("actions are performed", || self.ledger.acknowledged() > SOME);
            meanwhile();
        });
    }

    fn goes_on(&self) {
        eventually("it is ready again", || is_ready(&self.server));
        let so_far = self.ledger.acknowledged();
        eventually("actions are performed again", || self.ledger.acknowledged() > so_far + SOME);
    }

    /// What was acknowledged is there, now and after `kill -9`.
    fn has_lost_nothing(self) {
        self.ledger.holds(&self.server, &self.receiver);
        self.survives_a_kill(false);
    }

    /// `doubtful`: whether a change that was refused may be there all the same.
    fn survives_a_kill(self, doubtful: bool) {
        let Self { receiver, project, key, disk, server, ledger } = self;
        server.kill();
        disk.heal();
        let server = project.serve(&key);
        ledger.holds(&server, &receiver);
        ledger.tasks_hold(&server, doubtful);
        assert_eq!(project.log().matches("panicked").count(), 0, "{}", project.log());
    }

    /// One action that is refused because the store fails.
    fn is_refused(&self) {
        let refused = self
            .server
            .post("/workflows/api-sample/executions", &json!({"task_id": "42", "action_id": "ping"}));
        assert_eq!(refused.json()["code"], "store_unavailable", "{}", refused.body);
    }

    /// Nothing of it is on disk after `kill -9`.
    fn has_kept_no_execution(self) {
        let Self { receiver, project, key, server, .. } = self;
        server.kill();
        drop(project.serve(&key));
        let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
        let executions: u32 =
            database.query_row("SELECT count(*) FROM execution", [], |row| row.get(0)).expect("a count");
        assert_eq!(executions, 0, "{}", project.log());
        assert_eq!(receiver.received().len(), 0);
    }
}

/// The life of a fault under load: struck, refused, ready no more, healed, going on by itself, and
/// everything still there after `kill -9`.
fn is_survived(fault: Fault, on: On, reason: &str) {
    let trial = Trial::begin();
    let (server, disk, ledger) = (&trial.server, &trial.disk, &trial.ledger);
    trial.under_load(|| {
        assert!(is_ready(server));
        let before = server.memory_kib("VmRSS");
        disk.fail(fault, on);
        disk.has_struck();
        eventually("requests are refused", || ledger.refused(reason) > REFUSALS);
        assert_eq!(probe(server, "/livez").status, 200);
        let unready = probe(server, "/readyz");
        assert_eq!(unready.status, 503);
        assert_eq!(unready.json()["code"], "store_unavailable");
        assert!(unready.body.contains(reason), "{}", unready.body);
        let grown = server.memory_kib("VmRSS").saturating_sub(before);
        assert!(grown < GROWTH_KIB_MAX, "the server has grown by {grown} KiB");
        disk.heal();
        trial.goes_on();
    });
    for execution in ledger.executions() {
        assert_eq!(
            server.ended(&execution.id)["state"],
            "succeeded",
            "what ran when the disk failed goes on"
        );
    }
    trial.has_lost_nothing();
}

/// “Full disk … What cannot be accepted is refused with 503 and a reason; recovery needs no hand.”
#[test]
fn a_full_disk_is_survived() {
    is_survived(Fault::Full, On::Any, "the disk is full");
}

/// “Read-only”: a disk that the system has made so under the running server.
#[test]
fn a_disk_that_becomes_read_only_is_survived() {
    is_survived(Fault::ReadOnly, On::Any, "the disk is read-only");
}

/// “EIO on write.”
#[test]
fn an_error_on_write_is_survived() {
    is_survived(Fault::EioOnWrite, On::Any, "the disk failed");
}

/// “EIO … on flush.”
#[test]
fn an_error_on_flush_is_survived() {
    is_survived(Fault::EioOnFlush, On::Any, "the disk failed");
}

/// “*Executed but reported as failed*.”
#[test]
fn a_flush_that_is_done_but_reported_as_failed_is_survived() {
    is_survived(Fault::FlushedButEio, On::Any, "the disk failed");
}

/// A disk that is full, where what a file has can still be written over: some writes are done, some
/// are refused.
#[test]
fn a_disk_without_room_to_grow_is_survived() {
    let trial = Trial::begin();
    let disk = &trial.disk;
    trial.under_load(|| {
        disk.fail(Fault::FullToGrow, On::Any);
        disk.has_struck();
        eventually("the disk is full many times", || disk.struck() > 20);
        disk.heal();
        trial.goes_on();
    });
    trial.ledger.refused("the disk is full");
    trial.has_lost_nothing();
}

/// “What is acknowledged stays”, also when the power goes while the disk fails.
#[test]
fn a_kill_while_the_disk_fails_loses_nothing_acknowledged() {
    for fault in [Fault::Full, Fault::EioOnWrite, Fault::EioOnFlush, Fault::FlushedButEio] {
        let trial = Trial::begin();
        trial.under_load(|| {
            trial.disk.fail(fault, On::Any);
            eventually("requests are refused", || trial.ledger.refused("the disk") > SOME);
        });
        trial.survives_a_kill(true);
    }
}

/// “Executed but reported as failed”: once a refusal is out, a crash must not bring back what it
/// refused.
#[test]
fn what_was_refused_does_not_come_back_with_a_crash() {
    let trial = Trial::begin();
    trial.server.create_task(&acme());
    // Moving the WAL flushes it, too: not this flush is to fail.
    all_is_moved(&trial.project);
    trial.disk.fail_times(Fault::FlushedButEio, On::Wal, 1);
    trial.is_refused();
    assert_eq!(trial.disk.struck(), 1);
    trial.has_kept_no_execution();
}

/// The same while nobody asks for anything: the server writes over what it refused by itself, as soon
/// as the disk lets it.
#[test]
fn what_was_refused_is_written_over_as_soon_as_the_disk_heals() {
    let trial = Trial::begin();
    let (server, disk) = (&trial.server, &trial.disk);
    server.create_task(&acme());
    disk.fail(Fault::FlushedButEio, On::Wal);
    trial.is_refused();
    // What writes nothing settles nothing, though its commit succeeds.
    let start = json!({"task_id": "42", "action_id": "start"});
    assert_eq!(server.post("/workflows/api-sample/executions", &start).status, 422);
    // A flush that is slow for no time is one that is counted.
    disk.fail(Fault::Slow(Duration::ZERO), On::Wal);
    eventually("it is written over", || disk.struck() > 0);
    eventually("the writer says so", || trial.project.log().contains("the store writes again"));
    trial.has_kept_no_execution();
}

/// “Slow disk”: everything takes its time, nothing is lost, and the server says that it lives.
#[test]
fn a_slow_disk_is_waited_for() {
    let trial = Trial::begin();
    let (server, disk, ledger) = (&trial.server, &trial.disk, &trial.ledger);
    trial.under_load(|| {
        disk.fail(Fault::Slow(Duration::from_millis(200)), On::Any);
        disk.has_struck();
        let started = Instant::now();
        assert_eq!(probe(server, "/livez").status, 200);
        assert!(started.elapsed() < Duration::from_millis(150), "/livez waited for the disk");
        let so_far = ledger.acknowledged();
        eventually("actions are performed", || ledger.acknowledged() > so_far + SOME);
        assert!(is_ready(server), "a slow disk writes");
        // Slower than a probe waits: as good as none.
        disk.fail(Fault::Slow(Duration::from_secs(4)), On::Any);
        disk.has_struck();
        eventually("it is not ready", || !is_ready(server));
        assert_eq!(probe(server, "/livez").status, 200);
        disk.heal();
    });
    eventually("it is ready again", || is_ready(server));
    assert_eq!(ledger.refused("nothing is refused"), 0);
    trial.has_lost_nothing();
}

/// “Busy”: another process holds the database for longer than the store waits for it.
#[test]
fn a_database_that_another_process_holds_is_refused_with_that_reason() {
    let trial = Trial::begin();
    let (server, ledger) = (&trial.server, &trial.ledger);
    trial.under_load(|| {
        let held = hold_the_write_lock(&trial.project.path("data/onward.db"));
        eventually("it is not ready", || !is_ready(server));
        eventually("requests are refused", || ledger.refused("another process keeps the database") > 0);
        assert_eq!(probe(server, "/livez").status, 200);
        held.execute_batch("ROLLBACK").expect("let go");
        trial.goes_on();
    });
    for execution in ledger.executions() {
        assert_eq!(server.ended(&execution.id)["state"], "succeeded");
    }
    trial.has_lost_nothing();
}

/// The rare writes hear the real reason too, not that the store is closed.
#[test]
fn a_command_beside_a_held_database_says_why_it_failed() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, _key) = Project::new(&pinging(&receiver));
    let held = hold_the_write_lock(&project.path("data/onward.db"));
    let said = project.refused_command(&["key", "add", "Another"]);
    assert!(said.contains("another process keeps onward.db"), "{said}");
    drop(held);
    project.command(&["key", "add", "Another"]);
}

/// The WAL takes what the database file does not: nothing is refused, and it is moved when it can be.
#[test]
fn a_database_file_that_cannot_be_written_refuses_nothing() {
    let trial = Trial::begin();
    let (disk, ledger) = (&trial.disk, &trial.ledger);
    trial.under_load(|| {
        disk.fail(Fault::EioOnFlush, On::Database);
        eventually("the disk fails", || disk.struck() > 0);
        let so_far = ledger.acknowledged();
        eventually("actions are performed", || ledger.acknowledged() > so_far + SOME);
        assert!(is_ready(&trial.server));
        disk.heal();
        eventually("it is said", || trial.project.log().contains("the WAL is moved into the database again"));
    });
    assert_eq!(ledger.refused("nothing is refused"), 0);
    trial.has_lost_nothing();
}
