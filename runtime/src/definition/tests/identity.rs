//! Which part is which: ids, names and `was`.

use std::sync::Arc;

use expect_test::expect;

use super::{Anything, check, read};
use crate::{
    definition,
    model::{Workflow, WorkflowId},
    toml_file::Diagnostics,
};

/// A workflow with a field, two stages and an action, as their lines say them.
fn source(field: &str, stage: &str, action: &str) -> String {
    format!(
        "name = \"Test\"\n[[fields]]\ntype = \"text\"\n{field}\n[[stages]]\nname = \"Open\"\n[[stages]]\n{stage}\n[[actions]]\nfrom = [\"Open\"]\n{action}\n"
    )
}

fn ids(workflow: &Workflow) -> [&str; 3] {
    [workflow.fields[0].id.as_str(), workflow.stages[1].id.as_str(), workflow.actions[0].id.as_str()]
}

/// Reads a source after a version that has other ids than its names.
fn after_latest(source: &str) -> Result<Workflow, Diagnostics> {
    let latest = self::source(
        "name = \"Amount\"\nid = \"f\"",
        "name = \"Busy\"\nid = \"s\"",
        "name = \"Go\"\nid = \"a\"",
    );
    let latest = Arc::new(read("latest.toml", &latest, &Anything).expect("sound"));
    let of = |id: &WorkflowId| (*id == latest.id).then(|| Arc::clone(&latest));
    definition::read("test.toml", source, &Anything, &of)
}

/// product.md, Identity: "a rename keeps the `id` or says `was = \"Old name\"`; missing both means removed."
#[test]
fn a_part_is_the_one_that_has_its_name_or_had_the_one_that_was_says() {
    let of = |source: &str| {
        let workflow = after_latest(source).unwrap_or_else(|report| panic!("{report}"));
        ids(&workflow).map(str::to_owned)
    };
    let renamed = source(
        "name = \"Total\"\nwas = \"Amount\"",
        "name = \"Working\"\nwas = \"Busy\"",
        "name = \"?!\"\nwas = \"Go\"",
    );
    assert_eq!(of(&renamed), ["f", "s", "a"]);
    // What `was` says has been followed: the names are there.
    let again =
        source("name = \"Amount\"\nwas = \"Sum\"", "name = \"Busy\"\nwas = \"Doing\"", "name = \"Go\"");
    assert_eq!(of(&again), ["f", "s", "a"]);
    let new = source("name = \"Total\"", "name = \"Working\"", "name = \"Start\"");
    assert_eq!(of(&new), ["total", "working", "start"]);
    let own =
        source("name = \"Amount\"\nid = \"x\"", "name = \"Busy\"\nid = \"y\"", "name = \"Go\"\nid = \"z\"");
    assert_eq!(of(&own), ["x", "y", "z"]);
    // Where no version is known, the old name's slug is the id that it most likely has.
    let alone = read("test.toml", &renamed, &Anything).expect("sound");
    assert_eq!(ids(&alone), ["amount", "busy", "go"]);
}

#[test]
fn a_was_that_means_nothing_is_refused() {
    let unknown = source("name = \"Total\"\nwas = \"Amuont\"", "name = \"Busy\"", "name = \"Go\"");
    expect![[r#"
        error[unknown_name]: the published version has no field “Amuont”
         --> test.toml:5:7
          |
        5 | was = "Amuont"
          |       ^^^^^^^^
          |
          = help: leave out `was` if this field is a new one; did you mean “Amount”?

        1 problem in test.toml"#]]
    .assert_eq(&after_latest(&unknown).expect_err("refused").to_string());
    // The latest version has both names.
    let both = |was: &str| format!("name = \"Amount\"\n{was}\n[[fields]]\ntype = \"text\"\nname = \"Other\"");
    let latest = source(&both(""), "name = \"Busy\"", "name = \"Go\"");
    let latest = Arc::new(read("latest.toml", &latest, &Anything).expect("sound"));
    let taken_over = source("name = \"Amount\"\nwas = \"Other\"", "name = \"Busy\"", "name = \"Go\"");
    let report = definition::read("test.toml", &taken_over, &Anything, &|_| Some(Arc::clone(&latest)));
    expect![[r#"
        error[ambiguous_name]: the published version has a field “Amount” and a field “Other”
         --> test.toml:5:7
          |
        5 | was = "Other"
          |       ^^^^^^^
          |
          = help: write `id = "other"` instead, if this one goes on with what “Other” holds; leave out `was`, if with what “Amount” does

        1 problem in test.toml"#]].assert_eq(&report.expect_err("refused").to_string());
    let stage = "name = \"Working\"\nid = \"s\"\nwas = \"Busy\"";
    check(
        &source("name = \"Amount\"", stage, "name = \"Go\""),
        expect![[r#"
        error[conflicting_keys]: `id` and `was` both say which one this is
          --> test.toml:10:7
           |
        10 | was = "Busy"
           |       ^^^^^^
           |
           = help: leave out `was`: the `id` is enough

        1 problem in test.toml"#]],
    );
    let braces = source("name = \"{}\"\nwas = \"Amount\"", "name = \"Busy\"", "name = \"Go\"");
    assert_eq!(after_latest(&braces).expect_err("refused").problems()[0].code, "invalid_name");
}
