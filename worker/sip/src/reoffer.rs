//! Other media in the middle of a call, at the peer's wish: re-INVITE (RFC 3261 section 14.2) and UPDATE (RFC 3311), with or without
//! an offer. A session refresh is answered here; an offer is the call's to answer.

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
    glare::{NotNow, retry_after_seconds},
    hangup,
    leg::Leg,
    message::header,
    offer_reply::{Decision, Reply},
    server_invite::{Ended, ServerInvite},
    session_timer::{SessionTimer, min_se},
};

/// Longer than that nobody thinks about an offer.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// What the call has to be told.
pub(super) enum Told {
    /// An offer of theirs.
    Offer(String, Reply),
    /// Their answer to an offer of ours.
    Answer(String),
}

/// Tells the call; false where it has no ear for more.
pub(super) type Tell = Box<dyn FnOnce(Told) -> bool + Send>;

/// An answer that is ready to be sent.
type Answer = (StatusCode, Vec<Header>, Option<String>);

/// What a request that may carry an offer comes to.
enum Course {
    /// Answer at once.
    Answer(Answer),
    /// Ask the call.
    Ask { offer: String, timer: Option<SessionTimer>, headers: Vec<Header> },
    /// Offer what we have: they ask for an offer.
    Offer { timer: Option<SessionTimer>, headers: Vec<Header> },
}

/// A re-INVITE.
pub(super) fn invited(leg: &Arc<Leg>, request: Transaction, tell: Tell) {
    let course = course(leg, &request.original, true);
    let (invite, end) = ServerInvite::take(&leg.shared, request);
    let leg = leg.clone();
    tokio::spawn(async move {
        let answered = answer_invite(&leg, &invite, course, tell).await;
        follow_up(&leg, end, answered).await;
    });
}

/// What is to be done once a re-INVITE has been acknowledged.
enum Answered {
    Refused,
    Accepted,
    /// We have offered; the ACK has the answer.
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

/// An UPDATE. `may_offer` is false as long as our INVITE's own offer has no answer.
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
    if request.body.is_empty() && request.method == Method::Update {
        // A refresh, that asks for no offer.
        drop(state);
        accept(leg, &request.headers, timer);
        return Course::Answer((StatusCode::OK, [leg.about_us(), headers].concat(), None));
    }
    if request.body.is_empty() {
        return match if state.offering.ours() { Ok(()) } else { state.offering.theirs() } {
            Ok(()) => Course::Offer { timer, headers },
            Err(not_now) => Course::Answer(refusal(not_now)),
        };
    }
    if !header(&request.headers, "Content-Type").is_some_and(is_sdp) {
        let accept = vec![Header::Accept("application/sdp".into())];
        return Course::Answer((StatusCode::UnsupportedMediaType, accept, None));
    }
    if !may_offer {
        return Course::Answer(refusal(NotNow::Glare));
    }
    if let Err(not_now) = state.offering.theirs() {
        return Course::Answer(refusal(not_now));
    }
    let offer = String::from_utf8_lossy(&request.body).into_owned();
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

/// Only what is accepted refreshes target and timer.
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

fn is_sdp(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/sdp"))
}
