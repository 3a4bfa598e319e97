//! Whether an attempt is the current one of its call: asked, under the lock of the call, by whoever writes about an attempt.

use sqlx::PgConnection;

use super::{
    error::StoreError,
    leases::{AttemptId, number},
};

/// Locks the call, and returns whether the attempt is the current one and not settled; `None` where the database does not know it.
///
/// The call's row first, as everybody else locks it first: a worker that is about to dial waits here, and is refused afterwards. The
/// attempt is read in a statement of its own, which sees what was committed while this one waited for the lock.
pub(super) async fn is_current(connection: &mut PgConnection, attempt: AttemptId) -> Result<Option<bool>, StoreError> {
    sqlx::query("select from calls where id = $1 for update").bind(attempt.call_id).execute(&mut *connection).await?;
    let current = sqlx::query_scalar(
        "select a.settled_at is null and c.attempt = a.number \
         from attempts a join calls c on c.id = a.call_id where a.call_id = $1 and a.number = $2",
    )
    .bind(attempt.call_id)
    .bind(number(attempt))
    .fetch_optional(&mut *connection)
    .await?;
    Ok(current)
}
