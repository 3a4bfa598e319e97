//! A recording has both sides on the right channels, is as long as the call, and has speech where the transcript says.
#![allow(clippy::unwrap_used)]

mod support;

use support::{
    event_logs::replayed,
    installation::Installation,
    recording::{Sound, speaking},
};

#[tokio::test]
async fn both_sides_are_where_the_turns_say() {
    let installation = Installation::start().await;
    let id = installation.insert("+442079460101", &[]).await;
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;
    println!("{transcript:#?}");
    let log = replayed(&result.event_log.unwrap()).unwrap().unwrap();
    assert!(log.complete, "from the answer to the end: {log:?}");
    let sound = Sound::read(&result.recording.unwrap());

    assert_eq!(sound.duration_ms() / 100, result.recording_ms.unwrap() / 100, "the row tells the file's length");
    let talked = (result.talked_seconds.unwrap() * 1000.0) as i64;
    assert!((talked - sound.duration_ms()).abs() < 1500, "{talked} ms talked, {} ms recorded", sound.duration_ms());

    assert!(transcript.len() >= 4, "{transcript:#?}");
    for said in &transcript {
        let (own, other) = if said.speaker == "callee" { (&sound.left, &sound.right) } else { (&sound.right, &sound.left) };
        let (own, other) = (speaking(own, said.started_ms, said.ended_ms), speaking(other, said.started_ms, said.ended_ms));
        assert!(own > 0.5, "{said:?}: speaks in {own:.2} of its own turn");
        assert!(other < 0.3, "{said:?}: the other side speaks in {other:.2} of it");
    }
    let last = transcript.iter().map(|said| said.ended_ms).max().unwrap();
    assert!(last <= sound.duration_ms() + 100, "the last word is in the recording");
}
