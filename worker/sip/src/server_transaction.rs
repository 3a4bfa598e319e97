//! The response to a request other than INVITE (RFC 3261 section 17.2.2).

use rsipstack::{
    sip::{Header, StatusCode},
    transaction::transaction::Transaction,
};

/// Sends the final response to a request. Where that fails, the peer retransmits its request.
pub(super) async fn reply(request: &mut Transaction, status: StatusCode, headers: Vec<Header>) {
    if let Err(error) = request.reply_with(status, headers, None).await {
        tracing::debug!(method = %request.original.method, %error, "a SIP request could not be answered");
    }
}
