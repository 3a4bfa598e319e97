//! Requests that are refused before the SIP crate sees them, and how (RFC 3261 sections 8.2, 16.3 and 21.4; RFC 4475): what is
//! malformed gets 400, an unknown method 501, an unknown scheme 416, another version 505. No transaction is made for them: a
//! repeated request is answered again with the same tag (section 8.2.7).

use std::net::SocketAddr;

use offhook::attempt::SipTransport;
use sha2::{Digest, Sha256};

use super::head::{Head, Via, split_outside};
use crate::body::{self, Entity, Fields};

/// Methods the crate knows.
const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];
/// Extensions a peer may require (RFC 3262, RFC 4028, RFC 4488, RFC 4916).
const EXTENSIONS: [&str; 4] = ["100rel", "timer", "norefersub", "from-change"];
/// A CSeq number is below this (RFC 3261 section 8.1.1.5).
const CSEQ_BELOW: u64 = 1 << 31;

/// How a message is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A request that gets a response.
    Answer(Status),
    /// A message without a response: a response, an ACK.
    Drop(&'static str),
}

/// A final response's code, phrase, and header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    code: u16,
    phrase: &'static str,
    header: Option<(&'static str, String)>,
}

/// Checks whether a message can be handled.
///
/// # Errors
/// [`Refusal`] where it cannot.
pub(crate) fn judge(head: &Head, body: &[u8], transport: SipTransport) -> Result<(), Refusal> {
    if head.is_response() {
        return judge_response(head, body.len()).map_err(Refusal::Drop);
    }
    let refuse = |code, phrase| Err(Refusal::Answer(Status { code, phrase, header: None }));
    let parts: Vec<&str> = head.start.trim_end().split([' ', '\t']).collect();
    let [method, uri, version] = parts[..] else { return refuse(400, "Malformed Request-Line") };
    if method.eq_ignore_ascii_case("ACK") {
        return match malformed(head, body.len(), transport) {
            Some(_) => Err(Refusal::Drop("a malformed ACK")),
            None => Ok(()),
        };
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let is_sip = version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/"));
        return if is_sip { refuse(505, "Version Not Supported") } else { refuse(400, "Malformed Request-Line") };
    }
    if let Some(phrase) = malformed(head, body.len(), transport) {
        return refuse(400, phrase);
    }
    if !head.cseq_method().is_some_and(|named| named.eq_ignore_ascii_case(method)) {
        return refuse(400, "CSeq Names Another Method");
    }
    if !METHODS.contains(&method) {
        return refuse(501, "Not Implemented");
    }
    match scheme(uri).to_ascii_lowercase().as_str() {
        "sip" | "sips" if uri.contains(['<', '>', '"']) || behind_user(uri).contains('?') => {
            return refuse(400, "Malformed Request-URI");
        }
        "sip" | "sips" | "tel" => {}
        _ if uri.starts_with('<') || !uri.contains(':') => return refuse(400, "Malformed Request-URI"),
        _ => return refuse(416, "Unsupported URI Scheme"),
    }
    if method != "CANCEL" {
        let unknown = unknown_extensions(head);
        if !unknown.is_empty() {
            let header = Some(("Unsupported", unknown.join(", ")));
            return Err(Refusal::Answer(Status { code: 420, phrase: "Bad Extension", header }));
        }
    }
    if method == "INVITE" {
        let fields = Fields::of(head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let said = head.first("Content-Length").and_then(|length| length.parse().ok());
        let body = &body[..said.map_or(body.len(), |said: usize| said.min(body.len()))];
        if let Err(error) = body::offer(&Entity::read(fields, body)) {
            let (code, phrase, header) = error.response();
            let header = header.map(|(name, value)| (name, value.to_owned()));
            return Err(Refusal::Answer(Status { code, phrase, header }));
        }
    }
    Ok(())
}

/// Returns what is malformed in a request.
fn malformed(head: &Head, body: usize, transport: SipTransport) -> Option<&'static str> {
    let top = head.first("Via").map(|value| split_outside(value, ',')[0]);
    if top.and_then(Via::read).is_none() {
        return Some("Malformed Via");
    }
    for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type"] {
        let mut values = head.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Some("A Header Repeated That May Stand Once");
        }
        if first.is_none_or(str::is_empty) && !matches!(name, "Max-Forwards" | "Content-Type") {
            return Some("A Mandatory Header Is Missing");
        }
    }
    if ["From", "To", "Contact"].into_iter().filter_map(|name| head.first(name)).any(is_unbalanced) {
        return Some("Unbalanced Quotes Or Brackets");
    }
    if !head.first("From").is_some_and(has_tag) {
        return Some("From Without A Tag");
    }
    if head.first("Contact").is_some_and(|contact| contact.contains(";;") || contact.trim_end().ends_with(';')) {
        return Some("Malformed Contact");
    }
    let mut cseq = head.first("CSeq").unwrap_or_default().split_ascii_whitespace();
    let number = cseq.next().and_then(|number| number.parse::<u64>().ok());
    if number.is_none_or(|number| number >= CSEQ_BELOW) || cseq.next().is_none() || cseq.next().is_some() {
        return Some("Malformed CSeq");
    }
    if head.first("Max-Forwards").is_some_and(|hops| hops.parse::<u16>().is_err()) {
        return Some("Malformed Max-Forwards");
    }
    wrong_length(head, body, transport).then_some("Content-Length Does Not Fit The Body")
}

fn judge_response(head: &Head, body: usize) -> Result<(), &'static str> {
    let mut parts = head.start.splitn(3, ' ');
    let version = parts.next().unwrap_or_default();
    let code = parts.next().unwrap_or_default();
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err("a response of another version");
    }
    if code.len() != 3 || !code.parse::<u16>().is_ok_and(|code| (100..700).contains(&code)) {
        return Err("a response without a code");
    }
    if ["Via", "From", "To", "Call-ID", "CSeq"].into_iter().any(|name| head.first(name).is_none_or(str::is_empty)) {
        return Err("a response without a mandatory header");
    }
    // A client has one Via in its responses: its own (section 8.1.3.3).
    if head.all("Via").flat_map(|value| split_outside(value, ',')).count() != 1 {
        return Err("a response that is not for us");
    }
    let number = head.first("CSeq").and_then(|cseq| cseq.split_ascii_whitespace().next()?.parse::<u64>().ok());
    if number.is_none_or(|number| number >= CSEQ_BELOW) {
        return Err("a response without a sequence number");
    }
    match wrong_length(head, body, SipTransport::Udp) {
        true => Err("a response that was cut off"),
        false => Ok(()),
    }
}

/// Returns whether a Content-Length is negative, no number, given twice and different, or more than came.
fn wrong_length(head: &Head, body: usize, transport: SipTransport) -> bool {
    let mut lengths = head.all("Content-Length");
    let Some(first) = lengths.next() else { return false };
    let Ok(length) = first.parse::<usize>() else { return true };
    let cut_off = length > body && transport == SipTransport::Udp;
    cut_off || !first.bytes().all(|byte| byte.is_ascii_digit()) || lengths.any(|other| other.parse() != Ok(length))
}

fn scheme(uri: &str) -> &str {
    uri.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// Returns the part of a URI in which a question mark starts headers, which a request-URI may not have (RFC 3261 section 19.1.1).
fn behind_user(uri: &str) -> &str {
    uri.rsplit_once('@').map_or(uri, |(_, host)| host)
}

fn unknown_extensions(head: &Head) -> Vec<&str> {
    let required = head.all("Require").flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
    required.filter(|tag| !EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(tag))).collect()
}

fn is_unbalanced(value: &str) -> bool {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_i32);
    for character in value.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth -= 1,
            _ => {}
        }
        if !(0..=1).contains(&depth) {
            return true;
        }
    }
    quoted || depth != 0
}

/// Returns whether a From or To has a tag behind its URI.
fn has_tag(value: &str) -> bool {
    split_outside(value, ';').iter().skip(1).any(|one| {
        one.split_once('=').is_some_and(|(name, tag)| name.trim().eq_ignore_ascii_case("tag") && !tag.trim().is_empty())
    })
}

/// Returns the response; `None` where the request has no Via to send it to.
pub(crate) fn answer(head: &Head, status: &Status, peer: SocketAddr) -> Option<Vec<u8>> {
    head.first("Via")?;
    let mut response = Head { start: format!("SIP/2.0 {} {}", status.code, status.phrase), headers: vec![] };
    for (name, value) in &head.headers {
        if ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|copied| name.eq_ignore_ascii_case(copied)) {
            let tagged = name.eq_ignore_ascii_case("To") && !value.is_empty() && !is_unbalanced(value) && !has_tag(value);
            let tag = if tagged { format!(";tag={}", steady_tag(head, peer)) } else { String::new() };
            response.push(name, format!("{value}{tag}"));
        }
    }
    if let Some((name, value)) = &status.header {
        response.push(name, value.clone());
    }
    response.push("Content-Length", "0".to_owned());
    Some(response.write(b""))
}

/// Returns the 513 for a request that is too long.
pub(crate) fn too_large() -> Status {
    Status { code: 513, phrase: "Message Too Large", header: None }
}

/// Returns a To tag that is the same for the same request, without state.
fn steady_tag(head: &Head, peer: SocketAddr) -> String {
    let mut hash = Sha256::new();
    hash.update(peer.to_string());
    for name in ["Call-ID", "From", "CSeq"] {
        hash.update(head.first(name).unwrap_or_default());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(start: &str, change: impl Fn(&mut Head)) -> Head {
        let method = start.split(' ').next().unwrap();
        let mut head = Head::read(
            format!("{start}\r\nVia: SIP/2.0/UDP h;branch=z9\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n")
                .as_bytes(),
        )
        .unwrap();
        change(&mut head);
        head
    }

    fn code(head: &Head) -> Option<u16> {
        match judge(head, b"", SipTransport::Udp) {
            Ok(()) => None,
            Err(Refusal::Answer(status)) => Some(status.code),
            Err(Refusal::Drop(_)) => Some(0),
        }
    }

    #[test]
    fn a_sound_request_is_let_through() {
        for start in ["OPTIONS sip:a@b SIP/2.0", "INVITE tel:+4930123 SIP/2.0", "BYE sips:a;b=c@[::1]:5061 sip/2.0"] {
            assert_eq!(code(&request(start, |_| {})), None, "{start}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        for (start, expected) in [
            ("BREW sip:a@b SIP/2.0", 501),
            ("OPTIONS soap.beep://x SIP/2.0", 416),
            ("OPTIONS <sip:a@b> SIP/2.0", 400),
            ("OPTIONS sip:a@b; lr SIP/2.0", 400),
            ("OPTIONS  sip:a@b SIP/2.0", 400),
            ("OPTIONS sip:a@b SIP/7.0", 505),
            ("OPTIONS sip:a@b HTTP/1.1", 400),
        ] {
            assert_eq!(code(&request(start, |_| {})), Some(expected), "{start}");
        }
        let options = |change: fn(&mut Head)| code(&request("OPTIONS sip:a@b SIP/2.0", change));
        assert_eq!(options(|head| head.push("Require", "timer, teleport".into())), Some(420));
        assert_eq!(options(|head| head.push("To", "<sip:e@f>".into())), Some(400));
        assert_eq!(options(|head| *head.first_mut("CSeq").unwrap() = "4294967296 OPTIONS".into()), Some(400));
        assert_eq!(options(|head| *head.first_mut("CSeq").unwrap() = "1 INVITE".into()), Some(400));
        assert_eq!(options(|head| *head.first_mut("From").unwrap() = "\"Joe <sip:a@b>;tag=1".into()), Some(400));
        assert_eq!(options(|head| head.push("Content-Length", "5".into())), Some(400));
        assert_eq!(options(|head| head.headers.retain(|(name, _)| name != "Call-ID")), Some(400));
    }

    #[test]
    fn an_ack_and_a_response_are_never_answered() {
        assert_eq!(code(&request("ACK sip:a@b SIP/2.0", |head| head.headers.clear())), Some(0));
        assert_eq!(code(&Head { start: "SIP/2.0 4294967301 x".into(), headers: vec![] }), Some(0));
        assert_eq!(code(&request("SIP/2.0 200 OK", |head| head.push("Via", "SIP/2.0/UDP other".into()))), Some(0));
    }

    #[test]
    fn a_repeated_request_gets_the_same_answer() {
        let head = request("BREW sip:a@b SIP/2.0", |_| {});
        let peer = "192.0.2.7:5060".parse().unwrap();
        let status = Status { code: 501, phrase: "Not Implemented", header: None };
        let first = answer(&head, &status, peer).unwrap();
        assert_eq!(Some(&first), answer(&head, &status, peer).as_ref());
        let text = String::from_utf8(first).unwrap();
        assert!(text.starts_with("SIP/2.0 501 Not Implemented\r\nVia: SIP/2.0/UDP h;branch=z9\r\n"), "{text}");
        assert!(text.contains("To: <sip:c@d>;tag=") && text.ends_with("Content-Length: 0\r\n\r\n"), "{text}");
    }
}
