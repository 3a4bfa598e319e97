//! INVITE: dials a callee (RFC 3261 section 13.2).

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use offhook::{attempt::WayOut, secret::Secret};
use rsipstack::{
    sip::{Header, Headers, Method, Request, Uri, Version},
    transaction::make_tag,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{Attempt, answered_too_late},
    dialog::Dialog,
    dispatch::{ALLOW, SUPPORTED},
    endpoint::{Endpoint, Shared},
    error::SipError,
    identity::{identity, parse_uri, token},
    reoffer::Reply,
    transport::{outbound_proxy, resolve::Hop},
};

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
    /// The callee's side offers other media before it answers (UPDATE, RFC 3311).
    Reoffer {
        /// The offer.
        sdp: String,
        /// How to answer it.
        answer: Reply,
    },
    /// The callee answered; the ACK has been sent. The last event.
    Answered {
        /// The callee's SDP, from the answer or, where that has none, from its last word before; empty where there was none at all.
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
        let mut hops: VecDeque<Hop> = match request.outbound_proxy.as_ref().or(request.destination.as_ref()) {
            Some(way_out) => shared.routes.resolve_way_out(way_out).await?,
            None => shared.routes.resolve_uri(&callee).await?,
        }
        .into();
        let first = shared.flows.reach_first(hops.make_contiguous()).await?.0.clone();
        while hops.front().is_some_and(|hop| *hop != first) {
            hops.pop_front();
        }
        let invite = invitation(&shared, &request, callee, first.address)?;

        let (events, receiver) = mpsc::channel(WAITING_PROGRESS);
        let cancel = shared.ending.child_token();
        let attempt = Attempt::new(&shared, request, invite, hops, events, cancel.clone());
        shared.before_closing(attempt.run());
        Ok(Dialing { events: receiver, cancel })
    }
}

/// The INVITE without Via and CSeq, which every try has for itself.
fn invitation(shared: &Shared, request: &DialRequest, callee: Uri, trunk: SocketAddr) -> Result<Request, SipError> {
    let us = identity(request, shared.address_towards(trunk).into())?;
    let call_id = token("call_id", &request.call_id)?;
    let contact = shared.contact(us.contact_user.as_deref(), trunk);
    let mut headers: Headers = vec![
        Header::From(format!("{};tag={}", us.from, make_tag()).into()),
        Header::To(format!("<{callee}>").into()),
        Header::CallId(call_id.into()),
        Header::MaxForwards(70.into()),
        Header::Contact(format!("<{contact}>").into()),
        Header::Allow(ALLOW.into()),
        Header::Supported(SUPPORTED.into()),
        Header::Accept("application/sdp".into()),
    ]
    .into();
    for route in outbound_proxy::preloaded(shared, request.outbound_proxy.as_ref())?.into_iter().rev() {
        headers.push_front(Header::Route(route.into()));
    }
    headers.extend(us.headers);
    if !request.offer.is_empty() {
        headers.push(Header::ContentType("application/sdp".into()));
    }
    Ok(Request { method: Method::Invite, uri: callee, version: Version::V2, headers, body: request.offer.clone().into_bytes() })
}
