//! What `offhook setup` has to know: from flags and variables, from the file that is there, from whoever sits at the terminal.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use offhook::secret::Secret;

use super::{
    Setup, SetupError,
    ask::Terminal,
    config_of,
    database::{self, Known, Source},
    local_postgres,
};
use crate::{
    config::ConfigError,
    settings::{
        command_line::Invocation,
        definitions::{Setting, settings},
        file::{SettingsFile, fits},
    },
};

/// What is asked for beside database, key and trunk.
const QUESTIONS: [(&str, &str); 6] = [
    ("OFFHOOK_PROVIDER_URL", "Model servers, their base URL"),
    ("OFFHOOK_STT_MODEL", "Model for speech to text"),
    ("OFFHOOK_CHAT_MODEL", "Model for the conversation"),
    ("OFFHOOK_TTS_MODEL", "Model for text to speech"),
    ("OFFHOOK_VOICES", "Voice of each language"),
    ("OFFHOOK_LAUNCHER", "Start workers by (docker, process)"),
];

/// The secrets that are judged with the database, and kept then.
const OF_THE_DATABASE: [&str; 2] = ["OFFHOOK_DATABASE_URL", "OFFHOOK_WORKER_DATABASE_URL"];

/// Answers to everything but the trunk.
#[derive(Debug)]
pub struct Answers {
    /// Where the calls are to be.
    pub source: Source,
    /// What is to be set; empty takes back.
    pub values: BTreeMap<String, String>,
    /// The folder of the secrets.
    pub secrets: PathBuf,
    /// Files of that folder.
    pub files: BTreeMap<String, Secret>,
    /// Secrets by the setting that names their file.
    pub secrets_in_place: BTreeMap<String, Secret>,
    /// Whether a setup was here before.
    pub before: bool,
}

impl Answers {
    /// Gathers them. Without a terminal what is missing is an error.
    ///
    /// # Errors
    /// [`SetupError::Missing`], [`SetupError::Wrong`].
    pub async fn gather(
        setup: &Setup,
        invocation: &Invocation,
        folder: &Path,
        mut terminal: Option<&mut Terminal>,
    ) -> Result<Self, SetupError> {
        let (file, given) = (&invocation.file, &invocation.given);
        let all = settings();
        let before = file.value("OFFHOOK_DATABASE_URL").or(file.value("OFFHOOK_DATABASE_URL_FILE")).is_some();
        let secrets = given.get("OFFHOOK_SECRETS").map(String::as_str).or(file.value("OFFHOOK_SECRETS"));
        let secrets = secrets.map_or_else(|| folder.join("secrets"), PathBuf::from);
        let mut answers = Answers {
            source: source(setup, invocation, before, terminal.as_deref_mut()).await?,
            values: BTreeMap::new(),
            secrets: std::path::absolute(&secrets).unwrap_or(secrets),
            files: BTreeMap::new(),
            secrets_in_place: BTreeMap::new(),
            before,
        };
        answers.values.insert("OFFHOOK_SECRETS".to_owned(), answers.secrets.display().to_string());
        for setting in all.iter().filter(|setting| setting.name != "OFFHOOK_SECRETS") {
            let Some(value) = given.get(&setting.name) else { continue };
            fits(&setting.name, value).map_err(SetupError::Wrong)?;
            match setting.secret {
                // Those of the database are judged first.
                true if OF_THE_DATABASE.contains(&setting.name.as_str()) => {}
                true => answers.keep_secret(&setting.name, &file_name(&setting.name), &Secret::new(value.as_str())),
                // Copied, as a trunk's password is: the service does not run in this folder, and the file may be deleted or moved. One that
                // is empty is no secret, and stays where it is.
                false if setting.name.ends_with("_FILE") && !value.is_empty() => {
                    let path = std::path::absolute(value)?;
                    let secret = Secret::from_file(&path).map_err(ConfigError::from)?;
                    let name = setting.name.trim_end_matches("_FILE");
                    match secret.expose().is_empty() || OF_THE_DATABASE.contains(&name) {
                        true => drop(answers.values.insert(setting.name.clone(), path.display().to_string())),
                        false => answers.keep_secret(name, &file_name(name), &secret),
                    }
                }
                false => drop(answers.values.insert(setting.name.clone(), value.clone())),
            }
        }
        if let Some(terminal) = terminal.as_deref_mut() {
            answers.ask(&all, file, given, terminal)?;
        }
        answers.key(setup, invocation, terminal)?;
        answers.engine(file, given);
        Ok(answers)
    }

    fn ask(
        &mut self,
        all: &[Setting],
        file: &SettingsFile,
        given: &BTreeMap<String, String>,
        terminal: &mut Terminal,
    ) -> Result<(), SetupError> {
        for (name, question) in QUESTIONS.into_iter().filter(|(name, _)| !given.contains_key(*name)) {
            let default = all.iter().find(|setting| setting.name == name).and_then(|setting| setting.default.as_deref());
            let current = file.value(name).or(default).unwrap_or_default();
            let answer = terminal.ask(question, Some(current), |answer| judge(name, answer))?;
            if answer != current {
                self.values.insert(name.to_owned(), answer);
            }
        }
        Ok(())
    }

    /// The engine that this shell uses: the service has another environment, and would look elsewhere.
    fn engine(&mut self, file: &SettingsFile, given: &BTreeMap<String, String>) {
        let (name, launcher) = ("OFFHOOK_DOCKER_HOST", "OFFHOOK_LAUNCHER");
        let launcher = self.values.get(launcher).map(String::as_str).or(file.value(launcher));
        let Some(engine) = std::env::var("DOCKER_HOST").ok().filter(|engine| !engine.is_empty()) else { return };
        if launcher != Some("process") && !given.contains_key(name) && file.value(name).is_none() && fits(name, &engine).is_ok() {
            self.values.insert(name.to_owned(), engine);
        }
    }

    /// The key of the model servers, or that there is none.
    fn key(&mut self, setup: &Setup, invocation: &Invocation, terminal: Option<&mut Terminal>) -> Result<(), SetupError> {
        let set = |name: &str| invocation.given.contains_key(name) || invocation.file.value(name).is_some();
        let is_set = set("OFFHOOK_PROVIDER_KEY") || set("OFFHOOK_PROVIDER_KEY_FILE");
        if setup.no_provider_key {
            for name in ["OFFHOOK_PROVIDER_KEY", "OFFHOOK_PROVIDER_KEY_FILE"] {
                self.values.insert(name.to_owned(), String::new());
            }
        } else if invocation.given.contains_key("OFFHOOK_PROVIDER_KEY")
            || invocation.given.contains_key("OFFHOOK_PROVIDER_KEY_FILE")
        {
            // Taken already.
        } else if let Some(terminal) = terminal {
            let empty = if is_set { "as it is" } else { "none" };
            if let Some(key) = terminal.ask_secret("Key of the model servers", empty)? {
                self.keep_secret("OFFHOOK_PROVIDER_KEY", &file_name("OFFHOOK_PROVIDER_KEY"), &Secret::new(key));
            }
        } else if !is_set && !self.before {
            let flags = "--provider-key-file FILE, OFFHOOK_PROVIDER_KEY, or --no-provider-key";
            return Err(SetupError::Missing { what: "the key of the model servers", flags });
        }
        Ok(())
    }

    /// A secret goes into a file, and the settings name the file.
    pub fn keep_secret(&mut self, name: &str, file: &str, secret: &Secret) {
        let setting = format!("{name}_FILE");
        self.values.insert(setting.clone(), self.secrets.join(file).display().to_string());
        self.values.insert(name.to_owned(), String::new());
        self.secrets_in_place.insert(setting, secret.clone());
        self.keep_file(file, secret);
    }

    /// A file of the secrets' folder.
    pub fn keep_file(&mut self, file: &str, secret: &Secret) {
        self.files.insert(file.to_owned(), secret.clone());
    }

    /// The logins of an earlier run.
    ///
    /// # Errors
    /// Where a file that the settings name cannot be read.
    pub fn known(&self, file: &SettingsFile) -> Result<Known, SetupError> {
        let mut known = Known { user: self.read("user_database_url"), ..Known::default() };
        if self.before {
            let database = config_of(file)?.database;
            let (worker, own) = database.worker_url()?;
            known.coordinator = Some(database.url()?);
            known.worker = own.then_some(worker);
        } else {
            // From a run that came to nothing after it, or of a file that was removed.
            known.coordinator = self.read("database_url");
            known.worker = self.read("worker_database_url");
        }
        Ok(known)
    }

    fn read(&self, file: &str) -> Option<Secret> {
        Secret::from_file(&self.secrets.join(file)).ok()
    }

    /// What roles are marked with, to be known again.
    pub fn mark(&self, place: &Path) -> String {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let place = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
        format!("made by offhook setup for {} on {}", place.display(), host.trim())
    }
}

/// Which database. One that is typed in is tried at once.
async fn source(
    setup: &Setup,
    invocation: &Invocation,
    before: bool,
    terminal: Option<&mut Terminal>,
) -> Result<Source, SetupError> {
    let config = &setup.config.database;
    let is_given = |name: &str| invocation.given.contains_key(name);
    // Also where a line of the file sets it: flags and variables are told apart by what was given.
    let worker = match is_given("OFFHOOK_WORKER_DATABASE_URL") || is_given("OFFHOOK_WORKER_DATABASE_URL_FILE") {
        true => Some(config.worker_url()?.0),
        false => None,
    };
    let name = setup.database_name.clone();
    let admin = crate::config::secret_or_file(setup.admin_database_url.as_ref(), setup.admin_database_url_file.as_ref())?;
    let own = is_given("OFFHOOK_DATABASE_URL") || is_given("OFFHOOK_DATABASE_URL_FILE");
    if own && (setup.local_database || admin.is_some()) {
        return Err(SetupError::Wrong(
            "--database-url names a database that is there, and --local-database and --admin-database-url make one; give one of them"
                .into(),
        ));
    }
    if worker.is_some() && (setup.local_database || admin.is_some()) {
        return Err(SetupError::Wrong(
            "--worker-database-url goes with --database-url; --local-database and --admin-database-url make the workers' login"
                .into(),
        ));
    }
    if setup.local_database {
        return Ok(Source::Local { name });
    }
    if let Some(admin) = admin {
        return Ok(Source::Admin { url: admin, name });
    }
    if own {
        return Ok(Source::Owner { url: config.url()?, worker });
    }
    if let Some(terminal) = terminal {
        let current = if before { "as it is" } else { "local" };
        let question = "Database: local for one on this machine, or postgres://owner:password@host/database";
        loop {
            let answer = terminal.ask(question, Some(current), |answer| match answer {
                "local" => local_postgres::may().map_err(|error| error.to_string()),
                "as it is" if before => Ok(()),
                url if url.starts_with("postgres://") || url.starts_with("postgresql://") => Ok(()),
                _ => Err("write local, or a URL that begins with postgres://".into()),
            })?;
            match answer.as_str() {
                "local" => return Ok(Source::Local { name }),
                "as it is" => break,
                url => match database::answers(&Secret::new(url)).await {
                    Ok(()) => return Ok(Source::Owner { url: Secret::new(url), worker }),
                    Err(error) => terminal.say(&format!("  {error}"))?,
                },
            }
        }
    } else if !before {
        let flags = "--local-database, --database-url URL, or --admin-database-url URL";
        return Err(SetupError::Missing { what: "the database", flags });
    }
    let existing = config_of(&invocation.file)?.database;
    Ok(Source::Owner { url: existing.url()?, worker })
}

/// The name of a secret's file: `OFFHOOK_STT_KEY` is in `stt_key`.
fn file_name(name: &str) -> String {
    name.trim_start_matches("OFFHOOK_").to_lowercase()
}

/// Whether a value can be that of the setting, in clap's words.
fn judge(name: &str, value: &str) -> Result<(), String> {
    let values = BTreeMap::from([(name.to_owned(), (value.to_owned(), 0))]);
    let config = match config_of(&SettingsFile { values, ..SettingsFile::default() }) {
        Ok(config) => config,
        Err(SetupError::Invocation(crate::settings::command_line::InvocationError::Line { error, .. })) => {
            return Err(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned());
        }
        Err(other) => return Err(other.to_string()),
    };
    config.providers.specification().map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_judged_as_the_command_line_would() {
        assert_eq!(judge("OFFHOOK_VOICES", "de=onyx"), Ok(()));
        assert!(judge("OFFHOOK_VOICES", "fr=nova").is_err_and(|said| said.contains("fr")));
        assert!(judge("OFFHOOK_PROVIDER_URL", "api.example.org").is_err_and(|said| said.contains("http://")));
        assert!(judge("OFFHOOK_LAUNCHER", "magic").is_err_and(|said| said.contains("magic")));
    }

    #[test]
    fn secrets_have_files_with_speaking_names() {
        assert_eq!(file_name("OFFHOOK_STT_KEY"), "stt_key");
    }
}
