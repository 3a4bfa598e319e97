//! Greetings as they are heard on real lines. Machines must be found; above all no person may be taken for one.

use super::{
    WhoAnswered::{Hold, Menu, Person, Voicemail},
    *,
};

const GREETINGS: &[(Language, WhoAnswered, &str)] = &[
    (Language::En, Person, "Hello?"),
    (
        Language::En,
        Person,
        "Good evening, thank you for calling the Golden Lion on Market Street, this is Maria speaking, how may I help you tonight?",
    ),
    (
        Language::En,
        Person,
        "Thank you for calling Luigi's, home of the best pizza in town, we have a set menu on Fridays and live music on Saturdays. This is Tom.",
    ),
    (Language::En, Person, "I'm sorry, he's not available right now. Would you like to leave a message?"),
    (Language::En, Person, "You've reached the Harbour Grill, Anna speaking, what can I do for you?"),
    (Language::En, Person, "We could offer you 21:00 instead."),
    (Language::En, Person, "We can hold the table for fifteen minutes."),
    (Language::En, Person, "One moment please. Yes, we have a table at 19:30 for four."),
    (Language::En, Person, "One moment, for how many people?"),
    (Language::En, Person, "Sorry, the kitchen is closed on Mondays, our opening hours are Tuesday to Sunday."),
    (Language::En, Person, "Can I take your name and number?"),
    (Language::En, Person, "The number you called from, is that your mobile? Can I take a note of it?"),
    (
        Language::En,
        Voicemail,
        "Hi, you've reached Luigi's. We can't take your call right now. Please leave a message after the tone.",
    ),
    (Language::En, Voicemail, "The person you are calling is not available. At the tone, please record your message."),
    (Language::En, Voicemail, "Your call has been forwarded to an automatic voice message system."),
    (
        Language::En,
        Voicemail,
        "Thank you for calling the Golden Lion. We are currently closed. Our opening hours are Tuesday to Sunday from five to eleven.",
    ),
    (Language::En, Voicemail, "Sorry we missed your call. Leave your name and number and we will get back to you."),
    (Language::En, Voicemail, "The number you have dialled has not been recognised."),
    (Language::En, Menu, "Welcome to the Golden Lion. For reservations press 1, for directions press 2."),
    (Language::En, Menu, "Press one for reservations or stay on the line."),
    (Language::En, Menu, "Please listen carefully as our menu options have changed."),
    (Language::En, Menu, "To make a booking, press two."),
    (Language::En, Hold, "One moment please."),
    (Language::En, Hold, "Can you hold, please?"),
    (Language::En, Hold, "Hang on a second, I'll ask my colleague."),
    (Language::En, Hold, "All our agents are busy. Please hold the line."),
    (Language::En, Hold, "Your call is important to us and will be answered shortly."),
    (Language::En, Hold, "Let me check, just a moment."),
    (Language::De, Person, "Ja, hallo?"),
    (
        Language::De,
        Person,
        "Guten Tag, herzlich willkommen im Restaurant Zum Goldenen Löwen in der Marktstraße, mein Name ist Anna Schmidt, was kann ich für Sie tun?",
    ),
    (Language::De, Person, "Gasthaus Adler, Sie sprechen mit Herrn Maier, grüß Gott."),
    (Language::De, Person, "Der Chef ist nicht da, möchten Sie eine Nachricht hinterlassen?"),
    (Language::De, Person, "Montags haben wir geschlossen, da kann ich Ihnen nichts anbieten."),
    (Language::De, Person, "Einen Moment bitte. Ja, um 19:30 Uhr hätten wir noch etwas frei."),
    (Language::De, Person, "Moment, für wie viele Personen?"),
    (Language::De, Person, "Sie können bei uns auch aus dem Menü wählen."),
    (Language::De, Person, "Da erreicht mich leider jeder zweite Gast zur selben Zeit, heute ist es voll."),
    (Language::De, Voicemail, "Guten Tag, Sie sind mit dem Anrufbeantworter des Gasthauses Adler verbunden."),
    (Language::De, Voicemail, "Bitte hinterlassen Sie eine Nachricht nach dem Signalton."),
    (Language::De, Voicemail, "Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar."),
    (Language::De, Voicemail, "Kein Anschluss unter dieser Nummer."),
    (
        Language::De,
        Voicemail,
        "Vielen Dank für Ihren Anruf. Wir haben derzeit geschlossen. Unsere Öffnungszeiten sind Dienstag bis Sonntag ab 17 Uhr.",
    ),
    (Language::De, Menu, "Für Reservierungen drücken Sie bitte die 1, für alles andere die 2."),
    (Language::De, Menu, "Wenn Sie einen Tisch reservieren möchten, wählen Sie die Eins."),
    (Language::De, Menu, "Willkommen. Drücken Sie die Taste 2 für eine Reservierung."),
    (Language::De, Hold, "Einen Moment, bitte."),
    (Language::De, Hold, "Augenblick, ich schaue mal nach."),
    (Language::De, Hold, "Bleiben Sie dran, ich verbinde Sie."),
    (Language::De, Hold, "Der nächste freie Mitarbeiter ist gleich für Sie da."),
    (Language::Es, Person, "¿Diga?"),
    (Language::Es, Person, "Restaurante El Puerto, buenas noches, le atiende Carmen, ¿en qué puedo ayudarle?"),
    (Language::Es, Person, "No está ahora, ¿quiere dejar un mensaje?"),
    (Language::Es, Person, "Un momento. Sí, tenemos una mesa a las 21:00."),
    (Language::Es, Person, "Los lunes estamos cerrados, lo siento, pero el martes sí."),
    (Language::Es, Voicemail, "Ha llamado al restaurante El Puerto. Deje su mensaje después de la señal."),
    (Language::Es, Voicemail, "El teléfono al que llama está apagado o fuera de cobertura."),
    (Language::Es, Voicemail, "Este es el buzón de voz de Carmen."),
    (Language::Es, Voicemail, "En este momento no podemos atenderle. Deje su nombre y número y le llamaremos."),
    (Language::Es, Menu, "Para reservas marque 1, para información pulse 2."),
    (Language::Es, Menu, "Si desea hacer una reserva, pulse uno."),
    (Language::Es, Hold, "Un momento, por favor."),
    (Language::Es, Hold, "No cuelgue, le paso con mi compañera."),
    (Language::Es, Hold, "Todos nuestros agentes están ocupados, permanezca en línea."),
    (Language::Nl, Person, "Hallo?"),
    (
        Language::Nl,
        Person,
        "Goedemiddag, restaurant de Gouden Leeuw aan de Markt, u spreekt met Sanne, waarmee kan ik u van dienst zijn?",
    ),
    (Language::Nl, Person, "Hij is er niet, wilt u een bericht achterlaten?"),
    (Language::Nl, Person, "Een momentje. Ja, om 19:30 hebben we nog plek."),
    (Language::Nl, Person, "Op maandag zijn wij gesloten."),
    (Language::Nl, Voicemail, "Dit is de voicemail van restaurant de Gouden Leeuw. Spreek een bericht in na de piep."),
    (Language::Nl, Voicemail, "De persoon die u probeert te bereiken is momenteel niet bereikbaar."),
    (Language::Nl, Voicemail, "Wij kunnen u nu niet te woord staan. Laat uw naam en nummer achter, dan bellen wij u terug."),
    (Language::Nl, Menu, "Voor reserveringen, toets 1. Voor overige vragen, toets 2."),
    (Language::Nl, Menu, "Druk op een om te reserveren."),
    (Language::Nl, Hold, "Een moment alstublieft."),
    (Language::Nl, Hold, "Blijft u aan de lijn, ik verbind u door."),
    (Language::Nl, Hold, "Momentje hoor, even kijken."),
    (Language::Nl, Hold, "Al onze medewerkers zijn in gesprek."),
    (Language::En, Person, "Bella Vista, good evening, Marco here."),
    (Language::En, Person, "Hi there, you're through to Sarah at the Bella Vista."),
    (Language::En, Person, "Let me see, we've got a table at eight."),
    (Language::En, Person, "Just a moment, what was the name again?"),
    (Language::En, Person, "One moment. Yes, that works."),
    (Language::En, Person, "Please go ahead."),
    (Language::En, Person, "Sorry, could you repeat that, please?"),
    (Language::En, Person, "I'm afraid we're closed at the moment, we open again at five."),
    (Language::En, Person, "You can leave your name and number and I'll ask him to call you back."),
    (Language::En, Person, "You can choose a table for two for Friday or Saturday."),
    (Language::En, Person, "Is this a machine? Are you a robot?"),
    (Language::En, Voicemail, "Hi, this is Dave. Leave a message."),
    (
        Language::En,
        Voicemail,
        "You have reached the Smith residence. We're not home, leave us a message and we'll call you back.",
    ),
    (Language::En, Hold, "Yes, one moment please."),
    (Language::En, Hold, "Sure, hold on, let me get the manager."),
    (Language::De, Person, "Ja, bitte?"),
    (Language::De, Person, "Bitte schön, was darf es sein?"),
    (Language::De, Person, "Pizzeria Roma, Giovanni, guten Abend."),
    (Language::De, Person, "Können Sie das bitte wiederholen?"),
    (Language::De, Person, "19 Uhr liegt leider außerhalb unserer Öffnungszeiten, wir rufen Sie gern zurück."),
    (Language::De, Person, "Wir haben heute leider geschlossen, rufen Sie bitte morgen wieder an."),
    (Language::De, Person, "Moment. Ja, das geht."),
    (Language::De, Voicemail, "Sie rufen außerhalb unserer Öffnungszeiten an."),
    (Language::De, Voicemail, "Die Person, die Sie angerufen haben, ist vorübergehend nicht erreichbar."),
    (Language::De, Hold, "Ja, Moment bitte."),
    (Language::De, Hold, "Einen kleinen Moment, ja?"),
    (Language::Es, Person, "Sí, por favor, dígame."),
    (Language::Es, Person, "A ver, para el viernes a las nueve no queda nada."),
    (Language::Es, Voicemail, "El número marcado no existe."),
    (Language::Es, Hold, "Sí, un momentito, voy a mirar."),
    (Language::Nl, Person, "Kiest u maar een tijd die u past."),
    (Language::Nl, Person, "Even kijken, voor hoeveel personen?"),
    (Language::Nl, Voicemail, "Het door u gekozen nummer is niet in gebruik."),
    (Language::Nl, Hold, "Ja, een ogenblikje, ik vraag het even."),
];

#[test]
fn greetings_are_judged_as_a_caller_would() {
    for known in [true, false] {
        let wrong: Vec<_> = GREETINGS
            .iter()
            .map(|(language, who, text)| (judge(text, known.then_some(*language)), who, text))
            .filter(|(judged, who, _)| judged != *who)
            .collect();
        assert!(wrong.is_empty(), "language known: {known}: {wrong:#?}");
    }
}

#[test]
fn an_unmistakable_machine_is_found_in_the_wrong_language_too() {
    assert_eq!(judge("Please leave a message after the tone.", Some(Language::De)), Voicemail);
    assert_eq!(judge("Für Reservierungen drücken Sie die 1.", Some(Language::En)), Menu);
}

#[test]
fn nothing_is_no_machine() {
    for text in ["", "…", "Mhm.", "12", "Hallo hallo hallo"] {
        assert_eq!(judge(text, None), Person);
    }
}

#[test]
fn who_asks_something_is_a_person() {
    for question in [
        "Is this an answering machine?",
        "I have your voicemail, did you call before?",
        "Der Chef ist zur Zeit nicht erreichbar, um was geht es?",
        "Sie haben uns gestern auf die Mailbox gesprochen, stimmt's?",
        "¿Es usted un contestador?",
        "Heeft u gisteren onze voicemail ingesproken?",
    ] {
        assert_eq!(judge(question, None), WhoAnswered::Person, "{question}");
    }
}
