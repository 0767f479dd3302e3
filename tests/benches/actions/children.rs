//! Child processes that end with the benchmark, however it ends.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This benchmark again, in another role, serving on the port that it prints first.
pub(crate) struct Service {
    _child: Guard,
    pub(crate) port: u16,
}

impl Service {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let binary = std::env::current_exe().expect("this binary's path");
        let mut child =
            Command::new(binary).args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its port");
        Self { port: line.trim().parse().expect("a port"), _child: Guard(child) }
    }
}
