//! A claim that will not be begun goes back to its place in the queue: it is not lost, it waits for nothing, and it uses up nothing.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use offhook::{
    call::CallState,
    store::{
        claim::claim,
        evidence::Evidence,
        leases::AttemptId,
        settle::{Settled, settle},
    },
};
use offhook_coordinator::{
    assignment::Origin,
    config::launcher::ContainerUser,
    in_flight::InFlight as UnderWay,
    launcher::{Exit, Launch, LaunchError, Launched, Launcher},
    queue::{Source, SourceConfig},
    run::Service,
    test_signals::{Signal, Signals},
};
use offhook_test_database::{TestDatabase, claimant, first_attempt, until};
use rand::{SeedableRng, rngs::StdRng};
use service::{Running, TestSpool, config, told};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// Where a call stands in line; the same before and after.
const PLACE: &str = "select concat_ws(' ', state, ready, due_at, turn_at, attempts_counted) from calls where id = ";

fn source(database: &TestDatabase, under_way: &Arc<UnderWay>) -> Arc<Source> {
    Source::new(
        database.pool.clone(),
        claimant("c", "here"),
        SourceConfig { poll: Duration::from_millis(100), statement: Duration::from_secs(10) },
        under_way.clone(),
        Arc::default(),
        Signals::default(),
        CancellationToken::new(),
    )
}

/// Looks for work that nobody waits for any more, as when the queue's worker is dropped during a claim.
async fn fetch_for_nobody(source: Arc<Source>) {
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    source.fetch_for(sender).await;
}

#[tokio::test]
async fn a_claim_that_nobody_receives_is_back_in_its_place_at_once() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    // Of a while ago: it is the eldest in line, and stays so.
    database.run_unruled("update calls set due_at = now() - interval '1 hour', turn_at = now() - interval '1 hour'").await;
    database.insert_calls(1, "", "").await;
    let place: String = database.one(format!("{PLACE}{id}")).await;
    let under_way = UnderWay::new(1, Arc::default());
    fetch_for_nobody(source(&database, &under_way)).await;
    assert_eq!(database.one::<String>(format!("{PLACE}{id}")).await, place);
    assert_eq!(database.state(id).await.1.as_deref(), Some("given back before it was begun"));
    assert_eq!(under_way.attempts(), vec![], "its place is free");
    assert_eq!(database.one::<i64>("select count(*) from port_leases").await, 0);
    assert_eq!(database.one::<i64>("select count(*) from attempts where disposition = 'lost' or settled_at is null").await, 0);
    let again = claim(&database.pool, &claimant("d", "here"), 1).await.unwrap().calls;
    assert_eq!((again[0].call.id, again[0].call.attempt), (id, 2), "the next one takes it, before those behind it");
}

#[tokio::test]
async fn a_claim_of_a_call_that_was_taken_back_meanwhile_ends_it() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    claim(&database.pool, &claimant("c", "here"), 1).await.unwrap();
    database.run("update calls set cancel_requested = true").await;
    let settled =
        settle(&database.pool, first_attempt(id), &Evidence::given_back(), &mut StdRng::seed_from_u64(1)).await.unwrap();
    assert!(matches!(settled, Settled::Now { state: CallState::Cancelled, .. }), "{settled:?}");
}

#[tokio::test]
async fn what_runs_already_is_left_to_the_next_coordinator() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    claim(&database.pool, &claimant("c", "here"), 1).await.unwrap();
    let under_way = UnderWay::new(1, Arc::default());
    let source = source(&database, &under_way);
    source.adopt([first_attempt(id)], || Origin::Adopted);
    fetch_for_nobody(source).await;
    assert_eq!(database.state(id).await.0, "claimed");
    assert!(database.one::<bool>("select lease_until <= clock_timestamp() from calls").await, "it may be taken over now");
}

/// An engine that starts nothing until it is let.
#[derive(Debug)]
struct SlowEngine {
    asked: Signal,
    starts: Semaphore,
}

#[async_trait]
impl Launcher for SlowEngine {
    fn spool_of(&self, launch: &Launch) -> PathBuf {
        launch.folder.clone()
    }

    fn owner(&self) -> Option<ContainerUser> {
        None
    }

    async fn launch(&self, _launch: &Launch) -> Result<(), LaunchError> {
        self.asked.tell();
        self.starts.acquire().await.unwrap().forget();
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Launched>, LaunchError> {
        Ok(Vec::new())
    }

    async fn wait(&self, _attempt: AttemptId) -> Exit {
        std::future::pending().await
    }

    async fn stop(&self, _attempt: AttemptId, _grace: Duration) -> Result<(), LaunchError> {
        Ok(())
    }

    async fn standard_error(&self, _: AttemptId) -> Vec<u8> {
        Vec::new()
    }

    async fn remove(&self, _attempt: AttemptId) -> Result<(), LaunchError> {
        Ok(())
    }

    async fn check(&self) -> Result<String, LaunchError> {
        Ok(String::new())
    }
}

#[tokio::test]
async fn who_leaves_gives_back_what_it_has_not_launched_yet() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let engine = Arc::new(SlowEngine { asked: Signal::default(), starts: Semaphore::new(0) });
    let mut service = Service::new(&config(&database, &spool.0, &["--parallel-starts", "1"]), false).await.unwrap();
    service.launcher = engine.clone();
    let running = Running::run(service);
    database.insert_calls(3, "", "").await;
    until("all are claimed", || async { database.one::<i64>("select count(*) from calls where state = 'claimed'").await == 3 })
        .await;
    told("one is being launched", &engine.asked, 1).await;
    running.shutdown.drain.cancel();
    running.shutdown.leave.cancel();
    until("two are in the queue again", || async {
        database.one::<i64>("select count(*) from calls where state = 'queued' and ready and attempts_counted = 0").await == 2
    })
    .await;
    engine.starts.add_permits(1);
    running.drain().await;
    assert_eq!(engine.asked.count(), 1, "nothing else was launched");
    assert_eq!(database.one::<i64>("select count(*) from attempts where disposition = 'lost'").await, 0);
    assert_eq!(
        database.one::<i64>("select count(*) from calls where state = 'claimed'").await,
        1,
        "which the next one takes over"
    );
}
