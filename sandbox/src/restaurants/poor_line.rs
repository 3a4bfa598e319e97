//! A telephone at the end of a bad network: what goes between it and its caller is relayed through [`crate::network`].

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::{net::UdpSocket, time::sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::network::{Link, UnderWay, Weather};

/// Every call has the same weather, datagram for datagram.
const SEED: u64 = 7;
/// How often two neighbouring ports are looked for.
const TRIES: usize = 100;
/// Longer than any datagram of sound or its reports.
const LONGEST: usize = 2048;

/// A relay with one face to the caller and one to the telephone; gone when dropped.
pub struct PoorLine {
    to_caller: Pair,
    to_telephone: Pair,
    closed: CancellationToken,
    _closes: DropGuard,
}

/// Sockets on an even port (sound) and the next one (reports).
struct Pair {
    sound: UdpSocket,
    reports: UdpSocket,
}

impl PoorLine {
    /// Takes four ports of this address.
    ///
    /// # Errors
    /// Where no two neighbouring ports are free.
    pub async fn bind(address: IpAddr) -> io::Result<PoorLine> {
        let closed = CancellationToken::new();
        let (to_caller, to_telephone) = (Pair::bind(address).await?, Pair::bind(address).await?);
        Ok(PoorLine { to_caller, to_telephone, _closes: closed.clone().drop_guard(), closed })
    }

    /// The caller's offer, as the telephone is to see it; the caller's own address is kept for the way back.
    pub fn offer(&self, sdp: &str) -> io::Result<String> {
        Ok(redirected(sdp, self.to_telephone.sound.local_addr()?))
    }

    /// The telephone's answer, as the caller is to see it.
    pub fn answer(&self, sdp: &str) -> io::Result<String> {
        Ok(redirected(sdp, self.to_caller.sound.local_addr()?))
    }

    /// Carries what is sent between the addresses that offer and answer named, until the guard that comes back is dropped. `None` where
    /// they name none.
    pub fn carry(self, weather: Weather, offer: &str, answer: &str) -> Option<DropGuard> {
        let (caller, telephone) = (address_of(offer)?, address_of(answer)?);
        let PoorLine { to_caller, to_telephone, closed, _closes } = self;
        let wires = [
            (to_caller.sound, to_telephone.sound, caller, telephone, SEED),
            (to_caller.reports, to_telephone.reports, next_port(caller), next_port(telephone), SEED + 1),
        ];
        for (near, far, caller, telephone, seed) in wires {
            tokio::spawn(closed.clone().run_until_cancelled_owned(relay(near, far, caller, telephone, weather, seed)));
        }
        Some(_closes)
    }
}

impl Pair {
    async fn bind(address: IpAddr) -> io::Result<Pair> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let sound = UdpSocket::bind((address, 0)).await?;
            let port = sound.local_addr()?.port();
            if !port.is_multiple_of(2) {
                continue;
            }
            match UdpSocket::bind((address, port + 1)).await {
                Ok(reports) => return Ok(Pair { sound, reports }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

async fn relay(near: UdpSocket, far: UdpSocket, caller: SocketAddr, telephone: SocketAddr, weather: Weather, seed: u64) {
    let begun = Instant::now();
    let micros = || begun.elapsed().as_micros() as u64;
    let mut to_telephone = UnderWay::new(Link::new(weather, seed));
    let mut to_caller = UnderWay::new(Link::new(weather, seed + 100));
    let (mut from_near, mut from_far) = ([0; LONGEST], [0; LONGEST]);
    loop {
        let next = to_telephone.next().into_iter().chain(to_caller.next()).min();
        let due = begun + Duration::from_micros(next.unwrap_or_default());
        tokio::select! {
            Ok((length, _)) = near.recv_from(&mut from_near) => to_telephone.send(micros(), from_near[..length].to_vec()),
            Ok((length, _)) = far.recv_from(&mut from_far) => to_caller.send(micros(), from_far[..length].to_vec()),
            () = sleep_until(due.into()), if next.is_some() => {}
            else => return,
        }
        for (_, datagram) in to_telephone.arrived(micros()) {
            far.send_to(&datagram, telephone).await.ok();
        }
        for (_, datagram) in to_caller.arrived(micros()) {
            near.send_to(&datagram, caller).await.ok();
        }
    }
}

/// The description with another address and port for its sound.
fn redirected(sdp: &str, to: SocketAddr) -> String {
    let family = if to.is_ipv4() { "IP4" } else { "IP6" };
    let line = |line: &str| match line.strip_prefix("m=audio ").and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => format!("m=audio {} {rest}", to.port()),
        None if line.starts_with("c=") => format!("c=IN {family} {}", to.ip()),
        None => line.to_owned(),
    };
    sdp.lines().map(|text| line(text) + "\r\n").collect()
}

/// Where a description wants its sound.
fn address_of(sdp: &str) -> Option<SocketAddr> {
    let host = sdp.lines().find_map(|line| line.strip_prefix("c=IN IP4 ").or_else(|| line.strip_prefix("c=IN IP6 ")))?;
    let port = sdp.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok())?;
    Some(SocketAddr::new(host.trim().parse().ok()?, port))
}

fn next_port(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().saturating_add(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SDP: &str = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

    #[test]
    fn a_description_leads_to_the_relay_and_keeps_the_rest() {
        let redirected = redirected(SDP, "127.0.0.1:5000".parse().unwrap());
        assert_eq!(redirected, SDP.replace("192.0.2.1", "127.0.0.1").replace("4000", "5000"));
        assert_eq!(address_of(SDP), Some("192.0.2.1:4000".parse().unwrap()));
        assert_eq!(address_of("m=audio 1"), None);
    }

    #[tokio::test]
    async fn what_one_side_sends_reaches_the_other() {
        let localhost = IpAddr::from([127, 0, 0, 1]);
        let (caller, telephone) = (Pair::bind(localhost).await.unwrap(), Pair::bind(localhost).await.unwrap());
        let of = |pair: &Pair| redirected(SDP, pair.sound.local_addr().unwrap());
        let line = PoorLine::bind(localhost).await.unwrap();
        let (shown_to_telephone, shown_to_caller) = (line.offer(&of(&caller)).unwrap(), line.answer(&of(&telephone)).unwrap());
        let _carried = line.carry(Weather::FAIR, &of(&caller), &of(&telephone)).unwrap();
        let mut heard = [0; 8];
        caller.sound.send_to(b"hello", address_of(&shown_to_caller).unwrap()).await.unwrap();
        assert_eq!(telephone.sound.recv_from(&mut heard).await.unwrap().0, 5);
        telephone.reports.send_to(b"report", next_port(address_of(&shown_to_telephone).unwrap())).await.unwrap();
        assert_eq!(caller.reports.recv_from(&mut heard).await.unwrap().0, 6);
    }
}
