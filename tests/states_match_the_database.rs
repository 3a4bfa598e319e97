//! The moves a call can make are the same in Rust, in the table `call_transitions`, and in what the trigger lets through.
#![allow(clippy::unwrap_used)]

use offhook::call::CallState;
use offhook_test_database::TestDatabase;
use sqlx::{Acquire, postgres::PgDatabaseError};

#[tokio::test]
async fn every_pair_of_states_is_allowed_or_refused_by_all_three_alike() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[]).await;
    let mut connection = database.pool.acquire().await.unwrap();
    for old in CallState::ALL {
        for new in CallState::ALL {
            let allowed = old.can_become(new) || old == new;
            let in_table: bool = sqlx::query_scalar("select exists (select from call_transitions where old = $1 and new = $2)")
                .bind(old)
                .bind(new)
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            assert_eq!(in_table, old.can_become(new), "call_transitions: {old:?} to {new:?}");

            let mut transaction = connection.begin().await.unwrap();
            // Into the old state without asking the trigger, then the move itself with it.
            sqlx::query("set local session_replication_role = replica").execute(&mut *transaction).await.unwrap();
            set_state(&mut transaction, id, old).await.unwrap();
            sqlx::query("set local session_replication_role = origin").execute(&mut *transaction).await.unwrap();
            match set_state(&mut transaction, id, new).await {
                Ok(()) => assert!(allowed, "the trigger lets {old:?} become {new:?}"),
                Err(error) => {
                    let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
                    assert!(!allowed, "the trigger refuses {old:?} to {new:?}: {error}");
                    let sentence = format!("call {id} cannot go from {} to {}", old.as_str(), new.as_str());
                    assert_eq!((error.message(), error.hint().is_some()), (sentence.as_str(), true));
                }
            }
            transaction.rollback().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_states_have_the_same_names() {
    let database = TestDatabase::new().await;
    let mut names: Vec<String> =
        sqlx::query_scalar("select unnest(enum_range(null::call_state))::text").fetch_all(&database.pool).await.unwrap();
    let mut ours: Vec<_> = CallState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    ours.sort();
    names.sort();
    assert_eq!(names, ours);
}

#[tokio::test]
async fn what_a_call_asks_for_changes_only_before_it_is_made() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[]).await;
    let change = || sqlx::query("update calls set party_size = 5 where id = $1").bind(id).execute(&database.pool);
    change().await.unwrap();
    database.start_attempt(id).await;
    change().await.expect("the same value again is no change");
    let error = sqlx::query("update calls set party_size = 6 where id = $1").bind(id).execute(&database.pool).await.unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().message(),
        format!("call {id} is claimed: what it asks for can no longer change")
    );
    let error = sqlx::query("delete from calls where id = $1").bind(id).execute(&database.pool).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().message(), format!("call {id} is claimed and cannot be deleted"));
}

#[tokio::test]
async fn a_changed_wish_moves_the_clock_of_the_call() {
    let database = TestDatabase::new().await;
    let id = database.insert_call(&[]).await;
    let moved: bool = sqlx::query_scalar(
        "update calls set wanted_date = wanted_date + 1, not_before = now() + interval '3 days' where id = $1
         returning not_after = (wanted_date + wanted_time) at time zone restaurant_zone and due_at >= not_before",
    )
    .bind(id)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert!(moved);
}

async fn set_state(connection: &mut sqlx::PgConnection, id: i64, state: CallState) -> Result<(), sqlx::Error> {
    let live = state.is_live();
    sqlx::query(
        "update calls set state = $2, claimed_by = case when $3 then 'test' end, lease_until = case when $3 then now() end where id = $1",
    )
    .bind(id)
    .bind(state)
    .bind(live)
    .execute(connection)
    .await
    .map(|_| ())
}
