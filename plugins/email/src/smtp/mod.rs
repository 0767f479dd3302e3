//! Hands a message to a mail server (RFC 5321), and says what came of it: taken, refused, or nobody knows.
//!
//! The connection is the plugin's own. It does not go through the server's client for HTTP, and so not under its rules of who may be
//! called either.

mod wire;

use std::{
    io::{self, ErrorKind},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::Address;
use onward_sdk::{Context, Secret, StepError};
use rustls::{ClientConfig, pki_types::ServerName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::wire::{Patience, Reply, Wire};
use crate::message::Ready;

/// How long a message may take where the server sets no limit.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long before the call's own end a conversation is given up.
const MARGIN: Duration = Duration::from_secs(1);

/// How what is said is kept from others.
#[derive(Deserialize, Serialize, JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum Security {
    /// Encrypted after the first lines, or not at all.
    #[default]
    Starttls,
    /// Encrypted from the beginning.
    Tls,
    /// In the open.
    None,
}

/// A mail server, and how it knows us.
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, Secret)>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Server {
    /// Sends a message to all its recipients, or to none of them; what the server said of it.
    pub(crate) fn send(&self, message: &Ready, context: &Context) -> Result<String, StepError> {
        let patience = context.remaining().unwrap_or(PATIENCE);
        // A little less: of a call that ends by itself the server knows what became of it.
        let deadline = Instant::now() + patience - (patience / 10).min(MARGIN);
        let patience = Patience { deadline, context };
        let addresses = patience.addresses(&self.host, self.port);
        let wire = addresses.and_then(|addresses| Wire::connect(&addresses, patience));
        let wire = wire.map_err(|error| self.not_reached(&error, context))?;
        let mut talk = Talk { server: self, context, wire, extensions: Vec::new() };
        talk.begin()?;
        talk.authenticate()?;
        talk.address(message)?;
        let taken = talk.deliver(&message.bytes)?;
        // It is taken, whatever becomes of the farewell.
        let _ = talk.wire.write(b"QUIT\r\n");
        Ok(taken)
    }

    fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn not_reached(&self, error: &io::Error, context: &Context) -> StepError {
        if context.is_cancelled() && error.kind() == ErrorKind::ConnectionAborted {
            return StepError::cancelled();
        }
        let code = if error.kind() == ErrorKind::TimedOut { "timeout" } else { "connect_failed" };
        StepError::new(code, format!("The mail server {} cannot be reached: {error}.", self.place()))
            .retryable()
    }
}

/// A conversation with a server.
struct Talk<'s, 'c> {
    server: &'s Server,
    context: &'c Context,
    wire: Wire<'c>,
    /// What the server offers.
    extensions: Vec<String>,
}

impl Talk<'_, '_> {
    /// Greets, and encrypts as the server's settings say.
    fn begin(&mut self) -> Result<(), StepError> {
        if self.server.security == Security::Tls {
            self.encrypt()?;
        }
        let greeting = self.wire.reply().map_err(|error| self.lost(&error))?;
        self.positive(greeting, &[220], "greeted_badly", "does not take messages now")?;
        self.greet()?;
        if self.server.security != Security::Starttls {
            return Ok(());
        }
        if !self.offers("STARTTLS") {
            let message = format!(
                "The mail server {} offers no encryption (STARTTLS), so nothing was sent. Perhaps it wants security = \"tls\", on port 465.",
                self.server.place()
            );
            return Err(StepError::new("no_starttls", message));
        }
        self.say("STARTTLS", &[220], "tls_failed", "does not begin the encryption")?;
        self.encrypt()?;
        // What it offered in the open does not count.
        self.greet()
    }

    fn encrypt(&mut self) -> Result<(), StepError> {
        let place = self.server.place();
        let failed = |error: &dyn std::fmt::Display| {
            StepError::new(
                "tls_failed",
                format!("The connection to the mail server {place} cannot be encrypted: {error}."),
            )
        };
        let name = ServerName::try_from(self.server.host.clone()).map_err(|error| failed(&error))?;
        self.wire.encrypt(&self.server.tls, name).map_err(|error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::Other => failed(&error),
            _ => self.lost(&error),
        })
    }

    fn greet(&mut self) -> Result<(), StepError> {
        let own = self.wire.own_address().map_err(|error| self.lost(&error))?;
        let name = match own.ip() {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let reply =
            self.say(&format!("EHLO {name}"), &[250], "greeted_badly", "does not take messages from here")?;
        self.extensions = reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    /// Whether the server has an extension.
    fn offers(&self, name: &str) -> bool {
        self.words(name).is_some()
    }

    /// What the server says of an extension.
    fn words(&self, name: &str) -> Option<Vec<&str>> {
        self.extensions.iter().find_map(|line| {
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            (words.next() == Some(name)).then(|| words.collect())
        })
    }

    fn authenticate(&mut self) -> Result<(), StepError> {
        let Some((user, password)) = &self.server.credentials else { return Ok(()) };
        let offered = self.words("AUTH").unwrap_or_default();
        let (code, what) = ("auth_failed", "does not take the user name and the password");
        if offered.contains(&"PLAIN") {
            let token = STANDARD.encode(format!("\0{user}\0{}", password.expose()));
            self.say(&format!("AUTH PLAIN {token}"), &[235], code, what)?;
        } else if offered.contains(&"LOGIN") {
            self.say("AUTH LOGIN", &[334], code, what)?;
            self.say(&STANDARD.encode(user), &[334], code, what)?;
            self.say(&STANDARD.encode(password.expose()), &[235], code, what)?;
        } else {
            let message = format!(
                "The mail server {} takes no user name and password in a way that is known here (PLAIN or LOGIN).",
                self.server.place()
            );
            return Err(StepError::new("auth_failed", message));
        }
        Ok(())
    }

    /// Says from whom the message comes, and to whom it goes: to all of them, or it is not sent.
    fn address(&mut self, message: &Ready) -> Result<(), StepError> {
        let size = self.words("SIZE").and_then(|words| words.first()?.parse::<usize>().ok()).unwrap_or(0);
        if size > 0 && message.bytes.len() > size {
            let message = format!(
                "The message has {} bytes; the mail server takes {size} at most.",
                message.bytes.len()
            );
            return Err(StepError::new("message_too_large", message));
        }
        let everybody = || message.recipients.iter().chain([&message.from]);
        let foreign = everybody().find(|address| !AsRef::<str>::as_ref(address).is_ascii());
        let options = match foreign {
            None => "",
            Some(_) if self.offers("SMTPUTF8") => " SMTPUTF8",
            Some(address) => {
                let message = format!(
                    "The mail server cannot send to or from {address}: it knows ASCII addresses only."
                );
                return Err(StepError::new("invalid_address", message));
            }
        };
        let from = &message.from;
        self.say(
            &format!("MAIL FROM:<{from}>{options}"),
            &[250],
            "sender_refused",
            &format!("refuses {from} as the sender"),
        )?;
        let mut refused: Vec<(&Address, Reply)> = Vec::new();
        for to in &message.recipients {
            let reply = self.ask(&format!("RCPT TO:<{to}>"))?;
            if !matches!(reply.code, 250..=252) {
                refused.push((to, reply));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(self.refused_recipients(&refused)) }
    }

    fn refused_recipients(&self, refused: &[(&Address, Reply)]) -> StepError {
        let shown = refused.iter().take(10).map(|(to, reply)| format!("{to} ({})", self.told(reply)));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let message = format!(
            "The mail server {} refuses to send to {shown}. Nothing was sent to anybody.",
            self.server.place()
        );
        let error = StepError::new("recipient_refused", message);
        let may_pass = refused.iter().all(|(_, reply)| (400..500).contains(&reply.code));
        if may_pass { error.retryable() } else { error }
    }

    /// Hands the message over. From its last line on, nobody knows what became of it until the server says so.
    fn deliver(&mut self, message: &[u8]) -> Result<String, StepError> {
        self.say("DATA", &[354], "message_refused", "refuses the message")?;
        self.wire.write(&stuffed(message)).map_err(|error| self.lost(&error))?;
        let ended = self.wire.write(b".\r\n").and_then(|()| self.wire.reply());
        let reply = ended.map_err(|error| {
            let message = format!(
                "The message was sent, and the mail server {} did not say whether it has taken it: {error}.",
                self.server.place()
            );
            StepError::new("no_answer", message).unknown()
        })?;
        // The message is taken whichever success it is: another try would send it twice.
        let wanted = if (200..300).contains(&reply.code) { reply.code } else { 250 };
        let reply = self.positive(reply, &[wanted], "message_refused", "refuses the message")?;
        Ok(self.told(&reply))
    }

    /// Says a line, and expects one of some replies.
    fn say(&mut self, line: &str, wanted: &[u16], code: &str, otherwise: &str) -> Result<Reply, StepError> {
        let reply = self.ask(line)?;
        self.positive(reply, wanted, code, otherwise)
    }

    fn ask(&mut self, line: &str) -> Result<Reply, StepError> {
        let asked = self.wire.write(format!("{line}\r\n").as_bytes()).and_then(|()| self.wire.reply());
        asked.map_err(|error| self.lost(&error))
    }

    fn positive(
        &self,
        reply: Reply,
        wanted: &[u16],
        code: &str,
        otherwise: &str,
    ) -> Result<Reply, StepError> {
        if wanted.contains(&reply.code) {
            return Ok(reply);
        }
        let message = format!("The mail server {} {otherwise}: {}.", self.server.place(), self.told(&reply));
        let error = StepError::new(code, message);
        Err(if (400..500).contains(&reply.code) { error.retryable() } else { error })
    }

    /// What a reply says, without the password, which servers may repeat, also as it was sent.
    fn told(&self, reply: &Reply) -> String {
        let Some((user, password)) = &self.server.credentials else { return reply.text_without(&[]) };
        let password = password.expose();
        let encoded = [STANDARD.encode(format!("\0{user}\0{password}")), STANDARD.encode(password)];
        reply.text_without(&[encoded.as_slice(), &[password.to_owned()]].concat())
    }

    /// The connection broke before the message was whole, so nobody has got it.
    fn lost(&self, error: &io::Error) -> StepError {
        if self.context.is_cancelled() && error.kind() == ErrorKind::ConnectionAborted {
            return StepError::cancelled();
        }
        let code = if error.kind() == ErrorKind::TimedOut { "timeout" } else { "connection_lost" };
        let message = format!("The mail server {} did not take the message: {error}.", self.server.place());
        StepError::new(code, message).retryable()
    }
}

/// Lines as SMTP has them: each ends in CR and LF, and one that begins with a dot has two.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + message.len() / 50 + 2);
    let text = message.strip_suffix(b"\n").unwrap_or(message);
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        // A lone CR would end a line to some servers, and not to others.
        stuffed.extend(line.iter().filter(|byte| **byte != b'\r'));
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_message_ends_it() {
        for (message, expected) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a", "a\r\n"),
            (".\r\n..\r\nx.", "..\r\n...\r\nx.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb\r\n", "a.b\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&stuffed(message.as_bytes())), expected, "{message:?}");
        }
    }
}
