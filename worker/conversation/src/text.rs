//! The same conversation by text: somebody types what the callee says and reads what the agent says. There is no sound and no line;
//! the mind, its tools and the model are those of a call.
//!
//! Every utterance and every sentence lasts no time, so nobody is ever interrupted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use offhook::{language::Language, turn::Turn};
use offhook_types::{
    audio::{Frame, MediaTime, SILENCE},
    chat::{Message, ReplyPiece, Tool},
    hearing::EarEvent,
    ids::{SentenceId, UtteranceId},
    line::{LineEnd, MediaPresence},
    playout::PlayoutEvent,
    services::{Model, Recogniser, Voice, VoiceError},
    transcript::Transcript,
};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    measured::Tallies,
    ports::{Ear, Journal, Line, LineEvent, Playout, Ports},
};

/// The agent has said all it wants once it was quiet for so long.
const SETTLED: Duration = Duration::from_millis(150);

/// What whoever plays the callee is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The agent says this.
    Say(String),
    /// The model calls a tool that changes something; it runs.
    Tool {
        /// From 1.
        number: u32,
        /// Which.
        name: String,
        /// With these arguments.
        arguments: Value,
    },
    /// What the tool returned to the model.
    ToolResult {
        /// From 1.
        number: u32,
        /// The result.
        result: Value,
    },
    /// A line of the call's log.
    Log {
        /// Its kind.
        kind: String,
        /// Details.
        detail: Value,
    },
    /// The agent waits for the callee's words.
    YourTurn,
}

/// Whoever is told; called in order.
pub type Listener = Arc<dyn Fn(Told) + Send + Sync>;

struct Shared {
    started: Instant,
    events: VecDeque<LineEvent>,
    at_the_ear: VecDeque<EarEvent>,
    said: HashMap<UtteranceId, String>,
    last_utterance: UtteranceId,
    /// Replies of the model that are still coming.
    replies_open: usize,
    /// Nobody was told that it is their turn since somebody spoke.
    turn_owed: bool,
}

#[derive(Clone)]
struct Room {
    shared: Arc<Mutex<Shared>>,
    changed: Arc<Notify>,
    tell: Listener,
    /// What recognisers of sound would tag the words with.
    language: Option<Language>,
}

/// Plays the callee. Cheap to clone.
#[derive(Clone)]
pub struct TextCallee(Room);

impl TextCallee {
    /// Says something; an empty text is a sound without words.
    pub fn say(&self, text: &str) {
        let mut shared = self.0.lock();
        shared.last_utterance += 1;
        let (utterance, at) = (shared.last_utterance, shared.now());
        shared.said.insert(utterance, text.to_owned());
        shared.at_the_ear.push_back(EarEvent::SpeechStarted { at });
        shared.at_the_ear.push_back(EarEvent::SpeechEnded { utterance, started: at, ended: at });
        shared.turn_owed = true;
        self.0.happens(shared, LineEvent::Heard { at, frame: SILENCE });
    }

    /// Hangs up.
    pub fn hang_up(&self) {
        self.0.happens(self.0.lock(), LineEvent::Ended(LineEnd::Bye { cause: Some(16) }));
    }
}

/// The ports of a conversation by text with this model, and who plays its callee. `language` tags the callee's words, where whoever
/// writes them is known to keep to one.
pub fn text_ports(model: Arc<dyn Model>, language: Option<Language>, tell: Listener) -> (Ports, TextCallee) {
    let shared = Shared {
        started: Instant::now(),
        events: VecDeque::from([LineEvent::Media(MediaPresence::Present)]),
        at_the_ear: VecDeque::new(),
        said: HashMap::new(),
        last_utterance: 0,
        replies_open: 0,
        turn_owed: true,
    };
    let room = Room { shared: Arc::new(Mutex::new(shared)), changed: Arc::new(Notify::new()), tell, language };
    let ports = Ports {
        line: Box::new(room.clone()),
        ear: Box::new(room.clone()),
        recogniser: Arc::new(room.clone()),
        model: Arc::new(Counted { model, room: room.clone() }),
        voice: Arc::new(room.clone()),
        journal: Arc::new(room.clone()),
        tallies: Tallies::default(),
    };
    (ports, TextCallee(room))
}

impl Shared {
    fn now(&self) -> MediaTime {
        MediaTime(self.started.elapsed().as_millis() as u64)
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // No code panics while it holds the lock; were it so, the state is still whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn happens(&self, mut shared: MutexGuard<'_, Shared>, event: LineEvent) {
        shared.events.push_back(event);
        self.changed.notify_one();
    }

    async fn next_event(&self) -> LineEvent {
        loop {
            let changed = self.changed.notified();
            let turn_due = {
                let mut shared = self.lock();
                if let Some(event) = shared.events.pop_front() {
                    return event;
                }
                shared.turn_owed && shared.replies_open == 0
            };
            if !turn_due {
                changed.await;
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = sleep(SETTLED) => {
                    self.lock().turn_owed = false;
                    (self.tell)(Told::YourTurn);
                }
            }
        }
    }
}

impl Line for Room {
    fn next(&mut self) -> BoxFuture<'_, LineEvent> {
        self.next_event().boxed()
    }

    fn playout(&self) -> Arc<dyn Playout> {
        Arc::new(self.clone())
    }

    fn hang_up(&mut self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

impl Playout for Room {
    fn play(&self, sentence: SentenceId, _: Vec<i16>, last: bool) {
        if !last {
            return;
        }
        let mut shared = self.lock();
        let at = shared.now();
        shared.turn_owed = true;
        shared.events.push_back(LineEvent::Playout(PlayoutEvent::Started { sentence, at }));
        self.happens(shared, LineEvent::Playout(PlayoutEvent::Played { sentence, at }));
    }

    fn stop(&self) {}

    fn record(&self) {}

    fn delete_recording(&self) {}
}

impl Ear for Room {
    fn hear(&mut self, _: MediaTime, _: &Frame) -> Vec<EarEvent> {
        self.lock().at_the_ear.drain(..).collect()
    }

    fn take_utterance(&mut self, utterance: UtteranceId) -> Option<Vec<i16>> {
        // The recogniser finds the words by the utterance's number.
        Some(vec![(utterance >> 16) as i16, utterance as i16])
    }

    fn flush(&mut self) -> Vec<EarEvent> {
        vec![EarEvent::Flushed]
    }
}

impl Recogniser for Room {
    fn transcribe(&self, sound: Vec<i16>, _: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>> {
        let utterance = sound.iter().fold(0, |number, half| number << 16 | UtteranceId::from(*half as u16));
        let text = self.lock().said.remove(&utterance);
        let language = self.language;
        std::future::ready(text.map(|text| Transcript::new(text, language)).ok_or_else(|| "nothing was typed".to_owned())).boxed()
    }
}

impl Voice for Room {
    fn speak(&self, _: &str, _: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>> {
        stream::iter([Ok(vec![0])]).boxed()
    }
}

impl Journal for Room {
    fn turn(&self, _: &Turn) {}

    fn event(&self, kind: &str, detail: Value) {
        (self.tell)(match (kind, detail.get("text").and_then(Value::as_str)) {
            ("saying", Some(text)) => Told::Say(text.to_owned()),
            // A time that nobody waited is no latency.
            ("answer_latency", _) => return,
            _ => Told::Log { kind: kind.to_owned(), detail },
        });
    }

    fn tool_begin(&self, number: u32, name: String, arguments: Value) -> BoxFuture<'static, Result<Option<Value>, String>> {
        (self.tell)(Told::Tool { number, name, arguments });
        std::future::ready(Ok(None)).boxed()
    }

    fn tool_end(&self, number: u32, result: Value) {
        (self.tell)(Told::ToolResult { number, result });
    }
}

/// The model, and whether it is still writing.
struct Counted {
    model: Arc<dyn Model>,
    room: Room,
}

struct OpenReply(Room);

impl Drop for OpenReply {
    fn drop(&mut self) {
        let mut shared = self.0.lock();
        shared.replies_open -= 1;
        shared.turn_owed = true;
        drop(shared);
        self.0.changed.notify_one();
    }
}

impl Model for Counted {
    fn reply(&self, messages: Vec<Message>, tools: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>> {
        self.room.lock().replies_open += 1;
        let open = OpenReply(self.room.clone());
        let pieces = self.model.reply(messages, tools);
        stream::unfold(
            (pieces, open),
            |(mut pieces, open)| async move { pieces.next().await.map(|piece| (piece, (pieces, open))) },
        )
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook::outcome::Outcome;
    use offhook_mind::fixtures::{request, settings};
    use offhook_types::chat::ToolCall;
    use serde_json::json;
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::{EventLog, Setup, converse};

    struct Scripted(Mutex<VecDeque<Vec<ReplyPiece>>>);

    impl Model for Scripted {
        fn reply(&self, _: Vec<Message>, _: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>> {
            let pieces = self.0.lock().unwrap().pop_front().unwrap_or_default();
            stream::iter(pieces.into_iter().map(Ok)).boxed()
        }
    }

    fn call(name: &str, arguments: Value) -> ReplyPiece {
        ReplyPiece::ToolCall(ToolCall { id: name.into(), name: name.into(), arguments: arguments.to_string() })
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_types_is_the_restaurant() {
        let accept = json!({ "date": "2026-12-04", "time": "19:30", "party_size": 4 });
        let model = Scripted(Mutex::new(VecDeque::from([
            vec![ReplyPiece::Text("A table for 4, please.".into())],
            vec![call("accept_offer", accept.clone())],
            vec![ReplyPiece::Text("Wonderful, goodbye.".into()), call("end_call", json!({}))],
        ])));
        let (told, mut heard) = mpsc::unbounded_channel();
        let tell: Listener = Arc::new(move |what| told.send(what).unwrap());
        let (ports, callee) = text_ports(Arc::new(model), Some(Language::En), tell);
        let setup = Setup { request: request(), number: "+442079460958".into(), settings: settings() };
        let (_stop, stopped) = watch::channel(None);
        let conversation = tokio::spawn(converse(setup, ports, EventLog::none(), stopped));
        let mut lines = ["Golden Lion, good evening?", "Yes, 19:30 is fine."].into_iter();
        let mut all = Vec::new();
        // The last listener goes with the conversation.
        while let Some(what) = heard.recv().await {
            if what == Told::YourTurn
                && let Some(line) = lines.next()
            {
                callee.say(line);
            }
            if what == Told::Say("Wonderful, goodbye.".into()) {
                drop(callee);
                all.push(what);
                while let Some(what) = heard.recv().await {
                    all.push(what);
                }
                break;
            }
            all.push(what);
        }
        let conclusion = conversation.await.unwrap();
        assert_eq!(conclusion.outcome.as_ref().unwrap().outcome, Outcome::Booked);
        assert!(all.contains(&Told::Tool { number: 1, name: "accept_offer".into(), arguments: accept }));
        let accepted = |what: &Told| matches!(what, Told::ToolResult { number: 1, result } if result["accepted"] == true);
        assert!(all.iter().any(accepted));
        let read_back = "I confirm: a table for 4 people on 2026-12-04 at 19:30, under the name Ada Winter.";
        assert!(all.contains(&Told::Say(read_back.into())), "{all:?}");
        let said: Vec<&str> =
            all.iter().filter_map(|what| if let Told::Say(text) = what { Some(text.as_str()) } else { None }).collect();
        assert!(said[0].starts_with("Hello, this is an automated assistant"), "{said:?}");
    }
}
