//! An HTTP proxy through which calls go: a tunnel for each connection (CONNECT), whatever is spoken in it.
//!
//! The target's name is resolved and guarded here all the same, and the proxy is asked for the address that was
//! checked; only an operator may leave that to the proxy.

use std::{io, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use ipnet::IpNet;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Bytes of the head with which a proxy answers.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Where a proxy is, and what does not go through it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    pub(super) host: Box<str>,
    pub(super) port: u16,
    authorization: Option<Box<str>>,
    /// The proxy resolves names, and nobody guards what they lead to.
    pub(super) resolves: bool,
    except: Vec<Except>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Except {
    /// The name itself and all below it.
    Name(Box<str>),
    Network(IpNet),
    All,
}

impl Proxy {
    /// `http://USER:PASSWORD@HOST:PORT`, user and password if need be. `except`: hosts with all below them, and
    /// networks, that are called without it.
    ///
    /// # Errors
    /// What the URL must be instead.
    pub fn new<'e>(
        url: &str,
        resolves: bool,
        except: impl IntoIterator<Item = &'e str>,
    ) -> Result<Self, &'static str> {
        const EXPECTED: &str = "http://HOST:PORT, with USER:PASSWORD@ before the host if need be";
        let rest = url.strip_prefix("http://").ok_or(EXPECTED)?.trim_end_matches('/');
        let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (host, port) = address.rsplit_once(':').ok_or(EXPECTED)?;
        let port = port.parse().map_err(|_| EXPECTED)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || address.contains(['/', '?', '#']) {
            return Err(EXPECTED);
        }
        let mut user = user.map(decoded).transpose().map_err(|()| EXPECTED)?;
        // RFC 7617: the colon is there without a password, too.
        if let Some(user) = user.as_mut().filter(|user| !user.contains(&b':')) {
            user.push(b':');
        }
        let authorization = user.map(|user| format!("Basic {}", BASE64_STANDARD.encode(user)).into());
        let except = except.into_iter().map(str::trim).filter(|entry| !entry.is_empty()).map(Except::new);
        Ok(Self { host: host.into(), port, authorization, resolves, except: except.collect() })
    }

    /// Where it is: `http://HOST:PORT`.
    pub fn origin(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("http://[{host}]:{port}") } else { format!("http://{host}:{port}") }
    }

    /// Whether a host is called through it.
    pub(super) fn is_for(&self, host: &str) -> bool {
        !self.except.iter().any(|except| except.is(host))
    }

    /// Opens a tunnel to `target`, a host or an address with its port, on a connection to the proxy. The error says what
    /// the proxy did.
    pub(super) async fn tunnel(&self, tcp: &mut TcpStream, target: &str) -> Result<(), String> {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        let ended = |error: io::Error| format!("the proxy ended the connection ({error})");
        tcp.write_all(request.as_bytes()).await.map_err(ended)?;
        let head = head(tcp).await.map_err(ended)?;
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next()) {
            (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) if status.len() == 3 && status.starts_with('2') => {
                Ok(())
            }
            (Some("HTTP/1.1" | "HTTP/1.0"), Some(_)) => {
                let said: String = line.chars().skip(9).filter(|c| !c.is_control()).take(100).collect();
                Err(format!("the proxy answered {said}"))
            }
            _ => Err("what is there does not answer like an HTTP proxy".to_owned()),
        }
    }
}

/// One byte after the other: what comes after the head is the target's.
async fn head(tcp: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX {
            return Err(io::Error::other("its answer has no end"));
        }
        head.push(tcp.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Without percent-encoding.
fn decoded(text: &str) -> Result<Vec<u8>, ()> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        if *first == b'%' {
            let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(())?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ())?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    Ok(bytes)
}

impl Except {
    fn new(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        let entry = entry.trim_start_matches('[').trim_end_matches(']');
        let net = entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
        net.map_or_else(
            || Self::Name(entry.trim_start_matches("*").trim_matches('.').to_ascii_lowercase().into()),
            Self::Network,
        )
    }

    fn is(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Network(net) => host.parse().is_ok_and(|address: IpAddr| net.contains(&address)),
            Self::Name(name) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host.strip_suffix(&**name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
        }
    }
}
