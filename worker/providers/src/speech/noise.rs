//! Bytes that are no samples, told by how they would sound. Pure; at the voice's own rate, for a resampler relates the samples.
//!
//! Compressed sound, floats or big-endian samples read as 16 bit PCM are noise as loud as can be: each value is as likely as any other
//! and knows nothing of the one before it. Speech is neither: a sample is close to the one before it but in fricatives, and those are
//! 15 dB below the vowels, which are not that loud themselves.

use offhook_types::audio::level_dbfs;

/// How much is listened to before anything is let go, ms. A burst of 20 ms is a click, of 100 ms it hurts.
const LISTEN_MS: usize = 100;
/// Loud noise is louder than this, dBFS. Random values have −5.
const LOUD: f32 = -9.0;
/// Correlation of a sample with the next. White noise has 0, fricatives −0.5 to 0.3, vowels 0.8 and more at 8 kHz.
const RELATED: f64 = 0.4;
/// Length of a stretch, ms.
const STRETCH_MS: usize = 50;
/// A stretch is looked at for a voice where it is within so many dB of the loudest one.
const ACTIVE_DB: f32 = 30.0;
/// Stretches that must be looked at before a sound is called noise: less is a consonant.
const ENOUGH: usize = 8;
/// Share of stretches with related samples, in any speech.
const VOICED: f32 = 0.1;

/// Listens to a voice.
#[derive(Debug, Clone)]
pub(super) struct NoiseDetector {
    rate: usize,
    beginning: Vec<i16>,
    loud: Option<bool>,
    stretch: Vec<i16>,
    /// Level and correlation of each.
    stretches: Vec<(f32, f64)>,
}

impl NoiseDetector {
    /// For samples at a rate in Hz.
    pub(super) fn new(rate: u32) -> Self {
        NoiseDetector { rate: rate as usize, beginning: Vec::new(), loud: None, stretch: Vec::new(), stretches: Vec::new() }
    }

    /// The rate is another one from here on.
    pub(super) fn at_rate(&mut self, rate: u32) {
        self.rate = rate as usize;
        self.stretch.clear();
    }

    /// Takes samples.
    pub(super) fn listen(&mut self, samples: &[i16]) {
        let wanted = (self.rate * LISTEN_MS / 1000).saturating_sub(self.beginning.len());
        self.beginning.extend_from_slice(&samples[..samples.len().min(wanted)]);
        if self.loud.is_none() && samples.len() >= wanted {
            self.loud = Some(level_dbfs(&self.beginning) > LOUD && correlation(&self.beginning).abs() < RELATED);
        }
        let length = (self.rate * STRETCH_MS / 1000).max(1);
        for sample in samples {
            self.stretch.push(*sample);
            if self.stretch.len() >= length {
                self.stretches.push((level_dbfs(&self.stretch), correlation(&self.stretch)));
                self.stretch.clear();
            }
        }
    }

    /// Whether it begins with loud noise; `None` while not enough was heard.
    pub(super) fn begins_loud(&self) -> Option<bool> {
        self.loud
    }

    /// Whether hardly any of the loud stretches has anything of a voice.
    pub(super) fn is_noise(&self) -> bool {
        let loudest = self.stretches.iter().map(|(level, _)| *level).fold(-100.0, f32::max);
        let active = self.stretches.iter().filter(|(level, _)| *level > loudest - ACTIVE_DB);
        let (all, related) =
            active.fold((0, 0), |(all, related), (_, correlation)| (all + 1, related + usize::from(*correlation > RELATED)));
        all >= ENOUGH && (related as f32) < VOICED * all as f32
    }
}

fn correlation(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let product: f64 = samples.windows(2).map(|pair| f64::from(pair[0]) * f64::from(pair[1])).sum();
    if energy == 0.0 { 1.0 } else { product / energy }
}
