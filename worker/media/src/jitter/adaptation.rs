//! How long sound has to wait, so that nearly all of it comes in time: learnt from how unevenly it comes. Pure.
//!
//! How much longer than the fastest packet of the last seconds each one took is kept in a histogram that forgets (half of it in
//! seven seconds at 20 ms); the target is what 99 of 100 packets need, 20 to 120 ms in steps of 20. A packet that came too late
//! raises it at once, for ten seconds.

/// The least and the most that sound waits on purpose, ms.
const LEAST: u32 = 20;
pub(super) const MOST: u32 = 120;
/// Before anything is known, ms.
const START: u32 = 40;
/// Packets that the beginning counts for.
const START_WEIGHT: f32 = 25.0;
/// A step of the target: the usual packet, ms.
const STEP: u32 = 20;
/// A box of the histogram, ms; the last one holds everything beyond.
const BOX: u32 = 10;
const BOXES: usize = 32;
/// What a packet forgets of those before it.
const MEMORY: f32 = 0.998;
/// The share that may come too late.
const TOO_LATE: f32 = 0.01;
/// The fastest packet is looked for in the last two of these, µs.
const WINDOW_US: i64 = 5_000_000;
/// A step between two packets that no network makes: the peer's clock has jumped, µs.
const JUMP_US: i64 = 1_000_000;
/// How long a packet that came too late holds the target up, ms.
const HELD_MS: u64 = 10_000;

#[derive(Debug)]
pub(super) struct Adaptation {
    /// Shares of packets by how much longer they took.
    histogram: [f32; BOXES],
    /// Packets so far, as far as it matters.
    weight: f32,
    /// Time stamp and clock rate of the packet before, and its time in µs.
    last: Option<(u32, u32)>,
    media_us: i64,
    way_before: i64,
    /// The fastest way of this window and the one before.
    fastest: [i64; 2],
    window_ends: i64,
    /// What a late packet would have needed, and until when that counts.
    held: Option<(u32, u64)>,
}

impl Default for Adaptation {
    fn default() -> Self {
        let mut histogram = [0.0; BOXES];
        histogram[(START / BOX) as usize - 1] = 1.0;
        Adaptation {
            histogram,
            weight: START_WEIGHT,
            last: None,
            media_us: 0,
            way_before: 0,
            fastest: [i64::MAX; 2],
            window_ends: 0,
            held: None,
        }
    }
}

impl Adaptation {
    /// A packet of sound has come; `timestamp` counts in `clock_rate` Hz.
    pub(super) fn arrived(&mut self, timestamp: u32, clock_rate: u32, now: u64) {
        let now = i64::try_from(now).unwrap_or(i64::MAX / 2000).saturating_mul(1000);
        let step = match self.last {
            Some((before, rate)) if rate == clock_rate => {
                i64::from(timestamp.wrapping_sub(before) as i32) * 1_000_000 / i64::from(clock_rate.max(1))
            }
            _ => i64::MAX,
        };
        self.last = Some((timestamp, clock_rate));
        let way = now.saturating_sub(self.media_us.saturating_add(step));
        if step == i64::MAX || (way - self.way_before).abs() > JUMP_US {
            // Another clock: its ways cannot be compared with those before, but what was learnt of the network holds.
            (self.media_us, self.way_before) = (now, 0);
            (self.fastest, self.window_ends) = ([0, i64::MAX], now + WINDOW_US);
            return;
        }
        self.media_us += step;
        self.way_before = way;
        if now >= self.window_ends {
            (self.fastest, self.window_ends) = ([way, self.fastest[0]], now + WINDOW_US);
        }
        self.fastest[0] = self.fastest[0].min(way);
        self.learn((way - self.fastest[0].min(self.fastest[1])) / 1000);
    }

    /// A packet came after its turn and would have been in time, had the sound waited so many ms.
    pub(super) fn late(&mut self, needed: u32, now: u64) {
        let needed = needed.max(self.target(now)).min(MOST);
        self.held = Some((needed, now + HELD_MS));
    }

    /// How long sound is to wait, ms.
    pub(super) fn target(&self, now: u64) -> u32 {
        let mut beyond = 0.0;
        let too_late = |share: &&f32| {
            beyond += **share;
            beyond <= TOO_LATE
        };
        let left_out = self.histogram.iter().rev().take_while(too_late).count();
        let needed = (BOXES - left_out) as u32 * BOX;
        let held = self.held.filter(|(_, until)| now < *until).map_or(0, |(needed, _)| needed);
        needed.max(held).next_multiple_of(STEP).clamp(LEAST, MOST)
    }

    fn learn(&mut self, longer_ms: i64) {
        let place = usize::try_from(longer_ms / i64::from(BOX)).unwrap_or(0).min(BOXES - 1);
        let memory = (1.0 - 1.0 / (self.weight + 1.0)).min(MEMORY);
        self.weight += 1.0;
        self.histogram.iter_mut().for_each(|share| *share *= memory);
        self.histogram[place] += 1.0 - memory;
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;

    /// Packets of 20 ms at 8 kHz, each so late.
    fn learn(adaptation: &mut Adaptation, packets: std::ops::Range<u64>, mut late: impl FnMut() -> u64) -> u64 {
        let last = packets.end;
        for index in packets {
            adaptation.arrived((index as u32).wrapping_mul(160), 8000, index * 20 + late());
        }
        last * 20
    }

    #[test]
    fn the_target_is_what_nearly_all_packets_need() {
        for (spread, expected) in [(1, 20), (15, 20), (35, 40), (60, 60), (100, 100), (300, 120)] {
            let mut random = SmallRng::seed_from_u64(2);
            let mut adaptation = Adaptation::default();
            assert_eq!(adaptation.target(0), 40);
            let now = learn(&mut adaptation, 0..3000, || random.random_range(0..spread));
            assert_eq!(adaptation.target(now), expected, "{spread} ms of jitter");
        }
    }

    #[test]
    fn one_late_packet_raises_it_for_ten_seconds() {
        let mut adaptation = Adaptation::default();
        let now = learn(&mut adaptation, 0..3000, || 0);
        adaptation.late(75, now);
        assert_eq!((adaptation.target(now), adaptation.target(now + 9_999)), (80, 80));
        assert_eq!(adaptation.target(now + 10_000), 20);
        adaptation.late(5000, now);
        assert_eq!(adaptation.target(now), MOST);
    }

    #[test]
    fn drifting_clocks_and_jumps_are_no_jitter() {
        let mut adaptation = Adaptation::default();
        // 200 ppm for an hour: 720 ms in all.
        for index in 0..180_000u64 {
            adaptation.arrived((index as u32).wrapping_mul(160), 8000, index * 20 + index / 250);
        }
        assert_eq!(adaptation.target(3_600_000), 20);
        for jump in [1, 2, 3, u32::MAX / 3] {
            let start = u32::wrapping_mul(jump, 1_000_003);
            (0..20)
                .for_each(|index| adaptation.arrived(start.wrapping_add(index * 160), 8000, 3_700_000 + u64::from(index) * 20));
        }
        adaptation.arrived(5, 48_000, 3_800_000);
        adaptation.arrived(965, 48_000, 3_800_020);
        assert_eq!(adaptation.target(3_800_020), 20);
    }
}
