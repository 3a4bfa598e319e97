//! Everything offhook says to Postgres, by who says it.
