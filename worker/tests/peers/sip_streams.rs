//! Calls over TCP and TLS.

use std::{net::SocketAddr, time::Duration};

use offhook::attempt::{SipTransport, TlsSpecification, WayOut};
use offhook_sip::{DialEvent, Dialog, DialogEvent, Endpoint, EndpointConfig, SipError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    certificates::Authority,
    stream_peer::{Listening, PATIENCE, SDP, last, line, request},
};

#[tokio::test]
async fn a_call_over_tcp_goes_over_one_connection_from_invite_to_bye() {
    let trunk = Listening::tcp("127.0.0.1:0").await;
    let caller = caller(TlsSpecification::default()).await;
    let mut dialing = caller.dial(trunk.request("127.0.0.1", "over-tcp")).await.unwrap();
    let mut stream = trunk.accept().await;
    let invite = stream.message().await;
    let us = caller.local_address();
    assert!(line(&invite, "Via: ").starts_with(&format!("SIP/2.0/TCP {us};")), "{invite}");
    assert_eq!(line(&invite, "Contact: ").to_ascii_lowercase(), format!("<sip:+4930999@{us};transport=tcp>"));
    // A Contact that leads nowhere and a proxy that stays in the path: the connection is what counts.
    let more = "Record-Route: <sip:127.0.0.1:9;transport=tcp;lr>\r\nContact: <sip:callee@192.0.2.99:5060;transport=tcp>\r\nContent-Type: application/sdp\r\n";
    stream.reply(&invite, "180 Ringing", "", "").await;
    stream.reply(&invite, "200 OK", more, SDP).await;
    let dialog = answered(last(&mut dialing).await);
    let ack = stream.message().await;
    assert!(ack.starts_with("ACK sip:callee@192.0.2.99:5060;transport="), "{ack}");
    assert!(line(&ack, "Route: ").contains("127.0.0.1:9"), "{ack}");
    let (hung_up, bye) = tokio::join!(dialog.hangup(), async {
        let bye = stream.message().await;
        stream.reply(&bye, "200 OK", "", "").await;
        bye
    });
    hung_up.unwrap();
    assert!(bye.starts_with("BYE sip:callee@192.0.2.99:5060;transport="), "{bye}");
    assert!(line(&bye, "Via: ").starts_with("SIP/2.0/TCP ") && line(&bye, "Route: ").contains("127.0.0.1:9"), "{bye}");
}

#[tokio::test]
async fn what_the_peer_asks_on_our_connection_is_answered_there() {
    let trunk = Listening::tcp("127.0.0.1:0").await;
    let caller = caller(TlsSpecification::default()).await;
    let mut dialing = caller.dial(trunk.request("localhost", "asked-back")).await.unwrap();
    let mut stream = trunk.accept().await;
    let (invite, _) = stream.answer("sip:callee@127.0.0.1:9;transport=tcp").await;
    let mut dialog = answered(last(&mut dialing).await);
    // A keep-alive, a request cut into pieces with a folded header, and the next one right behind it.
    stream.say("\r\n\r\n").await;
    assert_eq!(stream.exactly(2).await, b"\r\n");
    let within = |method: &str, number: u32| {
        format!(
            "{method} sip:us SIP/2.0\r\nv: SIP/2.0/TCP 127.0.0.1:9\r\n ;branch=z9hG4bK{number}\r\nf: <sip:callee@restaurant.invalid>;tag=late\r\n\
             t: {}\r\ni: asked-back\r\nCSeq: {number} {method}\r\nMax-Forwards: 70\r\nl: 0\r\n\r\n",
            line(&invite, "From: ")
        )
    };
    let both = within("OPTIONS", 7) + &within("BYE", 8).replace("l: 0", "Reason: Q.850;cause=16\r\nl: 0");
    for piece in both.as_bytes().chunks(61) {
        stream.say(std::str::from_utf8(piece).unwrap()).await;
    }
    assert!(stream.message().await.starts_with("SIP/2.0 200 OK\r\n"));
    assert!(stream.message().await.starts_with("SIP/2.0 200 OK\r\n"));
    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { cause: Some(16), .. })), "{event:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_during_a_call_comes_back_and_the_call_goes_on() {
    let trunk = Listening::tcp("127.0.0.1:0").await;
    let caller = caller(TlsSpecification::default()).await;
    let mut dialing = caller.dial(trunk.request("127.0.0.1", "broken-line")).await.unwrap();
    let mut stream = trunk.accept().await;
    stream.answer("sip:callee@127.0.0.1:9;transport=tcp").await;
    let dialog = answered(last(&mut dialing).await);
    drop(stream);
    let mut again = trunk.accept().await;
    let (hung_up, bye) = tokio::join!(dialog.hangup(), async {
        let bye = again.message().await;
        again.reply(&bye, "200 OK", "", "").await;
        bye
    });
    hung_up.unwrap();
    assert!(bye.starts_with("BYE "), "{bye}");
}

#[tokio::test]
async fn a_trunk_nobody_listens_at_is_told_before_the_call() {
    let gone = Listening::tcp("127.0.0.1:0").await;
    let request = gone.request("127.0.0.1", "nobody");
    drop(gone);
    let error = caller(TlsSpecification::default()).await.dial(request).await.unwrap_err();
    assert!(matches!(error, SipError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("check the trunk's address"), "{error}");
}

#[tokio::test]
async fn two_endpoints_talk_over_tcp_and_tls() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    for transport in [SipTransport::Tcp, SipTransport::Tls] {
        let mut callee = endpoint("127.0.0.1:0", authority.trusted_as(&identity)).await;
        let mut calls = callee.incoming().unwrap();
        let caller = endpoint("127.0.0.1:0", authority.trusted()).await;
        let way_out = WayOut { host: "localhost".into(), port: Some(callee.local_address().port()), transport: Some(transport) };
        let mut dialing = caller.dial(request(way_out, "both-ours")).await.unwrap();
        let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
        let (theirs, event) = tokio::join!(incoming.answer(SDP), last(&mut dialing));
        let (mut ours, theirs) = (answered(event), theirs.unwrap());
        theirs.hangup().await.unwrap();
        let event = timeout(PATIENCE, ours.next()).await.unwrap();
        assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{transport:?}: {event:?}");
    }
}

#[tokio::test]
async fn a_secure_uri_is_dialled_over_tls_with_a_secure_contact() {
    let authority = Authority::new();
    let trunk = Listening::tls(&authority.issue(&["127.0.0.1"]), None).await;
    let caller = caller(authority.trusted()).await;
    let mut dialling = trunk.request("127.0.0.1", "secure");
    dialling.to = format!("sips:callee@{}", trunk.address());
    dialling.destination = None;
    let (dialing, mut stream) = tokio::join!(caller.dial(dialling), trunk.accept());
    let mut dialing = dialing.unwrap();
    let (invite, _) = stream.answer("sips:callee@127.0.0.1:9").await;
    assert!(invite.starts_with("INVITE sips:callee@") && line(&invite, "Via: ").starts_with("SIP/2.0/TLS "), "{invite}");
    assert!(line(&invite, "Contact: ").starts_with("<sips:+4930999@"), "{invite}");
    drop(answered(last(&mut dialing).await));
    assert!(stream.message().await.starts_with("BYE sips:callee@127.0.0.1:9 "));
}

#[tokio::test]
async fn a_uri_that_names_tcp_is_dialled_over_tcp() {
    let trunk = Listening::tcp("127.0.0.1:0").await;
    let caller = caller(TlsSpecification::default()).await;
    let mut dialling = trunk.request("127.0.0.1", "named-tcp");
    dialling.to = format!("sip:callee@{};transport=tcp", trunk.address());
    dialling.destination = None;
    let _dialing = caller.dial(dialling).await.unwrap();
    assert!(trunk.accept().await.message().await.starts_with("INVITE sip:callee@127.0.0.1"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_told_with_its_fault() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (identity, told) in [
        (authority.issue_expired(&["localhost"]), "expired"),
        (stranger.issue(&["localhost"]), "unknown authority"),
        (authority.issue(&["other.example"]), "server name"),
    ] {
        let trunk = Listening::tls(&identity, None).await;
        let caller = caller(authority.trusted()).await;
        let (error, _) = tokio::join!(caller.dial(trunk.request("localhost", "untrusted")), trunk.try_accept());
        let error = error.unwrap_err();
        assert!(matches!(error, SipError::Tls { .. }), "{error}");
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    // The name in the certificate may be another than the one that is dialled, where the trunk says so.
    let trunk = Listening::tls(&authority.issue(&["other.example"]), None).await;
    let named = TlsSpecification { server_name: Some("other.example".into()), ..authority.trusted() };
    let caller = caller(named).await;
    let (dialing, stream) = tokio::join!(caller.dial(trunk.request("localhost", "renamed")), trunk.try_accept());
    dialing.unwrap();
    assert!(stream.unwrap().message().await.starts_with("INVITE "));
}

#[tokio::test]
async fn a_trunk_that_wants_a_certificate_gets_ours() {
    let authority = Authority::new();
    let ours = authority.issue(&["caller.example"]);
    let trunk = Listening::tls(&authority.issue(&["localhost"]), Some(&authority.pem())).await;
    let known = caller(authority.trusted_as(&ours)).await;
    let (dialing, mut stream) = tokio::join!(known.dial(trunk.request("localhost", "shown")), trunk.accept());
    let mut dialing = dialing.unwrap();
    stream.answer("sips:callee@127.0.0.1:9").await;
    drop(answered(last(&mut dialing).await));

    // Under TLS 1.3 a refusal comes after the handshake: the call fails at once, not after half a minute.
    let unknown = caller(authority.trusted()).await;
    let (dialing, refused) = tokio::join!(unknown.dial(trunk.request("localhost", "unshown")), trunk.try_accept());
    assert!(refused.is_err());
    if let Ok(mut dialing) = dialing {
        let refusing = async { while trunk.try_accept().await.is_err() {} };
        let event = tokio::select! { event = last(&mut dialing) => event, () = refusing => panic!("it was let in") };
        assert!(matches!(event, DialEvent::Failed(_)), "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_streams_end_and_the_call_goes_on() {
    let mut callee = endpoint("127.0.0.1:0", TlsSpecification::default()).await;
    let mut calls = callee.incoming().unwrap();
    let caller = caller(TlsSpecification::default()).await;
    let way_out =
        WayOut { host: "127.0.0.1".into(), port: Some(callee.local_address().port()), transport: Some(SipTransport::Tcp) };
    let mut dialing = caller.dial(request(way_out, "sturdy-stream")).await.unwrap();
    let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    let (theirs, event) = tokio::join!(incoming.answer(SDP), last(&mut dialing));
    let (ours, mut theirs) = (answered(event), theirs.unwrap());

    let endless = "A".repeat(70_000);
    let bodies = format!("OPTIONS sip:a SIP/2.0\r\nContent-Length: {}\r\n\r\n", 70_000);
    for (what, bytes) in [
        ("an endless head", endless.as_bytes()),
        ("a body larger than anything", bodies.as_bytes()),
        ("a length that is none", b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n".as_slice()),
        ("TLS where we have no certificate", &[22, 3, 1, 0, 5, 1, 2, 3, 4, 5]),
    ] {
        let mut attacker = TcpStream::connect(callee.local_address()).await.unwrap();
        attacker.write_all(bytes).await.ok();
        let mut rest = Vec::new();
        timeout(PATIENCE, attacker.read_to_end(&mut rest)).await.unwrap_or_else(|_| panic!("{what} is not ended")).ok();
    }
    // Requests in one stroke, more than anybody is allowed: most are dropped, none of them kills the stream.
    let mut flood = TcpStream::connect(callee.local_address()).await.unwrap();
    let from = flood.local_addr().unwrap();
    let mut burst = String::new();
    for number in 0..2000 {
        burst.push_str(&options(from, number));
    }
    let (mut reader, mut writer) = flood.split();
    let reading = async {
        let (mut answers, mut buffer) = (0, vec![0; 65_536]);
        while let Ok(Ok(length)) = timeout(Duration::from_millis(500), reader.read(&mut buffer)).await {
            answers += String::from_utf8_lossy(&buffer[..length]).matches("SIP/2.0 200 ").count();
            if length == 0 {
                break;
            }
        }
        answers
    };
    let (answers, _) = tokio::join!(reading, async { writer.write_all(burst.as_bytes()).await.ok() });
    assert!((300..700).contains(&answers), "{answers} of 2000 answered");

    ours.hangup().await.unwrap();
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
}

#[tokio::test]
async fn calls_go_over_ipv6() {
    for transport in [SipTransport::Udp, SipTransport::Tcp] {
        let mut callee = endpoint("[::1]:0", TlsSpecification::default()).await;
        let mut calls = callee.incoming().unwrap();
        let caller = endpoint("[::1]:0", TlsSpecification::default()).await;
        let way_out = WayOut { host: "::1".into(), port: Some(callee.local_address().port()), transport: Some(transport) };
        let mut dialing = caller.dial(request(way_out, "six")).await.unwrap();
        let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
        assert_eq!(incoming.from, format!("sip:+4930999@{}", caller.local_address()));
        let (theirs, event) = tokio::join!(incoming.answer(SDP), last(&mut dialing));
        let (ours, mut theirs) = (answered(event), theirs.unwrap());
        ours.hangup().await.unwrap();
        let event = timeout(PATIENCE, theirs.next()).await.unwrap();
        assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{transport:?}: {event:?}");
    }
}

#[tokio::test]
async fn an_ipv6_peer_behind_a_name_gets_its_answer_where_it_came_from() {
    let peer = tokio::net::UdpSocket::bind("[::1]:0").await.unwrap();
    let us = endpoint("[::1]:0", TlsSpecification::default()).await;
    let asked = options(peer.local_addr().unwrap(), 1).replace("TCP ", "UDP ");
    let via = line(&asked, "Via: ").to_owned();
    for hidden in ["pbx.invalid:5060", "[2001:db8::9]:5060"] {
        let sent_by = via.split_once(' ').unwrap().1.split_once(';').unwrap().0;
        let asked = asked
            .replacen(sent_by, hidden, 1)
            .replace("z9hG4bK1", &format!("z9hG4bK1{}", hidden.len()))
            .replace(";rport", "")
            .replace("branch=", "rport;branch=");
        peer.send_to(asked.as_bytes(), us.local_address()).await.unwrap();
        let mut buffer = [0; 4096];
        let (length, _) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.expect("an answer comes").unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

fn options(from: SocketAddr, number: u32) -> String {
    format!(
        "OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/TCP {from};branch=z9hG4bK{number};rport\r\nFrom: <sip:peer@{from}>;tag=p\r\n\
         To: <sip:us>\r\nCall-ID: flood-{number}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn answered(event: DialEvent) -> Dialog {
    match event {
        DialEvent::Answered { dialog, .. } => dialog,
        other => panic!("not answered: {other:?}"),
    }
}

async fn caller(tls: TlsSpecification) -> Endpoint {
    endpoint("127.0.0.1:0", tls).await
}

async fn endpoint(address: &str, tls: TlsSpecification) -> Endpoint {
    let config = EndpointConfig { tls, ..EndpointConfig::new(address.parse().unwrap(), "offhook-test") };
    Endpoint::bind(config).await.unwrap()
}
