//! The methods and extensions we support, and the refusal of others.

use rsipstack::sip::{Header, Method, Request};

use super::message::list;

/// The value of Allow.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY";
/// The value of Supported: reliable provisional responses (as the caller) and session timers.
pub(super) const SUPPORTED: &str = "100rel, timer";

/// The headers of our answer to OPTIONS (RFC 3261 section 11.2).
pub(super) fn headers() -> Vec<Header> {
    vec![Header::Allow(ALLOW.into()), Header::Accept("application/sdp".into()), Header::Supported(SUPPORTED.into())]
}

/// Returns the Unsupported header of a 420 where a request requires an extension we do not support (RFC 3261 section 8.2.2.3).
pub(super) fn unsupported(request: &Request) -> Option<Header> {
    let unknown: Vec<&str> = list(&request.headers, "Require")
        .into_iter()
        .filter(|wanted| {
            let reliably_answered = request.method == Method::Invite && wanted.eq_ignore_ascii_case("100rel");
            reliably_answered || !SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(wanted))
        })
        .collect();
    (!unknown.is_empty()).then(|| Header::Unsupported(unknown.join(", ").into()))
}
