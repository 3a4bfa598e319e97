//! The schema, carried inside the program: `offhook migrate` needs no files beside it.

use sqlx::{PgPool, migrate::Migrator};

/// Everything in `migrations/`, in order. Postgres runs a migrator under an advisory lock, so two coordinators that start together
/// migrate once.
pub static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The database cannot be brought to this program's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrationFailed {
    /// The database was migrated by another version of offhook, or a migration itself failed.
    #[error(
        "cannot bring the database to this version's schema: {0}; migrate as the owner of the database (with the right to create \
         roles, or with the roles offhook_user and offhook_worker there already), and never with an older offhook than before"
    )]
    Refused(#[from] sqlx::migrate::MigrateError),
}

/// Brings the database to the schema of this program. Does nothing where it is there already.
///
/// # Errors
/// Where a migration is refused, or the database knows migrations this program does not.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrationFailed> {
    MIGRATOR.run(pool).await?;
    Ok(())
}
