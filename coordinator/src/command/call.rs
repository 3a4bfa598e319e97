//! `offhook call …`: what a person does with calls from a shell. Plain SQL does the same.

use std::{fmt::Write, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use offhook::{
    call::CallState,
    span::duration,
    store::{
        calls::{self, CallResult},
        events::{self as history, EventRow, TurnRow},
        why_not_yet::{self, Obstacle},
    },
};
use serde_json::json;
use sqlx::PgPool;

use super::{add::Add, call_error::CallError, call_line::line, import::Import, watch};
use crate::config::database::DatabaseConfig;

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
    /// Put many calls into the queue, from a file
    Import(Box<Import>),
    /// One call: its result, why it has not been made yet, what happened, what was said
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
    /// Put a call off; uses up no attempt
    Snooze {
        /// Its number
        id: i64,
        /// When to call again
        #[command(flatten)]
        moment: Moment,
    },
    /// Let a held call go: it is made again, or with --finish it is over
    Release {
        /// Its number
        id: i64,
        /// It is over
        #[arg(long)]
        finish: bool,
    },
    /// Take calls back; one that rings or talks is ended politely
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Cancel {
        /// Their numbers
        #[arg(group = "which")]
        ids: Vec<i64>,
        /// All that are being made now: claimed, dialing and talking; `offhook pause` first, or new ones begin
        #[arg(long, group = "which")]
        under_way: bool,
    },
}

/// A moment to come.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Moment {
    /// Not before this moment, such as 2026-12-01T10:00:00Z
    #[arg(long)]
    pub until: Option<DateTime<Utc>>,
    /// Not for so long, such as 90m or 2h
    #[arg(long = "for", value_parser = duration)]
    pub pause: Option<Duration>,
}

impl Moment {
    /// Seen from `now`. The end of time where the pause is longer than a calendar; the database refuses it.
    fn after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let pause = self.pause.and_then(|pause| chrono::TimeDelta::from_std(pause).ok());
        self.until.or_else(|| now.checked_add_signed(pause?)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Call {
    /// Does it, printing to standard output.
    ///
    /// # Errors
    /// [`CallError`]: what was wrong and what to do.
    pub async fn run(&self) -> Result<ExitCode, CallError> {
        let pool = self.database.connect().await?;
        match &self.command {
            CallCommand::Add(add) => {
                let id = calls::add(&pool, &add.as_ref().into()).await?;
                self.print_call(&pool, id, due).await?;
            }
            CallCommand::Import(import) => return Ok(import.run(&pool, self.json).await?),
            CallCommand::List { state, limit } => {
                for call in calls::list(&pool, *state, *limit).await? {
                    self.print(&call, line);
                }
            }
            CallCommand::Show { id } => self.show(&pool, *id).await?,
            CallCommand::Watch { ids } => watch::watch(&pool, &self.database, ids, self.json).await?,
            CallCommand::Snooze { id, moment } => {
                calls::snooze(&pool, *id, moment.after(super::database_now(&pool).await?))
                    .await?
                    .ok_or(CallError::Unknown(*id))?;
                self.print_call(&pool, *id, due).await?;
            }
            CallCommand::Release { id, finish } => {
                calls::release(&pool, *id, *finish).await?.ok_or(CallError::Unknown(*id))?;
                self.print_call(&pool, *id, due).await?;
            }
            CallCommand::Cancel { ids, under_way: false } => {
                for id in ids {
                    calls::cancel(&pool, *id).await?.ok_or(CallError::Unknown(*id))?;
                    self.print_call(&pool, *id, taken_back).await?;
                }
            }
            CallCommand::Cancel { under_way: true, .. } => {
                let live = calls::cancel_under_way(&pool).await?;
                for id in &live {
                    self.print_call(&pool, *id, taken_back).await?;
                }
                if live.is_empty() && !self.json {
                    crate::outln!("no call is under way");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self, pool: &PgPool, id: i64) -> Result<(), CallError> {
        let call = calls::find(pool, id).await?.ok_or(CallError::Unknown(id))?;
        let events = history::events(pool, id, 0).await?;
        let turns = history::turns(pool, id).await?;
        let obstacles = why_not_yet::obstacles(pool, id).await?;
        if self.json {
            crate::outln!("{}", json!({ "call": call, "why_not_yet": obstacles, "events": events, "turns": turns }));
        } else {
            crate::out!("{}", page(&call, &obstacles, &events, &turns));
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
            crate::outln!("{}", json!(call));
        } else {
            crate::outln!("{}", text(call));
        }
    }
}

/// The state of a call, and when it is due if it waits.
fn due(call: &CallResult) -> String {
    match call.state {
        CallState::Queued => format!("call {} is queued, due {}", call.id, call.due_at.format("%F %T UTC")),
        state => format!("call {} is {}", call.id, state.as_str()),
    }
}

/// What becomes of a call that was taken back.
fn taken_back(call: &CallResult) -> String {
    match call.state.is_final() {
        true => format!("call {} is {}", call.id, call.state.as_str()),
        false => format!("call {} is under way; its worker ends it within seconds", call.id),
    }
}

fn page(call: &CallResult, obstacles: &[Obstacle], events: &[EventRow], turns: &[TurnRow]) -> String {
    let mut page = line(call) + "\n";
    if !call.state.is_final() {
        let sentences: Vec<&str> = obstacles.iter().take(2).map(|obstacle| obstacle.sentence.as_str()).collect();
        let _ = writeln!(page, "        {}", sentences.join(" "));
    }
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(page, "        {name}: {value}");
        }
    };
    field("agreed for", call.agreed_party.map(|party| party.to_string()));
    field("under the name", call.agreed_name.clone());
    field("reference", call.reference.clone());
    field("notes", call.notes.clone());
    field(
        "ended by",
        call.ended_by.as_ref().map(|by| match call.ended_cause {
            Some(cause) => format!("{by}, cause {cause}"),
            None => by.clone(),
        }),
    );
    field("spoiled by", call.failed_provider.clone());
    field("detail", call.detail.clone());
    field("recording", call.recording.clone());
    field("event log", call.event_log.clone());
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
