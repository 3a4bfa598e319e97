//! The transport layer: resolution of names, UDP and streams, repair of messages in both directions, refusal of malformed ones.
//!
//! ```text
//! socket ─▶ framing (streams) ─▶ gate: admission ─▶ repair (head, digest) ─▶ refusal: answered at once ─▶ the crate's parser
//! socket ◀─ flow, flows ◀─────── gate ◀──────────── repair ◀─────────────────────────────────────────── the crate
//! ```

pub(super) mod admission;
pub(super) mod digest;
pub(super) mod flow;
pub(super) mod flows;
pub(super) mod framing;
pub(super) mod fuzzing;
pub(super) mod gate;
pub(super) mod head;
pub(super) mod locator;
pub(super) mod outbound_proxy;
pub(super) mod refusal;
pub(super) mod repair;
pub(super) mod resolve;
pub(super) mod route;
pub(super) mod trust;
