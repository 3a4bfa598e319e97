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
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;

    fn packet(sequence: u16) -> Packet {
        let sound = Sound { payload_type: 8, payload: sequence.to_be_bytes().to_vec() };
        Packet { ssrc: 1, sequence, sound: Some(sound), samples: 320 }
    }

    /// Plays `ticks` of 20 ms; `arrivals` are (ms, packet). Returns what came out at each tick: a number, −1 lost, −2 nothing.
    fn play(buffer: &mut JitterBuffer, arrivals: &[(u64, Packet)], ticks: std::ops::Range<u64>) -> Vec<i64> {
        let tick = |tick: u64| {
            let now = tick * 20;
            let came = |at: u64| if tick == 0 { at == 0 } else { at > now - 20 && at <= now };
            arrivals.iter().filter(|(at, _)| came(*at)).for_each(|(_, packet)| buffer.insert(packet.clone(), now));
            match buffer.pull(now) {
                Pulled::Frame(sound) => i64::from(u16::from_be_bytes([sound.payload[0], sound.payload[1]])),
                Pulled::Lost => -1,
                Pulled::Nothing => -2,
            }
        };
        ticks.map(tick).collect()
    }

    #[test]
    fn a_good_line_is_played_40_ms_later_without_a_gap_across_the_wrap() {
        let arrivals: Vec<_> = (0..100u16).map(|index| (u64::from(index) * 20, packet(index.wrapping_sub(50)))).collect();
        let mut buffer = JitterBuffer::default();
        let played = play(&mut buffer, &arrivals, 0..102);
        assert_eq!(played[..2], [-2, -2]);
        let expected: Vec<i64> = (0..100u16).map(|index| i64::from(index.wrapping_sub(50))).collect();
        assert_eq!(played[2..], expected);
        assert_eq!(buffer.counters(), JitterCounters::default());
    }

    #[test]
    fn a_bad_line_is_put_in_order_and_every_packet_is_accounted_for() {
        for seed in 0..20 {
            let mut random = SmallRng::seed_from_u64(seed);
            let (mut arrivals, mut lost, mut twice) = (Vec::new(), 0, 0);
            for index in 0..2000u16 {
                let at = u64::from(index) * 20 + random.random_range(0..40);
                if random.random_bool(0.03) && index > 5 && index < 1990 {
                    lost += 1;
                    continue;
                }
                arrivals.push((at, packet(index)));
                if random.random_bool(0.02) {
                    twice += 1;
                    arrivals.push((at + random.random_range(0..60), packet(index)));
                }
            }
            let mut buffer = JitterBuffer::default();
            let played = play(&mut buffer, &arrivals, 0..2020);
            let numbers: Vec<i64> = played.into_iter().filter(|number| *number >= 0).collect();
            assert!(numbers.is_sorted(), "seed {seed}: out of order");
            let counters = buffer.counters();
            assert_eq!(numbers.len() as u64 + lost + counters.late + counters.dropped, 2000, "seed {seed}: {counters:?}");
            assert_eq!(counters.duplicate, twice, "seed {seed}");
            assert!(counters.late < 10 && counters.dropped < 10, "seed {seed}: {counters:?}");
        }
    }

    #[test]
    fn a_hole_is_lost_in_its_place_and_the_packet_after_it_is_at_hand() {
        let mut buffer = JitterBuffer::default();
        [0, 1, 3, 4].into_iter().for_each(|sequence| buffer.insert(packet(sequence), 0));
        assert!(matches!((buffer.pull(0), buffer.pull(20), buffer.pull(40)), (Pulled::Frame(_), Pulled::Frame(_), Pulled::Lost)));
        assert_eq!(buffer.following(), packet(3).sound.as_ref());
        buffer.insert(packet(2), 50);
        assert_eq!(buffer.counters(), JitterCounters { lost: 1, late: 1, ..JitterCounters::default() });
    }

    #[test]
    fn an_outage_is_concealed_then_silent_and_ends_without_delay_left_behind() {
        let arrivals: Vec<_> =
            (0..200u16).filter(|index| !(50..100).contains(index)).map(|i| (u64::from(i) * 20, packet(i))).collect();
        let mut buffer = JitterBuffer::default();
        let played = play(&mut buffer, &arrivals, 0..202);
        assert_eq!(played[50..58], [48, 49, -1, -1, -1, -2, -2, -2]);
        assert_eq!(played[102..105], [100, 101, 102]);
        assert_eq!(buffer.counters().lost, 50);
    }

    #[test]
    fn a_sender_with_a_fast_clock_does_not_pile_up_delay() {
        // 1 % fast: 3000 packets in 59.4 s.
        let arrivals: Vec<_> = (0..3000u16).map(|index| (u64::from(index) * 198 / 10, packet(index))).collect();
        let mut buffer = JitterBuffer::default();
        let played = play(&mut buffer, &arrivals, 0..2970);
        let last = *played.last().unwrap_or(&0);
        assert!(last > 2985, "{last} of 3000 at the end");
        assert!(!played[3..].contains(&-1));
    }

    #[test]
    fn a_new_source_takes_over_with_its_second_packet_and_a_stray_one_does_not() {
        let mut buffer = JitterBuffer::default();
        (0..5).for_each(|sequence| buffer.insert(packet(sequence), 0));
        buffer.insert(Packet { ssrc: 2, ..packet(4000) }, 0);
        assert!(matches!(buffer.pull(0), Pulled::Frame(sound) if sound.payload == [0, 0]));
        (9000..9004).for_each(|sequence| buffer.insert(Packet { ssrc: 3, ..packet(sequence) }, 20));
        assert!(matches!(buffer.pull(20), Pulled::Frame(sound) if sound.payload == 9000u16.to_be_bytes()));
        assert_eq!(buffer.counters().restarts, 1);
    }

    #[test]
    fn numbers_used_for_events_are_no_loss() {
        let mut buffer = JitterBuffer::default();
        (0..8).for_each(|sequence| {
            let event = Packet { sound: None, samples: 0, ..packet(sequence) };
            buffer.insert(if (3..6).contains(&sequence) { event } else { packet(sequence) }, 0);
        });
        let played = play(&mut buffer, &[], 0..5);
        assert_eq!(played, [0, 1, 2, 6, 7]);
    }

    #[test]
    fn a_flood_is_bounded_and_nothing_panics() {
        let mut random = SmallRng::seed_from_u64(3);
        let mut buffer = JitterBuffer::default();
        for step in 0..200_000u64 {
            let samples = random.random_range(0..2000);
            buffer.insert(Packet { ssrc: random.random_range(0..2), samples, ..packet(random.random()) }, step);
            let stream = buffer.stream.as_ref();
            assert!(stream.is_none_or(|stream| stream.waiting.len() <= TOO_MANY && stream.buffered <= TOO_MUCH));
            if step % 7 == 0 {
                buffer.pull(step);
            }
        }
    }
}
