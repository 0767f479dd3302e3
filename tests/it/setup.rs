//! The first run: the link that is told at the start makes the first user.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{ORDERS, Project, Server, binary, eventually, request};

const PASSWORD: &str = "a good password";

/// A project without a user, with a key that is not needed for anything here.
fn bare() -> (Project, String) {
    let project = Project::bare();
    project.write("workflows/orders.toml", ORDERS);
    let key = project.command(&["key", "add", "Test"]).trim().to_owned();
    (project, key)
}

/// The tokens of the links that the log has told.
fn told(project: &Project) -> Vec<String> {
    let log = project.log();
    let links = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let links = links.filter_map(|line| line["link"].as_str().map(str::to_owned)).collect::<Vec<_>>();
    links.iter().map(|link| link.split_once("/setup#").expect("a link").1.to_owned()).collect()
}

fn body(token: &str, password: &str) -> Value {
    json!({"token": token, "email": "first@example.com", "first_name": "First", "last_name": "One", "password": password})
}

fn post(server: &Server, body: &Value) -> (u16, Value) {
    let answer = server.send("POST", "/setup", &[], body.to_string().as_bytes());
    (answer.status, answer.json())
}

#[test]
fn the_first_user_is_made_with_the_link_and_only_once() {
    let (project, key) = bare();
    let server = project.serve(&key);
    assert_eq!(server.get("/setup").json(), json!({"needed": true}));
    let first = told(&project);
    server.kill();
    let server = project.serve(&key);
    let tokens = told(&project);
    assert_eq!((first.len(), tokens.len()), (1, 2), "told once at each start");
    assert_eq!(tokens[0], tokens[1], "the link stays good");
    let token = tokens[0].as_str();
    for (body, expected) in [
        (body("00", PASSWORD), (403, "wrong_setup_token")),
        (body("", PASSWORD), (403, "wrong_setup_token")),
        (body(token, "short"), (422, "invalid_user")),
        (
            json!({"token": token, "email": "nobody", "first_name": "A", "last_name": "B", "password": PASSWORD}),
            (422, "invalid_user"),
        ),
        (
            json!({"token": token, "email": "a@example.com", "last_name": "B", "password": PASSWORD}),
            (422, "invalid_user"),
        ),
    ] {
        let (status, answer) = post(&server, &body);
        assert_eq!((status, answer["code"].as_str()), (expected.0, Some(expected.1)), "{body}: {answer}");
    }
    let forged = server.send(
        "POST",
        "/setup",
        &[("Origin", "https://evil.example")],
        body(token, PASSWORD).to_string().as_bytes(),
    );
    assert_eq!((forged.status, &forged.json()["code"]), (403, &json!("cross_origin")));
    let made = server.send("POST", "/setup", &[], body(token, PASSWORD).to_string().as_bytes());
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["user"]["email"], "first@example.com");
    let cookie =
        made.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let me = request(&server.address, "GET", "/api/v1/session", &[("Cookie", &cookie)], b"").json();
    assert_eq!((&me["user"]["email"], &me["is_administrator"]), (&json!("first@example.com"), &json!(true)));
    assert_eq!(server.get("/setup").json(), json!({"needed": false}));
    let (status, again) = post(&server, &body(token, PASSWORD));
    assert_eq!((status, &again["code"]), (409, &json!("setup_done")));
    let audit = server.get("/audit").json();
    assert!(audit.to_string().contains("workspace.set_up"), "{audit}");
    let sign_in = json!({"email": "first@example.com", "password": PASSWORD});
    let session = server.post("/session", &sign_in);
    assert_eq!((session.status, &session.json()["user"]["is_administrator"]), (201, &json!(true)));
    server.kill();
    let _server = project.serve(&key);
    assert_eq!(told(&project).len(), 2, "nothing is told any more");
}

#[test]
fn who_guesses_the_token_waits() {
    let (project, key) = bare();
    let server = project.serve(&key);
    let statuses: Vec<_> = (0..8).map(|_| post(&server, &body("00", PASSWORD)).0).collect();
    assert_eq!(statuses[..5], [403; 5], "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// Who was made in another way is the first user, too.
#[test]
fn nothing_is_to_be_set_up_where_there_is_a_user() {
    let (project, key) = bare();
    let password = project.path("password");
    project.write("password", PASSWORD);
    let config = std::fs::read_to_string(project.path("onward.toml")).expect("a file");
    let bootstrap = format!(
        "[bootstrap]\nadministrator_email = \"boss@example.com\"\nadministrator_password_file = \"{}\"\n",
        password.display()
    );
    let server = project.serve(&key);
    let token = told(&project).pop().expect("a link");
    // Beside the server, which takes it up by itself.
    project.command(&[
        "user",
        "add",
        "--email",
        "beside@example.com",
        "--first-name",
        "B",
        "--last-name",
        "C",
    ]);
    let (status, answer) = post(&server, &body(&token, PASSWORD));
    assert!(matches!(status, 403 | 409), "{answer}");
    eventually("it is known", || server.get("/setup").json()["needed"] == false);
    server.kill();
    let (project, key) = bare();
    project.write("password", PASSWORD);
    project.write(
        "onward.toml",
        &format!(
            "{config}{}",
            bootstrap
                .replace(&password.display().to_string(), &project.path("password").display().to_string())
        ),
    );
    let server = project.serve(&key);
    assert_eq!(server.get("/setup").json(), json!({"needed": false}));
    assert_eq!(told(&project), [""; 0]);
}

/// "Prints on stdout, as other greetings are."
#[test]
fn the_link_is_printed_with_the_address_of_the_server() {
    let (project, _) = bare();
    let config = std::fs::read_to_string(project.path("onward.toml")).expect("a file");
    project.write(
        "onward.toml",
        &config.replace("server.listen", "server.public_url = \"https://onward.example/\"\nserver.listen"),
    );
    let mut child = Command::new(binary())
        .args(["serve", "--config", &project.config()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command");
    let lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let mut links = lines.map_while(Result::ok).filter(|line| line.starts_with("https://"));
    let link = links.next().expect("a link");
    child.kill().expect("ended");
    child.wait().expect("its end");
    assert!(
        link.strip_prefix("https://onward.example/setup#").is_some_and(|token| token.len() == 64),
        "{link}"
    );
}
