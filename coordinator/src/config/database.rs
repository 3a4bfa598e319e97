//! Where the calls are.

use std::{path::PathBuf, time::Duration};

use offhook::{
    secret::Secret,
    span::duration,
    store::{connect, error::StoreError},
};
use sqlx::PgPool;

use super::{ConfigError, parse_secret, secret_or_file};

/// Connections to Postgres.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// postgres://user:password@host:5432/database, as the owner of the schema
    #[arg(long, env = "OFFHOOK_DATABASE_URL", hide_env_values = true, value_parser = parse_secret, global = true)]
    pub database_url: Option<Secret>,
    /// A file with the same; wins over the variable
    #[arg(long, env = "OFFHOOK_DATABASE_URL_FILE", global = true)]
    pub database_url_file: Option<PathBuf>,
    /// What workers connect to, as a role that may only run the worker_* functions; the coordinator's own URL where not set
    #[arg(long, env = "OFFHOOK_WORKER_DATABASE_URL", hide_env_values = true, value_parser = parse_secret, global = true)]
    pub worker_database_url: Option<Secret>,
    /// A file with the same; wins over the variable
    #[arg(long, env = "OFFHOOK_WORKER_DATABASE_URL_FILE", global = true)]
    pub worker_database_url_file: Option<PathBuf>,
    /// Where LISTEN works, if OFFHOOK_DATABASE_URL goes through a pooler in transaction mode
    #[arg(long, env = "OFFHOOK_LISTEN_DATABASE_URL", hide_env_values = true, value_parser = parse_secret, global = true)]
    pub listen_database_url: Option<Secret>,
    /// A file with the same; wins over the variable
    #[arg(long, env = "OFFHOOK_LISTEN_DATABASE_URL_FILE", global = true)]
    pub listen_database_url_file: Option<PathBuf>,
    /// The most connections of this program
    #[arg(long, env = "OFFHOOK_DATABASE_CONNECTIONS", default_value_t = 10, global = true, value_parser = clap::value_parser!(u32).range(2..))]
    pub database_connections: u32,
    /// How long a statement waits for a connection before it fails
    #[arg(long, env = "OFFHOOK_DATABASE_TIMEOUT", default_value = "5s", global = true, value_parser = duration)]
    pub database_timeout: Duration,
}

impl DatabaseConfig {
    /// The coordinator's URL.
    ///
    /// # Errors
    /// Where neither it nor its file is given.
    pub fn url(&self) -> Result<Secret, ConfigError> {
        secret_or_file(self.database_url.as_ref(), self.database_url_file.as_ref())?.ok_or(ConfigError::Missing(
            "OFFHOOK_DATABASE_URL",
            "set it to postgres://user:password@host:5432/database, or OFFHOOK_DATABASE_URL_FILE to a file with that",
        ))
    }

    /// What workers connect to, and whether it is a URL of their own.
    ///
    /// # Errors
    /// Where a file cannot be read, or no URL is given at all.
    pub fn worker_url(&self) -> Result<(Secret, bool), ConfigError> {
        match secret_or_file(self.worker_database_url.as_ref(), self.worker_database_url_file.as_ref())? {
            Some(own) => Ok((own, true)),
            None => Ok((self.url()?, false)),
        }
    }

    /// Where LISTEN works.
    ///
    /// # Errors
    /// As [`DatabaseConfig::url`].
    pub fn listen_url(&self) -> Result<Secret, ConfigError> {
        match secret_or_file(self.listen_database_url.as_ref(), self.listen_database_url_file.as_ref())? {
            Some(own) => Ok(own),
            None => self.url(),
        }
    }

    /// Opens the pool.
    ///
    /// # Errors
    /// Where the URL is missing or nothing answers.
    pub async fn connect(&self) -> Result<PgPool, ConnectError> {
        Ok(connect::connect(&self.url()?, self.url_setting(), self.database_connections, self.database_timeout).await?)
    }

    /// The setting that the coordinator's URL is read from.
    pub fn url_setting(&self) -> &'static str {
        named(self.database_url_file.as_ref(), "OFFHOOK_DATABASE_URL", "OFFHOOK_DATABASE_URL_FILE")
    }

    /// The setting that the workers' URL is read from.
    pub fn worker_url_setting(&self) -> &'static str {
        match self.worker_url() {
            Ok((_, false)) => self.url_setting(),
            _ => named(self.worker_database_url_file.as_ref(), "OFFHOOK_WORKER_DATABASE_URL", "OFFHOOK_WORKER_DATABASE_URL_FILE"),
        }
    }

    /// The setting that the URL for LISTEN is read from.
    pub fn listen_url_setting(&self) -> &'static str {
        match secret_or_file(self.listen_database_url.as_ref(), self.listen_database_url_file.as_ref()) {
            Ok(None) => self.url_setting(),
            _ => named(self.listen_database_url_file.as_ref(), "OFFHOOK_LISTEN_DATABASE_URL", "OFFHOOK_LISTEN_DATABASE_URL_FILE"),
        }
    }
}

/// The name of the file's setting where a file is given, as [`secret_or_file`] decides.
fn named(file: Option<&PathBuf>, value: &'static str, file_setting: &'static str) -> &'static str {
    if file.is_some_and(|path| !path.as_os_str().is_empty()) { file_setting } else { value }
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
