//! What machines, queues and persons say, read from the tables of the languages.

use std::sync::LazyLock;

use offhook::language::Language;
use offhook_language::{tables, tables::WhoAnswered};

use crate::pattern::Pattern;

/// The evidence of one language.
pub(super) struct Table {
    pub(super) voicemail: Vec<(i32, Pattern)>,
    pub(super) menu: Vec<(i32, Pattern)>,
    pub(super) queue: Vec<Pattern>,
    pub(super) hold: Vec<Pattern>,
    pub(super) person: Vec<Pattern>,
    pub(super) filler: Vec<Pattern>,
    pub(super) question: Vec<Pattern>,
    pub(super) answer: Pattern,
}

/// The tables, in the order of `Language::ALL`.
pub(super) static TABLES: LazyLock<[Table; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(|language| Table::new(&tables(language).who_answered)));

impl Table {
    fn new(written: &WhoAnswered) -> Self {
        let weighed = |phrases: &[(i32, &str)]| phrases.iter().map(|(weight, text)| (*weight, Pattern::new(text))).collect();
        let plain = |phrases: &[&str]| phrases.iter().map(|text| Pattern::new(text)).collect();
        Table {
            voicemail: weighed(written.voicemail),
            menu: weighed(written.menu),
            queue: plain(written.queue),
            hold: plain(written.hold),
            person: plain(written.person),
            filler: plain(written.filler),
            question: plain(written.question),
            answer: Pattern::new(written.answer),
        }
    }
}
