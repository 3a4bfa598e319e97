//! `sip:` and `sips:` URIs: taken apart and written (RFC 3261 sections 19.1 and 25.1). Pure.
//!
//! SQL has two questions of its own about them, and asks no more: whether a number is one (`number like 'sip%'`, by the constraint
//! `number_is_e164_or_sip_uri` of migrations/tables/0002_calls.sql) and its domain (`offhook_sip_domain` in
//! migrations/functions/destinations.sql). Messages on the wire are read by the SIP stack.

use std::{borrow::Cow, fmt, net::Ipv6Addr};

/// The port of SIP over UDP and TCP where none is named (RFC 3261 section 19.1.2).
pub const DEFAULT_PORT: u16 = 5060;
/// The port of SIP over TLS where none is named.
pub const DEFAULT_TLS_PORT: u16 = 5061;

/// A `sip:` or `sips:` URI without its parameters and headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipUri<'a> {
    /// `sips:`, TLS on every hop.
    pub secure: bool,
    /// The user as written, escapes included; without a password and without parameters of the user part.
    pub user: Option<&'a str>,
    /// Name or IP address; an IPv6 address without its brackets.
    pub host: &'a str,
    /// `None` where the URI names none.
    pub port: Option<u16>,
}

/// Whether this is a SIP URI rather than a telephone number, by its scheme.
pub fn is_sip_uri(number: &str) -> bool {
    scheme(number).is_some()
}

/// Whether a SIP URI has headers (`?Subject=…`), which no request may be sent to (RFC 3261 section 19.1.1, table 1). The user part may hold
/// a question mark of its own.
pub fn has_headers(uri: &str) -> bool {
    scheme(uri).is_some_and(|(_, rest)| rest.rsplit('@').next().unwrap_or(rest).contains('?'))
}

/// A host as it is written in a URI: an IPv6 address in brackets.
pub fn host_in_uri(host: &str) -> Cow<'_, str> {
    if host.contains(':') { Cow::Owned(format!("[{host}]")) } else { Cow::Borrowed(host) }
}

impl<'a> SipUri<'a> {
    /// Takes a URI apart; `None` where it is none, or leads nowhere: no host, or a port that cannot be.
    pub fn parse(uri: &'a str) -> Option<SipUri<'a>> {
        let (secure, rest) = scheme(uri)?;
        // The user part may hold any of ";?:" unescaped, but no '@'; nor may what comes after the host.
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) => (Some(user.split([';', ':']).next().filter(|user| !user.is_empty())?), rest),
            None => (None, rest),
        };
        let address = rest.split([';', '?']).next()?;
        let (host, port) = match address.strip_prefix('[') {
            Some(address) => {
                let (host, port) = address.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match address.split_once(':') {
                Some((host, port)) => (is_name(host).then_some(host)?, Some(port)),
                None => (is_name(address).then_some(address)?, None),
            },
        };
        let port = match port {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(SipUri { secure, user, host, port })
    }

    /// The user with its escapes (`%2B` for `+`) resolved; an escape that is none stays as it is.
    pub fn user_unescaped(&self) -> Option<Cow<'a, str>> {
        let user = self.user?;
        if !user.contains('%') {
            return Some(Cow::Borrowed(user));
        }
        let mut bytes = Vec::with_capacity(user.len());
        let mut rest = user.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let escaped = (*first == b'%').then(|| after.split_first_chunk::<2>()).flatten();
            let escaped = escaped.and_then(|([high, low], after)| Some((hexadecimal(*high)? << 4 | hexadecimal(*low)?, after)));
            let (byte, after) = escaped.unwrap_or((*first, after));
            bytes.push(byte);
            rest = after;
        }
        Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Where requests go where the URI names no port and the DNS no server.
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.secure { DEFAULT_TLS_PORT } else { DEFAULT_PORT })
    }
}

impl fmt::Display for SipUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&host_in_uri(self.host))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether it is `sips:`, and what follows the scheme.
fn scheme(uri: &str) -> Option<(bool, &str)> {
    let plain = uri.strip_prefix("sip:").map(|rest| (false, rest));
    plain.or_else(|| uri.strip_prefix("sips:").map(|rest| (true, rest)))
}

/// A host name or an IPv4 address. Underscores are in no host name of RFC 3261, but in those of container networks.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_of_a_uri_are_told_from_a_user_with_a_question_mark() {
        for uri in ["sip:trattoria@example.org?X-Evil=1&Replaces=abc", "sips:example.org;lr?a=b", "sip:a?b@example.org?c=d"] {
            assert!(has_headers(uri), "{uri}");
        }
        for uri in ["sip:a?b/c@example.org", "sip:trattoria@example.org;x=y", "+4930123456?x"] {
            assert!(!has_headers(uri), "{uri}");
        }
    }

    #[test]
    fn a_sip_uri_is_taken_apart() {
        for (uri, user, host, port, default) in [
            ("sip:trattoria@example.org", Some("trattoria"), "example.org", None, 5060),
            ("sip:trattoria@127.0.0.1:5070", Some("trattoria"), "127.0.0.1", Some(5070), 5070),
            ("sips:trattoria@example.org", Some("trattoria"), "example.org", None, 5061),
            ("sips:trattoria@example.org:5071", Some("trattoria"), "example.org", Some(5071), 5071),
            ("sip:example.org", None, "example.org", None, 5060),
            ("sip:[::1]:5080", None, "::1", Some(5080), 5080),
            ("sip:trattoria@[2001:db8::1]", Some("trattoria"), "2001:db8::1", None, 5060),
            ("sips:trattoria@[::1]:5080;transport=tcp?x=y", Some("trattoria"), "::1", Some(5080), 5080),
            ("sip:trattoria@example.org;transport=udp", Some("trattoria"), "example.org", None, 5060),
            ("sip:trattoria@example.org:5070;maddr=10.0.0.1", Some("trattoria"), "example.org", Some(5070), 5070),
            ("sip:trattoria@example.org?Subject=a:b;c", Some("trattoria"), "example.org", None, 5060),
            (
                "sip:+4930123456;phone-context=x@gateway.example.org;user=phone",
                Some("+4930123456"),
                "gateway.example.org",
                None,
                5060,
            ),
            ("sip:trattoria:geheim@example.org", Some("trattoria"), "example.org", None, 5060),
            ("sip:a?b/c@example.org", Some("a?b/c"), "example.org", None, 5060),
            ("sip:hall%40house@example.org", Some("hall%40house"), "example.org", None, 5060),
            ("sip:112@pbx_1.example.org", Some("112"), "pbx_1.example.org", None, 5060),
            ("sip:Löwe@example.org", Some("Löwe"), "example.org", None, 5060),
        ] {
            let secure = uri.starts_with("sips:");
            let parsed = SipUri::parse(uri);
            assert_eq!(parsed, Some(SipUri { secure, user, host, port }), "{uri}");
            assert_eq!(parsed.unwrap().port_or_default(), default, "{uri}");
            assert!(is_sip_uri(uri), "{uri}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_none() {
        for uri in [
            "",
            "sip",
            "sip:",
            "sips:",
            "sip:@example.org",
            "sip:;x@example.org",
            "sip::geheim@example.org",
            "sip:trattoria@",
            "sip:trattoria@:5060",
            "sip:trattoria@example.org:",
            "sip:trattoria@example.org:0",
            "sip:trattoria@example.org:65536",
            "sip:trattoria@example.org:+5060",
            "sip:trattoria@example.org:sip",
            "sip:trattoria@::1",
            "sip:trattoria@[::1",
            "sip:trattoria@[example.org]",
            "sip:trattoria@[::1]5060",
            "sip:a@b@example.org",
            "sip:trattoria@exa mple.org",
            "sip:trattoria@example.org>",
            "<sip:trattoria@example.org>",
            "sip:trattoria@müller.example",
            "tel:+4930123456",
            "+4930123456",
            "sipp:trattoria@example.org",
            "mailto:trattoria@example.org",
            "\0",
        ] {
            assert_eq!(SipUri::parse(uri), None, "{uri:?}");
        }
        assert!(!is_sip_uri("tel:+4930123456") && !is_sip_uri("+4930123456") && !is_sip_uri("sipp:a@b"));
    }

    #[test]
    fn what_is_escaped_is_the_same_user() {
        for (uri, user) in [
            ("sip:trattoria@example.org", "trattoria"),
            ("sip:%2B4930123456@example.org", "+4930123456"),
            ("sip:hall%40house@example.org", "hall@house"),
            ("sip:L%C3%B6we@example.org", "Löwe"),
            ("sip:100%@example.org", "100%"),
            ("sip:%4@example.org", "%4"),
            ("sip:%zz%41@example.org", "%zzA"),
        ] {
            assert_eq!(SipUri::parse(uri).unwrap().user_unescaped().unwrap(), user, "{uri}");
        }
        assert_eq!(SipUri::parse("sip:example.org").unwrap().user_unescaped(), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for uri in [
            "sip:trattoria@example.org",
            "sips:trattoria@example.org:5071",
            "sip:example.org",
            "sip:+4930123456@[2001:db8::1]:5070",
            "sip:hall%40house@[::1]",
        ] {
            assert_eq!(SipUri::parse(uri).unwrap().to_string(), uri);
        }
        let gateway = SipUri { secure: false, user: Some("+4930123456"), host: "2001:db8::1", port: None };
        assert_eq!(gateway.to_string(), "sip:+4930123456@[2001:db8::1]");
        assert_eq!((host_in_uri("::1").as_ref(), host_in_uri("example.org").as_ref()), ("[::1]", "example.org"));
    }
}
