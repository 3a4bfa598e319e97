//! The program `offhook` on a test's database, as a person uses it.
#![allow(dead_code)] // every test file uses its part

use std::{
    ffi::OsStr,
    process::{Command, Output},
};

use offhook_test_database::TestDatabase;

/// `offhook` without arguments yet.
pub fn command(database: &TestDatabase) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.env("OFFHOOK_DATABASE_URL", database.url().expose());
    command
}

/// `offhook …`, run to its end.
pub fn offhook<A: AsRef<OsStr>>(database: &TestDatabase, arguments: &[A]) -> Output {
    command(database).args(arguments).output().expect("the program starts")
}

/// What it wrote, where it succeeded.
pub fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The same as JSON.
pub fn json(output: &Output) -> serde_json::Value {
    let text = out(output);
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}
