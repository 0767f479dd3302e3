//! How a connection to an endpoint comes to be: resolve, connect, TLS. awc calls this when its pool has none.
//!
//! awc itself only ever sees plain `http` and HTTP/1.1. Knows nothing of requests and answers; failures are left in
//! the exchange's [`Record`], because awc's error type has no room for them.

use std::{
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{
    Blocked, Guard, Proxy, SendError,
    error::Peer,
    record::Record,
    stream::EgressStream,
    tls,
    transport::{Transport, Wire},
};

/// Opens connections to one endpoint.
#[derive(Clone)]
pub(super) struct EndpointConnector(pub(super) Rc<Endpoint>);

/// One host and port, and whether TLS is spoken there.
pub(super) struct Endpoint {
    /// Without the brackets of an IPv6 literal.
    pub(super) host: Box<str>,
    pub(super) port: u16,
    pub(super) peer: Peer,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    /// For resolving, connecting and the handshake together.
    pub(super) connect_timeout: Duration,
    pub(super) guard: Guard,
    pub(super) proxy: Option<Arc<Proxy>>,
    /// The proxy is not the operator's own, so it is called as far as endpoints are.
    pub(super) proxy_is_guarded: bool,
}

impl Service<ConnectInfo<Uri>> for EndpointConnector {
    type Response = Connection<Uri, EgressStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let endpoint = Rc::clone(&self.0);
        Box::pin(async move {
            let record = Record::current().ok_or(ConnectError::Unresolved)?;
            let limit = endpoint.connect_timeout;
            let opened = match timeout(limit, endpoint.open(&record)).await {
                Ok(opened) => opened,
                Err(_) => {
                    let connected = record.connect.get().is_some();
                    Err(SendError::ConnectTimeout { peer: endpoint.peer.clone(), limit, connected })
                }
            };
            match opened {
                Ok(stream) => Ok(Connection::new(info.request().clone(), stream)),
                Err(failure) => {
                    record.failure.set(Some(failure));
                    Err(ConnectError::Unresolved)
                }
            }
        })
    }
}

impl Endpoint {
    async fn open(&self, record: &Record) -> Result<EgressStream, SendError> {
        let started = Instant::now();
        let deadline = started + self.connect_timeout;
        let is_left_to_the_proxy = self.proxy.as_ref().is_some_and(|proxy| proxy.resolves);
        let addresses = if is_left_to_the_proxy {
            // As far as the host says by itself which address it is.
            self.guard.check_host(&self.host, self.port).map_err(|blocked| refused(&self.host, blocked))?;
            Vec::new()
        } else {
            self.allowed(&self.host, self.resolve(&self.host, self.port).await?)?
        };
        let resolved = Instant::now();
        record.dns.set(Some(resolved - started));
        let (tcp, remote) = match &self.proxy {
            None => self.connect(&addresses, deadline).await?,
            Some(proxy) => self.connect_through(proxy, &addresses, deadline).await?,
        };
        record.remote.set(Some(remote));
        record.connect.set(Some(resolved.elapsed()));
        let transport = match &self.tls {
            None => Transport::Plain(tcp),
            Some((connector, name)) => {
                let started = Instant::now();
                let secured = connector.connect(name.clone(), Wire::new(tcp)).await;
                let secured = secured.map_err(|error| SendError::Tls {
                    peer: self.peer.clone(),
                    reason: tls::explain(&error),
                })?;
                record.tls.set(Some(started.elapsed()));
                Transport::Tls(Box::new(secured))
            }
        };
        Ok(EgressStream::new(transport, remote, self.peer.clone()))
    }

    /// The addresses of a host; of a literal, itself.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SendError> {
        let failed = |reason| SendError::Resolve { host: host.into(), reason };
        let addresses: Vec<_> = match lookup_host((host, port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(failed(error.to_string())),
        };
        if addresses.is_empty() { Err(failed("it has no addresses".to_owned())) } else { Ok(addresses) }
    }

    /// Every address, resolved or literal, passes here right before it is connected to. A name that has others
    /// beside those that are blocked is called at the others.
    fn allowed(&self, host: &str, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, SendError> {
        let (mut allowed, mut failure) = (Vec::with_capacity(addresses.len()), None);
        for address in addresses {
            match self.guard.check(host, address) {
                Ok(()) => allowed.push(address),
                Err(blocked) => failure = Some(refused(host, blocked)),
            }
        }
        match failure {
            Some(failure) if allowed.is_empty() => Err(failure),
            _ => Ok(allowed),
        }
    }

    /// A tunnel to one of the addresses, which have been checked; to the name where the proxy resolves it.
    async fn connect_through(
        &self,
        proxy: &Proxy,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), SendError> {
        let mut proxies = self.resolve(&proxy.host, proxy.port).await?;
        if self.proxy_is_guarded {
            proxies = self.allowed(&proxy.host, proxies)?;
        }
        let name = || SocketName { host: &self.host, port: self.port }.to_string();
        let targets = addresses.iter().map(ToString::to_string);
        let targets: Vec<_> = if addresses.is_empty() { vec![name()] } else { targets.collect() };
        let mut failure = None;
        for (index, target) in targets.iter().enumerate() {
            // A proxy that has refused one has ended that connection.
            let connected = self.connect(&proxies, deadline).await;
            let (mut tcp, proxy_address) = connected.map_err(|error| self.without_proxy(error))?;
            let opened =
                timeout(share(deadline, targets.len() - index), proxy.tunnel(&mut tcp, target)).await;
            match opened.unwrap_or_else(|_| Err("the proxy did not open a tunnel in time".to_owned())) {
                Ok(()) => return Ok((tcp, addresses.get(index).copied().unwrap_or(proxy_address))),
                Err(reason) => failure = Some(SendError::Proxy { peer: self.peer.clone(), reason }),
            }
        }
        Err(failure.unwrap_or_else(|| SendError::Resolve {
            host: self.host.clone(),
            reason: "it has no addresses".to_owned(),
        }))
    }

    /// The proxy is what could not be reached, not the host behind it.
    fn without_proxy(&self, error: SendError) -> SendError {
        let reason = match error {
            SendError::Connect { reason, .. } => format!("the proxy cannot be connected to ({reason})"),
            SendError::ConnectTimeout { .. } => "the proxy did not accept a connection in time".to_owned(),
            other => return other,
        };
        SendError::Proxy { peer: self.peer.clone(), reason }
    }

    /// Tries one address after the other. Each gets an equal share of the time left, so that one that swallows
    /// packets does not keep the next from being tried.
    async fn connect(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), SendError> {
        let mut failure = None;
        for (tried, &address) in addresses.iter().enumerate() {
            match timeout(share(deadline, addresses.len() - tried), open_socket(address)).await {
                Ok(Ok(tcp)) => return Ok((tcp, address)),
                Ok(Err(error)) => {
                    failure = Some(SendError::Connect { peer: self.peer.clone(), reason: error.to_string() })
                }
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| SendError::ConnectTimeout {
            peer: self.peer.clone(),
            limit: self.connect_timeout,
            connected: false,
        }))
    }
}

fn refused(host: &str, blocked: Blocked) -> SendError {
    SendError::Blocked { host: host.into(), blocked }
}

/// The part that one of so many has of the time that is left; a little is kept for saying what became of it.
fn share(deadline: Instant, among: usize) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(Duration::from_millis(20));
    left / u32::try_from(among).unwrap_or(1)
}

/// A host and a port, as CONNECT has them.
struct SocketName<'a> {
    host: &'a str,
    port: u16,
}

impl std::fmt::Display for SocketName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

async fn open_socket(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // A request's head and body may go out in two writes; waiting for the first one's acknowledgement costs 40 ms.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
