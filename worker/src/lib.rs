//! Exactly one phone call: dial, hear, understand, negotiate, speak, record, write back.
//!
//! `mind` is pure; `sip`, `media` and `providers` hold the sockets; `call` joins them.

pub mod audio;
pub mod call;
#[doc(hidden)]
pub mod fuzzing;
pub mod hearing;
pub mod media;
pub mod mind;
pub mod providers;
pub mod sip;
pub mod speaking;
mod tone;
