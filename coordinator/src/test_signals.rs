//! Signals of what services have done, so that a test waits for the event itself instead of a time in which it has probably happened.
//! Not those of the operating system: these are in `signal.rs`.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts how often something has happened. Clones count together; telling costs nothing where nobody waits.
#[derive(Debug, Clone)]
pub struct Signal(Arc<watch::Sender<u64>>);

impl Default for Signal {
    fn default() -> Self {
        Signal(Arc::new(watch::Sender::new(0)))
    }
}

impl Signal {
    /// It has happened.
    pub fn tell(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// How often it has happened.
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until it has happened so often, since the beginning.
    pub async fn reached(&self, count: u64) {
        // We hold the sender: it is not closed while we wait.
        let _ = self.0.subscribe().wait_for(|told| *told >= count).await;
    }

    /// Waits until it has happened `times` more often than by now.
    pub async fn more(&self, times: u64) {
        self.reached(self.count() + times).await;
    }
}

/// The signals of all services of a coordinator.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Listening to the database has begun, or begun again.
    pub listening: Signal,
    /// The leases of everything under way were renewed.
    pub renewed: Signal,
    /// Leases could not be renewed for as long as they hold: they have run out.
    pub leases_expired: Signal,
    /// A look around has ended: abandoned attempts are taken over, orphaned containers removed; where we lead, expired calls are ended.
    pub looked_around: Signal,
    /// What was kept long enough is deleted.
    pub retention_swept: Signal,
    /// An attempt was settled.
    pub settled: Signal,
    /// An attempt could not be settled, and is tried again.
    pub not_settled: Signal,
    /// The providers were asked, and what was found is written down.
    pub probed: Signal,
    /// A claim that was not begun is back in the queue.
    pub given_back: Signal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_woken_when_it_has_happened_often_enough() {
        let signal = Signal::default();
        signal.tell();
        signal.reached(1).await;
        let waiting = tokio::spawn({
            let signal = signal.clone();
            async move { signal.more(2).await }
        });
        tokio::task::yield_now().await;
        signal.tell();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        signal.tell();
        waiting.await.expect("it is told");
        assert_eq!(signal.count(), 3);
    }
}
