//! The receivers of `examples/receivers`, whose verifiers nobody here wrote: what we sign, they accept; what somebody
//! else signs, they refuse. `.ci/run` installs what they need (`ONWARD_RECEIVERS` names the folder) and runs this.

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use self::support::{Authorities, Certificate, Project, acme, api_sample, eventually};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/receivers")
}

/// Where the packages are installed that the receivers need.
fn installed() -> PathBuf {
    let folder =
        std::env::var_os("ONWARD_RECEIVERS").expect("ONWARD_RECEIVERS names the folder with the packages");
    PathBuf::from(folder)
}

/// Starts a receiver on a free port; its URL.
fn start(mut command: Command) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let child = command.arg(port.to_string()).env("SECRET", SECRET).stderr(Stdio::null()).spawn();
    let running = Running(child.expect("the receiver starts"));
    eventually("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (running, format!("http://127.0.0.1:{port}"))
}

/// The whole way: signed by the new one, by both, and by somebody else.
fn verifies(command: Command) {
    let (_running, url) = start(command);
    let action = |name: &str, secrets: &str| {
        format!(
            "\n[[actions]]\nname = \"{name}\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{url}\"\nsigning_secret = {secrets}\n"
        )
    };
    let text = api_sample(&url)
        + &action("Right", "\"{{secrets.RIGHT}}\"")
        + &action("Both", "[\"{{secrets.OTHER}}\", \"{{secrets.RIGHT}}\"]")
        + &action("Wrong", "\"{{secrets.OTHER}}\"");
    let (project, key) = Project::new(&text);
    assert!(project.set_secret("RIGHT", SECRET).0);
    assert!(project.set_secret("OTHER", OTHER).0);
    let server = project.serve(&key);
    for (action, name) in [("right", "Über Øre 漢字 \"1\""), ("both", "Second")] {
        let mut task = acme();
        task["Company Name"] = json!(name);
        server.post("/workflows/api-sample/tasks", &task);
        let ended = server.performed("42", action);
        assert_eq!(ended["status"], "Success", "{action}: {ended}");
        assert_eq!(server.task("42")["Company Name"], json!(name.to_uppercase()), "{action}");
    }
    let refused = server.performed("42", "wrong");
    assert_eq!(refused["code"], "http_status", "{refused}");
    assert!(refused["errors"][0].as_str().expect("a message").contains("answered 401"), "{refused}");
}

#[test]
fn the_receiver_in_python_verifies_what_is_signed() {
    let mut command = Command::new(installed().join("venv/bin/python"));
    command.arg(examples().join("receiver.py"));
    verifies(command);
}

/// A receiver that asks for a certificate, by OpenSSL as Python has it.
const MUTUAL: &str = r#"
import ssl, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        subject = dict(pair[0] for pair in self.connection.getpeercert()["subject"])
        answer = ('{"task": {"Company Name": "%s"}}' % subject["commonName"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/server.pem", sys.argv[1] + "/server.key")
context.load_verify_locations(sys.argv[1] + "/ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

#[test]
fn a_receiver_by_openssl_verifies_the_certificate_that_a_step_shows() {
    let authorities = Authorities::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = authorities.shown(Certificate::Trusted);
    let files = [("server.pem", certificate.pem()), ("server.key", key.serialize_pem())];
    for (name, pem) in files.into_iter().chain([("ca.pem", authorities.trusted_pem().to_owned())]) {
        std::fs::write(folder.path().join(name), pem).expect("written");
    }
    let mut command = Command::new("python3");
    command.args(["-c", MUTUAL]).arg(folder.path());
    let (_running, url) = start(command);
    let url = url.replace("http://", "https://");
    let action = |name: &str, tls: &str| {
        format!(
            "\n[[actions]]\nname = \"{name}\"\nfrom = [\"In Progress\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{url}\"\ntls = {{ ca = \"{{{{secrets.CA}}}}\"{tls} }}\n"
        )
    };
    let shown = ", certificate = \"{{secrets.CERTIFICATE}}\", key = \"{{secrets.KEY}}\"";
    let text = api_sample(&url) + &action("Shown", shown) + &action("Hidden", "");
    let (project, api_key) = Project::new(&text);
    let (certificate, key) = authorities.client();
    for (name, pem) in [("CA", authorities.trusted_pem()), ("CERTIFICATE", &certificate), ("KEY", &key)] {
        assert!(project.set_secret(name, pem).0);
    }
    let server = project.serve(&api_key);
    server.create_task(&acme());
    let hidden = server.performed("42", "hidden");
    assert_eq!((&hidden["state"], &hidden["code"]), (&json!("failed"), &json!("tls_failed")), "{hidden}");
    let ended = server.performed("42", "shown");
    assert_eq!(ended["status"], "Success", "{ended}");
    assert_eq!(server.task("42")["Company Name"], "Onward's client");
}

#[test]
fn the_receiver_in_node_verifies_what_is_signed() {
    // Where the packages are, as in a project of its own.
    let script = installed().join("receiver.mjs");
    std::fs::copy(examples().join("receiver.mjs"), &script).expect("copied");
    let mut command = Command::new("node");
    command.arg(script);
    verifies(command);
}
