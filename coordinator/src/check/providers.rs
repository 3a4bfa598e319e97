//! The providers: each is asked what a call asks, and what goes wrong is put down to the setting that has to change.

use std::time::Duration;

use offhook::{
    attempt::{CallLimits, ProviderSpecification},
    language::Language,
    provider::Provider,
};
use offhook_providers::{ProviderError, Providers, Service};

use super::{Finding, sounds};
use crate::{
    config::{Config, providers::ProvidersConfig},
    probe::{self, Fault, Heard, Said},
    provider_settings::{Names, in_use, provider_of, service_of},
};

/// How many names of a list of models are shown.
const SHOWN_MODELS: usize = 8;
/// A text of so many words that comes in one piece was not streamed.
const WORDS_TO_STREAM: usize = 8;

/// The three services of a call, asked one by one.
struct Asked<'a> {
    config: &'a ProvidersConfig,
    specification: ProviderSpecification,
    limits: CallLimits,
    providers: Providers,
}

/// A line for each voice, one for the recogniser and one for the model; more where one of them does only a part.
pub(super) async fn providers(config: &Config) -> Vec<Finding> {
    let failed = |error: String| vec![Finding::new("providers", Err::<String, _>(error))];
    let limits = config.limits.limits();
    let specification = match config.providers.specification() {
        Ok(specification) => specification,
        Err(error) => return failed(error.to_string()),
    };
    let providers = match Providers::new(&specification, &limits) {
        Ok(providers) => providers,
        Err(error) => return failed(error.to_string()),
    };
    let asked = Asked { config: &config.providers, specification, limits, providers };
    let (mut speech, model) = tokio::join!(asked.speech(), asked.model());
    speech.extend(model);
    // It works, and may be meant so: most voices of this wire speak all languages.
    speech.extend(config.providers.without_voice().map(|said| Finding::new("voices", Ok::<_, String>(said))));
    speech
}

impl Asked<'_> {
    /// Every voice says its sentence, and the recogniser hears it.
    async fn speech(&self) -> Vec<Finding> {
        let (mut voices, mut heard) = (Vec::new(), Vec::new());
        for (language, voice) in &self.specification.voices {
            match probe::say(&self.providers, *language, voice).await {
                Ok(said) => {
                    voices.push((*language, Ok(format!("\"{voice}\" speaks after {}", ms(said.first_sound)))));
                    let told = self.told(*language, voice, &said, probe::hear(&self.providers, &said, *language).await).await;
                    heard.push((*language, told));
                }
                Err(fault) => voices.push((*language, Err(self.advice(fault).await))),
            }
        }
        if heard.is_empty() {
            // There is nothing to be heard; whether the server answers can still be said.
            let found = probe::hear_silence(&self.providers).await;
            let found = found.map(|took| format!("answers after {}; without a voice nothing was said to it", ms(took)));
            let found = match found {
                Ok(found) => Ok(found),
                Err(fault) => Err(self.advice(fault).await),
            };
            let mut findings = by_language("text to speech", &voices);
            findings.push(Finding::new("speech to text", found));
            return findings;
        }
        [by_language("text to speech", &voices), by_language("speech to text", &heard)].concat()
    }

    async fn told(&self, language: Language, voice: &str, said: &Said, heard: Result<Heard, Fault>) -> Result<String, String> {
        let sentence = probe::sentence(language);
        let own = self.specification.raw_voice_rates.iter().find(|(of, _)| *of == language).map(|(_, rate)| *rate);
        let odd = sounds::odd_rate(voice, sentence, probe::seconds(&said.sound), own.or(self.specification.raw_voice_rate));
        match (heard, odd) {
            (Ok(heard), odd) => {
                let found = format!("heard the sentence after {}", ms(heard.took));
                let warnings = sounds::warnings(sentence, &heard).into_iter().chain(odd);
                Ok(warnings.fold(found, |found, warning| format!("{found}; warning: {warning}")))
            }
            (Err(Fault::Misheard { heard, .. }), Some(odd)) => {
                Err(format!("text_to_speech: {odd}. The recogniser heard \"{heard}\""))
            }
            (Err(fault), _) => Err(self.advice(fault).await),
        }
    }

    /// The model calls a tool, is told the result, and says a sentence.
    async fn model(&self) -> Vec<Finding> {
        let (subject, (question, tools)) = ("conversation", probe::question());
        let replied = match probe::ask(&self.providers, &question, &tools).await {
            Ok(replied) => replied,
            Err(fault) => return vec![Finding::new(subject, Err::<String, _>(self.advice(fault).await))],
        };
        let after = match probe::after_the_tool(&question, &replied) {
            Ok(after) => after,
            Err(fault) => {
                let refused = self.providers.tools_refused().map(|said| tools_refused(&said));
                let fault = refused.map_or_else(|| fault.to_string(), |refused| format!("{fault}; {refused}"));
                return vec![Finding::new(subject, Err::<String, _>(fault))];
            }
        };
        let said = match probe::ask(&self.providers, &after, &tools).await {
            Ok(said) => said,
            Err(fault) => {
                let fault = format!("the result of a tool call is not taken: {}", self.advice(fault).await);
                return vec![Finding::new(subject, Err::<String, _>(fault))];
            }
        };
        let found = format!("calls a tool after {}, and goes on after {}", ms(replied.first_token), ms(said.first_token));
        let mut findings = vec![Finding::new(subject, Ok::<_, String>(found))];
        if said.pieces == 1 && said.text.split_whitespace().count() >= WORDS_TO_STREAM {
            let whole = "its replies come in one piece and not streamed, so the callee waits for the last word before the first; take \
                         a server that streams, or switch off what collects its replies on the way (a proxy's buffering)";
            findings.push(Finding::new("conversation, streamed", Err::<String, _>(whole)));
        }
        if let Some(said) = self.providers.tools_refused() {
            let fault =
                format!("{}. Until then they are described in the prompt, which works with this model", tools_refused(&said));
            findings.push(Finding::new("conversation, tools", Err::<String, _>(fault)));
        }
        findings
    }

    /// What has to change, as far as a few more questions can tell.
    async fn advice(&self, fault: Fault) -> String {
        in_use(&self.asked_advice(fault).await, self.config)
    }

    async fn asked_advice(&self, fault: Fault) -> String {
        let Fault::Provider(error) = &fault else { return fault.to_string() };
        let Some(service) = service_of(error) else { return error.to_string() };
        let provider = provider_of(service);
        let endpoint = self.specification.endpoint(provider);
        let names = Names::of(provider, self.config);
        match error {
            ProviderError::KeyRefused { .. } if endpoint.key.is_none() => {
                format!("no key is set for {}: set {} ({error})", endpoint.base_url, names.key)
            }
            ProviderError::KeyRefused { .. } => {
                format!("the key in {} is not the right one for {} ({error})", names.key, endpoint.base_url)
            }
            ProviderError::Unreachable { reason, .. } => format!("{error}{}", hint(reason)),
            ProviderError::Refused { detail, .. } if service == Service::Speech && names_the_voice(detail) => {
                format!("{error}; the voice is named in OFFHOOK_VOICES: give each language one that the server has")
            }
            ProviderError::Refused { .. } | ProviderError::Nonsense { .. } => {
                if let Some(base) = self.with_v1(provider, service).await {
                    return format!("{} lacks /v1: set it to {base} ({error})", names.url);
                }
                match self.providers.models(service).await {
                    Ok(models) if !models.is_empty() && !models.contains(&endpoint.model) => format!(
                        "{} has no model \"{}\": set {} to one that it offers: {} ({error})",
                        endpoint.base_url,
                        endpoint.model,
                        names.model,
                        shown(&models)
                    ),
                    _ => format!(
                        "{error}; the settings are {}={}, {}={}",
                        names.url, endpoint.base_url, names.model, endpoint.model
                    ),
                }
            }
            _ => error.to_string(),
        }
    }

    /// The base URL with /v1 behind it, where an API begins there and the configured URL lacks it.
    async fn with_v1(&self, provider: Provider, service: Service) -> Option<String> {
        let base = self.specification.endpoint(provider).base_url.trim_end_matches('/');
        if base.ends_with("/v1") {
            return None;
        }
        let base = format!("{base}/v1");
        let mut other = self.specification.clone();
        match provider {
            Provider::SpeechToText => other.speech_to_text.base_url.clone_from(&base),
            Provider::Chat => other.chat.base_url.clone_from(&base),
            Provider::TextToSpeech => other.text_to_speech.base_url.clone_from(&base),
        }
        match Providers::new(&other, &self.limits).ok()?.models(service).await {
            Ok(_) | Err(ProviderError::KeyRefused { .. }) => Some(base),
            Err(_) => None,
        }
    }
}

/// What to do about a server that refuses tools, told by its own words: llama.cpp, vLLM, OpenRouter, Ollama and others.
fn tools_refused(said: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let change = if has(&["--jinja"]) {
        "start llama-server with --jinja"
    } else if has(&["enable-auto-tool-choice", "tool-call-parser"]) {
        "start vLLM with --enable-auto-tool-choice and the --tool-call-parser of the model"
    } else {
        "choose a model that uses tools in OFFHOOK_CHAT_MODEL, or give its template the tools"
    };
    format!("the server refuses tools ({}): {change}", said.trim_start_matches("; it says: "))
}

/// Whether a refusal is about the voice, and not about the model or the format.
fn names_the_voice(detail: &str) -> bool {
    let said = detail.to_lowercase();
    said.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "voice" | "voices" | "speaker"))
}

/// What a failed connection most likely means. The reasons are those of the operating system, of its resolver and of rustls.
fn hint(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["lookup", "resolve", "name or service", "nodename", "dns"]) {
        "; the name of the host is not known to the DNS of this machine"
    } else if has(&["refused"]) {
        "; nothing listens there: start the server, or correct the port"
    } else if has(&["unknownissuer", "certificate", "notvalidforname", "expired"]) {
        "; its certificate is not one of a public authority for this name: use the name in the certificate, or plain http:// within one's own network"
    } else if has(&["invalidcontenttype", "corrupt message", "record"]) {
        "; the port does not speak TLS: write http:// instead of https://, or correct the port"
    } else if has(&["timed out", "deadline", "elapsed"]) {
        "; nothing answers there: a firewall may swallow the connection"
    } else {
        ""
    }
}

fn shown(models: &[String]) -> String {
    let names: Vec<&str> = models.iter().take(SHOWN_MODELS).map(String::as_str).collect();
    let more = models.len().saturating_sub(SHOWN_MODELS);
    names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

fn ms(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

/// One line for all languages of which the same was found.
fn by_language(subject: &str, found: &[(Language, Result<String, String>)]) -> Vec<Finding> {
    let mut lines: Vec<(Vec<&str>, &Result<String, String>)> = Vec::new();
    for (language, found) in found {
        match lines.iter_mut().find(|(_, known)| known.is_err() && *known == found) {
            Some((languages, _)) => languages.push(language.code()),
            None => lines.push((vec![language.code()], found)),
        }
    }
    let line = |(languages, found): (Vec<&str>, &Result<String, String>)| {
        Finding::new(format!("{subject} {}", languages.join(", ")), found.clone())
    };
    lines.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_connection_from_being_made_is_said_in_words() {
        for (reason, words) in [
            ("failed to lookup address information: Name or service not known", "DNS"),
            ("Connection refused (os error 111)", "nothing listens"),
            ("invalid peer certificate: UnknownIssuer", "certificate"),
            ("received corrupt message of type InvalidContentType", "http://"),
            ("operation timed out", "firewall"),
        ] {
            assert!(hint(reason).contains(words), "{reason}");
        }
    }

    #[test]
    fn a_refusal_about_the_voice_is_told_from_others() {
        assert!(names_the_voice("; it says: Invalid value (param: voice)") && names_the_voice("Voice 'dora' not found"));
        assert!(!names_the_voice("; it says: no model tts-1") && !names_the_voice("invoice due"));
    }

    #[test]
    fn what_is_wrong_for_all_languages_is_said_once() {
        let wrong = |language| (language, Err("no".to_owned()));
        let found = [wrong(Language::En), (Language::De, Ok("1 ms".to_owned())), wrong(Language::Nl)];
        let lines: Vec<String> = by_language("text to speech", &found).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["FAIL text to speech en, nl: no", "ok   text to speech de: 1 ms"]);
    }
}
