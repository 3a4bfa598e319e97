//! Where a full stop ends no Dutch sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["dr", "dhr", "mevr", "mw", "bijv", "ca", "tel"],
    sometimes_last: &["enz", "o.a"],
    after_ordinal: &[],
};
