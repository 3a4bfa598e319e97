//! A trunk of several places (RFC 3263 section 4.3): a dead or overloaded one is passed over, unless somebody was reached by it.

use std::time::Duration;

use offhook::attempt::{SipTransport, WayOut};
use offhook_sip::{DialEvent, DialFailure, DialRequest, Endpoint, EndpointConfig, Timing};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::name_server::{NameServer, Record};

const PATIENCE: Duration = Duration::from_secs(10);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

#[tokio::test]
async fn an_overloaded_place_is_passed_over() {
    let failure = dial(&["100 Trying", "503 Service Unavailable"], &["486 Busy Here"]).await;
    assert_eq!((failure.code, failure.reached), (Some(486), true));
}

#[tokio::test]
async fn a_silent_place_is_passed_over() {
    let failure = dial(&[], &["486 Busy Here"]).await;
    assert_eq!(failure.code, Some(486));
}

#[tokio::test]
async fn nobody_is_rung_by_a_second_way() {
    let failure = dial(&["180 Ringing", "503 Service Unavailable"], &[]).await;
    assert_eq!((failure.code, failure.reached), (Some(503), true));
    let failure = dial(&["600 Busy Everywhere"], &[]).await;
    assert_eq!((failure.code, failure.reached), (Some(600), true));
}

#[tokio::test]
async fn the_last_place_says_why() {
    let failure = dial(&["503 Service Unavailable"], &["503 Service Unavailable"]).await;
    assert_eq!((failure.code, failure.reached), (Some(503), false));
}

/// Dials a trunk of two places that answer so; a place that says nothing must not be asked where the first reached somebody.
async fn dial(first: &[&str], second: &[&str]) -> DialFailure {
    let places = [UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap()];
    let port = |index: usize| places[index].local_addr().unwrap().port();
    let names = NameServer::with(&[
        ("_sip._udp.trunk.test", Record::Service(1, 0, port(0), "one.trunk.test")),
        ("_sip._udp.trunk.test", Record::Service(2, 0, port(1), "two.trunk.test")),
        ("one.trunk.test", Record::Address([127, 0, 0, 1].into())),
        ("two.trunk.test", Record::Address([127, 0, 0, 1].into())),
    ])
    .await;
    let config =
        EndpointConfig { name_servers: vec![names.address], ..EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test") };
    let endpoint = Endpoint::bind_with(config, Timing { t1: Duration::from_millis(20) }).await.unwrap();
    let request = DialRequest {
        to: "sip:callee@restaurant.invalid".to_owned(),
        call_id: "dead-places".to_owned(),
        destination: Some(WayOut { host: "trunk.test".to_owned(), port: None, transport: Some(SipTransport::Udp) }),
        offer: SDP.to_owned(),
        ..DialRequest::default()
    };
    let mut dialing = endpoint.dial(request).await.unwrap();
    let first_asked = speak(&places[0], first).await;
    let second_asked = if second.is_empty() { String::new() } else { speak(&places[1], second).await };
    let failure = loop {
        match timeout(PATIENCE, dialing.next()).await.unwrap().unwrap() {
            DialEvent::Failed(failure) => break failure,
            DialEvent::Answered { .. } => panic!("answered"),
            _ => {}
        }
    };
    endpoint.shutdown().await;
    if second.is_empty() {
        assert!(places[1].try_recv(&mut [0; 4096]).is_err(), "the second place was asked");
    } else {
        assert!(line(&first_asked, "CSeq:").ends_with("1 INVITE") && line(&second_asked, "CSeq:").ends_with("2 INVITE"));
        assert_ne!(line(&first_asked, "Via:"), line(&second_asked, "Via:"));
        assert_eq!(line(&first_asked, "From:"), line(&second_asked, "From:"));
    }
    failure
}

/// Waits for the INVITE and answers it.
async fn speak(place: &UdpSocket, answers: &[&str]) -> String {
    let mut buffer = [0; 4096];
    let (length, from) = timeout(PATIENCE, place.recv_from(&mut buffer)).await.expect("an INVITE comes").unwrap();
    let invite = String::from_utf8_lossy(&buffer[..length]).into_owned();
    for status in answers {
        let copied: String =
            ["Via:", "From:", "Call-ID:", "CSeq:"].iter().map(|name| format!("{}\r\n", line(&invite, name))).collect();
        let answer = format!(
            "SIP/2.0 {status}\r\n{copied}{};tag=place\r\nContact: <sip:callee@{}>\r\nContent-Length: 0\r\n\r\n",
            line(&invite, "To:"),
            place.local_addr().unwrap()
        );
        place.send_to(answer.as_bytes(), from).await.unwrap();
    }
    invite
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.split("\r\n").find(|line| line.starts_with(name)).unwrap_or_default()
}
