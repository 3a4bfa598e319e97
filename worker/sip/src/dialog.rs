//! An answered call, as its user sees it: what the peer does in it, and what can be asked of the peer.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    error::SipError,
    hangup,
    leg::Leg,
    refer::{self, TransferOutcome},
    reinvite::{self, Purpose},
    reoffer::Reply,
};

/// Events of a call that wait for their reader; a peer that sends more gets its requests refused.
pub(super) const WAITING_EVENTS: usize = 16;

/// An answered call. Dropping it hangs up.
pub struct Dialog {
    leg: Arc<Leg>,
    events: mpsc::Receiver<DialogEvent>,
}

/// What happened in an answered call.
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
        /// How to answer it.
        answer: Reply,
    },
    /// The peer asked for an offer (a re-INVITE without SDP, RFC 3261 section 14.2), was given what we had said last, and this
    /// is its answer.
    Reanswer {
        /// The answer.
        sdp: String,
    },
    /// The peer sent an INFO (RFC 6086), which has been answered with 200.
    Info {
        /// Content-Type; empty where there is none.
        content_type: String,
        /// The body, as text.
        body: String,
    },
}

impl Dialog {
    pub(super) fn new(leg: Arc<Leg>, events: mpsc::Receiver<DialogEvent>) -> Self {
        Dialog { leg, events }
    }

    /// The next event; `None` after [`DialogEvent::RemoteBye`], after [`DialogEvent::Lost`], and once we have hung up. Cancel safe.
    pub async fn next(&mut self) -> Option<DialogEvent> {
        self.events.recv().await
    }

    /// The Call-ID.
    pub fn call_id(&self) -> String {
        self.leg.state().dialog.call_id().to_owned()
    }

    /// Offers other media by re-INVITE, and again where offers cross (491), at most four times. Returns the peer's answer, empty
    /// where it is what the peer had said before.
    ///
    /// # Errors
    /// [`SipError::Declined`] and [`SipError::Unanswered`]: the call goes on as it was. [`SipError::CallOver`].
    pub async fn reinvite(&self, sdp: &str) -> Result<String, SipError> {
        reinvite::reinvite(&self.leg, Purpose::Offer(sdp)).await
    }

    /// Sends UPDATE (RFC 3311), with an offer or, without, to refresh the session. Returns the peer's answer as
    /// [`Dialog::reinvite`] does.
    ///
    /// # Errors
    /// As [`Dialog::reinvite`]; many peers do not take UPDATE.
    pub async fn update(&self, sdp: Option<&str>) -> Result<String, SipError> {
        reinvite::update(&self.leg, sdp.map_or(Purpose::Refresh, Purpose::Offer)).await
    }

    /// Hands the callee on to `target`, a `sip:` URI, and waits until the other side has answered or not, at most 90 s. Our own
    /// part of the call goes on until somebody hangs up.
    ///
    /// # Errors
    /// [`SipError::Field`], [`SipError::Unanswered`], [`SipError::CallOver`]: nothing was transferred.
    pub async fn refer(&self, target: &str) -> Result<TransferOutcome, SipError> {
        refer::refer(&self.leg, target).await
    }

    /// Sends BYE and waits up to 4 s for its answer. Fine to call when the peer has hung up already, and more than once.
    ///
    /// # Errors
    /// [`SipError::Unanswered`] where the peer says nothing; the call is over for us all the same.
    pub async fn hangup(&self) -> Result<(), SipError> {
        hangup::hangup(&self.leg, None).await
    }

    /// The same with a Reason header in the BYE (RFC 3326), such as `Q.850;cause=16`.
    ///
    /// # Errors
    /// As [`Dialog::hangup`].
    pub async fn hangup_with_reason(&self, reason: &'static str) -> Result<(), SipError> {
        hangup::hangup(&self.leg, Some(reason)).await
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        hangup::in_background(&self.leg, None);
    }
}

impl std::fmt::Debug for Dialog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialog").field("call_id", &self.call_id()).finish_non_exhaustive()
    }
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not answered, or the answer not acknowledged.
    Ringing,
    /// Both sides know it is answered.
    Confirmed,
    /// Over.
    Ended,
}
