//! The outside world in a box: restaurants that answer SIP calls, and model servers that speak the vendors' wire protocols.
//! Offline, deterministic, and able to fail on demand.

pub mod faults;
pub mod network;
pub mod recogniser;
pub mod restaurants;
pub mod servers;
pub mod sound;
pub mod talker;
pub mod town;
pub mod voice;
