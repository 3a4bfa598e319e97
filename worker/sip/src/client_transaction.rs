//! The client transaction of a request other than INVITE (RFC 3261 section 17.1.2).

use std::sync::Arc;

use rsipstack::{
    sip::{Method, Request, Response, SipMessage, StatusCodeKind},
    transaction::transaction::Transaction,
};

use super::{error::SipError, path::Path, shared::Shared};

/// Sends a request and returns its final response.
///
/// # Errors
/// [`SipError::Unanswered`] after 64 × T1.
pub(super) async fn send(shared: &Arc<Shared>, path: &Path, request: Request) -> Result<Response, SipError> {
    let transaction = path.client(shared, request)?;
    final_response(shared, transaction).await
}

/// Runs a client transaction and returns its final response.
pub(super) async fn final_response(shared: &Arc<Shared>, mut transaction: Transaction) -> Result<Response, SipError> {
    let method = method_name(transaction.original.method);
    transaction.send().await.map_err(|error| SipError::stack(method, error))?;
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        if response.status_code.kind() == StatusCodeKind::Provisional {
            continue;
        }
        if shared.made(&response) {
            break;
        }
        return Ok(response);
    }
    Err(SipError::Unanswered { method, ms: shared.timing.give_up().as_millis() as u64 })
}

/// Returns a method's name, for errors.
pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Ack => "ACK",
        Method::Bye => "BYE",
        Method::Cancel => "CANCEL",
        Method::Info => "INFO",
        Method::Invite => "INVITE",
        Method::Message => "MESSAGE",
        Method::Notify => "NOTIFY",
        Method::Options => "OPTIONS",
        Method::PRack => "PRACK",
        Method::Publish => "PUBLISH",
        Method::Refer => "REFER",
        Method::Register => "REGISTER",
        Method::Subscribe => "SUBSCRIBE",
        Method::Update => "UPDATE",
    }
}
