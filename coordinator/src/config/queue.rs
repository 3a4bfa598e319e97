//! How much, how often.

use std::time::Duration;

use offhook::span::duration;

/// The pace of the queue.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueConfig {
    /// The most calls this coordinator has under way
    #[arg(long, env = "OFFHOOK_MAX_CALLS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_calls: u32,
    /// How often the queue is looked at when nothing wakes us; inserts and updates do
    #[arg(long, env = "OFFHOOK_POLL", default_value = "500ms", value_parser = duration)]
    pub poll: Duration,
    /// How long a claim holds without a sign of life of its coordinator; renewed three times as often
    #[arg(long, env = "OFFHOOK_LEASE", default_value = "15s", value_parser = duration)]
    pub lease: Duration,
    /// How long a statement may take before it is given up and tried again; leases are renewed in less where OFFHOOK_LEASE is shorter
    #[arg(long, env = "OFFHOOK_STATEMENT_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub statement_timeout: Duration,
    /// How long nobody may have looked after a call of another machine, before it is settled from here
    #[arg(long, env = "OFFHOOK_ABANDONED_AFTER", default_value = "60s", value_parser = duration)]
    pub abandoned_after: Duration,
    /// How often recordings, event logs and calls that were kept long enough are looked for and deleted
    #[arg(long, env = "OFFHOOK_RETENTION_EVERY", default_value = "30s", value_parser = duration)]
    pub sweep: Duration,
    /// Whether the providers are asked before the first call, and while one of them fails; where not, calls find out
    #[arg(long, env = "OFFHOOK_PROVIDER_PROBE", default_value_t = true, action = clap::ArgAction::Set)]
    pub provider_probe: bool,
    /// How long running calls may go on after SIGTERM; what is longer is left to the next coordinator
    #[arg(long, env = "OFFHOOK_DRAIN", default_value = "8m", value_parser = duration)]
    pub drain: Duration,
    /// How long a worker may take to leave after it was told to stop
    #[arg(long, env = "OFFHOOK_STOP_GRACE", default_value = "10s", value_parser = duration)]
    pub stop_grace: Duration,
}
