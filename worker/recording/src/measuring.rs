//! Measures a file, whole or cut off. The file is left as it is: players stop at its last whole page.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use ogg::reading::PageParser;

use crate::{GRANULES_PER_MS, Tally};

/// "OggS", version, flags, granule position, serial, sequence, checksum, segment count (RFC 3533 section 6).
const PAGE_HEADER: usize = 27;
/// In the flags: the last page of the stream.
const END_OF_STREAM: u8 = 4;
/// The position of a page on which no packet ends (RFC 3533 section 6).
const NO_POSITION: u64 = u64::MAX;
/// OpusHead up to the channel mapping (RFC 7845 section 5.1).
const OPUS_HEAD: usize = 19;

/// A recording on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Where.
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
    /// Length of the sound: to the end of the last whole page.
    pub duration_ms: u64,
    /// Of the file, lower-case hex.
    pub sha256: String,
    /// It was finished, and no page is missing; false for a file whose writer was killed.
    pub complete: bool,
}

/// A file that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// It cannot be read.
    #[error("the recording {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not begin like a recording.
    #[error("{} is no Ogg Opus file; nothing can be rescued from it", path.display())]
    NotARecording {
        /// Which.
        path: PathBuf,
    },
}

/// Measures a recording, cut off or not: its playable length, and size and hash of the file as it lies there. Reads page by page,
/// never the whole file at once. Blocking.
///
/// # Errors
/// [`MeasureError`]: it cannot be read, or does not begin with a whole page of Ogg Opus.
pub fn measure(path: &Path) -> Result<Recording, MeasureError> {
    let file = File::open(path).map_err(|source| MeasureError::Unreadable { path: path.to_owned(), source })?;
    measure_from(BufReader::new(file), path)
}

/// [`measure`] for the bytes of the file at `path`.
pub(crate) fn measure_from(file: impl Read, path: &Path) -> Result<Recording, MeasureError> {
    let failed = |source| MeasureError::Unreadable { path: path.to_owned(), source };
    let mut file = Tallying { inner: file, tally: Tally::default() };
    let head = next_page(&mut file).map_err(failed)?;
    let Some((mut last, pre_skip)) = head.and_then(|page| page.pre_skip.map(|pre_skip| (page, pre_skip))) else {
        return Err(MeasureError::NotARecording { path: path.to_owned() });
    };
    let (mut position, mut whole) = (0, true);
    while let Some(page) = next_page(&mut file).map_err(failed)? {
        whole &= page.sequence == last.sequence.wrapping_add(1);
        if page.position != NO_POSITION {
            position = page.position;
        }
        last = page;
    }
    // What comes after the last whole page counts for size and hash.
    io::copy(&mut file, &mut io::sink()).map_err(failed)?;
    Ok(Recording {
        path: path.to_owned(),
        bytes: file.tally.bytes(),
        duration_ms: position.saturating_sub(pre_skip) / GRANULES_PER_MS,
        sha256: file.tally.sha256(),
        complete: whole && last.ends_stream,
    })
}

struct Page {
    position: u64,
    sequence: u32,
    ends_stream: bool,
    /// On the page with the identification header.
    pre_skip: Option<u64>,
}

/// The next whole page with a right checksum; `None` where there is none any more.
fn next_page(file: &mut impl Read) -> io::Result<Option<Page>> {
    let mut header = [0; PAGE_HEADER];
    if !filled(file, &mut header)? {
        return Ok(None);
    }
    let Ok((mut parser, segments)) = PageParser::new(header) else { return Ok(None) };
    let mut lacing = vec![0; segments];
    if !filled(file, &mut lacing)? {
        return Ok(None);
    }
    let mut body = vec![0; parser.parse_segments(lacing)];
    if !filled(file, &mut body)? {
        return Ok(None);
    }
    let pre_skip =
        (body.len() >= OPUS_HEAD && body.starts_with(b"OpusHead")).then(|| u64::from(u16::from_le_bytes([body[10], body[11]])));
    if parser.parse_packet_data(body).is_err() {
        return Ok(None);
    }
    Ok(Some(Page {
        position: u64::from_le_bytes(std::array::from_fn(|nth| header[6 + nth])),
        sequence: u32::from_le_bytes(std::array::from_fn(|nth| header[18 + nth])),
        ends_stream: header[5] & END_OF_STREAM != 0,
        pre_skip,
    }))
}

/// Fills the buffer; false where the file ends before.
fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads and tallies.
struct Tallying<R> {
    inner: R,
    tally: Tally,
}

impl<R: Read> Read for Tallying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.tally.add(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::OggOpusWriter;

    const PRE_SKIP: u16 = 312;

    /// The pages of a recording: head and tags, `seconds` of one second each, and the end.
    fn pages(seconds: u64) -> Vec<Vec<u8>> {
        let mut writer = OggOpusWriter::new(7, 2, 16_000, PRE_SKIP);
        let mut pages = vec![writer.head("test", "DESCRIPTION=test")];
        for second in 1..=seconds {
            pages.push(writer.end_page(vec![7; 100], u64::from(PRE_SKIP) + second * 48_000));
        }
        pages.push(writer.end_stream(vec![7; 3], u64::from(PRE_SKIP) + seconds * 48_000 + 480));
        pages
    }

    fn measured(name: &str, file: &[u8]) -> Result<Recording, MeasureError> {
        let path = std::env::temp_dir().join(format!("offhook-measure-{name}-{}", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let measured = measure(&path);
        std::fs::remove_file(path).unwrap();
        measured
    }

    #[test]
    fn a_finished_recording_is_complete_to_the_millisecond() {
        let file = pages(5).concat();
        let recording = measured("finished", &file).unwrap();
        assert_eq!((recording.duration_ms, recording.bytes, recording.complete), (5_010, file.len() as u64, true));
        let mut tally = Tally::default();
        tally.add(&file);
        assert_eq!(recording.sha256, tally.sha256());
        assert_eq!(Tally::default().sha256(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_cut_recording_counts_up_to_its_last_whole_page() {
        let mut pages = pages(5);
        pages.pop();
        let file = pages.concat();
        let page = pages[5].len();
        for (missing, seconds) in [(0, 5), (1, 4), (page - 10, 4), (page, 4), (page + 1, 3), (5 * page, 0)] {
            let cut = &file[..file.len() - missing];
            let recording = measured("cut", cut).unwrap();
            assert_eq!((recording.duration_ms, recording.bytes), (seconds * 1_000, cut.len() as u64), "{missing} bytes missing");
            assert!(!recording.complete);
        }
    }

    #[test]
    fn a_recording_that_lacks_a_page_in_between_is_not_complete() {
        let mut pages = pages(5);
        pages.remove(3);
        let recording = measured("gap", &pages.concat()).unwrap();
        assert_eq!((recording.duration_ms, recording.complete), (5_010, false));
    }

    #[test]
    fn a_page_that_was_torn_is_the_end() {
        let mut pages = pages(5);
        pages[3][60] ^= 1;
        let recording = measured("torn", &pages.concat()).unwrap();
        assert_eq!((recording.duration_ms, recording.complete), (2_000, false));
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let head = pages(0).remove(0);
        for file in [&b""[..], b"RIFF and so on, surely more than a page header long", &head[..40], &head[1..]] {
            assert!(matches!(measured("none", file), Err(MeasureError::NotARecording { .. })));
        }
        let any: Vec<u8> = (0..2_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in (0..any.len()).step_by(7) {
            assert!(matches!(measured("any", &any[..length]), Err(MeasureError::NotARecording { .. })));
        }
        let missing = measure(Path::new("/nowhere/recording.opus"));
        assert!(matches!(missing, Err(MeasureError::Unreadable { .. })));
    }
}
