//! What can go wrong with a provider, and what to do about it.

use std::fmt;

/// Which of the three services; names the option that configures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `speech_to_text`
    Transcription,
    /// `chat`
    Chat,
    /// `text_to_speech`
    Speech,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Transcription => "speech_to_text",
            Service::Chat => "chat",
            Service::Speech => "text_to_speech",
        })
    }
}

impl Service {
    /// The settings of its base URL: its own, and the one that counts where that is not set.
    pub const fn url_settings(self) -> &'static str {
        match self {
            Service::Transcription => "OFFHOOK_STT_URL (else OFFHOOK_PROVIDER_URL)",
            Service::Chat => "OFFHOOK_CHAT_URL (else OFFHOOK_PROVIDER_URL)",
            Service::Speech => "OFFHOOK_TTS_URL (else OFFHOOK_PROVIDER_URL)",
        }
    }

    /// The settings of its key, likewise.
    pub const fn key_settings(self) -> &'static str {
        match self {
            Service::Transcription => "OFFHOOK_STT_KEY_FILE (else OFFHOOK_PROVIDER_KEY_FILE)",
            Service::Chat => "OFFHOOK_CHAT_KEY_FILE (else OFFHOOK_PROVIDER_KEY_FILE)",
            Service::Speech => "OFFHOOK_TTS_KEY_FILE (else OFFHOOK_PROVIDER_KEY_FILE)",
        }
    }

    /// The setting of its model.
    pub const fn model_setting(self) -> &'static str {
        match self {
            Service::Transcription => "OFFHOOK_STT_MODEL",
            Service::Chat => "OFFHOOK_CHAT_MODEL",
            Service::Speech => "OFFHOOK_TTS_MODEL",
        }
    }

    /// What a request names: the model, and the voice where one speaks.
    const fn named(self) -> &'static str {
        match self {
            Service::Transcription => "the model in OFFHOOK_STT_MODEL",
            Service::Chat => "the model in OFFHOOK_CHAT_MODEL",
            Service::Speech => "the model in OFFHOOK_TTS_MODEL and the voice in OFFHOOK_VOICES",
        }
    }
}

/// Why there is no transcript, reply or voice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The specification cannot work.
    #[error("{0}")]
    Configuration(String),
    /// No connection, twice.
    #[error("{service}: {host} cannot be reached ({reason}): check {}, and that this machine may connect to it", service.url_settings())]
    Unreachable {
        /// Which service.
        service: Service,
        /// Host and port.
        host: String,
        /// The innermost cause.
        reason: String,
    },
    /// The connection broke before there was a response, twice.
    #[error(
        "{service}: {host} closed the connection before it had answered ({reason}), and so it did when the request was sent slowly: it may not \
         take requests of this size, or fail; see its log, and the limits of a proxy before it (client_max_body_size)"
    )]
    ClosedEarly {
        /// Which service.
        service: Service,
        /// Host and port.
        host: String,
        /// The innermost cause.
        reason: String,
    },
    /// Nothing came in time.
    #[error("{service}: nothing came for {waited_ms} ms ({while_waiting}): use a faster model in {}, or raise {limit}", service.model_setting())]
    TooSlow {
        /// Which service.
        service: Service,
        /// How long it was waited, ms.
        waited_ms: u64,
        /// What was waited for.
        while_waiting: &'static str,
        /// The setting of the limit.
        limit: &'static str,
    },
    /// 401, 402 or 403.
    #[error(
        "{service}: the key was refused with {status}: check the key in {}, what it may use, and the credit of its account{detail}",
        service.key_settings()
    )]
    KeyRefused {
        /// Which service.
        service: Service,
        /// HTTP status.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// 429, twice.
    #[error(
        "{service}: too many requests (429): raise the account's limits, or make fewer calls at a time (OFFHOOK_MAX_CALLS){detail}"
    )]
    TooMany {
        /// Which service.
        service: Service,
        /// What the server said.
        detail: String,
    },
    /// 5xx, twice.
    #[error("{service}: the server failed with {status}, twice: see its status page or its log{detail}")]
    ServerFailed {
        /// Which service.
        service: Service,
        /// HTTP status.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// Any other status that is no answer.
    #[error("{service}: the request was refused with {status}: check {} and {}{detail}", service.url_settings(), service.named())]
    Refused {
        /// Which service.
        service: Service,
        /// HTTP status.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// The connection broke within an answer.
    #[error("{service}: the answer broke off: the server or something on the way closed the connection; see the server's log")]
    Cut {
        /// Which service.
        service: Service,
    },
    /// A reply of the model that ended before its first word.
    #[error("{service}: the model's reply has no words ({detail})")]
    NoWords {
        /// Which service.
        service: Service,
        /// Why, and what to do.
        detail: String,
    },
    /// A sound that cannot be the words it was asked for: nobody has understood them.
    #[error(
        "{service}: the sound is not the sentence ({detail}): check the model (OFFHOOK_TTS_MODEL), the voice (OFFHOOK_VOICES), and the rate of raw \
         samples (OFFHOOK_TTS_RATE, or that of one voice in OFFHOOK_VOICES, such as de=thorsten@16000)"
    )]
    NotSpeech {
        /// Which service.
        service: Service,
        /// What was wrong with it.
        detail: String,
    },
    /// An answer that is not in the wire's language.
    #[error("{service}: not an answer of an OpenAI-compatible server ({detail}): check that {} ends where /models begins", service.url_settings())]
    Nonsense {
        /// Which service.
        service: Service,
        /// What was wrong with it.
        detail: String,
    },
}

/// Most characters of a server's words that go into a message.
pub(crate) const MOST_DETAIL: usize = 200;

/// Returns a server's own words for a message: the `error.message` of its JSON, or the start of its text; nothing of a page. Never
/// the key, even where the server repeats it.
pub(super) fn detail(body: &[u8], key: Option<&str>) -> String {
    let text = String::from_utf8_lossy(body);
    if body.starts_with(b"\x1f\x8b") {
        return "; it answers with something compressed".to_owned();
    }
    let said = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(json) => said_in(&json).unwrap_or_default(),
        Err(_) if text.trim_start().starts_with('<') => "it answered with a page".to_owned(),
        Err(_) => text.into_owned(),
    };
    let said = match key {
        Some(key) if !key.is_empty() => said.replace(key, "…"),
        _ => said,
    };
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_DETAIL).collect();
    if said.is_empty() { said } else { format!("; it says: {said}") }
}

/// Returns the message of `{"error":{"message":…}}`, `{"error":"…"}`, `{"message":…}` or `{"detail":…}`: servers differ.
pub(super) fn said_in(json: &serde_json::Value) -> Option<String> {
    let error = json.get("error");
    let places = [error.and_then(|error| error.get("message")), error, json.get("message"), json.get("detail")];
    let found = places.into_iter().flatten().find(|place| !place.is_null())?;
    let said = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    // Which field of the request it is about, where the words do not say it.
    let field = error.unwrap_or(json).get("param").and_then(serde_json::Value::as_str).filter(|field| !said.contains(field));
    Some(field.map_or(said.clone(), |field| format!("{said} (param: {field})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_short_and_hold_no_key() {
        assert_eq!(detail(br#"{"error":{"message":"no model tiny"}}"#, None), "; it says: no model tiny");
        assert_eq!(
            detail(br#"{"error":{"message":"Invalid value","param":"voice"}}"#, None),
            "; it says: Invalid value (param: voice)"
        );
        assert_eq!(detail(br#"{"error":"busy"}"#, None), "; it says: busy");
        assert_eq!(detail(br#"{"detail":[{"msg":"field required"}]}"#, None), r#"; it says: [{"msg":"field required"}]"#);
        assert_eq!(detail(b"<html><body>502</body></html>", None), "; it says: it answered with a page");
        assert_eq!(detail(b"bad key sk-secret\n!", Some("sk-secret")), "; it says: bad key … !");
        assert_eq!(detail(b"", Some("")), "");
        assert!(detail("ä".repeat(5000).as_bytes(), None).chars().count() < 220);
    }
}
