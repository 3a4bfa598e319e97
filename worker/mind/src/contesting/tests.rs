use super::*;

#[test]
fn objections_in_words_of_any_kind_contest() {
    let missed: Vec<&str> = [
        "We don't have a table.",
        "We don’t have a table.",
        "There's nothing available.",
        "Not on that date.",
        "I'm afraid that won't work.",
        "I didn't agree to that.",
        "What? I never said that.",
        "We have nothing for four.",
        "You misunderstood me.",
        "Unfortunately I cannot take reservations.",
        "Call back tomorrow, the manager has to decide.",
        "Only if you pay a deposit.",
        "I'd have to put you on the waiting list.",
        "We are shut on Thursdays.",
        "No, sorry, we are fully booked.",
        "Sorry, this is a private house, wrong number.",
        "I can put you on the waiting list.",
        "We are closed that day.",
        "Das geht aber nicht.",
        "Auf keinen Fall.",
        "Wir haben keinen Tisch.",
        "Da haben wir Ruhetag.",
        "Moment, das habe ich nicht gesagt.",
        "Ich kann Ihnen das nicht zusagen.",
        "Leider keine Chance.",
        "Das wird nichts.",
        "Des geht ned.",
        "Nur wenn Sie anzahlen.",
        "Ese día cerramos.",
        "Ese día no abrimos.",
        "Yo no he dicho eso.",
        "Qué va, imposible.",
        "Tampoco.",
        "Solo si pagan una señal.",
        "Alles is bezet.",
        "We hebben niks meer.",
        "Dat heb ik niet gezegd.",
        "Alleen als u aanbetaalt.",
        "That table's been given away already.",
        "We are on holiday.",
        "Forget it.",
        "Better try somewhere else.",
        "Versuchen Sie es woanders.",
        "Das müsste ich noch mit dem Chef besprechen.",
        "Estamos de vacaciones.",
        "Busquen otro sitio.",
        "We zijn met vakantie.",
        "Probeer het ergens anders.",
    ]
    .into_iter()
    .filter(|text| !contests(text))
    .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn words_that_agree_or_tell_something_else_contest_nothing() {
    let taken: Vec<&str> = [
        "No problem, see you then.",
        "No, that's fine.",
        "Not at all, see you on Friday.",
        "Why not, perfect.",
        "Yes, your table is reserved.",
        "Yes, you're all booked, thank you.",
        "Please don't be late.",
        "You don't need to call again.",
        "We don't take credit cards.",
        "What's your full name?",
        "Can't wait to see you!",
        "Nein, alles gut.",
        "Kein Problem, bis Freitag.",
        "Kommen Sie bitte nicht zu spät.",
        "Ja, der Tisch ist für Sie reserviert.",
        "Macht nichts.",
        "Nur noch eine Frage: auf welchen Namen?",
        "No hay problema, hasta el viernes.",
        "De nada, hasta luego.",
        "No se preocupe.",
        "A las siete y media, ¿no?",
        "Queda reservada.",
        "Geen probleem, tot dan.",
        "Uw tafel is gereserveerd.",
        "Dat kan, tot vrijdag.",
        "Niets te danken.",
    ]
    .into_iter()
    .filter(|text| contests(text))
    .collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

#[test]
fn what_stands_after_the_last_denial() {
    for (text, after) in [
        ("No, at eight.", " at eight."),
        ("We don't have half past seven, but eight is free.", "but eight is free."),
        ("Yes, at 20.00 for four.", "Yes, at 20.00 for four."),
        ("No, sorry, we are fully booked.", ""),
        ("Um halb acht nicht, aber um acht geht es.", " aber um acht geht es."),
    ] {
        assert_eq!(after_denial(text).trim(), after.trim(), "{text}");
    }
}

#[test]
fn a_booking_is_promised_in_four_languages() {
    for text in [
        "Your table is booked.",
        "Perfect, you're booked for Thursday.",
        "Ihr Tisch ist reserviert.",
        "La mesa queda reservada.",
        "De tafel is gereserveerd.",
    ] {
        assert!(promises(text), "{text}");
    }
    for text in ["Is the table booked?", "Nothing is booked yet.", "I would like to book a table.", "Ist der Tisch reserviert?"] {
        assert!(!promises(text), "{text}");
    }
}
