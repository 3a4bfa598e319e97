//! What a language consists of. Every list has entries, unless its documentation says that it may be empty.

/// One language.
#[derive(Debug)]
pub struct Tables {
    /// The sentences that code says.
    pub phrases: Phrases,
    /// Words by which the language is told and small talk is understood.
    pub understanding: Understanding,
    /// Words by which what was said is contested.
    pub contesting: Contesting,
    /// The wish never to be called again.
    pub do_not_call: DoNotCall,
    /// What machines, queues and persons say.
    pub who_answered: WhoAnswered,
    /// Where a full stop ends no sentence.
    pub sentences: Sentences,
    /// Numbers, prices and what stands between numbers.
    pub numbers: Numbers,
    /// Dates.
    pub dates: Dates,
    /// Clock times.
    pub times: Times,
    /// How callees name times, days and parties.
    pub naming: Naming,
}

/// Fixed sentences.
#[derive(Debug)]
pub struct Phrases {
    /// Who calls, for whom, and that it is no person; `{guest}` stands for the guest's name.
    pub introduction: &'static str,
    /// The call is recorded.
    pub recorded: &'static str,
    /// It is not recorded any more, to whoever objected.
    pub recording_deleted: &'static str,
    /// An earlier call was cut off.
    pub cut_off_before: &'static str,
    /// Nothing was understood.
    pub repeat: &'static str,
    /// Nobody says anything.
    pub still_there: &'static str,
    /// The end, with thanks.
    pub goodbye: &'static str,
    /// The end, because the call took too long.
    pub no_time_left: &'static str,
    /// The end, because the user took the request back.
    pub withdrawn: &'static str,
    /// The end, because this process has to stop.
    pub interrupted: &'static str,
    /// The model failed; it is asked again.
    pub one_moment: &'static str,
    /// The model failed again.
    pub trouble: &'static str,
    /// The recogniser doubts what the callee said, and we ask; `{text}` stands for what was understood.
    pub doubted: &'static str,
    /// An accepted table is read back; `{party}`, `{date}`, `{time}` and `{name}` stand for the table and the guest's name.
    pub read_back: &'static str,
    /// One person, and `{number}` of them.
    pub persons: (&'static str, &'static str),
    /// What we said before counts for nothing: a tool refused it.
    pub nothing_agreed: &'static str,
}

/// Words and phrases in lower case, with accents.
#[derive(Debug)]
pub struct Understanding {
    /// Words that only show that somebody is listening.
    pub backchannels: &'static [&'static str],
    /// Words of a farewell, beside the backchannels.
    pub farewells: &'static [&'static str],
    /// What a callee says who does not want to be recorded, as patterns of folded words (`offhook_mind`'s `pattern.rs`).
    pub not_recorded: &'static [&'static str],
    /// What sounds like that and is none: a booking that was not taken down, a telephone nobody answers, "I don't mind". Patterns too;
    /// the words they match are left out before an objection is looked for.
    pub recorded_all_the_same: &'static [&'static str],
    /// Words before what somebody really says: "oh", "sorry", "wait".
    pub hesitations: &'static [&'static str],
    /// Words that say nothing by themselves: "that's", "it".
    pub fillers: &'static [&'static str],
    /// First words of an objection.
    pub denials: &'static [&'static str],
    /// Phrases that say that something is not as it was said.
    pub wrong: &'static [&'static str],
    /// Words that say that all is well, and make no objection of a denial: "no, that's fine".
    pub reassurances: &'static [&'static str],
    /// Phrases of any language by which somebody wishes to speak this one.
    pub asks_for: &'static [&'static str],
    /// Frequent words that tell the language.
    pub telling: &'static [&'static str],
    /// Words that another language shares, or that anybody says: no evidence in any language.
    pub shared: &'static [&'static str],
}

/// What a restaurant says that does not agree to a table, as patterns of folded words (`offhook_mind`'s `pattern.rs`).
#[derive(Debug)]
pub struct Contesting {
    /// Words that negate.
    pub negations: &'static [&'static str],
    /// What holds such a word and contests nothing: "no problem", "don't be late"; left out before a negation is looked for.
    pub harmless: &'static [&'static str],
    /// What contests without a negation: conditions, a waiting list, a closed house, another person who has to decide.
    pub objections: &'static [&'static str],
    /// Statements that a table is booked.
    pub promises: &'static [&'static str],
}

/// The wish never to be called again, as patterns of folded words (`offhook_mind`'s `pattern.rs` explains the notation) with the
/// `{names}` of `groups`.
#[derive(Debug)]
pub struct DoNotCall {
    /// Alternatives that many patterns share: name, and what it stands for. A group may use those above it.
    pub groups: &'static [(&'static str, &'static [&'static str])],
    /// "Don't call us again": no wish in a question.
    pub imperatives: &'static [&'static str],
    /// Without a finite verb: "nie wieder anrufen", "no more calls".
    pub fragments: &'static [&'static str],
    /// What completes a fragment to something else, a few words before it: "wir werden … nie wieder anrufen".
    pub no_fragment_after: &'static [&'static str],
    /// Words that begin a new request, so that what stands before them does not complete a fragment: "bitte".
    pub openers: &'static [&'static str],
    /// Whole requests: "I want you to stop calling", "could you stop calling".
    pub requests: &'static [&'static str],
    /// What makes a statement of an imperative or a request, directly before it: "we", "why".
    pub no_request_after: &'static [&'static str],
    /// To be taken off a list: for good, whatever time is named beside it.
    pub removals: &'static [&'static str],
    /// What makes something else of a removal, directly before it: "did you", "don't".
    pub no_removal_after: &'static [&'static str],
    /// What limits a wish: times, conditions, the offer to call us.
    pub conditions: &'static [&'static str],
    /// What only looks like a condition: "good morning", "from today on".
    pub no_conditions: &'static [&'static str],
    /// Third persons, before the wish.
    pub others: &'static [&'static str],
    /// What makes no question of an order: "…, okay?"
    pub tags: &'static [&'static str],
}

/// Evidence of who took the call, as patterns of folded words. Weights: 4 only machines say it, 1 persons say it as well.
#[derive(Debug)]
pub struct WhoAnswered {
    /// A voicemail or an announcement.
    pub voicemail: &'static [(i32, &'static str)],
    /// A menu.
    pub menu: &'static [(i32, &'static str)],
    /// A queue's announcement: a request to wait by itself.
    pub queue: &'static [&'static str],
    /// A request to wait, if there is little else.
    pub hold: &'static [&'static str],
    /// What only a person says.
    pub person: &'static [&'static str],
    /// Words that say nothing beside a request to wait.
    pub filler: &'static [&'static str],
    /// What makes a question or an offer of what stands beside a request to wait.
    pub question: &'static [&'static str],
    /// What makes an answer of the words that follow it, after a request to wait: "one moment… yes, that works".
    pub answer: &'static str,
    /// Names of a telephone's keys that are not the words of their digits, folded.
    pub keys: &'static [&'static str],
    /// Where the word for one is an article too: the word, and what follows it if it is the number.
    pub one_as_article: Option<(&'static str, &'static [&'static str])>,
}

/// Shortenings, in lower case, without their last full stop.
#[derive(Debug)]
pub struct Sentences {
    /// These never end a sentence: titles, and what is always followed by more.
    pub never_last: &'static [&'static str],
    /// These end a sentence only where the next word begins with a capital.
    pub sometimes_last: &'static [&'static str],
    /// Words that follow an ordinal written with a full stop, beside the months: "im 2. Stock". May be empty.
    pub after_ordinal: &'static [&'static str],
    /// The first letters of words of stage directions, which models write and nobody is to hear: "*smiles*", "(laughs)".
    pub stage_directions: &'static [&'static str],
    /// What closes a letter before the signature.
    pub letter_closings: &'static [&'static str],
}

/// Numbers.
#[derive(Debug)]
pub struct Numbers {
    /// Zero to nine.
    pub digits: [&'static str; 10],
    /// The words of 0 to 9999.
    pub cardinal: fn(u32) -> String,
    /// The words of the ordinals 1 to 99.
    pub ordinal: fn(u32) -> String,
    /// How an ordinal is written.
    pub written_ordinal: WrittenOrdinal,
    /// How an ordinal is inflected in a sentence.
    pub ordinal_ending: Option<OrdinalEnding>,
    /// Numbers that take the gender of what is counted. May be empty.
    pub agreements: &'static [Agreement],
    /// The words of a number before what is counted, as it is written, where they differ from the cardinal: "una mesa".
    pub agree: fn(u32, &str) -> Option<String>,
    /// An ordinal that is written with this suffix: "1.ª" is "primera".
    pub suffixed_ordinal: fn(u32, &str) -> String,
    /// A whole number (0 for none) and a fraction of it, as numerator and denominator (halves, thirds, quarters), before a word.
    pub fraction: fn(u32, (u32, u32), &str) -> String,
    /// Beginnings of words before which "1/2" is a half.
    pub measures: &'static [&'static str],
    /// Units behind a number: as written, for one of them, for several.
    pub units: &'static [(&'static str, &'static str, &'static str)],
    /// What stands for "number" before digits, and the word.
    pub number_marks: &'static [&'static str],
    /// "Number".
    pub number: &'static str,
    /// "&".
    pub and: &'static str,
    /// "/" between two times, days, or neighbouring numbers.
    pub or: &'static str,
    /// Shortenings beside numbers, and what is said. May be empty.
    pub shortenings: &'static [(&'static str, &'static str)],
    /// The separator of thousands.
    pub thousands: char,
    /// "+" before a phone number.
    pub plus: &'static str,
    /// "%".
    pub percent: &'static str,
    /// "–" between two numbers.
    pub range: &'static str,
    /// "/" between two numbers.
    pub slash: &'static str,
    /// "." in a decimal number.
    pub point: &'static str,
    /// "," in a decimal number.
    pub comma: &'static str,
    /// "€".
    pub euro: Currency,
    /// "$".
    pub dollar: Currency,
    /// "£".
    pub pound: Currency,
}

/// How an ordinal is written in digits.
#[derive(Debug)]
pub enum WrittenOrdinal {
    /// "4. Dezember".
    FullStop,
    /// "4th", "1.º": one of these, longer ones first.
    Suffix(&'static [&'static str]),
}

/// "der vierte", but "am vierten".
#[derive(Debug)]
pub struct OrdinalEnding {
    /// What is added.
    pub ending: &'static str,
    /// The words after which it is not.
    pub not_after: &'static [&'static str],
}

/// A number that has other words beside some words, all in lower case.
#[derive(Debug)]
pub struct Agreement {
    /// The number.
    pub number: u32,
    /// It has them after one of these. May be empty.
    pub after: &'static [&'static str],
    /// It has them before one of these.
    pub before: &'static [&'static str],
    /// Its words then.
    pub words: &'static str,
}

/// A currency.
#[derive(Debug)]
pub struct Currency {
    /// One of it, with the number: "one euro".
    pub one: &'static str,
    /// Its name behind other numbers.
    pub many: &'static str,
}

/// Dates.
#[derive(Debug)]
pub struct Dates {
    /// January to December.
    pub months: [&'static str; 12],
    /// Monday to Sunday.
    pub weekdays: [&'static str; 7],
    /// The article of a day after its weekday; may be empty.
    pub article: &'static str,
    /// Whether the article is said without a weekday too.
    pub article_without_weekday: bool,
    /// Which comes first in "04/12/2026".
    pub order: DateOrder,
    /// Whether "4.12." is a day and a month.
    pub day_and_month_in_digits: bool,
    /// Where a bare number beside a month's name is an ordinal ("4 December", "December 4"): the word that may stand between
    /// them. `None` where it is said as it stands.
    pub ordinal_beside_month: Option<&'static str>,
    /// A day and the name of its month in words, without article.
    pub day: fn(u32, &str) -> String,
}

/// Which number of a date with slashes or hyphens is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// The first.
    DayFirst,
    /// Either: it is a date only where one of them can be no month.
    Uncertain,
}

/// Clock times.
#[derive(Debug)]
pub struct Times {
    /// An hour, 0 to 23 (and 24 for the end of a day), and a minute in words. No two minutes of the day share their words.
    pub words: fn(u32, u32) -> String,
    /// As `words`, without the part of the day, for hours from 1 to 11.
    pub face: fn(u32, u32) -> String,
    /// The articles `words` begins with, which are not to be said twice. May be empty.
    pub articles: &'static [&'static str],
    /// Words before a time that tell "19.30" from a decimal number.
    pub announced_by: &'static [&'static str],
    /// Units that may follow a written time: "Uhr". May be empty.
    pub units: &'static [&'static str],
    /// Parts of the day that may follow it.
    pub day_parts: &'static [(&'static str, DayPart)],
    /// Whether "am" and "pm" may follow it.
    pub meridiem: Meridiem,
}

/// A part of the day, as far as it tells 7 from 19 o'clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayPart {
    /// Before noon.
    Morning,
    /// Afternoon and evening.
    Later,
    /// Late in the evening or after midnight.
    Night,
}

/// Where "am" and "pm" belong to a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meridiem {
    /// Nowhere.
    Never,
    /// After hours and minutes: "7:30 p. m."
    WithMinutes,
    /// After a bare hour too: "7 pm".
    Always,
}

/// A day that is named without its weekday or date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedDay {
    /// So many days after the day of the call.
    After(u32),
    /// In the week so many weeks after that of the call.
    Week(u32),
    /// A day of the year: month and day.
    OfYear(u32, u32),
}

/// How callees name times, days and parties; words in lower case. Any list may be empty.
#[derive(Debug)]
pub struct Naming {
    /// Before a time: "at".
    pub before_time: &'static [&'static str],
    /// Behind an hour: "o'clock".
    pub behind_time: &'static [&'static str],
    /// Before an hour, and the minutes it adds: "half past", 30.
    pub before_hour: &'static [(&'static str, i32)],
    /// Behind an hour, and the minutes it adds: "y media", 30.
    pub behind_hour: &'static [(&'static str, i32)],
    /// Between minutes and the hour they follow: "past".
    pub past: &'static [&'static str],
    /// Between minutes and the hour they precede: "to".
    pub to: &'static [&'static str],
    /// Between an hour and its minutes: "y".
    pub and: &'static [&'static str],
    /// Between an hour and the minutes before it: "menos".
    pub less: &'static [&'static str],
    /// Behind the number of people.
    pub people: &'static [&'static str],
    /// Before a time that ends something: "until".
    pub until: &'static [&'static str],
    /// Before a number that is a name: "table seven".
    pub marked: &'static [&'static str],
    /// Before a time by which somebody comes: "by".
    pub by: &'static [&'static str],
    /// Words of clauses whose times end something for the house: "we close at ten". A table is not after it.
    pub closing: &'static [&'static str],
    /// Words of clauses whose numbers are none of a booking: "we open at eleven", "the menu is 45".
    pub elsewhere: &'static [&'static str],
    /// Behind a price in digits: "a head".
    pub behind_price: &'static [&'static str],
    /// Phrases that are a party: "a dozen", 12.
    pub parties: &'static [(&'static str, u32)],
    /// Before the number of a party: "somos".
    pub before_party: &'static [&'static str],
    /// Behind the number of a party: "of you".
    pub behind_party: &'static [&'static str],
    /// Phrases that are a day, in relation to the day of the call or by their name.
    pub days: &'static [(&'static str, NamedDay)],
    /// Words before such a phrase that make another of it: "good" in "good morning".
    pub no_day_after: &'static [&'static str],
    /// What stands before the name a table is under; a name follows in capitals.
    pub before_name: &'static [&'static str],
    /// Before the number of a day: "the fifth".
    pub before_day: &'static [&'static str],
    /// Between a day and its month: "of".
    pub of: &'static [&'static str],
    /// What is counted beside people: behind one of these no number is a time.
    pub counted: &'static [&'static str],
    /// Behind a number, and not what is counted: "for".
    pub goes_on: &'static [&'static str],
    /// Words that are a time, and the hour: "noon", 12.
    pub hours: &'static [(&'static str, u32)],
}
