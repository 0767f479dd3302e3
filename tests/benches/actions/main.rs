//! Actions performed per second, against a bare handler that only makes the call.
//!
//! Starts receiver, control and server on free ports, alternates control and server, checks that
//! every answer was right and that every execution is in the store, prints a table, and writes it to
//! `target/bench/actions.json`. The last row is the same while another endpoint, which never answers, has all the calls
//! that it may have. `ONWARD_BENCH_SECONDS` sets the seconds of one run.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table; its children print their results")]

mod children;
mod control;
mod dead;
mod load;
mod program;
mod receiver;
mod server;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::{
    children::Service,
    dead::Dead,
    load::{Run, Target},
    server::Server,
};

const ROUNDS: usize = 3;
const ACTION: &str = "finish";
const CONNECTIONS: usize = 64;
const TASKS: usize = 1_000;
const WARM_UP_SECONDS: f64 = 1.0;
const SINGLE_SECONDS: f64 = 2.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("receiver") => receiver::main(),
        Some("control") => control::main(&arguments[1..]),
        Some("load") => load::main(&arguments[1..]),
        _ => bench(),
    }
}

/// As many as the server takes by default: one core is left to the store's writer.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

fn bench() {
    let seconds =
        std::env::var("ONWARD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let receiver = Service::start(&["receiver"]);
    let control = Service::start(&["control", &receiver.port.to_string(), &workers().to_string()]);
    let dead = Dead::start();
    let server = Server::start(receiver.port, dead.port(), TASKS);
    let idle_kib = server.memory_kib("VmRSS");
    let bare = Target { port: control.port, path: "/", key: "none", action: ACTION };
    let whole = Target { port: server.port, path: server::PATH, key: &server.key, action: ACTION };
    let of_control = |connections, seconds| load::run(bare, connections, seconds, TASKS);
    let of_server = |connections, seconds| load::run(whole, connections, seconds, TASKS);
    let mut all = vec![of_control(CONNECTIONS, WARM_UP_SECONDS)];
    let mut ours = vec![of_server(CONNECTIONS, WARM_UP_SECONDS)];
    let (mut controls, mut servers) = (Vec::new(), Vec::new());
    let before = server.thread_ticks();
    for _ in 0..ROUNDS {
        controls.push(of_control(CONNECTIONS, seconds));
        servers.push(of_server(CONNECTIONS, seconds));
    }
    let threads = server.thread_micros(&before, servers.iter().map(|run| run.count).sum());
    let (control_single, server_single) = (of_control(1, SINGLE_SECONDS), of_server(1, SINGLE_SECONDS));
    let loaded_kib = server.memory_kib("VmHWM");
    dead.fill(&server);
    let during = [of_server(CONNECTIONS, seconds), of_server(1, SINGLE_SECONDS)];
    all.extend(controls.iter().chain([&control_single]).cloned());
    ours.extend(servers.iter().chain([&server_single]).chain(&during).cloned());
    check(&receiver, &server, &all, &ours);
    let (control_rate, server_rate) = (Rates::of(&controls), Rates::of(&servers));
    let ratio = server_rate.median / control_rate.median;
    println!(
        "\n{:<10} {:>12} {:>22} {:>10} {:>10} {:>14}",
        "", "performed/s", "min–max", "p50 µs", "p99 µs", "p50 µs alone"
    );
    print_row("control", &control_rate, &controls, &control_single);
    print_row("Onward", &server_rate, &servers, &server_single);
    let [during, during_single] = during;
    let during_rate = Rates::of(std::slice::from_ref(&during));
    print_row("one dead", &during_rate, std::slice::from_ref(&during), &during_single);
    println!("\nratio {ratio:.3}; resident {} MiB idle, {} MiB loaded", idle_kib / 1024, loaded_kib / 1024);
    println!("the server's processor time per action, by thread:");
    for (name, micros) in &threads {
        println!("  {name:<16} {micros:>6.1} µs");
    }
    write(&json!({
        "ratio": ratio,
        "control": shown(&control_rate, &controls, &control_single),
        "server": shown(&server_rate, &servers, &server_single),
        "while_one_endpoint_is_dead": shown(&during_rate, std::slice::from_ref(&during), &during_single),
        "idle_kib": idle_kib,
        "loaded_kib": loaded_kib,
        "thread_micros": threads.iter().map(|(name, micros)| (name.clone(), json!(micros))).collect::<serde_json::Map<_, _>>(),
    }));
}

/// Every answer right, every call made once, every execution on disk.
fn check(receiver: &Service, server: &Server, controls: &[Run], servers: &[Run]) {
    for run in controls.iter().chain(servers) {
        assert!(run.errors == 0, "{} wrong answers; the first: {}", run.errors, run.first_error);
    }
    let (of_control, of_server) = (sum(controls), sum(servers));
    let (total, malformed) = receiver::count(receiver.port);
    assert_eq!(malformed, 0, "the receiver got malformed bodies");
    assert_eq!(total, of_control + of_server, "calls that were made, and answers that were counted");
    assert_eq!(server.succeeded(), of_server, "executions in the store, and answers that were counted");
    let changed = server.close_date("T0");
    assert!(changed.starts_with("2020-02-"), "the answer's change of the task: {changed}");
}

fn sum(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.count).sum()
}

struct Rates {
    median: f64,
    least: f64,
    most: f64,
}

impl Rates {
    fn of(runs: &[Run]) -> Self {
        let mut rates: Vec<_> = runs.iter().map(|run| run.count as f64 / run.seconds).collect();
        rates.sort_by(f64::total_cmp);
        Self { median: rates[rates.len() / 2], least: rates[0], most: rates[rates.len() - 1] }
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn p50(runs: &[Run]) -> u64 {
    median(runs.iter().map(|run| run.p50_us).collect())
}

fn p99(runs: &[Run]) -> u64 {
    median(runs.iter().map(|run| run.p99_us).collect())
}

fn print_row(name: &str, rates: &Rates, runs: &[Run], single: &Run) {
    let spread = format!("{:.0}–{:.0}", rates.least, rates.most);
    println!(
        "{name:<10} {:>12.0} {spread:>22} {:>10} {:>10} {:>14}",
        rates.median,
        p50(runs),
        p99(runs),
        single.p50_us
    );
}

fn shown(rates: &Rates, runs: &[Run], single: &Run) -> Value {
    json!({
        "per_second": rates.median, "least": rates.least, "most": rates.most,
        "p50_us": p50(runs), "p99_us": p99(runs), "p50_us_at_1_connection": single.p50_us,
    })
}

fn write(result: &Value) {
    let path = target().join("bench/actions.json");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, format!("{result:#}\n")).expect("written");
    println!("written to {}", path.display());
}

/// The target folder: this binary stands in target/release/deps.
fn target() -> PathBuf {
    let binary = std::env::current_exe().expect("this binary's path");
    binary.ancestors().nth(3).expect("target/release/deps").to_owned()
}
