//! Our side: asking the model, and saying what it writes while it still writes.

use offhook_speaking::Chunker;
use offhook_types::{chat::ToolCall, ids::Generation};
use serde_json::json;

use super::{
    action::Action,
    conversation::{Mind, Phase},
    phrases::Phrase,
    prompts, tools,
};

/// Thoughts in a row without a word from the callee. A model that loops over its tools is left alone then.
const LONGEST_CHAIN: u32 = 6;

/// A reply of the model that is arriving.
#[derive(Debug, Clone, Default)]
pub(super) struct Thought {
    generation: Generation,
    chunker: Chunker,
    spoke: bool,
    called: bool,
    end_call: bool,
}

impl Mind {
    /// Does what is due, once the callee is silent and everything they said is known.
    pub(super) fn go_on(&mut self) {
        if self.phase != Phase::Talking || !self.floor.is_quiet() || self.thought.is_some() || !self.desk.is_idle() {
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

    /// Sentences and thoughts from now on belong together, and to nothing before.
    pub(super) fn begin_generation(&mut self) {
        self.generation += 1;
        self.voice.begin();
        self.history.agent(self.generation);
        self.answering = false;
    }

    /// Asks the model for an answer; `lead` is said while it thinks.
    pub(super) fn reply(&mut self, lead: Option<Phrase>) {
        self.chain += 1;
        if self.chain > LONGEST_CHAIN {
            self.log("chain", json!({ "thoughts": self.chain - 1 }));
            return;
        }
        self.begin_generation();
        self.answering = true;
        self.disclose();
        if let Some(lead) = lead {
            self.say(lead.in_language(self.tongue.current()).to_owned());
        }
        let prompt = prompts::system(&self.request, self.tongue.current(), self.settings.today);
        self.actions.push(Action::Think {
            generation: self.generation,
            messages: self.history.messages(prompt, &self.voice),
            tools: tools::offered(self.request.kind),
        });
        self.thought = Some(Thought { generation: self.generation, ..Thought::default() });
    }

    /// Says one fixed sentence, without the model.
    pub(super) fn say_alone(&mut self, phrase: Phrase) {
        self.begin_generation();
        self.disclose();
        self.say(phrase.in_language(self.tongue.current()).to_owned());
    }

    fn current(&mut self, generation: Generation) -> Option<&mut Thought> {
        self.thought.as_mut().filter(|thought| thought.generation == generation)
    }

    pub(super) fn reply_text(&mut self, generation: Generation, text: &str) {
        let Some(thought) = self.current(generation) else { return };
        let sentences = thought.chunker.push(text);
        thought.spoke |= !sentences.is_empty();
        for sentence in sentences {
            self.say(sentence);
        }
    }

    pub(super) fn reply_tool_call(&mut self, generation: Generation, call: ToolCall) {
        let Some(thought) = self.current(generation) else { return };
        thought.called = true;
        thought.end_call |= call.name == tools::END_CALL;
        self.tool_called(generation, call);
    }

    pub(super) fn reply_ended(&mut self, generation: Generation) {
        if self.current(generation).is_none() {
            return;
        }
        let Some(mut thought) = self.thought.take() else { return };
        if let Some(sentence) = thought.chunker.finish() {
            thought.spoke = true;
            self.say(sentence);
        }
        if !thought.spoke && !thought.called && self.chain <= 1 {
            self.thought_failed("the model's answer was empty");
            return;
        }
        self.reply_failures = 0;
        if thought.end_call {
            self.close_gently();
        } else if thought.called {
            self.floor.unanswered = true;
        }
    }

    pub(super) fn reply_failed(&mut self, generation: Generation, error: &str) {
        if self.current(generation).is_some() {
            self.thought = None;
            self.thought_failed(error);
        }
    }

    fn thought_failed(&mut self, error: &str) {
        self.reply_failures += 1;
        self.log("model_failed", json!({ "error": error, "in_a_row": self.reply_failures }));
        if self.reply_failures >= 2 {
            self.say_goodbye(Phrase::Trouble, &format!("The language model failed twice in a row: {error}"));
        } else if self.desk.is_idle() {
            self.reply(Some(Phrase::OneMoment));
        } else {
            // The journal's answer belongs into the next question.
            self.floor.unanswered = true;
        }
    }
}
