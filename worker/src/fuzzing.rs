//! What the fuzz targets in `fuzz/` call: everything that reads bytes from outside, one function each. Nothing here may panic
//! for any input, but where a property is broken.

pub use crate::sip::fuzz_message as sip_message;
