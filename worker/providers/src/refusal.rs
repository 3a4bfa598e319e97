//! What a refusal is about. Pure.

use super::error::ProviderError;

/// Whether a refusal may be about something that can be left out; `Some(true)`: only where it names it.
pub(crate) fn may_be_about_a_wish(error: &ProviderError) -> Option<bool> {
    match error {
        ProviderError::Refused { status: 400 | 415 | 422, .. } => Some(false),
        // "Not found" is mostly about the model or the address.
        ProviderError::Refused { .. } => Some(true),
        // A template that fails is a server's error for some (llama.cpp). Any other failure is none of the request.
        ProviderError::ServerFailed { status: 500 | 501, detail, .. } => {
            names(detail, &["support", "supported", "unsupported", "requires", "template", "jinja", "role", "implemented"])
                .then_some(true)
        }
        _ => None,
    }
}

/// The server's words within an error.
pub(crate) fn said(error: &ProviderError) -> &str {
    match error {
        ProviderError::Refused { detail, .. } | ProviderError::ServerFailed { detail, .. } => detail,
        _ => "",
    }
}

/// Whether a text has one of these words (lower case, whole, in whatever case).
pub(crate) fn names(said: &str, words: &[&str]) -> bool {
    let said = said.to_lowercase();
    let mut found = said.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    // An option of the server's command line begins with hyphens.
    found.any(|word| words.contains(&word.trim_matches('-')))
}
