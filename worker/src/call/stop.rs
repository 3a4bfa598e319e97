//! Asking a call to end politely: who asks first names the reason.

use offhook_types::line::StopReason;
use tokio::sync::watch;

/// Asks the call to end.
#[derive(Debug, Clone)]
pub struct StopSender(watch::Sender<Option<StopReason>>);

impl StopSender {
    /// A call that nobody wants to end yet.
    pub fn new() -> (Self, watch::Receiver<Option<StopReason>>) {
        let (sender, receiver) = watch::channel(None);
        (StopSender(sender), receiver)
    }

    /// Asks; what was asked for before stays.
    pub fn ask(&self, reason: StopReason) {
        self.0.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(reason);
            first
        });
    }
}

/// What the row says of an attempt that was stopped before anybody answered.
pub(super) fn before_the_answer(reason: StopReason, when: &str) -> String {
    match reason {
        StopReason::TakenBack => format!("taken back {when}"),
        StopReason::ProcessStopping => format!("the worker was told to stop {when}"),
        StopReason::AttemptStale => format!("the database said {when} that this attempt is over"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let (stop, asked) = StopSender::new();
        assert_eq!(*asked.borrow(), None);
        stop.ask(StopReason::ProcessStopping);
        stop.ask(StopReason::TakenBack);
        assert_eq!(*asked.borrow(), Some(StopReason::ProcessStopping));
    }
}
