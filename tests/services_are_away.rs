//! What a call needs is away for a while, or full: Postgres for a minute, its connections, the disk. Calls under way go on, what they
//! came to is complete afterwards, and nobody is rung twice.
#![allow(clippy::unwrap_used)]

mod support;

use std::{path::PathBuf, process::Command, time::Duration};

use offhook_test_database::TestDatabase;
use sqlx::{Connection, PgConnection};
use support::{
    callees::{Act, Manner},
    cluster::Cluster,
    installation::Installation,
    recording::Sound,
    site::{SOON, Site},
    wire::{Proxy, Wire},
};
use tokio::time::{Instant, sleep, sleep_until};

/// From the moment it goes away.
const OUTAGE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_postgres_costs_no_word() {
    let mut installation = Installation::idle(&[]).await;
    let (host, port) = installation.database.address();
    let wire = Proxy::to(host, port).await;
    installation.set("OFFHOOK_DATABASE_URL", installation.database.url_through(wire.port).expose());
    installation.start_coordinator().await;
    let calls = [installation.insert("+442079460101", &[]).await, installation.insert("+31200000101", &[]).await];
    for call in calls {
        let spoken = "exists (select from turns where call_id = calls.id and speaker = 'agent')";
        installation.wait_for(call, spoken, Duration::from_secs(60)).await;
    }
    wire.set(Wire::Cut);
    let back = Instant::now() + OUTAGE;
    let known: i64 = installation.ask("select count(*)::text from turns").await.parse().unwrap();
    // Both talk to the end meanwhile, and keep what they came to on disk.
    for call in calls {
        let report = installation.folder.join(format!("spool/{call}-1/report.json"));
        while !report.exists() {
            assert!(Instant::now() < back + OUTAGE, "call {call} does not end");
            sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(installation.ask("select count(*)::text from attempts where ended_at is not null").await, "0", "nobody knows yet");
    sleep_until(back).await;
    wire.set(Wire::Whole);
    for call in calls {
        let result = installation.settled(call).await;
        assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
        let said = installation.transcript(call).await;
        let sound = Sound::read(&result.recording.unwrap());
        assert!(sound.duration_ms() - said.last().unwrap().ended_ms < 5000, "the transcript goes to the end of the call");
        assert!(said.windows(2).all(|pair| pair[0].started_ms <= pair[1].started_ms), "{said:?}");
    }
    let turns = format!(
        "select (sum(count) > {known} and sum(count) = sum(last))::text
           from (select count(*), max(number) as last from turns group by call_id) t"
    );
    assert_eq!(installation.ask(&turns).await, "true", "no turn is missing");
    assert_eq!(installation.ask("select count(*)::text from events where kind = 'invite_sent'").await, "2");
    installation.no_container_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_sound_and_no_result() {
    let mut site = Site::new(&[]).await;
    let disk = SmallDisk::mount(site.folder.join("spool"));
    site.start_coordinator().await;
    let talking = site.callees.number(Manner::AnswersAndWaits, 1);
    let call = site.insert(&talking, &[]).await;
    site.callees.until(&talking, SOON, "talking", |seen| seen.talking).await;
    let recording = site.folder.join(format!("spool/{call}-1/recording.opus"));
    let size = || std::fs::metadata(&recording).map_or(0, |file| file.len());
    grows(size, 1500).await;
    disk.fill();
    let begun = size();
    println!("full");
    // The rest of the last block still takes some; then three seconds find no place.
    let (mut stood, mut since) = (begun, Instant::now());
    while since.elapsed() < Duration::from_secs(3) {
        sleep(Duration::from_millis(100)).await;
        if size() != stood {
            (stood, since) = (size(), Instant::now());
        }
    }
    assert!(stood < begun + 8192, "the disk is full");
    site.callees.tell(&talking, Act::HangUp);
    let settled = Instant::now();
    site.until("it is settled", &format!("select settled_at is not null from attempts where call_id = {call}")).await;
    println!("settled {} ms after the callee hung up", settled.elapsed().as_millis());
    assert_eq!(site.ask("select concat_ws(' ', disposition, sip_code) from attempts").await, "answered 200");
    let (uri, complete): (String, bool) =
        sqlx::query_as("select uri, complete from recordings").fetch_one(&site.database.pool).await.unwrap();
    assert!(!complete, "a part is missing, and the row says so");
    assert!(Sound::read(uri.strip_prefix("file://").unwrap().as_ref()).duration_ms() > 500, "what is there plays");

    // Nobody is called whose call could not be written down.
    site.nothing_is_left_over().await;
    disk.fill();
    let next = site.callees.number(Manner::AnswersAndHangsUp, 2);
    let call = site.insert(&next, &[]).await;
    site.until("it is put back", &format!("select state = 'queued' and why like '%OFFHOOK_SPOOL%' from calls where id = {call}"))
        .await;
    disk.empty();
    site.callees.until(&next, SOON, "talking", |seen| seen.talking).await;
    site.until("it is settled", "select count(*) filter (where settled_at is null) = 0 from attempts").await;
    assert_eq!(site.callees.rung_twice(), vec![]);
    site.nothing_is_left_over().await;
}

async fn grows(size: impl Fn() -> u64, beyond: u64) {
    let deadline = Instant::now() + SOON;
    while size() < beyond {
        assert!(Instant::now() < deadline, "the recording does not grow: {} bytes", size());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_all_connections_delays_calls_and_loses_none() {
    let cluster = Cluster::start(45);
    let engine = std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`");
    let mut site = Site::on(TestDatabase::new_on(cluster.admin.clone()).await, engine, &[]).await;
    site.start_coordinator().await;
    let talking: Vec<String> = (0..3).map(|nth| site.callees.number(Manner::AnswersAndWaits, nth)).collect();
    for number in &talking {
        site.insert(number, &[]).await;
    }
    for number in &talking {
        site.callees.until(number, SOON, "talking", |seen| seen.talking).await;
    }
    site.until("talking is written", "select count(*) = 3 from calls where state = 'talking'").await;
    // The test goes on with one connection that it has: its pool may not look for another one.
    let mut own = Vec::new();
    while own.len() < site.database.pool.options().get_max_connections() as usize {
        own.push(site.database.pool.acquire().await.unwrap());
    }
    drop(own.pop());
    let mut idle = Vec::new();
    while let Ok(connection) = PgConnection::connect(&cluster.admin).await {
        idle.push(connection);
    }
    println!("{} idle connections take what was left", idle.len());
    let waiting: Vec<String> = (0..4).map(|nth| site.callees.number(Manner::AnswersAndHangsUp, nth)).collect();
    for number in &waiting {
        site.insert(number, &[]).await;
    }
    // Who talks has a connection and keeps it: nothing becomes free for the workers that begin.
    site.until(
        "a worker has given up asking whether it may dial",
        "select exists (select from attempts where dialing_at is null and settled_at is not null)",
    )
    .await;
    talking.iter().for_each(|number| site.callees.tell(number, Act::HangUp));
    site.until(
        "who talked has ended",
        "select count(*) = 3 from attempts a join calls c on c.id = a.call_id
          where c.number like 'sip:answers-and-waits%' and a.settled_at is not null",
    )
    .await;
    drop(idle);
    drop(own);
    for number in &waiting {
        site.callees.until(number, SOON, "talking", |seen| seen.talking).await;
    }
    site.until(
        "all have ended",
        "select count(*) = 7 and bool_and(c.state = 'queued' and a.disposition = 'answered' and a.settled_at is not null)
           from calls c join attempts a on a.call_id = c.id and a.number = c.attempt",
    )
    .await;
    assert_eq!(site.callees.rung_twice(), vec![]);
    site.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_firewall_forgot_are_given_up() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    let talking = site.callees.number(Manner::AnswersAndWaits, 1);
    site.insert(&talking, &[]).await;
    site.callees.until(&talking, SOON, "talking", |seen| seen.talking).await;
    site.until("talking is written", "select state = 'talking' from calls").await;
    site.coordinator_wire.forget();
    site.worker_wire.forget();
    site.callees.tell(&talking, Act::HangUp);
    let next = site.callees.number(Manner::AnswersAndHangsUp, 2);
    site.insert(&next, &[]).await;
    site.callees.until(&next, SOON, "talking", |seen| seen.talking).await;
    site.until("both have ended", "select count(*) = 2 from attempts where disposition = 'answered' and settled_at is not null")
        .await;
    assert_eq!(site.callees.rung_twice(), vec![]);
    site.nothing_is_left_over().await;
}

/// A file system of one megabyte in memory. Unmounted when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> SmallDisk {
        std::fs::create_dir_all(&path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m,mode=0711", "tmpfs"]).arg(&path).status().unwrap();
        assert!(mounted.success(), "a small disk is mounted as root, as containers are started");
        SmallDisk(path)
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::options().create(true).append(true).open(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
