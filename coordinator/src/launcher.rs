//! Starting workers, knowing which run, and learning how they ended.
//!
//! A launcher decides nothing: it starts the attempt it is given, and never one twice. What became of the call is read from
//! the database and the spool, never from an exit code alone.

pub mod docker;
pub mod last_words;
pub mod process;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use offhook::store::leases::AttemptId;

use crate::config::launcher::ContainerUser;

/// What a launcher is given.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Its folder, as this program sees it; the specification lies in it.
    pub folder: PathBuf,
}

/// A worker that a launcher knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Whether it runs; one that has ended is still here until it is removed.
    pub running: bool,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended.
    Ended {
        /// Its exit code, where it can be known.
        code: Option<i64>,
        /// The kernel killed it for its memory.
        out_of_memory: bool,
    },
    /// There is none: never started, or removed by somebody.
    Gone,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Ended { out_of_memory: true, .. } => f.write_str("was killed because it used more memory than it may"),
            Exit::Ended { code: Some(code), .. } => write!(f, "ended with exit code {code}"),
            Exit::Ended { code: None, .. } => f.write_str("ended"),
            Exit::Gone => f.write_str("is gone"),
        }
    }
}

/// A worker that could not be started, stopped or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// Somebody else's worker has this name. It is left alone.
    #[error(
        "{0} exists already, and not by us; give each installation on this machine its own OFFHOOK_NAMESPACE and OFFHOOK_SPOOL"
    )]
    NameTaken(String),
    /// Nothing to start.
    #[error("there is no image {0} on this machine; pull or build it, or set OFFHOOK_IMAGE")]
    NoImage(String),
    /// Nothing to start.
    #[error("the worker {0} cannot be started: {1}; set OFFHOOK_WORKER_PROGRAM to its path")]
    NoProgram(String, String),
    /// Nobody there to ask.
    #[error(
        "the Docker Engine at {0} does not answer: {1}; start it, or set OFFHOOK_DOCKER_HOST, or use OFFHOOK_LAUNCHER=process"
    )]
    NoEngine(String, String),
    /// The order was given, and the answer did not come: the worker may run, and may dial.
    #[error("the Docker Engine did not say whether it started the worker: {0}; check that it runs")]
    Unsure(String),
    /// It said no.
    #[error("the launcher failed: {0}")]
    Failed(String),
}

/// Starts workers; one implementation per engine.
#[async_trait]
pub trait Launcher: Send + Sync + std::fmt::Debug {
    /// The attempt's folder as the worker sees it.
    fn spool_of(&self, launch: &Launch) -> PathBuf;

    /// Who the folder must belong to; `None`: whoever runs this program.
    fn owner(&self) -> Option<ContainerUser>;

    /// Starts the worker of an attempt, once: a second launch of the same attempt is refused.
    async fn launch(&self, launch: &Launch) -> Result<(), LaunchError>;

    /// All workers of this installation on this machine.
    async fn list(&self) -> Result<Vec<Launched>, LaunchError>;

    /// Waits until the worker has ended. Goes on waiting while the engine is unreachable; the caller bounds it.
    async fn wait(&self, attempt: AttemptId) -> Exit;

    /// Asks the worker to leave (SIGTERM), and makes it (SIGKILL) after `grace`. One that is gone is fine.
    async fn stop(&self, attempt: AttemptId, grace: Duration) -> Result<(), LaunchError>;

    /// The end of what the worker wrote to its standard error, about [`last_words::MOST_BYTES`]; nothing where it cannot be read. Only before
    /// [`Launcher::remove`].
    async fn standard_error(&self, attempt: AttemptId) -> Vec<u8>;

    /// Removes what an ended worker left in the engine; no error where it is gone. The spool is not touched.
    async fn remove(&self, attempt: AttemptId) -> Result<(), LaunchError>;

    /// Whether a launch would work now, in a sentence.
    async fn check(&self) -> Result<String, LaunchError>;
}
