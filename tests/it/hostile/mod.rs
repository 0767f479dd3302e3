//! Receivers that misbehave: each is mapped to failure, *unknown* or success as it should, within its limits, and harms
//! nobody else. [`table`] has them all; this runs them, on real sockets, against the real server.

mod case;
mod table;

use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use self::{
    case::Case,
    table::{cases, trap},
};
use crate::support::{Authorities, Connection, Project, RawReceiver, Server};

/// What a step may take, as the workflow says it.
const STEP_TIMEOUT: Duration = Duration::from_secs(2);
/// The server's `connect_timeout_seconds`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// What every case may take, run beside all the others on a machine with few cores. A limit that does not hold would
/// take for ever.
const CASE_TIME_MAX: Duration = Duration::from_secs(10);
/// What any other request to the server may take meanwhile.
const SERVING_TIME_MAX: Duration = Duration::from_secs(3);
/// How much the server's memory may grow over floods. One bomb alone would unpack to more.
const MEMORY_GROWTH_KIB_MAX: u64 = 128 << 10;
/// How many floods of one kind come at once.
const FLOODS_AT_ONCE: usize = 4;
/// Fields of a task whose request no socket takes at once, each of so many characters of four bytes.
const NOTES: usize = 12;
const NOTE_CHARS: usize = 100_000;

/// The receivers and the server that calls them: an action for each case, with one call.
struct Bench {
    cases: Vec<Case>,
    receivers: Vec<RawReceiver>,
    server: Server,
    _project: Project,
}

impl Bench {
    fn start(cases: Vec<Case>) -> Self {
        let authorities = Authorities::new();
        let start = |case: &Case| {
            let (moves, then) = (case.moves.clone(), case.then);
            let script = move |connection: &mut Connection| {
                moves.iter().for_each(|step| step.make(connection));
                then
            };
            RawReceiver::start(case.over, script, &authorities)
        };
        let receivers: Vec<_> = cases.iter().map(start).collect();
        let (project, key) = Project::new(&workflow(&cases, &receivers));
        project.write("ca.pem", authorities.trusted_pem());
        // One worker, so that a case and the call after it share what connections there are.
        let connect = CONNECT_TIMEOUT.as_secs();
        project.write(
            "onward.toml",
            &format!(
                "[server]\nlisten = \"127.0.0.1:0\"\nworkers = 1\nbody_bytes_max = 8388608\n\
                 [egress]\nallow = [\"127.0.0.1\", \"localhost\"]\nextra_ca_file = \"ca.pem\"\nconnect_timeout_seconds = {connect}\n"
            ),
        );
        let server = project.serve(&key);
        Self { cases, receivers, server, _project: project }
    }

    fn create(&self, id: &str, upload: bool) {
        let mut task = json!({"ID": id});
        if upload {
            for note in 1..=NOTES {
                task[format!("Note {note}")] = json!("𝄞".repeat(NOTE_CHARS));
            }
        }
        let created = self.server.post("/workflows/hostile/tasks", &task);
        assert_eq!(created.status, 201, "{}", created.body);
    }

    /// Performs an action on a task; the execution in detail.
    fn perform(&self, action: &str, task: &str) -> Value {
        let body = json!({"task_id": task, "action_id": action}).to_string();
        let wait = [("Prefer", "wait=30")];
        let execution =
            self.server.send("POST", "/workflows/hostile/executions", &wait, body.as_bytes()).json();
        let id = execution["id"].as_str().unwrap_or_else(|| panic!("no execution: {execution}"));
        self.server.get(&format!("/workflows/hostile/executions/{id}")).json()
    }

    fn answer_in(&self, task: &str) -> Value {
        self.server.get(&format!("/workflows/hostile/tasks/{task}")).json()["Answer"].take()
    }

    /// Runs a case on a task and says what is not as expected.
    fn run(&self, number: usize, task: &str) -> Vec<String> {
        let case = &self.cases[number];
        let started = Instant::now();
        let execution = self.perform(&format!("case-{number}"), task);
        let took = started.elapsed();
        let mut problems = case.problems(&execution);
        if took > CASE_TIME_MAX {
            problems.push(format!("it took {took:?}"));
        }
        let answer = self.answer_in(task);
        if answer != json!(case.answer) {
            problems.push(format!("the task has the answer {answer}"));
        }
        problems
    }

    /// The receiver saw so many requests, and now behaves: the next call must get the answer to itself.
    fn run_after(&self, number: usize, requests: usize, task: &str) -> Vec<String> {
        let receiver = &self.receivers[number];
        let mut problems = Vec::new();
        if receiver.requests() != requests {
            problems.push(format!("the receiver saw {} requests, not {requests}", receiver.requests()));
        }
        receiver.ended();
        if self.cases[number].then_next {
            receiver.wait_for_script();
        }
        receiver.behave();
        let execution = self.perform(&format!("after-{number}"), task);
        let answer = self.answer_in(task);
        if execution["state"] != "succeeded" || answer != task || receiver.requests() != requests + 1 {
            problems.push(format!("the call after it: {execution}, and the task has the answer {answer}"));
        }
        problems
    }
}

fn workflow(cases: &[Case], receivers: &[RawReceiver]) -> String {
    let mut text = "name = \"Hostile\"\n[[fields]]\nname = \"ID\"\ntype = \"uniqueId\"\nrequired = true\n\
                    [[fields]]\nname = \"Answer\"\ntype = \"text\"\n[[stages]]\nname = \"Open\"\n"
        .to_owned();
    for note in 1..=NOTES {
        text.push_str(&format!("[[fields]]\nname = \"Note {note}\"\ntype = \"longText\"\n"));
    }
    for (number, (case, receiver)) in cases.iter().zip(receivers).enumerate() {
        let timeout = format!("timeout = \"{}s\"", STEP_TIMEOUT.as_secs());
        let timeout = if case.params.contains("timeout") { "" } else { &timeout };
        text.push_str(&format!(
            "[[actions]]\nname = \"Case {number}\"\nfrom = [\"Open\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{}/\"\n{timeout}\n{}\n",
            receiver.url(),
            case.params
        ));
        text.push_str(&format!(
            "[[actions]]\nname = \"After {number}\"\nfrom = [\"Open\"]\n[[actions.steps]]\ntype = \"api_call\"\n\
             url = \"{}/\"\n",
            receiver.url()
        ));
    }
    text
}

/// Says all problems of all cases at once.
fn assert_none(problems: &[(&str, String)]) {
    let lines: Vec<_> = problems.iter().map(|(name, problem)| format!("{name}: {problem}")).collect();
    assert!(lines.is_empty(), "{} problems:\n{}", lines.len(), lines.join("\n"));
}

/// Product, section 2: 3xx is a failure and is never followed; 4xx, 5xx, TLS errors are failures; what was sent and
/// not answered is *unknown* and never silently re-sent. And no answer lands on another task.
#[test]
fn each_hostile_receiver_ends_as_the_table_says_and_the_next_call_gets_its_own_answer() {
    let bench = Bench::start(cases());
    for (number, case) in bench.cases.iter().enumerate() {
        bench.create(&format!("hostile-{number}"), case.upload);
        bench.create(&format!("good-{number}"), false);
    }
    let problems: Vec<_> = thread::scope(|scope| {
        let run = |number| {
            let bench = &bench;
            scope.spawn(move || {
                let mut problems = bench.run(number, &format!("hostile-{number}"));
                let requests = bench.cases[number].requests;
                problems.extend(bench.run_after(number, requests, &format!("good-{number}")));
                problems.into_iter().map(|problem| (bench.cases[number].name, problem)).collect::<Vec<_>>()
            })
        };
        let running: Vec<_> = (0..bench.cases.len()).map(run).collect();
        while running.iter().any(|case| !case.is_finished()) {
            let started = Instant::now();
            assert_eq!(bench.server.get("/workflows").status, 200);
            assert!(started.elapsed() < SERVING_TIME_MAX, "the server took {:?}", started.elapsed());
            thread::sleep(Duration::from_millis(20));
        }
        running.into_iter().flat_map(|case| case.join().expect("the case")).collect()
    });
    assert_none(&problems);
    // No answer came to another task, not even later.
    for number in 0..bench.cases.len() {
        assert_eq!(bench.answer_in(&format!("hostile-{number}")), json!(bench.cases[number].answer));
        assert_eq!(bench.answer_in(&format!("good-{number}")), format!("good-{number}"));
    }
    let visitor = trap().accept();
    assert!(visitor.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "a redirect was followed");
}

/// Architecture, style: a limit on everything. Whatever a receiver pours, the server takes its limit and no more.
#[test]
fn the_servers_memory_stays_bounded_over_floods() {
    let bench = Bench::start(cases().into_iter().filter(|case| case.flood).collect());
    let before = bench.server.memory_kib("VmHWM");
    for number in 0..bench.cases.len() {
        let name = bench.cases[number].name;
        bench.create(&format!("good-{number}"), false);
        (0..FLOODS_AT_ONCE).for_each(|flood| bench.create(&format!("flood-{number}-{flood}"), false));
        let mut problems: Vec<String> = thread::scope(|scope| {
            let run = |flood| {
                let bench = &bench;
                scope.spawn(move || bench.run(number, &format!("flood-{number}-{flood}")))
            };
            let running: Vec<_> = (0..FLOODS_AT_ONCE).map(run).collect();
            running.into_iter().flat_map(|flood| flood.join().expect("the flood")).collect()
        });
        let growth = bench.server.memory_kib("VmHWM") - before;
        if growth > MEMORY_GROWTH_KIB_MAX {
            problems.push(format!("memory grew by {growth} KiB"));
        }
        problems.extend(bench.run_after(number, FLOODS_AT_ONCE, &format!("good-{number}")));
        assert_none(&problems.into_iter().map(|problem| (name, problem)).collect::<Vec<_>>());
    }
}
