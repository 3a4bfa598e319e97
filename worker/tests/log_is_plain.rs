//! What the worker writes of itself into a file or a pipe: one JSON object per line, without colours.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn lines_of_the_log_in_a_file_or_a_pipe_have_no_colours() {
    let output = Command::new(env!("CARGO_BIN_EXE_offhook-worker")).arg("/nowhere/attempt.json").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing was dialled") && !said.contains("\\u001b") && !said.contains('\u{1b}'), "{said:?}");
}
