//! Where assignments come from: attempts that were taken over, and claims. What nobody begins goes back to where it came from.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use offhook::store::{
    claim::{self, Claimant},
    error::within,
    evidence::Evidence,
    leases::{self, AttemptId},
    settle::settle,
};
use sqlx::PgPool;
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::wake::Wake;
use crate::{
    assignment::{Assignment, Origin},
    in_flight::InFlight,
    test_signals::Signals,
};

/// Where assignments come from.
#[derive(Debug)]
pub struct Source {
    pool: PgPool,
    pub(super) claimant: Claimant,
    running: Arc<InFlight>,
    pub(super) wake: Arc<Wake>,
    pub(super) config: SourceConfig,
    signals: Signals,
    adopted: Mutex<Vec<Assignment>>,
    alarm_set: AtomicBool,
    drain: CancellationToken,
    /// Claims that are being made or given back.
    pub(super) claims: TaskTracker,
}

/// How the queue is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceConfig {
    /// How often the queue is looked at when nothing wakes us.
    pub poll: Duration,
    /// How long a statement may take before it is given up.
    pub statement: Duration,
}

impl Source {
    /// Claims as `claimant`, as long as `running` has room and until `drain`; `wake` says when to look.
    pub fn new(
        pool: PgPool,
        claimant: Claimant,
        config: SourceConfig,
        running: Arc<InFlight>,
        wake: Arc<Wake>,
        signals: Signals,
        drain: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Source {
            pool,
            claimant,
            running,
            wake,
            config,
            signals,
            adopted: Mutex::default(),
            alarm_set: AtomicBool::new(false),
            drain,
            claims: TaskTracker::new(),
        })
    }

    /// Hands over attempts that were taken over from somebody else.
    pub fn adopt(&self, attempts: impl IntoIterator<Item = AttemptId>, origin: impl Fn() -> Origin) {
        let assignments =
            attempts.into_iter().filter_map(|attempt| Some(Assignment { slot: self.running.enter(attempt)?, origin: origin() }));
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner).extend(assignments);
        self.wake.wake();
    }

    /// What there is to do now: adopted attempts, then as many new claims as there is room for.
    async fn fetch(self: &Arc<Self>) -> Vec<Assignment> {
        let mut assignments = std::mem::take(&mut *self.adopted.lock().unwrap_or_else(PoisonError::into_inner));
        // apalis hears of the drain a moment later than we do, and may look once more until then.
        if self.drain.is_cancelled() {
            return assignments;
        }
        let room = self.running.room(Instant::now());
        let claim = claim::claim_while(&self.pool, &self.claimant, room, || !self.drain.is_cancelled());
        // What was claimed all the same is taken over when its lease has run out.
        let claim = match within(self.config.statement, claim).await {
            Ok(claim) => claim,
            Err(error) => {
                // Never an error to apalis: it would drop every call under way. The poll tries again.
                tracing::warn!(%error, "nothing claimed");
                return assignments;
            }
        };
        if claim.no_ports {
            tracing::warn!(
                "a due call waits for UDP ports; widen OFFHOOK_PORT_FIRST to OFFHOOK_PORT_LAST, or lower OFFHOOK_MAX_CALLS"
            );
        }
        if let Some(wait) = claim.wait {
            self.look_again_after(wait);
        }
        for fresh in claim.calls {
            let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
            if let Some(slot) = self.running.enter(attempt) {
                assignments.push(Assignment { slot, origin: Origin::Fresh(Box::new(fresh)) });
            }
        }
        assignments
    }

    /// One alarm at a time: a storm of wake-ups must not become a storm of alarms.
    fn look_again_after(self: &Arc<Self>, wait: Duration) {
        if !self.alarm_set.swap(true, Ordering::AcqRel) {
            let source = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                source.alarm_set.store(false, Ordering::Release);
                source.wake.wake();
            });
        }
    }

    /// Looks for what there is to do and hands it to `receiver`. What nobody receives any more is given back.
    pub async fn fetch_for(self: Arc<Self>, receiver: oneshot::Sender<Vec<Assignment>>) {
        if let Err(unwanted) = receiver.send(self.fetch().await) {
            self.give_back(unwanted).await;
        }
    }

    /// Waits until no claim is being made or given back any more. None may be begun afterwards.
    pub async fn close(&self) {
        self.claims.close();
        self.claims.wait().await;
    }

    /// Lets go of what will not be begun any more: a claim goes back to its place in the queue, what runs already is left to the next
    /// coordinator.
    pub(super) async fn give_back(&self, assignments: Vec<Assignment>) {
        let (fresh, running): (Vec<_>, Vec<_>) =
            assignments.into_iter().partition(|assignment| matches!(assignment.origin, Origin::Fresh(_)));
        for Assignment { slot, .. } in fresh {
            let evidence = Evidence::given_back();
            let mut rng: rand::rngs::StdRng = rand::make_rng();
            match within(self.config.statement, settle(&self.pool, slot.attempt, &evidence, &mut rng)).await {
                Ok(_) => self.signals.given_back.tell(),
                Err(error) => {
                    tracing::warn!(attempt = %slot.attempt, %error, "a claim is not given back; its lease will run out");
                }
            }
        }
        let running: Vec<AttemptId> = running.iter().map(|assignment| assignment.slot.attempt).collect();
        if !running.is_empty()
            && let Err(error) = within(self.config.statement, leases::release(&self.pool, &self.claimant, &running)).await
        {
            tracing::warn!(%error, "attempts are not let go; their leases will run out");
        }
    }
}
