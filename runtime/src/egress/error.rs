//! What can go wrong with an outgoing call, in words for the person whose action failed.
//!
//! Knows no policy: whether a call may be tried again is decided from
//! [`Exchange::certainty`](super::Exchange::certainty), which counts bytes, and never from the kind of an error.
//! URLs are not repeated in texts, because a query string may carry a key.

use std::{fmt, time::Duration};

/// The other end of a call, for texts: a host, and its port unless that is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub(super) Box<str>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an exchange has no complete answer. The text says which host, what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The URL cannot be called. Nothing was sent.
    #[error("The URL cannot be called: {reason}.")]
    InvalidUrl {
        /// What is wrong with it, without repeating it.
        reason: String,
    },
    /// The method is not an HTTP method. Nothing was sent.
    #[error("{method:?} is not an HTTP method.")]
    InvalidMethod {
        /// The method as given.
        method: String,
    },
    /// A header cannot be sent. Nothing was sent. The value is not repeated: it may be a secret.
    #[error("The header {name:?} cannot be sent: {reason}.")]
    InvalidHeader {
        /// The header's name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host's name has no address. Nothing was sent.
    #[error("The name {host} could not be resolved ({reason}). Check its spelling and this server's DNS.")]
    Resolve {
        /// The host's name.
        host: Box<str>,
        /// The resolver's own words.
        reason: String,
    },
    /// No address of the host accepted a connection. Nothing was sent.
    #[error(
        "{peer} could not be reached ({reason}). Check that it is running and that no firewall is in between."
    )]
    Connect {
        /// Who was called.
        peer: Peer,
        /// What the last address tried said.
        reason: String,
    },
    /// Resolving, connecting and the TLS handshake took longer than the settings allow. Nothing was sent.
    #[error("{peer} did not accept a connection within {}. Check that it is running and that no firewall is in between.", seconds(*.limit))]
    ConnectTimeout {
        /// Who was called.
        peer: Peer,
        /// The limit that ran out.
        limit: Duration,
    },
    /// The TLS handshake failed. Nothing of the request was sent.
    #[error("No secure connection to {peer}: {reason}.")]
    Tls {
        /// Who was called.
        peer: Peer,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The call's own time limit ran out.
    #[error("{peer} {} within {}.", if .status.is_some() { "began to answer, but did not finish" } else { "did not answer" }, seconds(*.limit))]
    Timeout {
        /// Who was called.
        peer: Peer,
        /// The limit that ran out.
        limit: Duration,
        /// The status, where a complete answer head had come.
        status: Option<u16>,
    },
    /// The connection ended before a complete answer head.
    #[error("{peer} ended the connection before it answered ({reason}).")]
    Closed {
        /// Who was called.
        peer: Peer,
        /// What the connection said.
        reason: String,
    },
    /// What came back is not an HTTP/1.1 answer.
    #[error("{peer} did not answer with HTTP ({reason}). Check the URL's port and scheme.")]
    InvalidResponse {
        /// Who was called.
        peer: Peer,
        /// What is wrong with it.
        reason: String,
    },
    /// A complete answer head came, but its body did not.
    #[error("{peer} answered with status {status}, but the answer's body is incomplete ({reason}).")]
    BodyBroken {
        /// Who was called.
        peer: Peer,
        /// The answer's status.
        status: u16,
        /// What happened.
        reason: String,
    },
    /// A complete answer head came, but its body is over the limit.
    #[error(
        "{peer} answered with status {status} and a body of more than {limit} bytes, which is the limit."
    )]
    ResponseTooLarge {
        /// Who was called.
        peer: Peer,
        /// The answer's status.
        status: u16,
        /// The limit in bytes.
        limit: usize,
    },
}

impl SendError {
    /// A stable name for logs, records and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "invalid_url",
            Self::InvalidMethod { .. } => "invalid_method",
            Self::InvalidHeader { .. } => "invalid_header",
            Self::Resolve { .. } => "resolve_failed",
            Self::Connect { .. } => "connect_failed",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Tls { .. } => "tls_failed",
            Self::Timeout { .. } => "timeout",
            Self::Closed { .. } => "connection_closed",
            Self::InvalidResponse { .. } => "invalid_response",
            Self::BodyBroken { .. } => "response_incomplete",
            Self::ResponseTooLarge { .. } => "response_too_large",
        }
    }

    /// Whether the same call may end otherwise at another time: not where the request itself, or the
    /// certificate, is what is wrong.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self,
            Self::InvalidUrl { .. }
                | Self::InvalidMethod { .. }
                | Self::InvalidHeader { .. }
                | Self::Tls { .. }
        )
    }

    /// The answer's status, where a complete answer head had come.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Timeout { status, .. } => *status,
            Self::BodyBroken { status, .. } | Self::ResponseTooLarge { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A duration as a person writes it: `5 s`, `0.25 s`.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
