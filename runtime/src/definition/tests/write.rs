//! The canonical text: what it looks like, and that it says what was written, whatever that is.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Number, Value};

use super::{Anything, SAMPLE, read};
use crate::{
    definition::{ALERTS_EVERY_MAX, POSITION_MAX, Source, document, read_back, read_source, write},
    model::{
        Action, ActionId, AlertRule, Condition, Field, FieldId, FieldType, ItemId, Role, Stage, StageId,
        StepDefinition, StepId, Workflow, WorkflowId,
        checklist::TemplateItem,
        condition::{Operand, Operator, Subject, Test, Tests},
        id::slug,
        requirement::Requirements,
        template::Template,
        workflow::{After, OnFailure, Position},
    },
    toml_file::FILE_BYTES_MAX,
};

/// Writes it, reads that, and writes it again.
fn round_trip(workflow: &Workflow) -> String {
    let text = write(workflow);
    let again = read("written.toml", &text, &Anything).unwrap_or_else(|report| panic!("{report}\n{text}"));
    assert_eq!(again, *workflow, "{text}");
    assert_eq!(write(&again), text);
    through_a_document(workflow, &text);
    text
}

/// "TOML → document → PUT → the same canonical TOML", over JSON as a client sends it.
fn through_a_document(workflow: &Workflow, text: &str) {
    let sent = serde_json::to_string(&document(workflow)).expect("JSON");
    let source = Source::Document(serde_json::from_str(&sent).expect("JSON"));
    let again = read_source("document", &source, Some(&workflow.id), &Anything, &|_| None);
    let again = again.unwrap_or_else(|report| panic!("{report}\n{sent}"));
    assert_eq!((write(&again).as_str(), &again), (text, workflow), "{sent}");
}

#[test]
fn the_sample_and_the_crash_tests_workflow_are_written_as_they_are_meant() {
    for source in [SAMPLE, include_str!("../../../../tests/crash/workflow.toml")] {
        let source = source.replace("\"TOLD\"", "\"http://127.0.0.1:1/\"");
        round_trip(&read("file.toml", &source, &Anything).unwrap_or_else(|report| panic!("{report}")));
    }
}

/// Sound, and not as the writer has it.
const UNTIDY: &str = r#"
        name = "Grown \"Up\""
        id = "orders"
        fields = [{ name = "Title", type = "text", required = true }, { name = "Color", type = "singleSelect", options = ["Red", "Blue"], editable = false }]
        stages = [{ position = [0, -20], name = "Open" }, { name = "Done", end = true, color = "green" }]
        roles = [{ name = "Manager" }]
        [[actions]]
        name = "Tell"
        from = ["Open"]
        position = [ 100000, 0x10 ]
        celebrate = true
        after = "next"
        confirm = "Tell \"them\" now?"
        on_failure = "revert"
        requires = { roles = ["Manager"], conditions = [{ message = "No", any = [{ field = "Stage", one_of = ["Open", "Done"] }, { field = "Color", equals = "Red" }, { field = "Title", contains = "A rather long text, so that the tests stand below each other" }] }] }
        [[actions.steps]]
        type = "api_call"
        headers = { "X B" = "{{Title}}", X-A = "1" }
        url = "https://a.example/"
        body = "{\n  \"text\": \"{{Title}}\"\n}\n"
        success = { pointer = "/ok", status = "2xx", equals = [1.50, true, 1979-05-27], deep = { one = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "two words" = {} } }
        [[actions.steps]]
        type = "api_call"
        id = "second"
        path = 'C:\new'
        [alerts]
        every = "90s"
        webhook = "{{ secrets.CHAT }}/x"
    "#;

#[test]
fn the_text_is_one_that_a_person_enjoys() {
    let workflow = read("file.toml", UNTIDY, &Anything).unwrap_or_else(|report| panic!("{report}"));
    expect_test::expect![[r#"
        name = 'Grown "Up"'
        id = "orders"

        [[fields]]
        name = "Title"
        type = "text"
        required = true

        [[fields]]
        name = "Color"
        type = "singleSelect"
        options = ["Red", "Blue"]
        editable = false

        [[stages]]
        name = "Open"
        position = [0, -20]

        [[stages]]
        name = "Done"
        color = "green"
        end = true

        [[roles]]
        name = "Manager"

        [[actions]]
        name = "Tell"
        from = ["Open"]
        on_failure = "revert"
        confirm = 'Tell "them" now?'
        after = "next"
        celebrate = true
        position = [100000, 16]

        [actions.requires]
        roles = ["Manager"]

        [[actions.requires.conditions]]
        message = "No"
        any = [
            { field = "Stage", one_of = ["Open", "Done"] },
            { field = "Color", equals = "Red" },
            { field = "Title", contains = "A rather long text, so that the tests stand below each other" },
        ]

        [[actions.steps]]
        type = "api_call"
        headers = { "X B" = "{{Title}}", X-A = "1" }
        url = "https://a.example/"
        body = '''
        {
          "text": "{{Title}}"
        }
        '''

        [actions.steps.success]
        deep = { one = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "two words" = {} }
        equals = [1.50, true, "1979-05-27"]
        pointer = "/ok"
        status = "2xx"

        [[actions.steps]]
        type = "api_call"
        id = "second"
        path = 'C:\new'

        [alerts]
        webhook = "{{secrets.CHAT}}/x"
        every = "90s"
    "#]]
    .assert_eq(&round_trip(&workflow));
}

/// A file may be shorter than the canonical text of what it says.
#[test]
fn a_text_that_is_longer_than_a_file_may_be_is_read_back() {
    let mut workflow = read("file.toml", SAMPLE, &Anything).expect("sound");
    workflow.actions[0].steps[0].params.insert("long".to_owned(), "x".repeat(FILE_BYTES_MAX).into());
    let text = write(&workflow);
    assert_eq!(
        read("long.toml", &text, &Anything).expect_err("refused").problems()[0].code,
        "file_too_large"
    );
    assert_eq!(read_back("long", &text, &Anything).expect("read"), workflow);
}

/// Names and ids, no two alike; ids that follow from the names, and others.
fn names(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(String, String)>> {
    let part = "[A-Za-z0-9?!äßÉ'\"\\\\.#= -]{0,8}";
    vec((part, any::<bool>()), count).prop_map(|parts| {
        let name = |(index, (part, own)): (usize, (String, bool))| {
            let name = format!("N{index}.{part}.");
            let id = if own { format!("own-{index}") } else { slug(&name) };
            (name, id)
        };
        parts.into_iter().enumerate().map(name).collect()
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,10}",
        "[a-z'\"\\\\{}\n\t \r\u{0}\u{7f}\u{85}]{1,30}",
        "[a-z\" ]{0,20}\n{1,3}[a-z\"]{0,90}",
        any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        (any::<i32>(), "[0-9]{1,25}(e[+-]?[0-9]{1,3})?").prop_map(|(whole, fraction)| {
            serde_json::from_str(&format!("{whole}.{fraction}")).expect("a number")
        }),
    ];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((text(), inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// One of each type.
fn fields() -> impl Strategy<Value = Vec<Field>> {
    let count = FieldType::NAMES.len();
    let names = names(count..count + 1);
    (names, any::<[bool; 3]>(), option::of(1..=50_u32)).prop_map(
        |(names, [required, editable, auto], limit)| {
            let options = || vec!["Red".to_owned(), "B'l\"x".to_owned(), "two lines".to_owned()];
            let kinds = [
                FieldType::Text,
                FieldType::LongText,
                FieldType::Number,
                FieldType::Phone,
                FieldType::Currency,
                FieldType::Date,
                FieldType::Datetime,
                FieldType::Person,
                FieldType::SingleSelect { options: options() },
                FieldType::MultipleSelect { options: options() },
                FieldType::Checkbox,
                FieldType::UniqueId { autoincrement: auto },
                FieldType::File { limit },
                FieldType::Email,
                FieldType::Url,
            ];
            let fields = names.into_iter().zip(kinds);
            fields
                .map(|((name, id), kind)| Field { id: FieldId::new(id), name, kind, required, editable })
                .collect()
        },
    )
}

/// Every operator with every kind of value. `text` has no NUL in it.
fn tests(fields: &[Field], stages: &[Stage], text: &str, number: i64) -> Vec<Test> {
    let operand = |kind: &FieldType| match kind {
        FieldType::Text | FieldType::LongText => Operand::Text(text.into()),
        FieldType::Number | FieldType::Currency => Operand::Number(number.to_string().into()),
        FieldType::Date if number % 2 == 0 => Operand::Today,
        FieldType::Date => Operand::Date("2020-01-31".parse().expect("a date")),
        FieldType::Datetime => Operand::Instant("2020-01-31T10:00:00.5Z".parse().expect("an instant")),
        FieldType::Person => Operand::Email("user@example.com".into()),
        FieldType::SingleSelect { options } => Operand::Text(options[1].as_str().into()),
        FieldType::MultipleSelect { .. } => Operand::Options(vec!["B'l\"x".into(), "Red".into()]),
        FieldType::Checkbox => Operand::Flag(number % 2 == 0),
        FieldType::UniqueId { .. } => Operand::Text("42".into()),
        FieldType::Email => Operand::Text("a@b.example".into()),
        FieldType::Url => Operand::Text("https://a.example/".into()),
        FieldType::Phone => Operand::Text("+49 30 1234".into()),
        FieldType::File { .. } => Operand::Flag(true),
    };
    let mut tests = Vec::new();
    for field in fields {
        let operand = operand(&field.kind);
        let subject = Subject::Field(field.id.clone());
        let operators = match &field.kind {
            FieldType::File { .. } => vec![Operator::IsSet(number % 2 == 0)],
            FieldType::Number | FieldType::Date | FieldType::Datetime => vec![
                Operator::AtLeast(operand.clone()),
                Operator::AtMost(operand.clone()),
                Operator::MoreThan(operand.clone()),
                Operator::LessThan(operand),
            ],
            FieldType::LongText => vec![Operator::Contains(text.into())],
            FieldType::SingleSelect { .. } => vec![Operator::OneOf(vec![operand.clone(), operand])],
            _ => vec![Operator::Equals(operand.clone()), Operator::NotEquals(operand)],
        };
        tests.extend(operators.into_iter().map(|operator| Test { subject: subject.clone(), operator }));
    }
    let stage = Operand::Text(stages[0].id.as_str().into());
    tests.push(Test { subject: Subject::Stage, operator: Operator::OneOf(vec![stage]) });
    tests.push(Test { subject: Subject::AssignedTo, operator: Operator::IsSet(true) });
    tests
}

fn step() -> impl Strategy<Value = (String, Option<String>, Option<String>, Map<String, Value>)> {
    let key = prop_oneof!["[a-z_]{1,6}", text()];
    let params = vec((key, json()), 0..5).prop_map(|entries| {
        let is_own = |(key, _): &(String, Value)| !["type", "name", "id"].contains(&key.as_str());
        entries.into_iter().filter(is_own).collect()
    });
    ("[a-z_]{1,9}", option::of("[A-Za-z?]{1,6}"), option::of("[a-z]{3,6}"), params)
}

/// Steps, each with an id of its own where it says one, else with the one that follows.
fn steps() -> impl Strategy<Value = Vec<StepDefinition>> {
    vec(step(), 0..5).prop_map(|parts| {
        let mut steps = Vec::<StepDefinition>::new();
        for (index, (type_id, name, own, params)) in parts.into_iter().enumerate() {
            let name = name.unwrap_or_else(|| crate::definition::read::titled(&type_id));
            let id = own.map_or_else(
                || crate::definition::read::derived_step_id(&name, &steps),
                |own| format!("{own}-own-{index}"),
            );
            steps.push(StepDefinition { id: StepId::new(id), name, type_id: Arc::from(type_id), params });
        }
        // A type whose title is no name is none that a file can have without one.
        steps.retain(|step| step.name.trim() == step.name && !step.name.is_empty());
        steps
    })
}

fn alerts() -> impl Strategy<Value = AlertRule> {
    let webhooks = ["https://a.example/{{secrets.A}}", "{{secrets.B}}", "https://b.example/'\""];
    let every = 1..=u64::try_from(ALERTS_EVERY_MAX.as_millis()).expect("it fits");
    let round = select(vec![1_u64, 1_000, 60_000, 3_600_000, 86_400_000]);
    (any::<bool>(), option::of(select(webhooks.to_vec())), every, round).prop_map(
        |(log, webhook, every, round)| {
            let webhook = webhook.map(|url| Template::of_secrets(url).expect("a template"));
            AlertRule { log, webhook, every: Duration::from_millis((every / round * round).max(round)) }
        },
    )
}

type Parts = (Vec<(String, String)>, Vec<Vec<StepDefinition>>, [bool; 4], String, i64);

fn actions(parts: Parts, fields: &[Field], stages: &[Stage], roles: &[Role]) -> Vec<Action> {
    let (names, steps, [assigned, revert, all, bare], text, number) = parts;
    let text = text.replace(['\0', '\r'], " ");
    let text = if text.is_empty() { "x".to_owned() } else { text };
    let tests = tests(fields, stages, &text, number);
    let message = "It's \"not\" so".to_owned();
    let tests = if all { Tests::All(tests) } else { Tests::Any(tests) };
    let requires = Requirements {
        fields: fields.iter().take(3).map(|field| field.id.clone()).collect(),
        assigned,
        checklist: revert,
        roles: roles.iter().map(|role| role.id.clone()).collect(),
        conditions: vec![Condition { message, tests }],
    };
    let action = |((name, id), steps): ((String, String), Vec<StepDefinition>)| Action {
        id: ActionId::new(id),
        name,
        color: if all { "gray" } else { "#00ff7F" }.to_owned(),
        from: stages.iter().rev().map(|stage| stage.id.clone()).collect(),
        requires: if bare { Requirements::default() } else { requires.clone() },
        on_failure: if revert { OnFailure::Revert } else { OnFailure::Keep },
        confirm: all.then(|| "It's \"really\" to be done?".to_owned()),
        after: if assigned { After::List } else { After::Stay },
        celebrate: bare,
        position: revert.then_some(Position { x: -POSITION_MAX, y: POSITION_MAX }),
        steps,
    };
    names.into_iter().zip(steps).map(action).collect()
}

fn workflow() -> impl Strategy<Value = Workflow> {
    let actions_parts = (names(0..3), vec(steps(), 3), any::<[bool; 4]>(), text(), any::<i64>());
    (names(1..2), fields(), names(1..4), names(0..3), actions_parts, alerts()).prop_map(
        |(mut name, fields, stages, roles, parts, alerts)| {
            let stages = stages.into_iter().enumerate();
            let stages: Vec<_> = stages
                .map(|(index, (name, id))| {
                    let color = ["gray", "teal", "#0a0B0c"][index].to_owned();
                    let item = |(title, id): (&str, &str)| TemplateItem {
                        id: ItemId::new(format!("{id}-{index}")),
                        title: title.to_owned(),
                    };
                    let mut checklist = vec![item(("Call \"them\"", "call")), item(("Ask", "board"))];
                    checklist.push(TemplateItem {
                        id: ItemId::new(format!("see-{index}")),
                        title: format!("See {index}"),
                    });
                    let checklist = if index == 2 { Vec::new() } else { checklist };
                    let position = (index == 0).then_some(Position { x: -5, y: 7 });
                    Stage { id: StageId::new(id), name, color, end: index == 1, checklist, position }
                })
                .collect();
            let own = roles.into_iter().map(|(name, id)| Role::new(id, name));
            let mut roles: Vec<_> = Role::built_in().into_iter().chain(own).collect();
            let actions = actions(parts, &fields, &stages, &roles);
            for (index, role) in roles.iter_mut().enumerate().skip(2) {
                (role.admin, role.view, role.edit) = (index == 3, index != 4, index != 2);
                role.perform = (index != 3).then(|| actions.iter().skip(1).map(|it| it.id.clone()).collect());
            }
            let (name, id) = name.remove(0);
            Workflow { id: WorkflowId::new(id), name, fields, stages, actions, roles, alerts }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back_and_written_the_same(workflow in workflow()) {
        round_trip(&workflow);
    }
}
