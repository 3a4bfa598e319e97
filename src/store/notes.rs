//! What a worker noted and could not send to the database before it ended. Its own functions (migrations/functions/worker.sql) would have
//! written the same; what has arrived already is not written twice.

use sqlx::PgConnection;

use super::{
    error::StoreError,
    leases::{AttemptId, number},
    worker::{Note, Step, milliseconds},
};
use crate::language::Language;

/// Stores the notes of an attempt, oldest first.
pub(super) async fn store(connection: &mut PgConnection, attempt: AttemptId, notes: &[Note]) -> Result<(), StoreError> {
    for note in notes {
        let query = match note {
            Note::Turn(turn) => sqlx::query(
                "insert into turns (call_id, attempt, number, speaker, language, text, started_ms, ended_ms, interrupted) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (call_id, attempt, number) do update \
                 set text = excluded.text, ended_ms = excluded.ended_ms, interrupted = excluded.interrupted, language = excluded.language",
            )
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(turn.number as i32)
            .bind(turn.speaker.as_str())
            .bind(turn.language.map(Language::code))
            .bind(&turn.text)
            .bind(milliseconds(turn.started_ms))
            .bind(milliseconds(turn.ended_ms))
            .bind(turn.interrupted),
            Note::Event { number: nth, kind, detail, at } => sqlx::query(
                "insert into events (call_id, attempt, number, kind, detail, at) values ($1, $2, $3, $4, $5, $6) \
                 on conflict (call_id, attempt, number) where number is not null do nothing",
            )
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(nth)
            .bind(kind)
            .bind(detail)
            .bind(at),
            Note::Progress { step, detail, at } => sqlx::query(match step {
                Step::Dialing => PROGRESS_DIALING,
                Step::Ringing => PROGRESS_RINGING,
                Step::Talking => PROGRESS_TALKING,
            })
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(step.as_str())
            .bind(detail)
            .bind(at),
            Note::ToolBegin { number: nth, name, arguments } => sqlx::query(
                "insert into tool_calls (call_id, attempt, number, name, arguments) values ($1, $2, $3, $4, $5) on conflict do nothing",
            )
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(nth)
            .bind(name)
            .bind(arguments),
            Note::ToolEnd { number: nth, result } => sqlx::query(
                "update tool_calls set result = $4, ended_at = coalesce(ended_at, clock_timestamp()) \
                 where call_id = $1 and attempt = $2 and number = $3",
            )
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(nth)
            .bind(result),
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

macro_rules! progress {
    ($column:literal) => {
        concat!(
            "with told as (update attempts set ",
            $column,
            " = $5 where call_id = $1 and number = $2 and ",
            $column,
            " is null returning call_id) \
             insert into events (call_id, attempt, kind, detail, at) select $1, $2, $3, $4, $5 from told"
        )
    };
}

const PROGRESS_DIALING: &str = progress!("dialing_at");
const PROGRESS_RINGING: &str = progress!("ringing_at");
const PROGRESS_TALKING: &str = progress!("answered_at");
