//! How many tasks there are, by stages and by assignees: what stands beside a list to filter it by.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{
    Api,
    auth::Caller,
    error::ApiError,
    json as answer,
    need::Need,
    page::{CURSOR, LIMIT, ListQuery, invalid},
    route::{Operation, of, operation},
    task_list,
    users::shown_user,
};
use crate::model::{User, UserId, Workflow, asked::TaskCounts, list::SORT};

/// Assignees that are listed: those with the most tasks.
const ASSIGNEES_MAX: usize = 100;

pub(super) fn documented() -> Operation {
    operation("countTasks", Need::View, "How many tasks there are, by stages and by assignees")
        .asks_tasks()
        .answers(200, "The counts", of("TaskCounts"))
}

pub(super) async fn read(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let workflow = caller.workflow(&path)?.workflow;
    let query = ListQuery::read(&request)?;
    if let Some((name, _)) = query.pairs().find(|(name, _)| [SORT, LIMIT, CURSOR].contains(name)) {
        return Err(invalid(format!("`{name}` says nothing of how many there are; leave it out")));
    }
    let list = task_list::asked(&api, &query, &workflow, &caller)?;
    let counts = api.store().count_tasks(Arc::new(list)).await?;
    answer(HttpResponse::Ok(), &shown(&counts, &workflow, &caller))
}

fn shown(counts: &TaskCounts, workflow: &Workflow, caller: &Caller) -> Value {
    let ended = |id| workflow.stage(id).is_some_and(|stage| stage.end);
    let active = counts.all.iter().filter(|(id, _)| !ended(id)).map(|(_, count)| count);
    let in_stage: HashMap<_, _> = counts.stages.iter().map(|(id, count)| (id, *count)).collect();
    let stages = workflow.stages.iter().map(|stage| {
        let count = in_stage.get(&stage.id).copied().unwrap_or_default();
        json!({
            "id": stage.id.as_str(), "name": stage.name, "color": stage.color, "end": stage.end, "count": count,
        })
    });
    json!({
        "total": counts.all.iter().map(|(_, count)| count).sum::<u64>(),
        "active": active.sum::<u64>(),
        "matching": counts.matching,
        "stages": stages.collect::<Vec<_>>(),
        "assignees": assignees(&counts.assignees, caller),
    })
}

/// Those with the most tasks first. Who is not here any more is shown as nobody with each task, and is no one to ask for.
fn assignees(counts: &[(Option<UserId>, u64)], caller: &Caller) -> Vec<Value> {
    let directory = &caller.workspace.directory;
    let mut found: Vec<(Option<&User>, u64)> = Vec::new();
    for (id, count) in counts {
        match id {
            None => found.push((None, *count)),
            Some(id) => found.extend(directory.user(id).map(|user| (Some(&**user), *count))),
        }
    }
    found.sort_by_key(|(user, count)| (Reverse(*count), user.map(|user| user.email.as_str())));
    found.truncate(ASSIGNEES_MAX);
    found.into_iter().map(|(user, count)| json!({"user": user.map(shown_user), "count": count})).collect()
}
