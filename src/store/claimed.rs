//! A call just claimed, as its row has it, and what is to be negotiated in it.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::trunks::{TrunkRow, UnusableTrunk};
use crate::{
    language::Language,
    recording::RecordingPolicy,
    request::{CallKind, Request},
};

/// A call with its new attempt and the trunk it goes through. The token is not here: it is in no table.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClaimedCall {
    /// The call.
    pub id: i64,
    /// The new attempt, from 1.
    pub attempt: i32,
    /// Whom to dial: E.164 or `sip:` URI.
    pub number: String,
    /// What is to be done.
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
    pub earliest_time: Option<NaiveTime>,
    /// `None`: as wanted.
    pub latest_time: Option<NaiveTime>,
    /// Further days.
    pub other_dates: Vec<NaiveDate>,
    /// To be mentioned.
    pub special_requests: Option<String>,
    /// Of the existing booking.
    pub booking_reference: Option<String>,
    /// ISO 639-1.
    pub language_hint: Option<String>,
    /// Whether and how to record, as the row and the policy of the number's country have it.
    pub recording: RecordingPolicy,
    /// Why the number must not be called any more: a sentence, what to change, and a constraint's name.
    pub refusal: Option<Vec<String>>,
    /// Since when it could have been made.
    pub due_at: DateTime<Utc>,
    /// An earlier attempt was cut off while talking.
    pub dropped_before: bool,
    /// The name of the attempt's trunk.
    pub trunk: String,
    /// That trunk, then those it may fail over to.
    #[sqlx(skip)]
    pub trunks: Vec<TrunkRow>,
    /// The first of four UDP ports.
    pub port_base: Option<i32>,
    /// Derived from call and attempt.
    pub sip_call_id: String,
    /// Tells which token belongs to it.
    pub(super) token_hash: Vec<u8>,
}

/// A row that cannot be made into a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRow {
    /// Postgres knows the zone, we do not.
    #[error("restaurant_zone \"{0}\" is not known to offhook; use the IANA name of a city, such as Europe/Berlin")]
    Zone(String),
    /// The trunk cannot carry the call.
    #[error(transparent)]
    Trunk(#[from] UnusableTrunk),
    /// The trunk's row has gone since.
    #[error("trunk \"{0}\" is not in the table trunks any more; name another trunk in the call, or leave it out")]
    NoTrunk(String),
}

impl ClaimedCall {
    /// What is to be negotiated.
    ///
    /// # Errors
    /// Where the zone is not known.
    pub fn request(&self) -> Result<Request, UnusableRow> {
        let language = self.language_hint.as_deref();
        Ok(Request {
            kind: self.kind,
            restaurant_name: self.restaurant_name.clone(),
            restaurant_zone: self.restaurant_zone.parse().map_err(|_| UnusableRow::Zone(self.restaurant_zone.clone()))?,
            guest_name: self.guest_name.clone(),
            guest_phone: self.guest_phone.clone(),
            party_size: u16::try_from(self.party_size).unwrap_or(u16::MAX),
            wanted_date: self.wanted_date,
            wanted_time: self.wanted_time,
            earliest_time: self.earliest_time.unwrap_or(self.wanted_time),
            latest_time: self.latest_time.unwrap_or(self.wanted_time),
            other_dates: self.other_dates.clone(),
            special_requests: self.special_requests.clone(),
            booking_reference: self.booking_reference.clone(),
            language_hint: Language::ALL.into_iter().find(|known| Some(known.code()) == language),
            record: self.recording != RecordingPolicy::Off,
            dropped_before: self.dropped_before,
        })
    }
}
