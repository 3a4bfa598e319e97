//! A reply of the language model that is arriving.

use offhook_speaking::Chunker;
use offhook_types::ids::{Generation, Millis};

/// What has come of it so far.
#[derive(Debug, Clone)]
pub(super) struct ModelReply {
    pub generation: Generation,
    pub chunker: Chunker,
    pub spoke: bool,
    /// Sentences so far, and how long they last when spoken, in ms.
    pub sentences: u32,
    pub lasts: Millis,
    /// What came behind the bound of a reply is not said.
    pub cut_off: bool,
    pub called: bool,
    pub end_call: bool,
    /// A tool refused a call of it: it does not end the conversation.
    pub refused: bool,
    /// When the model was asked.
    pub asked: Millis,
    /// When the model was asked, or a piece of its reply last came.
    pub last_sign: Millis,
    /// A piece has come.
    pub begun: bool,
}

impl ModelReply {
    /// Asked for at `now`.
    pub fn new(generation: Generation, now: Millis) -> Self {
        ModelReply {
            generation,
            chunker: Chunker::default(),
            spoke: false,
            sentences: 0,
            lasts: 0,
            cut_off: false,
            called: false,
            end_call: false,
            refused: false,
            asked: now,
            last_sign: now,
            begun: false,
        }
    }
}
