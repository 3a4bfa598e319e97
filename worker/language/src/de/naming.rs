//! How callees name times, days and parties, in German.

use crate::tables::Naming;

pub(super) const NAMING: Naming = Naming {
    before_time: &["um", "gegen", "ab"],
    behind_time: &["uhr"],
    before_hour: &[("halb", -30), ("dreiviertel", -15), ("viertel nach", 15), ("viertel vor", -15), ("viertel", -45)],
    behind_hour: &[],
    past: &["nach"],
    to: &["vor"],
    and: &[],
    less: &[],
    people: &["personen", "person", "leute", "leuten", "gäste", "gästen", "mann"],
    until: &["bis"],
    marked: &["tisch", "nummer", "hausnummer", "zimmer", "raum", "apparat", "durchwahl", "straße"],
    elsewhere: &[
        "schließen",
        "schließt",
        "geschlossen",
        "öffnen",
        "öffnet",
        "geöffnet",
        "offen",
        "küche",
        "anzahlung",
        "ruhetag",
    ],
    before_day: &["der", "den", "dem", "am"],
    of: &[],
    counted: &["minute", "minuten", "stunde", "stunden", "tische", "tage", "wochen", "euro"],
    goes_on: &["für", "am", "bis", "dann", "bitte", "oder", "und"],
    hours: &[("mittag", 12), ("mitternacht", 0)],
};
