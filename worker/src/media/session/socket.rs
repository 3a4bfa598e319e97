//! The two UDP ports of a session.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use socket2::SockRef;

use crate::media::error::MediaError;

/// Attempts to find an even port.
const ATTEMPTS: usize = 32;
/// Expedited forwarding (RFC 4594, section 4.1), as the TOS byte.
const EXPEDITED: u32 = 46 << 2;
/// The longest datagram that is read; longer ones are cut and refused by the codec.
const LONGEST: usize = 2048;
/// Datagrams read in one tick; more is a flood.
const MOST_READ: usize = 200;

/// RTP, and the port beside it. Non-blocking.
pub struct Ports {
    rtp: UdpSocket,
    port: u16,
    /// Never read: we send no reports and need none. Bound so that a peer's RTCP is not answered with "unreachable".
    _rtcp: Option<UdpSocket>,
}

impl Ports {
    /// Binds `port`, or any even one for 0.
    pub fn bind(address: IpAddr, port: u16) -> Result<Self, MediaError> {
        let failed = |port, source| MediaError::Bind { address: SocketAddr::new(address, port), source };
        let rtp = if port == 0 { any_even(address) } else { UdpSocket::bind((address, port)) };
        let rtp = rtp.map_err(|source| failed(port, source))?;
        rtp.set_nonblocking(true).map_err(|source| failed(port, source))?;
        if address.is_ipv4() {
            // A wish to the network; calls work without.
            let _ = SockRef::from(&rtp).set_tos_v4(EXPEDITED);
        }
        let port = rtp.local_addr().map_err(|source| failed(port, source))?.port();
        let _rtcp = port.checked_add(1).and_then(|next| UdpSocket::bind((address, next)).ok());
        Ok(Ports { rtp, port, _rtcp })
    }

    /// Of RTP.
    pub fn rtp_port(&self) -> u16 {
        self.port
    }

    /// Sends without waiting. A full socket loses the packet, as the network would.
    pub fn send(&self, datagram: &[u8], target: SocketAddr) {
        let _ = self.rtp.send_to(datagram, target);
    }

    /// Hands over everything that has come.
    pub fn read(&self, mut take: impl FnMut(SocketAddr, &[u8])) {
        let mut buffer = [0; LONGEST];
        for _ in 0..MOST_READ {
            match self.rtp.recv_from(&mut buffer) {
                Ok((length, source)) => take(source, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

fn any_even(address: IpAddr) -> io::Result<UdpSocket> {
    let mut odd = Vec::new();
    for _ in 0..ATTEMPTS {
        let socket = UdpSocket::bind((address, 0))?;
        if socket.local_addr()?.port().is_multiple_of(2) {
            return Ok(socket);
        }
        odd.push(socket);
    }
    // Even is a custom (RFC 3550, section 11), not a need.
    odd.pop().ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_free_even_port_is_found_and_a_taken_one_is_named() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let ports = Ports::bind(address, 0).unwrap();
        assert!(ports.rtp_port().is_multiple_of(2));
        let error = Ports::bind(address, ports.rtp_port()).err().unwrap().to_string();
        assert!(error.contains(&ports.rtp_port().to_string()), "{error}");
    }
}
