//! A telephone not written here hears us and is heard: every codec, encrypted and not; it holds, resumes, and presses keys.
#![allow(clippy::unwrap_used)]

#[path = "support/baresip.rs"]
mod baresip;

use std::time::Duration;

use baresip::{Baresip, PATIENCE, TONE_HZ};
use offhook::attempt::{CodecName, SrtpPolicy};
use offhook_worker::{
    media::{MediaConfig, MediaEvent, MediaHandle, MediaSession, Negotiated},
    mind::event::SentenceId,
    sip::{DialEvent, Dialog, DialogEvent, Endpoint, EndpointConfig},
};
use tokio::{sync::mpsc::Receiver, time::timeout};

struct Call {
    _endpoint: Endpoint,
    dialog: Dialog,
    media: MediaHandle,
    events: Receiver<MediaEvent>,
    agreed: Negotiated,
}

async fn call(baresip: &Baresip, codecs: &[CodecName], srtp: SrtpPolicy) -> Call {
    let endpoint = Endpoint::bind(EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test")).await.unwrap();
    let config = MediaConfig {
        address: [127, 0, 0, 1].into(),
        rtp_port: 0,
        advertised: None,
        codecs: codecs.to_vec(),
        recording: None,
        srtp,
    };
    let mut session = MediaSession::bind(config).await.unwrap();
    let mut dialing = endpoint.dial(baresip.request(session.offer())).await.unwrap();
    loop {
        match timeout(PATIENCE, dialing.next()).await.unwrap().unwrap() {
            DialEvent::Answered { sdp, dialog } => {
                let agreed = session.accept_answer(&sdp).unwrap_or_else(|error| panic!("{error}\n{sdp}"));
                let (media, events) = session.start();
                return Call { _endpoint: endpoint, dialog, media, events, agreed };
            }
            DialEvent::Failed(failure) => panic!("{failure:?}\n{}", baresip.log()),
            _ => {}
        }
    }
}

impl Call {
    async fn until<T>(&mut self, mut wanted: impl FnMut(MediaEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("the session goes on")) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("what is waited for happens")
    }

    /// The next second of sound, once there is some.
    async fn second(&mut self) -> Vec<i16> {
        let mut sound = Vec::new();
        self.until(|event| {
            if let MediaEvent::Heard { frame, .. } = event
                && (!sound.is_empty() || frame.iter().any(|sample| sample.abs() > 4000))
            {
                sound.extend_from_slice(&frame);
            }
            (sound.len() >= 18_000).then_some(())
        })
        .await;
        sound.split_off(2000)
    }

    async fn request(&mut self) -> DialogEvent {
        timeout(PATIENCE, self.dialog.next()).await.unwrap().expect("the call goes on")
    }
}

/// The share of the sound's power that lies in this tone.
fn purity(samples: &[i16], hz: f64, rate: u32) -> f64 {
    let step = std::f64::consts::TAU * hz / f64::from(rate);
    let (mut real, mut imaginary, mut energy) = (0.0, 0.0, 1.0);
    for (index, sample) in samples.iter().enumerate() {
        let (angle, sample) = (index as f64 * step, f64::from(*sample));
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
        energy += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (samples.len().max(1) as f64 * energy)
}

fn sine(hz: f64, seconds: u32) -> Vec<i16> {
    let step = std::f64::consts::TAU * hz / 16_000.0;
    (0..seconds * 16_000).map(|index| (8000.0 * (f64::from(index) * step).sin()) as i16).collect()
}

async fn is_heard_and_hears(named: &str, account: &str, codec: CodecName, srtp: SrtpPolicy) {
    let baresip = Baresip::start(named, account).await;
    let mut call = call(&baresip, &CodecName::ALL, srtp).await;
    assert_eq!((call.agreed.codec, call.agreed.crypto.is_some()), (codec, srtp != SrtpPolicy::Off), "{}", baresip.log());
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.95, "{named}: we hear {:.3} of its tone", purity(&heard, TONE_HZ, 16_000));
    call.media.play(SentenceId { generation: 1, index: 0 }, sine(1000.0, 2), true);
    call.until(|event| matches!(event, MediaEvent::Played { .. }).then_some(())).await;
    call.media.drain().await;
    call.dialog.hangup().await.unwrap();
    let report = call.media.finish().await.report;
    assert!(report.packets_refused < 5 && report.encrypted == (srtp != SrtpPolicy::Off), "{report:?}");

    let (heard, rate) = baresip.heard().await;
    let steps: Vec<bool> = heard.chunks(rate as usize / 50).map(|step| purity(step, 1000.0, rate) > 0.9).collect();
    let sounding = steps.iter().filter(|sounds| **sounds).count();
    assert!(sounding >= 95, "{named}: baresip heard {} of 2000 ms", sounding * 20);
}

#[tokio::test]
async fn g722() {
    is_heard_and_hears("G722/16000/1", "", CodecName::G722, SrtpPolicy::Off).await;
}

#[tokio::test]
async fn opus() {
    is_heard_and_hears("opus/48000/1", "", CodecName::Opus, SrtpPolicy::Off).await;
}

#[tokio::test]
async fn a_law() {
    is_heard_and_hears("PCMA/8000/1", "", CodecName::Pcma, SrtpPolicy::Off).await;
}

#[tokio::test]
async fn g722_encrypted_where_it_is_required() {
    is_heard_and_hears("G722/16000/1", ";mediaenc=srtp-mand", CodecName::G722, SrtpPolicy::Require).await;
}

#[tokio::test]
async fn opus_encrypted_where_it_is_preferred() {
    is_heard_and_hears("opus/48000/1", ";mediaenc=srtp", CodecName::Opus, SrtpPolicy::Prefer).await;
}

#[tokio::test]
async fn it_holds_and_takes_us_back() {
    let mut baresip = Baresip::start("PCMU/8000/1", "").await;
    let mut call = call(&baresip, &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    baresip.command("hold", "").await;
    let DialogEvent::Reoffer { sdp, answer } = call.request().await else { panic!("an offer is expected") };
    let (ours, held) = call.media.answer(&sdp).unwrap();
    answer.accept(&ours).await;
    assert!(!held.can_send, "{sdp}");
    assert!(ours.contains("a=recvonly") || ours.contains("a=inactive"), "{ours}");
    baresip.command("resume", "").await;
    let DialogEvent::Reoffer { sdp, answer } = call.request().await else { panic!("an offer is expected") };
    let (ours, resumed) = call.media.answer(&sdp).unwrap();
    answer.accept(&ours).await;
    assert!(resumed.can_send && resumed.can_receive && ours.contains("a=sendrecv"), "{ours}");
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.9);
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
}

async fn keys_are_told_once(account: &str) {
    let mut baresip = Baresip::start("PCMA/8000/1", account).await;
    let mut call = call(&baresip, &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    // An INFO comes through the dialog, everything else through the sound.
    let mut pressed = String::new();
    for key in ["5", "#"] {
        baresip.command("sndcode", key).await;
        let until = tokio::time::Instant::now() + PATIENCE;
        while !pressed.ends_with(key) {
            tokio::select! {
                event = call.events.recv() => if let Some(MediaEvent::Dtmf(digit)) = event { pressed.push(digit) },
                event = call.dialog.next() => if let Some(DialogEvent::Info { content_type, body }) = event {
                    call.media.info(&content_type, &body);
                },
                () = tokio::time::sleep_until(until) => panic!("{account}: only {pressed:?} was told; {}", baresip.log()),
            }
        }
    }
    let later = async { call.until(|event| if let MediaEvent::Dtmf(digit) = event { Some(digit) } else { None }).await };
    assert!(timeout(Duration::from_millis(700), later).await.is_err(), "nothing is told twice");
    assert_eq!(pressed, "5#");
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
}

#[tokio::test]
async fn its_keys_are_heard_as_events() {
    keys_are_told_once("").await;
}

#[tokio::test]
async fn its_keys_are_heard_by_info() {
    keys_are_told_once(";dtmfmode=info").await;
}

#[tokio::test]
async fn it_hears_our_keys() {
    let baresip = Baresip::start("PCMA/8000/1", "").await;
    let mut call = call(&baresip, &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    call.media.send_dtmf("4*");
    call.media.drain().await;
    for key in ['4', '*'] {
        baresip.printed(&format!("Received DTMF '{key}'")).await;
    }
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
}
