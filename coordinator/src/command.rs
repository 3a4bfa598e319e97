//! The command line: `offhook setup | settings | run | migrate | check | status | pause | resume | call … | trunk … | erase … | rehearse …`.

pub mod add;
pub mod call;
pub mod call_error;
mod call_line;
pub mod erase;
pub mod import;
pub mod pause;
pub mod rehearse;
pub mod settings;
pub mod setup;
pub mod status;
pub mod trunk;
pub mod watch;

use chrono::{DateTime, Utc};
use offhook::store::error::StoreError;
use sqlx::PgPool;

use crate::config::{Config, database::DatabaseConfig, log::LogConfig};

/// The moment it is for the queue: this machine's clock may be another one.
async fn database_now(pool: &PgPool) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar("select clock_timestamp()").fetch_one(pool).await?)
}

/// Makes reservation calls out of a queue in Postgres.
#[derive(Debug, clap::Parser)]
#[command(name = "offhook", version, max_term_width = 110)]
pub struct CommandLine {
    /// The file of the settings; empty: none. Variables and flags count for more
    #[arg(long, env = "OFFHOOK_SETTINGS", default_value = crate::settings::DEFAULT_FILE, global = true)]
    pub settings: String,
    /// The log.
    #[command(flatten)]
    pub log: LogConfig,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make this machine ready: database, roles, model servers, a first trunk; asks, or takes flags, and may be run again
    Setup(Box<setup::Setup>),
    /// Print the file of the settings, or bring it up to this version
    Settings(settings::SettingsCommand),
    /// Claim due calls, start their workers, settle what comes back; until SIGTERM
    Run(Box<Run>),
    /// Bring the database's schema up to this version
    Migrate(Migrate),
    /// Look at everything a call will need; each line is ok or says what to do
    Check(Box<Check>),
    /// How things are: calls, trunks, coordinators
    Status(Box<status::StatusCommand>),
    /// No new calls, in all or over one trunk; those under way go on
    Pause(Box<pause::Pause>),
    /// End a pause
    Resume(Box<pause::Resume>),
    /// Add, import, look at, put off and take back calls
    Call(Box<call::Call>),
    /// Delete everything about a number
    Erase(Box<erase::Erase>),
    /// Look at trunks
    Trunk(Box<trunk::Trunk>),
    /// Hold the conversation of a call on the terminal, by text: whoever types is the restaurant
    Rehearse(Box<rehearse::Rehearse>),
}

impl Command {
    /// Whether it makes the file of the settings where that is not there, or shows what would be in it.
    pub fn makes_the_file(&self) -> bool {
        match self {
            Command::Setup(_) => true,
            Command::Settings(settings) => !settings.check,
            _ => false,
        }
    }
}

/// `offhook run`
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Bring the schema up to date first
    #[arg(long, env = "OFFHOOK_MIGRATE")]
    pub migrate: bool,
    /// The settings.
    #[command(flatten)]
    pub config: Config,
}

/// `offhook migrate`
#[derive(Debug, clap::Args)]
pub struct Migrate {
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// `offhook check`
#[derive(Debug, clap::Args)]
pub struct Check {
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
    /// The settings.
    #[command(flatten)]
    pub config: Config,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_of_the_command_line_fit_together() {
        CommandLine::command().debug_assert();
    }
}
