#![allow(clippy::unwrap_used)]

use Language::{De, En, Es, Nl};
use chrono::{NaiveDate, NaiveTime};

use super::*;

/// The day of the call, a Friday two weeks before.
const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();

/// Friday 4 December 2026 for four.
fn at(hour: u32, minute: u32) -> Offer {
    Offer {
        date: NaiveDate::from_ymd_opt(2026, 12, 4).unwrap(),
        time: NaiveTime::from_hms_opt(hour, minute, 0).unwrap(),
        party_size: 4,
    }
}

#[test]
fn what_is_the_tables_does_not_contradict_it() {
    let (half_past_seven, eight) = (at(19, 30), at(20, 0));
    for (language, offer, text) in [
        (En, &half_past_seven, "Yes, half past seven."),
        (En, &half_past_seven, "seven thirty for four"),
        (En, &half_past_seven, "Friday the fourth of December, 7:30 pm, four people"),
        (En, &half_past_seven, "Yes, 19:30, December 4th"),
        (En, &half_past_seven, "Perfect, the table is yours until ten."),
        (En, &half_past_seven, "Yes, please be there ten minutes early, table twelve."),
        (En, &half_past_seven, "Great. Our kitchen closes at ten."),
        (En, &half_past_seven, "May I have your number? Just a second."),
        (En, &half_past_seven, "The number is zero three zero one two three four"),
        (En, &eight, "eight o'clock for four, yes"),
        (En, &eight, "at eight in the evening on the fourth"),
        (En, &eight, "yes, eight."),
        (De, &half_past_seven, "Ja, halb acht am Freitag."),
        (De, &half_past_seven, "neunzehn Uhr dreißig, vier Personen"),
        (De, &half_past_seven, "Ja genau, 19 Uhr 30 am 4.12."),
        (De, &half_past_seven, "am vierten zwölften um halb acht abends"),
        (De, &half_past_seven, "Der Tisch ist bis 22 Uhr frei."),
        (De, &eight, "Ja, um acht."),
        (De, &eight, "Ja, um 8."),
        (De, &eight, "zwanzig Uhr, für vier"),
        (De, &eight, "Einen Moment, zwei Minuten bitte."),
        (Es, &half_past_seven, "Sí, a las siete y media de la tarde."),
        (Es, &half_past_seven, "el viernes cuatro de diciembre, cuatro personas"),
        (Es, &eight, "a las ocho y somos cuatro personas"),
        (Nl, &half_past_seven, "Ja, half acht."),
        (Nl, &half_past_seven, "vrijdag vier december om half acht 's avonds, vier personen"),
        (Nl, &eight, "om acht uur voor vier personen"),
        (Nl, &eight, "om acht voor vier"),
        (Nl, &at(19, 40), "tien over half acht"),
        (De, &at(19, 25), "fünf vor halb acht"),
        (Es, &at(19, 45), "a las ocho menos cuarto"),
        (En, &at(19, 45), "quarter to eight"),
        (En, &at(12, 0), "at noon"),
        (De, &at(12, 30), "halb eins"),
    ] {
        let names = Names::of(text, language);
        assert!(!names.contradict(offer, TODAY), "{text}: {names:?}");
    }
}

#[test]
fn another_time_day_or_party_contradicts_it() {
    let half_past_seven = at(19, 30);
    for (language, text) in [
        (De, "Ja, um acht."),
        (De, "Ja, um 8."),
        (De, "Ja, acht Uhr."),
        (De, "Ja, acht."),
        (De, "Ja, halb neun"),
        (De, "Genau, zwanzig Uhr"),
        (De, "Ja, aber für drei Personen"),
        (De, "Am Samstag, ja"),
        (De, "Ja, am fünften."),
        (De, "Ja, am 5.12."),
        (De, "Ja, zwischen sieben und acht"),
        (De, "Ja, um halb acht morgens"),
        (En, "Yes, at eight."),
        (En, "Yes, eight"),
        (En, "Yes, 8 pm"),
        (En, "Yes, but for three people."),
        (En, "yes, seven to eight"),
        (En, "between 7 and 8 is fine"),
        (En, "Yes, Saturday"),
        (En, "Great, December fifth then"),
        (En, "the fifth"),
        (En, "Yes, 7:30 am"),
        (En, "Ja, um acht"),
        (En, "Sí, a las ocho"),
        (En, "Ja, 20 Uhr"),
        (Es, "Sí, a las ocho"),
        (Es, "Sí, a las ocho y media"),
        (Es, "Vale, para tres personas"),
        (Es, "el cinco de diciembre, sí"),
        (Es, "Sí, a las 20:00"),
        (Es, "siete u ocho"),
        (Nl, "Ja, om acht uur"),
        (Nl, "Ja, acht"),
        (Nl, "Ja, half negen"),
        (Nl, "ja, voor drie personen"),
        (Nl, "ja, zaterdag"),
        (Nl, "kwart voor acht, ja"),
    ] {
        let names = Names::of(text, language);
        assert!(names.contradict(&half_past_seven, TODAY), "{text}: {names:?}");
    }
    assert!(Names::of("Only at eight.", En).exclude(&half_past_seven, TODAY));
    assert!(!Names::of("Not at eight, but half past seven.", En).exclude(&half_past_seven, TODAY));
}

#[test]
fn idioms_of_parties_days_and_house_hours() {
    let table = at(19, 30);
    let mut wrong = Vec::new();
    for (language, text) in [
        (De, "Also zu fünft."),
        (De, "Dann zu zweit"),
        (De, "zu acht, ja"),
        (Nl, "met z'n vijven dus"),
        (Nl, "Met z’n drieën dus"),
        (Es, "Somos cinco entonces"),
        (En, "A dozen of you"),
        (En, "So the five of you"),
        (En, "Tomorrow then"),
        (En, "See you tonight!"),
        (En, "See you next week"),
        (De, "morgen dann"),
        (De, "Bis heute Abend"),
        (De, "Heiligabend, gut"),
        (Es, "Mañana entonces"),
        (Es, "Hasta esta noche"),
        (Nl, "Morgen dan"),
        (Nl, "Tot vanavond"),
        (En, "The kitchen closes at six"),
        (En, "You can have it until seven pm? No: until 18:00."),
        (En, "Please be there by eight."),
        (De, "Die Küche schließt um 19:00"),
    ] {
        if !Names::of(text, language).contradict(&table, TODAY) {
            wrong.push(text);
        }
    }
    for (language, text) in [
        (En, "The kitchen closes at 21:30"),
        (En, "we close at 22:00"),
        (En, "you can have it until 21:00"),
        (De, "Den Tisch haben Sie bis 21:30 Uhr"),
        (De, "Die Küche hat bis 22 Uhr offen"),
        (Es, "hasta las 21:30"),
        (Es, "cerramos a las 23:00"),
        (Nl, "tot 21:30"),
        (Nl, "de keuken sluit om 22:00"),
        (En, "live music from 8"),
        (En, "it is 12.50 a head"),
        (En, "the reference is 47 11"),
        (En, "be there by twenty past seven"),
        (En, "we open at eleven"),
        (De, "zu viert, gut"),
        (De, "Guten Morgen, ja, passt"),
        (Es, "somos cuatro"),
        (Es, "por la mañana llamamos"),
        (Nl, "met z'n vieren"),
        (En, "the four of you"),
    ] {
        if Names::of(text, language).contradict(&table, TODAY) {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let tomorrow = NaiveDate::from_ymd_opt(2026, 12, 3).unwrap();
    for (language, text) in
        [(En, "Tomorrow then"), (De, "Bis morgen"), (Es, "Hasta mañana"), (Nl, "Tot morgen"), (En, "this week")]
    {
        assert!(!Names::of(text, language).contradict(&table, tomorrow), "{text}");
    }
    assert!(!Names::of("See you tonight", En).contradict(&table, table.date));
}

#[test]
fn a_table_is_excluded_by_any_of_its_parts() {
    let table = at(19, 30);
    for text in ["On Friday only for two people at eight.", "On Friday for two people", "Only on Saturday"] {
        assert!(Names::of(text, En).exclude(&table, TODAY), "{text}");
    }
    for text in ["At seven or half past seven.", "Yes, on Friday.", "At half past seven or at eight for four"] {
        assert!(!Names::of(text, En).exclude(&table, TODAY), "{text}");
    }
}
