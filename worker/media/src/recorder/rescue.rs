//! Measures the recording of a worker that died. The file is left as it is: players stop at its last whole page.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use ogg::reading::PageParser;
use sha2::{Digest, Sha256};

use super::{Recording, RecordingError, hexadecimal};

/// Granules of 48 kHz in a millisecond.
const GRANULES_PER_MS: u64 = 48;
/// The position of a page on which no packet ends (RFC 3533, section 6).
const NO_POSITION: u64 = u64::MAX;

/// Measures a recording, cut off or not: its playable length, and size and hash of the file as it lies there. Blocking.
pub fn rescue(path: &Path) -> Result<Recording, RecordingError> {
    let file = File::open(path).map_err(|source| RecordingError::File { path: path.to_owned(), source })?;
    measure(BufReader::new(file), path)
}

/// The same for the bytes of that file.
pub(crate) fn measure(file: impl Read, path: &Path) -> Result<Recording, RecordingError> {
    let failed = |source| RecordingError::File { path: path.to_owned(), source };
    let mut file = Hashing { inner: file, hash: Sha256::new(), bytes: 0 };
    let mut measured: Option<Measured> = None;
    while let Some(page) = page(&mut file) {
        match (&mut measured, page.pre_skip) {
            (None, Some(pre_skip)) => measured = Some(Measured { pre_skip, position: 0, complete: false }),
            (None, None) => break,
            (Some(measured), _) => {
                measured.complete = page.last;
                if page.position != NO_POSITION {
                    measured.position = page.position;
                }
            }
        }
    }
    let Measured { pre_skip, position, complete } =
        measured.ok_or_else(|| RecordingError::NotARecording { path: path.to_owned() })?;
    std::io::copy(&mut file, &mut std::io::sink()).map_err(failed)?;
    Ok(Recording {
        path: path.to_owned(),
        bytes: file.bytes,
        duration_ms: position.saturating_sub(pre_skip) / GRANULES_PER_MS,
        sha256: hexadecimal(&file.hash.finalize()),
        complete,
    })
}

struct Measured {
    pre_skip: u64,
    position: u64,
    complete: bool,
}

struct Page {
    position: u64,
    last: bool,
    /// On the page with the identification header.
    pre_skip: Option<u64>,
}

/// The next whole page with a right checksum.
fn page(file: &mut impl Read) -> Option<Page> {
    let mut header = [0; 27];
    file.read_exact(&mut header).ok()?;
    let (mut parser, segments) = PageParser::new(header).ok()?;
    let mut lacing = vec![0; segments];
    file.read_exact(&mut lacing).ok()?;
    let mut body = vec![0; parser.parse_segments(lacing)];
    file.read_exact(&mut body).ok()?;
    let pre_skip =
        (body.len() >= 19 && body.starts_with(b"OpusHead")).then(|| u64::from(u16::from_le_bytes([body[10], body[11]])));
    parser.parse_packet_data(body).ok()?;
    let position = u64::from_le_bytes(header[6..14].try_into().ok()?);
    Some(Page { position, last: header[5] & 4 != 0, pre_skip })
}

/// Reads and hashes.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
