//! What machines, queues and persons say, in English, German, Spanish and Dutch. Folded: lower case, no accents, no
//! apostrophes; the notation is that of [`Pattern`]. Weights: 4 only machines say it, 1 persons say it as well.

mod de;
mod en;
mod es;
mod nl;

use std::sync::OnceLock;

use offhook::language::Language;

use crate::pattern::Pattern;

/// The evidence of one language.
pub(super) struct Table {
    pub(super) voicemail: Vec<(i32, Pattern)>,
    pub(super) menu: Vec<(i32, Pattern)>,
    /// A queue's announcement: a request to wait by itself.
    pub(super) queue: Vec<Pattern>,
    /// A request to wait, if there is little else.
    pub(super) hold: Vec<Pattern>,
    /// What only a person says.
    pub(super) person: Vec<Pattern>,
    /// Words that say nothing beside a hold phrase.
    pub(super) filler: Vec<Pattern>,
    /// What makes a question or an offer of what stands beside a hold phrase.
    pub(super) question: Vec<Pattern>,
    /// What makes an answer of the words that follow it, after a hold phrase: "one moment… yes, that works".
    pub(super) answer: Pattern,
}

/// The table of a language.
pub(super) fn table(language: Language) -> &'static Table {
    static TABLES: OnceLock<[Table; 4]> = OnceLock::new();
    let [en, de, es, nl] = TABLES.get_or_init(|| [en::EN.read(), de::DE.read(), es::ES.read(), nl::NL.read()]);
    match language {
        Language::En => en,
        Language::De => de,
        Language::Es => es,
        Language::Nl => nl,
    }
}

struct Written {
    voicemail: &'static [(i32, &'static str)],
    menu: &'static [(i32, &'static str)],
    queue: &'static [&'static str],
    hold: &'static [&'static str],
    person: &'static [&'static str],
    filler: &'static [&'static str],
    question: &'static [&'static str],
    answer: &'static str,
}

impl Written {
    fn read(&self) -> Table {
        let weighed =
            |phrases: &[(i32, &'static str)]| phrases.iter().map(|(weight, text)| (*weight, Pattern::new(text))).collect();
        let plain = |phrases: &[&'static str]| phrases.iter().map(|text| Pattern::new(text)).collect();
        Table {
            voicemail: weighed(self.voicemail),
            menu: weighed(self.menu),
            queue: plain(self.queue),
            hold: plain(self.hold),
            person: plain(self.person),
            filler: plain(self.filler),
            question: plain(self.question),
            answer: Pattern::new(self.answer),
        }
    }
}
