//! The parameters of an outgoing call.

use std::time::Duration;

use offhook::attempt::WayOut;

use super::credentials::Credentials;

/// The parameters of an outgoing call: callee, caller, trunk and SDP offer.
#[derive(Debug, Clone, Default)]
pub struct DialRequest {
    /// `sip:` URI of the callee: request-URI and To.
    pub to: String,
    /// User part of From and Contact: the number we call from.
    pub from_user: String,
    /// Host part of From; our own address where `None`.
    pub from_domain: Option<String>,
    /// The Call-ID: the attempt's, so that it is known even where this process crashes.
    pub call_id: String,
    /// The trunk the INVITE is sent to; the request-URI's host where `None`.
    pub destination: Option<WayOut>,
    /// The outbound proxy: the INVITE is sent to it instead, with a Route header that names it.
    pub outbound_proxy: Option<WayOut>,
    /// Credentials for the trunk's 401 or 407.
    pub credentials: Option<Credentials>,
    /// The SDP offer.
    pub offer: String,
    /// P-Asserted-Identity (RFC 3325): a `sip:` or `tel:` URI.
    pub asserted_identity: Option<String>,
    /// Whether From hides our number and `Privacy: id` is sent (RFC 3323, RFC 3325).
    pub anonymous: bool,
    /// Further headers of the INVITE, name and value.
    pub headers: Vec<(String, String)>,
    /// The session interval we ask for (Session-Expires, RFC 4028); `None` asks for no session timer.
    pub session_expires: Option<Duration>,
    /// Other user parts that are the callee's number: a redirect to one of them is followed.
    pub same_number: Vec<String>,
    /// `;user=phone` in From (RFC 3261 section 19.1.6).
    pub user_phone: bool,
}
