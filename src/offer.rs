//! An offer of the restaurant, and whether the request allows to take it. The only place that decides this.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Timelike, Utc};
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
    /// It has passed in the restaurant's zone.
    #[error("{} on {date} has passed: it is {} on {today} there now", clock(.time), clock(.now))]
    Passed {
        /// The offered day.
        date: NaiveDate,
        /// The offered time.
        time: NaiveTime,
        /// The day there now.
        today: NaiveDate,
        /// The time there now.
        now: NaiveTime,
    },
    /// The clocks jump over it on that day.
    #[error("there is no {} on {date}: the clocks are put forward then", clock(.time))]
    Skipped {
        /// The offered day.
        date: NaiveDate,
        /// The offered time.
        time: NaiveTime,
    },
    /// After midnight: it belongs to the night before the day, and people name it by the evening before.
    #[error(
        "{} on {date} is in the night before that day, and the guest asks for no table after midnight: ask which day and time they mean",
        clock(.time)
    )]
    AfterMidnight {
        /// The offered day.
        date: NaiveDate,
        /// The offered time.
        time: NaiveTime,
    },
}

/// Hours before this one belong to the night: who says "Friday, half past midnight" means the night after Friday's evening.
const NIGHT_ENDS: u32 = 5;

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
        if offer.time.hour() < NIGHT_ENDS && self.wanted_time.hour() >= NIGHT_ENDS {
            return Err(OutsideLimits::AfterMidnight { date: offer.date, time: offer.time });
        }
        Ok(())
    }

    /// Whether the agent may take this offer at the moment `now`: the request allows it, it is a time that the restaurant's clocks
    /// show, and it has not passed. The minute that is running has not passed.
    ///
    /// # Errors
    /// As [`Request::allows`].
    pub fn allows_at(&self, offer: &Offer, now: DateTime<Utc>) -> Result<(), OutsideLimits> {
        self.allows(offer)?;
        let (date, time) = (offer.date, offer.time);
        // Of an hour that is shown twice, the second counts.
        let Some(moment) = self.restaurant_zone.from_local_datetime(&date.and_time(time)).latest() else {
            return Err(OutsideLimits::Skipped { date, time });
        };
        if moment.timestamp().div_euclid(60) < now.timestamp().div_euclid(60) {
            let there = now.with_timezone(&self.restaurant_zone);
            return Err(OutsideLimits::Passed { date, time, today: there.date_naive(), now: there.time() });
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

    #[test]
    fn what_has_passed_in_the_restaurants_zone_is_not_allowed() {
        let utc = |day, hour, minute| date(day).and_time(time(hour, minute)).and_utc();
        let offer = |d, h, m| Offer { date: date(d), time: time(h, m), party_size: 4 };
        let request = Request { earliest_time: time(18, 0), other_dates: vec![date(3), date(5)], ..request() };
        // 18:40 in Berlin.
        let now = utc(4, 17, 40);
        for ok in [offer(4, 18, 40), offer(4, 19, 30), offer(5, 18, 0)] {
            assert_eq!(request.allows_at(&ok, now), Ok(()), "{ok:?}");
        }
        for passed in [offer(4, 18, 0), offer(4, 18, 39), offer(3, 20, 0)] {
            assert!(matches!(request.allows_at(&passed, now), Err(OutsideLimits::Passed { .. })), "{passed:?}");
        }
        let told = request.allows_at(&offer(4, 18, 0), now).unwrap_err().to_string();
        assert_eq!(told, "18:00 on 2026-12-04 has passed: it is 18:40 on 2026-12-04 there now");
        // The same moment, elsewhere: it is 06:40 of the 5th in Auckland, and 09:40 of the 4th in Los Angeles.
        let auckland = Request { restaurant_zone: chrono_tz::Pacific::Auckland, ..request.clone() };
        assert!(matches!(auckland.allows_at(&offer(4, 20, 0), now), Err(OutsideLimits::Passed { .. })));
        let los_angeles = Request { restaurant_zone: chrono_tz::America::Los_Angeles, ..request };
        assert_eq!(los_angeles.allows_at(&offer(4, 18, 0), now), Ok(()));
    }

    #[test]
    fn hours_that_clocks_skip_or_show_twice_and_nights_are_told_apart() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let at = |date, hour, minute| Offer { date, time: time(hour, minute), party_size: 4 };
        let night = |date| Request {
            wanted_date: date,
            wanted_time: time(2, 30),
            earliest_time: time(0, 0),
            latest_time: time(23, 59),
            ..request()
        };
        let (spring, autumn) = (day(3, 29), day(10, 25));
        let before = day(1, 1).and_time(time(0, 0)).and_utc();
        assert!(matches!(night(spring).allows_at(&at(spring, 2, 30), before), Err(OutsideLimits::Skipped { .. })));
        assert_eq!(night(spring).allows_at(&at(spring, 3, 0), before), Ok(()));
        // Half past two comes twice: at 00:30 and at 01:30 UTC.
        let utc = |hour, minute| autumn.and_time(time(hour, minute)).and_utc();
        assert_eq!(night(autumn).allows_at(&at(autumn, 2, 30), utc(1, 0)), Ok(()));
        assert!(matches!(night(autumn).allows_at(&at(autumn, 2, 30), utc(1, 31)), Err(OutsideLimits::Passed { .. })));
        // "Friday, half past midnight" is the night after Friday: whoever wants the evening does not get the night before it.
        let any_time = Request { earliest_time: time(0, 0), latest_time: time(23, 59), ..request() };
        assert!(matches!(any_time.allows_at(&at(date(4), 0, 30), before), Err(OutsideLimits::AfterMidnight { .. })));
        assert_eq!(any_time.allows_at(&at(date(4), 23, 59), before), Ok(()));
        let after_midnight = Request { wanted_time: time(0, 30), ..any_time };
        assert_eq!(after_midnight.allows_at(&at(date(4), 0, 30), before), Ok(()));
    }
}
