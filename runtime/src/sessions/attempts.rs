//! Failed attempts to sign in, and how long who makes them must wait.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::model::field::EMAIL_CHARS_MAX;

/// What is remembered; of more, the older half is forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Failures that cost nothing: of one address with one email, of one address, with one email. So that a stranger who
/// guesses hardly keeps out whose password it is.
const FREE: [u32; 3] = [5, 20, 50];

const FIRST: Duration = Duration::from_secs(1);

/// The longest wait for each of these; for an email from wherever it is, a short one: else whoever guesses could keep out
/// whose it is.
const MOST: [Duration; 3] =
    [Duration::from_secs(5 * 60), Duration::from_secs(5 * 60), Duration::from_secs(2)];

/// After so long without one, failures are forgotten.
const MEMORY: Duration = Duration::from_secs(60 * 60);

#[derive(Default)]
pub(super) struct Attempts(HashMap<String, Failures>);

struct Failures {
    count: u32,
    last: Instant,
    not_before: Instant,
}

/// What an attempt counts for. Of a longer email than anybody has, its beginning: what is remembered is kept in memory.
fn names(email: &str, from: &str) -> [String; 3] {
    let email: String = email.chars().take(EMAIL_CHARS_MAX).flat_map(char::to_lowercase).collect();
    [format!("{from} {email}"), format!("{from} "), format!(" {email}")]
}

impl Attempts {
    /// How long there is to wait before the next attempt.
    pub(super) fn wait(&self, email: &str, from: &str) -> Option<Duration> {
        let now = Instant::now();
        let waits = names(email, from).into_iter().filter_map(|name| {
            let failures = self.0.get(&name)?;
            failures.not_before.checked_duration_since(now).filter(|wait| !wait.is_zero())
        });
        waits.max()
    }

    pub(super) fn failed(&mut self, email: &str, from: &str) {
        let now = Instant::now();
        if self.0.len() >= REMEMBERED_MAX {
            self.forget_oldest();
        }
        for ((name, free), most) in names(email, from).into_iter().zip(FREE).zip(MOST) {
            let failures = self.0.entry(name).or_insert(Failures { count: 0, last: now, not_before: now });
            if now.duration_since(failures.last) > MEMORY {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
            // This one is still to be answered: the next one waits.
            if let Some(beyond) = failures.count.checked_sub(free) {
                failures.not_before = now + (FIRST * 2_u32.saturating_pow(beyond.min(20))).min(most);
            }
        }
    }

    /// Whoever knows the password has not guessed: this attempt was none.
    pub(super) fn succeeded(&mut self, email: &str, from: &str) {
        let [both, place, everywhere] = names(email, from);
        self.0.remove(&both);
        for name in [place, everywhere] {
            if let Some(failures) = self.0.get_mut(&name) {
                failures.count = failures.count.saturating_sub(1);
                failures.not_before = failures.last;
            }
        }
    }

    /// Those that mean nothing any more. Called now and then.
    pub(super) fn forget(&mut self) {
        let now = Instant::now();
        self.0.retain(|_, failures| now.duration_since(failures.last) <= MEMORY);
    }

    fn forget_oldest(&mut self) {
        let mut last: Vec<_> = self.0.values().map(|failures| failures.last).collect();
        let middle = last.len() / 2;
        let (_, limit, _) = last.select_nth_unstable(middle);
        let limit = *limit;
        self.0.retain(|_, failures| failures.last > limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(attempts: &mut Attempts, email: &str, from: &str, times: u32) {
        for _ in 0..times {
            attempts.failed(email, from);
        }
    }

    #[test]
    fn who_guesses_waits_longer_each_time_and_others_do_not() {
        let mut attempts = Attempts::default();
        fail(&mut attempts, "A@example.com", "1.1.1.1", 4);
        assert_eq!(attempts.wait("a@example.com", "1.1.1.1"), None);
        fail(&mut attempts, "a@EXAMPLE.com", "1.1.1.1", 1);
        let first = attempts.wait("a@example.com", "1.1.1.1").expect("a wait");
        fail(&mut attempts, "a@example.com", "1.1.1.1", 2);
        let third = attempts.wait("a@example.com", "1.1.1.1").expect("a wait");
        assert!(first <= FIRST && third > FIRST * 3, "{first:?} {third:?}");
        assert_eq!(attempts.wait("a@example.com", "2.2.2.2"), None, "whose password it is, elsewhere");
        assert_eq!(attempts.wait("b@example.com", "1.1.1.1"), None, "somebody else at the same place");
        fail(&mut attempts, "a@example.com", "1.1.1.1", 30);
        assert!(attempts.wait("a@example.com", "1.1.1.1").is_some_and(|wait| wait <= MOST[0]));
        assert!(attempts.wait("b@example.com", "1.1.1.1").is_some(), "too many from one place");
        attempts.succeeded("a@example.com", "3.3.3.3");
        assert!(attempts.wait("a@example.com", "1.1.1.1").is_some());
    }

    #[test]
    fn an_email_that_is_guessed_from_everywhere_is_held_back() {
        let mut attempts = Attempts::default();
        for number in 0..50 {
            attempts.failed("a@example.com", &format!("1.1.1.{number}"));
        }
        assert!(attempts.wait("a@example.com", "9.9.9.9").is_some_and(|wait| wait <= MOST[2]));
        assert_eq!(attempts.wait("b@example.com", "9.9.9.9"), None);
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut attempts = Attempts::default();
        attempts.failed(&"x".repeat(1_000_000), "1.1.1.1");
        assert!(attempts.0.keys().all(|name| name.len() < 300));
        for number in 0..REMEMBERED_MAX {
            attempts.failed(&format!("{number}@example.com"), &number.to_string());
        }
        assert!(attempts.0.len() <= REMEMBERED_MAX + 3, "{}", attempts.0.len());
    }
}
