//! `offhook call add`: a call from flags. Whether it makes sense is judged by the table, in its own words.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use offhook::{
    request::CallKind,
    store::{calls::NewCall, request_columns::RequestColumns},
};

/// What is to be done about a table.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    /// Get a new booking.
    Book,
    /// Alter an existing one.
    Change,
    /// Cancel an existing one.
    Cancel,
    /// Confirm an existing one.
    Confirm,
}

/// The flags of `offhook call add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Whom to call: a number with its country code, such as +493012345678, or a sip: URI
    #[arg(long)]
    pub number: String,
    /// The restaurant's name
    #[arg(long)]
    pub restaurant: String,
    /// The restaurant's time zone, such as Europe/Berlin
    #[arg(long)]
    pub zone: String,
    /// On whose behalf
    #[arg(long)]
    pub guest: String,
    /// Where the restaurant can call the guest back, with its country code
    #[arg(long)]
    pub guest_phone: String,
    /// For how many people
    #[arg(long)]
    pub party: i32,
    /// The day, such as 2026-12-04
    #[arg(long)]
    pub date: NaiveDate,
    /// The restaurant's time of day, such as 19:30
    #[arg(long, value_parser = time)]
    pub time: NaiveTime,
    /// The earliest time that will do; as wanted where absent
    #[arg(long, value_parser = time)]
    pub earliest: Option<NaiveTime>,
    /// The latest time that will do; as wanted where absent
    #[arg(long, value_parser = time)]
    pub latest: Option<NaiveTime>,
    /// Another day that will do; may be repeated
    #[arg(long)]
    pub other_date: Vec<NaiveDate>,
    /// What is to be done
    #[arg(long, value_enum, default_value = "book")]
    pub kind: Kind,
    /// The reference of the existing booking
    #[arg(long)]
    pub reference: Option<String>,
    /// Something to mention
    #[arg(long)]
    pub special_requests: Option<String>,
    /// The language probably spoken there: its two letters, such as en
    #[arg(long)]
    pub language: Option<String>,
    /// Not before this moment, such as 2026-12-01T10:00:00Z
    #[arg(long)]
    pub not_before: Option<DateTime<Utc>>,
    /// Not after this moment; the wanted one where absent
    #[arg(long)]
    pub not_after: Option<DateTime<Utc>>,
    /// From -100 to 100, higher first
    #[arg(long, allow_negative_numbers = true)]
    pub priority: Option<i16>,
    /// How often to try
    #[arg(long)]
    pub max_attempts: Option<i16>,
    /// landline or mobile, where the number does not say
    #[arg(long)]
    pub line_type: Option<String>,
    /// How and when the restaurant agreed to automated calls
    #[arg(long)]
    pub consent: Option<String>,
    /// Do not record
    #[arg(long)]
    pub no_recording: bool,
    /// Through which trunk; the preferred one where absent
    #[arg(long)]
    pub trunk: Option<String>,
    /// Makes the request the same request, however often it is added
    #[arg(long)]
    pub key: Option<String>,
}

impl From<&Add> for NewCall {
    fn from(add: &Add) -> Self {
        NewCall {
            request_key: add.key.clone(),
            request: RequestColumns {
                kind: match add.kind {
                    Kind::Book => CallKind::Book,
                    Kind::Change => CallKind::Change,
                    Kind::Cancel => CallKind::Cancel,
                    Kind::Confirm => CallKind::Confirm,
                },
                number: add.number.clone(),
                restaurant_name: add.restaurant.clone(),
                restaurant_zone: add.zone.clone(),
                guest_name: add.guest.clone(),
                guest_phone: add.guest_phone.clone(),
                party_size: add.party,
                wanted_date: add.date,
                wanted_time: add.time,
                earliest_time: add.earliest,
                latest_time: add.latest,
                other_dates: add.other_date.clone(),
                special_requests: add.special_requests.clone(),
                booking_reference: add.reference.clone(),
                language_hint: add.language.clone(),
            },
            not_before: add.not_before,
            not_after: add.not_after,
            priority: add.priority,
            max_attempts: add.max_attempts,
            line_type: add.line_type.clone(),
            consent: add.consent.clone(),
            record: add.no_recording.then_some(false),
            trunk: add.trunk.clone(),
        }
    }
}

fn time(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| format!("\"{text}\" is not a time of day such as 19:30"))
}
