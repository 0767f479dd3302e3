//! "Auth: none, basic, bearer, API key (header or query), OAuth2 client credentials (token cached, single flight,
//! refreshed once on 401)."

use std::thread;

use serde_json::json;

use crate::{
    rules::with_action,
    support::{Project, Receiver, Reply, Server, acme, api_sample},
};

/// A server whose action `test` calls the receiver with an `auth`.
fn served(receiver: &Receiver, auth: &str) -> (Project, Server) {
    let step = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"RECEIVER/x?a=1#top\"\nauth = {auth}");
    let text = api_sample(&receiver.url()) + &with_action(&receiver.url(), "Test", "", &[&step]);
    let (project, key) = Project::new(&text);
    assert!(project.set_secret("SECRET", "s3cr&t value/ä").0);
    let server = project.serve(&key);
    server.create_task(&acme());
    (project, server)
}

#[test]
fn credentials_are_sent_where_they_belong_and_never_shown() {
    for (auth, line, header) in [
        ("{ bearer = \"{{secrets.SECRET}}\" }", "POST /x?a=1 ", ("authorization", "Bearer s3cr&t value/ä")),
        (
            "{ basic = { user = \"us:er\", password = \"{{secrets.SECRET}}\" } }",
            "POST /x?a=1 ",
            ("authorization", "Basic dXM6ZXI6czNjciZ0IHZhbHVlL8Ok"),
        ),
        (
            "{ api_key = { header = \"X-Api-Key\", value = \"{{secrets.SECRET}}\" } }",
            "POST /x?a=1 ",
            ("x-api-key", "s3cr&t value/ä"),
        ),
        (
            "{ api_key = { query = \"k\", value = \"{{secrets.SECRET}}\" } }",
            "POST /x?a=1&k=s3cr%26t%20value%2F%C3%A4 ",
            ("onward-depth", "1"),
        ),
    ] {
        let receiver = Receiver::start(Reply::new(200, ""));
        let (project, server) = served(&receiver, auth);
        let ended = server.performed("42", "test");
        assert_eq!(ended["status"], "Success", "{auth}: {ended}");
        let call = receiver.received().remove(0);
        assert!(call.head.starts_with(line), "{auth}: {}", call.head);
        assert_eq!(call.header(header.0), Some(header.1), "{auth}");
        let shown = format!("{ended}{}", project.log());
        for form in ["s3cr&t", "s3cr%26t", "czNjciZ0"] {
            assert!(!shown.contains(form), "{auth}: {shown}");
        }
    }
}

#[test]
fn what_is_no_auth_is_refused_at_save() {
    for (auth, why) in [
        ("{ bearer = \"in plain text\" }", "error[plain_credential]"),
        ("{ basic = { user = \"u\", password = \"in plain text\" } }", "error[plain_credential]"),
        ("{ basic = { user = \"u\" } }", "`basic` needs `password`"),
        ("{ api_key = { value = \"{{secrets.SECRET}}\" } }", "into a `header` or into the `query`"),
        ("{ api_key = { header = \"Host\", value = \"{{secrets.SECRET}}\" } }", "is set by Onward itself"),
        ("{ token = \"{{secrets.SECRET}}\" }", "`auth` knows"),
        ("{ bearer = \"{{secrets.SECRET}}\", basic = {} }", "`auth` must have one of"),
        (
            "{ oauth2 = { token_url = \"http://10.0.0.1/\", client_id = \"c\", client_secret = \"{{secrets.SECRET}}\" } }",
            "10.0.0.0/8",
        ),
        (
            "{ oauth2 = { token_url = \"https://a.example/\", client_id = \"c\", client_secret = \"{{secrets.SECRET}}\", scpoe = \"x\" } }",
            "has no `scpoe`",
        ),
        (
            "{ bearer = \"{{secrets.SECRET}}\" }\nheaders = { authorization = \"x\" }",
            "must not stand in both",
        ),
    ] {
        let project = Project::bare();
        let step =
            format!("type = \"api_call\"\nname = \"Call\"\nurl = \"https://a.example/\"\nauth = {auth}");
        project.write(
            "workflows/test.toml",
            &(api_sample("https://a.example") + &with_action("", "Test", "", &[&step])),
        );
        let said = project.refused_command(&["check"]);
        assert!(said.contains(why), "{auth}: {said}");
    }
}

fn with_oauth2(tokens: &Receiver, receiver: &Receiver, more: &str) -> (Project, Server) {
    let auth = format!(
        "{{ oauth2 = {{ token_url = \"{}/token\", client_id = \"the client\", client_secret = \"{{{{secrets.SECRET}}}}\", scope = \"read write\"{more} }} }}",
        tokens.url()
    );
    served(receiver, &auth)
}

fn token(value: &str) -> Reply {
    Reply::new(200, &json!({"access_token": value, "token_type": "Bearer", "expires_in": 3600}).to_string())
}

/// "Token cached, single flight."
#[test]
fn an_access_token_is_fetched_once_for_all_who_need_it() {
    let tokens = Receiver::start(token("acc3ss-t0ken").after(std::time::Duration::from_millis(200)));
    let receiver = Receiver::start(Reply::new(200, r#"{"task":{"Company Name":"saw acc3ss-t0ken"}}"#));
    let (project, server) = with_oauth2(&tokens, &receiver, "");
    for task in 100..110 {
        server.create_task(&json!({"Company ID": task.to_string(), "Stage": "In Progress"}));
    }
    thread::scope(|scope| {
        for task in 100..110 {
            let server = &server;
            scope.spawn(move || assert_eq!(server.performed(&task.to_string(), "test")["status"], "Success"));
        }
    });
    let asked = tokens.received();
    assert_eq!((asked.len(), receiver.received().len()), (1, 10));
    assert!(asked[0].head.starts_with("POST /token "));
    assert_eq!(asked[0].body, "grant_type=client_credentials&scope=read%20write");
    assert_eq!(
        asked[0].header("authorization"),
        Some("Basic dGhlJTIwY2xpZW50OnMzY3IlMjZ0JTIwdmFsdWUlMkYlQzMlQTQ=")
    );
    assert!(
        receiver.received().iter().all(|call| call.header("authorization") == Some("Bearer acc3ss-t0ken"))
    );
    let ended = server.performed("42", "test");
    assert_eq!(server.task("42")["Company Name"], "saw [redacted]");
    assert!(!format!("{ended}{}", project.log()).contains("acc3ss"), "{ended}");
}

/// "Refreshed once on 401": a token that ended early is replaced, and the call made again; a fresh one that is refused
/// is a failure.
#[test]
fn a_refused_token_is_replaced_once() {
    let (tokens, receiver) = (Receiver::start(token("the first")), Receiver::start(Reply::new(200, "")));
    let (_project, server) = with_oauth2(&tokens, &receiver, ", credentials = \"body\"");
    assert_eq!(server.performed("42", "test")["status"], "Success");
    tokens.answer_with(token("the second"));
    receiver.answer_with(Reply::new(401, "").only_once(Reply::new(200, "")));
    let ended = server.performed("42", "test");
    assert_eq!(
        (&ended["status"], ended["attempts"].as_array().map(Vec::len)),
        (&json!("Success"), Some(1)),
        "{ended}"
    );
    let sent: Vec<_> =
        receiver.received().iter().map(|call| call.header("authorization").map(str::to_owned)).collect();
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(sent, [bearer("the first"), bearer("the first"), bearer("the second")]);
    assert!(
        tokens.received()[0]
            .body
            .ends_with("&client_id=the%20client&client_secret=s3cr%26t%20value%2F%C3%A4")
    );
    receiver.answer_with(Reply::new(401, "no"));
    let refused = server.performed("42", "test");
    assert_eq!(
        (&refused["code"], receiver.received().len(), tokens.received().len()),
        (&json!("http_status"), 5, 3)
    );
}

/// One that says in a text how long its tokens last, and one whose tokens end sooner than they are replaced.
#[test]
fn a_token_is_used_as_long_as_its_endpoint_says() {
    for (expires_in, fetched) in [(json!("3600"), 1), (json!(20), 1), (json!(0), 2)] {
        let answer = json!({"access_token": "acc3ss-t0ken", "expires_in": expires_in});
        let tokens = Receiver::start(Reply::new(200, &answer.to_string()));
        let receiver = Receiver::start(Reply::new(200, ""));
        let (_project, server) = with_oauth2(&tokens, &receiver, "");
        for _ in 0..2 {
            assert_eq!(server.performed("42", "test")["status"], "Success");
        }
        assert_eq!(tokens.received().len(), fetched, "{answer}");
    }
}

/// A token endpoint that fails is told, in its own words, and nothing is sent.
#[test]
fn without_a_token_nothing_is_sent() {
    let receiver = Receiver::start(Reply::new(200, ""));
    for (answer, why) in [
        (
            Reply::new(400, r#"{"error":"invalid_client s3cr&t value/ä"}"#),
            "answered 400: {\"error\":\"invalid_client [redacted]\"}",
        ),
        (Reply::new(503, "later"), "answered 503: later"),
        (Reply::new(200, "{}"), "has no `access_token` in JSON"),
        (Reply::new(200, r#"{"access_token":"x","token_type":"mac"}"#), "is no bearer token"),
        (Reply::new(200, r#"{"access_token":"acc3ss\nt0ken"}"#), "no header can carry"),
        // To take so short a thing out of texts would take them apart.
        (Reply::new(200, r#"{"access_token":"a"}"#), "is too short"),
        // Here it is what the header had.
        (Reply::new(401, "dGhlJTIwY2xpZW50OnMzY3IlMjZ0JTIwdmFsdWUlMkYlQzMlQTQ="), "answered 401: [redacted]"),
    ] {
        let tokens = Receiver::start(answer);
        let (_project, server) = with_oauth2(&tokens, &receiver, "");
        let ended = server.performed("42", "test");
        assert_eq!((&ended["state"], &ended["code"]), (&json!("failed"), &json!("oauth2_failed")));
        assert!(ended["errors"][0].as_str().expect("a message").contains(why), "{ended}");
    }
    assert_eq!(receiver.received().len(), 0);
}
