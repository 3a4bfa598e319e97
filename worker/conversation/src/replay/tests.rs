#![allow(clippy::unwrap_used)]

use offhook_mind::fixtures::{request, settings};
use serde_json::json;

use super::*;
use crate::Setup;

/// The first line of a log.
fn setup() -> Value {
    let setup = Setup { request: request(), number: "+442079460958".to_owned(), settings: settings() };
    let mut line = serde_json::to_value(setup).unwrap();
    line["line"] = json!("setup");
    line["version"] = json!(VERSION);
    line["program"] = json!("0.1.0");
    line
}

fn event(now: impl Into<Value>, event: Value) -> Value {
    json!({ "line": "event", "now": now.into(), "event": event })
}

fn log(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// What is said of a log whose second event is this.
fn told_of(second: Value) -> String {
    let first = event(1_000, json!({ "kind": "wake" }));
    replay(log(&[setup(), first, second]).as_slice()).unwrap_err().to_string()
}

#[test]
fn a_damaged_line_is_named_with_what_is_wrong_with_it() {
    let ear = |detail: Value| json!({ "kind": "heard", "of": detail });
    let playout = |detail: Value| json!({ "kind": "playout", "of": detail });
    let sentence = json!({ "generation": 1, "index": 0 });
    for (second, what) in [
        (event(u64::MAX, json!({ "kind": "answered" })), "now is 18446744073709551615 ms"),
        (event(604_800_001, json!({ "kind": "answered" })), "no conversation lasts longer than a week"),
        (event(999, json!({ "kind": "answered" })), "its time, 999 ms, is before that of the event before it, 1000 ms"),
        (event(-5, json!({ "kind": "answered" })), "-5"),
        (event("soon", json!({ "kind": "answered" })), "string \"soon\""),
        (event(1_000.5, json!({ "kind": "answered" })), "1000.5"),
        (json!({ "line": "event", "now": 2_000 }), "missing field `event`"),
        (json!({ "line": "event", "event": { "kind": "wake" } }), "missing field `now`"),
        (event(2_000, json!({ "kind": "sneezed" })), "unknown variant `sneezed`"),
        (event(2_000, json!({ "kind": "transcribed", "of": { "utterance": 1 } })), "missing field `transcript`"),
        (event(2_000, ear(json!({ "event": "speech_started", "at": u64::MAX }))), "at is 18446744073709551615 ms"),
        (
            event(2_000, ear(json!({ "event": "speech_ended", "utterance": 1, "started": 900, "ended": 800 }))),
            "speech that started at 900 ms ended before",
        ),
        (event(2_000, playout(json!({ "event": "played", "sentence": sentence, "at": u64::MAX }))), "at is"),
        (event(2_000, json!({ "kind": "media", "of": { "is": "absent", "for_ms": u64::MAX } })), "for_ms is"),
        (event(2_000, json!({ "kind": "reply_ended", "of": { "generation": -1 } })), "-1"),
        (event(2_000, json!({ "kind": "reply_ended", "of": { "generation": 4_294_967_296_u64 } })), "4294967296"),
        (json!({ "line": "actions", "actions": "none" }), "invalid type"),
        (json!(["event"]), ""),
        (json!(null), ""),
    ] {
        let told = told_of(second.clone());
        assert!(told.starts_with("line 3 ") && told.contains(what), "{second}: {told}");
        assert!(!told.contains(" at line 1 "), "the line is the log's: {told}");
    }
}

#[test]
fn limits_that_no_conversation_has_are_named() {
    for path in ["call", "silence", "media", "provider_first", "provider_stall"] {
        let mut line = setup();
        line["settings"]["limits"][path] = json!(u64::MAX);
        let told = replay(log(&[line]).as_slice()).unwrap_err().to_string();
        assert!(told.starts_with("line 1 ") && told.contains(path), "{told}");
    }
    let mut line = setup();
    line["settings"]["greeting_wait"] = json!(u64::MAX);
    assert!(replay(log(&[line]).as_slice()).unwrap_err().to_string().contains("greeting_wait"));
}

#[test]
fn a_log_of_another_program_or_none_is_said_to_be_none() {
    let mut other = setup();
    other["version"] = json!(99);
    for bytes in [Vec::new(), log(&[event(1, json!({ "kind": "wake" }))]), log(&[other])] {
        assert!(matches!(replay(bytes.as_slice()), Err(ReplayError::Foreign(_))));
    }
    assert!(replay(&b"\xff\xfe\n"[..]).unwrap_err().to_string().starts_with("line 1 "));
}

#[test]
fn a_log_of_a_million_events_is_refused_where_it_is_too_long_and_one_as_long_as_may_be_is_replayed() {
    let head = log(&[setup()]);
    let line = log(&[event(1_000, json!({ "kind": "wake" }))]);
    let mut million = head.clone();
    (0..1_000_000).for_each(|_| million.extend_from_slice(&line));
    let told = replay(million.as_slice()).unwrap_err().to_string();
    assert!(told.contains("a log ends before it has"), "{told}");

    let mut longest = head;
    let answered = log(&[event(1_000, json!({ "kind": "wake" }))]);
    let mut events = 0;
    while longest.len() + answered.len() < MOST_BYTES {
        longest.extend_from_slice(&answered);
        events += 1;
    }
    assert_eq!(replay(longest.as_slice()).unwrap().events, events);
}

#[test]
fn events_in_any_order_are_replayed() {
    // Before the answer, after the end, twice: a mind takes them all.
    let bye = json!({ "kind": "line_ended", "of": { "how": "bye", "cause": 16 } });
    let lines = [
        setup(),
        event(0, json!({ "kind": "reply_ended", "of": { "generation": 7 } })),
        event(0, json!({ "kind": "tool_journaled", "of": { "number": 9, "known": null } })),
        event(5, bye.clone()),
    ];
    let replayed = replay(log(&lines).as_slice());
    assert!(matches!(replayed, Ok(_) | Err(ReplayError::Different { .. })), "{replayed:?}");
}
