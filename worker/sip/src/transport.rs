//! How SIP travels: names become places, bytes become messages and back, and what is hostile goes no further.
//!
//! ```text
//! socket ─▶ framing (streams) ─▶ admission ─▶ head, wire: repaired ─▶ refusal: answered at once ─▶ the crate's parser
//! socket ◀─ flow, flows ◀──────────────────── wire: restated ◀──────────────────────────────────── the crate
//! ```

pub(super) mod admission;
pub(super) mod digest;
pub(super) mod edge;
pub(super) mod flow;
pub(super) mod flows;
pub(super) mod framing;
pub(super) mod fuzzing;
pub(super) mod head;
pub(super) mod locator;
pub(super) mod outbound_proxy;
pub(super) mod refusal;
pub(super) mod resolve;
pub(super) mod route;
pub(super) mod trust;
pub(super) mod wire;
