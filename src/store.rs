//! Everything offhook says to Postgres, by who says it.

pub mod calls;
pub mod claim;
pub mod claimed;
pub mod connect;
pub mod evidence;
pub mod leases;
mod notes;
pub mod refusal;
pub mod settle;
pub mod trunks;
pub mod watch;
pub mod worker;
