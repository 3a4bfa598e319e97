//! Speech over the agent silences it at once, and the transcript keeps only what was heard.
#![allow(clippy::unwrap_used)]

mod support;

use support::{
    installation::Installation,
    recording::{Sound, onsets, quiet_from, speaking},
};

/// From the callee's first sound to the agent's silence, as the callee hears it.
const SILENT_WITHIN_MS: i64 = 300;

#[tokio::test]
async fn the_agent_falls_silent_and_remembers_what_was_heard() {
    let installation = Installation::start().await;
    let id = installation
        .insert("+442079460106", &[("special_requests", "'a quiet table by the window and a high chair for a small child'")])
        .await;
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;
    println!("{result:#?}\n{transcript:#?}");

    let cut = transcript.iter().find(|said| said.speaker == "agent" && said.interrupted).expect("an interrupted turn");
    let sound = Sound::read(&result.recording.unwrap());
    let onset = onsets(&sound.left)
        .into_iter()
        .find(|onset| *onset > cut.started_ms && *onset <= cut.ended_ms && speaking(&sound.right, onset - 200, *onset) > 0.3)
        .expect("the callee begins while the agent speaks");
    let silent = quiet_from(&sound.right, onset, 200).expect("the agent falls silent");
    println!("onset {onset} ms, silent {silent} ms: {} ms", silent - onset);
    assert!(silent - onset <= SILENT_WITHIN_MS, "silent {} ms after the callee began", silent - onset);

    let planned = installation
        .ask(&format!(
            "select string_agg(detail ->> 'text', ' ' order by id) from events where call_id = {id} and kind = 'saying'"
        ))
        .await;
    assert!(planned.len() > cut.text.len());
    assert!(cut.text.split_whitespace().all(|word| planned.contains(word)), "heard: {}\nplanned: {planned}", cut.text);
    assert_eq!(result.state, "finished");
    assert!(result.outcome.is_some(), "the call went on to an outcome");
}
