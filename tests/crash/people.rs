//! People and programs: each does one thing after the other, at random, until the server is gone.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    notes::Notes,
    random::Random,
    workflow::{ACTIONS, ID, STAGES},
};

/// Tasks that they work on, by their Unique IDs.
const TASKS: u64 = 12;

/// How far back they remember what they have performed.
const RECENT: usize = 40;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a request.
enum Sent {
    Answered(u16, Value),
    /// It may have been carried out.
    Unanswered,
    /// It certainly was not.
    Not,
}

pub(crate) struct Person<'a> {
    pub(crate) address: &'a str,
    pub(crate) key: &'a str,
    pub(crate) notes: &'a Mutex<Notes>,
    pub(crate) random: Random,
}

/// The server is gone.
struct Gone;

impl Person<'_> {
    pub(crate) fn act(mut self) {
        let mut done = Ok(());
        while done.is_ok() {
            thread::sleep(Duration::from_millis(self.random.below(8)));
            done = match self.random.below(100) {
                0..50 => self.perform(),
                50..57 => self.repeat(),
                57..75 => self.write(),
                75..79 => self.delete(),
                79..95 => self.change(),
                95..98 => self.cancel_schedule(),
                _ => self.look(),
            };
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&mut self) -> String {
        self.random.below(TASKS).to_string()
    }

    fn perform(&mut self) -> Result<(), Gone> {
        let action = self.random.pick(&ACTIONS).map_or("call", |action| action.id);
        let mut body = json!({"task_id": self.task(), "action_id": action});
        if self.random.chance(50) {
            body["performed_by"] = json!("user@example.com");
        }
        let body = body.to_string();
        let key = self.random.chance(40).then(|| format!("key {}", self.random.next()));
        if let Some(key) = &key {
            let mut notes = self.notes();
            notes.keys.entry(key.clone()).or_default();
            notes.keyed.push((key.clone(), body.clone()));
        }
        self.ask_for(&body, key.as_deref())
    }

    /// Sends a request with a key again, perhaps one that an earlier server has answered, perhaps with
    /// another body.
    fn repeat(&mut self) -> Result<(), Gone> {
        let last: Vec<_> = self.notes().keyed.iter().rev().take(RECENT).cloned().collect();
        let Some((key, mut body)) = self.random.pick(&last).cloned() else { return Ok(()) };
        if self.random.chance(10) {
            body = json!({"task_id": self.task(), "action_id": "data"}).to_string();
        }
        self.ask_for(&body, Some(&key))
    }

    fn ask_for(&mut self, body: &str, key: Option<&str>) -> Result<(), Gone> {
        let mut headers = String::new();
        let is_awaited = self.random.chance(30);
        if is_awaited {
            headers.push_str(&format!("Prefer: wait={}\r\n", 1 + self.random.below(2)));
        }
        if let Some(key) = key {
            headers.push_str(&format!("Idempotency-Key: {key}\r\n"));
            self.notes().keys.entry(key.to_owned()).or_default().is_awaited |= is_awaited;
        }
        let sent = self.send("POST", "/executions", &headers, body);
        let mut notes = self.notes();
        // A 503 says that nothing was begun; it may still stand in the store, taken back.
        match (&sent, key) {
            (Sent::Answered(201, answer), key) => {
                let id = answer["id"].as_str().unwrap_or_default().to_owned();
                if notes.acknowledged.insert(id.clone()) {
                    notes.recent.push(id.clone());
                }
                if is_awaited {
                    notes.awaited.insert(id.clone());
                }
                if answer["status"] == "Success" {
                    notes.succeeded.insert(id.clone());
                }
                if let Some(key) = key {
                    notes.keys.entry(key.to_owned()).or_default().ids.insert(id);
                }
            }
            (Sent::Unanswered | Sent::Answered(503, _), Some(key)) => {
                notes.keys.entry(key.to_owned()).or_default().is_in_doubt = true;
            }
            (Sent::Unanswered | Sent::Answered(503, _), None) => notes.in_doubt += 1,
            _ => {}
        }
        drop(notes);
        self.judged(sent, &[201, 404, 422, 503])
    }

    fn write(&mut self) -> Result<(), Gone> {
        let number = self.random.below(1_000_000_000);
        let name = format!("written {number}");
        let mut task = Map::new();
        task.insert("Company ID".to_owned(), json!(self.task()));
        for (name, value) in [
            ("Stage", json!(self.random.pick(&STAGES))),
            ("Assigned To", json!(self.random.chance(50).then_some("user@example.com"))),
            ("Company Name", json!(name)),
            (
                "Contract Value",
                json!(if self.random.chance(90) { number.to_string() } else { "x".to_owned() }),
            ),
            ("International?", json!(self.random.chance(50))),
        ] {
            if self.random.chance(40) {
                task.insert(name.to_owned(), value);
            }
        }
        let sent = self.send("POST", "/tasks", "", &Value::Object(task.clone()).to_string());
        if matches!(sent, Sent::Answered(200 | 201, _)) && task.contains_key("Company Name") {
            self.notes().written.insert(name);
        }
        self.judged(sent, &[200, 201, 422, 503])
    }

    fn delete(&mut self) -> Result<(), Gone> {
        let path = format!("/tasks/{}", self.task());
        let sent = self.send("DELETE", &path, "", "");
        self.judged(sent, &[204, 404, 503])
    }

    fn cancel_schedule(&mut self) -> Result<(), Gone> {
        let path = format!("/tasks/{}/schedule", self.task());
        let sent = self.send("DELETE", &path, "", "");
        self.judged(sent, &[204, 404, 503])
    }

    /// Retries, cancels or dismisses one of the latest executions.
    fn change(&mut self) -> Result<(), Gone> {
        let recent: Vec<_> = self.notes().recent.iter().rev().take(RECENT).cloned().collect();
        let Some(id) = self.random.pick(&recent) else { return Ok(()) };
        let path = format!("/executions/{id}");
        let sent = match self.random.below(10) {
            0..6 => {
                // Before it is sent, so that nobody looks at the call and finds no word of the retry.
                *self.notes().retries.entry(id.clone()).or_default() += 1;
                let version = if self.random.chance(50) { "pinned" } else { "current" };
                let body = json!({ "version": version }).to_string();
                let sent = self.send("POST", &format!("{path}/retry"), "", &body);
                if let Sent::Not | Sent::Answered(404 | 409 | 422, _) = sent {
                    *self.notes().retries.entry(id.clone()).or_default() -= 1;
                }
                sent
            }
            6..8 => {
                self.notes().cancelled.insert(id.clone());
                self.send("POST", &format!("{path}/cancel"), "", "")
            }
            _ => self.send("POST", &format!("{path}/dismiss"), "", ""),
        };
        self.judged(sent, &[200, 201, 409, 503])
    }

    fn look(&mut self) -> Result<(), Gone> {
        let task = self.task();
        let path = match self.random.below(3) {
            0 => format!("/tasks/{task}"),
            1 => format!("/tasks/{task}/history"),
            _ => format!("/tasks/{task}/actions"),
        };
        let sent = self.send("GET", &path, "", "");
        self.judged(sent, &[200, 404, 503])
    }

    /// Only these answers may come.
    fn judged(&self, sent: Sent, possible: &[u16]) -> Result<(), Gone> {
        match sent {
            Sent::Answered(status, body) => {
                let mut notes = self.notes();
                notes.requests += 1;
                if !possible.contains(&status) {
                    notes.wrong.push(format!("answered {status}: {body}"));
                }
                Ok(())
            }
            Sent::Unanswered | Sent::Not => Err(Gone),
        }
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Sent {
        let (key, length) = (self.key, body.len());
        let request = format!(
            "{method} /api/v1/workflows/{ID}{path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Authorization: Bearer {key}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        let Ok(mut socket) = TcpStream::connect(self.address) else { return Sent::Not };
        let mut answer = Vec::new();
        let exchanged = socket
            .set_read_timeout(Some(TIMEOUT))
            .and_then(|()| socket.write_all(request.as_bytes()))
            .and_then(|()| socket.read_to_end(&mut answer));
        match exchanged {
            Ok(_) => parsed(&String::from_utf8_lossy(&answer)),
            Err(_) => Sent::Unanswered,
        }
    }
}

/// A whole answer; anything less is none.
fn parsed(answer: &str) -> Sent {
    let whole = || {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse::<usize>().ok()
        });
        (body.len() == length.unwrap_or(0))
            .then(|| Sent::Answered(status, serde_json::from_str(body).unwrap_or_default()))
    };
    whole().unwrap_or(Sent::Unanswered)
}
