//! Puts the parts together: what the recognisers listen for, what restaurants hear and speak with, who is behind the chat wire.

use std::path::Path;

use offhook::language::Language;
use offhook_speaking::spoken;
use offhook_types::audio::SAMPLE_RATE;

use crate::{
    recogniser::{
        Recogniser,
        templates::TemplateError,
        vocabulary::{Phrase, Vocabulary},
    },
    restaurants::{persona::Persona, phone::Senses, restaurant_vocabulary},
    servers::chat::{ChatMessage, ChatReply, ChatRequest, ChatRole, ReplyToolCall, Talker},
    talker::{
        self,
        vocabulary::{Guest, agent_vocabulary},
        wire::{FunctionCall, Message, Tool, ToolCall},
    },
    voice::{Line, Voice, cast::CastVoice},
};

/// The recogniser behind `/v1/audio/transcriptions`: knows everything the restaurants may say. Blocks while it learns.
///
/// # Errors
/// [`TemplateError`], where espeak-ng or the cache cannot be used.
pub fn recogniser_of_restaurants(personas: &[Persona], cache: &Path) -> Result<Recogniser, TemplateError> {
    Recogniser::build(Vocabulary::new(phrases(restaurant_vocabulary(personas))), cache)
}

/// The restaurants' own ears: know what the talker may say on behalf of these guests. Blocks while it learns.
///
/// # Errors
/// [`TemplateError`], where espeak-ng or the cache cannot be used.
pub fn recogniser_of_agents(guests: &[Guest], cache: &Path) -> Result<Recogniser, TemplateError> {
    Recogniser::build(Vocabulary::new(phrases(agent_vocabulary(guests))), cache)
}

fn phrases(vocabulary: Vec<(Language, String)>) -> impl Iterator<Item = Phrase> {
    vocabulary.into_iter().map(|(language, text)| Phrase { language, spoken: spoken(&text, language), text })
}

/// What restaurants hear and speak with: the recogniser of the agent's sentences, and espeak-ng.
pub struct RestaurantSenses {
    /// Knows what the agent may say.
    pub recogniser: Recogniser,
    /// Speaks.
    pub voice: Voice,
}

impl Senses for RestaurantSenses {
    fn recognise(&self, samples: &[i16], rate: u32, language: Language) -> Option<String> {
        let heard = self.recogniser.recognise(samples, rate, Some(language));
        (heard.language == language && !heard.text.is_empty()).then_some(heard.text)
    }

    async fn speak(&self, text: &str, voice: &str, language: Language) -> Option<Vec<i16>> {
        let variant = voice.find('+').map_or("", |plus| &voice[plus..]);
        let Some(voice) = CastVoice::restaurant_with(language, variant) else {
            tracing::error!(voice, "no restaurant speaks with this voice");
            return None;
        };
        match self.voice.say(&Line { text: text.to_owned(), voice, speed: 1.0, rate: SAMPLE_RATE }).await {
            Ok(samples) => Some(samples.to_vec()),
            Err(error) => {
                tracing::error!(%error, "a restaurant cannot speak");
                None
            }
        }
    }
}

/// The reservation talker behind `/v1/chat/completions`.
pub struct ReservationTalker;

impl Talker for ReservationTalker {
    fn reply(&self, request: &ChatRequest) -> ChatReply {
        let messages: Vec<Message> = request.messages.iter().map(message).collect();
        let tools: Vec<Tool> = request.tools.iter().map(|tool| Tool::named(&tool.function.name)).collect();
        let reply = talker::reply(&messages, &tools);
        ChatReply {
            text: reply.text,
            tool_calls: reply
                .tool_calls
                .into_iter()
                .map(|call| ReplyToolCall {
                    name: call.function.name,
                    arguments: serde_json::from_str(&call.function.arguments).unwrap_or_default(),
                })
                .collect(),
        }
    }
}

fn message(sent: &ChatMessage) -> Message {
    let role = match sent.role {
        ChatRole::System | ChatRole::Developer => "system",
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
        ChatRole::Tool => "tool",
    };
    Message {
        role: role.to_owned(),
        content: sent.text(),
        tool_calls: sent
            .tool_calls
            .iter()
            .map(|call| ToolCall {
                id: call.id.clone(),
                kind: "function".to_owned(),
                function: FunctionCall { name: call.function.name.clone(), arguments: call.function.arguments.clone() },
            })
            .collect(),
        tool_call_id: sent.tool_call_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::restaurants::persona;

    #[test]
    fn every_persona_has_a_voice_of_the_restaurants() {
        for persona in persona::built_in().unwrap().iter().filter(|persona| !persona.turns.is_empty()) {
            let variant = &persona.voice[persona.voice.find('+').unwrap()..];
            assert!(CastVoice::restaurant_with(persona.language, variant).is_some(), "{}: {}", persona.name, persona.voice);
        }
    }
}
