//! One stream to a peer, TCP or TLS: bytes to messages and back, keep-alives (RFC 5626 section 4.4.1), and what to do when it breaks.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

use offhook::attempt::SipTransport;
use rsipstack::{
    sip::SipMessage,
    transport::{
        SipAddr, SipConnection, TransportEvent,
        channel::ChannelConnection,
        connection::{TransportReceiver, TransportSender},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    edge::Edge,
    framing::{Frame, Framer, FramingError},
    head::{self, Head},
    route::Routes,
    wire::Verdict,
};

/// A message that has begun has to end within this: peers that drip bytes are not waited for.
const MESSAGE_WITHIN: Duration = Duration::from_secs(10);
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// RFC 5626 section 4.4.1: more often than NATs and carriers forget.
const PING_EVERY: Duration = Duration::from_secs(25);
/// RFC 5626 section 4.4.1: where a peer that answered before does not any more, the flow is dead.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// A peer that connected to us and says nothing for so long has gone.
const SILENT_FOR: Duration = Duration::from_secs(600);
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
const RECONNECT_FIRST_AFTER: Duration = Duration::from_millis(250);
const RECONNECT_AT_LEAST_EVERY: Duration = Duration::from_secs(16);
/// Messages that wait for a connection to come back.
const WAITING_MESSAGES: usize = 64;
/// After so many streams in a row on which the peer said nothing, what was written to them counts as not sent.
const SILENT_STREAMS: u32 = 2;

/// Anything that carries bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
pub(crate) type BoxedStream = Box<dyn Stream>;

/// A stream we opened.
pub(crate) struct Opened {
    pub(crate) stream: BoxedStream,
    /// Our port of it, where the peer could not open one to us.
    pub(crate) only_port: Option<u16>,
}

/// One stream, as long as somebody needs it.
pub(crate) struct Flow {
    pub(crate) edge: Arc<Edge>,
    pub(crate) routes: Routes,
    pub(crate) transport: SipTransport,
    pub(crate) peer: SocketAddr,
    /// What the crate knows the flow by.
    pub(crate) connection: ChannelConnection,
    /// Messages for the crate.
    pub(crate) inward: TransportSender,
    /// Messages for the peer.
    pub(crate) outward: TransportReceiver,
    /// Cancelled when the flow is not to be used any more.
    pub(crate) ended: CancellationToken,
    pub(crate) closed: CancellationToken,
    /// To be written when the stream is open again.
    pub(crate) waiting: VecDeque<SipMessage>,
    /// Written to a stream on which nothing was heard yet.
    pub(crate) unheard: VecDeque<SipMessage>,
    pub(crate) timing: FlowTiming,
    /// Our port of the stream that is open, where the peer could not open one to us.
    pub(crate) only_port: Option<u16>,
}

/// A flow's clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowTiming {
    pub(crate) ping_every: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) message_within: Duration,
}

impl Default for FlowTiming {
    fn default() -> Self {
        FlowTiming { ping_every: PING_EVERY, pong_within: PONG_WITHIN, message_within: MESSAGE_WITHIN }
    }
}

/// Why a stream is not read any further.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the endpoint closes")]
    Closed,
    #[error("the peer closed it")]
    ByPeer,
    #[error("{0}")]
    Socket(#[from] std::io::Error),
    #[error("the peer takes nothing")]
    Stalled,
    #[error("the peer began a message and did not end it")]
    Unfinished,
    #[error("the peer does not answer keep-alives any more")]
    NoPong,
    #[error("the peer has been silent")]
    Silent,
    #[error("the stream cannot be framed: {0}")]
    Framing(#[from] FramingError),
}

impl Flow {
    /// Serves a stream a peer opened; it is not opened again.
    pub(crate) async fn serve(mut self, stream: BoxedStream) {
        let why = self.run(stream, false).await;
        tracing::debug!(peer = %self.peer, %why, "a SIP stream ended");
        self.ended.cancel();
    }

    /// Serves a stream we opened. While a call or a registration lives over it, it is opened again when it breaks; otherwise only a
    /// message to send opens it again.
    pub(crate) async fn keep<Connect, Connecting>(mut self, stream: Opened, connect: Connect)
    where
        Connect: Fn() -> Connecting,
        Connecting: Future<Output = Result<Opened, String>>,
    {
        let mut stream = Some(stream);
        let (mut pause, mut silent_streams) = (RECONNECT_FIRST_AFTER, 0);
        loop {
            if let Some(open) = stream.take() {
                let since = Instant::now();
                self.only_port = open.only_port;
                let why = self.run(open.stream, true).await;
                tracing::info!(peer = %self.peer, %why, "a SIP stream ended");
                if since.elapsed() > RECONNECT_AT_LEAST_EVERY {
                    pause = RECONNECT_FIRST_AFTER;
                }
                // Lost with the stream, or refused with it: a TLS peer refuses a certificate after we began to speak. The same
                // request again is a repetition (RFC 3261 section 17.2.3), as over UDP.
                silent_streams = if self.unheard.is_empty() { 0 } else { silent_streams + 1 };
                while let Some(message) = self.unheard.pop_back() {
                    self.waiting.push_front(message);
                }
                if silent_streams >= SILENT_STREAMS {
                    silent_streams = 0;
                    self.give_up_waiting(&why.to_string());
                }
            }
            if self.closed.is_cancelled() || (self.waiting.is_empty() && !self.is_needed().await) {
                break;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.closed.cancelled() => break,
            }
            pause = (pause * 2).min(RECONNECT_AT_LEAST_EVERY);
            match connect().await {
                Ok(open) => {
                    tracing::info!(peer = %self.peer, "a SIP stream is open again");
                    stream = Some(open);
                }
                Err(why) => {
                    tracing::warn!(peer = %self.peer, %why, "a SIP stream cannot be opened again");
                    self.read_waiting();
                    self.give_up_waiting(&why);
                }
            }
        }
        self.ended.cancel();
    }

    /// Whether the flow is to come back: at once for a call, else when there is something to send.
    async fn is_needed(&mut self) -> bool {
        if self.routes.is_trunk(self.peer) {
            return true;
        }
        self.read_waiting();
        !self.waiting.is_empty()
    }

    fn give_up_waiting(&mut self, why: &str) {
        for message in std::mem::take(&mut self.waiting) {
            self.tell_unsent(&message, why);
        }
    }

    fn read_waiting(&mut self) {
        while self.waiting.len() < WAITING_MESSAGES
            && let Ok(event) = self.outward.try_recv()
        {
            if let TransportEvent::Incoming(message, ..) = event {
                self.waiting.push_back(message);
            }
        }
    }

    async fn run(&mut self, stream: BoxedStream, pinging: bool) -> Broken {
        let (mut reader, mut writer) = split(stream);
        let broken = match self.exchange(&mut reader, &mut writer, pinging).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        };
        // TLS wants to say goodbye.
        timeout(LAST_WORDS_WITHIN, writer.shutdown()).await.ok();
        broken
    }

    async fn exchange(
        &mut self,
        reader: &mut ReadHalf<BoxedStream>,
        writer: &mut WriteHalf<BoxedStream>,
        pinging: bool,
    ) -> Result<std::convert::Infallible, Broken> {
        let mut framer = Framer::default();
        let mut buffer = vec![0; 16 * 1024];
        let (mut heard, mut begun, mut asked) = (Instant::now(), Instant::now(), Instant::now());
        let (mut answers_pings, mut awaits_pong) = (false, false);
        self.unheard.clear();
        let mut is_silent = true;
        while let Some(message) = self.waiting.pop_front() {
            if let Err(broken) = self.send(writer, &message).await {
                self.waiting.push_front(message);
                return Err(broken);
            }
            self.unheard.push_back(message);
        }
        loop {
            let deadline = match (framer.is_midway(), awaits_pong, pinging) {
                (true, ..) => begun + self.timing.message_within,
                (_, true, _) => asked + self.timing.pong_within,
                (_, _, true) => asked.max(heard) + self.timing.ping_every,
                _ => heard + SILENT_FOR,
            };
            tokio::select! {
                biased;
                () = self.closed.cancelled() => {
                    self.say_last_words(writer).await;
                    return Err(Broken::Closed);
                }
                Some(event) = self.outward.recv() => {
                    let TransportEvent::Incoming(message, ..) = event else { continue };
                    if let Err(broken) = self.send(writer, &message).await {
                        self.waiting.push_back(message);
                        return Err(broken);
                    }
                    if is_silent && self.unheard.len() < WAITING_MESSAGES {
                        self.unheard.push_back(message);
                    }
                }
                read = reader.read(&mut buffer) => {
                    let length = read?;
                    if length == 0 {
                        return Err(Broken::ByPeer);
                    }
                    heard = Instant::now();
                    is_silent = false;
                    self.unheard.clear();
                    if !framer.is_midway() {
                        begun = heard;
                    }
                    framer.push(&buffer[..length]);
                    while let Some(frame) = framer.next()? {
                        begun = heard;
                        match frame {
                            Frame::Message(message) => self.take(writer, &message).await?,
                            Frame::Ping => write(writer, b"\r\n").await?,
                            Frame::Pong => (answers_pings, awaits_pong) = (true, false),
                        }
                    }
                }
                () = sleep_until(deadline) => match (framer.is_midway(), awaits_pong, pinging) {
                    (true, ..) => return Err(Broken::Unfinished),
                    (_, true, _) => return Err(Broken::NoPong),
                    (_, _, true) => {
                        write(writer, b"\r\n\r\n").await?;
                        asked = Instant::now();
                        // Who never answered one need not know how.
                        awaits_pong = answers_pings;
                    }
                    _ => return Err(Broken::Silent),
                },
            }
        }
    }

    async fn send(&self, writer: &mut WriteHalf<BoxedStream>, message: &SipMessage) -> Result<(), Broken> {
        let bytes = message.to_bytes();
        let restated = self.edge.give(&bytes, self.transport, self.peer, self.only_port);
        write(writer, restated.as_deref().unwrap_or(&bytes)).await
    }

    /// What was to be sent when the endpoint closed, such as the answer to a BYE.
    async fn say_last_words(&mut self, writer: &mut WriteHalf<BoxedStream>) {
        while let Ok(event) = self.outward.try_recv() {
            let TransportEvent::Incoming(message, ..) = event else { continue };
            if !matches!(timeout(LAST_WORDS_WITHIN, self.send(writer, &message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    async fn take(&self, writer: &mut WriteHalf<BoxedStream>, message: &[u8]) -> Result<(), Broken> {
        match self.edge.take(message, self.transport, self.peer) {
            Verdict::Take(message) => match SipMessage::try_from(message.as_slice()) {
                Ok(message) => self.hand_in(message),
                Err(error) => tracing::debug!(peer = %self.peer, %error, "a SIP message that cannot be parsed"),
            },
            Verdict::Answer(answer) => write(writer, &answer).await?,
            Verdict::Drop(why) => tracing::debug!(peer = %self.peer, why, "a SIP message is dropped"),
        }
        Ok(())
    }

    fn hand_in(&self, message: SipMessage) {
        let connection = SipConnection::Channel(self.connection.clone());
        self.inward.send(TransportEvent::Incoming(message, connection, sip_address(self.transport, self.peer))).ok();
    }

    /// RFC 3261 section 8.1.3.1: a request that cannot be sent counts as answered with 503, at once instead of after 32 s.
    fn tell_unsent(&self, message: &SipMessage, why: &str) {
        let bytes = message.to_bytes();
        let Some(request) = head::split(&bytes).and_then(|(raw, _)| Head::read(raw)) else { return };
        if request.is_response() || request.start.starts_with("ACK ") {
            return;
        }
        let phrase: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        let mut answer = Head { start: format!("SIP/2.0 503 Not sent: {phrase}"), headers: vec![] };
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            if let Some(value) = request.first(name) {
                answer.push(name, value.to_owned());
            }
        }
        answer.push("Content-Length", "0".to_owned());
        if let Ok(answer) = SipMessage::try_from(answer.write(b"").as_slice()) {
            self.hand_in(answer);
        }
    }
}

async fn write(writer: &mut WriteHalf<BoxedStream>, bytes: &[u8]) -> Result<(), Broken> {
    let writing = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    timeout(WRITE_WITHIN, writing).await.map_err(|_| Broken::Stalled)?.map_err(Broken::Socket)
}

/// An address as the crate names it.
pub(crate) fn sip_address(transport: SipTransport, address: SocketAddr) -> SipAddr {
    let transport = match transport {
        SipTransport::Udp => rsipstack::sip::Transport::Udp,
        SipTransport::Tcp => rsipstack::sip::Transport::Tcp,
        SipTransport::Tls => rsipstack::sip::Transport::Tls,
    };
    SipAddr { r#type: Some(transport), addr: address.into() }
}
