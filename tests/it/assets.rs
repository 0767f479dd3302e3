//! The web UI as a browser gets it: the page for every address, its files for ever, nothing for who asks for the API.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::support::{Answer, Project, Server, api_sample, request};

const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

/// A method, a path and headers.
type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

struct Site {
    server: Server,
    _project: Project,
}

impl Site {
    fn new() -> Self {
        let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
        Self { server: project.serve(&key), _project: project }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        request(&self.server.address, method, path, headers, b"")
    }

    /// The scripts and styles that the page begins with.
    fn files(&self) -> Vec<String> {
        let page = self.ask("GET", "/", &[BROWSER]).body;
        let names: Vec<_> =
            page.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect();
        assert!(names.iter().any(|name| name.ends_with(".js")), "{page}");
        names
    }
}

fn nonce(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy").expect("a policy");
    let (_, rest) = policy.split_once("'nonce-").expect("a nonce in the policy");
    rest.split_once('\'').expect("its end").0.to_owned()
}

#[test]
fn every_address_of_a_browser_is_the_page() {
    let site = Site::new();
    for path in ["/", "/workflows", "/workflows/api-sample/tasks/42", "/setup", "/no/such/page?x=1"] {
        let page = site.ask("GET", path, &[BROWSER]);
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), Some("no-store"), "an updated server is seen at once");
        assert!(page.body.contains("<div id=\"root\">"), "{}", page.body);
        let head = site.ask("HEAD", path, &[BROWSER]);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
}

#[test]
fn the_policy_lets_nothing_in_from_elsewhere_and_nothing_written_into_the_page_run() {
    let site = Site::new();
    let (one, other) = (site.ask("GET", "/", &[BROWSER]), site.ask("GET", "/", &[BROWSER]));
    assert_ne!(nonce(&one), nonce(&other), "a nonce that is known beforehand guards nothing");
    assert!(one.body.contains(&format!("nonce=\"{}\"", nonce(&one))), "the page tells it to its own styles");
    let policy = one.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    for part in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
        assert!(!policy.contains(part), "{part}: {policy}");
    }
    assert_eq!(one.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn files_are_kept_for_ever_and_are_the_same_with_and_without_gzip() {
    let site = Site::new();
    for name in site.files() {
        let plain = site.ask("GET", &name, &[]);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{name}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
        // The second comes from what the first kept.
        for accepted in ["gzip, deflate, br", "br;q=1, gzip;q=0.5"] {
            let packed = site.ask("GET", &name, &[("Accept-Encoding", accepted)]);
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{name}");
            let mut unpacked = Vec::new();
            GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut unpacked).expect("gzip");
            assert!(unpacked == plain.bytes, "{name}");
        }
        let refused = site.ask("GET", &name, &[("Accept-Encoding", "gzip;q=0")]);
        assert_eq!(refused.header("content-encoding"), None);
        assert_eq!(site.ask("HEAD", &name, &[]).body, "");
    }
    assert_eq!(site.ask("GET", "/onward.svg", &[]).header("content-type"), Some("image/svg+xml"));
}

#[test]
fn who_asks_for_the_api_or_for_a_file_that_is_not_there_gets_no_page() {
    let site = Site::new();
    let asked: [Asked<'_>; 6] = [
        ("GET", "/api/v1/no-such-route", &[BROWSER]),
        ("GET", "/no-such-page", &[("Accept", "application/json")]),
        ("GET", "/no-such-page", &[]),
        ("POST", "/workflows", &[BROWSER]),
        ("GET", "/assets/old-1234.js", &[BROWSER]),
        ("GET", "/assets/..%2Findex.html", &[BROWSER]),
    ];
    for (method, path, headers) in asked {
        let answer = site.ask(method, path, headers);
        assert_eq!((answer.status, &answer.json()["code"]), (404, &"not_found".into()), "{method} {path}");
    }
}
