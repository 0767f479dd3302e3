//! The message itself: headers and parts, as RFC 5322 and MIME have them.

use std::{collections::HashSet, time::SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use onward_sdk::StepError;

use crate::addresses::RECIPIENTS_MAX;

/// Bytes of a word of a subject: a header's line has 998 at most, and is broken only between words.
const WORD_BYTES_MAX: usize = 900;

/// What a message says.
pub(crate) struct Draft<'a> {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) cc: Vec<Mailbox>,
    pub(crate) bcc: Vec<Mailbox>,
    pub(crate) subject: &'a str,
    pub(crate) text: Option<&'a str>,
    pub(crate) html: Option<&'a str>,
    pub(crate) date: SystemTime,
    /// The same over all tries, so that a repetition can be recognised.
    pub(crate) id: String,
}

/// A message ready to be sent.
pub(crate) struct Ready {
    pub(crate) from: Address,
    /// Each once, in the order in which they were named.
    pub(crate) recipients: Vec<Address>,
    pub(crate) bytes: Vec<u8>,
}

impl Draft<'_> {
    /// # Errors
    ///
    /// What is missing, or too much.
    pub(crate) fn ready(self) -> Result<Ready, StepError> {
        if self.subject.chars().any(char::is_control) {
            let message = "The subject has a line break, or another character that no subject can have.";
            return Err(StepError::new("invalid_subject", message));
        }
        if self.subject.split_whitespace().any(|word| word.len() > WORD_BYTES_MAX) {
            let message = format!(
                "The subject has a word of more than {WORD_BYTES_MAX} characters: mail cannot have that."
            );
            return Err(StepError::new("invalid_subject", message));
        }
        let mut seen = HashSet::new();
        let everybody = self.to.iter().chain(&self.cc).chain(&self.bcc).map(|mailbox| &mailbox.email);
        let recipients: Vec<Address> = everybody.filter(|address| seen.insert(*address)).cloned().collect();
        if recipients.is_empty() {
            let message = "There is nobody to send to: the addresses of the step are empty.";
            return Err(StepError::new("no_recipient", message));
        }
        if recipients.len() > RECIPIENTS_MAX {
            let message = format!(
                "{} addresses are too many: one message goes to {RECIPIENTS_MAX} at most.",
                recipients.len()
            );
            return Err(StepError::new("too_many_recipients", message));
        }
        let from = self.from.email.clone();
        let bytes = self.formatted()?;
        Ok(Ready { from, recipients, bytes })
    }

    /// The bytes; whoever is in `bcc` is not in them.
    fn formatted(self) -> Result<Vec<u8>, StepError> {
        let id = format!("<{}@{}>", self.id, self.from.email.domain());
        // So that no machine answers it.
        let automatic =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let mut builder = Message::builder()
            .from(self.from)
            .subject(self.subject)
            .date(self.date)
            .message_id(Some(id))
            .raw_header(automatic);
        if let Some(reply_to) = self.reply_to {
            builder = builder.reply_to(reply_to);
        }
        for to in self.to {
            builder = builder.to(to);
        }
        for cc in self.cc {
            builder = builder.cc(cc);
        }
        // Only so that there is somebody: it is taken out of the headers.
        for bcc in self.bcc {
            builder = builder.bcc(bcc);
        }
        let built = match (self.text, self.html) {
            (Some(text), Some(html)) => {
                builder.multipart(MultiPart::alternative_plain_html(text.to_owned(), html.to_owned()))
            }
            (Some(text), None) => builder.singlepart(SinglePart::plain(text.to_owned())),
            (None, Some(html)) => builder.singlepart(SinglePart::html(html.to_owned())),
            (None, None) => {
                let message = "There is nothing to send: the step's `text` and `html` are empty.";
                return Err(StepError::new("no_text", message));
            }
        };
        let message = built.map_err(|error| {
            StepError::new("invalid_message", format!("No message can be made of this: {error}."))
        })?;
        Ok(message.formatted())
    }
}

/// What of an id may stand in a Message-ID.
pub(crate) fn id_part(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .take(100)
        .collect()
}
