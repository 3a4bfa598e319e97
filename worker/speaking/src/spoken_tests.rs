//! What a restaurant hears for what was written.
#![allow(clippy::unwrap_used)]

use offhook::language::Language::{self, De, En, Es, Nl};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::spoken;

fn hears(language: Language, pairs: &[(&str, &str)]) {
    for (written, said) in pairs {
        assert_eq!(spoken(written, language), *said);
    }
}

#[test]
fn english() {
    hears(
        En,
        &[
            ("We could offer you 21:00 instead.", "We could offer you nine o'clock in the evening instead."),
            (
                "A table for 4 on 2026-12-04 at 19:30.",
                "A table for four on Friday the fourth of December at half past seven in the evening.",
            ),
            ("On Friday, 2026-12-04, please.", "On Friday, the fourth of December, please."),
            ("At 7 pm or 7:30 p.m. today?", "At seven o'clock in the evening or half past seven in the evening today?"),
            ("At 7:30 in the evening.", "At half past seven in the evening."),
            ("The 4th of December, or December 5.", "The fourth of December, or December fifth."),
            ("Between 7-8 people", "Between seven to eight people"),
            ("13/12/2026 yes", "Sunday the thirteenth of December yes"),
            ("04/12/2026", "zero four slash twelve slash two thousand and twenty-six"),
            ("Reference A4711.", "Reference A four seven one one."),
            ("It is 12.5% or €12.50.", "It is twelve point five percent or twelve euros fifty."),
            ("Call +44 20 7946 0958.", "Call plus four four, two zero, seven nine four six, zero nine five eight."),
        ],
    );
}

#[test]
fn german() {
    hears(
        De,
        &[
            (
                "Am 4.12.2026 um 19:30 Uhr für 4 Personen.",
                "Am Freitag den vierten Dezember um neunzehn Uhr dreißig für vier Personen.",
            ),
            ("Am 4. Dezember, der 5. Dezember geht auch.", "Am vierten Dezember, der fünfte Dezember geht auch."),
            ("Am 4.12. um 20 Uhr.", "Am vierten Dezember um zwanzig Uhr."),
            ("um 19.30 Uhr am Freitag", "um neunzehn Uhr dreißig am Freitag"),
            ("um 7:30 Uhr abends", "um neunzehn Uhr dreißig"),
            ("für 1 Person im 2. Stock", "für eine Person im zweiten Stock"),
            ("19:00–20:30", "neunzehn Uhr bis zwanzig Uhr dreißig"),
            ("030 1234567", "null drei null, eins zwei drei, vier fünf sechs sieben"),
            ("3,5 Sterne", "drei Komma fünf Sterne"),
        ],
    );
}

#[test]
fn spanish() {
    hears(
        Es,
        &[
            ("Para 4 personas a las 19:30.", "Para cuatro personas a las siete y media de la tarde."),
            ("a las 9:30 de la noche", "a las nueve y media de la noche"),
            ("a la 1 o a las 21:00 h", "a la una o a las nueve de la noche"),
            ("el 4 de diciembre, 04/12/2026", "el cuatro de diciembre, viernes cuatro de diciembre"),
            ("para 1 persona", "para una persona"),
        ],
    );
}

#[test]
fn dutch() {
    hears(
        Nl,
        &[
            ("Om 19:30 uur voor 4 personen.", "Om half acht 's avonds voor vier personen."),
            ("om 7:45 's avonds op 4-12-2026", "om kwart voor acht 's avonds op vrijdag vier december"),
            ("vrijdag 4 december, de 5e", "vrijdag vier december, de vijfde"),
            ("06 12345678", "nul zes, een twee drie, vier vijf zes, zeven acht"),
        ],
    );
}

#[test]
fn nothing_with_a_digit_reaches_the_voice_and_saying_it_twice_changes_nothing() {
    let pieces = [
        "19:30",
        "4",
        "2026-12-04",
        "4.12.",
        " ",
        ".",
        ",",
        "-",
        "/",
        "Uhr",
        "pm",
        " a.m.",
        "+49",
        "0",
        "(",
        ")",
        "ö",
        "€",
        "%",
        ":",
        "7",
        "99999",
        " am ",
        "las ",
        "de ",
        "1.º",
        "'s avonds",
        "31.2.2026",
        "24:00",
        "th",
        "\u{a0}",
        "–",
    ];
    let mut random = StdRng::seed_from_u64(42);
    for _ in 0..20_000 {
        let text: String = (0..random.random_range(1..8)).map(|_| pieces[random.random_range(0..pieces.len())]).collect();
        for language in Language::ALL {
            let once = spoken(&text, language);
            assert!(!once.contains(|c: char| c.is_ascii_digit()), "{text:?} -> {once:?}");
            assert_eq!(spoken(&once, language), once);
        }
    }
}

#[test]
fn text_without_digits_is_left_alone() {
    for text in ["Hello, this is - well - Ada.", "€ a: b/c", "  two  spaces "] {
        assert_eq!(spoken(text, En), text);
    }
}
