//! What happens while an outgoing call is being set up.

use super::{dialog::Dialog, failure::DialFailure, offer_reply::Reply};

/// How a call's setup goes on.
#[derive(Debug)]
pub enum DialEvent {
    /// The trunk works on it (100).
    Trying,
    /// It rings (180), or is forwarded, queued, or in progress without early media (181, 182, 183).
    Ringing {
        /// The code.
        code: u16,
    },
    /// Sound comes before the answer (183, sometimes 180, with SDP).
    EarlyMedia {
        /// The code.
        code: u16,
        /// The callee's SDP.
        sdp: String,
    },
    /// The callee's side offers other media before it answers (UPDATE, RFC 3311).
    Reoffer {
        /// The offer.
        sdp: String,
        /// How to answer it.
        answer: Reply,
    },
    /// The callee answered; the ACK has been sent. The last event.
    Answered {
        /// The callee's SDP, from the answer or, where that has none, from its last word before; empty where there was none at all.
        sdp: String,
        /// The call.
        dialog: Dialog,
    },
    /// There is no call. The last event.
    Failed(DialFailure),
}
