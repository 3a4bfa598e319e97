//! What has come of the peer's stream: how much is missing, and how evenly it came (RFC 3550, appendices A.1, A.3 and A.8).

/// A number this far ahead is still of this stream; so is one this far behind (appendix A.1).
const MOST_AHEAD: u16 = 3000;
const MOST_BEHIND: u16 = 100;
/// Seconds by which two packets' ways may differ; beyond that the peer's clock has jumped.
const LARGEST_STEP: f64 = 2.0;

/// A packet, as far as it is counted here.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    /// Who sends.
    pub ssrc: u32,
    /// Its number.
    pub sequence: u16,
    /// Microseconds, of any clock.
    pub arrived_us: u64,
    /// Time and clock rate in Hz, where the time moves with the sound: not in a telephone event.
    pub time: Option<(u32, u32)>,
}

/// The figures of a report block (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Who sends.
    pub ssrc: u32,
    /// Since the block before, in 256ths.
    pub fraction_lost: u8,
    /// Since the beginning; may be negative where packets came twice.
    pub lost: i32,
    /// The highest number, rollovers in front.
    pub highest: u32,
    /// In units of the stream's clock.
    pub jitter: u32,
}

/// Counts one peer, whichever streams it sends one after the other.
#[derive(Debug, Default)]
pub struct Reception {
    stream: Option<Stream>,
    /// Lost in streams that have ended.
    lost_before: u64,
    /// Seconds, running.
    jitter: Option<f64>,
}

/// Where a number belongs.
enum Place {
    Here,
    Strange,
    Beginning,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    first: u32,
    highest: u32,
    received: u32,
    /// Expected and received at the block before.
    reported: (u32, u32),
    /// The number that would show that the peer has begun anew.
    restart: Option<u16>,
    /// Time on the way of the packet before, in seconds with an unknown offset; its time stamp and clock.
    way: Option<(f64, u32, u32)>,
    clock_rate: u32,
}

impl Reception {
    /// Counts a packet.
    pub fn note(&mut self, packet: Noted) {
        let place = match &mut self.stream {
            Some(stream) if stream.ssrc == packet.ssrc => stream.place(packet.sequence),
            _ => Place::Beginning,
        };
        match place {
            Place::Here => {}
            Place::Strange => return,
            Place::Beginning => self.begin(packet),
        }
        let (Some(stream), Some((timestamp, clock_rate))) = (&mut self.stream, packet.time) else { return };
        if let Some(step) = stream.step(packet) {
            let jitter = self.jitter.get_or_insert(0.0);
            *jitter += (step.abs() - *jitter) / 16.0;
        }
        stream.clock_rate = clock_rate;
        stream.way = Some((packet.arrived_us as f64 / 1e6, timestamp, clock_rate));
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, |stream| u64::try_from(stream.lost()).unwrap_or(0))
    }

    /// Interarrival jitter in ms; `None` before the second packet.
    pub fn jitter_ms(&self) -> Option<f32> {
        self.jitter.map(|seconds| (seconds * 1000.0) as f32)
    }

    /// The next report block; `None` before the first packet.
    pub fn figures(&mut self) -> Option<Figures> {
        let jitter = self.jitter.unwrap_or(0.0);
        let stream = self.stream.as_mut()?;
        let (expected, received) = (stream.expected(), stream.received);
        let (expected_before, received_before) = std::mem::replace(&mut stream.reported, (expected, received));
        let expected_now = i64::from(expected.wrapping_sub(expected_before));
        let lost_now = expected_now - i64::from(received.wrapping_sub(received_before));
        let fraction = if expected_now <= 0 || lost_now <= 0 { 0 } else { (lost_now * 256 / expected_now).min(255) };
        Some(Figures {
            ssrc: stream.ssrc,
            fraction_lost: fraction as u8,
            lost: stream.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: stream.highest,
            jitter: (jitter * f64::from(stream.clock_rate)) as u32,
        })
    }

    fn begin(&mut self, packet: Noted) {
        self.lost_before = self.lost();
        let first = u32::from(packet.sequence);
        self.stream = Some(Stream {
            ssrc: packet.ssrc,
            first,
            highest: first,
            received: 1,
            reported: (0, 0),
            restart: None,
            way: None,
            clock_rate: packet.time.map_or(8000, |(_, clock_rate)| clock_rate),
        });
    }
}

impl Stream {
    /// Counts the packet where it belongs here. A strange number does not, until the next one follows it.
    fn place(&mut self, sequence: u16) -> Place {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MOST_AHEAD {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if ahead < MOST_BEHIND.wrapping_neg() {
            let awaited = self.restart.replace(sequence.wrapping_add(1));
            return if awaited == Some(sequence) { Place::Beginning } else { Place::Strange };
        }
        self.restart = None;
        self.received += 1;
        Place::Here
    }

    /// By how many seconds this packet took longer than the one before (appendix A.8).
    fn step(&self, packet: Noted) -> Option<f64> {
        let (timestamp, clock_rate) = packet.time?;
        let (arrived, before, clock_before) = self.way?;
        if clock_rate != clock_before || clock_rate == 0 {
            return None;
        }
        let sent = f64::from(timestamp.wrapping_sub(before) as i32) / f64::from(clock_rate);
        let step = packet.arrived_us as f64 / 1e6 - arrived - sent;
        (step.abs() < LARGEST_STEP).then_some(step)
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    fn lost(&self) -> i64 {
        i64::from(self.expected()) - i64::from(self.received)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn packet(sequence: u16, arrived_ms: u64) -> Noted {
        let timestamp = u32::from(sequence).wrapping_mul(160);
        Noted { ssrc: 1, sequence, arrived_us: arrived_ms * 1000, time: Some((timestamp, 8000)) }
    }

    #[test]
    fn what_is_missing_is_counted_since_the_beginning_and_since_the_last_report() {
        let mut reception = Reception::default();
        assert_eq!(reception.figures(), None);
        for index in (0..100u16).filter(|index| index % 10 != 3) {
            reception.note(packet(index.wrapping_add(65_500), u64::from(index) * 20));
        }
        let figures = reception.figures().unwrap();
        assert_eq!((figures.lost, figures.fraction_lost, figures.highest), (10, 25, 65_599));
        (100..200u16).for_each(|index| reception.note(packet(index.wrapping_add(65_500), u64::from(index) * 20)));
        let figures = reception.figures().unwrap();
        assert_eq!((figures.lost, figures.fraction_lost), (10, 0));
        assert_eq!(reception.lost(), 10);
    }

    #[test]
    fn packets_in_disorder_are_not_lost_and_those_that_come_twice_hide_no_panic() {
        let mut reception = Reception::default();
        for index in [5, 7, 6, 9, 8, 8, 8, 10] {
            reception.note(packet(index, u64::from(index) * 20));
        }
        assert_eq!((reception.figures().unwrap().lost, reception.lost()), (-2, 0));
    }

    #[test]
    fn jitter_is_the_running_mean_of_the_differences() {
        let mut reception = Reception::default();
        // Every second packet comes 8 ms late: each step is 8 ms.
        for index in 0..400u16 {
            reception.note(packet(index, u64::from(index) * 20 + u64::from(index % 2) * 8));
        }
        assert!((reception.jitter_ms().unwrap() - 8.0).abs() < 0.01);
        assert_eq!(reception.figures().unwrap().jitter, 63, "in the clock's units");
    }

    #[test]
    fn events_pauses_and_other_clocks_do_not_jitter() {
        let mut reception = Reception::default();
        (0..50).for_each(|index| reception.note(packet(index, u64::from(index) * 20)));
        // Ten packets of one event, all with its first time.
        (50..60).for_each(|index| reception.note(Noted { time: None, ..packet(index, u64::from(index) * 20) }));
        // A pause of a minute on both clocks, then another codec, then a clock that jumps.
        let later = |index: u16, time| Noted { time: Some(time), ..packet(index, 60_000 + u64::from(index) * 20) };
        reception.note(later(60, (60_000 * 8 + 60 * 160, 8000)));
        reception.note(later(61, (17, 48_000)));
        reception.note(later(62, (17 + 960, 48_000)));
        reception.note(later(63, (3_000_000_000, 48_000)));
        assert!(reception.jitter_ms().unwrap() < 0.001);
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn a_new_stream_is_counted_from_its_beginning() {
        let mut reception = Reception::default();
        [1, 2, 4].into_iter().for_each(|index| reception.note(packet(index, 0)));
        (9000..9010).for_each(|index| reception.note(Noted { ssrc: 2, ..packet(index, 0) }));
        assert_eq!((reception.lost(), reception.figures().unwrap().ssrc), (1, 2));
        reception.note(Noted { ssrc: 2, ..packet(30_000, 0) });
        assert_eq!(reception.figures().unwrap().highest, 9009, "one stray number changes nothing");
        reception.note(Noted { ssrc: 2, ..packet(30_001, 0) });
        reception.note(Noted { ssrc: 2, ..packet(30_002, 0) });
        assert_eq!((reception.figures().unwrap().highest, reception.lost()), (30_002, 1));
    }
}
