//! Every restaurant of the sandbox, called by the talker, in text: each call ends with the outcome its persona is made for.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "conversations/line.rs"]
mod line;

use chrono::{NaiveDate, NaiveTime};
use line::{Ended, Line};
use offhook::{
    language::Language,
    request::{CallKind, Request},
};
use offhook_sandbox::restaurants::{
    persona::{self, Persona, Pickup},
    phrases::{Day, Intent, Phrases, Slots},
    script::Action,
};

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).unwrap()
}

fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap()
}

fn request() -> Request {
    Request {
        kind: CallKind::Book,
        restaurant_name: "The Golden Lion".into(),
        restaurant_zone: chrono_tz_of_london(),
        guest_name: "Ada Winter".into(),
        guest_phone: "+4915112345678".into(),
        party_size: 4,
        wanted_date: date(4),
        wanted_time: time("19:30"),
        earliest_time: time("19:00"),
        latest_time: time("20:30"),
        other_dates: vec![],
        special_requests: None,
        booking_reference: None,
        language_hint: None,
        record: true,
        dropped_before: false,
    }
}

fn chrono_tz_of_london<Zone: std::str::FromStr<Err: std::fmt::Debug>>() -> Zone {
    "Europe/London".parse().unwrap()
}

fn persona(name: &str) -> Persona {
    persona::built_in().unwrap().into_iter().find(|persona| persona.name == name).unwrap()
}

fn call(name: &str, request: Request) -> Ended {
    let persona = persona(name);
    Line::new(request, persona.language).call(&persona)
}

#[test]
fn every_restaurant_that_answers_leads_to_the_outcome_it_is_made_for() {
    let expected = [
        ("golden-lion", "booked", Some("19:30")),
        ("blue-anchor", "declined", None),
        ("harbour-lights", "booked_alternative", Some("20:00")),
        ("old-mill", "offer_outside_limits", None),
        ("corner-table", "booked", Some("19:30")),
        ("chatty-kitchen", "booked", Some("19:30")),
        ("night-owl", "message_left", None),
        ("launderette", "wrong_number", None),
        ("slow-kettle", "booked", Some("19:30")),
        ("goldener-loewe", "booked", Some("19:30")),
        ("alte-post", "booked_alternative", Some("20:00")),
        ("ratskeller", "offer_outside_limits", None),
        ("waldschenke", "offer_outside_limits", None),
        ("briefkasten", "declined", None),
        ("feierabend", "message_left", None),
        ("plauderstube", "booked", Some("19:30")),
        ("leon-dorado", "booked", Some("19:30")),
        ("la-marea", "booked", Some("19:30")),
        ("el-olivo", "offer_outside_limits", None),
        ("casa-llena", "declined", None),
        ("el-faro", "booked_alternative", Some("20:00")),
        ("gouden-leeuw", "booked", Some("19:30")),
        ("de-kade", "booked_alternative", Some("20:00")),
        ("het-anker", "declined", None),
        ("de-molen", "booked", Some("19:30")),
    ];
    let hang_up = ["closed-door", "zur-ruhe", "zum-eiligen"];
    let answering = persona::built_in().unwrap().into_iter().filter(|persona| persona.line.then == Pickup::Answers);
    assert_eq!(answering.count(), expected.len() + hang_up.len(), "every persona that answers is called here");
    let mut wrong = Vec::new();
    for (name, outcome, agreed) in expected {
        let ended = call(name, request());
        let accepted = ended.accepted.as_ref().map(|offer| offer.time);
        if ended.outcome.as_deref() != Some(outcome) || accepted != agreed.map(time) || !ended.agent_hung_up {
            wrong.push(format!("{name}: {:?}, {accepted:?}\n{}", ended.outcome, ended.transcript.join("\n")));
        }
    }
    for name in hang_up {
        let ended = call(name, request());
        if ended.outcome.is_some() || ended.agent_hung_up || !ended.transcript.last().unwrap().starts_with("R: ") {
            wrong.push(format!("{name}: {:?}\n{}", ended.outcome, ended.transcript.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn questions_are_answered_one_by_one() {
    let transcript = call("la-marea", request()).transcript.join("\n");
    for answer in
        ["El nombre es Ada Winter.", "Se escribe A, D, A; W, I, N, T, E, R.", "El número de teléfono es +4915112345678."]
    {
        assert!(transcript.contains(&format!("A: {answer}")), "{transcript}");
    }
}

#[test]
fn an_interrupted_request_is_answered_and_stated_again() {
    let transcript = call("chatty-kitchen", request()).transcript.join("\n");
    let again = "A: We are 4 people. I would like to book a table for 4 people on Friday the fourth of December at 19:30.";
    assert!(transcript.contains(again), "{transcript}");
}

#[test]
fn another_day_is_taken_where_the_guest_can_come_then() {
    let ended = call("waldschenke", Request { other_dates: vec![date(5)], ..request() });
    assert_eq!(ended.outcome.as_deref(), Some("booked_alternative"), "{}", ended.transcript.join("\n"));
    assert_eq!(ended.accepted.unwrap().date, date(5));
}

#[test]
fn a_full_restaurant_is_asked_about_the_other_days() {
    let ended = call("het-anker", Request { other_dates: vec![date(5)], ..request() });
    let transcript = ended.transcript.join("\n");
    assert!(transcript.contains("A: Zou het in plaats daarvan kunnen op zaterdag 5 december om 19:30 uur?"), "{transcript}");
    assert_eq!(ended.outcome.as_deref(), Some("declined"), "{transcript}");
}

#[test]
fn offers_the_guest_cannot_take_are_reported() {
    let ended = call("old-mill", request());
    let offered: Vec<_> = ended.report["offered"].as_array().unwrap().iter().map(|offer| offer["time"].clone()).collect();
    assert_eq!(offered, ["22:00", "21:45"]);
}

#[test]
fn special_requests_are_mentioned_once_there_is_a_table() {
    let wish = "One guest is allergic to nuts.";
    let transcript = call("golden-lion", Request { special_requests: Some(wish.into()), ..request() }).transcript.join("\n");
    assert_eq!(transcript.matches("There is one more thing: One guest is allergic to nuts.").count(), 1, "{transcript}");
}

/// Says these sentences one after the other, whatever the talker says.
fn monologue(request: Request, language: Language, said: &[&str]) -> Ended {
    let mut line = Line::new(request, language);
    line.agent_says("Hello.");
    let reply = line.think();
    line.agent_replies(&reply, reply.text.clone());
    for text in said {
        line.restaurant_says(&[Action::Say((*text).to_owned())]);
        loop {
            let reply = line.think();
            line.agent_replies(&reply, reply.text.clone());
            if reply.tool_calls.is_empty() || line.ended.agent_hung_up {
                break;
            }
        }
        if line.ended.agent_hung_up {
            break;
        }
    }
    line.ended
}

#[test]
fn bookings_are_changed_cancelled_and_confirmed() {
    let existing = |kind| Request { kind, booking_reference: Some("AB12".into()), ..request() };
    for (kind, language, said, outcome) in [
        (CallKind::Change, Language::En, ["Under what name?", "All right, I have changed your booking.", "Goodbye."], "changed"),
        (
            CallKind::Cancel,
            Language::De,
            ["Auf welchen Namen, bitte?", "In Ordnung, Ihre Reservierung ist storniert.", ""],
            "cancelled",
        ),
        (
            CallKind::Confirm,
            Language::Es,
            ["Un momento, por favor, voy a mirar.", "Sí, su reserva sigue en pie.", ""],
            "confirmed",
        ),
        (
            CallKind::Cancel,
            Language::Nl,
            ["Ik vind geen reservering op die naam.", "Ik vind geen reservering op die naam.", ""],
            "declined",
        ),
    ] {
        let ended = monologue(existing(kind), language, &said);
        assert_eq!(ended.outcome.as_deref(), Some(outcome), "{}", ended.transcript.join("\n"));
    }
}

#[test]
fn other_ways_a_call_can_go() {
    for (language, said, outcome) in [
        (
            Language::En,
            vec!["No, that time is not available.", "Half past eight would be free.", "Thank you, goodbye."],
            "booked_alternative",
        ),
        (
            Language::De,
            vec!["Nein, diese Uhrzeit ist leider nicht verfügbar.", "Ja, das geht.", "Um 20:15 Uhr.", "Tschüss."],
            "booked_alternative",
        ),
        (Language::Es, vec!["Por favor, no vuelvan a llamar."], "refused"),
        (Language::Nl, vec!["De manager is er nu niet, kunt u later terugbellen?"], "callback_requested"),
        (Language::En, vec!["We do not take reservations, please just walk in."], "walk_in_only"),
        (Language::En, vec!["", "", ""], "no_agreement"),
        (Language::En, vec!["We need a credit card to hold the table.", "Yes, that is fine.", "Goodbye."], "booked"),
        (Language::De, vec!["Das geht, aber nur für 2 Personen um 19:30 Uhr.", "Nein, mehr geht nicht."], "offer_outside_limits"),
    ] {
        let ended = monologue(request(), language, &said);
        assert_eq!(ended.outcome.as_deref(), Some(outcome), "{}", ended.transcript.join("\n"));
    }
    let refused = monologue(request(), Language::Es, &["Por favor, no vuelvan a llamar."]);
    assert_eq!(refused.report["do_not_call"], true);
}

/// Whatever restaurants say in whatever order, the talker always has an answer, never takes what the limits forbid (the line's
/// tools check it) and never claims a table that is not agreed (the line checks every sentence).
#[test]
fn no_order_of_sentences_leads_the_talker_astray() {
    let intents: Vec<Intent> = vec![
        Intent::Greet,
        Intent::OfferYes,
        Intent::OfferOther,
        Intent::OfferOtherAgain,
        Intent::OfferOtherDay,
        Intent::TimeNotAvailable,
        Intent::FullyBooked,
        Intent::NothingElse,
        Intent::AskName,
        Intent::AskPhone,
        Intent::AskParty,
        Intent::AskTime,
        Intent::AskSpecial,
        Intent::Confirm,
        Intent::Goodbye,
        Intent::RepeatPlease,
        Intent::WhoIsCalling,
        Intent::HoldOn,
        Intent::StillThere,
        Intent::ClosedOn,
        Intent::Yes,
        Intent::No,
        Intent::Correct,
        Intent::Thanks,
        Intent::KitchenCloses,
        Intent::NoBooking,
    ];
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let times = ["18:00", "19:00", "19:30", "20:00", "20:30", "21:00", "23:00"];
    let days = [Day::NextDay, Day::Monday, Day::Saturday, Day::Sunday];
    let mut outcomes = std::collections::BTreeMap::new();
    for round in 0..400 {
        let language = Language::ALL[round % 4];
        let kind = [CallKind::Book, CallKind::Book, CallKind::Change, CallKind::Cancel][round / 4 % 4];
        let texts: Vec<_> = (0..30)
            .filter_map(|_| {
                let slots =
                    Slots { restaurant: "Amsel", name: "Maria", time: Some(time(times[random(7)])), day: Some(days[random(4)]) };
                Phrases::of(language).render(intents[random(intents.len())], random(2), &slots)
            })
            .collect();
        let said: Vec<_> = texts.iter().map(String::as_str).collect();
        let other_dates = if round % 3 == 0 { vec![date(5)] } else { vec![] };
        let ended =
            monologue(Request { kind, other_dates, booking_reference: Some("AB12".into()), ..request() }, language, &said);
        *outcomes.entry(ended.outcome.unwrap_or_default()).or_insert(0) += 1;
    }
    assert!(outcomes.len() >= 5, "{outcomes:?}");
}
