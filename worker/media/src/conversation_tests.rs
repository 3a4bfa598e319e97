//! Two sessions talk to each other over 127.0.0.1, as two ends of a call do. The clock is tokio's paused one: it moves on when every
//! task waits, so no load of the machine makes a tick late.
#![allow(clippy::unwrap_used)]

use std::{net::IpAddr, path::PathBuf, time::Duration};

use offhook::attempt::SrtpPolicy;
use offhook_types::{
    audio::{Frame, SILENCE, level_dbfs},
    ids::SentenceId,
    playout::PlayoutEvent,
};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout},
};

use super::{
    testing::{Folder, played, purity, sine, tone_dbfs},
    *,
};

const ALL: [CodecName; 4] = CodecName::ALL;

fn sentence(index: u32) -> SentenceId {
    SentenceId { generation: 1, index }
}

async fn bind(codecs: &[CodecName], recording: Option<PathBuf>) -> MediaSession {
    let address = IpAddr::from([127, 0, 0, 1]);
    MediaSession::bind(MediaConfig {
        address,
        rtp_port: 0,
        advertised: None,
        codecs: codecs.to_vec(),
        recording,
        srtp: SrtpPolicy::Off,
    })
    .await
    .unwrap()
}

struct End {
    handle: MediaHandle,
    events: Receiver<MediaEvent>,
}

impl End {
    async fn next(&mut self) -> MediaEvent {
        timeout(Duration::from_secs(5), self.events.recv()).await.unwrap().unwrap()
    }

    /// Sound of the next frames, silence where it was made up; what else happens is put aside.
    async fn hear(&mut self, frames: usize) -> (Vec<Frame>, Vec<MediaEvent>) {
        let (mut heard, mut others) = (Vec::new(), Vec::new());
        while heard.len() < frames {
            match self.next().await {
                // What was made up is no part of the measurement: the jitter buffer's first frames are.
                MediaEvent::Heard { frame, concealed, .. } => heard.push(if concealed { SILENCE } else { frame }),
                // Whether packets come is told in a test of its own.
                MediaEvent::Media(_) => {}
                other => others.push(other),
            }
        }
        (heard, others)
    }

    async fn until(&mut self, wanted: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
        let search = async {
            loop {
                let event = self.next().await;
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(Duration::from_secs(10), search).await.unwrap()
    }
}

/// The caller offers everything, the callee takes one codec.
async fn call(codec: CodecName, recording: Option<PathBuf>) -> (End, End) {
    let (mut caller, mut callee) = (bind(&ALL, recording).await, bind(&[codec], None).await);
    let (answer, _) = callee.answer(&caller.offer()).unwrap();
    assert_eq!(caller.accept_answer(&answer).unwrap().codec, codec);
    let (caller, callee) = (caller.start(), callee.start());
    (End { handle: caller.0, events: caller.1 }, End { handle: callee.0, events: callee.1 })
}

/// The longest stretch of sound without a break; its edges are left out.
fn sounding(frames: &[Frame]) -> Vec<i16> {
    let stretches = frames.split(|frame| level_dbfs(frame) < -30.0);
    let longest = stretches.max_by_key(|stretch| stretch.len()).unwrap();
    assert!(longest.len() > 15, "{} frames of sound in a row", longest.len());
    longest[4..longest.len() - 2].concat()
}

async fn a_tone_crosses(codec: CodecName) {
    let (mut caller, mut callee) = call(codec, None).await;
    let (high, low) = (sine(1000.0, 8000.0, 16_000, 32_000), sine(440.0, 8000.0, 16_000, 32_000));
    caller.handle.play(sentence(0), high.clone(), true);
    callee.handle.play(sentence(0), low.clone(), true);
    let ((at_caller, told), (at_callee, _)) = tokio::join!(caller.hear(90), callee.hear(90));
    for (heard, sent, frequency) in [(at_callee, high, 1000.0), (at_caller, low, 440.0)] {
        let heard = sounding(&heard);
        let difference = tone_dbfs(&heard, frequency, 16_000) - tone_dbfs(&sent[..16_000], frequency, 16_000);
        assert!(difference.abs() < 1.5, "{codec:?}, {frequency} Hz: {difference} dB");
        assert!(purity(&heard, frequency) > 0.97, "{codec:?}, {frequency} Hz: purity {}", purity(&heard, frequency));
    }
    assert!(matches!(
        told[..],
        [MediaEvent::Playout(PlayoutEvent::Started { sentence: SentenceId { generation: 1, index: 0 }, .. })]
    ));
    let played = caller.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Played { .. }))).await;
    let MediaEvent::Playout(PlayoutEvent::Played { at, .. }) = played else { unreachable!("only that is waited for") };
    assert!((2000..2200).contains(&at.0), "{at:?}");
    let (ours, theirs) = tokio::join!(caller.handle.finish(), callee.handle.finish());
    for outcome in [ours, theirs] {
        assert_eq!((outcome.codec, outcome.report.packets_refused), (Some(codec), 0));
        assert!(outcome.report.packets_sent > 90 && outcome.report.packets_received > 90);
        assert_eq!((outcome.recording, outcome.recording_error), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tone_crosses_in_opus() {
    a_tone_crosses(CodecName::Opus).await;
}

#[tokio::test(start_paused = true)]
async fn a_tone_crosses_in_g722() {
    a_tone_crosses(CodecName::G722).await;
}

#[tokio::test(start_paused = true)]
async fn a_tone_crosses_in_mu_law() {
    a_tone_crosses(CodecName::Pcmu).await;
}

#[tokio::test(start_paused = true)]
async fn a_tone_crosses_in_a_law() {
    a_tone_crosses(CodecName::Pcma).await;
}

#[tokio::test(start_paused = true)]
async fn stop_silences_within_three_frames() {
    let (mut caller, mut callee) = call(CodecName::Pcma, None).await;
    caller.handle.play(sentence(0), sine(440.0, 8000.0, 16_000, 160_000), true);
    callee.until(|event| matches!(event, MediaEvent::Heard { frame, .. } if level_dbfs(frame) > -20.0)).await;
    caller.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Started { .. }))).await;
    caller.handle.stop();
    let MediaEvent::Playout(PlayoutEvent::Cut { share, at, .. }) =
        caller.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Cut { .. }))).await
    else {
        unreachable!("only that is waited for")
    };
    assert!(share > 0.0 && (f64::from(share) * 10_000.0 - at.0 as f64).abs() <= 60.0, "{share} of 10 s at {at:?}");
    let (heard, _) = callee.hear(25).await;
    let last = heard.iter().rposition(|frame| level_dbfs(frame) > -20.0).map_or(0, |last| last + 1);
    let faded = &heard[last..];
    assert!(level_dbfs(&faded[3]) < -60.0, "{:?}", faded.iter().map(|frame| level_dbfs(frame) as i32).collect::<Vec<_>>());
    assert!(faded[3..].iter().all(|frame| level_dbfs(frame) < -60.0));
    let _ = tokio::join!(caller.handle.finish(), callee.handle.finish());
}

#[tokio::test(start_paused = true)]
async fn digits_arrive_between_sentences() {
    for codec in [CodecName::Opus, CodecName::Pcmu] {
        let (mut caller, mut callee) = call(codec, None).await;
        caller.handle.send_dtmf("4#");
        caller.handle.play(sentence(0), vec![0; 320], true);
        for digit in ['4', '#'] {
            assert_eq!(callee.until(|event| matches!(event, MediaEvent::Dtmf(_))).await, MediaEvent::Dtmf(digit));
        }
        let started = caller.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Started { .. }))).await;
        assert!(matches!(started, MediaEvent::Playout(PlayoutEvent::Started { at, .. }) if at.0 >= 560), "{started:?}");
        let _ = tokio::join!(caller.handle.finish(), callee.handle.finish());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_on_hold_is_silent_and_sentences_wait() {
    let (mut caller, mut callee) = call(CodecName::Pcma, None).await;
    callee.until(|event| matches!(event, MediaEvent::Heard { .. })).await;
    let hold = "v=0\r\no=- 9 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=inactive\r\n";
    let (answer, agreed) = caller.handle.answer(hold).unwrap();
    assert!(answer.contains("a=inactive") && !agreed.can_send);
    caller.hear(5).await;
    let sent = caller.handle.report().packets_sent;
    caller.handle.play(sentence(0), vec![100; 320], true);
    let (_, events) = caller.hear(10).await;
    assert_eq!((events, caller.handle.report().packets_sent), (vec![], sent));
    caller.handle.answer(&hold.replace("inactive", "sendrecv")).unwrap();
    caller.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Played { .. }))).await;
    assert!(caller.handle.report().packets_sent > sent);
    let _ = tokio::join!(caller.handle.finish(), callee.handle.finish());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_recorded_as_long_as_it_was_and_a_slow_listener_holds_nothing_up() {
    let folder = Folder::new("session");
    let path = folder.join("recording.opus");
    let (caller, mut callee) = call(CodecName::Pcmu, Some(path.clone())).await;
    callee.hear(150).await;
    let started = Instant::now();
    let outcome = caller.handle.finish().await;
    assert!(started.elapsed() < Duration::from_secs(3));
    let recording = outcome.recording.unwrap();
    assert!(recording.duration_ms.abs_diff(3000) <= 100 && recording.complete, "{recording:?}");
    assert_eq!(offhook_recording::measure(&path).unwrap(), recording);
    assert!(outcome.heard_dropped >= 40, "nobody listened: {}", outcome.heard_dropped);
    let _ = callee.handle.finish().await;
}

/// A call that is recorded from the caller's side once `record` is said, if it is; both sound the same tone for the whole time.
async fn held(path: &std::path::Path, agreed: bool, deleted: bool) -> MediaOutcome {
    let (mut caller, mut callee) = (bind(&ALL, Some(path.to_owned())).await, bind(&[CodecName::Pcmu], None).await);
    caller.hold_recording();
    let (answer, _) = callee.answer(&caller.offer()).unwrap();
    caller.accept_answer(&answer).unwrap();
    let (caller, callee) = (caller.start(), callee.start());
    let (mut caller, callee) = (End { handle: caller.0, events: caller.1 }, End { handle: callee.0, events: callee.1 });
    callee.handle.play(sentence(0), sine(440.0, 8000.0, 16_000, 64_000), true);
    caller.hear(50).await;
    assert!(path.exists());
    if agreed {
        caller.handle.record();
    }
    caller.hear(50).await;
    if deleted {
        caller.handle.delete_recording();
        let gone = async {
            while path.exists() {
                caller.next().await;
            }
        };
        timeout(Duration::from_secs(2), gone).await.unwrap();
        caller.handle.record();
        caller.hear(10).await;
    }
    let _ = callee.handle.finish().await;
    caller.handle.finish().await
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_waits_for_consent_is_silent_until_then_and_goes_without_it() {
    let folder = Folder::new("consent");
    let path = folder.join("recording.opus");
    let recording = held(&path, true, false).await.recording.unwrap();
    assert!(recording.duration_ms >= 1_900, "its clock is the call's: {recording:?}");
    let (callee, _) = played(&std::fs::read(&path).unwrap());
    let (before, after) = callee.split_at(16_000 * 9 / 10);
    assert!(level_dbfs(before) < -60.0, "{} dBFS before", level_dbfs(before));
    assert!(level_dbfs(&after[after.len() / 2..]) > -30.0, "{} dBFS after", level_dbfs(after));

    let outcome = held(&path, false, false).await;
    assert_eq!((outcome.recording, outcome.recording_error), (None, None));
    assert!(!path.exists(), "nobody agreed");
}

#[tokio::test(start_paused = true)]
async fn an_objection_deletes_the_recording_in_the_middle_of_the_call() {
    let folder = Folder::new("objection");
    let path = folder.join("recording.opus");
    let outcome = held(&path, true, true).await;
    assert_eq!((outcome.recording, outcome.recording_error), (None, None));
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn a_recording_without_a_folder_is_refused_before_the_call() {
    let recording = Some(PathBuf::from("/nowhere/at/all/recording.opus"));
    let config = MediaConfig {
        address: [127, 0, 0, 1].into(),
        rtp_port: 0,
        advertised: None,
        codecs: ALL.to_vec(),
        recording,
        srtp: SrtpPolicy::Off,
    };
    assert!(matches!(MediaSession::bind(config).await, Err(MediaError::RecordingFolder { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_last_handle() {
    let (caller, mut callee) = call(CodecName::Pcma, None).await;
    drop(caller.handle);
    let mut events = caller.events;
    timeout(Duration::from_secs(2), async { while events.recv().await.is_some() {} }).await.unwrap();
    callee.hear(3).await;
    let _ = callee.handle.finish().await;
}
