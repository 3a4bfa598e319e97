//! What settings there are: read from the definitions of the command line.

use clap::{Arg, Command, CommandFactory};

use crate::command::CommandLine;

/// The variable that names the file of the settings, so it is not in that file.
const FILE_SETTING: &str = "OFFHOOK_SETTINGS";

/// One setting of the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The variable, such as `OFFHOOK_LEASE`.
    pub name: String,
    /// The flag, such as `--lease`.
    pub flag: String,
    /// One sentence.
    pub help: String,
    /// The group it belongs to in `--help`.
    pub heading: String,
    /// What counts where nothing is set.
    pub default: Option<String>,
    /// What may be set, where that is a list.
    pub choices: Vec<String>,
    /// Whether the value is a secret.
    pub secret: bool,
}

/// The settings of `offhook run`, in the order of its help.
pub fn settings() -> Vec<Setting> {
    let command = CommandLine::command();
    let run = command.find_subcommand("run").expect("the command line has `run`");
    // The log's settings belong to all commands; they come last.
    let arguments = run.get_arguments().chain(command.get_arguments());
    arguments.filter_map(setting).filter(|setting| setting.name != FILE_SETTING).collect()
}

/// The variables of all commands: the settings, and what a single command takes for itself.
pub fn variables() -> Vec<String> {
    fn collect(command: &Command, into: &mut Vec<String>) {
        into.extend(command.get_arguments().filter_map(setting).map(|setting| setting.name));
        command.get_subcommands().for_each(|subcommand| collect(subcommand, into));
    }
    let mut variables = Vec::new();
    collect(&CommandLine::command(), &mut variables);
    variables.sort();
    variables.dedup();
    variables
}

/// The variable that gives the same secret another way: by its value, or by a file.
pub fn other_way(name: &str) -> String {
    match name.strip_suffix("_FILE") {
        Some(value) => value.to_owned(),
        None => format!("{name}_FILE"),
    }
}

fn setting(argument: &Arg) -> Option<Setting> {
    let name = argument.get_env()?.to_str()?.to_owned();
    let flag = argument.get_long()?;
    let is_switch = !argument.get_action().takes_values();
    let values = if is_switch { Vec::new() } else { argument.get_possible_values() };
    let choices = values.iter().map(|value| value.get_name().to_owned()).collect();
    let given = argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    Some(Setting {
        flag: format!("--{flag}"),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        heading: argument.get_help_heading().unwrap_or("Start").to_owned(),
        default: if is_switch { Some("false".to_owned()) } else { given },
        choices,
        secret: argument.is_hide_env_values_set(),
        name,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_setting_is_what_the_command_line_says_of_it() {
        let all = settings();
        let lease = all.iter().find(|setting| setting.name == "OFFHOOK_LEASE").unwrap();
        assert_eq!((lease.flag.as_str(), lease.default.as_deref(), lease.heading.as_str()), ("--lease", Some("15s"), "Queue"));
        let launcher = all.iter().find(|setting| setting.name == "OFFHOOK_LAUNCHER").unwrap();
        assert_eq!(launcher.choices, ["docker", "process"]);
        assert!(all.iter().find(|setting| setting.name == "OFFHOOK_PROVIDER_KEY").unwrap().secret);
        assert!(all.iter().all(|setting| !setting.help.is_empty()), "each has a sentence");
        assert!(all.iter().any(|setting| setting.name == "OFFHOOK_LOG"));
    }

    #[test]
    fn every_secret_can_be_given_as_a_file() {
        let all = settings();
        for secret in all.iter().filter(|setting| setting.secret) {
            assert!(all.iter().any(|other| other.name == other_way(&secret.name)), "{}", secret.name);
        }
    }
}
