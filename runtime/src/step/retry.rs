//! Trying a call again without a person asking, where the author of the workflow wants that: how
//! often, and how long to wait in between.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{params::Params, schema};
use crate::{
    lint::StepFinding,
    model::{StepDefinition, duration},
};

/// The longest pause between two tries: the execution keeps its task's turn meanwhile.
pub const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// The receiver is known to do what is asked once, however often it is asked under one `webhook-id`.
const DEDUPLICATED: &str = "deduplicated";

const TRIES_DEFAULT: u64 = 5;
const TRIES_MIN: u64 = 2;
const TRIES_MAX: u64 = 20;
const FIRST_DEFAULT: Duration = Duration::from_secs(1);
const MOST_DEFAULT: Duration = Duration::from_secs(5 * 60);

/// What is told of a step that may do something twice; `remedy`: what keeps that from mattering.
pub(super) fn may_repeat(step: &StepDefinition, remedy: &str) -> Option<StepFinding> {
    let retry = step.params.get("retry")?;
    if retry.get(DEDUPLICATED) == Some(&Value::Bool(true)) {
        return None;
    }
    Some(StepFinding {
        code: "may_repeat",
        reason: "a try that was not answered is made again, and the receiver may have done what was asked"
            .to_owned(),
        remedy: format!("{remedy}; then write {DEDUPLICATED} = true"),
    })
}

/// `retry = { tries = 5, first = "1s", most = "5m" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RetryPolicy {
    /// The first try included.
    tries: u32,
    /// The pause after the first try, doubled after each further one.
    first: Duration,
    most: Duration,
}

impl RetryPolicy {
    /// Reads the parameter `retry`; `None` where it is left out.
    pub(super) fn read(params: &mut Params<'_>) -> Option<Self> {
        let table = params.optional_table("retry", "{ tries = 3 }")?;
        let mut policy = Self { tries: TRIES_DEFAULT as u32, first: FIRST_DEFAULT, most: MOST_DEFAULT };
        for (key, value) in &table {
            match key.as_str() {
                "tries" => policy.tries = tries(params, value).unwrap_or(policy.tries),
                "first" => {
                    policy.first =
                        params.read_duration("retry/first", value, PAUSE_MAX).unwrap_or(policy.first)
                }
                "most" => {
                    policy.most = params.read_duration("retry/most", value, PAUSE_MAX).unwrap_or(policy.most)
                }
                // For those who read it, and for whoever looks for what may not be meant.
                DEDUPLICATED => {
                    if !value.is_boolean() {
                        let message = format!("`{DEDUPLICATED}` must be true or false");
                        params.problem("retry/deduplicated", "wrong_type", message);
                    }
                }
                other => {
                    let (place, message) = (format!("retry/{other}"), format!("`retry` has no `{other}`"));
                    params.unknown(&place, message, &["tries", "first", "most", DEDUPLICATED]);
                }
            }
        }
        if policy.first > policy.most {
            let (first, most) = (duration::written(policy.first), duration::written(policy.most));
            let message =
                format!("the pause after the first try ({first}) would be longer than the longest ({most})");
            let place = if table.contains_key("most") { "retry/most" } else { "retry/first" };
            params.problem_with_help(
                place,
                "invalid_param",
                message,
                "write a longer `most` or a shorter `first`",
            );
        }
        Some(policy)
    }

    pub(super) fn schema() -> Value {
        let pause = |description, default| schema::duration_or(description, default, PAUSE_MAX);
        let keys = json!({
            "tries": {
                "description": "How often in all, the first try included.",
                "type": "integer",
                "minimum": TRIES_MIN,
                "maximum": TRIES_MAX,
                "default": TRIES_DEFAULT,
            },
            "first": pause("The pause after the first try; each further one is twice as long.", FIRST_DEFAULT),
            "most": pause("The longest pause between two tries.", MOST_DEFAULT),
            DEDUPLICATED: schema::flag(
                "The receiver is known to do once what it is asked more than once under one `webhook-id`."
            ),
        });
        let description =
            "Tries again by itself after 408, 425, 429, 5xx, no answer, or a crash of the server.";
        schema::described(schema::object(keys, &[]), description)
    }

    /// How long to wait before the next try; `None` after the last. `tries`: made so far. `asked`: what
    /// the receiver asked for. `random`: from 0 to 1, so that those who failed together do not come
    /// back together.
    pub(super) fn pause(&self, tries: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
        let backoff = doubled.min(self.most).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        Some(backoff.max(asked.unwrap_or_default()).min(PAUSE_MAX))
    }
}

fn tries(params: &mut Params<'_>, value: &Value) -> Option<u32> {
    let tries = value
        .as_u64()
        .filter(|tries| (TRIES_MIN..=TRIES_MAX).contains(tries))
        .and_then(|tries| tries.try_into().ok());
    if tries.is_none() {
        params.problem(
            "retry/tries",
            "invalid_param",
            format!("`tries` must be a whole number from {TRIES_MIN} to {TRIES_MAX}"),
        );
    }
    tries
}

/// What a `Retry-After` header asks for: seconds, or an instant (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let at = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// A number from 0 to 1.
pub(super) fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;

    const POLICY: RetryPolicy =
        RetryPolicy { tries: 4, first: Duration::from_secs(2), most: Duration::from_secs(5) };

    /// "Exponential with jitter, `max(backoff, Retry-After)`, capped."
    #[test]
    fn pauses_double_up_to_the_most_and_end_with_the_tries() {
        let seconds = |tries, asked: Option<u64>, random| {
            POLICY.pause(tries, asked.map(Duration::from_secs), random).map(|pause| pause.as_secs_f64())
        };
        assert_eq!(
            (1..=4).map(|tries| seconds(tries, None, 1.0)).collect::<Vec<_>>(),
            [Some(2.0), Some(4.0), Some(5.0), None]
        );
        assert_eq!(seconds(1, None, 0.0), Some(1.0));
        assert_eq!(seconds(1, Some(60), 1.0), Some(60.0));
        assert_eq!(seconds(1, Some(1), 1.0), Some(2.0));
        assert_eq!(seconds(1, Some(1_000_000), 1.0), Some(PAUSE_MAX.as_secs_f64()));
        assert_eq!(seconds(4, Some(1), 1.0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_an_instant() {
        let read = |value| retry_after(value, sample::now()).map(|pause| pause.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Wed, 15 Jan 2020 12:00:30 GMT"), Some(30));
        assert_eq!(read("Wed, 15 Jan 2020 11:00:00 GMT"), Some(0));
        for nonsense in ["", "soon", "-5", "1.5", "99999999999"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
