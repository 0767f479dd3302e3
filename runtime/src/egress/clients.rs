//! One awc client for each endpoint that this thread calls, and their end.
//!
//! A client is a pool of connections. awc closes a resting connection only when the next call to its endpoint looks
//! for one, so clients that nobody uses are dropped here, which closes theirs. Knows nothing of exchanges' outcomes.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use awc::{
    SendClientRequest,
    http::{header, header::HeaderValue, uri::Authority},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{
    CallTls, EgressSettings, Guard, Proxy, Request, Route, SendError, Trust,
    connector::{Endpoint, EndpointConnector},
    error::Peer,
    target::{self, Target},
};

/// How many endpoints a thread keeps connections to; the least recently used one makes room.
pub(super) const CLIENTS_MAX: usize = 256;
/// A connection older than this is not used again, so that a change in DNS is noticed.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(300);

/// The clients of one thread.
pub(super) struct Clients {
    connect_timeout: Duration,
    idle_timeout: Duration,
    user_agent: HeaderValue,
    trust: Trust,
    guard: Guard,
    proxy: Option<Arc<Proxy>>,
    exchanges: Cell<u64>,
    by_endpoint: RefCell<HashMap<Key, Rc<Client>>>,
    /// A task is waiting to drop clients that nobody uses.
    sweeping: Cell<bool>,
}

/// What calls must have in common to share connections. One who shows a certificate never shares with one who does not.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    authority: Authority,
    is_tls: bool,
    own: Option<Arc<CallTls>>,
    route: Option<Route>,
}

impl Key {
    fn new(target: &Target, request: &Request) -> Self {
        Self {
            authority: target.authority.clone(),
            is_tls: target.tls,
            own: request.tls.clone(),
            route: request.route.clone(),
        }
    }
}

/// One endpoint's awc client.
pub(super) struct Client {
    awc: awc::Client,
    endpoint: Rc<Endpoint>,
    host_header: HeaderValue,
    user_agent: HeaderValue,
    last_used: Cell<Instant>,
}

impl Clients {
    pub(super) fn new(settings: &EgressSettings, trust: &Trust) -> Self {
        Self {
            connect_timeout: settings.connect_timeout,
            idle_timeout: settings.idle_timeout,
            user_agent: HeaderValue::from_str(&settings.user_agent)
                .unwrap_or(HeaderValue::from_static("Onward")),
            trust: trust.clone(),
            guard: settings.guard.clone(),
            proxy: settings.proxy.clone().map(Arc::new),
            exchanges: Cell::new(0),
            by_endpoint: RefCell::default(),
            sweeping: Cell::new(false),
        }
    }

    /// A number for a new exchange, from 1.
    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.set(self.exchanges.get() + 1);
        self.exchanges.get()
    }

    /// The client for such a request, made where there is none.
    pub(super) fn get(self: &Rc<Self>, target: &Target, request: &Request) -> Result<Rc<Client>, SendError> {
        let key = Key::new(target, request);
        if let Some(client) = self.by_endpoint.borrow().get(&key) {
            client.used();
            return Ok(Rc::clone(client));
        }
        let client = Rc::new(self.open(target, request)?);
        let mut clients = self.by_endpoint.borrow_mut();
        if clients.len() >= CLIENTS_MAX {
            let oldest = clients.iter().min_by_key(|(_, client)| client.last_used.get());
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                // Exchanges that are under way keep their connections.
                clients.remove(&oldest);
            }
        }
        clients.insert(key, Rc::clone(&client));
        drop(clients);
        self.sweep_later();
        Ok(client)
    }

    /// A new client in the place of one whose resting connections are broken.
    pub(super) fn replace(
        self: &Rc<Self>,
        target: &Target,
        request: &Request,
        broken: &Rc<Client>,
    ) -> Result<Rc<Client>, SendError> {
        let key = Key::new(target, request);
        let mut clients = self.by_endpoint.borrow_mut();
        // Another exchange may have replaced it already.
        if clients.get(&key).is_some_and(|current| Rc::ptr_eq(current, broken)) {
            clients.remove(&key);
        }
        drop(clients);
        self.get(target, request)
    }

    fn open(&self, target: &Target, request: &Request) -> Result<Client, SendError> {
        let invalid = |reason: &str| SendError::InvalidUrl { reason: reason.to_owned() };
        let host_header = target.host_header();
        let peer = Peer(host_header.as_str().into());
        let tls = match target.tls {
            false => None,
            true => {
                let name = ServerName::try_from(target.host().to_owned())
                    .map_err(|_| invalid("its host is neither a name nor an address"))?;
                let config = match &request.tls {
                    None => Arc::clone(&self.trust.config),
                    Some(own) => self
                        .trust
                        .with(own)
                        .map_err(|reason| SendError::CallTls { peer: peer.clone(), reason })?,
                };
                Some((TlsConnector::from(config), name))
            }
        };
        let endpoint = Rc::new(Endpoint {
            host: target.host().into(),
            port: target.port,
            peer,
            tls,
            connect_timeout: self.connect_timeout,
            guard: self.guard.clone(),
            proxy: match &request.route {
                None => self.proxy.clone().filter(|proxy| proxy.is_for(target.host())),
                Some(Route::Direct) => None,
                Some(Route::Through(own)) => Some(Arc::clone(own)),
            },
            proxy_is_guarded: request.route.is_some(),
        });
        let connector = awc::Connector::new()
            .connector(EndpointConnector(Rc::clone(&endpoint)))
            // Every limit in time is ours; awc's would cover the wait for a place in its pool.
            .timeout(Duration::MAX)
            .limit(0)
            .conn_keep_alive(self.idle_timeout)
            .conn_lifetime(CONNECTION_AGE_MAX);
        let awc = awc::Client::builder()
            .connector(connector)
            .disable_timeout()
            .disable_redirects()
            .no_default_headers()
            .finish();
        Ok(Client {
            awc,
            endpoint,
            host_header: HeaderValue::try_from(host_header).map_err(|_| invalid("its host is not ASCII"))?,
            user_agent: self.user_agent.clone(),
            last_used: Cell::new(Instant::now()),
        })
    }

    /// Sees to it that clients nobody uses any more are dropped. One task a thread, and none while there are no clients.
    fn sweep_later(self: &Rc<Self>) {
        if self.sweeping.replace(true) {
            return;
        }
        let idle_timeout = self.idle_timeout;
        let clients = Rc::downgrade(self);
        actix_rt::spawn(sweep(clients, idle_timeout));
    }
}

async fn sweep(clients: Weak<Clients>, idle_timeout: Duration) {
    loop {
        tokio::time::sleep(idle_timeout / 2).await;
        let Some(clients) = clients.upgrade() else {
            return;
        };
        let mut by_endpoint = clients.by_endpoint.borrow_mut();
        by_endpoint.retain(|_, client| client.last_used.get().elapsed() < idle_timeout);
        if by_endpoint.is_empty() {
            clients.sweeping.set(false);
            return;
        }
    }
}

impl Client {
    /// Who is called, for texts.
    pub(super) fn peer(&self) -> &Peer {
        &self.endpoint.peer
    }

    /// Keeps the client, and so its connections, for another while.
    pub(super) fn used(&self) {
        self.last_used.set(Instant::now());
    }

    /// Hands a request to awc.
    pub(super) fn send(&self, request: &Request, target: &Target) -> Result<SendClientRequest, SendError> {
        let method = target::method(&request.method)?;
        // no_decompress is also what keeps awc from adding Accept-Encoding.
        let mut outgoing = self.awc.request(method, target.uri()?).no_decompress();
        target::append_headers(outgoing.headers_mut(), &request.headers, &self.user_agent)?;
        outgoing.headers_mut().insert(header::HOST, self.host_header.clone());
        // A length of 0 is said only where a body is to be expected (RFC 9110, 8.6).
        Ok(
            if request.body.is_empty()
                && matches!(request.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS")
            {
                outgoing.send_body(awc::body::None::new())
            } else {
                outgoing.send_body(request.body.clone())
            },
        )
    }
}
