//! What holds for a telephone number holds for every address that reaches it: do-not-call, one call at a time, quiet time, daily cap, opening
//! times, countries, recording, erasure.
#![allow(clippy::unwrap_used)]

use offhook::store::{claim::claim, retention};
use offhook_test_database::{CALL, TestDatabase, claimant, insert_statement};
use sqlx::AssertSqlSafe;

/// Ways to write +493023125102, and the trunk a call names.
const FORMS: &[(&str, &str)] = &[
    ("+493023125102", "null"),
    ("0049 30 23125102", "null"),
    ("tel:+49-30-23125102", "null"),
    ("tel:+49%2030%2023125102", "null"),
    ("sip:+493023125102@gateway.example.org", "null"),
    ("SIP:+493023125102@GATEWAY.example.org:5070", "null"),
    ("sips:+493023125102@gateway.example.org;transport=tls", "null"),
    ("sip:+493023125102@gateway.example.org;user=phone", "null"),
    ("sip:+493023125102;ext=7@gateway.example.org", "null"),
    ("sip:+493023125102:secret@gateway.example.org", "null"),
    ("sip:%2B493023125102@gateway.example.org", "null"),
    ("sip:%2b%34%39%33023125102@gateway.example.org", "null"),
    ("sip:+49-30-2312-5102@gateway.example.org", "null"),
    ("sip:+49(0)30.23125102@gateway.example.org", "null"),
    ("sip:+49%2030%2023125102@gateway.example.org", "null"),
    ("sip:00493023125102@gateway.example.org", "null"),
    ("sip:493023125102@gateway.example.org", "null"),
    ("sip:03023125102;phone-context=+49@gateway.example.org", "null"),
    ("sip:3023125102;phone-context=%2B49@gateway.example.org", "null"),
    ("sip:03023125102@gateway.example.org", "'national'"),
    ("sip:9003023125102@gateway.example.org", "'national'"),
    ("sip:00493023125102@gateway.example.org", "'national'"),
    ("sip:011493023125102@gateway.example.org", "'american'"),
    ("sip:493023125102@gateway.example.org", "'digits'"),
];

async fn database() -> TestDatabase {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run(
            "insert into trunks (name, host, number_format, country_code, national_prefix, dial_prefix, international_prefix, preference, tokens, \
                 calls_per_second) values \
             ('national', '127.0.0.1', 'national', '49', '0', '90', '00', 50, 50, 1000), \
             ('american', '127.0.0.1', 'national', '1', '', '', '011', 50, 50, 1000), ('digits', '127.0.0.1', 'digits', null, null, '', '00', 50, 50, 1000); \
             update trunks set tokens = 50, calls_per_second = 1000; update installation set quiet_time = '0'",
        )
        .await;
    database
}

async fn insert(database: &TestDatabase, number: &str, trunk: &str) -> i64 {
    let number = format!("'{number}'");
    let columns = [("number", number.as_str()), ("trunk", trunk), ("calling_from", "'00:00'"), ("calling_to", "'24:00'")];
    database.insert_call(&columns).await
}

async fn claimed(database: &TestDatabase) -> Vec<i64> {
    let claimed = claim(&database.pool, &claimant("one", "here"), 100).await.unwrap().calls;
    claimed.into_iter().map(|fresh| fresh.call.id).collect()
}

#[tokio::test]
async fn a_number_on_the_do_not_call_list_is_called_in_no_form() {
    let database = database().await;
    for (number, trunk) in FORMS {
        insert(&database, number, trunk).await;
    }
    let other = insert(&database, "sip:+493023125103@gateway.example.org", "null").await;
    database.run("insert into do_not_call (number) values ('+493023125102')").await;
    assert_eq!(claimed(&database).await, [other]);
    let swept: i32 = database.one("select offhook_end_expired(100)").await;
    assert!(swept >= 0);
    let left: i64 = database.one("select count(*) from calls where state <> 'cancelled'").await;
    assert_eq!(left, 1, "the other number's");
}

#[tokio::test]
async fn every_form_on_the_do_not_call_list_holds_the_number_back() {
    for (number, _) in FORMS.iter().filter(|(_, trunk)| *trunk == "null") {
        let database = database().await;
        insert(&database, "+493023125102", "null").await;
        database.run(format!("insert into do_not_call (number) values ('{number}')")).await;
        assert!(claimed(&database).await.is_empty(), "{number}");
        assert_eq!(database.one::<String>("select number from do_not_call").await, "+493023125102");
    }
}

#[tokio::test]
async fn an_address_is_the_same_whatever_makes_no_difference_in_it() {
    let database = database().await;
    database.run("insert into do_not_call (number) values ('sips:Trattoria@Example.org;transport=tcp')").await;
    for number in ["sip:trattoria@example.org", "sip:TRATTORIA@example.org.:5060", "sip:%74rattoria:pw@EXAMPLE.ORG;user=ip"] {
        insert(&database, number, "null").await;
    }
    let other = insert(&database, "sip:trattoria@example.org:5070", "null").await;
    assert_eq!(claimed(&database).await, [other], "behind another port is another telephone");
}

#[tokio::test]
async fn a_telephone_is_rung_by_one_call_at_a_time_and_left_alone_in_every_form() {
    let database = database().await;
    for (number, trunk) in FORMS {
        insert(&database, number, trunk).await;
    }
    let first = claimed(&database).await;
    assert_eq!(first.len(), 1);
    assert!(claimed(&database).await.is_empty());
    database.run("update installation set quiet_time = '1 hour'").await;
    database
        .run(format!(
            "begin; select offhook_finish_attempt(id, attempt, '{{\"disposition\": \"no_answer\"}}') from calls where id = {0}; \
             update calls set state = 'finished' where id = {0}; update attempts set settled_at = now() where call_id = {0}; commit",
            first[0]
        ))
        .await;
    assert!(claimed(&database).await.is_empty(), "it was rung a moment ago");
    assert_eq!(database.one::<String>("select string_agg(number, ' ') from numbers").await, "+493023125102");
    database
        .run(
            "update installation set quiet_time = '0', calls_per_day = 1; update calls set due_at = now() where state = 'queued'",
        )
        .await;
    assert!(claimed(&database).await.is_empty(), "once a day");
}

#[tokio::test]
async fn opening_times_count_for_every_form() {
    let database = database().await;
    database
        .run("insert into closed_days select 'sip:+493023125102@gateway.example.org', current_date + d from generate_series(-1, 3) d")
        .await;
    for (number, trunk) in FORMS {
        let id = insert(&database, number, trunk).await;
        let waits: bool = database.one(format!("select due_at > now() + interval '1 day' from calls where id = {id}")).await;
        assert!(waits, "{number}");
    }
    database.run("delete from closed_days").await;
    assert_eq!(database.one::<i64>("select count(*) from calls where due_at > now()").await, 0, "all of them are moved");
}

#[tokio::test]
async fn whom_we_may_call_does_not_depend_on_the_form() {
    let database = database().await;
    for (number, sentence) in [
        ("sip:+18765551234@gateway.example.org", "in a country offhook may not call (Jamaica)"),
        ("sip:%2B499001234567@gateway.example.org", "is a premium-rate number (Germany)"),
        ("sip:0018765551234@gateway.example.org;user=phone", "Jamaica"),
        ("sip:+12125550100@gateway.example.org", "needs consent"),
    ] {
        let statement = insert_statement("calls", CALL, &[("number", &format!("'{number}'"))]);
        let error = sqlx::query(AssertSqlSafe(statement)).execute(&database.pool).await.expect_err(number).to_string();
        assert!(error.contains(sentence), "{error}");
    }
    // Digits that need not be a number with its country code: somebody's exchange knows.
    insert(&database, "sip:18765551234@pbx.example.org", "null").await;
    insert(&database, "sip:112@pbx.example.org", "null").await;
    database.run("update countries set recording = 'off' where code = 'DE'").await;
    let recorded: String = database
        .one("select offhook_recording('sip:+493023125102@x', true) || ' ' || offhook_recording('sip:trattoria@x', true)")
        .await;
    assert_eq!(recorded, "off announced");
}

#[tokio::test]
async fn a_number_is_erased_in_every_form() {
    let database = database().await;
    for (number, trunk) in FORMS {
        insert(&database, number, trunk).await;
    }
    let all = i64::try_from(FORMS.len()).unwrap();
    assert_eq!(
        i64::from(retention::erase(&database.pool, "sip:0049 30 23125102@x".replace(' ', "").as_str()).await.unwrap()),
        all
    );
    assert_eq!(database.one::<i64>("select count(*) from calls where state = 'cancelled' and keep = '0'").await, all);
}

#[tokio::test]
async fn a_change_of_number_or_trunk_is_followed() {
    let database = database().await;
    let id = insert(&database, "sip:03023125102@gateway.example.org", "null").await;
    let reaches = format!("select coalesce(reaches, number) from calls where id = {id}");
    assert_eq!(database.one::<String>(reaches.as_str()).await, "sip:03023125102@gateway.example.org");
    database.run("update calls set trunk = 'national'").await;
    assert_eq!(database.one::<String>(reaches.as_str()).await, "+493023125102");
    database.run("update calls set reaches = 'sip:nobody@example.org'").await;
    assert_eq!(database.one::<String>(reaches.as_str()).await, "+493023125102", "nobody writes it by hand");
    database.run("update calls set number = '+493023125103'").await;
    assert_eq!(database.one::<String>(reaches.as_str()).await, "+493023125103");
}

#[tokio::test]
async fn a_number_that_comes_onto_the_list_while_its_call_is_started_is_not_dialled() {
    let database = database().await;
    let id = insert(&database, "sip:+493023125102@gateway.example.org", "null").await;
    let claimed = claim(&database.pool, &claimant("one", "here"), 1).await.unwrap().calls;
    assert_eq!(claimed[0].call.id, id);
    database.run("insert into do_not_call (number) values ('+493023125102')").await;
    let token = claimed[0].token.expose();
    assert!(!database.one::<bool>(format!("select worker_progress('{token}', 'dialing', '{{}}')")).await);
    assert!(database.one::<bool>("select dialing_at is null from attempts").await);
}

#[tokio::test]
async fn what_is_no_number_is_not_said_to_be_erased() {
    let database = database().await;
    for said in ["030 23125102", "", "nonsense"] {
        let error = retention::erase(&database.pool, said).await.expect_err(said).to_string();
        assert!(error.contains("is neither a telephone number in E.164 nor a SIP address"), "{said}: {error}");
    }
}

#[tokio::test]
async fn whatever_an_address_is_what_it_reaches_can_be_stored_and_reaches_itself() {
    let database = database().await;
    let parts =
        "{%2B,%,%ff,%00,%20,%40,+,0,00,49,1,7,30,123456,(,),-,.,a,B,Ü,;,;phone-context=+49,:,*31#,tel:,%C3%A9,%25,%7e,９,/}";
    let (read, wrong, numbers): (i64, Option<String>, i64) = sqlx::query_as(
        "with said as (select 'sip:' || string_agg((($1::text[]))[1 + floor(random() * cardinality($1::text[]))::int], '') || '@Example.org' as address, g \
                         from generate_series(1, 20000) g, generate_series(1, 1 + g % 9) k group by g) \
         select count(*), min(address) filter (where not offhook_is_dialable(r.number) and offhook_is_dialable(address) \
                                                  or again.number <> r.number), \
                count(*) filter (where r.number like '+%') \
           from said, lateral (select case when g % 2 = 0 then 'national' end as trunk) t, lateral offhook_reached(address, trunk) r, \
                lateral offhook_reached(r.number, trunk) again",
    )
    .bind(parts)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!((read, wrong), (20_000, None));
    assert!(numbers > 50, "{numbers} of them are numbers");
}
