//! The database: its schema, what workers may do in it with their login, and whether notifications arrive.

use std::time::{Duration, Instant};

use offhook::store::{error::StoreError, worker_login};
use sqlx::{PgPool, postgres::PgListener};

use super::Finding;
use crate::config::database::DatabaseConfig;

/// How long a notification may take.
const NOTIFIED: Duration = Duration::from_secs(2);
/// A channel that nobody else listens to.
const CHANNEL: &str = "offhook_check";

pub(super) async fn migrations(pool: &PgPool) -> Finding {
    let found = match offhook_schema::pending(pool).await {
        Ok(pending) if pending.is_empty() => Ok("up to date".to_owned()),
        Ok(pending) => Err(format!("{} to run; run `offhook migrate`", pending.join(", "))),
        Err(error) => Err(error.to_string()),
    };
    Finding::new("migrations", found)
}

/// Connects as a worker does: what is wrong here ends every call before it is dialled.
pub(super) async fn worker_login(config: &DatabaseConfig, pool: &PgPool) -> Finding {
    let found = match config.worker_url() {
        Ok((url, own)) => worker_login::examine(pool, &url, config.worker_url_setting())
            .await
            .map(|login| match (own, login.reads_calls) {
                (true, false) => format!("workers connect as {}, which may do what a worker does and no more", login.role),
                (true, true) => format!(
                    "workers connect as {}, which may also read the calls; a role that is in offhook_worker alone is safer",
                    login.role
                ),
                (false, _) => "workers share the coordinator's database URL; a role with fewer rights in \
                               OFFHOOK_WORKER_DATABASE_URL is safer"
                    .to_owned(),
            })
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Finding::new("worker's database", found)
}

/// Whether LISTEN works where the coordinator listens: a pooler in transaction mode takes it, and passes nothing on.
pub(super) async fn notifications(config: &DatabaseConfig, pool: &PgPool) -> Finding {
    Finding::new("notifications", notified(config, pool).await)
}

async fn notified(config: &DatabaseConfig, pool: &PgPool) -> Result<String, String> {
    let (url, setting) = (config.listen_url().map_err(|error| error.to_string())?, config.listen_url_setting());
    let failed = |error: sqlx::Error| format!("cannot listen with {setting}: {}", StoreError::from(error));
    let begun = Instant::now();
    let arrival = async {
        let mut listener = PgListener::connect(url.expose()).await?;
        listener.listen(CHANNEL).await?;
        sqlx::query("select pg_notify($1, '')").bind(CHANNEL).execute(pool).await?;
        listener.recv().await
    };
    match tokio::time::timeout(NOTIFIED, arrival).await {
        Ok(Ok(_)) => Ok(format!("one arrived after {} ms", begun.elapsed().as_millis())),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(format!(
            "none arrived in {} s: a pooler in transaction mode passes none on, and calls begin late; set \
             OFFHOOK_LISTEN_DATABASE_URL to Postgres itself (now it is {setting})",
            NOTIFIED.as_secs()
        )),
    }
}
