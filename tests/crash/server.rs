//! One life of the server: started, perhaps armed to die at a named point, killed at an instant at
//! the latest.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    random::Random,
    support::{Project, binary},
};

/// The server's own list of named points. This package does not link the server.
#[path = "../../runtime/src/crash_point.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the names are of use here")]
mod crash_point;

pub(crate) use self::crash_point::NAMES;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// How the next server is to die.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// At the so-manyth passing of a named point, or by SIGKILL when that does not come in time.
    Point { name: &'static str, count: u64 },
    /// By SIGKILL so long after its start: while it starts, recovers or goes on.
    Early(Duration),
    /// By SIGKILL so long after people have begun to act.
    Late(Duration),
}

impl Fate {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let millis = |millis| Duration::from_millis(millis);
        match random.below(8) {
            0..4 => {
                let name = random.pick(&NAMES).copied().unwrap_or("commit.before");
                // How often a place is passed in a life differs by a factor of a hundred.
                let most = match name.split('.').next() {
                    Some("admit" | "commit" | "finish" | "send") => 60,
                    Some("begin") => 20,
                    // A life has few messages.
                    Some("alert") => 1,
                    _ => 4,
                };
                Self::Point { name, count: 1 + random.below(most) }
            }
            4 | 5 => Self::Early(millis(random.below(500))),
            _ => Self::Late(millis(random.below(600))),
        }
    }
}

/// How a server died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    AtPoint(&'static str),
    Killed,
}

pub(crate) struct Server {
    child: Child,
    fate: Fate,
    kill_at: Option<Instant>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn spawn(project: &Project, fate: Fate) -> Self {
        let _ = fs::remove_file(project.path("ready.json"));
        let log = fs::File::options().create(true).append(true).open(project.path("server.log"));
        let mut command = Command::new(binary());
        command.args(["serve", "--config", &project.config(), "--ready-file"]);
        command.arg(project.path("ready.json")).stdout(Stdio::null()).stderr(log.expect("a log"));
        if let Fate::Point { name, count } = &fate {
            command.env("ONWARD_CRASH_AT", format!("{name}:{count}"));
        }
        let child = command.spawn().expect("the server starts");
        let kill_at = match fate {
            Fate::Early(after) => Some(Instant::now() + after),
            _ => None,
        };
        Self { child, fate, kill_at, address: String::new() }
    }

    /// Whether it serves; from then on `address` is known.
    pub(crate) fn is_ready(&mut self, project: &Project) -> bool {
        let Ok(ready) = fs::read(project.path("ready.json")) else { return false };
        let ready: Value = serde_json::from_slice(&ready).expect("the ready file is JSON");
        let address = ready["address"].as_str().and_then(|url| url.strip_prefix("http://"));
        self.address = address.expect("an address").to_owned();
        true
    }

    /// People begin to act now: its time runs.
    pub(crate) fn is_in_use(&mut self) {
        let left = match self.fate {
            Fate::Late(after) => after,
            _ => Duration::from_millis(1_500),
        };
        self.kill_at = Some(self.kill_at.unwrap_or_else(|| Instant::now() + left));
    }

    /// Kills it when its time has come; how it died, if it did. An error when it ended in any other way.
    pub(crate) fn death(&mut self) -> Result<Option<Death>, String> {
        if self.kill_at.is_some_and(|at| Instant::now() >= at) {
            self.child.kill().expect("killed");
            let status = self.child.wait().expect("a status");
            return self.died(status).map(Some);
        }
        match self.child.try_wait().expect("a status") {
            Some(status) => self.died(status).map(Some),
            None => Ok(None),
        }
    }

    fn died(&self, status: ExitStatus) -> Result<Death, String> {
        match (status.signal(), &self.fate) {
            (Some(SIGKILL), _) => Ok(Death::Killed),
            (Some(SIGABRT), Fate::Point { name, .. }) => Ok(Death::AtPoint(name)),
            _ => Err(format!("the server ended by itself: {status}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
