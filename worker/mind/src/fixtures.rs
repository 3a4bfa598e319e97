//! A request and settings for tests, here and in the crates that drive the mind.
#![allow(clippy::unwrap_used)]

use chrono::{NaiveDate, NaiveTime};
use offhook::{
    attempt::CallLimits,
    language::Language,
    request::{CallKind, Request},
};

use super::MindSettings;

/// A table for four, Friday 4 December 2026, half past seven; 19:00 to 20:30, or the day after.
pub fn request() -> Request {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    Request {
        kind: CallKind::Book,
        restaurant_name: "Zum Goldenen Löwen".into(),
        restaurant_zone: chrono_tz::Europe::Berlin,
        guest_name: "Ada Winter".into(),
        guest_phone: "+4915112345678".into(),
        party_size: 4,
        wanted_date: NaiveDate::from_ymd_opt(2026, 12, 4).unwrap(),
        wanted_time: time(19, 30),
        earliest_time: time(19, 0),
        latest_time: time(20, 30),
        other_dates: vec![NaiveDate::from_ymd_opt(2026, 12, 5).unwrap()],
        special_requests: None,
        booking_reference: None,
        language_hint: Some(Language::En),
        record: true,
        dropped_before: false,
    }
}

/// A call made two weeks before, with the default limits.
pub fn settings() -> MindSettings {
    let noon = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap().and_hms_opt(11, 0, 0).unwrap();
    MindSettings::new(CallLimits::default(), noon.and_utc(), chrono_tz::Europe::Berlin)
}
