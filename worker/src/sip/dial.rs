//! INVITE: dials a callee (RFC 3261 section 13.2).

use std::{net::SocketAddr, time::Duration};

use offhook::{attempt::WayOut, secret::Secret};
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Auth, Header, HostWithPort, Scheme, Uri};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, answered_too_late};
use super::dialog::Dialog;
use super::dispatch::ALLOW;
use super::endpoint::{Endpoint, Shared};
use super::error::SipError;
use super::outbound_proxy;

const WAITING_PROGRESS: usize = 16;

/// Whom to call, as whom, and with what media.
#[derive(Debug, Clone, Default)]
pub struct DialRequest {
    /// `sip:` URI of the callee: request-URI and To.
    pub to: String,
    /// User part of From and Contact: the number we call from.
    pub from_user: String,
    /// Host part of From; our own address where `None`.
    pub from_domain: Option<String>,
    /// The Call-ID, the same for the attempt whatever happens to this process.
    pub call_id: String,
    /// The trunk the INVITE is sent to; the request-URI's host where `None`.
    pub destination: Option<WayOut>,
    /// The INVITE is sent there instead, and says so in a Route header.
    pub outbound_proxy: Option<WayOut>,
    /// What to answer the trunk's 401 or 407 with.
    pub credentials: Option<Credentials>,
    /// The SDP offer.
    pub offer: String,
    /// P-Asserted-Identity (RFC 3325): a `sip:` or `tel:` URI.
    pub asserted_identity: Option<String>,
    /// From does not name us, and `Privacy: id` is sent (RFC 3323, RFC 3325).
    pub anonymous: bool,
    /// More headers for the INVITE, name and value.
    pub headers: Vec<(String, String)>,
    /// Session-Expires we ask for (RFC 4028); `None` asks for nothing.
    pub session_expires: Option<Duration>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialFailure {
    /// The final response's code; `None` where the trunk never said anything, or we cancelled before it did.
    pub code: Option<u16>,
    /// The response's phrase and its Reason header, or what happened.
    pub reason: String,
    /// Whether we had cancelled.
    pub cancelled: bool,
    /// The Q.850 cause in the response's Reason header (RFC 3326).
    pub cause: Option<u16>,
    /// The response's Retry-After.
    pub retry_after: Option<Duration>,
    /// The phone may have rung, or somebody may have refused: nobody else may be tried within this attempt (a 180, 183, 486, 6xx …).
    pub reached: bool,
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
    /// [`SipError::Field`], [`SipError::Resolve`], [`SipError::Connect`] and [`SipError::Tls`], before anything has been sent.
    pub async fn dial(&self, request: DialRequest) -> Result<Dialing, SipError> {
        let shared = self.shared.clone();
        let callee = parse_uri("to", &request.to)?;
        let proxy = request.outbound_proxy.clone();
        let hops = match request.outbound_proxy.as_ref().or(request.destination.as_ref()) {
            Some(way_out) => shared.routes.resolve_way_out(way_out).await?,
            None => shared.routes.resolve_uri(&callee).await?,
        };
        let (hop, destination) = shared.flows.reach_first(&hops).await?;
        let trunk = hop.address;
        let mut invite = invitation(&shared, request, callee.clone(), trunk)?;
        invite.destination = Some(destination);
        invite.route_set = outbound_proxy::preloaded(&shared, proxy.as_ref())?;
        let call_id = invite.call_id.clone().unwrap_or_default();

        shared.routes.remember(&callee, hop);
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
