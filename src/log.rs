//! What the programs log where OFFHOOK_LOG does not say otherwise.

/// In the notation of tracing's `EnvFilter` and `Targets`. The SIP stack prints whole messages at `info`, numbers and keys of the media
/// included: they are never in a log that nobody has asked for.
pub const DEFAULT_FILTER: &str = "info,rsipstack=warn,sqlx=warn,apalis=warn,apalis_core=warn";
