//! OPTIONS: asks whether a trunk is up (RFC 3261 section 11).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use offhook::attempt::SipTransport;
use rsipstack::{
    sip::{Header, Method, Param, SipMessage, StatusCodeKind, Uri, typed},
    transaction::{
        key::{TransactionKey, TransactionRole},
        make_tag,
        transaction::Transaction,
    },
};
use tokio::time::timeout;

use super::{
    error::SipError,
    shared::Shared,
    transport::{flow::sip_address, resolve::Hop},
};

/// Sends OPTIONS to a `sip:` URI, by way of `destination` where given; returns the status code of the answer.
pub(super) async fn ask(
    shared: &Arc<Shared>,
    target: &str,
    destination: Option<SocketAddr>,
    within: Duration,
) -> Result<u16, SipError> {
    let callee = Uri::try_from(target).map_err(|_| SipError::Field {
        field: "target",
        value: target.to_owned(),
        expected: "a URI such as sip:trunk.example:5060",
    })?;
    let hop = match destination {
        Some(address) => Hop { address, transport: SipTransport::Udp, server_name: None },
        None => shared.routes.resolve_uri(&callee).await?.swap_remove(0),
    };
    ask_hop(shared, callee, &hop, within).await
}

/// Sends OPTIONS to a hop; returns the status code of the answer.
pub(super) async fn ask_hop(shared: &Arc<Shared>, callee: Uri, hop: &Hop, within: Duration) -> Result<u16, SipError> {
    let destination = hop.address;
    shared.flows.reach(hop).await?;
    let via = shared.stack.get_via(None, None).map_err(|error| SipError::stack("OPTIONS", error))?;
    let us = shared.contact(None, destination);
    let from = typed::From { display_name: None, uri: us.clone(), params: vec![Param::Tag(make_tag())] };
    let to = typed::To { display_name: None, uri: callee.clone(), params: vec![] };
    let mut request = shared.stack.make_request(Method::Options, callee, via, from, to, 1, None);
    request.headers.push(Header::Contact(typed::Contact { display_name: None, uri: us, params: vec![] }.into()));
    request.headers.push(Header::Accept("application/sdp".into()));

    let key =
        TransactionKey::from_request(&request, TransactionRole::Client).map_err(|error| SipError::stack("OPTIONS", error))?;
    let mut transaction = Transaction::new_client(key, request, shared.stack.clone(), None);
    transaction.destination = Some(sip_address(hop.transport, destination));
    let exchange = async {
        transaction.send().await.map_err(|error| SipError::stack("OPTIONS", error))?;
        while let Some(message) = transaction.receive().await {
            match message {
                SipMessage::Response(response) if response.status_code.kind() != StatusCodeKind::Provisional => {
                    return Ok(Some(response.status_code.code()).filter(|_| !shared.made(&response)));
                }
                _ => {}
            }
        }
        Ok(None)
    };
    match timeout(within, exchange).await {
        Ok(Ok(Some(code))) => Ok(code),
        Ok(Err(error)) => Err(error),
        Ok(Ok(None)) | Err(_) => Err(SipError::Unanswered { method: "OPTIONS", ms: within.as_millis() as u64 }),
    }
}
