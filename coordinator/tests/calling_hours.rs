//! When a restaurant may be called: its opening times, its country's hours and its call's hours, on its own clock.

#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use offhook::store::claim::claim;
use offhook_test_database::{TestDatabase, claimant};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

const BERLIN: &str = "+4930123456";
const NEW_YORK: &str = "+12125550100";

/// The next moment from `from` on (RFC 3339), in a zone and between two times of day.
async fn next(database: &TestDatabase, number: &str, zone: &str, hours: (&str, &str), from: &str) -> Option<DateTime<Utc>> {
    database
        .one(format!("select offhook_next_calling_moment('{from}', '{number}', '{zone}', '{}', '{}')", hours.0, hours.1))
        .await
}

fn at(moment: &str) -> Option<DateTime<Utc>> {
    Some(moment.parse().unwrap())
}

#[tokio::test]
async fn without_opening_times_the_calls_own_hours_count() {
    let database = TestDatabase::new().await;
    for (from, then) in [
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"), // 09:00 there: at once
        ("2026-11-20T07:59:59Z", "2026-11-20T08:00:00Z"),
        ("2026-11-20T19:59:59.5Z", "2026-11-20T19:59:59.5Z"),
        ("2026-11-20T20:00:00Z", "2026-11-21T08:00:00Z"), // 21:00 there: tomorrow
    ] {
        assert_eq!(next(&database, BERLIN, "Europe/Berlin", ("09:00", "21:00"), from).await, at(then), "{from}");
    }
}

#[tokio::test]
async fn a_clock_that_changes_does_not_move_the_hours() {
    let database = TestDatabase::new().await;
    for (number, zone, hours, from, then) in [
        // Berlin: 2027-03-28 has no 02:00 to 03:00, 2026-10-25 has it twice.
        (BERLIN, "Europe/Berlin", ("09:00", "21:00"), "2027-03-27T21:00:00Z", "2027-03-28T07:00:00Z"),
        (BERLIN, "Europe/Berlin", ("09:00", "21:00"), "2026-10-24T21:00:00Z", "2026-10-25T08:00:00Z"),
        (BERLIN, "Europe/Berlin", ("02:30", "05:00"), "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"),
        (BERLIN, "Europe/Berlin", ("02:15", "02:45"), "2027-03-28T00:00:00Z", "2027-03-29T00:15:00Z"),
        (BERLIN, "Europe/Berlin", ("02:15", "02:45"), "2026-10-24T23:00:00Z", "2026-10-25T00:15:00Z"),
        (BERLIN, "Europe/Berlin", ("02:15", "02:45"), "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"),
        (BERLIN, "Europe/Berlin", ("02:15", "02:45"), "2026-10-25T01:45:00Z", "2026-10-26T01:15:00Z"),
        // New York: 2027-03-14 and 2026-11-01.
        (NEW_YORK, "America/New_York", ("09:00", "21:00"), "2027-03-14T02:00:00Z", "2027-03-14T13:00:00Z"),
        (NEW_YORK, "America/New_York", ("09:00", "21:00"), "2026-11-01T02:00:00Z", "2026-11-01T14:00:00Z"),
        // Havana changes at midnight, Lord Howe by half an hour.
        (BERLIN, "America/Havana", ("00:00", "00:30"), "2027-03-14T04:30:00Z", "2027-03-15T04:00:00Z"),
        (BERLIN, "Australia/Lord_Howe", ("02:10", "03:00"), "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z"),
    ] {
        assert_eq!(next(&database, number, zone, hours, from).await, at(then), "{zone} {hours:?} from {from}");
    }
}

#[tokio::test]
async fn opening_times_narrow_the_hours() {
    let database = TestDatabase::new().await;
    // Noon and evening on Fridays (over midnight) and Saturdays; 2026-11-20 is a Friday. UTC is an hour behind.
    database
        .run(format!(
            "insert into opening_times values ('{BERLIN}', 5, '11:30', '14:00'), ('{BERLIN}', 5, '18:00', '01:30'), \
             ('{BERLIN}', 6, '18:00', '24:00')"
        ))
        .await;
    for (hours, from, then) in [
        (("09:00", "21:00"), "2026-11-20T06:00:00Z", at("2026-11-20T10:30:00Z")),
        (("09:00", "21:00"), "2026-11-20T13:00:00Z", at("2026-11-20T17:00:00Z")),
        (("09:00", "21:00"), "2026-11-20T18:15:00Z", at("2026-11-20T18:15:00Z")),
        (("09:00", "21:00"), "2026-11-20T20:00:00Z", at("2026-11-21T17:00:00Z")),
        (("09:00", "21:00"), "2026-11-21T20:00:00Z", at("2026-11-27T10:30:00Z")),
        // Over midnight, where the call's hours allow it: on Saturday until 01:30, and not a minute later.
        (("00:00", "24:00"), "2026-11-20T23:30:00Z", at("2026-11-20T23:30:00Z")),
        (("00:00", "24:00"), "2026-11-21T00:30:00Z", at("2026-11-21T17:00:00Z")),
        (("00:30", "09:00"), "2026-11-20T20:00:00Z", at("2026-11-20T23:30:00Z")),
        (("14:00", "18:00"), "2026-11-20T06:00:00Z", None),
    ] {
        assert_eq!(next(&database, BERLIN, "Europe/Berlin", hours, from).await, then, "{hours:?} from {from}");
    }
    let other = next(&database, "+493012345678", "Europe/Berlin", ("09:00", "21:00"), "2026-11-22T10:00:00Z").await;
    assert_eq!(other, at("2026-11-22T10:00:00Z"), "another number has no opening times");
}

#[tokio::test]
async fn nobody_is_called_on_a_closed_day() {
    let database = TestDatabase::new().await;
    database.run(format!("insert into opening_times select '{BERLIN}', d, '18:00', '02:00' from generate_series(1, 7) d")).await;
    database.run(format!("insert into closed_days values ('{BERLIN}', '2026-12-24'), ('{BERLIN}', '2026-12-25')")).await;
    for (from, then) in [
        ("2026-12-23T22:59:00Z", "2026-12-23T22:59:00Z"),
        ("2026-12-23T23:00:00Z", "2026-12-26T17:00:00Z"), // the night of the 23rd ends at midnight, the 25th has none
        ("2026-12-25T23:30:00Z", "2026-12-26T17:00:00Z"), // and the hours after the midnight of a closed day are its own
    ] {
        assert_eq!(next(&database, BERLIN, "Europe/Berlin", ("00:00", "24:00"), from).await, at(then), "{from}");
    }
    database.run("delete from opening_times").await;
    let without_times = next(&database, BERLIN, "Europe/Berlin", ("09:00", "21:00"), "2026-12-24T10:00:00Z").await;
    assert_eq!(without_times, at("2026-12-26T08:00:00Z"));
    database.run(format!("insert into closed_days select '{BERLIN}', date '2026-12-26' + n from generate_series(0, 90) n")).await;
    assert_eq!(next(&database, BERLIN, "Europe/Berlin", ("09:00", "21:00"), "2026-12-24T10:00:00Z").await, None);
}

#[tokio::test]
async fn a_countrys_hours_are_a_floor_under_every_call() {
    let database = TestDatabase::new().await;
    let hours = ("00:00", "24:00");
    assert_eq!(
        next(&database, NEW_YORK, "America/New_York", hours, "2026-11-20T05:00:00Z").await,
        at("2026-11-20T13:00:00Z"), // 08:00
    );
    assert_eq!(
        next(&database, NEW_YORK, "America/New_York", hours, "2026-11-21T02:00:00Z").await,
        at("2026-11-21T13:00:00Z"), // 21:00: tomorrow
    );
    assert_eq!(next(&database, NEW_YORK, "America/New_York", ("21:00", "23:00"), "2026-11-20T05:00:00Z").await, None);
    database.run("update countries set calling_from = '10:00', calling_to = '20:00' where code = 'DE'").await;
    assert_eq!(next(&database, BERLIN, "Europe/Berlin", hours, "2026-11-20T05:00:00Z").await, at("2026-11-20T09:00:00Z"));
    assert_eq!(
        next(&database, "sip:loewen@127.0.0.1:5070", "Europe/Berlin", hours, "2026-11-20T05:00:00Z").await,
        at("2026-11-20T05:00:00Z")
    );
}

/// What the answer has to be, found by looking at the clock every five minutes.
fn looked_for(
    from: DateTime<Utc>,
    zone: Tz,
    hours: (NaiveTime, Option<NaiveTime>),
    opening: &[(u32, NaiveTime, NaiveTime)],
    closed: &[NaiveDate],
) -> Option<DateTime<Utc>> {
    (0..12 * 24 * 9).map(|step| from + Duration::minutes(5 * step)).find(|moment| {
        let local = moment.with_timezone(&zone).naive_local();
        let (day, time) = (local.date(), local.time());
        let before = day.pred_opt().unwrap();
        let open = opening.iter().any(|&(weekday, opens, closes)| {
            let over_midnight = closes <= opens;
            let this = weekday == day.weekday().number_from_monday() && time >= opens && (over_midnight || time < closes);
            let last =
                weekday == before.weekday().number_from_monday() && over_midnight && time < closes && !closed.contains(&before);
            this || last
        });
        time >= hours.0 && hours.1.is_none_or(|to| time < to) && (opening.is_empty() || open) && !closed.contains(&day)
    })
}

#[tokio::test]
async fn the_answer_is_what_looking_at_the_clock_finds() {
    let database = TestDatabase::new().await;
    let mut rng = StdRng::seed_from_u64(20_261_120);
    let time = |rng: &mut StdRng| NaiveTime::from_num_seconds_from_midnight_opt(rng.random_range(0..288) * 300, 0).unwrap();
    for round in 0..60 {
        // Days around a change of the clock.
        let (zone, day): (Tz, &str) = *[
            (Tz::Europe__Berlin, "2026-10-22"),
            (Tz::Europe__Berlin, "2027-03-25"),
            (Tz::America__New_York, "2026-10-29"),
            (Tz::America__New_York, "2027-03-11"),
            (Tz::Australia__Lord_Howe, "2026-10-01"),
            (Tz::America__Havana, "2026-10-29"),
            (Tz::Asia__Beirut, "2027-03-25"),
            (Tz::Africa__Casablanca, "2027-02-05"),
            (Tz::UTC, "2026-12-30"),
        ]
        .choose(&mut rng)
        .unwrap();
        let day: NaiveDate = day.parse().unwrap();
        let opening: Vec<(u32, NaiveTime, NaiveTime)> =
            (0..rng.random_range(0..4)).map(|_| (rng.random_range(1..=7), time(&mut rng), time(&mut rng))).collect();
        let closed: Vec<NaiveDate> = (0..rng.random_range(0..3)).map(|_| day + TimeDelta::days(rng.random_range(0..6))).collect();
        database.run("delete from opening_times; delete from closed_days").await;
        for (weekday, opens, closes) in &opening {
            database
                .run(format!(
                    "insert into opening_times values ('{BERLIN}', {weekday}, '{opens}', '{closes}') on conflict do nothing"
                ))
                .await;
        }
        for day in &closed {
            database.run(format!("insert into closed_days values ('{BERLIN}', '{day}') on conflict do nothing")).await;
        }
        // As the table has it: the first of two that open at the same time.
        let mut kept: Vec<(u32, NaiveTime, NaiveTime)> = Vec::new();
        for row in opening {
            if !kept.iter().any(|known| (known.0, known.1) == (row.0, row.1)) {
                kept.push(row);
            }
        }
        for _ in 0..20 {
            let from = day.and_time(NaiveTime::MIN).and_utc() + Duration::minutes(5 * rng.random_range(0..12 * 24 * 6));
            let (a, b) = (time(&mut rng), time(&mut rng));
            let hours = if a < b && rng.random_bool(0.8) { (a, Some(b)) } else { (a, None) };
            let to = hours.1.map_or("24:00".to_owned(), |to| to.to_string());
            let answer = next(&database, BERLIN, zone.name(), (&hours.0.to_string(), &to), &from.to_rfc3339()).await;
            let wanted = looked_for(from, zone, hours, &kept, &closed);
            // Those that are further away than the looking goes are left alone.
            if wanted.is_some() || answer.is_some_and(|answer| answer < from + Duration::days(9)) {
                assert_eq!(
                    answer, wanted,
                    "round {round}: {zone} from {from}, hours {hours:?}, open {kept:?}, closed {closed:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_change_of_opening_times_moves_the_calls_that_wait() {
    let database = TestDatabase::new().await.with_trunk().await;
    let first = database.insert_calls(3, "", "").await;
    let [open, retried, other] = [first, first + 1, first + 2];
    database
        .run(format!(
            "update calls set number = '{BERLIN}' where id <> {other}; \
             begin; set local session_replication_role = replica; update calls set attempt = 1 where id = {retried}; commit; \
             update calls set waits_for = 'retry', due_at = now() + interval '30 minutes' where id = {retried}"
        ))
        .await;
    let due = |id: i64| format!("select due_at from calls where id = {id}");
    let others: DateTime<Utc> = database.one(due(other)).await;
    // Open in six days, for an hour; then every day, around the clock.
    let in_six_days = "extract(isodow from (now() at time zone 'Europe/Berlin')::date + 6)";
    database.run(format!("insert into opening_times values ('{BERLIN}', {in_six_days}, '12:00', '13:00')")).await;
    for id in [open, retried] {
        let moved: bool = database
            .one(format!(
                "select due_at at time zone 'Europe/Berlin' = (now() at time zone 'Europe/Berlin')::date + 6 + time '12:00' \
                 and waits_for = case {id} when {open} then 'calling_hours' else 'retry' end from calls where id = {id}"
            ))
            .await;
        assert!(moved, "{:?}", database.state(id).await);
    }
    assert!(claim(&database.pool, &claimant("c", "one"), 10).await.unwrap().calls.iter().all(|fresh| fresh.call.id == other));
    let later: DateTime<Utc> = database.one(due(retried)).await;
    database
        .run(format!(
            "insert into opening_times select '{BERLIN}', d, '00:00', '24:00' from generate_series(1, 7) d on conflict do nothing"
        ))
        .await;
    let at_once: bool = database.one(format!("select due_at <= now() and why is null from calls where id = {open}")).await;
    assert!(at_once, "{:?}", database.state(open).await);
    assert_eq!(database.one::<DateTime<Utc>>(due(retried)).await, later, "the wait after an attempt is not shortened");
    assert_eq!(database.one::<DateTime<Utc>>(due(other)).await, others);

    database.run(format!("insert into closed_days select '{BERLIN}', current_date + n from generate_series(-1, 70) n")).await;
    let no_day_left: bool = database
        .one(format!(
            "select due_at = not_after and why = 'no calling hours are left before not_after' from calls where id = {open}"
        ))
        .await;
    assert!(no_day_left, "{:?}", database.state(open).await);
    database.run("delete from closed_days").await;
    assert!(database.one::<bool>(format!("select due_at <= now() and why is null from calls where id = {open}")).await);
}

#[tokio::test]
async fn a_call_without_a_day_to_be_made_on_is_refused_and_expires_where_the_days_are_taken_later() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("insert into closed_days select '+49301000001', current_date + n from generate_series(-1, 40) n").await;
    let refused = sqlx::query(
        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time) \
         values ('+49301000001', 'Löwen', 'Europe/Berlin', 'Ada', '+4915112345678', 2, current_date + 30, '19:30')",
    )
    .execute(&database.pool)
    .await
    .unwrap_err();
    let refused = refused.as_database_error().unwrap();
    assert_eq!(refused.constraint(), Some("there_is_time_to_call"));
    assert!(refused.message().contains("when it is open"), "{refused}");

    database.run("delete from closed_days").await;
    let id = database.insert_calls(1, "", "").await;
    database
        .run_unruled(format!(
            "insert into closed_days select number, current_date + n from calls, generate_series(-1, 40) n where id = {id}; \
             update calls set due_at = now() where id = {id}"
        ))
        .await;
    assert!(claim(&database.pool, &claimant("c", "one"), 10).await.unwrap().calls.is_empty());
    let (state, why) = database.state(id).await;
    assert_eq!((state.as_str(), why.as_deref()), ("expired", Some("no calling hours are left before not_after")));
}
