//! What can go wrong between us and Postgres, and what to do about it.

use std::time::Duration;

use sqlx::postgres::PgDatabaseError;

/// A statement that did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused a row or a change, with a sentence that says why.
    #[error("{sentence}{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Refused {
        /// What is wrong.
        sentence: String,
        /// What to change.
        hint: Option<String>,
    },
    /// The database is unreachable; the same statement may work in a moment.
    #[error("the database cannot be reached: {}; check that it runs and that OFFHOOK_DATABASE_URL points to it", plainly(.0))]
    Away(#[source] sqlx::Error),
    /// No first connection could be made.
    #[error("no connection to the database at {place}: {reason}; {advice} {setting}")]
    NotConnected {
        /// Host, port and database, without credentials.
        place: String,
        /// What the system or Postgres says.
        reason: String,
        /// What to do, up to the name of the setting.
        advice: &'static str,
        /// The setting the URL was read from.
        setting: &'static str,
        /// Whether Postgres answered and said no: trying again does not help.
        refused: bool,
    },
    /// The schema is not the one this program was built for.
    #[error("the database's schema does not fit: {0}; run `offhook migrate` with the same version of offhook")]
    Schema(String),
    /// The role may not do this.
    #[error("the database does not allow it: {0}; connect as the owner of the schema, or run `offhook migrate` as them")]
    Forbidden(String),
    /// Anything else.
    #[error("the database answered: {0}; this is a fault in offhook or in the schema, please report it")]
    Unexpected(#[source] sqlx::Error),
}

/// An error without what sqlx says before the words of Postgres or of the system.
pub(super) fn plainly(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Protocol(said) => said.clone(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection was free, and none could be made, within OFFHOOK_DATABASE_TIMEOUT".to_owned(),
        other => other.to_string(),
    }
}

/// What `future` returns, or [`StoreError::Away`] where that takes longer than `limit`: a connection may be dead without
/// an error. Its transaction, if it arrived at all, is rolled back or has been committed: whoever calls this may ask again.
///
/// # Errors
/// As `future`, and where it takes too long.
pub async fn within<T>(limit: Duration, future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Away(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    tokio::time::timeout(limit, future).await.unwrap_or_else(late)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error
            && let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>()
        {
            return of_postgres(postgres).unwrap_or(StoreError::Unexpected(error));
        }
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => StoreError::Away(error),
            sqlx::Error::Database(ref database) if is_passing(database.code().as_deref()) => StoreError::Away(error),
            other => StoreError::Unexpected(other),
        }
    }
}

/// The classes of SQLSTATE (PostgreSQL manual, appendix A) that people can do something about.
fn of_postgres(error: &PgDatabaseError) -> Option<StoreError> {
    let code = error.code();
    if is_passing(Some(code)) {
        return Some(StoreError::Away(sqlx::Error::Protocol(error.message().to_owned())));
    }
    match code {
        // Undefined table, column, function, type.
        "42P01" | "42703" | "42883" | "42704" => Some(StoreError::Schema(error.message().to_owned())),
        "42501" => Some(StoreError::Forbidden(error.message().to_owned())),
        // Class 23, integrity; class 22, data.
        _ if code.starts_with("23") || code.starts_with("22") => {
            // The detail of a check is the whole row, guest and all: not for logs. That of a key names the key only.
            let detail = error.detail().filter(|_| matches!(code, "23505" | "23503"));
            let hint = error.hint().or(detail).map(str::to_owned);
            Some(StoreError::Refused { sentence: error.message().to_owned(), hint })
        }
        _ => None,
    }
}

/// Connection trouble (08), who we are and where we want to go (28, 3D), deadlock and serialisation (40), resources (53), not now
/// (55), operator's intervention (57).
fn is_passing(code: Option<&str>) -> bool {
    code.is_some_and(|code| ["08", "28", "3D", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_or_the_system_says_is_repeated_without_preface() {
        for (error, words) in [
            (
                sqlx::Error::Protocol("the database system is shutting down".into()),
                "reached: the database system is shutting down;",
            ),
            (sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into()), "reached: connection refused;"),
            (sqlx::Error::PoolTimedOut, "within OFFHOOK_DATABASE_TIMEOUT;"),
        ] {
            let said = StoreError::Away(error).to_string();
            assert!(said.contains(words), "{said}");
        }
    }
}
