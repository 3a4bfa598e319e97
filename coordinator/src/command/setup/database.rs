//! The database and its roles: made where they are missing, brought to this version's schema, and kept where they are.
//!
//! Three logins, as docs/security.md has them: the coordinator's owns the schema, the workers' is in role `offhook_worker`, that of
//! people and applications in role `offhook_user`.

use std::time::Duration;

use offhook::{
    secret::Secret,
    store::{connect, error::StoreError},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};

use super::{
    local_postgres::{self, LocalError, LocalPostgres},
    login::{self, Place},
};

/// How long a server may take to answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Connections for what is done here.
const CONNECTIONS: u32 = 2;

/// Where the calls are to be.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a database that is there, reached as its owner.
    Owner {
        /// The owner's login.
        url: Secret,
        /// The workers' login, where it is given.
        worker: Option<Secret>,
    },
    /// In a database that is made by somebody who may.
    Admin {
        /// The login of a role that may create roles and databases.
        url: Secret,
        /// The database.
        name: String,
    },
    /// In a Postgres of this machine.
    Local {
        /// The database.
        name: String,
    },
}

/// The logins of an earlier run, which stay if they work.
#[derive(Debug, Default)]
pub struct Known {
    /// The coordinator's.
    pub coordinator: Option<Secret>,
    /// The workers'.
    pub worker: Option<Secret>,
    /// People's.
    pub user: Option<Secret>,
}

/// A database that is ready, and its logins.
#[derive(Debug)]
pub struct Access {
    /// The coordinator's.
    pub coordinator: Secret,
    /// The workers'.
    pub worker: Secret,
    /// People's, where it could be made.
    pub user: Option<Secret>,
    /// Connected as the coordinator.
    pub pool: PgPool,
    /// What was done, for people.
    pub done: Vec<String>,
}

/// A database that is not ready.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Not there.
    #[error("the database at {place} cannot be used: {cause}; check host, port, user, password and database in {flag}")]
    Connect {
        /// Host and port.
        place: String,
        /// Why.
        cause: String,
        /// Where the URL came from.
        flag: &'static str,
    },
    /// Not a URL.
    #[error("{0} is not a database's URL; write postgres://user:password@host:5432/database")]
    Url(&'static str),
    /// On this machine.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A statement.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// The owner may not create roles.
    #[error(
        "the database's owner may not create the role that workers connect as; give --worker-database-url with a login in role \
         offhook_worker, or --admin-database-url with a role that may create roles"
    )]
    NoWorker,
    /// A worker could do too little.
    #[error("workers cannot connect as {role}: it is not in role offhook_worker; run: grant offhook_worker to \"{role}\"")]
    NotAWorker {
        /// The role.
        role: String,
    },
    /// A role that is not ours.
    #[error(
        "there is a role {role} already, and its password is not known here; give --database-url with that login, or another \
         --database-name, or drop the role"
    )]
    RoleTaken {
        /// The role.
        role: String,
    },
    /// The schema.
    #[error(transparent)]
    Migrate(#[from] offhook_schema::MigrationFailed),
    /// The pool.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        DatabaseError::Refused(error.to_string())
    }
}

/// A name that needs no quotes: of a database, and the beginning of its roles' names.
///
/// # Errors
/// A sentence.
pub fn name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 40 && text.chars().all(good) {
        true => Ok(text.to_owned()),
        false => Err("use up to 40 lower-case letters, digits and underscores, beginning with a letter".into()),
    }
}

/// Somebody who may create roles.
#[derive(Debug)]
pub(super) enum Administrator {
    /// Through a connection.
    Connected(PgConnection),
    /// Through psql, as the system's user `postgres`.
    Local(LocalPostgres),
}

impl Administrator {
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), DatabaseError> {
        match self {
            Administrator::Connected(connection) => {
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
            }
            Administrator::Local(local) => drop(local.psql(sql)?),
        }
        Ok(())
    }

    /// The first column of the first row, as text.
    pub(super) async fn first(&mut self, sql: &str) -> Result<Option<String>, DatabaseError> {
        match self {
            Administrator::Connected(connection) => {
                let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_optional(connection).await?;
                Ok(row.map(|row| row.try_get::<Option<String>, _>(0)).transpose()?.flatten())
            }
            Administrator::Local(local) => Ok(Some(local.psql(sql)?.trim_end().to_owned()).filter(|answer| !answer.is_empty())),
        }
    }
}

/// Makes what is missing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn prepare(source: &Source, known: &Known, mark: &str) -> Result<Access, DatabaseError> {
    let mut done = Vec::new();
    match source {
        Source::Owner { url, worker } => {
            let place = Place::of(url).ok_or(DatabaseError::Url("--database-url"))?;
            let mut administrator = Administrator::Connected(reach(url, &place, "--database-url").await?);
            let may = "select 'yes' from pg_roles where rolname = current_user and (rolcreaterole or rolsuper)";
            let may = administrator.first(may).await?.is_some();
            if may {
                groups(&mut administrator).await?;
            }
            let given = worker.clone();
            let works = match &known.worker {
                Some(worker) => login::works(worker, &place).await,
                None => false,
            };
            let worker = match (given, &known.worker) {
                (Some(given), _) => {
                    reach(
                        &given,
                        &Place::of(&given).ok_or(DatabaseError::Url("--worker-database-url"))?,
                        "--worker-database-url",
                    )
                    .await?;
                    given
                }
                (None, Some(known)) if works => known.clone(),
                _ if may => login::worker(&mut administrator, &place, known, mark, &mut done).await?,
                _ => return Err(DatabaseError::NoWorker),
            };
            let user = match may {
                true => Some(login::user(&mut administrator, &place, known, mark, &mut done).await?),
                false => known.user.clone(),
            };
            finish(url.clone(), worker, user, done).await
        }
        Source::Admin { url, name } => {
            let server = Place::of(url).ok_or(DatabaseError::Url("--admin-database-url"))?;
            let mut administrator = Administrator::Connected(reach(url, &server, "--admin-database-url").await?);
            create(&mut administrator, &Place { database: name.clone(), ..server }, known, mark, done).await
        }
        Source::Local { name } => {
            let local = local_postgres::find_or_install(&mut done)?;
            let place = Place { server: format!("127.0.0.1:{}", local.port), query: String::new(), database: name.clone() };
            create(&mut Administrator::Local(local), &place, known, mark, done).await
        }
    }
}

/// Roles and database, by somebody who may create them.
async fn create(
    administrator: &mut Administrator,
    place: &Place,
    known: &Known,
    mark: &str,
    mut done: Vec<String>,
) -> Result<Access, DatabaseError> {
    groups(administrator).await?;
    let coordinator = login::coordinator(administrator, place, known, mark, &mut done).await?;
    let database = &place.database;
    if administrator.first(&format!("select datname::text from pg_database where datname = '{database}'")).await?.is_none() {
        // Who is no superuser must be a member of the role it gives a database to.
        let superuser = "select 'yes' from pg_roles where rolname = current_user and rolsuper";
        if administrator.first(superuser).await?.is_none() {
            administrator.run(&format!("grant {database} to current_user")).await?;
        }
        administrator.run(&format!("create database {database} owner {database}")).await?;
        // Nobody else's logins, not even for a moment; ours are let in when the schema is there.
        administrator.run(&format!("revoke connect on database {database} from public")).await?;
        done.push(format!("database {database}"));
    }
    let worker = login::worker(administrator, place, known, mark, &mut done).await?;
    let user = login::user(administrator, place, known, mark, &mut done).await?;
    finish(coordinator, worker, Some(user), done).await
}

/// The roles that carry the rights, which the migrations would make if their owner might.
async fn groups(administrator: &mut Administrator) -> Result<(), DatabaseError> {
    for group in ["offhook_user", "offhook_worker"] {
        let statement = format!(
            "do $$ begin create role {group} nologin; exception when duplicate_object or unique_violation then null; end $$"
        );
        administrator.run(&statement).await?;
    }
    Ok(())
}

async fn finish(
    coordinator: Secret,
    worker: Secret,
    user: Option<Secret>,
    mut done: Vec<String>,
) -> Result<Access, DatabaseError> {
    let place = Place::of(&coordinator).ok_or(DatabaseError::Url("--database-url"))?;
    reach(&coordinator, &place, "--database-url").await?.close().await?;
    let pool = connect::connect(&coordinator, "--database-url", CONNECTIONS, ANSWER).await?;
    let applied = offhook_schema::migrate(&pool).await?;
    if !applied.is_empty() {
        done.push(format!("migrations: {}", applied.join(", ")));
    }
    // A login that was made anew has no right to connect yet.
    sqlx::query("select offhook_keep_to_own_logins()").execute(&pool).await?;
    let worker_place = Place::of(&worker).ok_or(DatabaseError::Url("--worker-database-url"))?;
    let mut connection = reach(&worker, &worker_place, "--worker-database-url").await?;
    let (role, is_worker): (String, bool) =
        sqlx::query_as("select current_user::text, pg_has_role('offhook_worker', 'usage')").fetch_one(&mut connection).await?;
    connection.close().await?;
    match is_worker {
        true => Ok(Access { coordinator, worker, user, pool, done }),
        false => Err(DatabaseError::NotAWorker { role }),
    }
}

/// Whether an owner's URL leads to a database that lets us in.
///
/// # Errors
/// [`DatabaseError::Url`], [`DatabaseError::Connect`].
pub async fn answers(url: &Secret) -> Result<(), DatabaseError> {
    let place = Place::of(url).ok_or(DatabaseError::Url("that"))?;
    reach(url, &place, "the URL").await?.close().await?;
    Ok(())
}

/// Connects, within the time a server may take.
pub(super) async fn reach(url: &Secret, place: &Place, flag: &'static str) -> Result<PgConnection, DatabaseError> {
    let failed = |cause: String| DatabaseError::Connect { place: format!("{}/{}", place.server, place.database), cause, flag };
    match tokio::time::timeout(ANSWER, PgConnection::connect(url.expose())).await {
        Ok(connected) => connected.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer in {} s", ANSWER.as_secs()))),
    }
}
