//! `offhook erase`: everything about a number is deleted, whether it was called or called for.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use offhook::{
    span::duration,
    store::{
        error::StoreError,
        retention::{self, Erasable},
    },
};
use serde_json::json;

use crate::config::database::{ConnectError, DatabaseConfig};

/// How often we look whether it is done.
const LOOK: Duration = Duration::from_millis(500);

/// The exit code where no call names the number, so that a script does not take a mistyped number for an erased one.
pub const NOTHING_FOUND: u8 = 3;

/// `offhook erase`
#[derive(Debug, clap::Args)]
pub struct Erase {
    /// A telephone number with its country code, such as +493012345678, or a sip: URI; exit code 3 where no call names it
    pub number: String,
    /// How long to wait until the coordinators have deleted all of it; `0s` does not wait
    #[arg(long, default_value = "2m", value_parser = duration)]
    pub wait: Duration,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// What keeps us from it.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not done in time.
    #[error(
        "{left} of {concerned} calls are still there: their recordings and event logs are deleted by a coordinator of the machine they lie on, \
         and a call under way is over first; see the logs of the coordinators, and run this again"
    )]
    NotYet {
        /// Calls that still name the number.
        left: i64,
        /// Calls there were.
        concerned: i32,
    },
}

impl Erase {
    /// Does it, and prints. [`NOTHING_FOUND`] where no call names the number: it may have been mistyped.
    ///
    /// # Errors
    /// [`EraseError`].
    pub async fn run(&self) -> Result<ExitCode, EraseError> {
        let pool = self.database.connect().await?;
        if self.dry_run {
            let found = retention::would_erase(&pool, &self.number).await?;
            match self.json {
                true => crate::outln!("{}", json!({ "dry_run": true, "would_erase": found })),
                false => crate::outln!("{}", sentence(&found)),
            }
            return Ok(if found.calls == 0 { ExitCode::from(NOTHING_FOUND) } else { ExitCode::SUCCESS });
        }
        let begun = Instant::now();
        let concerned = retention::erase(&pool, &self.number).await?;
        let left = loop {
            let left = retention::calls_about(&pool, &self.number).await?;
            if left == 0 || begun.elapsed() >= self.wait {
                break left;
            }
            tokio::time::sleep(LOOK).await;
        };
        if left > 0 && !self.wait.is_zero() {
            return Err(EraseError::NotYet { left, concerned });
        }
        match self.json {
            true => crate::outln!("{}", json!({ "concerned": concerned, "left": left })),
            false if concerned == 0 => {
                crate::outln!("no call names this number: nothing was deleted; make sure that it is the number that was meant");
            }
            false if left == 0 => crate::outln!("{concerned} calls are erased, with recordings, event logs and transcripts"),
            false => crate::outln!("{concerned} calls will be erased by the coordinators"),
        }
        Ok(if concerned == 0 { ExitCode::from(NOTHING_FOUND) } else { ExitCode::SUCCESS })
    }
}

/// What a dry run found.
fn sentence(found: &Erasable) -> String {
    let Erasable { calls, waiting, under_way, over, recordings, event_logs } = found;
    if *calls == 0 {
        return "no call names this number; nothing would be deleted".to_owned();
    }
    format!(
        "{calls} calls would be erased: {waiting} queued or held would be cancelled, {under_way} under way would be ended, {over} are over; with \
         {recordings} recordings, {event_logs} event logs and their transcripts. Nothing was deleted: leave out --dry-run to do it"
    )
}
