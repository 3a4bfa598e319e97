//! Digits: telephone events (RFC 4733) received and sent, and tones in the sound where the peer takes no events.

pub mod info;
pub mod keypad;
pub mod tones;

use std::collections::VecDeque;

use offhook_types::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE, SILENCE};

/// Events 0 to 15 in their order (RFC 4733, section 3.2).
const DIGITS: &[u8; 16] = b"0123456789*#ABCD";
/// The keys as they lie on a telephone, row by row.
const KEYS: &[u8; 16] = b"123A456B789C*0#D";
/// The tones of a key's row and column, Hz (ITU-T Q.23).
const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS_HZ: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
/// Ticks a digit sounds: 160 ms.
const TONE_TICKS: u32 = 8;
/// Further copies of the last packet of an event (RFC 4733, section 2.5.1.4: three in all).
const COPIES: u32 = 2;
/// Ticks of silence between two digits, copies included: 120 ms.
const PAUSE_TICKS: u32 = 6;
/// Ticks of silence for a comma.
const COMMA_TICKS: u32 = 25;
/// Digits that may wait to be sent.
const MOST_WAITING: usize = 256;
/// Level of an event in −dBm0, and of each tone of an in-band digit.
const VOLUME: u8 = 10;
const TONE_AMPLITUDE: f64 = 6500.0;
/// An event longer than this goes on as another one, that long after it (RFC 4733, section 2.5.1.3).
const LONGEST_SEGMENT: u32 = 0xffff;

/// Tells one press of a key from its many packets.
#[derive(Debug, Default)]
pub struct DtmfReceiver {
    last: Option<Heard>,
}

/// The event heard last, as far as it is known.
#[derive(Debug, Clone, Copy)]
struct Heard {
    source: u32,
    timestamp: u32,
    digit: u8,
    duration: u16,
    ended: bool,
}

impl DtmfReceiver {
    /// A payload of the telephone-event type. Returns the digit with the first packet of its event that arrives.
    pub fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, flags, high, low, ..] = *payload else { return None };
        let digit = *DIGITS.get(usize::from(event))?;
        let heard = Heard { source: ssrc, timestamp, digit, duration: u16::from_be_bytes([high, low]), ended: flags & 0x80 != 0 };
        match self.last {
            Some(last) if last.source == ssrc && timestamp.wrapping_sub(last.timestamp) as i32 <= 0 => {
                if let Some(known) = self.last.as_mut().filter(|known| known.timestamp == timestamp) {
                    known.duration = known.duration.max(heard.duration);
                    known.ended |= heard.ended;
                }
                None
            }
            Some(last) => {
                let same = heard.goes_on(&last);
                self.last = Some(heard);
                (!same).then(|| char::from(digit))
            }
            None => {
                self.last = Some(heard);
                Some(char::from(digit))
            }
        }
    }
}

impl Heard {
    /// Whether this is the event before under another timestamp: the next segment of a long one, or one by a peer that moves the
    /// timestamp with every packet though it should stand still.
    fn goes_on(&self, last: &Heard) -> bool {
        let same = self.source == last.source && self.digit == last.digit && !last.ended;
        let segment = self.timestamp.wrapping_sub(last.timestamp) == LONGEST_SEGMENT;
        same && (segment || self.duration > last.duration)
    }
}

/// What a tick has to do with digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The digit sounds; `tick` counts from 0.
    Tone {
        /// Event number.
        event: u8,
        /// Of its sound.
        tick: u32,
    },
    /// The digit has ended; its last packet is sent once more.
    Copy {
        /// Event number.
        event: u8,
    },
    /// Silence between digits.
    Pause,
}

impl Step {
    /// The four bytes of the event (RFC 4733, section 2.3), where one is sent in this tick. `units` is a tick in the RTP clock.
    pub fn payload(self, units: u32) -> Option<[u8; 4]> {
        let (event, ticks) = match self {
            Step::Tone { event, tick } => (event, tick + 1),
            Step::Copy { event } => (event, TONE_TICKS),
            Step::Pause => return None,
        };
        let end = if ticks == TONE_TICKS { 0x80 } else { 0 };
        let [high, low] = u16::try_from(ticks * units).unwrap_or(u16::MAX).to_be_bytes();
        Some([event, end | VOLUME, high, low])
    }

    /// The sound of this tick, for peers without events and for the recording.
    pub fn sound(self) -> Frame {
        let Step::Tone { event, tick } = self else { return SILENCE };
        let (low, high) = tones(event);
        let step = std::f64::consts::TAU / f64::from(SAMPLE_RATE);
        std::array::from_fn(|index| {
            let at = (tick as usize * FRAME_SAMPLES + index) as f64 * step;
            (TONE_AMPLITUDE * ((at * low).sin() + (at * high).sin())) as i16
        })
    }
}

/// The two frequencies of a digit in Hz.
fn tones(event: u8) -> (f64, f64) {
    let digit = DIGITS[usize::from(event) % DIGITS.len()];
    let key = KEYS.iter().position(|key| *key == digit).unwrap_or(0);
    (f64::from(ROWS_HZ[key / 4]), f64::from(COLUMNS_HZ[key % 4]))
}

/// Sends digits, one after the other, a tick at a time.
#[derive(Debug, Default)]
pub struct DtmfSender {
    /// `None` is a comma.
    waiting: VecDeque<Option<u8>>,
    /// The digit now and its tick.
    now: Option<(Option<u8>, u32)>,
}

impl DtmfSender {
    /// Appends digits: `0`–`9`, `*`, `#`, `A`–`D`, and `,` for half a second. What else there is, is left out.
    pub fn send(&mut self, digits: &str) {
        for digit in digits.bytes() {
            let event = DIGITS.iter().position(|known| *known == digit.to_ascii_uppercase());
            if self.waiting.len() < MOST_WAITING && (event.is_some() || digit == b',') {
                self.waiting.push_back(event.map(|event| event as u8));
            }
        }
    }

    /// Whether nothing is being sent and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.now.is_none() && self.waiting.is_empty()
    }

    /// What this tick is for; `None` where no digit is to be sent.
    pub fn tick(&mut self) -> Option<Step> {
        let (event, tick) = self.now.take().or_else(|| self.waiting.pop_front().map(|event| (event, 0)))?;
        let (step, length) = match event {
            Some(event) if tick < TONE_TICKS => (Step::Tone { event, tick }, TONE_TICKS + PAUSE_TICKS),
            Some(event) if tick < TONE_TICKS + COPIES => (Step::Copy { event }, TONE_TICKS + PAUSE_TICKS),
            Some(_) => (Step::Pause, TONE_TICKS + PAUSE_TICKS),
            None => (Step::Pause, COMMA_TICKS),
        };
        self.now = (tick + 1 < length).then_some((event, tick + 1));
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::tone_dbfs;

    #[test]
    fn digits_arrive_once_each_though_packets_are_lost_doubled_and_swapped() {
        let mut sender = DtmfSender::default();
        sender.send("1,#x5d");
        let mut packets = Vec::new();
        let (mut timestamp, mut start) = (u32::MAX - 2000, 0);
        while let Some(step) = sender.tick() {
            if matches!(step, Step::Tone { tick: 0, .. }) {
                start = timestamp;
            }
            packets.extend(step.payload(160).map(|payload| (start, payload)));
            timestamp = timestamp.wrapping_add(160);
        }
        assert_eq!(packets.len(), 4 * 10);
        packets.remove(0);
        packets.remove(9);
        packets.swap(20, 27);
        let mut receiver = DtmfReceiver::default();
        let twice = packets.iter().flat_map(|packet| [packet, packet]);
        let heard: String = twice.filter_map(|(timestamp, payload)| receiver.receive(1, *timestamp, payload)).collect();
        assert_eq!(heard, "1#5D");
    }

    #[test]
    fn the_event_on_the_wire_is_as_the_rfc_draws_it() {
        assert_eq!(Step::Tone { event: 11, tick: 0 }.payload(160), Some([11, 10, 0, 160]));
        assert_eq!(Step::Tone { event: 1, tick: 7 }.payload(960), Some([1, 0x8a, 0x1e, 0x00]));
        assert_eq!(Step::Copy { event: 1 }.payload(160), Some([1, 0x8a, 5, 0]));
    }

    #[test]
    fn the_tone_of_nine_has_its_two_frequencies_and_no_other() {
        let sound: Vec<i16> = (0..8).flat_map(|tick| Step::Tone { event: 9, tick }.sound()).collect();
        assert!(tone_dbfs(&sound, 852.0, 16_000) > -18.0 && tone_dbfs(&sound, 1477.0, 16_000) > -18.0);
        assert!(tone_dbfs(&sound, 697.0, 16_000) < -40.0 && tone_dbfs(&sound, 1209.0, 16_000) < -40.0);
    }

    #[test]
    fn a_key_held_for_long_is_one_press() {
        let mut receiver = DtmfReceiver::default();
        let mut heard = String::new();
        for segment in 0..3u32 {
            for duration in (160..=0xffff_u32).step_by(1600).chain([0xffff]) {
                let [high, low] = (duration as u16).to_be_bytes();
                heard.extend(receiver.receive(1, 1000 + segment * 0xffff, &[5, 10, high, low]));
            }
        }
        assert_eq!(heard, "5");
        assert_eq!(receiver.receive(1, 1000 + 3 * 0xffff, &[6, 10, 0, 160]), Some('6'));
    }

    #[test]
    fn a_peer_that_moves_the_timestamp_is_understood() {
        let mut receiver = DtmfReceiver::default();
        let mut heard = String::new();
        for press in 0..2u32 {
            for packet in 1..=6u32 {
                let [high, low] = (packet as u16 * 160).to_be_bytes();
                let flags = if packet == 6 { 0x8a } else { 10 };
                heard.extend(receiver.receive(1, press * 8000 + packet * 160, &[1, flags, high, low]));
            }
        }
        assert_eq!(heard, "11");
    }

    #[test]
    fn the_same_key_twice_is_two_though_every_end_is_lost() {
        let mut receiver = DtmfReceiver::default();
        let mut press = |timestamp: u32| {
            let packets = (1..=4u16).filter_map(|packet| {
                let [high, low] = (packet * 160).to_be_bytes();
                receiver.receive(1, timestamp, &[7, 10, high, low])
            });
            packets.collect::<String>()
        };
        assert_eq!((press(1000), press(4000)), ("7".to_owned(), "7".to_owned()));
    }

    #[test]
    fn short_and_unknown_events_are_nothing() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.receive(1, 1, &[]), None);
        assert_eq!(receiver.receive(1, 1, &[5, 0]), None);
        assert_eq!(receiver.receive(1, 1, &[16, 0, 0, 0]), None);
    }
}
