//! The schema, carried inside the program: `offhook migrate` needs no files beside it.
//!
//! Two kinds of SQL. `tables/` holds what keeps data (types, tables, indexes) in numbered steps that never change once they are
//! released. `functions/` holds what keeps none (functions, triggers, views, rights) as it is now; all of it is applied anew, in one
//! transaction, whenever any of it has changed. Both may run while calls are under way: nothing waits longer than [`LOCK_WAIT`] for a
//! lock, and a coordinator or worker of the version before goes on working.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
};

/// The numbered steps. Postgres runs a migrator under an advisory lock, so two coordinators that start together migrate once.
pub static TABLES: Migrator = sqlx::migrate!("./tables");

/// How long a change of functions waits for a lock, before it lets the others go first and tries again.
pub const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often it tries.
const TRIES: u32 = 30;
/// lock_not_available, deadlock_detected (PostgreSQL manual, appendix A).
const LOST_A_LOCK: [&str; 2] = ["55P03", "40P01"];

macro_rules! functions {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("functions/", $name, ".sql")))),*] };
}

/// In this order: what a view or a function in SQL names has to be there before it.
const FUNCTIONS: &[(&str, &str)] = functions![
    "refusals",
    "telephone_numbers",
    "reached_numbers",
    "destinations",
    "calling_hours",
    "country_zones",
    "odd_rows",
    "call_rows",
    "call_changes",
    "live_calls",
    "trunk_rows",
    "retry_policy_rows",
    "do_not_call_rows",
    "opening_times",
    "settings_rows",
    "states",
    "queue",
    "wake_ups",
    "trunk_breaker",
    "provider_breaker",
    "trunk_capacity",
    "expire",
    "leader",
    "obstacles",
    "claim",
    "snooze",
    "pause",
    "why_not_yet",
    "import",
    "finish",
    "worker",
    "change_trunk",
    "retention",
    "audit",
    "views",
    "existing_rows",
    "own_logins",
    "grants",
];

/// The database cannot be brought to this program's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrationFailed {
    /// A numbered step is refused, or the database knows steps this program does not.
    #[error(
        "cannot bring the database to this version's schema: {0}; migrate as the owner of the database (with the right to create \
         roles, or with the roles offhook_user and offhook_worker there already), and never with an older offhook than before; a \
         database from before the first release has to be made anew"
    )]
    Refused(#[from] MigrateError),
    /// The functions of a later version are in place.
    #[error("the database has the functions of offhook {newer}, and this is {VERSION}; use the newer program")]
    Older {
        /// Whose functions they are.
        newer: String,
    },
    /// A file of `functions/` does not apply.
    #[error("functions/{file}.sql does not apply: {cause}; migrate as the owner of the database")]
    Functions {
        /// Its name.
        file: &'static str,
        /// What the database says.
        cause: sqlx::Error,
    },
    /// The database.
    #[error("the database cannot be migrated: {0}; check that it runs and that OFFHOOK_DATABASE_URL points to it")]
    Database(#[from] sqlx::Error),
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Brings the schema up to this build. Concurrent runs wait for each other. Returns what was applied, by description.
///
/// # Errors
/// [`MigrationFailed`]; what was applied before the failure stays, and the rest may be tried again.
pub async fn migrate(pool: &PgPool) -> Result<Vec<String>, MigrationFailed> {
    let steps = pending_steps(pool).await?;
    TABLES.run(pool).await?;
    let mut applied = steps;
    if functions_differ(pool).await? {
        let mut connection = pool.acquire().await?;
        let mut tries = 1;
        while let Err(error) = apply_functions(&mut connection).await {
            if tries == TRIES || !lost_a_lock(&error) {
                return Err(error);
            }
            tries += 1;
        }
        applied.push("the functions".to_owned());
    }
    Ok(applied)
}

/// What [`migrate`] would apply, by description.
///
/// # Errors
/// As the database gives it.
pub async fn pending(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let mut pending = pending_steps(pool).await?;
    if functions_differ(pool).await? {
        pending.push("the functions".to_owned());
    }
    Ok(pending)
}

/// Tells one schema from another: a checksum over all of it, in hexadecimal digits.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for step in TABLES.iter() {
        hash.update(&step.checksum);
    }
    hash.update(checksum_of_functions());
    hexadecimal(&hash.finalize())
}

async fn pending_steps(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let known: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(pool).await?;
    let applied: Vec<i64> = if known {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool).await?
    } else {
        Vec::new()
    };
    let pending = TABLES.iter().filter(|step| !applied.contains(&step.version));
    Ok(pending.map(|step| format!("{:04} {}", step.version, step.description)).collect())
}

async fn functions_differ(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let known: bool = sqlx::query_scalar(
        "select exists (select from information_schema.columns \
          where table_schema = current_schema and table_name = 'installation' and column_name = 'functions_checksum')",
    )
    .fetch_one(pool)
    .await?;
    if !known {
        return Ok(true);
    }
    let (version, checksum): (Option<String>, Option<String>) =
        sqlx::query_as("select functions_version, functions_checksum from installation").fetch_one(pool).await?;
    // Those of a later version serve us as well: signatures only grow.
    let newer = version.is_some_and(|version| numbers(&version) > numbers(VERSION));
    Ok(!newer && checksum.as_deref() != Some(&checksum_of_functions()))
}

async fn apply_functions(connection: &mut PgConnection) -> Result<(), MigrationFailed> {
    let mut transaction = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(1869768040, 2), set_config('lock_timeout', $1, true)")
        .bind(format!("{}ms", LOCK_WAIT.as_millis()))
        .execute(&mut *transaction)
        .await?;
    let applied: Option<String> =
        sqlx::query_scalar("select functions_version from installation").fetch_one(&mut *transaction).await?;
    if let Some(newer) = applied.filter(|applied| numbers(applied) > numbers(VERSION)) {
        return Err(MigrationFailed::Older { newer });
    }
    for &(file, sql) in FUNCTIONS {
        transaction.execute(sqlx::raw_sql(sql)).await.map_err(|cause| MigrationFailed::Functions { file, cause })?;
    }
    sqlx::query("update installation set functions_version = $1, functions_checksum = $2")
        .bind(VERSION)
        .bind(checksum_of_functions())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn lost_a_lock(error: &MigrationFailed) -> bool {
    let (MigrationFailed::Functions { cause, .. } | MigrationFailed::Database(cause)) = error else { return false };
    let code = cause.as_database_error().and_then(|database| database.code());
    code.is_some_and(|code| LOST_A_LOCK.contains(&code.as_ref()))
}

fn checksum_of_functions() -> String {
    let mut hash = Sha256::new();
    for (name, sql) in FUNCTIONS {
        hash.update(name);
        hash.update(sql);
    }
    hexadecimal(&hash.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Major, minor, patch.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).take(3).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_file_of_functions_is_applied() {
        let mut there: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/functions"))
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut applied: Vec<String> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
        there.sort();
        applied.sort();
        assert_eq!(applied, there);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.7"));
        assert!(numbers("1.0.0-rc1") == numbers("1.0.0"));
    }
}
