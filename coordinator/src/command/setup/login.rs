//! Logins with generated passwords, and the URLs they are kept as.

use offhook::secret::Secret;
use sqlx::{Connection, PgConnection};

use super::database::{ANSWER, Administrator, DatabaseError, Known};

/// A server and a database on it; no user, no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Host and port, as in the URL.
    pub server: String,
    /// The database.
    pub database: String,
    /// What follows it, with its question mark.
    pub query: String,
}

impl Place {
    /// That of a URL.
    pub(super) fn of(url: &Secret) -> Option<Self> {
        let (scheme, rest) = url.expose().split_once("://")?;
        let (rest, query) = rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
        let (authority, database) = rest.split_once('/')?;
        let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
        let good = matches!(scheme, "postgres" | "postgresql") && !database.is_empty();
        good.then(|| Place { server: server.to_owned(), database: database.to_owned(), query })
    }

    fn url(&self, role: &str, password: &str) -> Secret {
        let Place { server, database, query } = self;
        Secret::new(format!("postgres://{role}:{password}@{server}/{database}{query}"))
    }
}

/// The coordinator's: it owns the database and has its name.
pub(super) async fn coordinator(
    administrator: &mut Administrator,
    place: &Place,
    known: &Known,
    mark: &str,
    done: &mut Vec<String>,
) -> Result<Secret, DatabaseError> {
    let role = place.database.clone();
    login(administrator, place, Login { role, group: None, known: known.coordinator.as_ref(), mark }, done).await
}

/// The workers'.
pub(super) async fn worker(
    administrator: &mut Administrator,
    place: &Place,
    known: &Known,
    mark: &str,
    done: &mut Vec<String>,
) -> Result<Secret, DatabaseError> {
    let role = format!("{}_worker_login", place.database);
    login(administrator, place, Login { role, group: Some("offhook_worker"), known: known.worker.as_ref(), mark }, done).await
}

/// That of people and applications.
pub(super) async fn user(
    administrator: &mut Administrator,
    place: &Place,
    known: &Known,
    mark: &str,
    done: &mut Vec<String>,
) -> Result<Secret, DatabaseError> {
    let role = format!("{}_user_login", place.database);
    login(administrator, place, Login { role, group: Some("offhook_user"), known: known.user.as_ref(), mark }, done).await
}

/// Whether a URL leads to this place and is let in.
pub(super) async fn works(url: &Secret, place: &Place) -> bool {
    let there = Place::of(url).is_some_and(|known| known.server == place.server && known.database == place.database);
    there && matches!(tokio::time::timeout(ANSWER, PgConnection::connect(url.expose())).await, Ok(Ok(_)))
}

struct Login<'a> {
    role: String,
    group: Option<&'static str>,
    known: Option<&'a Secret>,
    mark: &'a str,
}

/// Keeps the known login if it works; makes one with a new password where there is none, or where it is ours and its password is lost.
async fn login(
    administrator: &mut Administrator,
    place: &Place,
    login: Login<'_>,
    done: &mut Vec<String>,
) -> Result<Secret, DatabaseError> {
    let Login { role, group, known, mark } = login;
    if let Some(known) = known
        && works(known, place).await
    {
        return Ok(known.clone());
    }
    let role = &identifier(&role);
    let password = uuid::Uuid::new_v4().simple().to_string() + &uuid::Uuid::new_v4().simple().to_string();
    let existing = format!("select coalesce(shobj_description(oid, 'pg_authid'), '-') from pg_roles where rolname = '{role}'");
    match administrator.first(&existing).await? {
        None => {
            administrator.run(&format!("create role {role} login password '{password}'")).await?;
            administrator.run(&format!("comment on role {role} is '{}'", mark.replace('\'', "''"))).await?;
            done.push(format!("role {role}"));
        }
        Some(whose) if whose == mark => {
            administrator.run(&format!("alter role {role} login password '{password}'")).await?;
            done.push(format!("a new password for role {role}"));
        }
        Some(_) => return Err(DatabaseError::RoleTaken { role: role.clone() }),
    }
    if let Some(group) = group {
        administrator.run(&format!("grant {group} to {role}")).await?;
    }
    Ok(place.url(role, &password))
}

/// A database that somebody else named may have a name that a role's needs quotes for.
fn identifier(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    text.chars().map(plain).collect::<String>().trim_start_matches(|c: char| !c.is_ascii_lowercase()).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_a_url_without_the_login() {
        let place = Place::of(&Secret::new("postgres://me:p%40ss@db.example.org:6432/calls?sslmode=require")).unwrap();
        assert_eq!(
            (place.server.as_str(), place.database.as_str(), place.query.as_str()),
            ("db.example.org:6432", "calls", "?sslmode=require")
        );
        assert_eq!(place.url("r", "p").expose(), "postgres://r:p@db.example.org:6432/calls?sslmode=require");
        for wrong in ["db.example.org/calls", "postgres://db.example.org", "mysql://h/d", "postgres://h/"] {
            assert_eq!(Place::of(&Secret::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn roles_are_named_after_the_database() {
        assert_eq!(identifier("My-Calls_worker_login"), "my_calls_worker_login");
    }
}
