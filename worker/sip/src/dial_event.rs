//! What happens while an outgoing call is being set up.

use super::{dialog::Dialog, failure::DialFailure, offer_reply::Reply};

/// An event of a call that is being set up.
#[derive(Debug)]
pub enum DialEvent {
    /// The trunk has taken the INVITE (100).
    Trying,
    /// The callee's phone rings (180), or the call is forwarded, queued, or in progress without early media (181, 182, 183).
    Ringing {
        /// The status code.
        code: u16,
    },
    /// The callee's side sends early media (183, sometimes 180, with SDP).
    EarlyMedia {
        /// The status code.
        code: u16,
        /// The callee's SDP.
        sdp: String,
    },
    /// The callee's side offers other media before it answers (UPDATE, RFC 3311).
    Reoffer {
        /// The offer.
        sdp: String,
        /// Answers the offer.
        answer: Reply,
    },
    /// The callee answered; the ACK has been sent. The last event.
    Answered {
        /// The callee's SDP: of the answer or, where that has none, of its last provisional response; empty where neither has one.
        sdp: String,
        /// Why the answer's body was not taken, where `sdp` is empty for that.
        unreadable: Option<String>,
        /// The answered call.
        dialog: Dialog,
    },
    /// The call was not set up. The last event.
    Failed(DialFailure),
}
