//! What the callee means: intents, times, days, numbers, out of words in four languages.

use std::collections::BTreeSet;

use chrono::NaiveTime;
use offhook::language::Language;

pub mod clock;
pub mod days;
pub mod numbers;
mod patterns;
pub mod words;

use days::DayMention;

/// Something an utterance does. One utterance may do several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the patterns show what each is")]
pub enum Intent {
    Yes,
    No,
    Available,
    Unavailable,
    FullyBooked,
    Done,
    AskName,
    AskSpelling,
    AskPhone,
    AskParty,
    AskTime,
    AskDay,
    AskSpecial,
    AskSeating,
    AskReference,
    NeedsCard,
    Who,
    Repeat,
    HoldOn,
    Closed,
    EmailOnly,
    WalkIn,
    WrongNumber,
    CallBack,
    Refuses,
    Goodbye,
    Thanks,
    Machine,
    NoBooking,
}

impl Intent {
    /// Whether it asks for something the request answers.
    pub fn is_question(self) -> bool {
        use Intent::*;
        matches!(
            self,
            AskName | AskSpelling | AskPhone | AskParty | AskTime | AskDay | AskSpecial | AskSeating | AskReference | Who
        )
    }
}

/// What was understood of the callee's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Understanding {
    /// What the words do.
    pub intents: BTreeSet<Intent>,
    /// Times of tables, in order.
    pub times: Vec<NaiveTime>,
    /// A day.
    pub day: Option<DayMention>,
    /// A number of guests.
    pub party: Option<u16>,
    /// A booking reference.
    pub reference: Option<String>,
}

impl Understanding {
    /// Understands `text`, expected in `language`; where nothing is found, the other languages are tried. `near` settles
    /// whether eight is in the morning or in the evening.
    pub fn of(text: &str, language: Language, near: NaiveTime) -> Understanding {
        let first = understand(text, language, near);
        if first != Understanding::default() {
            return first;
        }
        let others = Language::ALL.into_iter().filter(|other| *other != language);
        others.map(|other| understand(text, other, near)).find(|other| !other.intents.is_empty()).unwrap_or_default()
    }

    /// Whether the words do this.
    pub fn has(&self, intent: Intent) -> bool {
        self.intents.contains(&intent)
    }

    /// Whether the words do one of these.
    pub fn has_any(&self, intents: &[Intent]) -> bool {
        intents.iter().any(|intent| self.has(*intent))
    }

    /// Whether anything is asked.
    pub fn asks(&self) -> bool {
        self.intents.iter().any(|intent| intent.is_question())
    }

    /// Whether it is a refusal of what was asked for.
    pub fn refuses(&self) -> bool {
        use Intent::*;
        let in_fact = self.has_any(&[Available, Done]);
        self.has_any(&[Unavailable, FullyBooked, Closed, NoBooking]) || (self.has(No) && !in_fact && !self.has(Yes))
    }

    /// Whether it is an agreement to what was asked for. A bare "yes" before a question is none: they do not know enough yet.
    pub fn agrees(&self) -> bool {
        use Intent::*;
        !self.refuses() && (self.has_any(&[Available, Done]) || (self.has(Yes) && !self.asks()))
    }
}

fn understand(text: &str, language: Language, near: NaiveTime) -> Understanding {
    let table = patterns::of(language);
    let words = words::fold(text);
    let mut spaced = words::spaced(&words);
    for (from, to) in table.rewrites {
        spaced = spaced.replace(&format!(" {from} "), &format!(" {to} "));
    }
    let mut intents: BTreeSet<_> =
        table.intents.iter().filter(|(_, patterns)| words::any(&spaced, patterns)).map(|(intent, _)| *intent).collect();
    if intents.contains(&Intent::FullyBooked) {
        intents.remove(&Intent::Done);
    }
    if intents.contains(&Intent::Refuses) {
        intents.remove(&Intent::CallBack);
    }
    if intents.contains(&Intent::Machine) {
        intents.retain(|intent| *intent == Intent::Machine);
    }
    let opening_hours = words::any(&spaced, table.opening_hours);
    let times = if opening_hours { Vec::new() } else { clock::times(&words, language, near) };
    Understanding {
        times,
        day: days::day(&words, &spaced, language),
        party: party(&words, language),
        reference: reference(&words, table.reference),
        intents,
    }
}

fn party(words: &[String], language: Language) -> Option<u16> {
    (0..words.len()).find_map(|index| {
        let (number, taken) = numbers::read(&words[index..], language)?;
        let people = words.get(index + taken).is_some_and(|word| clock::is_people(word));
        (people && number > 0).then_some(number as u16)
    })
}

/// The word with a digit that follows a word for reference, within four words; as it was written, in capitals.
fn reference(words: &[String], names: &str) -> Option<String> {
    let index = words.iter().position(|word| names.split('|').any(|name| name == word))?;
    let has_digit = |word: &&String| word.bytes().any(|b| b.is_ascii_digit()) && !word.contains([':', '+']) && word.len() >= 3;
    words[index + 1..].iter().take(4).find(has_digit).map(|word| word.to_uppercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::restaurants::phrases::{Day, Intent as Said, Phrases, Slots};

    fn heard(text: &str, language: Language) -> Understanding {
        Understanding::of(text, language, NaiveTime::from_hms_opt(19, 30, 0).unwrap())
    }

    /// What each of the restaurants' sentences must be understood as, whatever the language and the wording.
    #[test]
    fn everything_restaurants_say_is_understood_in_every_language() {
        use Intent::*;
        let expected = [
            (Said::OfferYes, Available),
            (Said::OfferOtherDay, FullyBooked),
            (Said::TimeNotAvailable, Unavailable),
            (Said::FullyBooked, FullyBooked),
            (Said::NothingElse, Unavailable),
            (Said::AskName, AskName),
            (Said::AskSpelling, AskSpelling),
            (Said::AskPhone, AskPhone),
            (Said::AskParty, AskParty),
            (Said::AskTime, AskTime),
            (Said::AskDay, AskDay),
            (Said::AskSpecial, AskSpecial),
            (Said::AskSeating, AskSeating),
            (Said::Confirm, Done),
            (Said::Goodbye, Goodbye),
            (Said::RepeatPlease, Repeat),
            (Said::WhoIsCalling, Who),
            (Said::HoldOn, HoldOn),
            (Said::StillThere, Repeat),
            (Said::ClosedOn, Closed),
            (Said::EmailOnly, EmailOnly),
            (Said::WalkInOnly, WalkIn),
            (Said::WrongNumber, WrongNumber),
            (Said::CallBack, CallBack),
            (Said::NoRobots, Refuses),
            (Said::Voicemail, Machine),
            (Said::Yes, Yes),
            (Said::No, No),
            (Said::Correct, Yes),
            (Said::Thanks, Thanks),
            (Said::Changed, Done),
            (Said::Cancelled, Done),
            (Said::Stands, Done),
            (Said::NoBooking, NoBooking),
        ];
        let slots =
            Slots { restaurant: "Amsel", name: "Maria", time: NaiveTime::from_hms_opt(21, 0, 0), day: Some(Day::NextDay) };
        let mut wrong = Vec::new();
        for language in Language::ALL {
            let phrases = Phrases::of(language);
            for (said, intent) in expected {
                for wording in 0..phrases.wordings(said) {
                    let text = phrases.render(said, wording, &slots).unwrap();
                    let understood = heard(&text, language);
                    if !understood.has(intent) {
                        wrong.push(format!("{text} {intent:?} {understood:?}"));
                    }
                    let ends = [WrongNumber, Refuses, CallBack, EmailOnly, WalkIn, Machine, NeedsCard, NoBooking];
                    if let Some(other) = ends.into_iter().find(|end| *end != intent && understood.has(*end)) {
                        wrong.push(format!("{text} is also {other:?}"));
                    }
                    if [No, Unavailable, FullyBooked, Closed, NoBooking].contains(&intent) && understood.agrees() {
                        wrong.push(format!("{text} agrees: {understood:?}"));
                    }
                    if [Yes, Available, Done].contains(&intent) && !understood.agrees() {
                        wrong.push(format!("{text} does not agree: {understood:?}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn greetings_mean_nothing_that_could_end_or_settle_a_call() {
        let slots = Slots { restaurant: "Amsel", name: "Maria", time: None, day: None };
        for language in Language::ALL {
            for wording in 0..2 {
                let text = Phrases::of(language).render(Said::Greet, wording, &slots).unwrap();
                let understood = heard(&text, language);
                assert!(understood.intents.is_empty() && understood.day.is_none(), "{text}: {understood:?}");
            }
        }
    }

    #[test]
    fn offers_carry_their_time_and_day_and_opening_hours_are_none() {
        let nine = vec![NaiveTime::from_hms_opt(21, 0, 0).unwrap()];
        assert_eq!(heard("We could offer you 21:00 instead.", Language::En).times, nine);
        assert_eq!(heard("The kitchen closes at 22:00.", Language::En).times, []);
        assert_eq!(heard("Die Küche schließt um 22:00 Uhr.", Language::De).times, []);
        assert_eq!(heard("El sábado a las nueve", Language::Es).day, Some(DayMention::Weekday(chrono::Weekday::Sat)));
        assert_eq!(heard("Wij hebben alleen een tafel voor 2 personen", Language::Nl).party, Some(2));
        assert_eq!(heard("Your reference is AB12.", Language::En).reference.as_deref(), Some("AB12"));
    }

    #[test]
    fn another_language_than_expected_is_understood_too() {
        assert!(heard("Lo siento, estamos completos.", Language::En).has(Intent::FullyBooked));
    }
}
