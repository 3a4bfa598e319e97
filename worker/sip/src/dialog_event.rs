//! The events of an answered call.

use super::offer_reply::Reply;

/// Capacity of a call's event channel; while it is full, the peer's requests are refused.
pub(super) const WAITING_EVENTS: usize = 16;

/// An event of an answered call.
#[derive(Debug)]
pub enum DialogEvent {
    /// The peer sent BYE. The last event.
    RemoteBye {
        /// The Q.850 cause in the Reason headers of the BYE (RFC 3326), 0 to 127; `None` where it has none.
        cause: Option<u16>,
        /// All Reason headers of the BYE, in one line; `None` where it has none.
        reason: Option<String>,
    },
    /// The dialog is lost: the peer did not hang up, but the session was not refreshed in time, the peer did not know the call any
    /// more (481 or 408 to our refresh), our answer to its re-INVITE was never acknowledged, or the endpoint was shut down.
    /// BYE is on its way where it can be sent. The last event.
    Lost {
        /// What happened.
        why: String,
    },
    /// The peer offers other media (re-INVITE or UPDATE).
    Reoffer {
        /// The offer.
        sdp: String,
        /// Answers the offer.
        answer: Reply,
    },
    /// The peer asked for an offer (a re-INVITE without SDP, RFC 3261 section 14.2), we sent our last description, and the peer
    /// answered it.
    Reanswer {
        /// The answer.
        sdp: String,
    },
    /// The peer sent an INFO (RFC 6086); it got 200.
    Info {
        /// Its type, in small letters and without parameters; empty where there is none.
        content_type: String,
        /// The body, as text.
        body: String,
    },
}
