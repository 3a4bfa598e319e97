//! What early media sounds like, which is heard before the answer: ringback, or somebody who says something. Pure, a frame at a time.
//!
//! Ringback is one or two tones between 400 and 480 Hz all over the world (ITU-T E.180, supplement 2): 425 in Europe, 440 and 480
//! in North America, 400 and 450 in Britain. Busy and congestion tones lie there too or at 480 and 620. Anything else that is not
//! quiet is an announcement, or music.

use std::f32::consts::PI;

use offhook_types::audio::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE, level_dbfs};

/// Quieter than this is silence.
const QUIET_DBFS: f32 = -50.0;
/// Filters 50 Hz apart, over a window of 20 ms: together they hold what lies between two of them.
const BAND_HZ: [f32; 5] = [350.0, 400.0, 450.0, 500.0, 600.0];
/// Share of a frame's energy in the band that makes it a tone.
const SHARE: f32 = 0.8;
/// A tone of an exchange lasts at least so long; a vowel does not hold that pitch.
const SHORTEST_TONE: u32 = 10;
/// So much that is neither tone nor silence is somebody who speaks.
const SHORTEST_WORDS: u32 = 25;

/// Counts the kinds of sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EarlySound {
    /// Frames in all.
    frames: u32,
    /// Of them, in tones that were long enough.
    tone: u32,
    /// Of them, neither tone nor silence.
    other: u32,
    /// Of the tone that goes on.
    current: u32,
}

/// What it was, on the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing was heard.
    Silence,
    /// The tones of an exchange.
    Tones,
    /// Words or music, with or without tones.
    Announcement,
}

impl Kind {
    /// As events name it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Silence => "silence",
            Kind::Tones => "tones",
            Kind::Announcement => "announcement",
        }
    }
}

impl EarlySound {
    /// Takes the next frame.
    pub fn hear(&mut self, frame: &Frame) {
        self.frames += 1;
        if level_dbfs(frame) < QUIET_DBFS {
            self.current = 0;
        } else if is_tone(frame) {
            self.current += 1;
            match self.current.cmp(&SHORTEST_TONE) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.tone += SHORTEST_TONE,
                std::cmp::Ordering::Greater => self.tone += 1,
            }
        } else {
            self.other += 1 + if self.current < SHORTEST_TONE { self.current } else { 0 };
            self.current = 0;
        }
    }

    /// How long it lasted, in milliseconds.
    pub fn lasted_ms(&self) -> u64 {
        u64::from(self.frames) * FRAME_MS
    }

    /// What it was. The edges of tones are neither tone nor silence, so a little of that is nothing.
    pub fn kind(&self) -> Kind {
        if self.other >= SHORTEST_WORDS + self.tone / 10 {
            Kind::Announcement
        } else if self.tone > 0 {
            Kind::Tones
        } else {
            Kind::Silence
        }
    }
}

fn is_tone(frame: &Frame) -> bool {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    let held: f32 = BAND_HZ.iter().map(|hz| power(frame, *hz)).sum();
    2.0 * held >= SHARE * energy * FRAME_SAMPLES as f32
}

/// |Σ x·e^(−iωn)|² (Goertzel).
fn power(frame: &Frame, hz: f32) -> f32 {
    let turn = 2.0 * (2.0 * PI * hz / SAMPLE_RATE as f32).cos();
    let (mut last, mut before) = (0f32, 0f32);
    for sample in frame {
        (last, before) = (f32::from(*sample) + turn * last - before, last);
    }
    last * last + before * before - turn * last * before
}

#[cfg(test)]
mod tests {
    use offhook_test_sounds::{at_level, mix, music, repeat, silence, speech, telephone, tones, white_noise};

    use super::*;

    fn kind(sound: &[i16]) -> Kind {
        let mut early = EarlySound::default();
        sound.as_chunks::<FRAME_SAMPLES>().0.iter().for_each(|frame| early.hear(frame));
        early.kind()
    }

    #[test]
    fn ringback_of_all_countries_is_tones_and_words_are_not() {
        let cadence = |hz: &[f32], on, off| {
            let sound = repeat(&[silence(307), tones(hz, on, -20.0), silence(off)].concat(), 12 * 16_000);
            telephone(&mix(&sound, &white_noise(sound.len(), -58.0, 1)))
        };
        for (hz, on, off) in [
            (&[425.0f32][..], 1000, 3700),
            (&[440.0], 1500, 3200),
            (&[440.0, 480.0], 2000, 3700),
            (&[400.0, 450.0], 400, 100),
            (&[425.0], 480, 180),
        ] {
            assert_eq!(kind(&cadence(hz, on, off)), Kind::Tones, "{hz:?}");
        }
        for (voice, text) in [
            ("en+f2", "The number you have dialled is not in service. Please check the number."),
            ("de+m3", "Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar."),
        ] {
            let words = at_level(&speech(voice, text), -20.0);
            assert_eq!(kind(&telephone(&words)), Kind::Announcement, "{voice}");
            assert_eq!(kind(&[cadence(&[425.0], 1000, 3700), words].concat()), Kind::Announcement, "ringback, then {voice}");
        }
        assert_eq!(kind(&music(5, 1)), Kind::Announcement);
        assert_eq!(kind(&white_noise(80_000, -60.0, 1)), Kind::Silence);
        assert_eq!(kind(&[]), Kind::Silence);
    }
}
