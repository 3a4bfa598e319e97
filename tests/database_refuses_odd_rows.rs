//! What no sensible person means is refused with the column's name and what to do: texts that cannot be seen, moments of other centuries,
//! counters of the queue, and settings that cannot be.
#![allow(clippy::unwrap_used)]

use offhook_test_database::{CALL, TestDatabase, insert_statement};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgDatabaseError};

async fn refused(pool: &PgPool, statement: &str, sentence: &str) {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.expect_err(statement);
    let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
    assert!(error.message().contains(sentence), "{statement}\nsaid: {}\nnot: {sentence}", error.message());
    assert!(error.hint().is_some_and(|hint| hint.len() > 10), "{statement}: no hint");
    assert!(error.constraint().is_some_and(|name| !name.is_empty()), "{statement}: no name for programs");
}

/// A column of a call, an SQL expression, and what a person reads.
const ODD_CALLS: &[(&str, &str, &str)] = &[
    ("restaurant_name", r"U&'\200B'", "restaurant_name has nothing in it that can be seen"),
    ("restaurant_name", r"U&'\200D\FEFF\00AD'", "restaurant_name has nothing in it that can be seen"),
    ("restaurant_name", r"U&'\3164'", "restaurant_name has nothing in it that can be seen"),
    ("restaurant_name", r"U&'\00A0'", "restaurant_name has nothing in it that can be seen"),
    ("guest_name", r"U&'\200E\200F'", "guest_name has nothing in it that can be seen"),
    ("guest_name", r"U&'\2800'", "guest_name has nothing in it that can be seen"),
    ("guest_name", r"U&'\+0E0041'", "guest_name has nothing in it that can be seen"),
    ("guest_name", r"E'\x01'", "guest_name has nothing in it that can be seen"),
    ("guest_name", r"U&'Ada \202EretniW'", "guest_name has U+202E, a control character"),
    ("guest_name", r"U&'\2066Ada\2069'", "guest_name has U+2066, a control character"),
    ("guest_name", r"E'Ada\x1b[31m'", "guest_name has U+001B, a control character"),
    ("special_requests", r"E'near the \x07 window'", "special_requests has U+0007"),
    ("special_requests", r"U&'\200B'", "special_requests has nothing in it that can be seen"),
    ("booking_reference", r"U&'\200B'", "booking_reference has nothing in it that can be seen"),
    ("consent", r"U&'\200B'", "consent has nothing in it that can be seen"),
    ("request_key", r"E'order\n17'", "request_key has U+000A"),
    ("number", "'sip:' || repeat('x', 5000) || '@example.org'", "number has 5016 characters"),
    ("not_before", "'0044-03-15 BC'", "not_before 0044-03-15"),
    ("not_before", "'1999-12-31'", "not_before 1999-12-31"),
    ("not_after", "'20000-01-01'", "not_after 20000-01-01"),
    ("other_dates", "'{2020-01-01}'", "other_dates names 2020-01-01, which is in the past"),
];

#[tokio::test]
async fn an_odd_call_is_refused_when_it_is_inserted_and_when_a_right_one_is_changed_into_it() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[]).await;
    for (column, value, sentence) in ODD_CALLS {
        refused(&database.pool, &insert_statement("calls", CALL, &[(column, value)]), sentence).await;
        refused(&database.pool, &format!("update calls set {column} = {value} where id = {id}"), sentence).await;
    }
    for value in ["'infinity'", "'20000-01-01'"] {
        refused(&database.pool, &insert_statement("calls", CALL, &[("created_at", value)]), "created_at").await;
    }
    for name in [r"U&'Zo\00EB'", r"U&'\0646\0627\0645\200C\0647'", "'東京'", r"U&'O\2019Hara & Sons'", r"U&'\+01F355 Pizza'"] {
        database.insert_call(&[("restaurant_name", name), ("special_requests", r"E'a high chair,\nnear the window'")]).await;
    }
}

#[tokio::test]
async fn a_table_of_today_whose_time_has_passed_is_not_asked_for() {
    let database = TestDatabase::new().await.with_every_clock_in_germany().await;
    // Where it is between one and ten in the evening now, whenever this runs.
    let here = "(select name from restaurant_zones where extract(hour from now() at time zone name) between 13 and 21 order by name limit 1)";
    let zone: String = database.one(format!("select {here}")).await;
    let zone = format!("'{zone}'");
    let (today, past) =
        (format!("(now() at time zone {zone})::date"), format!("(now() at time zone {zone} - interval '1 minute')::time"));
    let columns = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("restaurant_zone", zone.clone()), ("wanted_date", today.clone()), ("wanted_time", past.clone())];
        all.extend(more.iter().map(|(column, value)| (*column, (*value).to_owned())));
        let all: Vec<(&str, &str)> = all.iter().map(|(column, value)| (*column, value.as_str())).collect();
        insert_statement("calls", CALL, &all)
    };
    refused(&database.pool, &columns(&[]), "is in the past").await;
    refused(&database.pool, &columns(&[("latest_time", "'23:59'")]), "is in the past").await;
    refused(&database.pool, &columns(&[("other_dates", "array[current_date + 3]")]), "is in the past").await;

    let id = database.insert_call(&[("restaurant_zone", &zone), ("calling_from", "'00:00'"), ("calling_to", "'24:00'")]).await;
    refused(
        &database.pool,
        &format!("update calls set wanted_date = {today}, wanted_time = {past} where id = {id}"),
        "is in the past",
    )
    .await;
    let ends: bool = database
        .one(format!(
            "update calls set latest_time = '23:00', other_dates = array[wanted_date + 1], not_after = now() + interval '90 days' where id = {id} \
             returning not_after = (wanted_date + wanted_time) at time zone restaurant_zone"
        ))
        .await;
    assert!(ends, "after the time of the wanted table nobody is called, however late the guest would come");
}

#[tokio::test]
async fn a_call_that_becomes_due_after_the_time_of_its_table_expires() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "latest_time, other_dates", "'23:00', array[current_date + 40]").await;
    // The queue was down, and a row of before had more time.
    database
        .run_unruled(format!(
            "update calls set wanted_date = (now() - interval '1 hour')::date, wanted_time = (now() at time zone 'UTC' - interval '1 hour')::time, \
             restaurant_zone = 'UTC', not_after = now() + interval '1 day' where id = {id}"
        ))
        .await;
    let claimed = offhook::store::claim::claim(&database.pool, &offhook_test_database::claimant("one", "here"), 1).await.unwrap();
    assert!(claimed.calls.is_empty());
    assert_eq!(database.state(id).await, ("expired".into(), Some("the time of the wanted table has passed".into())));
}

#[tokio::test]
async fn odd_trunks_and_settings_are_refused() {
    let database = TestDatabase::new().await.with_trunk().await;
    for (statement, sentence) in [
        (r#"update trunks set headers = '{"x-a": "1", "X-A": "2"}' where name = 'lab'"#, "X-A and x-a are the same header"),
        ("update trunks set username = E'a\\r\\nX-Evil: 1' where name = 'lab'", "username has U+000D"),
        ("update trunks set host = repeat('x', 300) where name = 'lab'", "host of trunk \"lab\" has 300 characters"),
        ("update trunks set secret = repeat('x', 300), username = 'u' where name = 'lab'", "secret of trunk \"lab\" has 300"),
        ("update trunks set pause_reason = U&'\\200B' where name = 'lab'", "pause_reason has nothing"),
        ("update trunks set tokens = 'NaN'", "tokens NaN"),
        ("update trunks set tokens = 'infinity'", "tokens Infinity"),
        ("update trunks set refilled_at = 'infinity'", "refilled_at infinity"),
        ("update trunks set failures = -1", "failures -1"),
        ("update trunks set paused_until = 'infinity'", "paused_until infinity"),
        ("update trunks set calls_per_second = 'NaN' where name = 'lab'", "calls_per_second NaN"),
        ("insert into do_not_call (number, reason) values ('+4930123456', repeat('x', 501))", "reason has 501 characters"),
        ("insert into do_not_call (number, reason) values ('+4930123456', U&'\\200B')", "reason has nothing"),
        ("insert into do_not_call (number, added_at) values ('+4930123456', 'infinity')", "added_at infinity"),
        ("insert into do_not_call (number, added_at) values ('+4930123456', '20000-01-01')", "added_at 20000"),
        ("insert into closed_days values ('+4930123456', '9999-12-31')", "closed day 9999-12-31"),
        ("insert into closed_days values ('+4930123456', '0044-03-15 BC')", "closed day 0044-03-15 BC"),
        ("update installation set sip_domains = '{https://example.org}'", "sip_domains names \"https://example.org\""),
        ("update installation set sip_domains = '{null}'", "sip_domains is not a plain list"),
        ("update installation set sip_domains = '{{a},{b}}'", "sip_domains is not a plain list"),
        ("update installation set sip_domains = '{\"\"}'", "sip_domains names \"\""),
        ("update installation set sip_recording = 'maybe'", "sip_recording \"maybe\""),
        ("update installation set quiet_time = '2 days'", "quiet_time 2 days"),
        ("update installation set quiet_time = null", "quiet_time of the installation is missing"),
        ("update installation set calls_per_day = 0", "calls_per_day is 0"),
        ("update installation set max_concurrent = -1", "max_concurrent is -1"),
        ("update installation set keep = '-1 day'", "keep -1 days"),
        ("update installation set pause_reason = repeat('x', 501)", "pause_reason has 501"),
        ("update installation set provider_breaker_failures = 0", "provider_breaker_failures is 0"),
        ("update installation set provider_breaker_rest = '1 day'", "provider_breaker_rest 1 day"),
        ("update installation set id = E'a\\nb'", "id of the installation"),
        ("delete from installation", "cannot be deleted"),
        ("insert into installation default values", "cannot be added to"),
        ("update countries set recording = 'maybe' where code = 'DE'", "recording \"maybe\" of country DE"),
        (
            "update countries set calling_from = '09:00', calling_to = null where code = 'DE'",
            "only one of calling_from and calling_to",
        ),
        (
            "update countries set calling_from = '22:00', calling_to = '08:00' where code = 'DE'",
            "calling_from 22:00:00 of country DE",
        ),
        ("update countries set name = ' ' where code = 'DE'", "name of country DE is empty"),
        ("update countries set code = 'Germany' where code = 'DE'", "code \"Germany\""),
        ("update countries set allowed = null where code = 'DE'", "allowed of the country is missing"),
        ("insert into number_ranges values ('4932', 'DE', 'landline', 'ours')", "prefix \"4932\""),
        ("insert into number_ranges values ('+4932', 'XX', 'landline', 'ours')", "there is no country \"XX\""),
        ("insert into number_ranges values ('+4932', 'DE', 'fax', 'ours')", "kind \"fax\""),
        ("insert into number_ranges values ('+4932', 'DE', 'landline', null)", "source is missing"),
        ("insert into country_zones values ('XX', 'Europe/Berlin', 1, 'ours')", "there is no country \"XX\""),
        ("insert into country_zones values ('DE', 'Berlin', 1, 'ours')", "zone \"Berlin\" is not the name of a time zone"),
        ("insert into country_zones values ('DE', 'Asia/Tokyo', null, 'ours')", "nth is missing"),
        ("insert into country_zones values ('DE', 'Asia/Tokyo', 1, ' ')", "source is missing"),
    ] {
        refused(&database.pool, statement, sentence).await;
    }
    for statement in [
        "update installation set sip_domains = '{sip.example.org,127.0.0.1,[2001:db8::1],pbx_1}', max_concurrent = 0",
        "update installation set sip_domains = null, sip_recording = 'off', quiet_time = '0', calls_per_day = 3",
        "update countries set allowed = true, calling_from = '08:00', calling_to = '24:00', recording = 'off' where code = 'UY'",
        "insert into number_ranges values ('+4932', 'DE', 'landline', 'we pay for these')",
        r#"update trunks set headers = '{"X-A": "1", "X-B": "2"}', paused = true, pause_reason = 'unpaid' where name = 'lab'"#,
        "insert into closed_days values ('+4930123456', current_date + 30)",
    ] {
        database.run(statement).await;
    }
}
