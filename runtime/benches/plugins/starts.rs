//! How long the server takes to start, with ever more plugins: when it does not know what they are, and when it has asked them before.

use std::fs;

use serde_json::{Map, Value, json};

use crate::{library, median, server::Place, table::Table};

const COUNTS: [usize; 4] = [0, 1, 20, 100];
const ROUNDS: usize = 3;

pub(crate) fn bench(result: &mut Map<String, Value>) {
    let mut table = Table::new(&["start until it answers, ms", "cold", "warm"]);
    for count in COUNTS {
        let place = Place::new();
        // What a first start does besides is not what is measured.
        drop(place.start());
        for number in 0..count {
            library::build(&place.plugins(), &format!("p{number}"));
        }
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let _none_yet = fs::remove_dir_all(place.copies());
            cold.push(place.start().1.as_secs_f64() * 1e3);
            warm.push(place.start().1.as_secs_f64() * 1e3);
        }
        let (cold, warm) = (median(cold), median(warm));
        table.row(&format!("{count} plugins"), &[cold, warm]);
        result.insert(format!("{count} plugins"), json!({"cold_ms": cold, "warm_ms": warm}));
    }
    table.print();
}
