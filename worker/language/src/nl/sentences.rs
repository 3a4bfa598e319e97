//! Where a full stop ends no Dutch sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["dr", "dhr", "mevr", "mw", "bijv", "ca", "tel"],
    sometimes_last: &["enz", "o.a"],
    after_ordinal: &[],
    stage_directions: &[
        "glimlach", "lacht", "lachend", "grinnik", "zucht", "pauz", "knikt", "schraapt", "hoest", "fluister", "stilte",
    ],
    letter_closings: &[
        "met vriendelijke groet",
        "met vriendelijke groeten",
        "vriendelijke groet",
        "hartelijke groet",
        "hartelijke groeten",
        "groeten",
        "hoogachtend",
    ],
};
