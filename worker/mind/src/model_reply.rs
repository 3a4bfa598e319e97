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
    /// Calls that change something.
    pub writes: u32,
    pub end_call: bool,
    /// A tool refused a call of it: it does not end the conversation.
    pub refused: bool,
    /// Turns of the callee that named or denied something, when the model was asked.
    pub bases: u32,
    /// When the model was asked.
    pub asked: Millis,
    /// When the model was asked, or a piece of its reply last came.
    pub last_sign: Millis,
    /// A piece has come.
    pub begun: bool,
}

impl ModelReply {
    /// Asked for at `now`, when the callee had named or denied something in so many turns.
    pub fn new(generation: Generation, bases: u32, now: Millis) -> Self {
        ModelReply {
            generation,
            chunker: Chunker::default(),
            spoke: false,
            sentences: 0,
            lasts: 0,
            cut_off: false,
            called: false,
            writes: 0,
            end_call: false,
            refused: false,
            bases,
            asked: now,
            last_sign: now,
            begun: false,
        }
    }
}
