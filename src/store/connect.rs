//! The pool of connections.

use std::time::Duration;

use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::error::StoreError;
use crate::secret::Secret;

/// Opens a pool and makes one connection, to know that it works.
///
/// `acquire` bounds the wait for a free connection, and so how long any statement waits while the database is unreachable.
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
        // A statement that was given up leaves a connection that may never answer again; the pool alone would wait for it for ever.
        .after_release(move |connection, _| {
            Box::pin(async move {
                let late = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
                tokio::time::timeout(acquire, connection.ping()).await.unwrap_or_else(late).map(|()| true)
            })
        })
        .connect_with(options.application_name("offhook"))
        .await?;
    Ok(pool)
}

/// Identifies this installation among others on the same machine; made when the schema was.
///
/// # Errors
/// [`StoreError::Schema`] where the migrations were not run.
pub async fn installation(pool: &PgPool) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("select id from installation").fetch_one(pool).await?)
}
