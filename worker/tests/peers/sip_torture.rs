//! RFC 4475's messages: each is sent to an endpoint with a call in progress, and gets the answer the RFC expects, or none.

use std::{path::Path, time::Duration};

use offhook::attempt::WayOut;
use offhook_sip::{DialEvent, DialogEvent, Endpoint, EndpointConfig};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::stream_peer::{PATIENCE, SDP, last, line, request};

/// The message's name, and the codes it may be answered with; none where it is a response, or may be dropped.
///
/// The first part are section 3.1.1's valid messages, then 3.1.2's invalid ones, then 3.2 to 3.4. A request outside a dialog that
/// we do not serve gets 405, an INVITE nobody here takes 480.
const EXPECTED: [(&str, &[u16]); 49] = [
    ("wsinv", &[481]),
    ("intmeth", &[501]),
    ("esc01", &[480]),
    ("escnull", &[405]),
    ("esc02", &[501]),
    ("lwsdisp", &[200]),
    ("longreq", &[480]),
    ("dblreq", &[405]),
    ("semiuri", &[200]),
    ("transports", &[200]),
    ("mpart01", &[405]),
    ("unreason", &[]),
    ("noreason", &[]),
    ("badinv01", &[400]),
    ("clerr", &[400]),
    ("ncl", &[400]),
    ("scalar02", &[400]),
    ("scalarlg", &[]),
    ("quotbal", &[400]),
    ("ltgtruri", &[400]),
    ("lwsruri", &[400]),
    ("lwsstart", &[400]),
    // Liberal: the spaces behind the version do no harm.
    ("trws", &[200]),
    ("escruri", &[400]),
    // The Date is of no use to us, and not read.
    ("baddate", &[480]),
    ("regbadct", &[400, 405]),
    ("badaspec", &[200, 400]),
    ("baddn", &[200, 400]),
    ("badvers", &[505]),
    ("mismatch01", &[400]),
    ("mismatch02", &[400, 501]),
    ("bigcode", &[]),
    ("badbranch", &[200]),
    ("insuf", &[400]),
    ("unkscm", &[416]),
    ("novelsc", &[416]),
    ("unksm2", &[405]),
    ("bext01", &[420]),
    ("invut", &[415]),
    ("regaut01", &[405]),
    ("multi01", &[400]),
    ("mcl01", &[400]),
    ("bcast", &[]),
    ("zeromf", &[200]),
    ("cparam01", &[405]),
    ("cparam02", &[405]),
    ("regescrt", &[405]),
    ("sdp01", &[406, 480]),
    // From has no tag: RFC 2543 let it have none.
    ("inv2543", &[400]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_is_handled_and_the_call_goes_on() {
    let mut callee = endpoint().await;
    let mut calls = callee.incoming().unwrap();
    let caller = endpoint().await;
    let way_out = WayOut::udp("127.0.0.1", callee.local_address().port());
    let mut dialing = caller.dial(request(way_out, "tortured")).await.unwrap();
    let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    let (theirs, event) = tokio::join!(incoming.answer(SDP), last(&mut dialing));
    let (mut theirs, DialEvent::Answered { dialog: ours, .. }) = (theirs.unwrap(), event) else { panic!("not answered") };
    drop(calls);

    let mut wrong = Vec::new();
    for (name, codes) in EXPECTED {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for endpoint in [&callee, &caller] {
            peer.send_to(&torture(name), endpoint.local_address()).await.unwrap();
            // What comes before the answer to this belongs to the message.
            let heartbeat = options(peer.local_addr().unwrap(), &format!("{name}-{}", endpoint.local_address()));
            peer.send_to(heartbeat.as_bytes(), endpoint.local_address()).await.unwrap();
            let mut heard = None;
            loop {
                let answer = received(&peer).await.unwrap_or_else(|| panic!("{name}: the endpoint is dead"));
                if line(&answer, "Call-ID: ").starts_with("heart") {
                    break;
                }
                heard = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
                let copied: Vec<_> = answer.lines().filter(|line| line.starts_with("Via: ")).collect();
                assert!(!copied.is_empty(), "{name}: {answer}");
            }
            if heard.is_none() && !codes.is_empty() {
                // The transaction layer may answer after the heartbeat.
                heard = received(&peer).await.and_then(|answer| answer.split(' ').nth(1)?.parse().ok());
            }
            if heard.map_or(!codes.is_empty(), |code| !codes.contains(&code)) {
                wrong.push(format!("{name}: {heard:?} instead of {codes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    ours.hangup().await.unwrap();
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
}

#[tokio::test]
async fn a_folded_response_with_odd_phrases_belongs_to_its_call() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let caller = endpoint().await;
    let way_out = WayOut::udp("127.0.0.1", trunk.local_addr().unwrap().port());
    let mut dialing = caller.dial(request(way_out, "odd-phrases")).await.unwrap();
    let invite = received(&trunk).await.unwrap();
    let to_us = |status: &str, more: &str, body: &str| {
        format!(
            "\r\n\r\n{status}\r\nv:  {}\r\nf\t: {}\r\nTO :\r\n {}\r\n ;   tag    = 19181n\r\nI: odd-phrases\r\ncseq:\t1\r\n  INVITE\r\n{more}\r\n{body}",
            line(&invite, "Via: "),
            line(&invite, "From: ").replace(";tag=", "  ; tag =  "),
            line(&invite, "To: "),
        )
    };
    trunk.send_to(to_us("SIP/2.0 100 ", "", "").as_bytes(), caller.local_address()).await.unwrap();
    assert!(matches!(timeout(PATIENCE, dialing.next()).await.unwrap(), Some(DialEvent::Trying)));
    let more = "m:\"Quoted string \\\"\\\"\" <sip:callee@127.0.0.1:9> ; newparam =\r\n\tnewvalue\r\nc: application/sdp\r\n";
    trunk.send_to(to_us("SIP/2.0 200 = 2**3 * 5**2 но сто", more, SDP).as_bytes(), caller.local_address()).await.unwrap();
    let DialEvent::Answered { sdp, .. } = last(&mut dialing).await else { panic!("not answered") };
    assert_eq!(sdp, SDP);
}

fn torture(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/torture").join(format!("{name}.dat"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn received(socket: &UdpSocket) -> Option<String> {
    let mut buffer = vec![0; 65_536];
    let (length, _) = timeout(Duration::from_secs(2), socket.recv_from(&mut buffer)).await.ok()?.unwrap();
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn options(from: std::net::SocketAddr, id: &str) -> String {
    format!(
        "OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK-{id}\r\nFrom: <sip:peer@{from}>;tag=p\r\nTo: <sip:us>\r\n\
         Call-ID: heart-{id}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn endpoint() -> Endpoint {
    Endpoint::bind(EndpointConfig::new("127.0.0.1:0".parse().unwrap(), "offhook-test")).await.unwrap()
}
