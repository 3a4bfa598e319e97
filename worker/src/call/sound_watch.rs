//! An answered call is one only when sound comes: within a bound, or it ends as one without media.

use std::time::Duration;

use offhook::disposition::Disposition;
use offhook_mind::action::Conclusion;
use tokio::time::Instant;

/// Watches for the first sound after the answer.
#[derive(Debug)]
pub(super) struct SoundWatch {
    answered: Instant,
    bound: Duration,
    state: Sound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Awaited,
    Came,
    NeverCame,
}

impl SoundWatch {
    pub(super) fn new(answered: Instant, bound: Duration) -> Self {
        SoundWatch { answered, bound, state: Sound::Awaited }
    }

    /// Whether nobody has looked yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.state == Sound::Awaited
    }

    /// When to look.
    pub(super) fn due(&self) -> Instant {
        self.answered + self.bound
    }

    /// How long sound may take.
    pub(super) fn bound(&self) -> Duration {
        self.bound
    }

    /// Looks; answers whether there was sound.
    pub(super) fn arrived(&mut self, packets: u64) -> bool {
        self.state = if packets > 0 { Sound::Came } else { Sound::NeverCame };
        self.state == Sound::Came
    }

    /// A call that ended because no sound came ended for no other reason.
    pub(super) fn judge(&self, conclusion: Conclusion) -> Conclusion {
        if self.state != Sound::NeverCame || conclusion.outcome.is_some() {
            return conclusion;
        }
        let detail = format!("answered, but no sound came within {:.0} s", self.bound.as_secs_f32());
        Conclusion { disposition: Disposition::NoMedia, detail: Some(detail), ..conclusion }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped() -> Conclusion {
        Conclusion { disposition: Disposition::Answered, outcome: None, detail: None, do_not_call: false }
    }

    #[test]
    fn a_call_without_a_packet_is_one_without_media() {
        let mut watch = SoundWatch::new(Instant::now(), Duration::from_secs(10));
        assert_eq!(watch.judge(dropped()).disposition, Disposition::Answered, "hung up before the bound");
        assert!(watch.is_awaited() && !watch.arrived(0));
        let conclusion = watch.judge(dropped());
        assert_eq!(conclusion.disposition, Disposition::NoMedia);
        assert_eq!(conclusion.detail.as_deref(), Some("answered, but no sound came within 10 s"));
    }

    #[test]
    fn one_packet_makes_it_a_call() {
        let mut watch = SoundWatch::new(Instant::now(), Duration::from_secs(10));
        assert!(watch.arrived(1) && !watch.is_awaited());
        assert_eq!(watch.judge(dropped()).disposition, Disposition::Answered);
    }
}
