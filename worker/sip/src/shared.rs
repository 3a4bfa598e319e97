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
    dialog_table::DialogTable,
    timing::Timing,
    transport::{flows::Flows, gate::Gate, outbound_proxy::ServiceRoute, route::Routes},
};

/// What the calls of an endpoint share.
pub(super) struct Shared {
    pub(super) stack: EndpointInnerRef,
    pub(super) dialogs: DialogTable,
    pub(super) routes: Routes,
    pub(super) flows: Arc<Flows>,
    /// The Service-Route of the registrar (RFC 3608).
    pub(super) service_route: ServiceRoute,
    pub(super) timing: Timing,
    pub(super) user_agent: String,
    pub(super) closed: CancellationToken,
    /// Cancelled at shutdown: calls that are being set up are cancelled with it.
    pub(super) ending: CancellationToken,
    /// Tasks that have to finish before the port closes.
    pub(super) last_words: TaskTracker,
    pub(super) local: SocketAddr,
    pub(super) gate: Arc<Gate>,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) taking_calls: AtomicBool,
}

impl Shared {
    /// Spawns a task that has to finish before the port closes; may be called from `drop`, outside a task.
    pub(super) fn before_closing(&self, last_word: impl Future<Output = ()> + Send + 'static) {
        self.last_words.spawn_on(last_word, &self.runtime);
    }

    /// Returns our address as this peer sees it.
    pub(super) fn address_towards(&self, peer: SocketAddr) -> SocketAddr {
        self.gate.address_towards(peer)
    }

    /// Returns our Contact for this peer. `transport::repair` adds the transport that carries it.
    pub(super) fn contact(&self, user: Option<&str>, peer: SocketAddr) -> Uri {
        Uri {
            scheme: Some(Scheme::Sip),
            auth: user.map(|user| Auth { user: user.to_owned(), password: None }),
            host_with_port: self.address_towards(peer).into(),
            ..Uri::default()
        }
    }

    /// Returns whether our own stack made a response because the peer sent none (timers B, C and F).
    pub(super) fn made(&self, response: &Response) -> bool {
        response.status_code == StatusCode::RequestTimeout
            && response.headers.iter().any(|header| matches!(header, Header::UserAgent(name) if name.value() == self.user_agent))
    }

    /// Accepts incoming calls from now on.
    pub(super) fn take_calls(&self) {
        self.taking_calls.store(true, Ordering::Relaxed);
    }

    /// Returns whether incoming calls are accepted.
    pub(super) fn is_taking_calls(&self) -> bool {
        self.taking_calls.load(Ordering::Relaxed)
    }
}
