//! Wall clocks of one call.

use std::time::Duration;

use offhook::{attempt::CallLimits, span::duration};

/// How long anything in a call may take.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits of one call")]
pub struct LimitsConfig {
    /// How long it may ring
    #[arg(long, env = "OFFHOOK_LIMIT_RING", default_value = "45s", value_parser = duration)]
    pub limit_ring: Duration,
    /// How long it may be talked, before the agent ends it politely
    #[arg(long, env = "OFFHOOK_LIMIT_CALL", default_value = "5m", value_parser = duration)]
    pub limit_call: Duration,
    /// How long the callee may be silent, before the agent asks whether somebody is there
    #[arg(long, env = "OFFHOOK_LIMIT_SILENCE", default_value = "10s", value_parser = duration)]
    pub limit_silence: Duration,
    /// How long a provider may take to its first token or sound
    #[arg(long, env = "OFFHOOK_LIMIT_PROVIDER_FIRST", default_value = "8s", value_parser = duration)]
    pub limit_provider_first: Duration,
    /// How long a provider may pause between two tokens or sounds
    #[arg(long, env = "OFFHOOK_LIMIT_PROVIDER_STALL", default_value = "5s", value_parser = duration)]
    pub limit_provider_stall: Duration,
    /// How long an answered call may be without a packet of sound
    #[arg(long, env = "OFFHOOK_LIMIT_MEDIA", default_value = "10s", value_parser = duration)]
    pub limit_media: Duration,
}

/// What a worker may need beside ringing and talking: start, farewell, writing back.
const AROUND_THE_CALL: Duration = Duration::from_secs(120);

impl LimitsConfig {
    /// As the worker takes them.
    pub fn limits(&self) -> CallLimits {
        CallLimits {
            ring: self.limit_ring,
            call: self.limit_call,
            silence: self.limit_silence,
            provider_first: self.limit_provider_first,
            provider_stall: self.limit_provider_stall,
            media: self.limit_media,
        }
    }

    /// After this a worker is stopped, whatever it does.
    pub fn whole_attempt(&self) -> Duration {
        self.limit_ring + self.limit_call + AROUND_THE_CALL
    }
}
