//! Lists: what is in them, in which order, whole and by pages, held against a plain way to make them.

use std::{cmp::Ordering, collections::BTreeMap};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::model::{
    BlobId, Directory, ExecutionList, Field, FieldId, FieldType, FieldValue, FileEntry, Stage, StageId,
    TaskList, Timestamp, Workflow,
    asked::{Search, TaskCounts},
    condition::{Operand, Operator, Subject, Test},
    id::slug,
    list::{Filter, Order, Position},
    perform,
    text::{compare_decimals, plain_decimal},
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, UPDATED_ON},
};

/// A workflow with a field of each type, called as its type is.
fn workflow() -> Workflow {
    let options = || ["Red", "Green"].map(str::to_owned).to_vec();
    let kinds = [
        FieldType::Text,
        FieldType::Number,
        FieldType::Currency,
        FieldType::Date,
        FieldType::Datetime,
        FieldType::Person,
        FieldType::SingleSelect { options: options() },
        FieldType::MultipleSelect { options: options() },
        FieldType::Checkbox,
        FieldType::UniqueId { autoincrement: false },
        FieldType::File { limit: None },
        FieldType::Email,
    ];
    let field = |kind: FieldType| {
        let name = kind.name().to_owned();
        Field { id: FieldId::new(slug(&name)), name, kind, required: false, editable: true }
    };
    // Not in the order of their ids.
    let stages = ["Zero", "Open", "Done"].map(|name| Stage {
        id: StageId::new(slug(name)),
        name: name.to_owned(),
        color: "gray".to_owned(),
        end: name == "Done",
        checklist: Vec::new(),
        position: None,
    });
    Workflow { fields: kinds.map(field).to_vec(), stages: stages.to_vec(), ..sample::workflow() }
}

fn users() -> Vec<User> {
    [("u1", "zoe@example.com", true), ("u2", "Adam@example.com", true), ("u3", "left@example.com", false)]
        .map(|(id, email, is_active)| User {
            id: UserId::new(id),
            email: email.to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            is_active,
            is_administrator: false,
        })
        .to_vec()
}

/// Texts that values are made of, and are asked for by.
fn texts(kind: &FieldType) -> Vec<String> {
    let long = "long ".repeat(20);
    let texts: &[&str] = match kind {
        FieldType::Number | FieldType::Currency => &[
            "10",
            "10.00",
            "9",
            "-9.5",
            "-9.50",
            "-10",
            "0",
            "9007199254740993",
            "9007199254740992",
            "1234567890123456789012345678901234567890123456789012345678901234",
            "-1234567890123456789012345678901234567890123456789012345678901.234",
        ],
        FieldType::Date => &["2020-01-31", "2019-12-31", "2020-02-01"],
        FieldType::Datetime => &["2020-01-31T09:30:00Z", "2020-01-31T09:30:00.5Z", "1969-12-31T00:00:00Z"],
        FieldType::Person => &["u1", "u2", "u3"],
        FieldType::SingleSelect { .. } | FieldType::MultipleSelect { .. } => &["Red", "Green"],
        FieldType::UniqueId { .. } => &["10", "9", "T1", "T10", "007"],
        FieldType::Email => &["a@example.com", "A@example.com"],
        _ => &["Acme", "acme", "Ümlaut", "a \"b\" \\ c", "10", "true"],
    };
    let mut texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
    if *kind == FieldType::Text {
        // The same as far as they are sorted by, and two more that differ before.
        texts.extend([
            format!("{long}a"),
            format!("{long}b"),
            format!("{}ä", &long[1..]),
            format!("{}ö", &long[1..]),
        ]);
    }
    texts
}

fn value(kind: &FieldType) -> BoxedStrategy<FieldValue> {
    let text = select(texts(kind));
    let some = match kind {
        FieldType::Checkbox => any::<bool>().prop_map(FieldValue::Flag).boxed(),
        FieldType::MultipleSelect { .. } => prop::sample::subsequence(texts(kind), 1..3)
            .prop_map(|items| FieldValue::List(items.into_iter().map(Arc::from).collect()))
            .boxed(),
        FieldType::File { .. } => prop::collection::vec(text, 1..3)
            .prop_map(|names| {
                let entry = |name: String| FileEntry {
                    blob: BlobId::of(name.as_bytes()),
                    filename: name.into(),
                    content_type: "text/plain".into(),
                };
                FieldValue::Files(names.into_iter().map(entry).collect())
            })
            .boxed(),
        _ => text.prop_map(|text| FieldValue::Text(text.into())).boxed(),
    };
    prop_oneof![1 => Just(FieldValue::Empty), 3 => some].boxed()
}

/// A task's stage, assignee, last change and values; in one of the stages that the workflow no longer has, too.
fn task_parts() -> impl Strategy<Value = (&'static str, Option<&'static str>, i64, Vec<FieldValue>)> {
    let values: Vec<_> = workflow().fields.iter().map(|field| value(&field.kind)).collect();
    let assignee = prop::option::of(select(vec!["u1", "u2", "u3"]));
    (select(vec!["zero", "open", "done", "of-old"]), assignee, 0_i64..4, values)
}

/// Some names with values to ask for: those that tasks have, empty ones, and ones that mean nothing.
fn filters() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
    let mut wanted: Vec<BoxedStrategy<(String, String)>> = Vec::new();
    let mut add = |name: &str, values: Vec<String>| {
        let values = [values, vec![String::new(), "nothing".to_owned()]].concat();
        wanted.push((Just(name.to_owned()), select(values)).boxed());
    };
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let emails = owned(&["zoe@example.com", "ADAM@example.com", "left@example.com", "u1"]);
    add(STAGE, owned(&["Zero", "Open", "Done", "of-old", "done"]));
    add(ASSIGNED_TO, emails.clone());
    for field in &workflow().fields {
        let values = match &field.kind {
            FieldType::Checkbox => owned(&["true", "false"]),
            FieldType::Person => emails.clone(),
            FieldType::MultipleSelect { .. } => owned(&["Red", "Red, Green", "Green, Red"]),
            FieldType::Datetime => [texts(&field.kind), owned(&["2020-01-31T10:30:00+01:00"])].concat(),
            kind => texts(kind),
        };
        add(&field.name, values);
    }
    prop::collection::vec(prop::strategy::Union::new(wanted), 0..4).prop_map(|pairs| {
        let mut filters = BTreeMap::<String, Vec<String>>::new();
        pairs.into_iter().for_each(|(name, value)| filters.entry(name).or_default().push(value));
        filters
    })
}

fn orders() -> impl Strategy<Value = String> {
    let mut names = [STAGE, ASSIGNED_TO, CREATED_ON, UPDATED_ON].map(str::to_owned).to_vec();
    names.extend(workflow().fields.into_iter().map(|field| field.name));
    (select(names), any::<bool>()).prop_map(|(name, turned)| if turned { format!("-{name}") } else { name })
}

/// What can be asked of a field, a stage or an assignee in the words of conditions.
fn tests() -> impl Strategy<Value = Vec<Test>> {
    let any_order = [Operator::AtLeast, Operator::AtMost, Operator::MoreThan, Operator::LessThan];
    let same = [Operator::Equals, Operator::NotEquals];
    let text = |text: &str| Operand::Text(text.into());
    let mut all = Vec::new();
    let mut add = |subject: &Subject, operators: Vec<Operator>| {
        all.extend(operators.into_iter().map(|operator| Test { subject: subject.clone(), operator }));
    };
    let is_set = || vec![Operator::IsSet(true), Operator::IsSet(false)];
    let equal = |operands: &[Operand]| {
        let each = operands.iter().flat_map(|operand| same.map(|same| same(operand.clone())));
        each.chain([Operator::OneOf(operands.to_vec())]).collect::<Vec<_>>()
    };
    add(&Subject::Stage, equal(&[text("open"), text("of-old"), text("zero")]));
    let people = ["zoe@example.com", "ADAM@example.com", "nobody@example.com"];
    let people = equal(&people.map(|email| Operand::Email(email.into())));
    add(&Subject::AssignedTo, [people.clone(), is_set()].concat());
    for field in &workflow().fields {
        let texts = texts(&field.kind);
        let subject = Subject::Field(field.id.clone());
        let operand = |text: &String| match &field.kind {
            FieldType::Number | FieldType::Currency => Operand::Number(text.as_str().into()),
            FieldType::Date => text.parse().map_or(Operand::Today, Operand::Date),
            FieldType::Datetime => Operand::Instant(text.parse().expect("an instant")),
            _ => Operand::Text(text.as_str().into()),
        };
        let operands: Vec<_> = texts.iter().take(4).map(operand).collect();
        let contains = |parts: &[&str]| parts.iter().map(|part| Operator::Contains((*part).into())).collect();
        match &field.kind {
            FieldType::Checkbox => add(&subject, equal(&[Operand::Flag(true)])),
            FieldType::Person => add(&subject, people.clone()),
            FieldType::File { .. } => {}
            FieldType::MultipleSelect { .. } => {
                add(&subject, equal(&[Operand::Options(vec!["Green".into(), "Red".into()])]));
                add(&subject, contains(&["Red"]));
            }
            FieldType::Number | FieldType::Currency | FieldType::Date | FieldType::Datetime => {
                let each = operands.iter().flat_map(|operand| any_order.map(|order| order(operand.clone())));
                add(&subject, [equal(&operands), each.collect()].concat());
            }
            _ => add(&subject, [equal(&operands), contains(&["cm", "1"])].concat()),
        }
        add(&subject, is_set());
    }
    prop::collection::vec(select(all), 0..3)
}

/// A text to look for; mostly none.
fn searches() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.3, select(vec!["acme", "ÜML", "10", "b\" \\", "ZOE", "re", "true", "nothing"]))
}

/// Whether a task has a text, said plainly: as it is shown, but for times and checkboxes.
fn has(text: &str, task: &Task, workflow: &Workflow, directory: &Directory) -> bool {
    let shown = workflow.fields.iter().map(|field| match (&field.kind, task.value(&field.id)) {
        (FieldType::Date | FieldType::Datetime | FieldType::Checkbox, _) => String::new(),
        (FieldType::Person, FieldValue::Text(id)) => {
            directory.email(&UserId::new(Arc::clone(id))).unwrap_or_default().to_owned()
        }
        (_, FieldValue::Files(files)) => files.iter().map(|file| format!("{}\n", file.filename)).collect(),
        (_, FieldValue::List(items)) => items.iter().map(|item| format!("{item}\n")).collect(),
        (_, value) => value.to_text(),
    });
    let assignee = task.assigned_to.as_ref().and_then(|id| directory.email(id)).unwrap_or_default();
    shown.chain([assignee.to_owned()]).any(|shown| shown.to_lowercase().contains(&text.to_lowercase()))
}

/// Whether a task is what a value asks for, said plainly.
fn is_asked_for(name: &str, wanted: &str, task: &Task, workflow: &Workflow, directory: &Directory) -> bool {
    let is_user = |id: &str| {
        let email = directory.email(&UserId::new(id));
        email.is_some_and(|email| email.to_lowercase() == wanted.to_lowercase())
    };
    if name == STAGE {
        return workflow.stage_name(&task.stage) == wanted;
    }
    if name == ASSIGNED_TO {
        return task.assigned_to.as_ref().map_or(wanted.is_empty(), |user| is_user(user.as_str()));
    }
    let field = workflow.field_named(name).expect("a field");
    match (&field.kind, task.value(&field.id)) {
        (FieldType::Checkbox, FieldValue::Empty) => wanted == "false",
        (_, FieldValue::Empty) => wanted.is_empty(),
        (FieldType::Number | FieldType::Currency, FieldValue::Text(text)) => plain_decimal(wanted)
            .is_some_and(|wanted| compare_decimals(text, &wanted) == Some(Ordering::Equal)),
        (FieldType::Datetime, FieldValue::Text(text)) => wanted
            .parse::<Timestamp>()
            .is_ok_and(|wanted| text.parse::<Timestamp>().is_ok_and(|it| it == wanted)),
        (FieldType::Person, FieldValue::Text(id)) => is_user(id),
        (_, value) => value.to_text() == wanted,
    }
}

/// Which of two tasks comes first, said plainly.
fn compared(order: &str, a: &Task, b: &Task, workflow: &Workflow, directory: &Directory) -> Ordering {
    let (name, turned) = order.strip_prefix('-').map_or((order, false), |name| (name, true));
    let by = |empty: (bool, bool), ordering: Ordering| {
        let ordering = if turned { ordering.reverse() } else { ordering };
        // A task without a value is last, whatever the direction.
        if empty.0 || empty.1 { empty.0.cmp(&empty.1) } else { ordering }.then(a.id.cmp(&b.id))
    };
    let email = |id: Option<&UserId>| id.and_then(|id| directory.email(id)).map(str::to_owned);
    let of = |a: Option<String>, b: Option<String>| by((a.is_none(), b.is_none()), a.cmp(&b));
    match name {
        CREATED_ON if turned => b.id.cmp(&a.id),
        CREATED_ON => a.id.cmp(&b.id),
        UPDATED_ON => by((false, false), a.updated_on.cmp(&b.updated_on)),
        STAGE => {
            let place = |task: &Task| workflow.stages.iter().position(|stage| stage.id == task.stage);
            by((place(a).is_none(), place(b).is_none()), place(a).cmp(&place(b)))
        }
        ASSIGNED_TO => of(email(a.assigned_to.as_ref()), email(b.assigned_to.as_ref())),
        _ => {
            let field = workflow.field_named(name).expect("a field");
            let (a_value, b_value) = (a.value(&field.id), b.value(&field.id));
            let (a_text, b_text) = (a_value.to_text(), b_value.to_text());
            let empty = (a_value.is_empty(), b_value.is_empty());
            match field.kind {
                FieldType::Checkbox => by((false, false), (a_text == "true").cmp(&(b_text == "true"))),
                FieldType::Person => {
                    let id = |value: &FieldValue| match value {
                        FieldValue::Text(id) => email(Some(&UserId::new(Arc::clone(id)))),
                        _ => None,
                    };
                    of(id(a_value), id(b_value))
                }
                FieldType::Datetime => {
                    by(empty, a_text.parse::<Timestamp>().ok().cmp(&b_text.parse::<Timestamp>().ok()))
                }
                FieldType::Number | FieldType::Currency | FieldType::UniqueId { .. } => {
                    let is_number = |text: &str| compare_decimals(text, "0").is_some();
                    let numbers = compare_decimals(&a_text, &b_text);
                    let texts = is_number(&b_text).cmp(&is_number(&a_text)).then(a_text.cmp(&b_text));
                    by(empty, numbers.unwrap_or(texts))
                }
                _ => {
                    let cut = |text: &str| text.chars().take(100).collect::<String>();
                    by(empty, cut(&a_text).cmp(&cut(&b_text)))
                }
            }
        }
    }
}

async fn whole(store: &dyn Store, list: &Arc<TaskList>) -> Vec<Task> {
    let page = store.tasks(Arc::clone(list), None, 1_000).await.expect("a list");
    assert_eq!(page.next, None);
    page.tasks.into_iter().map(|(task, _)| task).collect()
}

async fn paged(store: &dyn Store, list: &Arc<TaskList>, most: usize) -> Vec<Task> {
    let (mut tasks, mut after) = (Vec::new(), None);
    loop {
        let page = store.tasks(Arc::clone(list), after, most).await.expect("a page");
        assert!(page.tasks.len() <= most);
        tasks.extend(page.tasks.into_iter().map(|(task, _)| task));
        // As a cursor keeps it.
        after = page.next.map(|next| Position::from_bytes(&next.to_bytes()).expect("a position"));
        if after.is_none() {
            return tasks;
        }
    }
}

fn list(filters: &BTreeMap<String, Vec<String>>, order: &str, is_active: bool) -> Arc<TaskList> {
    let (workflow, directory) = (workflow(), Directory::new(users()));
    let filter = |(name, values): (&String, &Vec<String>)| {
        Filter::read(name, values, &workflow, &directory).expect("a name that is there")
    };
    Arc::new(TaskList {
        not_in: if is_active { vec![StageId::new("done")] } else { Vec::new() },
        filters: filters.iter().map(filter).collect(),
        order: Order::read(order, &workflow).expect("an order"),
        ..TaskList::all(workflow.id.clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    /// The store's way to a list and the plain one agree, whole and by pages; for every task, several times over, so
    /// that one store serves many questions.
    #[test]
    fn a_list_is_what_a_plain_search_finds(
        parts in prop::collection::vec(task_parts(), 0..30),
        questions in prop::collection::vec(
            (filters(), tests(), searches(), orders(), any::<bool>(), 1_usize..8), 20,
        ),
    ) {
        on_every_store(async |open, folder| {
            let (store, workflow, directory) = (open(folder), workflow(), Directory::new(users()));
            for user in users() {
                store.administer(added(&user), by()).await.expect("added");
            }
            let mut tasks = Vec::new();
            for (number, (stage, assignee, updated, values)) in (1..).zip(&parts) {
                let mut task = Task::new(TaskId::from_u128(number), &workflow, sample::now());
                task.stage = StageId::new(*stage);
                task.assigned_to = assignee.map(UserId::new);
                task.updated_on = Timestamp::from_millisecond(*updated).expect("an instant");
                for (field, value) in workflow.fields.iter().zip(values) {
                    // Each Unique ID is there once.
                    if let (FieldType::UniqueId { .. }, FieldValue::Text(text)) = (&field.kind, value) {
                        if tasks.iter().any(|other: &Task| other.unique_id.as_ref() == Some(text)) {
                            continue;
                        }
                        task.unique_id = Some(Arc::clone(text));
                    }
                    if !value.is_empty() {
                        task.values.insert(field.id.clone(), value.clone());
                    }
                }
                tasks.push(task);
            }
            join_all(tasks.iter().map(|task| create(&*store, task.clone()))).await;
            for (filters, tests, search, order, is_active, most) in &questions {
                let mut list = TaskList::clone(&list(filters, order, *is_active));
                let today = jiff::civil::date(2020, 1, 31);
                tests.iter().for_each(|test| list.ask(test.clone(), &workflow, &directory, today));
                list.search = search.map(|text| Search::new(text, &workflow, &directory));
                let list = Arc::new(list);
                // What is asked of `left_out` counts for nothing.
                let passes = |task: &Task, left_out: &str| {
                    let mut asked = filters.iter().filter(|(name, _)| *name != left_out);
                    let mut tests = tests.iter().filter(|test| match test.subject {
                        Subject::Stage => left_out != STAGE,
                        Subject::AssignedTo => left_out != ASSIGNED_TO,
                        Subject::Field(_) => true,
                    });
                    asked.all(|(name, wanted)| {
                        wanted.iter().any(|wanted| is_asked_for(name, wanted, task, &workflow, &directory))
                    }) && tests.all(|test| test.holds(task, &directory, today))
                        && search.is_none_or(|text| has(text, task, &workflow, &directory))
                };
                let is_listed =
                    |task: &&Task| !(*is_active && task.stage.as_str() == "done") && passes(task, "");
                let mut expected: Vec<_> = tasks.iter().filter(is_listed).cloned().collect();
                expected.sort_by(|a, b| compared(order, a, b, &workflow, &directory));
                let asked = format!("{filters:?} {tests:?} {search:?} {order}");
                assert_eq!(whole(&*store, &list).await, expected, "{asked}");
                assert_eq!(paged(&*store, &list, *most).await, expected, "{asked}, {most} a page");
                let (mut all, mut stages, mut assignees) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
                for task in &tasks {
                    *all.entry(task.stage.clone()).or_default() += 1;
                    if passes(task, STAGE) {
                        *stages.entry(task.stage.clone()).or_default() += 1;
                    }
                    if passes(task, ASSIGNED_TO) {
                        *assignees.entry(task.assigned_to.clone()).or_default() += 1;
                    }
                }
                let counts = TaskCounts {
                    all: all.into_iter().collect(),
                    matching: tasks.iter().filter(|task| passes(task, "")).count() as u64,
                    stages: stages.into_iter().collect(),
                    assignees: assignees.into_iter().collect(),
                };
                assert_eq!(store.count_tasks(list).await.expect("counts"), counts, "{asked}");
            }
        });
    }
}

/// "Concurrent inserts and deletes while paging lose and repeat nothing that was there all the time."
#[test]
fn what_was_there_all_the_time_is_listed_once() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let named = |number: u128, name: &str| {
            let mut task = Task { unique_id: None, stage: StageId::new("open"), ..task(number) };
            task.values = BTreeMap::from([(FieldId::new("text"), FieldValue::Text(name.into()))]);
            task
        };
        // Those that stay have even numbers.
        for number in 1..=40 {
            create(&*store, named(number * 100, &format!("name {}", number % 7))).await;
        }
        let delete = async |number: u128| {
            let delete: Decide =
                Box::new(|current| perform::delete_task(sample::performer(), sample::now(), current));
            store.transact(TaskKey::Id(TaskId::from_u128(number)), None, delete).await.expect("deleted");
        };
        let staying: Vec<_> =
            (1..=40_u128).filter(|number| number % 2 == 0).map(|number| number * 100).collect();
        let mut others: Vec<_> =
            (1..=40_u128).filter(|number| number % 2 == 1).map(|number| number * 100).collect();
        for (round, order) in ["Created On", "-Created On", "text", "-text", "Stage"].into_iter().enumerate()
        {
            let list = list(&BTreeMap::new(), order, true);
            let (mut seen, mut after, mut step) = (Vec::new(), None, 0);
            loop {
                let page = store.tasks(Arc::clone(&list), after, 3).await.expect("a page");
                seen.extend(page.tasks.iter().map(|(task, _)| task.id.as_u128()));
                // Also the one after which the next page begins.
                if let Some((last, _)) =
                    page.tasks.last().filter(|(task, _)| others.contains(&task.id.as_u128()))
                {
                    others.retain(|number| *number != last.id.as_u128());
                    delete(last.id.as_u128()).await;
                }
                step += 1;
                let new = (step % 40 + 1) * 100 + 1 + round as u128 * 50 + step;
                create(&*store, named(new, &format!("name {}", step % 5))).await;
                others.push(new);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let found: Vec<_> = seen.iter().filter(|number| staying.contains(number)).copied().collect();
            let mut sorted = found.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, staying, "{order}: {found:?}");
        }
    });
}

fn all_executions() -> ExecutionList {
    ExecutionList {
        workflow: WorkflowId::new("api-sample"),
        after: ExecutionId::from_u128(0),
        before: ExecutionId::from_u128(u128::MAX),
        task: None,
        action: None,
        states: None,
        since: None,
        until: None,
        is_oldest_first: false,
    }
}

#[test]
fn executions_are_listed_newest_first_by_page() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        for number in [1, 2] {
            create(&*store, task(number)).await;
        }
        let at = |second: i64| sample::now() + jiff::SignedDuration::from_secs(second);
        let failure = crate::model::Failure { step: 0, code: String::new(), message: String::new() };
        for (number, of, action, workflow, state) in [
            (10, 1, "finish", "api-sample", State::Succeeded),
            (11, 2, "start", "api-sample", State::Failed(failure.clone())),
            (12, 1, "start", "another", State::Succeeded),
            (13, 1, "start", "api-sample", State::Queued { step: 0, resumed: false }),
            (14, 2, "finish", "api-sample", State::Unknown(failure)),
        ] {
            let created_at = at(i64::from(number));
            let execution = Execution {
                task: TaskId::from_u128(of),
                action: crate::model::ActionId::new(action),
                workflow: WorkflowId::new(workflow),
                created_at,
                ..execution(u128::from(number as u32), state)
            };
            store
                .transact(TaskKey::Id(TaskId::from_u128(of)), None, insert_of(execution))
                .await
                .expect("written");
        }
        let ids = async |list: ExecutionList, most| {
            let page = store.executions(list, most).await.expect("a page");
            let ids: Vec<_> = page.executions.iter().map(|execution| execution.id.as_u128()).collect();
            (ids, page.next.map(ExecutionId::as_u128))
        };
        let all = all_executions;
        let of_first = ExecutionList { task: Some(TaskId::from_u128(1)), ..all() };
        let start = ExecutionList { action: Some(crate::model::ActionId::new("start")), ..all() };
        let failed = ExecutionList { states: Some(vec!["failed", "unknown"]), ..all() };
        let open = ExecutionList { states: Some(vec!["queued"]), ..all() };
        let between = ExecutionList { since: Some(at(11)), until: Some(at(14)), ..all() };
        let bounded =
            ExecutionList { after: ExecutionId::from_u128(10), before: ExecutionId::from_u128(14), ..all() };
        for (list, expected) in [
            (all(), vec![14, 13, 11, 10]),
            (of_first, vec![13, 10]),
            (start, vec![13, 11]),
            (failed, vec![14, 11]),
            (open, vec![13]),
            (between, vec![13, 11]),
            (bounded, vec![13, 11]),
            (ExecutionList { states: Some(Vec::new()), ..all() }, vec![]),
        ] {
            assert_eq!(ids(list.clone(), 10).await, (expected, None), "{list:?}");
        }
        let (page, next) = ids(all(), 2).await;
        assert_eq!((page, next), (vec![14, 13], Some(13)));
        let rest = ExecutionList { before: ExecutionId::from_u128(13), ..all() };
        assert_eq!(ids(rest, 2).await, (vec![11, 10], Some(10)));
    });
}
