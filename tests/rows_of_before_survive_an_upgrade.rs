//! A database whose rows are from before a rule: the upgrade takes them, and what can be done to any row can be done to them.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use offhook::store::claim::claim;
use offhook_schema::TABLES;
use offhook_test_database::{TestDatabase, claimant};
use sqlx::migrate::Migrator;

/// The last step whose rows could be written in every form.
const BEFORE: i64 = 15;

#[tokio::test]
async fn odd_rows_of_before_are_called_taken_back_paused_and_erased() {
    let database = TestDatabase::new().await;
    database.run("drop schema public cascade; create schema public").await;
    let before = Migrator {
        migrations: Cow::Owned(TABLES.iter().filter(|step| step.version <= BEFORE).cloned().collect()),
        ..Migrator::DEFAULT
    };
    before.run(&database.pool).await.unwrap();
    database
        .run(
            r#"insert into trunks (name, host, headers, tokens) values ('lab', '127.0.0.1', '{"x-a": "1", "X-A": "2"}', 'NaN');
               update trunks set tokens = 50, refilled_at = 'infinity', failures = -3, paused_until = 'infinity' where name = 'direct';
               insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
                                  calling_from, calling_to, not_after, turn_at, attempts_counted)
               select n, U&'\200B', 'Europe/Berlin', E'Ada\nWinter', '+4915112345678', 2, current_date + 7, '19:30', '00:00', '24:00',
                      now() + interval '90 days', now(), -100
                 from unnest('{+493023125102,sip:+493023125102@gateway.example.org,sip:Trattoria@Example.org,+493023125103}'::text[]) n;
               insert into do_not_call (number, reason, added_at) values
                   ('sip:+493023125102@gateway.example.org', U&'\200B' || repeat('x', 1000), 'infinity'), ('+493023125102', 'said so', now()),
                   ('sip:Trattoria@Example.org;transport=tcp', 'said so', now());
               insert into closed_days values ('sip:+493023125109@gateway.example.org', current_date);
               insert into numbers values ('sip:+493023125109@gateway.example.org', now(), current_date, 3)"#,
        )
        .await;

    offhook_schema::migrate(&database.pool).await.unwrap();

    let listed: String = database.one("select string_agg(number, ' ' order by number) from do_not_call").await;
    assert_eq!(listed, "+493023125102 sip:trattoria@example.org");
    let (days, rung): (String, String) =
        (database.one("select number from closed_days").await, database.one("select number from numbers").await);
    assert_eq!((days.as_str(), rung.as_str()), ("+493023125109", "+493023125109"));
    database.run("update installation set quiet_time = '0'").await;
    let claimed = claim(&database.pool, &claimant("one", "here"), 10).await.unwrap().calls;
    let numbers: Vec<&str> = claimed.iter().map(|fresh| fresh.call.request.number.as_str()).collect();
    assert_eq!(numbers, ["+493023125103"], "the others asked not to be called");
    database.move_on(claimed[0].call.id, "queued").await;
    database.run("update trunks set paused = true where name = 'lab'; update calls set cancel_requested = true").await;
    let erased: i32 = database.one("select offhook_erase('+493023125103')").await;
    assert_eq!(erased, 1);
    assert_eq!(database.one::<i64>("select count(*) from calls where state = 'cancelled'").await, 4);
    assert_eq!(offhook_schema::migrate(&database.pool).await.unwrap(), Vec::<String>::new(), "nothing is left to do");
}
