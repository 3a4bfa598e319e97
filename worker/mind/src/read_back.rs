//! The booking read back. What was accepted is said to the callee once more, with date, time, party and name, and counts only once they
//! have heard it from us; and a promise that a tool then refused is taken back.

use offhook::{language::Language, offer::Offer};
use offhook_language::tables;
use offhook_speaking::spoken;
use offhook_types::ids::{Generation, Millis, SentenceId};
use serde_json::json;

use super::{
    mind::{Mind, Phase},
    named::Names,
    sentence_queue::{Progress, Sentence},
};

/// How long a noise may last over the read-back before it counts as somebody who wants to speak, in ms. A cough, with the silence after
/// which the ear takes it for ended, is shorter.
const NOISE: Millis = 1_000;
/// An accepted table on its way to the callee.
#[derive(Debug, Clone)]
pub(super) struct ReadBack {
    pub offer: Offer,
    /// When it was accepted.
    pub accepted: Millis,
    /// The sentence that says it; absent while it is owed.
    pub sentence: Option<SentenceId>,
    /// The callee's first words about it were judged.
    pub judged: bool,
    /// They agreed to it.
    pub confirmed: bool,
    /// They said that it is wrong, or named something else, and nothing was accepted since.
    pub contested: bool,
    /// The words it rests on named another table, or they had objected to this one: it counts only with their yes.
    pub needs_yes: bool,
    /// Words of ours after it named something else: it is said once more behind them.
    pub blurred: bool,
    /// The model was told once that it cannot end while the read-back is contested.
    pub end_refused: bool,
}

/// What we owe the callee after words of ours that did not stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Correction {
    owed: bool,
    pub sentence: Option<SentenceId>,
}

/// Returns the read-back of a table.
fn sentence(name: &str, offer: &Offer, language: Language) -> String {
    let phrases = &tables(language).phrases;
    let (one, many) = phrases.persons;
    let party = if offer.party_size == 1 { one.to_owned() } else { many.replace("{number}", &offer.party_size.to_string()) };
    phrases
        .read_back
        .replace("{party}", &party)
        .replace("{date}", &offer.date.to_string())
        .replace("{time}", &offer.time.format("%H:%M").to_string())
        .replace("{name}", name)
}

/// Whether these words name day, time and party of the table, as the prompt has the model write them.
pub(super) fn names(text: &str, offer: &Offer, language: Language) -> bool {
    let (party, date, time) = (offer.party_size.to_string(), offer.date.to_string(), offer.time.format("%H:%M").to_string());
    let in_words = spoken(&party, language).to_lowercase();
    // The digits of day and time are no party.
    let rest = text.replace(&date, " ").replace(&time, " ").to_lowercase();
    let party_named = rest.split(|c: char| !c.is_alphanumeric()).any(|word| word == party || word == in_words);
    party_named && text.contains(&date) && text.contains(&time)
}

impl Mind {
    /// A table was accepted, by a call of this reply: the callee is to hear it, unless the reply itself reads it back.
    pub(super) fn offer_accepted(&mut self, generation: Generation) {
        let Some(offer) = self.outcome.agreed().cloned() else { return };
        self.correction = Correction::default();
        if let Some(known) = &self.read_back
            && known.offer == offer
            && !known.contested
        {
            return;
        }
        let before = self.read_back.as_ref();
        let objected = before.is_some_and(|known| known.contested && known.offer == offer);
        let needs_yes = objected || self.words_speak_against(&offer);
        if before.and_then(|known| self.sentence_of(known)).is_some_and(Sentence::is_waiting) {
            // It does not stand any more.
            self.stop_speaking();
        }
        let sentence = self.read_back_by_the_model(generation, &offer);
        self.read_back = Some(ReadBack {
            offer,
            accepted: self.now,
            sentence,
            judged: false,
            confirmed: false,
            contested: false,
            needs_yes,
            blurred: false,
            end_refused: false,
        });
        let may_speak =
            matches!(&self.phase, Phase::Talking) || matches!(&self.phase, Phase::Closing(closing) if !closing.forced);
        if may_speak && self.floor.is_quiet() {
            self.say_read_back();
        }
    }

    fn read_back_by_the_model(&self, generation: Generation, offer: &Offer) -> Option<SentenceId> {
        let delivered = || self.sentences.of(generation).filter(|(_, sentence)| sentence.is_delivered());
        let text: Vec<&str> = delivered().map(|(_, sentence)| sentence.text.as_str()).collect();
        let last = delivered().last().map(|(id, _)| *id)?;
        let text = text.join(" ");
        let guest = self.name_of_booking();
        let language = self.language.current();
        let read_back = names(&text, offer, language)
            && text.contains(&guest)
            && !text.contains('?')
            && !Names::of(&text, language).contradict(offer, self.settings.today);
        read_back.then_some(last)
    }

    /// What they know of is agreed no more: they are told, unless they took it back themselves.
    pub(super) fn agreement_taken_back(&mut self) {
        if !self.is_contested() {
            self.correction = Correction { owed: true, sentence: None };
        }
    }

    /// Nothing is agreed any more.
    pub(super) fn agreement_dropped(&mut self) {
        if self.outcome.agreed().is_none() {
            self.read_back = None;
        }
    }

    /// Says the read-back where it is owed: it was never said, or not heard to its end.
    pub(super) fn say_read_back(&mut self) {
        let Some(read_back) = self.read_back.clone().filter(|read_back| !read_back.contested && !read_back.confirmed) else {
            return;
        };
        if self.sentence_of(&read_back).is_some_and(Sentence::is_delivered) {
            return;
        }
        let said = self.say(sentence(&self.name_of_booking(), &read_back.offer, self.language.current()));
        if let Some(read_back) = &mut self.read_back {
            read_back.sentence = Some(said);
            read_back.judged = false;
        }
    }

    /// The name the table is booked under.
    fn name_of_booking(&self) -> String {
        self.outcome.agreed_name().unwrap_or(&self.request.guest_name).to_owned()
    }

    /// The model said something after the read-back: where it named another time, day or party, the read-back follows once more.
    pub(super) fn said_beside_read_back(&mut self, text: &str) {
        let language = self.language.current();
        let today = self.settings.today;
        if let Some(read_back) = self.read_back.as_mut().filter(|read_back| !read_back.contested && read_back.sentence.is_some())
            && !text.contains('?')
            && Names::of(text, language).contradict(&read_back.offer, today)
        {
            read_back.blurred = true;
        }
    }

    /// Says the read-back again where words of ours behind it named something else.
    pub(super) fn say_blurred_read_back(&mut self) {
        let Some(read_back) = self.read_back.as_mut().filter(|read_back| read_back.blurred) else { return };
        read_back.blurred = false;
        read_back.confirmed = false;
        read_back.sentence = None;
        let agreed = read_back.offer.clone();
        self.log("read_back_again", json!({ "agreed": agreed }));
        self.say_read_back();
    }

    pub(super) fn sentence_of(&self, read_back: &ReadBack) -> Option<&Sentence> {
        read_back.sentence.and_then(|id| self.sentences.sentence(id))
    }

    /// Whether this sentence is the read-back.
    pub(super) fn reads_back(&self, id: SentenceId) -> bool {
        self.read_back.as_ref().is_some_and(|read_back| read_back.sentence == Some(id))
            || self.correction.sentence.is_some_and(|correction| correction == id)
    }

    /// Whether the callee is hearing the read-back now.
    pub(super) fn is_reading_back(&self) -> bool {
        self.read_back
            .as_ref()
            .and_then(|read_back| self.sentence_of(read_back))
            .is_some_and(|sentence| sentence.progress == Progress::Playing)
    }

    /// Somebody speaks, or something falls, while the callee hears the read-back: it goes on until it is clear that they speak.
    pub(super) fn guard_read_back(&mut self) {
        self.floor.guarded_until = Some(self.now + NOISE);
    }

    /// A tool refused what the model may have promised in this reply, or since the callee's last words. What of it was not heard is not
    /// said any more; what was heard is taken back before anything else is said.
    pub(super) fn promise_refused(&mut self, offer: Option<&Offer>) {
        if offer.is_some() && self.sentences.sentences.values().any(|sentence| sentence.by_model && sentence.is_waiting()) {
            self.stop_speaking();
        }
        let named = |sentence: &Sentence| {
            offer.is_some_and(|offer| sentence.text.contains(&offer.time.format("%H:%M").to_string()))
                && !sentence.text.contains('?')
        };
        let promised = self.sentences.sentences.values().any(|sentence| {
            sentence.by_model
                && (sentence.has_begun() || sentence.is_waiting())
                && (sentence.asked >= self.floor.last_words || named(sentence))
                && (self.floor.turns > 0)
        });
        if promised {
            self.correction = Correction { owed: true, sentence: None };
        }
    }

    /// Takes back what did not stand, where that is owed and was not heard.
    pub(super) fn correct(&mut self) {
        let heard = self.correction.sentence.and_then(|id| self.sentences.sentence(id)).is_some_and(Sentence::is_delivered);
        if !self.correction.owed || heard {
            return;
        }
        let text = tables(self.language.current()).phrases.nothing_agreed.to_owned();
        self.correction.sentence = Some(self.say(text));
    }
}

#[cfg(test)]
mod tests {
    use Language::{De, En, Es, Nl};

    use super::*;
    use crate::fixtures::request;

    #[test]
    fn the_read_back_is_said_in_words_in_four_languages() {
        let request = request();
        for (language, words) in [
            (
                En,
                "I confirm: a table for four people on Friday the fourth of December at half past seven in the evening, under the name Ada Winter.",
            ),
            (
                De,
                "Ich bestätige: ein Tisch für vier Personen am Freitag den vierten Dezember um neunzehn Uhr dreißig, auf den Namen Ada Winter.",
            ),
            (
                Es,
                "Confirmo: una mesa para cuatro personas el viernes cuatro de diciembre a las siete y media de la tarde, a nombre de Ada Winter.",
            ),
            (
                Nl,
                "Ik bevestig: een tafel voor vier personen op vrijdag vier december om half acht 's avonds, op naam van Ada Winter.",
            ),
        ] {
            assert_eq!(spoken(&sentence(&request.guest_name, &request.wanted(), language), language), words);
        }
    }

    #[test]
    fn a_sentence_names_a_table_with_day_time_and_party() {
        let offer = request().wanted();
        for text in ["A table for 4 on 2026-12-04 at 19:30, please.", "So four people, 2026-12-04, 19:30."] {
            assert!(names(text, &offer, En), "{text}");
        }
        for text in ["A table for 4 at 19:30.", "2026-12-04 at 20:00 for 4.", "2026-12-04 at 19:30 for 14."] {
            assert!(!names(text, &offer, En), "{text}");
        }
        let twelve = Offer { party_size: 12, date: "2026-12-12".parse().unwrap_or_default(), ..offer };
        assert!(!names("So 2026-12-12 at 19:30.", &twelve, En));
    }
}
