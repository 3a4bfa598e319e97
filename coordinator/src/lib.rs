//! The coordinator of offhook: claims due calls, starts one worker per attempt, settles what comes back.
//!
//! ```text
//! calls ──claim──▶ queue ──▶ attend ──▶ launcher ──▶ worker
//!                    ▲          │
//!        keeper ─────┘          └──▶ settle
//! ```

pub mod assignment;
pub mod attend;
pub mod check;
pub mod command;
pub mod config;
pub mod keeper;
pub mod launcher;
pub mod queue;
pub mod run;
pub mod running;
pub mod signal;
pub mod specification;
pub mod spool;
pub mod sweeper;
