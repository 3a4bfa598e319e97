//! Peers that say nothing, say it late, or say nonsense.
use std::{net::SocketAddr, time::Duration};

use offhook::attempt::WayOut;
use offhook_sip::{DialEvent, DialRequest, DialogEvent, Endpoint, EndpointConfig, Timing};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{net::UdpSocket, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

#[tokio::test]
async fn a_silent_trunk_is_given_up() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(Duration::from_millis(20)).await;
    let mut dialing = endpoint.dial(request(trunk.local_addr().unwrap(), "silent")).await.unwrap();
    let event = timeout(PATIENCE, dialing.next()).await.unwrap();
    let Some(DialEvent::Failed(failure)) = event else { panic!("{event:?}") };
    assert_eq!((failure.code, failure.cancelled), (None, false));
    assert!(failure.reason.contains("within 1280 ms"), "{}", failure.reason);

    let first = received(&trunk).await;
    assert!(first.starts_with("INVITE sip:callee@restaurant.invalid SIP/2.0\r\n") && first.contains("\r\nCall-ID: silent\r\n"));
    // Whatever else was sent is the same INVITE again.
    let mut buffer = [0; 4096];
    while let Ok(length) = trunk.try_recv(&mut buffer) {
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), first);
    }
}

#[tokio::test]
async fn a_call_given_up_before_the_trunk_spoke_never_rings() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(Duration::from_millis(200)).await;
    let mut dialing = endpoint.dial(request(trunk.local_addr().unwrap(), "given-up-early")).await.unwrap();
    let invite = received(&trunk).await;
    dialing.cancel();
    let event = timeout(PATIENCE, dialing.next()).await.unwrap();
    let Some(DialEvent::Failed(failure)) = event else { panic!("{event:?}") };
    assert!(failure.cancelled);

    // The trunk wakes up: the first thing it hears is CANCEL.
    trunk.send_to(reply(&invite, "180 Ringing").as_bytes(), endpoint.local_address()).await.unwrap();
    let mut heard = received(&trunk).await;
    while heard.starts_with("INVITE ") {
        heard = received(&trunk).await;
    }
    assert!(heard.starts_with("CANCEL sip:callee@restaurant.invalid SIP/2.0\r\n"), "{heard}");
    assert!(heard.contains(line(&invite, "Via:")), "{heard}");
    trunk.send_to(reply(&heard, "200 OK").as_bytes(), endpoint.local_address()).await.unwrap();
    trunk.send_to(reply(&invite, "487 Request Terminated").as_bytes(), endpoint.local_address()).await.unwrap();
    assert!(received(&trunk).await.starts_with("ACK "));
}

#[tokio::test]
async fn a_callee_whose_answer_has_no_tag_is_talked_to_and_hung_up_on() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(Duration::from_millis(200)).await;
    let mut dialing = endpoint.dial(request(trunk.local_addr().unwrap(), "no-tag")).await.unwrap();
    let invite = received(&trunk).await;
    let head = reply(&invite, "200 OK").replace(";tag=late", "").replace("Content-Length: 0\r\n\r\n", "");
    let contact = format!("Contact: <sip:callee@{}>\r\nContent-Type: application/sdp\r\n", trunk.local_addr().unwrap());
    let answer = format!("{head}{contact}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
    trunk.send_to(answer.as_bytes(), endpoint.local_address()).await.unwrap();
    let mut dialog = loop {
        match timeout(PATIENCE, dialing.next()).await.unwrap() {
            Some(DialEvent::Answered { dialog, .. }) => break dialog,
            Some(DialEvent::Failed(failure)) => panic!("{failure:?}"),
            _ => {}
        }
    };
    let serve = async {
        loop {
            let heard = received(&trunk).await;
            if heard.starts_with("BYE ") {
                assert!(!line(&heard, "To:").contains("tag="), "{heard}");
                trunk
                    .send_to(reply(&heard, "200 OK").replace(";tag=late", "").as_bytes(), endpoint.local_address())
                    .await
                    .unwrap();
                break;
            }
        }
    };
    let (hung_up, ()) = tokio::join!(dialog.hangup(), serve);
    hung_up.unwrap();
    assert!(dialog.next().await.is_none());
}

#[tokio::test]
async fn an_address_with_headers_is_never_dialled() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(Duration::from_millis(200)).await;
    let to = "sip:callee@restaurant.invalid?X-Evil=1&Replaces=abc".to_owned();
    let refused = endpoint.dial(DialRequest { to, ..request(trunk.local_addr().unwrap(), "headers") }).await;
    assert!(refused.err().unwrap().to_string().contains("question mark"));
}

#[tokio::test]
async fn requests_that_belong_to_no_call_are_answered() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut endpoint = endpoint(Duration::from_millis(500)).await;
    let here = endpoint.local_address();
    for (method, to_tag, code) in
        [("OPTIONS", "", "200"), ("REGISTER", "", "405"), ("MESSAGE", "", "405"), ("BYE", ";tag=x", "481"), ("INVITE", "", "480")]
    {
        peer.send_to(ask(method, to_tag, peer.local_addr().unwrap()).as_bytes(), here).await.unwrap();
        let answer = received(&peer).await;
        assert!(answer.starts_with(&format!("SIP/2.0 {code} ")), "{method}: {answer}");
    }
    // A CANCEL of nothing.
    peer.send_to(ask("CANCEL", "", peer.local_addr().unwrap()).replace("branch=z", "branch=zz").as_bytes(), here).await.unwrap();
    assert!(received(&peer).await.starts_with("SIP/2.0 481 "));
    assert!(endpoint.incoming().unwrap().try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_during_a_call_does_not_end_it() {
    const DATAGRAMS: usize = 4000;
    let mut callee = endpoint(Duration::from_millis(500)).await;
    let mut calls = callee.incoming().unwrap();
    let caller = endpoint(Duration::from_millis(500)).await;
    let mut dialing = caller.dial(request(callee.local_address(), "sturdy")).await.unwrap();
    let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    let mut theirs = incoming.answer(SDP).await.unwrap();
    let mut ours = loop {
        if let Some(DialEvent::Answered { dialog, .. }) = timeout(PATIENCE, dialing.next()).await.unwrap() {
            break dialog;
        }
    };

    // Many sources: of one alone, most would not be heard.
    let mut attackers = Vec::new();
    for _ in 0..16 {
        attackers.push(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    }
    let mut dice = StdRng::seed_from_u64(20_261_120);
    for round in 0..DATAGRAMS {
        let attacker = &attackers[round % attackers.len()];
        let nonsense = nonsense(&mut dice, attacker.local_addr().unwrap());
        for target in [callee.local_address(), caller.local_address()] {
            attacker.send_to(&nonsense, target).await.unwrap();
        }
        if round % 100 == 0 {
            // Both keep up, so that nothing is merely dropped by the kernel.
            assert_eq!(caller.options("sip:x.invalid", Some(callee.local_address()), PATIENCE).await.unwrap(), 200);
            assert_eq!(callee.options("sip:x.invalid", Some(caller.local_address()), PATIENCE).await.unwrap(), 200);
            while calls.try_recv().is_ok() {}
        }
    }

    ours.hangup().await.unwrap();
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
    assert!(ours.next().await.is_none());
}

/// Random bytes, or a well-formed message with random damage.
fn nonsense(dice: &mut StdRng, from: SocketAddr) -> Vec<u8> {
    if dice.random_ratio(1, 5) {
        return (0..dice.random_range(0..600)).map(|_| dice.random()).collect();
    }
    let methods = ["INVITE", "BYE", "ACK", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER", "BREW"];
    let to_tag = [";tag=x", "", ";tag="][dice.random_range(0..3)];
    let mut message = ask(methods[dice.random_range(0..methods.len())], to_tag, from)
        .replace("branch=z", &format!("branch=z{}", dice.random::<u64>()));
    if dice.random_ratio(1, 3) {
        let code = dice.random_range(0..1000);
        message = message.replacen(message.lines().next().unwrap_or_default(), &format!("SIP/2.0 {code} Whatever"), 1);
    }
    if dice.random_ratio(1, 3) {
        message.push_str(SDP);
        message = message.replace("Content-Length: 0\r\n", "");
    }
    let mut bytes = message.into_bytes();
    for _ in 0..dice.random_range(0..6) {
        let at = dice.random_range(0..bytes.len());
        match dice.random_range(0..4) {
            0 => bytes[at] = dice.random(),
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, dice.random()),
            _ => drop(bytes.remove(at)),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn ask(method: &str, to_tag: &str, from: SocketAddr) -> String {
    format!(
        "{method} sip:someone@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK-{method}\r\nFrom: <sip:peer@{from}>;tag=p\r\n\
         To: <sip:someone@127.0.0.1>{to_tag}\r\nCall-ID: odd-{method}\r\nCSeq: 1 {method}\r\nContact: <sip:peer@{from}>\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn reply(request: &str, status: &str) -> String {
    let copied: String =
        ["Via:", "From:", "Call-ID:", "CSeq:"].iter().map(|name| format!("{}\r\n", line(request, name))).collect();
    format!("SIP/2.0 {status}\r\n{copied}{};tag=late\r\nContent-Length: 0\r\n\r\n", line(request, "To:"))
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.split("\r\n").find(|line| line.starts_with(name)).unwrap_or_default()
}

async fn received(socket: &UdpSocket) -> String {
    let mut buffer = [0; 4096];
    let (length, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("a datagram comes").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

async fn endpoint(t1: Duration) -> Endpoint {
    let config = EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test");
    Endpoint::bind_with(config, Timing { t1 }).await.unwrap()
}

fn request(trunk: SocketAddr, call_id: &str) -> DialRequest {
    DialRequest {
        to: "sip:callee@restaurant.invalid".to_owned(),
        from_user: "+4930999".to_owned(),
        call_id: call_id.to_owned(),
        destination: Some(WayOut::udp(trunk.ip().to_string(), trunk.port())),
        offer: SDP.to_owned(),
        ..DialRequest::default()
    }
}
