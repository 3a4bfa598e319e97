//! What a final answer to our INVITE means: the SIP code, refined by the Q.850 cause where the code leaves it open.

use super::Disposition;

/// A final answer that is not a 2xx, or the want of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FinalAnswer {
    /// The SIP code; `None` where none came: silence, a broken connection, a name that does not resolve.
    pub code: Option<u16>,
    /// The Q.850 cause of its Reason header (RFC 3326).
    pub cause: Option<u16>,
    /// A telephone may have rung before it (180, 183).
    pub rang: bool,
}

impl FinalAnswer {
    /// How the call ended by it. `docs/states.md` has the table for people.
    pub fn disposition(self) -> Disposition {
        let said = self.code.map_or(Disposition::TrunkFailure, of_code);
        let refined = match self.code {
            Some(code) if is_definite(code) => said,
            _ => self.cause.and_then(of_cause).unwrap_or(said),
        };
        // A trunk that lets it ring and then fails is not tried again within minutes: it would ring again.
        if refined == Disposition::TrunkFailure && self.rang { Disposition::NoAnswer } else { refined }
    }

    /// Whether the callee itself says that it does not want to be called: 603 (RFC 3261 section 21.6.2) and 607 (RFC 8197). Such a
    /// number is never called again. Whatever else is `rejected` was refused this once, by somebody or something on the way: 470
    /// (RFC 5360), 608 (RFC 8688), and the causes 21 and 24, which exchanges also give for barred callers and screening.
    pub fn is_unwanted(code: Option<u16>) -> bool {
        matches!(code, Some(603 | 607))
    }

    /// Whether a Q.850 cause by itself blames the network on the way to the callee.
    pub(crate) const fn is_cause_of_trunk_failure(cause: u16) -> bool {
        matches!(of_cause(cause), Some(Disposition::TrunkFailure))
    }

    /// Whether another trunk may carry the call within the same attempt: the fault is this trunk's own, and nobody was disturbed.
    pub fn is_the_trunks_own(self) -> bool {
        if self.rang {
            return false;
        }
        match self.code {
            // 3xx: the number has moved, and where to was tried. 6xx: nowhere (RFC 3261 section 21.6).
            Some(300..=399 | 600..) => false,
            // A gateway says the same of a telephone that rang and rang, but then with a cause, or after a 180.
            Some(408) => self.cause.and_then(of_cause).is_none_or(|meant| meant == Disposition::TrunkFailure),
            _ => self.disposition() == Disposition::TrunkFailure,
        }
    }
}

/// The code alone (RFC 3261 section 21, RFC 3398 section 8.2.6).
const fn of_code(code: u16) -> Disposition {
    match code {
        // Moved, and the new place was not reached either; elsewhere for a while.
        301 | 410 => Disposition::InvalidNumber,
        300 | 302 | 380 => Disposition::NoAnswer,
        // The number: unknown, incomplete, ambiguous.
        404 | 484 | 485 | 604 => Disposition::InvalidNumber,
        // The callee: busy, not there, or unwilling.
        486 | 600 => Disposition::Busy,
        408 | 480 | 487 => Disposition::NoAnswer,
        470 | 603 | 607 | 608 => Disposition::Rejected,
        // Everywhere refused for a reason of its own, 606 among them.
        601..=699 => Disposition::NoAnswer,
        // The trunk: 305, 400 to 403, 405 to 407, 413 to 439, 481 to 483, 488 to 494, 5xx, and what no RFC knows.
        _ => Disposition::TrunkFailure,
    }
}

/// Codes that say enough: whatever cause comes with them changes nothing.
const fn is_definite(code: u16) -> bool {
    matches!(code, 301 | 404 | 410 | 484 | 485 | 486 | 487 | 600..=699)
}

/// The cause alone (ITU-T Q.850 section 2.2.7); `None` where it says nothing: normal clearing (16), normal unspecified (31),
/// interworking (127) and what is not listed.
const fn of_cause(cause: u16) -> Option<Disposition> {
    Some(match cause {
        // Unallocated, special tone, number changed, invalid format.
        1 | 4 | 22 | 28 => Disposition::InvalidNumber,
        17 => Disposition::Busy,
        // No user responding, no answer, subscriber absent, destination out of order.
        18 | 19 | 20 | 27 => Disposition::NoAnswer,
        // Rejected by the user, or by a feature at the destination.
        21 | 24 => Disposition::Rejected,
        // No route to network or destination, routing error, facility rejected.
        2 | 3 | 25 | 29 => Disposition::TrunkFailure,
        // No circuit, out of order, congestion, no resources, not authorised, not implemented, incompatible, protocol errors.
        34..=49 | 50 | 53 | 57 | 58 | 62..=79 | 88 | 91 | 95..=111 => Disposition::TrunkFailure,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Disposition::{Busy, InvalidNumber, NoAnswer, Rejected, TrunkFailure};

    fn answer(code: u16, cause: Option<u16>) -> FinalAnswer {
        FinalAnswer { code: Some(code), cause, rang: false }
    }

    /// Every code of the IANA registry that can end an INVITE: the disposition, and whether another trunk may be tried.
    const TABLE: &[(&[u16], Disposition, bool)] = &[
        (&[300, 302, 380], NoAnswer, false),
        (&[301, 410, 404, 484, 485, 604], InvalidNumber, false),
        (&[305], TrunkFailure, false),
        (&[486, 600], Busy, false),
        (&[480, 487], NoAnswer, false),
        (&[408], NoAnswer, true),
        (&[470, 603, 607, 608], Rejected, false),
        (&[606, 601, 699], NoAnswer, false),
        (&[400, 401, 402, 403, 405, 406, 407, 412, 413, 414, 415, 416, 417, 420, 421, 422, 423], TrunkFailure, true),
        (&[424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 481, 482, 483], TrunkFailure, true),
        (&[488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 555, 580, 599], TrunkFailure, true),
    ];

    #[test]
    fn a_code_means_what_a_caller_would_say_it_means() {
        for (codes, disposition, another_trunk) in TABLE {
            for code in *codes {
                let answer = answer(*code, None);
                assert_eq!(answer.disposition(), *disposition, "{code}");
                assert_eq!(answer.is_the_trunks_own(), *another_trunk, "{code}");
            }
        }
    }

    #[test]
    fn a_cause_says_what_the_code_leaves_open() {
        for code in [403, 408, 480, 500, 502, 503] {
            for (cause, disposition) in [
                (1, InvalidNumber),
                (28, InvalidNumber),
                (17, Busy),
                (18, NoAnswer),
                (19, NoAnswer),
                (20, NoAnswer),
                (27, NoAnswer),
                (21, Rejected),
                (34, TrunkFailure),
                (38, TrunkFailure),
                (41, TrunkFailure),
                (42, TrunkFailure),
                (102, TrunkFailure),
            ] {
                let answer = answer(code, Some(cause));
                assert_eq!(answer.disposition(), disposition, "{code} with cause {cause}");
                assert_eq!(answer.is_the_trunks_own(), disposition == TrunkFailure, "{code} with cause {cause}");
            }
            for says_nothing in [16, 31, 127, 200] {
                assert_eq!(answer(code, Some(says_nothing)).disposition(), answer(code, None).disposition(), "{code}");
            }
        }
    }

    #[test]
    fn only_the_callee_itself_says_never_again() {
        let unwanted: Vec<u16> = (300..=999).filter(|code| FinalAnswer::is_unwanted(Some(*code))).collect();
        assert_eq!(unwanted, [603, 607]);
        assert!(!FinalAnswer::is_unwanted(None));
        for code in [403, 480, 500, 503] {
            assert_eq!(answer(code, Some(21)).disposition(), Rejected, "{code}: no for this call");
            assert!(!FinalAnswer::is_unwanted(Some(code)), "{code}: but not for ever");
        }
    }

    #[test]
    fn a_definite_code_counts_for_more_than_its_cause() {
        for (code, cause, disposition) in
            [(486, 34, Busy), (603, 17, Rejected), (404, 41, InvalidNumber), (604, 17, InvalidNumber), (487, 17, NoAnswer)]
        {
            assert_eq!(answer(code, Some(cause)).disposition(), disposition, "{code} with cause {cause}");
        }
    }

    #[test]
    fn nobody_is_rung_twice_because_a_trunk_fails_after_it_rang() {
        for code in [None, Some(403), Some(408), Some(480), Some(500), Some(503), Some(606)] {
            let answer = FinalAnswer { code, cause: None, rang: true };
            assert_eq!(answer.disposition(), NoAnswer, "{code:?}");
            assert!(!answer.is_the_trunks_own(), "{code:?}");
        }
    }

    #[test]
    fn silence_is_the_trunks_own() {
        let silence = FinalAnswer::default();
        assert_eq!((silence.disposition(), silence.is_the_trunks_own()), (TrunkFailure, true));
    }

    #[test]
    fn every_number_has_a_meaning_and_a_refusal_everywhere_is_final() {
        for code in 300..=999 {
            for cause in (0..=130).map(Some).chain([None]) {
                let answer = answer(code, cause);
                let disposition = answer.disposition();
                assert!(matches!(disposition, Busy | InvalidNumber | NoAnswer | Rejected | TrunkFailure), "{code} {cause:?}");
                assert!(!answer.is_the_trunks_own() || code == 408 || disposition == TrunkFailure);
                assert!(!answer.is_the_trunks_own() || (400..600).contains(&code), "{code} {cause:?}");
            }
        }
    }
}
