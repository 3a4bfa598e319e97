//! What the programs log where OFFHOOK_LOG does not say otherwise, and whether in colour.

use std::{ffi::OsStr, io::IsTerminal};

/// In the notation of tracing's `EnvFilter` and `Targets`. The SIP stack prints whole messages at `info`, numbers and keys of the media
/// included: they are never in a log that nobody has asked for.
pub const DEFAULT_FILTER: &str = "info,rsipstack=warn,sqlx=warn,apalis=warn,apalis_core=warn";

/// Whether lines on standard error may have colours: only on a terminal, and not where `NO_COLOR` is set (<https://no-color.org>). Files,
/// pipes and the journal get plain text.
pub fn is_coloured() -> bool {
    may_be_coloured(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref())
}

fn may_be_coloured(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_has_not_refused_them() {
        assert!(may_be_coloured(true, None) && may_be_coloured(true, Some(OsStr::new(""))));
        assert!(!may_be_coloured(true, Some(OsStr::new("1"))));
        assert!(!may_be_coloured(false, None));
    }
}
