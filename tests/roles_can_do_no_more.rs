//! The three roles: what each may do is written here in full, and everything else there is in the database is tried and refused.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use offhook::secret::Secret;
use offhook_test_database::{CALL, StartedAttempt, TestDatabase, insert_statement};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Refused for want of a right (PostgreSQL manual, appendix A).
const FORBIDDEN: &str = "42501";

/// What a worker may call: its own attempt's functions, each with its token.
const WORKERS_FUNCTIONS: [&str; 8] = [
    "worker_change_trunk",
    "worker_event",
    "worker_finish",
    "worker_progress",
    "worker_seen",
    "worker_tool_begin",
    "worker_tool_end",
    "worker_turn",
];

/// Tables and views a person may read whole.
const USER_READS: &[&str] = &[
    "audit",
    "call_results",
    "call_transitions",
    "calls",
    "closed_days",
    "countries",
    "country_zones",
    "do_not_call",
    "event_logs",
    "events",
    "number_ranges",
    "numbers",
    "opening_times",
    "provider_status",
    "recordings",
    "restaurant_zones",
    "retry_policies",
    "tool_calls",
    "trunk_status",
    "trunks",
    "turns",
];
/// Tables a person may change whole.
const USER_WRITES: &[&str] = &["closed_days", "do_not_call", "opening_times"];
/// Columns of calls that are the coordinator's alone.
const COORDINATORS: &[&str] = &[
    "id",
    "state",
    "attempt",
    "attempts_counted",
    "due_at",
    "why",
    "claimed_by",
    "lease_until",
    "created_at",
    "updated_at",
    "finished_at",
    "ready",
    "reaches",
    "turn_at",
    "waits_for",
    "delete_after",
];

/// A login of its own in a role, gone with this value's database connection closed by [`Login::end`].
struct Login {
    name: String,
    connection: PgConnection,
}

impl Login {
    async fn in_role(database: &TestDatabase, role: &str) -> Login {
        let name = format!("offhook_test_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        run(database, &format!("create role {name} login password 'pass' in role {role}")).await;
        let url = Secret::new(replace_user(database.url().expose(), &name));
        let connection = PgConnection::connect(url.expose()).await.unwrap();
        Login { name, connection }
    }

    async fn refused(&mut self, statement: &str) {
        let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut self.connection).await;
        let error = error.expect_err(statement);
        let database = error.as_database_error().unwrap_or_else(|| panic!("{statement}: {error}"));
        assert_eq!(database.code().as_deref(), Some(FORBIDDEN), "{statement}: {error}");
    }

    async fn end(self, database: &TestDatabase) {
        self.connection.close().await.unwrap();
        run(database, &format!("drop role {}", self.name)).await;
    }
}

fn replace_user(url: &str, name: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{name}:pass@{host}")
}

async fn run(database: &TestDatabase, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&database.pool)
        .await
        .unwrap_or_else(|e| panic!("{statement}: {e}"));
}

async fn names(database: &TestDatabase, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(&database.pool).await.unwrap()
}

/// Tables and views.
async fn relations(database: &TestDatabase) -> Vec<String> {
    names(database, "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p') order by 1").await
}

/// Every function of ours as a call with nulls, such as `offhook_mask(null)`.
async fn functions(database: &TestDatabase) -> Vec<(String, String)> {
    sqlx::query_as(
        "select proname::text, format('%I(%s)', proname, (select string_agg(format('null::%s', format_type(t, null)), ', ') from unnest(proargtypes) t)) \
         from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f' order by 1",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_worker_reads_and_writes_no_table_and_calls_no_other_function() {
    let database = TestDatabase::new().await;
    let mut worker = Login::in_role(&database, "offhook_worker").await;
    for relation in relations(&database).await {
        let column: String =
            sqlx::query_scalar("select attname::text from pg_attribute where attrelid = $1::regclass and attnum = 1")
                .bind(&relation)
                .fetch_one(&database.pool)
                .await
                .unwrap();
        for statement in [format!("select {column} from {relation}"), format!("select count(*) from {relation}")] {
            worker.refused(&statement).await;
        }
        if database.tables().await.contains(&relation) {
            for statement in [
                format!("insert into {relation} default values"),
                format!("update {relation} set {column} = default"),
                format!("delete from {relation}"),
                format!("truncate {relation}"),
                format!("copy {relation} to stdout"),
            ] {
                worker.refused(&statement).await;
            }
        }
    }
    let mut own = BTreeSet::new();
    for (name, call) in functions(&database).await {
        if WORKERS_FUNCTIONS.contains(&name.as_str()) {
            own.insert(name);
        } else {
            worker.refused(&format!("select {call}")).await;
        }
    }
    assert_eq!(own.into_iter().collect::<Vec<_>>(), WORKERS_FUNCTIONS, "every function of a worker is there");
    for statement in [
        "create table mine (id int)",
        "create function mine() returns int language sql as 'select 1'",
        "create schema mine",
        "create role mine",
        "set role offhook_user",
        "set session authorization offhook",
        "alter table calls disable trigger user",
        "alter function worker_finish(text, jsonb) security invoker",
        "drop table calls",
        "select rolpassword from pg_authid",
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'true'",
        "select nextval('calls_id_seq')",
        "grant offhook_user to current_user",
    ] {
        worker.refused(statement).await;
    }
    worker.end(&database).await;
}

/// Every function of a worker with the same token, right in every other respect.
fn with_token(token: &str) -> [(&'static str, String); 8] {
    [
        ("worker_change_trunk", format!("select worker_change_trunk('{token}', 2, 'direct', '{{}}')")),
        ("worker_event", format!("select worker_event('{token}', 'noted', '{{}}', 1, 0)")),
        (
            "worker_finish",
            format!("select worker_finish('{token}', '{{\"disposition\": \"answered\", \"outcome\": \"booked\"}}')"),
        ),
        ("worker_progress", format!("select worker_progress('{token}', 'dialing', '{{}}')")),
        ("worker_seen", format!("select worker_seen('{token}')")),
        ("worker_tool_begin", format!("select worker_tool_begin('{token}', 1, 'accept', '{{}}')")),
        ("worker_tool_end", format!("select worker_tool_end('{token}', 1, '{{}}')")),
        ("worker_turn", format!("select worker_turn('{token}', 1, 'callee', 'en', 'Hello', 0, 1, false)")),
    ]
}

#[tokio::test]
async fn a_token_opens_its_own_attempt_and_only_while_that_is_the_current_one() {
    let database = TestDatabase::new().await;
    let (older, other) = (database.insert_call(&[]).await, database.insert_call(&[("number", "'+4930123457'")]).await);
    let stale: StartedAttempt = database.start_attempt(older).await;
    let current: StartedAttempt = database.start_attempt(older).await;
    let foreign: StartedAttempt = database.start_attempt(other).await;
    database.move_on(other, "finished").await;
    let before: String = snapshot(&database).await;

    let mut worker = Login::in_role(&database, "offhook_worker").await;
    for token in [stale.token.expose(), foreign.token.expose(), "", "no-such-token", &"x".repeat(10_000)] {
        let tried = with_token(token);
        assert_eq!(tried.each_ref().map(|(name, _)| *name), WORKERS_FUNCTIONS);
        for (_, statement) in tried {
            worker.refused(&statement).await;
        }
    }
    assert_eq!(snapshot(&database).await, before, "nothing was written by any of them");

    for (name, statement) in with_token(current.token.expose()) {
        if name == "worker_finish" {
            continue;
        }
        sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut worker.connection)
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
    let elsewhere: i64 = sqlx::query_scalar(
        "select (select count(*) from turns where (call_id, attempt) <> ($1, $2)) + (select count(*) from tool_calls where (call_id, attempt) <> ($1, $2))",
    )
    .bind(current.call_id)
    .bind(current.attempt)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(elsewhere, 0, "what it wrote is its own attempt's");
    worker.end(&database).await;
}

/// Everything a worker could have touched.
async fn snapshot(database: &TestDatabase) -> String {
    sqlx::query_scalar(
        "select concat((select string_agg(c::text, '|' order by id) from calls c), (select string_agg(a::text, '|' order by call_id, number) from attempts a), \
         (select string_agg(t::text, '|') from turns t), (select string_agg(t::text, '|') from tool_calls t), \
         (select string_agg(e::text, '|' order by id) from events e), (select string_agg(t::text, '|' order by name) from trunks t), \
         (select string_agg(d::text, '|') from do_not_call d))",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_person_reads_results_changes_requests_and_plays_no_coordinator() {
    let database = TestDatabase::new().await;
    let call = database.insert_call(&[]).await;
    database.start_attempt(call).await;
    let mut user = Login::in_role(&database, "offhook_user").await;
    for relation in relations(&database).await {
        if USER_READS.contains(&relation.as_str()) {
            let read = format!("select * from {relation} limit 1");
            sqlx::raw_sql(AssertSqlSafe(read.clone()))
                .execute(&mut user.connection)
                .await
                .unwrap_or_else(|e| panic!("{read}: {e}"));
        } else {
            user.refused(&format!("select * from {relation}")).await;
        }
        // A view that joins cannot be changed by anybody.
        if !database.tables().await.contains(&relation) {
            continue;
        }
        if !USER_WRITES.contains(&relation.as_str()) {
            if relation != "calls" {
                user.refused(&format!("insert into {relation} default values")).await;
            }
            user.refused(&format!("delete from {relation}")).await;
            user.refused(&format!("truncate {relation}")).await;
        }
        if !USER_WRITES.contains(&relation.as_str()) && relation != "calls" {
            for column in columns(&database, &relation).await {
                user.refused(&format!("update {relation} set {column} = default")).await;
            }
        }
    }
    for column in columns(&database, "calls").await {
        let update = format!("update calls set {column} = {} where false", if column == "id" { "default" } else { &column });
        if COORDINATORS.contains(&column.as_str()) || column == "request_key" {
            user.refused(&update).await;
        } else {
            sqlx::raw_sql(AssertSqlSafe(update.clone()))
                .execute(&mut user.connection)
                .await
                .unwrap_or_else(|e| panic!("{update}: {e}"));
        }
    }
    user.refused("select token_hash from attempts").await;
    for (name, call) in functions(&database).await {
        let works_on_rows = name.starts_with("worker_")
            || [
                "offhook_claim",
                "offhook_finish_attempt",
                "offhook_end_expired",
                "offhook_erase",
                "offhook_delete_calls",
                "offhook_files_to_delete",
                "offhook_recording_deleted",
                "offhook_event_log_deleted",
                "offhook_own_attempt",
            ]
            .contains(&name.as_str());
        if works_on_rows {
            user.refused(&format!("select {call}")).await;
        }
    }
    let insert = insert_statement("calls", CALL, &[("request_key", "'by-a-person'"), ("number", "'+4930123459'")]);
    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut user.connection).await.unwrap();
    sqlx::raw_sql("update calls set cancel_requested = true where request_key = 'by-a-person'")
        .execute(&mut user.connection)
        .await
        .unwrap();
    let who: String =
        sqlx::query_scalar("select who from audit where act = 'call taken back'").fetch_one(&mut user.connection).await.unwrap();
    assert_eq!(who, user.name, "the audit knows the login, not the role it acts in");
    user.end(&database).await;
}

async fn columns(database: &TestDatabase, relation: &str) -> Vec<String> {
    sqlx::query_scalar("select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped")
        .bind(relation)
        .fetch_all(&database.pool)
        .await
        .unwrap()
}
