//! The state of a conversation: what has been asked, offered and agreed, computed from its history.

use chrono::{NaiveDate, NaiveTime};
use offhook::{language::Language, offer::Offer};
use serde_json::Value;

use super::{
    reading::{Conversation, Happening, PromptRequest},
    sentences::{self, heard_share},
    understanding::{Intent, Understanding},
};

/// From this share on, a sentence counts as heard to its last word; one word less would leave out the time.
const HEARD: f32 = 0.95;
/// From this share on, a callee will have understood what a question is about.
const GRASPED: f32 = 0.6;

/// What a bare "yes" of the callee would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposal {
    /// This table.
    Table(NaiveDate, NaiveTime),
    /// Some table within the limits of that day; its time is still to be named.
    Open(NaiveDate),
}

impl Proposal {
    /// The day spoken about.
    pub fn date(self) -> NaiveDate {
        match self {
            Proposal::Table(date, _) | Proposal::Open(date) => date,
        }
    }
}

/// How the last tool call went, where nothing was said since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing to react to.
    Nothing,
    /// An offer was accepted.
    Accepted,
    /// An offer was refused by the limits.
    Refused,
    /// An outcome was not recorded.
    NotRecorded,
}

/// What has been asked, offered and agreed so far.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The request was heard to its end.
    pub stated: bool,
    /// What "yes" means now.
    pub proposal: Proposal,
    /// How often the limits were named.
    pub named_limits: usize,
    /// The other days asked for.
    pub asked_dates: Vec<NaiveDate>,
    /// Offers the guest cannot take, in order.
    pub outside: Vec<Offer>,
    /// Offers the tool refused.
    pub refused: Vec<Offer>,
    /// The table agreed on.
    pub accepted: Option<Offer>,
    /// An outcome is recorded.
    pub reported: bool,
    /// What the last tool call came to.
    pub settled: Settled,
    /// Everything the agent was heard to say.
    pub said: Vec<String>,
    /// The callee's words since the agent last spoke, or, after a tool call, before it.
    pub words: String,
    /// The callee has spoken (or made a sound) since the agent last did.
    pub pending: bool,
    /// What these words mean.
    pub heard: Understanding,
}

impl Standing {
    /// Of this conversation.
    pub fn of(conversation: &Conversation) -> Standing {
        let request = &conversation.request;
        let mut standing = Standing {
            stated: false,
            proposal: Proposal::Table(request.wanted_date, request.wanted_time),
            named_limits: 0,
            asked_dates: Vec::new(),
            outside: Vec::new(),
            refused: Vec::new(),
            accepted: None,
            reported: false,
            settled: Settled::Nothing,
            said: Vec::new(),
            words: String::new(),
            pending: false,
            heard: Understanding::default(),
        };
        for happening in &conversation.happenings {
            match happening {
                Happening::Agent(text) => standing.agent_said(text, request),
                Happening::Callee(text) => standing.callee_said(text, request),
                Happening::Called { tool, arguments, result } => standing.called(tool, arguments, result),
            }
        }
        standing
    }

    fn agent_said(&mut self, text: &str, request: &PromptRequest) {
        let heard = |sentence: &dyn Fn(Language) -> String, share| {
            Language::ALL.into_iter().any(|language| heard_share(&sentence(language), text) >= share)
        };
        if heard(&|language| sentences::limits(request, language), GRASPED) {
            self.named_limits += 1;
            let date = self.proposal.date();
            let only = request.earliest_time == request.latest_time;
            self.proposal = if only { Proposal::Table(date, request.wanted_time) } else { Proposal::Open(date) };
        }
        for &date in &request.other_dates {
            if heard(&|language| sentences::other_date(date, request.wanted_time, language), GRASPED) {
                self.asked_dates.push(date);
                self.proposal = Proposal::Table(date, request.wanted_time);
            }
        }
        if heard(&|language| sentences::request(request, language), HEARD) {
            self.stated = true;
        }
        self.said.push(text.to_owned());
        self.settled = Settled::Nothing;
        self.pending = false;
    }

    fn callee_said(&mut self, text: &str, request: &PromptRequest) {
        if !self.pending {
            self.words.clear();
        }
        self.words = format!("{} {text}", self.words).trim().to_owned();
        self.pending = true;
        self.settled = Settled::Nothing;
        self.heard = Understanding::of(&self.words, request.language, request.wanted_time);
        if !self.stated {
            return;
        }
        for offer in self.offers(request) {
            let allowed = request.day_is_accepted(offer.date)
                && request.time_is_accepted(offer.time)
                && offer.party_size == request.party_size;
            if !allowed && !self.outside.contains(&offer) {
                self.outside.push(offer);
            }
        }
    }

    fn called(&mut self, tool: &str, arguments: &Value, result: &Value) {
        match tool {
            "accept_offer" => {
                let offer = serde_json::from_value::<WrittenOffer>(arguments.clone()).ok().and_then(WrittenOffer::read);
                if result["accepted"] == true {
                    self.accepted = offer;
                    self.settled = Settled::Accepted;
                } else {
                    self.refused.extend(offer);
                    self.settled = Settled::Refused;
                }
            }
            "report_outcome" if result["recorded"] == true => self.reported = true,
            "report_outcome" => self.settled = Settled::NotRecorded,
            _ => {}
        }
    }

    /// The tables offered in the callee's latest words. A time that is named only to say that it is taken is none.
    pub fn offers(&self, request: &PromptRequest) -> Vec<Offer> {
        let date = self.day_named(request).unwrap_or(self.proposal.date());
        let taken = match self.proposal {
            Proposal::Table(proposed, time) if proposed == date && self.heard.refuses() => Some(time),
            _ => None,
        };
        let party_size = self.heard.party.filter(|_| !self.heard.has(Intent::AskParty)).unwrap_or(request.party_size);
        let free = self.heard.times.iter().filter(|time| Some(**time) != taken);
        free.map(|&time| Offer { date, time, party_size }).collect()
    }

    /// The day named in the callee's latest words.
    pub fn day_named(&self, request: &PromptRequest) -> Option<NaiveDate> {
        let accepted: Vec<_> = std::iter::once(request.wanted_date).chain(request.other_dates.iter().copied()).collect();
        self.heard.day?.resolve(self.proposal.date(), &accepted, request.today)
    }

    /// How often the agent was heard to say this sentence.
    pub fn times_said(&self, sentence: &str) -> usize {
        self.said.iter().filter(|text| heard_share(sentence, text) >= GRASPED).count()
    }
}

#[derive(serde::Deserialize)]
struct WrittenOffer {
    date: NaiveDate,
    time: String,
    party_size: u16,
}

impl WrittenOffer {
    fn read(self) -> Option<Offer> {
        let time = NaiveTime::parse_from_str(&self.time, "%H:%M").ok()?;
        Some(Offer { date: self.date, time, party_size: self.party_size })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::talker::reading::tests::REQUEST;

    fn standing(happenings: Vec<Happening>) -> Standing {
        Standing::of(&Conversation { request: serde_json::from_str(REQUEST).unwrap(), happenings })
    }
    fn agent(text: &str) -> Happening {
        Happening::Agent(text.into())
    }
    fn callee(text: &str) -> Happening {
        Happening::Callee(text.into())
    }
    const STATED: &str = "I would like to book a table for 4 people on Friday the fourth of December at 19:30.";

    #[test]
    fn a_request_that_was_cut_off_was_not_stated() {
        assert!(standing(vec![agent(STATED)]).stated);
        assert!(!standing(vec![agent("I would like to book a table for 4 people on Friday the")]).stated);
        assert!(
            standing(vec![agent("Ik wil graag een tafel reserveren voor 4 personen op vrijdag 4 december om 19:30 uur.")]).stated
        );
    }

    #[test]
    fn a_time_that_is_taken_is_no_offer() {
        let request = serde_json::from_str(REQUEST).unwrap();
        let offered = |text: &str| standing(vec![agent(STATED), callee(text)]).offers(&request);
        assert_eq!(offered("19:30 is not available."), []);
        assert_eq!(offered("19:30 is not available, but 21:30 is free.").len(), 1);
        let next_day = offered("That evening is full, but the day after we have a table at 19:30.");
        assert_eq!(next_day[0].date, NaiveDate::from_ymd_opt(2026, 12, 5).unwrap());
    }

    #[test]
    fn what_yes_means_follows_the_last_question() {
        let limits = "I am afraid that does not suit us. Would you have anything between 19:00 and 20:30?";
        let date = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        assert_eq!(standing(vec![agent(STATED), agent(limits)]).proposal, Proposal::Open(date(4)));
        let other = "Would it be possible on Saturday the fifth of December at 19:30 instead?";
        let time = NaiveTime::from_hms_opt(19, 30, 0).unwrap();
        assert_eq!(standing(vec![agent(STATED), agent(other)]).proposal, Proposal::Table(date(5), time));
    }
}
