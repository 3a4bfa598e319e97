//! A folder for one test, gone with this value.
#![allow(dead_code)] // every test file uses its part

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The folder.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// An empty one.
    pub fn new(what: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("offhook-{what}-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&path).expect("the folder for temporary files can be written");
        Scratch(path)
    }

    /// A path in it, as text.
    pub fn path(&self, below: &str) -> String {
        self.0.join(below).to_str().expect("UTF-8").to_owned()
    }

    /// A file in it.
    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.0.join(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    /// Every file in it: mode, time of the last change in ns, and text.
    pub fn files(&self) -> BTreeMap<String, (u32, i64, String)> {
        let mut files = BTreeMap::new();
        collect(&self.0, &self.0, &mut files);
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, (u32, i64, String)>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let about = fs::metadata(&path).expect("it is there");
            let text = String::from_utf8_lossy(&fs::read(&path).expect("it can be read")).into_owned();
            let changed = about.mtime() * 1_000_000_000 + about.mtime_nsec();
            let name = path.strip_prefix(root).expect("it is below").display().to_string();
            files.insert(name, (about.permissions().mode() & 0o777, changed, text));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
