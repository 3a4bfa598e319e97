//! Who holds the receiver is louder than a radio or another guest: speech far below the loudest talker of the call is not the callee's.
//!
//! Pure: one level per 32 ms window in. The level of the near talker is learned from the call, and forgotten slowly while only weaker
//! speech is heard, so that somebody who takes over and speaks softly, or farther from the receiver, is heard after some seconds.

use super::silero::WINDOW_MS;

/// Speech that begins so far below the near talker is somebody else's, dB. A host who turns away from the receiver is 10 dB softer.
const BEGINS_WITHIN: f32 = 13.0;
/// People let their sentences trail off: for [`TRAILS_OFF_MS`] after speech within [`BEGINS_WITHIN`], so far below is still theirs, dB.
const TRAILS_OFF_WITHIN: f32 = 16.0;
/// A radio that goes on after the host has ended does not hold their turn for longer, in ms.
const TRAILS_OFF_MS: u64 = 600;
/// So much speech has to be heard before anybody counts as the near talker, in ms.
const LEARNED_AFTER_MS: u64 = 600;
/// How the near talker's level follows louder and weaker windows of speech, as a share for each. Half a second upwards; downwards a
/// quarter of a minute: after one soft sentence of the host, a radio is as far below them as before.
const UP: f32 = 0.15;
const DOWN: f32 = 0.002;
/// How it falls while only weaker speech is heard, dB a second: somebody 16 dB softer who takes over is heard after ten seconds of
/// speech, a radio 20 dB below after half a minute of it.
const FORGETS: f32 = 0.3;
/// A window's level is the highest of so many: a stop consonant is no silence.
const HELD: usize = 6;

/// The gate of one call.
#[derive(Debug, Clone)]
pub struct NearTalker {
    /// dBFS.
    level: f32,
    heard_ms: u64,
    /// Since speech within [`BEGINS_WITHIN`].
    since_near_ms: u64,
    last: [f32; HELD],
    place: usize,
}

impl Default for NearTalker {
    fn default() -> Self {
        NearTalker { level: f32::NEG_INFINITY, heard_ms: 0, since_near_ms: 0, last: [f32::NEG_INFINITY; HELD], place: 0 }
    }
}

impl NearTalker {
    /// Takes a window and returns whether speech in it is the near talker's. `speech`: voice activity was detected in it; `speaking`:
    /// speech of the near talker is going on.
    pub fn admits(&mut self, samples: &[i16], speech: bool, speaking: bool) -> bool {
        self.last[self.place] = level(samples);
        self.place = (self.place + 1) % HELD;
        self.since_near_ms += WINDOW_MS;
        if !speech {
            return true;
        }
        let level = self.last.into_iter().fold(f32::NEG_INFINITY, f32::max);
        if level >= self.level - BEGINS_WITHIN {
            self.since_near_ms = 0;
        }
        let trails_off = speaking && self.since_near_ms < TRAILS_OFF_MS;
        let below = if trails_off { TRAILS_OFF_WITHIN } else { BEGINS_WITHIN };
        if self.heard_ms >= LEARNED_AFTER_MS && level < self.level - below {
            self.level -= FORGETS * WINDOW_MS as f32 / 1000.0;
            return false;
        }
        if self.heard_ms == 0 {
            self.level = level;
        } else {
            let share = if level > self.level { UP } else { DOWN };
            self.level += share * (level - self.level);
        }
        self.heard_ms += WINDOW_MS;
        true
    }
}

/// The level of the samples, dBFS.
fn level(samples: &[i16]) -> f32 {
    let energy: f32 = samples.iter().map(|sample| (f32::from(*sample) / 32_768.0).powi(2)).sum();
    10.0 * (energy / samples.len().max(1) as f32).max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of this level, dBFS.
    fn window(dbfs: f32) -> Vec<i16> {
        vec![(32_768.0 * 10f32.powf(dbfs / 20.0)) as i16; 512]
    }

    fn hear(gate: &mut NearTalker, dbfs: f32, seconds: f32, speaking: bool) -> f32 {
        let windows = (seconds * 1000.0) as u64 / WINDOW_MS;
        let admitted = (0..windows).filter(|_| gate.admits(&window(dbfs), true, speaking)).count();
        admitted as f32 / windows as f32
    }

    #[test]
    fn a_radio_far_below_the_host_is_not_heard_and_the_host_is() {
        for below in [20.0, 24.0, 30.0] {
            let mut gate = NearTalker::default();
            // The radio runs from the answer on; the host is heard all the same.
            hear(&mut gate, -22.0 - below, 2.0, false);
            assert_eq!(hear(&mut gate, -22.0, 1.5, false), 1.0);
            let radio = hear(&mut gate, -22.0 - below, 5.0, false);
            assert!(radio < 0.05, "{below} dB below: {radio} of it is heard");
            assert_eq!(hear(&mut gate, -25.0, 1.0, false), 1.0, "the host again");
        }
    }

    #[test]
    fn a_host_who_speaks_softer_or_moves_away_is_heard() {
        let mut gate = NearTalker::default();
        hear(&mut gate, -20.0, 3.0, false);
        assert_eq!(hear(&mut gate, -32.0, 2.0, false), 1.0, "12 dB softer");
        hear(&mut gate, -24.0, 0.5, true);
        assert_eq!(hear(&mut gate, -35.0, 0.5, true), 1.0, "a sentence that trails off");
    }

    #[test]
    fn a_radio_that_goes_on_does_not_hold_the_turn() {
        for below in [14.5, 15.0, 15.9] {
            let mut gate = NearTalker::default();
            hear(&mut gate, -20.0, 3.0, true);
            let windows = (0..60).filter(|_| gate.admits(&window(-20.0 - below), true, true)).count();
            // The last windows of the host, held; then as long as a sentence may trail off.
            assert!(windows as u64 * WINDOW_MS <= 6 * WINDOW_MS + TRAILS_OFF_MS, "{below} dB below: {windows} windows are heard");
        }
    }

    #[test]
    fn after_a_soft_sentence_of_the_host_a_radio_is_not_heard() {
        let mut gate = NearTalker::default();
        hear(&mut gate, -20.0, 3.0, false);
        hear(&mut gate, -30.0, 4.0, true);
        let radio = hear(&mut gate, -38.0, 5.0, false);
        assert!(radio < 0.05, "{radio} of a radio 18 dB below is heard");
    }

    #[test]
    fn somebody_softer_who_takes_over_is_heard_after_some_seconds() {
        let mut gate = NearTalker::default();
        hear(&mut gate, -18.0, 3.0, false);
        hear(&mut gate, -34.0, 11.0, false);
        assert_eq!(hear(&mut gate, -34.0, 2.0, false), 1.0);
    }

    #[test]
    fn the_first_talker_is_heard_whatever_their_level() {
        for dbfs in [-50.0, -35.0, -15.0] {
            assert_eq!(hear(&mut NearTalker::default(), dbfs, 2.0, false), 1.0);
        }
    }
}
