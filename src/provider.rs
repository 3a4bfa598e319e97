//! The three services that a conversation needs, done elsewhere, and the name of a server as people and tables see it.

use serde::{Deserialize, Serialize};

use crate::attempt::{Endpoint, ProviderSpecification};

/// Which of the three. The names are those of [`ProviderSpecification`], of JSON and of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The recogniser.
    SpeechToText,
    /// The language model.
    Chat,
    /// The voice.
    TextToSpeech,
}

impl Provider {
    /// All of them, in the order in which coordinators and attempts list their servers.
    pub const ALL: [Provider; 3] = [Provider::SpeechToText, Provider::Chat, Provider::TextToSpeech];

    /// The name as JSON and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Provider::SpeechToText => "speech_to_text",
            Provider::Chat => "chat",
            Provider::TextToSpeech => "text_to_speech",
        }
    }

    /// What people call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Provider::SpeechToText => "recogniser",
            Provider::Chat => "language model",
            Provider::TextToSpeech => "voice",
        }
    }
}

impl ProviderSpecification {
    /// Where one of the three is.
    pub const fn endpoint(&self, provider: Provider) -> &Endpoint {
        match provider {
            Provider::SpeechToText => &self.speech_to_text,
            Provider::Chat => &self.chat,
            Provider::TextToSpeech => &self.text_to_speech,
        }
    }

    /// The servers by their public names ([`server_name`]), in the order of [`Provider::ALL`].
    pub fn servers(&self) -> Vec<String> {
        Provider::ALL.map(|provider| server_name(&self.endpoint(provider).base_url)).to_vec()
    }
}

/// A base URL as it may be shown: without user and password, query and fragment, any of which may be a secret.
pub fn server_name(base_url: &str) -> String {
    let public = base_url.trim().split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    match public.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
        }
        None => public.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_servers_name_holds_no_secret() {
        for (url, name) in [
            ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
            ("http://user:pass@10.0.0.1:8080/v1?key=hunter2#x", "http://10.0.0.1:8080/v1"),
            ("http://user:p@ss@host", "http://host"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
        ] {
            assert_eq!(server_name(url), name);
        }
    }

    #[test]
    fn the_names_in_json_are_those_of_the_database() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.as_str());
        }
    }
}
