//! Who a library is: the note in its file, read without loading it. To load a library is to run its code.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use object::{
    Endianness,
    elf::{ET_DYN, FileHeader32, FileHeader64, PT_NOTE},
    read::elf::{FileHeader, ProgramHeader},
};
use onward_sdk::abi::{ABI_MAJOR, NOTE_BYTES_MAX, NOTE_OWNER, NOTE_TYPE};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LIBRARY_BYTES_MAX;
use crate::model::text;

/// Bytes of all notes of a file, whoever's they are.
const NOTES_BYTES_MAX: u64 = 1024 * 1024;

/// Characters of each text in a note.
const TEXT_CHARS_MAX: usize = 200;

/// The machines that a library may have been built for, by their numbers in ELF: those that people meet.
const MACHINES: [(u16, &str); 6] =
    [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (22, "s390x"), (243, "riscv64")];

/// What a library says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The plugin's.
    pub name: String,
    pub version: String,
    /// Major and minor version of the boundary it was built for.
    pub abi: (u32, u32),
    /// The triple it was built for.
    pub target: String,
    /// The version of our sdk, where it was built with that.
    #[serde(default)]
    pub sdk: Option<String>,
    #[serde(default)]
    pub compiler: Option<String>,
}

/// A library that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Library {
    #[serde(flatten)]
    pub note: Note,
    /// Of the whole file, in hexadecimal digits.
    pub sha256: String,
}

/// Why a file is no library that can be used here.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is no regular file")]
    NotAFile,
    #[error("it has more than {} MiB", LIBRARY_BYTES_MAX >> 20)]
    TooLarge,
    #[error(
        "it is no ELF file, as shared libraries of Linux are; a plugin is built as a `cdylib`, or with `cc -shared`"
    )]
    NotElf,
    #[error("it is a damaged ELF file: {0}")]
    Damaged(String),
    #[error(
        "it was built for {found}, and this server runs on {}; build it for that",
        std::env::consts::ARCH
    )]
    OtherMachine { found: String },
    #[error("it is no shared library; a plugin is built as a `cdylib`, or with `cc -shared`")]
    NotShared,
    #[error(
        "it has no note of {NOTE_OWNER}'s, so it is no plugin; in Rust `export_steps!` makes one, in C `ONWARD_PLUGIN_NOTE`"
    )]
    NoNote,
    #[error("it has more than one note of {NOTE_OWNER}'s; it must be one plugin")]
    ManyNotes,
    #[error("its note is not sound: {0}")]
    Unsound(String),
    #[error("it was built for version {found} of the boundary, and this server has version {ABI_MAJOR}; {}", remedy(*found))]
    OtherAbi { found: u32 },
}

fn remedy(found: u32) -> &'static str {
    if found < ABI_MAJOR { "build it again with a newer sdk" } else { "update the server" }
}

impl NoteError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::NotAFile => "plugin_unreadable",
            Self::TooLarge => "plugin_too_large",
            Self::NotElf | Self::Damaged(_) | Self::NotShared => "plugin_not_a_library",
            Self::OtherMachine { .. } => "plugin_other_machine",
            Self::NoNote | Self::ManyNotes => "plugin_without_note",
            Self::Unsound(_) => "plugin_note_invalid",
            Self::OtherAbi { .. } => "plugin_other_abi",
        }
    }
}

/// Looks at a file.
///
/// # Errors
/// Why it is no library that can be used here.
pub fn read(path: &Path) -> Result<Library, NoteError> {
    // Before it is opened: a pipe would wait for somebody who writes.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(NoteError::NotAFile);
    }
    if metadata.len() > LIBRARY_BYTES_MAX {
        return Err(NoteError::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    File::open(path)?.take(LIBRARY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIBRARY_BYTES_MAX {
        return Err(NoteError::TooLarge);
    }
    let note = of_bytes(&bytes)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Library { note, sha256 })
}

/// The note of a library's bytes.
pub fn of_bytes(bytes: &[u8]) -> Result<Note, NoteError> {
    // Magic, then the class: 32 or 64 bits.
    match bytes.get(..5) {
        Some([0x7f, b'E', b'L', b'F', 1]) => of_elf::<FileHeader32<Endianness>>(bytes),
        Some([0x7f, b'E', b'L', b'F', _]) => of_elf::<FileHeader64<Endianness>>(bytes),
        _ => Err(NoteError::NotElf),
    }
}

fn of_elf<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Note, NoteError> {
    let damaged = |error: object::Error| NoteError::Damaged(error.to_string());
    let header = Elf::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let machine = header.e_machine(endian).0;
    let name = MACHINES.into_iter().find(|(number, _)| *number == machine).map(|(_, name)| name);
    if name != Some(std::env::consts::ARCH) {
        let found = name.map_or_else(|| format!("a machine of number {machine}"), str::to_owned);
        return Err(NoteError::OtherMachine { found });
    }
    if header.e_type(endian) != ET_DYN {
        return Err(NoteError::NotShared);
    }
    let (mut found, mut looked_at) = (None, 0_u64);
    for segment in header.program_headers(endian, bytes).map_err(damaged)? {
        if segment.p_type(endian) != PT_NOTE {
            continue;
        }
        looked_at = looked_at.saturating_add(segment.p_filesz(endian).into());
        if looked_at > NOTES_BYTES_MAX {
            return Err(NoteError::Damaged(format!("its notes have more than {NOTES_BYTES_MAX} bytes")));
        }
        let Some(mut notes) = segment.notes(endian, bytes).map_err(damaged)? else { continue };
        while let Some(note) = notes.next().map_err(damaged)? {
            let is_ours = note.name() == NOTE_OWNER.as_bytes() && note.n_type(endian).0 == NOTE_TYPE;
            if is_ours && found.replace(note.desc()).is_some() {
                return Err(NoteError::ManyNotes);
            }
        }
    }
    of_description(found.ok_or(NoteError::NoNote)?)
}

fn of_description(bytes: &[u8]) -> Result<Note, NoteError> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Unsound(format!("it has {} bytes, of at most {NOTE_BYTES_MAX}", bytes.len())));
    }
    // Notes are padded to multiples of four.
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let note: Note =
        serde_json::from_slice(&bytes[..end]).map_err(|error| NoteError::Unsound(error.to_string()))?;
    let texts = [
        Some(&note.name),
        Some(&note.version),
        Some(&note.target),
        note.sdk.as_ref(),
        note.compiler.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        let is_shown = !text.is_empty() && !text.contains(char::is_control);
        if !is_shown || text::problem(text, TEXT_CHARS_MAX).is_some() {
            let problem =
                format!("each text has from 1 to {TEXT_CHARS_MAX} characters, and no control characters");
            return Err(NoteError::Unsound(problem));
        }
    }
    if note.abi.0 != ABI_MAJOR {
        return Err(NoteError::OtherAbi { found: note.abi.0 });
    }
    Ok(note)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Whatever is in a file, it is read or refused.
    #[test]
    fn no_file_takes_the_reader_down() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, library) = (folder.path().join("x.c"), folder.path().join("x.so"));
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/include");
        std::fs::write(
            &source,
            "#include <onward_plugin.h>\nONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON(\"x\", \"1\"))\n",
        )
        .expect("written");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-I"])
            .args([&include, &source])
            .arg("-o")
            .arg(&library)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "a C compiler");
        let sound = std::fs::read(&library).expect("its bytes");
        assert_eq!(of_bytes(&sound).expect("sound").name, "x");
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % bound as u64) as usize
        };
        let mut refused = 0;
        for round in 0..20_000 {
            let mut bytes = sound.clone();
            // Where headers are, most of the time.
            let reach = if round % 4 == 0 { bytes.len() } else { 1_024 };
            for _ in 0..=below(4) {
                bytes[below(reach)] = [0, 0xff, below(256) as u8][below(3)];
            }
            bytes.truncate(if round % 10 == 0 { below(bytes.len()) } else { bytes.len() });
            refused += usize::from(of_bytes(&bytes).is_err());
        }
        assert!(refused > 2_000, "{refused}");
    }
}
