//! `offhook call …`: what a person does with calls from a shell. Plain SQL does the same.

use std::fmt::Write;

use offhook::{
    call::CallState,
    store::{
        calls::{self, CallResult},
        refusal::StoreError,
        watch::{self as history, EventRow, TurnRow},
    },
};
use serde_json::json;
use sqlx::PgPool;

use super::{add::Add, watch};
use crate::config::database::{ConnectError, DatabaseConfig};

/// `offhook call`
#[derive(Debug, clap::Args)]
pub struct Call {
    /// JSON instead of text, one object per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// What.
    #[command(subcommand)]
    pub command: CallCommand,
}

/// What to do with calls.
#[derive(Debug, clap::Subcommand)]
pub enum CallCommand {
    /// Put a call into the queue
    Add(Box<Add>),
    /// The newest calls
    List {
        /// Only those in this state
        #[arg(long, value_parser = state)]
        state: Option<CallState>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
    /// One call: its result, what happened, what was said
    Show {
        /// Its number
        id: i64,
    },
    /// Follow calls until each is over or waits for a person
    Watch {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Take a call back
    Cancel {
        /// Its number
        id: i64,
    },
}

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Wrong number.
    #[error("there is no call {0}; `offhook call list` shows those there are")]
    Unknown(i64),
}

impl Call {
    /// Does it, printing to standard output.
    ///
    /// # Errors
    /// [`CallError`]: what was wrong and what to do.
    pub async fn run(&self) -> Result<(), CallError> {
        let pool = self.database.connect().await?;
        match &self.command {
            CallCommand::Add(add) => {
                let id = calls::add(&pool, &add.as_ref().into()).await?;
                self.print_call(&pool, id, |call| format!("call {id} is {}, due {}", call.state.as_str(), call.due_at)).await
            }
            CallCommand::List { state, limit } => {
                for call in calls::list(&pool, *state, *limit).await? {
                    self.print(&call, line);
                }
                Ok(())
            }
            CallCommand::Show { id } => self.show(&pool, *id).await,
            CallCommand::Watch { ids } => watch::watch(&pool, &self.database, ids, self.json).await,
            CallCommand::Cancel { id } => {
                calls::cancel(&pool, *id).await?.ok_or(CallError::Unknown(*id))?;
                self.print_call(&pool, *id, |call| match call.state.is_final() {
                    true => format!("call {id} is {}", call.state.as_str()),
                    false => format!("call {id} is under way; its worker ends it within seconds"),
                })
                .await
            }
        }
    }

    async fn show(&self, pool: &PgPool, id: i64) -> Result<(), CallError> {
        let call = calls::find(pool, id).await?.ok_or(CallError::Unknown(id))?;
        let events = history::events(pool, id, 0).await?;
        let turns = history::turns(pool, id).await?;
        if self.json {
            println!("{}", json!({ "call": call, "events": events, "turns": turns }));
        } else {
            print!("{}", page(&call, &events, &turns));
        }
        Ok(())
    }

    async fn print_call(&self, pool: &PgPool, id: i64, text: impl Fn(&CallResult) -> String) -> Result<(), CallError> {
        let call = calls::find(pool, id).await?.ok_or(CallError::Unknown(id))?;
        self.print(&call, text);
        Ok(())
    }

    fn print(&self, call: &CallResult, text: impl Fn(&CallResult) -> String) {
        if self.json {
            println!("{}", json!(call));
        } else {
            println!("{}", text(call));
        }
    }
}

/// One call in one line.
pub(super) fn line(call: &CallResult) -> String {
    let mut line = format!(
        "{:>6}  {:<9}  {:<18}  {} {} for {:>2}  {}",
        call.id,
        call.state.as_str(),
        call.outcome.map(|outcome| outcome.as_str()).or(call.disposition.map(|disposition| disposition.as_str())).unwrap_or("-"),
        call.wanted_date,
        call.wanted_time.format("%H:%M"),
        call.party_size,
        call.restaurant_name,
    );
    if let (Some(date), Some(time)) = (call.agreed_date, call.agreed_time) {
        let _ = write!(line, "  agreed: {date} {}", time.format("%H:%M"));
    }
    if let Some(why) = &call.why {
        let _ = write!(line, "  ({why})");
    }
    line
}

fn page(call: &CallResult, events: &[EventRow], turns: &[TurnRow]) -> String {
    let mut page = line(call) + "\n";
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(page, "        {name}: {value}");
        }
    };
    field("agreed for", call.agreed_party.map(|party| party.to_string()));
    field("under the name", call.agreed_name.clone());
    field("reference", call.reference.clone());
    field("notes", call.notes.clone());
    field("recording", call.recording.clone());
    for event in events {
        let attempt = event.attempt.map(|attempt| format!(" #{attempt}")).unwrap_or_default();
        let _ = writeln!(page, "{}{attempt} {} {}", event.at.format("%F %T%.3f"), event.kind, event.detail.0);
    }
    for turn in turns {
        let _ = writeln!(page, "#{} {:>7.1}s {:<6} {}", turn.attempt, turn.started_ms as f64 / 1000.0, turn.speaker, turn.text);
    }
    page
}

fn state(text: &str) -> Result<CallState, String> {
    let known = CallState::ALL.into_iter().find(|state| state.as_str() == text);
    known.ok_or_else(|| format!("\"{text}\" is not one of {}", CallState::ALL.map(CallState::as_str).join(", ")))
}
