//! Lists: which tasks and executions are in one, in which order, and where in it somebody stands.
//!
//! What a query says in names is turned here into what stays when they change: ids, and the *key* of a value, a
//! text by which values are told apart and put in order. A store finds and sorts; what equals what, and what
//! comes first, it asks here.

use jiff::Timestamp;

use super::{
    asked::{FieldTest, SEARCH, Search, WHERE},
    field::{FieldType, FieldValue},
    id::{ActionId, ExecutionId, FieldId, StageId, TaskId, UserId, WorkflowId},
    text::decimal_key,
    user::Directory,
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, UPDATED_ON, Workflow},
};

/// How a query calls the order of tasks, the size of a page, and where it begins.
pub const SORT: &str = "_sort";
pub const LIMIT: &str = "_limit";
pub const CURSOR: &str = "_cursor";

/// What a list of tasks takes beside filters.
pub const PARAMETERS: [&str; 5] = [SORT, LIMIT, CURSOR, SEARCH, WHERE];

/// Characters of a text by which tasks are put in order. A cursor has them in it, and an address has an end.
pub const SORTED_CHARS_MAX: usize = 100;

/// Which of a workflow's tasks are listed, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskList {
    pub workflow: WorkflowId,
    /// Stages whose tasks are left out: the end stages, where only active tasks are asked for.
    pub not_in: Vec<StageId>,
    /// All of them must let a task pass.
    pub filters: Vec<Filter>,
    /// None of them may let a task pass.
    pub none_of: Vec<Filter>,
    /// All of them must hold.
    pub tests: Vec<FieldTest>,
    pub search: Option<Search>,
    pub order: Order,
}

impl TaskList {
    /// Every task of a workflow, oldest first.
    pub fn all(workflow: WorkflowId) -> Self {
        Self {
            workflow,
            not_in: Vec::new(),
            filters: Vec::new(),
            none_of: Vec::new(),
            tests: Vec::new(),
            search: None,
            order: Order::oldest_first(),
        }
    }
}

/// Lets tasks pass whose value is one of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub subject: Subject,
    /// Whether a task without a value passes.
    pub empty: bool,
    /// The keys of the values that pass, sorted, each once: ids of stages, ids of users, Unique IDs, or as
    /// [`Comparison::key`] makes them.
    pub keys: Vec<String>,
}

/// What of a task is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Stage,
    AssignedTo,
    UniqueId,
    Field(FieldId, Comparison),
}

/// Ties are in the order of ids, whatever the direction; tasks without a value come last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub by: OrderBy,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderBy {
    /// The order of ids, which a clock that is set back does not change.
    Created,
    Updated,
    /// The workflow's stages in their order. A stage that it no longer has is like none.
    Stage(Vec<StageId>),
    /// By the user's email.
    AssignedTo,
    Field(FieldId, Comparison),
}

/// How the values of a field are told apart and put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// As texts, byte by byte; lists by their items joined with commas.
    Text,
    /// By what a decimal is worth; what is none comes after, as texts.
    Number,
    Instant,
    /// A checkbox that nobody ticked is false.
    Flag,
    /// Users: told apart by id, put in order by email.
    Person,
}

/// A task's place in an order; no value is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    Number(i64),
    Text(String),
}

/// After which task a page of a list begins. It need not be there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub key: Option<SortKey>,
    pub task: TaskId,
}

/// Which of a workflow's executions are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionList {
    pub workflow: WorkflowId,
    /// Their ids are between these two. Ids grow with time, so that this says where to look.
    pub after: ExecutionId,
    pub before: ExecutionId,
    pub task: Option<TaskId>,
    pub action: Option<ActionId>,
    /// The names of their states; `None` for any.
    pub states: Option<Vec<&'static str>>,
    /// Created at this instant or later.
    pub since: Option<Timestamp>,
    /// Created before this instant.
    pub until: Option<Timestamp>,
    /// Else the newest is first.
    pub is_oldest_first: bool,
}

impl Filter {
    /// What a name and the values asked for mean: one of them is enough, and an empty one is for *empty*. `None`
    /// where the workflow has nothing of that name.
    pub fn read(name: &str, values: &[String], workflow: &Workflow, directory: &Directory) -> Option<Self> {
        let subject = match name {
            STAGE => Subject::Stage,
            ASSIGNED_TO => Subject::AssignedTo,
            _ => {
                let field = workflow.field_named(name)?;
                match field.kind {
                    FieldType::UniqueId { .. } => Subject::UniqueId,
                    _ => Subject::Field(field.id.clone(), Comparison::of(&field.kind)),
                }
            }
        };
        let given = values.iter().filter(|value| !value.is_empty());
        let mut keys: Vec<_> = given.flat_map(|value| subject.keys(value, workflow, directory)).collect();
        keys.sort();
        keys.dedup();
        // A stage and a checkbox are never empty, so an empty value finds none.
        let can_be_empty = !matches!(subject, Subject::Stage | Subject::Field(_, Comparison::Flag));
        let empty = can_be_empty && values.iter().any(String::is_empty);
        Some(Self { subject, empty, keys })
    }
}

impl Subject {
    fn keys(&self, value: &str, workflow: &Workflow, directory: &Directory) -> Vec<String> {
        match self {
            // One that the workflow no longer has is shown by its id.
            Self::Stage => match workflow.stage_named(value) {
                Some(stage) => vec![stage.id.to_string()],
                None if workflow.stage(&StageId::new(value)).is_none() => vec![value.to_owned()],
                None => Vec::new(),
            },
            Self::AssignedTo | Self::Field(_, Comparison::Person) => {
                directory.with_email(value).map(UserId::to_string).collect()
            }
            Self::UniqueId => vec![value.to_owned()],
            Self::Field(_, comparison) => {
                comparison.key(&FieldValue::Text(value.into())).into_iter().collect()
            }
        }
    }
}

impl Order {
    /// `NAME`, or `-NAME` for the other way round. `None` where the workflow has nothing of that name.
    pub fn read(text: &str, workflow: &Workflow) -> Option<Self> {
        // A name may begin with a minus sign itself.
        let whole = OrderBy::named(text, workflow).map(|by| Self { by, descending: false });
        whole.or_else(|| {
            let by = OrderBy::named(text.strip_prefix('-')?, workflow)?;
            Some(Self { by, descending: true })
        })
    }

    /// The oldest task first.
    pub fn oldest_first() -> Self {
        Self { by: OrderBy::Created, descending: false }
    }
}

impl OrderBy {
    fn named(name: &str, workflow: &Workflow) -> Option<Self> {
        Some(match name {
            STAGE => Self::Stage(workflow.stages.iter().map(|stage| stage.id.clone()).collect()),
            ASSIGNED_TO => Self::AssignedTo,
            CREATED_ON => Self::Created,
            UPDATED_ON => Self::Updated,
            _ => {
                let field = workflow.field_named(name)?;
                let comparison = match field.kind {
                    // They are asked for as texts, and mostly counted: 9 comes before 10.
                    FieldType::UniqueId { .. } => Comparison::Number,
                    ref kind => Comparison::of(kind),
                };
                Self::Field(field.id.clone(), comparison)
            }
        })
    }
}

impl Comparison {
    pub const ALL: [Self; 5] = [Self::Text, Self::Number, Self::Instant, Self::Flag, Self::Person];

    pub fn of(kind: &FieldType) -> Self {
        match kind {
            FieldType::Number | FieldType::Currency => Self::Number,
            FieldType::Datetime => Self::Instant,
            FieldType::Checkbox => Self::Flag,
            FieldType::Person => Self::Person,
            FieldType::Text
            | FieldType::LongText
            | FieldType::Phone
            | FieldType::Date
            | FieldType::SingleSelect { .. }
            | FieldType::MultipleSelect { .. }
            | FieldType::UniqueId { .. }
            | FieldType::File { .. }
            | FieldType::Email
            | FieldType::Url => Self::Text,
        }
    }

    /// The text by which a value is compared; `None` for no value.
    pub fn key(self, value: &FieldValue) -> Option<String> {
        match (self, value) {
            (Self::Flag, FieldValue::Empty) => Some(false.to_string()),
            (_, FieldValue::Empty) => None,
            (Self::Number, FieldValue::Text(text)) => Some(number_key(text)),
            (Self::Instant, FieldValue::Text(text)) => Some(instant_key(text)),
            (_, value) => Some(value.to_text()),
        }
    }
}

/// Behind every key that [`decimal_key`] makes.
const NOT_A_NUMBER: &str = "3";

fn number_key(text: &str) -> String {
    decimal_key(text).unwrap_or_else(|| format!("{NOT_A_NUMBER}{text}"))
}

/// An instant's own text does not sort: `09:30:00.5Z` would come before `09:30:00Z`.
fn instant_key(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(instant) => number_key(&instant.as_nanosecond().to_string()),
        Err(_) => format!("{NOT_A_NUMBER}{text}"),
    }
}

impl Position {
    /// Sixteen bytes of the task's id, then the key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.task.to_bytes().to_vec();
        match &self.key {
            None => {}
            Some(SortKey::Number(number)) => {
                bytes.push(b'n');
                bytes.extend(number.to_be_bytes());
            }
            Some(SortKey::Text(text)) => {
                bytes.push(b't');
                bytes.extend(text.as_bytes());
            }
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (task, key) = bytes.split_first_chunk()?;
        let key = match key.split_first() {
            None => None,
            Some((b'n', number)) => Some(SortKey::Number(i64::from_be_bytes(number.try_into().ok()?))),
            Some((b't', text)) => Some(SortKey::Text(String::from_utf8(text.to_vec()).ok()?)),
            Some(_) => return None,
        };
        Some(Self { key, task: TaskId::from_bytes(*task) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{User, sample};

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.into())
    }

    /// "Numbers numerically and exactly", an instant by when it is.
    #[test]
    fn what_is_equal_has_one_key_and_what_is_less_a_lesser_one() {
        let long = "9".repeat(63);
        let up = [
            vec!["-10"],
            vec!["-9.5", "-9.50"],
            vec!["-9.45"],
            vec!["0", "0.00"],
            vec!["0.45"],
            vec!["0.5"],
            vec!["9"],
            vec!["10", "10.00"],
            vec!["9007199254740992"],
            vec!["9007199254740993"],
            vec![&long],
            vec!["much"],
        ];
        let keys: Vec<Vec<_>> =
            up.iter().map(|same| same.iter().map(|it| Comparison::Number.key(&text(it))).collect()).collect();
        assert!(keys.iter().all(|same| same.iter().all(|key| *key == same[0])), "{keys:?}");
        assert!(keys.windows(2).all(|pair| pair[0][0] < pair[1][0]), "{keys:?}");
        let instants = ["2020-01-31T09:30:00Z", "2020-01-31T09:30:00.5Z", "2020-01-31T09:30:01Z", "soon"];
        let keys = instants.map(|it| Comparison::Instant.key(&text(it)));
        assert!(keys.is_sorted() && keys[0] != keys[1], "{keys:?}");
        let moved = Comparison::Instant.key(&text("2020-01-31T10:30:00+01:00"));
        assert_eq!(moved, keys[0]);
    }

    #[test]
    fn a_filter_is_read_by_names_and_kept_by_ids() {
        let workflow = sample::workflow();
        let gone = User { id: UserId::new("x"), is_active: false, ..sample::user() };
        let gone = User { email: "gone@example.com".to_owned(), ..gone };
        let directory = Directory::new([sample::user(), gone]);
        for (name, values, empty, keys) in [
            (STAGE, vec!["In Progress"], false, vec!["in-progress"]),
            (STAGE, vec!["in-progress"], false, vec![]),
            (STAGE, vec!["of-old"], false, vec!["of-old"]),
            (STAGE, vec![""], false, vec![]),
            (ASSIGNED_TO, vec!["USER@example.com"], false, vec!["abc123"]),
            (ASSIGNED_TO, vec!["gone@example.com", ""], true, vec!["x"]),
            (ASSIGNED_TO, vec!["abc123"], false, vec![]),
            ("Company ID", vec!["007"], false, vec!["007"]),
            ("Company Name", vec!["Acme", "Other"], false, vec!["Acme", "Other"]),
            ("International?", vec!["false", ""], false, vec!["false"]),
        ] {
            let values: Vec<_> = values.into_iter().map(str::to_owned).collect();
            let read = Filter::read(name, &values, &workflow, &directory).expect("a name that is there");
            assert_eq!(
                (read.empty, read.keys),
                (empty, keys.into_iter().map(str::to_owned).collect()),
                "{name} {values:?}"
            );
        }
        assert_eq!(Filter::read("Colour", &[], &workflow, &directory), None);
    }

    #[test]
    fn an_order_is_read_with_its_direction() {
        let workflow = sample::workflow();
        let read = |text| Order::read(text, &workflow).map(|order| (order.by, order.descending));
        assert_eq!(read("-Created On"), Some((OrderBy::Created, true)));
        assert_eq!(read("Assigned To"), Some((OrderBy::AssignedTo, false)));
        let number = OrderBy::Field(FieldId::new("contract-value"), Comparison::Number);
        assert_eq!(read("-Contract Value"), Some((number, true)));
        assert_eq!((read("Colour"), read("--Stage"), read("")), (None, None, None));
    }

    #[test]
    fn a_position_reads_back_from_its_bytes() {
        for key in [
            None,
            Some(SortKey::Number(-7)),
            Some(SortKey::Text("Ü".to_owned())),
            Some(SortKey::Text(String::new())),
        ] {
            let position = Position { key, task: TaskId::from_u128(7) };
            assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        }
        for garbage in
            [&b""[..], b"short", b"0123456789abcdefx", b"0123456789abcdefn123", b"0123456789abcdeft\xff"]
        {
            assert_eq!(Position::from_bytes(garbage), None, "{garbage:?}");
        }
    }
}
