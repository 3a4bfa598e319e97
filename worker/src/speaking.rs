//! speaking
