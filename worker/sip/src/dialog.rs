//! The handle of an answered call: its events, and the requests we can send in it.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    dialog_event::DialogEvent,
    error::SipError,
    hangup,
    leg::Leg,
    refer::{self, TransferOutcome},
    reinvite_by_us::{self, Purpose},
};

/// An answered call. Dropping it hangs up.
pub struct Dialog {
    leg: Arc<Leg>,
    events: mpsc::Receiver<DialogEvent>,
}

impl Dialog {
    pub(super) fn new(leg: Arc<Leg>, events: mpsc::Receiver<DialogEvent>) -> Self {
        Dialog { leg, events }
    }

    /// Returns the next event; `None` after [`DialogEvent::RemoteBye`], after [`DialogEvent::Lost`], and once we have hung up. Cancel safe.
    pub async fn next(&mut self) -> Option<DialogEvent> {
        self.events.recv().await
    }

    /// Returns the Call-ID.
    pub fn call_id(&self) -> String {
        self.leg.state().dialog.call_id().to_owned()
    }

    /// Sends a re-INVITE with an offer, and again where offers cross (491), at most four times. Returns the peer's answer (SDP), empty
    /// where the peer has sent the same SDP before. The product does not call this yet: our own re-INVITEs refresh the session only.
    ///
    /// # Errors
    /// [`SipError::Declined`] and [`SipError::Unanswered`]: the call goes on as it was. [`SipError::CallOver`].
    pub async fn reinvite(&self, sdp: &str) -> Result<String, SipError> {
        reinvite_by_us::reinvite(&self.leg, Purpose::Offer(sdp)).await
    }

    /// Sends UPDATE (RFC 3311), with an offer or, without one, to refresh the session. Returns the peer's answer as
    /// [`Dialog::reinvite`] does. The product does not call this yet: sessions are refreshed without it.
    ///
    /// # Errors
    /// As [`Dialog::reinvite`]; many peers do not take UPDATE.
    pub async fn update(&self, sdp: Option<&str>) -> Result<String, SipError> {
        reinvite_by_us::update(&self.leg, sdp.map_or(Purpose::Refresh, Purpose::Offer)).await
    }

    /// Transfers the callee to `target`, a `sip:` URI (REFER), and waits for the result, at most 90 s. Our own dialog goes on until
    /// one side hangs up. The product does not transfer calls yet, and does not call this.
    ///
    /// # Errors
    /// [`SipError::Field`], [`SipError::Unanswered`], [`SipError::CallOver`]: nothing was transferred.
    pub async fn refer(&self, target: &str) -> Result<TransferOutcome, SipError> {
        refer::refer(&self.leg, target).await
    }

    /// Sends BYE and waits up to 4 s for its response. Does nothing where the dialog has ended already.
    ///
    /// # Errors
    /// [`SipError::Unanswered`] where the peer does not respond; the dialog has ended all the same.
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
