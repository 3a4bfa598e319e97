//! What the login of the workers may do, tried with a connection of its own. Changes nothing.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::{connect, error::StoreError};
use crate::secret::Secret;

/// How long a connection, and all questions after it, may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The constraint that refuses the token of an attempt that is over, in `migrations/functions/worker.sql`.
pub(super) const FENCE: &str = "writes_of_the_current_attempt_only";

/// A login with which a worker can work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerLogin {
    /// The role.
    pub role: String,
    /// Whether it may also read the calls, which a worker never needs.
    pub reads_calls: bool,
}

/// A login with which no worker can work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerLoginError {
    /// No connection, or a failed question.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another database.
    #[error("{0} leads to another database than OFFHOOK_DATABASE_URL; name the same server and database in both")]
    OtherDatabase(&'static str),
    /// No functions.
    #[error("the database has no worker_* functions; run `offhook migrate`")]
    NoFunctions,
    /// No right to run them.
    #[error(
        "the role {role} in {setting} may not run {}; run: grant offhook_worker to \"{role}\"",
        functions.join(", ")
    )]
    MayNot {
        /// The role.
        role: String,
        /// The setting its URL was read from.
        setting: &'static str,
        /// The functions that it may not run.
        functions: Vec<String>,
    },
}

/// Connects as a worker does, and looks whether it may do what a worker does, in the database behind `pool`. `setting` is where `url` was
/// read from.
///
/// # Errors
/// [`WorkerLoginError`].
pub async fn examine(pool: &PgPool, url: &Secret, setting: &'static str) -> Result<WorkerLogin, WorkerLoginError> {
    let mut connection = connect::one(url, setting, PATIENCE).await?;
    let questions = async {
        if !is_same_database(pool, &mut connection).await? {
            return Err(WorkerLoginError::OtherDatabase(setting));
        }
        rights(&mut connection, setting).await
    };
    match tokio::time::timeout(PATIENCE, questions).await {
        Ok(found) => found,
        Err(_) => Err(StoreError::from(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())).into()),
    }
}

/// Advisory locks are those of one database of one server: a lock that both could take at the same time is in two.
async fn is_same_database(pool: &PgPool, worker: &mut PgConnection) -> Result<bool, StoreError> {
    let key: i64 = rand::random();
    let mut ours = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(key).execute(&mut *ours).await?;
    let theirs = sqlx::query_scalar("select pg_try_advisory_xact_lock($1)").bind(key).fetch_one(worker).await;
    ours.rollback().await?;
    let could_lock: bool = theirs?;
    Ok(!could_lock)
}

async fn rights(worker: &mut PgConnection, setting: &'static str) -> Result<WorkerLogin, WorkerLoginError> {
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&mut *worker).await.map_err(StoreError::from)?;
    let functions: Vec<(String, bool)> = sqlx::query_as(
        r"select p.proname::text, has_function_privilege(p.oid, 'execute') and has_schema_privilege(n.oid, 'usage')
            from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'public' and p.proname like 'worker\_%' order by 1",
    )
    .fetch_all(&mut *worker)
    .await
    .map_err(StoreError::from)?;
    if functions.is_empty() {
        return Err(WorkerLoginError::NoFunctions);
    }
    let forbidden: Vec<String> = functions.into_iter().filter(|(_, may)| !may).map(|(name, _)| name).collect();
    if !forbidden.is_empty() {
        return Err(WorkerLoginError::MayNot { role, setting, functions: forbidden });
    }
    // The first thing that every worker says. There is no such attempt, and only the function itself knows that.
    let seen = sqlx::query("select worker_seen($1)").bind("no attempt's token").execute(&mut *worker).await;
    match seen {
        Ok(_) => {}
        Err(sqlx::Error::Database(said)) if said.constraint() == Some(FENCE) => {}
        Err(error) => return Err(StoreError::from(error).into()),
    }
    let reads_calls = sqlx::query_scalar("select has_table_privilege('calls', 'select')").fetch_one(worker).await;
    Ok(WorkerLogin { role, reads_calls: reads_calls.map_err(StoreError::from)? })
}
