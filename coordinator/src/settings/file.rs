//! The file of the settings: `NAME=value` lines and comments.
//!
//! Lines that begin with `##`, and settings that are commented out (`#NAME=default`), are offhook's and are written anew with every
//! version. All else is the administrator's and stays: values, and comments, which stay above the setting they were written above.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{definitions::Setting, unknown::nearest};

/// The lines at the top.
const HEAD: &str = "\
## The settings of offhook. `offhook setup` asks for the most important ones and writes them here; all others have defaults.
## Remove the # before a setting to change it, then: systemctl reload offhook (calls under way go on).
## A variable or a flag counts for more than a line here. Lines with ## and settings that are commented out are renewed by an
## upgrade; your own values and comments stay.
";

/// What a file sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text; empty where there is no file.
    pub text: String,
    /// Value and line number of each name. Empty values are not set.
    pub values: BTreeMap<String, (String, usize)>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Not there, or not ours to read.
    #[error("cannot read the settings in {}: {source}; run offhook as root, or name another file in OFFHOOK_SETTINGS", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is neither empty, nor a comment, nor a setting.
    #[error("line {line} of {} is not a setting; write NAME=value, or # before a comment", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Named, and not there.
    #[error("there is no file {}, which OFFHOOK_SETTINGS or --settings names; correct the name, make the file with `offhook setup`, or leave the name empty for none", .0.display())]
    Missing(PathBuf),
    /// Two values, and no telling which is meant.
    #[error("{name} is set in line {first} and in line {second} of {}; remove one of them", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The setting.
        name: String,
        /// The first of the lines.
        first: usize,
        /// The second.
        second: usize,
    },
}

impl SettingsFile {
    /// Reads it. A file that is not there sets nothing.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => SettingsFile::parse(path, text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(SettingsFile { path: path.to_owned(), ..Self::default() })
            }
            Err(source) => Err(SettingsError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Takes it apart.
    ///
    /// # Errors
    /// [`SettingsError::Line`], [`SettingsError::Twice`].
    pub fn parse(path: &Path, text: String) -> Result<Self, SettingsError> {
        let mut values: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for (line, content) in text.lines().enumerate().map(|(index, content)| (index + 1, content.trim())) {
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let (name, value) = assignment(content).ok_or_else(|| SettingsError::Line { path: path.to_owned(), line })?;
            if let Some((_, first)) = values.get(name) {
                let (name, first) = (name.to_owned(), *first);
                return Err(SettingsError::Twice { path: path.to_owned(), name, first, second: line });
            }
            values.insert(name.to_owned(), (value.to_owned(), line));
        }
        values.retain(|_, (value, _)| !value.is_empty());
        Ok(SettingsFile { path: path.to_owned(), text, values })
    }

    /// The value of a setting.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// What it sets that is no setting, each with a sentence.
    pub fn unknown(&self, settings: &[Setting]) -> Vec<String> {
        let known: Vec<String> = settings.iter().map(|setting| setting.name.clone()).collect();
        let unknown = self.values.iter().filter(|(name, _)| !known.contains(name));
        unknown
            .map(|(name, (_, line))| {
                let meant = nearest(name, &known).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                let file = self.path.display();
                format!("{name} in line {line} of {file} is no setting of this version and is ignored{meant}")
            })
            .collect()
    }
}

/// Name and value of a line; quotes around the whole value are left out.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim_end(), value.trim());
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    is_name.then_some((name, quoted.unwrap_or(value)))
}

/// In quotes where it would be read as another value without them.
fn quoted(value: &str) -> String {
    let as_it_is = assignment(&format!("x={value}")).is_some_and(|(_, read)| read == value);
    if as_it_is { value.to_owned() } else { format!("\"{value}\"") }
}

/// Whether a value fits on a line.
///
/// # Errors
/// A sentence.
pub fn fits(name: &str, value: &str) -> Result<(), String> {
    match value.contains(char::is_control) {
        true => Err(format!("the value of {name} has a line end or another control character in it; write it on one line")),
        false => Ok(()),
    }
}

/// The file with every setting in it: `values` are set, the rest is commented out with its default. What the administrator wrote into
/// `existing` stays, unless `values` has another value for it; an empty value takes the setting back.
pub fn render(settings: &[Setting], existing: &SettingsFile, values: &BTreeMap<String, String>) -> String {
    let mut own = own_lines(existing);
    let mut text = HEAD.to_owned();
    let mut heading = "";
    for setting in settings {
        if setting.heading != heading {
            heading = &setting.heading;
            text += &format!("\n## ── {heading} ──\n");
        }
        let choices = if setting.choices.is_empty() { String::new() } else { format!(": {}", setting.choices.join(" or ")) };
        text += &format!("\n{}", wrapped(&format!("{}{choices}", setting.help)));
        let before = own.remove(&setting.name).unwrap_or_default();
        before.comments.iter().for_each(|comment| text += &format!("{comment}\n"));
        let line = match (values.get(&setting.name), before.line) {
            (Some(value), Some(line)) if assignment(&line).is_some_and(|(_, set)| set == value) => Some(line),
            (Some(value), _) => Some(format!("{}={}", setting.name, quoted(value))).filter(|_| !value.is_empty()),
            (None, line) => line,
        };
        let default = || format!("#{}={}", setting.name, setting.default.as_deref().unwrap_or_default());
        text += &format!("{}\n", line.unwrap_or_else(default));
    }
    let rest: Vec<String> = own.into_values().flat_map(|lines| lines.comments.into_iter().chain(lines.line)).collect();
    if !rest.is_empty() {
        text += &format!("\n## ── Not settings of this version ──\n{}\n", rest.join("\n"));
    }
    text
}

/// What the administrator wrote: the comments above a setting, and the setting.
#[derive(Debug, Default)]
struct OwnLines {
    comments: Vec<String>,
    line: Option<String>,
}

/// By the name of the setting; what stands above none is under the empty name.
fn own_lines(existing: &SettingsFile) -> BTreeMap<String, OwnLines> {
    let mut own: BTreeMap<String, OwnLines> = BTreeMap::new();
    let mut comments = Vec::new();
    for line in existing.text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with("##") {
            continue;
        }
        let commented_out = content.strip_prefix('#').filter(|rest| rest.starts_with("OFFHOOK_")).and_then(assignment);
        if let Some((name, _)) = commented_out {
            own.entry(name.to_owned()).or_default().comments.append(&mut comments);
        } else if content.starts_with('#') {
            comments.push(line.to_owned());
        } else if let Some((name, value)) = assignment(content) {
            let lines = own.entry(name.to_owned()).or_default();
            lines.comments.append(&mut comments);
            lines.line = Some(line.to_owned()).filter(|_| !value.is_empty());
        }
    }
    own.entry(String::new()).or_default().comments.append(&mut comments);
    own.retain(|_, lines| lines.line.is_some() || !lines.comments.is_empty());
    own
}

/// As `##` lines of at most 120 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from("##")];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 120 => *line += &format!(" {word}"),
            _ => lines.push(format!("## {word}")),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
