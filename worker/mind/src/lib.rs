//! The conversation: a pure state machine. `(state, event, now) -> actions`; no clock, no socket, no await.

pub mod action;
mod barge_in;
mod clocks;
mod closing;
mod consent;
mod conversation;
pub mod event;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod language;
mod listening;
mod opening;
mod outcome;
mod phrases;
pub mod prompts;
mod replying;
mod sentences;
pub mod tools;
mod turns;
mod understanding;

#[cfg(test)]
mod rehearsal;

pub use action::{Action, Conclusion};
pub use conversation::{Mind, MindSettings};
pub use event::Event;
