//! A callee puts the call on hold by signalling and takes us back: the conversation knows both.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{installation::Installation, sipp::Sipp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_by_signalling_reaches_the_conversation_and_ends_nothing() {
    // No sound comes from this callee; the bound of a call without sound lies beyond the call.
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_MEDIA", "60s")]).await;
    installation.ask("update retry_policies set dropped_from = '1 hour', dropped_to = '1 hour' returning name").await;
    let sipp = Sipp::plays("holds_and_hangs_up", &installation.folder);
    let id = installation.insert(&sipp.uri, &[]).await;
    sipp.saw_it_all().await;
    installation
        .wait_for(
            id,
            "exists (select from attempts where call_id = calls.id and settled_at is not null)",
            Duration::from_secs(40),
        )
        .await;
    let holds =
        "select string_agg(detail->>'held' || ' by ' || (detail->>'by'), ', ' order by id) from events where kind = 'hold'";
    assert_eq!(installation.ask(holds).await, "true by signalling, false by signalling");
    assert_eq!(installation.ask("select ended_by::text from attempts").await, "hung_up_by_callee");
}
