//! `onward backup` and `onward restore`: made under load, put in another place, read back.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::{Project, Receiver, Reply, Server, acme, api_sample, binary, onward};

const EXECUTIONS: &str = "/workflows/api-sample/executions";

/// The sample workflow with an action that can be performed again and again.
fn workflow(receiver: &str) -> String {
    api_sample(receiver)
        + &format!(
            "\n[[actions]]\nname = \"Ping\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{receiver}/ping\"\n"
        )
}

fn create_tasks(server: &Server, ids: &[&str]) {
    for id in ids {
        let mut task = acme();
        task["Company ID"] = json!(id);
        server.create_task(&task);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Runs a command on a project that must fail; what it says.
fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = onward(&[arguments, &["--config", &project.config()]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} was done: {said}");
    said
}

fn read_only(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database")
}

fn ask<T: rusqlite::types::FromSql>(file: &Path, sql: &str) -> T {
    read_only(file).query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// What must hold of every backup and every restored database, whatever ran when it was made. Rules about
/// further tables go here.
fn is_consistent(file: &Path) {
    assert_eq!(ask::<String>(file, "PRAGMA integrity_check"), "ok");
    for (rule, violations) in [
        (
            "an attempt belongs to an execution, and is one of those it counts",
            "SELECT count(*) FROM attempt LEFT JOIN execution ON id = execution_id
             WHERE id IS NULL OR number > attempts",
        ),
        (
            "an execution belongs to a task",
            "SELECT count(*) FROM execution LEFT JOIN task ON task.id = task_id WHERE task.id IS NULL",
        ),
        (
            "an execution's latest attempt is begun and not closed exactly while it is in mid-call",
            "SELECT count(*) FROM execution WHERE (state = 'running' AND flag = 1) IS NOT EXISTS
                (SELECT 1 FROM attempt WHERE execution_id = id AND ended_at IS NULL)",
        ),
        (
            "what succeeded has run its steps",
            "SELECT count(*) FROM execution WHERE state = 'succeeded' AND NOT EXISTS
                (SELECT 1 FROM attempt WHERE execution_id = id AND outcome = 'succeeded')",
        ),
        (
            "a task's history is numbered without a gap, up to the task's revision",
            "SELECT count(*) FROM task WHERE revision IS NOT
                (SELECT count(*) FROM task_history WHERE task_id = task.id)
                OR revision IS NOT (SELECT max(number) FROM task_history WHERE task_id = task.id)",
        ),
        (
            "each change begins where the one before it ended",
            "WITH change AS (SELECT task_id, number, key AS slot, value -> '$[0]' AS before, value -> '$[1]' AS after
                             FROM task_history, json_each(changes))
             SELECT count(*) FROM (SELECT before, lag(after, 1, 'null') OVER
                                       (PARTITION BY task_id, slot ORDER BY number) AS was FROM change)
             WHERE before IS NOT was",
        ),
        (
            "a task is what the replay of its history makes it",
            "WITH change AS (SELECT task_id, number, key AS slot, nullif(value -> '$[1]', 'null') AS after
                             FROM task_history, json_each(changes)),
                  last AS (SELECT task_id, slot, after, max(number) FROM change GROUP BY task_id, slot)
             SELECT count(*) FROM last JOIN task ON task.id = task_id
             WHERE after IS NOT CASE slot WHEN 'Stage' THEN json_quote(stage_id)
                                          WHEN 'Assigned To' THEN nullif(json_quote(assigned_to), 'null')
                                          ELSE field_values -> ('$.\"' || slot || '\"') END",
        ),
    ] {
        assert_eq!(ask::<i64>(file, violations), 0, "{rule}");
    }
}

/// The state of an execution in a database file; `None` when it is not there.
fn state(file: &Path, execution: &str) -> Option<String> {
    let sql = "SELECT state FROM execution WHERE lower(hex(id)) = ?1";
    read_only(file).query_row(sql, [execution.replace('-', "")], |row| row.get(0)).ok()
}

/// Performs without pause until told to stop; the ids of what was acknowledged. With `wait`, they had
/// succeeded when they were.
fn keep_performing(
    server: &Server,
    task: &str,
    wait: bool,
    stop: &AtomicBool,
    acknowledged: &Mutex<Vec<(String, bool)>>,
) {
    let body = json!({"task_id": task, "action_id": "ping"});
    while !stop.load(Ordering::Relaxed) {
        let answer = if wait { server.perform(task, "ping") } else { server.post(EXECUTIONS, &body) };
        assert_eq!(answer.status, 201, "{}", answer.body);
        let answer = answer.json();
        assert!(!wait || answer["status"] == "Success", "{answer}");
        let id = answer["id"].as_str().expect("an id").to_owned();
        acknowledged.lock().expect("the list").push((id, wait));
    }
}

/// Waits until a number of executions more than now is acknowledged.
fn wait_for(acknowledged: &Mutex<Vec<(String, bool)>>, more: usize) {
    let started = Instant::now();
    let all = || acknowledged.lock().expect("the list").len();
    let until = all() + more;
    while all() < until {
        assert!(started.elapsed() < Duration::from_secs(30), "the load stands still");
        thread::sleep(Duration::from_millis(2));
    }
}

/// "Backup and restore online, consistent under load, verified by restore and replay": everything
/// acknowledged before the backup is in it, and a server elsewhere goes on with it.
#[test]
fn a_backup_under_load_holds_what_was_acknowledged_and_serves_elsewhere() {
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Expected Close Date":"2020-02-01"}}"#));
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let server = project.serve(&key);
    let tasks = ["1", "2", "3", "4"];
    create_tasks(&server, &tasks);
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let file = project.path("under load.backup");
    let before = thread::scope(|scope| {
        for (number, task) in tasks.iter().enumerate() {
            let (server, stop, acknowledged) = (&server, &stop, &acknowledged);
            scope.spawn(move || keep_performing(server, task, number % 2 == 0, stop, acknowledged));
        }
        wait_for(&acknowledged, 100);
        let before = acknowledged.lock().expect("the list").clone();
        let said = project.command(&["backup", &text(&file)]);
        assert!(said.contains("4 tasks") && said.lines().count() == 1, "{said}");
        wait_for(&acknowledged, 20);
        stop.store(true, Ordering::Relaxed);
        before
    });
    is_consistent(&file);
    for (id, waited) in &before {
        match state(&file, id).as_deref() {
            Some("succeeded") => {}
            Some("queued" | "running") if !waited => {}
            other => panic!("{id}, acknowledged before the backup, is {other:?} in it"),
        }
    }
    drop(server);

    let (elsewhere, _) = Project::new(&workflow(&receiver.url()));
    elsewhere.command(&["restore", &text(&file)]);
    is_consistent(&elsewhere.path("data/onward.db"));
    let calls = receiver.received().len();
    // Its keys came along.
    let server = elsewhere.serve(&key);
    for task in tasks {
        assert_eq!(server.task(task)["Company ID"], task);
    }
    for (id, _) in &before {
        let execution = server.execution(id);
        let was = state(&file, id).expect("it is in the backup");
        let expected = if was == "succeeded" { "succeeded" } else { "unknown" };
        assert_eq!(execution["state"], expected, "was {was}: {execution}");
    }
    assert_eq!(receiver.received().len(), calls, "a step of the backup's executions ran again");
    assert_eq!(server.perform("1", "ping").json()["status"], "Success");
}

/// One execution in mid-call and one behind it; their ids, and a backup made meanwhile.
fn backup_in_mid_call(project: &Project, key: &str, receiver: &Receiver) -> [String; 2] {
    let server = project.serve(key);
    create_tasks(&server, &["42"]);
    let body = json!({"task_id": "42", "action_id": "ping"});
    let ids =
        [(); 2].map(|()| server.post(EXECUTIONS, &body).json()["id"].as_str().expect("an id").to_owned());
    while receiver.received().is_empty() {
        thread::sleep(Duration::from_millis(2));
    }
    project.command(&["backup", &text(&project.path("mid-call"))]);
    ids
}

/// What was open in the backup may have run since, so nothing of it is silently repeated: it becomes
/// unknown, with a message for the person, and its begun attempt is closed.
#[test]
fn what_was_open_in_a_backup_is_unknown_after_restoring() {
    let receiver = Receiver::start(Reply::Silence);
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let ids = backup_in_mid_call(&project, &key, &receiver);
    receiver.answer_with(Reply::new(200, ""));
    let said = project.command(&["restore", &text(&project.path("mid-call"))]);
    assert!(said.contains("2 executions were open: 2 are now unknown"), "{said}");
    let server = project.serve(&key);
    for id in &ids {
        let execution = server.execution(id);
        assert_eq!(execution["state"], "unknown");
        let error = execution["errors"][0].as_str().expect("a message");
        assert!(error.contains("restored from a backup made at 20"), "{error}");
        assert!(error.contains("Check, then retry or dismiss"), "{error}");
    }
    assert_eq!(server.execution(&ids[0])["attempts"][0]["outcome"], "unknown");
    assert_eq!(server.perform("42", "ping").json()["status"], "Success", "the task is free");
    assert_eq!(receiver.received().len(), 2, "a step of the backup's executions ran again");
    is_consistent(&project.path("data/onward.db"));
}

/// `--resume-pending` leaves all as they stood: as after a restart, only what was in mid-call is unknown.
#[test]
fn with_resume_pending_what_was_open_goes_on() {
    let receiver = Receiver::start(Reply::Silence);
    let (project, key) = Project::new(&workflow(&receiver.url()));
    let ids = backup_in_mid_call(&project, &key, &receiver);
    receiver.answer_with(Reply::new(200, ""));
    let said = project.command(&["restore", "--resume-pending", &text(&project.path("mid-call"))]);
    assert!(said.contains("2 executions were open; they go on"), "{said}");
    let server = project.serve(&key);
    let states = ids.map(|id| server.ended(&id)["state"].as_str().expect("a state").to_owned());
    assert_eq!(states, ["unknown", "succeeded"]);
}

/// A restore takes the data folder's lock: a running server is named with its process id.
#[test]
fn a_restore_is_refused_while_a_server_runs() {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let file = project.path("backup");
    project.command(&["backup", &text(&file)]);
    create_tasks(&server, &["42"]);
    let said = refused(&project, &["restore", &text(&file)]);
    assert!(said.contains("data_folder_locked") && said.contains(&server.pid().to_string()), "{said}");
    assert_eq!(server.task("42")["Company ID"], "42");
}

/// A database of three tasks, its server killed so that they stand in its WAL, and a backup that has none.
fn killed_with_three_tasks() -> (Project, String) {
    let (project, key) = Project::new(&workflow("http://127.0.0.1:9"));
    let server = project.serve(&key);
    project.command(&["backup", &text(&project.path("empty"))]);
    create_tasks(&server, &["1", "2", "3"]);
    server.kill();
    (project, key)
}

const TASKS: &str = "SELECT count(*) FROM task";

/// Damages a copy of a backup.
fn spoilt(project: &Project, name: &str, spoil: impl FnOnce(&Path)) -> String {
    let path = project.path(name);
    fs::copy(project.path("empty"), &path).expect("copied");
    spoil(&path);
    text(&path)
}

/// What cannot be used is refused before anything is touched, and the message says why.
#[test]
fn what_is_no_sound_backup_is_refused_and_the_database_stays() {
    let (project, _key) = killed_with_three_tasks();
    let length = fs::metadata(project.path("empty")).expect("the backup").len();
    let cut = |path: &Path, to| {
        fs::File::options().write(true).open(path).and_then(|file| file.set_len(to)).expect("cut");
    };
    let sql =
        |path: &Path, sql: &str| Connection::open(path).and_then(|it| it.execute_batch(sql)).expect("done");
    project.write("notes.txt", &"This is not a database. ".repeat(100));
    // A person's email stands in the table and in its index; one of them is changed. In quotes it is in the audit log.
    let alter = |path: &Path| {
        let mut bytes = fs::read(path).expect("the backup");
        let email = b"user@example.com";
        let bare = |found: &[u8]| found[0] != b'"' && found[1..] == *email;
        let at = bytes.windows(email.len() + 1).rposition(bare).expect("the email");
        bytes[at + 1] = b'x';
        fs::write(path, bytes).expect("written");
    };
    for (file, code) in [
        (text(&project.path("nowhere")), "backup_unreadable"),
        (text(&project.path("")), "backup_unreadable"),
        (text(&project.path("notes.txt")), "not_onward"),
        (spoilt(&project, "nothing", |path| cut(path, 0)), "not_onward"),
        (spoilt(&project, "half", |path| cut(path, length / 2)), "database_damaged"),
        (spoilt(&project, "altered", alter), "database_damaged"),
        (spoilt(&project, "newer", |path| sql(path, "PRAGMA user_version = 999")), "database_newer"),
        (spoilt(&project, "other", |path| sql(path, "PRAGMA application_id = 7")), "not_onward"),
        (text(&project.path("data/onward.db")), "backup_place"),
    ] {
        let said = refused(&project, &["restore", &file]);
        assert!(said.contains(code) && said.contains(&file), "{file}: {said}");
    }
    assert_eq!(ask::<i64>(&project.path("data/onward.db"), TASKS), 3);
    let left = |name: &str| name.ends_with(".part") || name.contains("before-restore");
    assert_eq!(names(&project.path("data"), left), Vec::<String>::new());
}

/// Names in a folder that a test asks for.
fn names(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| wanted(name))
        .collect()
}

/// "Moves what is there aside … so that nothing is lost": what stood in the WAL is in the file set aside, and
/// that can be restored in its turn.
#[test]
fn the_old_database_is_set_aside_whole() {
    let (project, key) = killed_with_three_tasks();
    let said = project.command(&["restore", &text(&project.path("empty"))]);
    let aside = names(&project.path("data"), |name| name.contains("before-restore"));
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(said.contains(&aside[0]), "{said}");
    let aside = project.path("data").join(&aside[0]);
    assert_eq!(ask::<i64>(&aside, TASKS), 3);
    assert_eq!(ask::<i64>(&project.path("data/onward.db"), TASKS), 0);
    project.command(&["restore", &text(&aside)]);
    assert_eq!(project.serve(&key).task("3")["Company ID"], "3");
}

/// A database that SQLite cannot read any more is what a restore is for.
#[test]
fn a_damaged_database_is_replaced_and_kept() {
    let (project, key) = killed_with_three_tasks();
    fs::remove_file(project.path("data/onward.db-wal")).expect("removed");
    project.write("data/onward.db", &"scribble".repeat(4096));
    project.command(&["restore", &text(&project.path("empty"))]);
    let aside = names(&project.path("data"), |name| name.contains("before-restore") && name.ends_with('Z'));
    assert_eq!(aside.len(), 1, "{aside:?}");
    let kept = fs::read_to_string(project.path("data").join(&aside[0])).expect("the damaged one");
    assert!(kept.starts_with("scribble"));
    let server = project.serve(&key);
    create_tasks(&server, &["42"]);
    assert_eq!(server.task("42")["Company ID"], "42");
}

/// A WAL whose database is gone is set aside too: SQLite would write it into the new one.
#[test]
fn an_old_wal_is_not_taken_for_the_new_databases() {
    let (project, _key) = killed_with_three_tasks();
    fs::remove_file(project.path("data/onward.db")).expect("removed");
    assert!(fs::metadata(project.path("data/onward.db-wal")).expect("the WAL").len() > 0);
    project.command(&["restore", &text(&project.path("empty"))]);
    assert_eq!(ask::<i64>(&project.path("data/onward.db"), TASKS), 0);
    let kept = names(&project.path("data"), |name| name.contains("before-restore") && name.ends_with("-wal"));
    assert_eq!(kept.len(), 1);
}

/// A crash at any point of a restore leaves the old or the new database, usable.
#[test]
fn a_restore_killed_at_any_point_leaves_the_old_or_the_new_database() {
    let (project, _key) = killed_with_three_tasks();
    let full = text(&project.path("full"));
    project.command(&["backup", &full]);
    let started = Instant::now();
    project.command(&["restore", &full]);
    let whole = started.elapsed();
    let (rounds, mut killed) = (40, 0);
    for round in 0..rounds {
        let file = if round % 2 == 0 { text(&project.path("empty")) } else { full.clone() };
        let before: i64 = ask(&project.path("data/onward.db"), TASKS);
        let mut child = Command::new(binary())
            .args(["restore", &file, "--config", &project.config()])
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        thread::sleep(whole * round / rounds);
        killed += usize::from(child.try_wait().expect("a status").is_none());
        child.kill().expect("killed");
        child.wait().expect("ended");
        let database = project.path("data/onward.db");
        is_consistent(&database);
        let after: i64 = ask(&database, TASKS);
        assert!([before, if round % 2 == 0 { 0 } else { 3 }].contains(&after), "{after} tasks");
    }
    assert!(killed > 5, "only {killed} were killed under way");
    project.command(&["restore", &full]);
    assert_eq!(ask::<i64>(&project.path("data/onward.db"), TASKS), 3);
    assert_eq!(names(&project.path("data"), |name| name.ends_with(".part")), Vec::<String>::new());
}

/// Refuses to overwrite without `--force`, and to write where it must not; nothing is left behind.
#[test]
fn a_backup_goes_where_it_may_and_nowhere_else() {
    let (project, _key) = Project::new(&workflow("http://127.0.0.1:9"));
    let file = text(&project.path("backup"));
    project.command(&["backup", &file]);
    let first = fs::read(&file).expect("the backup");
    assert!(refused(&project, &["backup", &file]).contains("backup_exists"));
    assert_eq!(fs::read(&file).expect("the backup"), first);
    project.command(&["backup", "--force", &file]);
    assert_ne!(fs::read(&file).expect("the backup"), first, "it was not written again");
    project.write("a file", "");
    project.write("with a wal-wal", "");
    for (place, code, what_to_do) in [
        ("data/onward.db", "backup_place", "the server itself"),
        ("data/../data/onward.db-wal", "backup_place", "the server itself"),
        ("workflows", "backup_place", "not a plain file"),
        ("with a wal", "backup_place", "with a wal-wal"),
        ("missing/backup", "backup_unwritable", "make it"),
        ("a file/backup", "backup_unwritable", "look at"),
    ] {
        let said = refused(&project, &["backup", "--force", &text(&project.path(place))]);
        assert!(said.contains(code) && said.contains(what_to_do), "{place}: {said}");
    }
    let empty = Project::bare();
    assert!(refused(&empty, &["backup", &file, "--force"]).contains("database_missing"));
    assert!(!empty.path("data").exists(), "a backup made a data folder");
    assert_eq!(names(&project.path(""), |name| name.contains(".part")), Vec::<String>::new());
}

/// A disk that takes no more: a clear error, and the unfinished file is removed.
#[test]
fn a_full_disk_is_said_and_nothing_is_left() {
    let (project, _key) = Project::new(&workflow("http://127.0.0.1:9"));
    let file = project.path("backup");
    // A limit on the size of files stands in for the disk: 80 blocks of 512 bytes. SQLite's own -shm fits.
    assert!(fs::metadata(project.path("data/onward.db")).expect("the database").len() > 80 * 512);
    let script = "trap '' XFSZ; ulimit -f 80; exec \"$0\" \"$@\"";
    let output: Output = Command::new("sh")
        .args(["-c", script, &text(binary()), "backup", &text(&file), "--config", &project.config()])
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("backup_unwritable") && said.contains("room"),
        "{said}"
    );
    assert_eq!(names(&project.path(""), |name| name.starts_with("backup")), Vec::<String>::new());
}

/// A backup that somebody copied over the database by hand would run again what ran since: refused,
/// with the way that does it.
#[test]
fn a_backup_put_in_place_by_hand_is_not_served() {
    let (project, _key) = Project::new(&workflow("http://127.0.0.1:9"));
    let file = project.path("backup");
    project.command(&["backup", &text(&file)]);
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(project.path(&format!("data/onward.db{suffix}")));
    }
    fs::copy(&file, project.path("data/onward.db")).expect("copied");
    assert!(refused(&project, &["serve"]).contains("onward restore"));
}

/// Restoring the same backup twice, or into a folder that has no database.
#[test]
fn a_backup_serves_any_number_of_times() {
    let (project, key) = killed_with_three_tasks();
    let full = text(&project.path("full"));
    project.command(&["backup", &full]);
    let other = Project::bare();
    other.write("workflows/test.toml", &workflow("http://127.0.0.1:9"));
    assert!(other.command(&["restore", &full]).contains("no database stood there"));
    other.command(&["restore", &full]);
    let server = other.serve(&key);
    let all: Value = server.get("/workflows/api-sample/tasks").json();
    assert_eq!(all.as_array().map_or(0, Vec::len), 3, "{all}");
}
