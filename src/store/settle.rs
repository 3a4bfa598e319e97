//! The end of an attempt: its report is stored, the policy speaks, the ports go back. One transaction, fenced by the attempt number.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::Rng;
use sqlx::{PgConnection, PgPool, types::Json};

use super::{
    claim::interval,
    current::is_current,
    error::StoreError,
    evidence::Evidence,
    kept_files,
    leases::{AttemptId, number},
    notes, retry_policies,
};
use crate::{
    call::CallState,
    disposition::{Disposition, FinalAnswer},
    end_cause::EndCause,
    outcome::Outcome,
    retry_policy::{Earlier, Ending, Reached, Settlement, TrunkVerdict, trunk_verdict},
};

/// What settling came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Somebody else has settled it, or a newer attempt is current: nothing was written but where its files lie.
    Already,
    /// The database does not know it any more: nothing was written, and nobody may keep its files.
    Gone,
    /// The call went on to this state.
    Now {
        /// The new state.
        state: CallState,
        /// How the attempt ended.
        disposition: Disposition,
        /// For people.
        why: String,
    },
}

#[derive(sqlx::FromRow)]
struct Facts {
    state: CallState,
    attempts_counted: i32,
    max_attempts: i16,
    cancel_requested: bool,
    trunk: String,
    dialing_at: Option<DateTime<Utc>>,
    answered_at: Option<DateTime<Utc>>,
    disposition: Disposition,
    outcome: Option<Outcome>,
    detail: Option<String>,
    ended_by: Option<String>,
    ended_cause: Option<i32>,
    silent_ms: Option<i64>,
    callee_spoke: bool,
    retry_after: Option<i32>,
    sip_code: Option<i32>,
    retry_policy: String,
    do_not_call: bool,
}

/// Settles an attempt, by the retry policy that its call, else its trunk names, else by `default`, as it is at this moment.
///
/// # Errors
/// [`StoreError`] as the database gives it; then nothing was written, and it may be tried again.
pub async fn settle(
    pool: &PgPool,
    attempt: AttemptId,
    evidence: &Evidence,
    rng: &mut (impl Rng + Send),
) -> Result<Settled, StoreError> {
    let mut transaction = pool.begin().await?;
    let settled = settle_within(&mut transaction, attempt, evidence, rng).await?;
    transaction.commit().await?;
    Ok(settled)
}

async fn settle_within(
    connection: &mut PgConnection,
    attempt: AttemptId,
    evidence: &Evidence,
    rng: &mut (impl Rng + Send),
) -> Result<Settled, StoreError> {
    match is_current(connection, attempt).await? {
        None => return Ok(Settled::Gone),
        Some(false) => {
            kept_files::store(connection, attempt, &evidence.files).await?;
            return Ok(Settled::Already);
        }
        Some(true) => {}
    }
    store_evidence(connection, attempt, evidence).await?;

    let facts: Facts = sqlx::query_as(
        "select c.state, c.attempts_counted, c.max_attempts, c.cancel_requested, a.trunk, a.dialing_at, a.answered_at, \
                a.disposition, a.outcome, a.detail, a.retry_after, a.sip_code, a.ended_by::text, a.ended_cause, a.silent_ms, \
                exists (select from turns t where t.call_id = c.id and t.attempt = $2 and t.speaker = 'callee') as callee_spoke, \
                coalesce(c.retry_policy, t.retry_policy, 'default') as retry_policy, \
                exists (select from do_not_call d where d.number = coalesce(c.reaches, c.number)) as do_not_call \
         from calls c join attempts a on a.call_id = c.id and a.number = $2 join trunks t on t.name = a.trunk where c.id = $1",
    )
    .bind(attempt.call_id)
    .bind(number(attempt))
    .fetch_one(&mut *connection)
    .await?;
    let earlier: Vec<(Disposition, bool)> = sqlx::query_as(
        "select disposition, coalesce(line_dropped, disposition = 'answered' and outcome is null) from attempts where call_id = $1 and number < $2 and disposition is not null order by number",
    )
    .bind(attempt.call_id)
    .bind(number(attempt))
    .fetch_all(&mut *connection)
    .await?;
    let earlier: Vec<Earlier> =
        earlier.into_iter().map(|(disposition, line_dropped)| Earlier { disposition, line_dropped }).collect();
    let policy = retry_policies::find(&mut *connection, &facts.retry_policy).await?;
    let reached = reached(&facts);
    let ending = Ending {
        disposition: facts.disposition,
        outcome: facts.outcome,
        reached,
        ended: facts.ended_by.as_deref().and_then(|by| EndCause::of_row(by, facts.ended_cause, facts.silent_ms)),
        callee_spoke: facts.callee_spoke,
        counted: facts.attempts_counted.unsigned_abs(),
        max_attempts: facts.max_attempts.unsigned_abs().into(),
        cancel_requested: facts.cancel_requested,
        unwanted: FinalAnswer::is_unwanted(facts.sip_code.and_then(|code| u16::try_from(code).ok())),
        do_not_call: facts.do_not_call,
        retry_after: facts.retry_after.map(|seconds| Duration::from_secs(seconds.max(0).unsigned_abs().into())),
        earlier: &earlier,
    };
    let decided = evidence.decided.clone().filter(|_| reached == Reached::Nothing);
    let settlement = match decided.unwrap_or_else(|| policy.settle(&ending, rng)) {
        Settlement::PutBack { .. } if facts.cancel_requested => Settlement::Cancel { why: "taken back by the user".into() },
        other => other,
    };

    let (state, why) = move_call(connection, attempt, &facts, &settlement).await?;
    close_attempt(connection, attempt, ending.is_line_drop(), state, &why).await?;
    judge_trunk(connection, &facts, trunk_verdict(facts.disposition, reached)).await?;
    Ok(Settled::Now { state, disposition: facts.disposition, why })
}

fn reached(facts: &Facts) -> Reached {
    match (facts.answered_at, facts.dialing_at) {
        (Some(_), _) => Reached::Media,
        (None, Some(_)) => Reached::Dialling,
        (None, None) => Reached::Nothing,
    }
}

async fn store_evidence(connection: &mut PgConnection, attempt: AttemptId, evidence: &Evidence) -> Result<(), StoreError> {
    notes::store(connection, attempt, &evidence.notes).await?;
    // Does nothing where the worker has told its end already.
    sqlx::query(
        "select offhook_finish_attempt(call_id, number, case when dialing_at is null then $3 else $4 end) \
           from attempts where call_id = $1 and number = $2",
    )
    .bind(attempt.call_id)
    .bind(number(attempt))
    .bind(Json(evidence.last_word(false)))
    .bind(Json(evidence.last_word(true)))
    .execute(&mut *connection)
    .await?;
    kept_files::store(connection, attempt, &evidence.files).await
}

/// Moves the call on; returns its state and the reason.
async fn move_call(
    connection: &mut PgConnection,
    attempt: AttemptId,
    facts: &Facts,
    settlement: &Settlement,
) -> Result<(CallState, String), StoreError> {
    if !facts.state.is_live() {
        // Somebody has moved it by hand meanwhile; that stands.
        return Ok((facts.state, "moved by hand".into()));
    }
    let (state, reason, counted, after) = match settlement {
        Settlement::Finish { why, counted, .. } => (CallState::Finished, why, *counted, None),
        Settlement::Retry { after, counted, why } => (CallState::Queued, why, *counted, Some(interval(*after))),
        // Its moment stays as it is, and with it its turn.
        Settlement::PutBack { why } => (CallState::Queued, why, false, None),
        Settlement::Hold { why } => (CallState::Held, why, true, None),
        Settlement::Cancel { why } => (CallState::Cancelled, why, true, None),
    };
    // What failed is what somebody who looks at the row has to know.
    let why = match (facts.disposition, &facts.detail) {
        (Disposition::TrunkFailure | Disposition::Lost | Disposition::ProviderFailure, Some(detail)) => {
            format!("{reason}: {detail}")
        }
        _ => reason.clone(),
    };
    // A retry that could only be made after not_after, or outside the calling hours before it, has expired already.
    let (state, why): (CallState, String) = sqlx::query_as(
        "update calls c set \
             state = case when $5 is not null and coalesce(n.due >= c.not_after, true) then 'expired'::call_state else $2 end, \
             due_at = coalesce(n.due, c.due_at), \
             why = case when $5 is not null and coalesce(n.due >= c.not_after, true) then $3 || ', and there is no time left to call again' else $3 end, \
             attempts_counted = c.attempts_counted + $4 \
         from (select offhook_next_calling_moment(clock_timestamp() + $5, coalesce(k.reaches, k.number), k.restaurant_zone, k.calling_from, k.calling_to) as due \
                 from calls k where k.id = $1) n \
         where c.id = $1 returning c.state, c.why",
    )
    .bind(attempt.call_id)
    .bind(state)
    .bind(why)
    .bind(i32::from(counted))
    .bind(after)
    .fetch_one(&mut *connection)
    .await?;
    if matches!(settlement, Settlement::Finish { do_not_call: true, .. }) {
        sqlx::query(
            "insert into do_not_call (number, reason, call_id) select coalesce(reaches, number), 'rejected our call', id from calls where id = $1 \
             on conflict do nothing",
        )
        .bind(attempt.call_id)
        .execute(&mut *connection)
        .await?;
    }
    Ok((state, why))
}

async fn close_attempt(
    connection: &mut PgConnection,
    attempt: AttemptId,
    line_dropped: bool,
    state: CallState,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "with settled as ( \
             update attempts set settled_at = clock_timestamp(), line_dropped = $3 where call_id = $1 and number = $2), \
         given_back as (delete from port_leases where call_id = $1 and attempt = $2) \
         insert into events (call_id, attempt, kind, detail) \
         values ($1, $2, 'settled', jsonb_build_object('state', $4::text, 'why', $5::text))",
    )
    .bind(attempt.call_id)
    .bind(number(attempt))
    .bind(line_dropped)
    .bind(state.as_str())
    .bind(why)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// The breaker, as migrations/functions/trunk_capacity.sql keeps it. Locked last, as in the claim.
async fn judge_trunk(connection: &mut PgConnection, facts: &Facts, verdict: TrunkVerdict) -> Result<(), StoreError> {
    let failed = match verdict {
        TrunkVerdict::Unknown => return Ok(()),
        TrunkVerdict::Works => false,
        TrunkVerdict::Failed => true,
    };
    sqlx::query("select offhook_judge_trunk($1, $2, $3)")
        .bind(&facts.trunk)
        .bind(failed)
        .bind(facts.retry_after)
        .execute(connection)
        .await?;
    Ok(())
}
