//! The one shape of sound inside the worker: mono, 16 kHz, signed 16 bit, frames of 20 ms.

use serde::{Deserialize, Serialize};

/// Samples a second of all sound between codec and recogniser, voice and codec.
pub const SAMPLE_RATE: u32 = 16_000;
/// Samples in a frame.
pub const FRAME_SAMPLES: usize = 320;
/// Length of a frame in milliseconds; the tick of the media clock.
pub const FRAME_MS: u64 = 20;

/// 20 ms of sound.
pub type Frame = [i16; FRAME_SAMPLES];

/// Silence of one frame.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];

/// Milliseconds on the media clock: 0 is the recording's first sample, which is the first tick after the answer, or of the early
/// media before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub struct MediaTime(pub u64);

impl MediaTime {
    /// Milliseconds from `earlier` to `self`; 0 where `earlier` is later.
    pub fn since(self, earlier: MediaTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Root mean square level in dBFS (0 is a full-scale square wave); −100 for digital silence or nothing.
pub fn level_dbfs(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return -100.0;
    }
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let rms = (energy / samples.len() as f64).sqrt() / 32_768.0;
    if rms < 1e-5 { -100.0 } else { (20.0 * rms.log10()) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_a_meter_would_show() {
        assert_eq!(level_dbfs(&[]), -100.0);
        assert_eq!(level_dbfs(&SILENCE), -100.0);
        assert!((level_dbfs(&[i16::MIN; 320]) - 0.0).abs() < 0.01);
        assert!((level_dbfs(&[3277; 320]) + 20.0).abs() < 0.01);
    }
}
