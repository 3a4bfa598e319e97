//! Whether a sound can be the spoken text at all: its length and its level. Pure. (Whether it is noise: `noise`.)

use offhook_types::audio::{SAMPLE_RATE, level_dbfs};

/// Milliseconds a letter or digit takes at least and at most. Voices speak 12 to 20 letters a second, espeak 9 to 40.
const SHORTEST_LETTER_MS: usize = 20;
const LONGEST_LETTER_MS: usize = 180;
/// What a voice may add around the words: silence, a breath.
const AROUND_MS: usize = 3_000;
/// Fewer letters than this ("Yes.", "Um 8?") may be as short as they like.
const FEW_LETTERS: usize = 10;
/// The loudest 100 ms of a voice are louder than this, dBFS.
const SILENT: f32 = -55.0;
/// Why a sound is not the text.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Implausible {
    /// Far too short.
    #[error("{ms} ms of sound for {letters} letters")]
    TooShort {
        /// Length of the sound.
        ms: usize,
        /// Letters and digits of the text.
        letters: usize,
    },
    /// Far too long.
    #[error("more than {ms} ms of sound for {letters} letters")]
    TooLong {
        /// Length of the sound.
        ms: usize,
        /// Letters and digits of the text.
        letters: usize,
    },
    /// Nothing to be heard.
    #[error("silence: the loudest of it has {0} dBFS")]
    Silent(i32),
}

/// The lengths in which a text can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    letters: usize,
}

impl Bounds {
    /// Of a text as it is given to the voice: numbers in words.
    pub fn of(text: &str) -> Self {
        Bounds { letters: text.chars().filter(|c| c.is_alphanumeric()).count() }
    }

    /// Whether so many samples (16 kHz) are too many already.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn check_longest(self, samples: usize) -> Result<(), Implausible> {
        let most = self.letters * LONGEST_LETTER_MS + AROUND_MS;
        let ms = samples / (SAMPLE_RATE as usize / 1000);
        if ms > most { Err(Implausible::TooLong { ms: most, letters: self.letters }) } else { Ok(()) }
    }

    /// Checks the whole sound (16 kHz) of the text.
    ///
    /// # Errors
    /// [`Implausible`].
    pub fn check(self, sound: &[i16]) -> Result<(), Implausible> {
        self.check_longest(sound.len())?;
        let (ms, letters) = (sound.len() / (SAMPLE_RATE as usize / 1000), self.letters);
        if letters >= FEW_LETTERS && ms < letters * SHORTEST_LETTER_MS {
            return Err(Implausible::TooShort { ms, letters });
        }
        let loudest = sound.chunks(SAMPLE_RATE as usize / 10).map(level_dbfs).fold(-100.0, f32::max);
        if loudest < SILENT { Err(Implausible::Silent(loudest as i32)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
