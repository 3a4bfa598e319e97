//! Words by which a restaurant contests what was said to it, in Dutch.

use crate::tables::Contesting;

pub(super) const CONTESTING: Contesting = Contesting {
    negations: &["nee|neen|niet|niets|niks|nooit|niemand|nergens|geen"],
    harmless: &[
        "geen probleem|problemen|punt|zorgen|moeite|haast|dank|bezwaar|stress|twijfel|vragen",
        "nee|nou? hoor ,? * prima|goed|hoor|best|oke|perfect",
        "niet|niets te danken|laat|vergeten",
        "maakt|geeft|hindert * niet|niets|niks uit|$",
        "niet|helemaal erg|vergeten|alleen|slecht|later|nodig|verkeerd|waar",
        "vergeet|vergeten * niet",
        "waarom|toch|of niet",
        "hoeft|hoeven u|je|jullie|dat|er|het? * niet|niets|geen",
        "verder|meer niets|niks|geen",
        "niets|niks|geen meer? verder|anders|vragen",
        "geen|niet * pin|pinnen|kaarten|creditcard|creditcards|honden|hond|parkeren|parkeerplaats|roken|lift|contant",
    ],
    objections: &[
        "helaas|onmogelijk|wachtlijst|bezet|mits|tenzij|misverst~|vergis~|volgeboekt|volgeboekte|vergeven|uitgesloten|jammer|spijt|hoogstens",
        "begrijpt|begrijp|begrepen|verstaan|verstaat me|mij|ons? * verkeerd|fout",
        "verkeerd begrepen|verstaan|verbonden|nummer",
        "alleen|enkel|slechts als|indien|wanneer|met|tot|voor|op|buiten|binnen|tegen|onder",
        "op voorwaarde",
        "moet|moeten|zal|ga|even|eerst * * navragen|vragen|overleggen|checken|nakijken|kijken|nagaan",
        "chef|baas|eigenaar|manager|bedrijfsleider moet|beslist|eerst|vragen",
        "zitten|is|zijn|alles|al|helemaal|we vol|weg|dicht|gesloten",
        "dicht|gesloten op|die|dan|$",
        "maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|dag|avond * dicht|gesloten",
        "bel|belt|bellen|probeer * morgen|later|terug|opnieuw|nog",
        "prive|privenummer|prive~|particulier",
        "bruiloft|besloten feest|feestje|avond|gezelschap|$",
        "ik|we|wij zei|zeiden|bedoel|bedoelde",
        "ik|we|wij heb|hebben * gezegd|bedoeld",
        "te laat|vroeg|groot|veel",
        "liever|niet een? andere",
        "in plaats van",
        "een vergissing|fout",
    ],
    promises: &[
        "tafel|reservering|dat|het|alles is|staat gereserveerd|geboekt|bevestigd|genoteerd|vast",
        "heb|hebben * gereserveerd|geboekt|genoteerd|opgeschreven",
        "staat|is * gereserveerd|geboekt|genoteerd",
    ],
};
