//! The action contract: the document that a step receives, and the answer it may give.
//!
//! One contract, two transports: the API Call step posts this document, a plugin gets the same one
//! by a function call.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    field::Shown,
    task::Task,
    user::{Directory, Performer},
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, TASK_URL, UPDATED_ON, Workflow},
};

/// The request: `action`, `user` and `task`, in this order.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    pub action: &'a str,
    pub user: ShownPerformer<'a>,
    pub task: ShownTask<'a>,
}

impl<'a> Document<'a> {
    pub fn new(
        action: &'a str,
        performer: &'a Performer,
        task: &'a Task,
        workflow: &'a Workflow,
        directory: &'a Directory,
    ) -> Self {
        Self {
            action,
            user: ShownPerformer(performer),
            task: ShownTask { task, workflow, directory, url: None },
        }
    }
}

#[derive(Debug)]
pub struct ShownPerformer<'a>(pub &'a Performer);

impl Serialize for ShownPerformer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("id", &self.0.id)?;
        map.serialize_entry("email", &self.0.email)?;
        map.serialize_entry("first_name", &self.0.first_name)?;
        map.serialize_entry("last_name", &self.0.last_name)?;
        map.end()
    }
}

/// A task by field names: `Stage`, `Assigned To`, then the workflow's fields in its order.
#[derive(Debug)]
pub struct ShownTask<'a> {
    pub task: &'a Task,
    pub workflow: &'a Workflow,
    pub directory: &'a Directory,
    /// Where a person finds the task. The Tasks API shows it as `Task URL`, and when the task was made and changed; the
    /// contract does not.
    pub url: Option<&'a str>,
}

impl Serialize for ShownTask<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(STAGE, self.workflow.stage_name(&self.task.stage))?;
        let email = self.task.assigned_to.as_ref().and_then(|id| self.directory.email(id));
        map.serialize_entry(ASSIGNED_TO, &email)?;
        if let Some(url) = self.url {
            map.serialize_entry(TASK_URL, url)?;
            map.serialize_entry(CREATED_ON, &self.task.created_on.to_string())?;
            map.serialize_entry(UPDATED_ON, &self.task.updated_on.to_string())?;
        }
        for field in &self.workflow.fields {
            let value = self.task.value(&field.id);
            map.serialize_entry(&field.name, &Shown { kind: &field.kind, value, directory: self.directory })?;
        }
        map.end()
    }
}

/// What a step's answer says of the task.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Answer {
    /// Nothing: the task stays.
    #[default]
    Unchanged,
    /// A patch, by field name, not yet checked.
    Patch(Map<String, Value>),
    /// Success, but the body could not be understood; the text says why.
    Unreadable(&'static str),
    /// The answer breaks the contract.
    Broken(&'static str),
}

impl Answer {
    /// Reads the body of a successful answer.
    ///
    /// Empty, no `task`, or `"task": null` leave the task unchanged; a body that is not a JSON
    /// object is a success with a warning; a `task` that is not an object is a failure.
    pub fn read(body: &[u8]) -> Self {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Self::Unchanged;
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Self::Unreadable("the answer is not JSON; the task was left unchanged");
        };
        let Value::Object(mut object) = value else {
            return Self::Unreadable("the answer is not a JSON object; the task was left unchanged");
        };
        match object.remove("task") {
            None | Some(Value::Null) => Self::Unchanged,
            Some(Value::Object(patch)) => Self::Patch(patch),
            Some(_) => Self::Broken("`task` in the answer is not an object"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::sample;

    #[test]
    fn the_request_is_the_reference_pages_byte_for_byte() {
        let (workflow, directory, task) = (sample::workflow(), sample::directory(), sample::task());
        let performer = sample::performer();
        let document = Document::new("Finish", &performer, &task, &workflow, &directory);
        expect_test::expect![[r#"{"action":"Finish","user":{"id":"abc123","email":"user@example.com","first_name":"Example","last_name":"User"},"task":{"Stage":"Completed","Assigned To":"user@example.com","Company ID":"42","Company Name":"Acme Corp","Number of Employees":"20","Contract Value":"10000","International?":false,"Expected Close Date":"2020-01-31"}}"#]]
        .assert_eq(&serde_json::to_string(&document).expect("serializable"));
    }

    #[test]
    fn the_answer_follows_the_contract() {
        let patch = |value: Value| Answer::Patch(value.as_object().cloned().expect("an object"));
        for (body, expected) in [
            ("", Answer::Unchanged),
            (" \r\n", Answer::Unchanged),
            ("{}", Answer::Unchanged),
            (r#"{"ok":true}"#, Answer::Unchanged),
            (r#"{"task":null}"#, Answer::Unchanged),
            (r#"{"task":{"A":"b"}}"#, patch(json!({"A": "b"}))),
            ("OK", Answer::Unreadable("the answer is not JSON; the task was left unchanged")),
            ("[1]", Answer::Unreadable("the answer is not a JSON object; the task was left unchanged")),
            (r#"{"task":[]}"#, Answer::Broken("`task` in the answer is not an object")),
            (r#"{"task":"x"}"#, Answer::Broken("`task` in the answer is not an object")),
        ] {
            assert_eq!(Answer::read(body.as_bytes()), expected, "{body}");
        }
    }
}
