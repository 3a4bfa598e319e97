//! Both directions of one call, tick by tick, without a socket. Pure: the same datagrams at the same ticks give the same sound.

use std::net::SocketAddr;

use offhook::report::MediaReport;

use super::{
    codec::Encoder,
    dtmf::{
        DtmfSender, Step,
        keypad::{Keypad, Way},
        tones::ToneDetector,
    },
    inbound::Inbound,
    negotiation::Negotiated,
    outbound::Outbound,
    playout::{Playout, PlayoutEvent},
    rtp::Outgoing,
};
use crate::{
    audio::{FRAME_MS, Frame, MediaTime, SILENCE},
    mind::event::SentenceId,
};

/// Silence on the wire after which `NoMedia` is said.
const NO_MEDIA_MS: u64 = 10_000;

/// Our own tones may come back from the far end within so long.
const LONGEST_ECHO_MS: u64 = 400;

/// What a media session tells.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a frame: a box would be an allocation for each")]
pub enum MediaEvent {
    /// One frame of the callee; exactly one per tick, silence where nothing came.
    Heard {
        /// Start of the frame.
        at: MediaTime,
        /// The sound.
        frame: Frame,
        /// Some of it was made up because packets were missing.
        concealed: bool,
    },
    /// The first sample of a sentence goes out in the frame of this tick.
    Started {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
    },
    /// The last sample of a sentence has gone out.
    Played {
        /// Which.
        sentence: SentenceId,
        /// When its last sample ended.
        at: MediaTime,
    },
    /// `stop` cut the sentence off.
    Cut {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
        /// The share of its sound known by then that was played, 0 to 1.
        share: f32,
    },
    /// The callee pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    Dtmf(char),
    /// Nothing has been received for so long. Once for every silence on the wire.
    NoMedia {
        /// Milliseconds.
        for_ms: u64,
    },
}

impl From<PlayoutEvent> for MediaEvent {
    fn from(event: PlayoutEvent) -> Self {
        match event {
            PlayoutEvent::Started { sentence, at } => MediaEvent::Started { sentence, at },
            PlayoutEvent::Played { sentence, at } => MediaEvent::Played { sentence, at },
            PlayoutEvent::Cut { sentence, at, share } => MediaEvent::Cut { sentence, at, share },
        }
    }
}

/// What goes out in a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The sound, also of a digit.
    pub frame: Frame,
    /// The digit instead of a sentence.
    pub digit: Option<Step>,
    /// What became of sentences.
    told: Vec<PlayoutEvent>,
}

/// One call's media.
pub struct Line {
    inbound: Inbound,
    outbound: Outbound,
    keypad: Keypad,
    tones: ToneDetector,
    /// When our own tones can still come back as an echo.
    echo_until: u64,
    ticks: u64,
    silence_told: bool,
}

impl Line {
    /// A line that sends and listens as agreed, from the tick with this number.
    pub fn new(stream: Outgoing, negotiated: &Negotiated, encoder: Encoder, ticks: u64) -> Self {
        let inbound = Inbound::new(negotiated, ticks * FRAME_MS);
        let outbound = Outbound::new(stream, negotiated, encoder);
        let (keypad, tones) = (Keypad::default(), ToneDetector::default());
        Line { inbound, outbound, keypad, tones, echo_until: 0, ticks, silence_told: false }
    }

    /// Something else was agreed on; an encoder comes with it where codec or settings have changed.
    pub fn renegotiate(&mut self, negotiated: &Negotiated, encoder: Option<Encoder>) {
        let now = self.now();
        self.inbound.renegotiate(negotiated, now);
        self.outbound.renegotiate(negotiated, encoder);
    }

    /// Where to send the datagrams of `tick`.
    pub fn target(&self) -> SocketAddr {
        self.inbound.target()
    }

    /// Counters so far.
    pub fn report(&self) -> MediaReport {
        let mut report = MediaReport { packets_sent: self.outbound.sent(), ..MediaReport::default() };
        self.inbound.count(&mut report);
        report
    }

    /// Takes a datagram that has come since the last tick.
    pub fn receive(&mut self, source: SocketAddr, datagram: &[u8], events: &mut Vec<MediaEvent>) {
        let now = self.now();
        if let Some(digit) = self.inbound.receive(source, datagram, now) {
            self.pressed(Way::Event, digit, events);
        }
    }

    /// The peer told of a press in one way; the same may have been told in another.
    pub fn pressed(&mut self, way: Way, digit: char, events: &mut Vec<MediaEvent>) {
        events.extend(self.keypad.pressed(way, digit, self.now()).map(MediaEvent::Dtmf));
    }

    /// What is to go out in this tick: a digit, or the next sound of the playout, which waits while nobody would hear it.
    pub fn speak(&self, playout: &mut Playout, digits: &mut DtmfSender) -> Spoken {
        let mut told = Vec::new();
        let open = self.outbound.open();
        let digit = if open { digits.tick() } else { None };
        let frame = playout.frame(MediaTime(self.now()), !open || digit.is_some(), &mut told);
        Spoken { frame: digit.map_or(frame, Step::sound), digit, told }
    }

    /// One tick: what is spoken goes out as `datagrams`, what was heard comes back.
    pub fn tick(&mut self, spoken: Spoken, events: &mut Vec<MediaEvent>, datagrams: &mut Vec<Vec<u8>>) -> Frame {
        let now = self.now();
        self.outbound.tick(&spoken.frame, spoken.digit, datagrams);
        let (frame, concealed) = self.inbound.frame(now);

        events.extend(spoken.told.into_iter().map(MediaEvent::from));
        let silent = self.inbound.silent_for(now);
        if silent < NO_MEDIA_MS {
            self.silence_told = false;
        } else if !self.silence_told {
            self.silence_told = true;
            events.push(MediaEvent::NoMedia { for_ms: silent });
        }
        // The sound of a key is no speech: the recording has it, whoever listens for words has not.
        let key = self.key_in(&frame, spoken.digit.is_some());
        let heard = if self.tones.sounding() { SILENCE } else { frame };
        if let Some(digit) = key {
            self.pressed(Way::Tones, digit, events);
        }
        events.push(MediaEvent::Heard { at: MediaTime(now), frame: heard, concealed });
        self.ticks += 1;
        frame
    }

    /// Ticks that are left out because the worker slept.
    pub fn skip(&mut self, ticks: u64) {
        self.outbound.skip(ticks);
        self.ticks += ticks;
    }

    fn key_in(&mut self, frame: &Frame, ours: bool) -> Option<char> {
        if ours {
            self.echo_until = self.now() + LONGEST_ECHO_MS;
        }
        if self.now() < self.echo_until {
            self.tones.reset();
            return None;
        }
        self.tones.hear(frame)
    }

    fn now(&self) -> u64 {
        self.ticks * FRAME_MS
    }
}

#[cfg(test)]
mod tests;
