//! The task that ticks.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use offhook_types::audio::{FRAME_MS, MediaTime, SILENCE};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{
    handle::{MediaOutcome, Shared},
    socket::Ports,
};
use crate::{
    clock::Pacer,
    codec::Encoder,
    dtmf::keypad::Way,
    line::{Line, MediaEvent, Port},
    negotiation::Negotiated,
    recorder::{Permission, Recorder, Recording, RecordingError},
    rtp::Outgoing,
};

/// Datagrams read in one tick; more is a flood, and waits in the kernel or is dropped there.
const MOST_READ: usize = 200;
/// Seconds from the zero of NTP to that of Unix (RFC 3550, section 4).
const NTP_EPOCH: u64 = 2_208_988_800;
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
    permission: Permission,
    /// The recording that is being deleted.
    discarding: Option<JoinHandle<Result<(), RecordingError>>>,
    shared: Arc<Shared>,
    pacer: Pacer,
    /// Ticks done.
    ticks: u64,
    /// Nobody has answered yet.
    early: bool,
    /// NTP time of the first.
    origin: u64,
    /// Datagrams that may still be read before the next tick.
    readable: usize,
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
        let origin = ntp_now();
        Ticking {
            ports,
            line: agreed.map(|(negotiated, encoder)| new_line(&negotiated, encoder, 0, origin)),
            recorder: recorder.ok().flatten(),
            recording_error,
            permission: Permission::Awaited,
            discarding: None,
            shared,
            pacer: Pacer::default(),
            ticks: 0,
            early: false,
            origin,
            readable: MOST_READ,
            queue: Queue { events, waiting: VecDeque::new(), heard_dropped: 0 },
        }
    }

    /// Ticks until `finish`, or until nobody is left who could ask for it. Datagrams are read when they come, because the time at
    /// which they do tells how even the network is; the sound in them waits for its tick.
    pub(super) async fn run(mut self, outcome: watch::Sender<Option<MediaOutcome>>) {
        // What waits in the kernel is at most some ten times as much.
        let _ = (0..16).all(|_| self.ports.read(MOST_READ, |_, _, _| ()) == 0);
        let start = Instant::now();
        while !self.shared.lock().finish && Arc::strong_count(&self.shared) > 1 {
            let due = start + Duration::from_millis(self.pacer.next_ms());
            let ticks = tokio::select! {
                biased;
                () = sleep_until(due) => true,
                () = self.ports.readable(), if self.readable > 0 => false,
            };
            let elapsed_us = microseconds(start.elapsed());
            if ticks {
                self.wake(elapsed_us);
            } else {
                self.read(elapsed_us);
            }
        }
        let ended = self.end(microseconds(start.elapsed())).await;
        outcome.send_replace(Some(ended));
    }

    fn read(&mut self, elapsed_us: u64) {
        let mut events = Vec::new();
        let line = &mut self.line;
        self.readable = self.ports.read(self.readable, |port, source, datagram| match (line.as_mut(), port) {
            (Some(line), Port::Sound) => line.receive(source, datagram, elapsed_us, &mut events),
            (Some(line), Port::Control) => line.receive_control(source, datagram, elapsed_us),
            (None, _) => {}
        });
        events.into_iter().for_each(|event| self.queue.tell(event));
    }

    fn wake(&mut self, elapsed_us: u64) {
        self.renegotiate();
        self.read(elapsed_us);
        self.readable = MOST_READ;
        let due = self.pacer.take(elapsed_us / 1000);
        if due.skip > 0 {
            tracing::warn!(ticks = due.skip, "the media clock was held up; silence takes the place of what was missed");
            self.skip(due.skip);
        }
        let mut events = Vec::new();
        (0..due.play).for_each(|_| self.tick(&mut events));
        if let Some(line) = &mut self.line {
            for upkeep in line.upkeep(elapsed_us) {
                self.ports.send(upkeep.port, &upkeep.datagram, upkeep.target);
            }
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
            datagrams.iter().for_each(|datagram| self.ports.send(Port::Sound, datagram, target));
        } else {
            events.push(MediaEvent::Heard { at: MediaTime(self.ticks * FRAME_MS), frame: SILENCE, concealed: false });
        }
        if let Some(recorder) = &mut self.recorder {
            match self.permission {
                Permission::Given => recorder.frame(&heard, &spoken),
                Permission::Awaited | Permission::Refused => recorder.silence(1),
            }
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
            self.permission = controls.permission;
            controls.renegotiated.take()
        };
        match (&mut self.line, renegotiated) {
            (Some(line), Some((negotiated, encoder))) => line.renegotiate(&negotiated, encoder),
            (None, Some((negotiated, Some(encoder)))) => {
                self.line = Some(new_line(&negotiated, encoder, self.ticks, self.origin))
            }
            (_, Some((_, None)) | None) => {}
        }
        if let Some(line) = &mut self.line {
            line.set_early(self.early);
        }
        if self.permission == Permission::Refused {
            self.discard();
        }
    }

    /// Deletes the recording, off the runtime: the disk may take its time.
    fn discard(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            self.discarding = Some(tokio::task::spawn_blocking(move || recorder.discard()));
        }
    }

    /// Cuts what is being played, ends the recording, and says how it was.
    async fn end(mut self, elapsed_us: u64) -> MediaOutcome {
        if let Some(farewell) = self.line.as_mut().and_then(|line| line.farewell(elapsed_us)) {
            self.ports.send(farewell.port, &farewell.datagram, farewell.target);
        }
        let mut last = Vec::new();
        let (report, codec, permission) = {
            let controls = &mut *self.shared.lock();
            controls.playout.stop();
            controls.playout.frame(MediaTime(self.ticks * FRAME_MS), true, &mut last);
            (controls.report, controls.negotiated.as_ref().map(|negotiated| negotiated.codec), controls.permission)
        };
        last.into_iter().for_each(|event| self.queue.tell(MediaEvent::Playout(event)));
        if permission != Permission::Given {
            self.discard();
        }
        if let Some(discarding) = self.discarding.take()
            && let Err(error) =
                discarding.await.map_err(|error| error.to_string()).and_then(|done| done.map_err(|error| error.to_string()))
        {
            tracing::error!(%error, "a recording that may not be kept is not deleted");
            self.recording_error = Some(error);
        }
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

fn new_line(negotiated: &Negotiated, encoder: Encoder, ticks: u64, origin: u64) -> Line {
    // Below the half, because a receiver of SRTP that misses the first packets must not meet a rollover (RFC 3711, section 3.3.1).
    let sequence = rand::random::<u16>() >> 1;
    let stream = Outgoing::new(rand::random(), sequence, rand::random());
    Line::new(stream, negotiated, encoder, ticks).with_origin(origin)
}

fn ntp_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    (now.as_secs().wrapping_add(NTP_EPOCH) << 32) | fraction
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
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
