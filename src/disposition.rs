//! How an attempt ended as a telephone call, whatever was said in it.

mod final_answer;

use serde::{Deserialize, Serialize};

pub use final_answer::FinalAnswer;

/// The telephony result of an attempt; the outcome is kept apart from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "disposition", rename_all = "snake_case")]
pub enum Disposition {
    /// A person answered.
    Answered,
    /// 486, 600, cause 17.
    Busy,
    /// Rang out (our CANCEL, 408, 480, 487, causes 18 to 20), or the trunk failed after it rang.
    NoAnswer,
    /// A machine took the call.
    Voicemail,
    /// A telephone menu that led nowhere.
    MenuDeadEnd,
    /// 603, 607: does not want to be called. 470, 608, cause 21 or 24: not this call.
    Rejected,
    /// 404, 410, 484, 604, cause 1: there is nobody behind this number.
    InvalidNumber,
    /// The trunk's fault, not the callee's: 5xx, other 4xx, timeout of the transaction, unreachable, wrong credentials.
    TrunkFailure,
    /// Answered, but no sound came within the bound: a one-way or dead line, whoever's fault.
    NoMedia,
    /// Somebody answered, and our own recogniser, model or voice failed: the callee heard an apology, or nothing.
    ProviderFailure,
    /// The worker died, or nothing is known of how it ended.
    Lost,
    /// Taken back by the user while it was under way.
    Cancelled,
}

impl Disposition {
    /// All of them.
    pub const ALL: [Disposition; 12] = [
        Disposition::Answered,
        Disposition::Busy,
        Disposition::NoAnswer,
        Disposition::Voicemail,
        Disposition::MenuDeadEnd,
        Disposition::Rejected,
        Disposition::InvalidNumber,
        Disposition::TrunkFailure,
        Disposition::NoMedia,
        Disposition::ProviderFailure,
        Disposition::Lost,
        Disposition::Cancelled,
    ];

    /// The name as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Disposition::Answered => "answered",
            Disposition::Busy => "busy",
            Disposition::NoAnswer => "no_answer",
            Disposition::Voicemail => "voicemail",
            Disposition::MenuDeadEnd => "menu_dead_end",
            Disposition::Rejected => "rejected",
            Disposition::InvalidNumber => "invalid_number",
            Disposition::TrunkFailure => "trunk_failure",
            Disposition::NoMedia => "no_media",
            Disposition::ProviderFailure => "provider_failure",
            Disposition::Lost => "lost",
            Disposition::Cancelled => "cancelled",
        }
    }
}
