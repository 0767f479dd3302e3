//! What broken requirements look like: roles and custom conditions.

use expect_test::{Expect, expect};

use super::{Anything, SAMPLE, check, read};
use crate::{
    definition::{CONDITIONS_MAX, MESSAGE_CHARS_MAX, ROLES_MAX, TESTS_MAX, VALUES_MAX},
    model::{
        Condition, FieldId, Role, RoleId,
        condition::{Operand, Operator, Subject, Test, Tests},
        requirement::Requirements,
    },
};

/// Fields of the types that conditions treat differently, two stages and a role of its own.
pub(super) const FIELDS: &str = r#"name = "Test"
[[fields]]
name = "Title"
type = "text"
[[fields]]
name = "Price"
type = "currency"
[[fields]]
name = "Due"
type = "date"
[[fields]]
name = "Sent"
type = "datetime"
[[fields]]
name = "Color"
type = "singleSelect"
options = ["Red", "Blue"]
[[fields]]
name = "Tags"
type = "multipleSelect"
options = ["New", "Old"]
[[fields]]
name = "Ready?"
type = "checkbox"
[[fields]]
name = "Owner"
type = "person"
[[stages]]
name = "Open"
[[stages]]
name = "Closed"
[[roles]]
name = "Manager"
[[actions]]
name = "Go"
from = ["Open"]
"#;

/// What a workflow with these lines of an action's requirements looks like.
fn broken(requirements: &str, expected: Expect) {
    check(&format!("{FIELDS}{requirements}"), expected);
}

fn sound(source: &str) -> Requirements {
    let read = read("test.toml", source, &Anything);
    read.unwrap_or_else(|report| panic!("{report}")).actions[0].requires.clone()
}

fn test(field: &str, operator: Operator) -> Test {
    Test { subject: Subject::Field(FieldId::new(field)), operator }
}

#[test]
fn a_sound_definition_refers_to_what_stays_when_names_change() {
    let requires = sound(&format!(
        r#"{FIELDS}
        [actions.requires]
        roles = ["Manager", "Administrator"]
        [[actions.requires.conditions]]
        message = "Price must be at least 1000"
        all = [
            {{ field = "Price", at_least = 1_000.50 }},
            {{ field = "Price", less_than = "99999999999999999999999999" }},
            {{ field = "Ready?", equals = true }},
            {{ field = "Due", more_than = 2020-01-31 }},
            {{ field = "Sent", at_most = 2020-01-31T10:30:00+01:00 }},
            {{ field = "Tags", contains = "New" }},
            {{ field = "Tags", not_equals = ["Old", "New"] }},
        ]
        [[actions.requires.conditions]]
        message = "Ask first"
        any = [
            {{ field = "Title", is_set = false }},
            {{ field = "Color", one_of = ["Red", "Blue"] }},
            {{ field = "Stage", equals = "Open" }},
            {{ field = "Assigned To", not_equals = "user@example.com" }},
        ]
        "#
    ));
    let text = |text: &str| Operand::Text(text.into());
    let number = |text: &str| Operand::Number(text.into());
    assert_eq!(requires.roles, [RoleId::new("manager"), Role::administrator().id]);
    assert_eq!(
        requires.conditions,
        [
            Condition {
                message: "Price must be at least 1000".to_owned(),
                tests: Tests::All(vec![
                    test("price", Operator::AtLeast(number("1000.50"))),
                    test("price", Operator::LessThan(number("99999999999999999999999999"))),
                    test("ready", Operator::Equals(Operand::Flag(true))),
                    test("due", Operator::MoreThan(Operand::Date("2020-01-31".parse().expect("a date")))),
                    test(
                        "sent",
                        Operator::AtMost(Operand::Instant(
                            "2020-01-31T09:30:00Z".parse().expect("an instant")
                        ))
                    ),
                    test("tags", Operator::Contains("New".into())),
                    test("tags", Operator::NotEquals(Operand::Options(vec!["New".into(), "Old".into()]))),
                ]),
            },
            Condition {
                message: "Ask first".to_owned(),
                tests: Tests::Any(vec![
                    test("title", Operator::IsSet(false)),
                    test("color", Operator::OneOf(vec![text("Red"), text("Blue")])),
                    Test { subject: Subject::Stage, operator: Operator::Equals(text("open")) },
                    Test {
                        subject: Subject::AssignedTo,
                        operator: Operator::NotEquals(Operand::Email("user@example.com".into())),
                    },
                ]),
            },
        ]
    );
}

/// What README shows works, in the sample's workflow.
#[test]
fn the_readmes_requirements_are_sound() {
    let readme = include_str!("../../../../README.md");
    let block = readme.split("```toml\n").find(|block| block.starts_with("[[roles]]")).expect("a block");
    let block = block.split("```").next().expect("its text");
    let read = read("README.md", &format!("{SAMPLE}\n{block}"), &Anything);
    let read = read.unwrap_or_else(|report| panic!("{report}"));
    let requires = &read.action("approve").expect("the block's action").requires;
    assert_eq!((requires.roles.len(), requires.conditions.len()), (2, 1));
}

#[test]
fn a_rename_that_keeps_the_id_changes_no_condition() {
    let conditions = |name: &str, stage: &str| {
        let condition = format!(
            "[[actions.requires.conditions]]\nmessage = \"No\"\n\
             all = [{{ field = \"{name}\", at_least = 1 }}, {{ field = \"Stage\", equals = \"{stage}\" }}]\n"
        );
        let source = FIELDS
            .replace("name = \"Price\"", &format!("name = \"{name}\"\nid = \"price\""))
            .replace("name = \"Closed\"", &format!("name = \"{stage}\"\nid = \"closed\""));
        sound(&(source + &condition)).conditions
    };
    assert_eq!(conditions("Price", "Closed"), conditions("Value", "Done"));
}

#[test]
fn an_unknown_role_is_reported_with_a_suggestion() {
    broken(
        "[actions.requires]\nroles = [\"Manger\", \"Boss\"]\n",
        expect![[r#"
        error[unknown_role]: there is no role “Manger”
          --> test.toml:38:10
           |
        38 | roles = ["Manger", "Boss"]
           |          ^^^^^^^^
           |
           = help: did you mean “Manager”?

        error[unknown_role]: there is no role “Boss”
          --> test.toml:38:20
           |
        38 | roles = ["Manger", "Boss"]
           |                    ^^^^^^
           |
           = help: there are Administrator, Collaborator, Manager

        2 problems in test.toml"#]],
    );
}

#[test]
fn a_condition_has_a_message_and_all_or_any() {
    broken(
        "[[actions.requires.conditions]]\nall = [{ field = \"Title\", is_set = true }]\n\
         [[actions.requires.conditions]]\nmessage = \" \"\nall = []\n\
         [[actions.requires.conditions]]\nmessage = \"a\\nb\"\n\
         [[actions.requires.conditions]]\nmessage = \"No\"\nmesage = \"No\"\nall = \"Title\"\n\
         any = [{ field = \"Title\", is_set = true }]\n",
        expect![[r#"
            error[missing_key]: `message` is missing
              --> test.toml:37:1
               |
            37 | [[actions.requires.conditions]]
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error[invalid_message]: `message` must not be empty: it is what the performer reads
              --> test.toml:40:11
               |
            40 | message = " "
               |           ^^^

            error[missing_key]: `all` must have at least one test
              --> test.toml:41:1
               |
            41 | all = []
               | ^^^

            error[missing_key]: `all` or `any` is missing: the tests of the condition
              --> test.toml:42:1
               |
            42 | [[actions.requires.conditions]]
               | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
               |
               = help: such as all = [{ field = "…", equals = "…" }]

            error[invalid_message]: `message` must be one line without control characters
              --> test.toml:43:11
               |
            43 | message = "a\nb"
               |           ^^^^^^

            error[unknown_key]: `mesage` is not a key of this table
              --> test.toml:46:1
               |
            46 | mesage = "No"
               | ^^^^^^
               |
               = help: did you mean `message`?

            error[wrong_type]: `all` must be a list of tables, written all = [{ … }], and this is of type string
              --> test.toml:47:7
               |
            47 | all = "Title"
               |       ^^^^^^^

            error[conflicting_keys]: a condition has `all` or `any`, not both
              --> test.toml:48:1
               |
            48 | any = [{ field = "Title", is_set = true }]
               | ^^^
               |
               = help: write two conditions, each with a message of its own

            8 problems in test.toml"#]],
    );
}

#[test]
fn the_roles_that_always_exist_are_not_defined_again() {
    check(
        "name = \"Test\"\n[[stages]]\nname = \"Open\"\n[[roles]]\nname = \"Administrator\"\n\
         [[roles]]\nname = \"collaborator\"\n[[roles]]\nname = \"Boss\"\nid = \"administrator\"\n\
         [[roles]]\nname = \"Manager\"\n[[roles]]\nname = \"Manager\"\n[[roles]]\nname = \"Clerk\"\ncan = true\nview = \"no\"\nperform = [\"Goo\"]\n\
         [[actions]]\nname = \"Go\"\nfrom = [\"Open\"]\n[actions.requires]\nroles = []\n\
         [[actions]]\nname = \"Do\"\nfrom = [\"Open\"]\n[actions.requires]\nroles = [\"Clerk\", \"Clerk\"]\n",
        expect![[r#"
            error[reserved_name]: every workflow has the role “Administrator” already
             --> test.toml:5:8
              |
            5 | name = "Administrator"
              |        ^^^^^^^^^^^^^^^
              |
              = help: leave it out, or give this one another name and id

            error[reserved_name]: every workflow has the role “Collaborator” already
             --> test.toml:7:8
              |
            7 | name = "collaborator"
              |        ^^^^^^^^^^^^^^
              |
              = help: leave it out, or give this one another name and id

            error[reserved_name]: every workflow has the role “Administrator” already
             --> test.toml:9:8
              |
            9 | name = "Boss"
              |        ^^^^^^
              |
              = help: leave it out, or give this one another name and id

            error[duplicate_name]: a second role is called “Manager”
              --> test.toml:14:8
               |
            14 | name = "Manager"
               |        ^^^^^^^^^

            error[unknown_key]: `can` is not a key of this table
              --> test.toml:17:1
               |
            17 | can = true
               | ^^^
               |
               = help: possible here: name, id, admin, view, edit, perform

            error[wrong_type]: `view` must be true or false, and this is of type string
              --> test.toml:18:8
               |
            18 | view = "no"
               |        ^^^^

            error[unknown_action]: there is no action “Goo”
              --> test.toml:19:12
               |
            19 | perform = ["Goo"]
               |            ^^^^^
               |
               = help: did you mean “Go”?

            error[missing_key]: `roles` must name at least one role; without the key anybody may perform the action
              --> test.toml:24:9
               |
            24 | roles = []
               |         ^^

            error[duplicate_name]: “Clerk” is here a second time
              --> test.toml:29:19
               |
            29 | roles = ["Clerk", "Clerk"]
               |                   ^^^^^^^

            9 problems in test.toml"#]],
    );
}

#[test]
fn a_role_says_what_it_allows() {
    let source = "name = \"Test\"\n[[stages]]\nname = \"Open\"\n\
                  [[roles]]\nname = \"Viewer\"\nedit = false\nperform = []\n\
                  [[roles]]\nname = \"Clerk\"\nperform = [\"Go\"]\n[[roles]]\nname = \"Boss\"\nadmin = true\n\
                  [[roles]]\nname = \"Nobody\"\nview = false\n\
                  [[actions]]\nname = \"Go\"\nfrom = [\"Open\"]\n";
    let roles = read("test.toml", source, &Anything).expect("sound").roles;
    let said: Vec<_> = roles[2..]
        .iter()
        .map(|role| (&*role.name, role.admin, role.view, role.edit, role.perform.as_ref().map(Vec::len)))
        .collect();
    assert_eq!(
        said,
        [
            ("Viewer", false, true, false, Some(0)),
            ("Clerk", false, true, true, Some(1)),
            ("Boss", true, true, true, None),
            ("Nobody", false, false, true, None),
        ]
    );
}

/// Each limit has a name, and one more is an error.
#[test]
fn more_than_the_limits_is_an_error() {
    let condition = |message: &str, tests: usize| {
        let test = "{ field = \"Title\", is_set = true },".repeat(tests);
        format!("[[actions.requires.conditions]]\nmessage = \"{message}\"\nall = [{test}]\n")
    };
    let one_of = |values: usize| {
        let values = "\"a\",".repeat(values);
        format!(
            "[[actions.requires.conditions]]\nmessage = \"No\"\nany = [{{ field = \"Title\", one_of = [{values}] }}]\n"
        )
    };
    let roles = |count: usize| {
        (0..count).map(|number| format!("[[roles]]\nname = \"Role {number}\"\n")).collect::<String>()
    };
    for (most, with, code) in [
        (CONDITIONS_MAX, &(|count| condition("No", 1).repeat(count)) as &dyn Fn(usize) -> String, "too_many"),
        (TESTS_MAX, &|count| condition("No", count), "too_many"),
        (VALUES_MAX, &one_of, "too_many"),
        (MESSAGE_CHARS_MAX, &|count| condition(&"ü".repeat(count), 1), "invalid_message"),
        // The test's workflow has one already.
        (ROLES_MAX - 1, &roles, "too_many"),
    ] {
        let read = |count| read("test.toml", &format!("{FIELDS}{}", with(count)), &Anything);
        assert!(read(most).is_ok(), "{code} {most}");
        let codes: Vec<_> =
            read(most + 1).expect_err("too many").problems().iter().map(|it| it.code).collect();
        assert_eq!(codes, [code], "{most}");
    }
}
