//! A gateway whose answers have several parts, or none that can be read: the call is held, or its row says why it was hung up on.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{installation::Installation, sipp::Sipp};

async fn called(scenario: &str) -> Installation {
    // No sound comes from these callees; the bound of a call without sound lies beyond the call.
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_MEDIA", "60s")]).await;
    installation.ask("update retry_policies set dropped_from = '1 hour', dropped_to = '1 hour' returning name").await;
    let sipp = Sipp::plays(scenario, &installation.folder);
    let id = installation.insert(&sipp.uri, &[]).await;
    sipp.saw_it_all().await;
    let settled = "exists (select from attempts where call_id = calls.id and settled_at is not null)";
    installation.wait_for(id, settled, Duration::from_secs(40)).await;
    installation
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_several_parts_that_names_a_host_is_talked_to_and_followed() {
    let installation = called("gateway_holds_and_hangs_up").await;
    let holds =
        "select string_agg(detail->>'held' || ' by ' || (detail->>'by'), ', ' order by id) from events where kind = 'hold'";
    assert_eq!(installation.ask(holds).await, "true by signalling, false by signalling");
    assert_eq!(installation.ask("select ended_by::text || ' ' || codec from attempts").await, "hung_up_by_callee PCMA");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_read_is_hung_up_on_and_the_row_says_why() {
    let installation = called("answers_in_gzip").await;
    let detail = installation.ask("select detail from attempts").await;
    assert_eq!(
        detail,
        "answered, but without usable sound: the body of the answer is not taken: it is encoded with gzip (Content-Encoding), and no \
         encoding was offered; the peer has to send it as it is"
    );
}
