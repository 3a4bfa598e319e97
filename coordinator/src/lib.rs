//! The coordinator of offhook: claims due calls, starts one worker per attempt, settles what comes back.
//!
//! ```text
//! calls ──claim──▶ queue ──▶ supervisor ──▶ launcher ──▶ worker
//!                    ▲            │
//!      maintenance ──┘            └──▶ settle
//! ```

pub mod assignment;
pub mod check;
pub mod command;
pub mod config;
pub mod in_flight;
pub mod launcher;
pub mod learned;
pub mod maintenance;
mod orphans;
pub mod output;
pub mod probe;
pub mod provider_health;
pub mod provider_settings;
pub mod queue;
pub mod retention;
pub mod run;
pub mod settings;
pub mod signal;
pub mod specification;
pub mod spool;
pub mod supervisor;
pub mod test_signals;
