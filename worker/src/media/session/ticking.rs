//! The task that ticks.

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    handle::{MediaOutcome, Shared},
    socket::Ports,
};
use crate::{
    audio::{FRAME_MS, MediaTime, SILENCE},
    media::{
        clock::Pacer,
        codec::Encoder,
        dtmf::keypad::Way,
        line::{Line, MediaEvent},
        negotiation::Negotiated,
        recorder::{Recorder, Recording, RecordingError},
        rtp::Outgoing,
    },
};

/// Places in the queue of events that `Heard` leaves to the others.
const RESERVED: usize = 32;
/// Other events that may wait for a place.
const MOST_WAITING: usize = 1024;

/// Everything the clock drives.
pub(super) struct Ticking {
    ports: Ports,
    /// `None` until something was agreed on.
    line: Option<Line>,
    recorder: Option<Recorder>,
    recording_error: Option<String>,
    shared: Arc<Shared>,
    pacer: Pacer,
    /// Ticks done.
    ticks: u64,
    /// Nobody has answered yet.
    early: bool,
    queue: Queue,
}

impl Ticking {
    pub(super) fn new(
        ports: Ports,
        agreed: Option<(Negotiated, Encoder)>,
        recording: Option<PathBuf>,
        shared: Arc<Shared>,
        events: mpsc::Sender<MediaEvent>,
    ) -> Self {
        let recorder = recording.map(|path| Recorder::create(&path)).transpose();
        let recording_error = recorder.as_ref().err().map(ToString::to_string);
        if let Some(error) = &recording_error {
            tracing::error!(%error, "the call goes on without a recording");
        }
        Ticking {
            ports,
            line: agreed.map(|(negotiated, encoder)| new_line(&negotiated, encoder, 0)),
            recorder: recorder.ok().flatten(),
            recording_error,
            shared,
            pacer: Pacer::default(),
            ticks: 0,
            early: false,
            queue: Queue { events, waiting: VecDeque::new(), heard_dropped: 0 },
        }
    }

    /// Ticks until `finish`, or until nobody is left who could ask for it.
    pub(super) async fn run(mut self, outcome: watch::Sender<Option<MediaOutcome>>) {
        self.ports.read(|_, _| ());
        let start = Instant::now();
        while !self.shared.lock().finish && Arc::strong_count(&self.shared) > 1 {
            self.wake(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
            sleep_until(start + Duration::from_millis(self.pacer.next_ms())).await;
        }
        let ended = self.end().await;
        outcome.send_replace(Some(ended));
    }

    fn wake(&mut self, elapsed: u64) {
        let mut events = Vec::new();
        self.renegotiate();
        let line = &mut self.line;
        self.ports.read(|source, datagram| {
            if let Some(line) = line {
                line.receive(source, datagram, &mut events);
            }
        });
        let due = self.pacer.take(elapsed);
        if due.skip > 0 {
            tracing::warn!(ticks = due.skip, "the media clock was held up; silence takes the place of what was missed");
            self.skip(due.skip);
        }
        (0..due.play).for_each(|_| self.tick(&mut events));
        if let Some(line) = &self.line {
            self.shared.lock().report = line.report();
        }
        self.shared.ticked.notify_waiters();
    }

    fn tick(&mut self, events: &mut Vec<MediaEvent>) {
        let (mut heard, mut spoken) = (SILENCE, SILENCE);
        if let Some(line) = &mut self.line {
            let speech = {
                let controls = &mut *self.shared.lock();
                controls.keys.drain(..).for_each(|key| line.pressed(Way::Info, key, events));
                let quiet = controls.playout.is_idle() && controls.digits.is_idle();
                controls.quiet_ticks = if quiet { controls.quiet_ticks.saturating_add(1) } else { 0 };
                line.speak(&mut controls.playout, &mut controls.digits)
            };
            spoken = speech.frame;
            let mut datagrams = Vec::with_capacity(2);
            heard = line.tick(speech, events, &mut datagrams);
            let target = line.target();
            datagrams.iter().for_each(|datagram| self.ports.send(datagram, target));
        } else {
            events.push(MediaEvent::Heard { at: MediaTime(self.ticks * FRAME_MS), frame: SILENCE, concealed: false });
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(&heard, &spoken);
        }
        self.ticks += 1;
        if self.early {
            self.shared.lock().early_sound.hear(&heard);
            return events.clear();
        }
        events.drain(..).for_each(|event| self.queue.tell(event));
    }

    fn skip(&mut self, ticks: u64) {
        for tick in (self.ticks..self.ticks + ticks).filter(|_| !self.early) {
            self.queue.tell(MediaEvent::Heard { at: MediaTime(tick * FRAME_MS), frame: SILENCE, concealed: true });
        }
        if let Some(line) = &mut self.line {
            line.skip(ticks);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.silence(ticks);
        }
        self.ticks += ticks;
    }

    fn renegotiate(&mut self) {
        let renegotiated = {
            let controls = &mut *self.shared.lock();
            self.early = controls.early;
            controls.renegotiated.take()
        };
        match (&mut self.line, renegotiated) {
            (Some(line), Some((negotiated, encoder))) => line.renegotiate(&negotiated, encoder),
            (None, Some((negotiated, Some(encoder)))) => self.line = Some(new_line(&negotiated, encoder, self.ticks)),
            (_, Some((_, None)) | None) => {}
        }
        if let Some(line) = &mut self.line {
            line.set_early(self.early);
        }
    }

    /// Cuts what is being played, ends the recording, and says how it was.
    async fn end(mut self) -> MediaOutcome {
        let mut last = Vec::new();
        let (report, codec) = {
            let controls = &mut *self.shared.lock();
            controls.playout.stop();
            controls.playout.frame(MediaTime(self.ticks * FRAME_MS), true, &mut last);
            (controls.report, controls.negotiated.as_ref().map(|negotiated| negotiated.codec))
        };
        last.into_iter().for_each(|event| self.queue.tell(event.into()));
        let recording = match self.recorder.take() {
            Some(recorder) => finish(recorder).await,
            None => Ok(None),
        };
        let (recording, failed) = match recording {
            Ok(recording) => (recording, None),
            Err(error) => (None, Some(error)),
        };
        let recording_error = self.recording_error.or(failed);
        MediaOutcome { report, codec, recording, recording_error, heard_dropped: self.queue.heard_dropped }
    }
}

fn new_line(negotiated: &Negotiated, encoder: Encoder, ticks: u64) -> Line {
    Line::new(Outgoing::new(rand::random(), rand::random(), rand::random()), negotiated, encoder, ticks)
}

/// Off the runtime: the disk may take its time.
async fn finish(recorder: Recorder) -> Result<Option<Recording>, String> {
    let finished = tokio::task::spawn_blocking(move || recorder.finish()).await;
    let finished: Result<Recording, RecordingError> = finished.map_err(|error| error.to_string())?;
    finished.map(Some).map_err(|error| error.to_string())
}

/// Events to a consumer that may be slow: `Heard` is dropped and counted, the others wait.
struct Queue {
    events: mpsc::Sender<MediaEvent>,
    waiting: VecDeque<MediaEvent>,
    heard_dropped: u64,
}

impl Queue {
    fn tell(&mut self, event: MediaEvent) {
        self.retry();
        if matches!(event, MediaEvent::Heard { .. }) {
            let room = self.waiting.is_empty() && self.events.capacity() > RESERVED;
            if !room || self.events.try_send(event).is_err() {
                self.heard_dropped += 1;
            }
        } else if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(event);
            self.retry();
        }
    }

    fn retry(&mut self) {
        while let Ok(place) = self.events.try_reserve()
            && let Some(event) = self.waiting.pop_front()
        {
            place.send(event);
        }
    }
}
