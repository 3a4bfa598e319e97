//! The re-INVITE and UPDATE that we send: offers, and session refreshes (RFC 3261 section 14.1, RFC 3311, RFC 4028 section 10).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rsipstack::sip::{Header, Method, Response, StatusCodeKind};
use tokio::time::{sleep_until, timeout};

use super::{
    authentication::Challenges,
    body,
    client_transaction::method_name,
    error::SipError,
    glare::{TRIES, again_at},
    hangup,
    invite::ClientInvite,
    leg::Leg,
    session_timer::{self, SESSION_EXPIRED, SessionTimer, call_is_gone},
};

/// What the request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    /// A new offer.
    Offer(&'a str),
    /// A session refresh.
    Refresh,
}

/// Sends a re-INVITE, again after 491, and returns the peer's answer (SDP); empty where it has not changed.
pub(super) async fn reinvite(leg: &Arc<Leg>, purpose: Purpose<'_>) -> Result<String, SipError> {
    negotiate(leg, Method::Invite, purpose).await
}

/// Sends an UPDATE, again after 491, and returns the peer's answer (SDP); empty where there is none or it has not changed.
pub(super) async fn update(leg: &Arc<Leg>, purpose: Purpose<'_>) -> Result<String, SipError> {
    negotiate(leg, Method::Update, purpose).await
}

/// Refreshes the session, by UPDATE where the peer allows it. Where the peer does not know the call any more, the dialog is lost.
pub(super) async fn refresh(leg: Arc<Leg>) {
    let method = if leg.takes_updates() { Method::Update } else { Method::Invite };
    let failed = match negotiate(&leg, method, Purpose::Refresh).await {
        Ok(_) => return,
        Err(error) => error,
    };
    let gone = match &failed {
        SipError::Declined { code, .. } => call_is_gone(*code),
        SipError::Unanswered { .. } => true,
        _ => false,
    };
    if gone {
        hangup::lost(&leg, format!("the session could not be refreshed: {failed}"), SESSION_EXPIRED);
    } else {
        tracing::debug!(error = %failed, "a session refresh was refused");
    }
}

async fn negotiate(leg: &Arc<Leg>, method: Method, purpose: Purpose<'_>) -> Result<String, SipError> {
    for _ in 0..TRIES {
        if leg.is_over() {
            return Err(SipError::CallOver);
        }
        // An UPDATE without an offer crosses nothing.
        let offers = method == Method::Invite || purpose != Purpose::Refresh;
        let free = !offers || leg.state().offering.ours();
        if free {
            let response = send(leg, method, purpose).await;
            if offers {
                leg.state().offering.settled();
            }
            let response = response?;
            match response.status_code.code() {
                491 => {}
                422 if purpose == Purpose::Refresh && take_longer_interval(leg, &response) => continue,
                _ => return taken(leg, method, response),
            }
        }
        let again = again_at(Instant::now(), leg.state().dialog.is_caller(), rand::random());
        tokio::select! {
            () = sleep_until(again.into()) => {}
            () = leg.over() => return Err(SipError::CallOver),
        }
    }
    Err(SipError::Declined { method: method_name(method), code: 491, reason: "Request Pending, again and again".into() })
}

async fn send(leg: &Arc<Leg>, method: Method, purpose: Purpose<'_>) -> Result<Response, SipError> {
    let (sdp, timer) = {
        let mut state = leg.state();
        let sdp = match purpose {
            Purpose::Offer(sdp) => Some(state.descriptions.say(sdp)),
            Purpose::Refresh => (method == Method::Invite).then(|| state.descriptions.repeat()),
        };
        let shortest = state.shortest_interval;
        (sdp, state.timer.map(|timer| timer.refresh_headers(shortest)))
    };
    let headers: Vec<Header> = [leg.about_us(), timer.unwrap_or_default()].concat();
    if method == Method::Invite {
        send_invite(leg, headers, sdp.as_deref()).await
    } else {
        leg.request(method, headers, sdp.as_deref()).await
    }
}

async fn send_invite(leg: &Arc<Leg>, headers: Vec<Header>, sdp: Option<&str>) -> Result<Response, SipError> {
    let (mut request, path) = leg.compose(Method::Invite, headers, sdp).await;
    let mut challenges = Challenges::default();
    loop {
        let mut invite = ClientInvite::send(&leg.shared, &path, request.clone())?;
        let within = leg.shared.timing.give_up();
        let Some(response) = final_answer(&mut invite, within).await.filter(|response| !leg.shared.made(response)) else {
            leg.shared.before_closing(invite.cancel(&leg.shared));
            return Err(SipError::Unanswered { method: "INVITE", ms: within.as_millis() as u64 });
        };
        if !leg.answer_challenge(&mut challenges, &mut request, &response) {
            return Ok(response);
        }
    }
}

async fn final_answer(invite: &mut ClientInvite, within: Duration) -> Option<Response> {
    let answer = async {
        while let Some(response) = invite.responses.recv().await {
            if response.status_code.kind() != StatusCodeKind::Provisional {
                return Some(response);
            }
        }
        None
    };
    timeout(within, answer).await.ok().flatten()
}

fn taken(leg: &Leg, method: Method, response: Response) -> Result<String, SipError> {
    let response = Leg::success(method, response)?;
    leg.refresh(&response.headers);
    let timer = SessionTimer::of_answer(&response.headers, Instant::now());
    leg.set_timer(timer);
    let (answer, unreadable) = body::answer(&response.headers, &response.body);
    if let Some(error) = unreadable {
        tracing::warn!(%error, "the body of an answer within the call is not taken");
    }
    let answer = answer.unwrap_or_default();
    let new = leg.state().descriptions.heard(&answer);
    Ok(if new { answer } else { String::new() })
}

/// After 422, raises the session interval to the Min-SE of the peer; returns false where that is impossible.
fn take_longer_interval(leg: &Leg, response: &Response) -> bool {
    let mut state = leg.state();
    let Some(timer) = state.timer else { return false };
    let Some(interval) = session_timer::after_too_small(&response.headers, timer.interval()) else { return false };
    state.shortest_interval = interval;
    state.timer = Some(timer.lasting(interval));
    true
}
