//! The recording: stereo Ogg Opus, left the callee, right the agent, one frame of both a tick, straight to disk.
//!
//! Encoding happens on the media clock: it costs a known fraction of a tick. Writing does not, because a disk under pressure may
//! block for seconds: finished pages (two a second, 3 kB each) go through a bounded queue to a thread of their own. A killed
//! worker leaves a file that plays up to its last page, at most half a second short.

pub mod disk;
pub mod ogg_opus;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use offhook_recording::Recording;
use offhook_recording::measure;
use offhook_types::audio::{FRAME_MS, Frame, SILENCE};

use self::{
    disk::{Disk, Written},
    ogg_opus::OggOpus,
};

/// Frames of silence that are written for a worker that slept: ten minutes. Beyond that the clocks part.
const LONGEST_SLEEP: u64 = 30_000;

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file could not be made or written.
    #[error("the recording {path} cannot be used: {source}; check the folder, its permissions and the space left")]
    File {
        /// Which.
        path: PathBuf,
        /// As the system says it.
        source: io::Error,
    },
    /// libopus did not come up.
    #[error("the recorder's codec cannot be set up: {0}; this is a fault of the build, not of the call")]
    Codec(#[from] opus::Error),
    /// The thread that writes has died.
    #[error("the recording {path} was not finished: its writer died; rescue the file")]
    WriterDied {
        /// Which.
        path: PathBuf,
    },
}

/// Whether what is heard and said may go into the recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Permission {
    /// It does.
    #[default]
    Given,
    /// Not yet: silence takes its place, so that the recording's clock is the call's. Without a permission by the end it is deleted.
    Awaited,
    /// Not any more: what there is is deleted at once.
    Refused,
}

/// A recording that is being made.
pub struct Recorder {
    stream: OggOpus,
    disk: Disk,
    path: PathBuf,
    /// Pages that found the queue full.
    dropped: u64,
}

impl Recorder {
    /// Begins a recording in a new file; one that is there is replaced.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let mut stream = OggOpus::new(rand::random())?;
        let head = stream.head();
        let mut recorder = Recorder { stream, disk: Disk::create(path)?, path: path.to_owned(), dropped: 0 };
        recorder.write(head);
        Ok(recorder)
    }

    /// One tick of both sides.
    pub fn frame(&mut self, callee: &Frame, agent: &Frame) {
        match self.stream.frame(callee, agent) {
            Ok(Some(page)) => self.write(page),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a frame of the recording could not be encoded"),
        }
    }

    /// Ticks that were left out.
    pub fn silence(&mut self, ticks: u64) {
        (0..ticks.min(LONGEST_SLEEP)).for_each(|_| self.frame(&SILENCE, &SILENCE));
    }

    /// Ends the stream and hands over to the disk. Blocking: waits until the file is synchronised. Where the disk failed in
    /// between, what lies on it is measured and called incomplete.
    pub fn finish(mut self) -> Result<Recording, RecordingError> {
        let duration_ms = self.stream.frames() * FRAME_MS;
        match self.stream.finish() {
            Ok(page) => self.dropped += u64::from(!self.disk.write(page)),
            Err(error) => tracing::warn!(%error, "the last page of the recording could not be made"),
        }
        match self.disk.finish() {
            Ok(Written { bytes, sha256 }) => {
                Ok(Recording { path: self.path, bytes, duration_ms, sha256, complete: self.dropped == 0 })
            }
            Err(error) => {
                tracing::error!(%error, "the recording is incomplete");
                measure(&self.path).map_err(|_| error)
            }
        }
    }

    /// Deletes the file; what is still on its way there goes with it.
    pub fn discard(self) -> Result<(), RecordingError> {
        std::fs::remove_file(&self.path).map_err(|source| RecordingError::File { path: self.path, source })
    }

    fn write(&mut self, page: Vec<u8>) {
        if !self.disk.write(page) {
            if self.dropped == 0 {
                tracing::error!(path = %self.path.display(), "the disk does not take the recording; parts of it will be missing");
            }
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests;
