//! Which packet this is, and whether it was here before (RFC 3711, sections 3.3.1 and 3.3.2).

/// Packets that may come late.
const WIDTH: u64 = 128;

/// How far one stream has got. The index is the sequence number with its rollovers in front, 48 bits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// The highest index; `None` before the first packet.
    highest: Option<u64>,
    /// Bit `n`: the index `n` below the highest was seen.
    seen: u128,
}

impl Window {
    /// The index nearest to the highest that ends in this sequence number (RFC 3711, appendix A).
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return u64::from(sequence) };
        let distance = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(i64::from(distance)).unwrap_or(u64::from(sequence))
    }

    /// Whether this index was here before, or is too old to tell.
    pub(super) fn seen(&self, index: u64) -> bool {
        match self.highest {
            Some(highest) if index <= highest => {
                let age = highest - index;
                age >= WIDTH || self.seen >> age & 1 == 1
            }
            _ => false,
        }
    }

    /// This index is here.
    pub(super) fn note(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => self.seen |= 1u128.checked_shl((highest - index) as u32).unwrap_or(0),
            Some(highest) => {
                let ahead = u32::try_from(index - highest).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
                self.highest = Some(index);
            }
            None => (self.highest, self.seen) = (Some(index), 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_taken_once_while_it_is_recent() {
        let mut window = Window::default();
        for index in [65_530, 65_533, 65_531, 65_540] {
            assert!(!window.seen(index), "{index}");
            window.note(index);
            assert!(window.seen(index), "{index}");
        }
        assert!(!window.seen(65_532) && !window.seen(65_539) && !window.seen(65_541));
        assert!(!window.seen(65_540 - 127) && window.seen(65_540 - 128));
        window.note(65_540 + 1000);
        assert!(window.seen(65_540) && !window.seen(65_540 + 999));
    }

    #[test]
    fn the_rollovers_are_guessed_from_the_nearest_index() {
        let mut window = Window::default();
        assert_eq!(window.estimate(65_535), 65_535);
        window.note(65_535);
        assert_eq!(window.estimate(0), 65_536);
        assert_eq!(window.estimate(65_534), 65_534);
        window.note(65_537);
        assert_eq!(window.estimate(65_535), 65_535);
        assert_eq!(window.estimate(2), 65_538);
        window = Window::default();
        window.note(3);
        assert_eq!(window.estimate(65_535), 65_535, "there is no rollover before the first");
    }
}
