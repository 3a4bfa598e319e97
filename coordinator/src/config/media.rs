//! The sockets of calls.

use std::{net::IpAddr, str::FromStr};

use offhook::attempt::PORTS_PER_ATTEMPT;

/// Addresses and ports.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sockets of calls")]
pub struct MediaConfig {
    /// The local address SIP and RTP use and advertise; where not set, the one the kernel would take to reach the trunk
    #[arg(long, env = "OFFHOOK_MEDIA_ADDRESS", value_parser = address)]
    pub media_address: Option<IpAddr>,
    /// The address peers reach this machine at, where it is behind NAT; written into SIP and SDP instead of the local one
    #[arg(long, env = "OFFHOOK_PUBLIC_ADDRESS", value_parser = address)]
    pub public_address: Option<IpAddr>,
    /// A STUN server that is asked for that address before each call, as host:port; OFFHOOK_PUBLIC_ADDRESS counts for more
    #[arg(long, env = "OFFHOOK_STUN")]
    pub stun: Option<StunServer>,
    /// The first UDP port calls may use; each call leases four
    #[arg(long, env = "OFFHOOK_PORT_FIRST", default_value_t = 20_000, value_parser = clap::value_parser!(u16).range(1024..))]
    pub port_first: u16,
    /// The last UDP port calls may use, inclusive
    #[arg(long, env = "OFFHOOK_PORT_LAST", default_value_t = 20_399, value_parser = clap::value_parser!(u16).range(1027..))]
    pub port_last: u16,
}

impl MediaConfig {
    /// How many calls the range has ports for.
    pub fn calls(&self) -> usize {
        (usize::from(self.port_last) + 1).saturating_sub(usize::from(self.port_first)) / usize::from(PORTS_PER_ATTEMPT)
    }

    /// Which address peers get, for people.
    pub fn advertises(&self) -> String {
        match (self.public_address, &self.stun, self.media_address) {
            (Some(public), _, _) => format!("peers are told {public}"),
            (None, Some(stun), _) => format!("peers are told what {stun} sees"),
            (None, None, Some(local)) => format!("peers are told {local}"),
            (None, None, None) => {
                "peers are told the address that reaches the trunk; behind NAT set OFFHOOK_PUBLIC_ADDRESS or OFFHOOK_STUN".into()
            }
        }
    }
}

/// A STUN server (RFC 8489).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StunServer {
    /// Name or address.
    pub host: String,
    /// UDP port; 3478 where none is named.
    pub port: u16,
}

impl FromStr for StunServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("\"{text}\" is not a server and its port; write stun.example.org:3478");
        let (host, port) = match text.rsplit_once(':') {
            // More than one colon without brackets is an IPv6 address.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let host = host.trim_matches(['[', ']']);
        let port = port.map_or(Ok(3478), |port| port.parse::<u16>()).map_err(|_| wrong())?;
        let named = host.parse::<IpAddr>().is_ok()
            || !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if named && port > 0 { Ok(StunServer { host: host.to_owned(), port }) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for StunServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// An address that a peer can send to: not 0.0.0.0.
fn address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("\"{text}\" is not an IP address"))?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(format!("{address} is no address a peer could send to; name one of this machine"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stun_server_is_a_name_or_an_address_and_a_port() {
        let server = |host: &str, port| Ok(StunServer { host: host.into(), port });
        assert_eq!("stun.example.org:19302".parse(), server("stun.example.org", 19302));
        assert_eq!("stun.example.org".parse(), server("stun.example.org", 3478));
        assert_eq!("[2001:db8::1]:3479".parse(), server("2001:db8::1", 3479));
        assert_eq!("2001:db8::1".parse(), server("2001:db8::1", 3478));
        for wrong in ["", ":3478", "stun:stun.example.org:3478", "stun.example.org:0", "stun.example.org:x", "a b"] {
            let refused = wrong.parse::<StunServer>();
            assert!(refused.as_ref().is_err_and(|message| message.contains("stun.example.org:3478")), "{wrong}: {refused:?}");
        }
    }

    #[test]
    fn an_address_for_everybody_is_not_taken() {
        assert!(address("203.0.113.7").is_ok());
        for wrong in ["0.0.0.0", "::", "224.0.0.1", "example.org"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
