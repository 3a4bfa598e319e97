//! What a call's sound costs, and how evenly it is sent: rows for the table of docs/benchmarks.md. Run by `make bench`.
//!
//! CPU and memory are those of whole sessions over 127.0.0.1 with their sockets, clocks, codecs and recordings; pacing is measured
//! by whoever receives the packets.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

use offhook::attempt::{SrtpPolicy, WayOut};
use offhook_media::{CodecName, MediaConfig, MediaEvent, MediaHandle, MediaSession};
use offhook_sip::{DialRequest, Endpoint, EndpointConfig};
use offhook_types::ids::SentenceId;
use tokio::sync::mpsc::Receiver;

const MEASURED: Duration = Duration::from_secs(10);
/// Calls at the same time, so that the kernel's 10 ms of accounting do not blur the figure.
const CALLS: usize = 20;
const PACED_CALLS: usize = 50;
const SETUPS: usize = 50;
const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

type End = (MediaHandle, Receiver<MediaEvent>);

#[tokio::main(worker_threads = 2)]
async fn main() {
    // First, while the allocator has nothing to hand out again.
    memory().await;
    pacing().await;
    decision_to_packet().await;
    for codec in [CodecName::Pcma, CodecName::G722, CodecName::Opus] {
        cost(codec, SrtpPolicy::Off).await;
    }
    cost(CodecName::Pcma, SrtpPolicy::Require).await;
}

/// One end of a call that is recorded, with speech-like sound both ways.
async fn cost(codec: CodecName, srtp: SrtpPolicy) {
    let mut ends = Vec::new();
    for call in 0..CALLS {
        let recording = |end| std::env::temp_dir().join(format!("offhook-bench-{}-{call}-{end}.opus", std::process::id()));
        let (caller, callee) = connect(codec, srtp, [Some(recording("a")), Some(recording("b"))]).await;
        for end in [caller, callee] {
            end.0.play(SentenceId { generation: 1, index: 0 }, voice(), true);
            ends.push(listen(end));
        }
    }
    let (begun, used) = (Instant::now(), cpu());
    tokio::time::sleep(MEASURED).await;
    let share = (cpu() - used).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0 / ends.len() as f64;
    finish(ends).await;
    let encrypted = if srtp == SrtpPolicy::Off { "" } else { " under SRTP" };
    println!("| media of a call in {codec:?}{encrypted}, recorded, % of a core | {share:.2} | | |");
}

/// What fifty more sessions take.
async fn memory() {
    let before = resident_mb();
    let mut ends = Vec::new();
    for _ in 0..PACED_CALLS / 2 {
        let (caller, callee) = connect(CodecName::Opus, SrtpPolicy::Off, [None, None]).await;
        ends.extend([caller, callee].map(listen));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (resident_mb() - before) / ends.len() as f64;
    finish(ends).await;
    println!("| memory of a call's media session, MB | {each:.2} | | |");
}

/// How far from their 20 ms grid the packets of fifty calls arrive.
async fn pacing() {
    let receiver = UdpSocket::bind((LOCAL, 0)).unwrap();
    receiver.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let voice = voice();
    let mut ends = Vec::new();
    for _ in 0..PACED_CALLS {
        let mut session = bind(CodecName::Pcma, SrtpPolicy::Off, None).await;
        let answer = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        );
        session.accept_answer(&answer).unwrap();
        let end = session.start();
        end.0.play(SentenceId { generation: 1, index: 0 }, voice.clone(), true);
        ends.push(listen(end));
    }
    let arrivals = tokio::task::spawn_blocking(move || {
        let (mut arrivals, mut buffer): (HashMap<u16, Vec<Packet>>, _) = (HashMap::new(), [0; 2048]);
        // The calls begin in the first half second; what waited for the receiver meanwhile was not sent late.
        let from = Instant::now() + Duration::from_millis(500);
        while from.elapsed() < MEASURED {
            if let Ok((length, source)) = receiver.recv_from(&mut buffer)
                && length == 172
                && Instant::now() > from
            {
                let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
                arrivals.entry(source.port()).or_default().push((sequence, Instant::now()));
            }
        }
        arrivals
    });
    let mut errors: Vec<f64> = arrivals.await.unwrap().into_values().flat_map(|arrivals| lateness(&arrivals)).collect();
    finish(ends).await;
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    println!("| packets sent late, {PACED_CALLS} calls at once, ms (p50, p99) | {:.2} | {:.2} | 2 p99 |", at(0.5), at(0.99));
}

/// Number and time of arrival.
type Packet = (u16, Instant);

/// Milliseconds by which each packet is later than the grid on which the earliest lies.
fn lateness(arrivals: &[Packet]) -> Vec<f64> {
    let (number, first) = arrivals[0];
    let offset = |(sequence, at): &Packet| (*at - first).as_secs_f64() * 1000.0 - f64::from(sequence.wrapping_sub(number)) * 20.0;
    let offsets: Vec<f64> = arrivals.iter().map(offset).collect();
    let earliest = offsets.iter().copied().fold(f64::MAX, f64::min);
    offsets.into_iter().map(|offset| offset - earliest).collect()
}

/// From the decision to dial to the INVITE on the wire: sockets, offer, transaction.
async fn decision_to_packet() {
    let trunk = tokio::net::UdpSocket::bind((LOCAL, 0)).await.unwrap();
    let port = trunk.local_addr().unwrap().port();
    let (mut times, mut buffer) = (Vec::new(), [0; 4096]);
    for index in 0..SETUPS {
        let decided = Instant::now();
        let endpoint = Endpoint::bind(EndpointConfig::new((LOCAL, 0).into(), "offhook-bench")).await.unwrap();
        let session = bind(CodecName::Pcma, SrtpPolicy::Off, None).await;
        let request = DialRequest {
            to: format!("sip:+4420794601@127.0.0.1:{port}"),
            from_user: "+442079460000".into(),
            from_domain: None,
            call_id: format!("bench-{index}"),
            destination: Some(WayOut::udp("127.0.0.1", port)),
            outbound_proxy: None,
            credentials: None,
            offer: session.offer(),
            asserted_identity: None,
            anonymous: false,
            headers: vec![],
            session_expires: None,
            ..DialRequest::default()
        };
        let _dialing = endpoint.dial(request).await.unwrap();
        let (length, _) = tokio::time::timeout(Duration::from_secs(5), trunk.recv_from(&mut buffer)).await.unwrap().unwrap();
        times.push(decided.elapsed().as_secs_f64() * 1000.0);
        assert!(buffer[..length].starts_with(b"INVITE "));
        // The trunk never answers: a polite end would wait for it.
        drop((_dialing, endpoint));
        // What the last endpoint said in parting is not the next INVITE.
        while trunk.try_recv_from(&mut buffer).is_ok() {}
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("| decision to dial to INVITE on the wire, ms | {:.2} | {:.2} | |", at(0.5), at(0.95));
}

async fn bind(codec: CodecName, srtp: SrtpPolicy, recording: Option<PathBuf>) -> MediaSession {
    let config = MediaConfig { address: LOCAL, rtp_port: 0, advertised: None, codecs: vec![codec], recording, srtp };
    MediaSession::bind(config).await.unwrap()
}

async fn connect(codec: CodecName, srtp: SrtpPolicy, [one, other]: [Option<PathBuf>; 2]) -> (End, End) {
    let (mut caller, mut callee) = (bind(codec, srtp, one).await, bind(codec, srtp, other).await);
    let (answer, _) = callee.answer(&caller.offer()).unwrap();
    caller.accept_answer(&answer).unwrap();
    (caller.start(), callee.start())
}

/// Somebody has to take the events.
fn listen((handle, mut events): End) -> MediaHandle {
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    handle
}

async fn finish(ends: Vec<MediaHandle>) {
    for end in ends {
        if let Some(recording) = end.finish().await.recording {
            let _ = fs::remove_file(recording.path);
        }
    }
}

/// Harmonics of a voice that rises and falls, with a pause each second, for as long as is measured.
fn voice() -> Vec<i16> {
    let samples = (MEASURED.as_secs() as usize + 4) * 16_000;
    let sample = |index: usize| {
        let at = index as f64 / 16_000.0;
        let pitch = 120.0 + 30.0 * (at * 2.0).sin();
        let loud = if at.fract() < 0.8 { 3000.0 } else { 0.0 };
        let harmonics =
            (1..=12).map(|harmonic| (std::f64::consts::TAU * pitch * f64::from(harmonic) * at).sin() / f64::from(harmonic));
        (loud * harmonics.sum::<f64>()) as i16
    };
    (0..samples).map(sample).collect()
}

/// Processor time of this process. `/proc/self/stat` counts in 1/100 s.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn resident_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kilobytes| kilobytes / 1024.0)
}
