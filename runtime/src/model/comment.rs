//! Comments: what people and programs write about a task, and whom they mention in it.
//!
//! A comment is neither a value of its task nor an entry of its history: writing one changes neither.

use jiff::Timestamp;

use super::{
    id::{TaskId, UserId},
    patch::FieldErrors,
    user::{Directory, Performer},
};

pub const BODY_CHARS_MAX: usize = 16_000;

/// Comments that one task may have. They are deleted with it, in one transaction.
pub const COMMENTS_MAX: u64 = 10_000;

/// How many `@` of a body are looked at: each is compared with the names of everybody.
const MENTIONS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub task: TaskId,
    /// Counted from 1 without a gap: the order in which they came.
    pub number: u64,
    pub body: String,
    /// In the order in which the body names them, each once.
    pub mentions: Vec<UserId>,
    pub performer: Performer,
    pub at: Timestamp,
}

impl Comment {
    /// Who wrote it, as the public API says it: a person by name, a program as `API`.
    pub fn author(&self) -> String {
        // Only people have an email.
        if self.performer.email.is_none() {
            return "API".to_owned();
        }
        let Performer { first_name, last_name, .. } = &self.performer;
        full_name(first_name.as_deref().unwrap_or_default(), last_name.as_deref().unwrap_or_default())
    }
}

/// What is wrong with a body, if anything is.
pub fn body_errors(body: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    if body.trim().is_empty() {
        errors.add("body", "is required");
    }
    if body.contains('\0') {
        errors.add("body", "contains a NUL character");
    }
    let chars = body.chars().count();
    if chars > BODY_CHARS_MAX {
        errors.add("body", format!("is too long: {chars} characters, and {BODY_CHARS_MAX} are possible"));
    }
    errors
}

/// Whom a body mentions as `@First Last`: people who have not left, by the longest name that stands there,
/// in any case. Those who share a name are all meant, in the order of their emails. An `@` inside a word, as in an email address, mentions
/// nobody, nor does a name that goes on as another word.
pub fn mentions(body: &str, directory: &Directory) -> Vec<UserId> {
    if !body.contains('@') {
        return Vec::new();
    }
    let people: Vec<_> = directory
        .active()
        .into_iter()
        .map(|user| (full_name(&user.first_name, &user.last_name), &user.id))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let mut mentioned = Vec::<UserId>::new();
    for (at, _) in body.match_indices('@').take(MENTIONS_MAX) {
        if body[..at].ends_with(char::is_alphanumeric) {
            continue;
        }
        let rest = &body[at + 1..];
        let here = people.iter().filter(|(name, _)| is_named(rest, name));
        let longest = here.clone().map(|(name, _)| name.chars().count()).max();
        for (_, id) in here.filter(|(name, _)| Some(name.chars().count()) == longest) {
            if !mentioned.contains(id) {
                mentioned.push((*id).clone());
            }
        }
    }
    mentioned
}

/// Whether a text begins with a name, in any case, and the name ends there.
fn is_named(text: &str, name: &str) -> bool {
    let mut rest = text.chars();
    name.chars().all(|c| rest.next().is_some_and(|other| c.to_lowercase().eq(other.to_lowercase())))
        && !rest.as_str().starts_with(char::is_alphanumeric)
}

fn full_name(first: &str, last: &str) -> String {
    format!("{} {}", first.trim(), last.trim()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{sample, user::User};

    fn people() -> Directory {
        let user = |(id, first, last, is_active): (&str, &str, &str, bool)| User {
            id: UserId::new(id),
            email: format!("{id}@example.com"),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            is_active,
            is_administrator: false,
        };
        Directory::new(
            [
                ("ada", "Ada", "King", true),
                ("ada2", "Ada", "King Lovelace", true),
                ("uwe", "Uwe", "Öztürk", true),
                ("uwe2", "Uwe", "Öztürk", true),
                ("cher", "Cher", "", true),
                ("gone", "Gone", "Away", false),
                ("nameless", "", "", true),
            ]
            .map(user),
        )
    }

    /// "`@First Last` mentions": the longest name first, in any case, of those who are here.
    #[test]
    fn a_mention_is_the_longest_name_of_somebody_who_is_here() {
        for (body, expected) in [
            ("nobody", &[][..]),
            ("@Ada King", &["ada"]),
            ("please, @ada KING, look", &["ada"]),
            ("@Ada King Lovelace and @Ada King!", &["ada2", "ada"]),
            ("@Ada King Lovelaces", &["ada"]),
            ("@Ada Kings", &[]),
            ("@Ada", &[]),
            ("(@uwe öztürk)", &["uwe2", "uwe"]),
            ("@Cher @Cher", &["cher"]),
            ("mail@Cher", &[]),
            ("@@Cher", &["cher"]),
            ("@Gone Away", &[]),
            ("@", &[]),
            ("@ Cher", &[]),
        ] {
            let found = mentions(body, &people());
            assert_eq!(found.iter().map(UserId::as_str).collect::<Vec<_>>(), expected, "{body}");
        }
    }

    /// Architecture, style: a limit on everything.
    #[test]
    fn only_the_first_hundred_are_looked_at() {
        let body = |nobodies: usize| format!("{}@Cher", "@x ".repeat(nobodies));
        assert_eq!(mentions(&body(MENTIONS_MAX - 1), &people()), [UserId::new("cher")]);
        assert_eq!(mentions(&body(MENTIONS_MAX), &people()), []);
    }

    /// "Author is `API`" for a program; a person by name.
    #[test]
    fn a_program_is_called_api_and_a_person_by_name() {
        let comment = |performer| Comment {
            task: sample::task().id,
            number: 1,
            body: String::new(),
            mentions: Vec::new(),
            performer,
            at: sample::now(),
        };
        let key = Performer {
            id: "key_1".to_owned(),
            email: None,
            first_name: Some("Program".to_owned()),
            last_name: None,
        };
        assert_eq!(comment(key).author(), "API");
        assert_eq!(comment(sample::performer()).author(), "Example User");
    }

    #[test]
    fn a_body_that_cannot_be_kept_is_refused_with_the_reason() {
        let line = |body: &str| body_errors(body).to_line();
        // Characters, of however many bytes.
        let most = "ü".repeat(BODY_CHARS_MAX);
        assert_eq!(line(&most), "");
        assert_eq!(line(&(most + "x")), "body is too long: 16001 characters, and 16000 are possible");
        assert_eq!(line(" \n"), "body is required");
        assert_eq!(line("a\0b"), "body contains a NUL character");
    }
}
