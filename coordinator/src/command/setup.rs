//! `offhook setup`: from a machine with the programs to one that makes calls. Asks, or takes flags; may be run again at any time.
//!
//! Nothing is written before everything that can be refused has been: values, database, trunk. Files come last, all at once.

mod answers;
mod ask;
pub mod database;
pub mod files;
mod local_postgres;
mod login;
mod service;
mod trunk;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::IsTerminal,
    path::{Path, PathBuf},
};

use offhook::{secret::Secret, store::error::StoreError};

use crate::{
    check::{Finding, check},
    command::{Command, trunk::TrunkError},
    config::{Config, ConfigError},
    settings::{
        DEFAULT_FILE,
        command_line::{Invocation, InvocationError, parse},
        definitions::settings,
        file::{SettingsError, SettingsFile, render},
    },
};
use answers::Answers;
use ask::Terminal;
use files::{FileError, StagedFiles};

/// `offhook setup`
#[derive(Debug, clap::Args)]
pub struct Setup {
    /// Take a Postgres of this machine: Debian's is installed and started where there is none (as root)
    #[arg(long, conflicts_with_all = ["admin_database_url", "admin_database_url_file"])]
    pub local_database: bool,
    /// postgres://… of a role that may create roles and databases; used now, and not kept
    #[arg(long, env = "OFFHOOK_ADMIN_DATABASE_URL", hide_env_values = true, value_parser = crate::config::parse_secret)]
    pub admin_database_url: Option<Secret>,
    /// A file with the same
    #[arg(long)]
    pub admin_database_url_file: Option<PathBuf>,
    /// The database that is created; its roles are named after it
    #[arg(long, default_value = "offhook", value_parser = database::name)]
    pub database_name: String,
    /// The model servers want no key
    #[arg(long, conflicts_with_all = ["provider_key", "provider_key_file"])]
    pub no_provider_key: bool,
    /// The first trunk.
    #[command(flatten)]
    pub trunk: trunk::TrunkOptions,
    /// Do not start the service
    #[arg(long)]
    pub no_start: bool,
    /// Ask nothing, even on a terminal
    #[arg(long)]
    pub no_questions: bool,
    /// The settings: what is given is written into the file.
    #[command(flatten)]
    pub config: Config,
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Nobody there to ask.
    #[error("{what} is not known, and there is no terminal to ask on; give {flags}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// How to give it.
        flags: &'static str,
    },
    /// A wrong value.
    #[error("{0}")]
    Wrong(String),
    /// A value of the settings.
    #[error(transparent)]
    Invocation(#[from] InvocationError),
    /// The file of the settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A value of the settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Database, roles.
    #[error(transparent)]
    Database(#[from] database::DatabaseError),
    /// The trunk.
    #[error("the trunk is refused: {0}; correct it with the flags that begin with --trunk-")]
    Trunk(StoreError),
    /// The trunks that are there.
    #[error(transparent)]
    Trunks(#[from] TrunkError),
    /// The terminal.
    #[error("the terminal cannot be read: {0}; give flags instead, see `offhook setup --help`")]
    Terminal(#[from] std::io::Error),
    /// The unit.
    #[error(transparent)]
    Service(#[from] service::ServiceError),
}

impl Setup {
    /// Does it, and prints what was done. Returns whether calls can be made now.
    ///
    /// # Errors
    /// [`SetupError`]: what is wrong and what to do. Nothing was written then.
    pub async fn run(&self, invocation: &Invocation) -> Result<bool, SetupError> {
        let existing = &invocation.file;
        let place = if existing.path.as_os_str().is_empty() { PathBuf::from(DEFAULT_FILE) } else { existing.path.clone() };
        let mut files = StagedFiles::default();
        // Found out first: nothing is created in a database whose password cannot be kept.
        let folder = place.parent().map(Path::to_owned).unwrap_or_default();
        files.folder(&folder, 0o755)?;
        files::writable(&folder)?;

        let mut terminal = (!self.no_questions && std::io::stdin().is_terminal()).then(Terminal::stdio);
        if let Some(terminal) = &mut terminal {
            terminal.say(
                "Return alone takes what is in brackets. No file is written before the last answer; all may be changed later.",
            )?;
        }
        let mut answers = Answers::gather(self, invocation, &folder, terminal.as_mut()).await?;
        self.judge(&place, existing, &answers)?;

        let access = database::prepare(&answers.source, &answers.known(existing)?, &answers.mark(&place)).await?;
        answers.keep_secret("OFFHOOK_DATABASE_URL", "database_url", &access.coordinator);
        answers.keep_secret("OFFHOOK_WORKER_DATABASE_URL", "worker_database_url", &access.worker);
        if let Some(user) = &access.user {
            answers.keep_file("user_database_url", user);
        }
        let change = loop {
            let trunk = trunk::settle(&access.pool, self.trunk.clone(), answers.before, terminal.as_mut()).await?;
            match (trunk::write(&access.pool, trunk.as_ref()).await, terminal.as_mut()) {
                (Err(SetupError::Trunk(refused)), Some(terminal)) if !self.trunk.is_given() => {
                    terminal.say(&format!("  {refused}"))?
                }
                (written, _) => {
                    if let Some((file, password)) = trunk.and_then(|trunk| trunk.password) {
                        answers.keep_file(&file, &password);
                    }
                    break written?;
                }
            }
        };

        files.folder(&answers.secrets, 0o700)?;
        let mut changed = false;
        for (name, secret) in &answers.files {
            changed |= files.stage(&answers.secrets.join(name), secret.expose())?;
        }
        changed |= files.stage(&place, &render(&settings(), existing, &answers.values))?;
        files.commit()?;
        let done = change.commit().await.map_err(SetupError::Trunk)?;
        for sentence in access.done.iter().chain(&done) {
            crate::outln!("done {sentence}");
        }
        crate::outln!(
            "done {} {}",
            place.display(),
            if changed { "and the secrets beside it are written" } else { "is as it should be" }
        );
        access.pool.close().await;

        let config = self.written(&place)?;
        let mut good = true;
        for finding in check(&config).await {
            crate::outln!("{finding}");
            good &= finding.ok;
        }
        if self.no_start {
            return Ok(good);
        }
        let finding: Finding = service::start(good, changed).await?;
        crate::outln!("{finding}");
        Ok(good && finding.ok)
    }

    /// Whether the program could run with these values, before anything is made: the secrets in their places.
    fn judge(&self, place: &Path, existing: &SettingsFile, answers: &Answers) -> Result<(), SetupError> {
        let mut values: BTreeMap<String, (String, usize)> = existing.values.clone();
        for (name, value) in &answers.values {
            values.insert(name.clone(), (value.clone(), 0));
        }
        for (file_setting, secret) in &answers.secrets_in_place {
            values.remove(file_setting);
            values.insert(file_setting.trim_end_matches("_FILE").to_owned(), (secret.expose().to_owned(), 0));
        }
        values.retain(|_, (value, _)| !value.is_empty());
        usable(&SettingsFile { path: place.to_owned(), text: String::new(), values })
    }

    fn written(&self, place: &Path) -> Result<Config, SetupError> {
        config_of(&SettingsFile::read(place)?)
    }
}

/// Whether a coordinator could start with a file, as far as the file says.
///
/// # Errors
/// What is wrong, in which line.
pub fn usable(file: &SettingsFile) -> Result<(), SetupError> {
    let config = config_of(file)?;
    config.providers.specification()?;
    match config.media.calls() {
        0 => Err(SetupError::Wrong(crate::run::RunError::NoPorts.to_string())),
        _ => Ok(()),
    }
}

/// What `offhook check` would work with.
fn config_of(file: &SettingsFile) -> Result<Config, SetupError> {
    let line = parse(&["offhook", "check"].map(OsString::from), file, &BTreeMap::new())?;
    match line.command {
        Command::Check(check) => Ok(check.config),
        other => Err(SetupError::Wrong(format!("`offhook check` was read as {other:?}; please report this"))),
    }
}
