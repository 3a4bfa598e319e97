//! What the fuzz target `event_log` calls: a log as a user hands it to `offhook-worker replay`. Nothing here may panic for any input, but
//! where a property is broken.

use offhook_mind::{Action, Mind};

use super::{event_log::LogLine, possible, replay::replay};

/// Replays a log; and, so that no difference in its actions ends it early, tells a mind its events by themselves.
pub fn event_log(bytes: &[u8]) {
    if let Err(error) = replay(bytes) {
        let told = error.to_string();
        assert!(!told.is_empty(), "it says what is wrong");
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<LogLine>(line).ok());
    let Some(LogLine::Setup { setup, .. }) = lines.next() else { return };
    if possible::settings(&setup.settings).is_err() {
        return;
    }
    let mut mind = Mind::new(setup.request, &setup.number, setup.settings, 0);
    let (mut before, mut over) = (0, false);
    for line in lines {
        let LogLine::Event { now, event } = line else { continue };
        if possible::event(&event, now, before).is_err() {
            continue;
        }
        before = now;
        let actions = mind.handle(event, now);
        assert!(!over || actions.is_empty(), "nothing follows the end");
        over |= actions.iter().any(|action| matches!(action, Action::Finish(_)));
    }
}
