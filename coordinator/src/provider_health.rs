//! Nobody is called while recogniser, language model or voice do not work. Before its first claim a coordinator asks its own three
//! (`probe.rs`), again and again until they have answered. Later they are asked only while the circuit breaker of one is open, by one
//! coordinator at a time, and where a key has changed.

use std::{sync::Arc, time::Duration};

use offhook::{
    attempt::CallLimits,
    language::Language,
    provider::Provider,
    store::{
        error::{StoreError, within},
        providers::{self, ProviderStatus},
    },
};
use offhook_providers::Providers;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    config::providers::ProvidersConfig,
    in_flight::InFlight,
    learned::LearnedServers,
    probe::{self, Findings},
    provider_settings::{by_words, in_use},
    test_signals::Signals,
};

/// How often the circuit breakers are looked at, where nothing else is configured.
pub const LOOK: Duration = Duration::from_secs(1);
/// The pause before a coordinator whose providers failed at its start asks again, and the longest one (backoff).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who has taken a probe has made it in this time: say, hear, and some more.
const PROBE_LEASE: Duration = probe::LONGEST.saturating_mul(3);
/// Servers that nobody uses any more are forgotten every so many looks.
const FORGET_EVERY: u32 = 30;

/// What that means for calls.
const TOOLS_REFUSED: &str = "the chat server refuses tools: they are described in the prompt and read from the model's text, which fewer \
     models do well; `offhook check` says what to change";

/// How providers are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthConfig {
    /// Whether they are asked; where not, the pause of an open circuit breaker ends by itself.
    pub probe: bool,
    /// How often the circuit breakers are looked at.
    pub look: Duration,
    /// How long a statement may take.
    pub statement: Duration,
}

/// Looks after the providers of one coordinator.
#[derive(Debug)]
pub struct ProviderHealth {
    /// The database.
    pub pool: PgPool,
    /// Where the providers are; keys are read anew each time.
    pub providers: ProvidersConfig,
    /// Their servers' names, in the order of [`Provider::ALL`].
    pub servers: Vec<String>,
    /// Where it is kept what their servers have shown of themselves.
    pub learned: LearnedServers,
    /// The bounds of a call.
    pub limits: CallLimits,
    /// What is held back until the providers work.
    pub running: Arc<InFlight>,
    /// The pace.
    pub config: HealthConfig,
    /// Signals of what it has done.
    pub signals: Signals,
}

impl ProviderHealth {
    /// Asks until everything works, then looks after the circuit breakers until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let looking = async {
            let settings = if self.config.probe { self.until_they_work().await } else { None };
            self.running.hold_back(false);
            self.look_after(settings).await;
        };
        stop.run_until_cancelled(looking).await;
    }

    /// Returns the settings (keys included) with which they work.
    async fn until_they_work(&self) -> Option<String> {
        let (mut pause, mut said) = (FIRST_PAUSE, String::new());
        loop {
            let settings = self.settings();
            let found = self.ask().await;
            self.record(&found, |_| true).await;
            self.signals.probed.tell();
            let faults = faults(&found);
            if faults.is_empty() {
                tracing::info!("{}; calls are claimed", latencies(&found));
                return settings;
            }
            if faults != said {
                tracing::warn!("nobody is called before all providers work: {faults}");
                said = faults;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn look_after(&self, mut settings: Option<String>) {
        let (mut said, mut looks) = (String::new(), 0_u32);
        loop {
            tokio::time::sleep(self.config.look).await;
            if let Err(error) = self.look(&mut said, looks.is_multiple_of(FORGET_EVERY)).await {
                tracing::warn!(%error, "the circuit breakers of the providers are not looked at");
            }
            looks = looks.wrapping_add(1);
            let now = self.settings();
            if self.config.probe && now != settings {
                tracing::info!("the providers' settings have changed");
                self.record(&self.ask().await, |_| true).await;
                settings = now;
            }
        }
    }

    async fn look(&self, said: &mut String, forget: bool) -> Result<(), StoreError> {
        let open = within(self.config.statement, providers::open(&self.pool, &self.servers)).await?;
        let reasons = outages(&open).join("; ");
        if reasons != *said {
            match reasons.is_empty() {
                true => tracing::info!("all providers work again; calls are claimed"),
                false => tracing::warn!("nobody is called: {reasons}"),
            }
            *said = reasons;
        }
        if open.is_empty() && !forget {
            return Ok(());
        }
        let due = within(self.config.statement, providers::take_probes(&self.pool, &self.servers, PROBE_LEASE)).await?;
        if due.is_empty() {
            return Ok(());
        }
        if self.config.probe {
            let found = self.ask().await;
            self.record(&found, |provider| due.iter().any(|due| due == provider.as_str())).await;
            self.signals.probed.tell();
        } else {
            within(self.config.statement, providers::let_through(&self.pool, &self.servers, &due)).await?;
        }
        Ok(())
    }

    /// Asks all three.
    async fn ask(&self) -> Findings {
        let found = self.ask_as_they_are_set().await;
        let named = |(provider, found): (Provider, Result<Duration, String>)| {
            (provider, found.map_err(|fault| in_use(&fault, &self.providers)))
        };
        found.into_iter().map(named).collect()
    }

    async fn ask_as_they_are_set(&self) -> Findings {
        let all = |fault: String| Provider::ALL.map(|provider| (provider, Err(fault.clone()))).to_vec();
        let specification = match self.providers.specification() {
            Ok(specification) => specification,
            Err(error) => return all(error.to_string()),
        };
        match Providers::new(&specification, &self.limits) {
            Ok(providers) => {
                let (language, voice) = specification.voices.first().cloned().unwrap_or((Language::En, String::new()));
                let found = probe::probe(&providers, language, &voice).await;
                self.learn(&providers, &found);
                found
            }
            Err(error) => all(error.to_string()),
        }
    }

    /// Remembers of those that work how they want to be asked. Each probe begins without what is known: a server may be another one by now.
    fn learn(&self, providers: &Providers, found: &Findings) {
        for (provider, _) in found.iter().filter(|(_, found)| found.is_ok()) {
            self.learned.note(*provider, providers.learned(probe::service_of(*provider)));
        }
        if let Some(said) = providers.tools_refused() {
            tracing::warn!(said, "{TOOLS_REFUSED}");
        }
    }

    /// Writes down what was found of those that `concerned` names. Where the database is away nothing is claimed either.
    async fn record(&self, found: &Findings, concerned: impl Fn(Provider) -> bool) {
        for (index, (provider, found)) in found.iter().enumerate().filter(|(_, (provider, _))| concerned(*provider)) {
            let Some(server) = self.servers.get(index) else { continue };
            if let Err(error) = within(self.config.statement, providers::probed(&self.pool, *provider, server, found)).await {
                tracing::warn!(%error, provider = provider.as_str(), "what a probe has found is not written down");
            }
        }
    }

    /// Everything a probe depends on, to be compared and never shown: it holds keys.
    fn settings(&self) -> Option<String> {
        self.providers.specification().ok().and_then(|specification| serde_json::to_string(&specification).ok())
    }
}

/// A sentence for each server that keeps calls from being made, whatever number of providers it serves.
pub fn outages(open: &[ProviderStatus]) -> Vec<String> {
    let mut servers: Vec<&str> = open.iter().map(|status| status.server.as_str()).collect();
    servers.sort_unstable();
    servers.dedup();
    let sentence = |server: &str| {
        let of_it = || open.iter().filter(|status| status.server == server);
        let providers: Vec<&str> = of_it().map(|status| status.provider.as_str()).collect();
        let reasons = by_words(
            of_it().map(|status| (status.provider.as_str(), status.reason.as_deref().unwrap_or("the reason is not known"))),
        );
        let reasons: Vec<String> = match &reasons[..] {
            [(_, words)] => vec![(*words).to_owned()],
            several => several.iter().map(|(whose, words)| format!("{}: {words}", whose.join(", "))).collect(),
        };
        let verb = if providers.len() == 1 { "does" } else { "do" };
        format!("{} at {server} {verb} not work ({})", providers.join(", "), reasons.join("; "))
    };
    servers.into_iter().map(sentence).collect()
}

fn faults(found: &Findings) -> String {
    let faults = found.iter().filter_map(|(provider, found)| Some((provider.as_str(), found.as_ref().err()?.as_str())));
    let faults = by_words(faults).into_iter().map(|(whose, words)| format!("{}: {words}", whose.join(", ")));
    faults.collect::<Vec<_>>().join("; ")
}

fn latencies(found: &Findings) -> String {
    let each: Vec<String> = found
        .iter()
        .filter_map(|(provider, found)| Some(format!("{} {} ms", provider.noun(), found.as_ref().ok()?.as_millis())))
        .collect();
    format!("the providers work ({})", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(provider: &str, server: &str, reason: &str) -> ProviderStatus {
        ProviderStatus {
            provider: provider.to_owned(),
            server: server.to_owned(),
            state: "paused".to_owned(),
            reason: Some(reason.to_owned()),
            failures: 0,
            paused_until: None,
            failed_at: None,
            worked_at: None,
            checked_at: None,
            latency_ms: None,
        }
    }

    #[test]
    fn one_server_that_is_away_is_told_once_for_all_that_it_serves() {
        let away = |provider: &str| open(provider, "http://a/v1", &format!("{provider}: a cannot be reached"));
        let all =
            outages(&[away("chat"), away("speech_to_text"), away("text_to_speech"), open("chat", "http://b/v1", "chat: 500")]);
        assert_eq!(
            all,
            [
                "chat, speech_to_text, text_to_speech at http://a/v1 do not work (a cannot be reached)",
                "chat at http://b/v1 does not work (500)"
            ]
        );
        let each = outages(&[away("chat"), open("text_to_speech", "http://a/v1", "the voice is silent")]);
        assert_eq!(
            each,
            ["chat, text_to_speech at http://a/v1 do not work (chat: a cannot be reached; text_to_speech: the voice is silent)"]
        );
    }
}
