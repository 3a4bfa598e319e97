//! A call in a flood: requests, responses and nonsense from many sources, as fast as this machine can send them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use offhook::attempt::WayOut;
use offhook_sip::{DialEvent, DialogEvent, Endpoint, EndpointConfig};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::stream_peer::{PATIENCE, SDP, last, line, request, response};

const FLOOD: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flooded_call_goes_on_in_bounded_memory() {
    let mut callee = endpoint().await;
    let mut calls = callee.incoming().unwrap();
    let caller = endpoint().await;
    let way_out = WayOut::udp("127.0.0.1", callee.local_address().port());
    let mut dialing = caller.dial(request(way_out, "flooded")).await.unwrap();
    let incoming = timeout(PATIENCE, calls.recv()).await.unwrap().unwrap();
    let (theirs, event) = tokio::join!(incoming.answer(SDP), last(&mut dialing));
    let (mut theirs, DialEvent::Answered { dialog: ours, .. }) = (theirs.unwrap(), event) else { panic!("not answered") };

    let before = resident_kilobytes();
    let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let targets = [callee.local_address(), caller.local_address()];
    let attackers: Vec<_> = (0..2)
        .map(|seed| {
            let (over, sent) = (over.clone(), sent.clone());
            std::thread::spawn(move || attack(seed, targets, &over, &sent))
        })
        .collect();
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    while started.elapsed() < FLOOD {
        // The trunk of a call is heard in the flood.
        let asked = Instant::now();
        let code = caller.options("sip:x.invalid", Some(callee.local_address()), PATIENCE).await.unwrap();
        assert_eq!(code, 200);
        slowest = slowest.max(asked.elapsed());
        while calls.try_recv().is_ok() {}
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let grown = resident_kilobytes().saturating_sub(before);
    // Hung up in the flood, too.
    ours.hangup().await.unwrap();
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
    over.store(true, Ordering::Relaxed);
    attackers.into_iter().for_each(|attacker| attacker.join().unwrap());

    let sent = sent.load(Ordering::Relaxed);
    println!("{sent} datagrams in {FLOOD:?}; an OPTIONS took {slowest:?} at most; {grown} KB more memory");
    assert!(sent > 5_000, "{sent} datagrams are no flood");
    assert!(grown < 96 * 1024, "{grown} KB");
}

#[tokio::test]
async fn nobody_but_the_peer_can_end_or_answer_a_call() {
    let trunk = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let caller = endpoint().await;
    let us = caller.local_address();
    let way_out = WayOut::udp("127.0.0.1", trunk.local_addr().unwrap().port());
    let mut dialing = caller.dial(request(way_out, "guarded")).await.unwrap();
    let invite = received(&trunk).await;
    // Answers to something else: another branch, another number, another call.
    let forged = response(&invite, "603 Decline", "", "");
    for (from, to) in [("branch=z9hG4bK", "branch=z9hG4bKx"), ("CSeq: 1 ", "CSeq: 7 "), ("Call-ID: guarded", "Call-ID: other")] {
        assert!(forged.contains(from), "{forged}");
        trunk.send_to(forged.replacen(from, to, 1).as_bytes(), us).await.unwrap();
    }
    let more = format!("Contact: <sip:callee@{}>\r\nContent-Type: application/sdp\r\n", trunk.local_addr().unwrap());
    trunk.send_to(response(&invite, "200 OK", &more, SDP).as_bytes(), us).await.unwrap();
    let DialEvent::Answered { mut dialog, .. } = last(&mut dialing).await else { panic!("not answered") };
    let ack = received(&trunk).await;
    assert!(ack.starts_with("ACK "), "{ack}");

    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let from_us = line(&invite, "From: ");
    let tag = from_us.split_once(";tag=").unwrap().1;
    let bye = |their_tag: &str, our_tag: &str, number: u32| {
        format!(
            "BYE sip:us SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{number}\r\nFrom: <sip:callee@restaurant.invalid>;tag={their_tag}\r\n\
             To: <sip:us>;tag={our_tag}\r\nCall-ID: guarded\r\nCSeq: {number} BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            stranger.local_addr().unwrap()
        )
    };
    for (number, (theirs, ours)) in [("late", "guess"), ("guess", tag), ("guess", "guess")].into_iter().enumerate() {
        stranger.send_to(bye(theirs, ours, number as u32 + 10).as_bytes(), us).await.unwrap();
        assert!(received(&stranger).await.starts_with("SIP/2.0 481 "));
    }
    assert!(timeout(Duration::from_millis(100), dialog.next()).await.is_err(), "the call goes on");
    let (hung_up, ()) = tokio::join!(dialog.hangup(), async {
        let bye = received(&trunk).await;
        trunk.send_to(response(&bye, "200 OK", "", "").as_bytes(), us).await.unwrap();
    });
    hung_up.unwrap();
}

#[tokio::test]
async fn a_datagram_larger_than_we_read_is_told_so() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let us = endpoint().await;
    let from = peer.local_addr().unwrap();
    let large =
        message("OPTIONS", from, 1).replace("Content-Length: 0", &format!("X: {}\r\nContent-Length: 0", "y".repeat(30_000)));
    peer.send_to(large.as_bytes(), us.local_address()).await.unwrap();
    assert!(received(&peer).await.starts_with("SIP/2.0 513 "));
    peer.send_to(message("OPTIONS", from, 2).as_bytes(), us.local_address()).await.unwrap();
    assert!(received(&peer).await.starts_with("SIP/2.0 200 "));
}

fn attack(seed: u64, targets: [SocketAddr; 2], over: &AtomicBool, sent: &AtomicU64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let sockets: Vec<_> = (0..16).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let methods = ["INVITE", "OPTIONS", "BYE", "CANCEL", "REGISTER", "BREW", "ACK", "INFO"];
    let mut number = seed << 32;
    while !over.load(Ordering::Relaxed) {
        for socket in &sockets {
            number += 1;
            let from = socket.local_addr().unwrap();
            let mut bytes = match dice.random_range(0..4) {
                0 => response(&message("INVITE", from, number), "200 OK", "", SDP).into_bytes(),
                1 => (0..dice.random_range(1..1400)).map(|_| dice.random()).collect(),
                _ => message(methods[dice.random_range(0..methods.len())], from, number).into_bytes(),
            };
            if dice.random_ratio(1, 8) {
                let at = dice.random_range(0..bytes.len());
                bytes[at] = dice.random();
            }
            for target in targets {
                socket.send_to(&bytes, target).ok();
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn message(method: &str, from: SocketAddr, number: u64) -> String {
    format!(
        "{method} sip:us SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number}\r\nFrom: <sip:peer@{from}>;tag=p{number}\r\nTo: <sip:us>\r\n\
         Call-ID: flood-{number}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:peer@{from}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// VmRSS (proc_pid_status(5)).
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap()
}

async fn received(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 65_536];
    let (length, _) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("a datagram comes").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

async fn endpoint() -> Endpoint {
    Endpoint::bind(EndpointConfig::new("127.0.0.1:0".parse().unwrap(), "offhook-test")).await.unwrap()
}
