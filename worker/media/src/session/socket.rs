//! The two UDP ports of a session.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{UdpSocket, lookup_host},
    time::{Instant, timeout_at},
};

use crate::{error::MediaError, line::Port, stun};

/// Attempts to find an even port.
const ATTEMPTS: usize = 32;
/// Expedited forwarding (RFC 4594, section 4.1), as the TOS byte.
const EXPEDITED: u32 = 46 << 2;
/// The longest datagram that is read; longer ones are cut and refused by the codec.
const LONGEST: usize = 2048;
/// How long a STUN server may take to answer before it is asked again, and again; then we do without (RFC 8489, section 6.2.1,
/// asks seven times in 40 s, but a call is waiting).
const PATIENCE: [Duration; 3] = [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000)];

/// RTP, and the port beside it for RTCP, where that was free.
pub struct Ports {
    rtp: UdpSocket,
    rtcp: Option<UdpSocket>,
    port: u16,
}

impl Ports {
    /// Binds `port`, or any even one for 0. Must be called in a tokio runtime.
    pub fn bind(address: IpAddr, port: u16) -> Result<Self, MediaError> {
        let failed = |port, source| MediaError::Bind { address: SocketAddr::new(address, port), source };
        let rtp = if port == 0 { any_even(address) } else { std::net::UdpSocket::bind((address, port)) };
        let rtp = rtp.and_then(nonblocking).map_err(|source| failed(port, source))?;
        let port = rtp.local_addr().map_err(|source| failed(port, source))?.port();
        let beside = port.checked_add(1).and_then(|next| std::net::UdpSocket::bind((address, next)).ok());
        Ok(Ports { rtp, rtcp: beside.and_then(|socket| nonblocking(socket).ok()), port })
    }

    /// Of RTP.
    pub fn rtp_port(&self) -> u16 {
        self.port
    }

    /// Sends without waiting. A full socket loses the packet, as the network would.
    pub fn send(&self, port: Port, datagram: &[u8], target: SocketAddr) {
        let socket = match port {
            Port::Sound => Some(&self.rtp),
            Port::Control => self.rtcp.as_ref(),
        };
        if let Some(socket) = socket {
            let _ = socket.try_send_to(datagram, target);
        }
    }

    /// Waits until something has come.
    pub async fn readable(&self) {
        let beside = async {
            match &self.rtcp {
                Some(socket) => drop(socket.readable().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.rtp.readable() => {}
            () = beside => {}
        }
    }

    /// Hands over what has come, at most so many datagrams; returns how many more may be read. A wake-up for nothing counts as
    /// one, so that nothing can keep us busy for ever.
    pub fn read(&self, most: usize, mut take: impl FnMut(Port, SocketAddr, &[u8])) -> usize {
        let mut buffer = [0; LONGEST];
        let mut left = most.saturating_sub(1);
        let sockets = [(Port::Control, self.rtcp.as_ref()), (Port::Sound, Some(&self.rtp))];
        for (port, socket) in sockets {
            while let Some(Ok((length, source))) = socket.filter(|_| left > 0).map(|socket| socket.try_recv_from(&mut buffer)) {
                left -= 1;
                take(port, source, &buffer[..length]);
            }
        }
        left
    }

    /// Asks a STUN server how the world sees the RTP port. Bounded: less than two seconds.
    pub async fn discover(&self, host: &str, port: u16) -> Result<SocketAddr, MediaError> {
        let failed = |why: String| MediaError::Stun { server: format!("{host}:{port}"), why };
        let ours = self.rtp.local_addr().map_err(|error| failed(error.to_string()))?;
        let deadline = Instant::now() + PATIENCE[2];
        let found = timeout_at(deadline, lookup_host((host, port))).await;
        let found = found.map_err(|_| failed("its name was not resolved in time".into()))?;
        let mut addresses = found.map_err(|error| failed(error.to_string()))?;
        let server = addresses.find(|server| server.is_ipv4() == ours.is_ipv4());
        let server = server.ok_or_else(|| failed("it has no address of our family".into()))?;
        let transaction = rand::random();
        for patience in PATIENCE {
            let deadline = Instant::now() + patience;
            self.rtp.send_to(&stun::request(transaction), server).await.map_err(|error| failed(error.to_string()))?;
            let mut buffer = [0; LONGEST];
            while let Ok(Ok((length, source))) = timeout_at(deadline, self.rtp.recv_from(&mut buffer)).await {
                if let Some(answer) = stun::answer(&buffer[..length], transaction).filter(|_| source == server) {
                    return answer.map_err(|error| failed(error.to_string()));
                }
            }
        }
        Err(failed("it does not answer".into()))
    }
}

/// Ready for tokio, and urgent.
fn nonblocking(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    if socket.local_addr()?.is_ipv4() {
        // A wish to the network; calls work without.
        let _ = SockRef::from(&socket).set_tos_v4(EXPEDITED);
    }
    UdpSocket::from_std(socket)
}

fn any_even(address: IpAddr) -> io::Result<std::net::UdpSocket> {
    let mut odd = Vec::new();
    for _ in 0..ATTEMPTS {
        let socket = std::net::UdpSocket::bind((address, 0))?;
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

    #[tokio::test]
    async fn a_free_even_port_is_found_and_a_taken_one_is_named() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let ports = Ports::bind(address, 0).unwrap();
        assert!(ports.rtp_port().is_multiple_of(2));
        let error = Ports::bind(address, ports.rtp_port()).err().unwrap().to_string();
        assert!(error.contains(&ports.rtp_port().to_string()), "{error}");
    }

    #[tokio::test]
    async fn a_stun_server_tells_the_public_address_though_its_first_answer_is_lost() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            let mut request = [0; 64];
            server.recv_from(&mut request).await.unwrap();
            let (length, client) = server.recv_from(&mut request).await.unwrap();
            assert_eq!((length, &request[..4]), (20, &[0, 1, 0, 0][..]));
            let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let answer = |mapped: &[u8]| [b"\x01\x01\x00\x0c", &request[4..20], b"\x00\x01\x00\x08\x00\x01", mapped].concat();
            stranger.send_to(&answer(&[0x10, 0x01, 6, 6, 6, 6]), client).await.unwrap();
            server.send_to(&answer(&[0x80, 0x55, 192, 0, 2, 1]), client).await.unwrap();
        });
        let ports = Ports::bind(IpAddr::from([127, 0, 0, 1]), 0).unwrap();
        assert_eq!(ports.discover("127.0.0.1", port).await.unwrap(), "192.0.2.1:32853".parse().unwrap());
        answering.await.unwrap();
    }

    #[tokio::test]
    async fn a_stun_server_that_is_silent_is_given_up_soon() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports::bind(IpAddr::from([127, 0, 0, 1]), 0).unwrap();
        let begun = Instant::now();
        let error = ports.discover("127.0.0.1", silent.local_addr().unwrap().port()).await.unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}
