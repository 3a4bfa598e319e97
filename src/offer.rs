//! An offer of the restaurant, and whether the request allows to take it. The only place that decides this.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::request::Request;

/// A table as offered or agreed, in the restaurant's own calendar and clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The day.
    pub date: NaiveDate,
    /// The time.
    pub time: NaiveTime,
    /// For how many people.
    pub party_size: u16,
}

/// Why an offer may not be accepted; the sentences go back to the language model, which must negotiate on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutsideLimits {
    /// Before the earliest accepted time.
    #[error("{} is too early: the guest cannot come before {}", clock(.offered), clock(.earliest))]
    TooEarly {
        /// The offered time.
        offered: NaiveTime,
        /// The limit.
        earliest: NaiveTime,
    },
    /// After the latest accepted time.
    #[error("{} is too late: the guest cannot come after {}", clock(.offered), clock(.latest))]
    TooLate {
        /// The offered time.
        offered: NaiveTime,
        /// The limit.
        latest: NaiveTime,
    },
    /// A day the guest did not name.
    #[error("{offered} is not a day the guest can come: only {}", dates(.accepted))]
    WrongDay {
        /// The offered day.
        offered: NaiveDate,
        /// The days the guest accepts.
        accepted: Vec<NaiveDate>,
    },
    /// A table for another number of people.
    #[error("a table for {offered} is {}: the guest asks for a table for {wanted}", size(.offered, .wanted))]
    WrongPartySize {
        /// The offered size.
        offered: u16,
        /// The wanted size.
        wanted: u16,
    },
}

/// As people write a time of day.
fn clock(time: &NaiveTime) -> String {
    time.format("%H:%M").to_string()
}

/// Which way the size differs.
fn size(offered: &u16, wanted: &u16) -> &'static str {
    if offered < wanted { "too small" } else { "larger than needed" }
}

fn dates(accepted: &[NaiveDate]) -> String {
    accepted.iter().map(NaiveDate::to_string).collect::<Vec<_>>().join(", ")
}

impl Request {
    /// The table the guest wants most.
    pub fn wanted(&self) -> Offer {
        Offer { date: self.wanted_date, time: self.wanted_time, party_size: self.party_size }
    }

    /// Whether the agent may take this offer (law: it may only agree to what the request allows).
    ///
    /// # Errors
    /// The first limit that the offer breaks, in a sentence a language model can negotiate with.
    pub fn allows(&self, offer: &Offer) -> Result<(), OutsideLimits> {
        if offer.date != self.wanted_date && !self.other_dates.contains(&offer.date) {
            let accepted = std::iter::once(self.wanted_date).chain(self.other_dates.iter().copied()).collect();
            return Err(OutsideLimits::WrongDay { offered: offer.date, accepted });
        }
        if offer.time < self.earliest_time {
            return Err(OutsideLimits::TooEarly { offered: offer.time, earliest: self.earliest_time });
        }
        if offer.time > self.latest_time {
            return Err(OutsideLimits::TooLate { offered: offer.time, latest: self.latest_time });
        }
        if offer.party_size != self.party_size {
            return Err(OutsideLimits::WrongPartySize { offered: offer.party_size, wanted: self.party_size });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::CallKind;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 12, day).unwrap()
    }

    fn time(hour: u32, minute: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
    }

    fn request() -> Request {
        Request {
            kind: CallKind::Book,
            restaurant_name: "Zum Goldenen Löwen".into(),
            restaurant_zone: chrono_tz::Europe::Berlin,
            guest_name: "Ada Winter".into(),
            guest_phone: "+4915112345678".into(),
            party_size: 4,
            wanted_date: date(4),
            wanted_time: time(19, 30),
            earliest_time: time(19, 0),
            latest_time: time(20, 30),
            other_dates: vec![date(5)],
            special_requests: None,
            booking_reference: None,
            language_hint: None,
            record: true,
            dropped_before: false,
        }
    }

    #[test]
    fn every_limit_is_inclusive_and_refuses_one_step_beyond() {
        let offer = |d, h, m, party_size| Offer { date: date(d), time: time(h, m), party_size };
        let request = request();
        for ok in [offer(4, 19, 30, 4), offer(4, 19, 0, 4), offer(5, 20, 30, 4)] {
            assert_eq!(request.allows(&ok), Ok(()));
        }
        assert!(matches!(request.allows(&offer(4, 18, 59, 4)), Err(OutsideLimits::TooEarly { .. })));
        assert!(matches!(request.allows(&offer(4, 20, 31, 4)), Err(OutsideLimits::TooLate { .. })));
        assert!(matches!(request.allows(&offer(6, 19, 30, 4)), Err(OutsideLimits::WrongDay { .. })));
        assert!(matches!(request.allows(&offer(4, 19, 30, 3)), Err(OutsideLimits::WrongPartySize { .. })));
    }

    #[test]
    fn a_refusal_says_what_would_be_allowed() {
        for (day, hour, minute, party_size, sentence) in [
            (9, 19, 30, 4, "2026-12-09 is not a day the guest can come: only 2026-12-04, 2026-12-05"),
            (4, 18, 59, 4, "18:59 is too early: the guest cannot come before 19:00"),
            (4, 20, 31, 4, "20:31 is too late: the guest cannot come after 20:30"),
            (4, 19, 30, 3, "a table for 3 is too small: the guest asks for a table for 4"),
            (4, 19, 30, 6, "a table for 6 is larger than needed: the guest asks for a table for 4"),
        ] {
            let refusal = request().allows(&Offer { date: date(day), time: time(hour, minute), party_size }).unwrap_err();
            assert_eq!(refusal.to_string(), sentence);
        }
    }
}
