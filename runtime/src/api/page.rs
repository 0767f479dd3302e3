//! Lists by pages: what their queries have in common, and how an answer says where it goes on.

use std::fmt::Debug;

use actix_web::{HttpRequest, HttpResponseBuilder, http::header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Api, Code, error::ApiError, query};
pub(super) use crate::model::list::{CURSOR, LIMIT};
use crate::model::{template::percent_encode, text::closest};

/// Items that a page may have.
pub(super) const LIMIT_MAX: usize = 1_000;

/// Where a list goes on, beside `Link`.
const NEXT_CURSOR: &str = "Onward-Next-Cursor";

/// Bytes of a cursor that hold the rest together: it was made here, for this list.
const SEAL_BYTES: usize = 12;

/// A list's query: names and values, in the order in which they came.
pub(super) struct ListQuery(Vec<(String, String)>);

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidParameter, message)
}

/// A name or a value that is none of those there are.
pub(super) fn unknown<'n>(what: &str, known: impl Iterator<Item = &'n str> + Clone, wrong: &str) -> ApiError {
    let help = match closest(wrong, known.clone()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    invalid(format!("{what}; {help}"))
}

impl ListQuery {
    pub(super) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        query(request).map(Self)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter that may be given once.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut given = self.pairs().filter(|(given, _)| *given == name);
        match (given.next(), given.next()) {
            (_, Some(_)) => Err(invalid(format!("`{name}` is given twice; give it once"))),
            (given, None) => Ok(given.map(|(_, value)| value)),
        }
    }

    pub(super) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.one(LIMIT)? else { return Ok(None) };
        match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(Some(limit)),
            _ => Err(invalid(format!("`{LIMIT}` takes a whole number from 1 to {LIMIT_MAX}, not `{text}`"))),
        }
    }

    /// The position that a cursor of this list stands for.
    pub(super) fn position<T>(
        &self,
        list: &impl Debug,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(cursor) = self.one(CURSOR)? else { return Ok(None) };
        opened(list, cursor).and_then(|position| read(&position)).map(Some).ok_or_else(|| {
            invalid(format!(
                "`{CURSOR}` is no cursor of this list; take it from `{NEXT_CURSOR}` of the page before, and leave the \
                 other parameters as they were there"
            ))
        })
    }
}

/// Which list a cursor is of, and that nobody has made it up by mistake. No secret: a cursor opens nothing that
/// its list would not show.
fn seal(list: &impl Debug, position: &[u8]) -> [u8; SEAL_BYTES] {
    let mut digest = Sha256::new();
    // All that a list is made of is in this text; where a version writes it otherwise, a cursor is of another list.
    let list = format!("{list:?}");
    digest.update((list.len() as u64).to_be_bytes());
    digest.update(list);
    digest.update(position);
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&digest.finalize()[..SEAL_BYTES]);
    seal
}

fn sealed(list: &impl Debug, position: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([&seal(list, position), position].concat())
}

fn opened(list: &impl Debug, cursor: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (found, position) = bytes.split_first_chunk::<SEAL_BYTES>()?;
    (*found == seal(list, position)).then(|| position.to_vec())
}

impl Api {
    /// Says in an answer's head where its list goes on: as a cursor, and as the address of the next page.
    pub(super) fn say_next(
        &self,
        response: &mut HttpResponseBuilder,
        request: &HttpRequest,
        query: &ListQuery,
        list: &impl Debug,
        position: &[u8],
    ) {
        let cursor = sealed(list, position);
        let mut next = format!("{}{}?", self.public_url, request.uri().path());
        for (name, value) in query.pairs().filter(|(name, _)| *name != CURSOR).chain([(CURSOR, &*cursor)]) {
            if !next.ends_with('?') {
                next.push('&');
            }
            percent_encode(name, &mut next);
            next.push('=');
            percent_encode(value, &mut next);
        }
        response.insert_header((header::LINK, format!("<{next}>; rel=\"next\"")));
        response.insert_header((NEXT_CURSOR, cursor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_its_list_and_whole() {
        let cursor = sealed(&"a list", b"position");
        assert_eq!(opened(&"a list", &cursor).as_deref(), Some(&b"position"[..]));
        assert_eq!(opened(&"another", &cursor), None);
        for at in 0..cursor.len() {
            let mut other = cursor.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).expect("text");
            assert_eq!(opened(&"a list", &other), None, "changed at {at}");
            assert_eq!(opened(&"a list", &cursor[..at]), None, "cut at {at}");
        }
    }
}
