//! The re-INVITE (RFC 3261 section 14.2) and UPDATE (RFC 3311) that the peer sends, with or without an offer. A session refresh is
//! answered here; an offer is passed to the call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rsipstack::{
    sip::{Header, Headers, Method, Request, StatusCode},
    transaction::transaction::Transaction,
};
use tokio::{sync::oneshot, time::timeout};

use super::{
    body,
    glare::{NotNow, retry_after_seconds},
    hangup,
    leg::Leg,
    offer_reply::{Decision, Reply},
    server_invite::{Ended, ServerInvite},
    session_timer::{SessionTimer, min_se},
};

/// How long the call may take to decide about an offer.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// What is passed to the call.
pub(super) enum Told {
    /// An offer of the peer.
    Offer(String, Reply),
    /// The peer's answer to our offer.
    Answer(String),
}

/// Passes it to the call; returns false where the event channel is full or closed.
pub(super) type Tell = Box<dyn FnOnce(Told) -> bool + Send>;

/// A response: status, headers and SDP.
type Answer = (StatusCode, Vec<Header>, Option<String>);

/// How a request is to be answered.
enum Course {
    /// With this response, at once.
    Answer(Answer),
    /// As the call decides about the offer.
    Ask { offer: String, timer: Option<SessionTimer>, headers: Vec<Header> },
    /// With an offer of ours: the peer asks for one.
    Offer { timer: Option<SessionTimer>, headers: Vec<Header> },
}

/// Handles a re-INVITE.
pub(super) fn invited(leg: &Arc<Leg>, request: Transaction, tell: Tell) {
    let course = course(leg, &request.original, true);
    let (invite, end) = ServerInvite::take(&leg.shared, request);
    let leg = leg.clone();
    tokio::spawn(async move {
        let answered = answer_invite(&leg, &invite, course, tell).await;
        follow_up(&leg, end, answered).await;
    });
}

/// How a re-INVITE was answered.
enum Answered {
    Refused,
    Accepted,
    /// With an offer of ours; the ACK has the answer.
    Offered(Tell),
}

async fn answer_invite(leg: &Arc<Leg>, invite: &ServerInvite, course: Course, tell: Tell) -> Answered {
    let send = |(status, headers, body): Answer| {
        let accepted = status.code() / 100 == 2;
        invite.respond(status, headers, body.map(String::into_bytes));
        accepted
    };
    match course {
        Course::Answer(answer) => {
            if send(answer) {
                Answered::Accepted
            } else {
                Answered::Refused
            }
        }
        Course::Offer { timer, headers } => {
            let offer = leg.state().descriptions.offer_anew();
            accept(leg, &invite.request.headers, timer);
            send((StatusCode::OK, with_sdp(leg, headers), Some(offer)));
            Answered::Offered(tell)
        }
        Course::Ask { offer, timer, headers } => {
            let answer = ask(leg, &invite.request.headers, offer, timer, headers, tell).await;
            if send(answer) { Answered::Accepted } else { Answered::Refused }
        }
    }
}

async fn follow_up(leg: &Arc<Leg>, end: oneshot::Receiver<Ended>, answered: Answered) {
    let end = end.await;
    match (answered, end) {
        (Answered::Refused, _) | (_, Ok(Ended::Cancelled)) => {}
        (Answered::Accepted, Ok(Ended::Acknowledged(_))) => {}
        (Answered::Offered(tell), Ok(Ended::Acknowledged(answer))) => {
            let new = {
                let mut state = leg.state();
                state.offering.settled();
                state.descriptions.heard(&answer)
            };
            if new && !tell(Told::Answer(answer)) {
                tracing::warn!("an answer in an ACK found nobody who takes it");
            }
        }
        (Answered::Accepted | Answered::Offered(_), _) => {
            leg.state().offering.settled();
            if !leg.shared.closed.is_cancelled() {
                let why = "our answer to a re-INVITE was never acknowledged".to_owned();
                hangup::lost(leg, why, "SIP;cause=408;text=\"ACK missing\"");
            }
        }
    }
}

/// Handles an UPDATE. `may_offer` is false as long as the offer of our INVITE has no answer.
pub(super) fn updated(leg: &Arc<Leg>, mut request: Transaction, may_offer: bool, tell: Tell) {
    let course = course(leg, &request.original, may_offer);
    let leg = leg.clone();
    tokio::spawn(async move {
        let (status, headers, body) = match course {
            Course::Answer(answer) => answer,
            Course::Offer { .. } => return,
            Course::Ask { offer, timer, headers } => {
                ask(&leg, &request.original.headers.clone(), offer, timer, headers, tell).await
            }
        };
        if let Err(error) = request.reply_with(status, headers, body.map(String::into_bytes)).await {
            tracing::debug!(%error, "an UPDATE could not be answered");
        }
    });
}

fn course(leg: &Leg, request: &Request, may_offer: bool) -> Course {
    let now = Instant::now();
    let mut state = leg.state();
    let (timer, headers) = match SessionTimer::of_request(&request.headers, state.timer, now) {
        Ok(Some((timer, headers))) => (Some(timer), headers),
        Ok(None) => (None, vec![]),
        Err(shortest) => return Course::Answer((StatusCode::SessionIntervalTooSmall, vec![min_se(shortest)], None)),
    };
    let offer = match body::offer(&body::of_message(&request.headers, &request.body)) {
        Ok(offer) => offer,
        Err(error) => {
            tracing::info!(method = %request.method, %error, "a request within the call is refused for its body");
            let (status, headers) = error.refusal();
            return Course::Answer((status, headers, None));
        }
    };
    if offer.is_none() && request.method == Method::Update {
        // A refresh, that asks for no offer.
        drop(state);
        accept(leg, &request.headers, timer);
        return Course::Answer((StatusCode::OK, [leg.about_us(), headers].concat(), None));
    }
    let Some(offer) = offer else {
        return match if state.offering.ours() { Ok(()) } else { state.offering.theirs() } {
            Ok(()) => Course::Offer { timer, headers },
            Err(not_now) => Course::Answer(refusal(not_now)),
        };
    };
    if !may_offer {
        return Course::Answer(refusal(NotNow::Glare));
    }
    if let Err(not_now) = state.offering.theirs() {
        return Course::Answer(refusal(not_now));
    }
    if offer == state.descriptions.theirs() {
        // The same description once more: a refresh, that changes nothing.
        state.offering.settled();
        let answer = state.descriptions.repeat();
        drop(state);
        accept(leg, &request.headers, timer);
        return Course::Answer((StatusCode::OK, with_sdp(leg, headers), Some(answer)));
    }
    Course::Ask { offer, timer, headers }
}

async fn ask(
    leg: &Leg,
    request: &Headers,
    offer: String,
    timer: Option<SessionTimer>,
    headers: Vec<Header>,
    tell: Tell,
) -> Answer {
    let (reply, decided) = Reply::new();
    let told = tell(Told::Offer(offer.clone(), reply));
    let decision = tokio::select! {
        decision = timeout(DECIDED_WITHIN, decided), if told => decision.ok(),
        () = leg.over(), if told => {
            leg.state().offering.settled();
            return (StatusCode::RequestTerminated, vec![], None);
        }
        else => None,
    };
    let mut state = leg.state();
    state.offering.settled();
    match decision {
        Some(Ok(Decision::Accept(sdp))) => {
            state.descriptions.heard(&offer);
            let answer = state.descriptions.say(&sdp);
            drop(state);
            accept(leg, request, timer);
            (StatusCode::OK, with_sdp(leg, headers), Some(answer))
        }
        Some(Ok(Decision::Reject(code))) => (StatusCode::from(code), vec![], None),
        // Nobody wants it.
        Some(Err(_)) => (StatusCode::NotAcceptableHere, vec![], None),
        None if told => (StatusCode::ServerTimeOut, vec![], None),
        None => refusal(NotNow::OneAtATime),
    }
}

/// Refreshes target and session timer; only for a request that is accepted.
fn accept(leg: &Leg, request: &Headers, timer: Option<SessionTimer>) {
    leg.refresh(request);
    leg.set_timer(timer);
}

fn with_sdp(leg: &Leg, headers: Vec<Header>) -> Vec<Header> {
    [leg.about_us(), headers, vec![Header::ContentType("application/sdp".into())]].concat()
}

fn refusal(not_now: NotNow) -> Answer {
    match not_now {
        NotNow::Glare => (StatusCode::RequestPending, vec![], None),
        NotNow::OneAtATime => {
            let seconds = retry_after_seconds(rand::random());
            (StatusCode::ServerInternalError, vec![Header::RetryAfter(seconds.to_string().into())], None)
        }
    }
}
