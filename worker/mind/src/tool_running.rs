//! Running the model's tool calls: a call that changes something is journaled before it runs.

use offhook::outcome::Outcome;
use offhook_types::{chat::ToolCall, ids::Generation};
use serde_json::{Value, json};

use super::{
    action::Action,
    mind::{Mind, Phase},
    tool_calls::{Pending, WriteTool, understand},
    tool_schemas::{ACCEPT_OFFER, END_CALL, REPORT_OUTCOME},
};

/// Calls of one reply that may change something. More of them are a model that is stuck.
const MOST_WRITES: u32 = 8;
const TOO_MANY: &str = "too many calls in one answer: this one did not run";

impl Mind {
    /// A call of the current reply. What changes something goes to the journal first.
    pub(super) fn tool_called(&mut self, generation: Generation, call: ToolCall) {
        if call.name == END_CALL {
            if let Some(reason) = self.end_is_premature() {
                self.refused(generation);
                self.history.call(generation, call, Some(json!({ "ending": false, "reason": reason })));
                return;
            }
            self.history.call(generation, call, Some(json!({ "ending": true })));
            return;
        }
        match understand(&call.name, &call.arguments) {
            Err(reason) => {
                self.log("tool_refused", json!({ "name": call.name, "reason": reason }));
                self.refused(generation);
                if call.name == ACCEPT_OFFER || call.name == REPORT_OUTCOME {
                    self.promise_refused(None);
                }
                self.history.call(generation, call, Some(json!({ "error": reason })));
            }
            Ok((WriteTool::Accept(offer, particulars), _))
                if self.outcome.stands(&offer, &particulars) && !self.is_contested() =>
            {
                self.history.call(generation, call, Some(json!({ "accepted": true })));
            }
            Ok(_) if self.reply.as_ref().is_some_and(|reply| reply.writes >= MOST_WRITES) => {
                self.log("tool_refused", json!({ "name": call.name, "reason": TOO_MANY }));
                self.refused(generation);
                self.history.call(generation, call, Some(json!({ "error": TOO_MANY })));
            }
            Ok((tool, arguments)) => {
                let bases = self.reply.as_mut().map_or(self.floor.bases, |reply| {
                    reply.writes += 1;
                    reply.bases
                });
                self.tool_calls.last += 1;
                let number = self.tool_calls.last;
                self.actions.push(Action::JournalTool { number, name: call.name.clone(), arguments });
                self.tool_calls.pending.insert(number, Pending { generation, id: call.id.clone(), tool, bases, asked: self.now });
                self.history.call(generation, call, None);
            }
        }
    }

    /// A call of this reply was refused: the reply does not end the conversation.
    fn refused(&mut self, generation: Generation) {
        if let Some(reply) = self.reply.as_mut().filter(|reply| reply.generation == generation) {
            reply.refused = true;
        }
        self.void_end(generation);
    }

    /// The journal holds the call: it runs now, once, whatever has been said meanwhile. `known` is its result where it ran before
    /// (`{}` where it was begun only: it changes nothing but what we know, so it runs).
    pub(super) fn tool_journaled(&mut self, number: u32, known: Option<Value>) {
        let Some(pending) = self.tool_calls.pending.remove(&number) else { return };
        let ran = self.run(pending.tool, pending.bases, pending.generation);
        let result = known.filter(|known| known.as_object().is_some_and(|fields| !fields.is_empty())).unwrap_or(ran);
        if result["accepted"] == false || result["recorded"] == false {
            self.refused(pending.generation);
        }
        self.history.result(pending.generation, &pending.id, &result);
        self.actions.push(Action::SettleTool { number, result });
    }

    /// The journal holds the call nowhere: it does not run, and an agent that can agree to nothing has nothing left to say.
    pub(super) fn tool_not_journaled(&mut self, number: u32, error: &str) {
        let Some(pending) = self.tool_calls.pending.remove(&number) else { return };
        self.log("tool_not_journaled", json!({ "number": number, "error": error }));
        if matches!(pending.tool, WriteTool::Accept(..)) {
            self.promise_refused(None);
        }
        self.history.result(pending.generation, &pending.id, &json!({ "error": "it could not be written down and did not run" }));
        if !matches!(self.phase, Phase::Leaving(_)) {
            self.say_trouble(None, &format!("A tool call could not be journaled: {error}"));
        }
    }

    fn run(&mut self, tool: WriteTool, bases: u32, generation: Generation) -> Value {
        let turn = self.floor.last_turn;
        match tool {
            WriteTool::Accept(offer, _) if self.floor.doubted => {
                self.promise_refused(Some(&offer));
                json!({ "accepted": false, "reason": "their last words were not heard for certain: ask them to say day and time again" })
            }
            WriteTool::Accept(offer, particulars) => {
                let (particulars, replaced) = self.under_the_guests_name(particulars);
                if let Some(reason) = self.is_settled_otherwise(&offer, bases, generation) {
                    return json!({ "accepted": false, "reason": reason });
                }
                let clock = self.settings.clock(self.now);
                let mut result = self.outcome.accept(&self.request, offer.clone(), particulars, turn, clock);
                if result["accepted"] == true {
                    self.note_accepted(bases, generation);
                    self.offer_accepted(generation);
                    result["read_back"] = json!("the restaurant hears date, time, party and name now: do not repeat them");
                    if self.read_back.as_ref().is_some_and(|read_back| read_back.needs_yes && !read_back.confirmed) {
                        result["read_back"] = json!(
                            "the restaurant hears date, time, party and name now: do not repeat them, and ask whether that is right. Their \
                             words did not offer this table, so it counts only once they have said yes to it"
                        );
                    }
                    if replaced {
                        result["name"] = json!(format!("the table is under the guest's name, {}", self.request.guest_name));
                    }
                } else {
                    self.promise_refused(Some(&offer));
                }
                result
            }
            WriteTool::Report { outcome: Outcome::Booked | Outcome::BookedAlternative | Outcome::Changed, .. }
                if self.is_contested() =>
            {
                let reason = "they objected to the booking as it was read back: settle it with them, and call accept_offer with what they confirm";
                json!({ "recorded": false, "reason": reason })
            }
            WriteTool::Report { outcome, particulars, offered, do_not_call } => {
                self.outcome.do_not_call |= do_not_call;
                let clock = self.settings.clock(self.now);
                for offer in offered {
                    self.outcome.offered(&self.request, offer, turn, clock);
                }
                if let Some(reason) = self.is_accepted_in_the_same_reply(outcome, generation) {
                    return json!({ "recorded": false, "reason": reason });
                }
                let known = self.is_agreement_known() || self.read_back.is_some();
                let result = self.outcome.report_as(&self.request, outcome, particulars, turn);
                if result["recorded"] == true {
                    self.note_reported(outcome, generation);
                }
                if known && self.outcome.agreed().is_none() {
                    // They heard that we take the table: they hear that we do not, too.
                    self.agreement_taken_back();
                }
                self.agreement_dropped();
                if result["recorded"] == false && self.outcome.agreed().is_none() {
                    self.promise_refused(None);
                }
                result
            }
        }
    }
}
