//! A telephone not written here hears us and is heard: every codec, encrypted and not; it holds, resumes, and presses keys.

use std::time::Duration;

use offhook::attempt::{CodecName, SrtpPolicy};
use offhook_media::MediaEvent;
use offhook_sip::DialogEvent;
use offhook_types::{ids::SentenceId, playout::PlayoutEvent};
use tokio::time::timeout;

use crate::support::{
    baresip::Baresip,
    sounds::{PATIENCE, TONE_HZ, call, purity, sine},
};

async fn is_heard_and_hears(named: &str, account: &str, codec: CodecName, srtp: SrtpPolicy) {
    let baresip = Baresip::start(named, account).await;
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, srtp).await;
    assert_eq!((call.agreed.codec, call.agreed.crypto.is_some()), (codec, srtp != SrtpPolicy::Off), "{}", baresip.log());
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.95, "{named}: we hear {:.3} of its tone", purity(&heard, TONE_HZ, 16_000));
    call.media.play(SentenceId { generation: 1, index: 0 }, sine(1000.0, 2), true);
    call.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Played { .. })).then_some(())).await;
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
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, SrtpPolicy::Off).await;
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
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, SrtpPolicy::Off).await;
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
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    call.media.send_dtmf("4*");
    call.media.drain().await;
    for key in ['4', '*'] {
        baresip.printed(&format!("received event: '{key}'")).await;
    }
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
}
