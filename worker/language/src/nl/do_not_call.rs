//! The wish never to be called again, in Dutch.

use crate::tables::DoNotCall;

pub(super) const DO_NOT_CALL: DoNotCall = DoNotCall {
    groups: &[
        (
            "a",
            &[
                "ons|mij|me|hier|alstublieft|alsjeblieft|aub|dit|nummer|naar|op|naartoe|heen|gewoon|maar|liever|eens|nu|toch|onmiddellijk|hiermee?",
            ],
        ),
        ("some", &["{a} {a} {a} {a}"]),
        ("no_more", &["niet|nooit meer", "nooit , nooit meer"]),
        ("never", &["{no_more}", "niet|nooit weer|nogmaals|opnieuw", "niet|nooit nog eens"]),
        ("you", &["u|je|jullie"]),
        ("could", &["wilt|wil|kunt|kan|kun|zou|zoudt|zouden {you}"]),
        ("want", &["ik|wij|we wil|willen|wens|wensen|eis|eisen"]),
        ("by", &["door u|jullie|computers|robots|machines", "door zo? een|n computer|robot|machine|apparaat"]),
        ("ours", &["ons|mij|me", "ons|dit|mijn|het nummer|telefoonnummer|restaurant|gegevens", "onze|mijn gegevens"]),
        ("list", &["lijst|lijsten|bellijst|bestand|bestanden|systeem|systemen|database|adressenbestand|computer"]),
        ("from_list", &["van|uit uw|de|je|jullie|het|deze|die {list}"]),
        ("end", &["$|alstublieft|alsjeblieft|aub|en|bedankt|dank|want|dag"]),
    ],
    imperatives: &[
        "bel|belt u|je|jullie? {some} {never} {some}",
        "bel|belt u|je|jullie? {some} nooit {some} {end}",
        "stop|stopt|kap|kapt u|je|jullie? {some} met {some} te? bellen|gebel",
        "hou|houd|houdt u|je|jullie? {some} op ,? met|om {some} te? bellen|gebel",
    ],
    fragments: &["{never} {some} bellen", "geen telefoontjes|gebel meer"],
    no_fragment_after: &[
        "ik|wij|we|hij|zij|ze|men|gasten|klanten|mensen|waarom|als|omdat|dat",
        "kan|kunnen|kunt|kon|konden|zal|zullen|zou|zouden|wil|wilt|willen|wilde|wilden|moet|moeten|mag|mogen|hoeft|hoeven|ga|gaan|gaat|kregen|krijgen|komen",
    ],
    openers: &["alstublieft|alsjeblieft|aub|graag|bedankt|nee"],
    requests: &[
        "{could} {some} {no_more} {some} willen|kunnen? bellen",
        "{could} {some} ophouden|stoppen ,? met {some} te? bellen",
        "{you} moet|moeten|mag|mogen {some} {no_more} {some} bellen",
        "{want} {some} {no_more} {some} gebeld worden",
        "ik|wij|we word|worden liever {no_more} {some} gebeld",
        "{want} {some} {no_more} {by} gebeld worden",
        "{want} {some} {no_more} gebeld worden {by}",
        "{want} niet {by} gebeld worden",
        "{want} niet gebeld worden {by}",
        "{want} ,? dat {you} {some} {no_more} {some} belt|bellen",
        "{want} ,? dat {you} {some} stopt|ophoudt|stoppen|ophouden met {some} te? bellen",
        "{want} niet ,? dat {you} {some} nog|weer een|eens? keer? belt|bellen",
        "{want} geen telefoontjes|oproepen|gebel meer",
        "ik|wij|we heb|hebben u|je|jullie|toch|al|duidelijk? al|toch|duidelijk? gezegd|gevraagd ,? dat {you} {some} {no_more} {some} moet|moeten|mag|mogen bellen",
        "gelieve {some} {never} {some} te bellen",
        "ik|wij|we verzoek|verzoeken|vraag|vragen {you} ,? om? {some} {never} {some} te bellen",
    ],
    no_request_after: &[
        "als|dan|waarom|wanneer|anders|daarna|sindsdien|nooit|niet",
        "ik|hij|zij|ze|wie|men|die|niemand|iemand|u|je|gast|klant|mensen",
    ],
    removals: &[
        "haal|haalt|schrap|schrapt|verwijder|verwijdert|wis|wist|streep u|je|jullie? {ours} alstublieft|alsjeblieft|nu|onmiddellijk? {from_list}",
        "verwijder|verwijdert|wis|schrap u|je|jullie? ons|dit|mijn nummer|telefoonnummer $",
        "{could} {ours} alstublieft|alsjeblieft? {from_list} halen|schrappen|verwijderen|wissen",
    ],
    no_removal_after: &["niet|nooit|ik|we|wij|hij|zij|ze|dan|als|waarom|wanneer"],
    conditions: &[
        "voor|na|tot|tussen|tijdens|tenzij|als|wanneer|terwijl|voordat|nadat|zolang|behalve",
        "vandaag|vanavond|vanmiddag|vanochtend|vannacht|morgen|uur|weekend|minuten|terug|straks",
        "maandag~|dinsdag~|woensdag~|donderdag~|vrijdag~|zaterdag~|zondag~",
        "geregeld|bevestigd|geboekt|gereserveerd|andere|nieuwe|noteer",
        "om deze|dit tijd|tijdstip|uur",
        "zo|te laat|vroeg",
        "wij|we|ik bel|bellen {you}",
    ],
    no_conditions: &[
        "voor de laatste keer",
        "voor altijd|goed",
        "goede morgen",
        "tot ziens|horens",
        "als u|je blieft",
        "vanaf vandaag|nu",
    ],
    others: &["gast|gasten|klant|klanten|leverancier~", "hij|zij|ze zei|zegt|zeggen|heeft|hebben"],
    tags: &["hoor|ja|oke|ok|begrepen|duidelijk|alstublieft|alsjeblieft"],
};
