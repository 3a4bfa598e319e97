//! A direct INSERT or UPDATE that is wrong is refused by the database with a sentence that says what to change.
#![allow(clippy::unwrap_used)]

#[path = "support/wrong_trunks.rs"]
mod wrong_trunks;

use std::collections::BTreeSet;

use offhook_test_database::{CALL, TestDatabase, insert_statement};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgDatabaseError};
use wrong_trunks::WRONG_TRUNKS;

/// A wrong row: the constraint (or the column that must not be null), what is set to make it wrong, and parts of what a person reads.
struct Wrong(&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

const TRUNK: &[(&str, &str)] = &[("name", "'berlin-1'"), ("host", "'sip.example.org'")];
const DO_NOT_CALL: &[(&str, &str)] = &[("number", "'+4930123456'")];

const WRONG_CALLS: &[Wrong] = &[
    Wrong("calls_retry_policy_fkey", &[("retry_policy", "'eager'")], "there is no retry policy \"eager\"", "Use one of default"),
    Wrong("number", &[("number", "null")], "number is missing", "E.164"),
    Wrong("restaurant_name", &[("restaurant_name", "null")], "restaurant_name is missing", "answers to"),
    Wrong("restaurant_zone", &[("restaurant_zone", "null")], "restaurant_zone is missing", "Europe/Berlin"),
    Wrong("guest_name", &[("guest_name", "null")], "guest_name is missing", "booked under"),
    Wrong("guest_phone", &[("guest_phone", "null")], "guest_phone is missing", "call back"),
    Wrong("party_size", &[("party_size", "null")], "party_size is missing", "1 to 50"),
    Wrong("wanted_date", &[("wanted_date", "null")], "wanted_date is missing", "2030-12-04"),
    Wrong("wanted_time", &[("wanted_time", "null")], "wanted_time is missing", "19:30"),
    Wrong("request_key", &[("request_key", "null")], "request_key is missing", "Leave request_key out"),
    Wrong("kind", &[("kind", "null")], "kind is missing", "Leave kind out"),
    Wrong("other_dates", &[("other_dates", "null")], "other_dates is missing", "Leave other_dates out"),
    Wrong("not_before", &[("not_before", "null")], "not_before is missing", "Leave not_before out"),
    Wrong("calling_from", &[("calling_from", "null")], "calling_from is missing", "Leave calling_from out"),
    Wrong("calling_to", &[("calling_to", "null")], "calling_to is missing", "Leave calling_to out"),
    Wrong("priority", &[("priority", "null")], "priority is missing", "Leave priority out"),
    Wrong("max_attempts", &[("max_attempts", "null")], "max_attempts is missing", "Leave max_attempts out"),
    Wrong("record", &[("record", "null")], "record is missing", "Leave record out"),
    Wrong("number_is_e164_or_sip_uri", &[("number", "'030 123456'")], "SIP address: it has no country code", "country code"),
    Wrong("number_is_e164_or_sip_uri", &[("number", "'sip:nobody'")], "nor a SIP address", "sip:trattoria@example.org"),
    Wrong("destination_is_allowed", &[("number", "'+499001234567'")], "is a premium-rate number (Germany)", "ordinary number"),
    Wrong("destination_is_allowed", &[("number", "'+18765551234'")], "may not call (Jamaica)", "where code = 'JM'"),
    Wrong("destination_is_allowed", &[("number", "'+999123456789'")], "is in no country", "country code"),
    Wrong(
        "mobile_has_consent",
        &[("number", "'+12125550100'")],
        "may be a mobile, and an automated call to a mobile there needs consent",
        "how and when",
    ),
    Wrong("line_type_is_known", &[("line_type", "'cell'")], "line_type \"cell\"", "landline or mobile"),
    Wrong("consent_is_told", &[("consent", "' '")], "consent is empty", "how and when"),
    Wrong("consent_is_told", &[("consent", "repeat('x', 501)")], "consent is longer than 500", "how and when"),
    Wrong("restaurant_name_is_given", &[("restaurant_name", "'  '")], "restaurant_name is empty", "answers to"),
    Wrong("restaurant_name_is_given", &[("restaurant_name", "repeat('x', 201)")], "longer than 200", "at most 200"),
    Wrong("restaurant_zone_is_known", &[("restaurant_zone", "'Berlin'")], "\"Berlin\" is not the name", "as Europe/Berlin."),
    Wrong("restaurant_zone_is_known", &[("restaurant_zone", "'america/new york'")], "is not the name", "as America/New_York."),
    Wrong("restaurant_zone_is_known", &[("restaurant_zone", "'CEST'")], "is not the name", "summer time"),
    Wrong(
        "restaurant_zone_is_of_the_country",
        &[("restaurant_zone", "'Asia/Tokyo'")],
        "is not a time zone of the country the number is in (Germany): its clock is that of Europe/Berlin",
        "such as Europe/Berlin",
    ),
    Wrong("guest_name_is_given", &[("guest_name", "''")], "guest_name is empty", "booked under"),
    Wrong("guest_phone_is_e164", &[("guest_phone", "'0151 12345678'")], "E.164: it has no country code", "as +4915112345678."),
    Wrong("guest_phone_is_e164", &[("guest_phone", "'sip:ada@example.org'")], "is not a telephone number in E.164", "+49151"),
    Wrong("party_size_is_1_to_50", &[("party_size", "0")], "party_size is 0", "from 1 to 50"),
    Wrong("party_size_is_1_to_50", &[("party_size", "51")], "party_size is 51", "from 1 to 50"),
    Wrong("times_are_before_midnight", &[("wanted_time", "'24:00'")], "24:00 is a table on the next day", "00:00 of the next"),
    Wrong("earliest_is_not_after_wanted", &[("earliest_time", "'19:31'")], "earliest_time 19:31:00 is after", "leave it out"),
    Wrong("latest_is_not_before_wanted", &[("latest_time", "'01:00'")], "latest_time 01:00:00 is before", "crosses midnight"),
    Wrong("other_dates_are_a_plain_list", &[("other_dates", "array[array[current_date]]")], "array of arrays", "plain list"),
    Wrong(
        "other_dates_are_at_most_14",
        &[("other_dates", "array(select current_date + n from generate_series(1, 15) n)")],
        "other_dates names 15 days",
        "at most 14",
    ),
    Wrong("other_dates_are_at_most_14", &[("other_dates", "'{null}'")], "contains a null", "each of them a date"),
    Wrong("moments_are_finite", &[("wanted_date", "'infinity'")], "infinite", "real dates"),
    Wrong("moments_are_finite", &[("other_dates", "'{infinity}'")], "infinite", "real dates"),
    Wrong("other_dates_are_within_two_years", &[("other_dates", "'{9999-12-31}'")], "other_dates names 9999-12-31", "two years"),
    Wrong(
        "other_dates_are_within_two_years",
        &[("other_dates", "'{0044-03-15 BC}'")],
        "other_dates names 0044-03-15 BC",
        "two years",
    ),
    Wrong("special_requests_are_short", &[("special_requests", "repeat('x', 1001)")], "has 1001 characters", "spoken"),
    Wrong(
        "booking_reference_goes_with_existing_booking",
        &[("kind", "'cancel'")],
        "\"cancel\" needs booking_reference",
        "kind \"book\"",
    ),
    Wrong("booking_reference_is_short", &[("booking_reference", "repeat('x', 101)")], "has 101 characters", "at most 100"),
    Wrong("language_hint_is_spoken", &[("language_hint", "'fr'")], "\"fr\" is not a language", "en, de, es or nl"),
    Wrong(
        "not_after_is_later_than_not_before",
        &[("not_before", "now() + interval '2 days'"), ("not_after", "now() + interval '1 day'")],
        "is not later than not_before",
        "Set not_before",
    ),
    Wrong("calling_hours_are_in_order", &[("calling_from", "'22:00'")], "calling_from 22:00:00 is not before", "24:00"),
    Wrong("priority_is_between_minus_100_and_100", &[("priority", "101")], "priority is 101", "-100 to 100"),
    Wrong("keep_is_0_to_100_years", &[("keep", "'-1 day'")], "not a length of time", "such as '30 days'"),
    Wrong("keep_recording_is_0_to_100_years", &[("keep_recording", "'200 years'")], "not a length of time", "such as '30 days'"),
    Wrong("max_attempts_is_1_to_10", &[("max_attempts", "0")], "max_attempts is 0", "1 to 10"),
    Wrong("request_key_is_given", &[("request_key", "' '")], "request_key has 0 characters", "leave it out"),
    Wrong("request_key_is_given", &[("request_key", "repeat('x', 201)")], "request_key has 201 characters", "at most 200"),
    Wrong("calls_trunk_fkey", &[("trunk", "'hamburg'")], "there is no trunk \"hamburg\"", "Use one of direct"),
];

/// What only a new row can get wrong.
const WRONG_NEW_CALLS: &[Wrong] = &[
    Wrong("state", &[("state", "null")], "state is missing", "Leave state out"),
    Wrong("attempt", &[("attempt", "null")], "attempt is missing", "Leave attempt out"),
    Wrong("attempts_counted", &[("attempts_counted", "null")], "attempts_counted is missing", "Leave attempts_counted out"),
    Wrong("due_at", &[("due_at", "null")], "due_at is missing", "Leave due_at out"),
    Wrong("cancel_requested", &[("cancel_requested", "null")], "cancel_requested is missing", "Leave cancel_requested out"),
    Wrong("created_at", &[("created_at", "null")], "created_at is missing", "Leave created_at out"),
    Wrong("updated_at", &[("updated_at", "null")], "updated_at is missing", "Leave updated_at out"),
    Wrong("claim_has_a_lease", &[("state", "'talking'")], "a new call starts as queued", "Leave out state"),
    Wrong("claim_has_a_lease", &[("claimed_by", "'me'")], "a new call starts as queued", "claimed_by"),
    Wrong("wanted_table_is_to_come", &[("wanted_date", "current_date - 2")], "is in the past", "still to come"),
    Wrong("wanted_table_is_to_come", &[("wanted_date", "current_date + 800")], "more than two years away", "year"),
    Wrong(
        "not_after_is_to_come",
        &[("not_before", "'2020-01-01'"), ("not_after", "'2020-01-02'")],
        "is in the past",
        "leave it out",
    ),
    Wrong(
        "not_after_is_later_than_not_before",
        &[("not_before", "now() + interval '10 days'")],
        "later than the wanted",
        "before the",
    ),
    Wrong(
        "there_is_time_to_call",
        &[
            ("number", "'+3545551234'"),
            ("restaurant_zone", "'UTC'"),
            ("calling_from", "'12:00'"),
            ("calling_to", "'12:01'"),
            ("not_before", "current_date + time '12:02' + interval '1 day'"),
            ("not_after", "current_date + time '12:03' + interval '1 day'"),
        ],
        "can only be called from 12:00:00 to 12:01:00 (UTC)",
        "Widen calling_from",
    ),
];

const RETRY_POLICY: &[(&str, &str)] = &[("name", "'patient'")];

const WRONG_RETRY_POLICIES: &[Wrong] = &[
    Wrong("name", &[("name", "null")], "name of the retry policy is missing", "such as patient"),
    Wrong("busy_from", &[("busy_from", "null")], "busy_from of the retry policy is missing", "Leave busy_from out"),
    Wrong("lost_times", &[("lost_times", "null")], "lost_times of the retry policy is missing", "Leave lost_times out"),
    Wrong("retry_policy_name_is_a_word", &[("name", "'Very patient'")], "\"Very patient\" of a retry policy", "lower-case"),
    Wrong("retry_policy_pauses_are_at_most_30_days", &[("machine_to", "'31 days'")], "after \"machine\"", "0 to 30 days"),
    Wrong("retry_policy_pauses_are_at_most_30_days", &[("dropped_from", "'-1 s'")], "after \"dropped\"", "0 to 30 days"),
    Wrong(
        "retry_policy_pauses_are_in_order",
        &[("busy_from", "'1 hour'")],
        "is longer than busy_to 00:10:00",
        "the shortest pause",
    ),
    Wrong("retry_policy_times_are_0_to_10", &[("machine_times", "11")], "machine_times 11", "(never again) to 10"),
    Wrong("retry_policy_lost_times_are_0_to_100", &[("lost_times", "-1")], "lost_times -1", "to 100"),
];

const WRONG_DO_NOT_CALLS: &[Wrong] = &[
    Wrong("number", &[("number", "null")], "number is missing", "not to be called"),
    Wrong("reason", &[("reason", "null")], "reason is missing", "Leave reason out"),
    Wrong("added_at", &[("added_at", "null")], "added_at is missing", "Leave added_at out"),
    Wrong("do_not_call_number_is_e164_or_sip_uri", &[("number", "'030'")], "\"030\" is neither", "country code"),
    Wrong("do_not_call_reason_is_given", &[("reason", "''")], "reason is empty", "Say why"),
];

const OPENING_TIMES: &[(&str, &str)] =
    &[("number", "'+4930123456'"), ("weekday", "1"), ("opens", "'18:00'"), ("closes", "'01:00'")];
const CLOSED_DAY: &[(&str, &str)] = &[("number", "'+4930123456'"), ("day", "'2030-12-24'")];

const WRONG_OPENING_TIMES: &[Wrong] = &[
    Wrong("number", &[("number", "null")], "number of the opening times is missing", "as its calls have it"),
    Wrong("weekday", &[("weekday", "null")], "weekday of the opening times is missing", "1 for Monday"),
    Wrong("opens", &[("opens", "null")], "opens of the opening times is missing", "Give opens"),
    Wrong("closes", &[("closes", "null")], "closes of the opening times is missing", "Give closes"),
    Wrong("opening_times_number_is_e164_or_sip_uri", &[("number", "'030'")], "\"030\" is neither", "country code"),
    Wrong("weekday_is_1_to_7", &[("weekday", "0")], "weekday 0 is none", "7 for Sunday"),
    Wrong("opens_is_before_midnight", &[("opens", "'24:00'")], "opens 24:00 is the next day", "00:00"),
];

const WRONG_CLOSED_DAYS: &[Wrong] = &[
    Wrong("number", &[("number", "null")], "number of the closed day is missing", "as its calls have it"),
    Wrong("day", &[("day", "null")], "day of the closed day is missing", "2030-12-24"),
    Wrong("closed_days_number_is_e164_or_sip_uri", &[("number", "'030'")], "\"030\" is neither", "country code"),
    Wrong("closed_day_is_finite", &[("day", "'infinity'")], "closed day is infinite", "do_not_call"),
];

async fn refused(pool: &PgPool, statement: String, Wrong(constraint, _, sentence, hint): &Wrong) {
    let error = sqlx::query(AssertSqlSafe(statement.clone())).execute(pool).await.expect_err(&statement);
    let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
    let said_hint = error.hint().unwrap_or_default();
    assert!(error.message().contains(sentence), "{statement}\nsaid: {}\nnot: {sentence}", error.message());
    assert!(said_hint.contains(hint), "{statement}\nhinted: {said_hint}\nnot: {hint}");
    assert!(!error.message().contains("constraint"), "{}", error.message());
    assert_eq!(error.constraint(), Some(*constraint), "{statement}");
}

#[tokio::test]
async fn a_wrong_call_is_refused_when_it_is_inserted_and_when_a_right_one_is_changed_into_it() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[]).await;
    for wrong in WRONG_CALLS {
        refused(&database.pool, insert_statement("calls", CALL, wrong.1), wrong).await;
        let set: Vec<_> = wrong.1.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        refused(&database.pool, format!("update calls set {} where id = {id}", set.join(", ")), wrong).await;
    }
    for wrong in WRONG_NEW_CALLS {
        refused(&database.pool, insert_statement("calls", CALL, wrong.1), wrong).await;
    }
}

#[tokio::test]
async fn a_wrong_trunk_is_refused() {
    let database = TestDatabase::new().await;
    sqlx::query("insert into trunks (name, host) values ('right', '2001:db8::1')").execute(&database.pool).await.unwrap();
    for wrong in WRONG_TRUNKS {
        refused(&database.pool, insert_statement("trunks", TRUNK, wrong.1), wrong).await;
        let set: Vec<_> = wrong.1.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let update = format!("update trunks set {} where name = 'right'", set.join(", "));
        let error = sqlx::query(AssertSqlSafe(update)).execute(&database.pool).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some(wrong.0));
    }
}

#[tokio::test]
async fn a_trunk_that_others_fall_back_to_stays() {
    let database = TestDatabase::new().await;
    let insert = "insert into trunks (name, host, fallback) values ('hamburg', 'h', '{}'), ('berlin-1', 'b', '{hamburg,direct}')";
    sqlx::query(insert).execute(&database.pool).await.unwrap();
    for (statement, sentence) in [
        ("delete from trunks where name = 'hamburg'", "cannot be deleted: it is a fallback of trunk \"berlin-1\""),
        ("update trunks set name = 'bremen' where name = 'hamburg'", "cannot be renamed: it is a fallback of trunk \"berlin-1\""),
    ] {
        let error = sqlx::query(statement).execute(&database.pool).await.unwrap_err();
        let error = error.as_database_error().unwrap();
        assert!(error.message().contains(sentence), "{error}");
        assert_eq!(error.constraint(), Some("trunk_fallback_is_known"));
    }
    sqlx::query("update trunks set fallback = '{}' where name = 'berlin-1'").execute(&database.pool).await.unwrap();
    sqlx::query("delete from trunks where name = 'hamburg'").execute(&database.pool).await.unwrap();
}

#[tokio::test]
async fn what_should_be_in_a_file_or_may_be_a_secret_is_not_repeated() {
    let database = TestDatabase::new().await;
    for columns in [
        &[("username", "'u'"), ("secret", "'hunter 2'")][..],
        &[("tls_key", "'-----BEGIN PRIVATE KEY-----hunter'"), ("tls_certificate", "'x'")],
        &[("headers", "'{\"X-Token\": \"hunter\\n\"}'")],
    ] {
        let insert = insert_statement("trunks", TRUNK, columns);
        let error = sqlx::query(AssertSqlSafe(insert)).execute(&database.pool).await.unwrap_err();
        let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
        let said = [error.message(), error.hint().unwrap(), error.detail().unwrap_or_default()].concat();
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[tokio::test]
async fn a_trunk_can_have_all_its_columns() {
    let database = TestDatabase::new().await;
    sqlx::query(
        r#"insert into trunks (name, host, transport, outbound_proxy, outbound_proxy_port, username, secret, tls_authorities,
               tls_certificate, tls_key, tls_server_name, caller_id, from_domain, asserted_identity, anonymous, headers, register,
               session_expires, srtp, codecs, fallback, number_format, international_prefix, country_code, national_prefix, dial_prefix,
               user_phone)
           values ('all', 'sip.example.org', 'tls', '2001:db8::5', 5061, 'u', 'trunk', 'ca.pem', 'us.pem', 'us.key', 'sip.example.org',
               '+4930123456', 'example.org', 'tel:+4930123456', true, '{"X-Customer": "1234", "Subject": "Gruß"}', '10 minutes',
               '30 minutes', 'require', '{g722,pcma}', '{direct}', 'national', '011', '1', '', '*67#', true)"#,
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let ports: Option<i32> =
        sqlx::query_scalar("select port from trunks where name = 'all'").fetch_one(&database.pool).await.unwrap();
    assert_eq!(ports, None, "the DNS says");
}

#[tokio::test]
async fn a_wrong_number_is_not_taken_onto_the_do_not_call_list() {
    let database = TestDatabase::new().await;
    for wrong in WRONG_DO_NOT_CALLS {
        refused(&database.pool, insert_statement("do_not_call", DO_NOT_CALL, wrong.1), wrong).await;
    }
}

#[tokio::test]
async fn a_wrong_retry_policy_is_refused() {
    let database = TestDatabase::new().await;
    for wrong in WRONG_RETRY_POLICIES {
        refused(&database.pool, insert_statement("retry_policies", RETRY_POLICY, wrong.1), wrong).await;
    }
    for (statement, wrong) in [
        (
            "delete from retry_policies",
            Wrong("the_default_policy_stays", &[], "\"default\" cannot be deleted", "Change its values"),
        ),
        (
            "update retry_policies set name = 'usual'",
            Wrong("the_default_policy_stays", &[], "cannot have another name", "Insert a policy"),
        ),
    ] {
        refused(&database.pool, statement.to_owned(), &wrong).await;
    }
    sqlx::query("insert into retry_policies (name) values ('patient')").execute(&database.pool).await.unwrap();
    database.insert_call(&[("retry_policy", "'patient'")]).await;
    let named = Wrong("retry_policy_is_known", &[], "call 1 names it", "or to null for the default");
    refused(&database.pool, "delete from retry_policies where name = 'patient'".to_owned(), &named).await;
}

#[tokio::test]
async fn wrong_opening_times_are_refused() {
    let database = TestDatabase::new().await;
    for wrong in WRONG_OPENING_TIMES {
        refused(&database.pool, insert_statement("opening_times", OPENING_TIMES, wrong.1), wrong).await;
    }
    for wrong in WRONG_CLOSED_DAYS {
        refused(&database.pool, insert_statement("closed_days", CLOSED_DAY, wrong.1), wrong).await;
    }
    for (table, row) in [("opening_times", OPENING_TIMES), ("closed_days", CLOSED_DAY)] {
        sqlx::query(AssertSqlSafe(insert_statement(table, row, &[]))).execute(&database.pool).await.unwrap();
    }
}

/// No rule may be added without its sentence: every CHECK and every NOT NULL of these tables has a case above.
#[tokio::test]
async fn every_constraint_has_its_sentence() {
    let database = TestDatabase::new().await;
    let tables: [(&str, Vec<&Wrong>, &[&str]); 5] = [
        // Its place in line and its attempts, which the queue itself keeps (tests/live_calls_are_left_alone.rs).
        (
            "calls",
            WRONG_CALLS.iter().chain(WRONG_NEW_CALLS).collect(),
            &["id", "ready", "turn_at", "waits_for_is_known", "attempts_counted_is_within_attempts"],
        ),
        // The columns of the bucket and the breaker, which nobody sets by hand.
        ("trunks", WRONG_TRUNKS.iter().collect(), &["tokens", "refilled_at", "failures"]),
        ("do_not_call", WRONG_DO_NOT_CALLS.iter().collect(), &[]),
        ("opening_times", WRONG_OPENING_TIMES.iter().collect(), &[]),
        ("closed_days", WRONG_CLOSED_DAYS.iter().collect(), &[]),
    ];
    for (table, cases, exempt) in tables {
        let tried: BTreeSet<&str> = cases.iter().map(|wrong| wrong.0).chain(exempt.iter().copied()).collect();
        let rules: Vec<String> = sqlx::query_scalar(
            "select conname::text from pg_constraint where conrelid = $1::regclass and contype in ('c', 'f')
             union select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 and attnotnull",
        )
        .bind(table)
        .fetch_all(&database.pool)
        .await
        .unwrap();
        assert!(rules.len() >= 3, "{table}");
        for rule in rules {
            assert!(tried.contains(rule.as_str()), "{table}: {rule} has no case");
        }
    }
}

#[tokio::test]
async fn every_zone_the_database_takes_is_one_the_programs_know() {
    let database = TestDatabase::new().await;
    let zones: Vec<String> = sqlx::query_scalar("select name from restaurant_zones").fetch_all(&database.pool).await.unwrap();
    assert!(zones.len() > 300);
    for zone in zones {
        assert!(zone.parse::<chrono_tz::Tz>().is_ok(), "{zone}");
    }
}
