//! Channels of gpt-oss (harmony) whose tokens the server has taken out, and nothing else: `analysisWe should greet.assistantfinalGood
//! evening.`, `analysis…assistantcommentary to=functions.accept_offer json{…}`. Pure.

use super::floor_boundary;

/// What ends a call.
pub(super) const ENDS_OF_CALL: [&str; 1] = ["assistantfinal"];
/// Where the channel for others begins.
const FINAL: &str = "assistantfinal";
/// Where a call names its tool.
const CALL: &str = "to=functions.";
/// Most bytes of a mark and a tool's name that may have come in part.
pub(super) const LONGEST: usize = 96;
/// What the first channel is called.
const FIRST: [&str; 2] = ["analysis", "commentary"];

/// What a reply begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// More is needed.
    Unknown,
    /// The first of the channels.
    Channels,
    Other,
}

/// Tells the channels from speech: their name is written in small letters, and what follows it without a space.
pub(super) fn start(text: &str, over: bool) -> Start {
    for name in FIRST {
        if let Some(rest) = text.strip_prefix(name) {
            return match rest.chars().next() {
                None if !over => Start::Unknown,
                Some(next) if next.is_uppercase() || matches!(next, '"' | '“' | '\n') => Start::Channels,
                Some(' ') if name == "commentary" && rest.starts_with(" to=") => Start::Channels,
                Some(' ') if !over && name == "commentary" && " to=".starts_with(rest) => Start::Unknown,
                _ => Start::Other,
            };
        }
        if name.starts_with(text) && !over {
            return Start::Unknown;
        }
    }
    Start::Other
}

/// What follows in the channels that are not for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing yet.
    Unknown,
    /// Behind so many bytes is speech.
    Final(usize),
    /// Behind so many bytes are the arguments for this tool.
    Call(usize, String),
}

/// Finds what comes first.
pub(super) fn next(text: &str) -> Next {
    let (last, call) = (text.find(FINAL), text.find(CALL));
    match (last, call) {
        (Some(at), call) if call.is_none_or(|call| at < call) => Next::Final(at + FINAL.len()),
        (_, Some(at)) => {
            let name = &text[at + CALL.len()..];
            let Some(end) = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) else {
                return Next::Unknown;
            };
            Next::Call(at + CALL.len() + end, name[..floor_boundary(name, end)].to_owned())
        }
        _ => Next::Unknown,
    }
}
