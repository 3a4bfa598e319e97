//! Replays the event logs of the calls a test has made: the same events must lead to the same actions.

use std::path::{Path, PathBuf};

use offhook::attempt::EVENT_LOG_FILE;
use offhook_conversation::replay::{Replayed, replay};

/// Replays a log. One that was cut off before its first line ended, as by a worker that was killed, has nothing to replay.
pub fn replayed(log: &Path) -> Result<Option<Replayed>, String> {
    let text = std::fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
    if !text.contains(&b'\n') {
        return Ok(None);
    }
    replay(&text[..]).map(Some).map_err(|error| format!("{}: {error}", log.display()))
}

/// Replays the log of every attempt in this spool.
///
/// # Panics
/// Where one does not replay: file, line, and what differs.
pub fn replay_all(spool: &Path) {
    let wrong: Vec<String> = logs(spool).iter().filter_map(|log| replayed(log).err()).collect();
    assert!(wrong.is_empty(), "event logs that do not replay:\n{}", wrong.join("\n"));
}

fn logs(spool: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(spool).into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(EVENT_LOG_FILE)).filter(|log| log.is_file()).collect()
}
