//! Tells somebody of failures that nobody was waiting for, as each workflow's `[alerts]` says.
//!
//! They stand in the store since the transaction in which they happened, and stay there until they are
//! told: somebody may be told twice, after a crash or an answer that was lost, but is told.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    egress::{Egress, Request},
    engine::Shared,
    model::{AlertRule, Untold, Workflow, WorkflowId},
    store::StoreError,
};

/// How often is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Failures that one message tells one by one; the others are a number.
const LISTED_MAX: usize = 50;

/// Failures of one workflow that wait for a webhook which cannot be reached; older ones are dropped.
const WAITING_MAX: u64 = 10_000;

/// Rows that are removed at a time, so that many do not hold up the store's writer.
const FORGET_AT_ONCE: u64 = 1_000;

const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
const WEBHOOK_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// After how long a webhook that failed is tried again: doubled each time, from the first to the last.
const AGAIN_FIRST: Duration = Duration::from_secs(5);
const AGAIN_LAST: Duration = Duration::from_secs(15 * 60);

/// What is kept of a workflow between two messages. In memory only.
struct Desk {
    /// No message before.
    not_before: Instant,
    again: Duration,
    /// How many of those that wait are in the log already.
    logged: u64,
}

impl Default for Desk {
    fn default() -> Self {
        Self { not_before: Instant::now(), again: AGAIN_FIRST, logged: 0 }
    }
}

/// Runs until it is aborted. `public_url`: where the API's addresses begin.
pub async fn run(shared: Arc<Shared>, egress: Egress, public_url: Arc<str>) {
    let mut desks = HashMap::<WorkflowId, Desk>::new();
    loop {
        match shared.store.untold_workflows().await {
            Ok(workflows) => {
                // Side by side: one receiver that does not answer delays nobody else's message.
                let told: Vec<_> = workflows
                    .into_iter()
                    .map(|id| {
                        let desk = desks.remove(&id).unwrap_or_default();
                        look_after(&shared, &egress, &public_url, id, desk)
                    })
                    .collect();
                desks.extend(join_all(told).await);
            }
            Err(error) => tracing::warn!(%error, "failures to be told could not be read; it is tried again"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look_after(
    shared: &Shared,
    egress: &Egress,
    public_url: &str,
    id: WorkflowId,
    mut desk: Desk,
) -> (WorkflowId, Desk) {
    if desk.not_before <= Instant::now()
        && let Err(error) = tell(shared, egress, public_url, &id, &mut desk).await
    {
        tracing::warn!(%error, workflow = %id, "failures could not be told; it is tried again");
    }
    (id, desk)
}

/// One message.
async fn tell(
    shared: &Shared,
    egress: &Egress,
    public_url: &str,
    id: &WorkflowId,
    desk: &mut Desk,
) -> Result<(), StoreError> {
    let workspace = shared.workspace.current();
    // One that cannot be read is told as if it said nothing.
    let workflow = workspace.workflow(id.as_str()).map(|published| &published.workflow);
    let rule = workflow.map(|workflow| workflow.alerts.clone()).unwrap_or_default();
    let (listed, count) = shared.store.untold(id.clone(), LISTED_MAX).await?;
    let digest = Digest { id, workflow: workflow.map(Arc::as_ref), listed, count };
    if rule.log {
        digest.log(desk.logged);
        desk.logged = count;
    }
    let AlertRule { webhook, every, .. } = rule;
    if let Some(url) = webhook
        && let Err(problem) = digest.post(shared, egress, public_url, url).await
    {
        tracing::warn!(workflow = %id, count, again_in = ?desk.again, "the alerts' webhook was not told: {problem}");
        desk.not_before = Instant::now() + desk.again;
        desk.again = (desk.again * 2).min(AGAIN_LAST);
        let dropped = forget(shared, id, count.saturating_sub(WAITING_MAX)).await?;
        if dropped > 0 {
            tracing::error!(workflow = %id, dropped, "too many failures wait to be told; the oldest are dropped");
        }
        desk.logged = desk.logged.saturating_sub(dropped);
        return Ok(());
    }
    // Before they are forgotten: should that fail, they are not told again at once.
    *desk = Desk { not_before: Instant::now() + every, again: AGAIN_FIRST, logged: desk.logged };
    desk.logged -= forget(shared, id, count).await?.min(desk.logged);
    Ok(())
}

async fn forget(shared: &Shared, id: &WorkflowId, count: u64) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    while forgotten < count {
        let at_once = FORGET_AT_ONCE.min(count - forgotten);
        match shared.store.forget_untold(id.clone(), at_once).await? {
            0 => break,
            more => forgotten += more,
        }
    }
    Ok(forgotten)
}

/// What is told at once.
struct Digest<'a> {
    id: &'a WorkflowId,
    workflow: Option<&'a Workflow>,
    /// The oldest.
    listed: Vec<Untold>,
    count: u64,
}

impl Digest<'_> {
    fn workflow_name(&self) -> &str {
        self.workflow.map_or(self.id.as_str(), |workflow| &workflow.name)
    }

    fn action_name<'a>(&'a self, untold: &'a Untold) -> &'a str {
        let action = self.workflow.and_then(|workflow| workflow.action(untold.action.as_str()));
        action.map_or(untold.action.as_str(), |action| &action.name)
    }

    /// A line each, but for those that were written before.
    fn log(&self, before: u64) {
        let skipped = usize::try_from(before).unwrap_or(usize::MAX);
        for untold in self.listed.iter().skip(skipped) {
            tracing::warn!(
                execution = %untold.execution,
                workflow = %untold.workflow,
                action = %untold.action,
                task = %untold.task,
                state = untold.state(),
                code = untold.failure.code,
                "execution failed unattended: {}",
                untold.failure.message
            );
        }
        let more = self.count.saturating_sub(before.max(self.listed.len() as u64));
        if more > 0 {
            tracing::warn!(workflow = %self.id, more, "more executions failed unattended");
        }
    }

    /// Says why the receiver has not taken it.
    async fn post(
        &self,
        shared: &Shared,
        egress: &Egress,
        public_url: &str,
        url: String,
    ) -> Result<(), String> {
        let now = shared.clock.now();
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), format!("msg_alert_{}", shared.ids.place().as_u128())),
            ("webhook-timestamp".to_owned(), now.as_second().to_string()),
        ];
        let exchange = egress
            .send(Request {
                method: "POST".to_owned(),
                url,
                headers,
                body: self.body(public_url, &now.to_string()).to_string().into(),
                timeout: WEBHOOK_TIMEOUT,
                response_bytes_max: WEBHOOK_ANSWER_BYTES_MAX,
            })
            .await;
        match (exchange.status(), exchange.result) {
            (Some(200..=299), _) => Ok(()),
            (Some(status), _) => Err(format!("it answered {status}")),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(_)) => Err("it did not answer".to_owned()),
        }
    }

    /// `text` is for people, and what chat systems show; `data` is for programs.
    fn body(&self, public_url: &str, now: &str) -> Value {
        let failures: Vec<_> = self
            .listed
            .iter()
            .map(|untold| {
                let Untold { workflow, task, execution, at, failure, .. } = untold;
                let api = format!("{public_url}/api/v1/workflows/{workflow}");
                json!({
                    "execution": execution.to_string(),
                    "execution_url": format!("{api}/executions/{execution}"),
                    "task": task.to_string(),
                    "action": self.action_name(untold),
                    "state": untold.state(),
                    "step": failure.step + 1,
                    "code": failure.code,
                    "message": failure.message,
                    "failed_at": at.to_string(),
                })
            })
            .collect();
        json!({
            "type": "executions.failed",
            "timestamp": now,
            "text": self.text(),
            "data": {
                "workflow": {"id": self.id.as_str(), "name": self.workflow_name()},
                "count": self.count,
                "failures": failures,
            },
        })
    }

    fn text(&self) -> String {
        let name = self.workflow_name();
        let first = self.listed.first().map_or_else(String::new, |untold| {
            format!("{}: {}", self.action_name(untold), untold.failure.message)
        });
        match self.count {
            1 => format!("An execution of “{name}” failed while nobody was waiting. {first}"),
            count => {
                format!("{count} executions of “{name}” failed while nobody was waiting. The first: {first}")
            }
        }
    }
}
