//! Who has the floor: what the callee is saying, what of it is not transcribed yet, and what is not answered yet.

use std::collections::BTreeMap;

use offhook_types::{
    audio::MediaTime,
    ids::{Generation, Millis, UtteranceId},
};

use super::turns::TurnKey;

/// An utterance at the recogniser.
#[derive(Debug, Clone)]
pub(super) struct Utterance {
    pub turn: TurnKey,
    pub started: MediaTime,
    pub ended: MediaTime,
    /// When the recogniser was asked.
    pub asked: Millis,
    /// It was asked again, and told the language.
    pub hinted: bool,
}

/// What the callee is doing and what is owed to them.
#[derive(Debug, Clone, Default)]
pub(super) struct Floor {
    /// The turn that is being spoken, and since when we know.
    pub speaking: Option<(TurnKey, Millis)>,
    pub transcribing: BTreeMap<UtteranceId, Utterance>,
    /// Something was said that no reply has answered yet.
    pub unanswered: bool,
    /// Since when.
    pub unanswered_since: Option<Millis>,
    /// What is heard over the read-back is taken for a noise until then.
    pub guarded_until: Option<Millis>,
    /// When the callee was last heard to end.
    pub last_sound: Millis,
    /// When the callee's last words were understood.
    pub last_words: Millis,
    /// Nothing was understood: we ask to repeat.
    pub ask_again: bool,
    /// Words were heard at all.
    pub words_heard: bool,
    /// The callee's last turn with words.
    pub last_turn: Option<TurnKey>,
    /// The last words were not heard for certain: nothing is agreed on them.
    pub doubted: bool,
    /// We ask whether this is what they said.
    pub ask_whether: Option<String>,
    /// Such questions in a row.
    pub questions: u32,
    /// Turns with words.
    pub turns: u32,
    /// Turns that named a time, a day or a party, or denied something: what an acceptance may rest on.
    pub bases: u32,
    /// The callee's words since the model was last asked, and the generation they followed.
    pub said: String,
    pub said_before: Generation,
    /// The callee's last words that contested something, where they have named or affirmed nothing since.
    pub denial: String,
    /// Utterances in a row that were not understood.
    pub unclear: u32,
    /// Utterances in a row that were clearly speech, and of which the recogniser made nothing usable.
    pub unusable: u32,
    /// Failures of the recogniser in a row.
    pub failures: u32,
}

impl Floor {
    /// The callee is not speaking and everything they said is transcribed.
    pub fn is_quiet(&self) -> bool {
        self.speaking.is_none() && self.transcribing.is_empty()
    }

    /// Transcripts are still to come.
    pub fn is_transcribing(&self) -> bool {
        !self.transcribing.is_empty()
    }
}
