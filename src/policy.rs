//! The retry policy.
