//! To whom a message goes, as a step says it.

use lettre::message::{Mailbox, Mailboxes};
use onward_sdk::StepError;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// To how many addresses one message goes.
pub(crate) const RECIPIENTS_MAX: usize = 100;

/// Addresses with commas between them, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Addresses {
    Text(String),
    /// Each is one address, so that what a place stands for cannot add another.
    List(Vec<String>),
}

pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "array"], "items": {"type": "string"}, "maxItems": RECIPIENTS_MAX})
}

impl Addresses {
    /// Who they are; what is empty is left out.
    ///
    /// # Errors
    ///
    /// `invalid_address`, which names it.
    pub(crate) fn read(&self) -> Result<Vec<Mailbox>, StepError> {
        match self {
            Self::Text(text) if text.trim().is_empty() => Ok(Vec::new()),
            Self::Text(text) => {
                let read = if has_controls(text) { None } else { text.parse::<Mailboxes>().ok() };
                read.map(|mailboxes| mailboxes.into_iter().collect()).ok_or_else(|| invalid(culprit(text)))
            }
            Self::List(items) => {
                let items = items.iter().filter(|item| !item.trim().is_empty());
                items.map(|item| mailbox(item).ok_or_else(|| invalid(item))).collect()
            }
        }
    }
}

/// One address, perhaps with a name: `Jane Doe <jane@example.com>`.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    if has_controls(text) { None } else { text.trim().parse().ok() }
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The part of a text that is no address, as far as commas tell.
fn culprit(text: &str) -> &str {
    text.split(',').find(|part| mailbox(part).is_none()).unwrap_or(text)
}

fn invalid(text: &str) -> StepError {
    let shown: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    StepError::new("invalid_address", format!("“{shown}” is not an email address, so nothing was sent."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(addresses: &Addresses) -> Result<Vec<String>, String> {
        let read = addresses.read().map_err(|error| error.message);
        read.map(|mailboxes| mailboxes.iter().map(ToString::to_string).collect())
    }

    fn text(text: &str) -> Result<Vec<String>, String> {
        read(&Addresses::Text(text.to_owned()))
    }

    fn list(items: &[&str]) -> Result<Vec<String>, String> {
        read(&Addresses::List(items.iter().map(|item| (*item).to_owned()).collect()))
    }

    #[test]
    fn a_text_has_addresses_with_commas_between_them() {
        assert_eq!(text(" a@x.example , \"Doe, Jane\" <jane@x.example>").expect("two").len(), 2);
        assert_eq!(text("Jane <jane@x.example>"), Ok(vec!["Jane <jane@x.example>".to_owned()]));
        assert_eq!(text(" "), Ok(Vec::new()));
        for (wrong, culprit) in [
            ("jane", "jane"),
            ("a@x.example, jane", "jane"),
            ("a@x.example\r\nBcc: b@x.example", "a@x.example  Bcc: b@x.example"),
            ("a@x.example b@x.example", "a@x.example b@x.example"),
            ("a@x.example,", ""),
        ] {
            let message = format!("“{culprit}” is not an email address, so nothing was sent.");
            assert_eq!(text(wrong), Err(message), "{wrong:?}");
        }
    }

    #[test]
    fn an_item_of_a_list_is_one_address() {
        let both = vec!["a@x.example".to_owned(), "Jane <jane@x.example>".to_owned()];
        assert_eq!(list(&["a@x.example", "", " Jane <jane@x.example> "]), Ok(both));
        assert!(list(&["a@x.example, b@x.example"]).expect_err("two").contains("a@x.example, b@x.example"));
    }
}
