//! `offhook trunk …`: how the trunks are. Plain SQL does the same: `select * from trunk_status`.

use std::fmt::Write;

use offhook::store::{
    error::StoreError,
    trunks::{self, TrunkStatus},
};
use serde_json::json;

use crate::config::database::{ConnectError, DatabaseConfig};

/// `offhook trunk`
#[derive(Debug, clap::Args)]
pub struct Trunk {
    /// JSON instead of text, one object per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// What.
    #[command(subcommand)]
    pub command: TrunkCommand,
}

/// What to do with trunks.
#[derive(Debug, clap::Subcommand)]
pub enum TrunkCommand {
    /// All of them: whether each is ready, its circuit breaker open or half open, and how full it is
    List,
}

/// What keeps us from it.
#[derive(Debug, thiserror::Error)]
pub enum TrunkError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trunk {
    /// Does it, and prints.
    ///
    /// # Errors
    /// [`TrunkError`].
    pub async fn run(&self) -> Result<(), TrunkError> {
        let pool = self.database.connect().await?;
        match self.command {
            TrunkCommand::List => {
                for trunk in trunks::status(&pool).await? {
                    match self.json {
                        true => crate::outln!("{}", json!(trunk)),
                        false => crate::outln!("{}", line(&trunk)),
                    }
                }
            }
        }
        Ok(())
    }
}

/// One trunk in one line.
pub(super) fn line(trunk: &TrunkStatus) -> String {
    let mut line = format!("{:<20}  {:<8}  {:>5}/{:<5}", trunk.name, trunk.state, trunk.live, trunk.max_concurrent);
    let host = trunk.host.as_deref().unwrap_or("where a sip: URI points");
    let port = trunk.port.map(|port| format!(" {port}")).unwrap_or_default();
    let transport = trunk.transport.as_ref().map(|transport| format!(" {transport}")).unwrap_or_default();
    let _ = write!(line, "  {host}{port}{transport}");
    if let Some(until) = trunk.paused_until.filter(|_| trunk.state == "resting") {
        let _ = write!(line, "  until {}", until.format("%F %T UTC"));
    }
    if let Some(reason) = &trunk.pause_reason {
        let _ = write!(line, "  ({reason})");
    }
    if trunk.failures > 0 {
        let _ = write!(line, "  {} failures in a row", trunk.failures);
    }
    if !trunk.fallback.is_empty() {
        let _ = write!(line, "  falls back to {}", trunk.fallback.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_trunk_is() {
        let trunk = TrunkStatus {
            name: "berlin-1".into(),
            host: Some("sip.example.org".into()),
            port: Some(5061),
            transport: Some("tls".into()),
            state: "resting".into(),
            pause_reason: None,
            paused_until: chrono::DateTime::from_timestamp(1_900_000_000, 0),
            failures: 5,
            live: 1,
            max_concurrent: 10,
            fallback: vec!["hamburg".into()],
        };
        assert_eq!(
            line(&trunk),
            "berlin-1              resting       1/10     sip.example.org 5061 tls  until 2030-03-17 17:46:40 UTC  \
             5 failures in a row  falls back to hamburg"
        );
    }
}
