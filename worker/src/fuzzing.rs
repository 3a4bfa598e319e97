//! What the fuzz targets in `fuzz/` call: everything that reads bytes from outside, one function each. Nothing here may panic
//! for any input, but where a property is broken.

pub use crate::media::fuzz_signals::{dtmf, sdp};
pub use crate::media::fuzz_wire::{rtcp, rtp, stun};
pub use crate::sip::fuzz_message as sip_message;
