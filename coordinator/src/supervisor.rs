//! One attempt, from its claim to its settlement: launch the worker, wait for its end, gather what it left, let the policy speak.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use offhook::store::{
    claim::FreshClaim,
    error::{StoreError, within},
    evidence::Evidence,
    leases::{self, AttemptId},
    settle::{Settled, settle},
};
use sqlx::PgPool;
use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    assignment::{Assignment, Origin},
    in_flight::{InFlight, Slot},
    launcher::{Exit, Launch, LaunchError, Launcher, last_words::last_words},
    specification::{SpecificationError, Specifier},
    spool::{Spool, SpoolContents, SpoolError},
    test_signals::Signals,
};

/// The first pause before an unreachable database is tried again, where nothing else is configured; doubled up to the longest.
pub const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest such pause.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The exit code of a worker that could not work with what it was given, and has dialled nothing (`worker/src/main.rs`).
const NOTHING_DIALLED: i64 = 2;

/// How long the parts of an attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttendantConfig {
    /// After this a worker is stopped, whatever it does.
    pub whole_attempt: Duration,
    /// How long a worker may take to leave.
    pub stop_grace: Duration,
    /// How long a statement may take before it is tried again.
    pub statement: Duration,
    /// The pause before the second try to settle; doubled with each.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
}

/// Looks after attempts.
#[derive(Debug)]
pub struct AttemptSupervisor {
    /// The database.
    pub pool: PgPool,
    /// The engine.
    pub launcher: Arc<dyn Launcher>,
    /// The attempts' folders.
    pub spool: Spool,
    /// Writes the specifications of workers.
    pub specifier: Specifier,
    /// How long its parts may take.
    pub config: AttendantConfig,
    /// Signals of what it has done.
    pub signals: Signals,
    /// How many are started at once.
    pub starts: Semaphore,
    /// What is under way.
    pub running: Arc<InFlight>,
    /// Set when what is still running is left to the next coordinator.
    pub leave: CancellationToken,
    /// The tasks that look after one attempt each.
    pub tasks: TaskTracker,
}

/// Why a worker was not launched.
#[derive(Debug, thiserror::Error)]
enum NotLaunched {
    #[error("the coordinator leaves")]
    Leaving,
    #[error(transparent)]
    Specification(#[from] SpecificationError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl NotLaunched {
    /// What is left of the attempt.
    fn evidence(&self) -> Evidence {
        match self {
            NotLaunched::Specification(SpecificationError::Undiallable(error)) => Evidence::undiallable(error.to_string()),
            NotLaunched::Specification(SpecificationError::NotAllowed(why)) => Evidence::not_allowed(why),
            NotLaunched::Leaving => Evidence::given_back(),
            error => Evidence::not_launched(error.to_string()),
        }
    }
}

impl AttemptSupervisor {
    /// Looks after one attempt to its end, in a task of its own. Returns early where the rest is left to the next coordinator.
    ///
    /// # Errors
    /// Where that task panicked; the lease then runs out, and the attempt is taken over.
    pub async fn supervise(self: &Arc<Self>, assignment: Assignment) -> Result<(), JoinError> {
        let supervisor = self.clone();
        self.tasks.spawn(async move { supervisor.to_the_end(assignment).await }).await
    }

    async fn to_the_end(&self, Assignment { slot, origin }: Assignment) {
        let attempt = slot.attempt;
        let evidence = match origin {
            Origin::Fresh(claim) => match self.launch(attempt, &claim).await {
                Ok(()) => self.see_through(&slot).await,
                // It may be dialling by now: whoever is rung must not be rung again, nor be left with a call that nobody ends.
                Err(NotLaunched::Launch(error @ LaunchError::Unsure(_))) => {
                    tracing::warn!(%attempt, %error, "perhaps launched");
                    self.see_through(&slot).await
                }
                Err(error) => {
                    tracing::warn!(%attempt, %error, "not launched");
                    Some(error.evidence())
                }
            },
            Origin::Adopted => {
                tracing::info!(%attempt, "taken over");
                self.see_through(&slot).await
            }
            Origin::Elsewhere => Some(Evidence::lost("nothing was heard of its machine for too long")),
        };
        let Some(evidence) = evidence else { return };
        if let Some(settled) = self.settle(attempt, evidence).await {
            if let Settled::Now { state, disposition, why } = &settled {
                let (state, disposition) = (state.as_str(), disposition.as_str());
                tracing::info!(%attempt, state, disposition, why, "settled");
            }
            self.clear_away(attempt, settled != Settled::Gone).await;
            self.signals.settled.tell();
        }
    }

    async fn launch(&self, attempt: AttemptId, claim: &FreshClaim) -> Result<(), NotLaunched> {
        let permit = tokio::select! {
            biased;
            () = self.leave.cancelled() => return Err(NotLaunched::Leaving),
            permit = self.starts.acquire() => permit,
        };
        // Closed never: the semaphore lives as long as we do.
        let _permit = permit;
        let begun = Instant::now();
        let launch = Launch { attempt, folder: self.spool.folder(attempt) };
        let specification = self.specifier.specify(claim, self.launcher.spool_of(&launch)).await?;
        let launched = match self.spool.create(attempt, self.launcher.owner(), &specification) {
            Ok(()) => self.launcher.launch(&launch).await.map_err(NotLaunched::from),
            Err(error) => Err(error.into()),
        };
        match launched {
            Ok(()) => {
                let since_due_ms = (chrono::Utc::now() - claim.call.due_at).num_milliseconds();
                tracing::info!(%attempt, trunk = claim.call.trunk, since_due_ms, launch_ms = begun.elapsed().as_millis(), "launched");
                if let Err(error) = within(self.config.statement, leases::launched(&self.pool, attempt)).await {
                    tracing::warn!(%attempt, %error, "the moment of the launch is not noted");
                }
                Ok(())
            }
            Err(error) => {
                let rest = self.running.rest(Instant::now());
                tracing::warn!(rest_s = rest.as_secs(), "nothing is claimed for a while, since nothing can be launched");
                self.undo_launch(attempt, &error).await;
                Err(error)
            }
        }
    }

    /// Makes sure that a launch that failed half-way has left nothing; what others made, or what may run, is left alone.
    async fn undo_launch(&self, attempt: AttemptId, error: &NotLaunched) {
        match error {
            NotLaunched::Launch(LaunchError::NameTaken(_) | LaunchError::Unsure(_))
            | NotLaunched::Spool(SpoolError::Exists(_)) => {}
            _ => self.clear_away(attempt, true).await,
        }
    }

    /// Waits until the worker has ended and gathers what it left. `None` where it is left to the next coordinator.
    async fn see_through(&self, slot: &Slot) -> Option<Evidence> {
        let attempt = slot.attempt;
        let mut patience = self.config.whole_attempt;
        let exit = loop {
            tokio::select! {
                exit = self.launcher.wait(attempt) => break exit,
                () = sleep(patience) => tracing::warn!(%attempt, "the worker takes too long; stopping it"),
                () = slot.told_its_end() => match timeout(self.config.stop_grace, self.launcher.wait(attempt)).await {
                    Ok(exit) => break exit,
                    Err(_) => tracing::warn!(%attempt, "the worker has told its end and does not leave; stopping it"),
                },
                () = self.leave.cancelled() => return None,
            }
            if let Err(error) = self.launcher.stop(attempt, self.config.stop_grace).await {
                tracing::warn!(%attempt, %error, "the worker cannot be stopped; trying again");
            }
            // Settled is only what is known to have ended: whoever still runs may still talk.
            patience = self.config.stop_grace + self.config.longest_pause;
        };
        Some(self.gather(attempt, exit).await)
    }

    async fn gather(&self, attempt: AttemptId, exit: Exit) -> Evidence {
        let spool = self.spool.clone();
        let contents = spawn_blocking(move || {
            let secrets = spool.secrets(attempt);
            if let Err(error) = spool.scrub(attempt) {
                tracing::error!(%attempt, %error, "the attempt's secrets cannot be removed from the spool");
            }
            (spool.contents(attempt), secrets)
        });
        let (SpoolContents { report, notes, files }, secrets) = contents.await.unwrap_or_default();
        let mut detail = format!("the worker {exit} without telling how the call went");
        if report.is_none() {
            // Without knowing what must not be repeated nothing is.
            let said = match secrets {
                Some(secrets) => last_words(&self.launcher.standard_error(attempt).await, &secrets),
                None => None,
            };
            if let Some(said) = said {
                detail += &format!("; the last it said: {said}");
            }
            tracing::warn!(%attempt, detail, "no report");
        }
        let otherwise = match exit {
            // Nothing is lost by it, and the next worker most likely fares no better: its login, its image, its specification are the same.
            Exit::Ended { code: Some(NOTHING_DIALLED), .. } if report.is_none() => {
                let rest = self.running.rest(Instant::now());
                tracing::warn!(rest_s = rest.as_secs(), "nothing is claimed for a while, since workers end before they dial");
                Evidence::not_launched(detail)
            }
            _ => Evidence::lost(detail),
        };
        if report.is_some() {
            self.running.go_on();
        }
        Evidence { report, notes, files, ..otherwise }
    }

    /// Settles, however long the database is unreachable. `None` where it is left to the next coordinator.
    async fn settle(&self, attempt: AttemptId, mut evidence: Evidence) -> Option<Settled> {
        let mut pause = self.config.first_pause;
        loop {
            let mut rng = rng();
            let settled = settle(&self.pool, attempt, &evidence, &mut rng);
            match within(self.config.statement, settled).await {
                Ok(settled) => return Some(settled),
                Err(error @ StoreError::Refused { .. }) if !evidence.notes.is_empty() => {
                    tracing::error!(%attempt, %error, "the database refuses the worker's notes; going on without them");
                    evidence.notes.clear();
                    continue;
                }
                Err(error @ StoreError::Refused { .. }) if evidence.report.is_some() => {
                    tracing::error!(%attempt, %error, "the database refuses the worker's report; going on without it");
                    evidence.detail = format!("the worker's report was refused: {error}");
                    evidence.report = None;
                    continue;
                }
                Err(error) => tracing::warn!(%attempt, %error, "not settled yet; trying again"),
            }
            self.signals.not_settled.tell();
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(self.config.longest_pause),
                () = self.leave.cancelled() => return None,
            }
        }
    }

    /// Removes what nobody needs; of an attempt that the database does not know any more, everything.
    async fn clear_away(&self, attempt: AttemptId, known: bool) {
        if let Err(error) = self.launcher.remove(attempt).await {
            // Found again as an orphan, and removed then.
            tracing::warn!(%attempt, %error, "the worker is not cleared away yet");
        }
        let spool = self.spool.clone();
        let tidied = spawn_blocking(move || if known { spool.tidy(attempt) } else { spool.remove(attempt) }).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!(%attempt, %error, "the attempt's folder is not tidied");
        }
    }
}

/// A generator that can cross an await, unlike the thread's own.
fn rng() -> rand::rngs::StdRng {
    rand::make_rng()
}
