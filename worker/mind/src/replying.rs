//! Our side: asking the model, and saying what it writes while it still writes.

use offhook_types::{chat::ToolCall, ids::Generation};
use serde_json::json;

use super::{
    action::Action,
    mind::{Mind, Phase},
    model_reply::ModelReply,
    phrases::Phrase,
    prompts, tool_schemas,
};

/// ModelReplys in a row without a word from the callee. A model that loops over its tools is left alone then.
const LONGEST_CHAIN: u32 = 6;

impl Mind {
    /// Does what is due, once the callee is silent and everything they said is known.
    pub(super) fn go_on(&mut self) {
        if self.phase != Phase::Talking || !self.floor.is_quiet() || self.reply.is_some() || !self.tool_calls.is_idle() {
            return;
        }
        let interruption = self.interruption.take();
        let again = std::mem::take(&mut self.floor.ask_again);
        if std::mem::take(&mut self.floor.unanswered) {
            self.reply(None);
        } else if let Some(interruption) = interruption {
            self.resume(&interruption);
        } else if again {
            self.say_alone(Phrase::Repeat);
        }
    }

    /// Sentences and replies from now on belong together, and to nothing before.
    pub(super) fn begin_generation(&mut self) {
        self.generation += 1;
        self.sentences.begin();
        self.history.agent(self.generation);
        self.answering = false;
    }

    /// Asks the model for an answer; `lead` is said while it thinks.
    pub(super) fn reply(&mut self, lead: Option<Phrase>) {
        self.chain += 1;
        if self.chain > LONGEST_CHAIN {
            self.log("chain", json!({ "replies": self.chain - 1 }));
            return;
        }
        self.begin_generation();
        self.answering = true;
        self.disclose();
        if let Some(lead) = lead {
            self.say(lead.in_language(self.language.current()).to_owned());
        }
        let prompt = prompts::system(&self.request, self.language.current(), self.settings.today);
        self.actions.push(Action::Think {
            generation: self.generation,
            messages: self.history.messages(prompt, &self.sentences),
            tools: tool_schemas::offered(self.request.kind),
        });
        self.reply = Some(ModelReply::new(self.generation, self.now));
    }

    /// Says one fixed sentence, without the model.
    pub(super) fn say_alone(&mut self, phrase: Phrase) {
        self.begin_generation();
        self.disclose();
        self.say(phrase.in_language(self.language.current()).to_owned());
    }

    /// The reply of this generation, if it is the current one; it has just given a sign.
    fn signed(&mut self, generation: Generation) -> Option<&mut ModelReply> {
        let now = self.now;
        let reply = self.current(generation)?;
        reply.last_sign = now;
        reply.begun = true;
        Some(reply)
    }

    fn current(&mut self, generation: Generation) -> Option<&mut ModelReply> {
        self.reply.as_mut().filter(|reply| reply.generation == generation)
    }

    pub(super) fn reply_text(&mut self, generation: Generation, text: &str) {
        let Some(reply) = self.signed(generation) else { return };
        let sentences = reply.chunker.push(text);
        reply.spoke |= !sentences.is_empty();
        for sentence in sentences {
            self.say(sentence);
        }
    }

    pub(super) fn reply_tool_call(&mut self, generation: Generation, call: ToolCall) {
        let Some(reply) = self.signed(generation) else { return };
        reply.called = true;
        reply.end_call |= call.name == tool_schemas::END_CALL;
        self.tool_called(generation, call);
    }

    pub(super) fn reply_ended(&mut self, generation: Generation) {
        if self.current(generation).is_none() {
            return;
        }
        let Some(mut reply) = self.reply.take() else { return };
        if let Some(sentence) = reply.chunker.finish() {
            reply.spoke = true;
            self.say(sentence);
        }
        if !reply.spoke && !reply.called && self.chain <= 1 {
            self.model_failed("the model's answer was empty");
            return;
        }
        self.reply_failures = 0;
        if reply.end_call {
            self.close_gently();
        } else if reply.called {
            self.floor.unanswered = true;
        }
    }

    pub(super) fn reply_failed(&mut self, generation: Generation, error: &str) {
        if self.current(generation).is_some() {
            self.reply = None;
            self.model_failed(error);
        }
    }

    fn model_failed(&mut self, error: &str) {
        self.reply_failures += 1;
        self.log("model_failed", json!({ "error": error, "in_a_row": self.reply_failures }));
        if self.reply_failures >= 2 {
            self.say_goodbye(Phrase::Trouble, &format!("The language model failed twice in a row: {error}"));
        } else if self.tool_calls.is_idle() {
            self.reply(Some(Phrase::OneMoment));
        } else {
            // The journal's answer belongs into the next question.
            self.floor.unanswered = true;
        }
    }
}
