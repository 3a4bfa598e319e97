//! `offhook pause` and `offhook resume`: no new calls, in all or over one trunk. Plain SQL does the same: the columns `paused` and
//! `pause_reason` of `installation` and `trunks`.

use offhook::store::{error::StoreError, pauses};
use serde_json::json;

use crate::config::database::{ConnectError, DatabaseConfig};

/// `offhook pause`
#[derive(Debug, clap::Args)]
pub struct Pause {
    /// Only this trunk; all calls where absent
    #[arg(long)]
    pub trunk: Option<String>,
    /// Why, for those who wonder
    #[arg(long)]
    pub reason: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// `offhook resume`
#[derive(Debug, clap::Args)]
pub struct Resume {
    /// Only this trunk; all calls where absent
    #[arg(long)]
    pub trunk: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// What keeps us from it.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database, or no such trunk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Pause {
    /// Does it, and says so.
    ///
    /// # Errors
    /// [`PauseError`].
    pub async fn run(&self) -> Result<(), PauseError> {
        let pool = self.database.connect().await?;
        let changed = pauses::pause(&pool, self.trunk.as_deref(), self.reason.as_deref()).await?;
        let sentence = match changed {
            true => format!("no new calls {}; those under way go on", over(self.trunk.as_deref())),
            false => format!("calls {} were paused already", over(self.trunk.as_deref())),
        };
        tell(self.json, true, changed, self.trunk.as_deref(), &sentence);
        Ok(())
    }
}

impl Resume {
    /// Does it, and says so.
    ///
    /// # Errors
    /// [`PauseError`].
    pub async fn run(&self) -> Result<(), PauseError> {
        let pool = self.database.connect().await?;
        let changed = pauses::resume(&pool, self.trunk.as_deref()).await?;
        let sentence = match changed {
            true => format!("calls {} are made again", over(self.trunk.as_deref())),
            false => format!("calls {} were not paused", over(self.trunk.as_deref())),
        };
        tell(self.json, false, changed, self.trunk.as_deref(), &sentence);
        Ok(())
    }
}

fn over(trunk: Option<&str>) -> String {
    trunk.map_or_else(|| "over any trunk".to_owned(), |trunk| format!("over trunk {trunk}"))
}

fn tell(as_json: bool, paused: bool, changed: bool, trunk: Option<&str>, sentence: &str) {
    match as_json {
        true => crate::outln!("{}", json!({ "paused": paused, "changed": changed, "trunk": trunk })),
        false => crate::outln!("{sentence}"),
    }
}
