//! What can have been told to a mind: times within bounds, in order. A log that says otherwise was damaged, and arithmetic with its times
//! would overflow.

use std::time::Duration;

use offhook_mind::{Event, MindSettings};
use offhook_types::{audio::MediaTime, hearing::EarEvent, ids::Millis, line::MediaPresence, playout::PlayoutEvent};

/// No conversation lasts so long, in ms: a week. One on the terminal may last a day.
const LONGEST: Millis = 7 * 24 * 3_600_000;

/// Whether the limits of a conversation are within bounds; the error says which is not.
pub(super) fn settings(settings: &MindSettings) -> Result<(), String> {
    let limits = &settings.limits;
    let ms = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    for (name, limit) in [
        ("greeting_wait", settings.greeting_wait),
        ("call", ms(limits.call)),
        ("silence", ms(limits.silence)),
        ("media", ms(limits.media)),
        ("provider_first", ms(limits.provider_first)),
        ("provider_stall", ms(limits.provider_stall)),
    ] {
        within(name, limit)?;
    }
    Ok(())
}

/// Whether an event can have come at `now`, after one at `before`; the error says what is wrong.
pub(super) fn event(event: &Event, now: Millis, before: Millis) -> Result<(), String> {
    within("now", now)?;
    if now < before {
        return Err(format!("its time, {now} ms, is before that of the event before it, {before} ms"));
    }
    match event {
        Event::Media(MediaPresence::Absent { for_ms }) => within("for_ms", *for_ms),
        Event::Heard(EarEvent::SpeechStarted { at } | EarEvent::Beep { at }) => media("at", *at),
        Event::Heard(EarEvent::SpeechEnded { started, ended, .. }) => {
            media("ended", *ended)?;
            if started > ended {
                return Err(format!("speech that started at {} ms ended before, at {} ms", started.0, ended.0));
            }
            Ok(())
        }
        Event::Playout(PlayoutEvent::Started { at, .. } | PlayoutEvent::Played { at, .. }) => media("at", *at),
        Event::Playout(PlayoutEvent::Cut { at, share, .. }) => {
            media("at", *at)?;
            if !share.is_finite() {
                return Err(format!("the share that was heard, {share}, is no number"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn media(name: &str, time: MediaTime) -> Result<(), String> {
    within(name, time.0)
}

fn within(name: &str, time: Millis) -> Result<(), String> {
    if time > LONGEST {
        return Err(format!("{name} is {time} ms: no conversation lasts longer than a week ({LONGEST} ms)"));
    }
    Ok(())
}
