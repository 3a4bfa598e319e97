//! A telephone that is picked up and sends no sound is hung up on within the bound, and the row says so.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{installation::Installation, sipp::Sipp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_sound_is_hung_up_on_and_tried_once_more() {
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_MEDIA", "2s")]).await;
    installation.ask("update retry_policies set dropped_from = '1 hour', dropped_to = '1 hour' returning name").await;
    let sipp = Sipp::plays("answered", &installation.folder);
    let id = installation.insert(&sipp.uri, &[("max_attempts", "3")]).await;
    installation.wait_for(id, "state = 'queued' and attempt = 1", Duration::from_secs(40)).await;
    let result = installation.result(id).await;
    assert_eq!((result.disposition.as_deref(), result.outcome), (Some("no_media"), None));
    assert_eq!(result.why.as_deref(), Some("somebody answered, but no sound came"));
    let detail = installation.ask("select detail from attempts").await;
    assert_eq!(detail, "answered, but no sound came within 2 s");
    let seconds = result.talked_seconds.unwrap();
    assert!((2.0..8.0).contains(&seconds), "hung up on after {seconds} s");
    sipp.saw_it_all().await;
}
