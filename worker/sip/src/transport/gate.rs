//! The gate between the network and the SIP crate: every message from the UDP socket or a stream passes [`Gate::take`], every message
//! that leaves [`Gate::give`].

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Instant,
};

use async_trait::async_trait;
use offhook::attempt::SipTransport;
use rsipstack::{
    platform::net::UdpSocket as StackSocket,
    transaction::endpoint::{EndpointInner, EndpointInnerRef},
};
use tokio::net::UdpSocket;

use super::{
    admission::Admission,
    head::{self, Head},
    refusal,
    repair::{Carrier, Verdict, examine, restated},
    route::{Routes, local_ip_towards},
};

/// The longest datagram, in bytes.
const DATAGRAM: usize = 65_535;
/// Finished transactions that the crate keeps for retransmissions; while there are more, only peers of calls are heard.
const FINISHED_TRANSACTIONS: usize = 8_192;

/// Limits and repairs what comes in, and repairs what goes out.
pub(crate) struct Gate {
    local: SocketAddr,
    advertised: Option<IpAddr>,
    routes: Routes,
    admission: Mutex<Admission>,
    stack: OnceLock<Weak<EndpointInner>>,
}

impl Gate {
    /// The gate of a socket; `advertised` is the address peers reach us at, where it is not the socket's own.
    pub(crate) fn new(local: SocketAddr, advertised: Option<IpAddr>, routes: Routes) -> Arc<Gate> {
        let admission = Mutex::new(Admission::new(Instant::now()));
        Arc::new(Gate { local, advertised, routes, admission, stack: OnceLock::new() })
    }

    /// Watches the number of the crate's transactions from now on.
    pub(crate) fn watch(&self, stack: &EndpointInnerRef) {
        self.stack.set(Arc::downgrade(stack)).ok();
    }

    /// Returns our address as this peer sees it: never a wildcard.
    pub(crate) fn address_towards(&self, peer: SocketAddr) -> SocketAddr {
        let ip = match self.advertised {
            Some(ip) => ip,
            None if self.local.ip().is_unspecified() => local_ip_towards(peer).unwrap_or(self.local.ip()),
            None => self.local.ip(),
        };
        SocketAddr::new(ip, self.local.port())
    }

    /// Returns our address towards the internet.
    pub(crate) fn default_address(&self) -> SocketAddr {
        // Addresses for documentation (RFC 5737, RFC 3849): nothing is sent there.
        let world = if self.local.is_ipv4() {
            SocketAddr::from(([192, 0, 2, 1], 9))
        } else {
            SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9))
        };
        self.address_towards(world)
    }

    /// Decides about a message that came.
    pub(crate) fn take(&self, message: &[u8], transport: SipTransport, peer: SocketAddr) -> Verdict {
        let admitted = {
            let mut admission = self.admission();
            let is_trunk = self.routes.is_trunk(peer) || admission.is_acquainted(peer);
            admission.admit(peer, is_trunk, Instant::now()) && (is_trunk || !self.is_full())
        };
        if !admitted {
            return Verdict::Drop("more than is taken from this source");
        }
        examine(message, self.carrier(transport, peer, None))
    }

    /// Returns a message as it has to be sent; `None` where it is right already. `only_port` is our port of a stream the peer cannot replace.
    pub(crate) fn give(
        &self,
        message: &[u8],
        transport: SipTransport,
        peer: SocketAddr,
        only_port: Option<u16>,
    ) -> Option<Vec<u8>> {
        if sets_up_a_call(message) {
            self.admission().acquaint(peer, Instant::now());
        }
        restated(message, self.carrier(transport, peer, only_port))
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carrier(&self, transport: SipTransport, peer: SocketAddr, only_port: Option<u16>) -> Carrier {
        Carrier { transport, peer, us: self.address_towards(peer), only_port }
    }

    fn is_full(&self) -> bool {
        self.stack
            .get()
            .and_then(Weak::upgrade)
            .is_some_and(|stack| stack.get_stats().finished_transactions >= FINISHED_TRANSACTIONS)
    }
}

/// Returns whether a message of ours is a 2xx to an INVITE, or an ACK.
fn sets_up_a_call(message: &[u8]) -> bool {
    let names_invite = || {
        let head = head::split(message).and_then(|(raw, _)| Head::read(raw));
        head.is_some_and(|head| head.cseq_method() == Some("INVITE"))
    };
    message.starts_with(b"ACK ") || (message.starts_with(b"SIP/2.0 2") && names_invite())
}

/// The UDP socket the SIP crate reads and writes through.
pub(crate) struct DatagramGate {
    pub(crate) socket: UdpSocket,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl StackSocket for DatagramGate {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        let mut datagram = vec![0; DATAGRAM];
        loop {
            let (length, from) = match self.socket.recv_from(&mut datagram).await {
                Ok(received) => received,
                // An ICMP error of an earlier packet; the socket is fine.
                Err(error) => {
                    tracing::debug!(%error, "the SIP socket");
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            let answer = match self.gate.take(&datagram[..length], SipTransport::Udp, from) {
                Verdict::Take(message) if message.len() <= buffer.len() => {
                    buffer[..message.len()].copy_from_slice(&message);
                    return Ok((message.len(), from));
                }
                Verdict::Take(message) => too_large(&message, from),
                Verdict::Answer(answer) => Some(answer),
                Verdict::Drop(why) => {
                    tracing::debug!(%from, why, "a SIP datagram is dropped");
                    None
                }
            };
            if let Some(answer) = answer
                && let Err(error) = self.socket.send_to(&answer, from).await
            {
                tracing::debug!(%from, %error, "a refusal could not be sent");
            }
        }
    }

    async fn send_to(&self, message: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        match self.gate.give(message, SipTransport::Udp, to, None) {
            Some(restated) => self.socket.send_to(&restated, to).await?,
            None => self.socket.send_to(message, to).await?,
        };
        Ok(message.len())
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}

/// Returns the 513 for a request above the 8192 bytes that the crate reads; other messages of that size are dropped.
fn too_large(message: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    tracing::warn!(%from, bytes = message.len(), "a SIP datagram is too large");
    let head = Head::read(head::split(message)?.0)?;
    if head.is_response() || head.start.starts_with("ACK ") {
        return None;
    }
    refusal::answer(&head, &refusal::too_large(), from)
}
