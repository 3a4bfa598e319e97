//! Utterances from probabilities: where speech starts, and when a pause is long enough to be the end of a turn.
//!
//! Pure: one probability per 32 ms window in, verdicts out; time is the caller's.

use offhook_types::audio::MediaTime;

use super::silero::WINDOW_MS;

/// When speech begins and ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointingConfig {
    /// A window counts as speech from this probability on. 0 to 1.
    pub speech_from: f32,
    /// A window counts as silence below this probability; between the two nothing changes (hysteresis). 0 to 1.
    pub silence_below: f32,
    /// Speech shorter than this is none: the start is confirmed after so many milliseconds of windows that count as speech.
    /// Short enough for barge-in, long enough for clicks.
    pub minimum_speech_ms: u64,
    /// So much silence ends a turn, milliseconds.
    pub end_silence_ms: u64,
    /// From this length on (milliseconds) a breath is enough to end the utterance, so that it is not cut within a word later.
    pub long_speech_ms: u64,
    /// That breath, milliseconds.
    pub long_speech_silence_ms: u64,
    /// An utterance is ended here, whatever is being said; what follows is the next one. Milliseconds.
    pub maximum_speech_ms: u64,
}

impl Default for EndpointingConfig {
    fn default() -> Self {
        EndpointingConfig {
            speech_from: 0.5,
            silence_below: 0.35,
            minimum_speech_ms: 2 * WINDOW_MS,
            end_silence_ms: 600,
            long_speech_ms: 12_000,
            long_speech_silence_ms: 160,
            maximum_speech_ms: 15_000,
        }
    }
}

/// What the endpointer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Speech is confirmed.
    Started {
        /// Where it began: the first window of it.
        at: MediaTime,
    },
    /// The turn is over. Follows each `Started` exactly once.
    Ended {
        /// Where it began.
        started: MediaTime,
        /// Where the last speech ended, not where the pause was long enough.
        ended: MediaTime,
        /// Cut at the maximum, within speech.
        cut: bool,
    },
}

/// The state between windows.
#[derive(Debug)]
pub struct Endpointer {
    config: EndpointingConfig,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Quiet,
    /// Speech since `started`, of which `speech_ms` were counted; `misses` windows in a row were not.
    Perhaps {
        started: MediaTime,
        speech_ms: u64,
        misses: u32,
    },
    /// Speech, with silence since the end of the last window of speech where `silent`.
    Speaking {
        started: MediaTime,
        last_speech: MediaTime,
        silent: bool,
    },
}

impl Endpointer {
    /// Returns an endpointer that has heard nothing yet.
    pub fn new(config: EndpointingConfig) -> Self {
        Endpointer { config, state: State::Quiet }
    }

    /// Whether confirmed speech is going on.
    pub fn speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// Takes the probability of the window that begins `at` and lasts 32 ms. Returns what it decides.
    pub fn window(&mut self, at: MediaTime, probability: f32) -> Option<Verdict> {
        let end = MediaTime(at.0 + WINDOW_MS);
        let speech = probability >= self.config.speech_from;
        match self.state {
            State::Quiet if speech => self.count(at, 0),
            State::Quiet => None,
            State::Perhaps { started, speech_ms, .. } if speech => self.count(started, speech_ms),
            State::Perhaps { started, speech_ms, misses } => {
                // One weak window between two strong ones is a stop consonant; two, or a clearly silent one, are the end.
                let over = misses > 0 || probability < self.config.silence_below;
                self.state = if over { State::Quiet } else { State::Perhaps { started, speech_ms, misses: 1 } };
                None
            }
            State::Speaking { started, last_speech, silent } => {
                let silent = !speech && (silent || probability < self.config.silence_below);
                let last_speech = if silent { last_speech } else { end };
                self.state = State::Speaking { started, last_speech, silent };
                self.end_of_turn(started, last_speech, end)
            }
        }
        .or_else(|| self.confirm(end))
    }

    /// Ends the turn that is going on, however short the pause. Returns it, if there was one.
    pub fn flush(&mut self) -> Option<Verdict> {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Speaking { started, last_speech, .. } => Some(Verdict::Ended { started, ended: last_speech, cut: false }),
            State::Quiet | State::Perhaps { .. } => None,
        }
    }

    fn count(&mut self, started: MediaTime, speech_ms: u64) -> Option<Verdict> {
        self.state = State::Perhaps { started, speech_ms: speech_ms + WINDOW_MS, misses: 0 };
        None
    }

    fn confirm(&mut self, end: MediaTime) -> Option<Verdict> {
        match self.state {
            State::Perhaps { started, speech_ms, .. } if speech_ms >= self.config.minimum_speech_ms => {
                self.state = State::Speaking { started, last_speech: end, silent: false };
                Some(Verdict::Started { at: started })
            }
            _ => None,
        }
    }

    fn end_of_turn(&mut self, started: MediaTime, last_speech: MediaTime, now: MediaTime) -> Option<Verdict> {
        let config = &self.config;
        let long = last_speech.since(started) >= config.long_speech_ms;
        let enough = if long { config.long_speech_silence_ms.min(config.end_silence_ms) } else { config.end_silence_ms };
        let pause = now.since(last_speech);
        let cut = now.since(started) >= config.maximum_speech_ms;
        if pause < enough && !cut {
            return None;
        }
        self.state = State::Quiet;
        Some(Verdict::Ended { started, ended: last_speech, cut: cut && pause == 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds probabilities, one per window; gives the verdicts with the time at which each came.
    fn run(config: EndpointingConfig, probabilities: &[f32]) -> Vec<(u64, Verdict)> {
        let mut endpointer = Endpointer::new(config);
        let windows = probabilities.iter().enumerate().map(|(i, p)| (i as u64 * WINDOW_MS, *p));
        windows.filter_map(|(at, p)| endpointer.window(MediaTime(at), p).map(|verdict| (at + WINDOW_MS, verdict))).collect()
    }

    fn speech(windows: usize) -> Vec<f32> {
        vec![0.9; windows]
    }

    fn silence(windows: usize) -> Vec<f32> {
        vec![0.05; windows]
    }

    #[test]
    fn a_turn_starts_after_two_windows_and_ends_after_the_pause() {
        let found = run(EndpointingConfig::default(), &[silence(3), speech(10), silence(40)].concat());
        let started = MediaTime(3 * 32);
        let ended = MediaTime(13 * 32);
        assert_eq!(found[0], (5 * 32, Verdict::Started { at: started }));
        assert_eq!(found[1].1, Verdict::Ended { started, ended, cut: false });
        assert!((600..632).contains(&(found[1].0 - ended.0)), "the turn ends {} ms after its last sound", found[1].0 - ended.0);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_click_is_no_speech() {
        let click = [silence(2), speech(1), silence(2), speech(1), silence(30)].concat();
        assert_eq!(run(EndpointingConfig::default(), &click), []);
    }

    #[test]
    fn a_weak_window_at_the_start_does_not_delay_for_long() {
        let found = run(EndpointingConfig::default(), &[0.6, 0.4, 0.8, 0.9]);
        assert_eq!(found, [(96, Verdict::Started { at: MediaTime(0) })]);
        assert_eq!(run(EndpointingConfig::default(), &[0.6, 0.4, 0.4, 0.8, 0.1]), []);
    }

    #[test]
    fn a_pause_within_the_turn_does_not_end_it() {
        let found = run(EndpointingConfig::default(), &[speech(10), silence(17), speech(10), silence(30)].concat());
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].1, Verdict::Ended { started: MediaTime(0), ended: MediaTime(37 * 32), cut: false });
    }

    #[test]
    fn doubtful_windows_keep_what_was() {
        let doubt = vec![0.42; 40];
        // After speech they go on as speech; after silence they do not bring speech back.
        assert_eq!(run(EndpointingConfig::default(), &[speech(5), doubt.clone()].concat()).len(), 1);
        assert_eq!(run(EndpointingConfig::default(), &[speech(5), silence(1), doubt.clone()].concat()).len(), 2);
        assert_eq!(run(EndpointingConfig::default(), &doubt), []);
    }

    #[test]
    fn a_speech_without_end_is_cut_and_goes_on_as_the_next_utterance() {
        let found = run(EndpointingConfig::default(), &speech(1000));
        let Verdict::Ended { started, ended, cut } = found[1].1 else { panic!("{found:?}") };
        assert!(cut && ended.since(started) >= 15_000 && ended.since(started) < 15_000 + 2 * WINDOW_MS);
        assert_eq!(found[2].1, Verdict::Started { at: ended }, "no sound is lost between the two");
        assert_eq!(found.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Ended { .. })).count(), 2);
    }

    #[test]
    fn after_a_long_speech_a_breath_is_enough() {
        let found = run(EndpointingConfig::default(), &[speech(400), silence(6), speech(100)].concat());
        assert_eq!(found[1].1, Verdict::Ended { started: MediaTime(0), ended: MediaTime(400 * 32), cut: false });
        assert!(matches!(found[2].1, Verdict::Started { at: MediaTime(at) } if at == 406 * 32));
    }

    #[test]
    fn whatever_comes_starts_and_ends_alternate() {
        use rand::{RngExt, SeedableRng, rngs::StdRng};
        let mut random = StdRng::seed_from_u64(7);
        let probabilities: Vec<f32> = (0..200_000).map(|_| random.random::<f32>()).collect();
        let mut open = false;
        for (_, verdict) in run(EndpointingConfig::default(), &probabilities) {
            assert_eq!(open, matches!(verdict, Verdict::Ended { .. }));
            open = !open;
        }
    }
}
