//! `email_notification`: sends an email through a mail server of the user's.

use std::{fmt::Write, net::IpAddr, sync::Arc};

use lettre::message::Mailbox;
use onward_sdk::{Answer, Call, Context, ExampleText, Secret, Step, StepError};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    addresses::{self, Addresses, mailbox},
    message::{Draft, id_part},
    smtp::{Security, Server},
};

/// A server that is this machine, as `is_here` and `host_and_port` see it.
const HERE: &str = r"^\s*([Ll]ocalhost|LOCALHOST|127(\.[0-9]{1,3}){3}|(0*:)+0*1|\[(0*:)+0*1\])(:[0-9]+)?\s*$";

/// What every address has, perhaps beside a name.
const ADDRESS: &str = r"[^\s<>@]@[^\s<>@]";

/// Which mail server sends it, and from whom.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend(
    "dependentRequired" = {"username": ["password"], "password": ["username"]},
    "if" = {"required": ["password"], "properties": {"server": {"not": {"pattern": HERE}}}},
    "then" = {"properties": {"security": {"enum": ["starttls", "tls"]}}},
))]
pub(crate) struct Config {
    /// The mail server (SMTP), perhaps with a port.
    #[schemars(extend("x-onward" = {"placeholder": "smtp.example.com"}))]
    server: String,
    /// Its port: 587 with "starttls", 465 with "tls", 25 with "none", where neither this nor the server says another one.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// How the connection is encrypted: after the first lines ("starttls"), from the beginning ("tls"), or not at all ("none"), which is
    /// refused with a password unless the server is this machine.
    #[serde(default)]
    security: Security,
    /// The user name, where the mail server asks for one.
    username: Option<String>,
    /// Its password.
    #[schemars(extend("x-onward" = {"secret": true, "placeholder": "{{secrets.SMTP_PASSWORD}}"}))]
    password: Option<Secret>,
    /// From whom it comes: an address, perhaps with a name.
    #[schemars(extend("pattern" = ADDRESS, "x-onward" = {"placeholder": "Orders <orders@example.com>"}))]
    from: String,
    /// Where answers go, if not there.
    #[schemars(extend("pattern" = ADDRESS))]
    reply_to: Option<String>,
    /// The certificate authority (PEM) that vouches for the mail server, trusted instead of all others.
    #[schemars(extend("x-onward" = {"secret": true, "group": "Advanced", "placeholder": "{{secrets.CA}}"}))]
    ca: Option<Secret>,
}

/// To whom, and what.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("if" = {"required": ["html"]}, "else" = {"required": ["text"]}))]
pub(crate) struct Params {
    /// To whom: addresses with commas between them, or a list of one address each. Empty ones are left out.
    #[schemars(schema_with = "addresses::schema", extend("x-onward" = {"template": "text", "placeholder": "{{Contact Email}}"}))]
    to: Addresses,
    /// Who gets a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "addresses::schema", extend("x-onward" = {"template": "text"}))]
    cc: Option<Addresses>,
    /// Who gets a copy that the others do not know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "addresses::schema", extend("x-onward" = {"template": "text"}))]
    bcc: Option<Addresses>,
    /// The subject: one line.
    #[schemars(extend("x-onward" = {"template": "header", "placeholder": "{{Company Name}} has signed"}))]
    subject: String,
    /// The message as a plain text. There is `text`, `html`, or both, of which each reader sees one.
    #[schemars(extend("x-onward" = {"template": "text", "widget": "textarea"}))]
    text: Option<String>,
    /// The message as HTML.
    #[schemars(extend("x-onward" = {"template": "html", "widget": "code"}))]
    html: Option<String>,
}

pub(crate) struct EmailNotification {
    server: Server,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Step for EmailNotification {
    const ID: &'static str = "email_notification";
    const TITLE: &'static str = "Send an email";
    const ICON: Option<&'static str> = Some(include_str!("email_notification.svg"));
    const HELP: Option<&'static str> = Some(
        "Sends an email through your mail server (SMTP).\n\n\
         It goes to all the addresses or, where the server refuses one of them, to none. The step has succeeded when the server has taken the \
         message; whether it arrives, only the mail itself can tell. Where the connection breaks after the message was handed over, nobody knows, \
         and it is not sent again by itself. All tries have the same `Message-ID`, so that a repetition can be recognised.\n\n\
         **The step connects to the mail server by itself**, not through the server's client for calls: `egress.allow`, the refusal of private \
         addresses and `egress.proxy` do not apply to it.",
    );
    const EXAMPLES: &'static [ExampleText] = &[
        ExampleText {
            title: "Tell whoever the task is assigned to",
            config: r#"{"server": "smtp.example.com", "username": "onward", "password": "{{secrets.SMTP_PASSWORD}}", "from": "Orders <orders@example.com>"}"#,
            params: r#"{"to": "{{Assigned To}}", "subject": "{{Company Name}} waits for you", "text": "{{user.first_name}} has finished their part."}"#,
        },
        ExampleText {
            title: "To a customer, with HTML",
            config: r#"{"server": "smtp.example.com", "security": "tls", "username": "onward", "password": "{{secrets.SMTP_PASSWORD}}", "from": "orders@example.com", "reply_to": "support@example.com"}"#,
            params: r#"{"to": ["{{Contact Email}}"], "bcc": "archive@example.com", "subject": "Your order", "text": "Thank you, {{Contact Name}}.", "html": "<p>Thank you, <b>{{Contact Name}}</b>.</p>"}"#,
        },
        ExampleText {
            title: "Through a relay on this machine",
            config: r#"{"server": "localhost", "security": "none", "from": "onward@example.com"}"#,
            params: r#"{"to": "team@example.com", "subject": "Done", "text": "{{Company Name}} is done."}"#,
        },
    ];
    type Config = Config;
    type Params = Params;

    fn new(config: Config, context: &Context) -> Result<Self, StepError> {
        let address = |key: &str, text: &str| {
            mailbox(text).ok_or_else(|| StepError::config(key, format!("“{text}” is not an email address")))
        };
        let from = address("/from", &config.from)?;
        let reply_to = config.reply_to.as_deref().map(|text| address("/reply_to", text)).transpose()?;
        let (host, port) = host_and_port(&config)?;
        let credentials = match (config.username, config.password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => return Err(StepError::config("/password", "the user name has no password")),
            (None, Some(_)) => return Err(StepError::config("/username", "the password has no user name")),
        };
        if config.security == Security::None && credentials.is_some() && !is_here(&host) {
            let message = "the password would be sent in the open: \"starttls\" or \"tls\" is needed";
            return Err(StepError::config("/security", message));
        }
        let tls = trust(config.ca.as_ref(), context)?;
        let server = Server { host, port, security: config.security, credentials, tls };
        Ok(Self { server, from, reply_to })
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let Params { to, cc, bcc, subject, text, html } = &call.params;
        let read = |addresses: &Option<Addresses>| {
            addresses.as_ref().map_or_else(|| Ok(Vec::new()), Addresses::read)
        };
        let (to, cc, bcc) = (to.read()?, read(cc)?, read(bcc)?);
        let filled = |text: &'_ Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let draft = Draft {
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            to,
            cc,
            bcc,
            subject: subject.trim(),
            text: text.as_deref().filter(|_| filled(text)),
            html: html.as_deref().filter(|_| filled(html)),
            date: call.now(),
            id: message_id(call),
        };
        let message = draft.ready()?;
        call.progress("sending");
        let taken = self.server.send(&message, call)?;
        call.debug(format_args!("the mail server took the message: {taken}"));
        let addresses = match message.recipients.as_slice() {
            [_] => "1 address".to_owned(),
            more => format!("{} addresses", more.len()),
        };
        Ok(Answer::new().note(format!("sent to {addresses}: {taken}")))
    }
}

/// What names the message over all tries: the execution and the step.
fn message_id(call: &Call<Params>) -> String {
    let step = match &call.step {
        Some(step) => id_part(step),
        // Of an older server: what it says tells it from another step's message.
        None => {
            let mut said = format!("{}\0", call.params.subject);
            for part in [&call.params.text, &call.params.html].into_iter().flatten() {
                let _ = write!(said, "{part}\0");
            }
            format!("{:016x}", hash(said.as_bytes()))
        }
    };
    format!("{}.{step}", id_part(&call.execution))
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Of `smtp.example.com`, `smtp.example.com:2525`, `[::1]:25`, or one with `port` beside it.
fn host_and_port(config: &Config) -> Result<(String, u16), StepError> {
    let text = config.server.trim();
    let is_address = text.parse::<IpAddr>().is_ok();
    let (host, own) = match text.rsplit_once(':') {
        Some((host, port)) if !is_address && !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_sound = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty()
        || text.contains('/')
        || !(host.chars().all(is_sound) || host.parse::<IpAddr>().is_ok())
    {
        let message = format!("“{text}” is not the name of a server, such as smtp.example.com");
        return Err(StepError::config("/server", message));
    }
    let own = own.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
    let port = match (own, config.port) {
        (Some(None), _) => {
            return Err(StepError::config("/server", format!("“{text}” has no port after its colon")));
        }
        (Some(Some(own)), Some(port)) if own != port => {
            return Err(StepError::config("/port", "the server has another port"));
        }
        (Some(Some(port)), _) | (None, Some(port)) => port,
        (None, None) => match config.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        },
    };
    Ok((host.to_owned(), port))
}

fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Who is trusted to vouch for a mail server: one authority, or those of the system.
fn trust(ca: Option<&Secret>, context: &Context) -> Result<Arc<ClientConfig>, StepError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            let wrong = || StepError::config("/ca", "there is no certificate (PEM) in it");
            let certificates =
                CertificateDer::pem_slice_iter(pem.expose().as_bytes()).collect::<Result<Vec<_>, _>>();
            for certificate in certificates.map_err(|_| wrong())? {
                roots.add(certificate).map_err(|_| wrong())?;
            }
            if roots.is_empty() {
                return Err(wrong());
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            for error in &native.errors {
                context.warn(format_args!(
                    "some of the system's certificate authorities cannot be read: {error}"
                ));
            }
            roots.add_parsable_certificates(native.certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder =
        builder.map_err(|error| StepError::new("tls_failed", format!("TLS cannot be set up: {error}.")))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
