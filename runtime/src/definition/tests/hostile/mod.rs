//! Sound workflow files, mutated by a seeded hand: what must be refused is, at its place; what means the same is read
//! the same; nothing panics, takes long, or makes a report that nobody could read.

mod mutate;

use std::{
    panic,
    sync::LazyLock,
    time::{Duration, Instant},
};

use self::mutate::{Expected, Mutated, Source};
use super::*;
use crate::{
    egress::Guard,
    publish::Steps,
    step::{StepTypes, sample::shipped},
};

const EVERYTHING: &str = include_str!("everything.toml");
const README: &str = include_str!("../../../../../README.md");

/// What parts of onward.toml begin with, of which the tests of the settings read each.
const SETTINGS: [&str; 4] = ["[server]", "[egress]", "[traces]", "[plugins]"];

/// Times that each kind of mutation is made of each file.
const ROUNDS: u64 = 2;
/// Far more than any takes, and far less than would hold somebody up.
const TIME_MAX: Duration = Duration::from_secs(5);
const REPORT_BYTES_MAX: usize = 256 * 1024;

/// Numbers that follow from a seed: xorshift64*.
pub(super) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// A place between two characters of a text, `from` at least.
    fn boundary(&mut self, text: &str, from: usize) -> usize {
        let mut at = from + self.below(text.len().saturating_sub(from) + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at.max(from)
    }
}

/// Every sound file that there is to mutate.
fn sources() -> Vec<Source> {
    let mut sources =
        vec![Source::new("api-sample.toml", SAMPLE), Source::new("everything.toml", EVERYTHING)];
    let blocks = README.split("```toml\n").skip(1).filter_map(|block| Some(block.split_once("```")?.0));
    for (number, block) in blocks.enumerate() {
        let name = format!("README.md, block {number}");
        if block.starts_with("name = ") {
            sources.push(Source::new(name, block));
        } else if block.starts_with("auth = ") || block.starts_with("tls = ") {
            // Each line is a parameter for a step, such as the sample's last.
            sources.extend(block.lines().map(|line| Source::new(name.clone(), format!("{SAMPLE}{line}\n"))));
        } else if !SETTINGS.iter().any(|section| block.starts_with(section)) {
            // A part of a workflow such as the sample, which has a stage of that name already.
            let part = block.replace("[[stages]]\nname = \"In Progress\"", "[[stages]]\nname = \"Waiting\"");
            sources.push(Source::new(name, format!("{SAMPLE}\n{part}")));
        }
    }
    sources
}

fn read_with_steps(text: &str) -> Result<Workflow, Diagnostics> {
    static TYPES: LazyLock<StepTypes> =
        LazyLock::new(|| shipped(&Guard::new(["127.0.0.1:4180"]).expect("the sample's receiver")));
    read("mutated.toml", text, &Steps(&TYPES))
}

#[test]
fn the_sources_are_sound() {
    let sources = sources();
    assert!(sources.len() >= 12, "README has fewer blocks than it had: {}", sources.len());
    for Source { name, text, .. } in sources {
        read_with_steps(&text).unwrap_or_else(|report| panic!("{name}:\n{report}"));
    }
}

/// What is wrong with what was made of a mutated file; `None` when all is well.
fn misjudged(mutated: &Mutated, original: &Workflow) -> Option<String> {
    let started = Instant::now();
    let read =
        panic::catch_unwind(|| read_with_steps(&mutated.text).map_err(|report| (report.to_string(), report)));
    let mut took = started.elapsed();
    let Ok(read) = read else { return Some("it panicked".to_owned()) };
    if took > TIME_MAX {
        // Others may have had the machine meanwhile: what takes long by itself does so again.
        let again = Instant::now();
        let _ = read_with_steps(&mutated.text);
        took = took.min(again.elapsed());
    }
    if took > TIME_MAX {
        return Some(format!("it took {took:?}"));
    }
    if let Err((shown, report)) = &read {
        let problems = report.problems();
        if problems.is_empty() || problems.iter().any(|it| it.code.is_empty() || it.message.is_empty()) {
            return Some("it was refused without a reason".to_owned());
        }
        // What a terminal would obey.
        if shown.contains(|c: char| c.is_control() && c != '\n') {
            return Some(format!("its report has control characters: {shown:?}"));
        }
        if shown.len() > REPORT_BYTES_MAX {
            return Some(format!("its report has {} bytes", shown.len()));
        }
    }
    match (&mutated.expected, read) {
        (Expected::Either, _) => None,
        (Expected::Same, Ok(workflow)) => {
            (workflow != *original).then(|| "it was read as something else".to_owned())
        }
        (Expected::Same, Err((shown, _))) => Some(format!("it was refused:\n{shown}")),
        (Expected::Refused { .. } | Expected::RefusedAsAWhole(_), Ok(_)) => {
            Some("it was accepted".to_owned())
        }
        (Expected::RefusedAsAWhole(code), Err((shown, report))) => {
            let is_said = report.problems().iter().any(|problem| problem.code == *code);
            (!is_said).then(|| format!("`{code}` is not said:\n{shown}"))
        }
        (Expected::Refused { line, codes, help }, Err((shown, report))) => {
            let is_said = report.problems().iter().any(|problem| {
                line_of(&mutated.text, problem.span.start) == *line
                    && (codes.is_empty() || codes.contains(&problem.code))
                    && problem.help.as_deref().unwrap_or_default().contains(help.as_str())
            });
            (!is_said).then(|| format!("line {line} {codes:?} {help:?} is not said:\n{shown}"))
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.strip_prefix('\u{feff}').unwrap_or(text).bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Every case that is made of a file.
fn check_kind(
    kind: &str,
    mutation: mutate::Mutation,
    sources: &[(Source, Workflow)],
    wrong: &mut Vec<String>,
) -> usize {
    let mut cases = 0;
    for (number, (source, original)) in sources.iter().enumerate() {
        for round in 0..ROUNDS {
            let seed = number as u64 * ROUNDS + round;
            let Some(mutated) = mutation(source, &mut Random::new(seed)) else { continue };
            cases += 1;
            if let Some(problem) = misjudged(&mutated, original) {
                let problem: String = problem.chars().take(1_500).collect();
                wrong.push(format!("{kind}, {}, seed {seed}: {problem}", source.name));
            }
        }
    }
    cases
}

#[test]
fn hundreds_of_mutations_are_judged_rightly() {
    let sources: Vec<_> = sources()
        .into_iter()
        .map(|source| {
            let original = read_with_steps(&source.text).unwrap_or_else(|report| panic!("{report}"));
            (source, original)
        })
        .collect();
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for (kind, mutation) in mutate::ALL {
        let of_kind = check_kind(kind, *mutation, &sources, &mut wrong);
        assert!(of_kind > 0, "no file has a place for {kind}");
        cases += of_kind;
    }
    assert!(cases >= 600, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} were judged wrongly:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A parameter may be a table of many lines; what is wrong in it is said at its own.
#[test]
fn a_problem_within_a_parameter_is_at_its_own_line() {
    for (sound, wrong) in [
        ("\"Customer\" = \"{{Customer}} (", "\"Custmer\" = \"{{Customer}} ("),
        ("({{Order Number}})\"", "({{Order Nmber}})\""),
        ("basic = { user = \"onward\"", "basic = { user = 5"),
        ("token_url = \"https://", "token_url = \"ftp://"),
        ("first = \"1s\"", "first = \"soon\""),
        ("\"Price\" = \"/data", "\"Price\" = \"data"),
    ] {
        let at = EVERYTHING.find(sound).unwrap_or_else(|| panic!("{sound} is not there"));
        let report = read_with_steps(&EVERYTHING.replacen(sound, wrong, 1)).expect_err(wrong);
        let [problem] = report.problems() else { panic!("{report}") };
        assert_eq!(line_of(EVERYTHING, problem.span.start), line_of(EVERYTHING, at), "{report}");
        assert!(problem.span.len() < 100, "{report}");
    }
}
