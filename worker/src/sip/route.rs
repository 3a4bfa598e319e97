//! Where a message goes: names become addresses, and a call's requests keep going to its trunk.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rsipstack::sip::{Host, Transport, Uri};
use rsipstack::transaction::endpoint::TargetLocator;
use rsipstack::transport::SipAddr;
use rsipstack::transport::transport_layer::DomainResolver;
use tokio::time::timeout;

use super::error::SipError;

/// SIP's port over UDP where none is named.
pub(super) const SIP_PORT: u16 = 5060;
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

/// The trunks of the calls under way: the request-URI of an INVITE and the address it was sent to.
///
/// The crate sends a CANCEL to the host of the request-URI, but the callee's trunk may be elsewhere; and a Contact may carry a
/// name only the trunk's own network knows.
#[derive(Clone)]
pub(super) struct Routes {
    trunks: Arc<Mutex<HashMap<String, SocketAddr>>>,
    ipv4: bool,
}

impl Routes {
    /// Routes of a socket of one address family.
    pub(super) fn new(local: SocketAddr) -> Self {
        Routes { trunks: Arc::default(), ipv4: local.is_ipv4() }
    }

    /// Requests to `target` go to `trunk` from now on.
    pub(super) fn remember(&self, target: &Uri, trunk: SocketAddr) {
        self.trunks().insert(target.to_string(), trunk);
    }

    /// The call to `target` is over.
    pub(super) fn forget(&self, target: &Uri) {
        self.trunks().remove(&target.to_string());
    }

    /// The first address of a host in this socket's address family.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, SipError> {
        let refuse = |why: String| SipError::Resolve { host: host.to_owned(), port, why };
        let found = timeout(RESOLVE_WITHIN, tokio::net::lookup_host((host, port)))
            .await
            .map_err(|_| refuse(format!("no answer within {} s", RESOLVE_WITHIN.as_secs())))?
            .map_err(|error| refuse(error.to_string()))?;
        let family = if self.ipv4 { "IPv4" } else { "IPv6" };
        found
            .into_iter()
            .find(|address| address.is_ipv4() == self.ipv4)
            .ok_or_else(|| refuse(format!("it has no {family} address")))
    }

    /// Where a URI's requests go, unless a trunk is remembered for it.
    pub(super) async fn resolve_uri(&self, uri: &Uri) -> Result<SocketAddr, SipError> {
        let port = uri.host_with_port.port.as_ref().map_or(SIP_PORT, |port| port.value());
        match uri.host() {
            Host::IpAddr(ip) => Ok(SocketAddr::new(*ip, port)),
            Host::Domain(name) => self.resolve(&name.to_string(), port).await,
        }
    }

    async fn locate(&self, uri: &Uri) -> Result<SocketAddr, SipError> {
        if let Some(trunk) = self.trunks().get(&uri.to_string()).copied() {
            return Ok(trunk);
        }
        match self.resolve_uri(uri).await {
            Ok(address) => Ok(address),
            Err(error) => self.only_trunk().ok_or(error),
        }
    }

    fn only_trunk(&self) -> Option<SocketAddr> {
        let trunks = self.trunks();
        let mut addresses = trunks.values();
        let first = *addresses.next()?;
        addresses.all(|other| *other == first).then_some(first)
    }

    fn trunks(&self) -> MutexGuard<'_, HashMap<String, SocketAddr>> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TargetLocator for Routes {
    async fn locate(&self, uri: &Uri) -> rsipstack::Result<SipAddr> {
        match Routes::locate(self, uri).await {
            Ok(address) => Ok(over_udp(address)),
            Err(error) => Err(rsipstack::Error::DnsResolutionError(error.to_string())),
        }
    }
}

#[async_trait]
impl DomainResolver for Routes {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let uri = Uri { host_with_port: target.addr.clone(), ..Uri::default() };
        match self.resolve_uri(&uri).await {
            Ok(address) => Ok(over_udp(address)),
            Err(error) => Err(rsipstack::Error::DnsResolutionError(error.to_string())),
        }
    }
}

/// A socket address as the crate wants a UDP destination.
pub(super) fn over_udp(address: SocketAddr) -> SipAddr {
    SipAddr { r#type: Some(Transport::Udp), addr: address.into() }
}

/// The address of this machine that a peer sees when we send from a socket bound to every address.
pub(super) fn local_ip_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if peer.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let probe = UdpSocket::bind(any).ok()?;
    probe.connect(peer).ok()?;
    probe.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn routes() -> Routes {
        Routes::new("127.0.0.1:5060".parse().unwrap())
    }

    #[tokio::test]
    async fn a_remembered_call_goes_to_its_trunk_and_afterwards_to_its_host() {
        let (routes, trunk) = (routes(), "127.0.0.1:5999".parse().unwrap());
        let callee = Uri::try_from("sip:+49301234567@127.0.0.9").unwrap();
        routes.remember(&callee, trunk);
        assert_eq!(routes.locate(&callee).await.unwrap(), trunk);
        routes.forget(&callee);
        assert_eq!(routes.locate(&callee).await.unwrap(), "127.0.0.9:5060".parse().unwrap());
    }

    #[tokio::test]
    async fn a_contact_only_the_trunk_knows_is_sent_to_the_trunk() {
        let (routes, trunk) = (routes(), "127.0.0.1:5999".parse().unwrap());
        let contact = Uri::try_from("sip:callee@pbx.invalid").unwrap();
        assert!(routes.locate(&contact).await.is_err());
        routes.remember(&Uri::try_from("sip:callee@restaurant.invalid").unwrap(), trunk);
        assert_eq!(routes.locate(&contact).await.unwrap(), trunk);
    }

    #[tokio::test]
    async fn localhost_is_taken_in_the_family_of_the_socket() {
        assert_eq!(routes().resolve("localhost", 5070).await.unwrap(), "127.0.0.1:5070".parse().unwrap());
    }
}
