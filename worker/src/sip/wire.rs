//! The edge between the socket and the SIP crate: datagrams are put right before the crate's parser sees them, and credentials
//! before they leave.
//!
//! rsipstack 0.7.14 loses the body of a datagram without Content-Length, loses every header after a byte that is not UTF-8,
//! abandons an answered call whose 200 has no Contact, and quotes what the digest grammar leaves unquoted.

use std::net::SocketAddr;

use async_trait::async_trait;
use rsipstack::platform::net::UdpSocket as StackSocket;

use super::digest::{grammatical_credentials, readable_challenge};
use super::refusal;

/// A UDP socket the SIP crate reads and writes through.
pub(super) struct RepairingSocket(pub(super) tokio::net::UdpSocket);

#[async_trait]
impl StackSocket for RepairingSocket {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        let (length, from) = self.0.recv_from(buffer).await?;
        if let Some(refusal) = refusal::of_unknown_method(&buffer[..length], from) {
            self.0.send_to(&refusal, from).await?;
        }
        match repaired(&buffer[..length], from) {
            Some(message) if message.len() <= buffer.len() => {
                buffer[..message.len()].copy_from_slice(&message);
                Ok((message.len(), from))
            }
            _ => Ok((length, from)),
        }
    }

    async fn send_to(&self, message: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        match restated(message) {
            Some(restated) => self.0.send_to(&restated, to).await?,
            None => self.0.send_to(message, to).await?,
        };
        Ok(message.len())
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }
}

/// A datagram as the parser has to see it; `None` where it is fine as it came.
///
/// * leading empty lines are dropped (RFC 3261 section 7.5),
/// * bytes in the header that are not UTF-8 become `?`,
/// * a missing Content-Length is the rest of the datagram (section 18.3),
/// * a 2xx to an INVITE without Contact gets the address it came from, so that it can be acknowledged and hung up,
/// * challenges are spelled as the crate reads them.
fn repaired(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let start = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let message = &datagram[start..];
    let end_of_head = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (&message[..end_of_head], &message[end_of_head + 4..]);

    let text = match std::str::from_utf8(head) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(head).replace(char::REPLACEMENT_CHARACTER, "?"),
    };
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    for line in &mut lines {
        let Some((name, value)) = header(line) else { continue };
        if (name.eq_ignore_ascii_case("WWW-Authenticate") || name.eq_ignore_ascii_case("Proxy-Authenticate"))
            && let Some(challenge) = readable_challenge(value)
        {
            *line = format!("{name}: {challenge}");
        }
    }
    if is_success_to_invite(&lines) && !has(&lines, "Contact", "m") {
        lines.push(format!("Contact: <sip:{from}>"));
    }
    if !has(&lines, "Content-Length", "l") {
        lines.push(format!("Content-Length: {}", body.len()));
    }

    let mut whole = lines.join("\r\n").into_bytes();
    whole.extend_from_slice(b"\r\n\r\n");
    whole.extend_from_slice(body);
    (whole != datagram).then_some(whole)
}

/// A message as the grammar wants it on the wire; `None` where the crate wrote it so.
fn restated(message: &[u8]) -> Option<Vec<u8>> {
    let end_of_head = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&message[..end_of_head]).ok()?;
    let mut changed = false;
    let lines: Vec<String> = head
        .split("\r\n")
        .map(|line| {
            let credentials = header(line)
                .filter(|(name, _)| {
                    name.eq_ignore_ascii_case("Authorization") || name.eq_ignore_ascii_case("Proxy-Authorization")
                })
                .and_then(|(name, value)| Some(format!("{name}: {}", grammatical_credentials(value)?)));
            changed |= credentials.is_some();
            credentials.unwrap_or_else(|| line.to_owned())
        })
        .collect();
    if !changed {
        return None;
    }
    let mut whole = lines.join("\r\n").into_bytes();
    whole.extend_from_slice(&message[end_of_head..]);
    Some(whole)
}

/// Name and value of a header line; `None` for the start line and for the continuation of a folded line.
fn header(line: &str) -> Option<(&str, &str)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    (!name.is_empty() && !name.contains(' ')).then_some((name, value.trim()))
}

fn has(lines: &[String], name: &str, compact: &str) -> bool {
    lines
        .iter()
        .filter_map(|line| header(line))
        .any(|(found, _)| found.eq_ignore_ascii_case(name) || found.eq_ignore_ascii_case(compact))
}

fn is_success_to_invite(lines: &[String]) -> bool {
    lines.first().is_some_and(|line| line.starts_with("SIP/2.0 2"))
        && lines
            .iter()
            .filter_map(|line| header(line))
            .any(|(name, value)| name.eq_ignore_ascii_case("CSeq") && value.to_ascii_uppercase().ends_with("INVITE"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n";

    fn from() -> SocketAddr {
        "192.0.2.7:5066".parse().unwrap()
    }

    fn text(message: Option<Vec<u8>>) -> String {
        String::from_utf8(message.unwrap()).unwrap()
    }

    #[test]
    fn a_well_formed_message_is_not_copied() {
        let message = format!("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nm: <sip:a@b>\r\nl: {}\r\n\r\n{SDP}", SDP.len());
        assert_eq!(repaired(message.as_bytes(), from()), None);
        assert_eq!(restated(message.as_bytes()), None);
        assert_eq!(repaired(b"\r\n\r\n", from()), None);
    }

    #[test]
    fn a_body_without_content_length_is_kept() {
        let message = format!("SIP/2.0 183 Session Progress\r\nCSeq: 1 INVITE\r\n\r\n{SDP}");
        let whole = text(repaired(message.as_bytes(), from()));
        assert!(whole.ends_with(&format!("\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len())), "{whole}");
    }

    #[test]
    fn a_200_without_contact_can_be_acknowledged_at_its_source() {
        let whole = text(repaired(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", from()));
        assert!(whole.contains("\r\nContact: <sip:192.0.2.7:5066>\r\n"), "{whole}");
        assert_eq!(repaired(b"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n", from()), None);
    }

    #[test]
    fn a_latin_1_name_does_not_hide_the_headers_after_it() {
        let whole = text(repaired(
            b"\r\nBYE sip:a@b SIP/2.0\r\nFrom: \"Caf\xe9\" <sip:c@d>\r\nCSeq: 3 BYE\r\nContent-Length: 0\r\n\r\n",
            from(),
        ));
        assert!(whole.starts_with("BYE sip:a@b SIP/2.0\r\nFrom: \"Caf?\" <sip:c@d>\r\nCSeq: 3 BYE\r\n"), "{whole}");
    }

    #[test]
    fn credentials_leave_with_an_unquoted_qop() {
        let message = b"INVITE sip:a@b SIP/2.0\r\nProxy-Authorization: Digest username=\"u\", qop=\"auth\", nc=00000001\r\n\r\nqop=\"auth\"";
        let whole = text(restated(message));
        assert_eq!(
            whole,
            "INVITE sip:a@b SIP/2.0\r\nProxy-Authorization: Digest username=\"u\", qop=auth, nc=00000001\r\n\r\nqop=\"auth\""
        );
    }
}
