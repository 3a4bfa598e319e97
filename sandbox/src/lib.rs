//! The outside world in a box: restaurants that answer SIP calls, and model servers that speak the vendors' wire.

pub mod restaurants;
pub mod talker;
