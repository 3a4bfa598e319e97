//! What providers are asked before a restaurant is called: the voice says a known sentence, the recogniser hears it back, and the model
//! is offered a tool. The round trip is that of a call, over the same client and with the same bounds.

use std::time::{Duration, Instant};

use offhook::{language::Language, provider::Provider};
use offhook_providers::{ProviderError, Providers, Service};
use offhook_types::{
    audio::SAMPLE_RATE,
    chat::{Message, ReplyPiece, Role, Tool, ToolCall},
    transcript::Transcript,
};
use serde_json::json;
use tokio::time::timeout;

/// The whole probe of one provider, whatever its limits are.
pub const LONGEST: Duration = Duration::from_secs(30);
/// The shortest and the longest that any voice takes for one of [`sentence`]'s, in seconds.
const SHORTEST_SOUND: f32 = 0.6;
const LONGEST_SOUND: f32 = 12.0;
/// A sound that is nowhere louder is silence: 1 % of full scale.
const SILENCE: u16 = 328;
/// The name of the tool that is offered.
const TOOL: &str = "confirm_ready";

/// What is wrong with a provider that answered.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It did not answer, or not in the wire's language.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// No end within [`LONGEST`].
    #[error("{provider}: no complete answer came within {s} s: use a faster server or model, {model}", provider = .0.as_str(), s = LONGEST.as_secs(), model = service_of(*.0).model_setting())]
    Endless(Provider),
    /// Samples, and none to be heard.
    #[error(
        "text_to_speech: the voice \"{0}\" is silent: choose another voice in OFFHOOK_VOICES, or another model in OFFHOOK_TTS_MODEL"
    )]
    Silent(String),
    /// Too short or too long to be the sentence.
    #[error(
        "text_to_speech: the sound of a sentence of 7 words lasts {seconds:.1} s: it is not what response_format \"pcm\" means (24 kHz, signed 16 \
         bit, little-endian, or WAV); set OFFHOOK_TTS_RATE to the rate that the server sends, or that of one voice in OFFHOOK_VOICES \
         (de=thorsten@16000)"
    )]
    Length {
        /// How long the sound was.
        seconds: f32,
    },
    /// Other words than those said, or none.
    #[error(
        "speech_to_text: of \"{sentence}\", said by the voice, it heard \"{heard}\": check OFFHOOK_STT_MODEL, and that the voice in \
         OFFHOOK_VOICES speaks the language and sends the format it names"
    )]
    Misheard {
        /// What was said.
        sentence: &'static str,
        /// What was heard.
        heard: String,
    },
    /// An end without words and calls.
    #[error("chat: the model's reply is empty: choose another model in OFFHOOK_CHAT_MODEL")]
    Empty,
    /// Words where a tool had to be called.
    #[error("chat: the model was told to call a tool and called none: choose a model that uses tools in OFFHOOK_CHAT_MODEL")]
    NoTool,
    /// The arguments are no JSON.
    #[error("chat: the model called its tool with \"{0}\", which is no JSON object: choose another model in OFFHOOK_CHAT_MODEL")]
    Arguments(String),
}

/// A sentence that every voice can say and every recogniser knows. The sandbox's recogniser does.
pub const fn sentence(language: Language) -> &'static str {
    match language {
        Language::En => "I am sorry, we are closed that day.",
        Language::De => "Tut mir leid, an dem Tag haben wir geschlossen.",
        Language::Es => "Lo siento, ese día estamos cerrados.",
        Language::Nl => "Het spijt me, die dag zijn we gesloten.",
    }
}

/// A sentence that was said.
#[derive(Debug, Clone)]
pub struct Said {
    /// 16 kHz, mono.
    pub sound: Vec<i16>,
    /// From the request to the first sound.
    pub first_sound: Duration,
}

/// What the recogniser heard of a sentence.
#[derive(Debug, Clone)]
pub struct Heard {
    /// How long it took.
    pub took: Duration,
    /// The words.
    pub text: String,
    /// How sure it is, 0 to 1, where it says so.
    pub confidence: Option<f32>,
}

/// A reply of the model.
#[derive(Debug, Clone)]
pub struct Replied {
    /// The tool calls.
    pub calls: Vec<ToolCall>,
    /// Its words.
    pub text: String,
    /// In how many pieces the words came.
    pub pieces: usize,
    /// From the request to the first words or call.
    pub first_token: Duration,
}

/// Has the voice of `language` (named `voice`) say its [`sentence`].
///
/// # Errors
/// [`Fault`].
pub async fn say(providers: &Providers, language: Language, voice: &str) -> Result<Said, Fault> {
    let sentence = sentence(language);
    let begun = Instant::now();
    let speaking = async {
        let mut stream = providers.voice(sentence, language).await?;
        let (mut sound, mut first_sound) = (Vec::new(), None);
        while let Some(samples) = stream.next().await {
            sound.extend(samples?);
            first_sound.get_or_insert_with(|| begun.elapsed());
            if seconds(&sound) > LONGEST_SOUND {
                break;
            }
        }
        Ok::<_, Fault>(Said { sound, first_sound: first_sound.unwrap_or_default() })
    };
    let said = timeout(LONGEST, speaking).await.map_err(|_| Fault::Endless(Provider::TextToSpeech))??;
    let length = seconds(&said.sound);
    if !(SHORTEST_SOUND..=LONGEST_SOUND).contains(&length) {
        return Err(Fault::Length { seconds: length });
    }
    if said.sound.iter().all(|sample| sample.unsigned_abs() < SILENCE) {
        return Err(Fault::Silent(voice.to_owned()));
    }
    Ok(said)
}

/// Has the recogniser hear what was said in `language`.
///
/// # Errors
/// [`Fault`].
pub async fn hear(providers: &Providers, said: &Said, language: Language) -> Result<Heard, Fault> {
    let begun = Instant::now();
    let Transcript { text, confidence, .. } = transcribe(providers, &said.sound, Some(language)).await?;
    let sentence = sentence(language);
    if !has_words_of(&text, sentence) {
        return Err(Fault::Misheard { sentence, heard: text.chars().take(100).collect() });
    }
    Ok(Heard { took: begun.elapsed(), text, confidence })
}

/// Has the recogniser hear a second of silence, where there is no voice to say something: whatever it returns will do.
///
/// # Errors
/// [`Fault`].
pub async fn hear_silence(providers: &Providers) -> Result<Duration, Fault> {
    let begun = Instant::now();
    transcribe(providers, &vec![0; SAMPLE_RATE as usize], None).await?;
    Ok(begun.elapsed())
}

async fn transcribe(providers: &Providers, sound: &[i16], hint: Option<Language>) -> Result<Transcript, Fault> {
    let transcript = timeout(LONGEST, providers.transcribe(sound, hint)).await;
    Ok(transcript.map_err(|_| Fault::Endless(Provider::SpeechToText))??)
}

/// What the model is told, and offered.
pub fn question() -> (Vec<Message>, Vec<Tool>) {
    let prompt =
        format!("This is a test before telephone calls are made. Call the tool {TOOL} once, with ready = true. Write nothing.");
    let message = |role, content: &str| Message { role, content: content.to_owned(), tool_calls: vec![], tool_call_id: None };
    let tool = Tool {
        name: TOOL,
        description: "Says that you can call tools.".to_owned(),
        parameters: json!({ "type": "object", "properties": { "ready": { "type": "boolean" } }, "required": ["ready"] }),
    };
    (vec![message(Role::System, &prompt), message(Role::User, "Are you ready?")], vec![tool])
}

/// Asks the model, streamed.
///
/// # Errors
/// [`Fault`], also where it says and calls nothing.
pub async fn ask(providers: &Providers, messages: &[Message], tools: &[Tool]) -> Result<Replied, Fault> {
    let begun = Instant::now();
    let replying = async {
        let mut stream = providers.think(messages, tools).await?;
        let (mut calls, mut text, mut pieces, mut first) = (Vec::new(), String::new(), 0, None);
        while let Some(piece) = stream.next().await {
            match piece? {
                ReplyPiece::Text(words) => {
                    pieces += 1;
                    text += &words;
                }
                ReplyPiece::ToolCall(call) => calls.push(call),
                ReplyPiece::Ended => break,
            }
            first.get_or_insert_with(|| begun.elapsed());
        }
        Ok::<_, Fault>(Replied { calls, text, pieces, first_token: first.unwrap_or_default() })
    };
    let replied = timeout(LONGEST, replying).await.map_err(|_| Fault::Endless(Provider::Chat))??;
    if replied.calls.is_empty() && replied.text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    Ok(replied)
}

/// The service of a provider, as its client calls it.
pub const fn service_of(provider: Provider) -> Service {
    match provider {
        Provider::SpeechToText => Service::Transcription,
        Provider::Chat => Service::Chat,
        Provider::TextToSpeech => Service::Speech,
    }
}

/// The question after the model has called the tool: its call, and a result.
///
/// # Errors
/// [`Fault::NoTool`], [`Fault::Arguments`].
pub fn after_the_tool(question: &[Message], replied: &Replied) -> Result<Vec<Message>, Fault> {
    let call = replied.calls.iter().find(|call| call.name == TOOL).ok_or(Fault::NoTool)?;
    if !serde_json::from_str::<serde_json::Value>(&call.arguments).is_ok_and(|arguments| arguments.is_object()) {
        return Err(Fault::Arguments(call.arguments.chars().take(100).collect()));
    }
    let mut messages = question.to_vec();
    let assistant =
        Message { role: Role::Assistant, content: replied.text.clone(), tool_calls: vec![call.clone()], tool_call_id: None };
    let result = json!({ "ok": true, "next": "Now say in one sentence of at least ten words that you are ready." });
    let result =
        Message { role: Role::Tool, content: result.to_string(), tool_calls: vec![], tool_call_id: Some(call.id.clone()) };
    messages.extend([assistant, result]);
    Ok(messages)
}

/// What was found of each provider: how long it took, or what to do.
pub type Findings = Vec<(Provider, Result<Duration, String>)>;

/// Asks all three once: one sentence in `language`, one short question. Bounded by three times [`LONGEST`], and by the limits of a call.
pub async fn probe(providers: &Providers, language: Language, voice: &str) -> Findings {
    let speech = async {
        match say(providers, language, voice).await {
            Ok(said) => (Ok(said.first_sound), hear(providers, &said, language).await.map(|heard| heard.took)),
            Err(fault) => (Err(fault), hear_silence(providers).await),
        }
    };
    let model = async {
        let (messages, tools) = question();
        ask(providers, &messages, &tools).await.map(|replied| replied.first_token)
    };
    let ((voice, recogniser), model) = tokio::join!(speech, model);
    [(Provider::SpeechToText, recogniser), (Provider::Chat, model), (Provider::TextToSpeech, voice)]
        .map(|(provider, found)| (provider, found.map_err(|fault| fault.to_string())))
        .to_vec()
}

/// The length of a sound, 16 kHz, in seconds.
pub fn seconds(sound: &[i16]) -> f32 {
    sound.len() as f32 / SAMPLE_RATE as f32
}

/// Whether at least a third of the sentence's words were heard: names of words differ, their number does not matter.
fn has_words_of(heard: &str, sentence: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let (heard, said) = (words(heard), words(sentence));
    said.iter().filter(|word| heard.contains(word)).count() * 3 >= said.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_was_heard_is_known_by_its_words_and_others_are_not() {
        let sentence = sentence(Language::De);
        for heard in [sentence, "tut mir leid an dem tag haben wir geschlossen", "Tut mir Leid, am Tag haben wir zu."] {
            assert!(has_words_of(heard, sentence), "{heard}");
        }
        for heard in ["", " ", "Untertitel der Amara.org-Community", "Thank you for watching!"] {
            assert!(!has_words_of(heard, sentence), "{heard}");
        }
    }
}
