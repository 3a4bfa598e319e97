//! Everything offhook says to Postgres, by who says it.

pub mod migrate;
pub mod worker;
