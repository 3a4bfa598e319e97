//! Something dies, or a wire is cut, while calls stand at every moment of their lives at once. Afterwards no call is lost, no number
//! was rung twice, no outcome was overwritten by a stale attempt, every recording plays, and nothing is left over.
//!
//! The moments are held with locks and wires, not with sleeps: a container that may not be made, a row that is locked, a telephone
//! nobody picks up. "Rung" is counted at the callees.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use offhook::call::CallState;
use offhook_test_database::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use support::{
    callees::{Act, Manner},
    cluster::Cluster,
    engine::{Engine, EngineWire},
    recording::Sound,
    site::{SOON, Site},
    wire::Wire,
};

/// Calls at each moment when the blow falls: 56 in all, 49 of them under way.
const EACH: usize = 7;
/// What stays away does so until this has passed, as the coordinator or the database shows.
const LEASE: &str = "3s";

/// A moment in the life of a call at which something can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Not begun: it is not its time yet.
    Queued,
    /// The row says claimed, and there is no container.
    Claimed,
    /// The container runs, and has not been allowed to dial.
    Launched,
    /// The INVITE is out, nothing rings.
    Dialing,
    Ringing,
    Talking,
    /// The worker has told the end, the coordinator has not drawn its conclusions.
    Ended,
    /// The row is done, the container is still there.
    Settled,
}

/// Where a call in this state may stand. No wildcard: a new state needs a moment before this compiles.
const fn moments(state: CallState) -> &'static [Moment] {
    match state {
        CallState::Queued => &[Moment::Queued],
        CallState::Claimed => &[Moment::Claimed, Moment::Launched],
        CallState::Dialing => &[Moment::Dialing, Moment::Ringing, Moment::Ended],
        CallState::Talking => &[Moment::Talking],
        CallState::Finished | CallState::Held | CallState::Expired | CallState::Cancelled => &[Moment::Settled],
    }
}

impl Moment {
    fn all() -> Vec<Moment> {
        let mut all: Vec<Moment> = CallState::ALL.into_iter().flat_map(moments).copied().collect();
        all.sort();
        all.dedup();
        all
    }

    /// Who is called by the calls of this moment.
    const fn callee(self) -> Manner {
        match self {
            Moment::Dialing => Manner::OnlyTrying,
            Moment::Ringing | Moment::Ended | Moment::Settled => Manner::RingsForEver,
            Moment::Talking => Manner::AnswersAndWaits,
            Moment::Queued | Moment::Claimed | Moment::Launched => Manner::AnswersAndHangsUp,
        }
    }

    /// What the callee does once the blow has fallen.
    const fn afterwards(self) -> Option<Act> {
        match self {
            Moment::Queued | Moment::Claimed | Moment::Launched | Moment::Ended | Moment::Settled => None,
            Moment::Dialing => Some(Act::RefuseBusy),
            Moment::Ringing => Some(Act::AnswerAndHangUp),
            Moment::Talking => Some(Act::HangUp),
        }
    }

    /// How a call ends that the blow did no harm: state, disposition, INVITEs.
    const fn unharmed(self) -> (&'static str, &'static str, usize) {
        match self {
            Moment::Queued => ("queued", "", 0),
            Moment::Claimed | Moment::Launched | Moment::Ringing | Moment::Talking => ("queued", "answered", 1),
            Moment::Dialing | Moment::Ended | Moment::Settled => ("queued", "busy", 1),
        }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    CoordinatorKilled,
    WorkersKilled,
    PostgresKilled,
    EngineKilled,
    CoordinatorCutFromPostgres,
    WorkersStalledFromPostgres,
    CoordinatorCutFromEngine,
}

impl Blow {
    /// How a call ends that stood at `moment`.
    const fn leaves(self, moment: Moment) -> (&'static str, &'static str, usize) {
        match (self, moment) {
            // Its wish to dial was with the database already, which does not know that nobody waits for its yes any more.
            (Blow::WorkersKilled, Moment::Launched) => ("held", "lost", 0),
            // Somebody may have been on the line, or on the way to the telephone: a person decides.
            (Blow::WorkersKilled, Moment::Dialing | Moment::Ringing | Moment::Talking) => ("held", "lost", 1),
            _ => moment.unharmed(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coordinator_is_killed() {
    walk(Blow::CoordinatorKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_are_killed() {
    walk(Blow::WorkersKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_killed() {
    walk(Blow::PostgresKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_docker_daemon_is_killed() {
    walk(Blow::EngineKilled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coordinator_is_cut_from_postgres() {
    walk(Blow::CoordinatorCutFromPostgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workers_wire_to_postgres_stalls() {
    walk(Blow::WorkersStalledFromPostgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coordinator_is_cut_from_the_docker_daemon() {
    walk(Blow::CoordinatorCutFromEngine).await;
}

/// One call of the run.
struct Placed {
    id: i64,
    moment: Moment,
    number: String,
}

async fn walk(blow: Blow) {
    let mut cluster = None;
    let mut engine = None;
    let database = if blow == Blow::PostgresKilled {
        let own = cluster.insert(Cluster::start(200));
        TestDatabase::new_on(own.admin.clone()).await
    } else {
        TestDatabase::new().await
    };
    let address = if blow == Blow::EngineKilled {
        let image = std::env::var("OFFHOOK_TEST_IMAGE").expect("run by `make test`");
        engine.insert(Engine::start(&image, true).await).address.clone()
    } else {
        std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`")
    };
    let mut site = Site::on(database, address, &[("OFFHOOK_LEASE", LEASE)]).await;
    site.start_coordinator().await;
    let (calls, locks, tokens) = place(&site).await;

    let struck = Instant::now();
    strike(blow, &mut site, cluster.as_ref(), engine.as_mut(), locks, &calls).await;
    let repaired = struck.elapsed();
    recovered(&site, &calls).await;
    println!("{blow:?}: repaired after {} ms, recovered after {} ms", repaired.as_millis(), struck.elapsed().as_millis());
    print_table(blow, &site, &calls).await;
    for call in &calls {
        assert_eq!(ending(&site, call).await, owned(blow.leaves(call.moment)), "{blow:?} at {:?}: call {}", call.moment, call.id);
    }
    assert_eq!(site.callees.rung_twice(), vec![], "rung twice");
    stale_attempts_change_nothing(&site, &tokens).await;
    recordings_play(&site).await;
    site.nothing_is_left_over().await;
}

/// Brings [`EACH`] calls to every moment. The connection holds locks until it is closed. The tokens are those of the attempts under way.
async fn place(site: &Site) -> (Vec<Placed>, PgConnection, Vec<String>) {
    let mut calls = Vec::new();
    for moment in Moment::all() {
        let due = if moment == Moment::Queued { "now() + interval '1 hour'" } else { "now()" };
        let early = !matches!(moment, Moment::Claimed | Moment::Launched);
        for nth in 0..EACH {
            let number = site.callees.number(moment.callee(), moment as usize * 100 + nth);
            let id = if early { site.insert(&number, &[("not_before", due)]).await } else { 0 };
            calls.push(Placed { id, moment, number });
        }
    }
    for call in &calls {
        match call.moment {
            Moment::Dialing => site.callees.until(&call.number, SOON, "dialled", |seen| !seen.invites.is_empty()).await,
            Moment::Ringing | Moment::Ended | Moment::Settled => {
                site.callees.until(&call.number, SOON, "ringing", |seen| seen.ringing).await;
            }
            Moment::Talking => site.callees.until(&call.number, SOON, "talking", |seen| seen.talking).await,
            Moment::Queued | Moment::Claimed | Moment::Launched => {}
        }
    }
    site.until("talking is written", &all_of(&calls, Moment::Talking, "c.state = 'talking'")).await;
    site.until("ringing is written", &all_of(&calls, Moment::Ringing, "a.ringing_at is not null")).await;

    site.engine_wire.set(EngineWire { removals_wait: true, ..EngineWire::default() });
    of(&calls, Moment::Settled).for_each(|call| site.callees.tell(&call.number, Act::RefuseBusy));
    site.until("settled", &all_of(&calls, Moment::Settled, "a.settled_at is not null")).await;

    let mut locks = PgConnection::connect(site.database.url().expose()).await.unwrap();
    locks.execute("begin").await.unwrap();
    lock(&mut locks, &calls, Moment::Ended).await;
    of(&calls, Moment::Ended).for_each(|call| site.callees.tell(&call.number, Act::RefuseBusy));
    site.until("ended", &all_of(&calls, Moment::Ended, "a.ended_at is not null")).await;

    site.engine_wire.set(EngineWire { removals_wait: true, launches_wait: true, ..EngineWire::default() });
    insert(site, &mut calls, Moment::Launched).await;
    lock(&mut locks, &calls, Moment::Launched).await;
    site.engine_wire.set(EngineWire { removals_wait: true, ..EngineWire::default() });
    site.until("launched", &all_of(&calls, Moment::Launched, "a.seen_at is not null")).await;
    let asking = format!(
        "select count(*) = {EACH} from pg_stat_activity
          where datname = current_database() and application_name = 'offhook-worker' and wait_event_type = 'Lock'"
    );
    site.until("all of them wait to be allowed to dial", &asking).await;
    // Now: a worker that may not dial leaves after ten seconds, and its token with it.
    let tokens = tokens(site);
    site.engine_wire.set(EngineWire { removals_wait: true, launches_wait: true, ..EngineWire::default() });
    insert(site, &mut calls, Moment::Claimed).await;
    for (moment, holds) in [
        (Moment::Claimed, "c.state = 'claimed' and a.seen_at is null"),
        (Moment::Launched, "c.state = 'claimed' and a.seen_at is not null"),
        (Moment::Dialing, "c.state = 'dialing' and a.ringing_at is null"),
        (Moment::Ringing, "c.state = 'dialing' and a.ringing_at is not null"),
        (Moment::Talking, "c.state = 'talking'"),
        (Moment::Ended, "c.state = 'dialing' and a.ended_at is not null and a.settled_at is null"),
        (Moment::Settled, "a.settled_at is not null"),
    ] {
        assert_eq!(
            site.ask(&format!("select ({})::text", all_of(&calls, moment, holds))).await,
            "true",
            "all calls stand at {moment:?}"
        );
    }
    // Those that are settled and those that wait for removal still have theirs.
    assert_eq!(site.containers().len(), EACH * 6, "a container each, but for what is queued or just claimed");
    (calls, locks, tokens)
}

fn of(calls: &[Placed], moment: Moment) -> impl Iterator<Item = &Placed> {
    calls.iter().filter(move |call| call.moment == moment)
}

fn ids(calls: &[Placed], moment: Moment) -> String {
    of(calls, moment).map(|call| call.id.to_string()).collect::<Vec<_>>().join(", ")
}

fn all_of(calls: &[Placed], moment: Moment, condition: &str) -> String {
    format!(
        "select count(*) filter (where {condition}) = {EACH} from calls c left join attempts a on a.call_id = c.id and a.number = c.attempt \
          where c.id in ({})",
        ids(calls, moment)
    )
}

/// Inserts the calls of this moment and waits until they are claimed.
async fn insert(site: &Site, calls: &mut [Placed], moment: Moment) {
    for call in calls.iter_mut().filter(|call| call.moment == moment) {
        call.id = site.insert(&call.number, &[]).await;
    }
    site.until("claimed", &all_of(calls, moment, "c.state = 'claimed'")).await;
}

/// Whoever is about to change these calls' rows waits; what only refers to them (events, turns) is written.
async fn lock(connection: &mut PgConnection, calls: &[Placed], moment: Moment) {
    let statement = format!("select id from calls where id in ({}) for no key update", ids(calls, moment));
    let locked = connection.fetch_all(AssertSqlSafe(statement)).await.unwrap();
    assert_eq!(locked.len(), EACH);
}

/// The tokens of the attempts under way, as their workers have them.
fn tokens(site: &Site) -> Vec<String> {
    let folders = std::fs::read_dir(site.folder.join("spool")).unwrap().flatten();
    let specifications = folders.filter_map(|folder| std::fs::read(folder.path().join("attempt.json")).ok());
    let read = |text: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&text).ok();
    specifications.filter_map(read).map(|json| json["token"].as_str().unwrap().to_owned()).collect()
}

/// The blow, what the callees do then, and the repair.
async fn strike(
    blow: Blow,
    site: &mut Site,
    cluster: Option<&Cluster>,
    engine: Option<&mut Engine>,
    locks: PgConnection,
    calls: &[Placed],
) {
    match blow {
        Blow::CoordinatorKilled => {
            site.kill_coordinator();
            site.engine_wire.start_afresh();
            let _ = locks.close().await;
            callees_go_on(site, calls);
            site.start_coordinator().await;
        }
        Blow::WorkersKilled => {
            let running = site.containers();
            let mut arguments = vec!["kill", "--signal", "KILL"];
            arguments.extend(running.iter().map(String::as_str));
            site.docker(&arguments);
            site.engine_wire.set(EngineWire::default());
            let _ = locks.close().await;
            callees_go_on(site, calls);
        }
        Blow::PostgresKilled => {
            cluster.unwrap().kill();
            site.engine_wire.set(EngineWire::default());
            drop(locks);
            callees_go_on(site, calls);
            site.coordinator_says("leases of what is under way have run out").await;
            tokio::task::block_in_place(|| cluster.unwrap().start_again());
        }
        Blow::EngineKilled => {
            let engine = engine.unwrap();
            engine.kill();
            site.engine_wire.start_afresh();
            let _ = locks.close().await;
            callees_go_on(site, calls);
            ended_without_the_engine(site, calls).await;
            engine.start_again().await;
        }
        Blow::CoordinatorCutFromPostgres => {
            site.coordinator_wire.set(Wire::Cut);
            site.engine_wire.set(EngineWire::default());
            let _ = locks.close().await;
            callees_go_on(site, calls);
            site.until("the leases have run out", &live("bool_and(lease_until < clock_timestamp())")).await;
            site.coordinator_wire.set(Wire::Whole);
        }
        Blow::WorkersStalledFromPostgres => {
            site.worker_wire.set(Wire::Stalled);
            site.engine_wire.set(EngineWire::default());
            let _ = locks.close().await;
            callees_go_on(site, calls);
            for call in calls.iter().filter(|call| call.moment.afterwards().is_some()) {
                site.reported(call.id).await;
            }
            site.worker_wire.set(Wire::Whole);
        }
        Blow::CoordinatorCutFromEngine => {
            site.engine_wire.set(EngineWire { cut: true, ..EngineWire::default() });
            let _ = locks.close().await;
            callees_go_on(site, calls);
            ended_without_the_engine(site, calls).await;
            site.engine_wire.set(EngineWire::default());
        }
    }
}

/// The coordinator has missed the engine, and whoever was on the line has ended the call meanwhile.
async fn ended_without_the_engine(site: &Site, calls: &[Placed]) {
    site.engine_wire.is_missed().await;
    for moment in Moment::all().into_iter().filter(|moment| moment.afterwards().is_some()) {
        site.until("ended", &all_of(calls, moment, "a.ended_at is not null")).await;
    }
}

fn live(condition: &str) -> String {
    format!("select {condition} from calls where state in ('claimed', 'dialing', 'talking')")
}

fn callees_go_on(site: &Site, calls: &[Placed]) {
    for call in calls {
        if let Some(act) = call.moment.afterwards() {
            site.callees.tell(&call.number, act);
        }
    }
}

/// Waits until every call that had begun has an end, and none is under way.
async fn recovered(site: &Site, calls: &[Placed]) {
    let begun: Vec<String> = calls.iter().filter(|call| call.moment != Moment::Queued).map(|call| call.id.to_string()).collect();
    let query = format!(
        "select count(*) filter (where c.state in ('claimed', 'dialing', 'talking') or a.settled_at is null
                                    or (c.state = 'queued' and a.dialing_at is null)) = 0
           from calls c left join attempts a on a.call_id = c.id and a.number = c.attempt where c.id in ({})",
        begun.join(", ")
    );
    site.until_within(Duration::from_secs(120), "every call has an end", &query).await;
}

/// State, disposition, INVITEs at the callee.
async fn ending(site: &Site, call: &Placed) -> (String, String, usize) {
    let row = sqlx::query(
        "select c.state::text as state, coalesce(a.disposition::text, '') as disposition, c.why, c.due_at > now() as later
           from calls c left join attempts a on a.call_id = c.id and a.number = c.attempt where c.id = $1",
    )
    .bind(call.id)
    .fetch_one(&site.database.pool)
    .await
    .unwrap();
    let (state, why): (String, Option<String>) = (row.get("state"), row.get("why"));
    if call.moment != Moment::Queued {
        assert!(why.is_some(), "call {} is {state} and nobody says why", call.id);
    }
    assert!(state != "queued" || row.get::<bool, _>("later"), "call {} waits for nothing", call.id);
    (state, row.get("disposition"), site.callees.seen(&call.number).invites.len())
}

fn owned((state, disposition, invites): (&str, &str, usize)) -> (String, String, usize) {
    (state.to_owned(), disposition.to_owned(), invites)
}

async fn print_table(blow: Blow, site: &Site, calls: &[Placed]) {
    let mut table: BTreeMap<Moment, BTreeMap<String, usize>> = BTreeMap::new();
    for call in calls {
        let (state, disposition, _) = ending(site, call).await;
        *table.entry(call.moment).or_default().entry(format!("{state} {disposition}")).or_default() += 1;
    }
    let lost = site.ask("select count(*)::text from calls where state in ('claimed', 'dialing', 'talking')").await;
    println!("{blow:?}: {} calls, {lost} lost, {} rung twice", calls.len(), site.callees.rung_twice().len());
    for (moment, endings) in table {
        let endings: Vec<String> = endings.into_iter().map(|(ending, count)| format!("{count} {}", ending.trim())).collect();
        println!("  {:<10} {}", format!("{moment:?}"), endings.join(", "));
    }
}

/// Whoever still holds the token of an attempt that is over cannot change what it came to.
async fn stale_attempts_change_nothing(site: &Site, tokens: &[String]) {
    assert!(tokens.len() >= 4 * EACH, "{} tokens were found", tokens.len());
    let all = "select md5(string_agg(a::text, ';' order by call_id, number)) from attempts a";
    let before = site.ask(all).await;
    for token in tokens {
        let told =
            sqlx::query("select worker_finish($1, '{\"disposition\": \"answered\", \"outcome\": \"booked\"}')").bind(token);
        let refusal = told.execute(&site.database.pool).await.expect_err("the attempt is over");
        let constraint = refusal.as_database_error().and_then(|error| error.constraint()).map(str::to_owned);
        assert_eq!(constraint.as_deref(), Some("writes_of_the_current_attempt_only"));
    }
    assert_eq!(site.ask(all).await, before);
    let twice = "select coalesce(string_agg(call_id || '/' || attempt || ' ' || kind, ', '), '') from (
                     select call_id, attempt, kind from events where kind in ('ended', 'settled') group by 1, 2, 3 having count(*) > 1) e";
    assert_eq!(site.ask(twice).await, "", "told twice");
}

/// Every attempt in which somebody answered has a recording, and it plays as long as its row says.
async fn recordings_play(site: &Site) {
    let rows = sqlx::query(
        "select a.call_id, r.uri, r.duration_ms from attempts a left join recordings r on r.call_id = a.call_id and r.attempt = a.number
          where a.answered_at is not null",
    )
    .fetch_all(&site.database.pool)
    .await
    .unwrap();
    assert!(rows.len() >= EACH, "somebody talked");
    for row in rows {
        let call: i64 = row.get("call_id");
        let uri: Option<String> = row.get("uri");
        let uri = uri.unwrap_or_else(|| panic!("call {call} was answered and has no recording"));
        let sound = Sound::read(uri.strip_prefix("file://").unwrap().as_ref());
        let told: i64 = row.get("duration_ms");
        assert!(sound.duration_ms() > 0 && (sound.duration_ms() - told).abs() < 1100, "call {call}: {} ms", sound.duration_ms());
    }
}
