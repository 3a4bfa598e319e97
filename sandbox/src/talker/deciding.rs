//! What to say and which tools to call, given the state of the conversation.

use chrono::{Datelike, NaiveDate, NaiveTime};
use offhook::{offer::Offer, outcome::Outcome, request::CallKind};

use super::{
    calls::Call,
    reading::{Conversation, PromptRequest},
    sentences::{self, Lines},
    standing::{Proposal, Settled, Standing},
    understanding::Intent,
};

/// How often the callee is asked to repeat before the talker gives up.
const REPEATS: usize = 2;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// Sentences, in order.
    pub says: Vec<String>,
    /// Tools, in order.
    pub calls: Vec<Call>,
}

/// Decides. A booking is never claimed before `accept_offer` has answered `accepted`.
pub fn decide(conversation: &Conversation) -> Decision {
    let standing = Standing::of(conversation);
    let request = &conversation.request;
    Deciding { request, lines: sentences::lines(request.language), standing }.decide()
}

struct Deciding<'a> {
    request: &'a PromptRequest,
    lines: &'static Lines,
    standing: Standing,
}

impl Deciding<'_> {
    fn decide(&self) -> Decision {
        let standing = &self.standing;
        if standing.reported {
            return Decision { says: vec![self.lines.goodbye.to_owned()], calls: vec![Call::End] };
        }
        if standing.settled == Settled::NotRecorded {
            return self.finish(Outcome::NoAgreement, self.lines.goodbye, None);
        }
        if let Some(accepted) = &standing.accepted {
            return self.agreed(accepted);
        }
        if standing.settled == Settled::Refused {
            return self.cannot_take_it();
        }
        if !standing.pending {
            // What was heard before the introduction may have settled the call already.
            let settled_before = if standing.stated { None } else { self.hopeless() };
            return settled_before.unwrap_or_else(|| self.state([]));
        }
        self.hopeless().or_else(|| self.in_between()).unwrap_or_else(|| match self.request.kind {
            CallKind::Book | CallKind::Change => self.negotiate(),
            CallKind::Cancel => self.expect_yes(Outcome::Cancelled),
            CallKind::Confirm => self.expect_yes(Outcome::Confirmed),
        })
    }

    /// Words after which there is nothing to be had.
    fn hopeless(&self) -> Option<Decision> {
        let heard = &self.standing.heard;
        Some(if heard.has(Intent::WrongNumber) {
            self.finish(Outcome::WrongNumber, self.lines.wrong_number, None)
        } else if heard.has(Intent::Refuses) {
            let mut decision = self.finish(Outcome::Refused, self.lines.understood, None);
            if let Some(Call::Report { do_not_call, .. }) = decision.calls.first_mut() {
                *do_not_call = true;
            }
            decision
        } else if heard.has(Intent::Machine) {
            let message = self.lines.message.replace("{phone}", &self.request.guest_phone);
            let mut decision = self.finish(Outcome::MessageLeft, &message, None);
            decision.says.insert(0, sentences::request(self.request, self.request.language));
            decision
        } else if heard.has(Intent::EmailOnly) {
            self.finish(Outcome::Declined, self.lines.pity, Some("takes reservations by email or online only"))
        } else if heard.has(Intent::WalkIn) {
            self.finish(Outcome::WalkInOnly, self.lines.goodbye, None)
        } else if heard.has(Intent::CallBack) {
            self.finish(Outcome::CallbackRequested, self.lines.goodbye, None)
        } else {
            return None;
        })
    }

    /// Words that are about the conversation itself, and everything before the request was heard.
    fn in_between(&self) -> Option<Decision> {
        let standing = &self.standing;
        let heard = &standing.heard;
        let content = heard.asks() || heard.agrees() || !heard.times.is_empty();
        if heard.has(Intent::HoldOn) && !content {
            return Some(says([self.lines.hold]));
        }
        if !standing.stated {
            return Some(if heard.has(Intent::Goodbye) && !standing.said.is_empty() && !content {
                self.finish(Outcome::NoAgreement, self.lines.goodbye, None)
            } else {
                self.state(self.answers())
            });
        }
        if heard.has(Intent::Repeat) {
            return Some(match standing.said.last() {
                Some(last) if standing.times_said(last) <= REPEATS => says([last.as_str()]),
                _ => self.state([]),
            });
        }
        if heard.has(Intent::NeedsCard) && !heard.agrees() {
            let asked_before = standing.times_said(self.lines.no_card) > 0;
            let notes = Some("wants a card number to hold the table");
            return Some(if asked_before {
                self.finish(Outcome::Declined, self.lines.pity, notes)
            } else {
                says([self.lines.no_card])
            });
        }
        None
    }

    /// A new or changed table: offers first, then questions, then yes and no.
    fn negotiate(&self) -> Decision {
        let standing = &self.standing;
        let heard = &standing.heard;
        let offers = standing.offers(self.request);
        let offers_nothing = heard.has_any(&[Intent::Closed, Intent::Goodbye, Intent::Done]);
        if let Some(offer) = self.best(&offers) {
            return self.accept(offer);
        }
        if !offers.is_empty() {
            return self.cannot_take_it();
        }
        if let Some(day) = standing.day_named(self.request).filter(|day| *day != standing.proposal.date() && !offers_nothing) {
            let asked = standing.asked_dates.contains(&day);
            return if self.request.day_is_accepted(day) && !asked { self.ask_for(day) } else { self.cannot_take_it() };
        }
        if heard.agrees() {
            return match standing.proposal {
                Proposal::Table(date, time) if self.may_take(date, time) => {
                    self.accept(Offer { date, time, party_size: self.request.party_size })
                }
                // They booked something, but not what was asked for.
                _ if heard.has(Intent::Done) => self.finish(self.nothing(), self.lines.do_not_book, None),
                Proposal::Open(_) => says([self.lines.which_time]),
                Proposal::Table(..) => self.cannot_take_it(),
            };
        }
        if heard.has(Intent::NoBooking) && self.request.kind == CallKind::Change {
            return self.not_found();
        }
        if heard.asks() {
            return Decision { says: self.answers(), calls: Vec::new() };
        }
        if heard.refuses() {
            let only_this_time = heard.has(Intent::Unavailable) && !heard.has_any(&[Intent::FullyBooked, Intent::Closed]);
            let has_room = self.request.earliest_time != self.request.latest_time;
            if only_this_time && has_room && standing.named_limits == 0 && !heard.has(Intent::Goodbye) {
                return says([sentences::limits(self.request, self.request.language)]);
            }
            return self.another_day().unwrap_or_else(|| self.finish(self.nothing(), self.lines.pity, None));
        }
        if heard.has(Intent::Goodbye) {
            return self.finish(self.nothing(), self.lines.goodbye, None);
        }
        self.not_understood()
    }

    /// A cancellation or a confirmation: all that is needed is a yes.
    fn expect_yes(&self, outcome: Outcome) -> Decision {
        let heard = &self.standing.heard;
        if heard.has(Intent::NoBooking) {
            self.not_found()
        } else if heard.agrees() {
            self.finish(outcome, self.lines.goodbye, None)
        } else if heard.asks() {
            Decision { says: self.answers(), calls: Vec::new() }
        } else if heard.refuses() {
            self.finish(Outcome::Declined, self.lines.pity, None)
        } else if heard.has(Intent::Goodbye) {
            self.finish(Outcome::NoAgreement, self.lines.goodbye, None)
        } else {
            self.not_understood()
        }
    }

    /// After `accept_offer` has answered `accepted`.
    fn agreed(&self, accepted: &Offer) -> Decision {
        let standing = &self.standing;
        let heard = &standing.heard;
        let outcome = match self.request.kind {
            CallKind::Change => Outcome::Changed,
            _ if accepted.date == self.request.wanted_date && accepted.time == self.request.wanted_time => Outcome::Booked,
            _ => Outcome::BookedAlternative,
        };
        let just_now = standing.settled == Settled::Accepted;
        let name = sentences::named(self.lines.name, &self.request.guest_name);
        if heard.asks() {
            return says(self.answers().into_iter().chain(self.wish()));
        }
        if just_now && !heard.has_any(&[Intent::Goodbye, Intent::Done]) {
            let thanks = if outcome == Outcome::BookedAlternative { self.lines.suits } else { self.lines.thanks };
            let name = (outcome == Outcome::Booked && standing.times_said(&name) == 0).then_some(name);
            return says(std::iter::once(thanks.to_owned()).chain(name).chain(self.wish()));
        }
        if heard.has(Intent::Goodbye) {
            return self.finish(outcome, self.lines.goodbye, None);
        }
        if !just_now && heard.refuses() {
            return self.finish(Outcome::Declined, self.lines.pity, Some("the table was taken back after it had been agreed"));
        }
        let correction = sentences::at_time(self.lines.time, accepted.time);
        if !heard.times.is_empty() && !heard.times.contains(&accepted.time) && standing.times_said(&correction) == 0 {
            return says([correction]);
        }
        if heard.has(Intent::HoldOn) {
            return says([self.lines.hold]);
        }
        if heard.has(Intent::Repeat) && standing.said.last().is_some_and(|last| standing.times_said(last) <= REPEATS) {
            return says(standing.said.last().cloned());
        }
        if heard.has(Intent::Done) && standing.times_said(&name) == 0 && self.request.kind == CallKind::Book {
            return says([name].into_iter().chain(self.wish()));
        }
        if heard.intents.is_empty() && standing.pending && standing.times_said(self.lines.repeat) == 0 {
            return says([self.lines.repeat]);
        }
        self.finish(outcome, self.lines.goodbye, None)
    }

    /// An offer that the guest cannot take, or that the tool refused: names the limits once, then asks for other days, then
    /// gives up.
    fn cannot_take_it(&self) -> Decision {
        if self.standing.named_limits == 0 {
            return says([sentences::limits(self.request, self.request.language)]);
        }
        self.another_day().unwrap_or_else(|| self.finish(self.nothing(), self.lines.pity, None))
    }

    fn another_day(&self) -> Option<Decision> {
        let standing = &self.standing;
        let closed = standing.heard.has(Intent::Closed).then(|| standing.proposal.date().weekday());
        let asked = |date: &NaiveDate| standing.asked_dates.contains(date);
        let open = self.request.other_dates.iter().find(|date| !asked(date) && Some(date.weekday()) != closed)?;
        (!standing.heard.has(Intent::Goodbye)).then(|| self.ask_for(*open))
    }

    fn ask_for(&self, day: NaiveDate) -> Decision {
        says([sentences::other_date(day, self.request.wanted_time, self.request.language)])
    }

    fn not_found(&self) -> Decision {
        match &self.request.booking_reference {
            Some(reference) if self.standing.times_said(&self.lines.reference.replace("{reference}", reference)) == 0 => {
                says([self.lines.reference.replace("{reference}", reference)])
            }
            _ => self.finish(Outcome::Declined, self.lines.pity, Some("the restaurant found no such booking")),
        }
    }

    fn not_understood(&self) -> Decision {
        if self.standing.times_said(self.lines.repeat) < REPEATS {
            return says([self.lines.repeat]);
        }
        self.finish(self.nothing(), self.lines.goodbye, None)
    }

    /// The outcome where there is no table.
    fn nothing(&self) -> Outcome {
        match (self.standing.outside.is_empty(), self.standing.heard.refuses()) {
            (false, _) => Outcome::OfferOutsideLimits,
            (true, true) => Outcome::Declined,
            (true, false) => Outcome::NoAgreement,
        }
    }

    fn may_take(&self, date: NaiveDate, time: NaiveTime) -> bool {
        let refused = self.standing.refused.iter().any(|offer| offer.date == date && offer.time == time);
        self.request.day_is_accepted(date) && self.request.time_is_accepted(time) && !refused
    }

    /// The offer the guest likes best among those he can take.
    fn best(&self, offers: &[Offer]) -> Option<Offer> {
        let can_take = |offer: &&Offer| self.may_take(offer.date, offer.time) && offer.party_size == self.request.party_size;
        let distance = |offer: &&Offer| (offer.time - self.request.wanted_time).num_minutes().abs();
        offers.iter().filter(can_take).min_by_key(distance).cloned()
    }

    fn accept(&self, offer: Offer) -> Decision {
        let reference = self.standing.heard.reference.clone();
        Decision { says: Vec::new(), calls: vec![Call::Accept { offer, name: self.request.guest_name.clone(), reference }] }
    }

    fn finish(&self, outcome: Outcome, last_words: &str, notes: Option<&'static str>) -> Decision {
        let reference = self.standing.heard.reference.clone();
        let offered = self.standing.outside.clone();
        let report = Call::Report { outcome, notes, reference, offered, do_not_call: false };
        Decision { says: vec![last_words.to_owned()], calls: vec![report, Call::End] }
    }

    fn state(&self, first: impl IntoIterator<Item = String>) -> Decision {
        says(first.into_iter().chain([sentences::request(self.request, self.request.language)]))
    }

    fn wish(&self) -> Option<String> {
        let wish = self.request.special_requests.as_deref().map(str::trim).filter(|wish| !wish.is_empty())?;
        let sentence = self.lines.wish.replace("{wish}", wish.trim_end_matches('.'));
        (self.standing.times_said(&sentence) == 0 && !self.standing.heard.has(Intent::AskSpecial)).then_some(sentence)
    }

    /// The answers to everything that is asked, in the order of a reservation.
    fn answers(&self) -> Vec<String> {
        let (request, lines) = (self.request, self.lines);
        let table = match (&self.standing.accepted, self.standing.proposal) {
            (Some(offer), _) => (offer.date, offer.time),
            (None, Proposal::Table(date, time)) => (date, time),
            (None, Proposal::Open(date)) => (date, request.wanted_time),
        };
        let answer = |intent: &Intent| match intent {
            Intent::Who => Some(sentences::named(lines.who, &request.guest_name)),
            Intent::AskName => Some(sentences::named(lines.name, &request.guest_name)),
            Intent::AskSpelling => Some(sentences::spelling(&request.guest_name, request.language)),
            Intent::AskPhone => Some(sentences::phone(&request.guest_phone, request.language)),
            Intent::AskParty => Some(sentences::we_are(request.party_size, request.language)),
            Intent::AskDay => Some(sentences::day(table.0, request.language)),
            Intent::AskTime => Some(sentences::at_time(lines.time, table.1)),
            Intent::AskSeating => Some(lines.any_seat.to_owned()),
            Intent::AskSpecial => Some(match request.special_requests.as_deref().map(str::trim) {
                Some(wish) if !wish.is_empty() => lines.wish.replace("{wish}", wish.trim_end_matches('.')),
                _ => lines.no_wish.to_owned(),
            }),
            Intent::AskReference => Some(match &request.booking_reference {
                Some(reference) => lines.reference.replace("{reference}", reference),
                None => lines.no_reference.to_owned(),
            }),
            _ => None,
        };
        self.standing.heard.intents.iter().filter_map(answer).collect()
    }
}

fn says<S: Into<String>>(sentences: impl IntoIterator<Item = S>) -> Decision {
    Decision { says: sentences.into_iter().map(Into::into).collect(), calls: Vec::new() }
}
