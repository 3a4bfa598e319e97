//! Kamailio in the path: it asks for credentials and stays in the route set. Requests of a call that do not take it are told 404.

use offhook::{
    attempt::{SipTransport, WayOut},
    secret::Secret,
};
use offhook_sip::{Credentials, DialEvent, DialogEvent, Endpoint, EndpointConfig};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::{
    certificates::Authority,
    kamailio::Kamailio,
    stream_peer::{Listening, PATIENCE, SDP, Stream, last, line, request},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ack_reinvite_and_bye_take_the_record_route_over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    through_kamailio(SipTransport::Udp, "udp", port, async { Stream::datagrams(socket) }, &Authority::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ack_reinvite_and_bye_take_the_record_route_over_tcp() {
    let callee = Listening::tcp("127.0.0.1:0").await;
    let port = callee.address().port();
    through_kamailio(SipTransport::Tcp, "tcp", port, async move { callee.accept().await }, &Authority::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ack_reinvite_and_bye_take_the_record_route_over_tls() {
    let authority = Authority::new();
    let callee = Listening::tls(&authority.issue(&["127.0.0.1"]), None).await;
    let port = callee.address().port();
    through_kamailio(SipTransport::Tls, "tls", port, async move { callee.accept().await }, &authority).await;
}

/// A call from our endpoint through Kamailio to a callee who plays along, asks for other media, and is hung up on.
async fn through_kamailio(
    transport: SipTransport,
    name: &str,
    port: u16,
    callee: impl Future<Output = Stream>,
    authority: &Authority,
) {
    let proxy = Kamailio::start(port, name, authority, &authority.issue(&["localhost", "127.0.0.1"]));
    let config =
        EndpointConfig { tls: authority.trusted(), ..EndpointConfig::new("127.0.0.1:0".parse().unwrap(), "offhook-test") };
    let caller = Endpoint::bind(config).await.unwrap();
    let proxy_port = if transport == SipTransport::Tls { proxy.tls_port } else { proxy.port };
    let way_out = WayOut { host: "127.0.0.1".into(), port: Some(proxy_port), transport: Some(transport) };
    let mut dialling = request(way_out, "behind-kamailio");
    dialling.credentials = Some(Credentials { username: "caller".into(), password: Secret::new("secret") });
    let mut dialing = caller.dial(dialling).await.unwrap();

    let mut callee = timeout(PATIENCE, callee).await.expect("kamailio calls the callee");
    let invite = callee.message().await;
    assert!(!invite.contains("Proxy-Authorization"), "{invite}");
    let passed_on = line(&invite, "Record-Route: ").to_owned();
    assert!(passed_on.contains(&format!("127.0.0.1:{proxy_port}")), "{invite}");
    let scheme_and_port = format!("sip:callee@127.0.0.1:{port};transport={name}");
    let more = format!("Record-Route: {passed_on}\r\nContact: <{scheme_and_port}>\r\nContent-Type: application/sdp\r\n");
    callee.reply(&invite, "180 Ringing", &format!("Record-Route: {passed_on}\r\n"), "").await;
    callee.reply(&invite, "200 OK", &more, SDP).await;
    let DialEvent::Answered { mut dialog, .. } = last(&mut dialing).await else { panic!("{}", proxy.log()) };
    let ack = callee.message().await;
    assert!(ack.starts_with("ACK sip:callee@127.0.0.1") && came_by(&ack, proxy_port), "{ack}");

    // The callee asks for other media, by the same route.
    let other = SDP.replace("40000", "40002");
    let contact = line(&invite, "Contact: ").trim_matches(['<', '>']);
    let reinvite = format!(
        "INVITE {contact} SIP/2.0\r\nVia: SIP/2.0/{} 127.0.0.1:{port};branch=z9hG4bKagain\r\nRoute: {passed_on}\r\nFrom: {};tag=late\r\n\
         To: {}\r\nCall-ID: behind-kamailio\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <{scheme_and_port}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{other}",
        name.to_uppercase(),
        line(&invite, "To: "),
        line(&invite, "From: "),
        other.len()
    );
    callee.say(&reinvite).await;
    let event = timeout(PATIENCE, dialog.next()).await.expect("the re-INVITE comes").unwrap();
    let DialogEvent::Reoffer { sdp, answer } = event else { panic!("{event:?}") };
    assert_eq!(sdp, other);
    answer.accept(SDP).await;
    let mut answer = callee.message().await;
    while !answer.starts_with("SIP/2.0 200 ") {
        assert!(answer.starts_with("SIP/2.0 1"), "{answer}");
        answer = callee.message().await;
    }
    assert_eq!(line(&answer, "CSeq: "), "1 INVITE");
    let ack = reinvite.replacen("INVITE ", "ACK ", 1).replace("1 INVITE", "1 ACK").replace("Kagain", "Kacked");
    let (head, _) = ack.split_once("Content-Type").unwrap();
    callee.say(&format!("{head}Content-Length: 0\r\n\r\n")).await;

    let (hung_up, bye) = tokio::join!(dialog.hangup(), async {
        let bye = callee.message().await;
        callee.reply(&bye, "200 OK", "", "").await;
        bye
    });
    hung_up.unwrap_or_else(|error| panic!("{error}: {}", proxy.log()));
    assert!(bye.starts_with("BYE sip:callee@127.0.0.1") && came_by(&bye, proxy_port), "{bye}");
    caller.shutdown().await;
}

/// Whether the proxy's Via is on top, and ours below.
fn came_by(message: &str, proxy: u16) -> bool {
    let vias: Vec<_> = message.lines().filter(|line| line.starts_with("Via: ")).collect();
    vias.len() == 2 && vias[0].contains(&format!("127.0.0.1:{proxy};"))
}
