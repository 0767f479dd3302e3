//! Ten times the load that the server can carry: what it carries stays the same, the rest is refused at
//! once and told when to come back, and nothing grows.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{CONFIG, Project, Receiver, Reply, Server, eventually, pinging};

/// So many run at a time, each for this long: the capacity is known and does not depend on the machine.
const IN_FLIGHT_MAX: u32 = 10;
const CALL_TAKES: Duration = Duration::from_millis(100);
const CAPACITY_PER_SECOND: f64 = 100.0;

const CLIENTS: u32 = 20;
const TASKS: u32 = 200;

/// Refused or accepted, an answer comes within this; nearly always far sooner.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
const GROWTH_KIB_MAX: u64 = 32 * 1024;

/// Seconds of overload: a few by default, a minute where there is time.
fn seconds() -> u64 {
    std::env::var("ONWARD_OVERLOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// A client that keeps its connection.
struct Client {
    reader: BufReader<TcpStream>,
    head: String,
}

/// What was answered, and how long that took.
struct Answered {
    status: u16,
    retry_after: bool,
    took: Duration,
}

impl Client {
    fn of(server: &Server) -> Self {
        let socket = TcpStream::connect(&server.address).expect("the server listens");
        socket.set_nodelay(true).expect("an option");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("an option");
        let head = format!(
            "POST /api/v1/workflows/api-sample/executions HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n",
            server.key
        );
        Self { reader: BufReader::new(socket), head }
    }

    fn perform(&mut self, task: u32) -> Answered {
        let body = json!({"task_id": task.to_string(), "action_id": "ping"}).to_string();
        let request = format!("{}Content-Length: {}\r\n\r\n{body}", self.head, body.len());
        let began = Instant::now();
        self.reader.get_mut().write_all(request.as_bytes()).expect("sent");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).expect("an answer's head");
            if line == "\r\n" {
                break;
            }
            lines.push(line.to_ascii_lowercase());
        }
        let header = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = header("content-length:").and_then(|text| text.parse().ok()).expect("a length");
        let mut answer = vec![0; length];
        self.reader.read_exact(&mut answer).expect("an answer's body");
        let status = lines[0].split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answered { status, retry_after: header("retry-after:").is_some(), took: began.elapsed() }
    }
}

/// Offers requests at a rate, whether or not they are taken.
fn offer(server: &Server, per_second: f64, lasting: Duration) -> Vec<Answered> {
    let all = Mutex::new(Vec::new());
    let until = Instant::now() + lasting;
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let all = &all;
            scope.spawn(move || {
                let mut client = Client::of(server);
                let pause = Duration::from_secs_f64(f64::from(CLIENTS) / per_second);
                let mut next = Instant::now() + pause.mul_f64(f64::from(number) / f64::from(CLIENTS));
                let (mut task, mut mine) = (number, Vec::new());
                while Instant::now() < until {
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                    next += pause;
                    mine.push(client.perform(task % TASKS));
                    task += CLIENTS;
                }
                all.lock().expect("the list").extend(mine);
            });
        }
    });
    all.into_inner().expect("the list")
}

/// Calls per second that the receiver got while something was done.
fn carried<T>(receiver: &Receiver, work: impl FnOnce() -> T) -> (f64, T) {
    let (before, began) = (receiver.received().len(), Instant::now());
    let done = work();
    let rate = (receiver.received().len() - before) as f64 / began.elapsed().as_secs_f64();
    (rate, done)
}

/// "Offered load at ten times capacity for a minute: throughput within 10 % of the peak, the excess gets
/// 503 with `Retry-After`, memory and the latency of what is accepted stay bounded."
#[test]
fn ten_times_the_load_is_carried_as_well_as_once_the_load() {
    let receiver = Receiver::start(Reply::new(200, "").after(CALL_TAKES));
    let (project, key) = Project::new(&pinging(&receiver));
    let limits = format!("[engine]\nin_flight_max = {IN_FLIGHT_MAX}\nqueued_max = {IN_FLIGHT_MAX}\n");
    project.write("onward.toml", &format!("{CONFIG}{limits}[log]\nlevel = \"warn\"\n"));
    let server = project.serve(&key);
    for task in 0..TASKS {
        server.create_task(&json!({"Company ID": task.to_string(), "Stage": "In Progress"}));
    }
    let (peak, at_peak) =
        carried(&receiver, || offer(&server, CAPACITY_PER_SECOND * 1.5, Duration::from_secs(3)));
    assert!(peak > CAPACITY_PER_SECOND * 0.5, "the machine carries only {peak:.0} per second");
    let memory = server.memory_kib("VmRSS");
    let lasting = Duration::from_secs(seconds());
    let (under_overload, answered) =
        carried(&receiver, || offer(&server, CAPACITY_PER_SECOND * 10.0, lasting));
    let growth = server.memory_kib("VmRSS").saturating_sub(memory);
    let offered = answered.len() as f64 / lasting.as_secs_f64();
    assert!(offered > CAPACITY_PER_SECOND * 7.0, "only {offered:.0} requests per second were offered");
    assert!(under_overload >= peak * 0.9, "{under_overload:.0} per second carried, {peak:.0} at the peak");
    assert!(growth < GROWTH_KIB_MAX, "it grew by {growth} KiB");
    let (accepted, refused): (Vec<_>, Vec<_>) = answered.iter().partition(|answer| answer.status == 201);
    assert!(refused.len() > accepted.len() * 4, "{} accepted, {} refused", accepted.len(), refused.len());
    assert!(refused.iter().all(|answer| answer.status == 503 && answer.retry_after));
    for (name, answers) in [("accepted", &accepted), ("refused", &refused)] {
        let mut took: Vec<_> = answers.iter().map(|answer| answer.took).collect();
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100];
        assert!(p99 < ANSWERS_WITHIN, "one in a hundred {name} answers took {p99:?} or more");
    }
    // What was accepted is carried out, once, however much was refused beside it.
    let all = accepted.len() + at_peak.iter().filter(|answer| answer.status == 201).count();
    eventually("every accepted execution has called", || receiver.received().len() >= all);
    assert_eq!(server.terminate(), Some(0), "{}", project.log());
    assert_eq!(receiver.received().len(), all);
}
