//! The queue: apalis, with the table `calls` as its backend.
//!
//! apalis is the worker loop and its drain and nothing more; leases, retries and results are in `calls` and `attempts`. The only
//! module that names apalis. What keeps a call from being lost or made twice, where stock backends fail: an outage of the database never ends
//! the worker (claims return nothing); leases are renewed elsewhere, so they go on during a drain; a wake-up during a claim leads to
//! another claim after it; a claim whose future apalis drops is given back.

pub mod listener;
mod source;
pub mod wake;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use apalis::prelude::{
    Backend, BoxDynError, Codec, Data, Monitor, MonitorError, Task, TaskBuilder, TaskId, WorkerBuilder, WorkerContext,
};
use apalis_core::backend::{
    BackendConfig,
    finalize::Ephemeral,
    persistence::{Persisted, Persistence, State, TaskEvent, TaskPersistLayer},
};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Interval, MissedTickBehavior},
};

pub use self::source::{Source, SourceConfig};
use self::wake::Wake;
use crate::{assignment::Assignment, supervisor::AttemptSupervisor};

/// How often apalis' own heartbeat comes; it keeps nothing alive here.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Runs the worker until `drain` comes and every call under way has ended.
///
/// # Errors
/// Where apalis fails; calls under way are not lost by that, they are attended to in tasks of their own.
pub async fn work(
    source: Arc<Source>,
    supervisor: Arc<AttemptSupervisor>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), MonitorError> {
    let name = source.claimant.coordinator.clone();
    let monitor = Monitor::new()
        .register(move |_restarts| {
            let mut tick = tokio::time::interval(source.config.poll);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let backend = CallBackend { calls: Persisted::new(Calls(source.clone())), tick, wake: source.wake.clone() };
            WorkerBuilder::new(name.clone()).backend(backend).data(supervisor.clone()).build(supervise)
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
async fn supervise(assignment: Handed, supervisor: Data<Arc<AttemptSupervisor>>) -> Result<(), BoxDynError> {
    if let Some(assignment) = assignment.take() {
        supervisor.supervise(assignment).await?;
    }
    Ok(())
}

/// An assignment in the shape apalis wants its arguments: cheap to clone, taken once. One that is dropped before that is given back.
#[derive(Debug, Clone)]
struct Handed(Arc<Parcel>);

#[derive(Debug)]
struct Parcel {
    assignment: Mutex<Option<Assignment>>,
    source: Arc<Source>,
}

impl Handed {
    fn new(assignment: Assignment, source: Arc<Source>) -> Self {
        Handed(Arc::new(Parcel { assignment: Mutex::new(Some(assignment)), source }))
    }

    fn take(&self) -> Option<Assignment> {
        self.0.assignment.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let untaken = self.assignment.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // Outside a runtime there is nobody left to do it, and the lease runs out.
        if let (Some(assignment), Ok(runtime)) = (untaken, Handle::try_current()) {
            let source = self.source.clone();
            self.source.claims.spawn_on(async move { source.give_back(vec![assignment]).await }, &runtime);
        }
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
            TaskBuilder::new(Handed::new(assignment, self.0.clone())).task_id(id).build()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook::store::{claim::Claimant, leases::AttemptId};
    use sqlx::PgPool;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{assignment::Origin, in_flight::InFlight, test_signals::Signals};

    /// A source whose database is unreachable.
    fn source(running: &Arc<InFlight>) -> Arc<Source> {
        let claimant = Claimant {
            coordinator: "c".into(),
            host: "here".into(),
            namespace: "test".into(),
            lease: Duration::from_secs(1),
            port_first: 20_000,
            port_last: 20_003,
            servers: Vec::new(),
        };
        let pool = PgPool::connect_lazy("postgres://127.0.0.1:9/nowhere").unwrap();
        let config = SourceConfig { poll: Duration::from_secs(1), statement: Duration::from_millis(1) };
        Source::new(pool, claimant, config, running.clone(), Arc::default(), Signals::default(), CancellationToken::new())
    }

    fn assignment(running: &Arc<InFlight>) -> Assignment {
        Assignment { slot: running.enter(AttemptId { call_id: 1, attempt: 1 }).unwrap(), origin: Origin::Adopted }
    }

    #[tokio::test]
    async fn what_apalis_drops_before_it_is_begun_is_given_back_and_waited_for() {
        let running = InFlight::new(1, Arc::default());
        let source = source(&running);
        let handed = Handed::new(assignment(&running), source.clone());
        drop(handed.clone());
        assert!(source.claims.is_empty(), "somebody has it still");
        drop(handed);
        assert_eq!(source.claims.len(), 1);
        source.close().await;
        assert_eq!(running.attempts(), vec![], "its place is free");
    }

    #[tokio::test]
    async fn what_was_taken_is_not_given_back() {
        let running = InFlight::new(1, Arc::default());
        let source = source(&running);
        let handed = Handed::new(assignment(&running), source.clone());
        let taken = handed.take().unwrap();
        drop(handed);
        assert!(source.claims.is_empty());
        assert_eq!(running.attempts(), vec![taken.slot.attempt]);
    }
}
