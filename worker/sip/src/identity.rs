//! The caller's identity: From, Contact, P-Asserted-Identity, privacy, and the headers a trunk wants besides (RFC 3261, 3323, 3325).

use rsipstack::sip::{Auth, Header, HostWithPort, Scheme, Uri};

use super::{dial_request::DialRequest, error::SipError};

/// Headers the stack writes itself: a trunk's row cannot set them.
const OURS: [&str; 46] = [
    "Via",
    "v",
    "Route",
    "Record-Route",
    "Contact",
    "m",
    "From",
    "f",
    "To",
    "t",
    "Call-ID",
    "i",
    "CSeq",
    "Max-Forwards",
    "Content-Type",
    "c",
    "Content-Length",
    "l",
    "Content-Encoding",
    "e",
    "Content-Disposition",
    "Content-Language",
    "Authorization",
    "Proxy-Authorization",
    "Require",
    "Proxy-Require",
    "Supported",
    "k",
    "Allow",
    "Accept",
    "Session-Expires",
    "x",
    "Min-SE",
    "RSeq",
    "RAck",
    "Privacy",
    "P-Asserted-Identity",
    "Replaces",
    "Refer-To",
    "r",
    "Referred-By",
    "b",
    "Event",
    "o",
    "Expires",
    "User-Agent",
];
/// Headers a trunk's row may add.
const MOST_HEADERS: usize = 32;
const LONGEST_VALUE: usize = 1024;

/// The headers of the INVITE that identify the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// From without its tag.
    pub(super) from: String,
    /// User part of Contact; `None` where the caller is anonymous.
    pub(super) contact_user: Option<String>,
    /// P-Asserted-Identity, Privacy, and the trunk's own headers.
    pub(super) headers: Vec<Header>,
}

/// Checks a request's fields and returns its identity; `our_host` is the host of From where no domain is given.
pub(super) fn identity(request: &DialRequest, our_host: HostWithPort) -> Result<Identity, SipError> {
    let user = Some(request.from_user.as_str()).filter(|user| !user.is_empty());
    let user = user.map(|user| token("from_user", user)).transpose()?;
    let host: HostWithPort = match &request.from_domain {
        Some(domain) => HostWithPort::try_from(token("from_domain", domain)?).map_err(|_| SipError::Field {
            field: "from_domain",
            value: domain.clone(),
            expected: "a host name or an IP address",
        })?,
        None => our_host,
    };
    let caller = Uri {
        scheme: Some(Scheme::Sip),
        auth: user.map(|user| Auth { user: user.to_owned(), password: None }),
        host_with_port: host,
        ..Uri::default()
    };

    let mut headers = Vec::new();
    if let Some(asserted) = &request.asserted_identity {
        let asserted = token("asserted_identity", asserted)?;
        let scheme = asserted.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("sip" | "sips" | "tel")) {
            let expected = "a sip: or tel: URI";
            return Err(SipError::Field { field: "asserted_identity", value: asserted.to_owned(), expected });
        }
        headers.push(Header::PAssertedIdentity(format!("<{asserted}>").into()));
    }
    if request.anonymous {
        headers.push(Header::Privacy("id".into()));
    }
    headers.extend(extra(&request.headers)?);
    Ok(Identity {
        from: if request.anonymous {
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned()
        } else {
            let phone = if request.user_phone && user.is_some() { ";user=phone" } else { "" };
            format!("<{caller}{phone}>")
        },
        contact_user: user.filter(|_| !request.anonymous).map(str::to_owned),
        headers,
    })
}

fn extra(given: &[(String, String)]) -> Result<Vec<Header>, SipError> {
    let refuse = |value: &str, expected| SipError::Field { field: "headers", value: value.to_owned(), expected };
    if given.len() > MOST_HEADERS {
        return Err(refuse(&given.len().to_string(), "at most 32 headers"));
    }
    given
        .iter()
        .map(|(name, value)| {
            if name.is_empty() || !name.chars().all(is_token_character) {
                return Err(refuse(name, "a header's name, such as X-Account"));
            }
            if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                return Err(refuse(name, "a header that the call itself does not need"));
            }
            if value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
                return Err(refuse(value, "one line of at most 1024 bytes"));
            }
            Ok(Header::Other(name.clone(), value.trim().to_owned()))
        })
        .collect()
}

/// Returns whether a character may stand in a `token` (RFC 3261 section 25.1).
fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c)
}

/// Returns the text, where it cannot break out of its place in a header.
pub(super) fn token<'a>(field: &'static str, text: &'a str) -> Result<&'a str, SipError> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"'));
    let expected = "printable ASCII without spaces, quotes and angle brackets";
    fits.then_some(text).ok_or_else(|| SipError::Field { field, value: text.to_owned(), expected })
}

/// Returns the URI, where it cannot break out of its place in a request.
pub(super) fn parse_uri(field: &'static str, text: &str) -> Result<Uri, SipError> {
    Uri::try_from(token(field, text)?).map_err(|_| SipError::Field {
        field,
        value: text.to_owned(),
        expected: "a URI such as sip:+49301234567@trunk.example",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request() -> DialRequest {
        DialRequest { from_user: "+4930999".to_owned(), from_domain: Some("trunk.example".to_owned()), ..DialRequest::default() }
    }

    fn ours(request: &DialRequest) -> Result<Identity, SipError> {
        identity(request, HostWithPort::try_from("192.0.2.1:5060").unwrap())
    }

    #[test]
    fn a_field_cannot_add_a_header() {
        assert!(token("call_id", "a1-2@offhook").is_ok());
        for evil in ["", "a b", "a\r\nContact: x", "a<b", "é"] {
            assert!(token("call_id", evil).is_err(), "{evil:?}");
        }
        assert!(parse_uri("to", "sip:+49301234567@trunk.example:5070").is_ok());
        assert!(parse_uri("to", "sip:a@b\r\nX: y").is_err());
    }

    #[test]
    fn the_caller_is_named_in_from_and_contact() {
        let plain = ours(&request()).unwrap();
        assert_eq!(plain.from, "<sip:+4930999@trunk.example>");
        assert_eq!(plain.contact_user.as_deref(), Some("+4930999"));
        assert!(plain.headers.is_empty());
        let hostless = ours(&DialRequest { from_domain: None, ..request() }).unwrap();
        assert_eq!(hostless.from, "<sip:+4930999@192.0.2.1:5060>");
        let phone = ours(&DialRequest { user_phone: true, ..request() }).unwrap();
        assert_eq!(
            (phone.from.as_str(), phone.contact_user.as_deref()),
            ("<sip:+4930999@trunk.example;user=phone>", Some("+4930999"))
        );
    }

    #[test]
    fn an_anonymous_caller_is_named_only_to_the_trunk() {
        let asserted_identity = Some("tel:+4930999".to_owned());
        let hidden = ours(&DialRequest { anonymous: true, asserted_identity, ..request() }).unwrap();
        assert_eq!(hidden.from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert_eq!(hidden.contact_user, None);
        let lines: Vec<String> = hidden.headers.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["P-Asserted-Identity: <tel:+4930999>", "Privacy: id"]);
    }

    #[test]
    fn a_trunks_headers_cannot_break_out_or_replace_ours() {
        let with = |name: &str, value: &str| {
            ours(&DialRequest { headers: vec![(name.to_owned(), value.to_owned())], ..request() })
                .map(|identity| identity.headers)
        };
        let kept = with("X-Account", " 17; a=\"b\" ").unwrap();
        assert_eq!(kept[0].to_string(), "X-Account: 17; a=\"b\"");
        for (name, value) in [
            ("X-A", "1\r\nVia: x"),
            ("X-A", "1\nVia: x"),
            ("X-A", "nul\0"),
            ("X A", "1"),
            ("X-A:", "1"),
            ("X-A\r\nVia", "1"),
            ("", "1"),
            ("via", "SIP/2.0/UDP evil"),
            ("ROUTE", "<sip:evil;lr>"),
            ("contact", "<sip:evil>"),
            ("M", "<sip:evil>"),
            ("Content-Length", "0"),
            ("c", "text/plain"),
            ("Content-Disposition", "render"),
            ("Proxy-Authorization", "x"),
        ] {
            assert!(with(name, value).is_err(), "{name:?}: {value:?}");
        }
        assert!(ours(&DialRequest { asserted_identity: Some("mailto:a@b".to_owned()), ..request() }).is_err());
        assert!(ours(&DialRequest { from_user: "a\r\nb".to_owned(), ..request() }).is_err());
    }
}
