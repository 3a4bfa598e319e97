//! UDP keep-alive: NATs and firewalls drop the binding of a UDP flow that is idle for half a minute or so (RFC 4787 section 4.3 lets
//! them). While a call or a registration uses a hop, OPTIONS is sent there every 25 s. Streams have pings of their own.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use offhook::attempt::SipTransport;
use rsipstack::sip::{Scheme, Uri};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{options, shared::Shared, transport::resolve::Hop};

const EVERY: Duration = Duration::from_secs(25);
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// When OPTIONS is due at each hop. Does no I/O.
#[derive(Debug, Default)]
struct Schedule(HashMap<SocketAddr, Instant>);

impl Schedule {
    /// Returns the hops in use that are due. A hop that is new is not: a request was just sent there.
    fn due(&mut self, in_use: Vec<Hop>, now: Instant) -> Vec<Hop> {
        let datagrams: Vec<Hop> = in_use.into_iter().filter(|hop| hop.transport == SipTransport::Udp).collect();
        self.0.retain(|address, _| datagrams.iter().any(|hop| hop.address == *address));
        datagrams
            .into_iter()
            .filter(|hop| {
                let next = self.0.entry(hop.address).or_insert(now + EVERY);
                let due = now >= *next;
                if due {
                    *next = now + EVERY;
                }
                due
            })
            .collect()
    }
}

/// Sends OPTIONS until the endpoint closes. The response does not matter: the packet itself keeps the binding.
pub(super) async fn serve(shared: Arc<Shared>) {
    let mut schedule = Schedule::default();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.closed.cancelled() => return,
        }
        for hop in schedule.due(shared.routes.in_use(), Instant::now()) {
            let shared = shared.clone();
            tokio::spawn(async move {
                let target = Uri { scheme: Some(Scheme::Sip), host_with_port: hop.address.into(), ..Uri::default() };
                if let Err(error) = options::ask_hop(&shared, target, &hop, ANSWER_WITHIN).await {
                    tracing::debug!(%error, "a keep-alive was not answered");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hop(port: u16, transport: SipTransport) -> Hop {
        Hop { address: ([192, 0, 2, 1], port).into(), transport, server_name: None }
    }

    #[test]
    fn a_trunk_in_use_hears_from_us_every_25_s_and_no_longer() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let in_use = || vec![hop(1, SipTransport::Udp), hop(2, SipTransport::Tcp)];
        let asked: Vec<u64> =
            (0..=80).filter(|second| !schedule.due(in_use(), start + Duration::from_secs(*second)).is_empty()).collect();
        assert_eq!(asked, [25, 50, 75]);
        assert!(schedule.due(vec![], start + Duration::from_secs(81)).is_empty());
        assert!(schedule.due(in_use(), start + Duration::from_secs(101)).is_empty(), "a new call starts anew");
    }
}
