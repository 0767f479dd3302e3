//! A running server with the plugin `tool`, whose steps do what the task says: its fields `Do` and `Say` are their params.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{CONFIG, Project, Server, install_tool};

pub(crate) struct Tool {
    pub(crate) project: Project,
    pub(crate) server: Server,
    newest: AtomicU32,
}

/// A workflow that is called as the page's is, with these actions.
const WORKFLOW: &str = r#"
name = "API Sample"
[[fields]]
name = "Id"
type = "uniqueId"
required = true
[[fields]]
name = "Do"
type = "text"
[[fields]]
name = "Say"
type = "longText"
[[fields]]
name = "Note"
type = "text"
[[fields]]
name = "Amount"
type = "number"
[[stages]]
name = "Open"
[[stages]]
name = "Elsewhere"
[[stages]]
name = "Done"
end = true
"#;

/// What each step of the plugin is told.
pub(crate) const AS_THE_TASK_SAYS: &str = "do = \"{{Do}}\"\nsay = \"{{Say}}\"";

/// An action with one step of the plugin, which is told by the task what to do; `lines`: more of the step.
pub(crate) fn told(name: &str, step_type: &str, lines: &str) -> String {
    action(name, &[&format!("type = \"{step_type}\"\nname = \"Tool\"\n{AS_THE_TASK_SAYS}\n{lines}")])
}

pub(crate) fn action(name: &str, steps: &[&str]) -> String {
    let mut text = format!("\n[[actions]]\nname = \"{name}\"\nfrom = [\"Open\", \"Elsewhere\"]\n");
    for step in steps {
        text += &format!("[[actions.steps]]\n{step}\n");
    }
    text
}

impl Tool {
    /// `plugins`: lines of the configuration's section; `more`: sections.
    pub(crate) fn project(plugins: &str, actions: &[String], more: &str) -> (Project, String) {
        let (project, key) = Project::new(&workflow(actions));
        configure(&project, plugins, more);
        (project, key)
    }

    pub(crate) fn start(plugins: &str, actions: &[String]) -> Self {
        let (project, key) = Self::project(plugins, actions, "");
        install_tool(&project);
        Self::of(project, &key)
    }

    pub(crate) fn of(project: Project, key: &str) -> Self {
        let server = project.serve(key);
        Self { project, server, newest: AtomicU32::new(0) }
    }

    /// A new task that says this; its id.
    pub(crate) fn task(&self, what: &str, say: &str) -> String {
        let id = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        self.server.create_task(&json!({"Id": id.to_string(), "Do": what, "Say": say, "Amount": "7"}));
        id.to_string()
    }

    /// A new task that says this, the action performed on it, and the execution when it has ended or is parked.
    pub(crate) fn perform(&self, action: &str, what: &str, say: &str) -> Value {
        self.server.performed(&self.task(what, say), action)
    }

    /// The same, not waited for; the execution's id.
    pub(crate) fn begin(&self, action: &str, what: &str, say: &str) -> String {
        self.server.begin(&self.task(what, say), action)
    }

    /// What is said of a plugin.
    pub(crate) fn plugin(&self, name: &str) -> Value {
        let all = self.server.get("/plugins").json();
        let found = all.as_array().expect("a list").iter().find(|plugin| plugin["name"] == name);
        found.unwrap_or_else(|| panic!("no plugin {name}: {all}")).clone()
    }

    /// The process ids of the plugins' processes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        children(self.server.pid())
    }
}

pub(crate) fn workflow(actions: &[String]) -> String {
    format!("{WORKFLOW}{}", actions.concat())
}

pub(crate) fn configure(project: &Project, plugins: &str, more: &str) {
    let folder = project.path("plugins").display().to_string();
    let lines = format!("[log]\nformat = \"json\"\n[plugins]\nfolder = {folder:?}\n{plugins}\n{more}\n");
    project.write("onward.toml", &format!("{CONFIG}{lines}"));
}

/// The processes that a process has begun and that are there.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// Of a process that is there and has not ended.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (state, rest) = status.rsplit(')').next()?.trim().split_once(' ')?;
    let parent = rest.split(' ').next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}
