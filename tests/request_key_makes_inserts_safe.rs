//! A request that is inserted twice is one call: the request key tells.
#![allow(clippy::unwrap_used)]

use offhook_test_database::{CALL, TestDatabase, insert_statement};
use sqlx::AssertSqlSafe;

#[tokio::test]
async fn the_same_key_again_is_a_unique_violation_or_does_nothing_as_the_user_says() {
    let database = TestDatabase::new().await;
    let insert = insert_statement("calls", CALL, &[("request_key", "'order-17'")]);
    let first = sqlx::query(AssertSqlSafe(insert.clone())).execute(&database.pool).await.unwrap();
    assert_eq!(first.rows_affected(), 1);

    let error = sqlx::query(AssertSqlSafe(insert.clone())).execute(&database.pool).await.unwrap_err();
    let error = error.as_database_error().unwrap();
    assert!(error.is_unique_violation());
    assert_eq!(error.constraint(), Some("calls_request_key"));

    let again = insert + " on conflict (request_key) do nothing";
    assert_eq!(sqlx::query(AssertSqlSafe(again)).execute(&database.pool).await.unwrap().rows_affected(), 0);
}

#[tokio::test]
async fn telling_it_again_does_nothing_even_when_the_table_is_history() {
    let database = TestDatabase::new().await;
    database.insert_call(&[("request_key", "'order-18'")]).await;
    let late = insert_statement("calls", CALL, &[("request_key", "'order-18'"), ("wanted_date", "current_date - 30")])
        + " on conflict (request_key) do nothing";
    assert_eq!(sqlx::query(AssertSqlSafe(late)).execute(&database.pool).await.unwrap().rows_affected(), 0);
}

#[tokio::test]
async fn many_that_tell_it_at_once_make_one_call() {
    let database = TestDatabase::new().await;
    let insert = insert_statement("calls", CALL, &[("request_key", "'order-19'")]) + " on conflict (request_key) do nothing";
    let told = (0..8).map(|_| sqlx::query(AssertSqlSafe(insert.clone())).execute(&database.pool));
    let taken: u64 = futures::future::join_all(told).await.into_iter().map(|done| done.unwrap().rows_affected()).sum();
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn a_number_is_on_the_line_once() {
    let database = TestDatabase::new().await;
    let (first, second) = (database.insert_call(&[]).await, database.insert_call(&[]).await);
    database.start_attempt(first).await;
    let claim = "update calls set state = 'claimed', attempt = 1, claimed_by = 'test', lease_until = now() where id = $1";
    let error = sqlx::query(claim).bind(second).execute(&database.pool).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("calls_one_live_per_number"));
}
