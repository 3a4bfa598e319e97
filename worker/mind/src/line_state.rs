//! What the line has told: whether RTP comes, and who put whom on hold.

use offhook_types::ids::Millis;

/// The line, since the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineState {
    /// When somebody answered.
    pub answered: Millis,
    /// RTP has come since the answer.
    pub media_came: bool,
    /// RTP has not come since this moment.
    pub absent_since: Option<Millis>,
    /// The far end holds the call by signalling since this moment: it does not hear us.
    pub held_since: Option<Millis>,
    /// When it last took us back: what waited to be spoken begins only now.
    pub taken_back: Millis,
    /// When the line went down.
    pub down: Option<Millis>,
    /// The callee asked us to wait, in words.
    pub asked_to_wait: bool,
}

impl LineState {
    /// On hold, by signalling or in words.
    pub fn is_on_hold(&self) -> bool {
        self.asked_to_wait || self.held_since.is_some()
    }
}
