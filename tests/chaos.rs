//! The five runs that the field publishes for queues in Postgres, with a telephone at the end: a steady stream of calls, a blow, and
//! what became of both. Run by `make chaos`; the rows are what it prints.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use offhook_test_database::TestDatabase;
use sqlx::{Connection, PgConnection, PgPool};
use support::{callees::Manner, cluster::Cluster, installation::binary, site::Site};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Calls that wait or are made at any moment.
const STREAM: i64 = 12;
/// Before and after the blow, the calls of so long a time are counted.
const WINDOW: Duration = Duration::from_secs(12);
/// How long a blow goes on that is not one moment.
const BLOW: Duration = Duration::from_secs(15);
/// Others than the coordinator and its workers, for one test.
const CONNECTIONS: u32 = 300;
/// The share of the rate before the blow that has to be there after it; docs/chaos.md says why so much. A coordinator that was killed
/// leaves calls that take up the stream's places until their leases have run out, for half of the [`WINDOW`].
const AFTER_A_KILL: f64 = 0.4;
/// Where nothing takes up places any more.
const AFTER_ANYTHING_ELSE: f64 = 0.7;
/// Everything that was begun has ended after this, or is lost.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos"]
async fn crash_recovery() {
    let mut run = Run::start("crash recovery").await;
    run.site.kill_coordinator();
    run.site.start_coordinator().await;
    run.end(AFTER_A_KILL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos"]
async fn repeated_kills() {
    let mut run = Run::start("repeated kills").await;
    for _ in 0..5 {
        run.site.kill_coordinator();
        run.site.start_coordinator().await;
        sleep(Duration::from_secs(3)).await;
    }
    run.end(AFTER_A_KILL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos"]
async fn postgres_restart() {
    let run = Run::start("Postgres restart").await;
    tokio::task::block_in_place(|| run.cluster.restart());
    run.end(AFTER_ANYTHING_ELSE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos"]
async fn backends_killed() {
    let run = Run::start("backends killed, 5 a second").await;
    let mut connection = PgConnection::connect(&run.cluster.admin).await.unwrap();
    let until = Instant::now() + BLOW;
    let mut killed = 0;
    while Instant::now() < until {
        let ended: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'offhook%' order by random() limit 1",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        killed += ended.len();
        sleep(Duration::from_millis(200)).await;
    }
    println!("{killed} backends killed");
    run.end(AFTER_ANYTHING_ELSE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos"]
async fn pool_exhaustion() {
    let run = Run::start("pool exhaustion").await;
    let mut idle = Vec::new();
    let until = Instant::now() + BLOW;
    // Whatever becomes free is taken as well.
    while Instant::now() < until {
        match PgConnection::connect(&run.cluster.admin).await {
            Ok(connection) => idle.push(connection),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    println!("{} idle connections", idle.len());
    drop(idle);
    run.end(AFTER_ANYTHING_ELSE).await;
}

/// A stream of calls through one coordinator whose workers are processes.
struct Run {
    name: &'static str,
    site: Site,
    stream: Stream,
    baseline: f64,
    cluster: Cluster,
}

impl Run {
    /// Ready for the blow: the stream flows, and its rate is known.
    async fn start(name: &'static str) -> Run {
        let cluster = Cluster::start(CONNECTIONS);
        let engine = std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make chaos`");
        let database = TestDatabase::new_on(cluster.admin.clone()).await;
        let worker = binary("offhook-worker");
        let settings = [("OFFHOOK_LAUNCHER", "process"), ("OFFHOOK_WORKER_PROGRAM", worker.to_str().unwrap())];
        let mut site = Site::on(database, engine, &settings).await;
        site.start_coordinator().await;
        let stream = Stream::start(&site);
        sleep(Duration::from_secs(3)).await;
        let baseline = rate(&site).await;
        Run { name, site, stream, baseline, cluster }
    }

    /// The blow is over: counts, prints, judges. The rate has to be this share of what it was.
    async fn end(self, floor: f64) {
        sleep(Duration::from_secs(2)).await;
        let after = rate(&self.site).await;
        let calls = self.stream.stop().await;
        let deadline = Instant::now() + PATIENCE;
        let open = "select count(*)::text from calls c where c.state in ('claimed', 'dialing', 'talking')
                       or (c.state = 'queued' and not exists (select from attempts a where a.call_id = c.id and a.dialing_at is not null))";
        let mut lost = self.site.ask(open).await;
        while lost != "0" && Instant::now() < deadline {
            sleep(Duration::from_millis(200)).await;
            lost = self.site.ask(open).await;
        }
        let there = self.site.ask("select count(*)::text from calls").await;
        let held = self.site.ask("select count(*)::text from calls where state = 'held'").await;
        let twice = self.site.callees.rung_twice();
        let ratio = after / self.baseline;
        println!(
            "| {} | {calls} | {lost} | {} | {held} | {:.1} | {after:.1} | {ratio:.2} |",
            self.name,
            twice.len(),
            self.baseline,
        );
        assert_eq!(twice, vec![], "dialled twice");
        assert_eq!((lost.as_str(), there), ("0", calls.to_string()), "lost");
        // No call flowed before: the ratio says nothing, and the run has shown nothing.
        assert!(self.baseline > 0.0, "no call was settled before the blow");
        assert!(ratio >= floor, "after the blow {ratio:.2} of the rate before it, and {floor} is the least");
        self.site.nothing_is_left_over().await;
    }
}

/// Calls settled a second, over a [`WINDOW`].
async fn rate(site: &Site) -> f64 {
    let settled = "select count(*)::text from attempts where settled_at is not null";
    let before: f64 = site.ask(settled).await.parse().unwrap();
    sleep(WINDOW).await;
    let after: f64 = site.ask(settled).await.parse().unwrap();
    (after - before) / WINDOW.as_secs_f64()
}

/// Keeps [`STREAM`] calls waiting or under way. Whether an insert arrived or not: the request key makes it one.
struct Stream {
    stop: watch::Sender<bool>,
    task: JoinHandle<usize>,
}

impl Stream {
    fn start(site: &Site) -> Stream {
        let stop = watch::Sender::new(false);
        let stopped = stop.subscribe();
        let numbers: Vec<String> = [Manner::Busy, Manner::AnswersAndHangsUp, Manner::Busy]
            .iter()
            .enumerate()
            .map(|(nth, manner)| site.callees.number(*manner, nth))
            .collect();
        let task = tokio::spawn(feed(site.database.pool.clone(), numbers, stopped));
        Stream { stop, task }
    }

    /// Returns how many calls there were.
    async fn stop(self) -> usize {
        self.stop.send_replace(true);
        self.task.await.unwrap()
    }
}

/// Every call is to a number of its own.
async fn feed(pool: PgPool, numbers: Vec<String>, stopped: watch::Receiver<bool>) -> usize {
    let mut count = 0;
    while !*stopped.borrow() {
        let open: Result<i64, sqlx::Error> = sqlx::query_scalar(
            "select count(*) from calls c where state in ('claimed', 'dialing', 'talking')
                or (state = 'queued' and not exists (select from attempts a where a.call_id = c.id and a.settled_at is not null))",
        )
        .fetch_one(&pool)
        .await;
        for _ in open.unwrap_or(STREAM)..STREAM {
            let number = numbers[count % numbers.len()].replacen('@', &format!("-{count}@"), 1);
            while !inserted(&pool, &number).await {
                sleep(Duration::from_millis(100)).await;
            }
            count += 1;
        }
        sleep(Duration::from_millis(50)).await;
    }
    count
}

async fn inserted(pool: &PgPool, number: &str) -> bool {
    sqlx::query(
        "insert into calls (request_key, number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date,
                            wanted_time, calling_from, calling_to, max_attempts)
         values ($1, $1, 'Chaos', 'Europe/Berlin', 'Ada Winter', '+4915112345678', 4, current_date + 7, '19:30', '00:00', '24:00', 1)
         on conflict (request_key) do nothing",
    )
    .bind(number)
    .execute(pool)
    .await
    .is_ok()
}
