//! The sockets of calls.

use std::net::IpAddr;

/// Addresses and ports.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sockets of calls")]
pub struct MediaConfig {
    /// The local address SIP and RTP use and advertise; where not set, the one the kernel would take to reach the trunk
    #[arg(long, env = "OFFHOOK_MEDIA_ADDRESS")]
    pub media_address: Option<IpAddr>,
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
        (usize::from(self.port_last) + 1).saturating_sub(usize::from(self.port_first)) / 4
    }
}
