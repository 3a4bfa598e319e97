//! What is asked of an outgoing call.

use std::time::Duration;

use offhook::attempt::WayOut;

use super::credentials::Credentials;

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
