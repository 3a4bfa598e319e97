//! The first trunk: a row, and a file with its password.

use std::path::PathBuf;

use offhook::{secret::Secret, store::error::StoreError};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

use super::{SetupError, ask::Terminal};

/// The flags of a trunk; every other column is one `update trunks` away.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "The first trunk")]
pub struct TrunkOptions {
    /// No trunk now: `insert into trunks` makes one at any time
    #[arg(long, conflicts_with_all = ["trunk_host", "trunk_name"])]
    pub no_trunk: bool,
    /// Its name, which calls may choose it by
    #[arg(long)]
    pub trunk_name: Option<String>,
    /// Its host name or address, without sip: and port
    #[arg(long)]
    pub trunk_host: Option<String>,
    /// Its port; what the DNS says where not given
    #[arg(long)]
    pub trunk_port: Option<u16>,
    /// udp, tcp or tls; what the DNS says where not given
    #[arg(long)]
    pub trunk_transport: Option<String>,
    /// The user it knows us by
    #[arg(long)]
    pub trunk_username: Option<String>,
    /// A file with the password; it is copied into the folder of the secrets
    #[arg(long)]
    pub trunk_password_file: Option<PathBuf>,
    /// The number calls come from, such as +4930123456
    #[arg(long)]
    pub trunk_caller_id: Option<String>,
    /// How many calls at the same time the contract allows
    #[arg(long)]
    pub trunk_max_concurrent: Option<u32>,
    /// How many calls per second the contract allows
    #[arg(long)]
    pub trunk_calls_per_second: Option<f64>,
}

/// A trunk to be written: the columns that are given.
#[derive(Debug)]
pub struct NewTrunk {
    name: String,
    /// The file of its password, and the password, where there is a new one.
    pub password: Option<(String, Secret)>,
    /// Column, its type, value.
    columns: Vec<(&'static str, &'static str, String)>,
}

/// What was written and does not count yet.
#[derive(Debug, Default)]
pub struct Change {
    transaction: Option<Transaction<'static, Postgres>>,
    sentence: Option<String>,
}

impl Change {
    /// Makes it count. Returns a sentence, where something was changed.
    ///
    /// # Errors
    /// Where the database is gone meanwhile.
    pub async fn commit(self) -> Result<Option<String>, StoreError> {
        if let Some(transaction) = self.transaction {
            transaction.commit().await?;
        }
        Ok(self.sentence)
    }
}

impl TrunkOptions {
    /// Whether a flag says something of a trunk.
    pub fn is_given(&self) -> bool {
        let texts = [&self.trunk_name, &self.trunk_host, &self.trunk_transport, &self.trunk_username, &self.trunk_caller_id];
        texts.iter().any(|text| text.is_some())
            || self.trunk_password_file.is_some()
            || self.trunk_port.is_some()
            || self.trunk_max_concurrent.is_some()
            || self.trunk_calls_per_second.is_some()
    }
}

/// Finds out what is wanted; asks on a terminal, with what is there as the default.
///
/// # Errors
/// [`SetupError::Missing`] where nothing is given, there is neither a trunk nor a terminal, and no setup was here `before`.
pub async fn settle(
    pool: &PgPool,
    mut options: TrunkOptions,
    before: bool,
    terminal: Option<&mut Terminal>,
) -> Result<Option<NewTrunk>, SetupError> {
    if options.no_trunk {
        return Ok(None);
    }
    let rows: Vec<(String, String, Option<String>, String, bool)> = sqlx::query_as(
        "select name, host, username, caller_id, secret is not null from trunks where host is not null order by preference, name",
    )
    .fetch_all(pool)
    .await
    .map_err(|error| SetupError::Trunk(error.into()))?;
    let mut password = None;
    if let Some(terminal) = terminal.filter(|_| !options.is_given()) {
        let any = |_: &str| Ok(());
        let first = rows.first();
        let none = if first.is_some() { None } else { Some("none for now") };
        let host = terminal.ask("Trunk, its host", first.map(|row| row.1.as_str()).or(none), any)?;
        if host.is_empty() || host == "none for now" {
            return Ok(None);
        }
        let name = terminal.ask("Trunk, its name", Some(first.map_or("trunk-1", |row| row.0.as_str())), any)?;
        let there = rows.iter().find(|row| row.0 == name);
        let username = terminal.ask("Trunk, the user it knows us by", there.and_then(|row| row.2.as_deref()), any)?;
        if !username.is_empty() {
            let empty = if there.is_some_and(|row| row.4) { "as it is" } else { "none" };
            password = terminal.ask_secret("Trunk, the password", empty)?.map(Secret::new);
        }
        let caller_id = terminal.ask("Trunk, the number calls come from", there.map(|row| row.3.as_str()), any)?;
        let unlike =
            |value: String, there: Option<&str>| Some(value).filter(|value| !value.is_empty() && Some(value.as_str()) != there);
        options = TrunkOptions {
            trunk_host: unlike(host, there.map(|row| row.1.as_str())),
            trunk_username: unlike(username, there.and_then(|row| row.2.as_deref())),
            trunk_caller_id: unlike(caller_id, there.map(|row| row.3.as_str())),
            trunk_name: Some(name),
            ..options
        };
    } else if !options.is_given() {
        return match rows.is_empty() && !before {
            true => Err(SetupError::Missing { what: "the first trunk", flags: "--trunk-host HOST, or --no-trunk" }),
            false => Ok(None),
        };
    }
    let only = || rows.first().filter(|_| rows.len() == 1).map(|row| row.0.clone());
    let name = options.trunk_name.clone().or_else(only).unwrap_or_else(|| "trunk-1".to_owned());
    if !rows.iter().any(|row| row.0 == name) && options.trunk_host.is_none() {
        return Err(SetupError::Missing { what: "the trunk's host", flags: "--trunk-host HOST" });
    }
    if let Some(file) = &options.trunk_password_file {
        password = Some(Secret::from_file(file).map_err(|error| SetupError::Wrong(error.to_string()))?);
    }
    let password = password.map(|password| (format!("trunk-{name}"), password));
    let columns = [
        ("host", "text", options.trunk_host),
        ("port", "int", options.trunk_port.map(|port| port.to_string())),
        ("transport", "text", options.trunk_transport),
        ("username", "text", options.trunk_username),
        ("secret", "text", password.as_ref().map(|(file, _)| file.clone())),
        ("caller_id", "text", options.trunk_caller_id),
        ("max_concurrent", "int", options.trunk_max_concurrent.map(|calls| calls.to_string())),
        ("calls_per_second", "double precision", options.trunk_calls_per_second.map(|rate| rate.to_string())),
    ];
    let columns = columns.into_iter().filter_map(|(column, kind, value)| Some((column, kind, value?))).collect();
    Ok(Some(NewTrunk { name, password, columns }))
}

/// Writes the row, and lets it count with [`Change::commit`]. A row that has these values already is not touched.
///
/// # Errors
/// Where the table refuses it, in its words.
pub async fn write(pool: &PgPool, trunk: Option<&NewTrunk>) -> Result<Change, SetupError> {
    let Some(NewTrunk { name, columns, .. }) = trunk.filter(|trunk| !trunk.columns.is_empty()) else {
        return Ok(Change::default());
    };
    let refused = |error: sqlx::Error| SetupError::Trunk(error.into());
    let mut transaction = pool.begin().await.map_err(refused)?;
    let known: Option<String> = sqlx::query_scalar("select name from trunks where name = $1 for update")
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(refused)?;
    let value = |index: usize, kind: &str| format!("${}::text::{kind}", index + 2);
    let names: Vec<&str> = columns.iter().map(|(column, ..)| *column).collect();
    let values: Vec<String> = columns.iter().enumerate().map(|(index, (_, kind, _))| value(index, kind)).collect();
    let (names, values) = (names.join(", "), values.join(", "));
    let statement = match known {
        Some(_) => {
            format!("update trunks set ({names}) = row({values}) where name = $1 and ({names}) is distinct from ({values})")
        }
        None => format!("insert into trunks (name, {names}) values ($1, {values})"),
    };
    let mut query = sqlx::query(AssertSqlSafe(statement)).bind(name);
    for (_, _, value) in columns {
        query = query.bind(value);
    }
    let written = query.execute(&mut *transaction).await.map_err(refused)?.rows_affected();
    let sentence = (written > 0).then(|| format!("trunk {name}"));
    Ok(Change { transaction: Some(transaction), sentence })
}
