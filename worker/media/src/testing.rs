//! Signals and meters for the tests of this room.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use offhook_types::audio::{FRAME_SAMPLES, level_dbfs};
use ogg::PacketReader;

/// A sine of `count` samples at `rate` Hz.
pub fn sine(frequency: f64, amplitude: f64, rate: u32, count: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..count).map(|index| ((index as f64 * step).sin() * amplitude).round() as i16).collect()
}

/// The level of one frequency in the sound, as the RMS of that sine in dBFS (Goertzel).
pub fn tone_dbfs(samples: &[i16], frequency: f64, rate: u32) -> f32 {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let angle = index as f64 * step;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let amplitude = 2.0 * (real * real + imaginary * imaginary).sqrt() / samples.len() as f64;
    (20.0 * (amplitude / std::f64::consts::SQRT_2 / 32_768.0).max(1e-6).log10()) as f32
}

/// The share of the sound's power that lies in this tone, 0 to 1.
pub fn purity(samples: &[i16], frequency: f64) -> f32 {
    10f32.powf((tone_dbfs(samples, frequency, 16_000) - level_dbfs(samples)) / 10.0)
}

/// Plays a file as RFC 7845 says: left and right at 16 kHz.
pub fn played(bytes: &[u8]) -> (Vec<i16>, Vec<i16>) {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let head = packets.read_packet().expect("a recording of ours").expect("a recording of ours").data;
    assert_eq!((&head[..10], head.len()), (&b"OpusHead\x01\x02"[..], 19));
    assert_eq!(u32::from_le_bytes(head[12..16].try_into().expect("a recording of ours")), 16_000);
    let pre_skip = usize::from(u16::from_le_bytes([head[10], head[11]]));
    assert!(packets.read_packet().expect("a recording of ours").expect("a recording of ours").data.starts_with(b"OpusTags"));

    let mut decoder = opus::Decoder::new(16_000, opus::Channels::Stereo).expect("a recording of ours");
    let (mut sound, mut position) = (Vec::new(), 0);
    while let Ok(Some(packet)) = packets.read_packet() {
        let mut buffer = [0; 2 * FRAME_SAMPLES];
        assert_eq!(decoder.decode(&packet.data, &mut buffer, false).expect("a recording of ours"), FRAME_SAMPLES);
        sound.extend_from_slice(&buffer);
        position = packet.absgp_page();
    }
    sound.truncate(2 * position as usize / 3);
    sound.drain(..(2 * pre_skip / 3).min(sound.len()));
    let channel = |offset: usize| sound.iter().skip(offset).step_by(2).copied().collect();
    (channel(0), channel(1))
}

/// An empty folder that goes when the test does.
pub struct Folder(PathBuf);

impl Folder {
    /// For the test of this name.
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("offhook-media-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        Folder(folder)
    }

    /// A file in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
