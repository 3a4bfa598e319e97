//! What was achieved in a call, as far as it was understood.

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::{language::Language, offer::Offer};

/// What the conversation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The wanted table.
    Booked,
    /// Another table within the limits.
    BookedAlternative,
    /// No table to be had.
    Declined,
    /// Only tables outside the limits were offered.
    OfferOutsideLimits,
    /// They will call back, or want to be called at another time.
    CallbackRequested,
    /// They take no reservations.
    WalkInOnly,
    /// Not the restaurant.
    WrongNumber,
    /// Does not want to talk to us, or not to an automated assistant.
    Refused,
    /// A message was left with a machine.
    MessageLeft,
    /// Talked, and came to no end.
    NoAgreement,
    /// The existing booking was changed as wanted.
    Changed,
    /// The existing booking was cancelled as wanted.
    Cancelled,
    /// The restaurant confirmed the existing booking.
    Confirmed,
    /// A table was accepted, and it is not known whether the restaurant knows of it: a person has to ask. Never the model's word.
    Unconfirmed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 14] = [
        Outcome::Booked,
        Outcome::BookedAlternative,
        Outcome::Declined,
        Outcome::OfferOutsideLimits,
        Outcome::CallbackRequested,
        Outcome::WalkInOnly,
        Outcome::WrongNumber,
        Outcome::Refused,
        Outcome::MessageLeft,
        Outcome::NoAgreement,
        Outcome::Changed,
        Outcome::Cancelled,
        Outcome::Confirmed,
        Outcome::Unconfirmed,
    ];

    /// Those that the model may report.
    pub const REPORTED: [Outcome; 12] = [
        Outcome::Booked,
        Outcome::BookedAlternative,
        Outcome::Declined,
        Outcome::OfferOutsideLimits,
        Outcome::CallbackRequested,
        Outcome::WalkInOnly,
        Outcome::WrongNumber,
        Outcome::Refused,
        Outcome::NoAgreement,
        Outcome::Changed,
        Outcome::Cancelled,
        Outcome::Confirmed,
    ];

    /// The name as the database and the tools write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Booked => "booked",
            Outcome::BookedAlternative => "booked_alternative",
            Outcome::Declined => "declined",
            Outcome::OfferOutsideLimits => "offer_outside_limits",
            Outcome::CallbackRequested => "callback_requested",
            Outcome::WalkInOnly => "walk_in_only",
            Outcome::WrongNumber => "wrong_number",
            Outcome::Refused => "refused",
            Outcome::MessageLeft => "message_left",
            Outcome::NoAgreement => "no_agreement",
            Outcome::Changed => "changed",
            Outcome::Cancelled => "cancelled",
            Outcome::Confirmed => "confirmed",
            Outcome::Unconfirmed => "unconfirmed",
        }
    }
}

/// An offer that was on the table, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferMade {
    /// What was offered.
    #[serde(flatten)]
    pub offer: Offer,
    /// Whether the agent took it.
    pub accepted: bool,
    /// Why not, where it was not.
    pub refusal: Option<String>,
    /// The callee's turn in which it was heard last.
    pub turn: Option<u32>,
}

/// The structured end of a conversation: the flattened columns of `attempts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeReport {
    /// What it came to.
    pub outcome: Outcome,
    /// The agreed day.
    pub agreed_date: Option<NaiveDate>,
    /// The agreed time.
    pub agreed_time: Option<NaiveTime>,
    /// For how many people.
    pub agreed_party: Option<u16>,
    /// Under which name.
    pub agreed_name: Option<String>,
    /// The restaurant's reference.
    pub reference: Option<String>,
    /// Anything the guest should know.
    pub notes: Option<String>,
    /// Every offer made.
    pub offers: Vec<OfferMade>,
    /// Turn numbers that show it.
    pub evidence: Vec<u32>,
    /// The language spoken at the end.
    pub language: Option<Language>,
}
