//! 501 for methods nobody has heard of (RFC 3261 section 8.2.1). The SIP crate's parser drops such a request before anybody can answer
//! it, so it is answered from its text.

use std::net::SocketAddr;

use super::dispatch::ALLOW;
use super::message::tag;

/// The methods the SIP crate knows.
const KNOWN: [&str; 14] = [
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
const LONGEST_METHOD: usize = 32;

/// The 501 to a datagram that is a request with an unknown method; `None` where it is anything else, or too broken to be answered.
pub(super) fn of_unknown_method(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let start = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let end = datagram.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(datagram.get(start..end)?);
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let mut lines = unfolded.split("\r\n");
    let (method, rest) = lines.next()?.split_once(' ')?;
    if !rest.ends_with(" SIP/2.0") || !is_unknown_method(method) {
        return None;
    }

    let mut copied = String::new();
    let (mut vias, mut named) = (0, 0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "via" | "v" => {
                let value = if vias == 0 { received(value, from) } else { value.to_owned() };
                copied.push_str(&format!("Via: {value}\r\n"));
                vias += 1;
            }
            "to" | "t" => {
                let own = if tag(value).is_some() { "" } else { ";tag=refused" };
                copied.push_str(&format!("To: {value}{own}\r\n"));
                named += 1;
            }
            "from" | "f" => {
                copied.push_str(&format!("From: {value}\r\n"));
                named += 1;
            }
            "call-id" | "i" => {
                copied.push_str(&format!("Call-ID: {value}\r\n"));
                named += 1;
            }
            "cseq" => {
                copied.push_str(&format!("CSeq: {value}\r\n"));
                named += 1;
            }
            _ => {}
        }
    }
    (vias > 0 && named == 4)
        .then(|| format!("SIP/2.0 501 Not Implemented\r\n{copied}Allow: {ALLOW}\r\nContent-Length: 0\r\n\r\n").into_bytes())
}

fn is_unknown_method(method: &str) -> bool {
    !method.is_empty()
        && method.len() <= LONGEST_METHOD
        && method.chars().all(|c| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c))
        && !method.starts_with("SIP")
        && !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(method))
}

/// Says in the topmost Via where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4).
fn received(via: &str, from: SocketAddr) -> String {
    let (first, others) = via.split_once(',').map_or((via, None), |(first, others)| (first, Some(others)));
    let filled: Vec<String> = first
        .split(';')
        .map(|part| if part.trim().eq_ignore_ascii_case("rport") { format!("rport={}", from.port()) } else { part.to_owned() })
        .collect();
    let first = format!("{};received={}", filled.join(";").trim_end(), from.ip());
    others.map_or(first.clone(), |others| format!("{first},{others}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(text: &str) -> Option<String> {
        of_unknown_method(text.as_bytes(), "192.0.2.9:5070".parse().unwrap()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    const BREW: &str = "\r\nBREW sip:pot@h SIP/2.0\r\nVia: SIP/2.0/UDP a:5060;rport;branch=z9hG4bK1, SIP/2.0/UDP b\r\nv: SIP/2.0/UDP c\r\n\
                        f: <sip:x@y>;\r\n tag=1\r\nTo: <sip:pot@h>\r\ni: c1\r\nCSeq: 1 BREW\r\nX: y\r\n\r\nbody";

    #[test]
    fn an_unknown_method_is_told_so() {
        assert_eq!(
            refused(BREW).unwrap(),
            "SIP/2.0 501 Not Implemented\r\nVia: SIP/2.0/UDP a:5060;rport=5070;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/UDP b\r\n\
             Via: SIP/2.0/UDP c\r\nFrom: <sip:x@y>; tag=1\r\nTo: <sip:pot@h>;tag=refused\r\nCall-ID: c1\r\nCSeq: 1 BREW\r\n\
             Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn nothing_else_is_answered_here() {
        assert_eq!(refused(&BREW.replace("BREW sip", "MESSAGE sip")), None);
        assert_eq!(refused(&BREW.replace("BREW sip:pot@h SIP/2.0", "SIP/2.0 200 OK")), None);
        assert_eq!(refused(&BREW.replace("BREW sip", "BR(EW sip")), None);
        assert_eq!(refused(&BREW.replace("i: c1\r\n", "")), None);
        assert_eq!(refused(&BREW.replace("SIP/2.0\r\n", "HTTP/1.1\r\n")), None);
        assert_eq!(refused(&BREW.replace("\r\n\r\nbody", "")), None);
        assert_eq!(refused(""), None);
        assert_eq!(refused("\r\n\r\n"), None);
    }
}
