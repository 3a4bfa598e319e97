//! One port that speaks SIP over UDP, TCP and TLS: bind, dial, take calls, shut down.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use offhook::attempt::TlsSpecification;
use rsipstack::{
    EndpointBuilder,
    transaction::{CallIdFormat, endpoint::EndpointOption},
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
    keep_alive, options,
    shared::Shared,
    timing::Timing,
    transport::{
        edge::{DatagramEdge, Edge},
        flow::FlowTiming,
        flows::Flows,
        locator::Locator,
        outbound_proxy::ServiceRoute,
        route::Routes,
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
            service_route: ServiceRoute::default(),
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

    /// Sends OPTIONS to a `sip:` URI, by way of `destination` where given, and returns the status code of the answer. Any code
    /// means that somebody is there.
    ///
    /// # Errors
    /// [`SipError::Unanswered`] after `within`; [`SipError::Resolve`] and [`SipError::Field`] where nothing could be sent.
    pub async fn options(&self, target: &str, destination: Option<SocketAddr>, within: Duration) -> Result<u16, SipError> {
        options::ask(&self.shared, target, destination, within).await
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
