//! The unit of systemd: started at the end, or told to take the new settings.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use crate::check::Finding;

/// The unit that `make install` brings.
const UNIT: &str = "offhook.service";

/// A unit that does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// systemctl.
    #[error("systemctl {0} failed: {1}; look with: journalctl -u offhook")]
    Failed(String, String),
}

/// Starts it, if calls can be made and there is a systemd to do it; otherwise says what to do. `changed`: one that runs reads its
/// settings again, which ends no call.
///
/// # Errors
/// Where systemd refuses.
pub(super) async fn start(good: bool, changed: bool) -> Result<Finding, ServiceError> {
    // As sd_booted(3) tells.
    let booted = Path::new("/run/systemd/system").is_dir();
    let installed = booted && systemctl(&["cat", UNIT]).is_ok();
    let running = installed && systemctl(&["is-active", "--quiet", UNIT]).is_ok();
    let detail = match (good, booted, installed) {
        (false, _, true) if running => {
            "runs on with what it read at its start: put right what FAILs, then `systemctl reload offhook`"
        }
        (false, _, true) => "not started: put right what FAILs, then `offhook check`, and `systemctl enable --now offhook`",
        (false, _, false) => "not started: put right what FAILs, then `offhook check`, and `offhook run`",
        (true, false, _) => "systemd does not run here (a container, perhaps); start `offhook run` by other means",
        (true, true, false) => "there is no unit: run `make install`, or start `offhook run` by other means",
        (true, true, true) => {
            systemctl(&["enable", "--quiet", "--now", UNIT])?;
            if running && changed {
                systemctl(&["reload", UNIT])?;
                "runs, with the new settings; calls under way go on"
            } else if running {
                "runs already"
            } else {
                "started, and starts with the machine; its log: journalctl -u offhook"
            }
        }
    };
    Ok(Finding { subject: "service".to_owned(), ok: good, detail: detail.to_owned() })
}

fn systemctl(arguments: &[&str]) -> Result<(), ServiceError> {
    let failed = |said: String| ServiceError::Failed(arguments.join(" "), said);
    let output =
        Command::new("systemctl").args(arguments).stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
