//! What plugins cost: a call, a start of the server, a step in a chain, and a plugin that hangs. Each beside a control, in the same run.
//!
//! `calls`, `starts`, `steps` and `hanging` as arguments choose some of it. Prints tables, of medians of several rounds, and writes them to
//! `target/bench/plugins.json`. `ONWARD_BENCH_SECONDS` sets the seconds of one run of the load.

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables; its children print their results")]

mod calls;
#[path = "../../../tests/benches/actions/children.rs"]
mod children;
mod control;
mod hanging;
mod library;
#[path = "../../../tests/benches/actions/load.rs"]
mod load;
#[path = "../../../tests/benches/actions/program.rs"]
mod program;
#[path = "../../../tests/benches/actions/receiver.rs"]
mod receiver;
mod server;
mod starts;
mod steps;
mod table;

use serde_json::{Map, Value};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Part = (&'static str, fn(&mut Map<String, Value>));

const PARTS: [Part; 4] = [
    ("calls", calls::bench),
    ("starts", starts::bench),
    ("steps", steps::bench),
    ("hanging", hanging::bench),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("pair") => calls::serve_pair(),
        Some("receiver") => receiver::main(),
        Some("control") => control::main(&arguments[1..]),
        Some("load") => load::main(&arguments[1..]),
        _ => bench(&arguments),
    }
}

fn bench(chosen: &[String]) {
    let path = library::target().join("bench/plugins.json");
    let kept = std::fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let mut all: Map<String, Value> = kept.unwrap_or_default();
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|it| it == name) {
            let mut result = Map::new();
            part(&mut result);
            all.insert(name.to_owned(), result.into());
        }
    }
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, format!("{:#}\n", Value::Object(all))).expect("written");
    println!("\nwritten to {}", path.display());
}

/// Seconds of one run of the load.
fn seconds() -> f64 {
    std::env::var("ONWARD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
