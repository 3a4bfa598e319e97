//! Pausing and resuming: no new calls over one trunk, or over all. Those under way go on.

use sqlx::PgPool;

use super::error::StoreError;

/// Pauses `trunk`, or everything where it is `None`. Returns whether that changed anything; the reason is kept either way.
///
/// # Errors
/// [`StoreError::Refused`] where there is no such trunk.
pub async fn pause(pool: &PgPool, trunk: Option<&str>, reason: Option<&str>) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("select offhook_pause($1, $2)").bind(trunk).bind(reason).fetch_one(pool).await?)
}

/// Ends a pause. Returns whether there was one.
///
/// # Errors
/// [`StoreError::Refused`] where there is no such trunk.
pub async fn resume(pool: &PgPool, trunk: Option<&str>) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("select offhook_resume($1)").bind(trunk).fetch_one(pool).await?)
}
