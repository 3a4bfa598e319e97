//! The fixed sentences in German.

use crate::tables::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    introduction: "Guten Tag, hier ist ein automatischer Assistent im Auftrag von {guest}.",
    recorded: "Dieses Gespräch wird aufgezeichnet.",
    recording_deleted: "In Ordnung, die Aufzeichnung ist beendet und gelöscht.",
    cut_off_before: "Wir wurden eben unterbrochen.",
    repeat: "Entschuldigung, das habe ich nicht verstanden. Könnten Sie das bitte wiederholen?",
    still_there: "Sind Sie noch da?",
    goodbye: "Vielen Dank für Ihre Zeit. Auf Wiederhören.",
    no_time_left: "Ich muss das Gespräch hier leider beenden. Vielen Dank für Ihre Zeit. Auf Wiederhören.",
    withdrawn: "Entschuldigung, die Anfrage wurde gerade zurückgezogen. Vielen Dank. Auf Wiederhören.",
    interrupted: "Entschuldigung, ich muss das Gespräch aus technischen Gründen abbrechen. Auf Wiederhören.",
    one_moment: "Entschuldigung, einen Moment bitte.",
    trouble: "Entschuldigung, ich habe ein technisches Problem. Auf Wiederhören.",
    doubted: "Ich habe verstanden: {text}. Ist das richtig?",
    read_back: "Ich bestätige: ein Tisch für {party} am {date} um {time}, auf den Namen {name}.",
    persons: ("eine Person", "{number} Personen"),
    nothing_agreed: "Entschuldigung, ich muss mich korrigieren: Vereinbart ist noch nichts.",
};
