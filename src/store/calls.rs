//! What a person does with calls: add, look, take back. Plain SQL does the same.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgPool, types::Json};

use super::{error::StoreError, request_columns::RequestColumns};
use crate::{call::CallState, disposition::Disposition, outcome::Outcome, request::CallKind};

/// A call to be made. `None` leaves a column to its default; the table's rules check the others.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// Adding the same key twice is adding one call; random where absent.
    pub request_key: Option<String>,
    /// Whom to call, and what to negotiate.
    pub request: RequestColumns,
    /// Now where absent.
    pub not_before: Option<DateTime<Utc>>,
    /// The wanted moment where absent.
    pub not_after: Option<DateTime<Utc>>,
    /// Higher first; 0 where absent.
    pub priority: Option<i16>,
    /// 3 where absent.
    pub max_attempts: Option<i16>,
    /// landline or mobile; by the numbering plan where absent.
    pub line_type: Option<String>,
    /// To an automated call: how and when it was given.
    pub consent: Option<String>,
    /// Recorded where absent.
    pub record: Option<bool>,
    /// The preferred one where absent.
    pub trunk: Option<String>,
}

/// A row of `call_results`.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct CallResult {
    /// The call.
    pub id: i64,
    /// What makes the request the same.
    pub request_key: String,
    /// What is to be done.
    pub kind: CallKind,
    /// Its state.
    pub state: CallState,
    /// Why, for people.
    pub why: Option<String>,
    /// The restaurant.
    pub restaurant_name: String,
    /// Its number.
    pub number: String,
    /// On whose behalf.
    pub guest_name: String,
    /// As wanted.
    pub party_size: i32,
    /// As wanted.
    pub wanted_date: NaiveDate,
    /// As wanted.
    pub wanted_time: NaiveTime,
    /// How the telephone call ended.
    pub disposition: Option<Disposition>,
    /// What it came to.
    pub outcome: Option<Outcome>,
    /// The agreed day.
    pub agreed_date: Option<NaiveDate>,
    /// The agreed time.
    pub agreed_time: Option<NaiveTime>,
    /// For how many.
    pub agreed_party: Option<i32>,
    /// Under which name.
    pub agreed_name: Option<String>,
    /// The restaurant's reference.
    pub reference: Option<String>,
    /// Anything the guest should know.
    pub notes: Option<String>,
    /// Every offer made, as JSON.
    pub offers: Option<Json<serde_json::Value>>,
    /// The turns that show it.
    pub evidence: Option<Vec<i32>>,
    /// The language spoken at the end.
    pub language: Option<String>,
    /// The final SIP code that was not a 2xx.
    pub sip_code: Option<i32>,
    /// Its reason.
    pub sip_reason: Option<String>,
    /// Attempts made.
    pub attempts: i32,
    /// The attempt the outcome is of.
    pub attempt: Option<i32>,
    /// When somebody answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// From the answer to the end.
    pub talked_seconds: Option<f64>,
    /// URI.
    pub recording: Option<String>,
    /// Its length.
    pub recording_ms: Option<i64>,
    /// URI of the events of the conversation and what followed from each (`offhook-worker replay`).
    pub event_log: Option<String>,
    /// When it is due, or was last.
    pub due_at: DateTime<Utc>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// The trunk that carried the attempt, or failed last.
    pub trunk: Option<String>,
    /// Those that failed before it, and why, as JSON.
    pub failed_trunks: Option<Json<serde_json::Value>>,
    /// The Q.850 cause of the call's end.
    pub cause: Option<i32>,
    /// What ended it once it was answered: the name of an [`crate::end_cause::EndCause`].
    pub ended_by: Option<String>,
    /// The Q.850 cause of the callee's BYE.
    pub ended_cause: Option<i32>,
    /// The provider that spoiled it: `speech_to_text`, `chat`, `text_to_speech`.
    pub failed_provider: Option<String>,
    /// What the worker said about its end, for people.
    pub detail: Option<String>,
    /// Of the sound.
    pub codec: Option<String>,
    /// Of what the callee sent, 0 to 100.
    pub loss_percent: Option<f64>,
    /// Of what the callee sent.
    pub jitter_ms: Option<f64>,
    /// From RTCP.
    pub round_trip_ms: Option<f64>,
    /// How a listener would rate what we heard, 1 to 4.5.
    pub mos: Option<f64>,
}

/// Adds a call; returns its number. The same `request_key` again returns the number of the call that has it.
///
/// # Errors
/// [`StoreError::Refused`] with the table's own sentence where the call breaks a rule.
pub async fn add(pool: &PgPool, call: &NewCall) -> Result<i64, StoreError> {
    let names = RequestColumns::NAMES.join(", ");
    let places: Vec<String> = (0..RequestColumns::NAMES.len()).map(|nth| format!("${}", 10 + nth)).collect();
    let insert = format!(
        "insert into calls (request_key, not_before, not_after, priority, max_attempts, record, trunk, line_type, consent, {names}) \
         values (coalesce($1, gen_random_uuid()::text), coalesce($2, now()), $3, coalesce($4, 0::smallint), coalesce($5, 3::smallint), \
                 coalesce($6, true), $7, $8, $9, {}) \
         on conflict (request_key) do nothing returning id",
        places.join(", ")
    );
    let query = sqlx::query_scalar(AssertSqlSafe(insert))
        .bind(&call.request_key)
        .bind(call.not_before)
        .bind(call.not_after)
        .bind(call.priority)
        .bind(call.max_attempts)
        .bind(call.record)
        .bind(&call.trunk)
        .bind(&call.line_type)
        .bind(&call.consent);
    let id: Option<i64> = call.request.bind(query).fetch_optional(pool).await?;
    match id {
        Some(id) => Ok(id),
        None => {
            Ok(sqlx::query_scalar("select id from calls where request_key = $1").bind(&call.request_key).fetch_one(pool).await?)
        }
    }
}

/// One call, or `None`.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn find(pool: &PgPool, id: i64) -> Result<Option<CallResult>, StoreError> {
    Ok(sqlx::query_as("select * from call_results where id = $1").bind(id).fetch_optional(pool).await?)
}

/// What is to be negotiated in a call, `None` where there is no such call.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn request(pool: &PgPool, id: i64) -> Result<Option<RequestColumns>, StoreError> {
    let columns = RequestColumns::NAMES.join(", ");
    let query = AssertSqlSafe(format!("select {columns} from calls where id = $1"));
    Ok(sqlx::query_as(query).bind(id).fetch_optional(pool).await?)
}

/// The newest `most` calls, of one state or of all.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn list(pool: &PgPool, state: Option<CallState>, most: i64) -> Result<Vec<CallResult>, StoreError> {
    let rows = sqlx::query_as("select * from call_results where $1::call_state is null or state = $1 order by id desc limit $2")
        .bind(state)
        .bind(most)
        .fetch_all(pool)
        .await?;
    Ok(rows)
}

/// Takes a call back: on the spot where it is not live, else as soon as its worker hears of it. Returns its state afterwards;
/// `None` where there is no such call.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn cancel(pool: &PgPool, id: i64) -> Result<Option<CallState>, StoreError> {
    let state = sqlx::query_scalar("update calls set cancel_requested = true where id = $1 returning state")
        .bind(id)
        .fetch_optional(pool)
        .await?;
    Ok(state)
}

/// Takes all calls back that are being made: claimed, dialing and talking. Their workers end them as soon as they hear of it. Returns
/// their numbers.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn cancel_under_way(pool: &PgPool) -> Result<Vec<i64>, StoreError> {
    // In the order of their numbers: two who do this at once do not wait for each other's rows.
    let live = "with live as (select id from calls where state in ('claimed', 'dialing', 'talking') order by id for update) \
                update calls c set cancel_requested = true from live where c.id = live.id returning c.id";
    let mut ids: Vec<i64> = sqlx::query_scalar(live).fetch_all(pool).await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Puts a queued or held call off: it is not made before `until`. Uses up no attempt. Returns when it is due; `None` where there is
/// no such call.
///
/// # Errors
/// [`StoreError::Refused`] where it is in another state, or may not be made so late.
pub async fn snooze(pool: &PgPool, id: i64, until: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let due = sqlx::query_scalar("select offhook_snooze(id, $2) from calls where id = $1").bind(id).bind(until);
    Ok(due.fetch_optional(pool).await?)
}

/// Lets a held call go: back into the queue, or with `finish` it is over. Returns its state afterwards; `None` where there is no such
/// call.
///
/// # Errors
/// [`StoreError::Refused`] where it is not held, or may not be made any more.
pub async fn release(pool: &PgPool, id: i64, finish: bool) -> Result<Option<CallState>, StoreError> {
    let state = sqlx::query_scalar("select offhook_release(id, $2) from calls where id = $1").bind(id).bind(finish);
    Ok(state.fetch_optional(pool).await?)
}
