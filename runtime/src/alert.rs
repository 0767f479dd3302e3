//! Tells somebody of failures that nobody was waiting for, as each workflow's `[alerts]` says.
//!
//! They stand in the store since the transaction in which they happened, and stay there until they are
//! told: somebody may be told twice, after a crash or an answer that was lost, but is told. A message that is
//! sent again is the same message, under the same `webhook-id`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};

use crate::{
    crash_point::crash_point,
    egress::{Egress, Request},
    engine::Shared,
    model::{AlertRule, Untold, Workflow, WorkflowId},
    store::{StoreError, UntoldPage},
};

/// How often is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Failures that one message tells one by one; the others are a number.
const LISTED_MAX: usize = 50;

/// Failures of one workflow that wait to be told; of older ones only the number is.
const WAITING_MAX: u64 = 10_000;

/// Rows that are removed at a time, so that many do not hold up the store's writer.
const FORGET_AT_ONCE: u64 = 1_000;

const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
const WEBHOOK_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// After how long a webhook that failed is tried again: doubled each time, from the first to the last.
const AGAIN_FIRST: Duration = Duration::from_secs(5);
const AGAIN_LAST: Duration = Duration::from_secs(15 * 60);

/// What is kept of a workflow between two looks. In memory only: after a restart what is still in the
/// store is told, perhaps again.
struct Desk {
    /// No message before.
    not_before: Instant,
    again: Duration,
    /// Failures up to these numbers are in the log, and told altogether.
    logged: u64,
    told: u64,
    /// Those that were too many to be kept, for the next message; and those that the log has.
    dropped: u64,
    dropped_logged: u64,
    /// The message that the webhook has not taken yet.
    message: Option<Message>,
}

/// A message as it is sent, once or several times.
#[derive(Clone)]
struct Message {
    id: String,
    body: Bytes,
    /// The last failure in it.
    up_to: u64,
    /// Of those that were too many to be kept, so many are in it.
    dropped: u64,
}

impl Default for Desk {
    fn default() -> Self {
        let not_before = Instant::now();
        Self {
            not_before,
            again: AGAIN_FIRST,
            logged: 0,
            told: 0,
            dropped: 0,
            dropped_logged: 0,
            message: None,
        }
    }
}

/// Runs until the server drains; then ends what is under way. `public_url`: where the API's addresses begin.
pub async fn run(shared: Arc<Shared>, egress: Egress, public_url: Arc<str>) {
    let teller = Teller { shared, egress, public_url };
    // `None` while one is being looked after.
    let mut desks = HashMap::<WorkflowId, Option<Desk>>::new();
    let mut busy = FuturesUnordered::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while !teller.shared.is_draining() {
        tokio::select! {
            _ = looks.tick() => {
                for id in teller.workflows().await {
                    // Each by itself: a receiver that does not answer delays nobody else's message.
                    if let Some(desk) = desks.entry(id.clone()).or_insert_with(|| Some(Desk::default())).take() {
                        busy.push(teller.look_after(id, desk));
                    }
                }
            }
            Some((id, desk)) = busy.next(), if !busy.is_empty() => {
                desks.insert(id, Some(desk));
            }
        }
    }
    while busy.next().await.is_some() {}
}

struct Teller {
    shared: Arc<Shared>,
    egress: Egress,
    public_url: Arc<str>,
}

impl Teller {
    async fn workflows(&self) -> Vec<WorkflowId> {
        self.shared.store.untold_workflows().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failures to be told could not be read; it is tried again");
            Vec::new()
        })
    }

    async fn look_after(&self, id: WorkflowId, mut desk: Desk) -> (WorkflowId, Desk) {
        if let Err(error) = self.tell(&id, &mut desk).await {
            tracing::warn!(%error, workflow = %id, "failures could not be told; it is tried again");
        }
        (id, desk)
    }

    /// Clears up what is told, and sends a message if it is time.
    async fn tell(&self, id: &WorkflowId, desk: &mut Desk) -> Result<(), StoreError> {
        let store = &self.shared.store;
        while desk.told > 0 && store.forget_untold(id.clone(), desk.told, FORGET_AT_ONCE).await? > 0 {}
        // Those in a message that is under way stay until it is told.
        let kept_up_to = desk.message.as_ref().map_or(desk.told, |message| message.up_to);
        loop {
            match store.drop_untold(id.clone(), kept_up_to, WAITING_MAX, FORGET_AT_ONCE).await? {
                0 => break,
                dropped => desk.dropped += dropped,
            }
        }
        if Instant::now() < desk.not_before {
            return Ok(());
        }
        let workspace = self.shared.workspace.current();
        // One that cannot be read is told as if it said nothing.
        let workflow = workspace.workflow(id.as_str()).map(|published| &published.workflow);
        let rule = workflow.map(|workflow| workflow.alerts.clone()).unwrap_or_default();
        let page = store.untold(id.clone(), desk.told, LISTED_MAX).await?;
        if page.count == 0 {
            return Ok(());
        }
        if rule.log {
            self.log(id, desk).await?;
        }
        let digest = Digest { id, workflow: workflow.map(Arc::as_ref), page, dropped: desk.dropped };
        let AlertRule { webhook, every, .. } = rule;
        let (up_to, dropped) = match webhook {
            None => (digest.page.up_to, desk.dropped),
            Some(webhook) => {
                let message =
                    desk.message.get_or_insert_with(|| digest.message(&self.shared, &self.public_url));
                let (message, told) = (message.clone(), (message.up_to, message.dropped));
                crash_point("alert.before");
                let redactor = workspace.secrets.redactor(webhook.secrets());
                let url = webhook.render_secret_url(&workspace.secrets);
                let posted = match url {
                    Ok(url) => self.post(url, message).await,
                    Err(error) => Err(error.to_string()),
                };
                if let Err(problem) = posted.map_err(|problem| redactor.redact(&problem)) {
                    tracing::warn!(workflow = %id, again_in = ?desk.again, "the alerts' webhook was not told: {problem}");
                    desk.not_before = Instant::now() + desk.again;
                    desk.again = (desk.again * 2).min(AGAIN_LAST);
                    return Ok(());
                }
                crash_point("alert.after");
                told
            }
        };
        *desk = Desk {
            not_before: Instant::now() + every,
            told: up_to,
            logged: desk.logged,
            dropped: desk.dropped - dropped,
            dropped_logged: desk.dropped_logged.saturating_sub(dropped),
            ..Desk::default()
        };
        while store.forget_untold(id.clone(), up_to, FORGET_AT_ONCE).await? > 0 {}
        Ok(())
    }

    /// A line for each failure that is not in the log yet, and one for all that are too many.
    async fn log(&self, id: &WorkflowId, desk: &mut Desk) -> Result<(), StoreError> {
        let page = self.shared.store.untold(id.clone(), desk.logged.max(desk.told), LISTED_MAX).await?;
        for untold in &page.listed {
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
        let more = page.count - page.listed.len() as u64 + (desk.dropped - desk.dropped_logged);
        desk.dropped_logged = desk.dropped;
        if more > 0 {
            tracing::warn!(workflow = %id, more, "more executions failed unattended");
        }
        desk.logged = desk.logged.max(page.up_to);
        Ok(())
    }

    /// Says why the receiver has not taken it.
    async fn post(&self, url: String, message: Message) -> Result<(), String> {
        let now = self.shared.clock.now();
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), message.id),
            ("webhook-timestamp".to_owned(), now.as_second().to_string()),
        ];
        let exchange = self
            .egress
            .send(Request {
                method: "POST".to_owned(),
                url,
                headers,
                body: message.body,
                timeout: WEBHOOK_TIMEOUT,
                response_bytes_max: WEBHOOK_ANSWER_BYTES_MAX,
                tls: None,
                route: None,
                gone_is_an_answer: false,
            })
            .await;
        match (exchange.status(), exchange.result) {
            (Some(200..=299), _) => Ok(()),
            (Some(status), _) => Err(format!("it answered {status}")),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(_)) => Err("it did not answer".to_owned()),
        }
    }
}

/// What is told at once.
struct Digest<'a> {
    id: &'a WorkflowId,
    workflow: Option<&'a Workflow>,
    page: UntoldPage,
    /// That were too many to be kept.
    dropped: u64,
}

impl Digest<'_> {
    fn workflow_name(&self) -> &str {
        self.workflow.map_or(self.id.as_str(), |workflow| &workflow.name)
    }

    fn action_name<'a>(&'a self, untold: &'a Untold) -> &'a str {
        let action = self.workflow.and_then(|workflow| workflow.action(untold.action.as_str()));
        action.map_or(untold.action.as_str(), |action| &action.name)
    }

    fn message(&self, shared: &Shared, public_url: &str) -> Message {
        let id = format!("msg_alert_{}_{}", self.id, self.page.up_to);
        let body = self.body(public_url, &shared.clock.now().to_string());
        Message { id, body: body.to_string().into(), up_to: self.page.up_to, dropped: self.dropped }
    }

    fn count(&self) -> u64 {
        self.page.count + self.dropped
    }

    /// `text` is for people, and what chat systems show; `data` is for programs.
    fn body(&self, public_url: &str, now: &str) -> Value {
        let failures: Vec<_> = self
            .page
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
                "count": self.count(),
                "failures": failures,
            },
        })
    }

    fn text(&self) -> String {
        let name = self.workflow_name();
        let first = self.page.listed.first().map_or_else(String::new, |untold| {
            format!("{}: {}", self.action_name(untold), untold.failure.message)
        });
        match self.count() {
            1 => format!("An execution of “{name}” failed while nobody was waiting. {first}"),
            count => {
                format!("{count} executions of “{name}” failed while nobody was waiting. The first: {first}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Execution, Failure, State, sample};

    fn untold(number: u128) -> Untold {
        let failure =
            Failure { step: 1, code: "timeout".to_owned(), message: "Step 2: no answer".to_owned() };
        let failed: Execution = sample::execution(number, State::Unknown(failure));
        Untold::of(&failed).expect("failed")
    }

    fn body(listed: usize, count: u64, dropped: u64) -> Value {
        let workflow = sample::workflow();
        let page = UntoldPage { listed: (1..).take(listed).map(untold).collect(), count, up_to: 9 };
        let digest = Digest { id: &workflow.id, workflow: Some(&workflow), page, dropped };
        digest.body("https://onward.example", "2020-01-31T00:00:00Z")
    }

    #[test]
    fn a_message_counts_all_and_lists_the_first() {
        for (listed, count, dropped, expected) in [
            (
                1,
                1,
                0,
                "An execution of “API Sample” failed while nobody was waiting. Finish: Step 2: no answer",
            ),
            (
                2,
                2,
                0,
                "2 executions of “API Sample” failed while nobody was waiting. The first: Finish: Step 2",
            ),
            (LISTED_MAX, 70, 5, "75 executions of “API Sample” failed while nobody was waiting. The first: "),
            (0, 3, 0, "3 executions of “API Sample” failed while nobody was waiting. The first: "),
        ] {
            let body = body(listed, count, dropped);
            assert!(body["text"].as_str().is_some_and(|text| text.starts_with(expected)), "{}", body["text"]);
            assert_eq!(body["data"]["count"], count + dropped);
            assert_eq!(body["data"]["failures"].as_array().map(Vec::len), Some(listed));
        }
    }
}
