//! `onward demo`: the reference page's workflow, a few tasks and a receiver, in one command.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    boot::{self, Server},
    credential,
    egress::Guard,
    model::{
        Directory, Performer, User, UserId, Workflow,
        perform::{self, TaskWrite, Writing},
    },
    plugin::registry::{PluginState, Plugins},
    settings::{self, Settings},
    store::{Store, TaskKey, admin::AdminChange},
    telemetry::{self, traces::Traces},
};

/// The demo's workflow, and the address in it that becomes the demo's own receiver.
const WORKFLOW: &str = include_str!("../../../examples/api-sample/workflows/api-sample.toml");
const WORKFLOW_RECEIVER: &str = "http://127.0.0.1:4180";

const DEMO_USER: &str = "abc123";
const DEMO_EMAIL: &str = "user@example.com";

/// What the receiver makes of the task.
const NEW_CLOSE_DATE: &str = "2020-02-01";

#[derive(Args)]
pub(super) struct DemoArguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    listen: String,
    /// Keeps the demo's data in this folder; without it they go when the demo ends.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Writes one JSON document there once requests are accepted.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

/// The demo's folder; removed at the end unless it was named.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "the demo's folder could not be removed");
        }
    }
}

pub(super) fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let folder = match arguments.data {
        Some(path) => Folder { path, temporary: false },
        None => Folder {
            path: std::env::temp_dir().join(format!("onward-demo-{}", credential::random_hex(6)?)),
            temporary: true,
        },
    };
    let mut settings = settings::load(None)?;
    settings.server.listen = arguments.listen;
    settings.store.folder = folder.path.join("data");
    settings.plugins.copies = folder.path.join("data/plugins");
    settings.secrets.key_file = folder.path.join("data/secrets.key");
    settings.workflows.folder = folder.path.join("workflows");
    settings.workspace.name = "Demo".to_owned();
    let traces =
        telemetry::start(settings.log.levels.clone(), settings.log.format, settings.traces.as_ref())?;
    super::block_on(demo(settings, traces, arguments.ready_file))
}

async fn demo(
    mut settings: Settings,
    traces: Option<Traces>,
    ready_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let receiver = receiver()?;
    // Its own receiver, and nothing else on this machine.
    settings.egress.guard = Guard::new([receiver.to_string().as_str()])
        .map_err(|(entry, error)| anyhow!("the demo's receiver {entry}: {error}"))?;
    let folder = &settings.workflows.folder;
    let definition = WORKFLOW.replace(WORKFLOW_RECEIVER, &format!("http://{receiver}"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join("api-sample.toml"), definition))
        .with_context(|| format!("the demo's folder {} cannot be written", folder.display()))?;
    let server = Server::start(settings).await?;
    let (key, api_key) = credential::new_key(&format!("Demo {}", credential::random_hex(3)?))?;
    let store = Arc::clone(&server.shared().store);
    store.administer(AdminChange::AddKey(key), super::by()).await?;
    let password = person(&*store).await?;
    server.refresh().await?;
    tasks(&server).await?;
    let plugins = brought(server.shared().step_types.plugins())?;
    let ready = |address: SocketAddr| {
        let address = format!("http://{address}");
        let receiver = format!("http://{receiver}");
        greet(&address, &api_key, &receiver, &plugins, password.as_deref());
        let ready = json!({
            "address": address,
            "pid": std::process::id(),
            "api_key": api_key,
            "email": DEMO_EMAIL,
            "password": password,
            "receiver": receiver,
        });
        ready_file.as_deref().map_or(Ok(()), |path| boot::write_ready_file(path, &ready))
    };
    server.serve(traces, ready).await
}

/// The page's user. In a folder that has her already, her password stays what it was.
async fn person(store: &dyn Store) -> anyhow::Result<Option<String>> {
    if store.workspace().await?.users.iter().any(|user| user.email == DEMO_EMAIL) {
        return Ok(None);
    }
    let password = credential::new_password()?;
    let user = User {
        id: UserId::new(DEMO_USER),
        email: DEMO_EMAIL.to_owned(),
        first_name: "Example".to_owned(),
        last_name: "User".to_owned(),
        is_active: true,
        is_administrator: true,
    };
    let password_hash = Some(credential::hash_password(&password)?);
    store.administer(AdminChange::AddUser { user, password_hash }, super::by()).await?;
    Ok(Some(password))
}

/// A few tasks in different stages. Those that are there already stay as they are.
async fn tasks(server: &Server) -> anyhow::Result<()> {
    let shared = server.shared();
    let workspace = shared.workspace.current();
    let published =
        workspace.workflow("api-sample").ok_or_else(|| anyhow!("the demo's workflow was not published"))?;
    let directory = Arc::clone(&workspace.directory);
    for task in sample_tasks() {
        let workflow = Arc::clone(&published.workflow);
        let id = task["Company ID"].as_str().unwrap_or_default();
        let key = TaskKey::Unique { workflow: workflow.id.clone(), value: id.into() };
        if shared.store.task(key.clone()).await?.is_none() {
            create(server, key, workflow, Arc::clone(&directory), task).await?;
        }
    }
    Ok(())
}

async fn create(
    server: &Server,
    key: TaskKey,
    workflow: Arc<Workflow>,
    directory: Arc<Directory>,
    task: Value,
) -> anyhow::Result<()> {
    let shared = server.shared();
    let performer = Performer::from(&**directory.find(DEMO_EMAIL).context("the demo's user is gone")?);
    let writing = Writing { performer, now: shared.clock.now(), new_id: shared.ids.task() };
    let object = task.as_object().cloned().unwrap_or_default();
    let decide = Box::new(move |current: &perform::Current<'_>| {
        perform::write_task(&object, TaskWrite::Upsert, writing, &workflow, &directory, current)
    });
    shared.store.transact(key, None, decide).await?;
    Ok(())
}

fn sample_tasks() -> Vec<Value> {
    let task =
        |stage: &str, id: &str, name: &str, employees: u32, value: &str, international: bool, close: &str| {
            json!({
                "Stage": stage, "Assigned To": DEMO_EMAIL, "Company ID": id, "Company Name": name,
                "Number of Employees": employees.to_string(), "Contract Value": value,
                "International?": international, "Expected Close Date": close,
            })
        };
    vec![
        task("Not Started", "41", "Globex", 120, "54000", true, "2020-03-31"),
        task("In Progress", "42", "Acme Corp", 20, "10000", false, "2020-01-31"),
        task("In Progress", "43", "Initech", 85, "27500.50", false, "2020-02-14"),
        task("Completed", "40", "Umbrella", 900, "120000", true, "2019-12-20"),
    ]
}

fn greet(address: &str, api_key: &str, receiver: &str, plugins: &str, password: Option<&str>) {
    let password = password.unwrap_or("the one that was said when this folder's demo first ran");
    let tasks = format!("{address}/api/v1/workflows/api-sample/tasks");
    let executions = format!("{address}/api/v1/workflows/api-sample/executions");
    say!(
        "\nOnward is running at {address}\n\
         Its receiver, at {receiver}, logs what it gets and moves the Expected Close Date.\n\
         {plugins}\n\n\
         Open {address} in a browser:\n  email     {DEMO_EMAIL}\n  password  {password}\n\n\
         Or by the API, with the key {api_key}:\n\n\
         1. What can be done with Acme Corp (task 42)?\n\n\
         curl -s {tasks}/42/actions -H 'Authorization: Bearer {api_key}'\n\n\
         2. Finish it: the task moves to Completed, the receiver is called, its answer changes the task.\n\n\
         curl -s {executions} -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json' \
         -H 'Prefer: wait=10' -d '{{\"task_id\":\"42\",\"action_id\":\"finish\",\"performed_by\":\"{DEMO_EMAIL}\"}}'\n\n\
         3. See the result: Stage is Completed, Expected Close Date is {NEW_CLOSE_DATE}.\n\n\
         curl -s {tasks}/42 -H 'Authorization: Bearer {api_key}'\n\n\
         Ctrl-C stops the server.\n"
    );
}

/// Which step types come from where. The error: they do not, and the demo's workflow needs them.
fn brought(plugins: &Plugins) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for plugin in &plugins.all {
        let PluginState::Loaded { steps, .. } = &plugin.state else { continue };
        let ids: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
        lines.push(format!("  {}  {}", plugin.file.display(), ids.join(", ")));
    }
    if lines.is_empty() {
        let looked: Vec<_> = plugins.looked_in.iter().map(|folder| folder.display().to_string()).collect();
        let refused: Vec<_> = plugins
            .refused()
            .map(|(plugin, code, why)| format!("\n  {}: {code}: {why}", plugin.file.display()))
            .collect();
        if !refused.is_empty() {
            bail!("the plugins that ship with Onward cannot be used:{}", refused.join(""));
        }
        bail!(
            "the plugins that ship with Onward are missing: they were looked for in {}. `cargo build --release` builds them beside the program",
            looked.join(", ")
        );
    }
    Ok(format!("Step types, beside api_call, from:\n{}", lines.join("\n")))
}

/// Starts the demo's receiver on a free port.
fn receiver() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port for the demo's receiver")?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(|| App::new().default_service(web::to(receive)))
        .workers(1)
        .disable_signals()
        .client_request_timeout(Duration::from_secs(5))
        .listen(listener)?
        .run();
    actix::spawn(server);
    Ok(address)
}

async fn receive(body: web::Bytes) -> HttpResponse {
    tracing::info!(body = %String::from_utf8_lossy(&body), "the demo's receiver got a call");
    HttpResponse::Ok().json(json!({"task": {"Expected Close Date": NEW_CLOSE_DATE}}))
}
