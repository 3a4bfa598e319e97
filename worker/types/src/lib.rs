//! What passes between the rooms of the worker: sound and its clock, identifiers, what was heard, what was played, what the model
//! is told. No room is named here, and nothing here decides anything.

pub mod audio;
pub mod chat;
pub mod hearing;
pub mod ids;
pub mod line;
pub mod placeholder;
pub mod playout;
pub mod services;
pub mod tone;
pub mod transcript;
