//! Lists of tasks: filtered by any field, in any order, whole or by pages.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use futures_util::stream;

use super::{
    Api,
    auth::Caller,
    error::ApiError,
    page::{ListQuery, unknown},
};
use crate::model::{
    Directory, Task, TaskList, Workflow,
    list::{Filter, Order, OrderBy, PARAMETERS, Position, SORT},
    workflow::{ASSIGNED_TO, CREATED_ON, STAGE, UPDATED_ON},
    workspace::Published,
};

/// Tasks that are read at a time for a list that is streamed whole.
const PIECE: usize = 500;

/// The same where each reading looks at all tasks to put them in order.
const SORTED_PIECE: usize = 5_000;

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
    let list = Arc::new(task_list(&query, &workflow, &directory, is_active)?);
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

fn task_list(
    query: &ListQuery,
    workflow: &Workflow,
    directory: &Directory,
    is_active: bool,
) -> Result<TaskList, ApiError> {
    let fields = || workflow.fields.iter().map(|field| field.name.as_str());
    let order = match query.one(SORT)? {
        None => Order::oldest_first(),
        Some(text) => Order::read(text, workflow).ok_or_else(|| {
            let known = fields().chain([STAGE, ASSIGNED_TO, CREATED_ON, UPDATED_ON]);
            let name = text.strip_prefix('-').unwrap_or(text);
            unknown(&format!("`{SORT}`: tasks of `{}` have no `{name}` to sort by", workflow.id), known, name)
        })?,
    };
    // By name, so that a list is the same list whatever the order of its filters.
    let mut wanted = BTreeMap::<&str, Vec<String>>::new();
    for (name, value) in query.pairs().filter(|(name, _)| !PARAMETERS.contains(name)) {
        wanted.entry(name).or_default().push(value.to_owned());
    }
    let filter = |(name, values): (&str, Vec<String>)| {
        Filter::read(name, &values, workflow, directory).ok_or_else(|| {
            let known = fields().chain([STAGE, ASSIGNED_TO]).chain(PARAMETERS);
            unknown(
                &format!("the workflow `{}` has no field `{name}` to filter by", workflow.id),
                known,
                name,
            )
        })
    };
    let ends = workflow.stages.iter().filter(|stage| stage.end && is_active);
    Ok(TaskList {
        workflow: workflow.id.clone(),
        not_in: ends.map(|stage| stage.id.clone()).collect(),
        filters: wanted.into_iter().map(filter).collect::<Result<_, _>>()?,
        order,
    })
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
