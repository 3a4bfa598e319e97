//! What the calls of an endpoint share: the SIP crate's transactions, the transport, the dialogs, and when the endpoint ends.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rsipstack::{
    sip::{Auth, Header, Response, Scheme, StatusCode, Uri},
    transaction::endpoint::EndpointInnerRef,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    calls::Calls,
    timing::Timing,
    transport::{edge::Edge, flows::Flows, outbound_proxy::ServiceRoute, route::Routes},
};

/// What the calls of an endpoint share.
pub(super) struct Shared {
    pub(super) stack: EndpointInnerRef,
    pub(super) calls: Calls,
    pub(super) routes: Routes,
    pub(super) flows: Arc<Flows>,
    /// What the registrar asked for (RFC 3608).
    pub(super) service_route: ServiceRoute,
    pub(super) timing: Timing,
    pub(super) user_agent: String,
    pub(super) closed: CancellationToken,
    /// Calls that are being set up are to be cancelled.
    pub(super) ending: CancellationToken,
    /// Tasks that must be let finish before the port closes.
    pub(super) last_words: TaskTracker,
    pub(super) local: SocketAddr,
    pub(super) edge: Arc<Edge>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) taking_calls: AtomicBool,
}

impl Shared {
    /// Runs what must be let finish before the port closes; callable from `drop`, outside a task.
    pub(super) fn before_closing(&self, last_word: impl Future<Output = ()> + Send + 'static) {
        self.last_words.spawn_on(last_word, &self.runtime);
    }

    /// Our address as this peer sees it.
    pub(super) fn address_towards(&self, peer: SocketAddr) -> SocketAddr {
        self.edge.address_towards(peer)
    }

    /// Our Contact for this peer. The edge adds the transport that carries it.
    pub(super) fn contact(&self, user: Option<&str>, peer: SocketAddr) -> Uri {
        Uri {
            scheme: Some(Scheme::Sip),
            auth: user.map(|user| Auth { user: user.to_owned(), password: None }),
            host_with_port: self.address_towards(peer).into(),
            ..Uri::default()
        }
    }

    /// Whether a response was made by our own stack because nobody answered (timers B, C and F).
    pub(super) fn made(&self, response: &Response) -> bool {
        response.status_code == StatusCode::RequestTimeout
            && response.headers.iter().any(|header| matches!(header, Header::UserAgent(name) if name.value() == self.user_agent))
    }

    /// From now on callers ring here.
    pub(super) fn take_calls(&self) {
        self.taking_calls.store(true, Ordering::Relaxed);
    }

    /// Whether anybody takes calls here.
    pub(super) fn is_taking_calls(&self) -> bool {
        self.taking_calls.load(Ordering::Relaxed)
    }
}
