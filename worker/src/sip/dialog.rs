//! An answered call: what the peer does in it, until somebody hangs up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TerminatedReason, TransactionHandle};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Method, Request, StatusCode, Uri};
use rsipstack::transaction::key::TransactionRole;
use tokio::sync::{mpsc, watch};

use super::dispatch::ALLOW;
use super::endpoint::Shared;
use super::error::SipError;
use super::hangup;

/// Events of a call that wait for their reader; a peer that sends more gets its requests refused.
pub(super) const WAITING_EVENTS: usize = 16;

/// An answered call. Dropping it hangs up.
pub struct Dialog {
    pub(super) shared: Arc<Shared>,
    pub(super) stack: InviteDialog,
    events: mpsc::Receiver<DialogEvent>,
    stage: watch::Receiver<Stage>,
    hung_up: AtomicBool,
}

/// What the peer of an answered call did.
#[derive(Debug)]
pub enum DialogEvent {
    /// The peer hung up; `reason` is its Reason header (RFC 3326), e.g. `Q.850;cause=16`. Nothing comes after it.
    RemoteBye {
        /// Why, where the peer said so.
        reason: Option<String>,
    },
    /// The peer offers other media (re-INVITE or UPDATE). Empty where it asks us for an offer instead (RFC 3261 section 14.2).
    Reoffer {
        /// The offer.
        sdp: String,
        /// How to answer it.
        answer: Reply,
    },
    /// The peer sent an INFO (RFC 6086), which has been answered with 200.
    Info {
        /// Content-Type; empty where there is none.
        content_type: String,
        /// The body, as text.
        body: String,
    },
}

/// The way back for an offer made during a call. Dropping it refuses the offer with 488; the call goes on as it was.
#[derive(Debug)]
pub struct Reply(Option<TransactionHandle>);

impl Reply {
    /// Takes the offer with this SDP answer.
    pub async fn accept(mut self, sdp: &str) {
        let headers = vec![Header::ContentType("application/sdp".into())];
        if let Some(handle) = self.0.take() {
            respond(&handle, StatusCode::OK, headers, Some(sdp.as_bytes().to_vec()));
        }
    }

    /// Refuses the offer, e.g. with 488; the call goes on as it was.
    pub async fn reject(mut self, code: u16) {
        if let Some(handle) = self.0.take() {
            respond(&handle, StatusCode::from(code), vec![], None);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            respond(&handle, StatusCode::NotAcceptableHere, vec![], None);
        }
    }
}

impl Dialog {
    pub(super) fn new(
        shared: Arc<Shared>,
        stack: InviteDialog,
        events: mpsc::Receiver<DialogEvent>,
        stage: watch::Receiver<Stage>,
    ) -> Self {
        Dialog { shared, stack, events, stage, hung_up: AtomicBool::new(false) }
    }

    /// The next thing the peer does; `None` once the call is over. Cancel safe.
    pub async fn next(&mut self) -> Option<DialogEvent> {
        self.events.recv().await
    }

    /// The Call-ID.
    pub fn call_id(&self) -> String {
        self.stack.id().call_id
    }

    /// Sends BYE and waits up to 4 s for its answer. Fine to call when the peer has hung up already, and more than once.
    ///
    /// # Errors
    /// [`SipError::Unanswered`] where the peer says nothing; the call is over for us all the same.
    pub async fn hangup(&self) -> Result<(), SipError> {
        self.hung_up.store(true, Ordering::Relaxed);
        hangup::hangup(self.shared.clone(), self.stack.clone(), self.stage.clone()).await
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        if !self.hung_up.load(Ordering::Relaxed) && !matches!(*self.stage.borrow(), Stage::Ended) {
            hangup::in_background(self.shared.clone(), self.stack.clone());
        }
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

/// Follows a call to its end: tells its events, answers what needs no decision, and takes it out of the dialog layer.
pub(super) async fn attend(
    shared: Arc<Shared>,
    dialog: InviteDialog,
    mut states: DialogStateReceiver,
    events: mpsc::Sender<DialogEvent>,
    stage: watch::Sender<Stage>,
    target: Option<Uri>,
) {
    let removed = dialog.cancel_token().clone();
    let role = dialog.role();
    let end = loop {
        let state = tokio::select! {
            biased;
            state = states.recv() => state,
            () = removed.cancelled() => None,
            () = shared.closed.cancelled() => None,
        };
        match state {
            None => break None,
            Some(DialogState::Terminated(_, reason)) => break Some(reason),
            Some(DialogState::Confirmed(..)) => drop(stage.send_replace(Stage::Confirmed)),
            Some(state) => tell(state, &events),
        }
    };

    let id = dialog.id();
    let said = shared.take_bye_reason(&id.to_string());
    shared.layer.remove_dialog(&id);
    if let Some(target) = target {
        shared.routes.forget(&target);
    }
    stage.send_replace(Stage::Ended);
    if let Some(event) = end.and_then(|reason| hung_up_by_peer(role, &reason, said)) {
        // The reader may be busy: wait for it, it goes away with the dialog.
        events.send(event).await.ok();
    }
}

fn tell(state: DialogState, events: &mpsc::Sender<DialogEvent>) {
    match state {
        DialogState::Updated(_, request, handle) => {
            if request.method == Method::Update && request.body.is_empty() {
                // A session refresh (RFC 4028): nothing changes.
                return respond(&handle, StatusCode::OK, vec![], None);
            }
            let answer = Reply(Some(handle));
            // An event that finds no room is dropped, and its reply refuses the offer.
            events.try_send(DialogEvent::Reoffer { sdp: text(&request), answer }).ok();
        }
        DialogState::Info(_, request, handle) => {
            respond(&handle, StatusCode::OK, vec![], None);
            let content_type = content_type(&request);
            events.try_send(DialogEvent::Info { content_type, body: text(&request) }).ok();
        }
        DialogState::Options(_, _, handle) => respond(&handle, StatusCode::OK, vec![Header::Allow(ALLOW.into())], None),
        DialogState::Refer(_, _, handle) => respond(&handle, StatusCode::Decline, vec![], None),
        DialogState::Message(_, _, handle) | DialogState::Notify(_, _, handle) | DialogState::Publish(_, _, handle) => {
            respond(&handle, StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())], None);
        }
        DialogState::Calling(_)
        | DialogState::Trying(_)
        | DialogState::Early(..)
        | DialogState::WaitAck(..)
        | DialogState::Confirmed(..)
        | DialogState::Terminated(..) => {}
    }
}

/// Our own BYE ends a call without an event.
fn hung_up_by_peer(role: TransactionRole, reason: &TerminatedReason, said: Option<String>) -> Option<DialogEvent> {
    match (role, reason) {
        (TransactionRole::Client, TerminatedReason::UasBye) | (TransactionRole::Server, TerminatedReason::UacBye) => {
            Some(DialogEvent::RemoteBye { reason: said })
        }
        (_, TerminatedReason::Timeout) => Some(DialogEvent::RemoteBye { reason: Some("the peer stopped answering".to_owned()) }),
        _ => None,
    }
}

/// The crate's queue for replies has room for the one we send: it takes it without waiting.
fn respond(handle: &TransactionHandle, status: StatusCode, headers: Vec<Header>, body: Option<Vec<u8>>) {
    if handle.respond(status, Some(headers), body).now_or_never().is_none() {
        tracing::warn!("a reply within a call found no room");
    }
}

fn text(request: &Request) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

fn content_type(request: &Request) -> String {
    let found = request.headers.iter().find_map(|header| match header {
        Header::ContentType(value) => Some(value.value().to_owned()),
        _ => None,
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_other_sides_bye_is_told() {
        let told = |role, reason| hung_up_by_peer(role, &reason, None).is_some();
        assert!(told(TransactionRole::Client, TerminatedReason::UasBye));
        assert!(told(TransactionRole::Server, TerminatedReason::UacBye));
        assert!(!told(TransactionRole::Client, TerminatedReason::UacBye));
        assert!(!told(TransactionRole::Server, TerminatedReason::UasBye));
        assert!(!told(TransactionRole::Server, TerminatedReason::UacCancel));
    }
}
