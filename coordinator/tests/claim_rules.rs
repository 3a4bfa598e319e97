//! Which call is made next, when, and through which trunk.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use offhook::{
    attempt::PORTS_PER_ATTEMPT,
    language::Language,
    request::CallKind,
    store::{
        calls::{self, NewCall},
        claim::{Claim, Claimant, claim, end_expired},
        request_columns::RequestColumns,
    },
};
use offhook_test_database::{TestDatabase, claimant};

async fn claim_ids(database: &TestDatabase, room: usize) -> Vec<i64> {
    found(database, room).await.calls.iter().map(|fresh| fresh.call.id).collect()
}

async fn found(database: &TestDatabase, room: usize) -> Claim {
    claim(&database.pool, &claimant("c", "one"), room).await.unwrap()
}

#[tokio::test]
async fn higher_priority_first_then_who_waits_longest() {
    let database = TestDatabase::new().await.with_trunk().await;
    let late = database.insert_calls(1, "", "").await;
    let early = database.insert_calls(1, "", "").await;
    let urgent = database.insert_calls(1, "priority, trunk", "50, 'lab'").await;
    database.run(format!("update calls set due_at = now() - interval '49 minutes' where id = {early}")).await;
    assert_eq!(claim_ids(&database, 10).await, [urgent, early, late]);
}

#[tokio::test]
async fn nothing_is_claimed_before_it_is_due() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "not_before", "now() + interval '1 hour'").await;
    assert!(claim_ids(&database, 10).await.is_empty());
    database.run(format!("update calls set due_at = now() where id = {id}")).await;
    assert_eq!(claim_ids(&database, 10).await, [id]);
}

#[tokio::test]
async fn a_number_is_not_rung_by_two_calls_at_once() {
    let database = TestDatabase::new().await.with_trunk().await;
    let first = database.insert_calls(3, "", "").await;
    database.run("update calls set number = '+493012345678'").await;
    assert_eq!(claim_ids(&database, 10).await, [first]);
    assert!(claim_ids(&database, 10).await.is_empty());
    database.move_on(first, "finished").await;
    assert_eq!(claim_ids(&database, 10).await, [first + 1]);
}

#[tokio::test]
async fn many_calls_to_one_number_do_not_hold_up_the_others() {
    let database = TestDatabase::new().await.with_trunk().await;
    let first = database.insert_calls(500, "priority", "10").await;
    database.run("update calls set number = '+493012345678'").await;
    let other = database.insert_calls(1, "", "").await;
    let claimed = [claim_ids(&database, 10).await, claim_ids(&database, 10).await].concat();
    assert_eq!(claimed, [first, other]);
}

#[tokio::test]
async fn outside_calling_hours_a_call_waits_for_the_morning_of_its_restaurant() {
    let database = TestDatabase::new().await.with_trunk().await;
    // Hours that are an hour long and begin in three hours, on the clock of Tokyo.
    database.run("set timezone = 'Asia/Tokyo'").await;
    let id = database.insert_calls(1, "", "").await;
    database
        .run_unruled(format!(
            "update calls set number = '+81312345678', restaurant_zone = 'Asia/Tokyo', calling_from = h.t, calling_to = h.t + interval '30 minutes' \
             from (select case when t < '20:00' then t + interval '3 hours' else t - interval '3 hours' end as t \
                   from (select (now() at time zone 'Asia/Tokyo')::time as t) n) h where id = {id}"
        ))
        .await;
    assert!(claim_ids(&database, 10).await.is_empty());
    let waits: bool = database
        .one(format!(
            "select state = 'queued' and due_at > now() + interval '2 hours' and why = 'waits for the calling hours' \
             and (due_at at time zone 'Asia/Tokyo')::time = calling_from from calls where id = {id}"
        ))
        .await;
    assert!(waits, "{:?}", database.state(id).await);
}

#[tokio::test]
async fn what_can_only_be_made_too_late_expires() {
    let database = TestDatabase::new().await.with_trunk().await;
    let passed = database.insert_calls(1, "", "").await;
    let no_hours_left = database.insert_calls(1, "", "").await;
    database
        .run(format!(
            "update calls set not_before = now() - interval '2 days', not_after = now() - interval '1 second' where id = {passed}"
        ))
        .await;
    database
        .run_unruled(format!(
            "update calls set calling_from = h.t, calling_to = h.t + interval '1 minute', not_after = now() + interval '10 minutes' \
             from (select case when t < '20:00' then t + interval '3 hours' else t - interval '3 hours' end as t \
                   from (select (now() at time zone 'Europe/Berlin')::time as t) n) h where id = {no_hours_left}"
        ))
        .await;
    assert!(claim_ids(&database, 10).await.is_empty());
    assert_eq!(database.state(passed).await, ("expired".into(), Some("not_after passed".into())));
    assert_eq!(
        database.state(no_hours_left).await,
        ("expired".into(), Some("no calling hours are left before not_after".into()))
    );
}

#[tokio::test]
async fn the_sweep_ends_calls_that_nobody_can_make() {
    let database = TestDatabase::new().await.with_trunk().await;
    let passed = database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    let unwanted = database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    let fine = database.insert_calls(1, "", "").await;
    database
        .run(format!(
            "update calls set not_before = now() - interval '2 days', not_after = now() - interval '1 second' where id = {passed}"
        ))
        .await;
    database
        .run(format!("insert into do_not_call (number, reason) select number, 'said so' from calls where id = {unwanted}"))
        .await;
    assert_eq!(end_expired(&database.pool, 100).await.unwrap(), 2);
    assert_eq!(end_expired(&database.pool, 100).await.unwrap(), 0);
    assert_eq!(database.state(passed).await.0, "expired");
    assert_eq!(
        database.state(unwanted).await,
        ("cancelled".into(), Some("the number is on the do-not-call list: said so".into()))
    );
    assert_eq!(database.state(fine).await.0, "queued");
}

#[tokio::test]
async fn a_number_on_the_list_is_never_claimed() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    database.run("insert into do_not_call (number) select number from calls").await;
    assert!(claim_ids(&database, 10).await.is_empty());
    let (state, why) = database.state(id).await;
    assert_eq!(state, "cancelled");
    assert_eq!(why.unwrap(), "the number is on the do-not-call list: asked not to be called");
}

#[tokio::test]
async fn taking_back_a_queued_call_cancels_it_on_the_spot() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    database.run("update calls set cancel_requested = true").await;
    assert_eq!(database.state(id).await, ("cancelled".into(), Some("taken back by the user".into())));
    assert!(database.one::<bool>(format!("select finished_at is not null from calls where id = {id}")).await);
    assert!(claim_ids(&database, 10).await.is_empty());
}

#[tokio::test]
async fn a_call_that_was_lost_after_it_was_taken_back_can_be_taken_back_again() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await;
    claim_ids(&database, 1).await;
    database.run("update calls set cancel_requested = true").await;
    database.move_on(id, "held").await;
    database.run("update calls set cancel_requested = true").await;
    assert_eq!(database.state(id).await.0, "cancelled");
}

#[tokio::test]
async fn the_trunk_is_the_named_one_or_direct_or_the_preferred_one() {
    let database = TestDatabase::new().await;
    database
        .run(
            "insert into trunks (name, host, preference, calls_per_second, enabled) values ('cheap', 'a', 5, 1000, true), \
             ('dear', 'b', 50, 1000, true), ('off', 'c', 1, 1000, false), ('hostless', null, 0, 1000, true)",
        )
        .await;
    let preferred = database.insert_calls(1, "", "").await;
    let named = database.insert_calls(1, "trunk", "'dear'").await;
    let off = database.insert_calls(1, "trunk", "'off'").await;
    let sip = database.insert_calls(1, "", "").await;
    database.run(format!("update calls set number = 'sip:loewen@127.0.0.1:5070' where id = {sip}")).await;
    let claimed = found(&database, 10).await;
    let mut trunks: Vec<(i64, String)> = claimed.calls.iter().map(|fresh| (fresh.call.id, fresh.call.trunk.clone())).collect();
    trunks.sort();
    assert_eq!(trunks, [(preferred, "cheap".into()), (named, "dear".into()), (sip, "direct".into())]);
    assert_eq!(database.state(off).await.0, "queued");
    database.run("update trunks set paused_until = now() + interval '1 minute' where name = 'cheap'").await;
    let next = database.insert_calls(1, "", "").await;
    let claimed = found(&database, 10).await;
    assert_eq!(
        claimed.calls.iter().map(|fresh| (fresh.call.id, fresh.call.trunk.as_str())).collect::<Vec<_>>(),
        [(next, "dear")]
    );
}

#[tokio::test]
async fn calls_per_second_are_kept_and_the_next_moment_is_told() {
    let database = TestDatabase::new().await;
    database.run("insert into trunks (name, host, preference, calls_per_second) values ('slow', 'x', 1, 4)").await;
    database.insert_calls(20, "", "").await;
    let begun = Instant::now();
    let mut claimed = 0;
    while begun.elapsed() < Duration::from_millis(1500) {
        let found = found(&database, 10).await;
        claimed += found.calls.len();
        let wait = found.wait.expect("more is due");
        assert!(wait <= Duration::from_millis(250), "{wait:?}");
        tokio::time::sleep(wait).await;
    }
    // One at once and four a second.
    let most = 1 + (begun.elapsed().as_secs_f64() * 4.0) as usize;
    assert!((4..=most).contains(&claimed), "{claimed} of at most {most} in {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_quiet_hour_does_not_make_a_burst() {
    let database = TestDatabase::new().await;
    database
        .run("insert into trunks (name, host, preference, calls_per_second, refilled_at) values ('slow', 'x', 1, 4, now() - interval '1 hour')")
        .await;
    database.insert_calls(20, "", "").await;
    assert_eq!(claim_ids(&database, 10).await.len(), 1);
}

#[tokio::test]
async fn every_call_has_four_ports_of_its_own_until_there_are_none() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(5, "", "").await;
    let narrow = Claimant { port_first: 20_000, port_last: 20_011, ..claimant("c", "one") };
    let first = claim(&database.pool, &narrow, 10).await.unwrap();
    let mut bases: Vec<i32> = first.calls.iter().map(|fresh| fresh.call.port_base.unwrap()).collect();
    bases.sort_unstable();
    assert_eq!(bases, [0, 1, 2].map(|nth| 20_000 + nth * i32::from(PORTS_PER_ATTEMPT)), "as many as the worker is told of");
    assert!(first.no_ports);
    let elsewhere = claim(&database.pool, &Claimant { host: "two".into(), ..narrow }, 10).await.unwrap();
    assert_eq!(elsewhere.calls.len(), 2, "another machine has ports of its own");
}

#[tokio::test]
async fn an_attempt_is_told_the_request_as_it_was_added() {
    let database = TestDatabase::new().await.with_trunk().await;
    let day = |ahead| chrono::Utc::now().date_naive() + chrono::Days::new(ahead);
    let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 30, 0).unwrap();
    let request = RequestColumns {
        number: "+4930123456".into(),
        kind: CallKind::Change,
        restaurant_name: "Zum Löwen".into(),
        restaurant_zone: "Europe/Berlin".into(),
        guest_name: "Ada Winter".into(),
        guest_phone: "+4915112345678".into(),
        party_size: 4,
        wanted_date: day(30),
        wanted_time: time(19),
        earliest_time: Some(time(18)),
        latest_time: Some(time(20)),
        other_dates: vec![day(31), day(32)],
        special_requests: Some("a high chair".into()),
        booking_reference: Some("A17".into()),
        language_hint: Some("nl".into()),
    };
    let call = NewCall {
        request_key: Some("order-17".into()),
        request,
        not_before: None,
        not_after: None,
        priority: None,
        max_attempts: None,
        line_type: None,
        consent: None,
        record: Some(false),
        trunk: None,
    };
    let id = calls::add(&database.pool, &call).await.unwrap();
    database.run("update calls set calling_from = '00:00', calling_to = '24:00'").await;
    let claimed = claim(&database.pool, &claimant("c", "one"), 1).await.unwrap().calls.remove(0).call;
    assert_eq!((claimed.id, &claimed.request), (id, &call.request));
    let negotiated = claimed.to_request().unwrap();
    assert_eq!(
        (negotiated.earliest_time, negotiated.latest_time, negotiated.party_size, negotiated.record),
        (time(18), time(20), 4, false)
    );
    assert_eq!((negotiated.language_hint, negotiated.dropped_before), (Some(Language::Nl), false));
}

#[tokio::test]
async fn one_row_that_cannot_be_claimed_does_not_stop_the_queue() {
    let database = TestDatabase::new().await.with_trunk().await;
    let broken = database.insert_calls(1, "priority", "100").await;
    let fine = database.insert_calls(1, "", "").await;
    // A zone that the next version of the time zone data does not have any more.
    database.run_unruled(format!("update calls set restaurant_zone = 'Europe/Atlantis' where id = {broken}")).await;
    assert_eq!(claim_ids(&database, 10).await, [fine]);
    let (state, why) = database.state(broken).await;
    assert!(state == "queued" && why.clone().unwrap().contains("Atlantis"), "{state} {why:?}");
}

#[tokio::test]
async fn an_empty_look_wakes_nobody() {
    let database = TestDatabase::new().await.with_trunk().await;
    let mut listener = sqlx::postgres::PgListener::connect(database.url().expose()).await.unwrap();
    listener.listen("offhook_calls").await.unwrap();
    assert!(claim_ids(&database, 10).await.is_empty());
    end_expired(&database.pool, 100).await.unwrap();
    // Whatever was told would be here before this.
    database.run("notify offhook_calls, 'end'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "end");
}
