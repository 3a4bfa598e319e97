//! Strangers and floods within a call: it goes on, and nothing grows without bound.
use std::{net::SocketAddr, time::Duration};

use offhook::attempt::WayOut;
use offhook_sip::{DialEvent, DialRequest, Dialing, Dialog, DialogEvent, Endpoint, EndpointConfig, Timing};
use tokio::{net::UdpSocket, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// A callee that is a script.
struct Callee {
    socket: UdpSocket,
    us: SocketAddr,
    invite: String,
}

#[tokio::test]
async fn a_stranger_cannot_hang_up() {
    let (callee, _endpoint, mut dialing) = dial().await;
    callee.send(&callee.reply("200 OK", SDP)).await;
    let mut dialog = answered(&mut dialing).await;
    assert!(callee.heard().await.starts_with("ACK "));

    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (from_tag, to_tag, call_id) in [("guess", "", "attacked"), ("callee", "guess", "attacked"), ("callee", "", "another")] {
        let bye = callee.ask("BYE", 50, from_tag, to_tag, call_id, "");
        stranger.send_to(bye.as_bytes(), callee.us).await.unwrap();
        let answer = received(&stranger).await;
        assert!(answer.starts_with("SIP/2.0 481 "), "{answer}");
    }
    assert!(timeout(Duration::from_millis(200), dialog.next()).await.is_err(), "the call goes on");
    callee.send(&callee.ask("BYE", 51, "callee", "", "attacked", "")).await;
    assert!(callee.heard().await.starts_with("SIP/2.0 200 "));
    assert!(matches!(dialog.next().await, Some(DialogEvent::RemoteBye { .. })));
}

#[tokio::test]
async fn a_flood_within_the_call_is_bounded() {
    const INFOS: u32 = 300;
    let (callee, _endpoint, mut dialing) = dial().await;
    callee.send(&callee.reply("200 OK", SDP)).await;
    let mut dialog = answered(&mut dialing).await;
    assert!(callee.heard().await.starts_with("ACK "));

    // Nobody reads the call's events.
    let (mut taken, mut refused) = (0, 0);
    for number in 1..=INFOS {
        callee.send(&callee.ask("INFO", number, "callee", "", "attacked", "Signal=1\r\n")).await;
        match &callee.heard().await[..12] {
            "SIP/2.0 200 " => taken += 1,
            "SIP/2.0 500 " => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(taken < 32 && taken + refused == INFOS, "{taken} taken, {refused} refused");
    // The digits that were taken are there, and the end comes after them.
    callee.send(&callee.ask("BYE", INFOS + 1, "callee", "", "attacked", "")).await;
    assert!(callee.heard().await.starts_with("SIP/2.0 200 "));
    for _ in 0..taken {
        assert!(matches!(dialog.next().await, Some(DialogEvent::Info { .. })));
    }
    assert!(matches!(dialog.next().await, Some(DialogEvent::RemoteBye { .. })));
}

#[tokio::test]
async fn a_hangup_that_overtakes_its_answer_is_understood() {
    let (callee, _endpoint, mut dialing) = dial().await;
    callee.send(&callee.ask("BYE", 1, "callee", "", "attacked", "")).await;
    callee.send(&callee.reply("200 OK", SDP)).await;
    let mut dialog = answered(&mut dialing).await;
    assert!(matches!(timeout(PATIENCE, dialog.next()).await.unwrap(), Some(DialogEvent::RemoteBye { .. })));
    let (one, other) = (callee.heard().await, callee.heard().await);
    let heard = format!("{one}{other}");
    assert!(heard.contains("ACK sip:") && heard.contains("SIP/2.0 200 "), "{heard}");
}

#[tokio::test]
async fn an_answer_that_is_never_acknowledged_ends_the_call() {
    let (callee, _endpoint, mut dialing) = dial_with(Timing { t1: Duration::from_millis(20) }).await;
    callee.send(&callee.reply("200 OK", SDP)).await;
    let mut dialog = answered(&mut dialing).await;
    assert!(callee.heard().await.starts_with("ACK "));
    callee.send(&callee.ask("INVITE", 1, "callee", "", "attacked", "")).await;
    // 100, and 200 again and again.
    let mut answers = 0;
    let last = loop {
        let heard = callee.heard().await;
        if !heard.starts_with("SIP/2.0 ") {
            break heard;
        }
        answers += usize::from(heard.starts_with("SIP/2.0 200 "));
    };
    assert!(answers > 1 && last.starts_with("BYE ") && last.contains("Reason: SIP;cause=408"), "{answers}, {last}");
    callee.send(&callee.reply_to(&last, "200 OK")).await;
    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::Lost { ref why }) if why.contains("never acknowledged")), "{event:?}");
    assert!(timeout(PATIENCE, dialog.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_hangup_without_an_answer_is_none() {
    let (callee, _endpoint, mut dialing) = dial().await;
    callee.send(&callee.ask("BYE", 1, "callee", "", "attacked", "")).await;
    assert!(callee.heard().await.starts_with("SIP/2.0 481 "));
    callee.send(&callee.reply("200 OK", SDP)).await;
    let dialog = answered(&mut dialing).await;
    assert!(callee.heard().await.starts_with("ACK "));
    drop(dialog);
    assert!(callee.heard().await.starts_with("BYE "));
}

async fn dial() -> (Callee, Endpoint, Dialing) {
    dial_with(Timing::default()).await
}

async fn dial_with(timing: Timing) -> (Callee, Endpoint, Dialing) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test");
    let endpoint = Endpoint::bind_with(config, timing).await.unwrap();
    let at = socket.local_addr().unwrap();
    let request = DialRequest {
        to: "sip:callee@restaurant.invalid".to_owned(),
        from_user: "+4930999".to_owned(),
        call_id: "attacked".to_owned(),
        destination: Some(WayOut::udp(at.ip().to_string(), at.port())),
        offer: SDP.to_owned(),
        ..DialRequest::default()
    };
    let dialing = endpoint.dial(request).await.unwrap();
    let invite = received(&socket).await;
    (Callee { socket, us: endpoint.local_address(), invite }, endpoint, dialing)
}

impl Callee {
    async fn send(&self, message: &str) {
        self.socket.send_to(message.as_bytes(), self.us).await.unwrap();
    }

    async fn heard(&self) -> String {
        loop {
            let message = received(&self.socket).await;
            // A keep-alive, or the INVITE once more.
            if !message.starts_with("INVITE ") && !message.starts_with("OPTIONS ") {
                return message;
            }
        }
    }

    fn reply(&self, status: &str, sdp: &str) -> String {
        let copied: String =
            ["Via:", "From:", "Call-ID:", "CSeq:"].iter().map(|name| format!("{}\r\n", line(&self.invite, name))).collect();
        let at = self.socket.local_addr().unwrap();
        format!(
            "SIP/2.0 {status}\r\n{copied}{};tag=callee\r\nContact: <sip:callee@{at}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            line(&self.invite, "To:"),
            sdp.len()
        )
    }

    /// An answer to a request of theirs within the call.
    fn reply_to(&self, request: &str, status: &str) -> String {
        let copied: String =
            ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().map(|name| format!("{}\r\n", line(request, name))).collect();
        format!("SIP/2.0 {status}\r\n{copied}Content-Length: 0\r\n\r\n")
    }

    /// A request within the call; an empty `to_tag` is the right one.
    fn ask(&self, method: &str, number: u32, from_tag: &str, to_tag: &str, call_id: &str, body: &str) -> String {
        let at = self.socket.local_addr().unwrap();
        let ours = line(&self.invite, "From:").split("tag=").nth(1).unwrap();
        let to_tag = if to_tag.is_empty() { ours } else { to_tag };
        format!(
            "{method} sip:us@{} SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bK-{method}-{number}-{from_tag}-{to_tag}\r\n\
             From: <sip:callee@restaurant.invalid>;tag={from_tag}\r\nTo: <sip:us@here>;tag={to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\nContact: <sip:callee@{at}>\r\nMax-Forwards: 70\r\nContent-Type: application/dtmf-relay\r\nContent-Length: {}\r\n\r\n{body}",
            self.us,
            body.len()
        )
    }
}

async fn answered(dialing: &mut Dialing) -> Dialog {
    loop {
        match timeout(PATIENCE, dialing.next()).await.expect("an event comes").expect("the call is not over") {
            DialEvent::Answered { dialog, .. } => return dialog,
            DialEvent::Failed(failure) => panic!("{failure:?}"),
            _ => {}
        }
    }
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.split("\r\n").find(|line| line.starts_with(name)).unwrap_or_default()
}

async fn received(socket: &UdpSocket) -> String {
    let mut buffer = [0; 8192];
    let (length, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("a datagram comes").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}
