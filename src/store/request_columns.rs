//! The columns of `calls` that say whom to call and what to negotiate: as a new call has them, and as a claim reads them again.

use chrono::{NaiveDate, NaiveTime, Timelike};
use serde::Deserialize;
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};

use super::unusable_row::UnusableRow;
use crate::{
    language::Language,
    request::{CallKind, Request},
};

/// A request as its row has it: what the table's rules let through, in the table's types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct RequestColumns {
    /// Whom to dial: E.164 or `sip:` URI.
    pub number: String,
    /// What is to be done.
    #[serde(default = "book")]
    pub kind: CallKind,
    /// The restaurant.
    pub restaurant_name: String,
    /// IANA name.
    pub restaurant_zone: String,
    /// On whose behalf.
    pub guest_name: String,
    /// E.164.
    pub guest_phone: String,
    /// 1 to 50.
    pub party_size: i32,
    /// The restaurant's calendar.
    pub wanted_date: NaiveDate,
    /// The restaurant's clock.
    pub wanted_time: NaiveTime,
    /// `None`: as wanted.
    #[serde(default)]
    pub earliest_time: Option<NaiveTime>,
    /// `None`: as wanted.
    #[serde(default)]
    pub latest_time: Option<NaiveTime>,
    /// Further days.
    #[serde(default)]
    pub other_dates: Vec<NaiveDate>,
    /// To be mentioned.
    #[serde(default)]
    pub special_requests: Option<String>,
    /// Of the existing booking.
    #[serde(default)]
    pub booking_reference: Option<String>,
    /// ISO 639-1.
    #[serde(default)]
    pub language_hint: Option<String>,
}

/// The default of the column.
fn book() -> CallKind {
    CallKind::Book
}

impl RequestColumns {
    /// Their names, in the order of [`RequestColumns::bind`].
    pub(super) const NAMES: [&'static str; 15] = [
        "number",
        "kind",
        "restaurant_name",
        "restaurant_zone",
        "guest_name",
        "guest_phone",
        "party_size",
        "wanted_date",
        "wanted_time",
        "earliest_time",
        "latest_time",
        "other_dates",
        "special_requests",
        "booking_reference",
        "language_hint",
    ];

    /// Binds the values, in the order of [`RequestColumns::NAMES`].
    pub(super) fn bind<'q, O>(
        &'q self,
        query: QueryScalar<'q, Postgres, O, PgArguments>,
    ) -> QueryScalar<'q, Postgres, O, PgArguments> {
        query
            .bind(&self.number)
            .bind(self.kind)
            .bind(&self.restaurant_name)
            .bind(&self.restaurant_zone)
            .bind(&self.guest_name)
            .bind(&self.guest_phone)
            .bind(self.party_size)
            .bind(self.wanted_date)
            .bind(self.wanted_time)
            .bind(self.earliest_time)
            .bind(self.latest_time)
            .bind(&self.other_dates)
            .bind(&self.special_requests)
            .bind(&self.booking_reference)
            .bind(&self.language_hint)
    }

    /// What the agent negotiates.
    ///
    /// # Errors
    /// [`UnusableRow::Zone`] where the zone is not known.
    pub fn to_request(&self, record: bool, dropped_before: bool) -> Result<Request, UnusableRow> {
        let language = self.language_hint.as_deref();
        // No table has seconds.
        let minute = |time: NaiveTime| time.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(time);
        Ok(Request {
            kind: self.kind,
            restaurant_name: self.restaurant_name.clone(),
            restaurant_zone: self.restaurant_zone.parse().map_err(|_| UnusableRow::Zone(self.restaurant_zone.clone()))?,
            guest_name: self.guest_name.clone(),
            guest_phone: self.guest_phone.clone(),
            party_size: u16::try_from(self.party_size).unwrap_or(u16::MAX),
            wanted_date: self.wanted_date,
            wanted_time: minute(self.wanted_time),
            earliest_time: minute(self.earliest_time.unwrap_or(self.wanted_time)),
            latest_time: minute(self.latest_time.unwrap_or(self.wanted_time)),
            other_dates: self.other_dates.clone(),
            special_requests: self.special_requests.clone(),
            booking_reference: self.booking_reference.clone(),
            language_hint: Language::ALL.into_iter().find(|known| Some(known.code()) == language),
            record,
            dropped_before,
        })
    }
}
