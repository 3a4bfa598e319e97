//! Small word lists: what a callee's words mean where no model has to be asked.

/// Words that only show that somebody is listening.
const BACKCHANNELS: [&str; 44] = [
    "mhm", "mm", "mmm", "hm", "hmm", "uh", "huh", "ah", "aha", "oh", "ja", "jaja", "jo", "yes", "yeah", "yep", "ok", "okay",
    "oké", "oke", "sí", "si", "right", "sure", "genau", "klar", "gut", "vale", "claro", "ya", "goed", "prima", "precies",
    "juist", "alright", "i", "see", "ach", "so", "verstehe", "entiendo", "jawel", "fine", "good",
];
/// Words of a farewell, beside the above.
const FAREWELLS: [&str; 42] = [
    "bye",
    "goodbye",
    "thanks",
    "thank",
    "you",
    "too",
    "see",
    "have",
    "a",
    "nice",
    "day",
    "evening",
    "tschüss",
    "tschüs",
    "wiederhören",
    "auf",
    "danke",
    "schön",
    "schönen",
    "tag",
    "abend",
    "noch",
    "adiós",
    "gracias",
    "hasta",
    "luego",
    "un",
    "saludo",
    "igualmente",
    "muchas",
    "ciao",
    "dag",
    "doei",
    "tot",
    "ziens",
    "bedankt",
    "fijne",
    "avond",
    "hoor",
    "great",
    "cheers",
    "wel",
];
/// A wish not to be recorded, in lower case.
const NOT_RECORDED: [&str; 64] = [
    "don't record",
    "do not record",
    "not record this",
    "not be recorded",
    "not to be recorded",
    "don't want to be recorded",
    "do not want to be recorded",
    "don't want this recorded",
    "don't want this call recorded",
    "don't want a recording",
    "don't like being recorded",
    "not okay with being recorded",
    "not okay with the recording",
    "object to the recording",
    "object to being recorded",
    "don't consent",
    "do not consent",
    "stop recording",
    "stop the recording",
    "no recording",
    "without recording",
    "without being recorded",
    "turn off the recording",
    "turn the recording off",
    "delete the recording",
    "nicht aufzeichnen",
    "nicht aufgezeichnet",
    "gespräch nicht aufnehmen",
    "nicht aufgenommen werden",
    "zeichnen sie das nicht auf",
    "zeichnen sie nicht auf",
    "nehmen sie das nicht auf",
    "keine aufzeichnung",
    "keine aufnahme",
    "ohne aufzeichnung",
    "ohne aufnahme",
    "aufzeichnung aus",
    "aufnahme aus",
    "aufzeichnung beenden",
    "aufzeichnung stoppen",
    "aufzeichnung löschen",
    "aufnahme beenden",
    "aufnahme stoppen",
    "aufnahme löschen",
    "nicht mitschneiden",
    "kein mitschnitt",
    "widerspreche der auf",
    "no grabe",
    "no grabar",
    "no me grabe",
    "no quiero que se grabe",
    "no quiero que me grabe",
    "sin grabar",
    "sin grabación",
    "dejar de grabar",
    "deje de grabar",
    "dejen de grabar",
    "pare la grabación",
    "borre la grabación",
    "niet opnemen",
    "niet opgenomen",
    "geen opname",
    "zonder opname",
    "stop de opname",
];
/// Words a callee spends on asking us to wait. More than this is more than that.
const WAITING_WORDS: usize = 9;

/// The words of a text in lower case, without punctuation.
pub(super) fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// "Mhm", "ja, ok": somebody listens, and wants nothing.
pub(super) fn is_backchannel(text: &str) -> bool {
    let words = words(text);
    words.len() <= 3 && words.iter().all(|word| BACKCHANNELS.contains(&word.as_str()))
}

/// "Thank you, bye": nothing that would have to be answered after our goodbye.
pub(super) fn is_farewell(text: &str) -> bool {
    let known = |word: &String| BACKCHANNELS.contains(&word.as_str()) || FAREWELLS.contains(&word.as_str());
    let words = words(text);
    words.len() <= 8 && words.iter().all(known)
}

/// Whether the callee does not want to be recorded. Rather once too often: what is deleted needlessly is a recording, not a booking.
pub(super) fn objects_to_recording(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    NOT_RECORDED.iter().any(|phrase| lower.contains(phrase))
}

/// Whether a request to wait is all there is in it: no question, no number.
pub(super) fn only_asks_to_wait(text: &str) -> bool {
    words(text).len() <= WAITING_WORDS && !text.contains(|c: char| c == '?' || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nod_is_told_from_an_answer() {
        for nod in ["Mhm.", "Ja, ok.", "Sí, sí.", "aha", ""] {
            assert!(is_backchannel(nod), "{nod}");
        }
        for answer in ["No.", "Ja, für vier?", "Yes we have", "21:00", "Nein"] {
            assert!(!is_backchannel(answer), "{answer}");
        }
        assert!(is_farewell("Thank you, bye!") && is_farewell("Danke, auf Wiederhören") && !is_farewell("Wait, which name?"));
    }

    #[test]
    fn an_objection_to_the_recording_is_heard_in_four_languages() {
        for objection in [
            "Please don’t record this.",
            "I do not want to be recorded!",
            "Stop the recording, please.",
            "Bitte nicht aufzeichnen.",
            "Ich möchte nicht aufgezeichnet werden.",
            "Bitte schalten Sie die Aufnahme aus.",
            "No grabe la llamada, por favor.",
            "No quiero que se grabe.",
            "Ik wil niet opgenomen worden.",
            "Niet opnemen alstublieft.",
        ] {
            assert!(objects_to_recording(objection), "{objection}");
        }
        for other in [
            "I have no record of that booking.",
            "Wir nehmen keine Gäste mehr auf.",
            "Is this call recorded?",
            "Wird das aufgezeichnet?",
            "Kein Problem, für vier Personen?",
            "No, gracias.",
        ] {
            assert!(!objects_to_recording(other), "{other}");
        }
    }
}
