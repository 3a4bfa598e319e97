//! The settings as a file: one commented file made of the command line's own definitions, read before the command line is.
//!
//! A value in the file counts less than a variable, and a variable less than a flag. The definitions of the settings are those of
//! clap in [`crate::config`]; there is no second list.

pub mod command_line;
pub mod definitions;
pub mod file;
pub mod reference;
pub mod unknown;

/// Where the settings are, unless `OFFHOOK_SETTINGS` or `--settings` says otherwise.
pub const DEFAULT_FILE: &str = "/etc/offhook/offhook.env";
