//! What restaurants say, by intent, in four languages: `sandbox/phrases/*.toml`.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::NaiveTime;
use offhook::language::Language;
use serde::Deserialize;

/// What a sentence of a restaurant is for. Every language has at least one wording for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the wordings in sandbox/phrases say what each is for")]
pub enum Intent {
    Greet,
    OfferYes,
    OfferOther,
    OfferOtherAgain,
    OfferOtherDay,
    TimeNotAvailable,
    FullyBooked,
    NothingElse,
    AskName,
    AskSpelling,
    AskPhone,
    AskParty,
    AskTime,
    AskDay,
    AskSpecial,
    AskSeating,
    Confirm,
    Goodbye,
    RepeatPlease,
    WhoIsCalling,
    HoldOn,
    StillThere,
    ClosedOn,
    EmailOnly,
    WalkInOnly,
    WrongNumber,
    CallBack,
    NoRobots,
    Voicemail,
    Yes,
    No,
    Correct,
    Thanks,
    KitchenCloses,
    Changed,
    Cancelled,
    Stands,
    NoBooking,
}

impl Intent {
    /// How many there are.
    pub const COUNT: usize = Intent::NoBooking as usize + 1;
}

/// A day as a restaurant names it in an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it all")]
pub enum Day {
    NextDay,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    /// How many there are.
    pub const COUNT: usize = Day::Sunday as usize + 1;
}

/// What is put into the gaps of a sentence.
#[derive(Debug, Clone, Copy)]
pub struct Slots<'a> {
    /// `{restaurant}`
    pub restaurant: &'a str,
    /// `{name}`: who answers the telephone there.
    pub name: &'a str,
    /// `{time}`, written `21:00`.
    pub time: Option<NaiveTime>,
    /// `{day}`
    pub day: Option<Day>,
}

/// The sentences of one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrases {
    /// Which.
    pub language: Language,
    phrases: BTreeMap<Intent, Vec<String>>,
    days: BTreeMap<Day, String>,
}

static ALL: LazyLock<[Phrases; 4]> = LazyLock::new(|| {
    [
        include_str!("../../phrases/en.toml"),
        include_str!("../../phrases/de.toml"),
        include_str!("../../phrases/es.toml"),
        include_str!("../../phrases/nl.toml"),
    ]
    .map(|text| toml::from_str(text).expect("the phrase files are part of the program and parsed by its tests"))
});

impl Phrases {
    /// The sentences of this language.
    pub fn of(language: Language) -> &'static Phrases {
        ALL.iter().find(|phrases| phrases.language == language).expect("there is a file for each language, tested")
    }

    /// The wording with this number; numbers beyond the last one start again. `None` where a slot has no value.
    pub fn render(&self, intent: Intent, wording: usize, slots: &Slots<'_>) -> Option<String> {
        let wordings = self.phrases.get(&intent)?;
        let mut text = wordings.get(wording % wordings.len().max(1))?.clone();
        let time = slots.time.map(|time| time.format("%H:%M").to_string());
        let day = slots.day.and_then(|day| self.days.get(&day)).map(String::as_str);
        for (gap, value) in
            [("{restaurant}", Some(slots.restaurant)), ("{name}", Some(slots.name)), ("{time}", time.as_deref()), ("{day}", day)]
        {
            if text.contains(gap) {
                text = text.replace(gap, value?);
            }
        }
        Some(text)
    }

    /// All sentences that need no slot.
    pub fn without_slots(&self) -> impl Iterator<Item = &str> {
        self.phrases.values().flatten().map(String::as_str).filter(|text| !text.contains('{'))
    }

    /// How many wordings there are for an intent.
    pub fn wordings(&self, intent: Intent) -> usize {
        self.phrases.get(&intent).map_or(0, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_of_every_language_is_complete_once_its_slots_are_filled() {
        let slots =
            Slots { restaurant: "Alte Post", name: "Maria", time: NaiveTime::from_hms_opt(21, 0, 0), day: Some(Day::Saturday) };
        for language in Language::ALL {
            let phrases = Phrases::of(language);
            assert_eq!(phrases.phrases.len(), Intent::COUNT, "{language}");
            assert_eq!(phrases.days.len(), Day::COUNT, "{language}");
            for (&intent, wordings) in &phrases.phrases {
                assert!(!wordings.is_empty(), "{language} {intent:?}");
                assert_eq!(wordings.len(), Phrases::of(Language::En).wordings(intent), "{language} {intent:?}");
                for wording in 0..wordings.len() {
                    let text = phrases.render(intent, wording, &slots);
                    let text = text.unwrap_or_else(|| panic!("{language} {intent:?} has a slot nobody can fill"));
                    assert!(!text.contains(['{', '}']), "{text}");
                    assert!(text.ends_with(['.', '?', '!']), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_sentence_without_its_time_is_not_said() {
        let slots = Slots { restaurant: "Alte Post", name: "Maria", time: None, day: None };
        assert_eq!(Phrases::of(Language::De).render(Intent::OfferOther, 0, &slots), None);
        assert!(Phrases::of(Language::De).without_slots().count() > 40);
    }
}
