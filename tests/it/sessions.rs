//! "Session expiry" and "a cap on concurrent password hashes", from outside.

use std::{thread, time::Duration};

use serde_json::json;

use crate::support::{Answer, CONFIG, ORDERS, Project, Server, request};

const PASSWORD: &str = "a good password";

/// A server where the page's user has a password.
fn served(config: &str) -> (Project, Server) {
    let (project, key) = Project::new(ORDERS);
    project.write("onward.toml", &format!("{CONFIG}{config}"));
    let server = project.serve(&key);
    let link = server.post("/users/abc123/password_link", &json!({})).json();
    let accepted = server.post("/invitations/accept", &json!({"token": link["token"], "password": PASSWORD}));
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    (project, server)
}

fn sign_in(address: &str) -> Answer {
    let body = json!({"email": "user@example.com", "password": PASSWORD}).to_string();
    request(address, "POST", "/api/v1/session", &[("Content-Type", "application/json")], body.as_bytes())
}

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", answer.body));
    set.split(';').next().expect("a pair").to_owned()
}

fn is_signed_in(server: &Server, cookie: &str) -> bool {
    let answer = request(&server.address, "GET", "/api/v1/session", &[("Cookie", cookie)], b"");
    assert!(answer.status == 200 || answer.json()["code"] == "unauthorized", "{}", answer.body);
    answer.status == 200
}

/// Whatever is done meanwhile: a session that began too long ago is over, and the browser is told for how long it lasts.
#[test]
fn a_session_is_over_after_its_longest_although_it_is_used() {
    let (project, server) = served("sessions.longest_days = 10\n");
    let (key, answer) = (server.key.clone(), sign_in(&server.address));
    assert!(answer.head.contains("Max-Age=864000\r\n"), "{}", answer.head);
    let cookie = cookie(&answer);
    assert!(is_signed_in(&server, &cookie));
    assert_eq!(server.terminate(), Some(0));
    let is_after = |days: i64, longest: u32| {
        let database = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
        let began = i64::try_from(now.as_millis()).expect("an instant") - days * 24 * 3_600_000;
        let changed = database.execute("UPDATE session SET created_at = ?1", [began]).expect("changed");
        assert!(changed > 0, "there is a session");
        drop(database);
        project.write("onward.toml", &format!("{CONFIG}sessions.longest_days = {longest}\n"));
        let server = project.serve(&key);
        let is_signed_in = is_signed_in(&server, &cookie);
        assert_eq!(server.terminate(), Some(0));
        is_signed_in
    };
    assert!(is_after(9, 10));
    assert!(is_after(11, 12), "it is the setting that counts");
    assert!(!is_after(11, 10));
}

/// Each takes 19 MiB and a core: of many who sign in at the same time one is looked at, 32 wait, and the others are told
/// to come back.
#[test]
fn few_passwords_are_hashed_at_a_time() {
    const HASH_KIB: u64 = 19 * 1024;
    let config = "sessions.password_hashes_max = 1\nserver.trusted_proxies = [\"127.0.0.1\"]\n";
    let (_project, server) = served(config);
    cookie(&sign_in(&server.address));
    let before = server.memory_kib("VmHWM");
    // Everybody from elsewhere with an email of their own, so that nobody has to wait for having guessed.
    let guess = &|number: usize| {
        let body = json!({"email": format!("{number}@example.com"), "password": PASSWORD}).to_string();
        let from = format!("203.0.113.{number}");
        let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", from.as_str())];
        request(&server.address, "POST", "/api/v1/session", &headers, body.as_bytes())
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..120).map(|number| scope.spawn(move || guess(number))).collect();
        // Nobody else waits for that.
        thread::sleep(Duration::from_millis(50));
        assert_eq!(server.get("/workspace").status, 200);
        all.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    // Whether there is such a user is found out by a hash, too.
    let (hashed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    assert!(hashed.len() >= 33 && !refused.is_empty(), "{} were looked at", hashed.len());
    for answer in refused {
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("overloaded")), "{}", answer.body);
        assert!(answer.header("Retry-After").is_some(), "{}", answer.head);
    }
    // The kernel counts roughly: a peak may be told a little smaller than before.
    let more = server.memory_kib("VmHWM").saturating_sub(before);
    assert!(more < 4 * HASH_KIB, "{more} KiB more: that is {} hashes at a time", more / HASH_KIB);
    cookie(&sign_in(&server.address));
}
