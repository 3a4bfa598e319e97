//! The conversation: a pure state machine. `(state, event, now) -> actions`; no clock, no socket, no await.

pub mod action;
mod agreement;
mod barge_in;
mod blame;
mod closing;
mod consent;
mod contesting;
mod deadlines;
mod disclosure;
mod do_not_call;
mod doubt;
pub mod event;
mod floor;
#[doc(hidden)]
pub mod fuzzing;
mod guest_name;
mod handle;
mod history;
mod hold;
mod language;
mod line_state;
mod listening;
mod mind;
mod model_reply;
mod named;
mod opening;
mod outcome;
mod pattern;
mod phrases;
pub mod promise;
mod prompts;
mod read_back;
mod recording_objection;
mod replying;
mod sentence_queue;
mod sentences;
mod tool_calls;
mod tool_running;
pub mod tool_schemas;
mod turns;
mod understanding;
mod voice_failures;
mod who_answered;

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
#[cfg(test)]
mod storms;

pub use action::{Action, Conclusion};
pub use event::Event;
pub use mind::{Mind, MindSettings};
pub use sentence_queue::FETCHED_AHEAD;
