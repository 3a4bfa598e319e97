//! Which ticks are due. Deadlines are absolute, so nothing drifts; a worker that slept catches up, but not for ever.

use offhook_types::audio::FRAME_MS;

/// Ticks that are caught up one by one: 200 ms. Beyond that a burst of packets does more harm than a gap.
const MOST_CAUGHT_UP: u64 = 10;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Ticks to leave out: silence for both sides.
    pub skip: u64,
    /// Ticks to play after those.
    pub play: u64,
}

/// Counts the ticks of one session. Tick `n` is due `n` × 20 ms after the start.
#[derive(Debug, Default)]
pub struct Pacer {
    done: u64,
}

impl Pacer {
    /// Takes what is due `elapsed_ms` after the start; it counts as done.
    pub fn take(&mut self, elapsed_ms: u64) -> Due {
        let behind = (elapsed_ms / FRAME_MS + 1).saturating_sub(self.done);
        let play = behind.min(MOST_CAUGHT_UP);
        self.done += behind;
        Due { skip: behind - play, play }
    }

    /// When the next tick is due, in milliseconds after the start.
    pub fn next_ms(&self) -> u64 {
        self.done * FRAME_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_wake_ups_do_not_move_the_deadlines() {
        let mut pacer = Pacer::default();
        let woken = [0, 21, 40, 79, 80, 100];
        let played: Vec<u64> = woken.iter().map(|elapsed| pacer.take(*elapsed).play).collect();
        assert_eq!(played, [1, 1, 1, 1, 1, 1]);
        assert_eq!(pacer.next_ms(), 120);
        assert_eq!(pacer.take(119), Due { skip: 0, play: 0 });
    }

    #[test]
    fn a_short_sleep_is_caught_up_and_a_long_one_is_skipped() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.take(199), Due { skip: 0, play: 10 });
        assert_eq!(pacer.take(60_199), Due { skip: 2990, play: 10 });
        assert_eq!(pacer.next_ms(), 60_200);
    }
}
