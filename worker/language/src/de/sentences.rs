//! Where a full stop ends no German sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["dr", "prof", "st", "hr", "fr", "nr", "tel", "ca", "bzw", "z.b", "d.h", "u.a", "b", "z", "str"],
    sometimes_last: &["usw", "inkl", "min", "max", "m"],
    after_ordinal: &[
        "stock",
        "etage",
        "mal",
        "weihnachtsfeiertag",
        "weihnachtstag",
        "advent",
        "gang",
        "reihe",
        "person",
        "tisch",
        "woche",
        "tag",
    ],
    stage_directions: &[
        "lächel", "lacht", "lachend", "kichert", "seufz", "paus", "nickt", "räusper", "hustet", "flüster", "wartet", "schweigt",
        "stille",
    ],
    letter_closings: &[
        "mit freundlichen grüßen",
        "mit freundlichem gruß",
        "freundliche grüße",
        "viele grüße",
        "beste grüße",
        "liebe grüße",
        "herzliche grüße",
        "hochachtungsvoll",
    ],
};
