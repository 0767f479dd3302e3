//! What one more step in a chain costs: an action of one step beside one of many of the same kind.

use serde_json::{Map, Value, json};

use crate::{
    children::Service,
    library,
    load::{self, Run, Target},
    median, receiver, seconds,
    server::{Place, Server, TASKS},
    table::Table,
};

/// How many more.
const MORE: usize = 10;
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 64;

/// Actions of each kind, by what begins their names, and what of it performance is to reach.
const KINDS: [(&str, &str); 4] = [
    ("data", "update_data, in process (to reach: 5)"),
    ("inside", "a plugin's, in process"),
    ("outside", "a plugin's, in a child (to reach: 15)"),
    ("api", "api_call (to reach: 1.2 × control)"),
];

pub(crate) fn bench(result: &mut Map<String, Value>) {
    library::build_shipped();
    let receiver = Service::start(&["receiver"]);
    let control = Service::start(&["control", &receiver.port.to_string()]);
    let server = server(receiver.port);
    let mut table = Table::new(&[
        "one more step, µs",
        "alone, p50",
        "loaded, wall",
        "loaded, CPU",
        "actions/s of 1",
        "of 11 steps",
    ]);
    let mut write = |name: &str, cost: &Cost| {
        let Cost { alone, loaded, processor, rates } = cost;
        table.row(name, &[*alone, *loaded, *processor, rates[0], rates[1]]);
        let cost = json!({"alone_us": alone, "loaded_us": loaded, "processor_us": processor});
        result.insert(name.to_owned(), cost);
    };
    for (kind, name) in KINDS {
        let actions = [format!("{kind}-one"), format!("{kind}-many")];
        let [one, many] = &actions;
        write(name, &cost(Some(&server), [server.target(one), server.target(many)]));
    }
    let paths = ["/1".to_owned(), format!("/{}", MORE + 1)];
    let [one, many] =
        paths.each_ref().map(|path| Target { port: control.port, path, key: "none", action: "x" });
    write("control: a bare handler's call", &cost(None, [one, many]));
    table.print();
    let (calls, malformed) = receiver::count(receiver.port);
    assert!(calls > 0 && malformed == 0, "of {calls} calls {malformed} were not the contract's");
}

/// Of one more step: microseconds of an action that is alone, of the time that the machine takes for each of many, and of the server's
/// processors.
struct Cost {
    alone: f64,
    loaded: f64,
    processor: f64,
    /// Actions per second, of one step and of many.
    rates: [f64; 2],
}

fn cost(server: Option<&Server>, targets: [Target<'_>; 2]) -> Cost {
    let run = |target, connections| {
        let before = server.map_or(0.0, processor_micros);
        let run = load::run(target, connections, seconds(), TASKS);
        assert!(run.errors == 0, "{} wrong answers; the first: {}", run.errors, run.first_error);
        let used = server.map_or(0.0, processor_micros) - before;
        (used / run.count as f64, run)
    };
    // Instances are made, connections opened.
    targets.iter().for_each(|target| drop(load::run(*target, CONNECTIONS, 0.5, TASKS)));
    let (mut alone, mut loaded, mut processor) = (Vec::new(), Vec::new(), Vec::new());
    let mut rates = [Vec::new(), Vec::new()];
    let each = |run: &Run| run.seconds * 1e6 / run.count as f64;
    let of = |one: f64, many: f64| (many - one) / MORE as f64;
    for _ in 0..ROUNDS {
        let [(_, one), (_, many)] = targets.map(|target| run(target, 1));
        alone.push(of(one.p50_us as f64, many.p50_us as f64));
        let [(one_used, one), (many_used, many)] = targets.map(|target| run(target, CONNECTIONS));
        loaded.push(of(each(&one), each(&many)));
        processor.push(of(one_used, many_used));
        rates[0].push(1e6 / each(&one));
        rates[1].push(1e6 / each(&many));
    }
    Cost {
        alone: median(alone),
        loaded: median(loaded),
        processor: median(processor),
        rates: rates.map(median),
    }
}

fn server(receiver: u16) -> Server {
    let place = Place::new();
    for name in ["inside", "outside"] {
        library::build(&place.plugins(), name);
    }
    place.configure(&["inside"]);
    let step = |kind: &str, number: usize| match kind {
        "data" => format!(
            "type = \"update_data\"\nfields = {{ \"Company Name\" = \"{{{{execution.id}}}} {number}\" }}"
        ),
        "api" => format!("type = \"api_call\"\nurl = \"http://127.0.0.1:{receiver}/hook\""),
        plugin => format!("type = \"{plugin}_nothing\""),
    };
    let named: Vec<_> = KINDS
        .iter()
        .flat_map(|(kind, _)| [(format!("{kind}-one"), *kind, 1), (format!("{kind}-many"), *kind, MORE + 1)])
        .collect();
    let actions: Vec<_> = named
        .iter()
        .map(|(name, kind, count)| (name.as_str(), (0..*count).map(|number| step(kind, number)).collect()))
        .collect();
    place.actions(&actions);
    let server = place.start_with_tasks();
    server.keep(place)
}

/// What the server and the processes that it has begun have used.
fn processor_micros(server: &Server) -> f64 {
    /// One tick of the kernel's accounting (USER_HZ = 100).
    const TICK_MICROS: f64 = 10_000.0;
    let own = server.id().to_string();
    let mut ticks = 0;
    for process in std::fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        let Some((_, after)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<_> = after.split(' ').collect();
        if process.file_name().to_string_lossy() == own || fields[1] == own {
            // utime and stime, fields 14 and 15 of the whole line.
            ticks += fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        }
    }
    ticks as f64 * TICK_MICROS
}
