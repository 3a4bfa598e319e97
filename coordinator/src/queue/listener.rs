//! LISTEN: the database's notifications. A connection that breaks is made again; polling covers the gap.

use std::{sync::Arc, time::Duration};

use offhook::{secret::Secret, store::leases::AttemptId};
use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;

use super::wake::Wake;
use crate::{in_flight::InFlight, test_signals::Signals};

/// A row of `calls` or `do_not_call` has changed.
pub const CALLS: &str = "offhook_calls";
/// A worker has reported its end; the payload is `call/attempt`.
pub const ENDED: &str = "offhook_ended";
/// How long to wait before connecting again, where nothing else is configured.
pub const PAUSE: Duration = Duration::from_millis(500);

/// Listens.
#[derive(Debug)]
pub struct Listener {
    /// Where LISTEN works.
    pub url: Secret,
    /// Woken when there may be something to claim.
    pub wake: Arc<Wake>,
    /// Notified when a worker has reported its end.
    pub running: Arc<InFlight>,
    /// How long to wait before connecting again.
    pub pause: Duration,
    /// Signals of what it has done.
    pub signals: Signals,
}

impl Listener {
    /// Listens until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let listening = async {
            loop {
                if let Err(error) = self.listen_once().await {
                    tracing::warn!(%error, "not listening to the database; polling meanwhile");
                }
                tokio::time::sleep(self.pause).await;
            }
        };
        stop.run_until_cancelled(listening).await;
    }

    /// Until the connection breaks.
    async fn listen_once(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect(self.url.expose()).await?;
        listener.listen_all([CALLS, ENDED]).await?;
        self.signals.listening.tell();
        // Whatever happened before we listened.
        self.wake.wake();
        while let Some(notification) = listener.try_recv().await? {
            match notification.channel() {
                ENDED => {
                    if let Some(attempt) = attempt_of(notification.payload()) {
                        self.running.told_its_end(attempt);
                    }
                }
                _ => self.wake.wake(),
            }
        }
        Ok(())
    }
}

fn attempt_of(payload: &str) -> Option<AttemptId> {
    let (call_id, attempt) = payload.split_once('/')?;
    Some(AttemptId { call_id: call_id.parse().ok()?, attempt: attempt.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_names_the_attempt() {
        assert_eq!(attempt_of("12/3"), Some(AttemptId { call_id: 12, attempt: 3 }));
        assert_eq!(attempt_of(""), None);
    }
}
