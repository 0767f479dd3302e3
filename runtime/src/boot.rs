//! The only wiring: puts the parts together, runs the server, and takes it apart in reverse.

use std::{
    collections::{HashMap, HashSet},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, web};
use anyhow::{Context, anyhow};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    alert,
    api::{self, Api},
    bootstrap,
    clock::{Clock, Ids},
    credential,
    egress::{Egress, EgressSettings, Endpoints, Guard, HealthSettings, Trust},
    endpoints,
    engine::{EngineHandle, EngineSettings, Shared},
    events::Events,
    lock::FolderLock,
    model::SharedWorkspace,
    publish,
    retention::{self, RetentionSettings},
    sessions::{SessionSettings, Sessions},
    settings::{self, Settings},
    step::StepTypes,
    store::{
        Observer, Store, WorkspaceRows,
        sqlite::{SqliteSettings, SqliteStore},
    },
    telemetry::traces::Traces,
    vault::Vault,
};

/// How often the workspace is looked at for changes that a command line beside the server made.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// How often a drain looks whether the last execution has ended.
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a stop waits for the alerts' webhooks.
const ALERTING_END_MAX: Duration = Duration::from_secs(2);

/// How long a stop waits until the streams of events hear of it.
const TELLING_END_MAX: Duration = Duration::from_secs(2);

const BACKLOG: i32 = 4096;

/// A server whose parts stand, before it serves.
pub struct Server {
    settings: Settings,
    shared: Arc<Shared>,
    trust: Trust,
    endpoints: Endpoints,
    sessions: Arc<Sessions>,
    events: Arc<Events>,
    listener: TcpListener,
    address: SocketAddr,
    _lock: FolderLock,
}

pub fn open_store(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let sqlite = SqliteSettings {
        queue_max: settings.store.queue_max,
        task_cache_max: settings.store.task_cache_max,
        file_bytes_max: settings.files.bytes_max,
    };
    Ok(Arc::new(SqliteStore::open(&settings.store.folder, &sqlite)?))
}

fn in_lines(errors: &[publish::PublishError]) -> anyhow::Error {
    anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

impl Server {
    /// Takes the data folder, opens the store, publishes the workflow files, recovers what an earlier
    /// run left, and listens. Nothing is served yet.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        if settings.plugins.folder.is_some() {
            // Copies of what is loaded from there are made in it.
            FolderLock::make(&settings.store.folder)?;
        }
        let types = StepTypes::load(&settings.egress.guard, &settings.plugins);
        let folder = &settings.workflows.folder;
        // Files that are broken by themselves make no store, and bring none up to date.
        publish::check_folder(folder).map_err(|errors| in_lines(&errors))?;
        if !SqliteStore::is_there(&settings.store.folder) {
            let none = WorkspaceRows::default();
            publish::read_folder_at_start(folder, &types, &none).map_err(|errors| in_lines(&errors))?;
        }
        let trust = Trust::load(settings.egress.extra_ca_file.as_deref())?;
        let lock = FolderLock::take(&settings.store.folder)?;
        types.plugins().tell();
        types.plugins().tidy(&settings.plugins.copies);
        let listener = listen(&settings.server.listen)?;
        let address = listener.local_addr().context("the listening socket has no address")?;
        let clock = Clock::default();
        let store = open_store(&settings)?;
        bootstrap::run(&*store, &clock, &settings.bootstrap).await?;
        let sessions = Sessions::new(Arc::clone(&store), clock.clone(), session_settings(&settings));
        let published = store.workspace().await?;
        let files =
            publish::read_folder_at_start(folder, &types, &published).map_err(|errors| in_lines(&errors))?;
        let publish::Files { anew, notes } =
            publish::publish(files, &*store, &clock, &HashMap::new(), &HashSet::new()).await?;
        let settings::Workspace { name, zone } = settings.workspace.clone();
        let workspace = Arc::new(SharedWorkspace::new(name, zone));
        workspace.set_files(notes);
        let vault = Arc::new(vault(&settings));
        publish::refresh(&*store, &types, &vault, &workspace).await?;
        for published in &workspace.current().workflows {
            if let Some(why) = &published.broken {
                tracing::error!(workflow = %published.workflow.id, why = &**why, "a workflow is broken: some of its actions cannot be performed");
            }
        }
        let ids = Ids::new(clock.clone(), store.greatest_id().await?);
        let engine = EngineSettings {
            in_flight_max: settings.engine.in_flight_max,
            queued_max: settings.engine.queued_max,
            chain_idle: Duration::from_secs(settings.engine.chain_idle_seconds),
            store_queue_max: settings.store.queue_max,
        };
        let shared = Arc::new(Shared::new(store, workspace, types, vault, clock, ids, engine));
        publish::tell_findings(&shared, &anew);
        let open = shared.recover().await?;
        if open > 0 {
            tracing::info!(open, "going on with the executions that an earlier run left");
        }
        let endpoints = Endpoints::new(health_settings(&settings));
        endpoints::load(&*shared.store, &endpoints).await?;
        let sessions = Arc::new(sessions);
        let events = Arc::new(Events::new(credential::random_hex(4)?));
        shared.store.observe(Arc::clone(&events) as Arc<dyn Observer>);
        shared.store.observe(Arc::clone(&shared.metrics) as Arc<dyn Observer>);
        Ok(Self { settings, shared, trust, endpoints, sessions, events, listener, address, _lock: lock })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The link with which the first user is made, where there is none.
    pub async fn setup_link(&self) -> anyhow::Result<Option<String>> {
        let token = self.sessions.setup_token().await?;
        Ok(token.map(|token| format!("{}/setup#{token}", public_url(self))))
    }

    /// Takes up what was written to the store beside the server: keys, people.
    pub async fn refresh(&self) -> anyhow::Result<()> {
        self.shared.refresh().await?;
        Ok(())
    }

    /// Serves until SIGTERM or SIGINT, then drains: nothing new is begun, what runs ends.
    pub async fn serve(
        self,
        traces: Option<Traces>,
        ready: impl FnOnce(SocketAddr) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let server = http_server(&self)?;
        let handle = server.handle();
        let serving = actix::spawn(server);
        let refreshing = actix::spawn(refresh(Arc::clone(&self.shared)));
        let watching = actix::spawn(publish::watch::run(
            Arc::clone(&self.shared),
            self.settings.workflows.folder.clone(),
        ));
        let forgetting = actix::spawn(retention::run(
            Arc::clone(&self.shared),
            Arc::clone(&self.sessions),
            retention_settings(&self.settings),
        ));
        let (store, disabled) = (Arc::clone(&self.shared.store), self.endpoints.clone());
        let disabling = actix::spawn(async move { endpoints::run(&*store, &disabled).await });
        let (shared, events) = (Arc::clone(&self.shared), Arc::clone(&self.events));
        let telling = actix::spawn(async move { events.run(&shared).await });
        let egress = Egress::new(&egress_settings(&self.settings), &self.trust, self.endpoints.clone());
        let alerting = actix::spawn(alert::run(Arc::clone(&self.shared), egress, public_url(&self)));
        let traces_end = traces.as_ref().map(Traces::ending);
        if let Some(traces) = traces {
            let egress = traces_egress(&self, traces.endpoint());
            actix::spawn(traces.run(egress));
        }
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        ready(self.address)?;
        tracing::info!(address = %self.address, "serving");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(in_flight = self.shared.in_flight(), "shutting down: nothing new is begun");
        self.drained().await;
        refreshing.abort();
        watching.abort();
        forgetting.abort();
        disabling.abort();
        // It ends by itself, unless a receiver lets it wait.
        if tokio::time::timeout(ALERTING_END_MAX, alerting).await.is_err() {
            tracing::warn!("an alerts' webhook did not answer before the server ended; it is told again");
        }
        // Its streams end with it.
        if tokio::time::timeout(TELLING_END_MAX, telling).await.is_err() {
            tracing::warn!("the streams of events did not end");
        }
        handle.stop(true).await;
        serving.await.context("the HTTP server did not end")??;
        if let Err(error) = self.sessions.flush().await {
            tracing::warn!(%error, "when keys and sessions were used last could not be noted");
        }
        self.shared.store.close().await?;
        // What is still under way in them becomes unknown, like a call that nobody waits for any more.
        let plugins = Arc::clone(self.shared.step_types.plugins());
        let _ = tokio::task::spawn_blocking(move || plugins.stop()).await;
        if let Some(end) = traces_end {
            end.await;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Waits until what runs has ended, for so long as the operator lets it.
    async fn drained(&self) {
        self.shared.drain();
        let deadline = Instant::now() + Duration::from_secs(self.settings.server.drain_seconds);
        while self.shared.in_flight() > 0 && Instant::now() < deadline {
            tokio::time::sleep(DRAIN_LOOK_EVERY).await;
        }
        let left = self.shared.in_flight();
        if left > 0 {
            tracing::warn!(
                left,
                "executions were still under way; they go on, or become unknown, at the next start"
            );
        }
    }
}

/// Calls the traces' collector, whatever address it has and through no proxy; and says nothing of it to those who look at
/// endpoints.
fn traces_egress(server: &Server, endpoint: &str) -> Egress {
    let guard = Guard::of_url(endpoint).unwrap_or_default();
    let settings = EgressSettings { guard, proxy: None, ..egress_settings(&server.settings) };
    Egress::new(&settings, &server.trust, Endpoints::new(health_settings(&server.settings)))
}

fn public_url(server: &Server) -> Arc<str> {
    match server.settings.server.public_url.trim_end_matches('/') {
        "" => format!("http://{}", server.address).into(),
        url => url.into(),
    }
}

pub fn egress_settings(settings: &Settings) -> EgressSettings {
    EgressSettings {
        connect_timeout: Duration::from_secs(settings.egress.connect_timeout_seconds),
        idle_timeout: Duration::from_secs(settings.egress.idle_timeout_seconds),
        extra_ca_file: settings.egress.extra_ca_file.clone(),
        guard: settings.egress.guard.clone(),
        proxy: settings.egress.proxy.clone(),
        ..EgressSettings::default()
    }
}

fn session_settings(settings: &Settings) -> SessionSettings {
    let sessions = &settings.sessions;
    SessionSettings {
        idle: Duration::from_secs(sessions.idle_hours * 3600),
        longest: Duration::from_secs(sessions.longest_days * 24 * 3600),
        hashes_max: sessions.password_hashes_max,
    }
}

fn retention_settings(settings: &Settings) -> RetentionSettings {
    let retention = &settings.retention;
    RetentionSettings {
        records_days: retention.records_days,
        records_max: retention.records_max,
        audit_days: retention.audit_days,
        revoked_keys_days: retention.revoked_keys_days,
    }
}

pub fn vault(settings: &Settings) -> Vault {
    let secrets = &settings.secrets;
    Vault::new(secrets.key_file.clone(), &settings.store.folder, secrets.folder.clone())
}

fn health_settings(settings: &Settings) -> HealthSettings {
    let egress = &settings.egress;
    HealthSettings {
        calls_max: egress.endpoint_calls_max,
        waiting_max: egress.endpoint_waiting_max,
        rate_max: egress.endpoint_rate_max,
        failures_max: egress.endpoint_failures_max,
        pause: Duration::from_secs(egress.endpoint_pause_seconds),
    }
}

fn http_server(server: &Server) -> anyhow::Result<actix_web::dev::Server> {
    let settings = &server.settings;
    let (public_url, egress) = (public_url(server), egress_settings(settings));
    let of_files = EgressSettings { guard: settings.files.guard.clone(), ..egress.clone() };
    let (shared, trust, endpoints) =
        (Arc::clone(&server.shared), server.trust.clone(), server.endpoints.clone());
    let bodies = api::Bodies::new(settings.server.body_bytes_max, settings.files.bytes_max);
    let (sessions, events, trusted_proxies) = (
        Arc::clone(&server.sessions),
        Arc::clone(&server.events),
        Arc::<[_]>::from(settings.trusted_proxies.as_slice()),
    );
    let streams = Arc::<api::Streams>::default();
    let metrics_are_open = settings.metrics.open;
    let document: web::Bytes = api::document(&public_url).to_string().into();
    let workers = match settings.server.workers {
        // On few cores one is left to the store's writer.
        0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1)),
        workers => workers,
    };
    let http = HttpServer::new(move || {
        // Runs on each worker's own thread.
        let engine =
            EngineHandle::start(Arc::clone(&shared), Egress::new(&egress, &trust, endpoints.clone()));
        let files = Egress::new(&of_files, &trust, endpoints.clone());
        let (shared, public_url) = (Arc::clone(&shared), Arc::clone(&public_url));
        let api = Api {
            engine,
            files,
            shared,
            endpoints: endpoints.clone(),
            public_url,
            document: document.clone(),
            bodies: bodies.clone(),
            sessions: Arc::clone(&sessions),
            events: Arc::clone(&events),
            streams: Arc::clone(&streams),
            metrics_are_open,
            trusted_proxies: Arc::clone(&trusted_proxies),
        };
        App::new().app_data(web::Data::new(api)).configure(api::configure)
    });
    let listener = server.listener.try_clone().context("the listening socket cannot be shared")?;
    let http = http.workers(workers).disable_signals().shutdown_timeout(1).listen(listener);
    Ok(http.context("the HTTP server cannot listen")?.run())
}

fn listen(address: &str) -> anyhow::Result<TcpListener> {
    let parsed: SocketAddr =
        address.parse().with_context(|| format!("`server.listen`: `{address}` is not HOST:PORT"))?;
    let listen = || -> std::io::Result<TcpListener> {
        let socket = socket2::Socket::new(socket2::Domain::for_address(parsed), socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&parsed.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "port_in_use: {address} is taken by another process; stop it, or choose another port with \
             `server.listen` (port 0 takes a free one)"
        ),
        _ => anyhow!("cannot listen on {address}: {error}; `server.listen` chooses the address"),
    })
}

async fn refresh(shared: Arc<Shared>) {
    loop {
        // What was changed through this server is in the snapshot already.
        let seen = shared.workspace.current().revision;
        let read = match shared.store.workspace_revision().await {
            Ok(revision) if revision == seen && !shared.vault.has_changed() => Ok(()),
            Ok(_) => shared.refresh().await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            tracing::warn!(%error, "the workspace could not be read again; it is tried again");
        }
        shared.unassign_left_behind().await;
        tokio::time::sleep(REFRESH_EVERY).await;
    }
}

/// Writes, whole or not at all, the file that says that requests are accepted.
pub fn write_ready_file(path: &Path, ready: &serde_json::Value) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, format!("{ready}\n"))
        .and_then(|()| std::fs::rename(&part, path))
        .with_context(|| format!("--ready-file: {} cannot be written", path.display()))
}
