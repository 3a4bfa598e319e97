//! No table of a language is left unfilled, and all are written as the code reads them.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use offhook::language::folding::unaccented;

use super::{tables::*, *};

/// A list of a language: its name, whether it may be empty, and its entries.
type List = (&'static str, bool, Vec<&'static str>);

/// Every text of a language. All fields are named, so that a new one cannot be forgotten here.
fn lists(language: Language) -> Vec<List> {
    let Tables { phrases, understanding, contesting, do_not_call, who_answered, sentences, numbers, dates, times, naming } =
        tables(language);
    [
        of_phrases(phrases),
        of_understanding(understanding),
        of_contesting(contesting),
        of_do_not_call(do_not_call),
        of_who_answered(who_answered),
        of_sentences(sentences),
        of_numbers(numbers),
        of_dates(dates),
        of_times(times),
        of_naming(naming),
    ]
    .concat()
}

fn filled(name: &'static str, entries: &[&'static str]) -> List {
    (name, false, entries.to_vec())
}

fn perhaps_empty(name: &'static str, entries: &[&'static str]) -> List {
    (name, true, entries.to_vec())
}

fn of_phrases(phrases: &Phrases) -> Vec<List> {
    let Phrases {
        introduction,
        recorded,
        recording_deleted,
        cut_off_before,
        repeat,
        still_there,
        goodbye,
        no_time_left,
        withdrawn,
        interrupted,
        one_moment,
        trouble,
        doubted,
        read_back,
        persons,
        nothing_agreed,
    } = phrases;
    let all = [
        introduction,
        recorded,
        recording_deleted,
        cut_off_before,
        repeat,
        still_there,
        goodbye,
        no_time_left,
        withdrawn,
        interrupted,
        one_moment,
        trouble,
        doubted,
        read_back,
        &persons.0,
        &persons.1,
        nothing_agreed,
    ];
    vec![filled("phrases", &all.map(|phrase| *phrase))]
}

fn of_understanding(understanding: &Understanding) -> Vec<List> {
    let Understanding {
        backchannels,
        farewells,
        not_recorded,
        recorded_all_the_same,
        hesitations,
        fillers,
        denials,
        wrong,
        reassurances,
        asks_for,
        telling,
        shared,
    } = understanding;
    vec![
        filled("backchannels", backchannels),
        filled("farewells", farewells),
        filled("not_recorded", not_recorded),
        filled("recorded_all_the_same", recorded_all_the_same),
        filled("hesitations", hesitations),
        filled("fillers", fillers),
        filled("denials", denials),
        filled("wrong", wrong),
        filled("reassurances", reassurances),
        filled("asks_for", asks_for),
        filled("telling", telling),
        filled("shared", shared),
    ]
}

fn of_contesting(contesting: &Contesting) -> Vec<List> {
    let Contesting { negations, harmless, objections, promises } = contesting;
    vec![
        filled("negations", negations),
        filled("harmless", harmless),
        filled("objections", objections),
        filled("promises", promises),
    ]
}

fn of_naming(naming: &Naming) -> Vec<List> {
    let Naming {
        before_time,
        behind_time,
        before_hour,
        behind_hour,
        past,
        to,
        and,
        less,
        people,
        until,
        by,
        marked,
        closing,
        elsewhere,
        behind_price,
        parties,
        before_party,
        behind_party,
        days,
        no_day_after,
        before_name,
        before_day,
        of,
        counted,
        goes_on,
        hours,
    } = naming;
    let phrases = |phrases: &[(&'static str, i32)]| phrases.iter().map(|(phrase, _)| *phrase).collect::<Vec<_>>();
    let parties: Vec<_> = parties.iter().map(|(phrase, _)| *phrase).collect();
    let days: Vec<_> = days.iter().map(|(phrase, _)| *phrase).collect();
    let hours: Vec<_> = hours.iter().map(|(word, _)| *word).collect();
    vec![
        filled("before_time", before_time),
        filled("behind_time", behind_time),
        perhaps_empty("before_hour", &phrases(before_hour)),
        perhaps_empty("behind_hour", &phrases(behind_hour)),
        perhaps_empty("past", past),
        perhaps_empty("to", to),
        perhaps_empty("and", and),
        perhaps_empty("less", less),
        filled("people", people),
        filled("until", until),
        filled("marked", marked),
        perhaps_empty("by", by),
        filled("closing", closing),
        filled("elsewhere", elsewhere),
        filled("behind_price", behind_price),
        perhaps_empty("parties", &parties),
        perhaps_empty("before_party", before_party),
        perhaps_empty("behind_party", behind_party),
        filled("days", &days),
        perhaps_empty("no_day_after", no_day_after),
        filled("before_name", before_name),
        filled("before_day", before_day),
        perhaps_empty("of", of),
        filled("counted", counted),
        filled("goes_on", goes_on),
        filled("hours", &hours),
    ]
}

fn of_do_not_call(table: &DoNotCall) -> Vec<List> {
    let DoNotCall {
        groups,
        imperatives,
        fragments,
        no_fragment_after,
        openers,
        requests,
        no_request_after,
        removals,
        no_removal_after,
        conditions,
        no_conditions,
        others,
        tags,
    } = table;
    let groups = groups.iter().map(|(name, alternatives)| filled(name, alternatives));
    let lists = [
        filled("imperatives", imperatives),
        filled("fragments", fragments),
        filled("no_fragment_after", no_fragment_after),
        filled("openers", openers),
        filled("requests", requests),
        filled("no_request_after", no_request_after),
        filled("removals", removals),
        filled("no_removal_after", no_removal_after),
        filled("conditions", conditions),
        filled("no_conditions", no_conditions),
        filled("others", others),
        filled("tags", tags),
    ];
    groups.chain(lists).collect()
}

fn of_who_answered(table: &WhoAnswered) -> Vec<List> {
    let WhoAnswered { voicemail, menu, queue, hold, person, filler, question, answer, keys, one_as_article } = table;
    let weighed = |phrases: &[(i32, &'static str)]| -> Vec<&'static str> {
        assert!(phrases.iter().all(|(weight, _)| (1..=4).contains(weight)), "{phrases:?}");
        phrases.iter().map(|(_, phrase)| *phrase).collect()
    };
    let mut lists = vec![
        filled("voicemail", &weighed(voicemail)),
        filled("menu", &weighed(menu)),
        filled("queue", queue),
        filled("hold", hold),
        filled("person", person),
        filled("filler", filler),
        filled("question", question),
        filled("answer", &[answer]),
        filled("keys", keys),
    ];
    if let Some((word, following)) = one_as_article {
        lists.extend([filled("one_as_article", &[word]), filled("one_as_article", following)]);
    }
    lists
}

fn of_sentences(sentences: &Sentences) -> Vec<List> {
    let Sentences { never_last, sometimes_last, after_ordinal, stage_directions, letter_closings } = sentences;
    vec![
        filled("never_last", never_last),
        filled("sometimes_last", sometimes_last),
        perhaps_empty("after_ordinal", after_ordinal),
        filled("stage_directions", stage_directions),
        filled("letter_closings", letter_closings),
    ]
}

fn of_numbers(numbers: &Numbers) -> Vec<List> {
    let Numbers {
        digits,
        cardinal: _,
        ordinal: _,
        written_ordinal,
        ordinal_ending,
        agreements,
        agree: _,
        suffixed_ordinal: _,
        fraction: _,
        measures,
        units,
        number_marks,
        number,
        and,
        or,
        shortenings,
        thousands: _,
        plus,
        percent,
        range,
        slash,
        point,
        comma,
        euro,
        dollar,
        pound,
    } = numbers;
    let mut lists = vec![
        filled("digits", digits),
        filled("signs", &[plus, percent, range, slash, point, comma, number, and, or]),
        filled("measures", measures),
        filled("units", &units.iter().map(|(written, ..)| *written).collect::<Vec<_>>()),
        filled("number_marks", number_marks),
        filled("shortenings", &shortenings.iter().map(|(written, _)| *written).collect::<Vec<_>>()),
        filled("currencies", &[euro.one, euro.many, dollar.one, dollar.many, pound.one, pound.many]),
    ];
    if let WrittenOrdinal::Suffix(suffixes) = written_ordinal {
        lists.push(filled("written_ordinal", suffixes));
    }
    if let Some(OrdinalEnding { ending, not_after }) = ordinal_ending {
        lists.extend([filled("ordinal_ending", &[ending]), filled("ordinal_ending", not_after)]);
    }
    for Agreement { number: _, after, before, words } in *agreements {
        lists.extend([perhaps_empty("agreements", after), perhaps_empty("agreements", before), filled("agreements", &[words])]);
    }
    lists
}

fn of_dates(dates: &Dates) -> Vec<List> {
    let Dates {
        months,
        weekdays,
        article: _,
        article_without_weekday: _,
        order: _,
        day_and_month_in_digits: _,
        ordinal_beside_month,
        day: _,
    } = dates;
    let between: Vec<_> = ordinal_beside_month.iter().copied().collect();
    vec![filled("months", months), filled("weekdays", weekdays), perhaps_empty("ordinal_beside_month", &between)]
}

fn of_times(times: &Times) -> Vec<List> {
    let Times { words: _, face: _, articles, announced_by, units, day_parts, meridiem: _ } = times;
    let day_parts: Vec<_> = day_parts.iter().map(|(part, _)| *part).collect();
    vec![
        perhaps_empty("articles", articles),
        filled("announced_by", announced_by),
        perhaps_empty("units", units),
        filled("day_parts", &day_parts),
    ]
}

#[test]
fn every_table_of_every_language_is_filled() {
    for language in Language::ALL {
        for (name, may_be_empty, entries) in lists(language) {
            assert!(may_be_empty || !entries.is_empty(), "{language}: {name} is empty");
            assert!(entries.iter().all(|entry| !entry.is_empty() && entry.trim() == *entry), "{language}: {name}: {entries:?}");
        }
    }
}

#[test]
fn an_entry_stands_once() {
    let may_repeat = ["phrases", "currencies", "signs", "agreements"];
    for language in Language::ALL {
        for (name, _, entries) in lists(language).into_iter().filter(|(name, ..)| !may_repeat.contains(name)) {
            let twice: Vec<_> =
                entries.iter().filter(|entry| entries.iter().filter(|other| other == entry).count() > 1).collect();
            assert!(twice.is_empty(), "{language}: {name}: {twice:?}");
        }
    }
}

#[test]
fn patterns_are_folded_as_what_is_heard() {
    for language in Language::ALL {
        let Tables { do_not_call, who_answered, understanding, .. } = tables(language);
        let recording =
            [understanding.not_recorded, understanding.recorded_all_the_same].map(|entries| filled("recording", entries));
        for (name, _, entries) in [of_do_not_call(do_not_call), of_who_answered(who_answered), recording.to_vec()].concat() {
            for entry in entries {
                assert_eq!(unaccented(entry), entry, "{language}: {name}");
            }
        }
    }
}

#[test]
fn words_that_are_looked_up_are_in_lower_case() {
    for language in Language::ALL {
        let Tables { understanding, sentences, .. } = tables(language);
        for (name, _, entries) in [of_understanding(understanding), of_sentences(sentences)].concat() {
            for entry in entries {
                assert_eq!(entry.to_lowercase(), entry, "{language}: {name}");
            }
        }
    }
}

#[test]
fn groups_of_patterns_exist() {
    for language in Language::ALL {
        let table = &tables(language).do_not_call;
        for (name, _, entries) in of_do_not_call(table) {
            for entry in entries.iter().filter(|entry| entry.contains('{')) {
                for group in entry.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0) {
                    assert!(table.groups.iter().any(|(known, _)| *known == group), "{language}: {name}: {{{group}}}");
                }
            }
        }
    }
}

#[test]
fn the_introduction_names_the_guest_and_says_that_it_is_no_person() {
    for language in Language::ALL {
        let introduction = tables(language).phrases.introduction;
        assert_eq!(introduction.matches("{guest}").count(), 1, "{language}");
        assert!(introduction.to_lowercase().contains("autom"), "{language}: {introduction}");
    }
}

#[test]
fn a_word_that_tells_a_language_is_no_word_of_all() {
    let shared: HashSet<_> = all().flat_map(|tables| tables.understanding.shared).collect();
    for language in Language::ALL {
        let useless: Vec<_> = tables(language).understanding.telling.iter().filter(|word| shared.contains(word)).collect();
        assert!(useless.is_empty(), "{language}: {useless:?}");
    }
}
