//! One press of a key is one, though it may be told in several ways: as an event, as tones that leak into the sound beside it, in
//! an INFO. Pure; `now` is milliseconds.

use std::collections::VecDeque;

/// Within so long the same key told in another way is the same press: an INFO comes when the key is let go, and may have been
/// sent twice.
const SAME_PRESS_MS: u64 = 1500;
/// Presses that are remembered; more within `SAME_PRESS_MS` are no finger's.
const REMEMBERED: usize = 32;

/// How a press was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// RFC 4733.
    Event,
    /// Tones in the sound.
    Tones,
    /// SIP INFO.
    Info,
}

/// Counts presses.
#[derive(Debug, Default)]
pub struct Keypad {
    presses: VecDeque<Press>,
}

#[derive(Debug)]
struct Press {
    digit: char,
    at: u64,
    told: Vec<Way>,
}

impl Keypad {
    /// A press was told in this way; returns it where it is a new one. Each way tells each press once.
    pub fn pressed(&mut self, way: Way, digit: char, now: u64) -> Option<char> {
        self.presses.retain(|press| now.saturating_sub(press.at) <= SAME_PRESS_MS);
        let known = self.presses.iter_mut().find(|press| press.digit == digit && !press.told.contains(&way));
        if let Some(press) = known {
            press.told.push(way);
            return None;
        }
        if self.presses.len() == REMEMBERED {
            self.presses.pop_front();
        }
        self.presses.push_back(Press { digit, at: now, told: vec![way] });
        Some(digit)
    }
}

#[cfg(test)]
mod tests {
    use super::{Way::*, *};

    fn told(presses: &[(Way, char, u64)]) -> String {
        let mut keypad = Keypad::default();
        presses.iter().filter_map(|(way, digit, now)| keypad.pressed(*way, *digit, *now)).collect()
    }

    #[test]
    fn a_press_told_in_three_ways_is_one() {
        assert_eq!(told(&[(Event, '1', 0), (Tones, '1', 60), (Info, '1', 400)]), "1");
        assert_eq!(told(&[(Info, '1', 0), (Event, '1', 10)]), "1");
    }

    #[test]
    fn the_same_key_pressed_twice_is_two_in_whatever_order_it_is_told() {
        assert_eq!(told(&[(Event, '1', 0), (Event, '1', 250)]), "11");
        assert_eq!(told(&[(Event, '1', 0), (Tones, '1', 60), (Event, '1', 250), (Tones, '1', 310)]), "11");
        assert_eq!(told(&[(Event, '1', 0), (Event, '1', 250), (Info, '1', 300), (Info, '1', 600)]), "11");
        assert_eq!(told(&[(Event, '1', 0), (Event, '2', 250), (Info, '1', 300), (Info, '2', 600)]), "12");
    }

    #[test]
    fn later_the_same_key_in_another_way_is_another_press() {
        assert_eq!(told(&[(Event, '1', 0), (Info, '1', 1501)]), "11");
    }
}
