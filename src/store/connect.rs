//! The pool of connections.

use std::time::Duration;

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::error::{StoreError, plainly};
use crate::secret::Secret;

/// How long it may take to find out why a pool has no connection.
const DIAGNOSIS: Duration = Duration::from_secs(3);

/// Opens a pool and makes one connection, to know that it works. `setting` is where the URL was read from, for errors.
///
/// `acquire` bounds the wait for a free connection, and so how long any statement waits while the database is unreachable.
///
/// # Errors
/// [`StoreError::Refused`] where the URL is none, [`StoreError::NotConnected`] where nothing answers or the login is refused.
pub async fn connect(url: &Secret, setting: &'static str, connections: u32, acquire: Duration) -> Result<PgPool, StoreError> {
    let options = options(url, setting)?.application_name("offhook");
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
        .connect_with(options.clone())
        .await;
    match pool {
        Ok(pool) => Ok(pool),
        // A pool tries again until its time is over, and then does not say why: one connection of our own does.
        Err(sqlx::Error::PoolTimedOut) => match single(&options, setting, DIAGNOSIS).await {
            Ok(connection) => {
                let _ = connection.close().await;
                Err(not_connected(&options, setting, &sqlx::Error::PoolTimedOut))
            }
            Err(error) => Err(error),
        },
        Err(error) => Err(not_connected(&options, setting, &error)),
    }
}

/// Makes one connection within `patience`. `setting` is where the URL was read from, for errors.
///
/// # Errors
/// As [`connect`].
pub async fn one(url: &Secret, setting: &'static str, patience: Duration) -> Result<PgConnection, StoreError> {
    single(&options(url, setting)?.application_name("offhook"), setting, patience).await
}

async fn single(options: &PgConnectOptions, setting: &'static str, patience: Duration) -> Result<PgConnection, StoreError> {
    let late = |_| Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "nothing answers")));
    let made = tokio::time::timeout(patience, PgConnection::connect_with(options)).await.unwrap_or_else(late);
    made.map_err(|error| not_connected(options, setting, &error))
}

fn options(url: &Secret, setting: &'static str) -> Result<PgConnectOptions, StoreError> {
    let unreadable = |why: String| StoreError::Refused {
        sentence: format!("the database URL in {setting} cannot be read: {why}"),
        hint: Some("write postgres://user:password@host:5432/database".into()),
    };
    // sqlx takes any scheme for ours, and what has no host for this machine.
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
        return Err(unreadable("it does not begin with postgres://".into()));
    }
    url.expose().parse().map_err(|error: sqlx::Error| unreadable(error.to_string()))
}

fn not_connected(options: &PgConnectOptions, setting: &'static str, error: &sqlx::Error) -> StoreError {
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None if options.get_host().contains(':') => format!("[{}]", options.get_host().trim_matches(['[', ']'])),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().map(|name| format!("/{name}")).unwrap_or_default();
    let advice = match error {
        // Appendix A of the PostgreSQL manual: 28 is the login, 3D the database's name, 42501 the right to connect.
        sqlx::Error::Database(said) => match said.code().as_deref() {
            Some(code) if code.starts_with("28") => "correct user and password (and the host's line of pg_hba.conf) in",
            Some(code) if code.starts_with("3D") => "create the database, or correct its name in",
            Some("42501") => "grant connect on the database to the role in",
            Some("53300") => "raise max_connections of Postgres, or take a pooler in",
            Some("57P03") => "wait until Postgres has started; the address is from",
            _ => "see the log of Postgres; the address is from",
        },
        sqlx::Error::Tls(_) => "correct sslmode and sslrootcert in",
        _ => "check that Postgres runs and listens there, and correct host and port in",
    };
    let place = format!("{host}:{}{database}", options.get_port());
    let code = error.as_database_error().and_then(|said| said.code());
    let refused = code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D") || code == "42501");
    StoreError::NotConnected { place, reason: plainly(error), advice, setting, refused }
}

/// Identifies this installation among others on the same machine; made when the schema was.
///
/// # Errors
/// [`StoreError::Schema`] where the migrations were not run.
pub async fn installation(pool: &PgPool) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("select id from installation").fetch_one(pool).await?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_named_with_the_reason_and_the_setting() {
        let url = Secret::new("postgres://u:hunter2@127.0.0.1:9/calls");
        let said = connect(&url, "OFFHOOK_DATABASE_URL_FILE", 2, Duration::from_millis(300)).await.unwrap_err().to_string();
        for part in ["127.0.0.1:9/calls", "refused", "host and port in OFFHOOK_DATABASE_URL_FILE"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
        let said = one(&Secret::new("mysql:/x"), "OFFHOOK_DATABASE_URL", DIAGNOSIS).await.unwrap_err().to_string();
        assert!(said.contains("in OFFHOOK_DATABASE_URL cannot be read"), "{said}");
    }
}
