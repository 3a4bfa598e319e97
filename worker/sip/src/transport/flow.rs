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
    framing::{Frame, Framer, FramingError},
    gate::Gate,
    head::{self, Head},
    repair::Verdict,
    route::Routes,
};

/// A message has to be complete this long after its first byte.
const MESSAGE_WITHIN: Duration = Duration::from_secs(10);
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// RFC 5626 section 4.4.1: shorter than the idle timeouts of NATs and carriers.
const PING_EVERY: Duration = Duration::from_secs(25);
/// RFC 5626 section 4.4.1: a stream without a pong for this long has failed, where the peer has sent pongs before.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Idle timeout of a stream that the peer opened.
const SILENT_FOR: Duration = Duration::from_secs(600);
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
const RECONNECT_FIRST_AFTER: Duration = Duration::from_millis(250);
const RECONNECT_AT_LEAST_EVERY: Duration = Duration::from_secs(16);
/// Messages that wait for the stream to be opened again; a further request fails at once.
const WAITING_MESSAGES: usize = 64;
/// Messages that wait to be written to an open stream, at most. The crate's channel is unbounded: a bounded one would let a peer that
/// reads nothing stop the crate's loop, and every other call with it.
const QUEUED_MESSAGES: usize = 4096;
/// After this many streams in a row on which the peer sent nothing, the messages written to them count as not sent.
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

/// One stream to a peer, across reconnections.
pub(crate) struct Flow {
    pub(crate) gate: Arc<Gate>,
    pub(crate) routes: Routes,
    pub(crate) transport: SipTransport,
    pub(crate) peer: SocketAddr,
    /// The connection the crate sends on.
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
    /// Written to a stream on which the peer has sent nothing yet.
    pub(crate) unheard: VecDeque<SipMessage>,
    pub(crate) timing: FlowTiming,
    /// Our port of the stream that is open, where the peer could not open one to us.
    pub(crate) only_port: Option<u16>,
}

/// The timers of a flow.
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

/// Why a stream is closed.
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
    #[error("the peer takes less than is written")]
    Overfull,
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
            if self.closed.is_cancelled() || !self.is_needed() {
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

    /// Returns whether the stream is to be opened again: for a call or a registration, or where a message waits.
    fn is_needed(&mut self) -> bool {
        self.read_waiting();
        self.routes.is_trunk(self.peer) || !self.waiting.is_empty()
    }

    fn give_up_waiting(&mut self, why: &str) {
        for message in std::mem::take(&mut self.waiting) {
            self.tell_unsent(&message, why);
        }
    }

    /// Empties the channel, which is unbounded: messages above the limit fail.
    fn read_waiting(&mut self) {
        while let Ok(event) = self.outward.try_recv() {
            let TransportEvent::Incoming(message, ..) = event else { continue };
            if self.waiting.len() < WAITING_MESSAGES {
                self.waiting.push_back(message);
            } else {
                self.tell_unsent(&message, "too many messages wait for the stream to be opened again");
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
                    let sent = if self.outward.len() < QUEUED_MESSAGES {
                        self.send(writer, &message).await
                    } else {
                        Err(Broken::Overfull)
                    };
                    if let Err(broken) = sent {
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
        let restated = self.gate.give(&bytes, self.transport, self.peer, self.only_port);
        write(writer, restated.as_deref().unwrap_or(&bytes)).await
    }

    /// Sends the messages that waited when the endpoint closed, such as the response to a BYE.
    async fn say_last_words(&mut self, writer: &mut WriteHalf<BoxedStream>) {
        while let Ok(event) = self.outward.try_recv() {
            let TransportEvent::Incoming(message, ..) = event else { continue };
            if !matches!(timeout(LAST_WORDS_WITHIN, self.send(writer, &message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    async fn take(&self, writer: &mut WriteHalf<BoxedStream>, message: &[u8]) -> Result<(), Broken> {
        match self.gate.take(message, self.transport, self.peer) {
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

/// Returns an address in the type of the crate.
pub(crate) fn sip_address(transport: SipTransport, address: SocketAddr) -> SipAddr {
    let transport = match transport {
        SipTransport::Udp => rsipstack::sip::Transport::Udp,
        SipTransport::Tcp => rsipstack::sip::Transport::Tcp,
        SipTransport::Tls => rsipstack::sip::Transport::Tls,
    };
    SipAddr { r#type: Some(transport), addr: address.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    /// A flow, and what it passes to the crate.
    async fn flow() -> (Flow, UnboundedReceiver<TransportEvent>) {
        let (us, peer): (SocketAddr, SocketAddr) = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:5999".parse().unwrap());
        let routes = Routes::new(us, &["127.0.0.1:9".parse().unwrap()]);
        let (inward, passed) = unbounded_channel();
        let (to_send, outward) = unbounded_channel();
        let address = sip_address(SipTransport::Tcp, peer);
        let connection = ChannelConnection::create_connection(unbounded_channel().1, to_send, address, None).await.unwrap();
        let flow = Flow {
            gate: Gate::new(us, None, routes.clone()),
            routes,
            transport: SipTransport::Tcp,
            peer,
            connection,
            inward,
            outward,
            ended: CancellationToken::new(),
            closed: CancellationToken::new(),
            waiting: VecDeque::new(),
            unheard: VecDeque::new(),
            timing: FlowTiming::default(),
            only_port: None,
        };
        (flow, passed)
    }

    async fn queue(flow: &Flow, requests: usize) {
        for number in 0..requests {
            let info = format!(
                "INFO sip:c@t SIP/2.0\r\nVia: SIP/2.0/TCP us;branch=z9hG4bK{number}\r\nFrom: <sip:us@h>;tag=u\r\nTo: <sip:c@t>;tag=c\r\n\
                 Call-ID: c1\r\nCSeq: {number} INFO\r\nContent-Length: 0\r\n\r\n"
            );
            flow.connection.send(SipMessage::try_from(info.as_str()).unwrap()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn while_the_stream_is_away_messages_wait_up_to_a_limit_and_further_ones_fail_at_once() {
        let (mut flow, mut passed) = flow().await;
        queue(&flow, WAITING_MESSAGES + 5).await;
        assert!(flow.is_needed());
        assert_eq!((flow.waiting.len(), flow.outward.len(), passed.len()), (WAITING_MESSAGES, 0, 5));
        while let Ok(event) = passed.try_recv() {
            let TransportEvent::Incoming(SipMessage::Response(response), ..) = event else { panic!("not a response") };
            assert_eq!(response.status_code.code(), 503, "{response}");
        }
    }

    #[tokio::test]
    async fn a_stream_whose_peer_takes_less_than_is_written_is_closed() {
        let (mut flow, _passed) = flow().await;
        queue(&flow, QUEUED_MESSAGES + 1).await;
        let (ours, _theirs) = tokio::io::duplex(64);
        assert!(matches!(flow.run(Box::new(ours), true).await, Broken::Overfull));
        assert!(flow.is_needed());
        assert_eq!((flow.waiting.len(), flow.outward.len()), (WAITING_MESSAGES, 0));
    }
}
