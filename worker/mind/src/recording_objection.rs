//! Whether a callee objects to being recorded. An objection deletes the recording, for good: a missed one records somebody against their
//! will, a needless one loses the recording of an agreement. So the words of an objection are looked for in what is left of a sentence
//! without those that sound like one: "I have no recording of that booking", "I don't mind being recorded".

use std::sync::LazyLock;

use offhook::language::Language;
use offhook_language::{tables, tables::Understanding};

use super::pattern::{COMMA, Pattern, words_and_commas};

struct Matcher {
    objections: Vec<Pattern>,
    none: Vec<Pattern>,
}

static MATCHERS: LazyLock<[Matcher; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(|language| Matcher::new(&tables(language).understanding)));

/// Whether the text contains an objection, in any of the languages: the recogniser may be wrong about which it is.
pub(super) fn objects_to_recording(text: &str) -> bool {
    text.split_inclusive(['.', '!', '?', '…', '\n']).any(|sentence| {
        let words = words_and_commas(sentence);
        MATCHERS.iter().any(|matcher| matcher.finds_objection(&words))
    })
}

impl Matcher {
    fn new(table: &Understanding) -> Self {
        let read = |notations: &[&str]| notations.iter().map(|notation| Pattern::new(notation)).collect();
        Matcher { objections: read(table.not_recorded), none: read(table.recorded_all_the_same) }
    }

    fn finds_objection(&self, words: &[String]) -> bool {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        for pattern in &self.none {
            // What stood around it does not become a sentence: the words before and behind it stay apart.
            while let Some(place) = pattern.find(&words).filter(|place| !place.is_empty()) {
                words.splice(place, [COMMA]);
            }
        }
        self.objections.iter().any(|pattern| pattern.occurs_in(&words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objections(sentences: &[&str]) {
        let missed: Vec<_> = sentences.iter().filter(|sentence| !objects_to_recording(sentence)).collect();
        assert!(missed.is_empty(), "{missed:#?}");
    }

    fn no_objections(sentences: &[&str]) {
        let found: Vec<_> = sentences.iter().filter(|sentence| objects_to_recording(sentence)).collect();
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn objections_in_english() {
        objections(&[
            "Please don't record this.",
            "I do not want to be recorded!",
            "Stop the recording, please.",
            "I'd rather you didn't record this call.",
            "Could you please not record me?",
            "I'm not comfortable with being recorded.",
            "No recording, please.",
            "I do not consent to this call being recorded.",
            "You can't record me without my permission.",
            "Would you mind switching off the recording?",
            "I don’t want you to record our conversation.",
            "We don't allow recordings of our calls.",
            "I object to the recording.",
            "Please delete that recording.",
            "I'd prefer this not to be recorded.",
            "Turn that recording off, would you?",
            "Sorry, I don't like being taped.",
            "I have no recording of that booking, and please don't record this call.",
            "Don't record me.",
            "I refuse to be recorded.",
            "Can we do this without recording?",
            "I never agreed to be recorded.",
            "The recording has to stop.",
            "Please, no taping.",
            "I do not want this recorded, thanks.",
            "Hold on, are you recording? I don't want that recorded.",
            "I'd like you to stop recording now.",
            "We do not wish to be recorded.",
            "Turn off the recording please",
            "I will not be recorded.",
            "You are not allowed to record this call.",
            "Can you not record this please?",
            "I didn't agree to a recording.",
            "I didn't consent to being recorded.",
            "You may not record me.",
            "Kindly stop recording.",
            "Recording is not okay with me.",
            "I don't want any recording of this call.",
        ]);
    }

    #[test]
    fn what_is_no_objection_in_english() {
        no_objections(&[
            "I have no recording of that booking.",
            "I have no record of that booking.",
            "There is no record of a reservation under that name.",
            "We don't record calls here.",
            "I don't mind being recorded.",
            "I have no objection to the recording.",
            "No problem, you can record.",
            "It doesn't matter that it's recorded.",
            "Your booking was not recorded in our system.",
            "We stop recording orders at ten.",
            "Is this call recorded?",
            "Are you recording this?",
            "I can't find any record of that reservation.",
            "I don't object to being recorded.",
            "Sorry, we haven't recorded a booking for Winter.",
            "The recording doesn't bother me.",
            "For the record, we're closed on Mondays.",
            "You don't need to stop the recording.",
            "Don't record the booking under that name, please.",
            "Fine, record away.",
            "I don't have any recording of that.",
            "No, I don't mind if you record this.",
            "That's not a problem, the recording is fine.",
            "We have not recorded any booking for you.",
            "I haven't got any recording of it.",
            "You needn't stop recording.",
            "It's fine to record.",
            "I'm not against recording.",
            "That table isn't recorded under your name.",
            "There's no record of it in the book.",
            "We never record orders without a phone number.",
            "Sure, record it.",
            "I don't care about the recording.",
            "No worries about the recording.",
            "Not a problem to record.",
            "We don't take recorded calls.",
            "It's not recorded in our book.",
        ]);
    }

    #[test]
    fn objections_in_german() {
        objections(&[
            "Bitte nicht aufzeichnen.",
            "Ich möchte nicht aufgezeichnet werden.",
            "Bitte schalten Sie die Aufnahme aus.",
            "Nehmen Sie das Gespräch bitte nicht auf.",
            "Ich will nicht, dass Sie das aufnehmen.",
            "Ich bin mit der Aufzeichnung nicht einverstanden.",
            "Ich widerspreche der Aufzeichnung.",
            "Bitte keine Aufnahme.",
            "Das dürfen Sie nicht aufnehmen!",
            "Können Sie bitte die Aufzeichnung beenden?",
            "Ich möchte das ohne Aufnahme machen.",
            "Der Aufzeichnung stimme ich nicht zu.",
            "Zeichnen Sie das nicht auf.",
            "Löschen Sie die Aufnahme bitte.",
            "Ich bin nicht damit einverstanden, dass das Gespräch aufgezeichnet wird.",
            "Wir lehnen die Aufzeichnung ab.",
            "Ich habe was gegen die Aufnahme.",
            "Hören Sie auf, das aufzunehmen.",
            "Bitte nehmen Sie mich nicht auf.",
            "Mitschneiden dürfen Sie das nicht.",
            "Aufnahme aus, bitte.",
            "Ich möchte nicht auf Band aufgenommen werden.",
            "Nicht aufnehmen bitte!",
            "Ich möchte nicht aufgenommen werden.",
            "Bitte stoppen Sie den Mitschnitt.",
            "Bitte das Gespräch nicht mitschneiden.",
            "Machen Sie die Aufnahme aus.",
            "Eine Aufzeichnung ist nicht erwünscht.",
            "Wir möchten keine Gesprächsaufzeichnung.",
            "Ich erlaube keine Aufnahme.",
            "Kann man die Aufzeichnung ausschalten?",
            "Nein, nicht aufzeichnen.",
            "Mit der Aufnahme bin ich nicht einverstanden.",
            "Ich bin gegen die Aufzeichnung.",
            "Ich verbiete Ihnen, das aufzuzeichnen.",
        ]);
    }

    #[test]
    fn what_is_no_objection_in_german() {
        no_objections(&[
            "Ich habe keine Aufzeichnung über diese Reservierung.",
            "Dazu habe ich keine Aufzeichnungen.",
            "Wir nehmen keine Gäste mehr auf.",
            "Wird das aufgezeichnet?",
            "Ich kann die Reservierung gerade nicht aufnehmen.",
            "Ihre Bestellung wurde nicht aufgenommen.",
            "Die Aufnahme stört mich nicht.",
            "Ich habe nichts gegen die Aufzeichnung.",
            "Ich habe nichts dagegen, dass Sie das aufzeichnen.",
            "Das können Sie gern aufnehmen, kein Problem.",
            "Wir nehmen heute keine Reservierungen mehr auf.",
            "Kein Problem mit der Aufnahme.",
            "Da finde ich keine Aufzeichnung.",
            "Es stört mich nicht, wenn Sie aufnehmen.",
            "Mehr Personen können wir nicht aufnehmen.",
            "Ihre Reservierung ist hier leider nicht aufgenommen worden.",
            "Ich habe keine Einwände gegen die Aufzeichnung.",
            "Nehmen Sie ruhig auf.",
            "Ich kann das jetzt nicht aufnehmen, der Computer ist aus.",
            "Aufnahme ist in Ordnung.",
            "Eine Aufnahme ist kein Problem.",
            "Ist okay, zeichnen Sie auf.",
            "Ich hab keine Bedenken gegen die Aufzeichnung.",
            "Die Aufzeichnung ist kein Problem.",
            "Wir haben keine Aufzeichnung unter dem Namen.",
            "Für acht Personen kann ich nichts mehr aufnehmen.",
            "Ihr Name wurde nicht aufgenommen.",
            "Bestellungen nehmen wir nach zehn nicht mehr auf.",
            "Eine Reservierung kann ich nicht aufnehmen.",
            "Das macht nichts, dass Sie aufzeichnen.",
            "Ich habe da keine Aufnahme Ihrer Reservierung.",
        ]);
    }

    #[test]
    fn objections_in_spanish() {
        objections(&[
            "No grabe la llamada, por favor.",
            "No quiero que se grabe.",
            "No quiero que me graben.",
            "Deje de grabar, por favor.",
            "Por favor, sin grabación.",
            "No autorizo la grabación.",
            "Pare la grabación.",
            "Borre esa grabación, por favor.",
            "No doy mi consentimiento para grabar.",
            "No me grabe.",
            "Prefiero que no se grabe la llamada.",
            "Me opongo a la grabación.",
            "No estoy de acuerdo con que me graben.",
            "¿Puede dejar de grabar?",
            "No pueden grabarme.",
            "Preferiría no ser grabado.",
            "Apague la grabación.",
            "Nada de grabar, por favor.",
            "No consiento que se grabe esta conversación.",
            "¿Podríamos hablar sin que me graben?",
            "No quiero ser grabada.",
            "No acepto que me graben.",
            "Deje de grabarme.",
            "Corte la grabación, por favor.",
            "No se puede grabar esta llamada.",
            "Esta llamada no se graba, ¿entendido?",
            "No permito grabaciones.",
            "Detenga la grabación.",
            "No me gusta que me graben.",
            "Quite la grabación.",
        ]);
    }

    #[test]
    fn what_is_no_objection_in_spanish() {
        no_objections(&[
            "No tengo ninguna grabación de esa reserva.",
            "No, gracias.",
            "No me importa que graben la llamada.",
            "No me molesta que se grabe.",
            "No hay problema en que se grabe.",
            "No tengo inconveniente en que graben.",
            "¿Se graba esta llamada?",
            "No grabamos llamadas.",
            "La reserva no quedó grabada en el sistema.",
            "No se ha grabado su reserva.",
            "No lo tengo grabado en el ordenador.",
            "Puede grabar, no hay problema.",
            "No hay ninguna grabación de eso.",
            "No encuentro la reserva grabada a su nombre.",
            "Grabe, grabe, sin problema.",
            "No es ningún problema que graben.",
            "No tengo ningún registro de esa reserva.",
            "No hace falta que deje de grabar.",
            "Está bien, puede grabar.",
            "No tenemos grabada esa reserva.",
            "No hay inconveniente en que grabe.",
            "No me preocupa la grabación.",
            "La grabación no es un problema.",
            "La grabación no me molesta.",
            "No hay grabación a ese nombre.",
            "Por mí puede grabar.",
            "¿Por qué graban?",
            "Su mesa no está grabada.",
            "No nos importa que se grabe.",
        ]);
    }

    #[test]
    fn objections_in_dutch() {
        objections(&[
            "Ik wil niet opgenomen worden.",
            "Niet opnemen alstublieft.",
            "Neem dit gesprek niet op.",
            "Wilt u de opname stoppen?",
            "Geen opname, alstublieft.",
            "Ik ga niet akkoord met de opname.",
            "Stop de opname.",
            "Ik wil niet dat u dit opneemt.",
            "Liever zonder opname.",
            "Zet de opname uit.",
            "Verwijder de opname alstublieft.",
            "Ik heb bezwaar tegen de opname.",
            "U mag dit niet opnemen.",
            "Ik geef geen toestemming om dit op te nemen.",
            "Kunt u stoppen met opnemen?",
            "Ik ben er niet van gediend opgenomen te worden.",
            "De opname mag uit.",
            "Ik wil niet dat dit gesprek wordt opgenomen.",
            "Dit gesprek mag niet worden opgenomen.",
            "Neemt u mij alstublieft niet op.",
            "Niet opnemen graag.",
            "Ik wil geen opname.",
            "Kunt u de opname uitzetten?",
            "Wis de opname.",
            "Ik ben niet akkoord met opnemen.",
            "Graag zonder opname.",
            "Neemt u dit niet op.",
            "Ik weiger de opname.",
            "Ik wil niet dat u mij opneemt.",
            "Stop met opnemen.",
        ]);
    }

    #[test]
    fn what_is_no_objection_in_dutch() {
        no_objections(&[
            "Ik heb geen opname van die reservering.",
            "Wij kunnen geen reserveringen meer opnemen.",
            "Er werd niet opgenomen.",
            "Ik kon de telefoon niet opnemen.",
            "U hoeft geen contact op te nemen.",
            "Ik heb geen bezwaar tegen de opname.",
            "Ik vind het niet erg dat u opneemt.",
            "Geen probleem dat u het opneemt.",
            "Uw reservering is niet opgenomen in het systeem.",
            "Wordt dit opgenomen?",
            "De opname stoort mij niet.",
            "Ik heb niets tegen de opname.",
            "Na tien uur nemen we de telefoon niet meer op.",
            "Ik kan uw reservering nu niet opnemen.",
            "Er is geen opname van die boeking.",
            "Prima, neem maar op.",
            "Sorry dat ik de telefoon niet opnam.",
            "Geen bezwaar als u het gesprek opneemt.",
            "Een opname is geen probleem.",
            "Het geeft niet dat het gesprek wordt opgenomen.",
            "De telefoon werd niet opgenomen.",
            "Ik heb daar geen opname van.",
            "We nemen na negen uur niet meer op.",
            "Geen bezwaar tegen het opnemen.",
            "U mag het opnemen, geen probleem.",
            "Uw naam is niet opgenomen in de lijst.",
            "Nee hoor, opnemen mag.",
            "We kunnen geen gasten meer opnemen.",
            "Ik vind de opname niet erg.",
            "Het opnemen stoort mij niet.",
        ]);
    }

    #[test]
    fn an_objection_beside_something_harmless_is_heard() {
        objections(&[
            "I have no recording of that booking. And please don't record this call.",
            "I have no record of a booking for Winter, and I don't want to be recorded.",
            "Die Aufnahme stört mich nicht wirklich, aber bitte nicht aufzeichnen.",
            "No tengo ninguna grabación de esa reserva, pero no me grabe.",
            "Ik heb geen opname van die reservering, maar ik wil niet opgenomen worden.",
        ]);
        no_objections(&["", ",", "…", "record", "Aufnahme", "grabación", "opname"]);
    }
}
