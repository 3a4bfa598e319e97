//! One port that speaks SIP over UDP, TCP and TLS: bind, ask OPTIONS, take calls, shut down.

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
    dialog_table::DialogTable,
    dispatch,
    error::SipError,
    incoming::Incoming,
    keep_alive, options,
    shared::Shared,
    timing::Timing,
    transport::{
        flow::FlowTiming,
        flows::Flows,
        gate::{DatagramGate, Gate},
        locator::Locator,
        outbound_proxy::ServiceRoute,
        route::Routes,
        trust::Trust,
    },
};

const WAITING_CALLERS: usize = 64;
/// Bytes of the UDP receive buffer. A flood fills it faster than it is read; the larger it is, the later a call's datagram is lost.
const RECEIVE_BUFFER: usize = 1024 * 1024;
/// Tries to find a port that is free for both UDP and TCP.
const FREE_PORT_TRIES: usize = 16;
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);
/// RFC 3261 timer C: an INVITE without a provisional response for this long has failed.
const RINGING_WITHIN: Duration = Duration::from_secs(180);

/// The configuration of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// Local address, for UDP and for streams; port 0 is any free port.
    pub address: SocketAddr,
    /// The address peers reach us at, where it is not the local one (NAT); written into Via and Contact.
    pub advertised: Option<IpAddr>,
    /// The User-Agent header.
    pub user_agent: String,
    /// TLS: the authorities we trust, our certificate and key. Peers can connect to us over TLS only where it has a certificate.
    pub tls: TlsSpecification,
    /// The name servers; those of the machine where empty.
    pub name_servers: Vec<SocketAddr>,
}

impl EndpointConfig {
    /// A configuration without NAT, with the public authorities and the machine's name servers.
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

/// One port that speaks SIP. Dropping it closes the port at once; [`Endpoint::shutdown`] finishes CANCELs and BYEs first.
pub struct Endpoint {
    pub(super) shared: Arc<Shared>,
    incoming: Option<mpsc::Receiver<Incoming>>,
    serving: JoinHandle<()>,
    closed: DropGuard,
}

impl Endpoint {
    /// Binds the port, with RFC 3261's timers.
    ///
    /// # Errors
    /// [`SipError::Bind`] where the port cannot be bound.
    pub async fn bind(config: EndpointConfig) -> Result<Endpoint, SipError> {
        Endpoint::bind_with(config, Timing::default()).await
    }

    /// Binds the port, with these timers.
    ///
    /// # Errors
    /// [`SipError::Bind`] where the port cannot be bound, [`SipError::Trust`] where the TLS settings cannot be used.
    pub async fn bind_with(config: EndpointConfig, timing: Timing) -> Result<Endpoint, SipError> {
        let trust = Trust::prepare(&config.tls)?;
        let refused = |source| SipError::Bind { address: config.address, source };
        let (socket, listener) = listen(config.address).await.map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;

        let closed = CancellationToken::new();
        let routes = Routes::new(local, &config.name_servers);
        let gate = Gate::new(local, config.advertised, routes.clone());
        let flows = Flows::new(local, gate.clone(), routes.clone(), trust, FlowTiming::default(), closed.clone());
        let locator = Locator { routes: routes.clone(), flows: flows.clone() };
        let socket = Arc::new(DatagramGate { socket, gate: gate.clone() });
        // The crate guesses an address only where it is told none.
        let connection = UdpConnection::from_socket(socket, Some(gate.default_address()), Some(closed.child_token()))
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
        gate.watch(&endpoint.inner);
        flows.serve(&endpoint.inner);
        if let Some(listener) = listener {
            tokio::spawn(flows.clone().accept(listener));
        }

        let shared = Arc::new(Shared {
            dialogs: DialogTable::default(),
            stack: endpoint.inner.clone(),
            routes,
            flows,
            service_route: ServiceRoute::default(),
            local,
            gate,
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

    /// Returns the address it listens on.
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

    /// Returns the calls that arrive; `Some` once. Before it is taken, and after it is dropped, callers get 480.
    pub fn incoming(&mut self) -> Option<mpsc::Receiver<Incoming>> {
        self.shared.take_calls();
        self.incoming.take()
    }

    /// Cancels the calls that are being set up, waits for CANCELs and BYEs to finish (5 s at most), and closes the port.
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

/// Binds the UDP socket and the listener for streams on the same port. Where another program uses the TCP port, there is no
/// listener; streams that we open work all the same.
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
