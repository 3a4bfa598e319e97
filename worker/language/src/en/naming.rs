//! How callees name times, days and parties, in English.

use crate::tables::Naming;

pub(super) const NAMING: Naming = Naming {
    before_time: &["at", "around", "about", "by"],
    behind_time: &["o'clock", "oclock"],
    before_hour: &[
        ("half past", 30),
        ("half", 30),
        ("quarter past", 15),
        ("a quarter past", 15),
        ("quarter after", 15),
        ("quarter to", -15),
        ("a quarter to", -15),
    ],
    behind_hour: &[],
    past: &["past", "after"],
    to: &["to"],
    and: &["oh"],
    less: &[],
    people: &["people", "persons", "person", "guests", "pax"],
    until: &["until", "till"],
    marked: &["table", "tables", "number", "room", "extension", "line", "street"],
    elsewhere: &["close", "closes", "closed", "closing", "open", "opens", "opening", "kitchen", "deposit", "minimum"],
    before_day: &["the", "on"],
    of: &["of"],
    counted: &["minute", "minutes", "hour", "hours", "tables", "days", "weeks", "euros"],
    goes_on: &["for", "on", "to", "then", "please", "or", "and", "is", "not"],
    hours: &[("noon", 12), ("midday", 12), ("midnight", 0)],
};
