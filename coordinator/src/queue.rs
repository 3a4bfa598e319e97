//! The queue: apalis, with the table `calls` as its backend.
//!
//! apalis gives workers, drain and supervision; the truth stays in `calls`. The only module that names apalis. What keeps a call
//! from being lost or made twice, where stock backends fail:
//! a database that is away never ends the worker (claims answer empty); leases are renewed elsewhere, so they go on during a drain;
//! a wake-up during a claim is kept and looked at afterwards; a claim that nobody waits for any more is given back.

pub mod listener;
pub mod wake;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apalis::prelude::{
    Backend, BoxDynError, Codec, Data, Monitor, MonitorError, Task, TaskBuilder, TaskId, WorkerBuilder, WorkerContext,
};
use apalis_core::backend::{
    BackendConfig,
    finalize::Ephemeral,
    persistence::{Persisted, Persistence, State, TaskEvent, TaskPersistLayer},
};
use offhook::store::{
    claim::{self, Claimant},
    evidence::Evidence,
    leases::{self, AttemptId},
    refusal::within,
    settle::settle,
};
use sqlx::PgPool;
use tokio::{
    sync::oneshot,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::wake::Wake;
use crate::{
    assignment::{Assignment, Origin},
    attend::Attendant,
    running::Running,
    signal::Signals,
};

/// How often apalis' own heartbeat comes; it keeps nothing alive here.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Where assignments come from.
#[derive(Debug)]
pub struct Source {
    pool: PgPool,
    claimant: Claimant,
    running: Arc<Running>,
    wake: Arc<Wake>,
    config: SourceConfig,
    signals: Signals,
    adopted: Mutex<Vec<Assignment>>,
    alarm_set: AtomicBool,
    drain: CancellationToken,
    /// Claims that are being made or given back.
    claims: TaskTracker,
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
        running: Arc<Running>,
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
    async fn give_back(&self, assignments: Vec<Assignment>) {
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

/// Runs the worker until `drain` comes and every call under way has ended.
///
/// # Errors
/// Where apalis fails; calls under way are not lost by that, they are attended to in tasks of their own.
pub async fn work(
    source: Arc<Source>,
    attendant: Arc<Attendant>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), MonitorError> {
    let name = source.claimant.coordinator.clone();
    let monitor = Monitor::new()
        .register(move |_restarts| {
            let mut tick = tokio::time::interval(source.config.poll);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let backend = CallBackend { calls: Persisted::new(Calls(source.clone())), tick, wake: source.wake.clone() };
            WorkerBuilder::new(name.clone()).backend(backend).data(attendant.clone()).build(attend)
        })
        // Whatever happens in there, the queue goes on.
        .should_restart(|worker, error| {
            tracing::error!(worker = worker.name(), %error, "the queue's worker failed; starting it again");
            true
        });
    monitor
        .run_with_signal(async {
            drain.await;
            Ok(())
        })
        .await
}

/// One assignment, in a task of its own: what happens to this worker does not happen to the call.
async fn attend(assignment: Handed, attendant: Data<Arc<Attendant>>) -> Result<(), BoxDynError> {
    if let Some(assignment) = assignment.take() {
        attendant.attend(assignment).await?;
    }
    Ok(())
}

/// An assignment in the shape apalis wants its arguments: cheap to clone, taken once.
#[derive(Debug, Clone)]
struct Handed(Arc<Mutex<Option<Assignment>>>);

impl Handed {
    fn new(assignment: Assignment) -> Self {
        Handed(Arc::new(Mutex::new(Some(assignment))))
    }

    fn take(&self) -> Option<Assignment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Debug, Clone)]
struct Calls(Arc<Source>);

impl Persistence for Calls {
    type Compact = Handed;
    type Response = ();
    type Error = Infallible;

    async fn register(&mut self, _worker: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    async fn heartbeat(&mut self, _worker: &WorkerContext) -> Result<(), Infallible> {
        Ok(())
    }

    async fn fetch_next(&mut self, _worker: &WorkerContext) -> Result<Vec<Task<Handed>>, Infallible> {
        // In a task of its own: apalis drops this future when it closes, and a claim may be committed just then.
        let (found, receive) = oneshot::channel();
        self.0.claims.spawn(self.0.clone().fetch_for(found));
        let task = |assignment: Assignment| {
            let id = TaskId::from_string(assignment.slot.attempt.to_string());
            TaskBuilder::new(Handed::new(assignment)).task_id(id).build()
        };
        Ok(receive.await.unwrap_or_default().into_iter().map(task).collect())
    }

    async fn reenqueue_abandoned(&mut self, tasks: Vec<Task<Handed>>, _worker: &WorkerContext) -> Result<u64, Infallible> {
        let assignments: Vec<Assignment> = tasks.iter().filter_map(|task| task.args.take()).collect();
        let count = assignments.len() as u64;
        self.0.give_back(assignments).await;
        Ok(count)
    }

    async fn handle_events(&mut self, _events: Vec<TaskEvent<()>>, _worker: &WorkerContext) -> Result<(), Infallible> {
        // Calls are settled by whoever attends to them.
        Ok(())
    }

    async fn push_tasks(&mut self, _tasks: Vec<Task<Handed>>) -> Result<(), Infallible> {
        // Calls are added by INSERT.
        Ok(())
    }
}

struct CallBackend {
    calls: Persisted<Calls>,
    tick: Interval,
    wake: Arc<Wake>,
}

impl Backend for CallBackend {
    type Task = Task<Handed>;
    type Error = Infallible;

    fn poll_ready(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.calls.poll_ready(cx, worker, HEARTBEAT)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Option<Result<Task<Handed>, Infallible>>> {
        self.wake.register(cx);
        // Until it is pending, or nobody would wake us for the next tick.
        while self.tick.poll_tick(cx).is_ready() {
            self.wake.wake();
        }
        loop {
            // This is polled for every breath of every call; the database is asked only when there is a reason.
            if matches!(self.calls.state(), State::Ready) && !self.wake.take() {
                return Poll::Pending;
            }
            match self.calls.poll_next(cx, worker) {
                // Came back empty: was there a wake-up while it looked?
                Poll::Pending if matches!(self.calls.state(), State::Ready) => {}
                Poll::Pending => return Poll::Pending,
                ready => {
                    // There may be more where this came from.
                    self.wake.wake();
                    return ready;
                }
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.calls.poll_close(cx, worker)
    }
}

impl BackendConfig for CallBackend {
    type Args = Handed;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = TaskPersistLayer<NoResult, ()>;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Self::Layer {
        self.calls.layer(NoResult, 1)
    }
}

/// Results are in `attempts`, not in apalis.
#[derive(Debug, Clone)]
struct NoResult;

impl Codec<()> for NoResult {
    type Error = Infallible;
    type Compact = ();

    fn encode(&self, (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn decode(&self, (): &()) -> Result<(), Infallible> {
        Ok(())
    }
}
