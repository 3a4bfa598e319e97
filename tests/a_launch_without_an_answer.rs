//! The engine starts a worker, and the coordinator never hears of it: whoever is rung is rung once, and the call goes on.
#![allow(clippy::unwrap_used)]

mod support;

use support::{
    callees::{Act, Manner},
    engine::EngineWire,
    site::{SOON, Site},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_is_kept_and_its_call_goes_on() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    site.engine_wire.set(EngineWire { start_answers_lost: true, ..EngineWire::default() });
    let number = site.callees.number(Manner::RingsForEver, 1);
    let call = site.insert(&number, &[]).await;
    site.callees.until(&number, SOON, "ringing", |seen| seen.ringing).await;
    site.until("ringing is written", &format!("select ringing_at is not null from attempts where call_id = {call}")).await;
    site.engine_wire.start_afresh();
    site.callees.tell(&number, Act::AnswerAndHangUp);
    site.until("it is settled", &format!("select settled_at is not null from attempts where call_id = {call}")).await;
    let row = format!(
        "select c.state || ' ' || a.disposition || ' ' || c.attempt from calls c join attempts a on a.call_id = c.id where c.id = {call}"
    );
    assert_eq!(site.ask(&row).await, "queued answered 1", "the line dropped after an answer: again in two minutes");
    assert_eq!(site.callees.seen(&number).invites.len(), 1);
    site.nothing_is_left_over().await;
}
