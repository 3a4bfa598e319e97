//! Reliable provisional responses (RFC 3262): which 18x gets a PRACK, and which is a repetition or out of order.

/// The reliable provisional responses of one early dialog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reliable {
    last: Option<u32>,
}

/// What to do with a reliable provisional response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New: send PRACK.
    Acknowledge,
    /// Repeated: its PRACK was sent.
    Again,
    /// One before it is missing: it gets no PRACK and is ignored (section 4).
    OutOfOrder,
}

impl Reliable {
    /// Notes the RSeq of a response and returns what to do.
    pub(super) fn heard(&mut self, rseq: u32) -> Verdict {
        match self.last {
            Some(last) if rseq <= last => Verdict::Again,
            Some(last) if rseq != last + 1 => Verdict::OutOfOrder,
            _ => {
                self.last = Some(rseq);
                Verdict::Acknowledge
            }
        }
    }
}

/// Returns the value of RAck (section 7.2).
pub(super) fn acknowledgement(rseq: u32, invite_sequence: u32) -> String {
    format!("{rseq} {invite_sequence} INVITE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_acknowledged_once_and_in_order() {
        let mut reliable = Reliable::default();
        assert_eq!(reliable.heard(7), Verdict::Acknowledge);
        assert_eq!(reliable.heard(7), Verdict::Again);
        assert_eq!(reliable.heard(9), Verdict::OutOfOrder);
        assert_eq!(reliable.heard(8), Verdict::Acknowledge);
        assert_eq!(reliable.heard(9), Verdict::Acknowledge);
        assert_eq!(reliable.heard(8), Verdict::Again);
        assert_eq!(acknowledgement(8, 314_159), "8 314159 INVITE");
    }

    #[test]
    fn the_highest_number_is_no_accident() {
        let mut reliable = Reliable::default();
        assert_eq!(reliable.heard(u32::MAX), Verdict::Acknowledge);
        assert_eq!(reliable.heard(u32::MAX), Verdict::Again);
        assert_eq!(reliable.heard(0), Verdict::Again);
    }
}
