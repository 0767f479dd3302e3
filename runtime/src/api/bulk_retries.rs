//! Retry of many failures at once: all of an action, of a task or of a time.

use actix_web::{HttpResponse, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Api, Code,
    auth::Caller,
    body::Body,
    bulk::{AT_ONCE_MAX, SIDE_BY_SIDE, waited},
    error::ApiError,
    execution_list::{Asked, asked},
    executions::{self, Address, summary},
    json as answer,
    need::Need,
    route::{Operation, of, operation},
};
use crate::model::{Execution, ExecutionId, ExecutionList, Right};

pub(super) fn documented() -> Operation {
    operation("retryMany", Need::Perform, "Retries what has failed; some may be refused")
        .takes(of("NewBulkRetry"))
        .answers(200, "What became of each, the oldest first", of("BulkRetry"))
        .refuses(&[Code::InvalidParameter, Code::ActionNotFound, Code::TaskNotFound])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBulkRetry {
    action: Option<String>,
    state: Option<Failed>,
    since: Option<String>,
    until: Option<String>,
    /// A Unique ID, else an id.
    task: Option<Address>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failed {
    Failed,
    Unknown,
}

impl Failed {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// On disk when it is answered. Executions of an action that somebody may not perform are not theirs to retry, and are
/// passed over, so that they do not stand before the others.
pub(super) async fn retry(
    api: web::Data<Api>,
    path: web::Path<String>,
    caller: Caller,
    body: Body<NewBulkRetry>,
) -> Result<HttpResponse, ApiError> {
    let published = caller.workflow(&path)?;
    let workflow = &published.workflow;
    let NewBulkRetry { action, state, since, until, task } = body.0;
    if let Some(id) = &action {
        let action = &workflow.actions[executions::action(&published, id)?];
        caller.allow(workflow, Right::Perform(&action.id))?;
    } else if !workflow.actions.iter().any(|action| caller.may(workflow, Right::Perform(&action.id))) {
        return Err(ApiError::new(Code::Forbidden, "you may perform no action of this workflow"));
    }
    let states = state.map_or(vec![Failed::Failed, Failed::Unknown], |state| vec![state]);
    let wanted = Asked {
        task: task.as_ref().map(|task| task.0.as_str()),
        action: action.as_deref(),
        states: Some(states.into_iter().map(Failed::name).collect()),
        since: since.as_deref(),
        until: until.as_deref(),
        is_oldest_first: true,
    };
    let list = asked(&api, workflow, wanted).await?;
    let mut found = all(&api, list, |it| caller.allow(workflow, Right::Perform(&it.action)).is_ok()).await?;
    let has_more = found.len() > AT_ONCE_MAX;
    found.truncate(AT_ONCE_MAX);
    let ids: Vec<_> = found.iter().map(|execution| execution.id).collect();
    let each = stream::iter(found).map(|execution| retried(&api, &caller, execution));
    let each: Vec<_> = each.buffered(SIDE_BY_SIDE).collect().await;
    let accepted = each.iter().filter(|one| one.is_ok()).count();
    let shown: Vec<_> = ids.iter().zip(&each).map(|(id, one)| shown(*id, one)).collect();
    let body = json!({
        "accepted": accepted, "refused": each.len() - accepted, "more": has_more, "executions": shown,
    });
    answer(HttpResponse::Ok(), &body)
}

/// As many as are retried at once, and one more if there is one.
async fn all(
    api: &Api,
    mut list: ExecutionList,
    is_theirs: impl Fn(&Execution) -> bool,
) -> Result<Vec<Execution>, ApiError> {
    let mut found = Vec::new();
    loop {
        let wanted = AT_ONCE_MAX + 1 - found.len();
        let page = api.store().executions(list.clone(), wanted).await?;
        let is_full = page.executions.len() == wanted;
        let next = page.next.or_else(|| page.executions.last().filter(|_| is_full).map(|it| it.id));
        found.extend(page.executions.into_iter().filter(&is_theirs));
        match next {
            Some(next) if found.len() <= AT_ONCE_MAX => list.after = next,
            _ => return Ok(found),
        }
    }
}

async fn retried(api: &Api, caller: &Caller, execution: Execution) -> Result<Execution, ApiError> {
    let published = caller.workflow(execution.workflow.as_str())?;
    caller.allow(&published.workflow, Right::Perform(&execution.action))?;
    Ok(waited(api.retried(execution, true).await?).await)
}

fn shown(id: ExecutionId, one: &Result<Execution, ApiError>) -> Map<String, Value> {
    let mut shown = one.as_ref().map_or_else(ApiError::body, summary);
    shown.insert("id".to_owned(), json!(id.to_string()));
    shown
}
