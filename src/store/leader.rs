//! One leader for what only one coordinator may do at a time, by a lease in the table `leader`: a leader that has gone is replaced when
//! its lease is over.

use std::time::Duration;

use sqlx::PgPool;

use super::{claim::interval, error::StoreError};

/// Ends what can never be made, keeps the line right, takes over what other machines have left.
pub const MAINTENANCE: &str = "sweep";

/// Whether `coordinator` leads `task` from now until `lease` is over. Asking again renews the lease; one of zero gives it up.
///
/// # Errors
/// [`StoreError`] as the database gives it; then nobody may take itself for the leader.
pub async fn lead(pool: &PgPool, task: &str, coordinator: &str, lease: Duration) -> Result<bool, StoreError> {
    let leads = sqlx::query_scalar("select offhook_lead($1, $2, $3)").bind(task).bind(coordinator).bind(interval(lease));
    Ok(leads.fetch_one(pool).await?)
}
