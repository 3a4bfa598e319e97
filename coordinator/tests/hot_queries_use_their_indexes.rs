//! What the queue asks again and again stays cheap, however much lies in the tables: counted are the rows it really looked at.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use offhook::store::{
    claim::{claim, end_expired, keep_queue},
    leases::{release, renew, take_over, take_over_elsewhere, unsettled},
};
use offhook_test_database::{TestDatabase, claimant, first_attempt};
use sqlx::{PgPool, postgres::PgPoolOptions};

const QUEUED: i64 = 100_000;
const FINISHED: i64 = 1_000_000;

/// 100,000 calls that are due, and a million that are over.
async fn full() -> TestDatabase {
    let database = TestDatabase::new().await.with_trunk().await;
    let columns = "number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time, \
                   not_after, calling_from, calling_to";
    let values = "'R', 'Europe/Berlin', 'Ada', '+4915112345678', 2, now()::date + 30, '19:30', now() + interval '30 days', '00:00', '24:00'";
    database
        .run(format!(
            "begin; set local session_replication_role = replica; \
             insert into calls ({columns}, state, attempt, finished_at) \
                 select '+4930' || (1000000 + g), {values}, 'finished', 1, now() from generate_series(1, {FINISHED}) g; \
             insert into attempts (call_id, number, trunk, host, container, sip_call_id, token_hash, ended_at, settled_at, disposition) \
                 select id, 1, 'lab', 'one', 'c' || id, 's' || id, sha256(id::text::bytea), now(), now(), 'busy' from calls; \
             insert into calls ({columns}, ready, turn_at, due_at, waits_for, priority) \
                 select '+4940' || (1000000 + g), {values}, g % 4 >= 2, now() - g * interval '1 ms', \
                        now() + case when g % 4 = 0 then interval '1 hour' else interval '-1 minute' end, \
                        case when g % 4 <= 1 then 'not_before' end, 0 \
                   from generate_series(1, {QUEUED}) g; \
             insert into do_not_call (number) select '+4950' || (1000000 + g) from generate_series(1, 1000) g; \
             commit; analyze"
        ))
        .await;
    database
}

/// One connection in one transaction that is never committed: Postgres counts within it what is read.
struct Counted {
    pool: PgPool,
    before: (i64, i64),
}

impl Counted {
    async fn new(database: &TestDatabase) -> Counted {
        let pool = PgPoolOptions::new().max_connections(1).connect(database.url().expose()).await.unwrap();
        sqlx::raw_sql("begin; savepoint start").execute(&pool).await.unwrap();
        Counted { before: read(&pool).await, pool }
    }

    /// Looks at what was read since the last time, and takes back what was written.
    async fn is_cheap(&mut self, what: &str, most: i64) {
        let (scans, rows) = read(&self.pool).await;
        assert_eq!(scans, self.before.0, "{what} reads a whole table");
        let rows = rows - self.before.1;
        println!("{what}: {rows} rows");
        assert!(rows <= most, "{what} looks at {rows} rows, and {most} are enough");
        sqlx::query("rollback to start").execute(&self.pool).await.unwrap();
        self.before = read(&self.pool).await;
    }
}

/// Whole scans of big tables, and rows that were fetched by an index, since the transaction began.
async fn read(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as(
        "select coalesce(sum(seq_scan), 0)::bigint, coalesce(sum(idx_tup_fetch), 0)::bigint from pg_stat_xact_user_tables \
          where relname in ('calls', 'attempts', 'events', 'do_not_call', 'numbers', 'port_leases')",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn claims_sweeps_and_take_overs_look_at_few_rows_of_many() {
    let database = full().await;
    plans_are_index_scans(&database).await;
    let live = claim(&database.pool, &claimant("c", "one"), 40).await.unwrap().calls;
    assert_eq!(live.len(), 40);
    let ids: Vec<_> = live.iter().map(|fresh| first_attempt(fresh.call.id)).collect();
    database.run("update calls set lease_until = now() - interval '1 hour' where id % 2 = 0 and state = 'claimed'").await;
    database.run("update attempts set created_at = now() - interval '1 hour' where settled_at is null").await;

    let mut counted = Counted::new(&database).await;
    let pool = counted.pool.clone();
    let own = claimant("other", "one");
    sqlx::query("select offhook_claim('c', 'one', 'n', '15 s', 20000, 29999, array(select sha256(gen_random_uuid()::text::bytea) from generate_series(1, 15)))")
        .execute(&pool)
        .await
        .unwrap();
    // Each claimed row is met by its lock, its checks and its foreign keys.
    counted.is_cheap("a claim of 15", 500).await;
    sqlx::query("select offhook_let_in(now(), 60)").execute(&pool).await.unwrap();
    counted.is_cheap("letting 60 in", 130).await;
    keep_queue(&pool, 60).await.unwrap();
    counted.is_cheap("keeping the line", 140).await;
    end_expired(&pool, 100).await.unwrap();
    counted.is_cheap("a sweep that finds nothing", 1_010).await;
    renew(&pool, &claimant("c", "one"), &ids).await.unwrap();
    counted.is_cheap("renewing 40 leases", 90).await;
    assert_eq!(take_over(&pool, &own, &[]).await.unwrap().len(), live.iter().filter(|fresh| fresh.call.id % 2 == 0).count());
    counted.is_cheap("taking over", 300).await;
    assert!(!take_over_elsewhere(&pool, &claimant("far", "two"), Duration::from_secs(60)).await.unwrap().is_empty());
    counted.is_cheap("taking over from elsewhere", 300).await;
    release(&pool, &claimant("c", "one"), &ids).await.unwrap();
    counted.is_cheap("releasing", 90).await;
    assert_eq!(unsettled(&pool, &ids).await.unwrap().len(), 40);
    counted.is_cheap("looking for orphans", 50).await;
    sqlx::query(
        "select from calls where coalesce(reaches, number) = '+49401000007' and state in ('claimed', 'dialing', 'talking')",
    )
    .execute(&pool)
    .await
    .unwrap();
    counted.is_cheap("asking whether a number is busy", 2).await;
}

/// What the planner says, where the order has to come from the index as well.
async fn plans_are_index_scans(database: &TestDatabase) {
    for (what, query, index) in [
        (
            "the head of the line",
            "select id from calls k where k.state = 'queued' and k.ready and offhook_lane(k.trunk, k.number) = '' \
             order by k.turn_at, k.id limit 20 for update skip locked",
            "calls_in_line",
        ),
        (
            "what has become due",
            "select id from calls where state = 'queued' and not ready and due_at <= now() order by due_at, turn_at limit 60",
            "calls_outside",
        ),
        (
            "what is too late",
            "select id from calls where state = 'queued' and not_after <= now() order by not_after limit 100",
            "calls_expiry",
        ),
        (
            "who waits behind another call",
            "select id from calls where coalesce(reaches, number) = '+49401000007' and state = 'queued' and waits_for = 'other_call' order by turn_at limit 3",
            "calls_behind_another",
        ),
        (
            "what is under way on a trunk",
            "select count(*) from attempts where trunk = 'lab' and settled_at is null",
            "attempts_unsettled",
        ),
    ] {
        let plan: sqlx::types::JsonValue = database.one(format!("explain (format json) {query}")).await;
        let plan = plan.to_string();
        assert!(!plan.contains("Seq Scan") && !plan.contains("\"Sort\""), "{what}: {plan}");
        assert!(plan.contains(&format!("\"Index Name\":\"{index}\"")), "{what}: {plan}");
    }
}
