#![allow(clippy::unwrap_used)]
use std::fs;

use offhook_types::audio::FRAME_SAMPLES;

use super::*;
use crate::testing::{Folder, played, purity, sine, tone_dbfs};

fn record(path: &Path, callee: &[i16], agent: &[i16]) -> Recording {
    let mut recorder = Recorder::create(path).unwrap();
    for (callee, agent) in callee.chunks_exact(FRAME_SAMPLES).zip(agent.chunks_exact(FRAME_SAMPLES)) {
        recorder.frame(callee.try_into().unwrap(), agent.try_into().unwrap());
    }
    recorder.finish().unwrap()
}

#[test]
fn both_sides_are_on_their_channel_at_their_level_for_the_exact_time() {
    let folder = Folder::new("both");
    let path = folder.join("recording.opus");
    let frames = 163;
    let (callee, agent) = (sine(440.0, 6000.0, 16_000, frames * 320), sine(1000.0, 3000.0, 16_000, frames * 320));
    let recording = record(&path, &callee, &agent);
    let bytes = fs::read(&path).unwrap();
    assert_eq!((recording.duration_ms, recording.bytes, recording.complete), (3260, bytes.len() as u64, true));
    assert_eq!(measure(&path).unwrap(), recording);

    let (left, right) = played(&bytes);
    assert_eq!((left.len(), right.len()), (frames * 320, frames * 320));
    for (channel, frequency, other, sent) in [(&left, 440.0, 1000.0, &callee), (&right, 1000.0, 440.0, &agent)] {
        let difference = tone_dbfs(&channel[1600..], frequency, 16_000) - tone_dbfs(&sent[1600..], frequency, 16_000);
        assert!(difference.abs() < 1.0, "{frequency} Hz: {difference} dB");
        assert!(purity(&channel[1600..], frequency) > 0.97);
        let leak = tone_dbfs(&channel[1600..], other, 16_000) - tone_dbfs(&channel[1600..], frequency, 16_000);
        assert!(leak < -30.0, "the other side leaks at {leak} dB");
    }
}

#[test]
fn sound_is_found_in_the_recording_where_it_was() {
    let folder = Folder::new("where");
    let path = folder.join("recording.opus");
    let mut callee = vec![0; 100 * 320];
    callee[50 * 320..60 * 320].copy_from_slice(&sine(700.0, 9000.0, 16_000, 3200));
    record(&path, &callee, &vec![0; 100 * 320]);
    let (left, _) = played(&fs::read(&path).unwrap());
    let first = left.iter().position(|sample| sample.abs() > 3000).unwrap();
    let last = left.iter().rposition(|sample| sample.abs() > 3000).unwrap();
    assert!(first.abs_diff(50 * 320) < 80 && last.abs_diff(60 * 320) < 80, "{first}..{last}");
}

#[test]
fn a_file_cut_anywhere_plays_to_its_last_page() {
    let folder = Folder::new("cut");
    let path = folder.join("whole.opus");
    let tone = sine(440.0, 8000.0, 16_000, 200 * 320);
    record(&path, &tone, &tone);
    let bytes = fs::read(&path).unwrap();
    let cut = folder.join("cut.opus");
    let mut longest = 0;
    for end in (200..bytes.len()).step_by(211) {
        fs::write(&cut, &bytes[..end]).unwrap();
        let rescued = measure(&cut).unwrap();
        assert_eq!((rescued.bytes, rescued.complete), (end as u64, false));
        let (left, right) = played(&bytes[..end]);
        assert_eq!(left.len() as u64 / 16, rescued.duration_ms);
        assert_eq!(left.len(), right.len());
        assert!(rescued.duration_ms >= longest && (rescued.duration_ms + 7) % 500 <= 7, "{} ms", rescued.duration_ms);
        longest = rescued.duration_ms;
    }
    assert!(longest > 3400);
}

#[test]
fn a_recording_that_cannot_be_made_says_so() {
    let folder = Folder::new("none");
    let path = folder.join("none.opus");
    fs::write(&path, b"a file where the folder should be").unwrap();
    assert!(matches!(Recorder::create(&path.join("below")), Err(RecordingError::File { .. })));
}

#[test]
fn a_sleep_is_silence_in_the_recording() {
    let folder = Folder::new("sleep");
    let path = folder.join("recording.opus");
    let mut recorder = Recorder::create(&path).unwrap();
    recorder.silence(123);
    assert_eq!(recorder.finish().unwrap().duration_ms, 2460);
}

#[test]
fn a_full_disk_is_an_error_in_words_and_no_panic() {
    // The kernel's own full disk.
    let mut recorder = Recorder::create(Path::new("/dev/full")).unwrap();
    recorder.silence(500);
    let error = recorder.finish().unwrap_err().to_string();
    assert!(error.contains("/dev/full") && error.contains("space"), "{error}");
}
