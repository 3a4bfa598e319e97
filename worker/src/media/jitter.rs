//! The jitter buffer: packets in as they come, packets out in order on our clock. Pure; `now` is milliseconds of any clock.
//!
//! Playing starts 60 ms after the first packet (or when 60 ms are here), so that 40 ms are in reserve. A missing number with
//! later ones waiting is `Lost`. An empty buffer is `Lost` three times (for concealment), then `Nothing`, and fills again before
//! it plays: so the delay grows to what the network needs. What is too much in reserve for two seconds goes, a packet at a time.

use std::collections::{BTreeMap, VecDeque};

/// 1 ms of 16 kHz.
const MILLISECOND: u32 = 16;
/// Sound that must be waiting before playing starts.
const START: u32 = 60 * MILLISECOND;
/// The same in time, where the packets are few.
const START_MS: u64 = 60;
/// Sound in reserve that is too much if it is never used for `WINDOW_MS`.
const COMFORTABLE: u32 = 100 * MILLISECOND;
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
    /// The peer began a new stream (other SSRC, or numbers from elsewhere).
    pub restarts: u64,
}

/// See the head of this page.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    stream: Option<Stream>,
    /// A packet that does not belong to the stream; a second one after it begins a new stream.
    stranger: Option<Packet>,
    counters: JitterCounters,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The highest number seen, extended beyond 16 bits.
    highest: u64,
    /// The number to play next; `None` before the first was played.
    next: Option<u64>,
    waiting: BTreeMap<u64, Packet>,
    /// Sound waiting, in samples.
    buffered: u32,
    filling: bool,
    /// When the first packet came since the buffer was empty.
    filling_since: Option<u64>,
    /// `Lost` said since the buffer ran dry.
    dry: u32,
    /// The least sound in reserve since `window_start`.
    least: u32,
    window_start: u64,
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
            stream.insert(packet, distance, now, &mut self.counters);
        } else if let Some(first) = self.stranger.take_if(|first| first.precedes(&packet)) {
            self.counters.restarts += 1;
            self.begin(first, now);
            self.insert(packet, now);
        } else {
            self.stranger = Some(packet);
        }
    }

    /// What to play now.
    pub fn pull(&mut self, now: u64) -> Pulled {
        match &mut self.stream {
            Some(stream) => stream.pull(now, &mut self.counters),
            None => Pulled::Nothing,
        }
    }

    /// The sound after the one that `pull` just called lost, where it is here.
    pub fn following(&self) -> Option<&Sound> {
        let stream = self.stream.as_ref().filter(|stream| !stream.filling)?;
        stream.waiting.get(&stream.next?)?.sound.as_ref()
    }

    fn begin(&mut self, packet: Packet, now: u64) {
        let mut stream = Stream::new(&packet);
        stream.insert(packet, 0, now, &mut self.counters);
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
            least: u32::MAX,
            window_start: 0,
            played: VecDeque::with_capacity(REMEMBERED),
        }
    }

    fn insert(&mut self, packet: Packet, distance: i16, now: u64, counters: &mut JitterCounters) {
        let number = self.highest.saturating_add_signed(i64::from(distance));
        if self.waiting.contains_key(&number) || self.played.contains(&number) {
            counters.duplicate += 1;
            return;
        }
        if self.next.is_some_and(|next| number < next) {
            counters.late += 1;
            return;
        }
        self.highest = self.highest.max(number);
        self.filling_since.get_or_insert(now);
        self.buffered += packet.samples;
        self.waiting.insert(number, packet);
        if self.buffered > TOO_MUCH || self.waiting.len() > TOO_MANY {
            while self.buffered > START || self.waiting.len() > TOO_MANY {
                self.drop_oldest(counters);
            }
        }
    }

    fn pull(&mut self, now: u64, counters: &mut JitterCounters) -> Pulled {
        loop {
            if self.filling && !self.start(now, counters) {
                return self.wait();
            }
            let Some((first, _)) = self.waiting.first_key_value() else {
                (self.filling, self.filling_since) = (true, None);
                continue;
            };
            let (first, next) = (*first, self.next.unwrap_or(*first));
            if first > next {
                if first - next > LONGEST_HOLE {
                    counters.lost += first - next;
                    self.next = Some(first);
                    continue;
                }
                counters.lost += 1;
                self.next = Some(next + 1);
                return Pulled::Lost;
            }
            let Some((number, packet)) = self.take_oldest() else { continue };
            if self.played.len() == REMEMBERED {
                self.played.pop_front();
            }
            self.played.push_back(number);
            if let Some(sound) = packet.sound {
                self.dry = 0;
                self.shorten(now, counters);
                return Pulled::Frame(sound);
            }
        }
    }

    /// Begins to play if enough is here; jumps over what was lost while the buffer was empty.
    fn start(&mut self, now: u64, counters: &mut JitterCounters) -> bool {
        let waited = self.filling_since.is_some_and(|since| now.saturating_sub(since) >= START_MS);
        let Some((first, _)) = self.waiting.first_key_value().filter(|_| waited || self.buffered >= START) else {
            return false;
        };
        counters.lost += self.next.map_or(0, |next| first.saturating_sub(next));
        self.next = Some(*first);
        self.filling = false;
        (self.least, self.window_start) = (u32::MAX, now);
        true
    }

    fn wait(&mut self) -> Pulled {
        if self.dry >= PATIENCE {
            return Pulled::Nothing;
        }
        self.dry += 1;
        Pulled::Lost
    }

    /// Drops one packet if there was always more in reserve than is comfortable.
    fn shorten(&mut self, now: u64, counters: &mut JitterCounters) {
        self.least = self.least.min(self.buffered);
        if now.saturating_sub(self.window_start) < WINDOW_MS {
            return;
        }
        if self.least > COMFORTABLE {
            self.drop_oldest(counters);
        }
        (self.least, self.window_start) = (u32::MAX, now);
    }

    fn drop_oldest(&mut self, counters: &mut JitterCounters) {
        if self.take_oldest().is_some() {
            counters.dropped += 1;
        }
    }

    fn take_oldest(&mut self) -> Option<(u64, Packet)> {
        let (number, packet) = self.waiting.pop_first()?;
        self.buffered -= packet.samples;
        self.next = Some(number + 1);
        Some((number, packet))
    }
}

#[cfg(test)]
mod tests;
