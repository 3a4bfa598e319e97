//! Resolution of a host name to hops (RFC 3263): NAPTR gives the transport, SRV host and port, A and AAAA the address.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    net::runtime::TokioRuntimeProvider,
    proto::rr::RData,
};
use offhook::attempt::{SipTransport, WayOut};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::timeout;

use crate::error::SipError;

const RESOLVE_WITHIN: Duration = Duration::from_secs(5);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(1500);
/// Hops per name, at most.
const MOST_HOPS: usize = 16;

/// An address and transport a request may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) address: SocketAddr,
    pub(crate) transport: SipTransport,
    /// The name that was resolved: the TLS certificate has to be for it.
    pub(crate) server_name: Option<String>,
}

/// An SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

/// The resolver.
#[derive(Clone)]
pub(crate) struct Resolver {
    dns: TokioResolver,
    ipv4: bool,
}

impl Resolver {
    /// A resolver that asks these name servers, or those of `/etc/resolv.conf` where none is given, for addresses of one family.
    pub(crate) fn new(name_servers: &[SocketAddr], ipv4: bool) -> Resolver {
        let mut options = ResolverOpts::default();
        options.timeout = ASK_AGAIN_AFTER;
        options.attempts = 2;
        options.ip_strategy = if ipv4 { LookupIpStrategy::Ipv4Only } else { LookupIpStrategy::Ipv6Only };
        let provider = TokioRuntimeProvider::default;
        let configured = match name_servers {
            [] => TokioResolver::builder_tokio().ok(),
            given => {
                let servers = given.iter().map(|server| {
                    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                    for connection in &mut connections {
                        connection.port = server.port();
                    }
                    NameServerConfig::new(server.ip(), true, connections)
                });
                let config = ResolverConfig::from_parts(None, vec![], servers.collect());
                Some(TokioResolver::builder_with_config(config, provider()))
            }
        };
        // Without a readable configuration only /etc/hosts answers.
        let builder = configured.unwrap_or_else(|| TokioResolver::builder_with_config(ResolverConfig::default(), provider()));
        let dns = builder.with_options(options).build();
        Resolver { dns: dns.expect("a resolver without TLS needs nothing that could be missing"), ipv4 }
    }

    /// Returns the hops of a way out, the best first.
    ///
    /// # Errors
    /// [`SipError::Resolve`] where there is none.
    pub(crate) async fn hops(&self, way_out: &WayOut) -> Result<Vec<Hop>, SipError> {
        let refuse = |why: String| SipError::Resolve { host: way_out.host.clone(), port: way_out.port.unwrap_or(0), why };
        let mut dice = StdRng::from_rng(&mut rand::rng());
        let mut hops = timeout(RESOLVE_WITHIN, self.look_up(way_out, &mut dice))
            .await
            .map_err(|_| refuse(format!("no answer within {} s", RESOLVE_WITHIN.as_secs())))?
            .map_err(refuse)?;
        hops.truncate(MOST_HOPS);
        Ok(hops)
    }

    async fn look_up(&self, way_out: &WayOut, dice: &mut StdRng) -> Result<Vec<Hop>, String> {
        let family = if self.ipv4 { "IPv4" } else { "IPv6" };
        let host = way_out.host.trim_matches(['[', ']']);
        let hop = |ip, port, transport| Hop { address: SocketAddr::new(ip, port), transport, server_name: Some(host.to_owned()) };
        let said = way_out.transport.unwrap_or(SipTransport::Udp);
        if let Ok(ip) = host.parse::<IpAddr>() {
            if ip.is_ipv4() != self.ipv4 {
                return Err(format!("the SIP socket is bound to an {family} address, and this is none"));
            }
            return Ok(vec![hop(ip, way_out.port.unwrap_or(default_port(said)), said)]);
        }
        if let Some(port) = way_out.port {
            let addresses = self.addresses(host).await?;
            return some(addresses.into_iter().map(|ip| hop(ip, port, said)).collect(), family);
        }

        let services = match way_out.transport {
            Some(transport) => vec![(transport, service_name(transport, host))],
            None => self.transports(host).await,
        };
        let mut hops = Vec::new();
        for (transport, name) in services {
            for service in in_order(self.services(&name).await, dice) {
                for ip in self.addresses(&service.target).await.unwrap_or_default() {
                    hops.push(hop(ip, service.port, transport));
                }
            }
        }
        if hops.is_empty() {
            let addresses = self.addresses(host).await?;
            hops = addresses.into_iter().map(|ip| hop(ip, default_port(said), said)).collect();
        }
        hops.dedup();
        some(hops, family)
    }

    /// Returns the SRV names to ask for, in the order of NAPTR; without NAPTR in our own order (section 4.1).
    async fn transports(&self, host: &str) -> Vec<(SipTransport, String)> {
        let mut found = Vec::new();
        if let Ok(answer) = self.dns.lookup(absolute(host), hickory_resolver::proto::rr::RecordType::NAPTR).await {
            for record in answer.answers() {
                let RData::NAPTR(pointer) = &record.data else { continue };
                let transport = match pointer.services.to_ascii_uppercase().as_slice() {
                    b"SIP+D2U" => SipTransport::Udp,
                    b"SIP+D2T" => SipTransport::Tcp,
                    b"SIPS+D2T" => SipTransport::Tls,
                    _ => continue,
                };
                if pointer.flags.eq_ignore_ascii_case(b"s") {
                    found.push(((pointer.order, pointer.preference), (transport, pointer.replacement.to_utf8())));
                }
            }
        }
        found.sort_by_key(|(rank, _)| *rank);
        if found.is_empty() {
            // Not TLS: a trunk that wants it says so, and certificates are not tried on anybody.
            return [SipTransport::Udp, SipTransport::Tcp].map(|transport| (transport, service_name(transport, host))).into();
        }
        found.into_iter().map(|(_, service)| service).collect()
    }

    async fn services(&self, name: &str) -> Vec<Service> {
        let Ok(answer) = self.dns.srv_lookup(absolute(name)).await else { return vec![] };
        let services = answer.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(service) => Some(Service {
                priority: service.priority,
                weight: service.weight,
                port: service.port,
                target: service.target.to_utf8(),
            }),
            _ => None,
        });
        // A single "." says that the service is not there (RFC 2782).
        services.filter(|service| service.target != ".").collect()
    }

    /// Returns the addresses of a name in our family; `/etc/hosts` first.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let found = self.dns.lookup_ip(host).await.map_err(|error| error.to_string())?;
        Ok(found.iter().filter(|ip| ip.is_ipv4() == self.ipv4).collect())
    }
}

fn some(hops: Vec<Hop>, family: &str) -> Result<Vec<Hop>, String> {
    if hops.is_empty() { Err(format!("it has no {family} address")) } else { Ok(hops) }
}

/// Returns a fully qualified name: the search domains of this machine are not tried.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}

fn service_name(transport: SipTransport, host: &str) -> String {
    let prefix = match transport {
        SipTransport::Udp => "_sip._udp",
        SipTransport::Tcp => "_sip._tcp",
        SipTransport::Tls => "_sips._tcp",
    };
    format!("{prefix}.{host}")
}

/// Returns SIP's default port (RFC 3261 section 19.1.2).
pub(crate) fn default_port(transport: SipTransport) -> u16 {
    match transport {
        SipTransport::Udp | SipTransport::Tcp => 5060,
        SipTransport::Tls => 5061,
    }
}

/// Sorts by priority; within one, draws by weight (RFC 2782).
fn in_order(mut services: Vec<Service>, dice: &mut impl rand::Rng) -> Vec<Service> {
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let peers = services.iter().take_while(|service| service.priority == priority).count();
        let total: u32 = services[..peers].iter().map(|service| u32::from(service.weight)).sum();
        let drawn = dice.random_range(0..=total);
        let mut running = 0;
        let chosen = services[..peers].iter().position(|service| {
            running += u32::from(service.weight);
            running >= drawn
        });
        ordered.push(services.remove(chosen.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn service(priority: u16, weight: u16, target: &str) -> Service {
        Service { priority, weight, port: 5060, target: target.to_owned() }
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_dice_say() {
        let mut dice = StdRng::seed_from_u64(7);
        for _ in 0..100 {
            let ordered = in_order(vec![service(20, 9, "late"), service(10, 0, "a"), service(10, 5, "b")], &mut dice);
            assert_eq!(ordered[2].target, "late");
        }
        assert!(in_order(vec![], &mut dice).is_empty());
    }

    #[test]
    fn weights_share_the_calls() {
        let mut dice = StdRng::seed_from_u64(20_261_120);
        let firsts = (0..10_000).filter(|_| {
            let ordered = in_order(vec![service(1, 30, "small"), service(1, 90, "big")], &mut dice);
            ordered[0].target == "big"
        });
        let share = firsts.count();
        assert!((7_200..7_800).contains(&share), "{share} of 10000");
    }

    #[tokio::test]
    async fn an_address_needs_no_dns() {
        let way_out = |host: &str, port, transport| WayOut { host: host.to_owned(), port, transport };
        let resolver = Resolver::new(&["127.0.0.1:9".parse().unwrap()], true);
        let hops = resolver.hops(&way_out("192.0.2.1", None, Some(SipTransport::Tls))).await.unwrap();
        assert_eq!((hops[0].address, hops[0].transport), ("192.0.2.1:5061".parse().unwrap(), SipTransport::Tls));
        let error = resolver.hops(&way_out("[2001:db8::1]", Some(5070), None)).await.unwrap_err();
        assert!(error.to_string().contains("IPv4"), "{error}");
        let resolver = Resolver::new(&["127.0.0.1:9".parse().unwrap()], false);
        let hops = resolver.hops(&way_out("[2001:db8::1]", Some(5070), None)).await.unwrap();
        assert_eq!(hops[0].address, "[2001:db8::1]:5070".parse().unwrap());
    }
}
