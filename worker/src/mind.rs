//! The conversation: a pure state machine. `(state, event, now) -> actions`; no clock, no socket, no await.

pub mod action;
pub mod event;

pub use action::{Action, Message, Role, Tool, Turn};
pub use event::{Event, ToolCall, Transcript};
