//! One INVITE until its final response: progress, early dialogs and their requests, PRACK, CANCEL, and which 2xx wins (RFC 3261
//! sections 9 and 13.2.2, RFC 3262, RFC 3311).

use std::{
    sync::Arc,
    time::{Duration, Instant as StdInstant},
};

use rsipstack::{
    sip::{Header, Method, Response, StatusCode, StatusCodeKind, Uri},
    transaction::transaction::Transaction,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    body,
    credentials::Credentials,
    dial_event::DialEvent,
    dialog::Dialog,
    dialog_event::WAITING_EVENTS,
    dialog_table::DialogEntry,
    failure::{DialFailure, Heard},
    forks::Forks,
    hangup,
    in_dialog::{self, admitted, without_decision},
    invite::ClientInvite,
    leg::{Leg, Stage},
    message::{header, names, tag},
    path::Path,
    prack::{Verdict, acknowledgement},
    reinvite_by_peer::{self, Tell, Told},
    server_transaction::reply,
    session_timer::SessionTimer,
    shared::Shared,
};

/// How long a BYE waits for the 2xx it may have overtaken.
const ANSWER_APPEARS_WITHIN: Duration = Duration::from_millis(200);
const WAITING_EARLY: usize = 8;
/// Later 2xx of other phones that get BYE.
const MOST_LATE_ANSWERS: usize = 32;

/// One INVITE without a final response.
pub(super) struct Ringing {
    shared: Arc<Shared>,
    path: Path,
    invite: ClientInvite,
    events: mpsc::Sender<DialEvent>,
    cancel: CancellationToken,
    entry: DialogEntry,
    forks: Forks,
    /// Requests that belong to no early dialog yet, and until when they wait.
    early: Vec<(Instant, Transaction)>,
    callee: Uri,
    heard: Heard,
    /// Whether this INVITE has had a provisional response.
    in_progress: bool,
    cancelling: Cancelling,
    last_early_media: Option<String>,
}

/// The state of our cancelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    No,
    /// No response has come: CANCEL may not be sent yet (section 9.1); the failure event was sent.
    Waiting {
        until: Instant,
    },
    /// CANCEL was sent; `told` is whether the failure event was.
    Sent {
        until: Instant,
        told: bool,
    },
}

/// How the INVITE ended.
pub(super) enum Ended {
    /// It was answered; the last event was sent.
    Answered,
    /// It was cancelled; the last event was sent.
    Told,
    /// It was refused, or ended by our CANCEL.
    Refused(Response, DialogEntry),
    /// It had no final response.
    Silent(DialogEntry),
}

impl Ringing {
    #[expect(clippy::too_many_arguments, reason = "the one place where an attempt hands over to its INVITE")]
    pub(super) fn new(
        shared: Arc<Shared>,
        path: Path,
        invite: ClientInvite,
        events: mpsc::Sender<DialEvent>,
        cancel: CancellationToken,
        entry: DialogEntry,
        (contact, credentials): (Header, Option<Credentials>),
        callee: Uri,
        heard: Heard,
    ) -> Self {
        Ringing {
            shared,
            path,
            invite,
            events,
            cancel,
            entry,
            forks: Forks::new(contact, credentials),
            early: Vec::new(),
            callee,
            heard,
            in_progress: false,
            cancelling: Cancelling::No,
            last_early_media: None,
        }
    }

    /// Follows the INVITE to its end.
    pub(super) async fn follow(mut self) -> (Ended, Heard) {
        loop {
            let until = match self.cancelling {
                Cancelling::No => None,
                Cancelling::Waiting { until } | Cancelling::Sent { until, .. } => Some(until),
            };
            let oldest = self.early.first().map(|(until, _)| *until);
            let far = Instant::now() + Duration::from_secs(86_400);
            tokio::select! {
                biased;
                response = self.invite.responses.recv() => match response {
                    None => return self.silent(),
                    Some(response) if self.shared.made(&response) => {
                        if self.in_progress && self.cancelling == Cancelling::No {
                            // The phone may ring on.
                            self.shared.before_closing(self.invite.cancel(&self.shared));
                        }
                        return self.silent();
                    }
                    Some(response) => match response.status_code.kind() {
                        StatusCodeKind::Provisional => self.progress(&response),
                        StatusCodeKind::Successful => return self.answered(response).await,
                        _ if self.is_told() => return (Ended::Told, self.heard),
                        _ => {
                            self.heard.anything = true;
                            return (Ended::Refused(response, self.entry), self.heard);
                        }
                    },
                },
                () = self.cancel.cancelled(), if self.cancelling == Cancelling::No => self.give_up().await,
                () = sleep_until(until.unwrap_or(far)), if until.is_some() => return self.silent(),
                () = sleep_until(oldest.unwrap_or(far)), if oldest.is_some() => {
                    let (_, mut request) = self.early.remove(0);
                    reply(&mut request, StatusCode::CallTransactionDoesNotExist, vec![]).await;
                }
                Some(request) = self.entry.requests.recv() => self.request(request).await,
            }
        }
    }

    fn is_told(&self) -> bool {
        matches!(self.cancelling, Cancelling::Waiting { .. } | Cancelling::Sent { told: true, .. })
    }

    fn silent(self) -> (Ended, Heard) {
        let ended = if self.is_told() { Ended::Told } else { Ended::Silent(self.entry) };
        (ended, self.heard)
    }

    async fn give_up(&mut self) {
        let until = Instant::now() + self.shared.timing.give_up();
        if self.in_progress {
            self.cancelling = Cancelling::Sent { until, told: false };
            self.shared.before_closing(self.invite.cancel(&self.shared));
        } else {
            self.invite.stop_retransmitting();
            self.cancelling = Cancelling::Waiting { until };
            self.events.send(DialEvent::Failed(DialFailure::cancelled())).await.ok();
        }
    }

    fn progress(&mut self, response: &Response) {
        self.in_progress = true;
        if let Cancelling::Waiting { until } = self.cancelling {
            self.cancelling = Cancelling::Sent { until, told: true };
            self.shared.before_closing(self.invite.cancel(&self.shared));
        }
        let code = response.status_code.code();
        self.heard.note(code);
        if code == 100 {
            // Progress that finds no room is old news by the time it would be read.
            self.events.try_send(DialEvent::Trying).ok();
            return;
        }
        let (sdp, unreadable) = body::answer(&response.headers, &response.body);
        if let Some(error) = unreadable {
            tracing::info!(code, %error, "the body of a provisional response is not taken");
        }
        let sdp = sdp.unwrap_or_default();
        if let Some(fork) = self.forks.of_answer(&self.shared, &self.path, &self.invite.request, response) {
            fork.leg.refresh(&response.headers);
            if let Some(rseq) = reliable(response) {
                match fork.reliable.heard(rseq) {
                    Verdict::Acknowledge => acknowledge(&self.shared, &fork.leg, rseq, self.invite.sequence()),
                    Verdict::Again | Verdict::OutOfOrder => return,
                }
                fork.offer_answered |= !sdp.is_empty();
            }
            fork.leg.state().descriptions.heard(&sdp);
        }
        if self.cancelling != Cancelling::No {
            return;
        }
        if sdp.is_empty() {
            self.events.try_send(DialEvent::Ringing { code }).ok();
        } else if self.last_early_media.as_ref() != Some(&sdp) {
            self.last_early_media = Some(sdp.clone());
            self.events.try_send(DialEvent::EarlyMedia { code, sdp }).ok();
        }
    }

    /// Handles a request in an early dialog.
    async fn request(&mut self, mut request: Transaction) {
        let their_tag = header(&request.original.headers, "From").and_then(tag).unwrap_or_default().to_owned();
        let fork = self.forks.of_tag(&their_tag);
        let (Some(fork), false) = (fork, request.original.method == Method::Bye) else {
            if self.early.len() < WAITING_EARLY {
                return self.early.push((Instant::now() + ANSWER_APPEARS_WITHIN, request));
            }
            return reply(&mut request, StatusCode::CallTransactionDoesNotExist, vec![]).await;
        };
        if !admitted(&fork.leg, &mut request).await {
            return;
        }
        match request.original.method {
            Method::Update => {
                let events = self.events.downgrade();
                let tell: Tell = Box::new(move |told| {
                    let Told::Offer(sdp, answer) = told else { return false };
                    events.upgrade().is_some_and(|events| events.try_send(DialEvent::Reoffer { sdp, answer }).is_ok())
                });
                reinvite_by_peer::updated(&fork.leg, request, fork.offer_answered, tell);
            }
            // Nothing to tell before the answer.
            Method::Info => reply(&mut request, StatusCode::OK, vec![]).await,
            Method::Invite => reply(&mut request, StatusCode::RequestPending, vec![]).await,
            _ => without_decision(&fork.leg, &mut request).await,
        }
    }

    async fn answered(mut self, response: Response) -> (Ended, Heard) {
        self.heard.anything = true;
        self.heard.ringing = true;
        let their_tag = header(&response.headers, "To").and_then(tag).unwrap_or_default().to_owned();
        let leg = match self.forks.winner(&their_tag) {
            Some(fork) => {
                fork.leg.state().dialog.confirm(&response);
                Some(fork.leg)
            }
            None => self.forks.leg(&self.shared, &self.path, &self.invite.request, &response),
        };
        let Some(leg) = leg else {
            // No way back: it cannot be hung up on either, and it is no call.
            tracing::warn!("an answer that makes no dialog");
            return (Ended::Refused(response, self.entry), self.heard);
        };
        let told = self.is_told();
        let cancelled = self.cancelling != Cancelling::No;
        let Ringing { shared, path, invite, events, entry, forks, early, callee, heard, .. } = self;
        leg.refresh(&response.headers);
        leg.reach(Stage::Confirmed);
        leg.set_timer(SessionTimer::of_answer(&response.headers, StdInstant::now()));
        let (sdp, unreadable) = body::answer(&response.headers, &response.body);
        let sdp = {
            let mut state = leg.state();
            state.descriptions.say(&String::from_utf8_lossy(&invite.request.body));
            state.descriptions.heard(&sdp.unwrap_or_default());
            state.descriptions.theirs().to_owned()
        };
        let unreadable = unreadable.filter(|_| sdp.is_empty()).map(|error| error.to_string());
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        let early = early.into_iter().map(|(_, request)| request).collect();
        tokio::spawn(in_dialog::follow(leg.clone(), entry, early, sender, Some(callee)));
        tokio::spawn(hang_up_on_others(shared.clone(), path, invite, forks, their_tag));

        let dialog = Dialog::new(leg, receiver);
        if cancelled {
            if let Err(error) = dialog.hangup().await {
                tracing::warn!(%error, "a callee who answered as we cancelled could not be hung up on properly");
            }
            if !told {
                events.send(DialEvent::Failed(DialFailure::answered_too_late())).await.ok();
            }
        } else {
            // Where nobody reads any more, the dialog is dropped with the event, and hangs up.
            events.send(DialEvent::Answered { sdp, unreadable, dialog }).await.ok();
        }
        (Ended::Answered, heard)
    }
}

/// Returns the RSeq of a reliable provisional response (RFC 3262 section 4).
fn reliable(response: &Response) -> Option<u32> {
    names(&response.headers, "Require", "100rel").then(|| header(&response.headers, "RSeq")?.parse().ok()).flatten()
}

fn acknowledge(shared: &Arc<Shared>, leg: &Arc<Leg>, rseq: u32, invite_sequence: u32) {
    let leg = leg.clone();
    shared.before_closing(async move {
        let headers = vec![Header::RAck(acknowledgement(rseq, invite_sequence).into())];
        match leg.request(Method::PRack, headers, None).await {
            Ok(response) if response.status_code.code() / 100 == 2 => {}
            Ok(response) => tracing::debug!(code = response.status_code.code(), "PRACK was refused"),
            Err(error) => tracing::debug!(%error, "PRACK was not answered"),
        }
    });
}

/// Another phone may answer at the same moment: the transaction sends ACK to its 2xx, and this sends BYE.
async fn hang_up_on_others(shared: Arc<Shared>, path: Path, mut invite: ClientInvite, mut forks: Forks, winner: String) {
    let mut done = vec![winner];
    while let Some(response) = invite.responses.recv().await {
        let their_tag = header(&response.headers, "To").and_then(tag).unwrap_or_default().to_owned();
        let late = response.status_code.kind() == StatusCodeKind::Successful && !done.contains(&their_tag);
        if !late || done.len() > MOST_LATE_ANSWERS {
            continue;
        }
        let leg = match forks.winner(&their_tag) {
            Some(fork) => {
                fork.leg.state().dialog.confirm(&response);
                Some(fork.leg)
            }
            None => forks.leg(&shared, &path, &invite.request, &response),
        };
        if let Some(leg) = leg {
            tracing::info!("another phone answered too, and is hung up on");
            leg.reach(Stage::Confirmed);
            hangup::in_background(&leg, None);
        }
        done.push(their_tag);
    }
}
