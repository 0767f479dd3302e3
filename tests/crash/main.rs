//! The crash program: random actions, random receivers, random edits, and a server that is killed at
//! random instants and at named points, again and again; after each restart, all that was promised is
//! checked.
//!
//! `ONWARD_CRASH_SECONDS` says how long it runs, `ONWARD_CRASH_KILLS` that it runs until so many
//! kills and that each named point must have been hit, `ONWARD_CRASH_SEED` with which seed the first folder
//! begins, `ONWARD_CRASH_FOLDERS` how many folders are used side by side. A violation is reported with
//! the command that begins with its folder's seed. What the seed fixes is what people, receiver and
//! killer choose; when the threads of the server run is not ours to fix.

mod check;
mod folder;
mod notes;
mod people;
mod random;
mod receiver;
mod server;
mod snapshot;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;
mod workflow;

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use self::{
    folder::{Folder, Tally},
    random::Random,
    server::{Death, NAMES},
};

const SECONDS_DEFAULT: u64 = 15;
const FOLDERS_DEFAULT: u64 = 2;

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Said at once, whether or not the test fails.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn seed() -> u64 {
    setting("ONWARD_CRASH_SEED").unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        Random::new(since.subsec_nanos().into()).next() ^ since.as_secs()
    })
}

/// "SIGKILL at random times and at every named point before and after each persist, send and apply";
/// after each round the rules of `check` hold.
#[test]
fn no_kill_breaks_a_promise() {
    let (seed, kills_wanted) = (seed(), setting("ONWARD_CRASH_KILLS"));
    let seconds = setting("ONWARD_CRASH_SECONDS").unwrap_or(SECONDS_DEFAULT);
    say(&format!("crash: the first seed is {seed}"));
    support::binary();
    let (tally, begun, failed) = (Mutex::new(Tally::default()), Instant::now(), AtomicBool::new(false));
    let killed = || tally.lock().unwrap_or_else(PoisonError::into_inner).deaths.len() as u64;
    let is_enough = || {
        failed.load(Ordering::Relaxed)
            || match kills_wanted {
                Some(kills) => killed() >= kills,
                None => begun.elapsed() >= Duration::from_secs(seconds),
            }
    };
    // The first folder's seed is the run's own, so that a run can begin with any folder.
    let (seeds, is_first) = (Mutex::new(Random::new(seed)), AtomicU64::new(1));
    let violations = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..setting("ONWARD_CRASH_FOLDERS").unwrap_or(FOLDERS_DEFAULT) {
            scope.spawn(|| {
                while !is_enough() {
                    let next = seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let seed = if is_first.swap(0, Ordering::Relaxed) == 1 { seed } else { next };
                    if let Err(violation) = Folder::new(seed, &tally).live(&is_enough) {
                        failed.store(true, Ordering::Relaxed);
                        violations.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
                            "{violation}\n  seed {seed}; to begin with it:\n  ONWARD_CRASH_SEED={seed} \
                             ONWARD_CRASH_FOLDERS=1 cargo test -p onward-tests --test crash no_kill"
                        ));
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let hits = tally.report();
    let violations = violations.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
    if kills_wanted.is_some() {
        let missed: Vec<_> = NAMES.iter().filter(|name| !hits.contains_key(*name)).collect();
        assert!(missed.is_empty(), "these points were never hit: {missed:?}");
    }
    assert!(tally.checks > 0, "there was no time for a single check");
}

impl Tally {
    /// Says what was seen; how often each point was hit.
    fn report(&self) -> BTreeMap<&'static str, usize> {
        let mut hits = BTreeMap::new();
        for death in &self.deaths {
            if let Death::AtPoint(name) = death {
                *hits.entry(*name).or_insert(0) += 1;
            }
        }
        let at_points: usize = hits.values().sum();
        say(&format!(
            "crash: {} kills ({at_points} at named points), {} checks; {} requests answered, {} executions \
             acknowledged, {} calls received, {} interrupted",
            self.deaths.len(),
            self.checks,
            self.requests,
            self.executions,
            self.calls,
            self.interrupted
        ));
        for name in NAMES {
            say(&format!("crash: {name} {}", hits.get(name).copied().unwrap_or(0)));
        }
        hits
    }
}
