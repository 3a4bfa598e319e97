//! The settings: one struct per concern, each from flags or `OFFHOOK_*` variables; secrets also from files named by `OFFHOOK_*_FILE`.

pub mod database;
pub mod launcher;
pub mod limits;
pub mod log;
pub mod media;
pub mod providers;
pub mod queue;

use std::{convert::Infallible, path::PathBuf};

use offhook::secret::{Secret, SecretFileError};

/// Everything `run` and `check` need.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Where the calls are.
    #[command(flatten)]
    pub database: database::DatabaseConfig,
    /// How workers are started.
    #[command(flatten)]
    pub launcher: launcher::LauncherConfig,
    /// Sockets of calls.
    #[command(flatten)]
    pub media: media::MediaConfig,
    /// Hearing, thinking, speaking.
    #[command(flatten)]
    pub providers: providers::ProvidersConfig,
    /// Wall clocks of one call.
    #[command(flatten)]
    pub limits: limits::LimitsConfig,
    /// How much, how often.
    #[command(flatten)]
    pub queue: queue::QueueConfig,
}

/// A setting that is missing or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing given, and there is no default that could be right.
    #[error("{0} is not set; {1}")]
    Missing(&'static str, &'static str),
    /// The secret's file.
    #[error(transparent)]
    SecretFile(#[from] SecretFileError),
    /// Given, but no good.
    #[error("{0} cannot be used: {1}")]
    Unusable(&'static str, String),
}

/// A secret given as itself, or as a file; the file wins, so that a mounted secret overrides a default. Empty is not given,
/// and an empty file is none: a compose file names one whether there is a key or not.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn secret_or_file(value: Option<&Secret>, file: Option<&PathBuf>) -> Result<Option<Secret>, ConfigError> {
    let given = match file.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => Some(Secret::from_file(path)?),
        None => value.cloned(),
    };
    Ok(given.filter(|secret| !secret.expose().is_empty()))
}

/// For clap.
pub(crate) fn parse_secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_file_is_no_secret_and_counts_for_more_than_a_value() {
        let path = std::env::temp_dir().join(format!("offhook-secret-{}", uuid::Uuid::new_v4().simple()));
        let value = Secret::new("hunter2");
        std::fs::write(&path, "\n").unwrap();
        assert!(secret_or_file(Some(&value), Some(&path)).unwrap().is_none());
        std::fs::write(&path, "swordfish\n").unwrap();
        assert_eq!(secret_or_file(Some(&value), Some(&path)).unwrap().unwrap().expose(), "swordfish");
        assert_eq!(secret_or_file(Some(&value), Some(&PathBuf::new())).unwrap().unwrap().expose(), "hunter2");
        std::fs::remove_file(&path).unwrap();
    }
}
