//! What the conversation came to, worked out in code from what was accepted and reported.

use chrono::{DateTime, Utc};
use offhook::{
    language::Language,
    offer::Offer,
    outcome::{OfferMade, Outcome, OutcomeReport},
    request::{CallKind, Request},
};
use serde_json::{Value, json};

use super::turns::TurnKey;

/// What goes with an agreement or a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Particulars {
    pub name: Option<String>,
    pub reference: Option<String>,
    pub notes: Option<String>,
}

impl Particulars {
    /// What is new replaces what was known.
    fn take(&mut self, newer: Particulars) {
        self.name = newer.name.or(self.name.take());
        self.reference = newer.reference.or(self.reference.take());
        self.notes = newer.notes.or(self.notes.take());
    }

    fn adds_to(&self, known: &Particulars) -> bool {
        let new = |newer: &Option<String>, known: &Option<String>| newer.is_some() && newer != known;
        new(&self.name, &known.name) || new(&self.reference, &known.reference) || new(&self.notes, &known.notes)
    }
}

#[derive(Debug, Clone)]
struct Agreement {
    offer: Offer,
    particulars: Particulars,
}

/// Everything known so far.
#[derive(Debug, Clone, Default)]
pub(super) struct OutcomeDraft {
    accepted: Option<Agreement>,
    reported: Option<(Outcome, Particulars)>,
    offers: Vec<(OfferMade, Option<TurnKey>)>,
    evidence: Vec<TurnKey>,
    pub do_not_call: bool,
}

impl OutcomeDraft {
    /// The table that was accepted.
    pub fn agreed(&self) -> Option<&Offer> {
        self.accepted.as_ref().map(|agreement| &agreement.offer)
    }

    /// The name it was accepted under, where the model gave one.
    pub fn agreed_name(&self) -> Option<&str> {
        self.accepted.as_ref().and_then(|agreement| agreement.particulars.name.as_deref())
    }

    /// Whether nothing is settled yet.
    pub fn is_open(&self) -> bool {
        self.accepted.is_none() && self.reported.is_none()
    }

    /// Whether this very agreement stands, and nothing new is said about it.
    pub fn stands(&self, offer: &Offer, particulars: &Particulars) -> bool {
        self.accepted.as_ref().is_some_and(|known| known.offer == *offer && !particulars.adds_to(&known.particulars))
    }

    /// Takes an offer if the request allows it at the moment `now`. The result is what the model is told.
    pub fn accept(
        &mut self,
        request: &Request,
        offer: Offer,
        particulars: Particulars,
        turn: Option<TurnKey>,
        now: DateTime<Utc>,
    ) -> Value {
        if request.kind == CallKind::Cancel {
            return json!({ "accepted": false, "reason": "this call is to cancel a booking: there is no table to accept" });
        }
        if request.kind == CallKind::Confirm && offer != request.wanted() {
            let reason = "this call is to ask whether the existing booking stands: if it does not, report what they said";
            self.note(offer, false, Some("not the existing booking".to_owned()), turn);
            return json!({ "accepted": false, "reason": reason });
        }
        if let Err(limit) = request.allows_at(&offer, now) {
            let reason = limit.to_string();
            self.note(offer, false, Some(reason.clone()), turn);
            return json!({ "accepted": false, "reason": reason });
        }
        match &mut self.accepted {
            Some(known) if known.offer == offer => known.particulars.take(particulars),
            accepted => {
                let replaced = accepted.replace(Agreement { offer: offer.clone(), particulars });
                if let Some(before) = replaced {
                    self.note(before.offer, false, Some("replaced by a later agreement".to_owned()), None);
                }
                self.note(offer, true, None, turn);
            }
        }
        self.reported = None;
        self.evidence.extend(turn);
        json!({ "accepted": true })
    }

    /// Takes the model's word for an outcome, where that is the model's to give.
    pub fn report_as(&mut self, request: &Request, outcome: Outcome, particulars: Particulars, turn: Option<TurnKey>) -> Value {
        let refused = |reason: &str| json!({ "recorded": false, "reason": reason });
        match outcome {
            Outcome::Booked | Outcome::BookedAlternative | Outcome::Changed if request.kind == CallKind::Cancel => {
                return refused(
                    "this call is to cancel a booking: report \"cancelled\" once they have confirmed it, or \"declined\"",
                );
            }
            Outcome::Booked | Outcome::BookedAlternative | Outcome::Changed if self.accepted.is_none() => {
                return refused("nothing was accepted yet: call accept_offer with the agreed date, time and party size first");
            }
            Outcome::Booked | Outcome::BookedAlternative | Outcome::Changed => {
                if let Some(agreement) = &mut self.accepted {
                    agreement.particulars.take(particulars);
                }
                self.evidence.extend(turn);
                return json!({ "recorded": true });
            }
            Outcome::Confirmed if request.kind != CallKind::Confirm => {
                return refused("this call is not about confirming a booking");
            }
            Outcome::Cancelled if request.kind != CallKind::Cancel => {
                return refused("this call is not about cancelling a booking");
            }
            Outcome::MessageLeft => return refused("no messages are left with machines"),
            Outcome::Unconfirmed => return refused("say what it came to"),
            _ => {}
        }
        if outcome != Outcome::Confirmed
            && let Some(agreement) = self.accepted.take()
        {
            self.note(agreement.offer, false, Some("taken back later in the call".to_owned()), turn);
        }
        self.reported = Some((outcome, particulars));
        self.evidence.extend(turn);
        json!({ "recorded": true })
    }

    /// Remembers an offer; an offer heard again only changes what became of it.
    pub fn note(&mut self, offer: Offer, accepted: bool, refusal: Option<String>, turn: Option<TurnKey>) {
        if let Some((made, heard)) = self.offers.iter_mut().find(|(made, _)| made.offer == offer) {
            made.accepted = accepted;
            made.refusal = refusal;
            *heard = turn.or(*heard);
        } else {
            self.offers.push((OfferMade { offer, accepted, refusal, turn: None }, turn));
        }
    }

    /// An offer the model heard and did not take; one that was taken stays taken.
    pub fn offered(&mut self, request: &Request, offer: Offer, turn: Option<TurnKey>, now: DateTime<Utc>) {
        if self.accepted.as_ref().is_some_and(|known| known.offer == offer) {
            return;
        }
        let refusal = request.allows_at(&offer, now).err().map_or_else(|| "not taken".to_owned(), |limit| limit.to_string());
        self.note(offer, false, Some(refusal), turn);
    }

    fn outcome(&self, request: &Request) -> Option<Outcome> {
        let agreed = self.accepted.as_ref().map(|agreement| match request.kind {
            CallKind::Change => Outcome::Changed,
            CallKind::Confirm => Outcome::Confirmed,
            _ if agreement.offer == request.wanted() => Outcome::Booked,
            _ => Outcome::BookedAlternative,
        });
        agreed.or(self.reported.as_ref().map(|(outcome, _)| *outcome)).or(self.do_not_call.then_some(Outcome::Refused))
    }

    /// The report, or the fallback's where nothing is settled; an agreement is one only where the restaurant knows of it. Turn keys become
    /// numbers.
    pub fn report(
        &self,
        request: &Request,
        fallback: Option<Outcome>,
        known: bool,
        language: Language,
        number: impl Fn(TurnKey) -> Option<u32>,
    ) -> Option<OutcomeReport> {
        let outcome = self.outcome(request).or(fallback)?;
        let outcome = if self.accepted.is_some() && !known { Outcome::Unconfirmed } else { outcome };
        let mut particulars = self.reported.as_ref().map(|(_, particulars)| particulars.clone()).unwrap_or_default();
        if let Some(agreement) = &self.accepted {
            particulars.take(agreement.particulars.clone());
        }
        let agreed = match (&self.accepted, outcome) {
            (Some(agreement), _) => Some(agreement.offer.clone()),
            (None, Outcome::Confirmed) => Some(request.wanted()),
            _ => None,
        };
        let mut evidence: Vec<u32> = self.evidence.iter().filter_map(|key| number(*key)).collect();
        evidence.sort_unstable();
        evidence.dedup();
        let offers = self.offers.iter().map(|(made, key)| OfferMade { turn: key.and_then(&number), ..made.clone() }).collect();
        Some(OutcomeReport {
            outcome,
            agreed_date: agreed.as_ref().map(|offer| offer.date),
            agreed_time: agreed.as_ref().map(|offer| offer.time),
            agreed_party: agreed.as_ref().map(|offer| offer.party_size),
            agreed_name: particulars.name.or_else(|| agreed.map(|_| request.guest_name.clone())),
            reference: particulars.reference,
            notes: particulars.notes,
            offers,
            evidence,
            language: Some(language),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{fixtures, tool_schemas::offered};

    #[test]
    fn a_refused_report_names_only_tools_that_this_call_has() {
        let every = [CallKind::Book, CallKind::Change, CallKind::Cancel, CallKind::Confirm];
        for kind in every {
            let mut request = fixtures::request();
            request.kind = kind;
            let tools = offered(kind);
            for outcome in Outcome::ALL {
                let told = OutcomeDraft::default().report_as(&request, outcome, Particulars::default(), None);
                let reason = told["reason"].as_str().unwrap_or_default();
                for word in reason.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.contains('_')) {
                    assert!(tools.iter().any(|tool| tool.name == word), "{kind:?}, {outcome:?}: {reason}");
                }
            }
        }
    }
}
