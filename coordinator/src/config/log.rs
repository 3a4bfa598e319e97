//! What the program says of itself, on standard error.

use tracing_subscriber::EnvFilter;

/// Lines for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// The log.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogConfig {
    /// What is logged, as in `info` or `offhook_coordinator=debug,sqlx=warn`
    #[arg(long, env = "OFFHOOK_LOG", default_value = offhook::log::DEFAULT_FILTER, global = true)]
    pub log: String,
    /// Lines for people or for machines
    #[arg(long, env = "OFFHOOK_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
}

impl LogConfig {
    /// Starts logging. A second call in one process does nothing.
    ///
    /// # Errors
    /// Where the filter cannot be read.
    pub fn start(&self) -> Result<(), super::ConfigError> {
        let filter =
            EnvFilter::try_new(&self.log).map_err(|error| super::ConfigError::Unusable("OFFHOOK_LOG", error.to_string()))?;
        let lines =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(offhook::log::is_coloured());
        // An error means that a subscriber is there already: it stays.
        let _ = match self.log_format {
            LogFormat::Text => lines.try_init(),
            LogFormat::Json => lines.json().try_init(),
        };
        Ok(())
    }
}
