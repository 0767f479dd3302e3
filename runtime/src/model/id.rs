//! Identities. Workflows, fields, stages, actions, steps and users are named by a short text that
//! stays when they are renamed; tasks and executions by a 128-bit number that grows with time, so
//! that the order of ids is the order of creation.

use std::{fmt, str::FromStr, sync::Arc};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_id! {
    /// A workflow, unique in the workspace.
    WorkflowId,
    /// A field, unique in its workflow.
    FieldId,
    /// A stage, unique in its workflow.
    StageId,
    /// An action, unique in its workflow.
    ActionId,
    /// A step, unique in its action.
    StepId,
    /// A role, unique in its workflow.
    RoleId,
    /// A checklist item: one of a template is unique in its workflow, an added one everywhere.
    ItemId,
    /// A user of the workspace.
    UserId,
    /// An API key (not its secret).
    KeyId,
}

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }

            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// Big-endian, so that bytes sort as the numbers do.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            /// The text form of a UUID (RFC 9562).
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_u128(self.0).hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                uuid::Uuid::try_parse(text).map(|id| Self(id.as_u128())).map_err(|_| NotAnId)
            }
        }
    )*};
}

number_id! {
    /// A task.
    TaskId,
    /// An execution.
    ExecutionId,
    /// A place in a task's line of executions: who has the smaller one is served first.
    Place,
}

impl From<Place> for ExecutionId {
    /// A new execution is called as its first place is.
    fn from(place: Place) -> Self {
        Self(place.0)
    }
}

/// The text is not the id of a task or an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

/// The id that a name gets when its author wrote none: lower case, with `-` for everything that is
/// neither a letter nor a digit (`"International?"` gives `international`). Empty only when the
/// name has no letter and no digit.
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_its_slug() {
        for (name, expected) in [
            ("Company ID", "company-id"),
            ("International?", "international"),
            ("  Expected  Close Date ", "expected-close-date"),
            ("Über größe", "über-größe"),
            ("?!", ""),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
    }

    #[test]
    fn a_number_id_reads_back_from_its_text_and_bytes() {
        let id = TaskId::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab);
        assert_eq!(id.to_string(), "01901234-5678-7abc-8def-0123456789ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(TaskId::from_bytes(id.to_bytes()), id);
        assert_eq!("T17".parse::<TaskId>(), Err(NotAnId));
    }
}
