//! The queue of sentences to be spoken, and the truth about what was.

use std::collections::VecDeque;

use offhook_types::{
    audio::{FRAME_SAMPLES, Frame, MediaTime, SAMPLE_RATE, SILENCE},
    ids::SentenceId,
    playout::PlayoutEvent,
};

/// Samples over which `stop` fades: 40 ms.
const FADE: usize = 640;
/// Samples that may wait in all: two minutes, 3.8 MB.
const MOST_WAITING: usize = 120 * SAMPLE_RATE as usize;

/// The sound was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// `stop` came after the sentence was asked for.
    #[error("sentence {0:?} was stopped; what is left of it is dropped")]
    Stopped(SentenceId),
    /// More than two minutes wait.
    #[error("more than two minutes of sound wait to be spoken; what is too much is dropped")]
    Full,
}

/// Sentences in order, sample by sample. Pure: `frame` is called once a tick.
#[derive(Debug, Default)]
pub struct Playout {
    /// The first one is being played once it has started.
    queue: VecDeque<Sentence>,
    /// The last sentence that was queued; none of a lower or equal name is taken after `stop`.
    newest: Option<SentenceId>,
    stopped: Option<SentenceId>,
    /// The end of what was cut, to be faded out.
    fade: VecDeque<i16>,
    /// Cut, and not yet told.
    cut: Option<(SentenceId, f32)>,
    waiting: usize,
}

#[derive(Debug)]
struct Sentence {
    id: SentenceId,
    samples: Vec<i16>,
    played: usize,
    started: bool,
    complete: bool,
}

impl Playout {
    /// Appends sound to a sentence; `last` says that no more follows. A sentence not seen before is placed by its name among
    /// those that have not started.
    pub fn play(&mut self, id: SentenceId, samples: Vec<i16>, last: bool) -> Result<(), PlayError> {
        if self.stopped.is_some_and(|stopped| id <= stopped) {
            return Err(PlayError::Stopped(id));
        }
        let room = MOST_WAITING.saturating_sub(self.waiting);
        let result = if samples.len() > room { Err(PlayError::Full) } else { Ok(()) };
        let mut samples = samples;
        samples.truncate(room);
        self.waiting += samples.len();
        self.newest = self.newest.max(Some(id));
        match self.queue.iter_mut().find(|sentence| sentence.id == id) {
            Some(sentence) if sentence.complete => self.waiting -= samples.len(),
            Some(sentence) => {
                sentence.samples.append(&mut samples);
                sentence.complete = last;
            }
            None => {
                let place = self.queue.iter().position(|other| !other.started && other.id > id).unwrap_or(self.queue.len());
                self.queue.insert(place, Sentence { id, samples, played: 0, started: false, complete: last });
            }
        }
        result
    }

    /// Whether nothing waits and nothing fades.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.fade.is_empty()
    }

    /// Length of what waits, as far as it is known, in milliseconds.
    pub fn waiting_ms(&self) -> u64 {
        self.waiting as u64 * 1000 / u64::from(SAMPLE_RATE)
    }

    /// Empties the queue; what is being played fades out within 40 ms.
    pub fn stop(&mut self) {
        self.stopped = self.stopped.max(self.newest);
        if let Some(sentence) = self.queue.front().filter(|sentence| sentence.started) {
            let rest = sentence.samples[sentence.played..].iter().take(FADE);
            let gain = |index: usize| 1.0 - (index + 1) as f32 / FADE as f32;
            self.fade = rest.enumerate().map(|(index, sample)| (f32::from(*sample) * gain(index)) as i16).collect();
            self.cut = Some((sentence.id, sentence.share()));
        }
        self.queue.clear();
        self.waiting = 0;
    }

    /// The sound of this tick. `hold` plays nothing and moves nothing: nobody would hear it.
    pub fn frame(&mut self, at: MediaTime, hold: bool, events: &mut Vec<PlayoutEvent>) -> Frame {
        if let Some((sentence, share)) = self.cut.take() {
            events.push(PlayoutEvent::Cut { sentence, at, share });
        }
        let mut frame = SILENCE;
        if hold {
            self.fade.clear();
            return frame;
        }
        let mut filled = 0;
        while filled < FRAME_SAMPLES
            && let Some(sample) = self.fade.pop_front()
        {
            frame[filled] = sample;
            filled += 1;
        }
        while let Some(sentence) = self.queue.front_mut() {
            let rest = &sentence.samples[sentence.played..];
            let count = rest.len().min(FRAME_SAMPLES - filled);
            frame[filled..filled + count].copy_from_slice(&rest[..count]);
            if !sentence.started && (count > 0 || (rest.is_empty() && sentence.complete)) {
                sentence.started = true;
                events.push(PlayoutEvent::Started { sentence: sentence.id, at });
            }
            filled += count;
            sentence.played += count;
            self.waiting -= count;
            if !sentence.complete || sentence.played < sentence.samples.len() {
                break;
            }
            let end = MediaTime(at.0 + (filled as u64 * 1000).div_ceil(u64::from(SAMPLE_RATE)));
            events.push(PlayoutEvent::Played { sentence: sentence.id, at: end });
            self.queue.pop_front();
        }
        frame
    }
}

impl Sentence {
    fn share(&self) -> f32 {
        if self.samples.is_empty() { 0.0 } else { self.played as f32 / self.samples.len() as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> SentenceId {
        SentenceId { generation: 1, index }
    }

    fn run(playout: &mut Playout, ticks: std::ops::Range<u64>) -> (Vec<i16>, Vec<PlayoutEvent>) {
        let mut events = Vec::new();
        let sound = ticks.flat_map(|tick| playout.frame(MediaTime(tick * 20), false, &mut events)).collect();
        (sound, events)
    }

    #[test]
    fn chunks_append_and_sentences_follow_one_another_without_a_gap() {
        let mut playout = Playout::default();
        playout.play(id(0), vec![1; 400], false).unwrap_or_default();
        playout.play(id(1), vec![2; 320], true).unwrap_or_default();
        playout.play(id(0), vec![1; 80], true).unwrap_or_default();
        let (sound, events) = run(&mut playout, 0..4);
        assert_eq!(sound[..480], [1; 480]);
        assert_eq!(sound[480..800], [2; 320]);
        assert_eq!(sound[800..], [0; 480]);
        let expected = [
            PlayoutEvent::Started { sentence: id(0), at: MediaTime(0) },
            PlayoutEvent::Played { sentence: id(0), at: MediaTime(30) },
            PlayoutEvent::Started { sentence: id(1), at: MediaTime(20) },
            PlayoutEvent::Played { sentence: id(1), at: MediaTime(50) },
        ];
        assert_eq!(events, expected);
        assert_eq!(playout.waiting, 0);
    }

    #[test]
    fn a_sentence_whose_voice_came_early_waits_for_its_turn() {
        let mut playout = Playout::default();
        playout.play(id(0), vec![1; 320], false).unwrap_or_default();
        run(&mut playout, 0..1);
        playout.play(id(2), vec![3; 320], true).unwrap_or_default();
        playout.play(id(1), vec![2; 320], true).unwrap_or_default();
        let (stalled, events) = run(&mut playout, 1..3);
        assert_eq!((stalled, events), (vec![0; 640], vec![]), "the voice of the first stalled: silence, and no other sentence");
        playout.play(id(0), vec![], true).unwrap_or_default();
        let (sound, _) = run(&mut playout, 3..5);
        assert_eq!((sound[0], sound[320]), (2, 3));
    }

    #[test]
    fn stop_fades_within_40_ms_and_tells_what_was_heard() {
        let mut playout = Playout::default();
        playout.play(id(0), vec![10_000; 3200], true).unwrap_or_default();
        playout.play(id(1), vec![10_000; 3200], true).unwrap_or_default();
        run(&mut playout, 0..4);
        playout.stop();
        let (sound, events) = run(&mut playout, 4..8);
        assert!(sound[0] > 9900 && sound[639] < 20 && sound.is_sorted_by(|a, b| a >= b));
        assert_eq!(sound[640..], [0; 640]);
        assert_eq!(events, [PlayoutEvent::Cut { sentence: id(0), at: MediaTime(80), share: 0.4 }]);
        assert_eq!(playout.play(id(1), vec![1; 320], true), Err(PlayError::Stopped(id(1))));
        let next = SentenceId { generation: 2, index: 0 };
        assert_eq!(playout.play(next, vec![1; 320], true), Ok(()));
        assert_eq!(run(&mut playout, 8..9).0, [1; 320]);
    }

    #[test]
    fn stop_before_the_first_sample_cuts_nothing() {
        let mut playout = Playout::default();
        playout.play(id(0), vec![1; 320], true).unwrap_or_default();
        playout.stop();
        assert_eq!(run(&mut playout, 0..1), (vec![0; 320], vec![]));
    }

    #[test]
    fn an_empty_sentence_is_played_at_once_and_a_held_line_plays_nothing() {
        let mut playout = Playout::default();
        playout.play(id(0), vec![], true).unwrap_or_default();
        assert_eq!(run(&mut playout, 0..1).1.len(), 2);
        playout.play(id(1), vec![5; 320], true).unwrap_or_default();
        let mut events = Vec::new();
        assert_eq!(playout.frame(MediaTime(20), true, &mut events), SILENCE);
        assert_eq!(events, []);
        assert_eq!(run(&mut playout, 2..3).0, [5; 320]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut playout = Playout::default();
        assert_eq!(playout.play(id(0), vec![1; MOST_WAITING + 1], true), Err(PlayError::Full));
        assert_eq!(playout.waiting, MOST_WAITING);
    }
}
