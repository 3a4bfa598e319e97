//! An incoming call: ring, early media, answer or reject (RFC 3261 section 13.3).

use std::{sync::Arc, time::Instant};

use rsipstack::{
    sip::{Header, StatusCode},
    transaction::{make_tag, transaction::Transaction},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    body,
    capabilities::unsupported,
    dialog::Dialog,
    dialog_event::{DialogEvent, WAITING_EVENTS},
    dialog_state::DialogState,
    error::SipError,
    hangup, in_dialog,
    leg::{Leg, Stage},
    message::{address, all, header},
    path::Path,
    server_invite::{Ended, ServerInvite},
    server_transaction::reply,
    session_timer::{SessionTimer, min_se},
    shared::Shared,
};

/// An incoming call that has no final response yet. Dropping it rejects the call with 480.
pub struct Incoming {
    /// User part of the request-URI: the number or name that was dialled; empty where there is none.
    pub request_user: String,
    /// The From header's URI, e.g. `sip:+4930123@trunk.example`.
    pub from: String,
    /// The Call-ID.
    pub call_id: String,
    /// The SDP offer; `None` where the caller waits for ours.
    pub offer: Option<String>,
    leg: Arc<Leg>,
    invite: Arc<ServerInvite>,
    /// The session timer the INVITE asked for, and the headers of our 2xx about it.
    timer: Option<(SessionTimer, Vec<Header>)>,
    events: Option<mpsc::Receiver<DialogEvent>>,
}

impl Incoming {
    /// Sends 180 Ringing.
    pub async fn ring(&self) {
        self.invite.respond(StatusCode::Ringing, self.headers(), None);
    }

    /// Sends 183 with the SDP of early media.
    pub async fn progress(&self, sdp: &str) {
        let sdp = self.leg.state().descriptions.say(sdp);
        self.invite.respond(StatusCode::SessionProgress, [self.headers(), vec![sdp_header()]].concat(), Some(sdp.into_bytes()));
    }

    /// Sends 200 and waits for the caller's ACK, at most 64 × T1 (32 s).
    ///
    /// # Errors
    /// [`SipError::CallerGone`] where the caller cancelled, hung up or sent no ACK.
    pub async fn answer(mut self, sdp: &str) -> Result<Dialog, SipError> {
        let Some(events) = self.events.take() else { return Err(SipError::CallerGone) };
        if self.leg.is_over() {
            return Err(SipError::CallerGone);
        }
        let sdp = self.leg.state().descriptions.say(sdp);
        let mut headers = [self.headers(), vec![sdp_header()]].concat();
        if let Some((timer, said)) = self.timer.take() {
            self.leg.set_timer(Some(timer));
            headers.extend(said);
        }
        self.invite.respond(StatusCode::OK, headers, Some(sdp.into_bytes()));
        let mut stage = self.leg.stage();
        let decided = stage.wait_for(|stage| *stage != Stage::Ringing);
        match timeout(self.leg.shared.timing.give_up(), decided).await {
            Ok(Ok(stage)) if *stage == Stage::Confirmed => {}
            _ => return Err(SipError::CallerGone),
        }
        Ok(Dialog::new(self.leg.clone(), events))
    }

    /// Rejects the call, e.g. 486 or 603; `reason` is sent in a Reason header (RFC 3326) unless it is empty.
    pub async fn reject(mut self, code: u16, reason: &str) {
        self.events = None;
        self.refuse(code, reason);
    }

    /// Resolves when the caller has given up.
    pub async fn cancelled(&self) {
        self.leg.over().await;
    }

    fn refuse(&self, code: u16, reason: &str) {
        let reason = (!reason.is_empty()).then(|| format!("SIP;cause={code};text=\"{}\"", quotable(reason)));
        let headers = reason.map(|reason| Header::Reason(reason.into())).into_iter().collect();
        self.invite.respond(StatusCode::from(code), headers, None);
    }

    /// Returns the headers of a response that begins a dialog (section 12.1.1).
    fn headers(&self) -> Vec<Header> {
        let routes = all(&self.invite.request.headers, "Record-Route").map(|route| Header::RecordRoute(route.into()));
        routes.chain(self.leg.about_us()).collect()
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

/// Takes a new INVITE and follows it until it is acknowledged, refused or cancelled.
pub(super) async fn invited(shared: &Arc<Shared>, mut request: Transaction, callers: &mpsc::Sender<Incoming>) {
    if !shared.is_taking_calls() || callers.is_closed() {
        return reply(&mut request, StatusCode::TemporarilyUnavailable, vec![]).await;
    }
    let Ok(room) = callers.try_reserve() else {
        return reply(&mut request, StatusCode::ServiceUnavailable, vec![]).await;
    };
    if let Some(refusal) = unsupported(&request.original) {
        return reply(&mut request, StatusCode::BadExtension, vec![refusal]).await;
    }
    let offer = match body::offer(&body::of_message(&request.original.headers, &request.original.body)) {
        Ok(offer) => offer,
        Err(error) => {
            let (status, headers) = error.refusal();
            return reply(&mut request, status, headers).await;
        }
    };
    let timer = match SessionTimer::of_request(&request.original.headers, None, Instant::now()) {
        Ok(timer) => timer,
        Err(shortest) => return reply(&mut request, StatusCode::SessionIntervalTooSmall, vec![min_se(shortest)]).await,
    };
    let request_user = request.original.uri.user().unwrap_or_default().to_owned();
    let our_tag = make_tag().to_string();
    let peer = request.connection.as_ref().and_then(|connection| connection.get_remote_addr()?.get_socketaddr().ok());
    let dialog = DialogState::of_invite(&request.original, &our_tag);
    let (Some(dialog), Some(path), Some(peer)) = (dialog, Path::back(&request), peer) else {
        tracing::info!("an INVITE that makes no dialog");
        return reply(&mut request, StatusCode::BadRequest, vec![]).await;
    };
    let to = format!("{};tag={our_tag}", header(&request.original.headers, "To").unwrap_or_default());
    request.original.headers.unique_push(Header::To(to.into()));

    let call_id = dialog.call_id().to_owned();
    let contact = shared.contact(Some(request_user.as_str()).filter(|user| !user.is_empty()), peer);
    let leg = Leg::new(shared, dialog, path, Header::Contact(format!("<{contact}>").into()), None, Stage::Ringing);
    leg.refresh(&request.original.headers);
    leg.state().descriptions.heard(offer.as_deref().unwrap_or_default());

    let from = header(&request.original.headers, "From").map(address).unwrap_or_default().to_owned();
    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    let entry = shared.dialogs.enter(&call_id, &our_tag);
    let told = offer.is_none().then(|| sender.downgrade());
    tokio::spawn(in_dialog::follow(leg.clone(), entry, vec![], sender, None));
    let (invite, end) = ServerInvite::take(shared, request);
    let invite = Arc::new(invite);
    room.send(Incoming {
        request_user,
        from,
        call_id,
        offer,
        leg: leg.clone(),
        invite: invite.clone(),
        timer,
        events: Some(events),
    });
    tokio::spawn(see_through(leg, invite, end, told));
}

async fn see_through(
    leg: Arc<Leg>,
    invite: Arc<ServerInvite>,
    mut end: oneshot::Receiver<Ended>,
    told: Option<mpsc::WeakSender<DialogEvent>>,
) {
    let ended = tokio::select! {
        biased;
        ended = &mut end => ended,
        () = leg.over() => {
            // A BYE before the answer ends the INVITE too (section 15.1.2).
            invite.respond(StatusCode::RequestTerminated, vec![], None);
            return;
        }
    };
    match ended {
        Ok(Ended::Acknowledged(answer)) => {
            leg.reach(Stage::Confirmed);
            if let Some(told) = told.and_then(|told| told.upgrade()).filter(|_| !answer.is_empty()) {
                leg.state().descriptions.heard(&answer);
                told.try_send(DialogEvent::Reanswer { sdp: answer }).ok();
            }
        }
        // Our answer was never acknowledged (section 13.3.1.4).
        Ok(Ended::Otherwise) if invite.is_accepted() => hangup::in_background(&leg, Some("SIP;cause=408;text=\"ACK missing\"")),
        _ => leg.reach(Stage::Ended),
    }
}

fn sdp_header() -> Header {
    Header::ContentType("application/sdp".into())
}

/// Returns the text without the characters a quoted string of a header cannot hold.
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
