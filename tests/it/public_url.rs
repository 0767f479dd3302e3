//! `server.public_url`: links begin with it, and by https the cookie goes over https alone.

use serde_json::json;

use crate::support::{CONFIG, Project, Receiver, Reply, acme, api_sample, request};

const URL: &str = "https://onward.example/here";

#[test]
fn behind_https_the_cookie_is_secure_and_only_its_own_pages_may_change_something() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    project.write("onward.toml", &format!("{CONFIG}server.public_url = \"{URL}/\"\n"));
    let said = project.command(&[
        "user",
        "add",
        "--email",
        "a@example.com",
        "--first-name",
        "A",
        "--last-name",
        "B",
        "--administrator",
    ]);
    let password = said.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password");
    let server = project.serve(&key);
    server.create_task(&acme());
    assert_eq!(server.task("42")["Task URL"], format!("{URL}/workflows/api-sample/tasks/42"));
    let page = server.get("/workflows/api-sample/tasks?_limit=1");
    if let Some(link) = page.header("link") {
        assert!(link.contains(URL), "{link}");
    }
    let body = json!({"email": "a@example.com", "password": password}).to_string();
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let all = [&[("Content-Type", "application/json")], headers].concat();
        request(&server.address, method, &format!("/api/v1{path}"), &all, body.as_bytes())
    };
    let signed_in = send("POST", "/session", &[], &body);
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    let set = signed_in.header("set-cookie").expect("a cookie");
    for part in ["__Host-onward_session=", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    let cookie = set.split(';').next().expect("a pair");
    assert_eq!(send("GET", "/session", &[("Cookie", cookie)], "").status, 200);
    let schemes = &send("GET", "/openapi.json", &[], "").json()["components"]["securitySchemes"];
    assert_eq!(schemes["session"]["name"], "__Host-onward_session");
    // Not by the name of a cookie that any page by http could have set.
    let other = cookie.replace("__Host-", "");
    assert_eq!(send("GET", "/session", &[("Cookie", &other)], "").status, 401);
    let invite = json!({"email": "new@example.com"}).to_string();
    for (origin, status) in [
        ("https://onward.example", 201),
        ("http://onward.example", 403),
        ("https://onward.example.evil", 403),
        ("https://onward.example:8443", 403),
        ("http://test", 403),
        ("null", 403),
    ] {
        let answer = send("POST", "/invitations", &[("Cookie", cookie), ("Origin", origin)], &invite);
        assert_eq!(answer.status, status, "{origin}: {}", answer.body);
        if status == 201 {
            let link = answer.json()["link"].as_str().expect("a link").to_owned();
            assert!(link.starts_with(&format!("{URL}/invitation#")), "{link}");
        } else {
            assert_eq!(answer.json()["code"], "cross_origin", "{origin}");
        }
    }
}

/// The path is there for people and programs alone: what stands before the server takes it off.
#[test]
fn below_a_path_all_that_leads_on_is_below_it_too() {
    let receiver = Receiver::start(Reply::new(200, "{}"));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    project.write("onward.toml", &format!("{CONFIG}server.public_url = \"{URL}\"\n"));
    let server = project.serve(&key);
    let page = request(&server.address, "GET", "/workflows", &[("Accept", "text/html")], b"").body;
    let linked = |attribute: &str| page.split(attribute).skip(1).collect::<Vec<_>>();
    for link in [linked("src=\""), linked("href=\"")].concat() {
        assert!(link.starts_with("/here/assets/") || link.starts_with("/here/onward.svg"), "{link}");
    }
    assert!(page.contains("<meta name=\"onward-path\" content=\"/here\" />"), "{page}");
    server.create_task(&acme());
    let performed = server.perform("42", "finish");
    let location = performed.header("location").expect("where it is");
    assert!(location.starts_with("/here/api/v1/workflows/api-sample/executions/"), "{location}");
    assert_eq!(server.get("/openapi.json").json()["servers"], json!([{"url": "/here"}]));
}
