//! Where a peer listens: the `c=` line (RFC 8866, section 5.7). An address as it is, or a host name, which is looked up before the
//! description is read again with an address in its place.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use sdp_types::{AddrType, Connection, Media, NetType, Session};
use tokio::{net::lookup_host, time::timeout};

use crate::error::MediaError;

/// How long a name may take. The callee hears nothing meanwhile.
const RESOLVED_WITHIN: Duration = Duration::from_secs(2);
/// RFC 1035, section 2.3.4.
const LONGEST_NAME: usize = 253;

/// A host named in a `c=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// As written.
    pub name: String,
    /// `IN IP6`; else `IN IP4`.
    pub is_ipv6: bool,
}

/// The address of a media line: its own `c=` line goes before the session's.
///
/// # Errors
/// [`MediaError::HostName`] where a host is named; [`MediaError::NoAddress`] where sound cannot be sent to what stands there.
pub(super) fn address(session: &Session, media: &Media) -> Result<IpAddr, MediaError> {
    let connection = media.connections.first().or(session.connection.as_ref());
    let connection = connection.ok_or_else(|| MediaError::NoAddress("no c= line".to_owned()))?;
    let text = without_suffix(&connection.connection_address);
    match text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        // 0.0.0.0 is the old way to hold a call (RFC 3264, section 8.4).
        Ok(address) if address.is_unspecified() => Ok(address),
        Ok(address) => usable(address).ok_or_else(|| MediaError::NoAddress(text.to_owned())),
        Err(_) => Err(match host_name(connection) {
            Some(host) => MediaError::HostName(host),
            None => MediaError::NoAddress(text.to_owned()),
        }),
    }
}

/// The address to send to: an IPv4 address that is written as one of IPv6 is one of IPv4.
fn usable(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    let nobody = address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST);
    (!nobody).then_some(address)
}

/// Without TTL and number of addresses, which only multicast has.
fn without_suffix(text: &str) -> &str {
    text.trim().split('/').next().unwrap_or_default().trim()
}

fn host_name(connection: &Connection) -> Option<HostName> {
    let name = without_suffix(&connection.connection_address);
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    // What ends with a number is a broken address (RFC 1123, section 2.1): resolvers would read it as an octal one.
    let is_name = labels.iter().all(|text| label(text)) && labels.last()?.bytes().any(|byte| byte.is_ascii_alphabetic());
    let fits = name.len() <= LONGEST_NAME && connection.nettype == NetType::In;
    (is_name && fits).then(|| HostName { name: name.to_owned(), is_ipv6: connection.addrtype == AddrType::Ip6 })
}

/// A description whose host has to be looked up before it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    host: HostName,
    sdp: String,
}

impl Lookup {
    pub(super) fn new(host: HostName, sdp: &str) -> Lookup {
        Lookup { host, sdp: sdp.to_owned() }
    }

    /// The description with an address in the place of the host. Takes 2 s at most.
    ///
    /// # Errors
    /// [`MediaError::Unresolved`]: the name has no address of its family, or was not resolved in time.
    pub async fn resolved(self) -> Result<String, MediaError> {
        let failed = |why: String| MediaError::Unresolved { name: self.host.name.clone(), why };
        let found = timeout(RESOLVED_WITHIN, lookup_host((self.host.name.as_str(), 0))).await;
        let found = found.map_err(|_| failed(format!("no answer within {} ms", RESOLVED_WITHIN.as_millis())))?;
        let addresses = found.map_err(|error| failed(error.to_string()))?;
        let address = addresses.map(|found| found.ip()).filter(|address| address.is_ipv6() == self.host.is_ipv6).find_map(usable);
        let family = if self.host.is_ipv6 { "IPv6" } else { "IPv4" };
        let address = address.ok_or_else(|| failed(format!("it has no {family} address that sound can be sent to")))?;
        Ok(self.written(address))
    }

    /// Puts the address into every `c=` line that names the host.
    pub(crate) fn written(&self, address: IpAddr) -> String {
        let family = if address.is_ipv6() { "IP6" } else { "IP4" };
        let line = |line: &str| {
            let named = line.strip_prefix("c=").and_then(|value| value.split_ascii_whitespace().nth(2));
            match named {
                Some(name) if without_suffix(name) == self.host.name => format!("c=IN {family} {address}\r\n"),
                _ => format!("{line}\r\n"),
            }
        };
        self.sdp.lines().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(session: &str, media: &str) -> Result<IpAddr, MediaError> {
        let line = |address: &str| if address.is_empty() { String::new() } else { format!("c=IN {address}\r\n") };
        let sdp =
            format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n{}t=0 0\r\nm=audio 9000 RTP/AVP 0\r\n{}", line(session), line(media));
        let session = Session::parse(sdp.as_bytes()).unwrap();
        address(&session, &session.medias[0])
    }

    fn said(session: &str, media: &str) -> String {
        match read(session, media) {
            Ok(address) => address.to_string(),
            Err(MediaError::HostName(host)) => format!("{}{}", host.name, if host.is_ipv6 { " 6" } else { "" }),
            Err(MediaError::NoAddress(text)) => format!("none: {text}"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_medias_own_line_goes_before_the_sessions() {
        for (session, media, expected) in [
            ("IP4 192.0.2.1", "", "192.0.2.1"),
            ("IP4 192.0.2.1", "IP4 192.0.2.2", "192.0.2.2"),
            ("IP4 224.2.1.1/127", "IP4 192.0.2.2", "192.0.2.2"),
            ("IP4 gw.example.net", "IP4 192.0.2.2", "192.0.2.2"),
            ("IP4 192.0.2.1", "IP4 gw.example.net", "gw.example.net"),
            ("IP4 0.0.0.0", "", "0.0.0.0"),
            ("IP6 ::", "", "::"),
            ("", "", "none: no c= line"),
        ] {
            assert_eq!(said(session, media), expected, "{session:?} {media:?}");
        }
    }

    #[test]
    fn an_address_is_taken_as_it_is_written_and_a_name_is_told_from_a_broken_one() {
        for (written, expected) in [
            ("IP4 192.0.2.1/127", "192.0.2.1"),
            ("IP6 2001:db8::7", "2001:db8::7"),
            ("IP6 [2001:db8::7]", "2001:db8::7"),
            ("IP6 ::ffff:192.0.2.1", "192.0.2.1"),
            ("IP4 media-1.example.net", "media-1.example.net"),
            ("IP4 media_1.example.net.", "media_1.example.net."),
            ("IP4 localhost", "localhost"),
            ("IP6 media.example.net", "media.example.net 6"),
            ("IP4 1and1.example", "1and1.example"),
            ("IP4 224.2.1.1/127/3", "none: 224.2.1.1"),
            ("IP4 255.255.255.255", "none: 255.255.255.255"),
            ("IP6 ff15::101/3", "none: ff15::101"),
            ("IP4 192.0.2.010", "none: 192.0.2.010"),
            ("IP4 192.0.2", "none: 192.0.2"),
            ("IP4 0x7f000001.1", "none: 0x7f000001.1"),
            ("IP6 fe80::1%eth0", "none: fe80::1%eth0"),
            ("IP4 -", "none: -"),
            ("IP4 a..b", "none: a..b"),
            ("IP4 m\u{fc}ller.example", "none: m\u{fc}ller.example"),
        ] {
            assert_eq!(said(written, ""), expected, "{written}");
        }
        assert!(said(&format!("IP4 {}", "a.".repeat(130)), "").starts_with("none: "));
    }

    #[tokio::test]
    async fn a_name_is_resolved_in_every_line_that_has_it() {
        let host = HostName { name: "localhost".into(), is_ipv6: false };
        let sdp = "v=0\r\no=- 1 1 IN IP4 localhost\r\ns=localhost\r\nc=IN IP4 localhost/127\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\nc=IN IP4 localhost\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 other.example\r\n";
        let resolved = Lookup::new(host, sdp).resolved().await.unwrap();
        let expected =
            sdp.replace("c=IN IP4 localhost/127\n", "c=IN IP4 127.0.0.1\r\n").replace("c=IN IP4 localhost", "c=IN IP4 127.0.0.1");
        assert_eq!(resolved, expected);
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_says_so() {
        let host = HostName { name: "media.invalid".into(), is_ipv6: false };
        let error = Lookup::new(host, "").resolved().await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, MediaError::Unresolved { .. }) && said.contains("media.invalid"), "{said}");
    }
}
