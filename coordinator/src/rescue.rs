//! What can still be played of a recording whose worker died: everything up to its last whole page.

use offhook::report::RecordingReport;
use sha2::{Digest, Sha256};

/// The granule positions of Ogg Opus count samples at 48 kHz, whatever was recorded (RFC 7845, section 4).
const GRANULES_PER_MS: u64 = 48;
/// "OggS", version, flags, granule position, serial, sequence, checksum, segment count (RFC 3533, section 6).
const PAGE_HEADER: usize = 27;

/// The length of an Ogg Opus file in ms: the last whole page's granule position, less the pre-skip. `None` where it is no Ogg Opus,
/// or breaks off before any sound.
pub fn duration_ms(file: &[u8]) -> Option<u64> {
    let head = pages(file).next()?;
    // OpusHead: magic, version, channels, then the pre-skip (RFC 7845, section 5.1).
    let body = head.body.strip_prefix(b"OpusHead")?;
    let pre_skip = u16::from_le_bytes(body.get(2..4)?.try_into().ok()?);
    // A page on which no packet ends says -1.
    let last = pages(file).filter(|page| page.granule != u64::MAX).last()?.granule;
    (last > 0).then(|| last.saturating_sub(pre_skip.into()) / GRANULES_PER_MS)
}

/// What the recordings table wants to know of a cut file. `None` where nothing can be played.
pub fn rescue(file: &[u8], uri: String) -> Option<RecordingReport> {
    let duration_ms = duration_ms(file)?;
    let sha256 = Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(RecordingReport { uri, sha256, bytes: file.len() as u64, duration_ms, complete: false })
}

struct Page<'a> {
    granule: u64,
    body: &'a [u8],
}

/// The whole pages from the start of the file.
fn pages(file: &[u8]) -> impl Iterator<Item = Page<'_>> {
    let mut rest = file;
    std::iter::from_fn(move || {
        let header = rest.get(..PAGE_HEADER).filter(|header| header.starts_with(b"OggS\0"))?;
        let granule = u64::from_le_bytes(header[6..14].try_into().ok()?);
        let segments = rest.get(PAGE_HEADER..PAGE_HEADER + usize::from(header[26]))?;
        let body_at = PAGE_HEADER + segments.len();
        let length: usize = segments.iter().map(|segment| usize::from(*segment)).sum();
        let body = rest.get(body_at..body_at + length)?;
        rest = &rest[body_at + length..];
        Some(Page { granule, body })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn page(granule: u64, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend([0; 12]);
        page.extend([1, u8::try_from(body.len()).unwrap()]);
        page.extend(body);
        page
    }

    /// Header, tags, and `seconds` pages of one second each.
    pub(crate) fn recording(seconds: u64) -> Vec<u8> {
        let head = page(0, b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0");
        let mut file = [head, page(0, b"OpusTags")].concat();
        for second in 1..=seconds {
            file.extend(page(312 + second * 48_000, &[7; 100]));
        }
        file
    }

    #[test]
    fn a_recording_counts_up_to_its_last_whole_page() {
        let file = recording(5);
        assert_eq!(duration_ms(&file), Some(5_000));
        assert_eq!(duration_ms(&file[..file.len() - 1]), Some(4_000), "cut in the middle of a page");
        assert_eq!(duration_ms(&file[..file.len() - 120]), Some(4_000), "cut in the middle of a page's header");
    }

    #[test]
    fn a_page_on_which_nothing_ends_is_not_the_end() {
        let file = [recording(2), page(u64::MAX, &[7; 10])].concat();
        assert_eq!(duration_ms(&file), Some(2_000));
    }

    #[test]
    fn what_has_no_sound_is_no_recording() {
        assert_eq!(duration_ms(b""), None);
        assert_eq!(duration_ms(b"RIFF and so on, surely more than a page header long"), None);
        assert_eq!(duration_ms(&recording(0)), None);
        let any: Vec<u8> = (0..2_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in 0..any.len() {
            assert_eq!(duration_ms(&any[..length]), None);
        }
    }

    #[test]
    fn a_rescued_recording_says_that_it_is_cut() {
        let report = rescue(&recording(1), "file:///var/x.opus".into()).unwrap();
        assert!(!report.complete);
        assert_eq!((report.duration_ms, report.sha256.len()), (1_000, 64));
    }
}
