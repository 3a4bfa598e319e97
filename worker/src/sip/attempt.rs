//! One INVITE on its way: progress, CANCEL, and the end (RFC 3261 sections 9 and 13.2.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver};
use rsipstack::dialog::invitation::InviteAsyncResult;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Response, StatusCode, StatusCodeKind, Uri};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::dial::{DialEvent, DialFailure};
use super::dialog::{Dialog, Stage, WAITING_EVENTS, attend};
use super::endpoint::Shared;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
const TRANSACTION_STARTS_WITHIN: Duration = Duration::from_millis(100);

/// One INVITE on its way.
pub(super) struct Attempt {
    pub(super) shared: Arc<Shared>,
    pub(super) dialog: InviteDialog,
    pub(super) states: DialogStateReceiver,
    pub(super) events: mpsc::Sender<DialEvent>,
    pub(super) cancel: CancellationToken,
    pub(super) callee: Uri,
    pub(super) trunk: SocketAddr,
    pub(super) call_id: String,
    /// Whether the trunk said anything.
    pub(super) heard: bool,
    /// The early media's SDP told last.
    pub(super) early: Option<Vec<u8>>,
}

impl Attempt {
    /// Tells the attempt's events until the last, and stays until nothing of it is left on the wire.
    pub(super) async fn follow(mut self, mut invite: JoinHandle<InviteAsyncResult>) {
        let mut cancelled_until: Option<Instant> = None;
        let outcome = loop {
            let deadline = cancelled_until.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                Some(state) = self.states.recv() => self.progress(&state),
                outcome = &mut invite => break outcome,
                () = self.cancel.cancelled(), if cancelled_until.is_none() => {
                    cancelled_until = Some(Instant::now() + self.shared.timing.give_up());
                    self.send_cancel(&invite);
                }
                () = sleep_until(deadline), if cancelled_until.is_some() => {
                    invite.abort();
                    break (&mut invite).await;
                }
            }
        };
        self.read_remaining_progress();
        let (shared, callee, call_id) = (self.shared.clone(), self.callee.clone(), self.call_id.clone());
        match self.finish(outcome, cancelled_until.is_some()).await {
            Rest::Dialog => return,
            Rest::Transactions(methods) => settled(&shared, &call_id, methods).await,
        }
        // Not before: a late CANCEL or BYE has to find the trunk too.
        shared.routes.forget(&callee);
    }

    fn progress(&mut self, state: &DialogState) {
        // Progress that finds no room is old news by the time it would be read.
        match state {
            DialogState::Trying(_) => {
                self.heard = true;
                self.events.try_send(DialEvent::Trying).ok();
            }
            DialogState::Early(_, response) => {
                self.heard = true;
                let code = response.status_code.code();
                if response.body.is_empty() {
                    self.events.try_send(DialEvent::Ringing { code }).ok();
                } else if self.early.as_ref() != Some(&response.body) {
                    self.early = Some(response.body.clone());
                    self.events.try_send(DialEvent::EarlyMedia { code, sdp: body(response) }).ok();
                }
            }
            _ => {}
        }
    }

    /// What comes after the answer belongs to the dialog and stays in the channel.
    fn read_remaining_progress(&mut self) {
        while let Ok(state) = self.states.try_recv() {
            if matches!(state, DialogState::Confirmed(..) | DialogState::Terminated(..)) {
                return;
            }
            self.progress(&state);
        }
    }

    fn send_cancel(&self, invite: &JoinHandle<InviteAsyncResult>) {
        if matches!(self.dialog.state(), DialogState::Calling(_)) {
            // CANCEL may not be sent before a provisional response (section 9.1). Dropping the INVITE stops its retransmissions,
            // so that no phone starts to ring now; the crate cancels it, or hangs up, should the callee's side still speak.
            return invite.abort();
        }
        let dialog = self.dialog.clone();
        self.shared.before_closing(async move {
            if let Err(error) = dialog.cancel().await {
                tracing::debug!(%error, "CANCEL was not answered properly");
            }
        });
    }

    async fn finish(self, outcome: Outcome, cancelled: bool) -> Rest {
        let (code, reason) = match outcome {
            Ok(Ok((id, Some(response)))) if response.status_code.kind() == StatusCodeKind::Successful => {
                return self.answered(id, &response, cancelled).await;
            }
            Ok(Ok((_, Some(response)))) if self.shared.made(&response) => {
                (self.heard.then(|| response.status_code.code()), self.silence())
            }
            Ok(Ok((_, Some(response)))) => (Some(response.status_code.code()), phrase(&response)),
            Ok(Ok((_, None))) => (None, "the INVITE ended without an answer".to_owned()),
            Ok(Err(error)) => (None, error.to_string()),
            Err(_) if cancelled => {
                self.fail(DialFailure {
                    reason: "cancelled before the callee's side answered".into(),
                    cancelled,
                    ..DialFailure::default()
                })
                .await;
                return Rest::Transactions(&["INVITE", "CANCEL", "BYE"]);
            }
            Err(error) => (None, format!("the SIP stack stopped: {error}")),
        };
        self.fail(DialFailure { code, reason, cancelled, ..DialFailure::default() }).await;
        Rest::Transactions(if cancelled { &["CANCEL"] } else { &[] })
    }

    async fn answered(self, id: DialogId, response: &Response, cancelled: bool) -> Rest {
        if self.dialog.state().is_terminated() {
            // The answer crossed our CANCEL: the crate acknowledges it and sends BYE.
            let code = Some(response.status_code.code());
            let refused = DialFailure { code, reason: phrase(response), cancelled, ..DialFailure::default() };
            self.fail(if cancelled { answered_too_late() } else { refused }).await;
            return Rest::Transactions(&["CANCEL", "BYE"]);
        }
        tracing::debug!(%id, "answered");
        let Attempt { shared, dialog, states, events, callee, .. } = self;
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        let (stage_is, stage) = watch::channel(Stage::Confirmed);
        tokio::spawn(attend(shared.clone(), dialog.clone(), states, sender, stage_is, Some(callee)));
        let dialog = Dialog::new(shared, dialog, receiver, stage);
        let event = if cancelled {
            if let Err(error) = dialog.hangup().await {
                tracing::warn!(%error, "a callee who answered as we cancelled could not be hung up on properly");
            }
            DialEvent::Failed(answered_too_late())
        } else {
            DialEvent::Answered { sdp: body(response), dialog }
        };
        // Where nobody reads any more, the dialog is dropped with the event, and hangs up.
        events.send(event).await.ok();
        Rest::Dialog
    }

    async fn fail(self, failure: DialFailure) {
        self.events.send(DialEvent::Failed(failure)).await.ok();
    }

    fn silence(&self) -> String {
        let waited = self.shared.timing.give_up().as_millis();
        if self.heard {
            return "the trunk stopped answering while it rang".to_owned();
        }
        format!("nothing came from {} within {waited} ms; check the trunk's address and that its replies reach us", self.trunk)
    }
}

/// What goes on after the last event.
enum Rest {
    /// The call, which its dialog looks after.
    Dialog,
    /// Requests with these methods.
    Transactions(&'static [&'static str]),
}

type Outcome = Result<InviteAsyncResult, JoinError>;

/// Waits until the transactions of a call that ends on its own are over, so that the port is not closed under them.
async fn settled(shared: &Shared, call_id: &str, methods: &[&str]) {
    if methods.is_empty() {
        return;
    }
    sleep(TRANSACTION_STARTS_WITHIN).await;
    let until = Instant::now() + shared.timing.give_up();
    while shared.is_busy_with(call_id, methods) && Instant::now() < until {
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

pub(super) fn answered_too_late() -> DialFailure {
    DialFailure {
        reason: "the callee answered as we cancelled, and was hung up on".to_owned(),
        cancelled: true,
        reached: true,
        ..DialFailure::default()
    }
}

/// `Busy Here (Q.850;cause=17)`.
fn phrase(response: &Response) -> String {
    let text = response.wire_reason.clone().unwrap_or_else(|| match &response.status_code {
        StatusCode::Other(_, text) => text.to_string(),
        known => known.text().to_owned(),
    });
    let said = response.headers.iter().find_map(|header| match header {
        Header::Reason(reason) => Some(reason.value().to_owned()),
        _ => None,
    });
    match said {
        Some(said) => format!("{text} ({said})"),
        None => text,
    }
}

fn body(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_the_trunk_said() {
        let mut response = Response { status_code: StatusCode::BusyHere, ..Response::default() };
        assert_eq!(phrase(&response), "Busy Here");
        response.headers.push(Header::Reason("Q.850;cause=17".into()));
        response.wire_reason = Some("Line engaged".to_owned());
        assert_eq!(phrase(&response), "Line engaged (Q.850;cause=17)");
    }
}
