//! Hearing: from frames of the callee's sound to "somebody began to speak", "somebody has finished", "a machine's tone".
//!
//! `attenuator` takes 32 ms of sound to a level at which `silero` says best how likely it is speech, `near_talker` says whose, `endpointing`
//! makes utterances of that, `beep` finds the voicemail's tone, `ear` joins them. Nothing here knows a socket, a clock or a word.

pub mod attenuator;
pub mod beep;
pub mod ear;
pub mod endpointing;
pub mod near_talker;
pub mod silero;

pub use ear::{Ear, EarConfig};
