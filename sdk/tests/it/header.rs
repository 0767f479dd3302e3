//! `include/onward_plugin.h` is what `abi.rs` says, and compilers of C and C++ take it.
//!
//! After a change of `abi.rs`, `ONWARD_HEADER=write cargo test -p onward-sdk --test it header` writes it anew.

use std::{
    collections::HashMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cbindgen::{Builder, Config, DocumentationStyle, ExportConfig, Language, Style};

use onward_sdk::abi;

use crate::layout::{Layout, layouts, sdk};

const NAMES: [(&str, &str); 6] = [
    ("Bytes", "onward_bytes"),
    ("HostV1", "onward_host_v1"),
    ("StepV1", "onward_step_v1"),
    ("PluginV1", "onward_plugin_v1"),
    ("HttpV1", "onward_http_v1"),
    ("EntryV1", "onward_entry_v1"),
];

const OPENING: &str =
    "/* The boundary between Onward and its step plugins. Made of sdk/src/abi.rs: change that, not this.
 *
 * A plugin exports one function, named ONWARD_ENTRY, and has one note:
 *
 *     ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON(\"my_plugin\", \"1.0.0\"))
 *
 *     ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host);
 *
 * The JSON documents stand below; the crate onward-sdk has them as types.
 *
";

/// What cbindgen cannot make, beside the texts: what is for C alone.
const MACROS: &str = r#"
/* Whether a host has a function: one of an older minor version may be shorter than this header says. */
#define ONWARD_HOST_HAS(host, function) \
    ((host)->size >= offsetof(onward_host_v1, function) + sizeof((host)->function) && (host)->function)

/* Before the one export: it stays visible where other functions are hidden. */
#if defined(__cplusplus)
#define ONWARD_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define ONWARD_EXPORT __attribute__((visibility("default")))
#endif

/* For what this file is compiled. */
#if defined(__x86_64__)
#define ONWARD_MACHINE_ "x86_64"
#elif defined(__aarch64__)
#define ONWARD_MACHINE_ "aarch64"
#else
#define ONWARD_MACHINE_ "unknown"
#endif
#if defined(__GLIBC__)
#define ONWARD_TARGET ONWARD_MACHINE_ "-unknown-linux-gnu"
#else
#define ONWARD_TARGET ONWARD_MACHINE_ "-unknown-linux-musl"
#endif

/* What a note says: two string literals, the plugin's name and its version, of characters that JSON takes as they are. */
#if defined(__VERSION__)
#define ONWARD_COMPILER_ ",\"compiler\":\"cc " __VERSION__ "\""
#else
#define ONWARD_COMPILER_ ""
#endif
#define ONWARD_NOTE_JSON(name, version) \
    "{\"name\":\"" name "\",\"version\":\"" version "\",\"abi\":[1,0],\"target\":\"" ONWARD_TARGET "\"" ONWARD_COMPILER_ "}"

/* The library's note, of a string literal; it stands once in a library, outside of functions. The NULs that end and fill the text
 * count, and who reads it leaves them out. */
#define ONWARD_PLUGIN_NOTE(json)                                                                  \
    static const struct {                                                                         \
        uint32_t owner_bytes, text_bytes, type;                                                   \
        char owner[8];                                                                            \
        char text[(sizeof(json) + 3) / 4 * 4];                                                    \
    } onward_plugin_note __attribute__((used, aligned(4), section(ONWARD_NOTE_SECTION))) = {      \
        sizeof(ONWARD_NOTE_OWNER), (sizeof(json) + 3) / 4 * 4, ONWARD_NOTE_TYPE, ONWARD_NOTE_OWNER, json};

/* No compiler may lay it out in another way. */
#if defined(__cplusplus)
#define ONWARD_ASSERT_(holds, message) static_assert(holds, message)
#else
#define ONWARD_ASSERT_(holds, message) _Static_assert(holds, message)
#endif
#if UINTPTR_MAX == UINT64_MAX
"#;

fn config() -> Config {
    let renamed = NAMES.map(|(rust, c)| (rust.to_owned(), c.to_owned()));
    let export = ExportConfig {
        rename: HashMap::from(renamed),
        prefix: Some("ONWARD_".to_owned()),
        renaming_overrides_prefixing: true,
        include: NAMES.map(|(rust, _)| rust.to_owned()).to_vec(),
        ..ExportConfig::default()
    };
    Config {
        language: Language::C,
        cpp_compat: true,
        style: Style::Type,
        documentation_style: DocumentationStyle::Doxy,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        line_length: 120,
        tab_width: 4,
        export,
        ..Config::default()
    }
}

/// As Rust's documentation names it, and as C does.
fn in_words_of_c(text: &str) -> String {
    let mut text = text.to_owned();
    for (rust, c) in NAMES {
        text = text.replace(&format!("[`{rust}::"), &format!("[`{c}."));
        text = text.replace(&format!("[`{rust}`]"), c);
    }
    // What is left in brackets is a constant or a member.
    while let Some((before, rest)) = text.split_once("[`") {
        let (name, after) = rest.split_once("`]").expect("a link that ends");
        let prefix = if name.chars().all(|c| !c.is_lowercase()) { "ONWARD_" } else { "" };
        text = format!("{before}{prefix}{name}{after}");
    }
    text
}

/// The constants that are texts and bytes, with what the module says of them.
fn constants() -> String {
    let module = sdk("src/abi.rs");
    let bytes = abi::MAGIC.map(|byte| byte.to_string()).join(", ");
    let mut text = String::new();
    for (name, value) in [
        ("ENTRY", format!("{:?}", abi::ENTRY)),
        ("MAGIC", format!("{{{bytes}}}")),
        ("NOTE_SECTION", format!("{:?}", abi::NOTE_SECTION)),
        ("NOTE_OWNER", format!("{:?}", abi::NOTE_OWNER)),
        ("HTTP", format!("{:?}", abi::HTTP)),
    ] {
        let (before, _) = module.split_once(&format!("pub const {name}:")).expect("the constant");
        let mut said: Vec<_> = before.lines().rev().map_while(|line| line.strip_prefix("///")).collect();
        said.reverse();
        let said: String = said.iter().map(|line| format!("\n *{line}")).collect();
        writeln!(text, "\n/**{said}\n */\n#define ONWARD_{name} {value}").expect("a text");
    }
    text
}

fn generated() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/abi.rs");
    let mut body = Vec::new();
    let bindings = Builder::new().with_config(config()).with_src(&source).generate().expect("bindings");
    bindings.write(&mut body);
    let body = String::from_utf8(body).expect("a text");
    let module = sdk("src/abi.rs");
    let mut text = OPENING.to_owned();
    for line in module.lines().map_while(|line| line.strip_prefix("//!")) {
        writeln!(text, "{}", format!(" *{line}").trim_end()).expect("a text");
    }
    text.push_str(" */\n\n#ifndef ONWARD_PLUGIN_H\n#define ONWARD_PLUGIN_H\n");
    text.push_str(&body);
    text.push_str(&constants());
    text.push_str(MACROS);
    for Layout { name, size, members } in layouts() {
        let (_, name) = NAMES.iter().find(|(rust, _)| *rust == name).expect("a name");
        writeln!(text, "ONWARD_ASSERT_(sizeof({name}) == {size}, \"{name}\");").expect("a text");
        for (member, offset) in members {
            let place = format!("offsetof({name}, {member}) == {offset}");
            writeln!(text, "ONWARD_ASSERT_({place}, \"{name}.{member}\");").expect("a text");
        }
    }
    text.push_str("#endif\n\n#endif /* ONWARD_PLUGIN_H */\n");
    in_words_of_c(&text)
}

pub(crate) fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

#[test]
fn the_header_is_what_the_boundary_says() {
    let path = include().join("onward_plugin.h");
    let generated = generated();
    if env::var_os("ONWARD_HEADER").is_some_and(|what| what == "write") {
        fs::write(&path, &generated).expect("it is written");
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "include/onward_plugin.h is not what abi.rs says: ONWARD_HEADER=write writes it"
    );
}

/// Compiles a source that has the header in it, twice.
fn compile(compiler: &str, arguments: &[&str], extension: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("plugin").with_extension(extension);
    let text = "#include <onward_plugin.h>\n#include <onward_plugin.h>\n\
        ONWARD_PLUGIN_NOTE(ONWARD_NOTE_JSON(\"empty\", \"1.0.0\"))\n\
        static const uint8_t magic[8] = ONWARD_MAGIC;\n\
        static const onward_step_v1 *const steps[1] = {0};\n\
        static onward_plugin_v1 plugin;\n\
        ONWARD_EXPORT const onward_plugin_v1 *onward_plugin_v1_entry(const onward_host_v1 *host) {\n\
            if (host->size < sizeof(onward_host_v1)) return 0;\n\
            plugin.magic[0] = magic[0]; plugin.steps = steps;\n\
            if (ONWARD_HOST_HAS(host, log)) host->log(0, ONWARD_LOG_INFO, onward_bytes{});\n\
            return &plugin;\n\
        }\n";
    let text = if extension == "c" {
        text.replace("onward_bytes{}", "(onward_bytes){0, 0}")
    } else {
        text.to_owned()
    };
    fs::write(&source, text).expect("a source");
    let mut command = Command::new(compiler);
    command.args(arguments).args(["-Wall", "-Wextra", "-Werror", "-fPIC", "-c", "-o", "/dev/null", "-I"]);
    let output = command.arg(include()).arg(&source).output().expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_c_compiler_takes_it() {
    compile("cc", &["-std=c11", "-pedantic"], "c");
}

#[test]
fn a_cpp_compiler_takes_it() {
    compile("c++", &["-std=c++17"], "cpp");
}
