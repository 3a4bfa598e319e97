//! Pages to a file, on a thread of its own.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
};

use offhook_recording::Tally;

use super::RecordingError;

/// Pages that may wait for the disk: a minute, 400 kB.
const QUEUE: usize = 120;
/// The thread copies bytes; it needs next to no stack.
const STACK: usize = 128 * 1024;

/// What lies on the disk in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Size of the file.
    pub bytes: u64,
    /// Of the file, lower-case hex.
    pub sha256: String,
}

/// A file and its thread.
pub struct Disk {
    pages: SyncSender<Vec<u8>>,
    thread: JoinHandle<io::Result<Written>>,
    path: PathBuf,
}

impl Disk {
    /// Makes the file and starts the thread.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::File { path: path.to_owned(), source };
        let file = File::create(path).map_err(failed)?;
        let (pages, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("recorder".into()).stack_size(STACK);
        let thread = thread.spawn(move || write(file, &queue)).map_err(failed)?;
        Ok(Disk { pages, thread, path: path.to_owned() })
    }

    /// Hands a page over without waiting; false where it was dropped.
    pub fn write(&self, page: Vec<u8>) -> bool {
        self.pages.try_send(page).is_ok()
    }

    /// Waits until everything is on the disk.
    pub fn finish(self) -> Result<Written, RecordingError> {
        drop(self.pages);
        match self.thread.join() {
            Ok(written) => written.map_err(|source| RecordingError::File { path: self.path, source }),
            Err(_) => Err(RecordingError::WriterDied { path: self.path }),
        }
    }
}

/// Every page is one `write`: what is written survives the death of the process.
fn write(mut file: File, queue: &Receiver<Vec<u8>>) -> io::Result<Written> {
    let mut tally = Tally::default();
    for page in queue {
        file.write_all(&page)?;
        tally.add(&page);
    }
    file.sync_all()?;
    Ok(Written { bytes: tally.bytes(), sha256: tally.sha256() })
}
