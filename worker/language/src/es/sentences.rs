//! Where a full stop ends no Spanish sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["sr", "sra", "srta", "ud", "uds", "dr", "tel"],
    sometimes_last: &["a.m", "p.m", "etc"],
    after_ordinal: &[],
};
