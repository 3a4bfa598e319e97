//! Recordings as files: Ogg Opus (RFC 7845), whoever encodes what is in it.
//!
//! The worker writes one page after the other, so that a file whose writer was killed plays to its last whole page. The worker and the
//! coordinator measure files: how long they play, whether they are complete, and what they hash to. No codec is linked.

#[doc(hidden)]
pub mod fuzzing;
mod measuring;
mod writing;

use sha2::{Digest, Sha256};

pub use measuring::{MeasureError, Recording, measure};
pub use writing::OggOpusWriter;

/// The granule positions of Ogg Opus count samples at 48 kHz, whatever was recorded (RFC 7845 section 4).
pub const GRANULES_PER_MS: u64 = 48;

/// Length and hash of what passes by.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    hash: Sha256,
    bytes: u64,
}

impl Tally {
    /// Counts these bytes in.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// How many bytes they were.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of all of them, lower-case hex.
    pub fn sha256(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
