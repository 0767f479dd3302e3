//! "Client certificates, custom CA": a call's own `tls`.

use crate::{
    rules::with_action,
    support::{Authorities, Connection, Over, Project, RawReceiver, Then, acme, api_sample},
};

const ALL: &str =
    "{ ca = \"{{secrets.CA}}\", certificate = \"{{secrets.CERTIFICATE}}\", key = \"{{secrets.KEY}}\" }";

fn workflow(url: &str, tls: &str) -> String {
    let step = format!("type = \"api_call\"\nname = \"Call\"\nurl = \"{url}/x\"\ntls = {tls}");
    api_sample("https://billing.example") + &with_action("", "Test", "", &[&step])
}

/// A receiver whose authority nobody knows, and which lets nobody in who shows no certificate, is called by a step that
/// has both; the key is shown nowhere.
#[test]
fn a_step_is_known_by_its_certificate_and_trusts_its_own_authority() {
    let authorities = Authorities::new();
    let script = |connection: &mut Connection| {
        while connection.request().is_some() {
            connection
                .say("HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{\"task\":{\"Company Name\":\"mTLS\"}}");
        }
        Then::Close
    };
    let receiver = RawReceiver::start(Over::MutualTls, script, &authorities);
    let (project, key) = Project::new(&workflow(&receiver.url(), ALL));
    let (certificate, private_key) = authorities.client();
    let stranger = project.serve(&key);
    stranger.create_task(&acme());
    assert_eq!(stranger.performed("42", "test")["code"], "secret_missing");
    stranger.kill();
    let secrets = [("CA", authorities.trusted_pem()), ("CERTIFICATE", &certificate), ("KEY", &private_key)];
    for (name, pem) in secrets {
        let (is_set, said) = project.set_secret(name, pem);
        assert!(is_set, "{said}");
    }
    let server = project.serve(&key);
    let ended = server.performed("42", "test");
    assert_eq!(
        (&ended["status"], &server.task("42")["Company Name"]),
        (&"Success".into(), &"mTLS".into()),
        "{ended}"
    );
    let curl = ended["attempts"][0]["curl"].as_str().expect("a command");
    assert!(curl.ends_with(" --cacert ca.pem --cert certificate.pem --key key.pem"), "{curl}");
    let said = project.command(&["step", "test", "api-sample", "test", "1", "--task", "42"]);
    assert!(said.contains("(trusting the step's own authorities)"), "{said}");
    assert!(said.contains("(showing the step's certificate)"), "{said}");
    server.kill();
    // Somebody else's key.
    assert!(project.set_secret("KEY", &authorities.client().1).0);
    let server = project.serve(&key);
    let ended = server.performed("42", "test");
    assert_eq!((&ended["code"], &ended["state"]), (&"invalid_tls".into(), &"failed".into()), "{ended}");
    let shown = format!("{ended}{}", project.log());
    let body = private_key.lines().nth(1).expect("a line of the key");
    assert!(!shown.contains(body) && !shown.contains("PRIVATE KEY"), "{shown}");
    server.kill();
    project.write("workflows/test.toml", &workflow(&receiver.url(), "{ ca = \"{{secrets.CA}}\" }"));
    let server = project.serve(&key);
    let ended = server.performed("42", "test");
    // Whatever was sent, nobody has read it.
    assert_eq!((&ended["state"], &ended["code"]), (&"failed".into(), &"tls_failed".into()), "{ended}");
    assert!(
        ended.to_string().contains("it refuses the client certificate of this call, or asks for one"),
        "{ended}"
    );
}

#[test]
fn what_is_no_tls_is_refused_at_save() {
    for (tls, why) in [
        ("{}", "`tls` needs `ca`, or `certificate` and `key`, or all three"),
        ("\"yes\"", "`tls` must be a table"),
        ("{ ca = \"ca.pem\" }", "`ca`: the certificate is not one in PEM"),
        ("{ certificate = \"{{secrets.A}}\" }", "`tls` needs `certificate` and `key` together"),
        ("{ key = \"{{secrets.A}}\" }", "`tls` needs `certificate` and `key` together"),
        ("{ certificate = \"{{secrets.A}}\", key = \"-----BEGIN\" }", "plain_credential"),
        ("{ ca = 1 }", "`ca` must be a text"),
        ("{ ca = \"{{secrets.A}}\", verify = \"no\" }", "help: it knows ca, certificate, key"),
    ] {
        let project = Project::bare();
        project.write("onward.toml", "[server]\nlisten = \"127.0.0.1:0\"\n");
        project.write("workflows/test.toml", &workflow("https://billing.example", tls));
        let said = project.refused_command(&["check"]);
        assert!(said.contains(why), "{tls}: {said}");
    }
}
