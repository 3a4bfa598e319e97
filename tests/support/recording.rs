//! Listening to a recording with numbers: decodes the Ogg Opus file with nothing of ours.
#![allow(dead_code)] // every test file uses its part

use std::path::Path;

/// Both sides of a call at 16 kHz.
pub struct Sound {
    /// The callee.
    pub left: Vec<i16>,
    /// The agent.
    pub right: Vec<i16>,
}

const RATE: usize = 16_000;
/// Levels are measured over 20 ms.
const STEP_MS: usize = 20;
/// Louder than this is somebody speaking; comfort noise and silence lie far below.
const SPEECH_DBFS: f64 = -42.0;

impl Sound {
    /// Decodes the file as far as it goes; a file without an end is read to its last whole page.
    pub fn read(path: &Path) -> Sound {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = ogg::PacketReader::new(std::io::BufReader::new(file));
        let head = reader.read_packet().unwrap().expect("OpusHead");
        assert_eq!(&head.data[..8], b"OpusHead");
        assert_eq!(head.data[9], 2, "stereo");
        let pre_skip = usize::from(u16::from_le_bytes([head.data[10], head.data[11]])) / 3;
        assert_eq!(&reader.read_packet().unwrap().expect("OpusTags").data[..8], b"OpusTags");
        let mut decoder = opus::Decoder::new(RATE as u32, opus::Channels::Stereo).unwrap();
        let mut samples = Vec::new();
        let mut end = None;
        let mut buffer = vec![0i16; 2 * RATE / 8];
        while let Ok(Some(packet)) = reader.read_packet() {
            let decoded = decoder.decode(&packet.data, &mut buffer, false).unwrap();
            samples.extend_from_slice(&buffer[..2 * decoded]);
            if packet.last_in_stream() {
                end = Some(packet.absgp_page() as usize / 3);
            }
        }
        if let Some(end) = end {
            samples.truncate(2 * end);
        }
        let samples = &samples[(2 * pre_skip).min(samples.len())..];
        Sound { left: samples.iter().copied().step_by(2).collect(), right: samples.iter().copied().skip(1).step_by(2).collect() }
    }

    pub fn duration_ms(&self) -> i64 {
        (self.left.len() * 1000 / RATE) as i64
    }
}

/// Level of each step of 20 ms, in dBFS.
pub fn levels(channel: &[i16]) -> Vec<f64> {
    channel
        .chunks(RATE * STEP_MS / 1000)
        .map(|step| {
            let energy: f64 = step.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / step.len() as f64;
            10.0 * (energy / 32_768f64.powi(2)).max(1e-10).log10()
        })
        .collect()
}

/// The share of [from, to) in milliseconds in which somebody speaks.
pub fn speaking(channel: &[i16], from_ms: i64, to_ms: i64) -> f64 {
    let levels = levels(channel);
    let range = (from_ms.max(0) as usize / STEP_MS).min(levels.len())..(to_ms.max(0) as usize / STEP_MS).min(levels.len());
    let count = range.len().max(1);
    levels[range].iter().filter(|level| **level > SPEECH_DBFS).count() as f64 / count as f64
}

/// Milliseconds at which somebody begins to speak after at least 200 ms of quiet.
pub fn onsets(channel: &[i16]) -> Vec<i64> {
    let levels = levels(channel);
    let quiet = 200 / STEP_MS;
    (quiet..levels.len())
        .filter(|at| levels[*at] > SPEECH_DBFS && levels[at - quiet..*at].iter().all(|level| *level <= SPEECH_DBFS))
        .map(|at| (at * STEP_MS) as i64)
        .collect()
}

/// The first moment from `from_ms` on after which the channel is quiet for `for_ms`.
pub fn quiet_from(channel: &[i16], from_ms: i64, for_ms: i64) -> Option<i64> {
    let levels = levels(channel);
    let steps = for_ms as usize / STEP_MS;
    (from_ms as usize / STEP_MS..levels.len().saturating_sub(steps))
        .find(|at| levels[*at..at + steps].iter().all(|level| *level <= SPEECH_DBFS))
        .map(|at| (at * STEP_MS) as i64)
}
