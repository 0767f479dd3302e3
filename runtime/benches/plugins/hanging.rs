//! Whether plugins that hang hold up others: the same load on a server on which two hang with all their threads and with a queue of runs,
//! one in the server's process and one in its own, and on one on which nothing does.

use serde_json::{Map, Value, json};

use crate::{
    library,
    load::{self, Run},
    median, seconds,
    server::{Place, Server, TASKS},
    table::Table,
};

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 16;
/// Runs of each plugin that hangs: more than it has threads.
const HANGING: usize = 100;

pub(crate) fn bench(result: &mut Map<String, Value>) {
    library::build_shipped();
    let (free, held) = (server(), server());
    for plugin in ["inside", "outside"] {
        for number in 0..HANGING {
            let task = format!("{plugin} {number}");
            held.create_task(&task);
            held.perform(&task, plugin);
        }
    }
    let mut table =
        Table::new(&["others' actions, µs", "p50 without", "p50 with", "p99 without", "p99 with"]);
    for action in ["data", "child"] {
        let run = |server: &Server| {
            let run = load::run(server.target(action), CONNECTIONS, seconds(), TASKS);
            assert!(run.errors == 0, "{} wrong answers; the first: {}", run.errors, run.first_error);
            run
        };
        let (mut without, mut with) = (vec![run(&free)], vec![run(&held)]);
        for _ in 0..ROUNDS {
            without.push(run(&free));
            with.push(run(&held));
        }
        let of = |runs: &[Run], micros: fn(&Run) -> u64| {
            // The first has made instances.
            median(runs[1..].iter().map(|run| micros(run) as f64).collect())
        };
        let p50 = [of(&without, |run| run.p50_us), of(&with, |run| run.p50_us)];
        let p99 = [of(&without, |run| run.p99_us), of(&with, |run| run.p99_us)];
        table.row(action, &[p50[0], p50[1], p99[0], p99[1]]);
        result.insert(action.to_owned(), json!({"p50_us": p50, "p99_us": p99}));
    }
    table.print();
}

fn server() -> Server {
    let place = Place::new();
    for name in ["inside", "outside", "other"] {
        library::build(&place.plugins(), name);
    }
    place.configure(&["inside"]);
    place.actions(&[
        ("inside", vec!["type = \"inside_wedge\"\ntimeout = \"30m\"".to_owned()]),
        ("outside", vec!["type = \"outside_wedge\"\ntimeout = \"30m\"".to_owned()]),
        ("child", vec!["type = \"other_nothing\"".to_owned()]),
        (
            "data",
            vec!["type = \"update_data\"\nfields = { \"Company Name\" = \"{{execution.id}}\" }".to_owned()],
        ),
    ]);
    let server = place.start_with_tasks();
    server.keep(place)
}
