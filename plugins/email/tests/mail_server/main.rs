//! `email_notification` beside a mail server that nobody here wrote, which reads what it is sent with a parser that nobody here wrote
//! either. `.ci/run` installs them (`ONWARD_MAIL` names the folder with Python) and runs this.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use onward_sdk::{
    StepError,
    document::Answer,
    testing::{Failure, Host, input},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A mail server with a certificate for 127.0.0.1; it ends with this.
struct MailServer {
    child: Child,
    /// Whose end is the server's.
    _input: ChildStdin,
    folder: TempDir,
    port: u16,
    /// The authority that has signed its certificate.
    ca: String,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority, and a certificate of it with its key: in PEM.
fn certificates() -> (String, String, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Mail");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    let signed = params.signed_by(&key, &issuer).expect("a certificate");
    (ca, signed.pem(), key.serialize_pem())
}

impl MailServer {
    fn start(arguments: &[&str]) -> Self {
        let installed =
            std::env::var_os("ONWARD_MAIL").expect("ONWARD_MAIL names the folder with the mail server");
        let folder = tempfile::tempdir().expect("a folder");
        let (ca, certificate, key) = certificates();
        fs::write(folder.path().join("server.pem"), certificate).expect("written");
        fs::write(folder.path().join("server.key"), key).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_server/server.py");
        let mut child = Command::new(PathBuf::from(installed).join("venv/bin/python"))
            .arg(script)
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the mail server starts");
        let input = child.stdin.take().expect("its input");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut port).expect("a line");
        let port = port.trim().parse().expect("its port: the mail server did not start");
        Self { child, _input: input, folder, port, ca }
    }

    /// A configuration that reaches it.
    fn config(&self, more: Value) -> Value {
        let mut config = json!({"server": "127.0.0.1", "port": self.port, "from": "Ørders <orders@example.com>", "ca": self.ca});
        let Value::Object(more) = more else { panic!("no object") };
        config.as_object_mut().expect("an object").extend(more);
        config
    }

    /// A message that it has taken.
    fn taken(&self, number: u32) -> Value {
        let text = fs::read(self.folder.path().join(format!("{number}.json"))).expect("a message");
        serde_json::from_slice(&text).expect("JSON")
    }
}

fn send(config: Value, params: Value) -> Result<Answer, StepError> {
    let plugin = Host::new().load(onward_plugin_email::onward_plugin_v1_entry);
    let step = plugin.step("email_notification").create(config).expect("an instance");
    match step.run(&input(json!({}), params)).result {
        Ok(answer) => Ok(answer),
        Err(Failure::Error(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn hello() -> Value {
    json!({"to": "jane@example.com", "subject": "Hello", "text": "Dear Jane"})
}

#[test]
fn a_message_arrives_as_it_was_meant() {
    let server = MailServer::start(&["none"]);
    let long = "A long paragraph – with “words” that are not ASCII – that goes on and on. ".repeat(50);
    let text = format!("Grüße an 漢字 🚀\n.\n.. two dots\nFrom here\n{long}\n\nEnd");
    let params = json!({
        "to": "\"Doe, Jané\" <jane@example.com>, joe@example.com", "cc": ["Team <team@example.com>"], "bcc": "archive@example.com",
        "subject": "Contract of 10,000 € with Müller & Søn: please look at it, and sign it until Friday; it is “urgent” 🚀",
        "text": text, "html": "<p>Grüße &amp; <b>漢字</b></p>",
    });
    let answer =
        send(server.config(json!({"security": "none", "reply_to": "help@example.com"})), params.clone())
            .expect("sent");
    assert_eq!(answer.note.as_deref(), Some("sent to 4 addresses: 250 2.0.0 OK queued as 1"));
    let taken = server.taken(1);
    assert_eq!((&taken["from"], &taken["encrypted"]), (&json!("orders@example.com"), &json!(false)));
    let everybody = json!(["jane@example.com", "joe@example.com", "team@example.com", "archive@example.com"]);
    assert_eq!(taken["to"], everybody);
    let headers = &taken["headers"];
    for (name, value) in [
        ("from", "Ørders <orders@example.com>"),
        ("reply-to", "help@example.com"),
        ("to", "\"Doe, Jané\" <jane@example.com>, joe@example.com"),
        ("cc", "Team <team@example.com>"),
        ("message-id", "<execution-1.step-1@example.com>"),
        ("auto-submitted", "auto-generated"),
        ("date", "Wed, 15 Jan 2020 09:30:00 +0000"),
    ] {
        assert_eq!(headers[name], value, "{name}: {headers}");
    }
    assert_eq!(headers["subject"], params["subject"]);
    assert_eq!(headers["bcc"], Value::Null);
    assert_eq!((&taken["kind"], &taken["defects"]), (&json!("multipart/alternative"), &json!([])));
    let parts = taken["parts"].as_array().expect("parts");
    assert_eq!(parts.len(), 2, "{parts:?}");
    let part =
        |at: usize| (parts[at][0].as_str(), parts[at][1].as_str().map(|text| text.replace("\r\n", "\n")));
    assert_eq!(part(0).0, Some("text/plain"));
    assert_eq!(part(0).1.expect("a text").trim_end(), text);
    assert_eq!(part(1).0, Some("text/html"));
    assert_eq!(part(1).1.expect("a text").trim_end(), "<p>Grüße &amp; <b>漢字</b></p>");
    let raw = taken["raw"].as_str().expect("the bytes");
    assert!(!raw.contains("archive@example.com"), "{raw}");
    assert!(raw.lines().all(|line| line.len() <= 998), "a line is too long");
}

#[test]
fn a_message_goes_encrypted_with_a_password() {
    for security in ["starttls", "tls"] {
        let server = MailServer::start(&[security, "onward", "hünter 2"]);
        let config = |password: &str| {
            server.config(json!({"security": security, "username": "onward", "password": password}))
        };
        send(config("hünter 2"), hello()).expect("sent");
        let taken = server.taken(1);
        assert_eq!((&taken["encrypted"], &taken["user"]), (&json!(true), &json!("onward")), "{security}");
        assert_eq!(taken["kind"], "text/plain");
        let error = send(config("wrong"), hello()).expect_err("refused");
        assert_eq!((error.code.as_str(), error.retryable), ("auth_failed", false), "{error}");
        assert!(error.message.contains("535"), "{error}");
        let error = send(server.config(json!({"security": security})), hello()).expect_err("refused");
        assert!(error.code == "sender_refused" && error.message.contains("530"), "{error}");
    }
}

#[test]
fn nobody_is_trusted_who_cannot_show_that_they_are_the_server() {
    for security in ["starttls", "tls"] {
        let server = MailServer::start(&[security]);
        let (other, _, _) = certificates();
        for config in [
            json!({"security": security, "ca": other}),
            // The certificate is for 127.0.0.1.
            json!({"security": security, "server": "localhost"}),
        ] {
            let error = send(server.config(config), hello()).expect_err("refused");
            assert_eq!((error.code.as_str(), error.retryable), ("tls_failed", false), "{error}");
            assert!(error.message.contains("certificate"), "{error}");
        }
        assert!(!server.folder.path().join("1.json").exists());
    }
}

#[test]
fn ways_that_do_not_fit_the_server_end_soon_and_say_why() {
    let server = MailServer::start(&["starttls"]);
    let error =
        send(server.config(json!({"security": "tls"})), hello()).expect_err("not TLS from the beginning");
    assert_eq!(error.code, "tls_failed", "{error}");
    let error = send(server.config(json!({"security": "none"})), hello()).expect_err("not in the open");
    assert!(error.code == "sender_refused" && error.message.contains("STARTTLS"), "{error}");
    let server = MailServer::start(&["none"]);
    let error = send(server.config(json!({"security": "starttls"})), hello()).expect_err("not encrypted");
    assert_eq!(error.code, "no_starttls", "{error}");
}

#[test]
fn where_one_is_refused_nobody_gets_it() {
    let server = MailServer::start(&["none"]);
    let params =
        json!({"to": "jane@example.com, nobody@example.com", "subject": "Hello", "text": "Dear all"});
    let error = send(server.config(json!({"security": "none"})), params).expect_err("refused");
    assert_eq!((error.code.as_str(), error.retryable), ("recipient_refused", false));
    assert!(error.message.contains("nobody@example.com (550 5.1.1 nobody is called so)"), "{error}");
    assert!(!server.folder.path().join("1.json").exists());
}
