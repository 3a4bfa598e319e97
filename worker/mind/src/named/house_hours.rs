//! Times that are not the table's and that the table has to fit all the same: when the kitchen closes, until when the table may be kept,
//! by when they expect the guests.

use chrono::{NaiveTime, Timelike};
use offhook_language::tables::DayPart;

/// How long before the table's time somebody may be told to come, in minutes.
const EARLY: u32 = 30;
/// An hour until which a house that closes "at two" is open after midnight.
const NIGHT: u32 = 4;

/// A time in minutes of the day; the night belongs to the day before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HouseTime {
    /// The house or its kitchen closes.
    Closing(u32),
    /// The table is theirs until then, or they are expected until then.
    Until(u32),
    /// They are expected by then.
    By(u32),
}

impl HouseTime {
    pub(super) fn closing(time: (u32, u32, Option<DayPart>)) -> Self {
        HouseTime::Closing(late(time))
    }

    pub(super) fn until(time: (u32, u32, Option<DayPart>)) -> Self {
        HouseTime::Until(late(time))
    }

    pub(super) fn by((hour, minute, part): (u32, u32, Option<DayPart>)) -> Self {
        let hour = if hour < 12 && part != Some(DayPart::Morning) { hour + 12 } else { hour };
        HouseTime::By(hour * 60 + minute)
    }

    /// Whether a table at that time fits it.
    pub(super) fn allows(self, table: NaiveTime) -> bool {
        let table = table.hour() * 60 + table.minute();
        match self {
            HouseTime::Closing(time) => time > table,
            HouseTime::Until(time) => time + EARLY >= table,
            HouseTime::By(time) => time <= table && time + EARLY >= table,
        }
    }
}

/// The latest time of the day that it may be: nobody closes at six in the morning.
fn late((hour, minute, part): (u32, u32, Option<DayPart>)) -> u32 {
    let hour = match (hour, part) {
        (0..=NIGHT, None | Some(DayPart::Night)) => hour + 24,
        (12, Some(DayPart::Night)) => 24,
        (_, Some(DayPart::Morning)) => hour,
        (1..12, _) => hour + 12,
        _ => hour,
    };
    hour * 60 + minute
}
