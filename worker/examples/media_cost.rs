//! What a call's media costs: two sessions talk to each other for 10 s, one of them records; prints the share of a core and the
//! memory of one end.
//!
//! ```text
//! cargo run -p offhook-worker --example media_cost
//! ```

use std::{
    fs,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use offhook_worker::{
    media::{CodecName, MediaConfig, MediaError, MediaEvent, MediaHandle, MediaSession},
    mind::event::SentenceId,
};
use tokio::sync::mpsc::Receiver;

const SECONDS: u64 = 10;
/// Calls at the same time, so that the kernel's 10 ms of accounting do not blur the figure.
const CALLS: usize = 10;

type End = (MediaHandle, Receiver<MediaEvent>);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), MediaError> {
    println!("{CALLS} calls of {SECONDS} s, speech-like sound one way, silence the other");
    for codec in [CodecName::Pcma, CodecName::Opus] {
        for record in [false, true] {
            measure(codec, record).await?;
        }
    }
    Ok(())
}

async fn measure(codec: CodecName, record: bool) -> Result<(), MediaError> {
    let folder = std::env::temp_dir();
    let mut ends = Vec::new();
    for call in 0..CALLS {
        let path = record.then(|| folder.join(format!("offhook-media-cost-{call}.opus")));
        let (caller, callee) = connect(codec, path).await?;
        caller.0.play(SentenceId { generation: 1, index: 0 }, voice(), true);
        ends.push(listen(caller));
        ends.push(listen(callee));
    }
    let (begun, used) = (Instant::now(), cpu());
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;
    let share = (cpu() - used).as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    let mut bytes = 0;
    for end in ends {
        let outcome = end.finish().await;
        bytes += outcome.recording.as_ref().map_or(0, |recording| recording.bytes);
        outcome.recording.iter().for_each(|recording| drop(fs::remove_file(&recording.path)));
    }
    // Each call has two ends here; a worker is one of them, and only one records.
    let (per_call, kbit) = (share / CALLS as f64, bytes as f64 * 8.0 / 1000.0 / SECONDS as f64 / CALLS as f64);
    let recording = if record { format!("recorded at {kbit:.0} kbit/s") } else { "not recorded".to_owned() };
    println!("{codec:?}, {recording}: {per_call:.2} % of a core for both ends; process {:.1} MB", resident_mb());
    Ok(())
}

async fn connect(codec: CodecName, recording: Option<PathBuf>) -> Result<(End, End), MediaError> {
    let config = |recording| MediaConfig {
        address: IpAddr::from([127, 0, 0, 1]),
        rtp_port: 0,
        advertised: None,
        codecs: vec![codec],
        recording,
        srtp: offhook::attempt::SrtpPolicy::Off,
    };
    let (mut caller, mut callee) = (MediaSession::bind(config(recording)).await?, MediaSession::bind(config(None)).await?);
    let (answer, _) = callee.answer(&caller.offer())?;
    caller.accept_answer(&answer)?;
    Ok((caller.start(), callee.start()))
}

/// Somebody has to take the events.
fn listen((handle, mut events): End) -> MediaHandle {
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    handle
}

/// Syllables of 250 ms: harmonics of a gliding pitch with a pause after each.
fn voice() -> Vec<i16> {
    let samples = SECONDS as usize * 16_000;
    let mut phase = 0.0f64;
    let sample = |index: usize| {
        let second = index as f64 / 16_000.0;
        phase += std::f64::consts::TAU * (120.0 + 30.0 * (second * 2.0).sin()) / 16_000.0;
        let envelope = (second * 4.0 * std::f64::consts::PI).sin().max(0.0);
        let harmonics: f64 = (1..20).map(|harmonic| (phase * f64::from(harmonic)).sin() / f64::from(harmonic)).sum();
        (harmonics * envelope * 6000.0) as i16
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
