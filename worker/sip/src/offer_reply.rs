//! The answer to an offer that the peer makes during a call.

use tokio::sync::oneshot;

/// Accepts or rejects an offer of the peer. Dropping it rejects the offer with 488; the call goes on as it was.
#[derive(Debug)]
pub struct Reply(Option<oneshot::Sender<Decision>>);

/// The decision about an offer.
#[derive(Debug)]
pub(super) enum Decision {
    /// Accepts it, with this SDP answer.
    Accept(String),
    /// Rejects it, with this status code.
    Reject(u16),
}

impl Reply {
    /// Returns a reply and the receiver of its decision.
    pub(super) fn new() -> (Reply, oneshot::Receiver<Decision>) {
        let (decide, decided) = oneshot::channel();
        (Reply(Some(decide)), decided)
    }

    /// Accepts the offer with this SDP answer.
    pub async fn accept(mut self, sdp: &str) {
        self.decide(Decision::Accept(sdp.to_owned()));
    }

    /// Rejects the offer, e.g. with 488; the call goes on as it was.
    pub async fn reject(mut self, code: u16) {
        self.decide(Decision::Reject(code));
    }

    fn decide(&mut self, decision: Decision) {
        if let Some(reply) = self.0.take() {
            reply.send(decision).ok();
        }
    }
}
