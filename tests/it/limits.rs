//! `runtime/LIMITS.md` against the program: each figure is the constant's or the setting's, each code exists, and no
//! limit is left out.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// Limits that nobody outside meets: pages of the store, rests of loops, what is shown of something longer.
const INTERNAL: &[&str] = &[
    "boot::ALERTING_END_MAX",
    "boot::TELLING_END_MAX",
    "cli::plugin::check::trial::QUIET",
    "cli::role::SHOWN_MAX",
    "clock::COUNTER_MAX",
    "credential::KEY_CHARS_MIN",
    "toml_file::report::SHOWN_BYTES_MAX",
    "toml_file::table::KEPT_MAX",
    "toml_file::table::MESSAGE_CHARS_MAX",
    "engine::disk::DOUBTFUL_TRIES_MAX",
    "engine::waker::REST_MAX",
    "model::duration::TEXT_BYTES_MAX",
    "model::patch::UNKNOWN_NAME_CHARS_MAX",
    "model::secret::BACKSLASHES_MAX",
    "model::secret::NAME_BYTES_MAX",
    "model::text::COMPARED_BYTES_MAX",
    "sessions::KNOWN_MAX",
    "step::api_call::custom::FOUND_CHARS_MAX",
    "step::api_call::outcome::WORDS_CHARS_MAX",
    "store::COMMENTS_PAGE_MAX",
    "store::HISTORY_PAGE_MAX",
    "store::VERSIONS_PAGE_MAX",
    "store::sqlite::list::ARMS_MAX",
    "definition::toml_text::LINE_CHARS_MAX",
    "telemetry::traces::END_MAX",
    "store::sqlite::wal::PAGE_BYTES_MAX",
    // Of formats, and of how something is done inside.
    "cli::plan::TO_DO",
    "credential::KEY_BYTES",
    "egress::head::STATUS_END",
    "model::secret::CUT_CHARS",
    "model::secret::LEVELS",
    "sessions::TOKEN_BYTES",
    "store::sqlite::list::KEY_COLUMN",
    "store::sqlite::open::AUTOCHECKPOINT_PAGES",
    "store::sqlite::open::READER_CACHE_KIB",
    "store::sqlite::open::WRITER_CACHE_KIB",
    "store::sqlite::threads::CHECKPOINT_AGAIN_AFTER",
    "store::sqlite::threads::READERS",
    "store::sqlite::trouble::SPEAKS_FOR",
    "store::sqlite::wal::FRAME_HEADER_BYTES",
    "store::sqlite::wal::HEADER_BYTES",
    "vault::KEY_BYTES",
    "plugin::calls::COUNT_BITS",
    "plugin::child::frame::PROTOCOL",
    "plugin::child::frame::RUN",
    "api::error::RETRY_AFTER_SECONDS",
    "api::execution_list::CLOCK_MARGIN",
    "api::page::SEAL_BYTES",
    "egress::stream::PIECE_BYTES",
    "endpoints::AGAIN",
    "engine::disk::RETRY_FIRST",
    "engine::disk::RETRY_LAST",
    "engine::held::REST",
    "engine::lanes::SHARDS",
    "events::GATHER",
    "retention::MINUTE",
    "sessions::attempts::FIRST",
    "step::api_call::auth::TOKEN_MARGIN",
];

struct Row {
    what: String,
    figure: String,
    held_by: String,
    beyond: String,
}

fn runtime() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime")
}

fn rows(page: &str) -> Vec<Row> {
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    // What comes after that has no figures.
    let limited = page.split("## What has no limit").next().unwrap_or_default();
    let tables = limited.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---")).map(cells);
    tables
        .filter(|row| row[0] != "what")
        .map(|row| {
            let [what, figure, held_by, beyond] = row.try_into().expect("four cells");
            Row { what, figure, held_by: held_by.trim_matches('`').to_owned(), beyond }
        })
        .collect()
}

/// `16 KiB`, `10,000`, `7 days`: a count, bytes, or milliseconds.
fn figure(text: &str) -> u64 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: u64 = number.replace(',', "").parse().unwrap_or_else(|_| panic!("{text} is no figure"));
    let factor = match unit {
        "" | "bytes" | "characters" | "digits" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        "GiB" => 1024 * 1024 * 1024,
        "seconds" => 1_000,
        "minutes" => 60_000,
        "hours" => 3_600_000,
        "days" => 86_400_000,
        other => panic!("{other} is no unit"),
    };
    number * factor
}

/// What a constant's expression is worth: a product of whole numbers, perhaps as a duration, in milliseconds.
fn worth(name: &str, expression: &str) -> Option<u64> {
    let product = |text: &str| {
        text.split('*')
            .map(|factor| factor.trim().replace('_', "").parse::<u64>().ok())
            .product::<Option<u64>>()
    };
    let durations = [("from_secs(", 1_000), ("from_millis(", 1), ("from_hours(", 3_600_000)];
    for (constructor, factor) in durations {
        if let Some((_, inside)) = expression.split_once(constructor) {
            return Some(product(inside.trim_end_matches(')'))? * factor);
        }
    }
    Some(product(expression)? * in_milliseconds(name))
}

/// The factor of a number whose name has its unit.
fn in_milliseconds(name: &str) -> u64 {
    let units = [("seconds", 1_000), ("hours", 3_600_000), ("days", 86_400_000)];
    let name = name.to_lowercase();
    units.iter().find(|(unit, _)| name.split('_').any(|word| word == *unit)).map_or(1, |(_, factor)| *factor)
}

/// The constants of every module, outside of tests, with their expressions.
fn constants(folder: &Path, module: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the sources").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let within =
            |name: &str| if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
        if path.is_dir() && name != "tests" {
            constants(&path, &within(&name), found);
        } else if let Some(stem) = name.strip_suffix(".rs").filter(|stem| *stem != "tests") {
            let module = if stem == "mod" { module.to_owned() } else { within(stem) };
            let source = fs::read_to_string(&path).expect("a source");
            let source = source.split("\nmod tests {").next().unwrap_or_default();
            for line in source.lines().map(str::trim) {
                let line = line.strip_prefix("pub").map_or(line, |rest| {
                    rest.trim_start_matches("(super)").trim_start_matches("(crate)").trim()
                });
                let parts = line.strip_prefix("const ").and_then(|rest| rest.split_once(": "));
                if let Some((name, (_, expression))) =
                    parts.and_then(|(name, rest)| Some((name, rest.split_once(" = ")?)))
                {
                    found.push((format!("{module}::{name}"), expression.trim_end_matches(';').to_owned()));
                }
            }
        }
    }
}

fn all_constants() -> Vec<(String, String)> {
    let mut found = Vec::new();
    constants(&runtime().join("src"), "", &mut found);
    found
}

/// Every setting, as `section.key`, with its default.
fn settings() -> Vec<(String, String)> {
    let text = fs::read_to_string(runtime().join("onward.default.toml")).expect("the defaults");
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.push((format!("{section}.{key}"), value.to_owned()));
        }
    }
    found
}

fn page() -> Vec<Row> {
    rows(&fs::read_to_string(runtime().join("LIMITS.md")).expect("the page"))
}

#[test]
fn each_figure_is_the_programs() {
    let known: Vec<_> = all_constants().into_iter().chain(settings()).collect();
    let rows = page();
    assert!(rows.len() > 90, "only {} limits", rows.len());
    for Row { what, figure: shown, held_by, .. } in &rows {
        let (name, expression) = known
            .iter()
            .find(|(name, _)| name == held_by)
            .unwrap_or_else(|| panic!("{what}: there is no `{held_by}`"));
        let worth = worth(name, expression).unwrap_or_else(|| panic!("`{name}` is {expression}"));
        assert_eq!(figure(shown), worth, "{what}: `{held_by}` is {expression}");
    }
    let names: HashSet<_> = rows.iter().map(|row| &row.held_by).collect();
    assert_eq!(names.len(), rows.len(), "a limit is listed twice");
}

/// Whether a constant holds a limit, whatever it is called: a count, a size or a time. How often something is looked at is
/// none, nor is how much is done in one go.
fn is_limit(name: &str, expression: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    let is_called_so =
        [last, &last.to_uppercase()].iter().any(|name| name.ends_with("_MAX") || name.ends_with("_MIN"));
    let is_none = ["_EVERY", "AT_ONCE", "PIECE", "PAGE"].iter().any(|end| last.ends_with(end));
    is_called_so || !is_none && !name.contains('.') && worth(last, expression).is_some()
}

#[test]
fn a_limit_is_one_whatever_it_is_called() {
    for (name, expression, expected) in [
        ("a::B_MAX", "OTHER", true),
        ("a.b_max", "5", true),
        ("a::PATIENCE", "Duration::from_secs(5)", true),
        ("a::TIMES", "1_000", true),
        ("a::NAME", "\"a name\"", false),
        ("a::LOOK_EVERY", "Duration::from_secs(5)", false),
        ("a::FORGET_AT_ONCE", "1_000", false),
        ("a.port", "8080", false),
    ] {
        assert_eq!(is_limit(name, expression), expected, "{name}");
    }
}

#[test]
fn no_limit_is_left_out() {
    let listed: HashSet<_> = page().into_iter().map(|row| row.held_by).collect();
    // `0` is no limit.
    let all = all_constants().into_iter().chain(settings().into_iter().filter(|(_, value)| value != "0"));
    let missing: Vec<_> = all
        .filter(|(name, expression)| is_limit(name, expression))
        .map(|(name, _)| name)
        .filter(|name| !listed.contains(name) && !INTERNAL.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in runtime/LIMITS.md:\n{}", missing.join("\n"));
}

/// Codes that the page promises stand as such in the sources.
#[test]
fn each_code_exists() {
    fn sources(folder: &Path, text: &mut String) {
        for path in fs::read_dir(folder).expect("the sources").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).expect("a source"));
            }
        }
    }
    let mut all = String::new();
    sources(&runtime().join("src"), &mut all);
    for Row { what, beyond, .. } in page() {
        for code in beyond.split('`').skip(1).step_by(2).filter(|code| !code.contains('-')) {
            assert!(all.contains(&format!("\"{code}\"")), "{what}: no `{code}` in the sources");
        }
    }
}

#[test]
fn figures_and_constants_are_compared_by_what_they_are_worth() {
    assert_eq!(figure("10,000"), 10_000);
    assert_eq!(Some(figure("16 KiB")), worth("A_MAX", "16 * 1024"));
    assert_eq!(Some(figure("7 days")), worth("A_MAX", "Duration::from_secs(7 * 24 * 3600)"));
    assert_eq!(Some(figure("24 hours")), worth("LASTS", "SignedDuration::from_hours(24)"));
    assert_eq!(Some(figure("30 seconds")), worth("server.drain_seconds", "30"));
    assert_eq!(worth("A_MAX", "OTHER + 1"), None);
}

#[test]
fn what_is_internal_is_there() {
    let known: HashSet<_> = all_constants().into_iter().map(|(name, _)| name).collect();
    let gone: Vec<_> = INTERNAL.iter().filter(|name| !known.contains(**name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
