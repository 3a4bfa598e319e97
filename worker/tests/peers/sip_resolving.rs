//! Where a trunk's name leads: NAPTR, SRV and addresses, asked of a name server of the test's own.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use offhook::attempt::{SipTransport, TlsSpecification, WayOut};
use offhook_sip::{Endpoint, EndpointConfig, SipError};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::{
    certificates::Authority,
    name_server::{NameServer, Record},
    stream_peer::{Listening, PATIENCE, line, request},
};

const HERE: Record = Record::Address(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

#[tokio::test]
async fn srv_names_the_host_and_port_of_a_trunk() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = trunk.local_addr().unwrap().port();
    let names = NameServer::with(&[
        ("_sip._udp.trunk.test", Record::Service(20, 0, 9, "late.trunk.test")),
        ("_sip._udp.trunk.test", Record::Service(10, 0, port, "first.trunk.test")),
        ("first.trunk.test", HERE),
        ("late.trunk.test", HERE),
    ])
    .await;
    let caller = caller(&names, TlsSpecification::default()).await;
    let _dialing = caller.dial(request(way_out("trunk.test", None, Some(SipTransport::Udp)), "by-srv")).await.unwrap();
    assert!(invited(&trunk).await.starts_with("INVITE "));
}

#[tokio::test]
async fn naptr_chooses_the_transport_and_tls_wants_the_trunks_own_name() {
    let authority = Authority::new();
    // The certificate names the trunk, not the host the DNS leads to (RFC 5922 section 4).
    let trunk = Listening::tls(&authority.issue(&["trunk.test"]), None).await;
    let names = NameServer::with(&[
        ("trunk.test", Record::Pointer(20, 0, "SIP+D2U", "_sip._udp.trunk.test")),
        ("trunk.test", Record::Pointer(10, 0, "SIPS+D2T", "_sips._tcp.trunk.test")),
        ("trunk.test", Record::Pointer(5, 0, "SIP+D2S", "_sip._sctp.trunk.test")),
        ("_sips._tcp.trunk.test", Record::Service(1, 1, trunk.address().port(), "host7.provider.test")),
        ("host7.provider.test", HERE),
    ])
    .await;
    let caller = caller(&names, authority.trusted()).await;
    let (dialing, stream) = tokio::join!(caller.dial(request(way_out("trunk.test", None, None), "by-naptr")), trunk.try_accept());
    let _dialing = dialing.unwrap();
    let invite = stream.unwrap().message().await;
    assert!(line(&invite, "Via: ").starts_with("SIP/2.0/TLS "), "{invite}");
    assert!(!names.asked().iter().any(|name| name.contains("_sctp")), "{:?}", names.asked());
}

#[tokio::test]
async fn the_next_place_is_tried_where_nobody_listens_at_the_first() {
    let trunk = Listening::tcp("127.0.0.1:0").await;
    let gone = Listening::tcp("127.0.0.1:0").await.address().port();
    let names = NameServer::with(&[
        ("_sip._tcp.trunk.test", Record::Service(10, 0, gone, "a.trunk.test")),
        ("_sip._tcp.trunk.test", Record::Service(20, 0, trunk.address().port(), "b.trunk.test")),
        ("a.trunk.test", HERE),
        ("b.trunk.test", HERE),
    ])
    .await;
    let caller = caller(&names, TlsSpecification::default()).await;
    let _dialing = caller.dial(request(way_out("trunk.test", None, Some(SipTransport::Tcp)), "second-place")).await.unwrap();
    assert!(trunk.accept().await.message().await.starts_with("INVITE "));
}

#[tokio::test]
async fn a_port_that_is_named_asks_for_no_srv() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let names = NameServer::with(&[("trunk.test", HERE), ("_sip._udp.trunk.test", Record::Service(1, 1, 9, "trunk.test"))]).await;
    let caller = caller(&names, TlsSpecification::default()).await;
    let port = trunk.local_addr().unwrap().port();
    let _dialing = caller.dial(request(way_out("trunk.test", Some(port), None), "port-named")).await.unwrap();
    assert!(invited(&trunk).await.starts_with("INVITE "));
    assert!(names.asked().iter().all(|name| name == "trunk.test"), "{:?}", names.asked());
}

#[tokio::test]
async fn a_name_nobody_knows_and_a_server_that_is_silent_are_told_in_time() {
    let names = NameServer::with(&[]).await;
    let error = caller(&names, TlsSpecification::default())
        .await
        .dial(request(way_out("nowhere.test", None, None), "x"))
        .await
        .unwrap_err();
    assert!(matches!(error, SipError::Resolve { .. }) && error.to_string().contains("nowhere.test"), "{error}");
    let silent = NameServer::silent().await;
    let started = Instant::now();
    let error = caller(&silent, TlsSpecification::default())
        .await
        .dial(request(way_out("slow.test", None, None), "x"))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(error.to_string().contains("no answer within 5 s"), "{error}");
}

fn way_out(host: &str, port: Option<u16>, transport: Option<SipTransport>) -> WayOut {
    WayOut { host: host.to_owned(), port, transport }
}

async fn invited(trunk: &UdpSocket) -> String {
    let mut buffer = [0; 4096];
    let (length, _) = timeout(PATIENCE, trunk.recv_from(&mut buffer)).await.expect("an INVITE comes").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

async fn caller(names: &NameServer, tls: TlsSpecification) -> Endpoint {
    let config = EndpointConfig {
        tls,
        name_servers: vec![names.address],
        ..EndpointConfig::new("127.0.0.1:0".parse().unwrap(), "offhook-test")
    };
    Endpoint::bind(config).await.unwrap()
}
