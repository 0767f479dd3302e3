//! Every operation of the document: the right that it is to need, and a request that is sound, so that whoever has the
//! right is answered as the document says.

use std::cell::Cell;

use serde_json::{Value, json};

use super::{EXECUTIONS, TASKS, cookie, workflow};
use crate::support::{Project, Receiver, Reply, Server, request};

pub(super) const PASSWORD: &str = "a good password";

/// An operation, the right that it needs, what it answers then, and what is asked of it.
pub(super) struct Row(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) u16,
    pub(super) fn(&World) -> Ask,
);

pub(super) const ROWS: &[Row] = &[
    Row("livez", "none", 200, plain),
    Row("readyz", "none", 200, plain),
    Row("metrics", "watch", 200, plain),
    Row("openapi", "none", 200, plain),
    Row("signIn", "none", 201, |it| {
        plain(it).json(json!({"email": "target@example.com", "password": PASSWORD}))
    }),
    Row("acceptInvitation", "none", 201, |it| {
        let token = it.invited(&it.email(), &json!({})).1;
        plain(it).json(json!({"token": token, "first_name": "New", "last_name": "One", "password": PASSWORD}))
    }),
    Row("lookAtInvitation", "none", 200, |it| {
        plain(it).json(json!({"token": it.invited(&it.email(), &json!({})).1}))
    }),
    Row("readSetup", "none", 200, plain),
    // There are users.
    Row("setUp", "none", 409, |it| {
        plain(it).json(json!({"token": "00", "email": "new@example.com", "password": PASSWORD}))
    }),
    Row("readSession", "known", 200, plain),
    Row("readWorkspace", "known", 200, plain),
    Row("listWorkflows", "known", 200, plain),
    Row("listStepTypes", "known", 200, plain),
    Row("listPlugins", "administer_workspace", 200, plain),
    Row("streamEvents", "known", 200, plain),
    Row("changePassword", "session", 204, |it| {
        plain(it).json(json!({"current_password": PASSWORD, "new_password": PASSWORD}))
    }),
    Row("signOut", "session", 204, plain),
    Row("listStages", "view", 200, plain),
    Row("listActions", "view", 200, plain),
    Row("listFields", "view", 200, plain),
    Row("listRoles", "view", 200, plain),
    Row("listWorkflowUsers", "view", 200, plain),
    Row("readWorkflowUser", "view", 200, plain),
    Row("listTasks", "view", 200, plain),
    Row("listActiveTasks", "view", 200, plain),
    Row("countTasks", "view", 200, plain),
    Row("readTask", "view", 200, plain),
    Row("readHistory", "view", 200, plain),
    Row("listTaskActions", "view", 200, plain),
    Row("readSchedule", "view", 200, World::scheduled),
    Row("listComments", "view", 200, plain),
    Row("listChecklistItems", "view", 200, plain),
    Row("readChecklistItem", "view", 200, World::with_item),
    Row("listExecutions", "view", 200, plain),
    Row("readExecution", "view", 200, |it| it.execution("note", "waiting")),
    Row("readStatuses", "view", 200, |it| plain(it).json(json!({"ids": [it.begun("note", "waiting")]}))),
    Row("readFile", "view", 200, World::with_file),
    Row("upsertTask", "edit", 201, |it| plain(it).json(json!({"Company ID": it.new_name("task")}))),
    Row("updateTask", "edit", 200, |it| plain(it).json(json!({"Company ID": "42", "Company Name": "Other"}))),
    Row("changeTask", "edit", 200, |it| {
        plain(it).part("task", it.task()).json(json!({"Company Name": "Other"}))
    }),
    Row("deleteTask", "edit", 204, |it| plain(it).part("task", it.task())),
    Row("cancelSchedule", "edit", 204, World::scheduled),
    Row("writeComment", "edit", 201, |it| plain(it).json(json!({"body": "Called them"}))),
    Row("addChecklistItem", "edit", 201, |it| {
        plain(it).json(json!({"title": "Call", "Stage": "In Progress"}))
    }),
    Row("changeChecklistItem", "edit", 200, |it| it.with_item().json(json!({"status": "Completed"}))),
    Row("deleteChecklistItem", "edit", 204, World::with_item),
    Row("createExecution", "perform", 201, |it| {
        plain(it).json(json!({"task_id": it.task(), "action_id": "note"}))
    }),
    Row("retryMany", "perform", 200, |it| plain(it).json(json!({"action": "note"}))),
    Row("performOnMany", "perform", 200, |it| {
        plain(it).json(json!({"task_ids": [it.task()], "action_id": "note"}))
    }),
    Row("retryExecution", "perform", 201, |it| it.execution("break", "failed")),
    Row("dismissExecution", "perform", 200, |it| it.execution("break", "failed")),
    Row("cancelExecution", "perform", 200, |it| it.execution("note", "waiting")),
    Row("testStep", "administer_and_perform", 200, |it| {
        let asked = plain(it).json(json!({"task_id": "42", "apply": true}));
        asked.part("action", "note".to_owned()).part("step", "update-data".to_owned())
    }),
    Row("tryStep", "administer_and_perform", 200, |it| {
        plain(it).json(json!({"action": "note", "step": "update-data", "task_id": "42"}))
    }),
    Row("archiveWorkflow", "administer", 200, plain),
    Row("unarchiveWorkflow", "administer", 200, plain),
    Row("listFindings", "administer", 200, plain),
    Row("readDefinition", "administer", 200, plain),
    Row("saveDefinition", "administer", 200, World::with_definition),
    Row("validateDefinition", "administer", 200, World::with_definition),
    Row("listVersions", "administer", 200, plain),
    Row("readVersion", "administer", 200, plain),
    Row("compareVersions", "administer", 200, |it| plain(it).query("?with=1")),
    Row("restoreVersion", "administer", 200, plain),
    Row("setRole", "administer", 200, |it| plain(it).json(json!({"role_id": "viewer"}))),
    Row("importWorkflow", "administer_workspace", 201, |it| {
        plain(it).toml(format!("name = \"{}\"\n[[stages]]\nname = \"Open\"\n", it.new_name("flow")))
    }),
    Row("listUsers", "administer_workspace", 200, plain),
    Row("readUser", "administer_workspace", 200, plain),
    Row("changeUser", "administer_workspace", 200, |it| plain(it).json(json!({"is_administrator": false}))),
    Row("removeUser", "administer_workspace", 204, |it| plain(it).part("user", it.user())),
    Row("removeWorkflowUser", "administer_workspace", 204, |it| plain(it).part("user", it.user())),
    Row("makePasswordLink", "administer_workspace", 201, plain),
    Row("listInvitations", "administer_workspace", 200, plain),
    Row("invite", "administer_workspace", 201, |it| plain(it).json(json!({"email": it.email()}))),
    Row("withdrawInvitation", "administer_workspace", 204, |it| {
        plain(it).part("invitation", it.invited(&it.email(), &json!({})).0)
    }),
    Row("listKeys", "administer_workspace", 200, plain),
    Row("addKey", "administer_workspace", 201, |it| {
        plain(it).json(json!({"name": it.new_name("key"), "scopes": ["administer"]}))
    }),
    Row("revokeKey", "administer_workspace", 204, |it| {
        plain(it).part("key", text(&it.key(&json!({}))["id"]))
    }),
    Row("listAudit", "administer_workspace", 200, plain),
    Row("listSecrets", "administer_workspace", 200, plain),
    Row("putSecret", "administer_workspace", 204, |it| {
        plain(it).json(json!({"value": "a-long-secret"})).part("secret", it.new_name("SECRET_"))
    }),
    Row("removeSecret", "administer_workspace", 204, |it| {
        let name = it.new_name("SECRET_");
        let body = br#"{"value":"a-long-secret"}"#;
        assert_eq!(it.server.send("PUT", &format!("/secrets/{name}"), &[], body).status, 204);
        plain(it).part("secret", name)
    }),
    Row("listEndpoints", "administer_workspace", 200, plain),
    Row("enableEndpoint", "administer_workspace", 204, |it| {
        it.begun("break", "failed");
        plain(it).part("endpoint", it.receiver.url().replace("http://", ""))
    }),
];

/// What is asked of an operation, at its path in the document.
pub(super) struct Ask {
    parts: Vec<(&'static str, String)>,
    query: &'static str,
    content_type: &'static str,
    body: String,
}

/// Without a body, of what is always there.
fn plain(_: &World) -> Ask {
    let parts =
        [("workflow", "api-sample"), ("task", "42"), ("user", "target@example.com"), ("version", "1")];
    let parts = parts.map(|(name, value)| (name, value.to_owned())).into();
    Ask { parts, query: "", content_type: "application/json", body: String::new() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

impl Ask {
    /// Another thing in the path.
    fn part(mut self, name: &'static str, value: String) -> Self {
        self.parts.insert(0, (name, value));
        self
    }

    fn json(self, body: Value) -> Self {
        Self { body: body.to_string(), ..self }
    }

    fn toml(self, body: String) -> Self {
        Self { body, content_type: "application/toml", ..self }
    }

    fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(super) fn path(&self, template: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => part.to_owned(),
            Some(name) => {
                let found = self.parts.iter().find(|(known, _)| *known == name);
                found.unwrap_or_else(|| panic!("{template}: which {name}?")).1.clone()
            }
        };
        template.split('/').map(part).collect::<Vec<_>>().join("/") + self.query
    }

    /// Its headers, with a version for those that ask for one.
    pub(super) fn headers(&self) -> [(&'static str, &str); 3] {
        [("Content-Type", self.content_type), ("Origin", "http://test"), ("If-Match", "*")]
    }

    pub(super) fn body(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

/// A server with everything that can be asked about, asked by who may do everything.
pub(super) struct World {
    pub(super) server: Server,
    receiver: Receiver,
    toml: String,
    count: Cell<u32>,
    _project: Project,
}

impl World {
    pub(super) fn new() -> Self {
        let receiver = Receiver::start(Reply::new(500, ""));
        let noted = r#"fields = { "Company Name" = "noted" }"#;
        let waits = format!("{noted}\n[[actions.steps]]\ntype = \"delay\"\nfor = \"1h\"");
        let toml = workflow().replace(noted, &waits) + &more(&receiver.url());
        let project = Project::bare();
        let key = project.command(&["key", "add", "Test"]).trim().to_owned();
        let server = project.serve(&key);
        let world = Self { server, receiver, toml, count: Cell::new(0), _project: project };
        world.import(&world.toml);
        world.import("name = \"Elsewhere\"\n[[stages]]\nname = \"Open\"\n");
        world.server.create_task(&json!({"Company ID": "42", "Stage": "In Progress"}));
        world.person("target@example.com", &json!({}));
        world
    }

    fn import(&self, toml: &str) {
        let bearer = format!("Bearer {}", self.server.key);
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/toml")];
        let path = "/api/v1/workflows/import";
        let imported = request(&self.server.address, "POST", path, &headers, toml.as_bytes());
        assert_eq!(imported.status, 201, "{}", imported.body);
    }

    /// The workflow that is asked about is in use, whatever was asked before.
    pub(super) fn take_back(&self) {
        let answer = self.server.post("/workflows/api-sample/unarchive", &json!({}));
        assert_eq!(answer.json()["archived"], false, "{}", answer.body);
    }

    /// A name that nothing has.
    fn new_name(&self, what: &str) -> String {
        self.count.set(self.count.get() + 1);
        format!("{what}{}", self.count.get())
    }

    fn email(&self) -> String {
        self.new_name("user") + "@example.com"
    }

    /// An invitation's id and its token.
    fn invited(&self, email: &str, more: &Value) -> (String, String) {
        let mut body = more.clone();
        body["email"] = json!(email);
        let made = self.server.post("/invitations", &body);
        assert_eq!(made.status, 201, "{}", made.body);
        (text(&made.json()["id"]), text(&made.json()["token"]))
    }

    /// Somebody who is signed in, as an invitation has made them: their cookie.
    pub(super) fn person(&self, email: &str, invitation: &Value) -> String {
        let token = self.invited(email, invitation).1;
        let body = json!({"token": token, "first_name": "A", "last_name": "B", "password": PASSWORD});
        let headers = [("Content-Type", "application/json")];
        let path = "/api/v1/invitations/accept";
        let accepted = request(&self.server.address, "POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(accepted.status, 201, "{}", accepted.body);
        cookie(&accepted)
    }

    /// A key that is limited as the body says.
    pub(super) fn key(&self, body: &Value) -> Value {
        let mut body = body.clone();
        body["name"] = json!(self.new_name("key"));
        let made = self.server.post("/keys", &body);
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    }

    fn user(&self) -> String {
        let email = self.email();
        self.person(&email, &json!({}));
        email
    }

    fn task(&self) -> String {
        let id = self.new_name("task");
        self.server.create_task(&json!({"Company ID": id, "Stage": "In Progress"}));
        id
    }

    /// The id of an execution on a task of its own, in a state.
    fn begun(&self, action: &str, state: &str) -> String {
        let body = json!({"task_id": self.task(), "action_id": action});
        let made = self.server.post(EXECUTIONS, &body);
        assert_eq!(made.status, 201, "{}", made.body);
        let id = text(&made.json()["id"]);
        self.server.in_state(&id, state);
        id
    }

    fn execution(&self, action: &str, state: &str) -> Ask {
        plain(self).part("execution", self.begun(action, state))
    }

    fn scheduled(&self) -> Ask {
        let task = self.task();
        let body = json!({"task_id": task, "action_id": "later"});
        let made = self.server.post(EXECUTIONS, &body);
        self.server.ended(&text(&made.json()["id"]));
        plain(self).part("task", task)
    }

    fn with_item(&self) -> Ask {
        let body = json!({"title": "Call", "Stage": "In Progress"});
        let added = self.server.post("/workflows/api-sample/tasks/42/checklist_items", &body);
        plain(self).part("item", text(&added.json()["id"]))
    }

    fn with_file(&self) -> Ask {
        let file = json!({"filename": "a.txt", "base64contents": "aGVsbG8="});
        let body = json!({"Company ID": self.new_name("task"), "Papers": [file]});
        let task = self.server.post(TASKS, &body);
        plain(self).part("blob", text(&task.json()["Papers"][0]["blobId"]))
    }

    fn with_definition(&self) -> Ask {
        plain(self).toml(self.toml.clone())
    }
}

/// What an operation may be asked about beside the table's workflow: an execution that waits, one that fails, a stage
/// change to come, a file.
fn more(receiver: &str) -> String {
    r#"
[[fields]]
name = "Papers"
type = "file"

[[roles]]
name = "Editor"
perform = []

[[roles]]
name = "Performer"
edit = false
perform = ["Note", "Break"]

[[roles]]
name = "Signer"
edit = false
perform = ["Sign"]

[[actions]]
name = "Break"
from = ["In Progress"]
[[actions.steps]]
type = "api_call"
url = "RECEIVER/"

[[actions]]
name = "Later"
from = ["In Progress"]
[[actions.steps]]
type = "schedule_stage_change"
stage = "Completed"
in = "2h"
"#
    .replace("RECEIVER", receiver)
}
