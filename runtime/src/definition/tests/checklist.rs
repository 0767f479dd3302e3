//! What a stage's checklist looks like, sound and broken.

use expect_test::expect;

use super::{Anything, check, read};
use crate::{definition::CHECKLIST_MAX, model::checklist::TITLE_CHARS_MAX};

fn source(first: &str, second: &str) -> String {
    format!(
        "name = \"Test\"\n[[stages]]\nname = \"Open\"\nchecklist = {first}\n[[stages]]\nname = \"Closed\"\nchecklist = {second}\n"
    )
}

#[test]
fn items_are_texts_or_tables_and_their_ids_follow_from_their_titles() {
    let source = source(r#"["Call {them}", { title = "Ask", id = "board" }]"#, r#"["Ask"]"#)
        + "[[actions]]\nname = \"Go\"\nfrom = [\"Open\"]\nrequires = { checklist = true }\n";
    let workflow = read("test.toml", &source, &Anything).unwrap_or_else(|report| panic!("{report}"));
    let items = workflow.stages.iter().flat_map(|stage| &stage.checklist);
    let items: Vec<_> = items.map(|item| (item.id.as_str(), item.title.as_str())).collect();
    assert_eq!(items, [("call-them", "Call {them}"), ("board", "Ask"), ("ask", "Ask")]);
    assert!(workflow.actions[0].requires.checklist);
}

#[test]
fn a_broken_checklist_is_reported_at_its_place() {
    check(
        &source(
            r#"["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]"#,
            r#"["call", "Weigh"]"#,
        ),
        expect![[r#"
            error[duplicate_name]: a second checklist item is called “Call”
             --> test.toml:4:22
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                      ^^^^^^

            error[invalid_name]: an item's title must not be empty
             --> test.toml:4:30
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                              ^^

            error[missing_key]: no id follows from the name “?!”; write one: id = "…"
             --> test.toml:4:34
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                                  ^^^^

            error[wrong_type]: `checklist` must be a list of texts and tables, and this is of type integer
             --> test.toml:4:40
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                                        ^

            error[missing_key]: `title` is missing
             --> test.toml:4:43
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                                           ^^^^^^^^^^^^

            error[invalid_id]: the id `Y y` may only have lower case letters, digits and single `-`
             --> test.toml:4:77
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                                                                             ^^^^^
              |
              = help: for example `y-y`

            error[unknown_key]: `tittle` is not a key of this table
             --> test.toml:4:84
              |
            4 | checklist = ["Call", "Call", "", "?!", 5, { id = "x" }, { title = "y", id = "Y y", tittle = 1 }]
              |                                                                                    ^^^^^^
              |
              = help: did you mean `title`?

            error[duplicate_id]: a second checklist item has the id `call`; give one of them an `id` of its own
             --> test.toml:7:14
              |
            7 | checklist = ["call", "Weigh"]
              |              ^^^^^^

            8 problems in test.toml"#]],
    );
    check(
        &source(r#""Call""#, r#"[]"#),
        expect![[r#"
        error[wrong_type]: `checklist` must be a list of texts and tables, and this is of type string
         --> test.toml:4:13
          |
        4 | checklist = "Call"
          |             ^^^^^^

        1 problem in test.toml"#]],
    );
}

/// Architecture, style: a limit on everything.
#[test]
fn a_checklist_has_so_many_items_with_titles_of_so_many_characters() {
    let codes = |list: String| {
        let report = read("test.toml", &source(&list, "[]"), &Anything).err();
        report.map_or_else(Vec::new, |report| report.problems().iter().map(|problem| problem.code).collect())
    };
    let list =
        |count: usize| format!("{:?}", (0..count).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(codes(list(CHECKLIST_MAX)), [""; 0]);
    assert_eq!(codes(list(CHECKLIST_MAX + 1)), ["too_many"]);
    let titled = |chars: usize| format!("[\"{}\"]", "ü".repeat(chars));
    assert_eq!(codes(titled(TITLE_CHARS_MAX)), [""; 0]);
    assert_eq!(codes(titled(TITLE_CHARS_MAX + 1)), ["invalid_name"]);
}
