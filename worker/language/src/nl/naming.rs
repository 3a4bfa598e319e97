//! How callees name times, days and parties, in Dutch.

use crate::tables::Naming;

pub(super) const NAMING: Naming = Naming {
    before_time: &["om", "rond", "tegen", "vanaf"],
    behind_time: &["uur"],
    before_hour: &[("half", -30), ("kwart over", 15), ("kwart voor", -15)],
    behind_hour: &[],
    past: &["over"],
    to: &["voor"],
    and: &[],
    less: &[],
    people: &["personen", "persoon", "mensen", "gasten", "man"],
    until: &["tot"],
    marked: &["tafel", "nummer", "huisnummer", "kamer", "zaal", "toestel", "straat"],
    elsewhere: &["sluit", "sluiten", "gesloten", "dicht", "open", "opent", "openen", "keuken", "aanbetaling"],
    before_day: &["de", "op"],
    of: &[],
    counted: &["minuut", "minuten", "uren", "tafels", "dagen", "weken", "euro"],
    goes_on: &["voor", "op", "tot", "dan", "of", "en", "alstublieft"],
    hours: &[("middernacht", 0)],
};
