//! One data folder and what it goes through: server after server is started on it and killed, people
//! act in between, and each time it has come to rest all of it is checked.

use std::{
    collections::BTreeSet,
    fs, mem,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    check::{Checked, Evidence, MidCall, Told, Violation, none_is_unrecorded},
    notes::Notes,
    people::Person,
    random::Random,
    receiver::{Receiver, now},
    server::{Death, Fate, Server},
    snapshot::{Snapshot, reader},
    support::{self, Project, Reply},
    workflow,
};

/// How many servers a folder sees; then a new folder is begun, so that the checks stay quick.
const LIVES: usize = 20;

const PEOPLE: usize = 4;

/// Coming up, and coming to rest, take at most so long.
const REST_MAX: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(3);

const OPEN: &str = "SELECT (SELECT count(*) FROM execution
                            WHERE state IN ('queued', 'running', 'retrying', 'blocked') OR (state = 'waiting' AND wake_at < ?1))
                         + (SELECT count(*) FROM task WHERE scheduled_at < ?1)";

/// What an error in the log says when the server goes on by itself: a short queue may be full.
const GOES_ON: &str = "it is tried again";

/// An `onward.toml`, sometimes with limits that are soon reached.
fn config(random: &mut Random) -> String {
    let workers = 1 + random.below(3);
    let in_flight_max = random.pick(&[2_000, 2_000, 3]).copied().unwrap_or(2_000);
    let queue_max = random.pick(&[4_096, 4_096, 2]).copied().unwrap_or(4_096);
    format!(
        "[egress]\nallow = [\"127.0.0.1\"]\n[server]\nlisten = \"127.0.0.1:0\"\nworkers = {workers}\n[log]\nformat = \"json\"\nlevel = \"warn\"\n\
         [engine]\nin_flight_max = {in_flight_max}\n[store]\nqueue_max = {queue_max}\n"
    )
}

/// What a run has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deaths: Vec<Death>,
    pub(crate) checks: usize,
    pub(crate) requests: u64,
    pub(crate) executions: usize,
    pub(crate) calls: usize,
    pub(crate) interrupted: usize,
}

pub(crate) struct Folder<'a> {
    project: Project,
    key: String,
    receiver: Receiver,
    /// Takes every alert.
    told: support::Receiver,
    random: Random,
    notes: Mutex<Notes>,
    interrupted: BTreeSet<MidCall>,
    just_interrupted: BTreeSet<MidCall>,
    tally: &'a Mutex<Tally>,
    /// Which life it is in, for the report of a violation.
    life: usize,
}

impl<'a> Folder<'a> {
    pub(crate) fn new(seed: u64, tally: &'a Mutex<Tally>) -> Self {
        let mut random = Random::new(seed);
        let receiver = Receiver::start(random.fork());
        let told = support::Receiver::start(Reply::new(204, ""));
        let (project, key) = Project::new(&workflow::file(&receiver.url(), &told.url()));
        project.write("onward.toml", &config(&mut random));
        Self {
            project,
            key,
            receiver,
            told,
            random,
            notes: Mutex::default(),
            interrupted: BTreeSet::new(),
            just_interrupted: BTreeSet::new(),
            tally,
            life: 0,
        }
    }

    /// Lives through all its servers, or until there are enough. An error says all there is to know.
    pub(crate) fn live(mut self, is_enough: &(dyn Fn() -> bool + Sync)) -> Result<(), String> {
        let lived = (0..LIVES).try_for_each(|life| {
            self.life = life;
            if is_enough() { Ok(()) } else { self.one_life() }
        });
        // The last kill's traces are looked at too.
        let ended = lived.and_then(|()| self.one_quiet_life());
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = self.notes.get_mut().unwrap_or_else(PoisonError::into_inner);
        tally.requests += notes.requests;
        tally.calls += self.receiver.ledger().len();
        tally.executions += notes.acknowledged.len();
        tally.interrupted += self.interrupted.len();
        drop(tally);
        ended.map_err(|violation| self.report(&violation))
    }

    fn one_life(&mut self) -> Checked {
        let fate = Fate::draw(&mut self.random);
        let mut server = Server::spawn(&self.project, fate);
        let death = match self.comes_to_rest(&mut server)? {
            Err(death) => death,
            Ok(snapshot) => {
                self.check(&snapshot)?;
                self.people_act(&mut server)?
            }
        };
        drop(server);
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).deaths.push(death);
        self.look_at_the_dead()
    }

    /// A server that nobody kills before all is checked.
    fn one_quiet_life(&mut self) -> Checked {
        let mut server = Server::spawn(&self.project, Fate::Late(Duration::ZERO));
        let Ok(snapshot) = self.comes_to_rest(&mut server)? else {
            return Err(Violation::new("the server died though nobody killed it"));
        };
        self.check(&snapshot)?;
        let integrity = reader(&self.project.path("data"))
            .and_then(|reader| reader.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)));
        match integrity.as_deref() {
            Ok("ok") => Ok(()),
            other => Err(Violation::new(format!("the database is damaged: {other:?}"))),
        }
    }

    /// Waits until the server is up and nothing is under way any more, or until it is dead.
    fn comes_to_rest(&self, server: &mut Server) -> Result<Result<Snapshot, Death>, Violation> {
        let broken = |error: rusqlite::Error| Violation::new(format!("the database cannot be read: {error}"));
        let begun = Instant::now();
        let mut reading = None;
        loop {
            if let Some(death) = server.death().map_err(Violation::new)? {
                return Ok(Err(death));
            }
            if reading.is_none() && server.is_ready(&self.project) {
                reading = Some(reader(&self.project.path("data")).map_err(broken)?);
            }
            if let Some(connection) = &reading {
                let soon = now() + i64::try_from(workflow::REST.as_millis()).unwrap_or(i64::MAX);
                let open: u64 = connection.query_row(OPEN, [soon], |row| row.get(0)).map_err(broken)?;
                if open == 0 {
                    return Ok(Ok(Snapshot::read(connection).map_err(broken)?));
                }
            }
            if begun.elapsed() > REST_MAX {
                return Err(Violation::new("it does not come to rest"));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn check(&mut self, snapshot: &Snapshot) -> Checked {
        let is_error = |line: &&str| line.contains(r#""level":"ERROR""#) && !line.contains(GOES_ON);
        if let Some(line) = self.log().lines().find(is_error) {
            return Err(Violation::new(format!("the log says: {line}")));
        }
        let ledger = self.receiver.ledger();
        let told = Told::by(&self.told);
        let notes = self.notes.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (interrupted, just_interrupted) = (&self.interrupted, &self.just_interrupted);
        Evidence { snapshot, notes, ledger: &ledger, told: &told, interrupted, just_interrupted }.check()?;
        self.just_interrupted.clear();
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).checks += 1;
        Ok(())
    }

    /// Lets people loose on the server until it is dead.
    fn people_act(&mut self, server: &mut Server) -> Result<Death, Violation> {
        let randoms: Vec<_> = (0..PEOPLE).map(|_| self.random.fork()).collect();
        server.is_in_use();
        thread::scope(|scope| {
            let address = server.address.clone();
            for random in randoms {
                let (address, key, notes) = (address.clone(), self.key.as_str(), &self.notes);
                scope.spawn(move || Person { address: &address, key, notes, random }.act());
            }
            loop {
                match server.death() {
                    Ok(Some(death)) => return Ok(death),
                    Ok(None) => thread::sleep(LOOK_EVERY),
                    // It is gone all the same, and the people notice it.
                    Err(ended) => return Err(Violation::new(ended)),
                }
            }
        })
    }

    /// What the kill has left on disk, before anybody mends it.
    fn look_at_the_dead(&mut self) -> Checked {
        let snapshot = Snapshot::of_dead(&self.project.path("data"));
        let mid_call: Vec<_> = snapshot.mid_call().collect();
        self.interrupted.extend(mid_call.iter().cloned());
        self.just_interrupted.extend(mid_call);
        none_is_unrecorded(&snapshot, &self.receiver.ledger())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.project.path("server.log")).unwrap_or_default()
    }

    /// All there is to know of a violation. The folder stays.
    fn report(self, violation: &Violation) -> String {
        let mut report = format!("{}\n  in life {} of the folder", violation.what, self.life);
        if let Some(id) = &violation.about {
            report.push_str(&format!("\n  {id}: {}", self.detail(id)));
            for (number, call) in self.receiver.ledger().iter().enumerate() {
                if call.webhook_id.contains(id.as_str()) {
                    report.push_str(&format!("\n  call {number}: {call:?}"));
                }
            }
            let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            let cancelled = notes.cancelled.contains(id);
            report.push_str(&format!("\n  retries: {}, cancelled: {cancelled}", notes.retries_of(id)));
        }
        report.push_str(&format!("\n  the folder is kept: {}", self.project.path("").display()));
        mem::forget(self.project);
        report
    }

    /// An execution as the API shows it, by a server that is started for this.
    fn detail(&self, id: &str) -> String {
        let mut server = Server::spawn(&self.project, Fate::Late(Duration::ZERO));
        let begun = Instant::now();
        while !server.is_ready(&self.project) && begun.elapsed() < REST_MAX {
            thread::sleep(LOOK_EVERY);
        }
        let path = format!("/api/v1/workflows/{}/executions/{id}", workflow::ID);
        let bearer = format!("Bearer {}", self.key);
        let asked = std::panic::catch_unwind(|| {
            crate::support::request(&server.address, "GET", &path, &[("Authorization", &bearer)], b"").body
        });
        asked.unwrap_or_else(|_| "no server comes up to tell of it".to_owned())
    }
}
