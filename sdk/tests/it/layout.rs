//! Where each member of the boundary's structs stands, for ever: held against `layout.txt`, which only grows.

use std::{fmt::Write, fs, mem::offset_of, path::Path};

use onward_sdk::abi::{Bytes, HostV1, HttpV1, PluginV1, StepV1};

/// A struct: its name, its size, and its members with their offsets.
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) size: usize,
    pub(crate) members: Vec<(&'static str, usize)>,
}

macro_rules! layout {
    ($name:ident: $($member:ident)+) => {
        Layout {
            name: stringify!($name),
            size: size_of::<$name>(),
            members: vec![$((stringify!($member), offset_of!($name, $member))),+],
        }
    };
}

pub(crate) fn layouts() -> Vec<Layout> {
    vec![
        layout!(Bytes: ptr len),
        layout!(HostV1: size abi_minor done log progress is_cancelled remaining_ns get_extension),
        layout!(StepV1: size flags describe create run cancel destroy),
        layout!(PluginV1: magic size abi_minor n_steps steps),
        layout!(HttpV1: size flags send),
    ]
}

pub(crate) fn sdk(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the sdk")
}

#[test]
fn every_member_stands_where_it_stood() {
    let mut text = String::new();
    for Layout { name, size, members } in layouts() {
        writeln!(text, "{name}: {size} bytes").expect("a text");
        for (member, offset) in members {
            writeln!(text, "    {member} at {offset}").expect("a text");
        }
    }
    assert_eq!(text, sdk("tests/layout.txt"), "a member moved: libraries that were built before would break");
}

#[test]
fn no_struct_and_no_member_is_left_out() {
    let mut declared: Vec<(String, Vec<String>)> = Vec::new();
    for line in sdk("src/abi.rs").lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            declared.push((rest.trim_end_matches(" {").to_owned(), Vec::new()));
        } else if let Some((member, _)) = line.strip_prefix("    pub ").and_then(|rest| rest.split_once(':'))
        {
            declared.last_mut().expect("a struct").1.push(member.to_owned());
        }
    }
    let known = layouts().into_iter().map(|layout| {
        let members = layout.members.iter().map(|(member, _)| (*member).to_owned()).collect();
        (layout.name.to_owned(), members)
    });
    assert_eq!(known.collect::<Vec<(String, Vec<String>)>>(), declared);
}
