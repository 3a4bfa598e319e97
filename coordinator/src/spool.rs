//! The attempts' folders: what a worker is handed goes in, what it leaves comes out.
//!
//! `<spool>/<call>-<attempt>/` holds the specification (mode 0400, the only place secrets are) while the worker runs, its report,
//! and the recording, which stays.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
};

use offhook::{
    attempt::{AttemptSpecification, NOTES_FILE, RECORDING_FILE, REPORT_FILE, SPECIFICATION_FILE, TOOLS_FILE},
    report::{RecordingReport, Report},
    store::{leases::AttemptId, worker::Note},
};
use offhook_recording::{Recording, measure};

use crate::config::launcher::ContainerUser;

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
pub struct Leavings {
    /// Its report, where it could write one.
    pub report: Option<Report>,
    /// What it could not send to the database in time.
    pub notes: Vec<Note>,
    /// Where its recording lies, where it could be played.
    pub recording_uri: Option<String>,
    /// The recording as it is on disk, for where no report names one.
    pub rescued: Option<RecordingReport>,
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
        // Others may pass through, to the recordings they own; nobody else may look around.
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

    /// What the worker of an ended attempt left.
    pub fn leavings(&self, attempt: AttemptId) -> Leavings {
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
        Leavings { report, notes, recording_uri: path.is_file().then_some(uri), rescued }
    }

    /// Deletes the secrets of an attempt that is over; no error where there are none.
    ///
    /// # Errors
    /// Where they are still there.
    pub fn scrub(&self, attempt: AttemptId) -> io::Result<()> {
        gone_is_fine(fs::remove_file(self.folder(attempt).join(SPECIFICATION_FILE)))
    }

    /// Takes away what nobody needs of a settled attempt: all of it, but for a recording. One that has nothing is fine.
    ///
    /// # Errors
    /// Where something cannot be removed; what could be is.
    pub fn tidy(&self, attempt: AttemptId) -> io::Result<()> {
        // Secrets first, whatever happens to the rest.
        self.scrub(attempt)?;
        let folder = self.folder(attempt);
        if !folder.join(RECORDING_FILE).exists() {
            return gone_is_fine(fs::remove_dir_all(&folder));
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name() != RECORDING_FILE {
                let remove = if entry.file_type()?.is_dir() { fs::remove_dir_all } else { fs::remove_file };
                gone_is_fine(remove(&entry.path()))?;
            }
        }
        Ok(())
    }

    /// Deletes the recording of an attempt with all that lies beside it. One that is gone already is fine.
    ///
    /// Only ever within this spool, whatever `uri` says: a worker had a hand in it.
    ///
    /// # Errors
    /// Where the recording lies elsewhere, or cannot be deleted.
    pub fn delete_recording(&self, attempt: AttemptId, uri: &str) -> io::Result<()> {
        let folder = self.folder(attempt);
        let ours = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone()).join(RECORDING_FILE);
        let named = uri.strip_prefix("file://").map(Path::new);
        if named != Some(ours.as_path()) && named.is_none_or(|named| named.exists()) {
            return Err(io::Error::other(format!(
                "{uri} does not lie in OFFHOOK_SPOOL; delete it by hand, then: select offhook_recording_deleted({}, {})",
                attempt.call_id, attempt.attempt
            )));
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The attempts whose folder holds more than a recording: those that are not over, or whose coordinator died before it tidied.
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

/// Nothing but a recording is tidy; a folder that went away meanwhile is tidier still.
fn is_untidy(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    match (entries.next(), entries.next()) {
        (Some(Ok(only)), None) => only.file_name() != RECORDING_FILE,
        _ => true,
    }
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_recording_is_deleted_with_its_folder_and_nothing_elsewhere_is() {
        let root = std::env::temp_dir().join(format!("offhook-spool-deleting-{}", std::process::id()));
        let (spool, attempt) = (Spool::new(&root), AttemptId { call_id: 12, attempt: 3 });
        let ours = spool.folder(attempt);
        fs::create_dir_all(&ours).expect("a folder");
        fs::write(ours.join(RECORDING_FILE), b"sound").expect("a recording");
        fs::write(ours.join(REPORT_FILE), b"words").expect("a report");
        let other = root.join("somebody's");
        fs::write(&other, b"not ours").expect("a file");

        assert!(spool.delete_recording(attempt, &format!("file://{}", other.display())).is_err());
        assert!(spool.delete_recording(attempt, "s3://somewhere/12-3").is_err());
        assert!(other.exists() && ours.join(RECORDING_FILE).exists());

        let uri = format!("file://{}", fs::canonicalize(&ours).expect("a path").join(RECORDING_FILE).display());
        assert!(spool.delete_recording(attempt, &uri).is_ok());
        assert!(!ours.exists());
        assert!(spool.delete_recording(attempt, &uri).is_ok(), "deleted twice is deleted");
        fs::remove_dir_all(&root).expect("cleaned up");
    }

    /// A second of a recording whose writer was killed in the middle of the next page.
    fn cut_recording() -> Vec<u8> {
        let mut writer = offhook_recording::OggOpusWriter::new(1, 2, 16_000, 312);
        let head = writer.head("test", "DESCRIPTION=test");
        let (first, next) = (writer.end_page(vec![7; 100], 48_312), writer.end_page(vec![7; 100], 96_312));
        [&head, &first, &next[..50]].concat()
    }

    #[test]
    fn of_a_settled_attempt_only_sound_is_kept() {
        let root = std::env::temp_dir().join(format!("offhook-spool-{}", std::process::id()));
        let (spool, sounding, silent) =
            (Spool::new(&root), AttemptId { call_id: 1, attempt: 1 }, AttemptId { call_id: 2, attempt: 1 });
        for (attempt, recording) in [(sounding, cut_recording()), (silent, b"OggS".to_vec())] {
            fs::create_dir_all(spool.folder(attempt)).unwrap();
            for (name, content) in [(SPECIFICATION_FILE, &b"{}"[..]), ("worker.log", b"{}"), (RECORDING_FILE, &recording)] {
                fs::write(spool.folder(attempt).join(name), content).unwrap();
            }
        }
        let rescued = spool.leavings(sounding).rescued.unwrap();
        assert_eq!((rescued.duration_ms, rescued.complete, rescued.sha256.len()), (1_000, false, 64));
        assert!(spool.leavings(silent).rescued.is_none());
        let mut untidy = spool.attempts().unwrap();
        untidy.sort();
        assert_eq!(untidy, [sounding, silent]);
        spool.tidy(sounding).unwrap();
        spool.tidy(silent).unwrap();
        assert_eq!(spool.attempts().unwrap(), []);
        let left: Vec<_> = fs::read_dir(spool.folder(sounding)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [RECORDING_FILE]);
        assert!(!spool.folder(silent).exists(), "no sound, no folder");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn folders_are_named_for_call_and_attempt() {
        let attempt = AttemptId { call_id: 12, attempt: 3 };
        assert_eq!(Spool::new("/spool").folder(attempt), PathBuf::from("/spool/12-3"));
        assert_eq!(attempt_of("12-3"), Some(attempt));
        assert_eq!(attempt_of("lost+found"), None);
    }
}
