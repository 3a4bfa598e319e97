//! Where a full stop ends no English sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["dr", "mr", "mrs", "ms", "prof", "st", "tel", "e.g", "i.e", "approx", "vs"],
    sometimes_last: &["a.m", "p.m", "am", "pm", "etc", "min", "max"],
    after_ordinal: &[],
};
