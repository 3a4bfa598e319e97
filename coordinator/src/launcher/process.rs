//! One child process per attempt: for development, tests, and machines without an engine.
//!
//! A worker outlives its coordinator: it is in a process group of its own, and its number and start time are in its folder, so
//! that the next coordinator finds it again (and never mistakes a later process of the same number for it).

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use offhook::{attempt::SPECIFICATION_FILE, store::leases::AttemptId};
use rustix::{
    fs::OFlags,
    process::{Pid, Signal, kill_process},
};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use super::{Exit, Launch, LaunchError, Launched, Launcher, last_words::MOST_BYTES};
use crate::{
    config::launcher::{ContainerUser, LauncherConfig},
    spool::Spool,
};

/// Number and start time of the worker's process.
const PROCESS_FILE: &str = "process.json";
/// What the worker writes to its standard streams.
const LOG_FILE: &str = "worker.log";
/// The worker, where the settings name no other.
const DEFAULT_PROGRAM: &str = "offhook-worker";
/// How often a process that is not our child is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Child processes.
#[derive(Debug)]
pub struct ProcessLauncher {
    program: String,
    /// What the worker finds in its environment, besides PATH.
    environment: Vec<(&'static str, String)>,
    spool: Spool,
    children: Mutex<HashMap<AttemptId, Arc<tokio::sync::Mutex<Child>>>>,
}

/// A process, distinguished from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    pid: i32,
    /// In clock ticks since boot: field 22 of `/proc/<pid>/stat`, proc(5).
    started: u64,
}

impl ProcessLauncher {
    /// Starts the program of the settings, or `offhook-worker` on the PATH, in folders of `spool`.
    pub fn new(config: &LauncherConfig, spool: Spool) -> Self {
        let program = config.program().unwrap_or(DEFAULT_PROGRAM).to_owned();
        ProcessLauncher { program, environment: config.worker_environment(), spool, children: Mutex::default() }
    }

    /// The worker's process, if it runs.
    fn running(&self, attempt: AttemptId) -> Option<Process> {
        let folder = self.spool.folder(attempt);
        let noted: Option<Process> = fs::read(folder.join(PROCESS_FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        match noted {
            Some(process) => {
                (start_time(process.pid) == Some(process.started) && serves(process.pid, &folder)).then_some(process)
            }
            // Died between starting it and noting it: look for it by what it was started with.
            None => {
                processes().find(|pid| serves(*pid, &folder)).and_then(|pid| Some(Process { pid, started: start_time(pid)? }))
            }
        }
    }

    fn child(&self, attempt: AttemptId) -> Option<Arc<tokio::sync::Mutex<Child>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt).cloned()
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    fn spool_of(&self, launch: &Launch) -> PathBuf {
        launch.folder.clone()
    }

    fn owner(&self) -> Option<ContainerUser> {
        None
    }

    async fn launch(&self, launch: &Launch) -> Result<(), LaunchError> {
        let failed = |error: std::io::Error| LaunchError::Failed(error.to_string());
        let log = File::options().create_new(true).append(true).open(launch.folder.join(LOG_FILE)).map_err(|error| {
            match error.kind() {
                // The log is made with the first launch: there was one.
                std::io::ErrorKind::AlreadyExists => LaunchError::NameTaken(format!("the worker of {}", launch.folder.display())),
                _ => failed(error),
            }
        })?;
        let child = Command::new(&self.program)
            .arg(launch.folder.join(SPECIFICATION_FILE))
            // Our settings, secrets among them, are none of the worker's business.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .map_err(|error| LaunchError::NoProgram(self.program.clone(), error.to_string()))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(process) = pid.and_then(|pid| Some(Process { pid, started: start_time(pid)? })) {
            let noted = serde_json::to_vec(&process).map_err(std::io::Error::other);
            // It runs, whatever the disk says; without the note it is found by what it was started with.
            if let Err(error) = noted.and_then(|text| fs::write(launch.folder.join(PROCESS_FILE), text)) {
                tracing::warn!(attempt = %launch.attempt, %error, "the worker's process number is not noted");
                let _ = fs::remove_file(launch.folder.join(PROCESS_FILE));
            }
        }
        let child = Arc::new(tokio::sync::Mutex::new(child));
        self.children.lock().unwrap_or_else(PoisonError::into_inner).insert(launch.attempt, child);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Launched>, LaunchError> {
        let attempts = self.spool.attempts().map_err(|error| LaunchError::Failed(error.to_string()))?;
        let launched = attempts.into_iter().filter(|attempt| self.spool.folder(*attempt).join(LOG_FILE).exists());
        Ok(launched.map(|attempt| Launched { attempt, running: self.running(attempt).is_some() }).collect())
    }

    async fn wait(&self, attempt: AttemptId) -> Exit {
        if let Some(child) = self.child(attempt) {
            let status = child.lock().await.wait().await;
            return Exit::Ended { code: status.ok().and_then(|status| status.code()).map(i64::from), out_of_memory: false };
        }
        if !self.spool.folder(attempt).join(LOG_FILE).exists() {
            return Exit::Gone;
        }
        while self.running(attempt).is_some() {
            tokio::time::sleep(LOOK).await;
        }
        Exit::Ended { code: None, out_of_memory: false }
    }

    async fn stop(&self, attempt: AttemptId, grace: Duration) -> Result<(), LaunchError> {
        let Some(process) = self.running(attempt) else { return Ok(()) };
        signal(process, Signal::TERM)?;
        let left = async {
            while start_time(process.pid) == Some(process.started) && self.running(attempt).is_some() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(grace, left).await.is_err() {
            signal(process, Signal::KILL)?;
        }
        Ok(())
    }

    async fn standard_error(&self, attempt: AttemptId) -> Vec<u8> {
        let path = self.spool.folder(attempt).join(LOG_FILE);
        tokio::task::spawn_blocking(move || end_of(&path)).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn remove(&self, attempt: AttemptId) -> Result<(), LaunchError> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
        let folder = self.spool.folder(attempt);
        for name in [PROCESS_FILE, LOG_FILE] {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(LaunchError::Failed(error.to_string())),
                _ => {}
            }
        }
        Ok(())
    }

    async fn check(&self) -> Result<String, LaunchError> {
        let found = if self.program.contains('/') {
            Some(PathBuf::from(&self.program)).filter(|path| path.is_file())
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|folder| folder.join(&self.program)).find(|path| path.is_file())
        };
        match found {
            Some(path) => Ok(format!("workers are processes of {}", path.display())),
            None => Err(LaunchError::NoProgram(self.program.clone(), "there is no such file".into())),
        }
    }
}

/// The last [`MOST_BYTES`] of a file. A link is none: a worker had a hand in it.
fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::options().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
    let surplus = file.metadata()?.len().saturating_sub(MOST_BYTES as u64);
    file.seek(SeekFrom::Start(surplus))?;
    let mut written = Vec::new();
    file.take(MOST_BYTES as u64).read_to_end(&mut written)?;
    Ok(written)
}

fn signal(process: Process, signal: Signal) -> Result<(), LaunchError> {
    match Pid::from_raw(process.pid) {
        Some(pid) if start_time(process.pid) == Some(process.started) => match kill_process(pid, signal) {
            Err(error) if error != rustix::io::Errno::SRCH => Err(LaunchError::Failed(error.to_string())),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether the process was started with the specification in `folder`. A zombie has no arguments any more and serves nothing.
fn serves(pid: i32, folder: &Path) -> bool {
    let specification = folder.join(SPECIFICATION_FILE);
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == specification.as_os_str().as_encoded_bytes())
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process's start, in clock ticks since boot. The name before it may contain anything, so fields count from its last `)`.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_start_time_and_nobody_has_the_number_zero() {
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        assert!(start_time(own).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_time(0), None);
        assert!(processes().any(|pid| pid == own));
    }
}
