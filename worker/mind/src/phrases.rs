//! The sentences the code itself says, in four languages.

use offhook::language::Language;

/// A fixed sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phrase {
    /// Nothing was understood.
    Repeat,
    /// Nobody says anything.
    StillThere,
    /// The end, with thanks.
    Goodbye,
    /// The end, because the call took too long.
    NoTimeLeft,
    /// The end, because the user took the request back.
    Withdrawn,
    /// The end, because this process has to stop.
    Interrupted,
    /// The model failed; it is asked again.
    OneMoment,
    /// The model failed again.
    Trouble,
}

impl Phrase {
    /// Its words.
    pub fn in_language(self, language: Language) -> &'static str {
        use Language::{De, En, Es, Nl};
        match (self, language) {
            (Phrase::Repeat, En) => "I'm sorry, I didn't catch that. Could you say it again?",
            (Phrase::Repeat, De) => "Entschuldigung, das habe ich nicht verstanden. Könnten Sie das bitte wiederholen?",
            (Phrase::Repeat, Es) => "Perdone, no le he entendido. ¿Podría repetirlo, por favor?",
            (Phrase::Repeat, Nl) => "Sorry, dat heb ik niet verstaan. Kunt u dat herhalen?",
            (Phrase::StillThere, En) => "Are you still there?",
            (Phrase::StillThere, De) => "Sind Sie noch da?",
            (Phrase::StillThere, Es) => "¿Sigue usted ahí?",
            (Phrase::StillThere, Nl) => "Bent u er nog?",
            (Phrase::Goodbye, En) => "Thank you for your time. Goodbye.",
            (Phrase::Goodbye, De) => "Vielen Dank für Ihre Zeit. Auf Wiederhören.",
            (Phrase::Goodbye, Es) => "Muchas gracias por su tiempo. Adiós.",
            (Phrase::Goodbye, Nl) => "Bedankt voor uw tijd. Tot ziens.",
            (Phrase::NoTimeLeft, En) => "I'm sorry, I have to end the call here. Thank you for your time. Goodbye.",
            (Phrase::NoTimeLeft, De) => "Ich muss das Gespräch hier leider beenden. Vielen Dank für Ihre Zeit. Auf Wiederhören.",
            (Phrase::NoTimeLeft, Es) => "Lo siento, tengo que terminar la llamada. Muchas gracias por su tiempo. Adiós.",
            (Phrase::NoTimeLeft, Nl) => "Het spijt me, ik moet het gesprek hier beëindigen. Bedankt voor uw tijd. Tot ziens.",
            (Phrase::Withdrawn, En) => "I'm sorry, the request has just been withdrawn. Thank you for your time. Goodbye.",
            (Phrase::Withdrawn, De) => "Entschuldigung, die Anfrage wurde gerade zurückgezogen. Vielen Dank. Auf Wiederhören.",
            (Phrase::Withdrawn, Es) => "Perdone, la petición se acaba de retirar. Muchas gracias. Adiós.",
            (Phrase::Withdrawn, Nl) => "Excuses, de aanvraag is zojuist ingetrokken. Hartelijk dank. Tot ziens.",
            (Phrase::Interrupted, En) => "I'm sorry, I have to break off this call for technical reasons. Goodbye.",
            (Phrase::Interrupted, De) => {
                "Entschuldigung, ich muss das Gespräch aus technischen Gründen abbrechen. Auf Wiederhören."
            }
            (Phrase::Interrupted, Es) => "Perdone, tengo que interrumpir la llamada por motivos técnicos. Adiós.",
            (Phrase::Interrupted, Nl) => "Excuses, ik moet het gesprek om technische redenen afbreken. Tot ziens.",
            (Phrase::OneMoment, En) => "I'm sorry, one moment please.",
            (Phrase::OneMoment, De) => "Entschuldigung, einen Moment bitte.",
            (Phrase::OneMoment, Es) => "Perdone, un momento, por favor.",
            (Phrase::OneMoment, Nl) => "Excuses, een moment alstublieft.",
            (Phrase::Trouble, En) => "I'm sorry, I'm having technical difficulties. Goodbye.",
            (Phrase::Trouble, De) => "Entschuldigung, ich habe ein technisches Problem. Auf Wiederhören.",
            (Phrase::Trouble, Es) => "Perdone, tengo un problema técnico. Adiós.",
            (Phrase::Trouble, Nl) => "Excuses, ik heb een technisch probleem. Tot ziens.",
        }
    }
}

/// Who is calling, for whom, and that it is no person.
pub(super) fn introduction(guest: &str, language: Language) -> String {
    match language {
        Language::En => format!("Hello, this is an automated assistant calling on behalf of {guest}."),
        Language::De => format!("Guten Tag, hier ist ein automatischer Assistent im Auftrag von {guest}."),
        Language::Es => format!("Hola, soy un asistente automático y llamo de parte de {guest}."),
        Language::Nl => format!("Goedendag, u spreekt met een automatische assistent namens {guest}."),
    }
}

/// That the call is recorded.
pub(super) fn recorded(language: Language) -> &'static str {
    match language {
        Language::En => "This call is recorded.",
        Language::De => "Dieses Gespräch wird aufgezeichnet.",
        Language::Es => "Esta llamada se graba.",
        Language::Nl => "Dit gesprek wordt opgenomen.",
    }
}

/// That it is not recorded any more, to whoever objected.
pub(super) fn recording_deleted(language: Language) -> &'static str {
    match language {
        Language::En => "All right, the recording is stopped and deleted.",
        Language::De => "In Ordnung, die Aufzeichnung ist beendet und gelöscht.",
        Language::Es => "De acuerdo, la grabación se ha detenido y borrado.",
        Language::Nl => "Goed, de opname is gestopt en verwijderd.",
    }
}

/// That an earlier call was cut off.
pub(super) fn cut_off_before(language: Language) -> &'static str {
    match language {
        Language::En => "We were cut off a moment ago.",
        Language::De => "Wir wurden eben unterbrochen.",
        Language::Es => "Se nos ha cortado la llamada hace un momento.",
        Language::Nl => "We werden zojuist onderbroken.",
    }
}
