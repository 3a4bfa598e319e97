//! When to call again.

use std::time::Duration;

use offhook::{
    policy::{Breaker, Policy},
    span::{Span, duration},
};

/// The retry policy; a span such as 5m-10m is drawn from at random.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Calling again")]
pub struct RetryConfig {
    /// After a busy line
    #[arg(long, env = "OFFHOOK_RETRY_BUSY", default_value = "5m-10m")]
    pub retry_busy: Span,
    /// After it rang out
    #[arg(long, env = "OFFHOOK_RETRY_NO_ANSWER", default_value = "30m-60m")]
    pub retry_no_answer: Span,
    /// After a machine or a menu
    #[arg(long, env = "OFFHOOK_RETRY_MACHINE", default_value = "2h-4h")]
    pub retry_machine: Span,
    /// How often a machine or a menu is called again
    #[arg(long, env = "OFFHOOK_RETRY_MACHINE_TIMES", default_value_t = 1)]
    pub retry_machine_times: u32,
    /// After the trunk's fault; not counted as an attempt
    #[arg(long, env = "OFFHOOK_RETRY_TRUNK", default_value = "30s-120s")]
    pub retry_trunk: Span,
    /// After a conversation was cut off
    #[arg(long, env = "OFFHOOK_RETRY_DROPPED", default_value = "2m")]
    pub retry_dropped: Span,
    /// How often a conversation that was cut off is resumed
    #[arg(long, env = "OFFHOOK_RETRY_DROPPED_TIMES", default_value_t = 1)]
    pub retry_dropped_times: u32,
    /// How often in a row a worker may be lost before it dialled, until a person has to look
    #[arg(long, env = "OFFHOOK_RETRY_LOST_TIMES", default_value_t = 5)]
    pub retry_lost_times: u32,
    /// How many failures in a row make a trunk rest
    #[arg(long, env = "OFFHOOK_BREAKER_FAILURES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub breaker_failures: u32,
    /// How long it rests
    #[arg(long, env = "OFFHOOK_BREAKER_REST", default_value = "60s", value_parser = duration)]
    pub breaker_rest: Duration,
}

impl RetryConfig {
    /// As the store takes it.
    pub fn policy(&self) -> Policy {
        Policy {
            busy: self.retry_busy,
            no_answer: self.retry_no_answer,
            machine: self.retry_machine,
            machine_retries: self.retry_machine_times,
            trunk_failure: self.retry_trunk,
            dropped: self.retry_dropped,
            dropped_retries: self.retry_dropped_times,
            lost_retries: self.retry_lost_times,
        }
    }

    /// As the store takes it.
    pub fn breaker(&self) -> Breaker {
        Breaker { failures: self.breaker_failures, rest: self.breaker_rest }
    }
}
