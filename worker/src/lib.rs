//! Exactly one phone call: dial, hear, understand, negotiate, speak, record, write back.
//!
//! The rooms are crates beside this one: `mind` is pure; `sip`, `media` and `providers` hold the sockets; `call` joins them.

pub mod call;
