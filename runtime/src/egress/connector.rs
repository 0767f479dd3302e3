//! How a connection to an endpoint comes to be: resolve, connect, TLS. awc calls this when its pool has none.
//!
//! awc itself only ever sees plain `http` and HTTP/1.1. Knows nothing of requests and answers; failures are left in
//! the exchange's [`Record`], because awc's error type has no room for them.

use std::{
    io,
    net::SocketAddr,
    rc::Rc,
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
    Guard, SendError,
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
        let addresses = self.resolve().await?;
        let resolved = Instant::now();
        record.dns.set(Some(resolved - started));
        let (tcp, remote) = self
            .connect(&addresses, resolved + self.connect_timeout.saturating_sub(resolved - started))
            .await?;
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

    /// The addresses of the host; of a literal, itself.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, SendError> {
        let failed = |reason| SendError::Resolve { host: self.host.clone(), reason };
        let addresses: Vec<_> = match lookup_host((&*self.host, self.port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(failed(error.to_string())),
        };
        if addresses.is_empty() { Err(failed("it has no addresses".to_owned())) } else { Ok(addresses) }
    }

    /// Every address, resolved or literal, passes here right before it is connected to. A name that has others
    /// beside those that are blocked is called at the others.
    fn allowed(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, SendError> {
        let (mut allowed, mut failure) = (Vec::with_capacity(addresses.len()), None);
        for &address in addresses {
            match self.guard.check(&self.host, address) {
                Ok(()) => allowed.push(address),
                Err(blocked) => failure = Some(SendError::Blocked { host: self.host.clone(), blocked }),
            }
        }
        match failure {
            Some(failure) if allowed.is_empty() => Err(failure),
            _ => Ok(allowed),
        }
    }

    /// Tries one address after the other. Each gets an equal share of the time left, so that one that swallows
    /// packets does not keep the next from being tried.
    async fn connect(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), SendError> {
        let mut failure = None;
        let addresses = self.allowed(addresses)?;
        for (tried, &address) in addresses.iter().enumerate() {
            let share = deadline.saturating_duration_since(Instant::now())
                / u32::try_from(addresses.len() - tried).unwrap_or(1);
            match timeout(share, open_socket(address)).await {
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

async fn open_socket(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // A request's head and body may go out in two writes; waiting for the first one's acknowledgement costs 40 ms.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
