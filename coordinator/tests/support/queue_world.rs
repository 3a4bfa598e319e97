//! The database and the model of the queue, side by side: takes every step in both, and compares.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use offhook::{
    call::CallState,
    disposition::Disposition,
    secret::Secret,
    store::{
        claim::{Claimant, claim, end_expired, keep_queue},
        evidence::Evidence,
        leases::{self, AttemptId},
        settle::{Settled, settle},
    },
};
use offhook_test_database::TestDatabase;
use rand::{SeedableRng, rngs::StdRng};

use crate::queue_model::{
    ABANDONED_AFTER, Coordinator, HOSTS, IN_ALL, MAX_ATTEMPTS, Model, NUMBERS, PER_DAY, QUIET, SECOND, TRUNKS,
};

/// What may happen. `which` picks one of those there are.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    Insert { number: usize, priority: i64, trunk: Option<usize>, later: bool },
    Claim { place: usize, room: usize },
    Progress { which: usize },
    WorkerTellsItsEnd { which: usize, how: Disposition },
    Settle { which: usize, how: Disposition },
    StaleWrite { which: usize },
    Crash { place: usize },
    TakeOver { place: usize },
    Cancel { which: usize },
    TooLate { which: usize },
    PauseTrunk { trunk: usize },
    PauseAll,
    Resume,
    Sweep,
    Wait,
}

fn evidence(how: Disposition) -> Evidence {
    Evidence { otherwise: how, ..Evidence::lost("") }
}

/// The database and the model, side by side.
pub struct World<'a> {
    database: &'a TestDatabase,
    model: Model,
    /// The id before that of the first call of this history.
    base: i64,
    tokens: HashMap<(usize, usize), Secret>,
}

/// What went wrong.
pub type Fault = String;

impl<'a> World<'a> {
    pub async fn new(database: &'a TestDatabase) -> World<'a> {
        database
            .run(format!(
                "begin; set local session_replication_role = replica; truncate calls, numbers, leader cascade; commit; \
                 update trunks set paused = false, failures = 0, tokens = 50, refilled_at = clock_timestamp(), breaker_failures = 1000; \
                 update retry_policies set (busy_from, busy_to, no_answer_from, no_answer_to) = ('60 s', '60 s', '60 s', '60 s'), \
                     (trunk_failure_from, trunk_failure_to, lost_times, dropped_times) = ('40 s', '40 s', 1, 0); \
                 update installation set paused = false, max_concurrent = {IN_ALL}, calls_per_day = {PER_DAY}, quiet_time = '{} s'; \
                 insert into country_zones (country, zone, source) select 'DE', name, 'a test' from restaurant_zones on conflict do nothing",
                QUIET / SECOND
            ))
            .await;
        let base =
            database.one("select coalesce(pg_sequence_last_value(pg_get_serial_sequence('calls', 'id')::regclass), 0)").await;
        World { database, model: Model::new(), base, tokens: HashMap::new() }
    }

    fn id(&self, call: usize) -> i64 {
        self.base + 1 + call as i64
    }

    fn attempt_id(&self, call: usize) -> AttemptId {
        AttemptId { call_id: self.id(call), attempt: self.model.calls[call].attempts.len() as u32 }
    }

    fn claimant(&self, coordinator: Coordinator) -> Claimant {
        offhook_test_database::claimant(&coordinator.name(), HOSTS[coordinator.place])
    }

    fn pick(candidates: Vec<usize>, which: usize) -> Option<usize> {
        (!candidates.is_empty()).then(|| candidates[which % candidates.len()])
    }

    pub async fn take(&mut self, step: Step) -> Result<(), Fault> {
        self.model.now += 1;
        let pool = &self.database.pool;
        match step {
            Step::Insert { number, priority, trunk, later } => {
                let trunk_name = trunk.map_or("null".to_owned(), |trunk| format!("'{}'", TRUNKS[trunk].0));
                let not_before = if later { "now() + interval '40 s'" } else { "now()" };
                self.database
                    .run(format!(
                        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, \
                         wanted_time, calling_from, calling_to, max_attempts, priority, trunk, not_before) values ('+49301234560{number}', \
                         'R', (select name from restaurant_zones where name ~ '^Etc/GMT[+-]' and (now() at time zone name)::time \
                         between '11:00' and '13:00' limit 1), 'Ada', '+4915112345678', 2, (now() + interval '30 days')::date, '19:30', \
                         '00:00', '24:00', {MAX_ATTEMPTS}, {priority}, {trunk_name}, {not_before})"
                    ))
                    .await;
                self.model.insert(number, priority, trunk, if later { 40 * SECOND } else { 0 });
            }
            Step::Claim { place, room } => self.claim(place, room).await?,
            Step::Progress { which } => {
                let open = self.model.live().filter(|call| self.model.attempt(*call).ended.is_none()).collect();
                let Some(call) = Self::pick(open, which) else { return Ok(()) };
                let Some((step, go_on)) = self.model.progress(call) else { return Ok(()) };
                let told: bool = sqlx::query_scalar("select worker_progress($1, $2, '{}')")
                    .bind(self.token(call).expose())
                    .bind(step)
                    .fetch_one(pool)
                    .await
                    .map_err(|error| format!("{step}: {error}"))?;
                if told != go_on {
                    return Err(format!("worker of call {call} was told {told} at {step}"));
                }
            }
            Step::WorkerTellsItsEnd { which, how } => {
                let open = self.model.live().filter(|call| self.model.attempt(*call).ended.is_none()).collect();
                let Some(call) = Self::pick(open, which) else { return Ok(()) };
                self.finish(&self.token(call), how).await.map_err(|error| error.to_string())?;
                self.model.ended(call, how);
            }
            Step::Settle { which, how } => {
                let Some(call) = Self::pick(self.model.live().collect(), which) else { return Ok(()) };
                self.settle(call, how).await?;
            }
            Step::StaleWrite { which } => {
                let over = |call: &usize| self.model.calls[*call].attempts.iter().any(|attempt| attempt.settled);
                let Some(call) = Self::pick((0..self.model.calls.len()).filter(over).collect(), which) else { return Ok(()) };
                let token = self.tokens[&(call, 0)].clone();
                if self.finish(&token, Disposition::Answered).await.is_ok() {
                    return Err(format!("a worker of attempt 1 of call {call} wrote after its end"));
                }
                let first = AttemptId { attempt: 1, ..self.attempt_id(call) };
                let rng = &mut StdRng::seed_from_u64(1);
                let settled = settle(pool, first, &evidence(Disposition::Answered), rng).await;
                if settled.map_err(|error| error.to_string())? != Settled::Already {
                    return Err(format!("attempt 1 of call {call} was settled twice"));
                }
            }
            Step::Crash { place } => self.model.generations[place] += 1,
            Step::TakeOver { place } => self.take_over(place).await?,
            Step::Cancel { which } => {
                let open = (0..self.model.calls.len()).filter(|call| !self.model.calls[*call].state.is_final()).collect();
                let Some(call) = Self::pick(open, which) else { return Ok(()) };
                // One that is too late may have been ended by a claim: taking it back changes nothing then.
                let state: String =
                    self.database.one(format!("select state::text from calls where id = {}", self.id(call))).await;
                if state == "expired" {
                    self.model.calls[call].state = CallState::Expired;
                    return Ok(());
                }
                self.database.run(format!("update calls set cancel_requested = true where id = {}", self.id(call))).await;
                self.model.cancel(call);
            }
            Step::TooLate { which } => {
                let open = (0..self.model.calls.len()).filter(|call| !self.model.calls[*call].state.is_final()).collect();
                let Some(call) = Self::pick(open, which) else { return Ok(()) };
                self.unruled(format!(
                    "update calls set not_before = now() - interval '60 days', not_after = now() - interval '1 s' where id = {}",
                    self.id(call)
                ))
                .await;
                self.model.calls[call].too_late = true;
            }
            Step::PauseTrunk { trunk } => {
                self.database.run(format!("update trunks set paused = true where name = '{}'", TRUNKS[trunk].0)).await;
                self.model.paused_trunks[trunk] = true;
            }
            Step::PauseAll => {
                self.database.run("update installation set paused = true").await;
                self.model.paused = true;
            }
            Step::Resume => {
                self.database.run("update installation set paused = false; update trunks set paused = false").await;
                self.model.paused = false;
                self.model.paused_trunks = [false; TRUNKS.len()];
            }
            Step::Sweep => {
                end_expired(pool, 1000).await.map_err(|error| error.to_string())?;
                keep_queue(pool, 1000).await.map_err(|error| error.to_string())?;
                self.model.swept();
            }
            Step::Wait => self.wait(20 * SECOND).await?,
        }
        Ok(())
    }

    async fn claim(&mut self, place: usize, room: usize) -> Result<(), Fault> {
        let by = self.model.coordinator(place);
        // A call that is too late is ended by whoever meets it first, and then the next in line is met by the next claim.
        let somebody_is_too_late = self.model.calls.iter().any(|call| call.state == CallState::Queued && call.too_late);
        let expected = self.model.to_be_claimed(room);
        let found = claim(&self.database.pool, &self.claimant(by), room).await.map_err(|error| error.to_string())?;
        let taken: Vec<(usize, usize)> = found
            .calls
            .iter()
            .map(|fresh| {
                let trunk = TRUNKS.iter().position(|(name, _)| *name == fresh.call.trunk).unwrap_or(usize::MAX);
                ((fresh.call.id - self.base - 1) as usize, trunk)
            })
            .collect();
        if taken != expected && !(somebody_is_too_late && taken.iter().all(|call| self.may_be_claimed(*call))) {
            return Err(format!("claimed {taken:?} instead of {expected:?} (call, trunk)"));
        }
        for ((call, trunk), fresh) in taken.iter().zip(found.calls) {
            self.model.claimed(*call, *trunk, by);
            let nth = self.model.calls[*call].attempts.len();
            if fresh.call.attempt as usize != nth {
                return Err(format!("call {call} was given attempt {} instead of {nth}", fresh.call.attempt));
            }
            self.tokens.insert((*call, nth - 1), fresh.token);
        }
        Ok(())
    }

    fn may_be_claimed(&self, (call, _): (usize, usize)) -> bool {
        self.model.to_be_claimed(usize::MAX).iter().any(|(other, _)| *other == call)
            || self.model.calls[call].state == CallState::Queued && !self.model.left_alone(self.model.calls[call].number)
    }

    async fn settle(&mut self, call: usize, how: Disposition) -> Result<(), Fault> {
        let rng = &mut StdRng::seed_from_u64(1);
        let attempt = self.attempt_id(call);
        let settled = settle(&self.database.pool, attempt, &evidence(how), rng).await;
        self.model.settled(call, how);
        match settled.map_err(|error| error.to_string())? {
            Settled::Now { state, .. } if state == self.model.calls[call].state => Ok(()),
            other => Err(format!("call {call} settled as {other:?} instead of {:?}", self.model.calls[call].state)),
        }
    }

    async fn finish(&self, token: &Secret, how: Disposition) -> Result<(), sqlx::Error> {
        let report = format!(r#"{{"disposition": "{}"}}"#, how.as_str());
        sqlx::query("select worker_finish($1, $2::jsonb)").bind(token.expose()).bind(report).execute(&self.database.pool).await?;
        Ok(())
    }

    async fn take_over(&mut self, place: usize) -> Result<(), Fault> {
        let by = self.model.coordinator(place);
        let claimant = self.claimant(by);
        let own: Vec<AttemptId> = self
            .model
            .live()
            .filter(|call| self.model.calls[*call].holder == Some(by))
            .map(|call| self.attempt_id(call))
            .collect();
        let here = leases::take_over(&self.database.pool, &claimant, &own).await.map_err(|error| error.to_string())?;
        let grace = std::time::Duration::from_micros(ABANDONED_AFTER as u64);
        let elsewhere =
            leases::take_over_elsewhere(&self.database.pool, &claimant, grace).await.map_err(|error| error.to_string())?;
        for (taken, expected) in [(here, self.model.abandoned_here(by)), (elsewhere, self.model.abandoned_elsewhere(by))] {
            let mut taken = taken;
            taken.sort();
            let wanted: Vec<AttemptId> = expected.iter().map(|call| self.attempt_id(*call)).collect();
            if taken != wanted {
                return Err(format!("took over {taken:?} instead of {wanted:?}"));
            }
            self.model.taken_over(&expected, by);
        }
        Ok(())
    }

    /// Time passes: everything in the database lies further back.
    async fn wait(&mut self, time: i64) -> Result<(), Fault> {
        let past = format!("interval '{} s'", time / SECOND);
        self.unruled(format!(
            "update calls set due_at = due_at - {past}, turn_at = turn_at - {past}, lease_until = lease_until - {past}, \
                    not_before = not_before - {past}, not_after = not_after - {past}; \
             update attempts set created_at = created_at - {past}, seen_at = seen_at - {past}, answered_at = answered_at - {past}; \
             update numbers set last_rung_at = last_rung_at - {past}, day = day - {}; \
             update trunks set refilled_at = refilled_at - {past}",
            time / (86_400 * SECOND)
        ))
        .await;
        self.model.now += time;
        for place in 0..HOSTS.len() {
            let by = self.model.coordinator(place);
            let own: Vec<AttemptId> = self
                .model
                .live()
                .filter(|call| self.model.calls[*call].holder == Some(by))
                .map(|call| self.attempt_id(call))
                .collect();
            if own.is_empty() {
                continue;
            }
            let mut renewed =
                leases::renew(&self.database.pool, &self.claimant(by), &own).await.map_err(|error| error.to_string())?;
            renewed.sort();
            if renewed != own {
                return Err(format!("{} renewed {renewed:?} instead of {own:?}", by.name()));
            }
        }
        self.model.renewed();
        Ok(())
    }

    async fn unruled(&self, sql: String) {
        self.database.run(format!("begin; set local session_replication_role = replica; {sql}; commit")).await;
    }

    fn token(&self, call: usize) -> Secret {
        self.tokens[&(call, self.model.calls[call].attempts.len() - 1)].clone()
    }

    /// Whether the database is as the model says, and as it always has to be.
    pub async fn check(&self) -> Result<(), Fault> {
        let calls: Vec<(i64, String, i32, Option<String>, bool)> = sqlx::query_as(
            "select id, state::text, attempt, claimed_by, (state in ('claimed', 'dialing', 'talking')) = (lease_until is not null) \
                    and (not ready or state = 'queued') from calls order by id",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        if calls.len() != self.model.calls.len() {
            return Err(format!("{} calls instead of {}: some are lost", calls.len(), self.model.calls.len()));
        }
        for ((id, state, attempt, claimed_by, sound), (nth, model)) in calls.into_iter().zip(self.model.calls.iter().enumerate())
        {
            let early = model.state == CallState::Queued && model.too_late && state == "expired";
            let as_told = (state == model.state.as_str() || early)
                && attempt as usize == model.attempts.len()
                && claimed_by == model.holder.map(Coordinator::name);
            if !sound || !as_told || id != self.id(nth) {
                return Err(format!("call {nth} is {state}, attempt {attempt}, of {claimed_by:?} instead of {model:?}"));
            }
        }
        let attempts: Vec<(i64, i32, Option<String>, bool, bool)> = sqlx::query_as(
            "select a.call_id, a.number, a.disposition::text, a.settled_at is not null, \
                    exists (select from port_leases l where l.call_id = a.call_id and l.attempt = a.number and l.base = a.port_base) \
               from attempts a order by a.call_id, a.number",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap();
        let mut told = self
            .model
            .calls
            .iter()
            .enumerate()
            .flat_map(|(nth, call)| call.attempts.iter().enumerate().map(move |(number, attempt)| (nth, number, attempt)));
        for (call_id, number, disposition, settled, leased) in attempts {
            let Some((nth, expected, attempt)) = told.next() else {
                return Err(format!("attempt {number} of call {call_id} was never made"));
            };
            let ended = attempt.ended.map(|how| how.as_str().to_owned());
            if (call_id, number as usize, settled) != (self.id(nth), expected + 1, attempt.settled) || disposition != ended {
                return Err(format!(
                    "attempt {number} of call {nth}: {disposition:?}, settled {settled}, instead of {attempt:?}"
                ));
            }
            if leased == settled {
                return Err(format!("attempt {number} of call {nth}: settled {settled} and ports leased {leased}"));
            }
        }
        if told.next().is_some() {
            return Err("an attempt is lost".into());
        }
        self.limits()
    }

    fn limits(&self) -> Result<(), Fault> {
        let live: Vec<usize> = self.model.live().collect();
        let on = |trunk: usize| live.iter().filter(|call| self.model.attempt(**call).trunk == trunk).count();
        let to = |number: usize| live.iter().filter(|call| self.model.calls[**call].number == number).count();
        if live.len() > IN_ALL
            || (0..TRUNKS.len()).any(|trunk| on(trunk) > TRUNKS[trunk].1)
            || (0..NUMBERS).any(|number| to(number) > 1)
        {
            return Err(format!("too many calls at once: {live:?}"));
        }
        Ok(())
    }

    /// Everything is let run: every call comes to an end.
    pub async fn let_run(&mut self) -> Result<(), Fault> {
        self.take(Step::Resume).await?;
        self.database.run("update calls set state = 'finished' where state = 'held'").await;
        for call in self.model.calls.iter_mut().filter(|call| call.state == CallState::Held) {
            call.state = CallState::Finished;
        }
        for place in 0..HOSTS.len() {
            self.take(Step::Crash { place }).await?;
        }
        for _ in 0..60 {
            if self.model.calls.iter().all(|call| call.state.is_final()) {
                return Ok(());
            }
            // A day: numbers may be rung again.
            self.wait(86_400 * SECOND).await?;
            self.model.rung = [None; NUMBERS];
            self.take(Step::Sweep).await?;
            for place in [0, 2] {
                self.take(Step::TakeOver { place }).await?;
            }
            self.take(Step::Claim { place: 0, room: 10 }).await?;
            while self.model.live().next().is_some() {
                self.take(Step::Settle { which: 0, how: Disposition::InvalidNumber }).await?;
            }
            self.check().await?;
        }
        Err(format!("calls are left: {:?}", self.model.calls))
    }
}
