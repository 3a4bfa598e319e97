//! Files that come into being whole, and all at once: written beside their places first, and moved there when everything else is done.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A file or folder that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {source}; run this as root, or name another place in OFFHOOK_SETTINGS", path.display())]
pub struct FileError {
    /// The place.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Files that wait for [`StagedFiles::commit`]; those that are dropped without it leave nothing.
#[derive(Debug, Default)]
pub struct StagedFiles {
    /// Temporary path, place.
    waiting: Vec<(PathBuf, PathBuf)>,
    /// Folders that were made for them.
    folders: Vec<PathBuf>,
}

impl StagedFiles {
    /// Writes the text beside its place, mode 0600. Returns whether anything will change there; a file that is as it should be is
    /// left alone, but for a mode that lets others read it.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn stage(&mut self, place: &Path, text: &str) -> Result<bool, FileError> {
        let failed = |source| FileError { path: place.to_owned(), source };
        if fs::read_to_string(place).is_ok_and(|there| there == text) {
            let mode = fs::metadata(place).map_err(failed)?.permissions().mode();
            let open = mode & 0o077 != 0;
            if open {
                fs::set_permissions(place, fs::Permissions::from_mode(0o600)).map_err(failed)?;
            }
            return Ok(open);
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.folder(folder, 0o755)?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}", std::process::id()));
        self.waiting.push((temporary.clone(), place.to_owned()));
        // One that an earlier run of this number left.
        let _ = fs::remove_file(&temporary);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(true)
    }

    /// Makes sure of a folder; those that are missing above it are made too.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn folder(&mut self, folder: &Path, mode: u32) -> Result<(), FileError> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.folder(above, 0o755)?;
        }
        DirBuilder::new().mode(mode).create(folder).map_err(|source| FileError { path: folder.to_owned(), source })?;
        self.folders.push(folder.to_owned());
        Ok(())
    }

    /// Moves all of them to their places.
    ///
    /// # Errors
    /// [`FileError`]; what was moved before stays.
    pub fn commit(mut self) -> Result<(), FileError> {
        self.folders.clear();
        while let Some((temporary, place)) = self.waiting.first().cloned() {
            fs::rename(&temporary, &place).map_err(|source| FileError { path: place.clone(), source })?;
            self.waiting.remove(0);
        }
        Ok(())
    }
}

/// Makes sure that files can be made in a folder.
///
/// # Errors
/// [`FileError`].
pub fn writable(folder: &Path) -> Result<(), FileError> {
    let probe = folder.join(format!(".probe.{}", std::process::id()));
    let failed = |source| FileError { path: folder.to_owned(), source };
    File::create(&probe).map_err(failed)?;
    fs::remove_file(&probe).map_err(failed)
}

impl Drop for StagedFiles {
    fn drop(&mut self) {
        for (temporary, _) in &self.waiting {
            let _ = fs::remove_file(temporary);
        }
        // The innermost first; one that somebody has put something into stays.
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("offhook-files-{}", uuid::Uuid::new_v4().simple()))
    }

    #[test]
    fn files_are_there_whole_and_for_their_owner_alone() {
        let root = folder();
        let place = root.join("a/secret");
        let mut files = StagedFiles::default();
        assert!(files.stage(&place, "hunter2").unwrap());
        assert!(!place.exists(), "not before everything else is done");
        files.commit().unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "hunter2");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!StagedFiles::default().stage(&place, "hunter2").unwrap(), "nothing to do the second time");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(StagedFiles::default().stage(&place, "hunter2").unwrap(), "others could read it");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn whoever_gives_up_leaves_nothing() {
        let root = folder();
        let mut files = StagedFiles::default();
        files.stage(&root.join("a/b/one"), "1").unwrap();
        files.folder(&root.join("secrets"), 0o700).unwrap();
        files.stage(&root.join("secrets/two"), "2").unwrap();
        drop(files);
        assert!(!root.exists());
    }
}
