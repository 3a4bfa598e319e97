//! Loud speech is made softer for the voice activity detector, which loses low voices on lines without their fundamental where they are
//! loud: of the windows of speech behind a steep filter at 300 Hz it finds 90 % at −6 dBFS and 96 % at −20 (docs/hearing.md).
//!
//! Pure: one window in, the same window out, its level at most [`LOUDEST`] in the long run. Soft sound is left as it is: amplified noise
//! and far talkers would be found more often, and the near talker is told by what the line carried.

use super::silero::{WINDOW, WINDOW_MS};

/// Above this level, dBFS, sound is attenuated.
const LOUDEST: f32 = -22.0;
/// The share of a rise that the level follows in a window: a tenth of a second.
const RISES: f32 = 0.3;
/// How the level falls where it is softer, dB a second: a pause between two sentences changes little.
const FALLS: f32 = 1.0;

/// The gain of one call.
#[derive(Debug, Clone)]
pub struct Attenuator {
    /// dBFS.
    level: f32,
    /// Of the window before, as a factor.
    gain: f32,
}

impl Default for Attenuator {
    fn default() -> Self {
        Attenuator { level: LOUDEST, gain: 1.0 }
    }
}

impl Attenuator {
    /// Returns the window from −1 to 1, attenuated where the line is loud. The gain glides within the window: a step is a click.
    pub fn attenuated(&mut self, window: &[i16; WINDOW]) -> [f32; WINDOW] {
        let mut sound = window.map(|sample| f32::from(sample) / 32_768.0);
        let energy: f32 = sound.iter().map(|sample| sample * sample).sum();
        let level = 10.0 * (energy / WINDOW as f32).max(1e-10).log10();
        self.level = if level > self.level {
            self.level + RISES * (level - self.level)
        } else {
            (self.level - FALLS * WINDOW_MS as f32 / 1000.0).max(LOUDEST)
        };
        let (from, to) = (self.gain, 10f32.powf((LOUDEST - self.level).min(0.0) / 20.0));
        for (i, sample) in sound.iter_mut().enumerate() {
            *sample *= from + (to - from) * (i + 1) as f32 / WINDOW as f32;
        }
        self.gain = to;
        sound
    }
}

#[cfg(test)]
mod tests {
    use offhook_test_sounds::{a_law, at_level, high_pass, pad, speech_at_pitch};

    use super::*;
    use crate::silero::Silero;

    fn heard(attenuator: &mut Attenuator, amplitude: i16, windows: usize) -> [f32; WINDOW] {
        (0..windows).map(|_| attenuator.attenuated(&[amplitude; WINDOW])).last().expect("at least one window")
    }

    #[test]
    fn soft_sound_is_left_as_it_is() {
        for amplitude in [0, 1, 300, 2_600] {
            assert_eq!(heard(&mut Attenuator::default(), amplitude, 50), [f32::from(amplitude) / 32_768.0; WINDOW]);
        }
    }

    #[test]
    fn loud_sound_is_attenuated_within_half_a_second_and_without_a_step() {
        let mut attenuator = Attenuator::default();
        let mut last = 32_767.0 / 32_768.0;
        for _ in 0..16 {
            for sample in attenuator.attenuated(&[32_767; WINDOW]) {
                assert!((sample - last).abs() < 0.002, "a step from {last} to {sample}");
                last = sample;
            }
        }
        assert!((20.0 * last.log10() - LOUDEST).abs() < 0.5, "{last}");
    }

    #[test]
    fn a_shout_does_not_make_the_next_sentence_inaudible() {
        let mut attenuator = Attenuator::default();
        heard(&mut attenuator, 32_767, 20);
        // −28 dBFS is heard at −50 at worst, which the detector hears well; half a minute later as it is.
        let soft = 20.0 * heard(&mut attenuator, 1_300, 1)[WINDOW - 1].log10();
        assert!(soft > -51.0, "{soft}");
        assert_eq!(heard(&mut attenuator, 1_300, 30_000 / 32)[0], 1_300.0 / 32_768.0);
    }

    #[test]
    fn a_low_voice_behind_a_steep_filter_is_found_as_well_where_it_is_loud() {
        let voices = [
            ("en-us+m1", 0, "Good evening, Golden Lion, how may I help you? Yes, we have a table for four at half past seven."),
            (
                "de+m7",
                15,
                "Guten Abend, Gasthaus zum goldenen Löwen. Ja, um halb acht haben wir noch einen Tisch für vier Personen.",
            ),
            ("nl+m1", 0, "Goedenavond, restaurant De Gouden Leeuw. Ja, we hebben om half acht nog een tafel voor vier personen."),
        ];
        let mut found = [0; 2];
        for (voice, pitch, text) in voices {
            let sound = high_pass(&pad(&speech_at_pitch(voice, pitch, text), 320, 640), 300.0, 20);
            for (found, dbfs) in found.iter_mut().zip([-20.0, -8.0]) {
                let (mut attenuator, mut silero) = (Attenuator::default(), Silero::new());
                let line = a_law(&at_level(&sound, dbfs));
                let windows = line.as_chunks::<WINDOW>().0.iter();
                *found += windows.filter(|window| silero.probability(&attenuator.attenuated(window)) >= 0.5).count();
            }
        }
        let [usual, loud] = found;
        println!("windows found at −20 dBFS: {usual}, at −8: {loud}");
        assert!(loud * 100 >= usual * 88, "{usual} windows are found at −20 dBFS, {loud} at −8");
    }
}
