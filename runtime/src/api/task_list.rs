//! Lists of tasks: filtered by any field, in any order, whole or by pages.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::stream;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    error::ApiError,
    need::Need,
    page::{ListQuery, invalid, unknown},
    route::{Operation, list_of, operation},
    schemas::NOT_BLANK,
};
use crate::{
    definition,
    model::{
        Directory, Task, TaskList, Workflow,
        asked::{SEARCH, SEARCH_CHARS_MAX, Search, TESTS_MAX, WHERE},
        condition::Test,
        list::{Filter, Order, OrderBy, PARAMETERS, Position, SORT},
        workflow::{ASSIGNED_TO, CREATED_ON, STAGE, UPDATED_ON},
        workspace::Published,
    },
};

/// Tasks that are read at a time for a list that is streamed whole.
const PIECE: usize = 500;

/// The same where each reading looks at all tasks to put them in order.
const SORTED_PIECE: usize = 5_000;

impl Operation {
    /// What tasks may be asked.
    pub(super) fn asks_tasks(self) -> Self {
        let by_field = "A stage, by its name; so any field by its name, empty for empty";
        let search =
            "A text that stands in a value of the task, or in the name or email of its people, in any case";
        let tests = "Tests that must all hold, as the conditions of actions have them: a JSON list such as \
                     `[{\"field\": \"Contract Value\", \"at_least\": \"1000\"}]`";
        let text = json!({"type": "string"});
        let searched = json!({"type": "string", "pattern": NOT_BLANK, "maxLength": SEARCH_CHARS_MAX});
        let asks = self.query(STAGE, text.clone(), by_field).query(SEARCH, searched, search);
        asks.query(WHERE, text, tests).refuses(&[Code::InvalidWhere])
    }

    /// What a list of tasks may be asked for.
    fn filtered(self) -> Self {
        let order = "A field, `Stage`, `Assigned To`, `Created On` or `Updated On`; `-` before it for the other way round";
        self.asks_tasks().pages().query(SORT, json!({"type": "string"}), order)
    }
}

pub(super) fn documented(id: &'static str, summary: &'static str) -> Operation {
    operation(id, Need::View, summary).filtered().answers(200, "The tasks", list_of("Task"))
}

/// Every task, or those that the query's filters let pass.
pub(super) async fn all(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    answered(api, &caller, &path, &request, false).await
}

/// Those of them that are not in an end stage.
pub(super) async fn active(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    answered(api, &caller, &path, &request, true).await
}

async fn answered(
    api: web::Data<Api>,
    caller: &Caller,
    workflow: &str,
    request: &HttpRequest,
    is_active: bool,
) -> Result<HttpResponse, ApiError> {
    let Published { workflow, .. } = caller.workflow(workflow)?;
    let query = ListQuery::read(request)?;
    let directory = Arc::clone(&caller.workspace.directory);
    let mut list = asked(&api, &query, &workflow, caller)?;
    list.order = order(&query, &workflow)?;
    let ends = workflow.stages.iter().filter(|stage| stage.end && is_active);
    list.not_in = ends.map(|stage| stage.id.clone()).collect();
    let list = Arc::new(list);
    let after = query.position(&*list, Position::from_bytes)?;
    let limit = query.limit()?;
    let piece = if list.order.by == OrderBy::Created { PIECE } else { SORTED_PIECE };
    let most = limit.map_or(piece, |limit| limit + 1);
    let mut listing = Listing { api, workflow, directory, list, most, after, ended: false, before: b'[' };
    match limit {
        Some(limit) => listing.page(limit, request, &query).await,
        None => {
            let pieces = stream::unfold(listing, |listing| async move { listing.piece().await });
            let mut response = HttpResponse::Ok();
            Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).streaming(pieces))
        }
    }
}

fn order(query: &ListQuery, workflow: &Workflow) -> Result<Order, ApiError> {
    let Some(text) = query.one(SORT)? else { return Ok(Order::oldest_first()) };
    Order::read(text, workflow).ok_or_else(|| {
        let known = fields(workflow).chain([STAGE, ASSIGNED_TO, CREATED_ON, UPDATED_ON]);
        let name = text.strip_prefix('-').unwrap_or(text);
        unknown(&format!("`{SORT}`: tasks of `{}` have no `{name}` to sort by", workflow.id), known, name)
    })
}

fn fields(workflow: &Workflow) -> impl Iterator<Item = &str> + Clone {
    workflow.fields.iter().map(|field| field.name.as_str())
}

/// The tasks that a query asks for, in no order: by the names of fields, by `_where` and by `_search`.
pub(super) fn asked(
    api: &Api,
    query: &ListQuery,
    workflow: &Workflow,
    caller: &Caller,
) -> Result<TaskList, ApiError> {
    let directory = &caller.workspace.directory;
    // By name, so that a list is the same list whatever the order of its filters.
    let mut wanted = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in query.pairs().filter(|(name, _)| !PARAMETERS.contains(name)) {
        wanted.entry(name).or_default().push(value.to_owned());
    }
    let filter = |(name, values): (&str, Vec<String>)| {
        Filter::read(name, &values, workflow, directory).ok_or_else(|| {
            let known = fields(workflow).chain([STAGE, ASSIGNED_TO]).chain(PARAMETERS);
            unknown(
                &format!("the workflow `{}` has no field `{name}` to filter by", workflow.id),
                known,
                name,
            )
        })
    };
    let mut list = TaskList::all(workflow.id.clone());
    list.filters = wanted.into_iter().map(filter).collect::<Result<_, _>>()?;
    if let Some(text) = query.one(SEARCH)? {
        let text = text.trim();
        if !(1..=SEARCH_CHARS_MAX).contains(&text.chars().count()) {
            return Err(invalid(format!("`{SEARCH}` takes a text of 1 to {SEARCH_CHARS_MAX} characters")));
        }
        list.search = Some(Search::new(text, workflow, directory));
    }
    if let Some(text) = query.one(WHERE)? {
        let today = caller.workspace.date(api.shared.clock.now());
        for test in tests(text, workflow)? {
            list.ask(test, workflow, directory, today);
        }
    }
    Ok(list)
}

/// The tests of `_where`, or which of them cannot be asked and why.
fn tests(text: &str, workflow: &Workflow) -> Result<Vec<Test>, ApiError> {
    let shape = format!(
        "`{WHERE}` takes a JSON list of at most {TESTS_MAX} tests, such as [{{\"field\": \"Stage\", \"equals\": \"Open\"}}]"
    );
    let Ok(tests) = serde_json::from_str::<Vec<Map<String, Value>>>(text) else {
        return Err(ApiError::new(Code::InvalidWhere, shape));
    };
    if tests.len() > TESTS_MAX {
        return Err(ApiError::new(Code::InvalidWhere, format!("{shape}; there are {}", tests.len())));
    }
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (number, test) in (1..).zip(tests) {
        match definition::test_of(&Value::Object(test), workflow) {
            Ok(test) => read.push(test),
            Err(found) => problems.extend(found.iter().map(|problem| {
                let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                format!("test {number}: {}{help}", problem.message)
            })),
        }
    }
    if problems.is_empty() {
        return Ok(read);
    }
    let message = format!("`{WHERE}`: {}", problems.join(". "));
    Err(ApiError::new(Code::InvalidWhere, message).with("errors", json!(problems)))
}

/// A list that is being answered.
struct Listing {
    api: web::Data<Api>,
    workflow: Arc<Workflow>,
    directory: Arc<Directory>,
    list: Arc<TaskList>,
    /// How many tasks are read at a time.
    most: usize,
    after: Option<Position>,
    ended: bool,
    /// What stands in the text before the next task.
    before: u8,
}

impl Listing {
    /// The next tasks; possibly none, and yet the list goes on. It has ended after an error.
    async fn read(&mut self) -> Result<Vec<(Task, Position)>, ApiError> {
        self.ended = true;
        let page = self.api.store().tasks(Arc::clone(&self.list), self.after.take(), self.most).await?;
        self.ended = page.next.is_none();
        self.after = page.next;
        Ok(page.tasks)
    }

    /// A page of so many tasks, which says where the next one begins.
    async fn page(
        &mut self,
        limit: usize,
        request: &HttpRequest,
        query: &ListQuery,
    ) -> Result<HttpResponse, ApiError> {
        let mut tasks = Vec::new();
        while tasks.len() <= limit && !self.ended {
            tasks.extend(self.read().await?);
        }
        let mut response = HttpResponse::Ok();
        // One more than asked for shows that there is a next page.
        if tasks.len() > limit {
            tasks.truncate(limit);
            self.ended = true;
            if let Some((_, last)) = tasks.last() {
                self.api.say_next(&mut response, request, query, &*self.list, &last.to_bytes());
            }
        }
        let text = self.text(&tasks)?;
        Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).body(text))
    }

    /// The next piece of a whole list's text; `None` after its end. An error cuts the answer off, so that no client
    /// takes half a list for a whole one.
    async fn piece(mut self) -> Option<(Result<web::Bytes, ApiError>, Self)> {
        if self.ended {
            return None;
        }
        let text = match self.read().await {
            Ok(tasks) => self.text(&tasks),
            Err(error) => Err(error),
        };
        Some((text.map(Into::into), self))
    }

    /// The next tasks as the list's text, with its beginning and its end where they are.
    fn text(&mut self, tasks: &[(Task, Position)]) -> Result<Vec<u8>, ApiError> {
        let mut text = Vec::new();
        for (task, _) in tasks {
            text.push(std::mem::replace(&mut self.before, b','));
            text.extend(self.api.shown(task, &self.workflow, &self.directory)?);
        }
        if self.ended {
            if self.before == b'[' {
                text.push(b'[');
            }
            text.push(b']');
        }
        Ok(text)
    }
}
