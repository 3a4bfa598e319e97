//! INVITE and CANCEL: dials a callee and follows the attempt to its end (RFC 3261 sections 9 and 13).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use offhook::secret::Secret;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver};
use rsipstack::dialog::invitation::{InviteAsyncResult, InviteOption};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Auth, Header, HostWithPort, Response, Scheme, StatusCode, StatusCodeKind, Uri};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::dialog::{Dialog, Stage, WAITING_EVENTS, attend};
use super::dispatch::ALLOW;
use super::endpoint::{Endpoint, Shared};
use super::error::SipError;
use super::route::over_udp;

const WAITING_PROGRESS: usize = 16;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
const TRANSACTION_STARTS_WITHIN: Duration = Duration::from_millis(100);

/// Whom to call, as whom, and with what media.
#[derive(Debug, Clone)]
pub struct DialRequest {
    /// `sip:` URI of the callee: request-URI and To.
    pub to: String,
    /// User part of From and Contact: the number we call from.
    pub from_user: String,
    /// Host part of From; our own address where `None`.
    pub from_domain: Option<String>,
    /// The Call-ID, the same for the attempt whatever happens to this process.
    pub call_id: String,
    /// Host (name or IP) and port of the trunk the INVITE is sent to; the request-URI's host where `None`.
    pub destination: Option<(String, u16)>,
    /// What to answer the trunk's 401 or 407 with.
    pub credentials: Option<Credentials>,
    /// The SDP offer.
    pub offer: String,
}

/// Digest credentials (RFC 3261 section 22).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// A call that is being set up. Dropping it cancels the call.
#[derive(Debug)]
pub struct Dialing {
    events: mpsc::Receiver<DialEvent>,
    cancel: CancellationToken,
}

/// How a call's setup goes on.
#[derive(Debug)]
pub enum DialEvent {
    /// The trunk works on it (100).
    Trying,
    /// It rings (180), or is forwarded, queued, or in progress without early media (181, 182, 183).
    Ringing {
        /// The code.
        code: u16,
    },
    /// Sound comes before the answer (183, sometimes 180, with SDP).
    EarlyMedia {
        /// The code.
        code: u16,
        /// The callee's SDP.
        sdp: String,
    },
    /// The callee answered; the ACK has been sent. The last event.
    Answered {
        /// The callee's SDP; empty where the answer had none.
        sdp: String,
        /// The call.
        dialog: Dialog,
    },
    /// There is no call. The last event.
    Failed(DialFailure),
}

/// Why there is no call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialFailure {
    /// The final response's code; `None` where the trunk never said anything, or we cancelled before it did.
    pub code: Option<u16>,
    /// The response's phrase and its Reason header, or what happened.
    pub reason: String,
    /// Whether we had cancelled.
    pub cancelled: bool,
}

impl Dialing {
    /// What happens next; `None` after `Answered` or `Failed`. Cancel safe.
    pub async fn next(&mut self) -> Option<DialEvent> {
        match self.events.recv().await {
            // Answered before `cancel`, read after it: dropping the dialog hangs up.
            Some(DialEvent::Answered { .. }) if self.cancel.is_cancelled() => Some(DialEvent::Failed(answered_too_late())),
            event => event,
        }
    }

    /// Gives up. A callee who answers all the same is acknowledged and hung up on; the last event is `Failed` with `cancelled`.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Dialing {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Endpoint {
    /// Sends the INVITE.
    ///
    /// # Errors
    /// [`SipError::Field`] and [`SipError::Resolve`], before anything has been sent.
    pub async fn dial(&self, request: DialRequest) -> Result<Dialing, SipError> {
        let shared = self.shared.clone();
        let callee = parse_uri("to", &request.to)?;
        let trunk = match &request.destination {
            Some((host, port)) => shared.routes.resolve(host, *port).await?,
            None => shared.routes.resolve_uri(&callee).await?,
        };
        let invite = invitation(&shared, request, callee.clone(), trunk)?;
        let call_id = invite.call_id.clone().unwrap_or_default();

        shared.routes.remember(&callee, trunk);
        let (told, states) = shared.layer.new_dialog_state_channel();
        let (dialog, outcome) = shared.layer.do_invite_async(invite, told).map_err(|error| {
            shared.routes.forget(&callee);
            SipError::stack("an INVITE", error)
        })?;
        let (events, receiver) = mpsc::channel(WAITING_PROGRESS);
        let cancel = shared.ending.child_token();
        let attempt = Attempt {
            shared: shared.clone(),
            dialog,
            states,
            events,
            cancel: cancel.clone(),
            callee,
            trunk,
            call_id,
            heard: false,
            early: None,
        };
        shared.before_closing(attempt.follow(outcome));
        Ok(Dialing { events: receiver, cancel })
    }
}

fn invitation(shared: &Shared, request: DialRequest, callee: Uri, trunk: SocketAddr) -> Result<InviteOption, SipError> {
    let user = Some(request.from_user.as_str()).filter(|user| !user.is_empty());
    let host: HostWithPort = match &request.from_domain {
        Some(domain) => HostWithPort::try_from(token("from_domain", domain)?).map_err(|_| SipError::Field {
            field: "from_domain",
            value: domain.clone(),
            expected: "a host name or an IP address",
        })?,
        None => shared.address_towards(trunk).into(),
    };
    let caller = Uri {
        scheme: Some(Scheme::Sip),
        auth: user.map(|user| Auth { user: user.to_owned(), password: None }),
        host_with_port: host,
        ..Uri::default()
    };
    Ok(InviteOption {
        caller,
        callee,
        destination: Some(over_udp(trunk)),
        content_type: Some("application/sdp".to_owned()),
        offer: Some(request.offer.into_bytes()),
        contact: shared.contact(user, trunk),
        credential: request.credentials.map(|credentials| Credential {
            username: credentials.username,
            password: credentials.password.expose().to_owned(),
            realm: None,
            auth_username: None,
        }),
        headers: Some(vec![Header::Allow(ALLOW.into()), Header::Accept("application/sdp".into())]),
        call_id: Some(token("call_id", &request.call_id)?.to_owned()),
        ..InviteOption::default()
    })
}

fn parse_uri(field: &'static str, text: &str) -> Result<Uri, SipError> {
    Uri::try_from(token(field, text)?).map_err(|_| SipError::Field {
        field,
        value: text.to_owned(),
        expected: "a URI such as sip:+49301234567@trunk.example",
    })
}

/// Text that cannot break out of its place in a header.
fn token<'a>(field: &'static str, text: &'a str) -> Result<&'a str, SipError> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"'));
    let expected = "printable ASCII without spaces, quotes and angle brackets";
    fits.then_some(text).ok_or_else(|| SipError::Field { field, value: text.to_owned(), expected })
}

type Outcome = Result<InviteAsyncResult, JoinError>;

/// One INVITE on its way.
struct Attempt {
    shared: Arc<Shared>,
    dialog: InviteDialog,
    states: DialogStateReceiver,
    events: mpsc::Sender<DialEvent>,
    cancel: CancellationToken,
    callee: Uri,
    trunk: SocketAddr,
    call_id: String,
    heard: bool,
    early: Option<Vec<u8>>,
}

impl Attempt {
    async fn follow(mut self, mut invite: JoinHandle<InviteAsyncResult>) {
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
        self.finish(outcome, cancelled_until.is_some()).await;
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

    async fn finish(self, outcome: Outcome, cancelled: bool) {
        match outcome {
            Ok(Ok((id, Some(response)))) if response.status_code.kind() == StatusCodeKind::Successful => {
                self.answered(id, &response, cancelled).await;
            }
            Ok(Ok((_, Some(response)))) => {
                let silent = self.shared.made(&response);
                let code = (!silent || self.heard).then(|| response.status_code.code());
                let reason = if silent { self.silence() } else { phrase(&response) };
                self.fail(DialFailure { code, reason, cancelled }).await;
            }
            Ok(Ok((_, None))) => self.fail(DialFailure { code: None, reason: "the INVITE ended without an answer".into(), cancelled }).await,
            Ok(Err(error)) => self.fail(DialFailure { code: None, reason: error.to_string(), cancelled }).await,
            Err(_) if cancelled => {
                let (shared, call_id) = (self.shared.clone(), self.call_id.clone());
                self.fail(DialFailure { code: None, reason: "cancelled before the callee's side answered".into(), cancelled }).await;
                settled(&shared, &call_id, &["INVITE", "CANCEL", "BYE"]).await;
            }
            Err(error) => self.fail(DialFailure { code: None, reason: format!("the SIP stack stopped: {error}"), cancelled }).await,
        }
    }

    async fn answered(self, id: DialogId, response: &Response, cancelled: bool) {
        if self.dialog.state().is_terminated() {
            // The answer crossed our CANCEL: the crate acknowledges it and sends BYE.
            let (shared, call_id, code) = (self.shared.clone(), self.call_id.clone(), response.status_code.code());
            let late = if cancelled {
                answered_too_late()
            } else {
                DialFailure { code: Some(code), reason: phrase(response), cancelled }
            };
            self.fail(late).await;
            return settled(&shared, &call_id, &["BYE"]).await;
        }
        tracing::debug!(%id, "answered");
        let Attempt { shared, dialog, states, events, callee, .. } = self;
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        let (stage_is, stage) = watch::channel(Stage::Confirmed);
        tokio::spawn(attend(shared.clone(), dialog.clone(), states, sender, stage_is, Some(callee)));
        let dialog = Dialog::new(shared, dialog, receiver, stage);
        if cancelled {
            if let Err(error) = dialog.hangup().await {
                tracing::warn!(%error, "a callee who answered as we cancelled could not be hung up on properly");
            }
            events.send(DialEvent::Failed(answered_too_late())).await.ok();
            return;
        }
        // Where nobody reads any more, the dialog is dropped with the event, and hangs up.
        events.send(DialEvent::Answered { sdp: body(response), dialog }).await.ok();
    }

    async fn fail(self, failure: DialFailure) {
        self.shared.routes.forget(&self.callee);
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

/// Waits until the transactions of a call that ends on its own are over, so that the port is not closed under them.
async fn settled(shared: &Shared, call_id: &str, methods: &[&str]) {
    sleep(TRANSACTION_STARTS_WITHIN).await;
    let until = Instant::now() + shared.timing.give_up();
    while shared.is_busy_with(call_id, methods) && Instant::now() < until {
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn answered_too_late() -> DialFailure {
    DialFailure { code: None, reason: "the callee answered as we cancelled, and was hung up on".to_owned(), cancelled: true }
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
    fn a_field_cannot_add_a_header() {
        assert!(token("call_id", "a1-2@offhook").is_ok());
        for evil in ["", "a b", "a\r\nContact: x", "a<b", "é"] {
            assert!(token("call_id", evil).is_err(), "{evil:?}");
        }
        assert!(parse_uri("to", "sip:+49301234567@trunk.example:5070").is_ok());
        assert!(parse_uri("to", "sip:a@b\r\nX: y").is_err());
    }
}
