//! What the user asked for: the request a call negotiates, and the limits within which the agent may agree.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::language::Language;

/// What is to be done about a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "call_kind", rename_all = "snake_case")]
pub enum CallKind {
    /// Get a new booking.
    Book,
    /// Move or alter an existing booking to what the request wants.
    Change,
    /// Cancel an existing booking.
    Cancel,
    /// Confirm an existing booking.
    Confirm,
}

/// The request as the agent negotiates it. Dates and times are the restaurant's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is to be done.
    pub kind: CallKind,
    /// The restaurant's name.
    pub restaurant_name: String,
    /// The restaurant's zone; only for saying "today" and "tomorrow" right.
    pub restaurant_zone: Tz,
    /// On whose behalf the call is made.
    pub guest_name: String,
    /// Where the restaurant can call back, E.164.
    pub guest_phone: String,
    /// How many people, 1 to 50.
    pub party_size: u16,
    /// The day the guest wants.
    pub wanted_date: NaiveDate,
    /// The time the guest wants.
    pub wanted_time: NaiveTime,
    /// The earliest time the guest accepts, on any accepted day; never after `wanted_time`.
    pub earliest_time: NaiveTime,
    /// The latest time the guest accepts, on any accepted day; never before `wanted_time`.
    pub latest_time: NaiveTime,
    /// Further days the guest accepts.
    pub other_dates: Vec<NaiveDate>,
    /// Things to mention: allergies, a high chair, a quiet table.
    pub special_requests: Option<String>,
    /// The existing booking's reference, where `kind` is not `Book`.
    pub booking_reference: Option<String>,
    /// The user's guess of the language spoken there.
    pub language_hint: Option<Language>,
    /// Whether the call is recorded, and the callee informed of it.
    pub record: bool,
    /// Whether an earlier attempt was cut off in the middle of talking: the agent then says so first.
    pub dropped_before: bool,
}
