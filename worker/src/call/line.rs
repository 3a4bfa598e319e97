//! The telephone line as the conversation sees it: a confirmed dialog and its media as one stream of events.

use std::{collections::VecDeque, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use offhook_conversation::ports::{Line, LineEvent, Playout};
use offhook_media::{MediaError, MediaEvent, MediaHandle, Negotiated};
use offhook_sip::{Dialog, DialogEvent, Reply};
use offhook_types::{ids::SentenceId, line::LineEnd};
use tokio::sync::mpsc;

/// What a description of the peer is.
enum Role {
    Offer(Reply),
    /// To an offer of ours.
    Answer,
}

/// A call over SIP, with its sound.
pub struct SipLine {
    /// Until we or they hang up.
    dialog: Option<Dialog>,
    media: MediaHandle,
    media_events: mpsc::Receiver<MediaEvent>,
    /// Descriptions whose host is being looked up, in the order in which they came. The SIP stack lets one offer wait at a time.
    lookups: VecDeque<BoxFuture<'static, (Result<String, MediaError>, Role)>>,
    /// What happened and is not told yet.
    waiting: VecDeque<LineEvent>,
    /// The far end does not listen: we are on hold.
    held: bool,
}

impl SipLine {
    /// The line of an answered call.
    pub fn new(dialog: Dialog, media: MediaHandle, media_events: mpsc::Receiver<MediaEvent>, negotiated: &Negotiated) -> Self {
        SipLine {
            dialog: Some(dialog),
            media,
            media_events,
            lookups: VecDeque::new(),
            waiting: VecDeque::from_iter(told_at_first(negotiated.can_send)),
            held: !negotiated.can_send,
        }
    }

    async fn next_event(&mut self) -> LineEvent {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                event = next_of(&mut self.dialog) => self.dialog_event(event).await,
                (sdp, role) = next_lookup(&mut self.lookups) => {
                    self.lookups.pop_front();
                    self.agree(sdp, role).await;
                }
                event = self.media_events.recv() => match event {
                    Some(event) => return line_event(event),
                    None if self.dialog.is_some() => self.ended(LineEnd::DialogLost { why: "the media stopped".to_owned() }),
                    None => std::future::pending().await,
                },
            }
        }
    }

    async fn dialog_event(&mut self, event: Option<DialogEvent>) {
        match event {
            Some(DialogEvent::RemoteBye { cause, reason }) => {
                tracing::info!(cause, reason, "the callee hung up");
                self.ended(LineEnd::Bye { cause });
            }
            Some(DialogEvent::Lost { why }) => self.ended(LineEnd::DialogLost { why }),
            Some(DialogEvent::Reoffer { sdp, answer }) => self.described(sdp, Role::Offer(answer)).await,
            // Its answer to what we had said last, for which it had asked.
            Some(DialogEvent::Reanswer { sdp }) => self.described(sdp, Role::Answer).await,
            Some(DialogEvent::Info { content_type, body }) => self.media.info(&content_type, &body),
            None => self.ended(LineEnd::DialogLost { why: "the dialog ended".to_owned() }),
        }
    }

    /// Takes a description of the peer, at once or, where it names a host, once that is looked up: the call goes on meanwhile.
    async fn described(&mut self, sdp: String, role: Role) {
        match self.media.lookup(&sdp) {
            Some(lookup) => self.lookups.push_back(async move { (lookup.resolved().await, role) }.boxed()),
            None if self.lookups.is_empty() => self.agree(Ok(sdp), role).await,
            // The later one counts.
            None => self.lookups.push_back(async move { (Ok(sdp), role) }.boxed()),
        }
    }

    async fn agree(&mut self, sdp: Result<String, MediaError>, role: Role) {
        let agreed = match role {
            Role::Offer(reply) => match sdp.and_then(|sdp| self.media.answer(&sdp)) {
                Ok((our_sdp, negotiated)) => {
                    reply.accept(&our_sdp).await;
                    Ok(negotiated)
                }
                Err(error) => {
                    reply.reject(488).await;
                    Err(error)
                }
            },
            Role::Answer => sdp.and_then(|sdp| self.media.accept_answer(&sdp)),
        };
        match agreed {
            Ok(negotiated) => self.renegotiated(&negotiated),
            Err(error) => tracing::warn!(%error, "a description in the middle of the call cannot be taken"),
        }
    }

    /// The line is down. What was heard before that is told before that.
    fn ended(&mut self, end: LineEnd) {
        self.dialog = None;
        while let Ok(event) = self.media_events.try_recv() {
            self.waiting.push_back(line_event(event));
        }
        self.waiting.push_back(LineEvent::Ended(end));
    }

    fn renegotiated(&mut self, negotiated: &Negotiated) {
        let held = !negotiated.can_send;
        if std::mem::replace(&mut self.held, held) != held {
            self.waiting.push_back(LineEvent::Held(held));
        }
    }

    /// Lets the last words reach the callee before we hang up, unless it hangs up first. Bounded by the media's own bound.
    async fn drain(&mut self) {
        let media = self.media.clone();
        let drained = media.drain();
        tokio::pin!(drained);
        while self.dialog.is_some() {
            tokio::select! {
                () = &mut drained => return,
                event = next_of(&mut self.dialog) => self.dialog_event(event).await,
            }
        }
    }

    async fn end(&mut self) {
        self.drain().await;
        if let Some(dialog) = self.dialog.take()
            && let Err(error) = dialog.hangup().await
        {
            tracing::warn!(%error, "the far end did not confirm our BYE");
        }
    }
}

impl Line for SipLine {
    fn next(&mut self) -> BoxFuture<'_, LineEvent> {
        self.next_event().boxed()
    }

    fn playout(&self) -> Arc<dyn Playout> {
        Arc::new(MediaPlayout(self.media.clone()))
    }

    fn hang_up(&mut self) -> BoxFuture<'_, ()> {
        self.end().boxed()
    }
}

struct MediaPlayout(MediaHandle);

impl Playout for MediaPlayout {
    fn play(&self, sentence: SentenceId, samples: Vec<i16>, last: bool) {
        self.0.play(sentence, samples, last);
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn record(&self) {
        self.0.record();
    }

    fn delete_recording(&self) {
        self.0.delete_recording();
    }
}

fn line_event(event: MediaEvent) -> LineEvent {
    match event {
        MediaEvent::Heard { at, frame, .. } => LineEvent::Heard { at, frame },
        MediaEvent::Playout(event) => LineEvent::Playout(event),
        MediaEvent::Media(presence) => LineEvent::Media(presence),
        MediaEvent::Dtmf(key) => LineEvent::Key(key),
    }
}

async fn next_lookup<T>(lookups: &mut VecDeque<BoxFuture<'static, T>>) -> T {
    match lookups.front_mut() {
        Some(lookup) => lookup.await,
        None => std::future::pending().await,
    }
}

async fn next_of(dialog: &mut Option<Dialog>) -> Option<DialogEvent> {
    match dialog {
        Some(dialog) => dialog.next().await,
        None => std::future::pending().await,
    }
}

/// What an answered line tells before anything happens on it: whoever answered may have us on hold already.
fn told_at_first(can_send: bool) -> Option<LineEvent> {
    (!can_send).then_some(LineEvent::Held(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_answered_on_hold_says_so_first() {
        assert_eq!(told_at_first(false), Some(LineEvent::Held(true)));
        assert_eq!(told_at_first(true), None);
    }
}
