//! The worker's functions in the database, as data: what is to be said is kept until it has been said.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{language::Language, secret::Secret, turn::Turn};

/// A step of the telephone call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The INVITE is about to be sent.
    Dialing,
    /// A 18x came.
    Ringing,
    /// The 200 came.
    Talking,
}

impl Step {
    /// The name as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::Dialing => "dialing",
            Step::Ringing => "ringing",
            Step::Talking => "talking",
        }
    }
}

/// What a trunk did, so that the call is to go over another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrunkFailed {
    /// One sentence for people.
    pub why: String,
    /// The final SIP code, where there was one.
    pub sip_code: Option<u16>,
    /// Its Q.850 cause.
    pub cause: Option<u16>,
    /// Its Retry-After, in seconds.
    pub retry_after: Option<u32>,
}

/// Whether the call may go over the trunk that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrunkChange {
    /// The row knows: dial.
    Dial {
        /// The Call-ID of this try.
        sip_call_id: String,
    },
    /// Its calls per second are used up.
    Wait {
        /// Ask again after this.
        after: Duration,
    },
    /// Not over this one.
    No {
        /// One sentence for people.
        why: String,
    },
    /// Over none: the user has taken the call back.
    Cancelled,
}

impl TrunkChange {
    /// Reads what `worker_change_trunk` (migrations/functions/change_trunk.sql) returns. What cannot be read is a no.
    pub(super) fn of_answer(answer: Option<Value>) -> TrunkChange {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Answer {
            go: bool,
            sip_call_id: Option<String>,
            wait_ms: Option<u64>,
            cancelled: bool,
            why: Option<String>,
        }
        let answer: Answer = answer.and_then(|answer| serde_json::from_value(answer).ok()).unwrap_or_default();
        match answer {
            Answer { go: true, sip_call_id: Some(sip_call_id), .. } => TrunkChange::Dial { sip_call_id },
            Answer { cancelled: true, .. } => TrunkChange::Cancelled,
            Answer { wait_ms: Some(ms), .. } => TrunkChange::Wait { after: Duration::from_millis(ms) },
            Answer { why, .. } => TrunkChange::No { why: why.unwrap_or_else(|| "the database did not say".to_owned()) },
        }
    }
}

/// One call of a worker function.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    Progress { step: Step, detail: Value, since: Instant },
    Seen,
    Event { number: i32, kind: String, detail: Value, since: Instant },
    Turn(Turn),
    ToolBegin { number: i32, name: String, arguments: Value },
    ToolEnd { number: i32, result: Value },
    ChangeTrunk { nth: i32, next_trunk: String, failed: Value },
    Finish { report: Value },
}

impl Statement {
    /// Runs it. The answer is a JSON boolean, JSON, or nothing, as the function returns.
    pub(super) async fn run(&self, connection: &mut PgConnection, token: &Secret) -> Result<Option<Value>, sqlx::Error> {
        let token = token.expose();
        let query = match self {
            Statement::Progress { step, detail, since } => sqlx::query_scalar("select to_jsonb(worker_progress($1, $2, $3, $4))")
                .bind(token)
                .bind(step.as_str())
                .bind(storable(detail))
                .bind(age_ms(*since)),
            Statement::Seen => sqlx::query_scalar("select to_jsonb(worker_seen($1))").bind(token),
            Statement::Event { number, kind, detail, since } => {
                sqlx::query_scalar("select null::jsonb from worker_event($1, $2, $3, $4, $5)")
                    .bind(token)
                    .bind(storable_text(kind))
                    .bind(storable(detail))
                    .bind(*number)
                    .bind(age_ms(*since))
            }
            Statement::Turn(turn) => sqlx::query_scalar("select null::jsonb from worker_turn($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(token)
                .bind(turn.number as i32)
                .bind(turn.speaker.as_str())
                .bind(turn.language.map(Language::code))
                .bind(storable_text(&turn.text))
                .bind(milliseconds(turn.started_ms))
                .bind(milliseconds(turn.ended_ms))
                .bind(turn.interrupted),
            Statement::ToolBegin { number, name, arguments } => sqlx::query_scalar("select worker_tool_begin($1, $2, $3, $4)")
                .bind(token)
                .bind(*number)
                .bind(storable_text(name))
                .bind(storable(arguments)),
            Statement::ToolEnd { number, result } => sqlx::query_scalar("select null::jsonb from worker_tool_end($1, $2, $3)")
                .bind(token)
                .bind(*number)
                .bind(storable(result)),
            Statement::ChangeTrunk { nth, next_trunk, failed } => {
                sqlx::query_scalar("select worker_change_trunk($1, $2, $3, $4)")
                    .bind(token)
                    .bind(*nth)
                    .bind(next_trunk)
                    .bind(storable(failed))
            }
            Statement::Finish { report } => {
                sqlx::query_scalar("select null::jsonb from worker_finish($1, $2)").bind(token).bind(storable(report))
            }
        };
        query.fetch_one(connection).await
    }
}

/// Milliseconds as a `bigint`.
pub(in crate::store) fn milliseconds(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn age_ms(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// Postgres stores every character but U+0000, and a model may write that one too; a transcript must not be lost over it.
pub(super) fn storable_text(text: &str) -> String {
    text.replace('\0', "")
}

pub(super) fn storable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable_text(text)),
        Value::Array(items) => items.iter().map(storable).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (storable_text(name), storable(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_character_that_postgres_cannot_store_is_left_out_wherever_it_stands() {
        let written = json!({"no\u{0}te": ["a\u{0}b", {"c": "\u{0}"}], "n": 1});
        assert_eq!(storable(&written), json!({"note": ["ab", {"c": ""}], "n": 1}));
    }
    #[test]
    fn an_answer_that_cannot_be_read_does_not_let_dial() {
        for (answer, change) in [
            (json!({"go": true, "sip_call_id": "1-1-x.2@offhook"}), TrunkChange::Dial { sip_call_id: "1-1-x.2@offhook".into() }),
            (json!({"go": false, "wait_ms": 40, "why": "…"}), TrunkChange::Wait { after: Duration::from_millis(40) }),
            (json!({"go": false, "why": "\"b\" has no room"}), TrunkChange::No { why: "\"b\" has no room".into() }),
            (json!({"go": false, "cancelled": true}), TrunkChange::Cancelled),
        ] {
            assert_eq!(TrunkChange::of_answer(Some(answer)), change);
        }
        for unreadable in [None, Some(json!({"go": true})), Some(json!("yes")), Some(json!({"go": "true", "sip_call_id": "x"}))] {
            assert!(matches!(TrunkChange::of_answer(unreadable), TrunkChange::No { .. }));
        }
    }
}
