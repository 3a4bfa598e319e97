//! providers
pub mod resampling;
