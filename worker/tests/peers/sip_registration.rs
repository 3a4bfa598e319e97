//! A trunk that wants REGISTER: a registrar of the test's own, over UDP and TCP.

use std::{net::SocketAddr, time::Duration};

use offhook::{
    attempt::{SipTransport, WayOut},
    secret::Secret,
};
use offhook_sip::{Credentials, Endpoint, EndpointConfig, RegisterRequest, SipError, Timing};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::stream_peer::{Listening, PATIENCE, line, request, response};

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"first\", algorithm=MD5, qop=\"auth\"\r\n";

#[tokio::test]
async fn a_registration_is_challenged_granted_refreshed_and_taken_back() {
    let registrar = Registrar::new().await;
    let endpoint = endpoint().await;
    let (registration, ()) = tokio::join!(endpoint.register(registrar.request(60)), async {
        let first = registrar.asked().await;
        assert!(first.starts_with("REGISTER sip:trunk.example SIP/2.0\r\n"), "{first}");
        assert_eq!((line(&first, "Expires: "), line(&first, "Supported: ")), ("60", "path"));
        assert!(line(&first, "To: ").contains("<sip:me@trunk.example>") && !first.contains("Authorization"), "{first}");
        registrar.reply(&first, "401 Unauthorized", CHALLENGE).await;
        let second = registrar.asked().await;
        let credentials = line(&second, "Authorization: ");
        assert!(credentials.contains("username=\"user\"") && credentials.contains("qop=auth,"), "{second}");
        assert_eq!(line(&second, "Call-ID: "), line(&first, "Call-ID: "));
        assert_eq!((line(&first, "CSeq: "), line(&second, "CSeq: ")), ("1 REGISTER", "2 REGISTER"));
        // Longer for somebody else; a second for us: the refresh comes before it ends.
        let ours = line(&second, "Contact: ").to_owned();
        let more = format!(
            "Contact: \"x\" <sip:other@192.0.2.1>;expires=3600, {ours};expires=1\r\nExpires: 3600\r\nService-Route: <sip:edge.trunk.example;lr>\r\n"
        );
        registrar.reply(&second, "200 OK", &more).await;
    });
    let registration = registration.unwrap();
    assert!(registration.is_registered());

    let started = std::time::Instant::now();
    let refresh = registrar.asked().await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(line(&refresh, "Expires: "), "60");
    registrar.reply(&refresh, "200 OK", "Expires: 60\r\nService-Route: <sip:edge.trunk.example;lr>\r\n").await;

    // A call goes by the Service-Route (RFC 3608).
    let way_out = WayOut::udp("127.0.0.1", registrar.address().port());
    let dialing = endpoint.dial(request(way_out, "by-service-route")).await.unwrap();
    let invite = registrar.asked().await;
    assert!(invite.starts_with("INVITE ") && line(&invite, "Route: ").contains("<sip:edge.trunk.example;lr>"), "{invite}");
    registrar.reply(&invite, "486 Busy Here", "").await;
    assert!(registrar.asked().await.starts_with("ACK "));
    drop(dialing);

    let ((), ()) = tokio::join!(registration.unregister(), async {
        let last = registrar.asked().await;
        assert!(last.starts_with("REGISTER ") && line(&last, "Expires: ") == "0", "{last}");
        registrar.reply(&last, "200 OK", "").await;
    });
}

#[tokio::test]
async fn a_registrar_that_wants_longer_gets_it_at_once_and_one_that_says_no_is_told() {
    let registrar = Registrar::new().await;
    let endpoint = endpoint().await;
    let (registration, ()) = tokio::join!(endpoint.register(registrar.request(60)), async {
        let first = registrar.asked().await;
        registrar.reply(&first, "423 Interval Too Brief", "Min-Expires: 1800\r\n").await;
        let second = registrar.asked().await;
        assert_eq!(line(&second, "Expires: "), "1800");
        registrar.reply(&second, "200 OK", "").await;
    });
    drop(registration.unwrap());
    // Dropped, it is taken back all the same.
    assert_eq!(line(&registrar.asked().await, "Expires: "), "0");

    let registrar = Registrar::new().await;
    let (refused, ()) = tokio::join!(endpoint.register(registrar.request(60)), async {
        for _ in 0..2 {
            let asked = registrar.asked().await;
            registrar.reply(&asked, "401 Unauthorized", CHALLENGE).await;
        }
    });
    let error = refused.unwrap_err();
    assert!(matches!(error, SipError::Refused { code: 401, .. }), "{error}");
    assert!(error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_stale_nonce_is_answered_with_the_new_one() {
    let registrar = Registrar::new().await;
    let endpoint = endpoint().await;
    let (registration, ()) = tokio::join!(endpoint.register(registrar.request(60)), async {
        let first = registrar.asked().await;
        registrar.reply(&first, "401 Unauthorized", CHALLENGE).await;
        let second = registrar.asked().await;
        let stale = CHALLENGE.replace("nonce=\"first\"", "nonce=\"second\", stale=true");
        registrar.reply(&second, "401 Unauthorized", &stale).await;
        let third = registrar.asked().await;
        assert!(line(&third, "Authorization: ").contains("nonce=\"second\""), "{third}");
        registrar.reply(&third, "200 OK", "").await;
    });
    registration.unwrap();
}

#[tokio::test]
async fn three_refreshes_that_fail_are_told_and_tried_again() {
    let registrar = Registrar::new().await;
    let endpoint = endpoint_with(Duration::from_millis(20)).await;
    let (registration, ()) = tokio::join!(endpoint.register(registrar.request(1)), async {
        let first = registrar.asked().await;
        registrar.reply(&first, "200 OK", "").await;
    });
    let mut registration = registration.unwrap();
    let (why, ()) = tokio::join!(registration.lost(), async {
        for _ in 0..3 {
            let asked = registrar.asked().await;
            registrar.reply(&asked, "500 Out Of Order", "").await;
        }
    });
    assert!(why.contains("500 Out Of Order"), "{why}");
    assert!(!registration.is_registered());
    let asked = registrar.asked().await;
    registrar.reply(&asked, "200 OK", "").await;
    timeout(PATIENCE, async {
        while !registration.is_registered() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is registered again");
}

#[tokio::test]
async fn register_and_call_go_over_one_tcp_connection_by_the_outbound_proxy() {
    let proxy = Listening::tcp("127.0.0.1:0").await;
    let endpoint = endpoint().await;
    let by_proxy = WayOut { host: "127.0.0.1".into(), port: Some(proxy.address().port()), transport: Some(SipTransport::Tcp) };
    let wanted = RegisterRequest {
        address_of_record: "sip:me@trunk.invalid".to_owned(),
        destination: None,
        outbound_proxy: Some(by_proxy.clone()),
        credentials: None,
        expires: Duration::from_secs(600),
    };
    let (registration, mut stream) = tokio::join!(endpoint.register(wanted), async {
        let mut stream = proxy.accept().await;
        let asked = stream.message().await;
        assert!(asked.starts_with("REGISTER sip:trunk.invalid SIP/2.0\r\n"), "{asked}");
        assert!(
            line(&asked, "Route: ").to_ascii_lowercase().contains(&format!("<sip:{};transport=tcp;lr>", proxy.address())),
            "{asked}"
        );
        stream.reply(&asked, "200 OK", "", "").await;
        stream
    });
    let _registration = registration.unwrap();
    let mut dialling = request(WayOut::udp("trunk.invalid", 5060), "by-proxy");
    dialling.outbound_proxy = Some(by_proxy);
    let _dialing = endpoint.dial(dialling).await.unwrap();
    let invite = stream.message().await;
    assert!(invite.starts_with("INVITE ") && line(&invite, "Route: ").contains(";lr>"), "{invite}");
}

struct Registrar {
    socket: UdpSocket,
    us: std::sync::Mutex<Option<SocketAddr>>,
}

impl Registrar {
    async fn new() -> Registrar {
        Registrar { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(), us: std::sync::Mutex::default() }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn request(&self, seconds: u64) -> RegisterRequest {
        RegisterRequest {
            address_of_record: "sip:me@trunk.example".to_owned(),
            destination: Some(WayOut::udp("127.0.0.1", self.address().port())),
            outbound_proxy: None,
            credentials: Some(Credentials { username: "user".to_owned(), password: Secret::new("secret") }),
            expires: Duration::from_secs(seconds),
        }
    }

    async fn asked(&self) -> String {
        let mut buffer = [0; 4096];
        let (length, from) = timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.expect("a request comes").unwrap();
        *self.us.lock().unwrap() = Some(from);
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    async fn reply(&self, request: &str, status: &str, more: &str) {
        let us = self.us.lock().unwrap().unwrap();
        self.socket.send_to(response(request, status, more, "").as_bytes(), us).await.unwrap();
    }
}

async fn endpoint() -> Endpoint {
    // Nothing is sent twice.
    endpoint_with(Duration::from_secs(2)).await
}

async fn endpoint_with(t1: Duration) -> Endpoint {
    let config = EndpointConfig::new("127.0.0.1:0".parse().unwrap(), "offhook-test");
    Endpoint::bind_with(config, Timing { t1 }).await.unwrap()
}
