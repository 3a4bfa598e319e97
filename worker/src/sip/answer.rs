//! A call that arrives: ring, early media, answer or reject (RFC 3261 section 13.3).

use std::sync::Arc;

use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Request, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::dialog::{Dialog, DialogEvent, Stage, WAITING_EVENTS, attend};
use super::dispatch::reply;
use super::endpoint::Shared;
use super::error::SipError;

/// A caller who waits. Dropping it rejects the call with 480.
pub struct Incoming {
    /// User part of the request-URI: the number or name that was dialled; empty where there is none.
    pub request_user: String,
    /// The From header's URI, e.g. `sip:+4930123@trunk.example`.
    pub from: String,
    /// The Call-ID.
    pub call_id: String,
    /// The SDP offer; `None` where the caller waits for ours.
    pub offer: Option<String>,
    shared: Arc<Shared>,
    stack: InviteDialog,
    stage: watch::Receiver<Stage>,
    events: Option<mpsc::Receiver<DialogEvent>>,
}

impl Incoming {
    /// Says that it rings (180).
    pub async fn ring(&self) {
        if let Err(error) = self.stack.ringing(None, None) {
            tracing::debug!(%error, "180 could not be sent");
        }
    }

    /// Sends early media's SDP (183).
    pub async fn progress(&self, sdp: &str) {
        if let Err(error) = self.stack.ringing(Some(sdp_headers()), Some(sdp.as_bytes().to_vec())) {
            tracing::debug!(%error, "183 could not be sent");
        }
    }

    /// Answers (200) and waits for the caller's ACK, at most 32 s.
    ///
    /// # Errors
    /// [`SipError::CallerGone`] where the caller cancelled, hung up or never acknowledged.
    pub async fn answer(mut self, sdp: &str) -> Result<Dialog, SipError> {
        let Some(events) = self.events.take() else { return Err(SipError::CallerGone) };
        let dialog = Dialog::new(self.shared.clone(), self.stack.clone(), events, self.stage.clone());
        if matches!(*self.stage.borrow(), Stage::Ended) {
            return Err(SipError::CallerGone);
        }
        self.stack
            .accept(Some(sdp_headers()), Some(sdp.as_bytes().to_vec()))
            .map_err(|error| SipError::stack("an answer", error))?;
        let decided = self.stage.wait_for(|stage| *stage != Stage::Ringing);
        match timeout(self.shared.timing.give_up(), decided).await {
            Ok(Ok(stage)) if *stage == Stage::Confirmed => {}
            _ => return Err(SipError::CallerGone),
        }
        Ok(dialog)
    }

    /// Rejects the call, e.g. 486 or 603; `reason` is sent in a Reason header (RFC 3326) unless it is empty.
    pub async fn reject(mut self, code: u16, reason: &str) {
        self.events = None;
        self.refuse(code, reason);
    }

    /// Resolves when the caller has given up.
    pub async fn cancelled(&self) {
        let mut stage = self.stage.clone();
        stage.wait_for(|stage| *stage == Stage::Ended).await.ok();
    }

    fn refuse(&self, code: u16, reason: &str) {
        let reason = (!reason.is_empty()).then(|| format!("SIP;cause={code};text=\"{}\"", quotable(reason)));
        if let Err(error) = self.stack.reject(Some(StatusCode::from(code)), reason) {
            tracing::debug!(%error, "a call could not be rejected");
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.events.is_some() {
            self.refuse(480, "");
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming")
            .field("request_user", &self.request_user)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// Takes a new INVITE and drives its transaction until it is acknowledged or cancelled.
pub(super) async fn invited(shared: &Arc<Shared>, mut request: Transaction, callers: &mpsc::Sender<Incoming>) {
    if !shared.is_taking_calls() || callers.is_closed() {
        return reply(&mut request, StatusCode::TemporarilyUnavailable, vec![]).await;
    }
    let Ok(room) = callers.try_reserve() else {
        return reply(&mut request, StatusCode::ServiceUnavailable, vec![]).await;
    };
    let request_user = request.original.uri.user().unwrap_or_default().to_owned();
    let peer =
        request.connection.as_ref().and_then(|connection| connection.get_remote_addr()).and_then(|at| at.get_socketaddr().ok());
    let contact = peer.map(|peer| shared.contact(Some(&request_user).filter(|user| !user.is_empty()).map(String::as_str), peer));
    let (told, states) = shared.layer.new_dialog_state_channel();
    let mut dialog = match shared.layer.get_or_create_server_invite(&request, told, None, contact) {
        Ok(dialog) => dialog,
        Err(error) => {
            tracing::info!(%error, "an INVITE that makes no dialog");
            return reply(&mut request, StatusCode::BadRequest, vec![]).await;
        }
    };

    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    let (stage_is, stage) = watch::channel(Stage::Ringing);
    tokio::spawn(attend(shared.clone(), dialog.clone(), states, sender, stage_is, None));
    room.send(Incoming {
        request_user,
        from: from_uri(&request.original),
        call_id: dialog.id().call_id,
        offer: (!request.original.body.is_empty()).then(|| String::from_utf8_lossy(&request.original.body).into_owned()),
        shared: shared.clone(),
        stack: dialog.clone(),
        stage,
        events: Some(events),
    });
    if let Err(error) = dialog.handle(&mut request).await {
        tracing::debug!(%error, "an INVITE's transaction failed");
    }
}

fn sdp_headers() -> Vec<Header> {
    vec![Header::ContentType("application/sdp".into())]
}

fn from_uri(request: &Request) -> String {
    let Ok(from) = request.from_header() else { return String::new() };
    from.typed().map_or_else(|_| from.value().to_owned(), |from| from.uri.to_string())
}

/// Text that may stand in a quoted string of a header.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_cannot_add_a_header() {
        assert_eq!(quotable("closed\r\nContact: \"<sip:evil>\\"), "closedContact: <sip:evil>");
    }
}
