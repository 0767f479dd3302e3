//! A link gives no more than who made it could give now.

use serde_json::{Value, json};

use super::{Bench, Person, bench, cookie};
use crate::support::{Answer, HeldBack, Server, request};

fn accept(bench: &Bench, link: &Value) -> Answer {
    let token = link["token"].as_str().expect("a token");
    let body =
        json!({"token": token, "first_name": "New", "last_name": "One", "password": "a good password"});
    let headers = [("Content-Type", "application/json")];
    let path = "/api/v1/invitations/accept";
    request(&bench.server.address, "POST", path, &headers, body.to_string().as_bytes())
}

/// An administrator whom the bench's key has made.
fn administrator<'b>(bench: &'b Bench, name: &str) -> (Person<'b>, String) {
    let body = json!({"email": format!("{name}@example.com"), "is_administrator": true});
    let made = accept(bench, &bench.server.post("/invitations", &body).json());
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["user"]["id"].as_str().expect("an id").to_owned();
    (Person { server: &bench.server, cookie: cookie(&made) }, id)
}

#[test]
fn the_links_of_who_may_not_invite_any_more_are_worth_nothing() {
    let bench = bench();
    let keeps = administrator(&bench, "keeps").0;
    let (demoted, demoted_id) = administrator(&bench, "demoted");
    let (removed, removed_id) = administrator(&bench, "removed");
    let program = bench.server.post("/keys", &json!({"name": "Program"})).json();
    let by_key = Server::of(&bench.server, program["key"].as_str().expect("a key"));
    let invite = |name: &str| json!({"email": format!("{name}@example.com"), "is_administrator": true});
    let by = |person: &Person<'_>, name: &str| {
        let made = person.send("POST", "/invitations", &invite(name));
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    };
    let good = by(&keeps, "a");
    let worthless = [
        by(&demoted, "b"),
        // Whoever could set an administrator's password would be one.
        demoted.send("POST", "/users/keeps@example.com/password_link", &Value::Null).json(),
        by(&removed, "c"),
        by_key.post("/invitations", &invite("d")).json(),
    ];
    let change = |is_administrator: bool| {
        let body = json!({"is_administrator": is_administrator}).to_string();
        bench.server.send("PATCH", &format!("/users/{demoted_id}"), &[], body.as_bytes()).status
    };
    assert_eq!(change(false), 200);
    assert_eq!(bench.server.send("DELETE", &format!("/users/{removed_id}"), &[], b"").status, 204);
    let key = format!("/keys/{}", program["id"].as_str().expect("an id"));
    assert_eq!(bench.server.send("DELETE", &key, &[], b"").status, 204);
    let listed = bench.server.get("/invitations").json();
    let listed: Vec<_> = listed.as_array().expect("a list").iter().map(|it| &it["email"]).collect();
    assert_eq!(listed, ["a@example.com"]);
    // Nor when they are an administrator again.
    assert_eq!(change(true), 200);
    for link in &worthless {
        let refused = accept(&bench, link);
        let code = refused.json()["code"].clone();
        assert_eq!((refused.status, code), (404, json!("invitation_not_found")), "{}", link["email"]);
        assert!(refused.body.contains("may not invite any more"), "{}", refused.body);
    }
    assert_eq!(accept(&bench, &good).status, 201);
}

/// A key's end is no moment at which anybody withdraws something.
#[test]
fn a_link_ends_with_the_key_that_made_it() {
    let bench = bench();
    let ends = "2100-01-01T00:00:00Z";
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    for (expires_at, is_end) in [(soon.as_str(), true), (ends, false)] {
        let made = bench.server.post("/keys", &json!({"name": expires_at, "expires_at": expires_at})).json();
        let program = Server::of(&bench.server, made["key"].as_str().expect("a key"));
        let link = program.post("/invitations", &json!({"email": "new@example.com"})).json();
        assert_eq!(link["expires_at"] == made["expires_at"], is_end, "{link}");
    }
}

/// "Immediate revocation": who has asked, and holds back the end of what they ask for, gets nothing when they may not ask any more.
#[test]
fn what_was_begun_in_time_and_ends_too_late_makes_no_key_and_no_link() {
    let bench = bench();
    let (removed, removed_id) = administrator(&bench, "removed");
    let (demoted, demoted_id) = administrator(&bench, "demoted");
    let program = bench.server.post("/keys", &json!({"name": "Program"})).json();
    let bearer = format!("Bearer {}", program["key"].as_str().expect("a key"));
    let by_person = |it: &Person<'_>| [("Cookie", it.cookie.clone()), ("Origin", "http://test".to_owned())];
    let by_key = [("Authorization", bearer)];
    let asks = |who: &[(&'static str, String)], path: &str, body: &Value| {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(who.iter().map(|(name, value)| (*name, value.as_str())));
        let path = format!("/api/v1{path}");
        HeldBack::new(&bench.server.address, "POST", &path, &headers, body.to_string().as_bytes())
    };
    let key = json!({"name": "Backdoor"});
    let link = json!({"email": "backdoor@example.com", "is_administrator": true});
    let mut begun = Vec::new();
    for (who, status) in
        [(&by_key[..], 401), (&by_person(&removed)[..], 401), (&by_person(&demoted)[..], 403)]
    {
        begun.push((asks(who, "/keys", &key), status));
        begun.push((asks(who, "/invitations", &link), status));
    }
    let kept = asks(&by_person(&administrator(&bench, "keeps").0), "/keys", &json!({"name": "Good"}));
    let ends = |path: String| bench.server.send("DELETE", &path, &[], b"").status;
    assert_eq!(ends(format!("/keys/{}", program["id"].as_str().expect("an id"))), 204);
    assert_eq!(ends(format!("/users/{removed_id}")), 204);
    let no_more = json!({"is_administrator": false}).to_string();
    let path = format!("/users/{demoted_id}");
    assert_eq!(bench.server.send("PATCH", &path, &[], no_more.as_bytes()).status, 200);
    for (request, status) in begun {
        let answer = request.end();
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(kept.end().status, 201, "the others go on");
    let keys = bench.server.get("/keys").json();
    let mut names: Vec<_> =
        keys.as_array().expect("a list").iter().map(|it| it["name"].as_str().expect("a name")).collect();
    names.sort_unstable();
    assert_eq!(names, ["Good", "Test"]);
    assert_eq!(bench.server.get("/invitations").json(), json!([]));
}
