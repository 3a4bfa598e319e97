//! The phrases the recogniser knows: what is said, and what it writes when it hears that.

use std::{collections::HashSet, path::Path};

use offhook::language::Language;
use serde::Deserialize;

/// One phrase, without slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Phrase {
    /// In which language.
    pub language: Language,
    /// What the recogniser returns, as a recogniser would write it: `We could offer you 21:00 instead.`
    pub text: String,
    /// What a voice says: `We could offer you nine in the evening instead.` The text itself where a file does not give it.
    #[serde(default)]
    pub spoken: String,
}

/// All phrases. Equal phrases count once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    /// In the order given.
    pub phrases: Vec<Phrase>,
}

/// A vocabulary file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// Not there.
    #[error("cannot read the vocabulary {path}: {source}; name a TOML file with [[phrases]] tables")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML of this shape.
    #[error("the vocabulary {path} is not understood: {source}; write [[phrases]] with language, text and spoken")]
    Malformed {
        /// The file.
        path: String,
        /// Where.
        #[source]
        source: Box<toml::de::Error>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    phrases: Vec<Phrase>,
}

impl Vocabulary {
    /// A vocabulary of these phrases; what is spoken falls back to the text, repetitions and empty phrases are dropped.
    pub fn new(phrases: impl IntoIterator<Item = Phrase>) -> Self {
        let mut seen = HashSet::new();
        let spoken = |mut phrase: Phrase| {
            if phrase.spoken.trim().is_empty() {
                phrase.spoken.clone_from(&phrase.text);
            }
            phrase
        };
        let usable = |phrase: &Phrase| phrase.spoken.chars().any(char::is_alphanumeric);
        Vocabulary {
            phrases: phrases.into_iter().map(spoken).filter(usable).filter(|phrase| seen.insert(phrase.clone())).collect(),
        }
    }

    /// Reads `[[phrases]]` tables.
    ///
    /// # Errors
    /// [`VocabularyError`]; the message names the file and the place in it.
    pub fn from_file(path: &Path) -> Result<Self, VocabularyError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| VocabularyError::Unreadable { path: shown.clone(), source })?;
        let file: File =
            toml::from_str(&text).map_err(|source| VocabularyError::Malformed { path: shown, source: Box::new(source) })?;
        Ok(Vocabulary::new(file.phrases))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_gives_phrases_and_says_where_it_is_wrong() {
        let file = std::env::temp_dir().join(format!("offhook-vocabulary-{}.toml", std::process::id()));
        let phrase = "[[phrases]]\nlanguage = \"de\"\ntext = \"Um 19:30.\"\nspoken = \"Um neunzehn Uhr dreißig.\"\n";
        std::fs::write(&file, format!("{phrase}{phrase}[[phrases]]\nlanguage = \"en\"\ntext = \"Yes.\"\n")).unwrap();
        let vocabulary = Vocabulary::from_file(&file).unwrap();
        assert_eq!(vocabulary.phrases.len(), 2);
        assert_eq!(vocabulary.phrases[1].spoken, "Yes.");
        std::fs::write(&file, "[[phrases]]\nlanguage = \"fr\"\ntext = \"Oui.\"\n").unwrap();
        let error = Vocabulary::from_file(&file).unwrap_err().to_string();
        assert!(error.contains("fr") && error.contains("line 2"), "{error}");
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(Vocabulary::from_file(&file), Err(VocabularyError::Unreadable { .. })));
    }

    #[test]
    fn phrases_without_a_word_are_not_listened_for() {
        let phrase = |text: &str| Phrase { language: Language::En, text: text.into(), spoken: String::new() };
        assert_eq!(Vocabulary::new([phrase("..."), phrase(""), phrase("No.")]).phrases.len(), 1);
    }
}
