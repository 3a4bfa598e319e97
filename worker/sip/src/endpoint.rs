//! One port that speaks SIP over UDP, TCP and TLS: bind, dial, take calls, shut down.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use offhook::attempt::TlsSpecification;
use rsipstack::{
    EndpointBuilder,
    sip::{Auth, Header, Response, Scheme, StatusCode, Uri, typed},
    transaction::{
        CallIdFormat,
        endpoint::{EndpointInnerRef, EndpointOption},
    },
    transport::{SipConnection, TransportLayer, udp::UdpConnection},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{
    answer::Incoming,
    calls::Calls,
    dispatch,
    error::SipError,
    transport::{
        edge::{DatagramEdge, Edge},
        flow::FlowTiming,
        flows::Flows,
        keep_alive,
        route::{Locator, Routes},
        trust::Trust,
    },
};

const WAITING_CALLERS: usize = 64;
/// A flood fills the buffer faster than it is read: the larger it is, the later a datagram of a call is lost.
const RECEIVE_BUFFER: usize = 1024 * 1024;
/// A free UDP port may be taken as a TCP port.
const FREE_PORT_TRIES: usize = 16;
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);
/// A trunk that lets a phone ring longer than this without saying so again has forgotten the call (RFC 3261 timer C).
const RINGING_WITHIN: Duration = Duration::from_secs(180);

/// Where an endpoint listens and how it names itself.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Local address, for UDP and for streams; port 0 is any free port.
    pub address: SocketAddr,
    /// The address peers reach us at, where it is not the local one (NAT); written into Via and Contact.
    pub advertised: Option<IpAddr>,
    /// The User-Agent header.
    pub user_agent: String,
    /// How peers are trusted over TLS, and how we show who we are. Peers can connect to us over TLS where it has a certificate.
    pub tls: TlsSpecification,
    /// The name servers that are asked; those of the machine where empty.
    pub name_servers: Vec<SocketAddr>,
}

impl EndpointConfig {
    /// Reached at its own address, trusting public authorities, asking the machine's name servers.
    pub fn new(address: SocketAddr, user_agent: impl Into<String>) -> EndpointConfig {
        EndpointConfig {
            address,
            advertised: None,
            user_agent: user_agent.into(),
            tls: TlsSpecification::default(),
            name_servers: vec![],
        }
    }
}

/// SIP's clock (RFC 3261 section 17, table 4).
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Estimate of the round trip: the first retransmission comes after T1, and a silent peer is given up after 64 × T1.
    pub t1: Duration,
}

impl Default for Timing {
    /// T1 = 500 ms: a silent peer is given up after 32 s.
    fn default() -> Self {
        Timing { t1: Duration::from_millis(500) }
    }
}

impl Timing {
    /// 64 × T1: how long a transaction waits for a peer.
    pub(super) fn give_up(self) -> Duration {
        self.t1 * 64
    }
}

/// One port that speaks SIP. Dropping it closes the port at once; [`Endpoint::shutdown`] lets last words (CANCEL, BYE) out first.
pub struct Endpoint {
    pub(super) shared: Arc<Shared>,
    incoming: Option<mpsc::Receiver<Incoming>>,
    serving: JoinHandle<()>,
    closed: DropGuard,
}

impl Endpoint {
    /// Listens with RFC 3261's timers.
    ///
    /// # Errors
    /// [`SipError::Bind`] where the port cannot be had.
    pub async fn bind(config: EndpointConfig) -> Result<Endpoint, SipError> {
        Endpoint::bind_with(config, Timing::default()).await
    }

    /// Listens with other timers than RFC 3261's.
    ///
    /// # Errors
    /// [`SipError::Bind`] where the port cannot be had, [`SipError::Trust`] where the TLS settings are of no use.
    pub async fn bind_with(config: EndpointConfig, timing: Timing) -> Result<Endpoint, SipError> {
        let trust = Trust::prepare(&config.tls)?;
        let refused = |source| SipError::Bind { address: config.address, source };
        let (socket, listener) = listen(config.address).await.map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;

        let closed = CancellationToken::new();
        let routes = Routes::new(local, &config.name_servers);
        let edge = Edge::new(local, config.advertised, routes.clone());
        let flows = Flows::new(local, edge.clone(), routes.clone(), trust, FlowTiming::default(), closed.clone());
        let locator = Locator { routes: routes.clone(), flows: flows.clone() };
        let socket = Arc::new(DatagramEdge { socket, edge: edge.clone() });
        // The crate guesses an address only where it is told none.
        let connection = UdpConnection::from_socket(socket, Some(edge.default_address()), Some(closed.child_token()))
            .await
            .map_err(|error| SipError::stack("to listen", error))?;
        let transport = TransportLayer::new_with_domain_resolver(closed.child_token(), Box::new(locator.clone()));
        transport.add_transport(SipConnection::Udp(connection));
        let endpoint = EndpointBuilder::new()
            .with_user_agent(&config.user_agent)
            .with_transport_layer(transport)
            .with_cancel_token(closed.child_token())
            .with_target_locator(Box::new(locator))
            .with_option(EndpointOption {
                t1: timing.t1,
                t1x64: timing.give_up(),
                timerc: RINGING_WITHIN,
                callid_format: CallIdFormat::Uuid,
                ..EndpointOption::default()
            })
            .build();
        let requests = endpoint.incoming_transactions().map_err(|error| SipError::stack("to take requests", error))?;
        edge.watch(&endpoint.inner);
        flows.serve(&endpoint.inner);
        if let Some(listener) = listener {
            tokio::spawn(flows.clone().accept(listener));
        }

        let shared = Arc::new(Shared {
            calls: Calls::default(),
            stack: endpoint.inner.clone(),
            routes,
            flows,
            service_route: Mutex::default(),
            local,
            edge,
            user_agent: config.user_agent,
            timing,
            closed: closed.clone(),
            ending: CancellationToken::new(),
            last_words: TaskTracker::new(),
            runtime: tokio::runtime::Handle::current(),
            taking_calls: AtomicBool::new(false),
        });
        let (callers, incoming) = mpsc::channel(WAITING_CALLERS);
        tokio::spawn(dispatch::serve(shared.clone(), requests, callers));
        tokio::spawn(keep_alive::serve(shared.clone()));
        let serving = tokio::spawn(async move { endpoint.serve().await });
        Ok(Endpoint { shared, incoming: Some(incoming), serving, closed: closed.drop_guard() })
    }

    /// The address it listens on.
    pub fn local_address(&self) -> SocketAddr {
        self.shared.local
    }

    /// The calls that arrive; `Some` once. Until it is taken, and after it is dropped, callers are told 480.
    pub fn incoming(&mut self) -> Option<mpsc::Receiver<Incoming>> {
        self.shared.take_calls();
        self.incoming.take()
    }

    /// Cancels the calls that are being set up, lets CANCELs and BYEs finish (5 s at most), and closes the port.
    pub async fn shutdown(self) {
        let Endpoint { shared, serving, closed, incoming } = self;
        drop(incoming);
        shared.ending.cancel();
        shared.last_words.close();
        if timeout(LAST_WORDS_WITHIN, shared.last_words.wait()).await.is_err() {
            tracing::warn!(open = shared.last_words.len(), "the SIP endpoint closes before every call's end was acknowledged");
        }
        drop(closed);
        if timeout(LAST_WORDS_WITHIN, serving).await.is_err() {
            tracing::warn!("the SIP stack did not stop in time");
        }
    }
}

/// What the calls of an endpoint share.
pub(super) struct Shared {
    pub(super) stack: EndpointInnerRef,
    pub(super) calls: Calls,
    pub(super) routes: Routes,
    pub(super) flows: Arc<Flows>,
    /// What the registrar asked for (RFC 3608).
    pub(super) service_route: Mutex<Vec<typed::Route>>,
    pub(super) timing: Timing,
    pub(super) user_agent: String,
    pub(super) closed: CancellationToken,
    /// Calls that are being set up are to be cancelled.
    pub(super) ending: CancellationToken,
    /// Tasks that must be let finish before the port closes.
    pub(super) last_words: TaskTracker,
    local: SocketAddr,
    edge: Arc<Edge>,
    runtime: tokio::runtime::Handle,
    taking_calls: AtomicBool,
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

/// The UDP socket, and the listener for streams on the same port. A machine that uses the port for another stream leaves us
/// without the listener: streams we open work all the same.
async fn listen(address: SocketAddr) -> std::io::Result<(UdpSocket, Option<TcpListener>)> {
    for _ in 0..FREE_PORT_TRIES {
        let socket = UdpSocket::bind(address).await?;
        // The system gives what it allows.
        socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER).ok();
        let local = socket.local_addr()?;
        match TcpListener::bind(local).await {
            Ok(listener) => return Ok((socket, Some(listener))),
            Err(error) if error.kind() == ErrorKind::AddrInUse && address.port() == 0 => {}
            Err(error) => {
                tracing::warn!(%local, %error, "peers cannot open SIP streams to us");
                return Ok((socket, None));
            }
        }
    }
    Ok((UdpSocket::bind(address).await?, None))
}
