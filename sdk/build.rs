//! What a library's note says of how it was built: cargo tells it to build scripts alone.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=ONWARD_SDK_TARGET={target}");
    let compiler = env::var_os("RUSTC").and_then(|rustc| Command::new(rustc).arg("--version").output().ok());
    let compiler = compiler.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    // It stands in JSON as it is.
    let plain: String =
        compiler.trim().chars().filter(|c| !matches!(c, '"' | '\\') && !c.is_control()).collect();
    println!("cargo::rustc-env=ONWARD_SDK_COMPILER={plain}");
}
