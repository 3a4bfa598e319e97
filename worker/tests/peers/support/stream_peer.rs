//! A peer on a stream that says what a test tells it to.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use offhook::attempt::{SipTransport, WayOut};
use offhook_sip::{DialEvent, DialRequest, Dialing};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, UdpSocket},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::support::certificates::Identity;

/// The bound of everything a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// An SDP.
pub const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// Where a peer listens.
pub struct Listening {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// One stream a caller opened, or a socket that takes its datagrams.
pub struct Stream {
    stream: Box<dyn Duplex>,
    bytes: Vec<u8>,
}

/// A UDP socket that talks to who spoke last.
struct Datagrams {
    socket: UdpSocket,
    peer: Option<SocketAddr>,
}

impl AsyncRead for Datagrams {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let from = ready!(self.socket.poll_recv_from(context, buffer))?;
        self.peer = Some(from);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Datagrams {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.socket.poll_send_to(context, bytes, self.peer.expect("somebody spoke"))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Listening {
    /// A port for TCP.
    pub async fn tcp(address: &str) -> Listening {
        Listening { listener: TcpListener::bind(address).await.unwrap(), tls: None }
    }

    /// A port for TLS; asks for a client certificate of `clients_of`, where given.
    pub async fn tls(identity: &Identity, clients_of: Option<&str>) -> Listening {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = match clients_of {
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
                builder.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
                )
            }
            None => builder.with_no_client_auth(),
        };
        let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let config = builder.with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Listening { listener, tls: Some(TlsAcceptor::from(Arc::new(config))) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next stream.
    pub async fn accept(&self) -> Stream {
        self.try_accept().await.unwrap()
    }

    /// The next stream, or why there is none.
    pub async fn try_accept(&self) -> std::io::Result<Stream> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("somebody connects")?;
        let stream: Box<dyn Duplex> = match &self.tls {
            Some(tls) => Box::new(tls.accept(stream).await?),
            None => Box::new(stream),
        };
        Ok(Stream { stream, bytes: vec![] })
    }

    /// A request to dial it, by this name.
    pub fn request(&self, host: &str, call_id: &str) -> DialRequest {
        let transport = if self.tls.is_some() { SipTransport::Tls } else { SipTransport::Tcp };
        request(WayOut { host: host.to_owned(), port: Some(self.address().port()), transport: Some(transport) }, call_id)
    }
}

/// A request to dial by way of a trunk.
pub fn request(way_out: WayOut, call_id: &str) -> DialRequest {
    DialRequest {
        to: "sip:callee@restaurant.invalid".to_owned(),
        from_user: "+4930999".to_owned(),
        call_id: call_id.to_owned(),
        destination: Some(way_out),
        offer: SDP.to_owned(),
        ..DialRequest::default()
    }
}

impl Stream {
    /// A UDP socket, as if it were a stream: a datagram is a write.
    pub fn datagrams(socket: UdpSocket) -> Stream {
        Stream { stream: Box::new(Datagrams { socket, peer: None }), bytes: vec![] }
    }

    /// The next message: head and body.
    pub async fn message(&mut self) -> String {
        let reading = async {
            loop {
                while self.bytes.starts_with(b"\r\n") {
                    self.bytes.drain(..2);
                }
                if let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    let head = String::from_utf8(self.bytes[..end + 4].to_vec()).unwrap();
                    let length: usize = line(&head, "Content-Length: ").parse().unwrap();
                    if self.bytes.len() >= end + 4 + length {
                        return String::from_utf8(self.bytes.drain(..end + 4 + length).collect()).unwrap();
                    }
                }
                self.read().await;
            }
        };
        timeout(PATIENCE, reading).await.expect("a message comes")
    }

    /// So many bytes, whatever they are.
    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let reading = async {
            while self.bytes.len() < length {
                self.read().await;
            }
            self.bytes.drain(..length).collect()
        };
        timeout(PATIENCE, reading).await.expect("bytes come")
    }

    async fn read(&mut self) {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "the stream was closed: {}", String::from_utf8_lossy(&self.bytes));
        self.bytes.extend_from_slice(&buffer[..length]);
    }

    /// Sends text.
    pub async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Answers a request.
    pub async fn reply(&mut self, request: &str, status: &str, more: &str, body: &str) {
        self.say(&response(request, status, more, body)).await;
    }

    /// Plays a callee who picks up at once; the INVITE and the ACK.
    pub async fn answer(&mut self, contact: &str) -> (String, String) {
        let invite = self.message().await;
        assert!(invite.starts_with("INVITE "), "{invite}");
        let more = format!("Contact: <{contact}>\r\nContent-Type: application/sdp\r\n");
        self.reply(&invite, "200 OK", &more, SDP).await;
        let ack = self.message().await;
        assert!(ack.starts_with("ACK "), "{ack}");
        (invite, ack)
    }
}

/// A response to a request.
pub fn response(request: &str, status: &str, more: &str, body: &str) -> String {
    let vias: String = request.lines().filter(|line| line.starts_with("Via: ")).map(|line| format!("{line}\r\n")).collect();
    let to = line(request, "To: ");
    let tag = if to.contains(";tag=") { "" } else { ";tag=late" };
    format!(
        "SIP/2.0 {status}\r\n{vias}From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        line(request, "From: "),
        line(request, "Call-ID: "),
        line(request, "CSeq: "),
        body.len()
    )
}

/// A header's value.
pub fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.split("\r\n").find_map(|line| line.strip_prefix(name)).unwrap_or_default()
}

/// The last event of a call's setup.
pub async fn last(dialing: &mut Dialing) -> DialEvent {
    loop {
        let event = timeout(PATIENCE, dialing.next()).await.expect("an event comes").expect("the call is not over");
        if matches!(event, DialEvent::Answered { .. } | DialEvent::Failed(_)) {
            return event;
        }
    }
}
