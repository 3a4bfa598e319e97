//! What the coordinator and the worker agree on: a call and its states, the request and its limits, the disposition of an
//! attempt, its outcome and report, the retry policy, the specification a worker is handed, and the store.
//!
//! No sockets but Postgres; decisions are pure functions that take `now`.

pub mod attempt;
pub mod call;
pub mod destination;
pub mod disposition;
pub mod end_cause;
pub mod language;
pub mod log;
pub mod offer;
pub mod outcome;
pub mod provider;
pub mod recording;
pub mod report;
pub mod request;
pub mod retry_policy;
pub mod secret;
pub mod span;
pub mod store;
pub mod turn;
