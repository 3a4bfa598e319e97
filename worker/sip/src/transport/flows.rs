//! The streams of an endpoint: those we opened, by peer, and those peers opened to us.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use offhook::attempt::SipTransport;
use rsipstack::{
    transaction::endpoint::{EndpointInner, EndpointInnerRef},
    transport::{SipAddr, SipConnection, channel::ChannelConnection},
};
use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::{
    flow::{BoxedStream, Flow, FlowTiming, Opened, sip_address},
    gate::Gate,
    resolve::Hop,
    route::Routes,
    trust::{Trust, why_refused},
};
use crate::error::SipError;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Streams that peers may have open to us, at most.
const ACCEPTED_STREAMS: usize = 256;
/// The pause after an accept that failed, e.g. for lack of file descriptors.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The first byte of a TLS handshake record (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The streams of an endpoint.
pub(crate) struct Flows {
    local: SocketAddr,
    gate: Arc<Gate>,
    routes: Routes,
    trust: Trust,
    timing: FlowTiming,
    closed: CancellationToken,
    stack: OnceLock<Weak<EndpointInner>>,
    open: Mutex<HashMap<(SipTransport, SocketAddr), CancellationToken>>,
    /// One connection is made at a time, so that two calls to a trunk share it.
    connecting: tokio::sync::Mutex<()>,
}

impl Flows {
    pub(crate) fn new(
        local: SocketAddr,
        gate: Arc<Gate>,
        routes: Routes,
        trust: Trust,
        timing: FlowTiming,
        closed: CancellationToken,
    ) -> Arc<Flows> {
        let (stack, open, connecting) = (OnceLock::new(), Mutex::default(), tokio::sync::Mutex::new(()));
        Arc::new(Flows { local, gate, routes, trust, timing, closed, stack, open, connecting })
    }

    /// Passes messages to this stack from now on.
    pub(crate) fn serve(&self, stack: &EndpointInnerRef) {
        self.stack.set(Arc::downgrade(stack)).ok();
    }

    /// Opens a stream to a hop, unless there is one. Over UDP there is nothing to open.
    ///
    /// # Errors
    /// [`SipError::Connect`] where nobody listens, [`SipError::Tls`] where the peer cannot be trusted or does not trust us.
    pub(crate) async fn reach(self: &Arc<Self>, hop: &Hop) -> Result<SipAddr, SipError> {
        let address = sip_address(hop.transport, hop.address);
        if hop.transport == SipTransport::Udp || self.is_open(hop) {
            return Ok(address);
        }
        let _turn = self.connecting.lock().await;
        if self.is_open(hop) {
            return Ok(address);
        }
        let name = match hop.transport {
            SipTransport::Tls => {
                Some(self.trust.server_name(hop.server_name.as_deref().unwrap_or(&hop.address.ip().to_string()))?)
            }
            SipTransport::Udp | SipTransport::Tcp => None,
        };
        let stream = self.connect(hop.address, name.clone()).await?;
        let (flow, ended) = self.flow(hop.transport, hop.address).await?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert((hop.transport, hop.address), ended);
        let (flows, peer) = (self.clone(), hop.address);
        tokio::spawn(flow.keep(stream, move || {
            let (flows, name) = (flows.clone(), name.clone());
            async move { flows.connect(peer, name).await.map_err(|error| error.to_string()) }
        }));
        Ok(address)
    }

    /// Returns the first hop that can be reached, and its address in the type of the crate. A UDP hop counts as reachable.
    ///
    /// # Errors
    /// The last hop's error.
    pub(crate) async fn reach_first<'a>(self: &Arc<Self>, hops: &'a [Hop]) -> Result<(&'a Hop, SipAddr), SipError> {
        let mut last = SipError::Closed;
        for hop in hops {
            match self.reach(hop).await {
                Ok(address) => return Ok((hop, address)),
                Err(error) => {
                    tracing::info!(peer = %hop.address, %error, "a place of a trunk cannot be reached");
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Accepts the streams peers open, TCP and, where we have a certificate, TLS: the first byte tells them apart.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(ACCEPTED_STREAMS));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closed.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a SIP stream could not be accepted");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            };
            let Ok(place) = room.clone().try_acquire_owned() else {
                tracing::warn!(%peer, "too many SIP streams are open, one is refused");
                continue;
            };
            let flows = self.clone();
            tokio::spawn(async move {
                match timeout(HANDSHAKE_WITHIN, flows.greet(stream)).await {
                    Ok(Ok((transport, stream))) => {
                        if let Ok((flow, _)) = flows.flow(transport, peer).await {
                            flow.serve(stream).await;
                        }
                    }
                    Ok(Err(error)) => tracing::info!(%peer, why = why_refused(&error), "a SIP stream was refused"),
                    Err(_) => tracing::info!(%peer, "a SIP stream on which nothing came"),
                }
                drop(place);
            });
        }
    }

    async fn greet(&self, stream: TcpStream) -> std::io::Result<(SipTransport, BoxedStream)> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if first[0] != HANDSHAKE_RECORD {
            return Ok((SipTransport::Tcp, Box::new(stream)));
        }
        let Some(server) = &self.trust.server else {
            return Err(std::io::Error::other("it speaks TLS, and we have no certificate"));
        };
        let stream = TlsAcceptor::from(server.clone()).accept(stream).await?;
        Ok((SipTransport::Tls, Box::new(stream)))
    }

    async fn connect(&self, peer: SocketAddr, name: Option<ServerName<'static>>) -> Result<Opened, SipError> {
        let transport = if name.is_some() { "tls" } else { "tcp" };
        let unreachable = |why: String| SipError::Connect { transport, peer, why };
        let connecting = async {
            let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            if !self.local.ip().is_unspecified() {
                socket.bind(SocketAddr::new(self.local.ip(), 0))?;
            }
            socket.connect(peer).await
        };
        let stream = timeout(CONNECT_WITHIN, connecting)
            .await
            .map_err(|_| unreachable(format!("no answer within {} s", CONNECT_WITHIN.as_secs())))?
            .map_err(|error| unreachable(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
        let Some(name) = name else { return Ok(Opened { stream: Box::new(stream), only_port: None }) };
        let only_port = if self.trust.server.is_none() { stream.local_addr().ok().map(|us| us.port()) } else { None };
        let refused = |why| SipError::Tls { peer, why };
        let stream = timeout(HANDSHAKE_WITHIN, TlsConnector::from(self.trust.client.clone()).connect(name, stream))
            .await
            .map_err(|_| refused(format!("no handshake within {} s", HANDSHAKE_WITHIN.as_secs())))?
            .map_err(|error| refused(why_refused(&error)))?;
        Ok(Opened { stream: Box::new(stream), only_port })
    }

    /// Returns a flow the crate can send on, and the token that is cancelled when it ends.
    async fn flow(&self, transport: SipTransport, peer: SocketAddr) -> Result<(Flow, CancellationToken), SipError> {
        let stack = self.stack.get().and_then(Weak::upgrade).ok_or(SipError::Closed)?;
        let (inward, handed_in) = mpsc::unbounded_channel();
        let (to_send, outward) = mpsc::unbounded_channel();
        let ended = self.closed.child_token();
        let connection =
            ChannelConnection::create_connection(handed_in, to_send, sip_address(transport, peer), Some(ended.clone()))
                .await
                .map_err(|error| SipError::stack("a stream", error))?;
        stack.transport_layer.add_connection(SipConnection::Channel(connection.clone()));
        let flow = Flow {
            gate: self.gate.clone(),
            routes: self.routes.clone(),
            transport,
            peer,
            connection,
            inward,
            outward,
            ended: ended.clone(),
            closed: self.closed.clone(),
            waiting: VecDeque::new(),
            unheard: VecDeque::new(),
            timing: self.timing,
            only_port: None,
        };
        Ok((flow, ended))
    }

    fn is_open(&self, hop: &Hop) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ended| !ended.is_cancelled());
        open.contains_key(&(hop.transport, hop.address))
    }
}
