//! Running the model's tool calls: a call that changes something is journaled before it runs.

use offhook_types::{chat::ToolCall, ids::Generation};
use serde_json::{Value, json};

use super::{
    action::Action,
    mind::{Mind, Phase},
    phrases::Phrase,
    tool_calls::{Pending, WriteTool, understand},
    tool_schemas::END_CALL,
};

impl Mind {
    /// A call of the current reply. What changes something goes to the journal first.
    pub(super) fn tool_called(&mut self, generation: Generation, call: ToolCall) {
        if call.name == END_CALL {
            self.history.call(generation, call, Some(json!({ "ending": true })));
            return;
        }
        match understand(&call.name, &call.arguments) {
            Err(reason) => {
                self.log("tool_refused", json!({ "name": call.name, "reason": reason }));
                self.history.call(generation, call, Some(json!({ "error": reason })));
            }
            Ok((WriteTool::Accept(offer, particulars), _)) if self.outcome.stands(&offer, &particulars) => {
                self.history.call(generation, call, Some(json!({ "accepted": true })));
            }
            Ok((tool, arguments)) => {
                self.tool_calls.last += 1;
                let number = self.tool_calls.last;
                self.actions.push(Action::JournalTool { number, name: call.name.clone(), arguments });
                self.tool_calls.pending.insert(number, Pending { generation, id: call.id.clone(), tool, asked: self.now });
                self.history.call(generation, call, None);
            }
        }
    }

    /// The journal holds the call: it runs now, once, whatever has been said meanwhile. `known` is its result where it ran before
    /// (`{}` where it was begun only: it changes nothing but what we know, so it runs).
    pub(super) fn tool_journaled(&mut self, number: u32, known: Option<Value>) {
        let Some(pending) = self.tool_calls.pending.remove(&number) else { return };
        let ran = self.run(pending.tool);
        let result = known.filter(|known| known.as_object().is_some_and(|fields| !fields.is_empty())).unwrap_or(ran);
        self.history.result(pending.generation, &pending.id, &result);
        self.actions.push(Action::SettleTool { number, result });
    }

    /// The journal holds the call nowhere: it does not run, and an agent that can agree to nothing has nothing left to say.
    pub(super) fn tool_not_journaled(&mut self, number: u32, error: &str) {
        let Some(pending) = self.tool_calls.pending.remove(&number) else { return };
        self.log("tool_not_journaled", json!({ "number": number, "error": error }));
        self.history.result(pending.generation, &pending.id, &json!({ "error": "it could not be written down and did not run" }));
        if !matches!(self.phase, Phase::Leaving(_)) {
            self.say_goodbye(Phrase::Trouble, &format!("A tool call could not be journaled: {error}"));
        }
    }

    fn run(&mut self, tool: WriteTool) -> Value {
        let turn = self.floor.last_turn;
        match tool {
            WriteTool::Accept(offer, particulars) => self.outcome.accept(&self.request, offer, particulars, turn),
            WriteTool::Report { outcome, particulars, offered, do_not_call } => {
                self.outcome.do_not_call |= do_not_call;
                for offer in offered {
                    self.outcome.offered(&self.request, offer, turn);
                }
                self.outcome.report_as(&self.request, outcome, particulars, turn)
            }
        }
    }
}
