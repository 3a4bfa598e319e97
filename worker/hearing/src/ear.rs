//! The ear: frames of 20 ms in, verdicts out, and the sound of the utterances kept for the recogniser.
//!
//! Pure apart from the embedded weights: time comes with the frames. Frames that were lost on the way (the media clock
//! drops them rather than wait) are heard as silence.

use std::collections::VecDeque;

use offhook_types::{
    audio::{FRAME_MS, FRAME_SAMPLES, Frame, MediaTime, SAMPLE_RATE, SILENCE},
    hearing::EarEvent,
    ids::UtteranceId,
};

use super::{
    attenuator::Attenuator,
    beep::BeepDetector,
    endpointing::{Endpointer, EndpointingConfig, Verdict},
    near_talker::NearTalker,
    silero::{Silero, WINDOW},
};

/// Sound before the start of an utterance that goes to the recogniser with it, milliseconds.
const PADDING_BEFORE_MS: u64 = 250;
/// Sound after its end, milliseconds.
const PADDING_AFTER_MS: u64 = 200;
/// Utterances kept until somebody takes them; the oldest goes first. 16 s of sound each at most.
const KEPT_UTTERANCES: usize = 4;
/// Samples in a millisecond.
const SAMPLES_PER_MS: u64 = SAMPLE_RATE as u64 / 1000;

/// How the ear listens.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EarConfig {
    /// When speech begins and ends.
    pub endpointing: EndpointingConfig,
}

/// Listens to one call.
pub struct Ear {
    attenuator: Attenuator,
    silero: Silero,
    endpointer: Endpointer,
    near_talker: NearTalker,
    beeps: BeepDetector,
    /// Samples that do not make a window yet.
    pending: Vec<i16>,
    memory: Memory,
    /// Where the next frame should begin; unknown before the first.
    next: Option<MediaTime>,
    /// The end of the last utterance: the next one's padding does not reach behind it.
    last_end: MediaTime,
    utterances: u32,
    kept: VecDeque<(UtteranceId, Vec<i16>)>,
    /// From this probability on there is speech in a window.
    speech_from: f32,
    /// So much silence surely ends what was being said, milliseconds.
    ending_silence_ms: u64,
}

impl Ear {
    /// Returns an ear that has heard nothing yet.
    pub fn new(config: EarConfig) -> Self {
        let endpointing = config.endpointing;
        let memory_ms = endpointing.maximum_speech_ms + endpointing.end_silence_ms + PADDING_BEFORE_MS + 500;
        Ear {
            attenuator: Attenuator::default(),
            silero: Silero::new(),
            endpointer: Endpointer::new(endpointing),
            near_talker: NearTalker::default(),
            speech_from: endpointing.speech_from,
            beeps: BeepDetector::default(),
            pending: Vec::with_capacity(WINDOW + FRAME_SAMPLES),
            memory: Memory::new(memory_ms),
            next: None,
            last_end: MediaTime::default(),
            utterances: 0,
            kept: VecDeque::with_capacity(KEPT_UTTERANCES),
            ending_silence_ms: endpointing.end_silence_ms + 200,
        }
    }

    /// Takes the frame that begins `at` on the media clock and returns what it completes. Frames come in order; an older one is ignored, a gap is
    /// silence.
    pub fn hear(&mut self, at: MediaTime, frame: &Frame) -> Vec<EarEvent> {
        let mut events = Vec::new();
        let expected = *self.next.get_or_insert_with(|| {
            self.memory.restart(at);
            at
        });
        if at < expected {
            return events;
        }
        self.bridge(expected, at, &mut events);
        self.hear_one(at, frame, &mut events);
        events
    }

    /// Ends what is being said, because the line is down and nothing more will come. `Flushed` is the last event.
    pub fn flush(&mut self) -> Vec<EarEvent> {
        let mut events: Vec<EarEvent> = self.endpointer.flush().into_iter().map(|verdict| self.event(verdict)).collect();
        events.push(EarEvent::Flushed);
        events
    }

    /// Returns the sound of an utterance, 16 kHz, with up to 250 ms before it and 200 ms after it; once. `None` where it was taken
    /// before, or was dropped because four newer ones were never taken.
    pub fn take_utterance(&mut self, id: UtteranceId) -> Option<Vec<i16>> {
        let place = self.kept.iter().position(|(kept, _)| *kept == id)?;
        self.kept.remove(place).map(|(_, sound)| sound)
    }

    /// Whether confirmed speech is going on.
    pub fn speaking(&self) -> bool {
        self.endpointer.speaking()
    }

    /// Hears silence from `expected` to `at`. Of a long gap only so much that every utterance ends in it.
    fn bridge(&mut self, expected: MediaTime, at: MediaTime, events: &mut Vec<EarEvent>) {
        let gap = at.since(expected);
        let frames = gap.min(self.ending_silence_ms).div_ceil(FRAME_MS);
        for i in 0..frames {
            self.hear_one(MediaTime(expected.0 + i * FRAME_MS), &SILENCE, events);
        }
        if gap != frames * FRAME_MS {
            // The clock jumped, or is not on the grid of frames any more: go on from where it is now.
            self.pending.clear();
            self.memory.restart(at);
        }
    }

    fn hear_one(&mut self, at: MediaTime, frame: &Frame, events: &mut Vec<EarEvent>) {
        self.next = Some(MediaTime(at.0 + FRAME_MS));
        self.memory.push(frame);
        if let Some(at) = self.beeps.hear(at, frame) {
            events.push(EarEvent::Beep { at });
        }
        self.pending.extend_from_slice(frame);
        while let Some(window) = self.pending.first_chunk::<WINDOW>() {
            let probability = self.silero.probability(&self.attenuator.attenuated(window));
            let speech = probability >= self.speech_from;
            let near = self.near_talker.admits(window, speech, self.endpointer.speaking());
            let probability = if near { probability } else { 0.0 };
            let begins = MediaTime(at.0 + FRAME_MS - self.pending.len() as u64 / SAMPLES_PER_MS);
            self.pending.drain(..WINDOW);
            if let Some(verdict) = self.endpointer.window(begins, probability) {
                events.push(self.event(verdict));
            }
        }
    }

    fn event(&mut self, verdict: Verdict) -> EarEvent {
        match verdict {
            Verdict::Started { at } => EarEvent::SpeechStarted { at },
            Verdict::Ended { started, ended, cut } => {
                self.utterances += 1;
                let before = MediaTime(started.0.saturating_sub(PADDING_BEFORE_MS)).max(self.last_end);
                let after = MediaTime(ended.0 + if cut { 0 } else { PADDING_AFTER_MS });
                self.last_end = ended;
                if self.kept.len() == KEPT_UTTERANCES {
                    self.kept.pop_front();
                }
                self.kept.push_back((self.utterances, self.memory.between(before, after)));
                EarEvent::SpeechEnded { utterance: self.utterances, started, ended }
            }
        }
    }
}

/// The last seconds of sound, on the media clock.
struct Memory {
    samples: VecDeque<i16>,
    capacity: usize,
    /// Where the first kept sample lies, in samples since the clock's 0.
    first: u64,
}

impl Memory {
    fn new(milliseconds: u64) -> Self {
        let capacity = (milliseconds * SAMPLES_PER_MS) as usize;
        Memory { samples: VecDeque::with_capacity(capacity + FRAME_SAMPLES), capacity, first: 0 }
    }

    fn restart(&mut self, at: MediaTime) {
        self.samples.clear();
        self.first = at.0 * SAMPLES_PER_MS;
    }

    fn push(&mut self, frame: &Frame) {
        self.samples.extend(frame);
        let surplus = self.samples.len().saturating_sub(self.capacity);
        self.samples.drain(..surplus);
        self.first += surplus as u64;
    }

    /// What is kept of the sound between the two.
    fn between(&self, from: MediaTime, to: MediaTime) -> Vec<i16> {
        let place = |at: MediaTime| ((at.0 * SAMPLES_PER_MS).saturating_sub(self.first) as usize).min(self.samples.len());
        let (from, to) = (place(from), place(to));
        self.samples.range(from..to.max(from)).copied().collect()
    }
}

#[cfg(test)]
mod breath_tests;
#[cfg(test)]
mod room_tests;
#[cfg(test)]
mod tests;
