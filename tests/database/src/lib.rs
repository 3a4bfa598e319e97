//! A database of its own for every test: copied from a migrated template in a few milliseconds, dropped at the end.
//!
//! The server is the one behind `OFFHOOK_TEST_DATABASE_URL` (a role that may create databases and roles). The template is built once
//! per schema, under an advisory lock, so that test processes that run side by side build it once.
#![allow(clippy::unwrap_used)] // whatever fails here fails the test

mod calls;
mod claiming;
mod template;

use std::{str::FromStr, time::Duration};

use offhook::{secret::Secret, store::connect};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};

pub use calls::{CALL, insert_statement, zone_of};
pub use claiming::{StartedAttempt, claimant, first_attempt};

const DEFAULT_URL: &str = "postgres://offhook@127.0.0.1:54329/postgres";
const CONNECTIONS: u32 = 20;
const ACQUIRE: Duration = Duration::from_secs(20);

/// A migrated database that is dropped with this value.
pub struct TestDatabase {
    /// For the test's own statements, with all rights.
    pub pool: PgPool,
    name: String,
    /// The server, by the URL of a role that may create databases and roles.
    admin: String,
}

impl TestDatabase {
    /// An empty queue.
    pub async fn new() -> TestDatabase {
        let admin = std::env::var("OFFHOOK_TEST_DATABASE_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
        TestDatabase::new_on(admin).await
    }

    /// The same on another server: `admin` is the URL of a role that may create databases and roles.
    pub async fn new_on(admin: String) -> TestDatabase {
        let mut connection = PgConnection::connect(&admin).await.unwrap_or_else(|error| {
            panic!("no Postgres behind {admin}: {error}; run `eval \"$(scripts/services.sh start)\"` or set OFFHOOK_TEST_DATABASE_URL")
        });
        let template = template::find_or_build(&mut connection, &admin).await;
        let name = format!("offhook_test_{}", uuid::Uuid::new_v4().simple());
        execute(&mut connection, format!("create database {name} template {template}")).await;
        connection.close().await.unwrap();
        let pool = connect::connect(&url_of(&admin, &name), "OFFHOOK_TEST_DATABASE_URL", CONNECTIONS, ACQUIRE).await.unwrap();
        TestDatabase { pool, name, admin }
    }

    /// The URL of this database, as coordinators and workers get it.
    pub fn url(&self) -> Secret {
        url_of(&self.admin, &self.name)
    }

    /// The same database, reached through another TCP port of this machine.
    pub fn url_through(&self, port: u16) -> Secret {
        let url = self.url();
        let (scheme, rest) = url.expose().split_once("://").expect("a database URL has a scheme");
        let (authority, path) = rest.split_once('/').expect("a database URL names a database");
        let credentials = authority.rsplit_once('@').map(|(credentials, _)| format!("{credentials}@")).unwrap_or_default();
        Secret::new(format!("{scheme}://{credentials}127.0.0.1:{port}/{path}"))
    }

    /// Host and port of the server, for tests that put something between it and the worker.
    pub fn address(&self) -> (String, u16) {
        let options = PgConnectOptions::from_str(&self.admin).unwrap();
        (options.get_host().to_owned(), options.get_port())
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

    /// The names of all tables.
    pub async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public' order by 1")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // On a thread of its own: `drop` may run inside any kind of runtime, and in a test that fails.
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let mut connection = PgConnection::connect(&admin).await?;
                connection.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await?;
                connection.close().await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the test's database {} stays behind", self.name);
        }
    }
}

/// Waits until something is so; looks again every few ms, and fails the test after 20 s.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// The URL of another database of that server.
fn url_of(admin: &str, name: &str) -> Secret {
    let (server, query) = match admin.split_once('?') {
        Some((server, query)) => (server, format!("?{query}")),
        None => (admin, String::new()),
    };
    let (server, _) = server.rsplit_once('/').expect("a database URL names a database after its last slash");
    Secret::new(format!("{server}/{name}{query}"))
}

async fn execute(connection: &mut PgConnection, statement: String) {
    connection.execute(AssertSqlSafe(statement.clone())).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}
