//! Runs a dialog until it ends: handles the peer's requests in order, sends the call's events, runs the session timer.

use std::sync::Arc;

use rsipstack::{
    sip::{Header, Method, StatusCode, Uri},
    transaction::transaction::Transaction,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Duration, Instant, sleep_until},
};

use super::{
    body,
    capabilities::{self, ALLOW, unsupported},
    dialog_event::DialogEvent,
    dialog_state::Refused,
    dialog_table::DialogEntry,
    glare::retry_after_seconds,
    hangup,
    leg::{Leg, Stage},
    reason, refer,
    reinvite_by_peer::{self, Tell, Told},
    reinvite_by_us,
    server_transaction::reply,
    session_timer::{Due, SESSION_EXPIRED},
};

/// The media types of digits in INFO.
const DIGITS: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];
/// The deadline where no timer runs.
const NEVER: Duration = Duration::from_secs(86_400);

/// Runs a dialog until it ends. `early` are requests that arrived before the dialog was confirmed; the route to `callee` is removed at
/// the end.
pub(super) async fn follow(
    leg: Arc<Leg>,
    mut entry: DialogEntry,
    early: Vec<Transaction>,
    events: mpsc::Sender<DialogEvent>,
    callee: Option<Uri>,
) {
    let shared = leg.shared.clone();
    let mut early = early.into_iter();
    let mut refreshing: Option<JoinHandle<()>> = None;
    // Sent at the end, where the channel is full now.
    let mut untold: Option<DialogEvent> = None;
    let bye = loop {
        if let Some(why) = leg.state().lost.take() {
            untold = not_told(&events, DialogEvent::Lost { why });
        }
        if let Some(request) = early.next() {
            match handle(&leg, request, &events).await {
                Some(last) => break Some(last),
                None => continue,
            }
        }
        let due = leg.due();
        tokio::select! {
            biased;
            () = leg.over() => break None,
            () = shared.closed.cancelled() => break None,
            Some(request) = entry.requests.recv() => if let Some(last) = handle(&leg, request, &events).await {
                break Some(last);
            },
            () = leg.changed.notified() => {}
            () = sleep_until(due.map_or_else(|| Instant::now() + NEVER, |(at, _)| at.into())) => match due {
                Some((_, Due::Refresh)) => {
                    if let Some(timer) = &mut leg.state().timer {
                        timer.tried(std::time::Instant::now());
                    }
                    // One that is still under way needs no other.
                    if refreshing.as_ref().is_none_or(JoinHandle::is_finished) {
                        refreshing = Some(tokio::spawn(reinvite_by_us::refresh(leg.clone())));
                    }
                }
                Some((_, Due::HangUp)) => {
                    hangup::lost(&leg, "the session was not refreshed".to_owned(), SESSION_EXPIRED);
                }
                None => {}
            },
        }
    };
    let last = {
        let mut state = leg.state();
        let we_end_it = std::mem::replace(&mut state.leaving, true);
        match state.lost.take() {
            Some(why) => Some(DialogEvent::Lost { why }),
            // Our own BYE ends a call without an event.
            None if we_end_it => untold,
            None if shared.closed.is_cancelled() => Some(DialogEvent::Lost { why: "the SIP endpoint was shut down".to_owned() }),
            None => bye,
        }
    };
    leg.reach(Stage::Ended);
    if let Some(callee) = callee {
        shared.routes.forget(&callee);
    }
    drop(entry);
    if let Some(last) = last {
        // Waits for room: the receiver is dropped with the dialog.
        events.send(last).await.ok();
    }
}

/// Sends an event; returns it where the channel is full.
fn not_told(events: &mpsc::Sender<DialogEvent>, event: DialogEvent) -> Option<DialogEvent> {
    match events.try_send(event) {
        Err(mpsc::error::TrySendError::Full(event)) => Some(event),
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
    }
}

/// Handles one request; returns an event where it is the BYE that ends the dialog.
async fn handle(leg: &Arc<Leg>, mut request: Transaction, events: &mpsc::Sender<DialogEvent>) -> Option<DialogEvent> {
    if !admitted(leg, &mut request).await {
        return None;
    }
    let tell = |events: &mpsc::Sender<DialogEvent>| -> Tell {
        // Weak: what is still being decided does not keep a call alive.
        let events = events.downgrade();
        Box::new(move |told| {
            let event = match told {
                Told::Offer(sdp, answer) => DialogEvent::Reoffer { sdp, answer },
                Told::Answer(sdp) => DialogEvent::Reanswer { sdp },
            };
            events.upgrade().is_some_and(|events| events.try_send(event).is_ok())
        })
    };
    match request.original.method {
        Method::Bye => {
            reply(&mut request, StatusCode::OK, vec![]).await;
            let headers = &request.original.headers;
            return Some(DialogEvent::RemoteBye { cause: reason::q850_cause(headers), reason: reason::text(headers) });
        }
        Method::Invite => reinvite_by_peer::invited(leg, request, tell(events)),
        Method::Update => reinvite_by_peer::updated(leg, request, true, tell(events)),
        Method::Info => informed(&mut request, events).await,
        _ => without_decision(leg, &mut request).await,
    }
    None
}

/// Handles an INFO: passes on its body, or what of digits is among its parts.
async fn informed(request: &mut Transaction, events: &mpsc::Sender<DialogEvent>) {
    let (status, headers) = match body::text(&request.original.headers, &request.original.body, &DIGITS) {
        Ok((content_type, body)) => match events.try_send(DialogEvent::Info { content_type, body }) {
            Ok(()) => (StatusCode::OK, vec![]),
            Err(_) => {
                let seconds = retry_after_seconds(rand::random()).to_string();
                (StatusCode::ServerInternalError, vec![Header::RetryAfter(seconds.into())])
            }
        },
        Err(error) => error.refusal(),
    };
    reply(request, status, headers).await;
}

/// Refuses a request of another dialog, one out of order, and one that requires an unknown extension; returns false where it did.
pub(super) async fn admitted(leg: &Leg, request: &mut Transaction) -> bool {
    let refused = match leg.take(&request.original) {
        Err(Refused::NoSuchDialog) => Some((StatusCode::CallTransactionDoesNotExist, vec![])),
        Err(Refused::OutOfOrder) => Some((StatusCode::ServerInternalError, vec![])),
        Ok(()) => unsupported(&request.original).map(|refusal| (StatusCode::BadExtension, vec![refusal])),
    };
    match refused {
        None => true,
        Some((status, headers)) => {
            reply(request, status, headers).await;
            false
        }
    }
}

/// Answers a request whose response does not depend on the call.
pub(super) async fn without_decision(leg: &Leg, request: &mut Transaction) {
    let (status, headers) = match request.original.method {
        Method::Options => (StatusCode::OK, capabilities::headers()),
        Method::Notify => return refer::notified(leg, request).await,
        // The peer cannot transfer us.
        Method::Refer => (StatusCode::Decline, vec![]),
        // We send no reliable provisional responses.
        Method::PRack => (StatusCode::CallTransactionDoesNotExist, vec![]),
        _ => (StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())]),
    };
    reply(request, status, headers).await;
}
