//! Answers to requests that are no INVITE (RFC 3261 section 17.2.2).

use rsipstack::{
    sip::{Header, StatusCode},
    transaction::transaction::Transaction,
};

/// Sends the final answer to a request. Where that cannot be sent, the peer sends its request again.
pub(super) async fn reply(request: &mut Transaction, status: StatusCode, headers: Vec<Header>) {
    if let Err(error) = request.reply_with(status, headers, None).await {
        tracing::debug!(method = %request.original.method, %error, "a SIP request could not be answered");
    }
}
