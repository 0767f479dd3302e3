//! A receiver that takes calls and never answers, and as many calls to it as the server lets it have.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::server::{self, Server};

/// Tasks on which the action that calls it is performed; more than the endpoint has places.
const TASKS: usize = 600;

/// What the endpoint has by default: calls at a time, and calls that wait for one of those to end.
const CALLS: u64 = 100;
const WAITING: u64 = 400;

const FULL_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Dead(TcpListener);

impl Dead {
    /// Connections are taken by the kernel; nobody reads what they bring.
    pub(crate) fn start() -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
        socket.listen(1024).expect("it listens");
        Self(socket.into())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    /// Calls it until the endpoint has no place left.
    pub(crate) fn fill(&self, server: &Server) {
        for task in 0..TASKS {
            server.create_task(&format!("D{task}"));
            let body = format!(r#"{{"task_id":"D{task}","action_id":"stall"}}"#);
            let answer = server.send("POST", server::PATH, &body);
            assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        }
        let (began, name) = (Instant::now(), format!("127.0.0.1:{}", self.port()));
        while server.endpoint(&name) != (CALLS, WAITING) {
            assert!(began.elapsed() < FULL_MAX, "the dead endpoint has {:?}", server.endpoint(&name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
