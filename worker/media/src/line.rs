//! Both directions of one call, tick by tick, without a socket. Pure: the same datagrams at the same ticks give the same sound.
//!
//! Encryption happens here, between the sound and the socket. `arrived_us` and `now_us` are microseconds of the media clock.

mod control;

use std::net::SocketAddr;

use offhook::report::MediaReport;
use offhook_types::{
    audio::{FRAME_MS, Frame, MediaTime, SILENCE},
    line::MediaPresence,
    playout::PlayoutEvent,
};

use self::control::{Control, Secured};
pub use self::control::{Port, Upkeep};
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
    playout::Playout,
    rtcp::is_rtcp,
    rtp::Outgoing,
    srtp::Keys,
};

/// Silence on the wire after which media counts as absent. What follows from it is not decided here.
const ABSENT_AFTER_MS: u64 = 1_000;

/// A peer that sends nothing itself is spoken to after so long.
const PATH_IS_UP_AFTER_MS: u64 = 400;
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
    /// What became of a sentence.
    Playout(PlayoutEvent),
    /// The callee pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    Dtmf(char),
    /// RTP comes, or has stopped coming: told when it changes. Nothing is told before the first packet.
    Media(MediaPresence),
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
    control: Control,
    secured: Option<Secured>,
    keypad: Keypad,
    tones: ToneDetector,
    /// When our own tones can still come back as an echo.
    echo_until: u64,
    /// Nobody has answered yet.
    early: bool,
    /// When somebody had.
    answered_at: u64,
    ticks: u64,
    /// What was told last of whether RTP comes.
    present: Option<bool>,
}

impl Line {
    /// A line that sends and listens as agreed, from the tick with this number.
    pub fn new(stream: Outgoing, negotiated: &Negotiated, encoder: Encoder, ticks: u64) -> Self {
        let now = ticks * FRAME_MS;
        Line {
            control: Control::new(stream.ssrc(), 0, now * 1000),
            inbound: Inbound::new(negotiated, now),
            outbound: Outbound::new(stream, negotiated, encoder),
            secured: negotiated.crypto.map(|crypto| Secured::new(crypto.local, crypto.remote)),
            keypad: Keypad::default(),
            tones: ToneDetector::default(),
            echo_until: 0,
            early: false,
            answered_at: now,
            ticks,
            present: None,
        }
    }

    /// The NTP time (RFC 3550, section 4) of the media clock's zero, for reports.
    pub fn with_origin(mut self, origin: u64) -> Self {
        self.control.set_origin(origin);
        self
    }

    /// Encrypts both ways from now on, `local` for what we send; `None` for neither. The same keys again change nothing.
    pub fn set_keys(&mut self, keys: Option<(Keys, Keys)>) {
        match (&mut self.secured, keys) {
            (Some(secured), Some((local, remote))) => secured.rekey(local, remote),
            (_, keys) => self.secured = keys.map(|(local, remote)| Secured::new(local, remote)),
        }
    }

    /// Whether reports share the port of the sound (RFC 5761).
    pub fn set_multiplexed(&mut self, multiplexed: bool) {
        self.control.set_multiplexed(multiplexed);
    }

    /// Silence for what is missing, instead of concealment: for comparisons.
    pub fn leave_holes(&mut self) {
        self.inbound.leave_holes();
    }

    /// Something else was agreed on; an encoder comes with it where codec or settings have changed.
    pub fn renegotiate(&mut self, negotiated: &Negotiated, encoder: Option<Encoder>) {
        let now = self.now();
        self.inbound.renegotiate(negotiated, now);
        self.outbound.renegotiate(negotiated, encoder);
        self.set_keys(negotiated.crypto.map(|crypto| (crypto.local, crypto.remote)));
    }

    /// Whether nobody has answered yet: sound then goes to the address in the SDP only, and it is silence.
    pub fn set_early(&mut self, early: bool) {
        if self.early && !early {
            self.answered_at = self.now();
            self.present = None;
        }
        self.early = early;
        self.inbound.set_early(early);
    }

    /// Where to send the datagrams of `tick`.
    pub fn target(&self) -> SocketAddr {
        self.inbound.target()
    }

    /// Counters and figures so far.
    pub fn report(&self) -> MediaReport {
        let mut report = MediaReport { packets_sent: self.outbound.sent(), ..MediaReport::default() };
        self.inbound.count(&mut report);
        self.control.count(&mut report);
        report.encrypted = self.secured.is_some();
        report.mos = (report.packets_received > 0).then(|| control::score(&report, self.outbound.codec(), self.inbound.loss()));
        report
    }

    /// Takes a datagram that has come to the port of the sound.
    pub fn receive(&mut self, source: SocketAddr, datagram: &[u8], arrived_us: u64, events: &mut Vec<MediaEvent>) {
        if is_rtcp(datagram) {
            return self.receive_control(source, datagram, arrived_us);
        }
        let Some(secured) = &mut self.secured else {
            return self.take(source, datagram, false, arrived_us, events);
        };
        let mut datagram = datagram.to_vec();
        match secured.incoming.unprotect(&mut datagram) {
            Ok(()) => self.take(source, &datagram, true, arrived_us, events),
            Err(_) => self.inbound.refuse(),
        }
    }

    fn take(&mut self, source: SocketAddr, datagram: &[u8], authentic: bool, arrived_us: u64, events: &mut Vec<MediaEvent>) {
        if let Some(digit) = self.inbound.receive(source, datagram, authentic, arrived_us) {
            self.pressed(Way::Event, digit, events);
        }
    }

    /// Takes a datagram that has come to the port of reports.
    pub fn receive_control(&mut self, source: SocketAddr, datagram: &[u8], arrived_us: u64) {
        let mut datagram = datagram.to_vec();
        let genuine = match &mut self.secured {
            Some(secured) => secured.incoming.unprotect_rtcp(&mut datagram).is_ok(),
            None => self.inbound.knows(source),
        };
        if genuine && self.control.receive(source, &datagram, arrived_us) {
            self.outbound.set_expected_loss(self.control.expected_loss());
        } else {
            self.inbound.refuse();
        }
    }

    /// Reports and keep-alives that are due beside the sound. Call it once a tick, after `tick`.
    pub fn upkeep(&mut self, now_us: u64) -> Vec<Upkeep> {
        let target = self.inbound.target();
        let report = self.control.report(now_us, target, self.inbound.reception());
        let due = [report.and_then(|report| self.secure_report(report)), self.control.keep_alive(now_us, target)];
        due.into_iter().flatten().collect()
    }

    /// The last report, which says that the stream has ended.
    pub fn farewell(&mut self, now_us: u64) -> Option<Upkeep> {
        let report = self.control.farewell(now_us, self.inbound.target(), self.inbound.reception())?;
        self.secure_report(report)
    }

    fn secure_report(&mut self, mut report: Upkeep) -> Option<Upkeep> {
        match &mut self.secured {
            Some(secured) => secured.outgoing.protect_rtcp(&mut report.datagram).ok().map(|()| report),
            None => Some(report),
        }
    }

    /// The peer told of a press in one way; the same may have been told in another.
    pub fn pressed(&mut self, way: Way, digit: char, events: &mut Vec<MediaEvent>) {
        events.extend(self.keypad.pressed(way, digit, self.now()).map(MediaEvent::Dtmf));
    }

    /// What is to go out in this tick: a digit, or the next sound of the playout, which waits while nobody would hear it.
    pub fn speak(&self, playout: &mut Playout, digits: &mut DtmfSender) -> Spoken {
        let mut told = Vec::new();
        let open = self.outbound.open() && !self.early && self.path_is_up();
        let digit = if open { digits.tick() } else { None };
        let frame = playout.frame(MediaTime(self.now()), !open || digit.is_some(), &mut told);
        Spoken { frame: digit.map_or(frame, Step::sound), digit, told }
    }

    /// One tick: what is spoken goes out as `datagrams`, what was heard comes back.
    pub fn tick(&mut self, spoken: Spoken, events: &mut Vec<MediaEvent>, datagrams: &mut Vec<Vec<u8>>) -> Frame {
        let now = self.now();
        let first = datagrams.len();
        self.outbound.tick(&spoken.frame, spoken.digit, datagrams);
        self.control.sent(&datagrams[first..], self.outbound.codec(), now * 1000);
        self.secure(first, datagrams);
        let (frame, concealed) = self.inbound.frame(now);

        events.extend(spoken.told.into_iter().map(MediaEvent::Playout));
        events.extend(self.presence(now).map(MediaEvent::Media));
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

    /// Whether RTP comes, where that has changed since it was told.
    fn presence(&mut self, now: u64) -> Option<MediaPresence> {
        let silent = self.inbound.silent_for(now);
        let present = silent < ABSENT_AFTER_MS;
        if !self.inbound.has_heard() || self.present == Some(present) {
            return None;
        }
        self.present = Some(present);
        Some(if present { MediaPresence::Present } else { MediaPresence::Absent { for_ms: silent } })
    }

    /// Ticks that are left out because the worker slept.
    pub fn skip(&mut self, ticks: u64) {
        self.outbound.skip(ticks);
        self.ticks += ticks;
    }

    /// Whether our first word would reach anybody: the peer is heard, or has had time to open its side. Before that we send silence,
    /// which opens ours.
    fn path_is_up(&self) -> bool {
        self.inbound.has_heard() || self.now().saturating_sub(self.answered_at) >= PATH_IS_UP_AFTER_MS
    }

    /// Encrypts the datagrams from the first one on.
    fn secure(&mut self, first: usize, datagrams: &mut Vec<Vec<u8>>) {
        let Some(secured) = &mut self.secured else { return };
        let mut index = 0;
        datagrams.retain_mut(|datagram| {
            index += 1;
            index <= first || secured.outgoing.protect(datagram).is_ok()
        });
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
