//! Who speaks with which voice: the one table. Templates, the agent and the restaurants never share a voice, so that nothing
//! the recogniser hears in a call is a sound it was made from.

use std::{fmt, str::FromStr};

use offhook::language::Language;

/// What a voice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes the recogniser's templates; cannot be asked for by name.
    Template,
    /// Speaks for the agent through `/v1/audio/speech`.
    Agent,
    /// Answers the telephone.
    Restaurant,
}

/// A manner of speaking, the same in every language.
#[derive(Debug, PartialEq, Eq)]
pub struct Timbre {
    /// What it is for.
    pub role: Role,
    /// From 1 within the role.
    pub number: u8,
    /// espeak-ng's variant, empty for the plain voice.
    pub variant: &'static str,
    /// Words a minute.
    pub speed: u32,
    /// 0–99, 50 is the variant's own.
    pub pitch: u32,
}

const fn timbre(role: Role, number: u8, variant: &'static str, speed: u32, pitch: u32) -> Timbre {
    Timbre { role, number, variant, speed, pitch }
}

/// All voices.
pub static CAST: [Timbre; 11] = [
    timbre(Role::Template, 1, "", 160, 50),
    timbre(Role::Template, 2, "+m3", 150, 40),
    timbre(Role::Template, 3, "+f2", 150, 60),
    timbre(Role::Agent, 1, "+f4", 165, 60),
    timbre(Role::Agent, 2, "+m7", 160, 50),
    timbre(Role::Restaurant, 1, "+f3", 165, 58),
    timbre(Role::Restaurant, 2, "+m5", 150, 45),
    timbre(Role::Restaurant, 3, "+klatt2", 155, 50),
    timbre(Role::Restaurant, 4, "+m2", 180, 55),
    timbre(Role::Restaurant, 5, "+f5", 160, 50),
    timbre(Role::Restaurant, 6, "+m4", 165, 40),
];

/// The timbres of a role.
pub fn timbres(role: Role) -> impl Iterator<Item = &'static Timbre> {
    CAST.iter().filter(move |timbre| timbre.role == role)
}

/// A timbre speaking a language. Named `en-1`, `de-2` (agent), `nl-restaurant-3` (restaurants).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CastVoice {
    /// What it speaks.
    pub language: Language,
    /// How it sounds.
    pub timbre: &'static Timbre,
}

impl CastVoice {
    /// Every voice that can be asked for by name.
    pub fn all() -> impl Iterator<Item = CastVoice> {
        Language::ALL.into_iter().flat_map(|language| {
            CAST.iter().filter(|timbre| timbre.role != Role::Template).map(move |timbre| CastVoice { language, timbre })
        })
    }

    /// A restaurant's voice in a language; numbers start at 1 and wrap around.
    pub fn restaurant(language: Language, number: usize) -> CastVoice {
        let count = timbres(Role::Restaurant).count();
        let timbre = timbres(Role::Restaurant)
            .nth((number + count - 1) % count)
            .expect("the index is taken modulo the number of restaurants' voices, which is not zero");
        CastVoice { language, timbre }
    }

    /// The restaurants' voice with this espeak-ng variant, e.g. `+f3`, where they have it.
    pub fn restaurant_with(language: Language, variant: &str) -> Option<CastVoice> {
        timbres(Role::Restaurant).find(|timbre| timbre.variant == variant).map(|timbre| CastVoice { language, timbre })
    }

    /// What espeak-ng calls it, e.g. `en-us+f4`.
    pub fn espeak_name(&self) -> String {
        let language = if self.language == Language::En { "en-us" } else { self.language.code() };
        format!("{language}{}", self.timbre.variant)
    }
}

impl fmt::Display for CastVoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.timbre.role {
            Role::Template => "template-",
            Role::Agent => "",
            Role::Restaurant => "restaurant-",
        };
        write!(f, "{}-{role}{}", self.language, self.timbre.number)
    }
}

/// A voice nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no voice \"{0}\": use a language and a number, such as en-1, en-2, de-1, es-1, nl-1, or de-restaurant-1 to de-restaurant-6"
)]
pub struct UnknownVoice(pub String);

impl FromStr for CastVoice {
    type Err = UnknownVoice;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        CastVoice::all().find(|voice| voice.to_string() == name).ok_or_else(|| UnknownVoice(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_voice_is_found_by_its_name() {
        for voice in CastVoice::all() {
            assert_eq!(voice.to_string().parse::<CastVoice>().unwrap(), voice);
        }
        let message = "en-9".parse::<CastVoice>().unwrap_err().to_string();
        assert!(message.contains("en-9") && message.contains("en-1"));
        assert!("en-template-1".parse::<CastVoice>().is_err());
    }

    #[test]
    fn nobody_in_a_call_speaks_with_a_voice_of_the_templates_or_of_another_role() {
        let variants: HashSet<_> = CAST.iter().map(|timbre| timbre.variant).collect();
        assert_eq!(variants.len(), CAST.len());
    }

    #[test]
    fn restaurants_share_out_the_voices() {
        let numbers: Vec<u8> = (1..=7).map(|n| CastVoice::restaurant(Language::Nl, n).timbre.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 1]);
    }
}
