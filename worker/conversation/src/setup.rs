//! What a mind is made of, and what the first line of a log keeps.

use offhook::request::Request;
use offhook_mind::MindSettings;
use serde::{Deserialize, Serialize};

/// What one conversation is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// What is wanted.
    pub request: Request,
    /// Who was called: E.164 or a SIP URI.
    pub number: String,
    /// How long anything may take, and what day it is.
    pub settings: MindSettings,
}
