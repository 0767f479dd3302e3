//! "People: users, invitations by link, roles …, permission table role × (view, edit tasks, perform each action,
//! administer); sessions …; sign-in throttling; API keys with scopes, expiry, last use, immediate revocation."

mod asks;
mod commands;
mod links;
mod roles;
mod routes;

use serde_json::{Value, json};

use crate::support::{
    Answer, CONFIG, ORDERS, Project, Server, acme, api_sample, eventually, hold_the_write_lock, request,
};

const EXECUTIONS: &str = "/workflows/api-sample/executions";
const TASKS: &str = "/workflows/api-sample/tasks";

/// The page's workflow with a role for each row of the table, and two actions.
fn workflow() -> String {
    api_sample("https://billing.example")
        + r#"
[[roles]]
name = "Viewer"
edit = false
perform = []

[[roles]]
name = "Clerk"
perform = ["Note"]

[[roles]]
name = "Boss"
admin = true

[[roles]]
name = "Outsider"
view = false

[[actions]]
name = "Note"
from = ["In Progress"]
[[actions.steps]]
type = "update_data"
fields = { "Company Name" = "noted" }

[[actions]]
name = "Sign"
from = ["In Progress"]
[[actions.steps]]
type = "update_data"
fields = { "Company Name" = "signed" }
"#
}

struct Bench {
    project: Project,
    key: String,
    server: Server,
}

fn bench() -> Bench {
    bench_with("")
}

fn bench_with(config: &str) -> Bench {
    let (project, key) = Project::new(&workflow());
    project.write("onward.toml", &format!("{CONFIG}{config}"));
    let server = project.serve(&key);
    server.create_task(&acme());
    Bench { project, key, server }
}

impl Bench {
    /// A user with a role, signed in.
    fn person(&self, name: &str, role: Option<&str>) -> Person<'_> {
        let email = format!("{name}@example.com");
        let said = self.project.command(&[
            "user",
            "add",
            "--email",
            &email,
            "--first-name",
            name,
            "--last-name",
            "Test",
            "--id",
            name,
        ]);
        let password = said.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password");
        if let Some(role) = role {
            self.project.command(&["user", "role", &email, "--workflow", "api-sample", "--role", role]);
        }
        self.notices(&email, role.unwrap_or("collaborator"));
        self.sign_in(&email, password)
    }

    /// The running server has seen what the command line has done.
    fn notices(&self, email: &str, role: &str) {
        eventually("the server knows the user", || {
            let users = self.server.get("/workflows/api-sample/users").json();
            let found = users.as_array().expect("a list").iter().find(|it| it["email"] == email).cloned();
            found.is_some_and(|it| it["role_id"] == role.to_lowercase())
        });
    }

    fn sign_in(&self, email: &str, password: &str) -> Person<'_> {
        let answer = sign_in(&self.server, email, password);
        assert_eq!(answer.status, 201, "{}", answer.body);
        Person { server: &self.server, cookie: cookie(&answer) }
    }
}

fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    let headers = [("Content-Type", "application/json")];
    request(&server.address, "POST", "/api/v1/session", &headers, body.as_bytes())
}

/// `name=value`, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(set.contains(attribute), "{attribute}: {set}");
    }
    set.split(';').next().expect("a pair").to_owned()
}

/// Somebody's browser.
struct Person<'s> {
    server: &'s Server,
    cookie: String,
}

impl Person<'_> {
    fn send_from(&self, origin: Option<&str>, method: &str, path: &str, body: &Value) -> Answer {
        let mut headers = vec![("Cookie", self.cookie.as_str()), ("Content-Type", "application/json")];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request(&self.server.address, method, &format!("/api/v1{path}"), &headers, body.as_bytes())
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send_from(Some("http://test"), method, path, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null)
    }

    fn perform_on_many(&self, action: &str) -> Answer {
        let body = json!({"task_ids": ["42"], "action_id": action});
        self.send("POST", "/workflows/api-sample/bulk_executions", &body)
    }

    fn perform(&self, action: &str) -> Answer {
        self.send("POST", EXECUTIONS, &json!({"task_id": "42", "action_id": action}))
    }
}

/// "`performed_by` needs that user's rights"; a key's scopes and workflows limit it besides.
#[test]
fn a_key_may_what_its_scopes_say_and_no_more_in_somebodys_name_than_they_may() {
    let bench = bench();
    bench.person("viewer", Some("Viewer"));
    bench.person("clerk", Some("Clerk"));
    let key = |name: &str, arguments: &[&str]| {
        let mut all = vec!["key", "add", name];
        all.extend(arguments);
        let server = Server::of(&bench.server, bench.project.command(&all).trim());
        eventually("the key is known", || server.get("/workspace").status == 200);
        server
    };
    let reads = key("reads", &["--scope", "read"]);
    let performs = key("performs", &["--scope", "read", "--scope", "perform"]);
    bench.project.write("workflows/orders.toml", ORDERS);
    let elsewhere = key("elsewhere", &["--workflow", "orders"]);
    for (server, asks) in [
        (&reads, [200, 403, 403, 403]),
        (&performs, [200, 403, 201, 403]),
        (&elsewhere, [404, 404, 404, 403]),
    ] {
        let got = [
            server.get(TASKS),
            server.post(TASKS, &acme()),
            server.perform("42", "note"),
            server.get("/keys"),
        ];
        assert_eq!(got.map(|answer| answer.status), asks);
    }
    let as_whom = |name: &str, action: &str| {
        let body =
            json!({"task_id": "42", "action_id": action, "performed_by": format!("{name}@example.com")});
        performs.post(EXECUTIONS, &body)
    };
    assert_eq!(as_whom("clerk", "note").status, 201);
    for (name, action) in [("clerk", "sign"), ("viewer", "note")] {
        let refused = as_whom(name, action);
        assert_eq!((refused.status, &refused.json()["status"]), (403, &json!("Fail")), "{}", refused.body);
    }
    let offered =
        performs.get("/workflows/api-sample/tasks/42/actions?_performed_by=clerk@example.com").json();
    let ids: Vec<_> = offered.as_array().expect("a list").iter().map(|action| &action["id"]).collect();
    assert_eq!(ids, ["note"]);
    // Who decides about an execution is who may perform its action.
    let id = bench.server.begin("42", "note");
    bench.server.ended(&id);
    assert_eq!(reads.post(&format!("{EXECUTIONS}/{id}/dismiss"), &json!({})).status, 403);
}

/// "Expiry, last use, immediate revocation."
#[test]
fn a_key_ends_when_it_is_revoked_or_its_time_is_over() {
    let bench = bench();
    let made = bench
        .server
        .post("/keys", &json!({"name": "Program", "scopes": ["read"], "workflows": ["api-sample"]}));
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let program = Server::of(&bench.server, made["key"].as_str().expect("a key"));
    assert_eq!(program.get(TASKS).status, 200);
    // The list shows it at once, and waits for no write.
    let held = hold_the_write_lock(&bench.project.path("data/onward.db"));
    let listed = || bench.server.get("/keys").json();
    let shown =
        listed().as_array().expect("a list").iter().find(|it| it["id"] == made["id"]).cloned().expect("it");
    assert!(shown["last_used_at"].is_string() && shown["key"].is_null(), "{shown}");
    assert_eq!((&shown["scopes"], &shown["workflows"]), (&json!(["read"]), &json!(["api-sample"])));
    drop(held);
    let revoke =
        || bench.server.send("DELETE", &format!("/keys/{}", made["id"].as_str().expect("an id")), &[], b"");
    assert_eq!((revoke().status, program.get(TASKS).status, revoke().status), (204, 401, 404));
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1500);
    let short = bench.server.post("/keys", &json!({"name": "Short", "expires_at": soon.to_string()})).json();
    let short = Server::of(&bench.server, short["key"].as_str().expect("a key"));
    assert_eq!(short.get(TASKS).status, 200);
    eventually("it has expired", || short.get(TASKS).status == 401);
    for (body, why) in [
        (json!({"name": ""}), "`name`"),
        (
            json!({"name": "x", "scopes": ["all"]}),
            "there is no `all`; there are read, edit, perform, administer",
        ),
        (json!({"name": "x", "workflows": ["nowhere"]}), "there is no workflow `nowhere`"),
        (json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}), "an instant to come"),
        (json!({"name": "x", "expires_at": "tomorrow"}), "an instant to come"),
    ] {
        let refused = bench.server.post("/keys", &body);
        assert_eq!((refused.status, refused.json()["code"].as_str()), (422, Some("invalid_key")), "{body}");
        assert!(refused.body.contains(why), "{}", refused.body);
    }
    assert_eq!(bench.server.post("/keys", &json!({"name": "Short"})).json()["code"], "name_taken");
    let Bench { project, server, .. } = bench;
    server.terminate();
    let said = project.command(&["key", "list"]);
    assert!(said.contains("Short") && said.contains("EXPIRED") && said.contains("last used"), "{said}");
    project.command(&["key", "revoke", "Short"]);
    assert!(project.refused_command(&["key", "revoke", "Short"]).contains("there is no key `Short`"));
}

/// "Sessions for the coming UI (HttpOnly, SameSite, origin check, expiry)."
#[test]
fn who_is_signed_in_is_known_by_a_cookie_that_other_pages_cannot_use() {
    let bench = bench();
    let person = bench.person("jane", None);
    let me = person.get("/session").json();
    assert_eq!((&me["user"]["email"], &me["key"]), (&json!("jane@example.com"), &Value::Null));
    assert_eq!(me["workflows"][0]["perform"], json!(["start", "finish", "note", "sign"]), "{me}");
    assert_eq!(me["workflows"][0]["role_id"], "collaborator");
    assert_eq!(me["workspace"], bench.server.get("/workspace").json());
    let body = json!({"task_id": "42", "action_id": "note"});
    for (origin, expected) in [
        (Some("https://evil.example"), 403),
        (Some("http://test.evil.example"), 403),
        (Some("null"), 403),
        (None, 403),
        (Some("http://test"), 201),
    ] {
        let answer = person.send_from(origin, "POST", EXECUTIONS, &body);
        assert_eq!(answer.status, expected, "{origin:?}: {}", answer.body);
        if expected == 403 {
            assert_eq!(answer.json()["code"], "cross_origin");
        }
    }
    assert_eq!(person.send_from(Some("https://evil.example"), "GET", "/session", &Value::Null).status, 200);
    let forged = Person { server: &bench.server, cookie: "onward_session=00".to_owned() };
    assert_eq!(forged.get("/session").status, 401);
    assert_eq!(person.send("DELETE", "/session", &Value::Null).status, 204);
    assert_eq!(person.get("/session").status, 401, "signed out");
    let by_key = bench.server.get("/session").json();
    assert_eq!((&by_key["user"], &by_key["is_administrator"]), (&Value::Null, &json!(true)));
    assert_eq!(by_key["workflows"][0].get("role_id"), Some(&Value::Null), "a key has scopes");
    assert_eq!(bench.server.send("DELETE", "/session", &[], b"").status, 403, "a key has no session");
}

/// A session outlives a restart; a new password, and leaving, end it.
#[test]
fn a_session_ends_with_a_new_password_and_when_its_user_leaves() {
    let bench = bench();
    let (cookie, other) = {
        let person = bench.person("jane", None);
        (person.cookie.clone(), bench.person("joe", None).cookie.clone())
    };
    bench.server.kill();
    let server = bench.project.serve(&bench.key);
    let (jane, joe) = (Person { server: &server, cookie }, Person { server: &server, cookie: other });
    assert_eq!((jane.get("/session").status, joe.get("/session").status), (200, 200));
    let said = bench.project.command(&["user", "reset-password", "jane@example.com"]);
    let password = said.trim().strip_prefix("password: ").expect("a password");
    eventually("she is signed out", || jane.get("/session").status == 401);
    let again = sign_in(&server, "JANE@example.com", password);
    assert_eq!(again.status, 201, "{}", again.body);
    let jane = Person { server: &server, cookie: self::cookie(&again) };
    let elsewhere = sign_in(&server, "jane@example.com", password);
    let elsewhere = Person { server: &server, cookie: self::cookie(&elsewhere) };
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        let answer = jane.send("PUT", "/session/password", &body);
        (answer.status, answer.body)
    };
    assert_eq!(change("wrong", "a new password").0, 422);
    assert_eq!(change(password, "short").0, 422);
    assert_eq!(change(password, "a new password").0, 204);
    assert_eq!((jane.get("/session").status, elsewhere.get("/session").status), (200, 401));
    assert_eq!(sign_in(&server, "jane@example.com", password).status, 401);
    assert_eq!(server.send("DELETE", "/users/joe", &[], b"").status, 204);
    assert_eq!(joe.get("/session").status, 401);
}

/// "Session expiry."
#[test]
fn a_session_that_is_not_used_ends() {
    let (project, key) = Project::new(&workflow());
    project.write("onward.toml", &format!("{CONFIG}\n[sessions]\nidle_hours = 1\n"));
    let server = project.serve(&key);
    let bench = Bench { project, key, server };
    let cookie = bench.person("jane", None).cookie.clone();
    bench.server.terminate();
    let database = rusqlite::Connection::open(bench.project.path("data/onward.db")).expect("the database");
    let age = |minutes: i64| {
        let seen = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes)).as_millisecond();
        database.execute("UPDATE session SET seen_at = ?1", [seen]).expect("aged");
    };
    for (minutes, status) in [(59, 200), (61, 401)] {
        age(minutes);
        let server = bench.project.serve(&bench.key);
        assert_eq!(
            Person { server: &server, cookie: cookie.clone() }.get("/session").status,
            status,
            "{minutes}"
        );
        server.terminate();
    }
    let left: u32 =
        database.query_row("SELECT count(*) FROM session", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0, "what is over is not kept");
}

/// "Sign-in throttling": for whoever guesses, and not for whose password it is.
#[test]
fn who_guesses_passwords_waits() {
    let bench = bench_with("server.trusted_proxies = [\"127.0.0.1\"]\n");
    bench.project.command(&[
        "user",
        "add",
        "--email",
        "jane@example.com",
        "--first-name",
        "Jane",
        "--last-name",
        "Test",
    ]);
    bench.notices("jane@example.com", "collaborator");
    let attempt = |from: &str, email: &str| {
        let body = json!({"email": email, "password": "a guess at it"}).to_string();
        let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", from)];
        request(&bench.server.address, "POST", "/api/v1/session", &headers, body.as_bytes())
    };
    for _ in 0..5 {
        let wrong = attempt("203.0.113.7", "jane@example.com");
        assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("wrong_password")));
        // Nobody learns who is a user here.
        assert_eq!(attempt("203.0.113.9", "nobody@example.com").body, wrong.body);
    }
    let held = attempt("203.0.113.7", "jane@example.com");
    assert_eq!(
        (held.status, held.json()["code"].as_str()),
        (429, Some("too_many_attempts")),
        "{}",
        held.body
    );
    assert!(held.header("retry-after").is_some());
    assert_eq!(attempt("203.0.113.8", "jane@example.com").status, 401, "from elsewhere");
    // Whom the nearest proxy names counts, whatever stands before that.
    assert_eq!(attempt("198.51.100.1, 203.0.113.7", "jane@example.com").status, 429);
}

/// "Invitations by link."
#[test]
fn who_follows_a_link_becomes_a_user_once() {
    let bench = bench();
    let invite = |body: Value| bench.server.post("/invitations", &body);
    let made = invite(json!({"email": "new@example.com", "roles": {"api-sample": "clerk"}}));
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let token = made["token"].as_str().expect("a token");
    assert!(made["link"].as_str().expect("a link").ends_with(&format!("/invitation#{token}")), "{made}");
    let listed = bench.server.get("/invitations").json();
    assert_eq!((&listed[0]["email"], &listed[0]["token"]), (&json!("new@example.com"), &Value::Null));
    let accept = |token: &str, password: &str| {
        let body = json!({"token": token, "first_name": "New", "last_name": "One", "password": password});
        let headers = [("Content-Type", "application/json")];
        request(
            &bench.server.address,
            "POST",
            "/api/v1/invitations/accept",
            &headers,
            body.to_string().as_bytes(),
        )
    };
    let look = |token: &str| {
        let (body, headers) = (json!({"token": token}).to_string(), [("Content-Type", "application/json")]);
        request(&bench.server.address, "POST", "/api/v1/invitations/look", &headers, body.as_bytes())
    };
    let seen = look(token);
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert_eq!(
        (&seen.json()["email"], &seen.json()["is_new_password"]),
        (&json!("new@example.com"), &json!(false)),
        "before anything is filled in"
    );
    assert_eq!(look("wrong").json()["code"], "invitation_not_found");
    assert_eq!(accept(token, "short").json()["code"], "invalid_user");
    assert_eq!(accept("wrong", "a good password").json()["code"], "invitation_not_found");
    let accepted = accept(token, "a good password");
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let person = Person { server: &bench.server, cookie: cookie(&accepted) };
    let me = person.get("/session").json();
    assert_eq!(
        (&me["user"]["email"], &me["workflows"][0]["perform"]),
        (&json!("new@example.com"), &json!(["note"]))
    );
    assert_eq!(accept(token, "a good password").json()["code"], "invitation_not_found", "twice");
    assert_eq!(look(token).json()["code"], "invitation_not_found", "it was followed");
    bench.sign_in("new@example.com", "a good password");
    assert_eq!(invite(json!({"email": "NEW@example.com"})).json()["code"], "name_taken");
    for (body, code) in [
        (json!({"email": "nobody"}), "invalid_user"),
        (json!({"email": "x@example.com", "roles": {"api-sample": "king"}}), "role_not_found"),
        (json!({"email": "x@example.com", "roles": {"nowhere": "clerk"}}), "workflow_not_found"),
    ] {
        assert_eq!(invite(body.clone()).json()["code"], code, "{body}");
    }
    // One that is withdrawn, and a link for a new password.
    let withdrawn = invite(json!({"email": "other@example.com"})).json();
    let path = format!("/invitations/{}", withdrawn["id"].as_str().expect("an id"));
    let withdraw = || bench.server.send("DELETE", &path, &[], b"").status;
    assert_eq!((withdraw(), withdraw()), (204, 404));
    assert_eq!(accept(withdrawn["token"].as_str().expect("it"), "a good password").status, 404);
    let user = me["user"]["id"].as_str().expect("an id");
    let link = bench.server.post(&format!("/users/{user}/password_link"), &json!({})).json();
    let reset = accept(link["token"].as_str().expect("a token"), "another password");
    assert_eq!(reset.status, 201, "{}", reset.body);
    assert_eq!(person.get("/session").status, 401, "where they were signed in before");
    bench.sign_in("new@example.com", "another password");
}

/// "An audit log of administrative changes", in whose name each was.
#[test]
fn what_administrators_change_is_in_the_audit_log() {
    let bench = bench();
    bench.person("jane", None);
    bench.server.send("PUT", "/secrets/TOKEN", &[], br#"{"value":"a-long-secret-value"}"#);
    bench.server.send("PUT", "/workflows/api-sample/users/jane", &[], br#"{"role_id":"viewer"}"#);
    bench.server.send("PATCH", "/users/jane", &[], br#"{"is_administrator":true}"#);
    let last = bench.server.send("PATCH", "/users/jane", &[], br#"{"is_administrator":false}"#);
    assert_eq!((last.status, last.json()["code"].as_str()), (409, Some("last_administrator")));
    let last = bench.server.send("DELETE", "/users/jane", &[], b"");
    assert_eq!(last.json()["code"], "last_administrator");
    let log = bench.server.get("/audit").json();
    let said: Vec<_> = log
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            let by = it["performed_by"]["first_name"].as_str().expect("a name");
            format!("{by}: {} {}", it["change"].as_str().expect("it"), it["about"].as_str().expect("it"))
        })
        .take(4)
        .collect();
    assert_eq!(
        said,
        [
            "Test: user.made_administrator jane",
            "Test: user.role_changed jane",
            "Test: secret.set TOKEN",
            "Command line: user.added jane",
        ]
    );
    assert!(!log.to_string().contains("a-long-secret-value"));
    let page = bench.server.get("/audit?_limit=1").json();
    let next = bench.server.get(&format!("/audit?_limit=1&_cursor={}", page[0]["number"])).json();
    assert_eq!((&page[0], &next[0]), (&log[0], &log[1]));
    assert_eq!(bench.server.get("/audit?_limit=0").status, 400);
}

/// "Bootstrap from files for machines without a terminal."
#[test]
fn the_first_administrator_and_key_come_from_files() {
    let project = Project::bare();
    let config = format!(
        "{CONFIG}\n[bootstrap]\nadministrator_email = \"root@example.com\"\n\
         administrator_password_file = \"password\"\napi_key_file = \"key\"\n"
    );
    project.write("onward.toml", &config);
    project.write("workflows/api-sample.toml", &workflow());
    let key = format!("onw_{}", "a1".repeat(20));
    project.write("password", "short\n");
    project.write("key", &format!("{key}\n"));
    let refused = project.try_serve(&key, &[]).err().expect("refused");
    assert!(refused.contains("administrator_password_file") && refused.contains("from 10 to"), "{refused}");
    project.write("password", "a first password\n");
    for time in 0..3 {
        // The second time all is there already; the third, the key was revoked.
        if time == 2 {
            project.command(&["key", "revoke", "bootstrap"]);
            let reader = project.command(&["key", "add", "reader"]);
            let server = project.serve(reader.trim());
            assert_eq!(Server::of(&server, &key).get("/workspace").status, 401);
            return;
        }
        let server = project.serve(&key);
        let signed_in = sign_in(&server, "root@example.com", "a first password");
        let person = Person { server: &server, cookie: cookie(&signed_in) };
        assert_eq!(person.get("/session").json()["is_administrator"], true);
        assert_eq!(server.get("/users").json().as_array().map(Vec::len), Some(1));
        server.terminate();
        project.write("password", "another password\n");
    }
}
