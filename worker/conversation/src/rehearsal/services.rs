//! Recogniser, model, voice and journal of the world around a conversation.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, pending},
    stream::{self, BoxStream},
};
use offhook::{language::Language, turn::Turn};
use offhook_types::{
    chat::{Message, ReplyPiece, Tool, ToolCall},
    ids::UtteranceId,
    services::{Model, Recogniser, Voice, VoiceError},
    transcript::Transcript,
};
use serde_json::Value;
use tokio::time::{Duration, sleep};

use super::{Piece, world::World};
use crate::ports::Journal;

/// Recogniser, model and voice.
pub(super) struct FakeProviders(pub Arc<Mutex<World>>);

impl Recogniser for FakeProviders {
    fn transcribe(&self, sound: Vec<i16>, hint: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>> {
        let mut world = self.0.lock().unwrap();
        let said = world.utterances.get(&(sound[0] as UtteranceId));
        let slow = world.script.recogniser_slow_after.filter(|(from, _)| said.is_some_and(|(began, _, _)| began >= from));
        let takes = Duration::from_millis(slow.map_or(world.script.recogniser_takes, |(_, takes)| takes));
        let result = match said {
            Some((began, _, _)) if world.script.recogniser_fails_after.is_some_and(|after| *began >= after) => {
                Err("503".to_owned())
            }
            _ if world.script.recogniser_fails => Err("503".to_owned()),
            Some((_, text, language)) => Ok(match world.script.transcripts.get(text) {
                Some((_, Some(hinted))) if hint.is_some() => Transcript::new(*hinted, hint),
                Some((transcript, _)) => transcript.clone(),
                None => Transcript::new(*text, *language),
            }),
            None => Err("it was never said".to_owned()),
        };
        let lost = world.lost();
        async move {
            sleep(takes).await;
            if lost { pending().await } else { result }
        }
        .boxed()
    }
}

impl Model for FakeProviders {
    fn reply(&self, _: Vec<Message>, _: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>> {
        let mut world = self.0.lock().unwrap();
        let pieces = world.script.model.pop_front().unwrap_or_else(|| vec![Piece::Text("I see.")]);
        world.replies_open += 1;
        let open = Open(Arc::clone(&self.0), |world| &mut world.replies_open);
        let request = world.requested_voices + world.sequence as usize;
        let mut items: VecDeque<Option<Result<ReplyPiece, String>>> = VecDeque::new();
        for (index, piece) in pieces.into_iter().enumerate() {
            let item = match piece {
                Piece::Text(text) => Ok(ReplyPiece::Text(text.to_owned())),
                Piece::Call(name, arguments) => Ok(ReplyPiece::ToolCall(ToolCall {
                    id: format!("{request}-{index}"),
                    name: name.into(),
                    arguments: arguments.to_string(),
                })),
                Piece::Fail => Err("500".to_owned()),
                Piece::Never => {
                    items.push_back(None);
                    break;
                }
            };
            items.push_back((!world.lost()).then_some(item));
        }
        items.push_back((!world.lost()).then_some(Ok(ReplyPiece::Ended)));
        stream::unfold((items, 350, open), |(mut items, wait, open)| async move {
            let item = items.pop_front()?;
            sleep(Duration::from_millis(wait)).await;
            match item {
                Some(item) => Some((item, (items, 50, open))),
                None => pending().await,
            }
        })
        .boxed()
    }
}

impl Voice for FakeProviders {
    fn speak(&self, text: &str, _: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>> {
        let mut world = self.0.lock().unwrap();
        world.requested_voices += 1;
        world.voices_open += 1;
        let ahead = world.voices_open + world.queue.len();
        world.most_voices_ahead = world.most_voices_ahead.max(ahead);
        let open = Open(Arc::clone(&self.0), |world| &mut world.voices_open);
        let fails = world.script.voice_fails || world.script.voice_fails_after.is_some_and(|after| world.now() >= after);
        let lost = world.lost();
        let no_speech = world.script.no_speech.is_some_and(|word| text.contains(word));
        let mut samples = vec![1; text.chars().count() * 60 * 16];
        let breaks_off = match &mut world.script.breaks_off {
            Some((word, times)) if *times > 0 && text.contains(*word) => {
                *times -= 1;
                samples.truncate(samples.len() / 2);
                true
            }
            _ => false,
        };
        stream::once(async move {
            sleep(Duration::from_millis(100)).await;
            let sound = if lost { pending().await } else { samples };
            drop(open);
            if fails { Err(VoiceError::Failed("503".to_owned())) } else { Ok(sound) }
        })
        .chain(stream::iter(breaks_off.then(|| Err(VoiceError::Failed("the connection was closed".to_owned())))))
        .chain(stream::iter(no_speech.then(|| Err(VoiceError::NotSpeech("noise".to_owned())))))
        .boxed()
    }
}

/// Counts a request as open until it is dropped.
struct Open(Arc<Mutex<World>>, fn(&mut World) -> &mut usize);

impl Drop for Open {
    fn drop(&mut self) {
        *(self.1)(&mut self.0.lock().unwrap()) -= 1;
    }
}

/// The journal.
pub(super) struct FakeJournal(pub Arc<Mutex<World>>);

impl Journal for FakeJournal {
    fn turn(&self, _: &Turn) {}

    fn event(&self, kind: &str, detail: Value) {
        self.0.lock().unwrap().journaled.push((kind.to_owned(), detail));
    }

    fn tool_begin(&self, _: u32, _: String, _: Value) -> BoxFuture<'static, Result<Option<Value>, String>> {
        let mut world = self.0.lock().unwrap();
        let (takes, fails, lost) = (world.script.journal_takes, world.script.journal_fails, world.lost());
        async move {
            sleep(Duration::from_millis(takes)).await;
            match (lost, fails) {
                (true, _) => pending().await,
                (false, true) => Err("the disk is full and the database is away".to_owned()),
                (false, false) => Ok(None),
            }
        }
        .boxed()
    }

    fn tool_end(&self, _: u32, _: Value) {}
}
