//! The words that carry intents, per language. Patterns are folded (see [`super::words::fold`]); `*` leaves the end open.

use offhook::language::Language;

use super::Intent;

/// The patterns of one language.
pub(super) struct Patterns {
    /// Done before anything is looked for: phrases whose words would mislead.
    pub rewrites: &'static [(&'static str, &'static str)],
    /// What each intent sounds like.
    pub intents: &'static [(Intent, &'static str)],
    /// Sentences with these speak of opening hours: their times are no offers.
    pub opening_hours: &'static str,
    /// Words that introduce a booking reference.
    pub reference: &'static str,
}

/// Of this language.
pub(super) fn of(language: Language) -> &'static Patterns {
    match language {
        Language::En => &ENGLISH,
        Language::De => &GERMAN,
        Language::Es => &SPANISH,
        Language::Nl => &DUTCH,
    }
}

use Intent::*;

const ENGLISH: Patterns = Patterns {
    rewrites: &[
        ("no problem", "okay"),
        ("am sorry i did not", "did not"),
        ("reserved for two hours", "for two hours"),
        ("wrong number this is not a restaurant", "wrong number"),
        ("that is wrong", "no"),
        ("you are welcome", "okay"),
    ],
    intents: &[
        (
            Yes,
            "yes|yeah|yep|sure|of course|certainly|that is fine|thats fine|all right|alright|correct|okay|ok|gladly|very good|perfect|absolutely|no worries",
        ),
        (No, "no|unfortunately|sorry|afraid|not possible|cant do"),
        (
            Available,
            "we have a table|we have one|we can do|that is possible|thats possible|that works|is available|have availability|you can have|we could do|we do have|that would work",
        ),
        (
            Unavailable,
            "not available|not possible|cannot do|cant do|dont have|do not have|no table*|nothing at|does not work|doesnt work|nothing else|nothing more|not then|nothing free then",
        ),
        (
            FullyBooked,
            "fully booked|booked out|booked up|completely full|we are full|were full|is full|full that|no tables left|no table left|nothing left|nothing free|no space|sold out|waiting list",
        ),
        (
            Done,
            "is booked|is reserved|table is booked|have booked|booked you|booked the|have you down|reserved for you|looking forward|is confirmed|is cancelled|have cancelled|is changed|have changed|been changed|still stands|all set|thats done|that is done",
        ),
        (AskName, "what name|which name|your name|a name|whose name|name please|the name please|name should|name shall"),
        (AskSpelling, "spell*|how do you write|how is that written"),
        (AskPhone, "phone*|telephone*|mobile|contact number|your number|a number"),
        (AskParty, "how many|number of people|number of guests|party size"),
        (AskTime, "what time|which time|lunch or|dinner or|at what hour"),
        (AskDay, "what day|which day|what date|which date|for when|when would"),
        (AskSpecial, "allerg*|high chair|special request*|dietary|anything else|anything we should"),
        (AskSeating, "inside or|indoors or|outside or|at the bar|like to sit|terrace or"),
        (AskReference, "your reference|a reference|booking number|reference number|confirmation number"),
        (NeedsCard, "credit card|deposit|card number"),
        (
            Who,
            "who am i|who is calling|whos calling|who is this|whos this|who is speaking|is this a recording|a robot|a machine|speaking with|who are you",
        ),
        (
            Repeat,
            "repeat|say that again|pardon|did not understand|didnt understand|did not catch|didnt catch|did not get|didnt get|cannot hear|cant hear|beg your|still there|are you there",
        ),
        (
            HoldOn,
            "one moment|a moment|hold on|hold the line|please hold|let me check|let me see|one second|a second|bear with me|one minute",
        ),
        (Closed, "closed"),
        (EmailOnly, "by email|by e mail|online only|only online|our website|the website"),
        (WalkIn, "walk in|walk ins|not take reservations|dont take reservations|first come|no reservations|not take bookings"),
        (WrongNumber, "wrong number|not a restaurant|no restaurant|private number"),
        (CallBack, "call back|call again|call later|ring back|call you back|try again later"),
        (Refuses, "do not call|dont call|not call us|stop calling|take us off|not talk to|dont talk to|no robots|not interested"),
        (Goodbye, "goodbye|good bye|bye|bye bye|see you|have a nice|have a good"),
        (Thanks, "thank you|thanks|cheers"),
        (Machine, "leave a message|after the tone|after the beep|voicemail|cannot take your call"),
        (NoBooking, "no booking|cannot find|cant find|no reservation under|do not see a|dont see a"),
    ],
    opening_hours: "closes|close at|opens|open at|opening hours|kitchen",
    reference: "reference|code|confirmation",
};

const GERMAN: Patterns = Patterns {
    rewrites: &[
        ("kein problem", "okay"),
        ("entschuldigung ich habe sie nicht verstanden", "nicht verstanden"),
        ("das ist falsch", "nein"),
        ("fur zwei stunden reserviert", "fur zwei stunden"),
        ("hier ist kein restaurant", "verwahlt"),
        ("finde ich keine reservierung", "keine buchung"),
        ("leider nicht verfugbar", "nicht verfugbar"),
    ],
    intents: &[
        (
            Yes,
            "ja|jawohl|genau|klar|naturlich|gerne|gern|sicher|in ordnung|das ist richtig|stimmt|okay|ok|sehr gut|perfekt|einverstanden|passt",
        ),
        (No, "nein|nee|leider|tut mir leid|bedaure|geht nicht"),
        (
            Available,
            "haben wir einen tisch|wir haben einen tisch|haben wir noch|das ist moglich|ist moglich|ware moglich|das geht|geht klar|ist frei|ist verfugbar|konnen sie haben|haben wir was frei",
        ),
        (
            Unavailable,
            "nicht verfugbar|nicht moglich|geht nicht|nichts frei|kein tisch|keinen tisch|nicht anbieten|mehr kann ich|haben wir nichts|nicht mehr frei",
        ),
        (
            FullyBooked,
            "ausgebucht|komplett voll|sind wir voll|sind voll|alles voll|ausreserviert|keinen tisch mehr|keine tische mehr|nichts mehr frei|keinen platz|warteliste",
        ),
        (
            Done,
            "ist reserviert|ist gebucht|habe reserviert|eingetragen|fur sie reserviert|reserviere ich|ist notiert|habe notiert|wir freuen uns|ist storniert|habe storniert|geandert|steht noch|ist bestatigt",
        ),
        (AskName, "welchen namen|welcher name|ihr name|ihren namen|wie heissen|der name"),
        (AskSpelling, "schreibt man|buchstabier*|wie schreiben|geschrieben"),
        (AskPhone, "telefonnummer|telefon|handynummer|ihre nummer|ruckrufnummer|erreichen wir sie|mobilnummer"),
        (AskParty, "wie viele personen|wieviele personen|wie viele|wieviele|zu wievielt|wie viel personen"),
        (AskTime, "wie viel uhr|wieviel uhr|welche uhrzeit|mittag oder|wann genau|zu welcher zeit"),
        (AskDay, "welchen tag|welcher tag|welches datum|an welchem tag|fur wann"),
        (AskSpecial, "allergi*|kinderstuhl|hochstuhl|besondere wunsche|unvertraglich*|sonst noch"),
        (AskSeating, "drinnen oder|draussen oder|an der theke|mochten sie sitzen|innen oder"),
        (AskReference, "reservierungsnummer|buchungsnummer"),
        (NeedsCard, "kreditkarte|anzahlung|kartennummer"),
        (Who, "mit wem|wer spricht|wer sind sie|wer ist da|eine aufnahme|ein roboter|eine maschine|ein automat"),
        (
            Repeat,
            "wiederholen|noch einmal bitte|nochmal bitte|nicht verstanden|wie bitte|hore sie nicht|akustisch|sind sie noch da|noch dran",
        ),
        (
            HoldOn,
            "einen moment|moment bitte|kleinen moment|augenblick|bleiben sie|ich schaue|schaue nach|ich sehe nach|eine sekunde|sekunde",
        ),
        (Closed, "geschlossen|ruhetag|haben wir zu"),
        (EmailOnly, "per e mail|per email|nur online|unsere webseite|unsere website|uber das internet"),
        (WalkIn, "keine reservierungen|kommen sie einfach|ohne reservierung|einfach vorbei"),
        (WrongNumber, "verwahlt|falsche nummer|falsch verbunden|kein restaurant"),
        (CallBack, "spater noch einmal|spater nochmal|spater wieder|noch einmal anrufen|rufen zuruck|ruckruf|zuruckrufen"),
        (Refuses, "nicht mehr an|rufen sie nicht|nicht mehr anrufen|keine roboter|nicht mit maschinen|kein interesse"),
        (Goodbye, "auf wiederhoren|wiederhoren|auf wiedersehen|tschuss|bis bald|bis dann|schonen tag|schonen abend|ciao"),
        (Thanks, "danke|dank|danke schon"),
        (Machine, "hinterlassen sie|nach dem ton|nach dem signalton|nach dem piepton|anrufbeantworter|mailbox"),
        (NoBooking, "keine buchung|finde keine|finde nichts|steht nichts"),
    ],
    opening_hours: "schliesst|schliessen um|offnet|geoffnet|kuche",
    reference: "reservierungsnummer|buchungsnummer|nummer|referenz|code",
};

const SPANISH: Patterns = Patterns {
    rewrites: &[
        ("no hay problema", "vale"),
        ("ningun problema", "vale"),
        ("perdone no le he entendido", "no le he entendido"),
        ("no le he entendido", "entendido mal"),
        ("eso no es correcto", "no"),
        ("esto no es un restaurante", "equivocado"),
        ("no encuentro ninguna reserva", "ninguna reserva"),
        ("por favor no vuelvan a llamar", "no vuelvan a llamar"),
        ("no vuelvan a llamar", "dejen de llamar"),
    ],
    intents: &[
        (Yes, "si|claro|por supuesto|vale|de acuerdo|esta bien|correcto|eso es|perfecto|como no|muy bien|exacto"),
        (No, "no|lo siento|por desgracia|lamentablemente|desgraciadamente"),
        (
            Available,
            "tenemos una mesa|tenemos mesa|es posible|hay mesa|hay sitio|tenemos sitio|tenemos disponible|esta disponible|esta libre|puede ser",
        ),
        (Unavailable, "no esta disponible|no es posible|no tenemos|no puedo ofrecer*|no hay|nada mas|no puede ser|no queda*"),
        (
            FullyBooked,
            "completos|completo|llenos|lleno|no nos quedan|no quedan|no queda|sin mesas|lista de espera|todo reservado",
        ),
        (
            Done,
            "esta reservada|queda reservada|queda reservado|le he reservado|he reservado|ya esta reservad*|reserva hecha|queda apuntad*|le he apuntado|les esperamos|esta cancelada|he cancelado|he cambiado|cambiada|sigue en pie|esta confirmada",
        ),
        (AskName, "que nombre|su nombre|el nombre|como se llama|nombre de quien"),
        (AskSpelling, "se escribe|deletre*"),
        (AskPhone, "telefono|movil|numero de contacto|su numero"),
        (AskParty, "cuantas personas|cuantos son|cuantos van|cuantas|cuantos"),
        (AskTime, "que hora|comer o|cenar o"),
        (AskDay, "que dia|que fecha|para cuando"),
        (AskSpecial, "alergi*|trona|peticion especial|intoleran*|algo mas que"),
        (AskSeating, "dentro o|fuera o|en la barra|terraza o|quieren sentarse|quiere sentarse"),
        (AskReference, "numero de reserva|localizador|referencia"),
        (NeedsCard, "tarjeta|deposito|fianza"),
        (Who, "con quien|quien es|quien llama|quien habla|una grabacion|un robot|una maquina|de parte de quien"),
        (
            Repeat,
            "repetir*|repita|repite|entendido mal|como dice|no le oigo|no le escucho|otra vez|sigue ahi|sigue usted ahi|esta ahi",
        ),
        (HoldOn, "un momento|un momentito|un segundo|no cuelgue|espere|voy a mirar|dejeme ver|un instante"),
        (Closed, "cerrado|cerrados|cerramos|estamos cerrados"),
        (EmailOnly, "correo electronico|por correo|por internet|nuestra web|pagina web|solo online"),
        (
            WalkIn,
            "no aceptamos reservas|no cogemos reservas|no hacemos reservas|sin reserva|vengan directamente|orden de llegada",
        ),
        (WrongNumber, "equivocado|numero equivocado|no es un restaurante|no es ningun restaurante"),
        (
            CallBack,
            "llamar mas tarde|llame mas tarde|llame luego|llamar luego|volver a llamar|le llamamos|le devolvemos la llamada",
        ),
        (Refuses, "dejen de llamar|no nos llamen|no llame mas|no llamen mas|no me interesa|con robots|con maquinas"),
        (Goodbye, "adios|hasta luego|hasta pronto|hasta la vista|hasta el|buen dia|buenas noches adios"),
        (Thanks, "gracias|agradezco|agradecemos"),
        (Machine, "deje un mensaje|deje su mensaje|despues de la senal|tras la senal|buzon de voz|contestador"),
        (NoBooking, "ninguna reserva|no encuentro|no veo ninguna|no hay ninguna reserva"),
    ],
    opening_hours: "cierra|abre|abrimos|horario|cocina",
    reference: "referencia|localizador|codigo|reserva",
};

const DUTCH: Patterns = Patterns {
    rewrites: &[
        ("geen probleem", "oke"),
        ("pardon ik heb u niet verstaan", "niet verstaan"),
        ("dat klopt niet", "nee"),
        ("dit is geen restaurant", "verkeerd verbonden"),
        ("ik vind geen reservering", "geen boeking"),
        ("twee uur gereserveerd", "twee uur"),
        ("belt u ons alstublieft niet meer", "niet meer bellen"),
    ],
    intents: &[
        (Yes, "ja|jazeker|zeker|natuurlijk|graag|dat is goed|dat klopt|prima|oke|ok|goed hoor|uitstekend|akkoord|klopt"),
        (No, "nee|helaas|het spijt me|spijt me|sorry|jammer genoeg"),
        (
            Available,
            "hebben een tafel|hebben we een tafel|hebben wij een tafel|is mogelijk|dat kan|is beschikbaar|is vrij|hebben we plek|hebben nog plek|hebben nog een",
        ),
        (
            Unavailable,
            "niet beschikbaar|niet mogelijk|kan niet|geen tafel*|niet aanbieden|niets meer|meer kan ik|niets vrij|lukt niet",
        ),
        (
            FullyBooked,
            "volgeboekt|helemaal vol|zitten we vol|zitten vol|zijn vol|geen tafels meer|geen tafel meer|geen plek|geen plaats|wachtlijst|niets meer vrij",
        ),
        (
            Done,
            "is gereserveerd|is geboekt|heb gereserveerd|voor u gereserveerd|genoteerd|staat genoteerd|heb geboekt|we zien u|tot dan|is geannuleerd|heb geannuleerd|gewijzigd|staat er nog|staat nog|is bevestigd",
        ),
        (AskName, "welke naam|uw naam|de naam|hoe heet u"),
        (AskSpelling, "spelt|spellen|hoe schrijf*|spel je"),
        (AskPhone, "telefoonnummer|telefoon|mobiel|uw nummer|06 nummer"),
        (AskParty, "hoeveel personen|hoeveel mensen|hoeveel|met z n hoevelen"),
        (AskTime, "hoe laat|welke tijd|welk tijdstip|lunch of"),
        (AskDay, "welke dag|welke datum|voor wanneer|wanneer wilt"),
        (AskSpecial, "allergie*|kinderstoel|bijzondere wensen|dieet*|verder nog"),
        (AskSeating, "binnen of|buiten of|aan de bar|wilt u zitten"),
        (AskReference, "reserveringsnummer|boekingsnummer"),
        (NeedsCard, "creditcard|aanbetaling|kaartnummer"),
        (Who, "met wie|wie bent u|wie is dit|een opname|een robot|een machine|wie belt"),
        (
            Repeat,
            "herhalen|nog een keer alstublieft|niet verstaan|wat zegt u|niet goed verstaan|hoor u niet|bent u er nog|bent u daar",
        ),
        (HoldOn, "een momentje|een moment|momentje|ogenblik|blijft u|aan de lijn|ik kijk|kijk het even|een seconde|even geduld"),
        (Closed, "gesloten|zijn we dicht"),
        (EmailOnly, "per e mail|per email|alleen online|onze website|via de website"),
        (WalkIn, "geen reserveringen|gewoon binnen|zonder reservering"),
        (WrongNumber, "verkeerd verbonden|verkeerde nummer|verkeerd nummer|geen restaurant"),
        (CallBack, "later terugbellen|terugbellen|later nog eens|later bellen|bellen u terug"),
        (Refuses, "niet meer bellen|bel ons niet|belt u niet|geen robots|niet met een machine|geen interesse"),
        (Goodbye, "tot ziens|dag hoor|tot gauw|tot snel|doei|fijne dag|fijne avond|tot vrijdag|tot zaterdag"),
        (Thanks, "dank|bedankt|dank u|dank u wel|dankjewel"),
        (Machine, "spreek een bericht|bericht in|na de toon|na de piep|na de pieptoon|antwoordapparaat|voicemail"),
        (NoBooking, "geen boeking|kan geen reservering vinden|vind niets|vind geen"),
    ],
    opening_hours: "sluit|opent|geopend|keuken",
    reference: "reserveringsnummer|boekingsnummer|nummer|code|referentie",
};
