//! The times, days and parties that somebody names in words: what is confirmed must not be something else than what was agreed.
//!
//! It errs to one side: a number that may be a time or a party and is none of the agreed table's is taken for one. That costs a question;
//! the other way round it costs a wrong table.

use chrono::{Datelike, NaiveDate, Timelike, Weekday};
use offhook::{language::Language, offer::Offer};
use offhook_language::{
    tables,
    tables::{DayPart, NamedDay, Naming},
};

mod house_hours;
mod tokens;

use house_hours::HouseTime;
use tokens::{Token, tokens};

/// The most words of a number: "treinta y uno".
const NUMBER_WORDS: usize = 3;

/// Something named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// A time; before one o'clock in the afternoon of either half of the day, where no part of the day is named.
    Time { hour: u32, minute: u32, part: Option<DayPart> },
    /// "Four people".
    Party(u32),
    /// "The fifth", "December 5".
    Day { day: u32, month: Option<u32> },
    /// "Friday".
    Weekday(Weekday),
    /// "20.00", "4.12.", "4/12": a time or a day.
    Pair(u32, u32),
    /// A full date.
    Date(NaiveDate),
    /// "Tomorrow", "Christmas Eve".
    NamedDay(NamedDay),
    /// A time of the house that the table has to fit.
    House(HouseTime),
    /// A number by itself.
    Number(u32),
}

impl Named {
    fn fits(self, offer: &Offer, today: NaiveDate) -> bool {
        let (hour, minute) = (offer.time.hour(), offer.time.minute());
        let (day, month) = (offer.date.day(), offer.date.month());
        match self {
            Named::Time { hour: named, minute: with, part } => {
                let half_open = part.is_none() && named <= 12;
                let named = match part {
                    Some(DayPart::Morning) if named == 12 => 0,
                    Some(DayPart::Later) if (1..12).contains(&named) => named + 12,
                    Some(DayPart::Night) if named == 12 => 0,
                    Some(DayPart::Night) if (6..12).contains(&named) => named + 12,
                    _ => named % 24,
                };
                with == minute && (named == hour || (half_open && named % 12 == hour % 12))
            }
            Named::Party(size) => size == u32::from(offer.party_size),
            Named::Day { day: named, month: of } => named == day && of.is_none_or(|of| of == month),
            Named::Weekday(weekday) => weekday == offer.date.weekday(),
            Named::Date(date) => date == offer.date,
            Named::NamedDay(NamedDay::After(days)) => offer.date.signed_duration_since(today).num_days() == i64::from(days),
            Named::NamedDay(NamedDay::Week(weeks)) => {
                let monday = |date: NaiveDate| date.week(Weekday::Mon).first_day();
                monday(offer.date).signed_duration_since(monday(today)).num_weeks() == i64::from(weeks)
            }
            Named::NamedDay(NamedDay::OfYear(of, named)) => (month, day) == (of, named),
            Named::House(time) => time.allows(offer.time),
            Named::Pair(a, b) => {
                let time = b == minute && (a == hour || a % 12 == hour % 12);
                time || (a, b) == (day, month) || (b, a) == (day, month)
            }
            Named::Number(number) => {
                let clock = minute == 0 && (number == hour || number == hour % 12 || (number == 12 && hour % 12 == 0));
                clock || number == u32::from(offer.party_size) || number == day
            }
        }
    }

    /// Whether the words around it say what it is, in whatever language the rest is.
    fn is_plain(self) -> bool {
        !matches!(self, Named::Number(_) | Named::Pair(..))
    }

    /// What of a table it names.
    fn kind(self) -> Kind {
        match self {
            Named::Time { .. } => Kind::Time,
            Named::Party(_) => Kind::Party,
            Named::Day { .. } | Named::Weekday(_) | Named::Date(_) | Named::NamedDay(_) => Kind::Day,
            Named::House(_) => Kind::House,
            Named::Pair(..) | Named::Number(_) => Kind::Number,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Time,
    Party,
    Day,
    House,
    Number,
}

/// What these words name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names(Vec<Named>);

impl Names {
    /// Reads a text in the language of the conversation, and as far as other languages are plain in it, in those.
    pub(super) fn of(text: &str, language: Language) -> Self {
        let mut named = read(text, language, false);
        for other in Language::ALL.into_iter().filter(|other| *other != language) {
            named.extend(read(text, other, true).into_iter().filter(|named| named.is_plain()));
        }
        Names(named)
    }

    /// Whether anything is named.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is named that is not the table's.
    pub(super) fn contradict(&self, offer: &Offer, today: NaiveDate) -> bool {
        self.0.iter().any(|named| !named.fits(offer, today))
    }

    /// Whether times, days or parties are named of which none is the table's. "At seven or half past" does not exclude half past seven.
    pub(super) fn exclude(&self, offer: &Offer, today: NaiveDate) -> bool {
        let none_fits = |kind: Kind| {
            let mut of_kind = self.0.iter().filter(|named| named.kind() == kind).peekable();
            of_kind.peek().is_some() && of_kind.all(|named| !named.fits(offer, today))
        };
        [Kind::Time, Kind::Party, Kind::Day, Kind::House, Kind::Number].into_iter().any(none_fits)
    }
}

/// What a text names when it is read in one language; `foreign` where the conversation is in another.
fn read(text: &str, language: Language, foreign: bool) -> Vec<Named> {
    let tokens = tokens(text, language);
    let reader = Reader { naming: &tables(language).naming, language, foreign };
    tokens.split(|token| *token == Token::Break).flat_map(|clause| reader.clause(clause)).collect()
}

struct Reader {
    naming: &'static Naming,
    language: Language,
    foreign: bool,
}

impl Reader {
    fn clause(&self, tokens: &[Token]) -> Vec<Named> {
        let mut named = Vec::new();
        // Where the conversation is in another language, its words tell what the digits are all the same.
        let holds = |list: fn(&'static Naming) -> &'static [&'static str]| {
            let phrases = Language::ALL.into_iter().flat_map(|language| list(&tables(language).naming));
            phrases.into_iter().any(|phrase| (0..tokens.len()).any(|at| literal(phrase, &tokens[at..]).is_some()))
        };
        let (elsewhere, closing) = (holds(|naming| naming.elsewhere), holds(|naming| naming.closing));
        if elsewhere || closing {
            // "The kitchen is open until ten": only what ends there concerns a table.
            let ends = self.times_of(tokens).filter(|(_, until)| *until || !elsewhere);
            return ends.map(|(time, _)| Named::House(HouseTime::closing(time))).collect();
        }
        let mut at = 0;
        while at < tokens.len() {
            let (before, rest) = tokens.split_at(at);
            match self.first(before, rest) {
                Some((found, length)) => {
                    named.extend(found);
                    at += length.max(1);
                }
                None => at += 1,
            }
        }
        named
    }

    /// The times of a clause, and whether something lasts until then.
    fn times_of<'t>(&'t self, tokens: &'t [Token]) -> impl Iterator<Item = ((u32, u32, Option<DayPart>), bool)> + 't {
        (0..tokens.len()).filter_map(move |at| {
            let (before, rest) = tokens.split_at(at);
            let (hour, minute, length) = self.time(before, rest)?;
            // Its minutes and its second word are read with it.
            let begins = at == 0 || self.time(&before[..at - 1], &tokens[at - 1..]).is_none();
            let ends = self.word_before(before, self.naming.before_time).unwrap_or(before);
            let until = ends.last().is_some_and(|token| token.is_one_of(self.naming.until));
            begins.then(|| ((hour, minute, self.part(&rest[length..]).0), until))
        })
    }

    /// A phrase of a list at the beginning of the tokens, the longest.
    fn listed<T: Copy>(list: &[(&str, T)], tokens: &[Token]) -> Option<(T, usize)> {
        list.iter().filter_map(|(words, value)| Some((*value, literal(words, tokens)?))).max_by_key(|(_, length)| *length)
    }

    /// What the tokens begin with, and of how many it is; nothing where a number there means something else.
    fn first(&self, before: &[Token], rest: &[Token]) -> Option<(Option<Named>, usize)> {
        match rest.first()? {
            Token::Date(date) => return Some((Some(Named::Date(*date)), 1)),
            Token::Weekday(weekday) => return Some((Some(Named::Weekday(*weekday)), 1)),
            Token::Pair(a, b) => {
                let price = self.naming.behind_price.iter().any(|words| literal(words, &rest[1..]).is_some());
                let named = Named::Pair(*a, *b);
                return Some(((!price).then_some(named), 1));
            }
            // Digits read the same in every language.
            Token::Clock(..) if self.foreign => return None,
            Token::Month(month) => {
                let day = rest.get(1).and_then(Token::day)?;
                return Some((Some(Named::Day { day, month: Some(*month) }), 2));
            }
            Token::Ordinal(day) => return self.day(*day, before, rest),
            _ => {}
        }
        if let Some((size, length)) = Self::listed(self.naming.parties, rest) {
            return Some((Some(Named::Party(size)), length));
        }
        if let Some((day, length)) = Self::listed(self.naming.days, rest) {
            // "Guten Morgen" is none in Dutch either.
            let another =
                |last: &Token| Language::ALL.into_iter().any(|language| last.is_one_of(tables(language).naming.no_day_after));
            let other = before.last().is_some_and(another);
            return Some(((!other).then_some(Named::NamedDay(day)), length));
        }
        if let Some(party) = self.party(before, rest) {
            return Some(party);
        }
        if let Some((hour, minute, length)) = self.time(before, rest) {
            let (part, more) = self.part(&rest[length..]);
            let ends = self.word_before(before, self.naming.before_time).unwrap_or(before);
            let until = ends.last().is_some_and(|token| token.is_one_of(self.naming.until));
            let by = before.last().is_some_and(|token| token.is_one_of(self.naming.by));
            let named = match (until, by) {
                (true, _) => Some(Named::House(HouseTime::until((hour, minute, part)))),
                (_, true) => Some(Named::House(HouseTime::by((hour, minute, part)))),
                _ => Some(Named::Time { hour, minute, part }),
            };
            return Some((named, length + more));
        }
        let Token::Number(number, digits) = rest.first()? else { return None };
        self.number(*number, *digits, before, rest)
    }

    /// "Somos cinco", "five of you".
    fn party(&self, before: &[Token], rest: &[Token]) -> Option<(Option<Named>, usize)> {
        let size = number(rest.first()?)?;
        let behind = self.naming.behind_party.iter().find_map(|words| literal(words, &rest[1..]));
        let counted =
            rest.get(1).is_some_and(|next| next.is_one_of(self.naming.counted) || next.is_one_of(self.naming.behind_price));
        let announced = before.last().is_some_and(|last| last.is_one_of(self.naming.before_party))
            && !counted
            && !rest.get(1).is_some_and(|next| next.is_one_of(self.naming.behind_time) || matches!(next, Token::Number(..)));
        (behind.is_some() || announced).then_some((Some(Named::Party(size)), 1 + behind.unwrap_or(0)))
    }

    /// "The fifth (of December)"; an ordinal before another word is none of a day: "the second course".
    fn day(&self, day: u32, before: &[Token], rest: &[Token]) -> Option<(Option<Named>, usize)> {
        let (of, length) = self.month_behind(&rest[1..]);
        if of.is_some() {
            return Some((Some(Named::Day { day, month: of }), 1 + length));
        }
        let ends = matches!(rest.get(1), None | Some(Token::Weekday(_) | Token::Date(_)))
            || rest.get(1).is_some_and(|next| {
                next.is_one_of(self.naming.before_time) || (rest.len() == 2 && next.is_one_of(self.naming.goes_on))
            });
        let begins =
            before.last().is_some_and(|last| last.is_one_of(self.naming.before_day) || matches!(last, Token::Weekday(_)));
        Some(((begins && ends).then_some(Named::Day { day, month: None }), 1))
    }

    fn month_behind(&self, rest: &[Token]) -> (Option<u32>, usize) {
        let of = usize::from(rest.first().is_some_and(|token| token.is_one_of(self.naming.of)));
        match rest.get(of) {
            Some(Token::Month(month)) => (Some(*month), of + 1),
            _ => (None, 0),
        }
    }

    /// A number of which the words around it make no time.
    fn number(&self, number: u32, digits: usize, before: &[Token], rest: &[Token]) -> Option<(Option<Named>, usize)> {
        let run = rest.iter().take_while(|token| matches!(token, Token::Number(..))).count();
        let behind = rest.get(run);
        if behind.is_some_and(|token| token.is_one_of(self.naming.people)) {
            return match run {
                1 => Some((Some(Named::Party(number)), 2)),
                _ => Some((Some(Named::Number(number)), 1)),
            };
        }
        // A telephone number, a reference: read digit by digit.
        if run > 2 || digits > 2 {
            return Some((None, run.max(1)));
        }
        let (month, length) = self.month_behind(&rest[1..]);
        if month.is_some() {
            return Some((Some(Named::Day { day: number, month }), 1 + length));
        }
        let named_so = |token: &Token| token.is_one_of(self.naming.marked) || token.is_one_of(self.naming.until);
        if before.last().is_some_and(named_so) || number == 1 {
            return Some((None, 1));
        }
        // "Ten minutes", "two menus": the number of something.
        let counts = matches!(rest.get(1), Some(Token::Word(word)) if !self.goes_on(word));
        Some(((!counts).then_some(Named::Number(number)), 1))
    }

    /// Whether a word behind a number is not what is counted.
    fn goes_on(&self, word: &str) -> bool {
        let words = &tables(self.language).understanding;
        let lists = [words.backchannels, words.hesitations, words.fillers, words.denials, words.reassurances, words.farewells];
        lists.iter().any(|list| list.contains(&word))
            || [self.naming.before_time, self.naming.until, self.naming.before_day, self.naming.goes_on]
                .iter()
                .any(|list| list.contains(&word))
    }

    /// A time in words at the beginning of `rest`, with its length.
    fn time(&self, before: &[Token], rest: &[Token]) -> Option<(u32, u32, usize)> {
        let naming = self.naming;
        match rest.first()? {
            Token::Clock(hour, minute) => return Some((*hour, *minute, 1 + self.behind_time(&rest[1..]))),
            Token::Word(word) => {
                if let Some((_, hour)) = naming.hours.iter().find(|(name, _)| name == word) {
                    return Some((*hour, 0, 1));
                }
                let (minutes, length) = phrase(naming.before_hour, rest)?;
                let hour = hour(rest.get(length)?)?;
                let (hour, minute) = add(hour, minutes)?;
                return Some((hour, minute, length + 1 + self.behind_time(&rest[length + 1..])));
            }
            Token::Number(..) => {}
            _ => return None,
        }
        let first = number(rest.first()?)?;
        // "Ten past eight", "zehn vor halb acht".
        if (5..30).contains(&first)
            && first.is_multiple_of(5)
            && let Some(sign) = rest.get(1).and_then(|token| self.sign(token, naming.past, naming.to))
        {
            let (minutes, length) = phrase(naming.before_hour, &rest[2..]).unwrap_or((0, 0));
            if let Some(hour) = rest.get(2 + length).and_then(hour)
                && !rest.get(3 + length).is_some_and(|next| next.is_one_of(naming.people))
                && let Some((hour, minute)) = add(hour, minutes + sign * i32::try_from(first).ok()?)
            {
                return Some((hour, minute, 3 + length + self.behind_time(&rest[3 + length..])));
            }
        }
        let hour = hour(rest.first()?)?;
        if rest.get(1).is_some_and(|next| next.is_one_of(naming.people)) {
            return None;
        }
        if let Some((minutes, length)) = phrase(naming.behind_hour, &rest[1..]) {
            let (hour, minute) = add(hour, minutes)?;
            return Some((hour, minute, 1 + length));
        }
        // "Um" before digits is a hesitation in English.
        let announced = !(self.foreign && is_in_digits(rest.first()?)) && self.word_before(before, naming.before_time).is_some();
        if let Some(sign) = rest.get(1).and_then(|token| self.sign(token, naming.and, naming.less))
            && let Some(minutes) = rest.get(2).and_then(number).filter(|minutes| (1..60).contains(minutes))
            && (announced || sign < 0 || minutes >= 10 || self.language == Language::En)
            && !rest.get(3).is_some_and(|next| next.is_one_of(naming.people))
        {
            let (hour, minute) = add(hour, sign * i32::try_from(minutes).ok()?)?;
            return Some((hour, minute, 3));
        }
        let unit = self.behind_time(&rest[1..]);
        let minutes = |at: usize| {
            let minutes =
                rest.get(at).and_then(number).filter(|minutes| (10..60).contains(minutes) || (unit > 0 && *minutes < 60))?;
            let behind = rest.get(at + 1);
            // "Acht Uhr vier Personen": the party's.
            (!behind.is_some_and(|next| next.is_one_of(naming.people) || matches!(next, Token::Number(..)))).then_some(minutes)
        };
        if let Some(minute) = minutes(1 + unit) {
            return Some((hour, minute, 2 + unit));
        }
        // "In een uur" is no time.
        let counted = hour == 1 && !announced && self.language == Language::Nl;
        if (unit > 0 && !counted) || self.part(&rest[1..]).1 > 0 {
            return Some((hour, 0, 1 + unit));
        }
        if announced && !rest.get(1).is_some_and(|next| next.is_one_of(naming.counted)) {
            return Some((hour, 0, 1));
        }
        None
    }

    fn sign(&self, token: &Token, more: &[&str], less: &[&str]) -> Option<i32> {
        match token {
            token if token.is_one_of(more) => Some(1),
            token if token.is_one_of(less) => Some(-1),
            _ => None,
        }
    }

    fn behind_time(&self, rest: &[Token]) -> usize {
        usize::from(rest.first().is_some_and(|token| token.is_one_of(self.naming.behind_time)))
    }

    /// The part of the day behind a time.
    fn part(&self, rest: &[Token]) -> (Option<DayPart>, usize) {
        let parts =
            tables(self.language).times.day_parts.iter().copied().chain([("pm", DayPart::Later), ("am", DayPart::Morning)]);
        let english = self.language == Language::En;
        parts
            .filter(|(words, _)| english || !["pm", "am"].contains(words))
            .find_map(|(words, part)| Some((Some(part), literal(words, rest)?)))
            .unwrap_or((None, 0))
    }

    /// What stands before a word of the list, where the tokens end in one.
    fn word_before<'t>(&self, before: &'t [Token], list: &[&str]) -> Option<&'t [Token]> {
        let (last, rest) = before.split_last()?;
        last.is_one_of(list).then_some(rest)
    }
}

/// The length of these words at the beginning of the tokens.
fn literal(words: &str, tokens: &[Token]) -> Option<usize> {
    let words: Vec<&str> = words.split(' ').map(|word| word.trim_matches('\'')).collect();
    let matches = tokens.len() >= words.len() && words.iter().zip(tokens).all(|(word, token)| token.is_one_of(&[word]));
    matches.then_some(words.len())
}

/// The first phrase of a list that the tokens begin with: its value and its length.
fn phrase(list: &[(&str, i32)], tokens: &[Token]) -> Option<(i32, usize)> {
    list.iter().filter_map(|(words, value)| Some((*value, literal(words, tokens)?))).max_by_key(|(_, length)| *length)
}

fn number(token: &Token) -> Option<u32> {
    if let Token::Number(number, _) = token { Some(*number) } else { None }
}

fn is_in_digits(token: &Token) -> bool {
    matches!(token, Token::Number(_, digits) if *digits > 0)
}

fn hour(token: &Token) -> Option<u32> {
    number(token).filter(|hour| *hour <= 24)
}

/// An hour and some minutes more or less.
fn add(hour: u32, minutes: i32) -> Option<(u32, u32)> {
    let total = i32::try_from(hour).ok()? * 60 + minutes;
    let total = if total < 0 { total + 24 * 60 } else { total };
    // Half past twelve at noon is written "halb eins".
    let (hour, minute) = (u32::try_from(total / 60).ok()?, u32::try_from(total % 60).ok()?);
    Some((if hour == 0 && minutes < 0 { 12 } else { hour }, minute))
}

#[cfg(test)]
mod tests;
