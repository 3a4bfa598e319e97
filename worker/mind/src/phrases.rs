//! The fixed sentences that code says.

use offhook::language::Language;
use offhook_language::tables;

/// A fixed sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phrase {
    /// Nothing was understood.
    Repeat,
    /// Nobody says anything.
    StillThere,
    /// The end, with thanks.
    Goodbye,
    /// The end, because the call took too long.
    NoTimeLeft,
    /// The end, because the user took the request back.
    Withdrawn,
    /// The end, because this process has to stop.
    Interrupted,
    /// The model failed; it is asked again.
    OneMoment,
    /// The model failed again.
    Trouble,
}

impl Phrase {
    /// Whether an agreement stands although the call ends with this.
    pub fn leaves_agreement(self) -> bool {
        !matches!(self, Phrase::Withdrawn | Phrase::Interrupted)
    }

    /// Its words.
    pub fn in_language(self, language: Language) -> &'static str {
        let phrases = &tables(language).phrases;
        match self {
            Phrase::Repeat => phrases.repeat,
            Phrase::StillThere => phrases.still_there,
            Phrase::Goodbye => phrases.goodbye,
            Phrase::NoTimeLeft => phrases.no_time_left,
            Phrase::Withdrawn => phrases.withdrawn,
            Phrase::Interrupted => phrases.interrupted,
            Phrase::OneMoment => phrases.one_moment,
            Phrase::Trouble => phrases.trouble,
        }
    }
}

/// Returns who is calling, for whom, and that it is no person.
pub(super) fn introduction(guest: &str, language: Language) -> String {
    tables(language).phrases.introduction.replace("{guest}", guest)
}

/// Returns that the call is recorded.
pub(super) fn recorded(language: Language) -> &'static str {
    tables(language).phrases.recorded
}

/// Returns that it is not recorded any more, to whoever objected.
pub(super) fn recording_deleted(language: Language) -> &'static str {
    tables(language).phrases.recording_deleted
}

/// Returns that an earlier call was cut off.
pub(super) fn cut_off_before(language: Language) -> &'static str {
    tables(language).phrases.cut_off_before
}
