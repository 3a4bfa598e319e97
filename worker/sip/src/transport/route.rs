//! Routes: a URI is resolved to a hop, and the requests of a call stay with its trunk.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offhook::attempt::{SipTransport, WayOut};
use rsipstack::sip::{Host, Param, Scheme, Transport, Uri};

use super::resolve::{Hop, Resolver};
use crate::error::SipError;

/// The routes of current calls and registrations, from request-URI to the hop it was sent to.
///
/// The crate sends a CANCEL to the host of the request-URI, but the callee's trunk may be elsewhere; and a Contact may carry a
/// name only the trunk's own network knows.
#[derive(Clone)]
pub(crate) struct Routes {
    trunks: Arc<Mutex<HashMap<String, Hop>>>,
    resolver: Resolver,
}

impl Routes {
    /// No routes yet, for a socket of one address family; resolves by these name servers or the machine's own.
    pub(crate) fn new(local: SocketAddr, name_servers: &[SocketAddr]) -> Self {
        Routes { trunks: Arc::default(), resolver: Resolver::new(name_servers, local.is_ipv4()) }
    }

    /// Adds a route: requests to `target` are sent to `trunk`.
    pub(crate) fn remember(&self, target: &Uri, trunk: &Hop) {
        self.trunks().insert(target.to_string(), trunk.clone());
    }

    /// Removes the route of `target`.
    pub(crate) fn forget(&self, target: &Uri) {
        self.trunks().remove(&target.to_string());
    }

    /// Returns whether a route uses this address.
    pub(crate) fn is_trunk(&self, address: SocketAddr) -> bool {
        self.trunks().values().any(|hop| hop.address == address)
    }

    /// Returns the hops of all routes, each once.
    pub(crate) fn in_use(&self) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Vec::new();
        for hop in self.trunks().values() {
            if !hops.iter().any(|known| (known.address, known.transport) == (hop.address, hop.transport)) {
                hops.push(hop.clone());
            }
        }
        hops
    }

    /// Returns the hops of a trunk, the best first (RFC 3263).
    ///
    /// # Errors
    /// [`SipError::Resolve`] where there is none.
    pub(crate) async fn resolve_way_out(&self, way_out: &WayOut) -> Result<Vec<Hop>, SipError> {
        self.resolver.hops(way_out).await
    }

    /// Returns the hops of a URI, the best first, without regard to routes.
    ///
    /// # Errors
    /// [`SipError::Resolve`] where there is none.
    pub(crate) async fn resolve_uri(&self, uri: &Uri) -> Result<Vec<Hop>, SipError> {
        self.resolve_way_out(&way_out_of(uri)).await
    }

    /// Returns the hop of a request to a URI: that of its route, else the best that its host resolves to.
    ///
    /// # Errors
    /// [`SipError::Resolve`] where there is none, and the routes do not all use one hop.
    pub(crate) async fn hop_to(&self, uri: &Uri) -> Result<Hop, SipError> {
        if let Some(hop) = self.trunks().get(&uri.to_string()).cloned() {
            return Ok(hop);
        }
        match self.resolve_uri(uri).await {
            Ok(mut hops) => {
                let hop = hops.swap_remove(0);
                let says_how = way_out_of(uri).transport.is_some();
                // A Contact seldom says by what it is reached: by what the call to the same address goes already.
                let known = self.trunks().values().find(|known| !says_how && known.address == hop.address).cloned();
                Ok(known.unwrap_or(hop))
            }
            Err(error) => self.only_trunk().ok_or(error),
        }
    }

    fn only_trunk(&self) -> Option<Hop> {
        let mut hops = self.in_use().into_iter();
        hops.next().filter(|_| hops.next().is_none())
    }

    fn trunks(&self) -> MutexGuard<'_, HashMap<String, Hop>> {
        self.trunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns host, port and transport of a URI (RFC 3263 section 4.1).
fn way_out_of(uri: &Uri) -> WayOut {
    let named = uri.params.iter().find_map(|parameter| match parameter {
        Param::Transport(transport) => transport_of(*transport),
        _ => None,
    });
    let transport = match (&uri.scheme, named) {
        // RFC 3261 section 26.2.2: TLS, whatever runs below.
        (Some(Scheme::Sips), _) => Some(SipTransport::Tls),
        (_, named) => named,
    };
    WayOut {
        host: match uri.host() {
            Host::IpAddr(ip) => ip.to_string(),
            Host::Domain(name) => name.to_string(),
        },
        port: uri.host_with_port.port.as_ref().map(|port| port.value()),
        transport,
    }
}

fn transport_of(transport: Transport) -> Option<SipTransport> {
    match transport {
        Transport::Udp => Some(SipTransport::Udp),
        Transport::Tcp => Some(SipTransport::Tcp),
        Transport::Tls => Some(SipTransport::Tls),
        _ => None,
    }
}

/// Returns the address of this machine that a peer sees when we send from a socket bound to every address.
pub(crate) fn local_ip_towards(peer: SocketAddr) -> Option<IpAddr> {
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
        // No name server answers there.
        Routes::new("127.0.0.1:5060".parse().unwrap(), &["127.0.0.1:9".parse().unwrap()])
    }

    fn trunk(transport: SipTransport) -> Hop {
        Hop { address: "127.0.0.1:5999".parse().unwrap(), transport, server_name: None }
    }

    fn uri(text: &str) -> Uri {
        Uri::try_from(text).unwrap()
    }

    #[tokio::test]
    async fn a_remembered_call_goes_to_its_trunk_and_afterwards_to_its_host() {
        let (routes, trunk) = (routes(), trunk(SipTransport::Tcp));
        let callee = uri("sip:+49301234567@127.0.0.9");
        routes.remember(&callee, &trunk);
        assert_eq!(routes.hop_to(&callee).await.unwrap(), trunk);
        assert!(routes.is_trunk(trunk.address));
        routes.forget(&callee);
        assert_eq!(routes.hop_to(&callee).await.unwrap().address, "127.0.0.9:5060".parse().unwrap());
        assert!(!routes.is_trunk(trunk.address));
    }

    #[tokio::test]
    async fn a_contact_only_the_trunk_knows_is_sent_to_the_trunk() {
        let (routes, trunk) = (routes(), trunk(SipTransport::Udp));
        let contact = uri("sip:callee@pbx.invalid");
        assert!(routes.hop_to(&contact).await.is_err());
        routes.remember(&uri("sip:callee@restaurant.invalid"), &trunk);
        assert_eq!(routes.hop_to(&contact).await.unwrap(), trunk);
    }

    #[tokio::test]
    async fn a_contact_at_the_trunk_is_reached_as_the_trunk_is() {
        let (routes, trunk) = (routes(), trunk(SipTransport::Tls));
        routes.remember(&uri("sip:callee@restaurant.invalid"), &trunk);
        assert_eq!(routes.hop_to(&uri("sip:x@127.0.0.1:5999")).await.unwrap(), trunk);
        assert_eq!(routes.hop_to(&uri("sip:x@127.0.0.1:5999;transport=udp")).await.unwrap().transport, SipTransport::Udp);
    }

    #[tokio::test]
    async fn localhost_is_taken_in_the_family_of_the_socket() {
        let way_out = WayOut::udp("localhost", 5070);
        assert_eq!(routes().resolve_way_out(&way_out).await.unwrap()[0].address, "127.0.0.1:5070".parse().unwrap());
        let routes = Routes::new("[::1]:5060".parse().unwrap(), &["127.0.0.1:9".parse().unwrap()]);
        assert!(routes.resolve_way_out(&WayOut::udp("[::1]", 5070)).await.unwrap()[0].address.is_ipv6());
    }

    #[test]
    fn a_uri_says_by_what_it_is_reached() {
        for (text, port, transport) in [
            ("sip:a@b", None, None),
            ("sip:a@b:5070;transport=tcp", Some(5070), Some(SipTransport::Tcp)),
            ("sip:a@b;transport=TLS", None, Some(SipTransport::Tls)),
            ("sips:a@b;transport=tcp", None, Some(SipTransport::Tls)),
            ("sip:a@b;transport=sctp", None, None),
        ] {
            let way_out = way_out_of(&uri(text));
            assert_eq!((way_out.port, way_out.transport), (port, transport), "{text}");
        }
    }
}
