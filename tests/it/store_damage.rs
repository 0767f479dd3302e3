//! A store whose files are not as they were left: read-only, damaged, cut off.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{
    Disk, Fault, Ledger, On, Project, Receiver, Reply, Server, all_is_moved, api_sample, create_tasks,
    eventually, number, pinging, under_load,
};

/// Executions that show that the load is one.
const SOME: usize = 20;

/// “Read-only”, at the start: the error names the folder and the setting that chooses it.
#[test]
fn a_read_only_folder_is_named_with_what_to_do() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let disk = Disk::of(&project);
    // The whole folder; then the database alone.
    for on in [On::Any, On::Database] {
        disk.fail(Fault::ReadOnly, on);
        let Err(said) = project.try_serve(&key, &disk.environment()) else { panic!("it came up") };
        assert!(disk.struck() > 0);
        let folder = project.path("data").display().to_string();
        for part in [folder.as_str(), "write permission", "`store.folder`"] {
            assert!(said.contains(part), "it does not say {part:?}: {said}");
        }
    }
    disk.heal();
    project.serve_in(&key, &disk.environment());
}

/// Fills a page of the database with what no page can be.
fn damage(database: &Path, page: usize, page_size: usize) {
    let mut bytes = fs::read(database).expect("the database");
    bytes[(page - 1) * page_size..page * page_size].fill(0xA5);
    fs::write(database, bytes).expect("written");
}

/// “A corrupted page”, whichever it is: the server does not come up and says which file is damaged
/// and what to do, or it serves what it can and answers the rest with 5xx; it never answers nonsense.
#[test]
fn a_damaged_page_is_never_nonsense() {
    const TASKS: usize = 120;
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    let name = |task: usize| format!("Company {task} {}", "x".repeat(200));
    for task in 0..TASKS {
        server.create_task(&json!({"Company ID": task.to_string(), "Company Name": name(task)}));
    }
    let performed = server.perform("0", "start").json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.terminate(), Some(0), "{}", project.log());
    let database = project.path("data/onward.db");
    let sound = fs::read(&database).expect("the database");
    let page_size = usize::from(u16::from_be_bytes([sound[16], sound[17]]));
    let pages = sound.len() / page_size;
    assert!(pages > 20, "{pages} pages are too few");
    let (mut refused, mut in_part) = (0, 0);
    for page in 1..=pages {
        for rest in ["-wal", "-shm"] {
            let _ = fs::remove_file(project.path(&format!("data/onward.db{rest}")));
        }
        fs::write(&database, &sound).expect("written");
        damage(&database, page, page_size);
        let before = project.log().len();
        match project.try_serve(&key, &[]) {
            Err(said) => {
                refused += 1;
                assert!(said.contains("onward.db"), "page {page}: {said}");
                assert!(said.contains("`onward restore FILE`"), "page {page}: {said}");
            }
            Ok(server) => {
                let mut failed = 0;
                for task in 0..TASKS {
                    let answer = server.get(&format!("/workflows/api-sample/tasks/{task}"));
                    if answer.status == 200 {
                        assert_eq!(answer.json()["Company Name"], json!(name(task)), "page {page}");
                    } else {
                        failed += 1;
                        let says = answer.status == 503 && answer.body.contains("`onward restore FILE`");
                        // A row that cannot be read is our matter, and the log's.
                        assert!(says || answer.status == 500, "page {page}: {}", answer.body);
                    }
                }
                let execution = server.get(&format!("/workflows/api-sample/executions/{performed}"));
                assert!([200, 500, 503].contains(&execution.status), "page {page}: {}", execution.body);
                if failed > 0 {
                    in_part += usize::from(failed < TASKS);
                    let said = &project.log()[before..];
                    assert!(said.contains("`onward restore FILE`"), "page {page}: nothing in the log");
                }
            }
        }
        assert!(!project.log()[before..].contains("panicked"), "page {page}: {}", project.log());
    }
    assert!(refused > 0 && in_part > 0, "{pages} pages: {refused} refused, {in_part} served in part");
}

/// A row whose content makes no sense fails its own requests, is in the log, and hurts no other.
#[test]
fn a_row_that_cannot_be_read_is_an_error_of_its_own() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    create_tasks(&server);
    assert_eq!(server.terminate(), Some(0), "{}", project.log());
    let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    let changed = database.execute("UPDATE task SET field_values = '{\"com' WHERE unique_id = '2'", []);
    assert_eq!(changed.expect("changed"), 1);
    drop(database);
    let server = project.serve(&key);
    for (task, status) in [("1", 200), ("2", 500), ("3", 200)] {
        assert_eq!(server.get(&format!("/workflows/api-sample/tasks/{task}")).status, status);
    }
    assert!(project.log().contains("holds what cannot be read"), "{}", project.log());
}

/// The store's files as a killed server left them.
struct Left {
    folder: PathBuf,
    files: Vec<(&'static str, Vec<u8>)>,
    wal: Vec<u8>,
}

impl Left {
    fn in_folder(folder: PathBuf) -> Self {
        let read = |name| fs::read(folder.join(name)).unwrap_or_default();
        let files = ["onward.db", "onward.db-moved"].map(|name| (name, read(name))).into();
        Self { wal: read("onward.db-wal"), files, folder }
    }

    /// Puts them back, with so much of the WAL.
    fn put_back(&self, wal: usize) {
        let _ = fs::remove_file(self.folder.join("onward.db-shm"));
        for (name, bytes) in &self.files {
            fs::write(self.folder.join(name), bytes).expect("written");
        }
        fs::write(self.folder.join("onward.db-wal"), &self.wal[..wal]).expect("written");
    }

    /// Places that are no frame's end, spread over the WAL, and its end.
    fn cuts(&self, count: usize) -> impl Iterator<Item = usize> + '_ {
        let length = self.wal.len();
        (0..count).map(move |part| length * part / count + 7 * part).chain([length])
    }
}

/// How many acknowledged executions are there, which must be a beginning of the history: of each task
/// all up to its present number and none after it. All of them end.
fn a_beginning(server: &Server, ledger: &Ledger) -> usize {
    let mut there = 0;
    let numbers = ["1", "2", "3", "4"].map(|task| (task, number(&server.task(task))));
    for execution in ledger.executions() {
        let (_, at) = numbers.iter().find(|(task, _)| *task == execution.task).expect("the task");
        let answer = server.get(&format!("/workflows/api-sample/executions/{}", execution.id));
        match answer.status {
            200 => {
                assert!(execution.number <= *at, "{execution:?} came after what is there: {at}");
                server.ended(&execution.id);
                there += 1;
            }
            404 => assert!(execution.number >= *at, "{execution:?} is gone, what came after it is not: {at}"),
            other => panic!("{other}: {}", answer.body),
        }
    }
    there
}

fn is_sound(database: &Path) {
    let database = rusqlite::Connection::open(database).expect("the database");
    let verdict: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
}

/// “A truncated WAL”: what survives is a beginning of the history, whole, and the server starts.
#[test]
fn a_cut_wal_leaves_a_beginning_of_the_history() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&pinging(&receiver));
    let server = project.serve(&key);
    create_tasks(&server);
    let ledger = Ledger::default();
    under_load(&server, &ledger, || eventually("actions are performed", || ledger.acknowledged() > SOME));
    assert_eq!(server.terminate(), Some(0), "{}", project.log());
    let before = ledger.acknowledged();
    let server = project.serve(&key);
    // All is in the database; a reader keeps what is written from now on in the WAL.
    let database = project.path("data/onward.db");
    let reader = rusqlite::Connection::open(&database).expect("the database");
    reader.execute_batch("BEGIN; SELECT count(*) FROM task").expect("a reading");
    under_load(&server, &ledger, || eventually("actions are performed", || ledger.acknowledged() > 5 * SOME));
    server.kill();
    let left = Left::in_folder(project.path("data"));
    drop(reader);
    let mut survived = Vec::new();
    for cut in left.cuts(8) {
        left.put_back(cut);
        let server = project.serve(&key);
        survived.push(a_beginning(&server, &ledger));
        server.kill();
        is_sound(&database);
    }
    assert!(survived.is_sorted(), "{survived:?}");
    assert_eq!((survived[0], survived[8]), (before, ledger.acknowledged()), "{survived:?}");
}

/// The same where the WAL has been moved into the database in part: there is no mixture of the two.
/// Killed in the middle of moving, what is cut off may be missed; then the server says so.
#[test]
fn a_wal_that_lost_what_was_moved_is_no_mixture() {
    let receiver = Receiver::start(Reply::new(200, ""));
    let (project, key) = Project::new(&pinging(&receiver));
    let server = project.serve(&key);
    create_tasks(&server);
    let ledger = Ledger::default();
    under_load(&server, &ledger, || eventually("actions are performed", || ledger.acknowledged() > 5 * SOME));
    a_beginning(&server, &ledger);
    all_is_moved(&project);
    server.kill();
    let left = Left::in_folder(project.path("data"));
    for cut in left.cuts(12) {
        left.put_back(cut);
        let server = project.serve(&key);
        assert_eq!(a_beginning(&server, &ledger), ledger.acknowledged(), "all had been moved");
        server.kill();
        is_sound(&project.path("data/onward.db"));
    }
    // And at any time.
    for round in 0..4 {
        left.put_back(left.wal.len());
        let server = project.serve(&key);
        let ledger = Ledger::default();
        under_load(&server, &ledger, || {
            eventually("actions are performed", || ledger.acknowledged() > (2 + round) * SOME);
            let killed = std::process::Command::new("kill").args(["-9", &server.pid().to_string()]).status();
            assert!(killed.expect("kill runs").success());
        });
        drop(server);
        let left = Left::in_folder(project.path("data"));
        for cut in left.cuts(6) {
            left.put_back(cut);
            match project.try_serve(&key, &[]) {
                Ok(server) => {
                    a_beginning(&server, &ledger);
                    server.kill();
                    is_sound(&project.path("data/onward.db"));
                }
                Err(said) => assert!(said.contains("`onward restore FILE`"), "{said}"),
            }
        }
    }
}
