//! Anything, in any order: whatever the world does, the mind keeps its laws.

use offhook::language::Language;
use offhook_types::{
    audio::MediaTime,
    chat::ToolCall,
    hearing::EarEvent,
    ids::{Generation, Millis, SentenceId, UtteranceId},
    line::{LineEnd, MediaPresence, StopReason},
    playout::PlayoutEvent,
    transcript::Transcript,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use super::{
    Action, Event, Mind,
    fixtures::{request, settings},
};

struct Storm {
    random: StdRng,
    generation: Generation,
    utterance: UtteranceId,
    sentences: Vec<SentenceId>,
    tools: u32,
}

impl Storm {
    fn event(&mut self, now: Millis) -> Event {
        const WORDS: [&str; 9] = [
            "",
            "Yes",
            "mhm",
            "We could offer you 21:00",
            "Guten Abend, wir haben einen Tisch",
            "Hola, dígame usted",
            "Don't call again",
            "One moment please",
            "Bye",
        ];
        const CALLS: [(&str, &str); 8] = [
            ("accept_offer", r#"{"date":"2026-12-04","time":"19:30","party_size":4}"#),
            ("accept_offer", r#"{"date":"2026-12-04","time":"21:00","party_size":4}"#),
            ("accept_offer", r#"{"date":"2026-12-05","time":"20:00","party_size":4}"#),
            ("accept_offer", r#"{"date":"2026-12-09","time":"20:00","party_size":2}"#),
            ("report_outcome", r#"{"outcome":"booked","offered":[{"date":"2026-12-04","time":"22:00","party_size":4}]}"#),
            ("report_outcome", r#"{"outcome":"declined"}"#),
            ("end_call", "{}"),
            ("nonsense", "}{"),
        ];
        let generation = self.generation.saturating_sub(u32::from(self.random.random_bool(0.2)));
        let utterance = self.utterance;
        let at = MediaTime(now);
        let sentence = match self.sentences.len() {
            0 => SentenceId { generation, index: 0 },
            count => self.sentences[self.random.random_range(count.saturating_sub(4)..count)],
        };
        let language = match self.random.random_range(0..6) {
            at @ 0..4 => Some(Language::ALL[at]),
            _ => None,
        };
        let text = WORDS[self.random.random_range(0..WORDS.len())].to_owned();
        let error = "x".to_owned();
        match self.random.random_range(0..44) {
            0..4 => Event::Heard(EarEvent::SpeechStarted { at }),
            4..8 => {
                self.utterance += 1;
                Event::Heard(EarEvent::SpeechEnded {
                    utterance: self.utterance,
                    started: MediaTime(now.saturating_sub(900)),
                    ended: at,
                })
            }
            8..14 => Event::Transcribed { utterance, transcript: Transcript::new(text, language) },
            14 => Event::TranscriptionFailed { utterance, error },
            15..19 => Event::ReplyText { generation, text: format!("{text}. And so on. ") },
            19..23 => {
                let (name, arguments) = CALLS[self.random.random_range(0..CALLS.len())];
                Event::ReplyToolCall {
                    generation,
                    call: ToolCall { id: "1".into(), name: name.into(), arguments: arguments.into() },
                }
            }
            23..26 => Event::ReplyEnded { generation },
            26 => Event::ReplyFailed { generation, error },
            27..30 => Event::Playout(PlayoutEvent::Started { sentence, at }),
            30..33 => Event::Playout(PlayoutEvent::Played { sentence, at }),
            33 => Event::Playout(PlayoutEvent::Cut { sentence, at, share: self.random.random_range(-0.5..1.5) }),
            34 => Event::SentenceFailed { sentence, error, broke_off: self.random.random_bool(0.5) },
            35..38 => {
                let known = [None, Some(json!({})), Some(json!({ "accepted": true })), Some(json!("nonsense"))];
                let number = self.random.random_range(0..=self.tools.max(1));
                Event::ToolJournaled { number, known: known[self.random.random_range(0..4)].clone() }
            }
            38 => Event::Wake,
            39 => Event::ToolNotJournaled { number: self.random.random_range(0..=self.tools.max(1)), error },
            40 => Event::Media(MediaPresence::Present),
            41 if self.random.random_bool(0.2) => Event::Media(MediaPresence::Absent { for_ms: 1_000 }),
            42 if self.random.random_bool(0.2) => Event::Held(self.random.random_bool(0.3)),
            43 if self.random.random_bool(0.02) => Event::Stop(
                [StopReason::TakenBack, StopReason::ProcessStopping, StopReason::AttemptStale][self.random.random_range(0..3)],
            ),
            _ if self.random.random_bool(0.05) => Event::Heard(EarEvent::Beep { at }),
            _ => Event::Answered,
        }
    }

    fn notice(&mut self, action: &Action) {
        match action {
            Action::Speak { sentence, .. } => self.sentences.push(*sentence),
            Action::Think { generation, .. } => self.generation = *generation,
            Action::JournalTool { number, .. } => self.tools = *number,
            _ => {}
        }
    }
}

/// A call that begins like any other, then weather, then a hang-up at any moment; and nobody answers any more.
fn weather(seed: u64) -> (Vec<(Millis, Event)>, Vec<Action>) {
    let mut storm = Storm { random: StdRng::seed_from_u64(seed), generation: 0, utterance: 0, sentences: Vec::new(), tools: 0 };
    let mut mind = Mind::new(request(), "+4930123456", settings(), 0);
    let mut now = 0;
    let mut events = Vec::new();
    let mut actions = Vec::new();
    let length = storm.random.random_range(1..120);
    for step in 0..length + 2 {
        now += storm.random.random_range(0..2_000);
        let event = match step {
            0 => Event::Answered,
            step if step == length => Event::LineEnded(LineEnd::Bye { cause: Some(16) }),
            1 => Event::Media(MediaPresence::Present),
            step if step > length => {
                now += 20_000;
                Event::Wake
            }
            _ => storm.event(now),
        };
        events.push((now, event.clone()));
        for action in mind.handle(event, now) {
            storm.notice(&action);
            actions.push(action);
        }
    }
    (events, actions)
}

#[test]
fn whatever_happens_there_is_one_end_and_nothing_after_it_and_no_agreement_outside_the_limits() {
    let request = request();
    let mut agreed = 0;
    for seed in 0..10_000 {
        let (_, actions) = weather(seed);
        let finishes = actions.iter().filter(|action| matches!(action, Action::Finish(_))).count();
        assert_eq!(finishes, 1, "seed {seed}");
        let Some(Action::Finish(conclusion)) = actions.last() else { panic!("seed {seed}: something follows the end") };
        if let Some(outcome) = &conclusion.outcome
            && let (Some(date), Some(time), Some(party_size)) = (outcome.agreed_date, outcome.agreed_time, outcome.agreed_party)
        {
            agreed += 1;
            assert_eq!(request.allows(&offhook::offer::Offer { date, time, party_size }), Ok(()), "seed {seed}");
        }
        let journaled: Vec<u32> = actions
            .iter()
            .filter_map(|action| if let Action::JournalTool { number, .. } = action { Some(*number) } else { None })
            .collect();
        let settled: Vec<u32> = actions
            .iter()
            .filter_map(|action| if let Action::SettleTool { number, .. } = action { Some(*number) } else { None })
            .collect();
        let mut once = settled.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), settled.len(), "seed {seed}: a tool ran twice");
        assert!(settled.iter().all(|number| journaled.contains(number)), "seed {seed}: a tool ran without a journal");
    }
    assert!(agreed > 100, "only {agreed} storms came to an agreement: they prove little");
}

#[test]
fn the_same_events_lead_to_the_same_actions() {
    for seed in 0..300 {
        let (events, actions) = weather(seed);
        let mut mind = Mind::new(request(), "+4930123456", settings(), 0);
        let again: Vec<Action> = events.into_iter().flat_map(|(now, event)| mind.handle(event, now)).collect();
        assert_eq!(again, actions);
    }
}

#[test]
fn a_call_that_hears_nothing_more_of_anybody_ends_by_itself() {
    for seed in 0..2_000 {
        let (events, _) = weather(seed);
        let mut mind = Mind::new(request(), "+4930123456", settings(), 0);
        let (mut wake_at, mut finished, mut now) = (None, false, 0);
        let mut take = |actions: Vec<Action>, wake_at: &mut Option<Millis>| {
            for action in actions {
                match action {
                    Action::WakeAt(at) => *wake_at = Some(at),
                    Action::Finish(_) => finished = true,
                    _ => {}
                }
            }
            finished
        };
        // Cut off somewhere: from here on the mind has nothing but its own deadlines.
        let kept = events.len() / 2 + 1;
        for (at, event) in events.into_iter().take(kept) {
            now = at;
            take(mind.handle(event, at), &mut wake_at);
        }
        let silent_since = now;
        let mut over = take(Vec::new(), &mut wake_at);
        while !over {
            let at = wake_at.take().unwrap_or_else(|| panic!("seed {seed}: no deadline is left at {now}"));
            now = now.max(at);
            over = take(mind.handle(Event::Wake, now), &mut wake_at);
        }
        assert!(now - silent_since < 120_000, "seed {seed}: the call lasted {} ms more", now - silent_since);
    }
}
