//! What broken files look like to the person who wrote them.

mod checklist;
mod condition;
mod document;
mod hostile;
mod identity;
mod messages;
mod requires;
mod syntax;
mod write;

use expect_test::{Expect, expect};

use super::*;
use crate::model::sample;

struct Anything;

impl StepCheck for Anything {
    fn check(&self, _: &StepDefinition, _: usize, _: &Workflow) -> Vec<ParamProblem> {
        Vec::new()
    }
}

/// Reads a definition that follows none.
fn read(name: &str, source: &str, steps: &dyn StepCheck) -> Result<Workflow, Diagnostics> {
    super::read(name, source, steps, &|_| None)
}

const SAMPLE: &str = include_str!("../../../examples/api-sample/workflows/api-sample.toml");

fn check(source: &str, expected: Expect) {
    let report = read("test.toml", source, &Anything).expect_err("a broken file");
    expected.assert_eq(&report.to_string());
}

#[test]
fn the_sample_is_the_reference_pages_workflow() {
    let read = read("api-sample.toml", SAMPLE, &Anything).expect("a sound file");
    let page = sample::workflow();
    assert_eq!((read.id, read.name, read.fields), (page.id, page.name, page.fields));
    let names = |workflow: &[crate::model::Stage]| {
        workflow.iter().map(|stage| (stage.name.clone(), stage.end)).collect::<Vec<_>>()
    };
    assert_eq!(names(&read.stages), names(&page.stages));
    let steps = |actions: &[crate::model::Action]| {
        let types =
            |action: &crate::model::Action| action.steps.iter().map(|step| step.type_id.clone()).collect();
        actions.iter().map(|action| (action.id.clone(), action.from.clone(), types(action))).collect::<Vec<(
            _,
            _,
            Vec<_>,
        )>>()
    };
    assert_eq!(steps(&read.actions), steps(&page.actions));
}

#[test]
fn every_problem_is_reported_at_its_place() {
    check(
        "name = \"Test\"\nstagse = 1\n[[stages]]\nname = \"Open\"\n[[fields]]\nname = \"Stage\"\ntype = \"txt\"\n\
         [[actions]]\nname = \"Go\"\nfrom = [\"Opne\"]\n",
        expect![[r#"
            error[unknown_key]: `stagse` is not a key of this table
             --> test.toml:2:1
              |
            2 | stagse = 1
              | ^^^^^^
              |
              = help: did you mean `stages`?

            error[reserved_name]: every task has “Stage” already; call the field something else
             --> test.toml:6:8
              |
            6 | name = "Stage"
              |        ^^^^^^^

            error[unknown_type]: there is no field type `txt`
             --> test.toml:7:8
              |
            7 | type = "txt"
              |        ^^^^^
              |
              = help: did you mean `text`?

            error[unknown_stage]: there is no stage “Opne”
              --> test.toml:10:9
               |
            10 | from = ["Opne"]
               |         ^^^^^^
               |
               = help: did you mean “Open”?

            4 problems in test.toml"#]],
    );
}

/// reference/api.md, fields: "`limit`? (file)".
#[test]
fn a_file_field_may_say_how_many_files_it_takes() {
    let source = |limit: &str| {
        format!(
            "name = \"Test\"\n[[stages]]\nname = \"Open\"\n[[fields]]\nname = \"Papers\"\ntype = \"file\"\n{limit}"
        )
    };
    for (limit, expected) in [("", None), ("limit = 1\n", Some(1)), ("limit = 0x10\n", Some(16))] {
        let read = read("test.toml", &source(limit), &Anything).expect("a sound file");
        assert_eq!(read.fields[0].kind, crate::model::FieldType::File { limit: expected });
    }
    check(
        &source("limit = 0\n"),
        expect![[r#"
        error[out_of_range]: `limit` must be a whole number from 1 to 50
         --> test.toml:7:9
          |
        7 | limit = 0
          |         ^

        1 problem in test.toml"#]],
    );
    for (limit, code) in [
        ("limit = -1\n", "out_of_range"),
        ("limit = 51\n", "out_of_range"),
        ("limit = 99999999999\n", "out_of_range"),
        ("limit = \"two\"\n", "wrong_type"),
    ] {
        let report = read("test.toml", &source(limit), &Anything).expect_err(limit);
        assert_eq!(report.problems()[0].code, code, "{limit}");
    }
    let elsewhere = source("").replace("\"file\"", "\"text\"") + "limit = 1\n";
    assert_eq!(
        read("test.toml", &elsewhere, &Anything).expect_err("no file").problems()[0].code,
        "unknown_key"
    );
}

#[test]
fn a_syntax_error_is_reported_alone() {
    check(
        "name = \"Test\nid = 5\n",
        expect![[r#"
            error[toml_syntax]: the text has no end: its closing `"` is missing
             --> test.toml:1:13
              |
            1 | name = "Test
              |             ^
              |
              = help: write it in the same line

            1 problem in test.toml"#]],
    );
}

#[test]
fn deep_nesting_and_size_are_errors() {
    let deep = format!("name = {}", "[".repeat(100_000));
    assert!(read("deep.toml", &deep, &Anything).is_err());
    let huge = format!("name = \"{}\"", "x".repeat(FILE_BYTES_MAX));
    assert_eq!(
        read("huge.toml", &huge, &Anything).expect_err("too large").problems()[0].code,
        "file_too_large"
    );
}

#[test]
fn alerts_that_nobody_could_be_told_are_refused() {
    check(
        &format!(
            "{SAMPLE}\n[alerts]\nlog = \"yes\"\nwebhook = \"chat.example.com\"\nevery = \"10 minutes\"\nchat = true\n"
        ),
        expect![[r#"
            error[wrong_type]: `log` must be true or false, and this is of type string
              --> test.toml:76:7
               |
            76 | log = "yes"
               |       ^^^^^

            error[invalid_url]: `chat.example.com` is not an http or https URL, nor a secret that is one
              --> test.toml:77:11
               |
            77 | webhook = "chat.example.com"
               |           ^^^^^^^^^^^^^^^^^^

            error[out_of_range]: `every` must be a duration above 0 and up to 7d, such as "500ms", "30s", "2h" or "3d"
              --> test.toml:78:9
               |
            78 | every = "10 minutes"
               |         ^^^^^^^^^^^^

            error[unknown_key]: `chat` is not a key of this table
              --> test.toml:79:1
               |
            79 | chat = true
               | ^^^^
               |
               = help: possible here: log, every, webhook

            4 problems in test.toml"#]],
    );
}

#[test]
fn alerts_are_read() {
    let every = std::time::Duration::from_secs(600);
    for url in ["https://chat.example.com/x", "{{secrets.CHAT}}", "https://chat.example.com/{{secrets.KEY}}"]
    {
        let source = format!("{SAMPLE}\n[alerts]\nlog = false\nwebhook = \"{url}\"\nevery = \"10m\"\n");
        let webhook = Some(crate::model::template::Template::of_secrets(url).expect("a template"));
        let read = read("test.toml", &source, &Anything).expect("sound");
        assert_eq!(read.alerts, crate::model::AlertRule { log: false, webhook, every });
    }
    let source = format!("{SAMPLE}\n[alerts]\nwebhook = \"https://chat.example.com/{{{{Company ID}}}}\"\n");
    let problems = read("test.toml", &source, &Anything).expect_err("a task's field");
    assert_eq!(problems.problems()[0].code, "invalid_template");
}

/// product.md, Identity: "names … contain no braces", also where an `id` makes the name's slug needless.
#[test]
fn a_name_is_checked_although_there_is_an_id() {
    check(
        "name = \"A {B}\"\nid = \"a-b\"\n[[stages]]\nname = \"Open\"\n",
        expect![[r#"
            error[invalid_name]: a name must not contain braces: templates use them
             --> test.toml:1:8
              |
            1 | name = "A {B}"
              |        ^^^^^^^

            1 problem in test.toml"#]],
    );
}

#[test]
fn a_place_is_a_line_and_a_column_in_characters() {
    let source = "name = \"Test\"\n[[stages]]\nname = \"Größe\"\nnmae = 1\ncolor = \"ü\"\n";
    let report = read("test.toml", source, &Anything).expect_err("broken");
    let places: Vec<_> =
        report.problems().iter().map(|problem| (problem.code, report.place(problem))).collect();
    assert_eq!(places, [("unknown_key", (4, 1)), ("unknown_color", (5, 9))]);
    let end = Diagnostic {
        code: "",
        message: String::new(),
        span: source.len() + 5..source.len() + 5,
        help: None,
        key: None,
    };
    assert_eq!(report.place(&end), (6, 1));
}

/// Architecture, style: a limit on everything.
#[test]
fn options_ids_and_reports_have_limits() {
    let codes = |source: &str| {
        let report = read("test.toml", source, &Anything).expect_err("refused");
        report.problems().iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    let select = |options: &str| {
        format!(
            "name = \"T\"\nstages = [{{ name = \"A\" }}]\nfields = [{{ name = \"F\", type = \"singleSelect\", options = [{options}] }}]\n"
        )
    };
    let many: String = (0..=OPTIONS_MAX).map(|number| format!("\"{number}\",")).collect();
    assert_eq!(codes(&select(&many)), ["too_many"]);
    for wrong in [format!("\"{}\"", "x".repeat(OPTION_CHARS_MAX + 1)), "\"a\\u0000\"".to_owned()] {
        assert_eq!(codes(&select(&wrong)), ["invalid_name"], "{wrong}");
    }
    let step = |id: &str| {
        format!(
            "name = \"T\"\nstages = [{{ name = \"A\" }}]\n[[actions]]\nname = \"Go\"\nfrom = [\"A\"]\nsteps = [{{ type = \"x\", id = \"{id}\" }}]\n"
        )
    };
    for wrong in ["", "A b", "\\n", &"x".repeat(NAME_CHARS_MAX + 1)] {
        assert_eq!(codes(&step(wrong)), ["invalid_id"], "{wrong}");
    }
    // Whoever writes an id of their own still has a name that people can read.
    let named = |name: &str| format!("name = \"T\"\nstages = [{{ name = \"{name}\", id = \"a\" }}]\n");
    for wrong in ["", "a{b", "\\u0000", &"x".repeat(NAME_CHARS_MAX + 1)] {
        assert_eq!(codes(&named(wrong)), ["invalid_name"], "{wrong}");
    }
    let unknown: String = (0..1_000).map(|number| format!("k{number} = 1\n")).collect();
    let report = read("test.toml", &unknown, &Anything).expect_err("refused");
    assert_eq!(report.problems().len(), 100);
    let end = "the first 100 problems in test.toml; correct these to see the others";
    assert!(report.to_string().ends_with(end));
}
