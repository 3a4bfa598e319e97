//! A lint, not a test of what happens when a machine's clock jumps: leases and retries use the database's clock, limits a monotonic one.
//! Each file that reads the wall clock is listed here, with its reason.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// None of these decides when, or whether, somebody is called.
const READERS: &[(&str, &str)] = &[
    ("src/store/worker/outbox.rs", "when a note was taken, for people"),
    ("coordinator/src/command/rehearse.rs", "what day it is for whoever rehearses"),
    ("coordinator/src/supervisor.rs", "how late a call was launched, for the log"),
    ("worker/media/src/session/ticking.rs", "RTCP's NTP time stamps (RFC 3550 section 4)"),
    ("worker/src/call/conversation.rs", "what day the callee has today"),
];
const WALL_CLOCKS: &[&str] = &["Utc::now", "Local::now", "SystemTime::now"];
/// Time in SQL comes from the database, never from a parameter of a machine's clock.
const PROGRAMS: &[&str] = &["src", "coordinator/src", "worker"];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("benches") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn only_those_who_may_look_at_the_wall_clock_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    PROGRAMS.iter().for_each(|folder| rust_files(&root.join(folder), &mut files));
    let mut readers = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if WALL_CLOCKS.iter().any(|clock| code.contains(clock)) {
            readers.push(file.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        }
    }
    readers.sort();
    let mut known: Vec<String> = READERS.iter().map(|(file, _)| (*file).to_owned()).collect();
    known.sort();
    assert_eq!(readers, known, "a clock that jumps must not move a call: use Instant, or the database's clock_timestamp()");
}
