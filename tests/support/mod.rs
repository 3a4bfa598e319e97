//! A database of its own for every test: cloned from a migrated template in a few milliseconds, dropped at the end.
//!
//! The server is the one behind `OFFHOOK_TEST_DATABASE_URL` (a role that may create databases and roles). The template is built once
//! per set of migrations, under an advisory lock, so test processes that run side by side build it once.
#![allow(dead_code)] // every test file uses its part

pub mod callees;
pub mod carrier;
pub mod cluster;
pub mod engine;
pub mod installation;
pub mod ports;
pub mod recording;
pub mod site;
pub mod wire;

use std::{str::FromStr, time::Duration};

use offhook::secret::Secret;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

const DEFAULT_URL: &str = "postgres://offhook@127.0.0.1:54329/postgres";
/// Taken while the template is built; any number, as long as it is always this one.
const TEMPLATE_LOCK: i64 = 0x0ff_400c;

/// A migrated database that goes away with this value.
pub struct TestDatabase {
    /// For the test's own statements, with all rights.
    pub pool: PgPool,
    name: String,
    admin: String,
}

/// One attempt under way, as a coordinator would have prepared it.
pub struct StartedAttempt {
    pub call_id: i64,
    pub attempt: i32,
    pub token: Secret,
}

impl TestDatabase {
    pub async fn create() -> TestDatabase {
        let admin = std::env::var("OFFHOOK_TEST_DATABASE_URL").unwrap_or_else(|_| DEFAULT_URL.to_owned());
        TestDatabase::create_on(admin).await
    }

    /// On another server: `admin` is the URL of a role that may create databases and roles.
    pub async fn create_on(admin: String) -> TestDatabase {
        let mut connection = PgConnection::connect(&admin).await.unwrap_or_else(|error| {
            panic!("no Postgres behind {admin}: {error}; run `eval \"$(scripts/services.sh start)\"` or set OFFHOOK_TEST_DATABASE_URL")
        });
        let template = template(&mut connection, &admin).await;
        let name = format!("offhook_test_{}", uuid::Uuid::new_v4().simple());
        execute(&mut connection, format!("create database {name} template {template}")).await;
        connection.close().await.unwrap();
        let options = PgConnectOptions::from_str(&admin).unwrap().database(&name);
        let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(Duration::from_secs(20)).connect_with(options);
        TestDatabase { pool: pool.await.unwrap(), name, admin }
    }

    /// The URL of this database, as a worker gets it.
    pub fn url(&self) -> Secret {
        let (server, query) = self.parts();
        Secret::new(format!("{server}/{}{query}", self.name))
    }

    /// The same database, reached through another TCP port of this machine.
    pub fn url_through(&self, port: u16) -> Secret {
        let (server, query) = self.parts();
        let (scheme, authority) = server.split_once("://").expect("a database URL has a scheme");
        let credentials = authority.rsplit_once('@').map(|(credentials, _)| format!("{credentials}@")).unwrap_or_default();
        Secret::new(format!("{scheme}://{credentials}127.0.0.1:{port}/{}{query}", self.name))
    }

    /// The names of all tables.
    pub async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public' order by 1")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Host and port of the server, for tests that put something between it and the worker.
    pub fn address(&self) -> (String, u16) {
        let options = PgConnectOptions::from_str(&self.admin).unwrap();
        (options.get_host().to_owned(), options.get_port())
    }

    /// Everything before the database's name, and the `?…` after it.
    fn parts(&self) -> (&str, String) {
        let (server, query) = match self.admin.split_once('?') {
            Some((server, query)) => (server, format!("?{query}")),
            None => (self.admin.as_str(), String::new()),
        };
        (server.rsplit_once('/').expect("a database URL names a database after its last slash").0, query)
    }

    /// A right row; `columns` are set instead of (or beside) the usual ones, as SQL expressions.
    pub async fn insert_call(&self, columns: &[(&str, &str)]) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(insert_statement("calls", CALL, columns) + " returning id"))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("the row should be taken: {error}"))
    }

    /// Claims the call as a coordinator does, and hands out the next attempt's token.
    pub async fn start_attempt(&self, call_id: i64) -> StartedAttempt {
        let token = uuid::Uuid::new_v4().to_string();
        let attempt: i32 = sqlx::query_scalar(
            "update calls set state = 'claimed', attempt = attempt + 1, claimed_by = 'test', lease_until = now() + interval '1 minute'
              where id = $1 returning attempt",
        )
        .bind(call_id)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        sqlx::query(
            "insert into attempts (call_id, number, trunk, host, container, sip_call_id, token_hash)
             values ($1, $2, 'direct', 'test', 'none', 'none', sha256(convert_to($3, 'UTF8')))",
        )
        .bind(call_id)
        .bind(attempt)
        .bind(&token)
        .execute(&self.pool)
        .await
        .unwrap();
        StartedAttempt { call_id, attempt, token: Secret::new(token) }
    }
}

/// The columns of a call that is taken as it stands.
pub const CALL: &[(&str, &str)] = &[
    ("number", "'+4930123456'"),
    ("restaurant_name", "'Zum Goldenen Löwen'"),
    ("restaurant_zone", "'Europe/Berlin'"),
    ("guest_name", "'Ada Winter'"),
    ("guest_phone", "'+4915112345678'"),
    ("party_size", "4"),
    ("wanted_date", "current_date + 7"),
    ("wanted_time", "'19:30'"),
];

/// `insert into table …` with the columns of `usual`, those of `instead` replacing or following them.
pub fn insert_statement(table: &str, usual: &[(&str, &str)], instead: &[(&str, &str)]) -> String {
    let kept = usual.iter().filter(|(column, _)| instead.iter().all(|(other, _)| other != column));
    let (columns, values): (Vec<_>, Vec<_>) = kept.chain(instead).copied().unzip();
    format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))
}

async fn template(connection: &mut PgConnection, admin: &str) -> String {
    let name = format!("offhook_template_{}", &offhook_schema::fingerprint()[..12]);
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    if !exists {
        // Under another name until it is whole, so that a killed test leaves no half a template.
        let building = format!("{name}_building");
        execute(connection, format!("drop database if exists {building} with (force)")).await;
        execute(connection, format!("create database {building} template template0 encoding 'UTF8'")).await;
        let options = PgConnectOptions::from_str(admin).unwrap().database(&building);
        let inside = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
        offhook_schema::migrate(&inside).await.unwrap();
        inside.close().await;
        execute(connection, format!("alter database {building} rename to {name}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    name
}

async fn execute(connection: &mut PgConnection, statement: String) {
    connection.execute(AssertSqlSafe(statement.clone())).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
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
