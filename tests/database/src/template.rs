//! The template all test databases of one schema are copied from.

use sqlx::PgConnection;

use crate::{ACQUIRE, execute, url_of};

/// Held while the template is built; any number, as long as it is always this one.
const TEMPLATE_LOCK: i64 = 0x0ff_400c;

/// The template's name; built where there is none yet, and others that want it wait for that.
pub(crate) async fn find_or_build(connection: &mut PgConnection, admin: &str) -> String {
    let name = format!("offhook_template_{}", &offhook_schema::fingerprint()[..12]);
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    if !exists {
        // Under another name until it is whole, so that a killed test leaves no half a template.
        let building = format!("{name}_building");
        execute(connection, format!("drop database if exists {building} with (force)")).await;
        execute(connection, format!("create database {building} template template0 encoding 'UTF8'")).await;
        let inside =
            offhook::store::connect::connect(&url_of(admin, &building), "OFFHOOK_TEST_DATABASE_URL", 2, ACQUIRE).await.unwrap();
        offhook_schema::migrate(&inside).await.unwrap();
        inside.close().await;
        execute(connection, format!("alter database {building} rename to {name}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    name
}
