//! Where a full stop ends no English sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["dr", "mr", "mrs", "ms", "prof", "st", "tel", "e.g", "i.e", "approx", "vs"],
    sometimes_last: &["a.m", "p.m", "am", "pm", "etc", "min", "max"],
    after_ordinal: &[],
    stage_directions: &[
        "smil", "laugh", "chuckl", "giggl", "sigh", "paus", "nod", "clears", "cough", "whisper", "waits", "waiting", "typing",
        "silence",
    ],
    letter_closings: &[
        "best regards",
        "kind regards",
        "warm regards",
        "regards",
        "best wishes",
        "yours sincerely",
        "yours faithfully",
        "yours truly",
        "sincerely",
    ],
};
