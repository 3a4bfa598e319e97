//! The attempts' folders: what a worker is handed goes in, what it leaves comes out.
//!
//! `<spool>/<call>-<attempt>/` holds the specification (mode 0400, the only place secrets are) while the worker runs, its report,
//! and the recording and the event log, which stay.

pub mod examination;

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
};

use offhook::{
    attempt::{AttemptSpecification, EVENT_LOG_FILE, NOTES_FILE, RECORDING_FILE, REPORT_FILE, SPECIFICATION_FILE, TOOLS_FILE},
    report::{RecordingReport, Report},
    store::{
        kept_files::{EventLogFile, KeptFile, KeptFiles},
        leases::AttemptId,
        worker::Note,
    },
};
use offhook_recording::{Recording, measure};

use crate::config::launcher::ContainerUser;

/// Marks a folder whose secrets are gone, and whose files the database may not know yet.
const UNTIDY_FILE: &str = "untidy";

/// The root of the attempts' folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    root: PathBuf,
}

/// A folder that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is one already.
    #[error("{} exists already; give each installation on this machine its own OFFHOOK_SPOOL", .0.display())]
    Exists(PathBuf),
    /// It cannot be given to the container's user.
    #[error("{} cannot be given to user {owner}: {source}; run offhook as root, or set OFFHOOK_CONTAINER_USER to the user it runs as", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The container's user.
        owner: ContainerUser,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}; OFFHOOK_SPOOL must be a folder that offhook can write to", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a worker left.
#[derive(Debug, Default)]
pub struct SpoolContents {
    /// Its report, where it could write one.
    pub report: Option<Report>,
    /// What it could not send to the database in time.
    pub notes: Vec<Note>,
    /// What stays.
    pub files: KeptFiles,
}

impl Spool {
    /// Folders under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Spool { root: root.into() }
    }

    /// The attempt's folder.
    pub fn folder(&self, attempt: AttemptId) -> PathBuf {
        self.root.join(attempt.to_string())
    }

    /// Makes sure that the root is there and can be written to.
    ///
    /// # Errors
    /// [`SpoolError::Unwritable`] where it cannot.
    pub fn prepare(&self) -> Result<(), SpoolError> {
        let unwritable = |source| SpoolError::Unwritable { path: self.root.clone(), source };
        // Others may pass through, to the files they own; nobody else may look around.
        DirBuilder::new().recursive(true).mode(0o711).create(&self.root).map_err(unwritable)?;
        let probe = self.root.join(".probe");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(unwritable)
    }

    /// Makes the attempt's folder with the specification in it, both belonging to `owner`.
    ///
    /// # Errors
    /// [`SpoolError`]; what was made is taken away again, unless it was there before.
    pub fn create(
        &self,
        attempt: AttemptId,
        owner: Option<ContainerUser>,
        specification: &AttemptSpecification,
    ) -> Result<(), SpoolError> {
        let folder = self.folder(attempt);
        DirBuilder::new().mode(0o700).create(&folder).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => SpoolError::Exists(folder.clone()),
            _ => SpoolError::Unwritable { path: folder.clone(), source },
        })?;
        fill(&folder, owner, specification).inspect_err(|_| {
            // Ours and new; whatever remains is found by the next tidying.
            let _ = fs::remove_dir_all(&folder);
        })
    }

    /// What the worker of an ended attempt left. A recording without sound and a log without a line are removed.
    pub fn contents(&self, attempt: AttemptId) -> SpoolContents {
        let folder = self.folder(attempt);
        let report = read(attempt, &folder.join(REPORT_FILE));
        let mut notes = tools_journaled_on_disk(&folder.join(TOOLS_FILE));
        notes.extend(read::<Vec<Note>>(attempt, &folder.join(NOTES_FILE)).unwrap_or_default());
        let path = folder.join(RECORDING_FILE);
        let path = fs::canonicalize(&path).unwrap_or(path);
        let uri = format!("file://{}", path.display());
        let rescued = measure(&path).ok().filter(|recording| recording.duration_ms > 0).map(|recording| {
            let Recording { bytes, duration_ms, sha256, complete, .. } = recording;
            RecordingReport { uri: uri.clone(), sha256, bytes, duration_ms, complete }
        });
        if rescued.is_none() && report.as_ref().is_none_or(|report: &Report| report.recording.is_none()) {
            // Cut off before any sound was on it: no row will ever name it, so nobody would ever take it away.
            let _ = fs::remove_file(&path);
        }
        let files = KeptFiles { recording_uri: path.is_file().then_some(uri), rescued, event_log: event_log(&folder) };
        SpoolContents { report, notes, files }
    }

    /// The secrets that the worker of an attempt was given, for as long as they are here; `None` where they are not, or cannot be read.
    pub fn secrets(&self, attempt: AttemptId) -> Option<Vec<String>> {
        let text = fs::read(self.folder(attempt).join(SPECIFICATION_FILE)).ok()?;
        let specification: AttemptSpecification = serde_json::from_slice(&text).ok()?;
        Some(specification.secrets())
    }

    /// Takes away the secrets of an attempt that is over. One that has none is fine. The folder still counts as untidy, until it is
    /// tidied: whoever finds it knows that the database may not have been told of the files in it.
    ///
    /// # Errors
    /// Where they are still there.
    pub fn scrub(&self, attempt: AttemptId) -> io::Result<()> {
        let folder = self.folder(attempt);
        // On a disk without room for it nothing is worse than without it.
        let _ = File::create(folder.join(UNTIDY_FILE));
        remove_secrets(&folder)
    }

    /// Takes away what nobody needs of a settled attempt: all of it, but for the files that are kept. One that has nothing is fine.
    ///
    /// # Errors
    /// Where something cannot be removed; what could be is.
    pub fn tidy(&self, attempt: AttemptId) -> io::Result<()> {
        let folder = self.folder(attempt);
        // Secrets first, whatever happens to the rest.
        remove_secrets(&folder)?;
        if !holds_kept_file(&folder) {
            return gone_is_fine(fs::remove_dir_all(&folder));
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if !is_kept(&entry) {
                let remove = if entry.file_type()?.is_dir() { fs::remove_dir_all } else { fs::remove_file };
                gone_is_fine(remove(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Takes away everything of an attempt that nobody knows any more, as after its number was erased. One that has nothing is fine.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn remove(&self, attempt: AttemptId) -> io::Result<()> {
        let folder = self.folder(attempt);
        remove_secrets(&folder)?;
        gone_is_fine(fs::remove_dir_all(&folder))
    }

    /// Deletes a file that was kept, and with the last one the attempt's folder. One that is gone already is fine.
    ///
    /// Only ever within this spool, whatever `uri` says: a worker had a hand in it.
    ///
    /// # Errors
    /// Where the file lies elsewhere, or cannot be deleted.
    pub fn delete(&self, attempt: AttemptId, file: KeptFile, uri: &str) -> io::Result<()> {
        let folder = self.folder(attempt);
        let ours = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone()).join(file.name());
        let named = uri.strip_prefix("file://").map(Path::new);
        if named != Some(ours.as_path()) && named.is_none_or(|named| named.exists()) {
            return Err(io::Error::other(format!(
                "{uri} does not lie in OFFHOOK_SPOOL; delete it by hand, then: select {}({}, {})",
                file.deleted_function(),
                attempt.call_id,
                attempt.attempt
            )));
        }
        gone_is_fine(fs::remove_file(folder.join(file.name())))?;
        if holds_kept_file(&folder) { Ok(()) } else { gone_is_fine(fs::remove_dir_all(&folder)) }
    }

    /// The attempts whose folder holds more than what is kept: those that are not over, or whose coordinator died before it tidied.
    ///
    /// # Errors
    /// Where the spool cannot be read.
    pub fn attempts(&self) -> io::Result<Vec<AttemptId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if let Some(attempt) = entry.file_name().to_str().and_then(attempt_of)
                && is_untidy(&entry.path())
            {
                found.push(attempt);
            }
        }
        Ok(found)
    }
}

/// What is torn (the worker died while writing it) counts as not there: the recording and the database may know more.
fn read<T: serde::de::DeserializeOwned>(attempt: AttemptId, file: &Path) -> Option<T> {
    let read = serde_json::from_slice(&fs::read(file).ok()?);
    read.inspect_err(|error| tracing::warn!(%attempt, file = %file.display(), %error, "what the worker left cannot be read")).ok()
}

/// The worker writes one a line, as it begins a tool call while the database is unreachable.
fn tools_journaled_on_disk(file: &Path) -> Vec<Note> {
    #[derive(serde::Deserialize)]
    struct Tool {
        number: i32,
        name: String,
        arguments: serde_json::Value,
    }
    let lines = fs::read_to_string(file).unwrap_or_default();
    let tools = lines.lines().filter_map(|line| serde_json::from_str(line).ok());
    tools.map(|Tool { number, name, arguments }| Note::ToolBegin { number, name, arguments }).collect()
}

/// The event log, if a worker wrote one. A link is none: a worker had a hand in it.
fn event_log(folder: &Path) -> Option<EventLogFile> {
    let path = fs::canonicalize(folder).ok()?.join(EVENT_LOG_FILE);
    let found = fs::symlink_metadata(&path).ok()?;
    if !found.is_file() || found.len() == 0 {
        // No row will ever name it, so nobody would ever take it away.
        let _ = if found.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        return None;
    }
    Some(EventLogFile { uri: format!("file://{}", path.display()), bytes: found.len() })
}

fn remove_secrets(folder: &Path) -> io::Result<()> {
    gone_is_fine(fs::remove_file(folder.join(SPECIFICATION_FILE)))
}

fn is_kept(entry: &fs::DirEntry) -> bool {
    KeptFile::ALL.iter().any(|file| entry.file_name() == file.name())
}

fn holds_kept_file(folder: &Path) -> bool {
    KeptFile::ALL.iter().any(|file| folder.join(file.name()).exists())
}

/// Nothing but what is kept is tidy; a folder that went away meanwhile is tidier still.
fn is_untidy(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let kept: Vec<bool> = entries.map(|entry| entry.is_ok_and(|entry| is_kept(&entry))).collect();
    kept.is_empty() || kept.contains(&false)
}

fn gone_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn fill(folder: &Path, owner: Option<ContainerUser>, specification: &AttemptSpecification) -> Result<(), SpoolError> {
    let unwritable = |source| SpoolError::Unwritable { path: folder.to_owned(), source };
    let path = folder.join(SPECIFICATION_FILE);
    let text = serde_json::to_vec(specification).map_err(|error| unwritable(error.into()))?;
    let mut file = File::options().write(true).create_new(true).mode(0o400).open(&path).map_err(unwritable)?;
    file.write_all(&text).map_err(unwritable)?;
    let Some(owner) = owner else { return Ok(()) };
    let give = |path: &Path| chown(path, Some(owner.uid), Some(owner.gid));
    give(&path).and_then(|()| give(folder)).map_err(|source| SpoolError::NotOurs { path: folder.to_owned(), owner, source })
}

fn attempt_of(name: &str) -> Option<AttemptId> {
    let (call_id, attempt) = name.split_once('-')?;
    Some(AttemptId { call_id: call_id.parse().ok()?, attempt: attempt.parse().ok()? })
}

#[cfg(test)]
mod tests;
