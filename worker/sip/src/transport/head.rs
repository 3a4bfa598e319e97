//! The head of a message as text: start line and headers, unfolded, with full names (RFC 3261 section 7.3).

use std::net::{IpAddr, SocketAddr};

/// Header lines of a message, at most.
const MOST_HEADERS: usize = 520;
/// RFC 3261 section 7.3.3 and table 1, RFC 3265, RFC 3515, RFC 3892, RFC 4028, RFC 3841.
const COMPACT: [(&str, &str); 19] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
];

/// Start line and headers of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// Splits a message into head and body at the first empty line; `None` where it has none.
///
/// Lines may end with a bare LF: some devices send nothing else.
pub(crate) fn split(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = |pattern: &[u8]| message.windows(pattern.len()).position(|window| window == pattern);
    match (at(b"\n\r\n"), at(b"\n\n")) {
        (Some(end), bare) if bare.is_none_or(|bare| end < bare) => Some((&message[..end], &message[end + 3..])),
        (_, bare) => bare.map(|end| (&message[..end], &message[end + 2..])),
    }
}

impl Head {
    /// Reads a head. Bytes that are not UTF-8 become `?`, folded lines are put together, compact names are spelled out, lines that
    /// are no headers are left out. `None` where there is no start line, or too many headers.
    pub(crate) fn read(head: &[u8]) -> Option<Head> {
        let text = match std::str::from_utf8(head) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(head).replace(char::REPLACEMENT_CHARACTER, "?"),
        };
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let start = lines.next().filter(|start| !start.is_empty())?.to_owned();
        let headers = read_fields(lines)?;
        Some(Head { start, headers })
    }

    /// Returns the values of a header, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a header.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Returns the first value of a header, to be changed.
    pub(crate) fn first_mut(&mut self, name: &str) -> Option<&mut String> {
        self.headers.iter_mut().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Adds a header at the end.
    pub(crate) fn push(&mut self, name: &str, value: String) {
        self.headers.push((name.to_owned(), value));
    }

    /// Returns whether the message is a response.
    pub(crate) fn is_response(&self) -> bool {
        self.start.len() >= 4 && self.start.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/")
    }

    /// Returns the method of CSeq.
    pub(crate) fn cseq_method(&self) -> Option<&str> {
        self.first("CSeq")?.split_ascii_whitespace().nth(1)
    }

    /// Returns the message with this body.
    pub(crate) fn write(&self, body: &[u8]) -> Vec<u8> {
        let length = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        let mut whole = Vec::with_capacity(self.start.len() + 4 + length + body.len());
        whole.extend_from_slice(self.start.as_bytes());
        whole.extend_from_slice(b"\r\n");
        for (name, value) in &self.headers {
            for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                whole.extend_from_slice(part);
            }
        }
        whole.extend_from_slice(b"\r\n");
        whole.extend_from_slice(body);
        whole
    }
}

/// Reads the fields of a head or of a part of a body, each line without its line feed. Folded lines are put together, compact names are
/// spelled out, lines that are no fields are left out. `None` where there are too many.
pub(crate) fn read_fields<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        let line = line.trim_end_matches('\r').replace(['\r', '\0'], " ");
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim();
            if name.is_empty() || name.contains([' ', '\t']) {
                continue;
            }
            if headers.len() == MOST_HEADERS {
                return None;
            }
            headers.push((spelled_out(name).to_owned(), value.trim().to_owned()));
        }
    }
    Some(headers)
}

/// Returns the full name of a compact one, e.g. `Call-ID` for `i`; other names as they are.
fn spelled_out(name: &str) -> &str {
    if name.len() != 1 {
        return name;
    }
    COMPACT.iter().find(|(compact, _)| name.eq_ignore_ascii_case(compact)).map_or(name, |(_, full)| full)
}

/// Splits at a character outside quoted strings and angle brackets.
pub(crate) fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped, mut in_brackets) = (Vec::new(), 0, false, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => in_brackets = true,
            '>' if !quoted => in_brackets = false,
            _ if character == separator && !quoted && !in_brackets => {
                parts.push(&text[start..at]);
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The parts of a Via value: protocol and transport, sent-by, and parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Via {
    pub(crate) transport: String,
    pub(crate) sent_by: String,
    pub(crate) parameters: Vec<(String, Option<String>)>,
}

impl Via {
    /// Reads one Via value, with white space wherever the grammar allows it (RFC 3261 section 25.1, RFC 4475 section 3.1.1.1).
    pub(crate) fn read(value: &str) -> Option<Via> {
        let mut slashes = value.splitn(3, '/');
        let (protocol, version, rest) = (slashes.next()?.trim(), slashes.next()?.trim(), slashes.next()?.trim());
        if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return None;
        }
        let (transport, rest) = rest.split_once([' ', '\t'])?;
        let mut parts = split_outside(rest, ';').into_iter();
        let sent_by: String = parts.next()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if sent_by.is_empty() || sent_by.contains([',', '<', '>', '"']) {
            return None;
        }
        let mut parameters = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
                None => (part.trim(), None),
            };
            if name.is_empty() {
                return None;
            }
            parameters.push((name.to_owned(), value));
        }
        Some(Via { transport: transport.trim().to_owned(), sent_by, parameters })
    }

    /// Returns the value of a parameter; `Some(None)` where it has none.
    pub(crate) fn parameter(&self, name: &str) -> Option<Option<&str>> {
        self.parameters.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_deref())
    }

    /// Sets `received` and `rport` to where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4). Values of the peer's
    /// own are removed.
    pub(crate) fn note_source(&mut self, source: SocketAddr) {
        let wants_port = self.parameter("rport").is_some();
        self.parameters.retain(|(name, _)| !name.eq_ignore_ascii_case("received") && !name.eq_ignore_ascii_case("rport"));
        if self.host() != Some(source.ip()) || wants_port {
            self.parameters.push(("received".to_owned(), Some(source.ip().to_string())));
        }
        if wants_port {
            self.parameters.push(("rport".to_owned(), Some(source.port().to_string())));
        }
    }

    /// Returns the sent-by host, where it is an address.
    pub(crate) fn host(&self) -> Option<IpAddr> {
        if let Some(rest) = self.sent_by.strip_prefix('[') {
            return rest.split_once(']').and_then(|(address, _)| address.parse().ok());
        }
        let host = self.sent_by.split_once(':').map_or(self.sent_by.as_str(), |(host, _)| host);
        host.parse().ok()
    }
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.sent_by)?;
        for (name, value) in &self.parameters {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folded_and_compact_headers_are_read_like_any_other() {
        let head =
            Head::read(b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\n ;branch=1\r\nt :\r\n\t<sip:a@b>\r\nNonsense\r\nY:")
                .unwrap();
        let read: Vec<_> = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("Via", "SIP/2.0/UDP h ;branch=1"), ("To", "<sip:a@b>"), ("Y", "")]);
    }

    #[test]
    fn lines_may_end_with_a_bare_line_feed() {
        let (head, body) = split(b"BYE sip:a SIP/2.0\nCSeq: 1 BYE\n\nbody").unwrap();
        assert_eq!((Head::read(head).unwrap().first("cseq"), body), (Some("1 BYE"), b"body".as_slice()));
        assert!(split(b"BYE sip:a SIP/2.0\r\nCSeq: 1 BYE\r\n").is_none());
        // The first empty line ends the head, whatever lines the body has.
        for (message, body) in [
            (&b"BYE sip:a SIP/2.0\nCSeq: 1 BYE\n\nbody\r\n\r\nmore"[..], &b"body\r\n\r\nmore"[..]),
            (b"BYE sip:a SIP/2.0\nCSeq: 1 BYE\n\r\nbody\n\nmore", b"body\n\nmore"),
            (b"BYE sip:a SIP/2.0\r\nCSeq: 1 BYE\r\n\r\nbody\n\nmore", b"body\n\nmore"),
        ] {
            let (head, rest) = split(message).unwrap();
            assert_eq!((Head::read(head).unwrap().first("cseq"), rest), (Some("1 BYE"), body));
        }
    }

    #[test]
    fn a_via_with_white_space_everywhere_is_tidied() {
        let via = Via::read("SIP  / 2.0 /UDP 192.0.2.2 : 5070 ; branch = z9 ; rport").unwrap();
        assert_eq!(via.to_string(), "SIP/2.0/UDP 192.0.2.2:5070;branch=z9;rport");
        for broken in ["SIP/2.0/UDP 192.0.2.15;;,;,,", "SIP/2.0/UDP", "SIP/7.0/UDP h", "", "SIP/2.0/UDP <h>"] {
            assert_eq!(Via::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_source_is_what_the_packet_says_not_what_the_peer_says() {
        let mut via = Via::read("SIP/2.0/UDP pbx.local;branch=z9;received=198.51.100.9;rport=1").unwrap();
        via.note_source("192.0.2.7:4444".parse().unwrap());
        assert_eq!(via.to_string(), "SIP/2.0/UDP pbx.local;branch=z9;received=192.0.2.7;rport=4444");
        let mut via = Via::read("SIP/2.0/UDP [2001:db8::1]:5060;branch=z9").unwrap();
        via.note_source("[2001:db8::1]:5060".parse().unwrap());
        assert_eq!(via.to_string(), "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9");
    }

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_count() {
        assert_eq!(split_outside(r#""a,b" <sip:c,d>, e"#, ','), [r#""a,b" <sip:c,d>"#, " e"]);
        assert_eq!(split_outside(r#""a\",b",c"#, ','), [r#""a\",b""#, "c"]);
    }
}
