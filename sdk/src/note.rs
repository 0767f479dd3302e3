//! The note that a library carries: who it is, for whoever does not want to run it to know.
//!
//! It is put together by the compiler, in the plugin's own crate, by [`export_steps!`](crate::export_steps).

use crate::abi::{NOTE_BYTES_MAX, NOTE_OWNER, NOTE_TYPE};

/// The parts of a note's JSON, one after the other.
#[doc(hidden)]
pub const fn parts(name: &'static str, version: &'static str) -> [&'static str; 11] {
    [
        r#"{"name":""#,
        name,
        r#"","version":""#,
        version,
        r#"","abi":[1,0],"target":""#,
        env!("ONWARD_SDK_TARGET"),
        r#"","sdk":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","compiler":""#,
        env!("ONWARD_SDK_COMPILER"),
        r#""}"#,
    ]
}

/// How long they are together.
#[doc(hidden)]
pub const fn length(parts: &[&str]) -> usize {
    let mut length = 0;
    let mut at = 0;
    while at < parts.len() {
        length += parts[at].len();
        at += 1;
    }
    assert!(length <= NOTE_BYTES_MAX, "the package's name and version are too long for the library's note");
    length
}

/// As long as `length`, and to the next multiple of four.
#[doc(hidden)]
pub const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A note as ELF has it; `N` is the text's padded length.
#[doc(hidden)]
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    owner_bytes: u32,
    text_bytes: u32,
    kind: u32,
    owner: [u8; 8],
    text: [u8; N],
}

impl<const N: usize> Note<N> {
    #[doc(hidden)]
    pub const fn new(parts: &[&str]) -> Self {
        let mut owner = [0; 8];
        let mut text = [0; N];
        write(&mut owner, 0, NOTE_OWNER);
        let mut length = 0;
        let mut at = 0;
        while at < parts.len() {
            length = write(&mut text, length, parts[at]);
            at += 1;
        }
        // The owner's NUL counts.
        Self {
            owner_bytes: NOTE_OWNER.len() as u32 + 1,
            text_bytes: length as u32,
            kind: NOTE_TYPE,
            owner,
            text,
        }
    }
}

const fn write(into: &mut [u8], mut at: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut from = 0;
    while from < bytes.len() {
        into[at] = bytes[from];
        at += 1;
        from += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::abi::{ABI_MAJOR, ABI_MINOR};

    #[test]
    fn the_text_is_json_and_says_who_it_is() {
        const PARTS: [&str; 11] = parts("greet", "1.2.3");
        let note = Note::<{ padded(length(&PARTS)) }>::new(&PARTS);
        let text: Value = serde_json::from_slice(&note.text[..note.text_bytes as usize]).expect("JSON");
        assert_eq!(text["name"], "greet");
        assert_eq!(text["version"], "1.2.3");
        assert_eq!(text["abi"], json!([ABI_MAJOR, ABI_MINOR]));
        assert_eq!(text["sdk"], env!("CARGO_PKG_VERSION"));
        assert!(text["compiler"].as_str().expect("a text").starts_with("rustc "), "{text}");
        assert!(text["target"].as_str().expect("a text").contains('-'), "{text}");
        assert_eq!((note.owner_bytes, &note.owner), (7, b"Onward\0\0"));
        assert!(note.text.len().is_multiple_of(4) && note.kind == NOTE_TYPE);
    }
}
