//! What comes before the answer is heard and recorded, and is nobody's turn; what is said last is heard too.
//!
//! Two sessions, real sockets, and tokio's paused clock: it moves on when every task waits, so no load of the machine makes a tick late.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, time::Duration};

use offhook::attempt::SrtpPolicy;
use offhook_types::{audio::level_dbfs, ids::SentenceId, playout::PlayoutEvent};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout},
};

use super::{
    early_sound::Kind,
    testing::{Folder, played, sine, tone_dbfs},
    *,
};

const SENTENCE: SentenceId = SentenceId { generation: 1, index: 0 };

async fn bind(recording: Option<PathBuf>) -> MediaSession {
    let config = MediaConfig {
        address: [127, 0, 0, 1].into(),
        rtp_port: 0,
        advertised: None,
        codecs: vec![CodecName::Pcma],
        recording,
        srtp: SrtpPolicy::Prefer,
    };
    MediaSession::bind(config).await.unwrap()
}

/// Somebody on the caller's way: answers its offer and sends this tone.
async fn exchange(caller: &MediaSession, hz: f64) -> (String, MediaHandle, Receiver<MediaEvent>) {
    let mut session = bind(None).await;
    let (answer, _) = session.answer(&caller.offer()).unwrap();
    let (handle, events) = session.start();
    handle.play(SENTENCE, sine(hz, 8000.0, 16_000, 10 * 16_000), true);
    (answer, handle, events)
}

/// Waits until so much was heard before the answer.
async fn heard_early(session: &MediaSession, ms: u64) {
    let waiting = async {
        while session.early_sound().is_none_or(|sound| sound.lasted_ms() < ms) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await.unwrap();
}

async fn first_heard(events: &mut Receiver<MediaEvent>) -> (MediaEvent, u64) {
    loop {
        match timeout(Duration::from_secs(5), events.recv()).await.unwrap().unwrap() {
            event @ MediaEvent::Heard { at, .. } => return (event, at.0),
            MediaEvent::Media(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ringback_is_recorded_and_the_conversation_begins_with_the_answer() {
    let folder = Folder::new("early");
    let path = folder.join("recording.opus");
    let mut caller = bind(Some(path.clone())).await;
    let (answer, callee, mut at_callee) = exchange(&caller, 425.0).await;
    caller.accept_answer(&answer).unwrap();
    caller.start_early();
    heard_early(&caller, 1000).await;
    let early = caller.early_sound().unwrap();
    assert_eq!(early.kind(), Kind::Tones);

    // The answer: the same party speaks now, and we do.
    callee.stop();
    caller.accept_answer(&answer).unwrap();
    let (media, mut events) = caller.start();
    media.play(SENTENCE, sine(1000.0, 8000.0, 16_000, 16_000), true);
    let (mut began, mut started) = (None, None);
    while began.is_none() || started.is_none() {
        match timeout(Duration::from_secs(5), events.recv()).await.unwrap().unwrap() {
            MediaEvent::Playout(PlayoutEvent::Started { at, .. }) => started = Some(at.0),
            MediaEvent::Heard { at, .. } => began = began.or(Some(at.0)),
            MediaEvent::Media(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let (began, started) = (began.unwrap(), started.unwrap());
    assert!(began >= 1000 && began.is_multiple_of(20), "nothing of before is told: the first frame is at {began} ms");
    assert!(started >= began, "{started}");
    media.drain().await;
    let recording = media.finish().await.recording.unwrap();
    assert!(recording.duration_ms >= began + 1000);

    let (left, right) = played(&std::fs::read(&path).unwrap());
    let early = &left[8000..(began as usize - 100) * 16];
    assert!(tone_dbfs(early, 425.0, 16_000) > -20.0, "the ringback is on the callee's channel");
    assert!(level_dbfs(&right[..began as usize * 16]) < -60.0, "we said nothing before the answer");
    let ours = &right[(started as usize + 100) * 16..(started as usize + 900) * 16];
    assert!(tone_dbfs(ours, 1000.0, 16_000) > -20.0, "our words are where the events say");
    while at_callee.try_recv().is_ok() {}
    callee.finish().await;
}

#[tokio::test(start_paused = true)]
async fn another_fork_is_heard_as_soon_as_its_description_comes() {
    let mut caller = bind(None).await;
    let (first_answer, first, _first_events) = exchange(&caller, 425.0).await;
    let (second_answer, second, _second_events) = exchange(&caller, 1800.0).await;
    caller.accept_answer(&first_answer).unwrap();
    caller.start_early();
    heard_early(&caller, 600).await;
    assert_eq!(caller.early_sound().unwrap().kind(), Kind::Tones);
    caller.accept_answer(&second_answer).unwrap();
    heard_early(&caller, 1800).await;
    // 1800 Hz is no exchange's ringback.
    assert_eq!(caller.early_sound().unwrap().kind(), Kind::Announcement);
    // The first one answers.
    caller.accept_answer(&first_answer).unwrap();
    let (media, mut events) = caller.start();
    let mut sound = Vec::new();
    while sound.len() < 40 * 320 {
        if let (MediaEvent::Heard { frame, .. }, _) = first_heard(&mut events).await {
            sound.extend_from_slice(&frame);
        }
    }
    assert!(tone_dbfs(&sound[20 * 320..], 425.0, 16_000) > -20.0);
    assert!(tone_dbfs(&sound[20 * 320..], 1800.0, 16_000) < -50.0);
    let _ = tokio::join!(media.finish(), first.finish(), second.finish());
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_ends_the_call_is_kept() {
    let folder = Folder::new("announcement");
    let path = folder.join("recording.opus");
    let mut caller = bind(Some(path.clone())).await;
    assert_eq!(caller.end_early().await, None, "nothing was begun");
    let mut caller = bind(Some(path.clone())).await;
    let (answer, callee, _events) = exchange(&caller, 900.0).await;
    caller.accept_answer(&answer).unwrap();
    caller.start_early();
    heard_early(&caller, 1500).await;
    let early = caller.end_early().await.unwrap();
    assert_eq!(early.sound.kind(), Kind::Announcement);
    assert!(early.outcome.report.packets_received > 50 && early.outcome.codec == Some(CodecName::Pcma));
    let recording = early.outcome.recording.unwrap();
    assert!(recording.complete && recording.duration_ms >= 1500);
    assert!(caller.early_sound().is_none() && matches!(caller.accept_answer(&answer), Err(MediaError::Over)));
    callee.finish().await;
}

#[tokio::test(start_paused = true)]
async fn silence_keeps_the_way_open_before_the_answer() {
    let mut caller = bind(None).await;
    let (answer, callee, mut events) = exchange(&caller, 425.0).await;
    caller.accept_answer(&answer).unwrap();
    caller.start_early();
    heard_early(&caller, 400).await;
    assert!(callee.report().packets_received > 5);
    while let Ok(event) = events.try_recv() {
        if let MediaEvent::Heard { frame, .. } = event {
            assert!(level_dbfs(&frame) < -60.0);
        }
    }
    let _ = tokio::join!(caller.end_early(), callee.finish());
}

#[tokio::test(start_paused = true)]
async fn the_last_word_is_out_of_every_buffer_before_the_call_may_end() {
    let mut caller = bind(None).await;
    let (answer, callee, mut at_callee) = exchange(&caller, 425.0).await;
    caller.accept_answer(&answer).unwrap();
    let (media, _events) = caller.start();
    media.play(SENTENCE, sine(1000.0, 8000.0, 16_000, 16_000), true);
    media.drain().await;
    media.finish().await;
    let mut heard = Vec::new();
    while let Ok(event) = at_callee.try_recv() {
        if let MediaEvent::Heard { frame, .. } = event {
            heard.extend_from_slice(&frame);
        }
    }
    let sounding = heard.chunks(320).filter(|frame| level_dbfs(frame) > -20.0).count();
    assert!((48..=51).contains(&sounding), "{sounding} frames of a second were heard");
    let last = heard.chunks(320).rposition(|frame| level_dbfs(frame) > -20.0).unwrap();
    assert!(heard.chunks(320).count() > last + 3, "and silence after them");
    callee.finish().await;
}

#[tokio::test(start_paused = true)]
async fn draining_is_bounded_and_nothing_is_drained_to_nobody() {
    let mut caller = bind(None).await;
    let (answer, callee, _events) = exchange(&caller, 425.0).await;
    caller.accept_answer(&answer).unwrap();
    let (media, _events) = caller.start();
    // A voice that has stalled: its end never comes.
    media.play(SENTENCE, vec![100; 320], false);
    let begun = Instant::now();
    media.drain().await;
    assert!((1400..2200).contains(&(begun.elapsed().as_millis() as u64)), "{:?}", begun.elapsed());
    media.answer(&callee.offer().replace("sendrecv", "inactive")).unwrap();
    let begun = Instant::now();
    media.drain().await;
    assert!(begun.elapsed() < Duration::from_millis(100), "the peer does not listen");
    let _ = tokio::join!(media.finish(), callee.finish());
}
