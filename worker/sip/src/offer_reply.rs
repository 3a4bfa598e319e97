//! How a call answers an offer that its peer makes.

use tokio::sync::oneshot;

/// The way back for an offer made during a call. Dropping it refuses the offer with 488; the call goes on as it was.
#[derive(Debug)]
pub struct Reply(Option<oneshot::Sender<Decision>>);

/// What the call decides about an offer.
#[derive(Debug)]
pub(super) enum Decision {
    /// Takes it, with this SDP answer.
    Accept(String),
    /// Refuses it, with this code.
    Reject(u16),
}

impl Reply {
    /// A reply, and where its decision arrives.
    pub(super) fn new() -> (Reply, oneshot::Receiver<Decision>) {
        let (decide, decided) = oneshot::channel();
        (Reply(Some(decide)), decided)
    }

    /// Takes the offer with this SDP answer.
    pub async fn accept(mut self, sdp: &str) {
        self.decide(Decision::Accept(sdp.to_owned()));
    }

    /// Refuses the offer, e.g. with 488; the call goes on as it was.
    pub async fn reject(mut self, code: u16) {
        self.decide(Decision::Reject(code));
    }

    fn decide(&mut self, decision: Decision) {
        if let Some(reply) = self.0.take() {
            reply.send(decision).ok();
        }
    }
}
