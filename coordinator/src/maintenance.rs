//! What has to go on besides the calls themselves: renewing leases, taking over abandoned attempts, removing orphaned containers
//! (`orphans.rs`), ending expired calls. In tasks of their own, so that they go on during a drain and however long a call takes. What
//! concerns all machines is done by one coordinator at a time, the leader.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use offhook::store::{
    claim::{Claimant, end_expired, keep_queue},
    coordinators,
    error::{StoreError, within},
    leader::{self, lead},
    leases::{self, AttemptId},
};
use sqlx::PgPool;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    assignment::Origin,
    in_flight::InFlight,
    launcher::{LaunchError, Launcher},
    queue::Source,
    spool::Spool,
    test_signals::Signals,
};

/// The longest time between two looks around, where nothing else is configured.
pub const LOOK_AROUND: Duration = Duration::from_secs(5);
/// A look around that is late by more than this means that the database was unreachable or hung.
pub const GAP: Duration = Duration::from_secs(5);
/// How many expired calls one statement ends at most, and how many due calls it makes ready.
pub const BATCH: i32 = 500;

/// The intervals of maintenance. Leases are renewed three times as often as they run out, and looked around for as often where that is more often
/// than [`MaintenanceConfig::look_around`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintenanceConfig {
    /// The longest time between two looks around.
    pub look_around: Duration,
    /// By how much a look may be late until the database counts as having been unreachable.
    pub gap: Duration,
    /// How many rows one statement changes at most.
    pub batch: i32,
    /// How long a call of another machine may be alone.
    pub abandoned_after: Duration,
    /// How long an orphaned worker may take to end.
    pub stop_grace: Duration,
    /// How long a statement may take before it is given up; a renewal no longer than the lease it renews.
    pub statement: Duration,
}

/// Keeps things in order.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// The database.
    pub pool: PgPool,
    /// In whose name.
    pub claimant: Claimant,
    /// What is under way.
    pub running: Arc<InFlight>,
    /// Where abandoned attempts go.
    pub source: Arc<Source>,
    /// The engine.
    pub launcher: Arc<dyn Launcher>,
    /// The attempts' folders.
    pub spool: Spool,
    /// The pace.
    pub config: MaintenanceConfig,
    /// Signals of what it has done.
    pub signals: Signals,
}

/// A look around that could not be finished; the next one will.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("the spool cannot be read: {0}")]
    Spool(#[from] io::Error),
}

impl Maintenance {
    /// Renews the leases of what is under way, three times as often as they run out, until `stop`; and says as often that we run.
    pub async fn renew(self, drain: CancellationToken, stop: CancellationToken) {
        let mut tick = every(self.claimant.lease / 3);
        let mut renewed_at = Instant::now();
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let attempts = self.running.attempts();
            if attempts.is_empty() || self.renew_leases(&attempts).await {
                renewed_at = Instant::now();
            } else if renewed_at.elapsed() > self.claimant.lease {
                tracing::warn!(for_s = renewed_at.elapsed().as_secs(), "the leases of what is under way have run out");
                self.signals.leases_expired.tell();
            }
            let (most, draining) = (self.running.most(), drain.is_cancelled());
            let told = coordinators::here(&self.pool, &self.claimant, attempts.len(), most, draining);
            if let Err(error) = self.in_time_for_the_lease(told).await {
                tracing::warn!(%error, "nobody is told that this coordinator runs");
            }
        }
    }

    /// Whether they are renewed.
    async fn renew_leases(&self, attempts: &[AttemptId]) -> bool {
        match self.in_time_for_the_lease(leases::renew(&self.pool, &self.claimant, attempts)).await {
            Ok(renewed) => {
                for attempt in attempts.iter().filter(|attempt| !renewed.contains(attempt)) {
                    tracing::debug!(%attempt, "the lease is not ours any more");
                }
                self.signals.renewed.tell();
                true
            }
            Err(error) => {
                tracing::warn!(%error, "leases are not renewed");
                false
            }
        }
    }

    /// Waits no longer than a lease: what is renewed later than that has run out meanwhile, and the next try is due.
    async fn in_time_for_the_lease<T>(&self, statement: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        within(self.config.statement.min(self.claimant.lease), statement).await
    }

    /// Looks around at once and then regularly, until `stop`. Nothing is taken over any more after `drain`.
    pub async fn look_around(self, drain: CancellationToken, stop: CancellationToken) {
        let period = (self.claimant.lease / 3).min(self.config.look_around);
        let mut tick = every(period);
        let mut in_sight = InSight::new(period + self.config.gap);
        let mut leads = false;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if drain.is_cancelled() {
                // Once: others need not wait for the lease to run out.
                leads = leads && self.lead(Duration::ZERO).await.is_err();
                self.signals.looked_around.tell();
                continue;
            }
            match self.take_over().await {
                Ok(()) => in_sight.seen(Instant::now()),
                Err(error) => tracing::warn!(%error, "abandoned calls are not looked for"),
            }
            if let Err(error) = self.remove_orphaned_containers().await {
                tracing::warn!(%error, "orphaned containers are not looked for");
            }
            leads = match self.lead_and_end_expired(in_sight.since(Instant::now())).await {
                Ok(leads) => leads,
                Err(error) => {
                    tracing::warn!(%error, "expired calls are not swept");
                    leads
                }
            };
            self.signals.looked_around.tell();
        }
        if leads && let Err(error) = self.lead(Duration::ZERO).await {
            tracing::debug!(%error, "the lead is not given up; it will run out");
        }
    }

    async fn take_over(&self) -> Result<(), LookError> {
        let besides = self.running.attempts();
        let here = within(self.config.statement, leases::take_over(&self.pool, &self.claimant, &besides)).await?;
        self.source.adopt(here, || Origin::Adopted);
        Ok(())
    }

    /// What only the leader does; `in_sight` is how long the database has been there without a gap. Returns whether we lead.
    async fn lead_and_end_expired(&self, in_sight: Duration) -> Result<bool, LookError> {
        if !self.lead(self.claimant.lease).await? {
            return Ok(false);
        }
        // Right after an outage everybody's last sign of life is old: those who live get as long as ever to give the next one.
        if in_sight >= self.config.abandoned_after {
            let elsewhere = leases::take_over_elsewhere(&self.pool, &self.claimant, self.config.abandoned_after);
            let elsewhere = within(self.config.statement, elsewhere).await?;
            self.source.adopt(elsewhere, || Origin::Elsewhere);
        }
        let (batch, lease) = (self.config.batch, self.claimant.lease);
        while within(self.config.statement, end_expired(&self.pool, batch)).await? >= batch && self.lead(lease).await? {}
        while within(self.config.statement, keep_queue(&self.pool, batch)).await? >= batch && self.lead(lease).await? {}
        Ok(true)
    }

    async fn lead(&self, lease: Duration) -> Result<bool, StoreError> {
        within(self.config.statement, lead(&self.pool, leader::MAINTENANCE, &self.claimant.coordinator, lease)).await
    }
}

/// How long the database has answered without a gap.
#[derive(Debug)]
struct InSight {
    gap: Duration,
    /// The first and the last of the looks that followed each other closely.
    looks: Option<(Instant, Instant)>,
}

impl InSight {
    /// Two looks further apart than `gap` do not belong together.
    fn new(gap: Duration) -> Self {
        InSight { gap, looks: None }
    }

    fn seen(&mut self, now: Instant) {
        let first = self.looks.filter(|(_, last)| now.duration_since(*last) <= self.gap).map_or(now, |(first, _)| first);
        self.looks = Some((first, now));
    }

    fn since(&self, now: Instant) -> Duration {
        let close = self.looks.filter(|(_, last)| now.duration_since(*last) <= self.gap);
        close.map_or(Duration::ZERO, |(first, _)| now.duration_since(first))
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut tick = interval(period.max(Duration::from_millis(50)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_makes_the_time_in_sight_begin_anew() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut in_sight = InSight::new(10 * second);
        assert_eq!(in_sight.since(start), Duration::ZERO);
        (0..=60).step_by(5).for_each(|at| in_sight.seen(start + at * second));
        assert_eq!(in_sight.since(start + 62 * second), 62 * second);
        assert_eq!(in_sight.since(start + 75 * second), Duration::ZERO, "nothing was heard for 15 s");
        in_sight.seen(start + 75 * second);
        in_sight.seen(start + 80 * second);
        assert_eq!(in_sight.since(start + 80 * second), 5 * second);
    }
}
