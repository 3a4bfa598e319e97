//! Where a full stop ends no Spanish sentence.

use crate::tables::Sentences;

pub(super) const SENTENCES: Sentences = Sentences {
    never_last: &["sr", "sra", "srta", "ud", "uds", "dr", "tel"],
    sometimes_last: &["a.m", "p.m", "etc"],
    after_ordinal: &[],
    stage_directions: &["sonr", "ríe", "risa", "suspir", "pausa", "asiente", "carraspea", "tose", "susurr", "silencio"],
    letter_closings: &["un saludo", "saludos", "saludos cordiales", "un cordial saludo", "atentamente", "cordialmente"],
};
