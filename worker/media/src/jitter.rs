//! The jitter buffer: packets in as they come, packets out in order on our clock. Pure; `now` is milliseconds of any clock.
//!
//! Sound waits as long as `adaptation` has learnt, 20 to 120 ms, 40 at first. A missing number with later ones waiting is `Lost`.
//! An empty buffer is `Lost` three times (for concealment), then `Nothing`, and fills again before it plays: so the delay grows to
//! what the network needs. A packet that comes after its turn makes it grow at once, by a `Lost` that takes nothing from the
//! buffer. It shrinks by a packet every two seconds, where the sound is quiet; only far too much goes in the middle of a word.
//!
//! A sender that falls silent (comfort noise, Opus that is discontinuous, a telephone event) loses nothing, and a pause that only
//! its next packet explains is taken back from what was counted as concealed.

mod adaptation;

use std::collections::{BTreeMap, VecDeque};

use self::adaptation::Adaptation;

/// 1 ms of 16 kHz.
const MILLISECOND: u32 = 16;
/// Sound in reserve beyond the target that goes even in the middle of a word.
const FAR_TOO_MUCH: u32 = 60 * MILLISECOND;
/// Sound in reserve beyond the target of which a quiet moment takes more than one packet.
const MUCH: u32 = 80 * MILLISECOND;
/// The reserve is judged by its highest level in so long a time.
const WINDOW_MS: u64 = 2000;
/// Sound in the buffer that is too much at any time.
const TOO_MUCH: u32 = 400 * MILLISECOND;
/// Entries in the buffer that are too many at any time (they may be without sound).
const TOO_MANY: usize = 100;
/// `Lost` in a row before an empty buffer says `Nothing`.
const PATIENCE: u32 = 3;
/// Missing numbers in a row that are still concealed one by one.
const LONGEST_HOLE: u64 = 10;
/// How far a number may lie ahead or behind and still be of this stream (after RFC 3550, appendix A.1).
const AHEAD: i16 = 1000;
const BEHIND: i16 = -100;
/// Numbers that are remembered to tell the duplicate from the late.
const REMEMBERED: usize = 64;
/// A frame, which is what `Lost` stands for where nothing is known of the packet.
const FRAME: u32 = 20 * MILLISECOND;

/// Sound as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// Tells the codec.
    pub payload_type: u8,
    /// For the codec.
    pub payload: Vec<u8>,
}

/// A packet for the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Who sends.
    pub ssrc: u32,
    /// Its number.
    pub sequence: u16,
    /// `None` for a number that was used for something else (an event, comfort noise): nothing is missing there.
    pub sound: Option<Sound>,
    /// Length in samples of 16 kHz.
    pub samples: u32,
    /// Its time in the sender's clock.
    pub timestamp: u32,
    /// The rate of that clock, Hz.
    pub clock_rate: u32,
    /// The sender may fall silent after it.
    pub then_silence: bool,
}

/// What is to be played next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulled {
    /// This.
    Frame(Sound),
    /// Something that did not come: conceal it.
    Lost,
    /// The peer is not sending: silence.
    Nothing,
}

/// Counters since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterCounters {
    /// Numbers that never came in time.
    pub lost: u64,
    /// Came after their turn.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Thrown away to shorten the delay.
    pub dropped: u64,
    /// `Lost` said only to lengthen the delay.
    pub stretched: u64,
    /// Stretches of `Lost` for missing numbers.
    pub holes: u64,
    /// `Lost` said for what turned out to be a pause of the sender.
    pub paused: u64,
    /// Packets of sound played, and the milliseconds they have waited in all.
    pub played: u64,
    /// See `played`.
    pub waited_ms: u64,
    /// The peer began a new stream (other SSRC, or numbers from elsewhere).
    pub restarts: u64,
}

/// See the head of this page.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    stream: Option<Stream>,
    /// A packet that does not belong to the stream; a second one after it begins a new stream.
    stranger: Option<Packet>,
    adaptation: Adaptation,
    counters: JitterCounters,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The highest number seen, extended beyond 16 bits.
    highest: u64,
    /// The number to play next; `None` before the first was played.
    next: Option<u64>,
    /// By number, with the time of arrival.
    waiting: BTreeMap<u64, (Packet, u64)>,
    /// Sound waiting, in samples.
    buffered: u32,
    filling: bool,
    /// When the first packet came since the buffer was empty.
    filling_since: Option<u64>,
    /// `Lost` said since the buffer ran dry.
    dry: u32,
    /// What was said last was `Lost` for a missing number.
    in_hole: bool,
    /// What was said last was `Lost` to lengthen the delay.
    stretching: bool,
    /// Time stamp after the last sound played.
    ended_at: Option<u32>,
    /// Time stamps have gone on as the sound does.
    regular: bool,
    /// The last packet played allowed for silence after it.
    then_silence: bool,
    /// Samples of the last packet played.
    length: u32,
    /// Samples by which the delay has to grow.
    owed: u32,
    /// The most sound in reserve since `window_start`, and packets that quiet moments may take.
    most: u32,
    window_start: u64,
    may_go: u32,
    played: VecDeque<u64>,
}

impl JitterBuffer {
    /// Counters so far.
    pub fn counters(&self) -> JitterCounters {
        self.counters
    }

    /// Takes a packet that has just come.
    pub fn insert(&mut self, packet: Packet, now: u64) {
        let Some(stream) = &mut self.stream else {
            self.begin(packet, now);
            return;
        };
        let distance = packet.sequence.wrapping_sub(stream.highest as u16) as i16;
        if packet.ssrc == stream.ssrc && (BEHIND..=AHEAD).contains(&distance) {
            self.stranger = None;
            stream.insert(packet, distance, now, &mut self.adaptation, &mut self.counters);
        } else if let Some(first) = self.stranger.take_if(|first| first.precedes(&packet)) {
            self.counters.restarts += 1;
            self.begin(first, now);
            self.insert(packet, now);
        } else {
            self.stranger = Some(packet);
        }
    }

    /// What to play now. In a `quiet` moment the delay may grow unnoticed.
    pub fn pull(&mut self, now: u64, quiet: bool) -> Pulled {
        match &mut self.stream {
            Some(stream) => stream.pull(now, quiet, self.adaptation.target(now) * MILLISECOND, &mut self.counters),
            None => Pulled::Nothing,
        }
    }

    /// The sound after the one that `pull` just called lost, where it is here.
    pub fn following(&self) -> Option<&Sound> {
        let stream = self.stream.as_ref().filter(|stream| !stream.filling && !stream.stretching)?;
        stream.waiting.get(&stream.next?)?.0.sound.as_ref()
    }

    /// Whether what was just pulled may be left out if it is quiet, because the delay is longer than it needs to be. Where it is
    /// left out, this must be said by calling `left_out`.
    pub fn may_leave_out(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.may_go > 0 && stream.buffered > 0)
    }

    /// See `may_leave_out`.
    pub fn left_out(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.may_go = stream.may_go.saturating_sub(1);
            self.counters.dropped += 1;
        }
    }

    fn begin(&mut self, packet: Packet, now: u64) {
        let mut stream = Stream::new(&packet);
        stream.insert(packet, 0, now, &mut self.adaptation, &mut self.counters);
        self.stream = Some(stream);
    }
}

impl Packet {
    fn precedes(&self, next: &Packet) -> bool {
        self.ssrc == next.ssrc && next.sequence == self.sequence.wrapping_add(1)
    }
}

impl Stream {
    fn new(first: &Packet) -> Self {
        Stream {
            ssrc: first.ssrc,
            highest: (1 << 16) + u64::from(first.sequence),
            next: None,
            waiting: BTreeMap::new(),
            buffered: 0,
            filling: true,
            filling_since: None,
            dry: PATIENCE,
            in_hole: false,
            stretching: false,
            ended_at: None,
            regular: false,
            then_silence: false,
            length: FRAME,
            owed: 0,
            most: 0,
            window_start: 0,
            may_go: 0,
            played: VecDeque::with_capacity(REMEMBERED),
        }
    }

    fn insert(&mut self, packet: Packet, distance: i16, now: u64, adaptation: &mut Adaptation, counters: &mut JitterCounters) {
        let number = self.highest.saturating_add_signed(i64::from(distance));
        if self.waiting.contains_key(&number) || self.played.contains(&number) {
            counters.duplicate += 1;
            return;
        }
        if packet.sound.is_some() {
            adaptation.arrived(packet.timestamp, packet.clock_rate, now);
        }
        if let Some(next) = self.next.filter(|next| number < *next) {
            counters.late += 1;
            self.grow(next - number, packet.samples, now, adaptation);
            return;
        }
        self.explain_pause(number, &packet, counters);
        self.highest = self.highest.max(number);
        self.filling_since.get_or_insert(now);
        self.buffered += packet.samples;
        self.waiting.insert(number, (packet, now));
        if self.buffered > TOO_MUCH || self.waiting.len() > TOO_MANY {
            let enough = adaptation.target(now) * MILLISECOND;
            while self.buffered > enough || self.waiting.len() > TOO_MANY {
                self.drop_oldest(counters);
            }
        }
    }

    /// A packet came so many packets after its turn: the sound waits longer from now on.
    fn grow(&mut self, packets: u64, samples: u32, now: u64, adaptation: &mut Adaptation) {
        let more = u32::try_from(packets).unwrap_or(u32::MAX).saturating_mul(samples);
        let (room, target) = (adaptation::MOST * MILLISECOND, adaptation.target(now) * MILLISECOND);
        // One that is beyond all patience would not come in time anyway.
        if more <= room {
            self.owed = self.owed.max(more).min(room.saturating_sub(self.most.min(target)));
            adaptation.late(target.saturating_add(more) / MILLISECOND, now);
        }
    }

    /// What was made up while the buffer was dry was no loss if the sender simply had nothing to say.
    fn explain_pause(&mut self, number: u64, packet: &Packet, counters: &mut JitterCounters) {
        if self.dry == 0 || self.next != Some(number) || !self.regular || packet.sound.is_none() {
            return;
        }
        let frame = (packet.clock_rate / 50) as i32;
        if self.ended_at.is_some_and(|end| packet.timestamp.wrapping_sub(end) as i32 >= frame) {
            counters.paused += u64::from(self.dry);
            // It stays as silent as it was.
            self.dry = PATIENCE;
        }
    }

    fn pull(&mut self, now: u64, quiet: bool, target: u32, counters: &mut JitterCounters) -> Pulled {
        let in_hole = std::mem::take(&mut self.in_hole);
        self.stretching = false;
        loop {
            if self.filling && !self.start(now, target, counters) {
                return self.wait();
            }
            if self.owed > 0 && !self.waiting.is_empty() {
                self.owed = self.owed.saturating_sub(self.length);
                self.stretching = true;
                counters.stretched += 1;
                return if quiet { Pulled::Nothing } else { Pulled::Lost };
            }
            let Some((first, (packet, _))) = self.waiting.first_key_value() else {
                (self.filling, self.filling_since) = (true, None);
                continue;
            };
            let (first, next) = (*first, self.next.unwrap_or(*first));
            if first > next {
                if first - next > LONGEST_HOLE || self.goes_on_with(packet) {
                    counters.lost += first - next;
                    self.next = Some(first);
                    continue;
                }
                counters.lost += 1;
                counters.holes += u64::from(!in_hole);
                self.in_hole = true;
                self.next = Some(next + 1);
                // What is missing has its time as well.
                let length = units(self.length, packet.clock_rate);
                self.ended_at = self.ended_at.map(|end| end.wrapping_add(length));
                return Pulled::Lost;
            }
            let Some((number, packet, arrived)) = self.take_oldest() else { continue };
            if self.played.len() == REMEMBERED {
                self.played.pop_front();
            }
            self.played.push_back(number);
            self.then_silence = packet.then_silence;
            if let Some(sound) = packet.sound {
                self.dry = 0;
                self.regular = self.ended_at == Some(packet.timestamp);
                self.length = packet.samples.max(1);
                self.ended_at = Some(packet.timestamp.wrapping_add(units(packet.samples, packet.clock_rate)));
                counters.played += 1;
                counters.waited_ms += now.saturating_sub(arrived);
                self.judge(now, quiet, target, counters);
                return Pulled::Frame(sound);
            }
        }
    }

    /// Whether this packet's sound follows on the last one's, so that the numbers between were used for something else.
    fn goes_on_with(&self, packet: &Packet) -> bool {
        self.regular && self.ended_at.is_some_and(|end| packet.timestamp.wrapping_sub(end) as i32 <= 0)
    }

    /// Begins to play if enough is here; jumps over what was lost while the buffer was empty.
    fn start(&mut self, now: u64, target: u32, counters: &mut JitterCounters) -> bool {
        let Some((first, (packet, _))) = self.waiting.first_key_value() else { return false };
        let enough = target + packet.samples.max(FRAME);
        let waited = self.filling_since.is_some_and(|since| now.saturating_sub(since) >= u64::from(enough / MILLISECOND));
        if !waited && self.buffered < enough {
            return false;
        }
        counters.lost += self.next.map_or(0, |next| first.saturating_sub(next));
        self.next = Some(*first);
        self.filling = false;
        self.owed = 0;
        (self.most, self.window_start, self.may_go) = (0, now, 0);
        true
    }

    fn wait(&mut self) -> Pulled {
        if self.dry >= PATIENCE || self.then_silence {
            return Pulled::Nothing;
        }
        self.dry += 1;
        Pulled::Lost
    }

    /// Compares the reserve with the target every two seconds.
    fn judge(&mut self, now: u64, quiet: bool, target: u32, counters: &mut JitterCounters) {
        self.most = self.most.max(self.buffered);
        if now.saturating_sub(self.window_start) < WINDOW_MS {
            return;
        }
        let surplus = self.most.saturating_sub(target);
        let packet = self.length.max(FRAME);
        self.may_go = if surplus >= MUCH { surplus / packet / 2 } else { u32::from(surplus >= packet) };
        if surplus >= FAR_TOO_MUCH {
            self.drop_oldest(counters);
        } else if quiet && self.most + FRAME <= target {
            self.owed = self.length;
        }
        (self.most, self.window_start) = (0, now);
    }

    fn drop_oldest(&mut self, counters: &mut JitterCounters) {
        if self.take_oldest().is_some() {
            counters.dropped += 1;
        }
    }

    fn take_oldest(&mut self) -> Option<(u64, Packet, u64)> {
        let (number, (packet, arrived)) = self.waiting.pop_first()?;
        self.buffered -= packet.samples;
        self.next = Some(number + 1);
        Some((number, packet, arrived))
    }
}

/// Samples of 16 kHz in units of another clock.
fn units(samples: u32, clock_rate: u32) -> u32 {
    (u64::from(samples) * u64::from(clock_rate) / u64::from(1000 * MILLISECOND)) as u32
}

#[cfg(test)]
mod tests;
