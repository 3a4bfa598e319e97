//! Hearing: from frames of the callee's sound to "somebody began to speak", "somebody has finished", "a machine's tone".
//!
//! `silero` says for 32 ms of sound how likely it is speech, `endpointing` makes utterances of that, `beep` finds the
//! voicemail's tone, `ear` joins them. Nothing here knows a socket, a clock or a word.

pub mod beep;
pub mod ear;
pub mod endpointing;
pub mod near_talker;
pub mod silero;

pub use ear::{Ear, EarConfig};
