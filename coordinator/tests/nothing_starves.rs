//! Priority is a head start of a minute a point, no more: whoever waits moves up.

#![allow(clippy::unwrap_used)]

use offhook::store::claim::claim;
use offhook_test_database::{TestDatabase, claimant};

/// Room for one call at a time; a call lasts a minute, and in every minute another urgent one comes in.
async fn minutes_until_the_low_one_is_made(priority: i32, low_columns: &str, low_values: &str, urgent_trunk: &str) -> i32 {
    let database = TestDatabase::new().await;
    database
        .run(
            "insert into trunks (name, host, preference, max_concurrent, calls_per_second, tokens) values ('a', 'h', 1, 10, 1000, 50), \
             ('b', 'h', 2, 10, 1000, 50); \
             update installation set max_concurrent = 1, quiet_time = '0', calls_per_day = 1000",
        )
        .await;
    let low = database.insert_calls(1, low_columns, low_values).await;
    for minute in 0..100 {
        database.insert_calls(1, "priority, trunk", &format!("{priority}, '{urgent_trunk}'")).await;
        let claimed = claim(&database.pool, &claimant("c", "one"), 5).await.unwrap().calls;
        assert_eq!(claimed.len(), 1, "one at a time");
        if claimed[0].call.id == low {
            return minute;
        }
        database
            .run(
                "begin; set local session_replication_role = replica; \
                 update calls set due_at = due_at - interval '1 minute', turn_at = turn_at - interval '1 minute'; \
                 commit",
            )
            .await;
        database.move_on(claimed[0].call.id, "finished").await;
    }
    panic!("it is never made");
}

#[tokio::test]
async fn a_stream_of_urgent_calls_holds_a_call_for_as_many_minutes_as_they_are_urgent() {
    for priority in [5, 20] {
        let waited = minutes_until_the_low_one_is_made(priority, "trunk", "'a'", "a").await;
        assert_eq!(waited, priority, "priority {priority}");
    }
}

#[tokio::test]
async fn it_is_the_same_for_calls_that_go_another_way() {
    assert_eq!(minutes_until_the_low_one_is_made(10, "", "", "b").await, 10, "the urgent ones name a trunk, the other one none");
    assert_eq!(minutes_until_the_low_one_is_made(10, "trunk", "'b'", "a").await, 10, "a preferred trunk has no right of way");
}

#[tokio::test]
async fn calls_to_the_same_number_do_not_lose_their_turn_while_they_wait_for_each_other() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0', calls_per_day = 1000").await;
    let same = "begin; set local session_replication_role = replica; update calls set number = '+493012345678'; commit";
    let low = database.insert_calls(1, "", "").await;
    let mut minutes = 0;
    loop {
        // Two a minute, so that there is always an urgent one waiting.
        database.insert_calls(2, "priority", "10").await;
        database.run(same).await;
        let claimed = claim(&database.pool, &claimant("c", "one"), 5).await.unwrap().calls;
        assert_eq!(claimed.len(), 1, "one to a number");
        if claimed[0].call.id == low {
            break;
        }
        assert_eq!(database.state(low).await.0, "queued");
        database
            .run(
                "begin; set local session_replication_role = replica; update calls set due_at = due_at - interval '1 minute', \
                 turn_at = turn_at - interval '1 minute'; commit",
            )
            .await;
        database.move_on(claimed[0].call.id, "finished").await;
        minutes += 1;
        assert!(minutes <= 40, "it is never made");
    }
    // The twenty that came in within ten minutes of it, one a minute.
    assert_eq!(minutes, 20);
}
