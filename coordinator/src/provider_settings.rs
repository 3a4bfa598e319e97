//! The settings of the providers by name: which of them counts, and what an error is about.

use offhook::provider::Provider;
use offhook_providers::{ProviderError, Service};

use crate::config::providers::ProvidersConfig;

/// The settings of a service that count: its own, or the common ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The base URL.
    pub url: &'static str,
    /// The model.
    pub model: &'static str,
    /// The key.
    pub key: &'static str,
}

impl Names {
    /// Those of a provider.
    pub fn of(provider: Provider, config: &ProvidersConfig) -> Names {
        let set = |value: bool, name, file| if value { file } else { name };
        let is_file = |path: &Option<std::path::PathBuf>| path.as_ref().is_some_and(|path| !path.as_os_str().is_empty());
        let is_value = |value: &Option<offhook::secret::Secret>| value.as_ref().is_some_and(|value| !value.expose().is_empty());
        // A file counts for more than a value; where neither is set, the file is what should be.
        let key = |file: &Option<std::path::PathBuf>, value: &Option<offhook::secret::Secret>, name, file_name| {
            set(is_file(file) || !is_value(value), name, file_name)
        };
        let (url, own, model, own_key, is_own_key) = match provider {
            Provider::SpeechToText => (
                &config.stt_url,
                "OFFHOOK_STT_URL",
                "OFFHOOK_STT_MODEL",
                key(&config.stt_key_file, &config.stt_key, "OFFHOOK_STT_KEY", "OFFHOOK_STT_KEY_FILE"),
                is_file(&config.stt_key_file) || is_value(&config.stt_key),
            ),
            Provider::Chat => (
                &config.chat_url,
                "OFFHOOK_CHAT_URL",
                "OFFHOOK_CHAT_MODEL",
                key(&config.chat_key_file, &config.chat_key, "OFFHOOK_CHAT_KEY", "OFFHOOK_CHAT_KEY_FILE"),
                is_file(&config.chat_key_file) || is_value(&config.chat_key),
            ),
            Provider::TextToSpeech => (
                &config.tts_url,
                "OFFHOOK_TTS_URL",
                "OFFHOOK_TTS_MODEL",
                key(&config.tts_key_file, &config.tts_key, "OFFHOOK_TTS_KEY", "OFFHOOK_TTS_KEY_FILE"),
                is_file(&config.tts_key_file) || is_value(&config.tts_key),
            ),
        };
        let common_key =
            key(&config.provider_key_file, &config.provider_key, "OFFHOOK_PROVIDER_KEY", "OFFHOOK_PROVIDER_KEY_FILE");
        let is_own_url = url.as_ref().is_some_and(|url| !url.is_empty());
        Names {
            url: if is_own_url { own } else { "OFFHOOK_PROVIDER_URL" },
            model,
            // A server of its own has a key of its own: it never gets the common one.
            key: if is_own_url || is_own_key { own_key } else { common_key },
        }
    }
}

/// An error's text with those of the settings that count, where it names two of which one counts.
pub fn in_use(text: &str, config: &ProvidersConfig) -> String {
    Provider::ALL.into_iter().fold(text.to_owned(), |text, provider| {
        let (service, names) = (crate::probe::service_of(provider), Names::of(provider, config));
        text.replace(service.url_settings(), names.url).replace(service.key_settings(), names.key)
    })
}

/// The provider of a service.
pub const fn provider_of(service: Service) -> Provider {
    match service {
        Service::Transcription => Provider::SpeechToText,
        Service::Chat => Provider::Chat,
        Service::Speech => Provider::TextToSpeech,
    }
}

/// Whose error it is.
pub fn service_of(error: &ProviderError) -> Option<Service> {
    let service = match error {
        ProviderError::Configuration(_) => return None,
        ProviderError::Unreachable { service, .. }
        | ProviderError::ClosedEarly { service, .. }
        | ProviderError::TooSlow { service, .. }
        | ProviderError::KeyRefused { service, .. }
        | ProviderError::TooMany { service, .. }
        | ProviderError::ServerFailed { service, .. }
        | ProviderError::Refused { service, .. }
        | ProviderError::Cut { service }
        | ProviderError::NoWords { service, .. }
        | ProviderError::NotSpeech { service, .. }
        | ProviderError::Nonsense { service, .. } => service,
    };
    Some(*service)
}

/// Faults by their words, each with those to whom it applies: a server that is away is so for all that it serves.
pub fn by_words<'a>(faults: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(Vec<&'a str>, &'a str)> {
    let mut found: Vec<(Vec<&str>, &str)> = Vec::new();
    for (whose, fault) in faults {
        let words = fault.strip_prefix(whose).and_then(|words| words.strip_prefix(": ")).unwrap_or(fault);
        match found.iter_mut().find(|(_, known)| *known == words) {
            Some((all, _)) => all.push(whose),
            None => found.push((vec![whose], words)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::{probe::Fault, settings::definitions::settings};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        providers: ProvidersConfig,
    }

    fn config(flags: &[&str]) -> ProvidersConfig {
        Line::try_parse_from([&["x"], flags].concat()).unwrap().providers
    }

    const SERVICES: [Service; 3] = [Service::Transcription, Service::Chat, Service::Speech];

    /// Every error of a provider.
    fn errors(service: Service) -> Vec<ProviderError> {
        let (detail, host, reason) = (String::new, || "host:1".to_owned(), || "refused".to_owned());
        let slow = |limit| ProviderError::TooSlow { service, waited_ms: 1, while_waiting: "x", limit };
        vec![
            ProviderError::Unreachable { service, host: host(), reason: reason() },
            ProviderError::ClosedEarly { service, host: host(), reason: reason() },
            slow("OFFHOOK_LIMIT_PROVIDER_FIRST"),
            slow("OFFHOOK_LIMIT_PROVIDER_STALL"),
            ProviderError::KeyRefused { service, status: 401, detail: detail() },
            ProviderError::TooMany { service, detail: detail() },
            ProviderError::ServerFailed { service, status: 500, detail: detail() },
            ProviderError::Refused { service, status: 404, detail: detail() },
            ProviderError::Cut { service },
            ProviderError::NoWords { service, detail: detail() },
            ProviderError::NotSpeech { service, detail: detail() },
            ProviderError::Nonsense { service, detail: detail() },
        ]
    }

    #[test]
    fn errors_name_settings_as_they_are_set_and_nothing_that_is_none() {
        let known: Vec<String> = settings().into_iter().map(|setting| setting.name).collect();
        let faults = [
            Fault::Endless(Provider::Chat),
            Fault::Silent("alloy".into()),
            Fault::Length { seconds: 0.1 },
            Fault::Misheard { sentence: "a", heard: "b".into() },
            Fault::Empty,
            Fault::NoTool,
            Fault::Arguments("x".into()),
        ];
        let said = SERVICES.into_iter().flat_map(errors).map(|error| error.to_string());
        for said in said.chain(faults.iter().map(ToString::to_string)) {
            let words = said.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            for word in words.filter(|word| word.starts_with("OFFHOOK_")) {
                assert!(known.iter().any(|known| known == word), "{word} is no setting: {said}");
            }
            for inner in ["base_url", "provider_first", "provider_stall", "raw_voice_rate", "specification"] {
                assert!(!said.contains(inner), "{inner} can be set nowhere: {said}");
            }
        }
        // What can be repaired by a setting names one.
        for error in SERVICES.into_iter().flat_map(errors) {
            let is_the_servers = matches!(
                error,
                ProviderError::ClosedEarly { .. }
                    | ProviderError::ServerFailed { .. }
                    | ProviderError::Cut { .. }
                    | ProviderError::NoWords { .. }
            );
            assert!(is_the_servers || error.to_string().contains("OFFHOOK_"), "{error}");
        }
        let length = Fault::Length { seconds: 0.1 }.to_string();
        assert!(length.contains("OFFHOOK_TTS_RATE") && length.contains("OFFHOOK_VOICES"), "{length}");
    }

    #[test]
    fn of_two_settings_the_one_that_counts_is_named() {
        let unreachable = |service| ProviderError::Unreachable { service, host: "h".into(), reason: "r".into() }.to_string();
        let config = config(&["--chat-url", "http://127.0.0.1:1/v1", "--provider-key", "k"]);
        let said = in_use(&unreachable(Service::Chat), &config);
        assert!(said.contains("check OFFHOOK_CHAT_URL,"), "{said}");
        let said = in_use(&unreachable(Service::Speech), &config);
        assert!(said.contains("check OFFHOOK_PROVIDER_URL,"), "{said}");
        assert_eq!(Names::of(Provider::TextToSpeech, &config).key, "OFFHOOK_PROVIDER_KEY");
        assert_eq!(Names::of(Provider::Chat, &config).key, "OFFHOOK_CHAT_KEY_FILE");
    }

    #[test]
    fn what_is_wrong_with_one_server_is_said_once() {
        let found =
            by_words([("speech_to_text", "speech_to_text: away"), ("chat", "chat: away"), ("text_to_speech", "it is silent")]);
        assert_eq!(found, [(vec!["speech_to_text", "chat"], "away"), (vec!["text_to_speech"], "it is silent")]);
    }
}
