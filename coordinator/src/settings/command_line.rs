//! The command line on top of the file of the settings.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use clap::{
    ArgMatches, Command, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue},
    parser::ValueSource,
};

use super::{
    DEFAULT_FILE,
    definitions::{other_way, settings},
    file::{SettingsError, SettingsFile},
};
use crate::command::CommandLine;

/// A command line, and what it was made of.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub line: CommandLine,
    /// What the file sets.
    pub file: SettingsFile,
    /// What was given by flags and variables, by the name of the variable.
    pub given: BTreeMap<String, String>,
}

/// A command line that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The file.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The command line, a variable, or a value of the file; also `--help`. `note` says so where it is the file's.
    #[error("{error}{note}")]
    Line {
        /// clap's own.
        error: clap::Error,
        /// Where the value stands.
        note: String,
    },
}

impl Invocation {
    /// Reads file, variables and flags.
    ///
    /// # Errors
    /// [`InvocationError`].
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, InvocationError> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        // A first look, at what is given and where the file is; what is wrong is said by the second.
        let first = without_help(CommandLine::command()).ignore_errors(true).try_get_matches_from(&arguments).ok();
        let given = first.as_ref().map(given).unwrap_or_default();
        let file = match given.get("OFFHOOK_SETTINGS") {
            Some(path) if path.is_empty() => Ok(SettingsFile::default()),
            Some(path) => SettingsFile::read(Path::new(path)),
            None => default_file(&given),
        };
        match file {
            Ok(file) => {
                let line = parse(&arguments, &file, &given)?;
                let is_named = given.get("OFFHOOK_SETTINGS").is_some_and(|path| !path.is_empty());
                if is_named && !line.command.makes_the_file() && !file.path.exists() {
                    return Err(SettingsError::Missing(file.path).into());
                }
                Ok(Invocation { line, file, given })
            }
            // Help and version, and what is wrong on the command line, need no file.
            Err(error) => match parse(&arguments, &SettingsFile::default(), &given) {
                Err(sooner) => Err(sooner),
                Ok(_) => Err(error.into()),
            },
        }
    }
}

/// `--help` ends the reading of a command line; at the first look it is a flag like another.
fn without_help(command: Command) -> Command {
    command.disable_help_flag(true).disable_version_flag(true).mut_subcommands(without_help)
}

/// The installation's file. Whoever may not read it and names a database goes on without it.
fn default_file(given: &BTreeMap<String, String>) -> Result<SettingsFile, SettingsError> {
    let path = PathBuf::from(DEFAULT_FILE);
    match SettingsFile::read(&path) {
        Err(SettingsError::Unreadable { source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied
                && (given.contains_key("OFFHOOK_DATABASE_URL") || given.contains_key("OFFHOOK_DATABASE_URL_FILE")) =>
        {
            Ok(SettingsFile { path, ..SettingsFile::default() })
        }
        read => read,
    }
}

/// The command line, with the file's values where nothing else is given.
///
/// # Errors
/// [`InvocationError::Line`].
pub fn parse(
    arguments: &[OsString],
    file: &SettingsFile,
    given: &BTreeMap<String, String>,
) -> Result<CommandLine, InvocationError> {
    // A secret given by value is not overruled by a file that the settings name, nor the other way round.
    let counts = |name: &String| !given.contains_key(name) && !given.contains_key(&other_way(name));
    let known: Vec<String> = settings().into_iter().map(|setting| setting.name).collect();
    let values = file.values.iter().filter(|(name, _)| counts(name) && known.contains(name));
    let values: BTreeMap<&str, &str> = values.map(|(name, (value, _))| (name.as_str(), value.as_str())).collect();
    let matches = with_defaults(CommandLine::command(), &values).try_get_matches_from(arguments);
    let line = matches.and_then(|matches| CommandLine::from_arg_matches(&matches));
    line.map_err(|error| InvocationError::Line { note: place(&error, file), error })
}

/// The file's values as defaults of the arguments with the same variable.
fn with_defaults(command: Command, values: &BTreeMap<&str, &str>) -> Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(|name| values.get(name.to_str()?)).copied();
        match value {
            // As long as the program: clap keeps references only.
            Some(value) => {
                let hidden = argument.is_hide_env_values_set();
                argument.default_value(&*value.to_owned().leak()).hide_default_value(hidden)
            }
            None => argument,
        }
    });
    command.mut_subcommands(|subcommand| with_defaults(subcommand, values))
}

/// In which line of the file the value stands that clap refuses.
fn place(error: &clap::Error, file: &SettingsFile) -> String {
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidValue) else { return String::new() };
    let line = file.values.iter().find(|(_, (value, _))| value == refused);
    line.map(|(name, (_, line))| format!("{name} is set in line {line} of {}\n", file.path.display())).unwrap_or_default()
}

/// What flags and variables gave, by the variable's name.
fn given(matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut matches, mut command) = (matches, &CommandLine::command());
    loop {
        for argument in command.get_arguments() {
            collect(matches, argument, &mut found);
        }
        let Some((name, inner)) = matches.subcommand() else { return found };
        let Some(subcommand) = command.find_subcommand(name) else { return found };
        // Global arguments show in the matches of every command below the one that defines them.
        for argument in command.get_arguments().filter(|argument| argument.is_global_set()) {
            collect(inner, argument, &mut found);
        }
        (matches, command) = (inner, subcommand);
    }
}

fn collect(matches: &ArgMatches, argument: &clap::Arg, found: &mut BTreeMap<String, String>) {
    let id = argument.get_id().as_str();
    let Some(name) = argument.get_env().and_then(|name| name.to_str()) else { return };
    let is_there = matches.ids().any(|there| there.as_str() == id);
    if is_there && matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
        let value = match argument.get_action().takes_values() {
            true => matches.get_raw(id).and_then(|mut values| values.next()).map(|value| value.to_string_lossy().into_owned()),
            false => Some("true".to_owned()),
        };
        found.insert(name.to_owned(), value.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::command::Command as Verb;

    fn read(arguments: &[&str], text: &str) -> Result<Invocation, InvocationError> {
        let folder = std::env::temp_dir().join(format!("offhook-settings-{}", uuid::Uuid::new_v4().simple()));
        std::fs::write(&folder, text).unwrap();
        let line = [&["offhook", "--settings", folder.to_str().unwrap()], arguments].concat();
        let read = Invocation::read(line.into_iter().map(OsString::from));
        std::fs::remove_file(&folder).unwrap();
        read
    }

    fn check(arguments: &[&str], text: &str) -> crate::config::Config {
        match read(arguments, text).unwrap().line.command {
            Verb::Check(check) => check.config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_flag_counts_for_more_than_the_file_and_the_file_for_more_than_the_default() {
        let text = "OFFHOOK_LEASE=20s\nOFFHOOK_POLL=2s\n";
        let config = check(&["check", "--poll", "3s"], text);
        assert_eq!((config.queue.lease.as_secs(), config.queue.poll.as_secs(), config.queue.drain.as_secs()), (20, 3, 480));
    }

    #[test]
    fn a_database_named_by_a_flag_is_not_overruled_by_the_files_secret() {
        let text = "OFFHOOK_DATABASE_URL_FILE=/etc/offhook/secrets/database_url\nOFFHOOK_LOG=warn\n";
        let invocation = read(&["check", "--database-url", "postgres://test"], text).unwrap();
        assert_eq!(invocation.line.log.log, "warn");
        let Verb::Check(check) = invocation.line.command else { panic!() };
        assert_eq!(check.config.database.url().unwrap().expose(), "postgres://test");
        assert_eq!(check.config.launcher.log, "warn", "workers log what the coordinator logs");
        let Verb::Trunk(trunk) = read(&["trunk", "list", "--database-url", "postgres://t"], text).unwrap().line.command else {
            panic!()
        };
        assert_eq!(trunk.database.url().unwrap().expose(), "postgres://t");
    }

    #[test]
    fn a_file_that_is_named_and_not_there_is_an_error_unless_it_is_to_be_made() {
        let read = |arguments: &[&str]| {
            let line = [&["offhook", "--settings", "/nowhere/offhook.env"], arguments].concat();
            Invocation::read(line.into_iter().map(OsString::from)).map(drop).map_err(|error| error.to_string())
        };
        for command in ["check", "run", "status", "migrate"] {
            assert!(read(&[command]).is_err_and(|said| said.contains("there is no file /nowhere/offhook.env")), "{command}");
        }
        assert_eq!(read(&["settings", "--write"]), Ok(()));
        assert!(read(&["settings", "--check"]).is_err());
        assert_eq!(read(&["setup", "--no-trunk"]), Ok(()));
    }

    #[test]
    fn a_switch_can_be_set_in_the_file() {
        let Verb::Run(run) = read(&["run"], "OFFHOOK_MIGRATE=true\n").unwrap().line.command else { panic!() };
        assert!(run.migrate);
        let Verb::Run(run) = read(&["run"], "").unwrap().line.command else { panic!() };
        assert!(!run.migrate);
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_line() {
        let said = read(&["check"], "# voices\nOFFHOOK_VOICES=fr=nova\n").unwrap_err().to_string();
        assert!(said.contains("OFFHOOK_VOICES is set in line 2 of"), "{said}");
        assert!(read(&["check"], "nonsense").unwrap_err().to_string().contains("line 1"));
        assert!(read(&["--version"], "nonsense").unwrap_err().to_string().starts_with("offhook "), "that needs no file");
    }

    #[test]
    fn help_shows_no_secret_of_the_file() {
        let said = read(&["check", "--help"], "OFFHOOK_PROVIDER_KEY=hunter2\nOFFHOOK_LEASE=77s\n").unwrap_err().to_string();
        assert!(said.contains("[default: 77s]") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn what_was_given_is_known_by_name() {
        let invocation = read(&["check", "--voices", "de=onyx", "--database-url=postgres://x"], "").unwrap();
        assert_eq!(invocation.given.get("OFFHOOK_VOICES").map(String::as_str), Some("de=onyx"));
        assert_eq!(invocation.given.get("OFFHOOK_DATABASE_URL").map(String::as_str), Some("postgres://x"));
        assert!(!invocation.given.contains_key("OFFHOOK_LEASE"));
    }
}
