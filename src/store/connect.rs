//! The pool of connections and the migrations.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{migrate::MIGRATOR, refusal::StoreError};
use crate::secret::Secret;

/// Opens a pool and makes one connection, to know that it works.
///
/// `acquire` bounds the wait for a free connection, and so how long any statement waits while the database is away.
///
/// # Errors
/// [`StoreError::Refused`] where the URL is none, [`StoreError::Away`] where nothing answers.
pub async fn connect(url: &Secret, connections: u32, acquire: Duration) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.expose().parse().map_err(|error: sqlx::Error| StoreError::Refused {
        sentence: format!("the database URL cannot be read: {error}"),
        hint: Some("write postgres://user:password@host:5432/database".into()),
    })?;
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire)
        .connect_with(options.application_name("offhook"))
        .await?;
    Ok(pool)
}

/// Brings the schema up to this build. Concurrent runs wait for each other. Answers how many migrations were applied.
///
/// # Errors
/// [`StoreError::Schema`] where a migration that ran differs from ours or does not apply.
pub async fn migrate(pool: &PgPool) -> Result<usize, StoreError> {
    let pending = pending_migrations(pool).await?.len();
    MIGRATOR.run(pool).await.map_err(|error| StoreError::Schema(error.to_string()))?;
    Ok(pending)
}

/// The migrations of this build that the database has not seen, by description.
///
/// # Errors
/// [`StoreError::Away`] where nothing answers.
pub async fn pending_migrations(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let known: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(pool).await?;
    let applied: Vec<i64> = if known {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool).await?
    } else {
        Vec::new()
    };
    let pending = MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version));
    Ok(pending.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
}

/// What tells this installation from others on the same machine; made when the schema was.
///
/// # Errors
/// [`StoreError::Schema`] where the migrations were not run.
pub async fn installation(pool: &PgPool) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("select id from installation").fetch_one(pool).await?)
}
