//! One connection that is made again whenever it is lost, with every wait bounded.

use std::{
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{Patience, WorkerStoreError, statement::Statement};
use crate::{secret::Secret, store::worker_login::FENCE};

/// The worker's one connection. Whoever asks waits for at most one other statement.
pub(super) struct Line {
    options: PgConnectOptions,
    token: Secret,
    connection: Mutex<Option<PgConnection>>,
    /// The last try found nobody.
    away: AtomicBool,
    pub(super) patience: Patience,
}

impl Line {
    /// Does not connect yet.
    pub(super) fn new(url: &Secret, token: Secret, patience: Patience) -> Result<Line, WorkerStoreError> {
        let options = PgConnectOptions::from_str(url.expose())
            .map_err(|error| WorkerStoreError::NotAUrl(error.to_string()))?
            .application_name("offhook-worker")
            .statement_cache_capacity(16)
            .disable_statement_logging();
        Ok(Line { options, token, connection: Mutex::new(None), away: AtomicBool::new(false), patience })
    }

    /// Whether the last try found nobody.
    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Asks until there is an answer, or `patience` is over.
    pub(super) async fn ask(&self, statement: &Statement, patience: Duration) -> Result<Option<Value>, WorkerStoreError> {
        self.ask_counting(statement, patience).await.map(|(answer, _)| answer)
    }

    /// [`Line::ask`], and how many tries it took.
    pub(super) async fn ask_counting(
        &self,
        statement: &Statement,
        patience: Duration,
    ) -> Result<(Option<Value>, u32), WorkerStoreError> {
        let deadline = Instant::now() + patience;
        let mut pause = self.patience.first_pause;
        let mut tries = 0;
        let mut last = String::from("no try was finished");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            tries += 1;
            match timeout(left, self.try_once(statement)).await {
                Ok(Ok(answer)) => return Ok((answer, tries)),
                Ok(Err(WorkerStoreError::Unavailable(reason))) => last = reason,
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(WorkerStoreError::Unavailable(last)),
            }
            if deadline.saturating_duration_since(Instant::now()) <= pause {
                return Err(WorkerStoreError::Unavailable(last));
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.patience.longest_pause);
        }
    }

    /// One try, bounded by the connect and statement patience. A connection that did not answer well is not used again: it is taken
    /// out for the time of the statement and only put back after an answer, so it also goes where this future is dropped.
    pub(super) async fn try_once(&self, statement: &Statement) -> Result<Option<Value>, WorkerStoreError> {
        let answer = self.try_it(statement).await;
        self.away.store(matches!(answer, Err(WorkerStoreError::Unavailable(_))), Ordering::Relaxed);
        answer
    }

    async fn try_it(&self, statement: &Statement) -> Result<Option<Value>, WorkerStoreError> {
        let mut place = self.connection.lock().await;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => match timeout(self.patience.connect, PgConnection::connect_with(&self.options)).await {
                Ok(connected) => connected.map_err(classify)?,
                Err(_) => return Err(unanswered("connect", self.patience.connect)),
            },
        };
        match timeout(self.patience.statement, statement.run(&mut connection, &self.token)).await {
            Ok(Ok(answer)) => {
                *place = Some(connection);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let error = classify(error);
                if !matches!(error, WorkerStoreError::Unavailable(_)) {
                    *place = Some(connection);
                }
                Err(error)
            }
            Err(_) => Err(unanswered("statement", self.patience.statement)),
        }
    }
}

fn unanswered(what: &str, after: Duration) -> WorkerStoreError {
    WorkerStoreError::Unavailable(format!("no answer to a {what} within {} ms", after.as_millis()))
}

/// Fenced, for ever wrong, or worth another try. SQLSTATE classes: Postgres manual, appendix A.
fn classify(error: sqlx::Error) -> WorkerStoreError {
    let Some(refusal) = error.as_database_error() else {
        return match error {
            sqlx::Error::Configuration(error) => WorkerStoreError::NotAUrl(error.to_string()),
            other => WorkerStoreError::Unavailable(other.to_string()),
        };
    };
    if refusal.constraint() == Some(FENCE) {
        return WorkerStoreError::Stale;
    }
    let code = refusal.code().unwrap_or_default();
    // Connection, resources, operator intervention, rollback of a serialisation or deadlock, a lock not to be had, read-only standby.
    let passes = ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class)) || code == "55P03" || code == "25006";
    if passes {
        WorkerStoreError::Unavailable(refusal.message().to_owned())
    } else {
        WorkerStoreError::Refused(refusal.message().to_owned())
    }
}
