//! A worker that could not reach the database until it ran out of patience leaves everything on disk, and the coordinator delivers it.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config};

#[tokio::test]
async fn outcome_transcript_steps_and_tools_are_in_the_tables_afterwards() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = database.insert_calls(1, "special_requests", "'play: cut off'").await;
    until("it is settled", || async { database.state(id).await.0 == "finished" }).await;
    let told = "select concat_ws(' ', disposition, outcome, dialing_at at time zone 'UTC', answered_at at time zone 'UTC') from attempts";
    assert_eq!(database.one::<String>(told).await, "answered booked 2026-11-20 18:00:00 2026-11-20 18:00:05");
    let said = "select string_agg(number || ' ' || speaker || ': ' || text || case when interrupted then ' –' else '' end, '; ' order by number) from turns";
    assert_eq!(database.one::<String>(said).await, "1 callee: Guten Abend; 2 agent: Guten Abend, einen Tisch –");
    let tools = "select string_agg(number || ' ' || name || ' ' || result::text, '; ') from tool_calls";
    assert_eq!(database.one::<String>(tools).await, "1 accept_offer {\"accepted\": true}");
    let events = "select string_agg(kind, ' ' order by at) from events where kind in ('dialing', 'ringing', 'talking', 'saying')";
    assert_eq!(database.one::<String>(events).await, "dialing ringing talking saying");
    running.drain().await;
    assert!(!spool.file(&format!("{id}-1")).exists(), "nothing of it stays on disk");
}
