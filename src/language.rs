//! The languages a call can be held in.

pub mod folding;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A language the agent hears and speaks. Written as its ISO 639-1 code everywhere outside Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English
    En,
    /// German
    De,
    /// Spanish
    Es,
    /// Dutch
    Nl,
}

impl Language {
    /// All of them, in a fixed order.
    pub const ALL: [Language; 4] = [Language::En, Language::De, Language::Es, Language::Nl];

    /// The ISO 639-1 code: `en`, `de`, `es`, `nl`.
    pub const fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Es => "es",
            Language::Nl => "nl",
        }
    }

    /// The language of an ISO 639-1 code, as settings and rows have it.
    ///
    /// # Errors
    /// [`UnknownLanguage`] for anything else, an English name among it.
    pub fn of_code(code: &str) -> Result<Language, UnknownLanguage> {
        Language::ALL.into_iter().find(|language| language.code() == code).ok_or_else(|| UnknownLanguage(code.to_owned()))
    }

    /// All codes, for messages: `en, de, es or nl`.
    pub fn codes() -> String {
        let codes = Language::ALL.map(Language::code);
        codes.split_last().map_or_else(String::new, |(last, others)| format!("{} or {last}", others.join(", ")))
    }

    /// The English name, as prompts use it and as `verbose_json` transcriptions report it.
    pub const fn english_name(self) -> &'static str {
        match self {
            Language::En => "English",
            Language::De => "German",
            Language::Es => "Spanish",
            Language::Nl => "Dutch",
        }
    }

    /// Other English names that Whisper's table has, ISO 639-2 codes, and its own name, in lower case.
    const fn other_names(self) -> &'static [&'static str] {
        match self {
            Language::En => &["eng"],
            Language::De => &["deu", "ger", "deutsch"],
            Language::Es => &["castilian", "spa", "español", "castellano"],
            Language::Nl => &["flemish", "nld", "dut", "nederlands"],
        }
    }

    /// The language most likely spoken behind an E.164 number, by country code; `None` where there is no good guess.
    pub fn of_number(number: &str) -> Option<Language> {
        // Longest prefixes first. Belgium and Switzerland are left out: the number does not tell.
        const PREFIXES: [(&str, Language); 17] = [
            ("+353", Language::En),
            ("+593", Language::Es),
            ("+31", Language::Nl),
            ("+34", Language::Es),
            ("+43", Language::De),
            ("+44", Language::En),
            ("+49", Language::De),
            ("+51", Language::Es),
            ("+52", Language::Es),
            ("+54", Language::Es),
            ("+56", Language::Es),
            ("+57", Language::Es),
            ("+58", Language::Es),
            ("+61", Language::En),
            ("+64", Language::En),
            ("+65", Language::En),
            ("+1", Language::En),
        ];
        PREFIXES.iter().find(|(prefix, _)| number.starts_with(prefix)).map(|(_, language)| *language)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A language tag that is none of [`Language::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a language offhook speaks: use {codes}", codes = Language::codes())]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Takes codes (`de`, `de-DE`, `DE_at`, `deu`) and names (`german`), as recognisers write any of them.
    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        let lower = tag.trim().to_ascii_lowercase();
        let primary = lower.split(['-', '_', ';', ',', ' ', '(']).next().unwrap_or_default();
        Language::ALL
            .into_iter()
            .find(|language| {
                primary == language.code()
                    || primary == language.english_name().to_ascii_lowercase()
                    || language.other_names().contains(&primary)
            })
            .ok_or_else(|| UnknownLanguage(tag.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_names_of_recognisers_are_understood() {
        for (tag, language) in [
            ("de-DE", Language::De),
            ("Dutch", Language::Nl),
            ("en_us", Language::En),
            (" es ", Language::Es),
            ("Flemish", Language::Nl),
            ("deu", Language::De),
            ("español", Language::Es),
            ("Spanish; Castilian", Language::Es),
            ("English (US)", Language::En),
        ] {
            assert_eq!(tag.parse(), Ok(language));
        }
        assert!("fr".parse::<Language>().is_err());
    }

    #[test]
    fn a_setting_has_the_code_and_a_wrong_one_is_told_all_of_them() {
        assert_eq!(Language::of_code("nl"), Ok(Language::Nl));
        let wrong = Language::of_code("german").unwrap_err().to_string();
        assert_eq!(wrong, "\"german\" is not a language offhook speaks: use en, de, es or nl");
    }

    #[test]
    fn the_country_code_gives_the_first_guess() {
        assert_eq!(Language::of_number("+4930123456"), Some(Language::De));
        assert_eq!(Language::of_number("+12125550100"), Some(Language::En));
        assert_eq!(Language::of_number("+3221234567"), None);
        assert_eq!(Language::of_number("sip:a@b"), None);
    }
}
