//! A database of its own for each test, copied from a template that the first test of this schema makes.

#![allow(dead_code)]

use std::{future::Future, time::Duration};

use offhook::{
    secret::Secret,
    store::{claim::Claimant, connect, leases::AttemptId},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// A database that goes when it is dropped.
pub struct TestDatabase {
    pub pool: PgPool,
    pub url: Secret,
    name: String,
}

fn admin_url() -> String {
    std::env::var("OFFHOOK_TEST_DATABASE_URL").unwrap_or_else(|_| "postgres://offhook@127.0.0.1:54329/postgres".into())
}

async fn admin() -> PgConnection {
    let url = admin_url();
    PgConnection::connect(&url)
        .await
        .unwrap_or_else(|error| panic!("no Postgres at {url}: {error}; set OFFHOOK_TEST_DATABASE_URL"))
}

impl TestDatabase {
    /// An empty queue.
    pub async fn new() -> TestDatabase {
        let template = template().await;
        let name = format!("offhook_test_{}", uuid::Uuid::new_v4().simple());
        admin()
            .await
            .execute(AssertSqlSafe(format!("create database {name} template {template}")))
            .await
            .expect("a database of its own");
        let url = url_of(&name);
        let pool = connect::connect(&url, 20, Duration::from_secs(20)).await.expect("a pool");
        TestDatabase { pool, url, name }
    }

    /// Runs statements that bind nothing.
    pub async fn run(&self, sql: impl Into<String>) {
        let sql = sql.into();
        sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Changes calls without the rules for people: how a row comes to be that was right once, or that somebody with all rights made.
    pub async fn run_unruled(&self, sql: impl Into<String>) {
        self.run(format!("alter table calls disable trigger user; {}; alter table calls enable trigger user", sql.into())).await;
    }

    /// One value.
    pub async fn one<T>(&self, sql: impl Into<String>) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let sql = sql.into();
        sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// A trunk that carries as much as is asked of it.
    pub async fn with_trunk(self) -> TestDatabase {
        self.run(
            "insert into trunks (name, host, port, preference, max_concurrent, calls_per_second, tokens) values ('lab', '127.0.0.1', 5999, 1, 10000, 1000, 50)",
        )
        .await;
        self
    }

    /// Inserts `count` calls to different numbers, around the clock; `columns` and `values` say what else. Answers the first id.
    pub async fn insert_calls(&self, count: usize, columns: &str, values: &str) -> i64 {
        let (columns, values) = match columns {
            "" => (String::new(), String::new()),
            _ => (format!(", {columns}"), format!(", {values}")),
        };
        self.one(format!(
            "with added as (insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, \
             wanted_date, wanted_time, calling_from, calling_to{columns}) \
             select '+4930' || (1000000 + (select count(*) from calls) + g), 'Löwen', 'Europe/Berlin', 'Ada', '+4915112345678', 2, \
             (now() + interval '30 days')::date, '19:30', '00:00', '24:00'{values} from generate_series(1, {count}) g returning id) \
             select min(id) from added"
        ))
        .await
    }

    /// The call's state and the reason for it.
    pub async fn state(&self, id: i64) -> (String, Option<String>) {
        sqlx::query_as("select state::text, why from calls where id = $1").bind(id).fetch_one(&self.pool).await.expect("the call")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        let drop_it =
            async move { admin().await.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await };
        // A runtime of its own: this one may be going down.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let _ = runtime.block_on(drop_it);
        })
        .join();
    }
}

fn url_of(name: &str) -> Secret {
    let url = admin_url();
    let (base, _) = url.rsplit_once('/').expect("OFFHOOK_TEST_DATABASE_URL ends in /postgres");
    Secret::new(format!("{base}/{name}"))
}

/// Made once per schema; others wait for it.
async fn template() -> String {
    let name = format!("offhook_queue_template_{}", &offhook_schema::fingerprint()[..12]);
    let mut admin = admin().await;
    admin.execute("select pg_advisory_lock(1869768041, 1)").await.expect("the lock");
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1 and datistemplate)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("an answer");
    if !known {
        admin.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await.expect("no leftovers");
        admin.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a template");
        let pool = connect::connect(&url_of(&name), 2, Duration::from_secs(20)).await.expect("a pool");
        offhook_schema::migrate(&pool).await.expect("the migrations apply");
        pool.close().await;
        admin.execute(AssertSqlSafe(format!("alter database {name} is_template true"))).await.expect("a template");
    }
    admin.execute("select pg_advisory_unlock(1869768041, 1)").await.expect("the lock is free");
    name
}

/// A coordinator on a machine called `host`.
pub fn claimant(name: &str, host: &str) -> Claimant {
    Claimant {
        coordinator: name.into(),
        host: host.into(),
        namespace: "test".into(),
        lease: Duration::from_secs(15),
        port_first: 20_000,
        port_last: 29_999,
    }
}

pub fn first_attempt(call_id: i64) -> AttemptId {
    AttemptId { call_id, attempt: 1 }
}

/// Waits until something is so; looks again every few ms, and gives up after 20 s.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
