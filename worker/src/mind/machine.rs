//! Who is speaking, judged from words alone: a person, an answering machine, a telephone menu, or a queue.

use offhook::language::Language;

/// Who took the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// A person, as far as one can tell.
    Person,
    /// An answering machine or mailbox.
    Voicemail,
    /// A telephone menu.
    Menu,
    /// We are asked to wait.
    Hold,
}

const VOICEMAIL: [&str; 38] = [
    "leave a message",
    "leave your message",
    "leave us a message",
    "after the tone",
    "after the beep",
    "at the tone",
    "voicemail",
    "voice mail",
    "answering machine",
    "not available right now",
    "can't come to the phone",
    "cannot come to the phone",
    "mailbox",
    "nach dem signalton",
    "nach dem ton",
    "nach dem piep",
    "hinterlassen sie",
    "eine nachricht hinterlassen",
    "anrufbeantworter",
    "sprechen sie nach",
    "rufen außerhalb unserer öffnungszeiten",
    "außerhalb unserer öffnungszeiten",
    "después de la señal",
    "después del tono",
    "tras la señal",
    "tras oír la señal",
    "deje su mensaje",
    "deje un mensaje",
    "dejar un mensaje",
    "buzón de voz",
    "contestador",
    "na de piep",
    "na de toon",
    "na het signaal",
    "spreek een bericht in",
    "laat een bericht achter",
    "uw bericht achterlaten",
    "antwoordapparaat",
];
const MENU: [&str; 22] = [
    "press one",
    "press 1",
    "press two",
    "press 2",
    "press the",
    "for reservations press",
    "main menu",
    "drücken sie",
    "wählen sie die",
    "die eins",
    "die taste",
    "hauptmenü",
    "pulse uno",
    "pulse 1",
    "pulse el",
    "marque uno",
    "marque 1",
    "marque el",
    "toets een",
    "toets 1",
    "druk op",
    "kies een",
];
const HOLD: [&str; 26] = [
    "please hold",
    "hold the line",
    "hold on",
    "one moment",
    "just a moment",
    "just a second",
    "one second",
    "all our lines",
    "let me check",
    "einen moment",
    "moment bitte",
    "einen augenblick",
    "bleiben sie dran",
    "alle leitungen",
    "bitte warten",
    "un momento",
    "un segundo",
    "no cuelgue",
    "espere",
    "todas nuestras líneas",
    "een moment",
    "moment alstublieft",
    "blijft u aan de lijn",
    "een ogenblik",
    "momentje",
    "al onze medewerkers",
];

/// Judges from the phrases machines and queues use, in all four languages: a machine may speak another than its country.
pub fn judge(text: &str, _language: Option<Language>) -> Answerer {
    let lower = text.to_lowercase().replace('’', "'");
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if any(&VOICEMAIL) {
        Answerer::Voicemail
    } else if any(&MENU) {
        Answerer::Menu
    } else if any(&HOLD) {
        Answerer::Hold
    } else {
        Answerer::Person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_told_from_people_in_four_languages() {
        for text in [
            "You have reached Bella. Please leave a message after the tone.",
            "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
            "Deje su mensaje después de la señal.",
            "Spreek een bericht in na de piep.",
        ] {
            assert_eq!(judge(text, None), Answerer::Voicemail, "{text}");
        }
        assert_eq!(judge("For reservations press 1.", None), Answerer::Menu);
        assert_eq!(judge("Einen Moment bitte.", None), Answerer::Hold);
        for text in
            ["Zum Löwen, guten Abend?", "Restaurante Sol, dígame.", "Goedemiddag, met Anna.", "Good evening, Bella Napoli."]
        {
            assert_eq!(judge(text, None), Answerer::Person, "{text}");
        }
    }
}
