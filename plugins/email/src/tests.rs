//! The step, by the library's C functions, beside a mail server that does as a test says. `tests/mail_server` has a real one.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use onward_sdk::{
    StepError,
    description::{Escaping, Hints},
    testing::{Failure, Host, Instance, Run, Running, input},
};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

/// What a server says instead of what it should, to a line that begins so; `""` is the greeting, `"."` the end of the message.
type Script = &'static [(&'static str, Does)];

#[derive(Clone, Copy)]
enum Does {
    Says(&'static str),
    HangsUp,
    /// Until the client hangs up.
    Waits,
}

use Does::{HangsUp, Says, Waits};

/// A mail server for one message, which keeps what it was told.
struct Fake {
    port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn new(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&told);
        thread::spawn(move || {
            if let Ok((stream, _)) = listener.accept() {
                let _ = play(&stream, script, &keep);
            }
        });
        Self { port, told }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().expect("what it was told").clone()
    }

    /// The lines of the message, as they came.
    fn message(&self) -> String {
        let told = self.told();
        let lines = told.iter().skip_while(|line| *line != "DATA").skip(1).take_while(|line| *line != ".");
        lines.map(|line| format!("{line}\n")).collect()
    }
}

fn play(mut stream: &TcpStream, script: Script, told: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut line = String::new();
    loop {
        let scripted = script
            .iter()
            .find(|(begins, _)| if begins.is_empty() { line.is_empty() } else { line.starts_with(begins) });
        let usual = match line.split(' ').next().unwrap_or_default() {
            "" => "220 fake\r\n",
            "EHLO" => "250-fake\r\n250-SIZE 100000\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => "235 ok\r\n",
            "DATA" => "354 go on\r\n",
            "." => "250 OK queued as 42\r\n",
            _ => "250 OK\r\n",
        };
        match scripted.map_or(Says(usual), |(_, does)| *does) {
            Says(reply) => stream.write_all(reply.as_bytes())?,
            HangsUp => return Ok(()),
            Waits => {}
        }
        let is_message = line == "DATA";
        loop {
            let Some(next) = lines.next() else { return Ok(()) };
            line = next?;
            told.lock().expect("what it was told").push(line.clone());
            if !is_message || line == "." {
                break;
            }
        }
    }
}

fn config(port: u16) -> Value {
    json!({"server": "127.0.0.1", "port": port, "security": "none", "from": "Orders <orders@example.com>"})
}

fn with(mut config: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    config.as_object_mut().expect("an object").extend(more);
    config
}

fn made(host: &Host, config: Value) -> Instance {
    host.load(crate::onward_plugin_v1_entry).step("email_notification").create(config).expect("an instance")
}

fn hello() -> Value {
    json!({"to": "a@x.example, B <b@x.example>", "subject": "Hello", "text": "Dear all"})
}

fn run(config: Value, params: Value) -> Run {
    made(&Host::new(), config).run(&input(json!({}), params))
}

/// What becomes of a message where the server does as it should not.
fn refused(script: Script) -> StepError {
    run(config(Fake::new(script).port), hello()).error()
}

#[test]
fn it_says_what_it_takes() {
    let plugin = Host::new().load(crate::onward_plugin_v1_entry);
    let described = plugin.step("email_notification").describe().expect("a description");
    let (config, params) = (described.config.expect("a schema"), described.params.expect("a schema"));
    assert!(Hints::of(&config["properties"]["password"]).expect("hints").secret);
    assert_eq!(config["properties"]["security"]["default"], "starttls");
    assert_eq!(
        (&config["required"], &params["required"]),
        (&json!(["server", "from"]), &json!(["to", "subject"]))
    );
    for (key, escaping) in [
        ("to", Escaping::Text),
        ("cc", Escaping::Text),
        ("bcc", Escaping::Text),
        ("subject", Escaping::Header),
        ("text", Escaping::Text),
        ("html", Escaping::Html),
    ] {
        assert_eq!(Hints::of(&params["properties"][key]).expect("hints").template, Some(escaping), "{key}");
    }
    assert!(described.icon.is_some() && described.examples.len() == 3);
    assert!(described.help.expect("help").contains("`egress.allow`"));
}

#[test]
fn a_message_is_handed_over() {
    let fake = Fake::new(&[]);
    let params = json!({
        "to": ["Jürgen <a@x.example>", ""], "cc": "b@x.example", "bcc": "c@x.example, a@x.example", "subject": " Grüße ",
        "text": ".\nA dot, and Grüße", "html": "<p>Grüße</p>",
    });
    let run = run(with(config(fake.port), json!({"reply_to": "help@example.com"})), params);
    assert_eq!(run.answer().note.as_deref(), Some("sent to 3 addresses: 250 OK queued as 42"));
    let told = fake.told();
    let commands = [
        "EHLO [127.0.0.1]",
        "MAIL FROM:<orders@example.com>",
        "RCPT TO:<a@x.example>",
        "RCPT TO:<b@x.example>",
        "RCPT TO:<c@x.example>",
        "DATA",
    ];
    assert_eq!(told[..6], commands);
    let message = fake.message();
    let (head, body) = message.split_once("\n\n").expect("a head and a body");
    for header in [
        "From: Orders <orders@example.com>",
        "Reply-To: help@example.com",
        "To: =?utf-8?b?SsO8cmdlbg==?= <a@x.example>",
        "Cc: b@x.example",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Date: Wed, 15 Jan 2020 09:30:00 +0000",
        "Message-ID: <execution-1.step-1@example.com>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert!(head.lines().any(|line| line == header), "{header}\n{message}");
    }
    assert!(head.contains("Content-Type: multipart/alternative;"), "{message}");
    assert!(!message.contains("c@x.example") && !message.to_lowercase().contains("bcc"), "{message}");
    // The dot that was put before a dot, and not the end.
    assert!(body.contains("\n..\n"), "{message}");
    assert!(body.contains("text/plain") && body.contains("text/html"), "{message}");
    assert!(message.is_ascii(), "{message}");
}

#[test]
fn a_message_has_one_part_where_there_is_one_text() {
    for (key, kind) in [("text", "text/plain"), ("html", "text/html")] {
        let fake = Fake::new(&[]);
        let run = run(config(fake.port), json!({"to": "a@x.example", "subject": "s", key: "<p>x</p>"}));
        assert_eq!(run.answer().note.as_deref(), Some("sent to 1 address: 250 OK queued as 42"));
        let message = fake.message();
        assert!(message.contains(&format!("Content-Type: {kind}; charset=utf-8")), "{message}");
        assert!(message.ends_with("\n\n<p>x</p>\n"), "{message}");
    }
}

#[test]
fn all_tries_of_a_step_have_one_id() {
    let id = |step: Option<&str>, text: &str| {
        let fake = Fake::new(&[]);
        let mut told = input(json!({}), with(hello(), json!({"text": text})));
        (told.step, told.attempt) = (step.map(str::to_owned), 2);
        assert!(made(&Host::new(), config(fake.port)).run(&told).result.is_ok());
        let message = fake.message();
        message.lines().find(|line| line.starts_with("Message-ID: ")).expect("an id").to_owned()
    };
    assert_eq!(id(Some("step-1"), "x"), "Message-ID: <execution-1.step-1@example.com>");
    assert_eq!(id(Some("tell <them>"), "y"), "Message-ID: <execution-1.tell--them-@example.com>");
    // An older server does not say which step it is.
    assert_eq!(id(None, "x"), id(None, "x"));
    assert_ne!(id(None, "x"), id(None, "y"));
}

#[test]
fn what_the_server_refuses_has_failed_and_passes_only_where_it_says_so() {
    let cases: [(Script, &str, bool, &str); 12] = [
        (&[("", Says("554 go away\r\n"))], "greeted_badly", false, "554 go away"),
        (&[("", Says("421 busy\r\n"))], "greeted_badly", true, "421 busy"),
        (&[("EHLO", Says("550-not\r\n550 you\r\n"))], "greeted_badly", false, "550 not you"),
        (&[("MAIL", Says("550 no\r\n"))], "sender_refused", false, "orders@example.com"),
        (&[("MAIL", Says("451 later\r\n"))], "sender_refused", true, "451 later"),
        (
            &[("RCPT TO:<b", Says("550 unknown\r\n"))],
            "recipient_refused",
            false,
            "b@x.example (550 unknown). Nothing was sent",
        ),
        (
            &[("RCPT", Says("450 greylisted\r\n"))],
            "recipient_refused",
            true,
            "a@x.example (450 greylisted), b@x.example (450",
        ),
        (
            &[("RCPT TO:<a", Says("450 x\r\n")), ("RCPT", Says("550 x\r\n"))],
            "recipient_refused",
            false,
            "a@x.example (450 x), b@x.example (550 x)",
        ),
        (&[("DATA", Says("554 no\r\n"))], "message_refused", false, "554 no"),
        (&[("DATA", Says("451 later\r\n"))], "message_refused", true, "451 later"),
        (&[(".", Says("554 spam\r\n"))], "message_refused", false, "554 spam"),
        (&[(".", Says("452 full\r\n"))], "message_refused", true, "452 full"),
    ];
    for (script, code, retryable, part) in cases {
        let error = refused(script);
        assert_eq!(
            (error.code.as_str(), error.retryable, error.unknown),
            (code, retryable, false),
            "{error}"
        );
        assert!(error.message.contains(part), "{error}");
    }
}

#[test]
fn a_connection_that_breaks_before_the_end_of_the_message_has_failed_and_after_it_nobody_knows() {
    let before: [Script; 6] = [
        &[("", HangsUp)],
        &[("EHLO", HangsUp)],
        &[("MAIL", HangsUp)],
        &[("RCPT", HangsUp)],
        &[("DATA", HangsUp)],
        &[("DATA", Says("what?\r\n"))],
    ];
    for script in before {
        let error = refused(script);
        assert_eq!(
            (error.code.as_str(), error.retryable, error.unknown),
            ("connection_lost", true, false),
            "{error}"
        );
    }
    let after: [Script; 2] = [&[(".", HangsUp)], &[(".", Says("what?\r\n"))]];
    for script in after {
        let error = refused(script);
        assert_eq!(
            (error.code.as_str(), error.retryable, error.unknown),
            ("no_answer", false, true),
            "{error}"
        );
    }
}

#[test]
fn it_takes_no_longer_than_the_call_may() {
    let silent = |script: Script| {
        let host = Host::new();
        host.limit(Some(Duration::from_secs(3)));
        let begun = Instant::now();
        let error = made(&host, config(Fake::new(script).port)).run(&input(json!({}), hello())).error();
        // By itself the step would wait for a minute.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        error
    };
    let error = silent(&[("MAIL", Waits)]);
    assert_eq!((error.code.as_str(), error.retryable, error.unknown), ("timeout", true, false), "{error}");
    let error = silent(&[(".", Waits)]);
    assert_eq!((error.code.as_str(), error.retryable, error.unknown), ("no_answer", false, true), "{error}");
}

#[test]
fn it_is_cancelled_while_it_waits() {
    let cancelled = |script: Script, last: &str| {
        let fake = Fake::new(script);
        let running: Running = made(&Host::new(), config(fake.port)).start(&input(json!({}), hello()));
        for _ in 0..1000 {
            if fake.told().iter().any(|line| line.starts_with(last)) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        running.cancel();
        running.wait().error()
    };
    assert_eq!(cancelled(&[("MAIL", Waits)], "MAIL"), StepError::cancelled());
    assert!(cancelled(&[(".", Waits)], ".").unknown);
}

/// A server whose queue is full lets nobody in and refuses nobody.
#[test]
fn it_is_cancelled_while_it_connects() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).and_then(|()| socket.listen(0)).expect("it listens");
    let address = socket.local_addr().expect("an address").as_socket().expect("of the internet");
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(300));
    let waiting: Vec<_> = (0..5).map(connect).take_while(Result::is_ok).collect();
    assert!(waiting.len() < 5, "its queue is not full");
    let running: Running = made(&Host::new(), config(address.port())).start(&input(json!({}), hello()));
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    running.cancel();
    assert_eq!(running.wait().error(), StepError::cancelled());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn any_success_after_the_message_has_taken_it() {
    let fake = Fake::new(&[(".", Says("251 user not local\r\n"))]);
    let run = run(config(fake.port), hello());
    assert_eq!(run.answer().note.as_deref(), Some("sent to 2 addresses: 251 user not local"));
}

#[test]
fn no_reply_shows_a_password_whole_or_in_part() {
    let password = "a-long-password-of-somebody";
    let credentials = json!({"username": "team", "password": password});
    // It begins before the place where a reply is cut, and ends after it.
    let long: &str = Box::leak(format!("550 {}{password}\r\n", "x".repeat(285)).into_boxed_str());
    for begins in ["MAIL", "RCPT", "."] {
        let script: Script = Box::leak(Box::new([(begins, Says(long))]));
        let error = run(with(config(Fake::new(script).port), credentials.clone()), hello()).error();
        assert!(error.message.contains('…') && !error.message.contains("a-long"), "{begins}: {error}");
    }
    let error = run(
        with(
            config(Fake::new(&[("AUTH", Says("535 AHRlYW0AaHVudGVyMg== no\r\n"))]).port),
            json!({"username": "team", "password": "hunter2"}),
        ),
        hello(),
    );
    assert!(error.error().message.contains("535 … no"));
}

#[test]
fn a_server_that_is_not_there_may_be_there_later() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let error = run(config(port), hello()).error();
    assert_eq!((error.code.as_str(), error.retryable), ("connect_failed", true));
    assert!(error.message.contains(&format!("127.0.0.1:{port} cannot be reached")), "{error}");
}

#[test]
fn the_server_is_told_who_sends() {
    let credentials = json!({"username": "team", "password": "hunter2"});
    let fake = Fake::new(&[]);
    assert!(run(with(config(fake.port), credentials.clone()), hello()).result.is_ok());
    assert_eq!(fake.told()[1], "AUTH PLAIN AHRlYW0AaHVudGVyMg==");
    let fake = Fake::new(&[
        ("EHLO", Says("250-fake\r\n250 AUTH=LOGIN\r\n")),
        ("AUTH LOGIN", Says("334 VXNlcm5hbWU6\r\n")),
        ("dGVhbQ==", Says("334 UGFzc3dvcmQ6\r\n")),
        ("aHVudGVyMg==", Says("235 ok\r\n")),
    ]);
    assert!(run(with(config(fake.port), credentials.clone()), hello()).result.is_ok());
    assert_eq!(fake.told()[1..4], ["AUTH LOGIN", "dGVhbQ==", "aHVudGVyMg=="]);
    let cases: [(Script, bool, &str); 3] = [
        (&[("AUTH", Says("535 hunter2 is wrong\r\n"))], false, "535 … is wrong"),
        (&[("AUTH", Says("454 later\r\n"))], true, "454 later"),
        (&[("EHLO", Says("250-fake\r\n250 AUTH GSSAPI\r\n"))], false, "PLAIN or LOGIN"),
    ];
    for (script, retryable, part) in cases {
        let error = run(with(config(Fake::new(script).port), credentials.clone()), hello()).error();
        assert_eq!((error.code.as_str(), error.retryable), ("auth_failed", retryable));
        assert!(error.message.contains(part) && !error.message.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_should_be_encrypted_is_not_sent_in_the_open() {
    let cases: [(Script, &str, &str); 3] = [
        (&[], "no_starttls", "offers no encryption"),
        (&[("EHLO", Says("250 STARTTLS\r\n"))], "no_starttls", "offers no encryption"),
        // Whoever is in between says more than the server, in the hope that it counts as said by the server.
        (
            &[
                ("EHLO", Says("250-fake\r\n250 STARTTLS\r\n")),
                ("STARTTLS", Says("220 go\r\n250-fake\r\n250 AUTH PLAIN\r\n")),
            ],
            "tls_failed",
            "more came before the encryption",
        ),
    ];
    for (script, code, part) in cases {
        let fake = Fake::new(script);
        let credentials = json!({"username": "onward", "password": "hunter2", "security": "starttls"});
        let error = run(with(config(fake.port), credentials), hello()).error();
        assert_eq!((error.code.as_str(), error.retryable), (code, false), "{error}");
        assert!(error.message.contains(part), "{error}");
        let told = fake.told().join("\n");
        assert!(!told.contains("AUTH") && !told.contains("MAIL"), "{told}");
    }
}

#[test]
fn what_cannot_be_sent_is_said_before_a_server_is_asked() {
    let many: Vec<_> = (0..101).map(|at| format!("a{at}@x.example")).collect();
    for (params, code, part) in [
        (json!({"to": "jane"}), "invalid_address", "“jane”"),
        (
            json!({"to": "a@x.example", "bcc": ["b@x.example, c@x.example"]}),
            "invalid_address",
            "“b@x.example, c@x.example”",
        ),
        (json!({"to": ["", " "]}), "no_recipient", "nobody"),
        (json!({"to": many.join(", ")}), "too_many_recipients", "101 addresses"),
        (json!({"subject": "a\r\nBcc: x@x.example"}), "invalid_subject", "line break"),
        (json!({"subject": format!("a {}", "x".repeat(901))}), "invalid_subject", "a word of more than 900"),
        (json!({"text": " ", "html": ""}), "no_text", "nothing to send"),
    ] {
        // Nobody listens there.
        let error = run(config(1), with(hello(), params)).error();
        assert_eq!((error.code.as_str(), error.retryable, error.unknown), (code, false, false), "{error}");
        assert!(error.message.contains(part), "{error}");
    }
    let fake = Fake::new(&[("EHLO", Says("250-fake\r\n250 SIZE 100\r\n"))]);
    assert_eq!(run(config(fake.port), hello()).error().code, "message_too_large");
    let fake = Fake::new(&[]);
    let error = run(config(fake.port), with(hello(), json!({"to": "jürgen@x.example"}))).error();
    assert!(error.code == "invalid_address" && error.message.contains("jürgen@x.example"), "{error}");
    let fake = Fake::new(&[("EHLO", Says("250-fake\r\n250 SMTPUTF8\r\n"))]);
    assert!(run(config(fake.port), with(hello(), json!({"to": "jürgen@x.example"}))).result.is_ok());
    assert_eq!(fake.told()[1..3], ["MAIL FROM:<orders@example.com> SMTPUTF8", "RCPT TO:<jürgen@x.example>"]);
}

#[test]
fn what_cannot_be_is_refused_before_a_run() {
    let base = || json!({"server": "smtp.example.com", "from": "orders@example.com"});
    for (more, pointer, part) in [
        (json!({"server": ""}), "/server", "smtp.example.com"),
        (json!({"server": "http://smtp.example.com"}), "/server", "not the name of a server"),
        (json!({"server": "smtp.example.com:"}), "/server", "no port"),
        (json!({"server": "smtp.example.com:99999"}), "/server", "no port"),
        (json!({"server": "smtp.example.com:25", "port": 26}), "/port", "another port"),
        (json!({"from": "orders"}), "/from", "not an email address"),
        (json!({"reply_to": "a@x.example, b@x.example"}), "/reply_to", "not an email address"),
        (json!({"username": "onward"}), "/password", "no password"),
        (json!({"password": "hunter2"}), "/username", "no user name"),
        (
            json!({"username": "onward", "password": "hunter2", "security": "none"}),
            "/security",
            "in the open",
        ),
        (json!({"security": "ssl"}), "/security", "unknown variant"),
        (json!({"ca": "hunter2"}), "/ca", "no certificate"),
    ] {
        let plugin = Host::new().load(crate::onward_plugin_v1_entry);
        let error = match plugin.step("email_notification").create(with(base(), more.clone())) {
            Err(Failure::Error(error)) => error,
            other => panic!("{more}: {other:?}"),
        };
        assert_eq!(error.problems()[0].pointer, pointer, "{error}");
        assert!(error.message.contains(part) && !error.message.contains("hunter2"), "{error}");
    }
    for server in ["localhost", "127.0.0.1:2525", "[::1]:2525", "::1"] {
        let config = json!({"server": server, "security": "none", "username": "u", "password": "p", "from": "a@x.example"});
        made(&Host::new(), config);
    }
}
