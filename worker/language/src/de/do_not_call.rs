//! The wish never to be called again, in German.

use crate::tables::DoNotCall;

pub(super) const DO_NOT_CALL: DoNotCall = DoNotCall {
    groups: &[
        (
            "a",
            &[
                "bitte|uns|mich|hier|ja|bloss|doch|einfach|gefalligst|endlich|sofort|unter|dieser|unserer|nummer|in|zukunft|kunftig|kuenftig?",
            ],
        ),
        ("some", &["{a} {a} {a} {a}"]),
        ("no_more", &["nicht|nie|niemals mehr", "nie|niemals wieder", "nie , nie mehr|wieder"]),
        ("never", &["{no_more}", "nicht|nie wieder|nochmal|nochmals|erneut", "nicht|nie noch mal|einmal"]),
        ("stop", &["hor|hore|hort|horen|hoeren|hoer sie|ihr? {some} auf ,?"]),
        ("want", &["will|wollen|mochte|mochten|moechte|moechten|wunsche|wunschen|wuensche|wuenschen|verlange|verlangen"]),
        (
            "by",
            &[
                "von ihnen|euch|dir|computern|robotern|maschinen|automaten",
                "von so? einem|einer computer|roboter|maschine|automaten",
            ],
        ),
        ("could", &["konnen|konnten|koennen|koennten|wurden|wuerden|wollen|mochten sie"]),
        ("ours", &["uns|mich", "unsere|meine|diese|die nummer|telefonnummer|rufnummer|daten"]),
        ("list", &["liste|listen|anrufliste|telefonliste|kontaktliste|verteiler|datenbank|system|kartei|computer"]),
        ("from_list", &["von|vom|aus ihrer|ihrem|ihren|eurer|der|dieser|dem? {list}"]),
    ],
    imperatives: &[
        "rufen sie {some} {never} {some} an",
        "ruft|ruf|rufe ihr|du? {some} {never} {some} an",
        "{stop} {some} anzurufen",
        "{stop} mit diesen|den|ihren|euren? anrufen",
        "unterlassen|unterlasst sie? {some} diese|die|ihre|weitere|solche|jegliche weiteren? anrufe",
        "unterlassen sie es ,? {some} anzurufen",
    ],
    fragments: &["{never} {some} anrufen", "keine weiteren anrufe bitte|$", "keine anrufe mehr"],
    no_fragment_after: &[
        "ich|wir|er|man|du|ihr|niemand|gast|gaste|kunden|leute|warum|wieso",
        "werde|werden|wird|wurde|wurden|kann|konnen|konnte|konnten|koennen|koennten|muss|mussen|musste|mussten|muessen",
        "brauche|brauchen|brauchst|brauchten|soll|sollen|sollte|sollten|will|wollen|wollte|wollten|darf|durfen|durfte|duerfen",
        "dass|ob|weil|damit|wenn|bis|haben|hatten|gab|gibt",
    ],
    openers: &["bitte|danke|nein"],
    requests: &[
        "sie sollen|sollten|durfen|duerfen {some} {never} {some} anrufen",
        "du sollst|darfst {some} {never} {some} anrufen",
        "ich|wir {want} {some} ,? dass sie|ihr|du {some} {never} {some} anrufen|anruft|anrufst",
        "ich|wir {want} nicht ,? dass sie|ihr|du {some} wieder|nochmal|nochmals anrufen|anruft|anrufst",
        "ich|wir {want} nicht ,? dass sie|ihr|du {some} noch mal|einmal {some} anrufen|anruft|anrufst",
        "ich|wir {want} {some} {no_more} {some} angerufen werden",
        "ich|wir {want} {some} {no_more} {by} {some} angerufen werden",
        "ich|wir {want} {by} {some} {no_more} {some} angerufen werden",
        "ich|wir {want} {some} nicht {by} angerufen werden",
        "ich|wir {want} keine weiteren anrufe",
        "ich|wir {want} keine anrufe {by}",
        "ich|wir verbitte|verbitten mir|uns weitere|solche|diese anrufe",
        "ich|wir {want} keine anrufe mehr|dieser",
        "ich|wir bitte|bitten sie ,? {some} {never} {some} anzurufen",
        "{could} {some} aufhoren|aufhoeren ,? {some} anzurufen",
        "{could} {some} mit diesen|den|ihren anrufen aufhoren|aufhoeren",
        "{could} {some} {no_more} {some} anrufen",
    ],
    no_request_after: &[
        "warum|wieso|weshalb|wann|wenn|falls|dann|deshalb|daher|darum|leider|sonst|danach|seitdem|seither|hinterher",
        "ich|wir|er|es|man|keiner|niemand|jemand|wer|gast|gaste|gasten|kunde|kunden|leute",
    ],
    removals: &[
        "streichen|nehmen|loschen|loeschen|entfernen sie {some} {ours} {some} {from_list}",
        "streich|streicht|nimm|nehmt|losch|losche|loscht|entfern {some} {ours} {some} {from_list}",
        "loschen|loeschen|losch|losche|loscht sie? {some} unsere|diese nummer|telefonnummer|rufnummer|daten $",
        "{could} {some} {ours} {some} {from_list} streichen|nehmen|loschen|loeschen|entfernen",
        "setzen sie {some} {ours} {some} auf die|ihre|eine sperrliste|blacklist",
    ],
    no_removal_after: &["wir|ich|er|dann|warum|wieso|wann|wenn|gaste|leute"],
    conditions: &[
        "vor|nach|bis|zwischen|wahrend|waehrend|bevor|solange|wenn|falls|sofern|ausser|sondern",
        "heute|morgen|mittags|abends|nachts|uhr|wochenende|feiertag~|ruhetag~|mittagszeit|minuten|stunden|spater|spaeter",
        "montag~|dienstag~|mittwoch~|donnerstag~|freitag~|samstag~|sonntag~",
        "um diese|die zeit|uhrzeit|stunde",
        "neue|andere|reservierung|reserviert|eingetragen|trage|zentrale|telefoniere|telefonieren",
        "so|zu spat|spaet|fruh|frueh",
        "ich|wir rufe|rufen|ruf|melde|melden|meld",
        "kommen|komm einfach|sie|doch",
    ],
    no_conditions: &["guten morgen", "ab heute|morgen", "von heute an", "bis dann|bald"],
    others: &[
        "gast|gasten|gaeste|gaesten|gaste|kunde|kunden|lieferant~|vertreter~|leute|leuten",
        "er hat|sagt|sagte|meinte|meint",
        "ihm|ihr gesagt",
    ],
    tags: &["ja|klar|verstanden|okay|ok|gut|bitte"],
};
