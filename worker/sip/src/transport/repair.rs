//! Repair of messages: over every transport, a message that comes is repaired or refused here before the crate's parser sees it, and a
//! message that leaves is repaired here after the crate wrote it.
//!
//! rsipstack 0.7.14 loses the body of a datagram without Content-Length, loses every header after a byte that is not UTF-8, never
//! answers what it cannot parse, abandons an answered call whose 200 has no Contact, quotes what the digest grammar leaves
//! unquoted, and takes the transport in Via and Contact from its first listener.

use std::net::SocketAddr;

use offhook::attempt::SipTransport;

use super::{
    digest::{grammatical_credentials, is_usable_challenge, readable_challenge},
    head::{self, Head, Via, split_outside},
    refusal::{self, Refusal},
};
use crate::message::once_escaped;

/// The transport and the addresses of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carrier {
    /// The transport.
    pub(crate) transport: SipTransport,
    /// The address of the peer.
    pub(crate) peer: SocketAddr,
    /// Our address as the crate writes it into Via and Contact.
    pub(crate) us: SocketAddr,
    /// Our port of the stream, where the peer could not open one to `us`: TLS without a certificate of ours.
    pub(crate) only_port: Option<u16>,
}

/// Headers of a message, at most, beside the two that are added where they are missing.
const MOST_HEADERS: usize = 500;

/// What is done with a message that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Pass this message to the crate.
    Take(Vec<u8>),
    /// Send this response to the peer.
    Answer(Vec<u8>),
    /// Drop it, for this reason.
    Drop(&'static str),
}

/// Decides about a message that came.
///
/// * leading empty lines are dropped (RFC 3261 section 7.5), headers are unfolded, compact names spelled out,
/// * bytes in the head that are not UTF-8 become `?`,
/// * a missing Content-Length is the rest of the datagram (section 18.3), what is behind a given one is dropped,
/// * the top Via of a request says where it came from (section 18.2.1, RFC 3581),
/// * a 2xx to an INVITE without Contact gets the address it came from, so that it can be acknowledged and hung up,
/// * challenges are spelled as the crate reads them,
/// * a request that cannot be handled is answered at once (see [`refusal`]); a response that cannot is dropped.
pub(crate) fn examine(message: &[u8], carrier: Carrier) -> Verdict {
    let Some(start) = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n')) else { return Verdict::Drop("empty lines") };
    let Some((raw, body)) = head::split(&message[start..]) else { return Verdict::Drop("no end of the head") };
    let Some(mut head) = Head::read(raw) else { return Verdict::Drop("no start line, or too many headers") };
    let may_be_added = ["Content-Length", "Contact"].into_iter().filter(|name| head.first(name).is_some()).count();
    if head.headers.len() - may_be_added > MOST_HEADERS {
        return Verdict::Drop("too many headers");
    }

    if !head.is_response() {
        tidy_via(&mut head, carrier);
    }
    for name in ["From", "To"] {
        if let Some(value) = head.first_mut(name) {
            *value = tidy_parameters(value);
        }
    }
    if let Err(refusal) = refusal::judge(&head, body, carrier.transport) {
        return match refusal {
            Refusal::Answer(status) => match refusal::answer(&head, &status, carrier.peer) {
                Some(answer) => Verdict::Answer(answer),
                None => Verdict::Drop("a request that can be neither handled nor answered"),
            },
            Refusal::Drop(why) => Verdict::Drop(why),
        };
    }
    let body = with_length(&mut head, body);
    if head.is_response() {
        for name in ["WWW-Authenticate", "Proxy-Authenticate"] {
            // The first we can answer (RFC 7616 section 3.7); the crate takes the first there is.
            if head.all(name).any(is_usable_challenge) {
                head.headers.retain(|(found, value)| !found.eq_ignore_ascii_case(name) || is_usable_challenge(value));
            }
            for (_, value) in head.headers.iter_mut().filter(|(found, _)| found.eq_ignore_ascii_case(name)) {
                if let Some(challenge) = readable_challenge(value) {
                    *value = challenge;
                }
            }
        }
        let answers_invite = head.start.starts_with("SIP/2.0 2") && head.cseq_method() == Some("INVITE");
        if answers_invite && head.first("Contact").is_none() {
            head.push("Contact", format!("<sip:{}{}>", carrier.peer, transport_parameter(carrier.transport)));
        }
    }
    Verdict::Take(head.write(body))
}

/// Makes body and Content-Length agree.
fn with_length<'a>(head: &mut Head, body: &'a [u8]) -> &'a [u8] {
    let said = head.first("Content-Length").and_then(|length| length.parse().ok());
    let body = &body[..said.map_or(body.len(), |said: usize| said.min(body.len()))];
    head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"));
    head.push("Content-Length", body.len().to_string());
    body
}

/// The Via parameter that keeps the original value while the crate reads another.
const SENT_BY: &str = "offhook-sent-by";

fn tidy_via(head: &mut Head, carrier: Carrier) {
    let Some(value) = head.first_mut("Via") else { return };
    let parts = split_outside(value, ',');
    let Some(mut top) = Via::read(parts[0]) else { return };
    top.note_source(carrier.peer);
    // The crate writes received=[[::1]], and then cannot read it: it is shown a Via that needs no received.
    if carrier.peer.is_ipv6() && carrier.transport == SipTransport::Udp && top.host() != Some(carrier.peer.ip()) {
        let said: String = top.sent_by.bytes().map(|byte| format!("{byte:02x}")).collect();
        top.sent_by = carrier.peer.to_string();
        top.parameters.push((SENT_BY.to_owned(), Some(said)));
    }
    let rest: String = parts[1..].iter().map(|part| format!(", {}", part.trim())).collect();
    *value = format!("{top}{rest}");
}

/// Restores a response's top Via as the peer wrote it.
fn with_sent_by(value: &str, carrier: Carrier) -> Option<String> {
    let parts = split_outside(value, ',');
    let mut top = Via::read(parts[0])?;
    let said = top.parameter(SENT_BY)??.to_owned();
    let bytes: Option<Vec<u8>> =
        said.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect();
    top.sent_by = String::from_utf8(bytes?).ok()?;
    top.parameters.retain(|(name, _)| name != SENT_BY && !name.eq_ignore_ascii_case("received"));
    top.parameters.push(("received".to_owned(), Some(carrier.peer.ip().to_string())));
    let rest: String = parts[1..].iter().map(|part| format!(",{part}")).collect();
    Some(format!("{top}{rest}"))
}

/// White space around `;` and `=` confuses the crate's search for the tag.
fn tidy_parameters(value: &str) -> String {
    let mut parts = split_outside(value, ';').into_iter();
    let mut tidy = parts.next().unwrap_or_default().trim().to_owned();
    for part in parts {
        tidy.push(';');
        match part.split_once('=') {
            Some((name, value)) => tidy.push_str(&format!("{}={}", name.trim(), value.trim())),
            None => tidy.push_str(part.trim()),
        }
    }
    tidy
}

/// Returns a message as it has to be sent; `None` where the crate wrote it so.
///
/// * credentials are written as the grammar requires, and escapes in the request-URI once,
/// * the top Via of a request, and our Contact, name the transport that carries it (RFC 3261 sections 18.1.1 and 8.1.1.8),
/// * what is sent by way of `sips:` has a `sips:` Contact,
/// * where the peer cannot open a stream to us, our Contact names our end of the one there is: a peer that does not
///   know `alias` (RFC 5923) and looks for a stream by address, such as baresip, finds it. REGISTER keeps our own port: a registration
///   outlives the stream.
pub(crate) fn restated(message: &[u8], carrier: Carrier) -> Option<Vec<u8>> {
    let (raw, body) = head::split(message)?;
    let mut head = Head::read(raw)?;
    let written = head.clone();
    for (name, value) in &mut head.headers {
        if (name.eq_ignore_ascii_case("Authorization") || name.eq_ignore_ascii_case("Proxy-Authorization"))
            && let Some(credentials) = grammatical_credentials(value)
        {
            *value = credentials;
        }
    }
    if !head.is_response()
        && let Some(value) = head.first_mut("Via")
        && let Some((via, rest)) = value.split_once([' ', '\t'])
        && let Some(("SIP/2.0", _)) = via.rsplit_once('/')
    {
        *value = format!("SIP/2.0/{} {rest}", token(carrier.transport));
    }
    if head.is_response()
        && let Some(value) = head.first_mut("Via")
        && value.contains(SENT_BY)
        && let Some(via) = with_sent_by(value, carrier)
    {
        *value = via;
    }
    if !head.is_response() {
        head.start = once_escaped(&head.start);
    }
    let secure = is_secure(&head);
    let carrier = Carrier { only_port: carrier.only_port.filter(|_| !head.start.starts_with("REGISTER ")), ..carrier };
    if let Some(value) = head.first_mut("Contact")
        && let Some(contact) = our_contact(value, carrier, secure)
    {
        *value = contact;
    }
    (head != written).then(|| head.write(body))
}

/// RFC 3261 section 8.1.1.8: a `sips:` request-URI or top Route asks for a `sips:` Contact.
fn is_secure(head: &Head) -> bool {
    let target = head.start.split(' ').nth(1).unwrap_or_default();
    let route = head.first("Route").unwrap_or_default().trim_start_matches('<');
    !head.is_response() && (starts_with(target, "sips:") || starts_with(route, "sips:"))
}

/// Returns our Contact with the port and the transport it is reached by; `None` where it is not ours, or has both.
fn our_contact(value: &str, carrier: Carrier, secure: bool) -> Option<String> {
    let (start, rest) = value.split_once('<')?;
    let (uri, end) = rest.split_once('>')?;
    let address = uri.strip_prefix("sip:")?;
    let (address, parameters) = address.split_once(';').map_or((address, ""), |(address, rest)| (address, rest));
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let says_it = split_outside(parameters, ';').iter().any(|one| starts_with(one, "transport="));
    if host != carrier.us.to_string() || (says_it && !secure && carrier.only_port.is_none()) {
        return None;
    }
    let user = &address[..address.len() - host.len()];
    let reached = SocketAddr::new(carrier.us.ip(), carrier.only_port.unwrap_or(carrier.us.port()));
    let scheme = if secure { "sips" } else { "sip" };
    let parameters = if parameters.is_empty() { String::new() } else { format!(";{parameters}") };
    let transport = match (says_it, secure, carrier.transport) {
        (true, ..) => "",
        // RFC 3261 section 26.2.2: `sips:` says TLS already.
        (_, true, SipTransport::Tls) => ";transport=tcp",
        (_, _, transport) => transport_parameter(transport),
    };
    let contact = format!("{start}<{scheme}:{user}{reached}{transport}{parameters}>{end}");
    (contact != value).then_some(contact)
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.len() >= prefix.len() && text.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
}

/// Returns the transport in a URI; UDP where it names none.
pub(crate) fn transport_parameter(transport: SipTransport) -> &'static str {
    match transport {
        SipTransport::Udp => "",
        SipTransport::Tcp => ";transport=tcp",
        SipTransport::Tls => ";transport=tls",
    }
}

/// Returns the transport in a Via.
pub(crate) fn token(transport: SipTransport) -> &'static str {
    match transport {
        SipTransport::Udp => "UDP",
        SipTransport::Tcp => "TCP",
        SipTransport::Tls => "TLS",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n";
    const REST: &str =
        "Via: SIP/2.0/UDP 192.0.2.7:5066;branch=z9\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\n";

    fn over(transport: SipTransport) -> Carrier {
        Carrier { transport, peer: "192.0.2.7:5066".parse().unwrap(), us: "192.0.2.1:5060".parse().unwrap(), only_port: None }
    }

    fn udp() -> Carrier {
        over(SipTransport::Udp)
    }

    fn taken(message: impl AsRef<[u8]>) -> String {
        match examine(message.as_ref(), udp()) {
            Verdict::Take(whole) => String::from_utf8(whole).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn left(message: &str, transport: SipTransport) -> String {
        restated(message.as_bytes(), over(transport))
            .map_or_else(|| message.to_owned(), |whole| String::from_utf8(whole).unwrap())
    }

    #[test]
    fn a_body_without_content_length_is_kept() {
        let whole = taken(format!("SIP/2.0 183 Session Progress\r\n{REST}CSeq: 1 INVITE\r\n\r\n{SDP}"));
        assert!(whole.ends_with(&format!("\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len())), "{whole}");
    }

    #[test]
    fn what_is_behind_the_body_is_no_part_of_it() {
        let whole = taken(format!("INFO sip:a@b SIP/2.0\r\n{REST}CSeq: 1 INFO\r\nl: 3\r\n\r\nabcINVITE sip:x SIP/2.0\r\n\r\n"));
        assert!(whole.ends_with("\r\nContent-Length: 3\r\n\r\nabc"), "{whole}");
    }

    #[test]
    fn a_200_without_contact_can_be_acknowledged_at_its_source() {
        let whole = taken(format!("SIP/2.0 200 OK\r\n{REST}CSeq: 1 INVITE\r\n\r\n"));
        assert!(whole.contains("\r\nContact: <sip:192.0.2.7:5066>\r\n"), "{whole}");
        assert!(!taken(format!("SIP/2.0 200 OK\r\n{REST}CSeq: 2 BYE\r\n\r\n")).contains("Contact"));
    }

    #[test]
    fn a_latin_1_name_does_not_hide_the_headers_after_it() {
        let mut message = b"\r\nBYE sip:a@b SIP/2.0\r\nSubject: Caf\xe9\r\n".to_vec();
        message.extend_from_slice(format!("{REST}CSeq: 3 BYE\r\n\r\n").as_bytes());
        let whole = taken(message);
        assert!(
            whole.starts_with("BYE sip:a@b SIP/2.0\r\nSubject: Caf?\r\nVia: ") && whole.contains("\r\nCSeq: 3 BYE\r\n"),
            "{whole}"
        );
    }

    #[test]
    fn folded_and_compact_headers_reach_the_crate_plain() {
        let message = "SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nf: <sip:a@b>\r\n ;tag=1\r\nt: <sip:c@d>\r\ni: x\r\nCSeq: 1\r\n INVITE\r\nm: <sip:c@e>\r\nl: 0\r\n\r\n";
        let whole = taken(message);
        for header in ["From: <sip:a@b>;tag=1", "CSeq: 1 INVITE", "Contact: <sip:c@e>", "Call-ID: x"] {
            assert!(whole.contains(&format!("\r\n{header}\r\n")), "{header} in {whole}");
        }
    }

    #[test]
    fn credentials_leave_with_an_unquoted_qop() {
        let message =
            "INVITE sip:a@b SIP/2.0\r\nProxy-Authorization: Digest username=\"u\", qop=\"auth\", nc=00000001\r\n\r\nqop=\"auth\"";
        assert_eq!(
            left(message, SipTransport::Udp),
            "INVITE sip:a@b SIP/2.0\r\nProxy-Authorization: Digest username=\"u\", qop=auth, nc=00000001\r\n\r\nqop=\"auth\""
        );
    }

    #[test]
    fn an_ipv6_peer_gets_its_via_back_as_it_wrote_it() {
        let carrier = Carrier { peer: "[2001:db8::7]:5066".parse().unwrap(), ..udp() };
        let message = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP pbx.local:5070;branch=z9;rport, SIP/2.0/TCP other\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let Verdict::Take(seen) = examine(message.as_bytes(), carrier) else { panic!("not taken") };
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.contains("Via: SIP/2.0/UDP [2001:db8::7]:5066;branch=z9;"), "{seen}");
        let answer = seen.replace("OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK");
        let answer = String::from_utf8(restated(answer.as_bytes(), carrier).unwrap()).unwrap();
        assert!(
            answer.contains("Via: SIP/2.0/UDP pbx.local:5070;branch=z9;rport=5066;received=2001:db8::7, SIP/2.0/TCP other\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn via_and_contact_name_the_transport_that_carries_them() {
        let message =
            "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9\r\nContact: <sip:me@192.0.2.1:5060>\r\n\r\n";
        assert_eq!(restated(message.as_bytes(), udp()), None);
        let tcp = left(message, SipTransport::Tcp);
        assert!(
            tcp.contains("Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9\r\nContact: <sip:me@192.0.2.1:5060;transport=tcp>\r\n"),
            "{tcp}"
        );
        let tls = left(&message.replace("sip:a@b", "sips:a@b"), SipTransport::Tls);
        assert!(tls.contains("Via: SIP/2.0/TLS ") && tls.contains("Contact: <sips:me@192.0.2.1:5060;transport=tcp>"), "{tls}");
        // A response carries the peer's Via, and our Contact.
        let answer = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9\r\nContact: <sip:192.0.2.1:5060;ob>\r\n\r\n";
        let answer = left(answer, SipTransport::Tcp);
        assert!(answer.contains("Via: SIP/2.0/UDP ") && answer.contains("<sip:192.0.2.1:5060;transport=tcp;ob>"), "{answer}");
        assert_eq!(
            left("SIP/2.0 200 OK\r\nContact: <sip:other@192.0.2.9>\r\n\r\n", SipTransport::Tls).matches("transport").count(),
            0
        );
    }

    #[test]
    fn a_contact_nobody_could_connect_to_names_the_stream_there_is() {
        let carrier = Carrier { only_port: Some(40_123), ..over(SipTransport::Tls) };
        let left = |message: &str| String::from_utf8(restated(message.as_bytes(), carrier).unwrap()).unwrap();
        let via = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9\r\n";
        let invite = left(&format!("INVITE sip:a@b SIP/2.0\r\n{via}Contact: <sip:me@192.0.2.1:5060>\r\n\r\n"));
        assert!(invite.contains("Contact: <sip:me@192.0.2.1:40123;transport=tls>\r\n"), "{invite}");
        assert!(invite.contains("Via: SIP/2.0/TLS 192.0.2.1:5060;"), "{invite}");
        let answer = left("SIP/2.0 200 OK\r\nContact: <sip:192.0.2.1:5060;transport=tls>\r\n\r\n");
        assert!(answer.contains("Contact: <sip:192.0.2.1:40123;transport=tls>\r\n"), "{answer}");
        let register = left(&format!("REGISTER sip:b SIP/2.0\r\n{via}Contact: <sip:me@192.0.2.1:5060>\r\n\r\n"));
        assert!(register.contains("Contact: <sip:me@192.0.2.1:5060;transport=tls>\r\n"), "{register}");
    }
}
