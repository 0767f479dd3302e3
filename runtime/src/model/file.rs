//! The entries of a file field, and the blobs they name: how a patch keeps, adds and removes files.
//!
//! A blob is a file's bytes, and its id is their digest. So an id needs no source of its own, the same
//! bytes sent again are the same blob, and what an entry names can never become something else.
//! Where bytes are kept is the store's; who may ask for them is the API's.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    field::{FieldValue, Invalid},
    id::NotAnId,
    task::Task,
    text,
};

/// Entries that a field may have, also where its `limit` says nothing.
pub const ENTRIES_MAX: u32 = 50;
pub const FILENAME_CHARS_MAX: usize = 255;
pub const CONTENT_TYPE_CHARS_MAX: usize = 255;

/// Of a file whose sender did not say what it is.
pub const CONTENT_TYPE_DEFAULT: &str = "application/octet-stream";

/// The keys of an entry, as the API, the contract's document and the store write them.
pub const BLOB_ID: &str = "blobId";
pub const FILENAME: &str = "filename";
pub const CONTENT_TYPE: &str = "contentType";

/// The keys of what is to become an entry.
pub const CONTENTS: &str = "base64contents";
pub const REMOTE_URL: &str = "remoteUrl";

/// RFC 4648, section 4, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The SHA-256 of a blob's bytes. Written as 64 lower-case hexadecimal digits, and in no other way, so
/// that a blob has one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 32]);

/// The bytes of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    pub id: BlobId,
    /// A media type (RFC 9110, section 8.3.1): what its first sender said it is. Each entry has its own.
    pub content_type: Arc<str>,
    pub bytes: Bytes,
}

/// A file of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    pub blob: BlobId,
    pub filename: Arc<str>,
    pub content_type: Arc<str>,
}

/// What the entries of a patch are read against. The default keeps nothing and takes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileRules<'a> {
    /// Whose files may be kept: no others, or a patch could take hold of another task's file.
    pub task: Option<&'a Task>,
    /// Bytes that a new file may have.
    pub bytes_max: usize,
}

impl BlobId {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for BlobId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NotAnId),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NotAnId)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Blob {
    pub fn new(bytes: impl Into<Bytes>, content_type: Arc<str>) -> Self {
        let bytes = bytes.into();
        Self { id: BlobId::of(&bytes), content_type, bytes }
    }
}

impl fmt::Debug for Blob {
    /// How many bytes, and not millions of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({}, {}, {} bytes)", self.id, self.content_type, self.bytes.len())
    }
}

impl Serialize for FileEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(BLOB_ID, &format_args!("{}", self.blob))?;
        map.serialize_entry(FILENAME, &self.filename)?;
        map.serialize_entry(CONTENT_TYPE, &self.content_type)?;
        map.end()
    }
}

/// Reads what somebody sent for a file field: the list of its files from now on, and the blobs that
/// are new with it.
///
/// An entry with `blobId` keeps a file that the task has, in this field or another one; a `filename` or
/// `contentType` beside it is the file's from now on. One with `base64contents` and `filename` is a new
/// file. A file that no entry names is removed. `null`, an empty text and an empty list mean *empty*. Every bad entry is told.
pub(super) fn read(
    value: &Value,
    limit: Option<u32>,
    rules: &FileRules<'_>,
) -> Result<(FieldValue, Vec<Blob>), Vec<Invalid>> {
    let items = match value {
        Value::Null => return Ok((FieldValue::Empty, Vec::new())),
        Value::String(text) if text.is_empty() => return Ok((FieldValue::Empty, Vec::new())),
        Value::Array(items) => items,
        _ => return Err(vec![Invalid("is invalid: it must be a list of files".to_owned())]),
    };
    let most = limit.unwrap_or(ENTRIES_MAX).min(ENTRIES_MAX);
    if items.len() > most as usize {
        return Err(vec![Invalid(format!(
            "is invalid: it has {} files, at most {most} are possible",
            items.len()
        ))]);
    }
    let (mut entries, mut blobs, mut problems) = (Vec::with_capacity(items.len()), Vec::new(), Vec::new());
    for (number, item) in (1..).zip(items) {
        match entry(item, rules) {
            Ok((entry, blob)) => {
                entries.push(entry);
                blobs.extend(blob);
            }
            Err(problem) => problems.push(Invalid(format!("is invalid: file {number} {problem}"))),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok((if entries.is_empty() { FieldValue::Empty } else { FieldValue::Files(entries) }, blobs))
}

fn entry(item: &Value, rules: &FileRules<'_>) -> Result<(FileEntry, Option<Blob>), String> {
    let Value::Object(object) = item else { return Err("must be an object".to_owned()) };
    let filename = given(object, FILENAME)?.map(filename).transpose()?;
    let content_type = given(object, CONTENT_TYPE)?.map(content_type).transpose()?;
    match (given(object, BLOB_ID)?, given(object, CONTENTS)?, given(object, REMOTE_URL)?) {
        (Some(id), None, None) => {
            let held = rules.held(id, filename.as_deref()).ok_or(
                "names a `blobId` that is not a file of this task; send its bytes as `base64contents`",
            )?;
            let filename = filename.unwrap_or_else(|| Arc::clone(&held.filename));
            let content_type = content_type.unwrap_or_else(|| Arc::clone(&held.content_type));
            Ok((FileEntry { blob: held.blob, filename, content_type }, None))
        }
        (None, Some(contents), None) => {
            let filename = filename.ok_or("needs a `filename`")?;
            let content_type = content_type.unwrap_or_else(|| CONTENT_TYPE_DEFAULT.into());
            let blob = Blob::new(decode(contents, rules.bytes_max)?, Arc::clone(&content_type));
            Ok((FileEntry { blob: blob.id, filename, content_type }, Some(blob)))
        }
        (None, None, Some(_)) => {
            Err("has a `remoteUrl`, which is fetched only where somebody writes a task; answer with the bytes as \
                 `base64contents`"
                .to_owned())
        }
        _ => Err("needs either `blobId`, of a file that the task has, or `base64contents`, of a new one"
            .to_owned()),
    }
}

/// The text under a key; `null` is as good as absent.
fn given<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("has a `{key}` that is not a text")),
    }
}

/// A name for a person, which must also do no harm as the name of a file in a folder.
fn filename(name: &str) -> Result<Arc<str>, String> {
    if let Some(problem) = text::problem(name, FILENAME_CHARS_MAX) {
        return Err(format!("has a `filename` that {problem}"));
    }
    if name.trim().is_empty() || name == "." || name == ".." {
        return Err("has a `filename` that names nothing".to_owned());
    }
    if name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        return Err("has a `filename` with a path or a control character in it".to_owned());
    }
    Ok(name.into())
}

fn content_type(text: &str) -> Result<Arc<str>, String> {
    if text.len() > CONTENT_TYPE_CHARS_MAX || !is_media_type(text) {
        return Err("has a `contentType` that is not a media type, such as application/pdf".to_owned());
    }
    Ok(text.into())
}

/// `type/subtype`, with parameters or without (RFC 9110, section 8.3.1). What passes is a header's value.
fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let is_quoted = |text: &str| {
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inside.is_some_and(|text| text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'))
    };
    let mut parts = text.split(';').map(|part| part.trim_matches(' '));
    let essence = parts.next().and_then(|essence| essence.split_once('/'));
    essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && parts.all(|parameter| {
            parameter
                .split_once('=')
                .is_some_and(|(name, value)| is_token(name) && (is_token(value) || is_quoted(value)))
        })
}

fn decode(contents: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    let too_large =
        || format!("is larger than {bytes_max} bytes; the server's `files.bytes_max` sets this limit");
    // Told by the length of the text, so that nothing is decoded only to be thrown away.
    if contents.trim_end_matches('=').len() / 4 * 3 > bytes_max {
        return Err(too_large());
    }
    let bytes = BASE64
        .decode(contents)
        .map_err(|_| "has `base64contents` that is not base64 (RFC 4648, without line breaks)".to_owned())?;
    if bytes.len() > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

impl FileRules<'_> {
    /// The task's file with this id; where several have the same bytes, the one with this name.
    fn held(&self, id: &str, filename: Option<&str>) -> Option<&FileEntry> {
        let id: BlobId = id.parse().ok()?;
        let files = self.task?.values.values().filter_map(|value| match value {
            FieldValue::Files(files) => Some(files),
            _ => None,
        });
        let mut same = files.flatten().filter(|file| file.blob == id);
        let first = same.next()?;
        let is_named = |file: &&FileEntry| filename.is_some_and(|name| *name == *file.filename);
        Some(std::iter::once(first).chain(same).find(is_named).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{FieldId, sample};

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    /// A task with the file `hello`, under two names in two fields.
    fn task() -> Task {
        let blob: BlobId = HELLO.parse().expect("a digest");
        let file = |name: &str| FileEntry { blob, filename: name.into(), content_type: "text/plain".into() };
        let mut task = sample::task();
        task.values.insert(FieldId::new("first"), FieldValue::Files(vec![file("a.txt")]));
        task.values.insert(FieldId::new("second"), FieldValue::Files(vec![file("b.txt")]));
        task
    }

    /// What is read of a value for a field of at most two files, of at most five bytes each: the entries as
    /// they are shown and the sizes of the new blobs, or the complaints.
    fn read(value: &Value) -> Result<(Value, Vec<usize>), Vec<String>> {
        let task = task();
        let rules = FileRules { task: Some(&task), bytes_max: 5 };
        match super::read(value, Some(2), &rules) {
            Ok((FieldValue::Files(files), blobs)) => {
                Ok((json!(files), blobs.iter().map(|blob| blob.bytes.len()).collect()))
            }
            Ok((value, blobs)) => {
                assert!(value.is_empty() && blobs.is_empty());
                Ok((json!([]), Vec::new()))
            }
            Err(problems) => Err(problems.into_iter().map(|problem| problem.0).collect()),
        }
    }

    /// reference/api.md: "In a task a file field is `[{"blobId","filename","contentType"}]`; uploading: an
    /// entry with `base64contents` (and `contentType`, `filename`) …; leaving an entry out removes it".
    #[test]
    fn entries_are_kept_added_and_left_out() {
        let shown = |name: &str, kind: &str| json!({"blobId": HELLO, "filename": name, "contentType": kind});
        for (value, entries, sizes) in [
            (json!(null), json!([]), vec![]),
            (json!(""), json!([]), vec![]),
            (json!([]), json!([]), vec![]),
            (json!([{"blobId": HELLO}]), json!([shown("a.txt", "text/plain")]), vec![]),
            // The one of that name, as a client sends it back.
            (json!([shown("b.txt", "text/plain")]), json!([shown("b.txt", "text/plain")]), vec![]),
            (
                json!([{"blobId": HELLO, "filename": "c.md", "contentType": "text/markdown"}]),
                json!([shown("c.md", "text/markdown")]),
                vec![],
            ),
            (
                json!([{"base64contents": "aGVsbG8=", "filename": "n"}]),
                json!([shown("n", CONTENT_TYPE_DEFAULT)]),
                vec![5],
            ),
            (
                json!([{"base64contents": "aGVsbG8", "filename": "n", "contentType": "text/html; charset=\"utf 8\""}]),
                json!([shown("n", "text/html; charset=\"utf 8\"")]),
                vec![5],
            ),
            (
                json!([{"blobId": HELLO}, {"blobId": null, "base64contents": "aGVsbG8=", "filename": "Größe 1.pdf"}]),
                json!([shown("a.txt", "text/plain"), shown("Größe 1.pdf", CONTENT_TYPE_DEFAULT)]),
                vec![5],
            ),
            (
                json!([{"base64contents": "", "filename": "empty"}]),
                json!([{"blobId": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                     "filename": "empty", "contentType": CONTENT_TYPE_DEFAULT}]),
                vec![0],
            ),
        ] {
            assert_eq!(read(&value), Ok((entries, sizes)), "{value}");
        }
    }

    /// product.md, section 4: "Each validates"; a blob of another task is unknown to this one.
    #[test]
    fn every_bad_entry_is_told() {
        let new = |key: &str, value: Value| {
            let mut entry = json!({"base64contents": "aGk=", "filename": "n"});
            entry[key] = value;
            json!([entry])
        };
        let kept_or_new =
            "file 1 needs either `blobId`, of a file that the task has, or `base64contents`, of a new one";
        let unknown =
            "file 1 names a `blobId` that is not a file of this task; send its bytes as `base64contents`";
        let not_base64 = "file 1 has `base64contents` that is not base64 (RFC 4648, without line breaks)";
        let too_large = "file 1 is larger than 5 bytes; the server's `files.bytes_max` sets this limit";
        let path = "file 1 has a `filename` with a path or a control character in it";
        let media_type = "file 1 has a `contentType` that is not a media type, such as application/pdf";
        for (value, expected) in [
            (json!("aGk="), "it must be a list of files"),
            (json!({}), "it must be a list of files"),
            (json!(["aGk="]), "file 1 must be an object"),
            (json!([{}, {}, {}]), "it has 3 files, at most 2 are possible"),
            (json!([{"filename": "n"}]), kept_or_new),
            (json!([{"blobId": HELLO, "base64contents": "aGk=", "filename": "n"}]), kept_or_new),
            (json!([{"blobId": "0".repeat(64)}]), unknown),
            (json!([{"blobId": HELLO.to_uppercase()}]), unknown),
            (json!([{"blobId": ""}]), unknown),
            (json!([{"blobId": 5}]), "file 1 has a `blobId` that is not a text"),
            (
                json!([{"remoteUrl": "http://x", "filename": "n"}]),
                "file 1 has a `remoteUrl`, which is fetched only where somebody writes a task; answer with the bytes as `base64contents`",
            ),
            (json!([{"base64contents": "aGk="}]), "file 1 needs a `filename`"),
            (new("base64contents", json!("a-_=")), not_base64),
            (new("base64contents", json!("aG\nk=")), not_base64),
            (new("base64contents", json!("a")), not_base64),
            (new("base64contents", json!("aGVsbG8h")), too_large),
            (new("base64contents", json!("!".repeat(9))), too_large),
            (new("filename", json!("")), "file 1 has a `filename` that names nothing"),
            (new("filename", json!("..")), "file 1 has a `filename` that names nothing"),
            (new("filename", json!("../n")), path),
            (new("filename", json!("a\\n")), path),
            (new("filename", json!("a\r\nb")), path),
            (new("filename", json!("a\0")), "file 1 has a `filename` that contains a NUL character"),
            (
                new("filename", json!("x".repeat(FILENAME_CHARS_MAX + 1))),
                "file 1 has a `filename` that is too long",
            ),
            (new("contentType", json!("pdf")), media_type),
            (new("contentType", json!("text/html\r\nSet-Cookie: a=b")), media_type),
            (new("contentType", json!("text/html; charset")), media_type),
            (new("contentType", json!("text/html; a=\"\u{fc}\"")), media_type),
            (new("contentType", json!("a/b/c")), media_type),
            (new("contentType", json!(format!("a/{}", "b".repeat(CONTENT_TYPE_CHARS_MAX)))), media_type),
        ] {
            assert_eq!(read(&value), Err(vec![format!("is invalid: {expected}")]), "{value}");
        }
        let two = read(&json!([{"blobId": HELLO}, 5])).expect_err("a bad second one");
        assert_eq!(two, ["is invalid: file 2 must be an object"]);
        assert_eq!(read(&json!([{}, {}])).map_err(|problems| problems.len()), Err(2));
    }

    #[test]
    fn without_a_limit_of_its_own_a_field_has_the_general_one() {
        let files =
            |count: u32| Value::from(vec![json!({"base64contents": "", "filename": "n"}); count as usize]);
        let rules = FileRules::default();
        assert!(super::read(&files(ENTRIES_MAX), None, &rules).is_ok());
        assert!(super::read(&files(ENTRIES_MAX + 1), None, &rules).is_err());
    }

    #[test]
    fn a_blob_is_called_by_its_digest_and_has_one_address() {
        let blob = Blob::new(&b"hello"[..], "text/plain".into());
        assert_eq!(blob.id.to_string(), HELLO);
        assert_eq!((HELLO.parse(), BlobId::from_bytes(blob.id.to_bytes())), (Ok(blob.id), blob.id));
        for text in ["", &HELLO[1..], &HELLO.to_uppercase(), &"g".repeat(64), &"ü".repeat(32)] {
            assert_eq!(text.parse::<BlobId>(), Err(NotAnId), "{text}");
        }
    }
}
