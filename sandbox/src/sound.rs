//! Sound as the sandbox handles it: mono, signed 16 bit, at a named rate; WAV files, resampling, and a telephone line.

pub mod line;
pub mod resample;
pub mod wav;

/// Mono sound at a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Samples, mono, signed 16 bit.
    pub samples: Vec<i16>,
    /// Samples a second, Hz.
    pub rate: u32,
}

impl Sound {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate.max(1))
    }
}

/// Samples of full scale ±1 as signed 16 bit, clipped.
pub fn to_i16(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// Signed 16 bit as full scale ±1.
pub fn to_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

/// Signed 16 bit as little-endian bytes, as `pcm` and WAV carry it.
pub fn to_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}
