//! `offhook settings`: the file of the settings, as it is or as it would be.

use std::{collections::BTreeMap, path::PathBuf};

use crate::settings::{
    DEFAULT_FILE,
    definitions::settings,
    file::{SettingsFile, fits, render},
    reference::markdown,
};

use super::setup::{SetupError, files::StagedFiles, usable};

/// `offhook settings`
#[derive(Debug, clap::Args)]
pub struct SettingsCommand {
    /// Write the file, with every setting of this version in it; your own values and comments stay
    #[arg(long)]
    pub write: bool,
    /// A value for a setting that the file does not set yet, as NAME=value; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Find out whether `offhook run` could start with the file, and change nothing
    #[arg(long, conflicts_with_all = ["write", "set", "markdown"])]
    pub check: bool,
    /// Print the page of the documentation instead
    #[arg(long, conflicts_with_all = ["write", "set"])]
    pub markdown: bool,
}

impl SettingsCommand {
    /// Does it, and prints.
    ///
    /// # Errors
    /// Where the file cannot be written, or, with `--check`, what is wrong in it.
    pub fn run(&self, file: &SettingsFile) -> Result<(), SetupError> {
        if self.check {
            usable(file)?;
            crate::outln!("{} can be used", file.path.display());
            return Ok(());
        }
        if self.markdown {
            crate::out!("{}", markdown(&settings()));
            return Ok(());
        }
        let new = self.set.iter().filter(|(name, _)| file.value(name).is_none());
        let values: BTreeMap<String, String> = new.cloned().collect();
        let text = render(&settings(), file, &values);
        if !self.write {
            crate::out!("{text}");
            return Ok(());
        }
        let path = if file.path.as_os_str().is_empty() { PathBuf::from(DEFAULT_FILE) } else { file.path.clone() };
        let mut files = StagedFiles::default();
        let changed = files.stage(&path, &text)?;
        files.commit()?;
        crate::outln!("{} {}", path.display(), if changed { "is written" } else { "is as it should be" });
        Ok(())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("\"{text}\" is not NAME=value"))?;
    fits(name, value)?;
    match settings().iter().any(|setting| setting.name == name) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err(format!("{name} is no setting; `offhook settings` prints them all")),
    }
}
