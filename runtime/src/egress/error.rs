//! What can go wrong with an outgoing call, in words for the person whose action failed.
//!
//! Knows no policy: whether a call may be tried again is decided from
//! [`Exchange::certainty`](super::Exchange::certainty), which counts bytes, and never from the kind of an error.
//! URLs are not repeated in texts, because a query string may carry a key.

use std::{fmt, time::Duration};

use super::{Blocked, Unavailable};

/// The other end of a call, for texts: a host, and its port unless that is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub(super) Box<str>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far an exchange was when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No byte of the request had left.
    Opening,
    /// The answer's head was still to come.
    Waiting,
    /// The answer's body was coming.
    Reading {
        /// The answer's status.
        status: u16,
    },
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening => f.write_str("took nothing of the request"),
            Self::Waiting => f.write_str("did not answer"),
            Self::Reading { status } => {
                write!(f, "answered with status {status}, but did not finish the answer")
            }
        }
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
    /// The host's addresses are among those that calls do not reach. Nothing was sent.
    #[error("{host} is not called: {blocked}.")]
    Blocked {
        /// The host as the URL has it.
        host: Box<str>,
        /// The range, and what would allow it.
        blocked: Blocked,
    },
    /// The endpoint is not called now. Nothing was sent.
    #[error("{peer} {}", unavailable(*.why))]
    Unavailable {
        /// Who was to be called.
        peer: Peer,
        /// Why it is not.
        why: Unavailable,
    },
    /// The proxy did not lead there. Nothing was sent.
    #[error("{peer} could not be reached through the proxy: {reason}.")]
    Proxy {
        /// Who was called.
        peer: Peer,
        /// What the proxy did.
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
    #[error(
        "{peer} did not {} within {}. {}.",
        if *.connected { "finish the TLS handshake" } else { "accept a connection" },
        seconds(*.limit),
        if *.connected {
            "Check the URL's port and scheme"
        } else {
            "Check that it is running and that no firewall is in between"
        }
    )]
    ConnectTimeout {
        /// Who was called.
        peer: Peer,
        /// The limit that ran out.
        limit: Duration,
        /// It accepted a connection and left the TLS handshake unfinished.
        connected: bool,
    },
    /// What the call brings for TLS cannot be used. Nothing was sent.
    #[error("{peer} is not called, because its `tls` cannot be used: {reason}.")]
    CallTls {
        /// Who was to be called.
        peer: Peer,
        /// What is wrong with it, without repeating it.
        reason: String,
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
    #[error("{peer} {phase} within {}.", seconds(*.limit))]
    Timeout {
        /// Who was called.
        peer: Peer,
        /// The limit that ran out.
        limit: Duration,
        /// How far it was.
        phase: Phase,
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
    /// The answer's head, or the interim ones before it, have no end that we wait for.
    #[error("{peer} began an answer whose head is too large ({reason}).")]
    HeadTooLarge {
        /// Who was called.
        peer: Peer,
        /// What there is too much of.
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
            Self::Blocked { .. } => "egress_blocked",
            Self::Unavailable { why: Unavailable::Open { .. }, .. } => "endpoint_failing",
            Self::Unavailable { why: Unavailable::Disabled, .. } => "endpoint_disabled",
            Self::Unavailable { why: Unavailable::Busy { .. } | Unavailable::Waited, .. } => "endpoint_busy",
            Self::Proxy { .. } => "proxy_failed",
            Self::Connect { .. } => "connect_failed",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::CallTls { .. } => "invalid_tls",
            Self::Tls { .. } => "tls_failed",
            Self::Timeout { .. } => "timeout",
            Self::Closed { .. } => "connection_closed",
            Self::InvalidResponse { .. } => "invalid_response",
            Self::HeadTooLarge { .. } => "response_head_too_large",
            Self::BodyBroken { .. } => "response_incomplete",
            Self::ResponseTooLarge { .. } => "response_too_large",
        }
    }

    /// Whether the same call may end otherwise at another time: not where the request itself, the
    /// certificate or the answer's size is what is wrong.
    pub fn may_pass(&self) -> bool {
        !self.is_of_the_call()
            && !matches!(
                self,
                Self::Unavailable { why: Unavailable::Disabled, .. }
                    | Self::Tls { .. }
                    | Self::ResponseTooLarge { .. }
            )
    }

    /// Whether the endpoint, or the way to it, is what failed.
    pub(super) fn is_of_the_endpoint(&self) -> bool {
        !self.is_of_the_call() && !matches!(self, Self::Unavailable { .. })
    }

    /// Whether what is wrong is the call itself, whoever it is for.
    fn is_of_the_call(&self) -> bool {
        matches!(
            self,
            Self::InvalidUrl { .. }
                | Self::InvalidMethod { .. }
                | Self::InvalidHeader { .. }
                | Self::Blocked { .. }
                | Self::CallTls { .. }
        )
    }

    /// How long the endpoint is not called, where that is why this one was not.
    pub fn not_before(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { why: Unavailable::Open { remaining, .. }, .. } => Some(*remaining),
            _ => None,
        }
    }
}

fn unavailable(why: Unavailable) -> String {
    match why {
        Unavailable::Open { failures, remaining } => {
            let again = match remaining.as_secs() {
                0 => "a moment".to_owned(),
                seconds => format!("{} s", seconds + 1),
            };
            format!("has failed {failures} times in a row and is not called now. Try again in {again}.")
        }
        Unavailable::Disabled => {
            "has said that it is gone (410) and is called no more. Check the URL; then an administrator can enable \
             the endpoint."
                .to_owned()
        }
        Unavailable::Busy { waiting_max } => {
            format!("is slow: {waiting_max} calls wait for it already. Try again in a moment.")
        }
        Unavailable::Waited => "is slow, or is called as often as it may be: there was no place for this call in time. Try again in a moment.".to_owned(),
    }
}

/// A duration as a person writes it: `5 s`, `0.25 s`.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
