//! Everything offhook says to Postgres, by who says it.

pub mod calls;
pub mod claim;
pub mod claimed;
pub mod connect;
pub mod coordinators;
mod current;
pub mod error;
pub mod events;
pub mod evidence;
pub mod import;
pub mod kept_files;
pub mod leader;
pub mod leases;
mod notes;
pub mod pauses;
pub mod providers;
pub mod request_columns;
pub mod retention;
pub mod retry_policies;
pub mod settle;
pub mod status;
pub mod trunks;
pub mod unusable_row;
pub mod why_not_yet;
pub mod worker;
pub mod worker_login;
