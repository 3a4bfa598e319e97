//! What the sandbox writes of itself into a file or a pipe has no colours.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// Ends with the test.
struct Sandbox(Child);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn lines_of_the_log_in_a_file_or_a_pipe_have_no_colours() {
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/templates");
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook-sandbox"));
    command.args(["serve", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--cache", cache]).env_remove("RUST_LOG");
    let mut sandbox = Sandbox(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(sandbox.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let ready = lines.find(|line| line.contains("ready")).expect("it says when it is ready");
    assert!(!ready.contains('\u{1b}'), "{ready:?}");
}
