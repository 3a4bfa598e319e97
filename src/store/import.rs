//! Many calls at once (`migrations/functions/import.sql`): the right ones go in, the wrong ones come back with a sentence.

use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgPool, types::Json};

use super::error::StoreError;

/// A column of `calls` that people fill in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// It takes lists.
    pub is_list: bool,
}

/// What became of some rows. Those neither inserted nor refused are known already, by their `request_key`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Imported {
    /// New in the queue.
    pub inserted: u64,
    /// Not taken.
    pub refused: Vec<RefusedRow>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefusedRow {
    /// Which, from 0.
    pub nth: usize,
    /// What is wrong.
    pub sentence: String,
    /// What to change.
    pub hint: Option<String>,
}

/// The columns of `calls` that people may fill in, in the order of the table.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn columns(pool: &PgPool) -> Result<Vec<Column>, StoreError> {
    let columns = sqlx::query_as(
        "select attname::text as name, atttypid::regtype::text like '%[]' as is_list from pg_attribute \
         where attrelid = 'calls'::regclass and attnum > 0 and not attisdropped \
           and has_column_privilege('offhook_user', attrelid, attnum, 'insert') order by attnum",
    );
    Ok(columns.fetch_all(pool).await?)
}

/// Inserts `rows`, objects of `columns`; all that are right, in one transaction. With `dry_run` it is taken back at the end.
///
/// # Errors
/// [`StoreError`] as the database gives it; then no row of these was inserted.
pub async fn import(pool: &PgPool, columns: &[String], rows: &[Value], dry_run: bool) -> Result<Imported, StoreError> {
    let mut transaction = pool.begin().await?;
    let Json(imported): Json<Imported> =
        sqlx::query_scalar("select offhook_import($1, $2)").bind(columns).bind(Json(rows)).fetch_one(&mut *transaction).await?;
    match dry_run {
        true => transaction.rollback().await?,
        false => transaction.commit().await?,
    }
    Ok(imported)
}
