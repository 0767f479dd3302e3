//! What a run is told and what it answers: the action contract's documents, and what a plugin is told and may say beyond them.
//!
//! The server writes and reads them with these very types, and a plugin in another language as the JSON that they are:
//!
//! ```
//! use onward_sdk::document::{Answer, Input};
//!
//! let input: Input = serde_json::from_str(r#"{
//!     "action": "Finish",
//!     "user": {"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"},
//!     "task": {"Stage": "In Progress", "Assigned To": "user@example.com", "Company Name": "Acme Corp", "Contract Value": "10000"},
//!     "params": {"text": "Hello, Acme Corp"},
//!     "execution": "01k9", "attempt": 1,
//!     "workflow": {"id": "companies", "name": "Companies", "version": 3}
//! }"#)?;
//! assert_eq!(input.task.text("Company Name"), Some("Acme Corp"));
//!
//! let answer = Answer::new().set("Greeting", "Hello").note("greeted");
//! assert_eq!(serde_json::to_string(&answer)?, r#"{"task":{"Greeting":"Hello"},"note":"greeted"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::{
    borrow::Cow,
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::StepError;

/// What a run is told. `action`, `user` and `task` are what the API Call step sends to a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The name of the action that is performed.
    pub action: String,
    /// Who performs it.
    pub user: User,
    /// The task as it is when this step runs.
    pub task: Task,
    /// What the step's type declares as its params, with the templates in them filled in.
    #[serde(default)]
    pub params: Value,
    /// The id of the execution. Together with the step it is the same over all tries, so that it may serve as a key by which
    /// another system knows a repetition.
    pub execution: String,
    /// Which try this is, from 1 on.
    pub attempt: u32,
    /// Whose task it is.
    pub workflow: Workflow,
    /// The id of the step in its action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What time it is by the server's clock, as RFC 3339 has it, in UTC. [`Call::now`](crate::Call::now) has it as a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Instant>,
    /// The day that it is in the workspace's time zone, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<String>,
    /// The stage in which the execution last saw the task, or into which it has put it. Where the task's own is another one, somebody
    /// else has moved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_stage: Option<String>,
}

impl Input {
    /// The same at another time, for tests.
    #[must_use]
    pub fn at(mut self, now: impl Into<Instant>) -> Self {
        let now = now.into();
        self.today = now.as_str().get(..DATE_BYTES).map(str::to_owned);
        self.now = Some(now);
        self
    }
}

/// Bytes of `2026-11-28`.
const DATE_BYTES: usize = 10;

/// Who performs an action. Of an API key, `first_name` is the key's name, and there is neither `email` nor `last_name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// A stable id.
    pub id: String,
    /// Where to write to.
    pub email: Option<String>,
    /// None where it is not known.
    pub first_name: Option<String>,
    /// None where it is not known, and of an API key.
    pub last_name: Option<String>,
}

/// A workflow, in the version with which the execution began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// A stable id.
    pub id: String,
    /// As people know it.
    pub name: String,
    /// Of its definition.
    pub version: u64,
}

/// A task: its fields by their names, in the workflow's order, after `Stage` and `Assigned To`.
///
/// Numbers and currencies are texts, exactly as they were entered (`"10000.00"`); dates are `YYYY-MM-DD`, instants RFC 3339 in UTC; what is
/// empty is null, a checkbox that is not set is false, and a selection of many a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Task {
    /// The fields as they are.
    pub fields: Map<String, Value>,
}

impl Task {
    /// A field's value; none where it is empty, or there is no such field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A field that is a text in JSON, as most are.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field)?.as_str()
    }

    /// The same of a field without which the step cannot do its work.
    ///
    /// # Errors
    ///
    /// `missing_field`, which says to the person who clicked what is missing.
    pub fn required_text(&self, field: &str) -> Result<&str, StepError> {
        self.text(field)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| StepError::new("missing_field", format!("The task has no “{field}”.")))
    }

    /// A field's text as something else: a number, a type of yours. `None` where it is empty.
    ///
    /// ```
    /// # use onward_sdk::document::Task;
    /// # let task: Task = serde_json::from_str(r#"{"Employees": "20"}"#).unwrap();
    /// let employees: Option<u32> = task.parsed("Employees")?;
    /// assert_eq!(employees, Some(20));
    /// # Ok::<(), onward_sdk::StepError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `invalid_field`, where it is not of that type.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self, field: &str) -> Result<Option<T>, StepError> {
        let Some(text) = self.text(field) else { return Ok(None) };
        text.parse().map(Some).map_err(|error| {
            StepError::new("invalid_field", format!("“{field}” cannot be “{text}” here: {error}."))
        })
    }

    /// A checkbox.
    pub fn is_checked(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A selection of many; nothing where none is chosen.
    pub fn list(&self, field: &str) -> impl Iterator<Item = &str> {
        self.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The name of the stage in which it is.
    pub fn stage(&self) -> &str {
        self.text("Stage").unwrap_or_default()
    }

    /// The email of whom it is assigned to.
    pub fn assigned_to(&self) -> Option<&str> {
        self.text("Assigned To")
    }
}

/// What a run that succeeded says. An answer that says nothing leaves the task as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The fields to change, by their names; null empties one. All of them are changed, or, where one does not take its value, the step
    /// fails; a name that is no field's is left out, with a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Map<String, Value>>,
    /// The task is to go.
    #[serde(default, skip_serializing_if = "is_false")]
    pub delete: bool,
    /// The next step is not to begin before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<Instant>,
    /// The stage is to change later. It replaces what was scheduled before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The stage in which the task must still be when the answer is applied; the step fails (`stage_changed`) if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// The action ends here, and has succeeded.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stop: bool,
    /// What is shown of the step where people see what the execution did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What this version knows no meaning of. The server warns of it.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A change of stage to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The stage's name.
    pub stage: String,
    /// When.
    pub at: Instant,
}

// What serde asks for: a function of a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Answer {
    /// Leaves the task as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes a field.
    #[must_use]
    pub fn set(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.task.get_or_insert_default().insert(field.into(), value.into());
        self
    }

    /// Empties a field.
    #[must_use]
    pub fn clear(self, field: impl Into<String>) -> Self {
        self.set(field, Value::Null)
    }

    /// Deletes the task. The steps that follow still run, with its last state.
    #[must_use]
    pub fn delete(mut self) -> Self {
        self.delete = true;
        self
    }

    /// The next step waits.
    #[must_use]
    pub fn wait_until(mut self, at: impl Into<Instant>) -> Self {
        self.wait_until = Some(at.into());
        self
    }

    /// The task is to move to a stage later.
    #[must_use]
    pub fn schedule(mut self, stage: impl Into<String>, at: impl Into<Instant>) -> Self {
        self.schedule = Some(Schedule { stage: stage.into(), at: at.into() });
        self
    }

    /// All of it counts only if the task is in this stage.
    #[must_use]
    pub fn expect(mut self, stage: impl Into<String>) -> Self {
        self.expect = Some(stage.into());
        self
    }

    /// Ends the action here, as a success.
    #[must_use]
    pub fn stop(mut self) -> Self {
        self.stop = true;
        self
    }

    /// A line for the people who look at what the execution did.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// An instant as RFC 3339 has it, such as `2026-11-28T10:30:00Z`: of a [`SystemTime`], or the text that a crate for dates makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(String);

impl Instant {
    /// So long from now.
    pub fn after(pause: Duration) -> Self {
        Self::later(SystemTime::now(), pause)
    }

    /// So long after a time; the last instant that can be written where that would be beyond it.
    pub fn later(time: SystemTime, pause: Duration) -> Self {
        let later = time.checked_add(pause).filter(|later| {
            later.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() <= LAST_SECOND)
        });
        later.map_or_else(|| Self("9999-12-31T23:59:59Z".to_owned()), Self::from)
    }

    /// The time that it stands for: one in UTC, from 1970 on. `None` of a text that is something else.
    pub fn time(&self) -> Option<SystemTime> {
        let text = self.0.strip_suffix(['Z', 'z'])?;
        let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let (date, time) = text.split_once(['T', 't', ' '])?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        // A leap second is the next one, as Unix time has it.
        let is_sound = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (hour <= 23 && minute <= 59 && second <= 60);
        let is_sound = is_sound && date_of(days(year, month, day)) == (year, month, day);
        let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !is_sound || !is_fraction {
            return None;
        }
        let nanos: u32 = format!("{:0<9.9}", fraction).parse().ok()?;
        let since = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        UNIX_EPOCH.checked_add(Duration::new(since, nanos))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Instant {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Instant {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<SystemTime> for Instant {
    fn from(time: SystemTime) -> Self {
        // Before 1970 nothing can be waited for.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = date_of(days);
        let fraction = match since.subsec_millis() {
            0 => Cow::Borrowed(""),
            millis => Cow::Owned(format!(".{millis:03}")),
        };
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        Self(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The second of 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between).zip(digits).map(|(part, digits)| {
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok())?
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    (text.matches(between).count() == 2).then_some(numbers)
}

/// The number of days from 1970-01-01 to a date; the other way round than [`date_of`], from the same source.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days after 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_614_265_330, "2021-02-25T15:02:10Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Instant::from(time).as_str(), text);
            assert_eq!(Instant::from(text).time(), Some(time), "{text}");
        }
        let time = UNIX_EPOCH + Duration::from_millis(1_614_265_330_007);
        assert_eq!(Instant::from(time).as_str(), "2021-02-25T15:02:10.007Z");
        assert_eq!(Instant::after(Duration::MAX).as_str(), "9999-12-31T23:59:59Z");
        let beyond = Duration::from_secs(LAST_SECOND);
        assert_eq!(Instant::later(time, beyond).as_str(), "9999-12-31T23:59:59Z");
        assert_eq!(Instant::later(time, Duration::from_secs(50)).as_str(), "2021-02-25T15:03:00.007Z");
    }

    #[test]
    fn instants_are_read_to_the_nanosecond_and_nothing_else_is_one() {
        let time = Instant::from("2021-02-25t15:02:10.123456789z").time();
        assert_eq!(time, Some(UNIX_EPOCH + Duration::new(1_614_265_330, 123_456_789)));
        for day in 0..60_000 {
            let time = UNIX_EPOCH + Duration::from_secs(day * 86_400 + 1);
            assert_eq!(Instant::from(time).time(), Some(time));
        }
        for wrong in [
            "",
            "2021-02-25",
            "2021-02-25T15:02:10",
            "2021-02-25T15:02:10+01:00",
            "2021-02-25T15:02Z",
            "2021-02-25T15:02:10.Z",
            "2021-13-25T15:02:10Z",
            "2021-02-29T15:02:10Z",
            "2021-02-25T24:02:10Z",
            "1969-12-31T23:59:59Z",
            "2021-+2-25T15:02:10Z",
            "2021-02-25-1T15:02:10Z",
        ] {
            assert_eq!(Instant::from(wrong).time(), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let answer = Answer::new()
            .set("Count", 3)
            .clear("Note")
            .delete()
            .wait_until("2026-11-28T10:30:00Z")
            .schedule("Done", UNIX_EPOCH)
            .expect("Open")
            .stop()
            .note("all of it");
        let json = serde_json::to_value(&answer).expect("JSON");
        assert_eq!(
            json,
            json!({
                "task": {"Count": 3, "Note": null}, "delete": true, "wait_until": "2026-11-28T10:30:00Z",
                "schedule": {"stage": "Done", "at": "1970-01-01T00:00:00Z"}, "expect": "Open", "stop": true, "note": "all of it",
            })
        );
        assert_eq!(serde_json::from_value::<Answer>(json).expect("an answer"), answer);
        assert_eq!(serde_json::to_value(Answer::new()).expect("JSON"), json!({}));
    }

    #[test]
    fn what_an_answer_says_beyond_what_is_known_is_kept_and_no_task_is_no_change() {
        let answer: Answer =
            serde_json::from_value(json!({"task": null, "tsak": {"A": 1.5}})).expect("an answer");
        assert_eq!(answer.task, None);
        assert_eq!(Value::Object(answer.others), json!({"tsak": {"A": 1.5}}));
        assert!(serde_json::from_value::<Answer>(json!({"task": [1]})).is_err());
    }

    #[test]
    fn an_api_key_is_somebody_too() {
        let input = json!({
            "action": "Finish", "user": {"id": "key_1", "email": null, "first_name": "My program", "last_name": null},
            "task": {}, "execution": "01k9", "attempt": 2, "workflow": {"id": "w", "name": "W", "version": 1},
        });
        let input: Input = serde_json::from_value(input).expect("an input");
        assert_eq!((input.user.first_name.as_deref(), input.user.email), (Some("My program"), None));
        assert_eq!(input.params, Value::Null);
    }

    #[test]
    fn a_task_is_read_by_types() {
        let task: Task = serde_json::from_value(json!({
            "Stage": "Open", "Assigned To": null, "Name": "", "Size": "20", "Paid?": true, "Tags": ["a", "b"],
        }))
        .expect("a task");
        assert_eq!((task.stage(), task.assigned_to()), ("Open", None));
        assert_eq!(task.required_text("Stage"), Ok("Open"));
        for missing in ["Name", "Assigned To", "Nothing"] {
            let error = task.required_text(missing).expect_err("missing");
            assert_eq!(
                (error.code.as_str(), error.message),
                ("missing_field", format!("The task has no “{missing}”."))
            );
        }
        assert_eq!(task.parsed::<i64>("Size"), Ok(Some(20)));
        assert_eq!(task.parsed::<i64>("Nothing"), Ok(None));
        assert_eq!(task.parsed::<i64>("Stage").expect_err("no number").code, "invalid_field");
        assert!(task.is_checked("Paid?") && !task.is_checked("Size"));
        assert_eq!(task.list("Tags").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(task.list("Nothing").count(), 0);
    }
}
