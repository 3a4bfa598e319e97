//! Our side: asking the model, and saying what it writes while it still writes.

use offhook::provider::Provider;
use offhook_types::{
    chat::ToolCall,
    ids::{Generation, Millis, SentenceId},
};
use serde_json::json;

use super::{
    action::Action,
    mind::{Mind, Phase},
    model_reply::ModelReply,
    phrases::Phrase,
    prompts,
    sentence_queue::{Sentence, estimated_length},
    tool_schemas,
};

/// ModelReplys in a row without a word from the callee. A model that loops over its tools is left alone then.
const LONGEST_CHAIN: u32 = 6;
/// A reply is cut off behind so many sentences, or where they last so long when spoken, in ms: nobody listens to more.
const MOST_SENTENCES: u32 = 6;
const LONGEST_REPLY: Millis = 25_000;
/// How long words that were understood wait for an answer while somebody, or a radio, goes on speaking, in ms.
pub(super) const LONGEST_WAIT: Millis = 8_000;

impl Mind {
    /// Does what is due, once the callee is silent and everything they said is known.
    pub(super) fn go_on(&mut self) {
        self.floor.unanswered_since = self.floor.unanswered.then(|| self.floor.unanswered_since.unwrap_or(self.now));
        let may_speak = self.floor.is_quiet() || self.answer_until().is_some_and(|until| until <= self.now);
        if self.phase != Phase::Talking || !may_speak || self.reply.is_some() || !self.tool_calls.is_idle() {
            return;
        }
        let interruption = self.interruption.take();
        let again = std::mem::take(&mut self.floor.ask_again);
        if std::mem::take(&mut self.floor.unanswered) {
            self.floor.unanswered_since = None;
            self.reply(None);
        } else if let Some(text) = self.floor.ask_whether.take() {
            self.ask_whether(&text);
        } else if let Some(interruption) = interruption {
            self.resume(&interruption);
        } else if again {
            let _ = self.say_alone(Phrase::Repeat);
        }
    }

    /// Until when an answer waits for whoever is speaking.
    pub(super) fn answer_until(&self) -> Option<Millis> {
        self.floor.unanswered_since.filter(|_| self.floor.unanswered).map(|since| since + LONGEST_WAIT)
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
            self.say_trouble(Some(Provider::Chat), "The language model called tools again and again and said nothing.");
            return;
        }
        self.begin_generation();
        self.answering = true;
        self.disclose();
        if let Some(lead) = lead {
            self.say(lead.in_language(self.language.current()).to_owned());
        }
        let prompt = prompts::system(&self.request, self.language.current(), &self.settings);
        self.actions.push(Action::Think {
            generation: self.generation,
            messages: self.history.messages(prompt, &self.sentences),
            tools: tool_schemas::offered(self.request.kind),
        });
        self.reply = Some(ModelReply::new(self.generation, self.floor.bases, self.now));
    }

    /// Says one fixed sentence, without the model.
    pub(super) fn say_alone(&mut self, phrase: Phrase) -> SentenceId {
        self.begin_generation();
        self.disclose();
        self.say(phrase.in_language(self.language.current()).to_owned())
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
        for sentence in sentences {
            self.say_of_reply(generation, sentence);
        }
    }

    /// Says a sentence of the reply, up to the bound of a reply.
    fn say_of_reply(&mut self, generation: Generation, sentence: String) {
        let length = estimated_length(&sentence, self.language.current());
        let Some(reply) = self.current(generation) else { return };
        reply.spoke = true;
        reply.sentences += 1;
        reply.lasts += length;
        let (sentences, lasts) = (reply.sentences, reply.lasts);
        // The first sentence is said whatever its length.
        if sentences > MOST_SENTENCES || (sentences > 1 && lasts > LONGEST_REPLY) {
            if !std::mem::replace(&mut reply.cut_off, true) {
                self.log("reply_cut_off", json!({ "sentences": sentences - 1 }));
            }
            return;
        }
        self.correct();
        self.said_beside_read_back(&sentence);
        self.say_for_the_model(sentence);
    }

    pub(super) fn reply_tool_call(&mut self, generation: Generation, call: ToolCall) {
        let Some(reply) = self.signed(generation) else { return };
        reply.called = true;
        reply.end_call |= call.name == tool_schemas::END_CALL;
        // Calls come behind the text.
        if let Some(sentence) = reply.chunker.finish() {
            self.say_of_reply(generation, sentence);
        }
        self.tool_called(generation, call);
    }

    pub(super) fn reply_ended(&mut self, generation: Generation) {
        if self.current(generation).is_none() {
            return;
        }
        let Some(mut reply) = self.reply.take() else { return };
        if let Some(sentence) = reply.chunker.finish() {
            reply.spoke = true;
            self.reply = Some(reply);
            self.say_of_reply(generation, sentence);
            reply = match self.reply.take() {
                Some(reply) => reply,
                None => return,
            };
        }
        if reply.spoke || reply.called {
            self.reply_failures = 0;
        } else if !self.has_answered() {
            self.model_failed("the model's answer was empty");
            return;
        }
        self.say_blurred_read_back();
        if reply.end_call && !reply.refused {
            self.close_gently();
        } else if reply.called {
            self.floor.unanswered = true;
        }
    }

    /// Whether the callee has heard, or will hear, an answer to what they said last: the model may have nothing to add.
    fn has_answered(&self) -> bool {
        let answers = |(id, sentence): (&SentenceId, &Sentence)| {
            sentence.asked >= self.floor.last_sound && (sentence.by_model || self.reads_back(*id)) && sentence.is_delivered()
        };
        self.sentences.sentences.iter().any(answers)
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
            self.say_trouble(Some(Provider::Chat), &format!("The language model failed twice in a row: {error}"));
        } else if self.tool_calls.is_idle() {
            self.reply(Some(Phrase::OneMoment));
        } else {
            // The journal's answer belongs into the next question.
            self.floor.unanswered = true;
        }
    }
}
