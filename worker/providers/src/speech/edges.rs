//! The silence around a sentence, taken off: many voices begin after 300 ms and end after 800 (Kokoro, Azure). The callee waits for the first
//! of it each time, and the second makes them answer into our turn. Pure; 16 kHz.

use offhook_types::audio::{SAMPLE_RATE, level_dbfs};

/// A stretch that is looked at, ms.
const STRETCH: usize = SAMPLE_RATE as usize / 100;
/// Quieter than this is silence, dBFS: the hiss of a voice without words. The softest sounds of speech have some −50.
const SILENT: f32 = -58.0;
/// What stays before the first sound, and the pause that stays behind the last one, in samples.
const BEFORE: usize = SAMPLE_RATE as usize * 50 / 1000;
const BEHIND: usize = SAMPLE_RATE as usize * 250 / 1000;

/// Takes a sound in pieces.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// Something was to be heard.
    begun: bool,
    /// Silence that may be an edge.
    held: Vec<i16>,
    /// Less than a stretch.
    rest: Vec<i16>,
}

impl Edges {
    /// Takes the next samples; returns what is known not to be an edge. Silence between words is returned with what follows it.
    pub(super) fn push(&mut self, sound: &[i16]) -> Vec<i16> {
        self.rest.extend_from_slice(sound);
        let whole = self.rest.len() - self.rest.len() % STRETCH;
        let stretches: Vec<i16> = self.rest.drain(..whole).collect();
        let mut given = Vec::with_capacity(whole);
        for stretch in stretches.chunks(STRETCH) {
            self.take(stretch, &mut given);
        }
        given
    }

    /// Ends the sound; returns the rest of it.
    pub(super) fn finish(mut self) -> Vec<i16> {
        let (mut given, rest) = (Vec::new(), std::mem::take(&mut self.rest));
        self.take(&rest, &mut given);
        if self.begun {
            self.held.truncate(BEHIND);
            given.append(&mut self.held);
        }
        given
    }

    fn take(&mut self, stretch: &[i16], given: &mut Vec<i16>) {
        if stretch.is_empty() {
            return;
        }
        if level_dbfs(stretch) < SILENT {
            self.held.extend_from_slice(stretch);
            if !self.begun {
                self.held.drain(..self.held.len().saturating_sub(BEFORE));
            }
            return;
        }
        self.begun = true;
        given.append(&mut self.held);
        given.extend_from_slice(stretch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(ms: usize) -> Vec<i16> {
        (0..ms * 16).map(|i| ((i as f32 * 0.3).sin() * 6000.0) as i16).collect()
    }

    fn hiss(ms: usize) -> Vec<i16> {
        (0..ms * 16).map(|i| (i * 7919 % 31) as i16 - 15).collect()
    }

    #[test]
    fn silence_around_a_sentence_goes_and_pauses_within_it_stay_however_it_is_cut() {
        let sound = [hiss(320), tone(500), hiss(400), tone(300), hiss(800)].concat();
        let wanted = sound[270 * 16..(320 + 500 + 400 + 300 + 250) * 16].to_vec();
        for piece in [1, 100, 160, 999, sound.len()] {
            let mut edges = Edges::default();
            let mut given: Vec<i16> = sound.chunks(piece).flat_map(|piece| edges.push(piece)).collect();
            given.extend(edges.finish());
            assert!(given == wanted, "{} of {} samples in pieces of {piece}", given.len(), wanted.len());
        }
    }

    #[test]
    fn a_sound_without_silence_is_left_as_it_is_and_comes_at_once() {
        let sound = tone(105);
        let mut edges = Edges::default();
        assert_eq!(edges.push(&sound).len(), 100 * 16);
        assert_eq!(edges.finish().len(), 5 * 16);
        let mut silent = Edges::default();
        assert!(silent.push(&hiss(2000)).is_empty() && silent.finish().is_empty());
    }
}
