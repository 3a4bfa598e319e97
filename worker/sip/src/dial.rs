//! Places a call: composes the INVITE and starts it (RFC 3261 section 13.2).

use std::{collections::VecDeque, net::SocketAddr};

use offhook::destination::sip_uri::has_headers;
use rsipstack::{
    sip::{Header, Headers, Method, Request, Uri, Version},
    transaction::make_tag,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    capabilities::{ALLOW, SUPPORTED},
    dial_event::DialEvent,
    dial_request::DialRequest,
    endpoint::Endpoint,
    error::SipError,
    failure::DialFailure,
    identity::{identity, parse_uri, token},
    message::written,
    outgoing::Outgoing,
    shared::Shared,
    transport::resolve::Hop,
};

const WAITING_PROGRESS: usize = 16;

/// A call that is being set up. Dropping it cancels the call.
#[derive(Debug)]
pub struct Dialing {
    events: mpsc::Receiver<DialEvent>,
    cancel: CancellationToken,
}

impl Dialing {
    /// Returns the next event; `None` after `Answered` or `Failed`. Cancel safe.
    pub async fn next(&mut self) -> Option<DialEvent> {
        match self.events.recv().await {
            // Answered before `cancel`, read after it: dropping the dialog hangs up.
            Some(DialEvent::Answered { .. }) if self.cancel.is_cancelled() => {
                Some(DialEvent::Failed(DialFailure::answered_too_late()))
            }
            event => event,
        }
    }

    /// Cancels the call. A callee who answers at the same moment gets ACK and BYE; the last event is `Failed` with `cancelled`.
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
    /// Sends the INVITE and returns the call that is being set up.
    ///
    /// # Errors
    /// [`SipError::Field`], [`SipError::Resolve`], [`SipError::Connect`] and [`SipError::Tls`]: nothing was sent.
    pub async fn dial(&self, request: DialRequest) -> Result<Dialing, SipError> {
        let shared = self.shared.clone();
        if has_headers(&request.to) {
            let expected = "an address without headers behind a question mark";
            return Err(SipError::Field { field: "to", value: request.to.clone(), expected });
        }
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
        let outgoing = Outgoing::new(&shared, request, invite, hops, events, cancel.clone());
        shared.before_closing(outgoing.run());
        Ok(Dialing { events: receiver, cancel })
    }
}

/// Composes the INVITE without Via and CSeq: each request that is sent has its own.
fn invitation(shared: &Shared, request: &DialRequest, callee: Uri, trunk: SocketAddr) -> Result<Request, SipError> {
    let us = identity(request, shared.address_towards(trunk).into())?;
    let call_id = token("call_id", &request.call_id)?;
    let contact = shared.contact(us.contact_user.as_deref(), trunk);
    let mut headers: Headers = vec![
        Header::From(format!("{};tag={}", us.from, make_tag()).into()),
        Header::To(format!("<{}>", written(&callee)).into()),
        Header::CallId(call_id.into()),
        Header::MaxForwards(70.into()),
        Header::Contact(format!("<{contact}>").into()),
        Header::Allow(ALLOW.into()),
        Header::Supported(SUPPORTED.into()),
        Header::Accept("application/sdp".into()),
    ]
    .into();
    for route in shared.service_route.preloaded(request.outbound_proxy.as_ref())?.into_iter().rev() {
        headers.push_front(Header::Route(route.into()));
    }
    headers.extend(us.headers);
    if !request.offer.is_empty() {
        headers.push(Header::ContentType("application/sdp".into()));
    }
    Ok(Request { method: Method::Invite, uri: callee, version: Version::V2, headers, body: request.offer.clone().into_bytes() })
}
