//! Whether the call may be recorded: what the callee has heard of it, and what they say to that.

use offhook_types::{audio::MediaTime, ids::SentenceId};
use serde_json::json;

use super::{
    action::Action,
    mind::{Consent, Mind},
    recording_objection::objects_to_recording,
};

impl Consent {
    /// For people, where the callee objected.
    pub fn note(&self) -> Option<&'static str> {
        self.refused.then_some("The callee objected to the recording; it was stopped and deleted.")
    }
}

impl Mind {
    /// A sentence was heard in full.
    pub(super) fn heard_in_full(&mut self, sentence: SentenceId, at: MediaTime) {
        if self.disclosure.announces_recording(sentence) {
            self.consent.announced.get_or_insert(at);
        }
    }

    /// What the callee said, and when they began to. Whoever has heard that the call is recorded and then goes on without objecting
    /// agrees to it; an objection counts whenever it comes, for good.
    pub(super) fn about_the_recording(&mut self, text: &str, started: MediaTime) {
        if !self.request.record {
            return;
        }
        if objects_to_recording(text) {
            self.consent.refused = true;
            // Nothing that is said from now on may claim that the call is recorded.
            self.request.record = false;
            self.disclosure.recording_deleted();
            self.actions.push(Action::DeleteRecording);
            self.log("recording_deleted", json!({ "because": "the callee objected" }));
        } else if !self.consent.given && self.consent.announced.is_some_and(|announced| started >= announced) {
            self.consent.given = true;
            self.actions.push(Action::StartRecording);
            self.log("recording_agreed", json!({ "how": "went on after the announcement" }));
        }
    }
}
