//! Hearing, thinking, speaking: where, with which key and which model. Every server speaks the OpenAI-compatible wire.

use std::path::PathBuf;

use offhook::{
    attempt::{Endpoint, ProviderSpecification, RAW_VOICE_RATE},
    language::{Language, UnknownLanguage},
    secret::Secret,
};

use super::{ConfigError, parse_secret, secret_or_file};

/// The servers. Each of the three falls back to the common URL and key.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Providers")]
pub struct ProvidersConfig {
    /// The base URL of all three servers, up to and without /chat/completions and the like
    #[arg(long, env = "OFFHOOK_PROVIDER_URL", default_value = "https://api.openai.com/v1")]
    pub provider_url: String,
    /// The key of all three
    #[arg(long, env = "OFFHOOK_PROVIDER_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub provider_key: Option<Secret>,
    /// A file with the same; wins over the variable
    #[arg(long, env = "OFFHOOK_PROVIDER_KEY_FILE")]
    pub provider_key_file: Option<PathBuf>,

    /// Speech to text: base URL, where it is another one
    #[arg(long, env = "OFFHOOK_STT_URL")]
    pub stt_url: Option<String>,
    /// Speech to text: key
    #[arg(long, env = "OFFHOOK_STT_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub stt_key: Option<Secret>,
    /// Speech to text: a file with the key
    #[arg(long, env = "OFFHOOK_STT_KEY_FILE")]
    pub stt_key_file: Option<PathBuf>,
    /// Speech to text: model; one that reports the language is best
    #[arg(long, env = "OFFHOOK_STT_MODEL", default_value = "whisper-1")]
    pub stt_model: String,

    /// Conversation: base URL, where it is another one
    #[arg(long, env = "OFFHOOK_CHAT_URL")]
    pub chat_url: Option<String>,
    /// Conversation: key
    #[arg(long, env = "OFFHOOK_CHAT_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub chat_key: Option<Secret>,
    /// Conversation: a file with the key
    #[arg(long, env = "OFFHOOK_CHAT_KEY_FILE")]
    pub chat_key_file: Option<PathBuf>,
    /// Conversation: model; a fast one that uses tools
    #[arg(long, env = "OFFHOOK_CHAT_MODEL", default_value = "gpt-4.1-mini")]
    pub chat_model: String,

    /// Text to speech: base URL, where it is another one
    #[arg(long, env = "OFFHOOK_TTS_URL")]
    pub tts_url: Option<String>,
    /// Text to speech: key
    #[arg(long, env = "OFFHOOK_TTS_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub tts_key: Option<Secret>,
    /// Text to speech: a file with the key
    #[arg(long, env = "OFFHOOK_TTS_KEY_FILE")]
    pub tts_key_file: Option<PathBuf>,
    /// Text to speech: model
    #[arg(long, env = "OFFHOOK_TTS_MODEL", default_value = "gpt-4o-mini-tts")]
    pub tts_model: String,
    /// Text to speech: the voice of each language; de=thorsten@16000 where the raw samples of that one have a rate of their own, Hz
    #[arg(long, env = "OFFHOOK_VOICES", default_value = "en=alloy,de=alloy,es=alloy,nl=alloy", value_parser = voices)]
    pub voices: Voices,
    /// Text to speech: the rate of raw samples in Hz, where the server has another one and does not say so
    #[arg(long, env = "OFFHOOK_TTS_RATE", default_value_t = RAW_VOICE_RATE, value_parser = clap::value_parser!(u32).range(RAW_VOICE_RATES))]
    pub tts_rate: u32,
}

/// The rates that raw samples may have, Hz.
const RAW_VOICE_RATES: std::ops::RangeInclusive<i64> = 8_000..=96_000;

/// The voice of each language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voices(pub Vec<NamedVoice>);

/// The voice of a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedVoice {
    /// What it speaks.
    pub language: Language,
    /// Its name on the server.
    pub name: String,
    /// The rate of its raw samples, Hz, where it differs from `OFFHOOK_TTS_RATE`.
    pub raw_rate: Option<u32>,
}

impl ProvidersConfig {
    /// What calls in languages without a voice of their own will sound like; `None` where each has one.
    pub fn without_voice(&self) -> Option<String> {
        let has = |language: &Language| self.voices.0.iter().any(|voice| voice.language == *language);
        let without: Vec<&str> = Language::ALL.iter().filter(|language| !has(language)).map(|language| language.code()).collect();
        let first = self.voices.0.first().filter(|_| !without.is_empty())?;
        Some(format!(
            "{} without a voice of their own: calls there are spoken by \"{}\", the voice of {}; name one for each in OFFHOOK_VOICES",
            without.join(", "),
            first.name,
            first.language.code()
        ))
    }

    /// As the worker takes it.
    ///
    /// # Errors
    /// Where a key's file cannot be read, or a URL is none.
    pub fn specification(&self) -> Result<ProviderSpecification, ConfigError> {
        let common = secret_or_file(self.provider_key.as_ref(), self.provider_key_file.as_ref())?;
        let endpoint = |name, url: &Option<String>, key: &Option<Secret>, file: &Option<PathBuf>, model: &str| {
            let own = url.as_ref().filter(|url| !url.is_empty());
            let base_url = own.unwrap_or(&self.provider_url).trim_end_matches('/').to_owned();
            if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
                let name = if own.is_some() { name } else { "OFFHOOK_PROVIDER_URL" };
                return Err(ConfigError::Unusable(name, format!("\"{base_url}\" is not an http:// or https:// URL")));
            }
            // The common key goes to the common server only: another server must not learn it.
            let common = if own.is_none() { common.clone() } else { None };
            Ok(Endpoint { base_url, key: secret_or_file(key.as_ref(), file.as_ref())?.or(common), model: model.to_owned() })
        };
        Ok(ProviderSpecification {
            speech_to_text: endpoint("OFFHOOK_STT_URL", &self.stt_url, &self.stt_key, &self.stt_key_file, &self.stt_model)?,
            chat: endpoint("OFFHOOK_CHAT_URL", &self.chat_url, &self.chat_key, &self.chat_key_file, &self.chat_model)?,
            text_to_speech: endpoint("OFFHOOK_TTS_URL", &self.tts_url, &self.tts_key, &self.tts_key_file, &self.tts_model)?,
            voices: self.voices.0.iter().map(|voice| (voice.language, voice.name.clone())).collect(),
            raw_voice_rate: Some(self.tts_rate),
            raw_voice_rates: self.voices.0.iter().filter_map(|voice| Some((voice.language, voice.raw_rate?))).collect(),
            learned: serde_json::Value::Null,
        })
    }
}

fn voices(text: &str) -> Result<Voices, String> {
    let pairs = text.split(',').map(|pair| {
        let (code, voice) = pair.split_once('=').ok_or_else(|| format!("\"{pair}\" is not language=voice, such as de=alloy"))?;
        let language = Language::of_code(code.trim()).map_err(|unknown: UnknownLanguage| unknown.to_string())?;
        let voice = voice.trim();
        // Anything else after an @ belongs to the name.
        let rated = voice.rsplit_once('@').and_then(|(name, rate)| Some((name, rate.parse::<u32>().ok()?)));
        let (name, raw_rate) = match rated {
            Some((_, rate)) if !RAW_VOICE_RATES.contains(&rate.into()) => {
                let (least, most) = RAW_VOICE_RATES.into_inner();
                return Err(format!("\"{pair}\": {rate} Hz is no rate of a voice: it has {least} to {most}"));
            }
            Some((name, rate)) => (name, Some(rate)),
            None => (voice, None),
        };
        Ok(NamedVoice { language, name: name.to_owned(), raw_rate })
    });
    pairs.collect::<Result<Vec<_>, String>>().map(Voices)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        providers: ProvidersConfig,
    }

    #[test]
    fn the_common_key_goes_to_the_common_server_only() {
        let line =
            ["x", "--provider-url", "http://127.0.0.1:1/v1/", "--provider-key", "k1", "--tts-url", "http://127.0.0.1:2/v1"];
        let specification = Line::try_parse_from(line).unwrap().providers.specification().unwrap();
        assert_eq!(specification.chat.base_url, "http://127.0.0.1:1/v1");
        assert_eq!(specification.chat.key.unwrap().expose(), "k1");
        assert!(specification.text_to_speech.key.is_none());
    }

    #[test]
    fn a_wrong_url_is_put_down_to_the_setting_it_is_from() {
        let said = |flags: &[&str]| {
            let line = Line::try_parse_from([&["x"], flags].concat()).unwrap();
            line.providers.specification().unwrap_err().to_string()
        };
        assert!(said(&["--provider-url", "api.example.org"]).starts_with("OFFHOOK_PROVIDER_URL cannot be used"));
        let own = ["--provider-url", "http://h/v1", "--chat-url", "api.example.org"];
        assert!(said(&own).starts_with("OFFHOOK_CHAT_URL cannot be used"));
    }

    #[test]
    fn languages_without_a_voice_are_named() {
        let said = |voices| Line::try_parse_from(["x", "--voices", voices]).unwrap().providers.without_voice();
        assert_eq!(said("en=a,de=b,es=c,nl=d"), None);
        let said = said("de=onyx,en=nova").unwrap();
        assert!(said.starts_with("es, nl without a voice") && said.contains("\"onyx\", the voice of de"), "{said}");
    }

    #[test]
    fn the_rate_of_raw_samples_is_that_of_the_wire_unless_set() {
        let url = ["x", "--provider-url", "http://127.0.0.1:1/v1"];
        let rate = |more: &[&str]| {
            let line = Line::try_parse_from(url.iter().chain(more)).map_err(|error| error.to_string())?;
            Ok::<_, String>(line.providers.specification().unwrap().raw_voice_rate)
        };
        assert_eq!(rate(&[]), Ok(Some(24_000)));
        assert_eq!(rate(&["--tts-rate", "22050"]), Ok(Some(22_050)));
        assert!(rate(&["--tts-rate", "22"]).is_err());
        let own = Line::try_parse_from(url.iter().chain(&["--voices", "en=amy,de=thorsten@16000"])).unwrap();
        assert_eq!(own.providers.specification().unwrap().raw_voice_rates, [(Language::De, 16_000)]);
    }

    #[test]
    fn voices_are_named_per_language() {
        let named = |language, name: &str, raw_rate| NamedVoice { language, name: name.into(), raw_rate };
        assert_eq!(
            voices("de=onyx, nl=nova@16000,es=me@home"),
            Ok(Voices(vec![
                named(Language::De, "onyx", None),
                named(Language::Nl, "nova", Some(16_000)),
                named(Language::Es, "me@home", None)
            ]))
        );
        assert!(voices("nl=nova@22").is_err_and(|message| message.contains("22 Hz")));
        assert_eq!(voices("fr=nova"), Err(UnknownLanguage("fr".into()).to_string()));
        assert!(voices("onyx").is_err_and(|message| message.contains("de=alloy")));
    }
}
