//! When a restaurant says what: a pure state machine over a persona's turns.
//!
//! It hears that the caller begins and ends to speak, now and then understands a sentence, and feels the silence grow. It
//! knows no clock, no sound and no network.

use offhook::language::Language;

use super::{
    persona::{Persona, Turn},
    phrases::{Intent, Phrases},
};
use crate::talker::vocabulary::{Guest, Meaning, meaning};

/// Silence, in ms, after which a restaurant asks whether anybody is there.
pub const STILL_THERE_MS: u64 = 7_000;
/// Silence, in ms, after which it hangs up.
pub const GIVE_UP_MS: u64 = 20_000;
/// Silence, in ms, after the last turn: a caller who says no goodbye is not waited for any longer.
pub const AFTER_GOODBYE_MS: u64 = 8_000;
/// From the last word to putting the receiver down, in ms.
pub const PUT_DOWN_MS: u64 = 800;
/// How long a machine records, in ms of silence.
pub const RECORDING_MS: u64 = 20_000;

/// What a restaurant notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The call is up; silence counts from here.
    Answered,
    /// The caller began to speak.
    AgentStarted,
    /// The caller has finished speaking.
    AgentSpoke {
        /// What was recognised, where anything was.
        text: Option<String>,
    },
    /// Nobody has spoken for so many ms: since the answer, or the last word of either side. Sent again and again as it grows,
    /// never while an action is being carried out.
    Silence(u64),
    /// The caller has ended the call.
    HungUp,
}

/// What a restaurant does. Actions are carried out in order; nothing but the end of the call breaks off what has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Speaks.
    Say(String),
    /// A tone of 1 kHz for so many ms.
    Beep(u64),
    /// Lets so many ms pass.
    Wait(u64),
    /// Ends the call.
    HangUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before its first word.
    PickedUp,
    /// The turn with this index was said; it is the caller's turn to speak.
    Listening(usize),
    /// The caller has answered the turn `after`; the turn `next` follows after a pause.
    Replying { after: usize, next: usize },
    /// The caller asked to hear the turn with this index again.
    Repeating(usize),
    /// Nothing will be said any more.
    Over,
}

/// One conversation of a restaurant.
#[derive(Debug, Clone)]
pub struct Script {
    persona: Persona,
    guests: Vec<Guest>,
    stage: Stage,
    asked_still_there: bool,
    /// The caller's introduction was understood: what follows is the request.
    introduced: bool,
    /// The end of a sentence the restaurant has talked over is no answer.
    talked_over: bool,
}

impl Script {
    /// For one call to `persona`; `guests` are those whose introductions it can recognise.
    pub fn new(persona: Persona, guests: Vec<Guest>) -> Script {
        Script { persona, guests, stage: Stage::PickedUp, asked_still_there: false, introduced: false, talked_over: false }
    }

    /// Whether it has hung up, or been hung up on.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// What to do now; nothing is the most frequent answer.
    pub fn on(&mut self, event: &Event) -> Vec<Action> {
        match (event, self.stage) {
            (_, Stage::Over) | (Event::Answered, _) => Vec::new(),
            (Event::HungUp, _) => {
                self.stage = Stage::Over;
                Vec::new()
            }
            (Event::Silence(ms), stage) => self.silence(*ms, stage),
            (Event::AgentStarted, stage) => self.agent_started(stage),
            (Event::AgentSpoke { text }, stage) => self.agent_spoke(text.as_deref(), stage),
        }
    }

    fn silence(&mut self, ms: u64, stage: Stage) -> Vec<Action> {
        let pace = self.persona.pace;
        match stage {
            Stage::PickedUp if ms >= pace.before_greeting_ms => self.say(0),
            Stage::Replying { after, next } => {
                let pause = if after == 0 && !self.introduced { pace.after_greeting_ms } else { pace.before_reply_ms };
                if ms >= pause { self.say(next) } else { Vec::new() }
            }
            Stage::Repeating(index) if ms >= pace.before_reply_ms => self.say(index),
            Stage::Listening(index) => self.waiting(ms, index),
            _ => Vec::new(),
        }
    }

    /// The caller owes an answer and says nothing.
    fn waiting(&mut self, ms: u64, index: usize) -> Vec<Action> {
        let turn = &self.persona.turns[index];
        let unasked = self.persona.turns.get(index + 1).and_then(|next| next.unasked_after_ms);
        if self.persona.beep_ms.is_some() {
            return if ms >= RECORDING_MS { self.hang_up() } else { Vec::new() };
        }
        if unasked.is_some_and(|after| ms >= after) {
            return self.say(index + 1);
        }
        if ms >= if turn.ends { AFTER_GOODBYE_MS } else { GIVE_UP_MS } {
            return self.goodbye(index);
        }
        if ms >= STILL_THERE_MS && !turn.ends && !self.asked_still_there {
            self.asked_still_there = true;
            return self.phrase(Intent::StillThere).into_iter().collect();
        }
        Vec::new()
    }

    fn agent_started(&mut self, stage: Stage) -> Vec<Action> {
        let Stage::Listening(index) = stage else { return Vec::new() };
        match self.persona.turns.get(index + 1).and_then(|next| next.interrupts_after_ms) {
            Some(ms) => {
                self.talked_over = true;
                let mut actions = vec![Action::Wait(ms)];
                actions.extend(self.say(index + 1));
                actions
            }
            None => Vec::new(),
        }
    }

    fn agent_spoke(&mut self, text: Option<&str>, stage: Stage) -> Vec<Action> {
        if std::mem::take(&mut self.talked_over) {
            return Vec::new();
        }
        let (index, settled) = match stage {
            Stage::Listening(index) => (index, None),
            Stage::Replying { after, next } => (after, Some(next)),
            Stage::Repeating(index) => (index, None),
            Stage::PickedUp | Stage::Over => return Vec::new(),
        };
        if self.persona.beep_ms.is_some() {
            return Vec::new();
        }
        let turn = &self.persona.turns[index];
        let meaning = text.and_then(|text| meaning(text, self.persona.language, &self.guests));
        let branch = match meaning {
            Some(Meaning::Goodbye) => return self.goodbye(index),
            _ if turn.ends => return self.goodbye(index),
            Some(Meaning::Opening) => {
                self.introduced = true;
                return Vec::new();
            }
            Some(Meaning::Holds) => return Vec::new(),
            Some(Meaning::Repeat) => {
                self.stage = Stage::Repeating(index);
                return Vec::new();
            }
            Some(Meaning::Yes) => turn.yes.as_ref().or(turn.next.as_ref()),
            Some(Meaning::No) => turn.no.as_ref().or(turn.next.as_ref()),
            // More words of the same turn change nothing that was understood before.
            Some(Meaning::Detail) | None if settled.is_some() => return Vec::new(),
            Some(Meaning::Detail) | None => turn.next.as_ref(),
        };
        let named = branch.and_then(|id| self.persona.turns.iter().position(|turn| turn.id.as_ref() == Some(id)));
        let next = named.unwrap_or(index + 1);
        if next >= self.persona.turns.len() {
            return self.goodbye(index);
        }
        self.stage = Stage::Replying { after: index, next };
        Vec::new()
    }

    fn say(&mut self, index: usize) -> Vec<Action> {
        let turn: &Turn = &self.persona.turns[index];
        self.stage = Stage::Listening(index);
        self.asked_still_there = false;
        let said = Action::Say(self.persona.text_of(turn));
        if let Some(ms) = turn.hangs_up_after_ms {
            let mut actions = vec![said, Action::Wait(ms)];
            actions.extend(self.hang_up());
            return actions;
        }
        match self.persona.beep_ms.filter(|_| index == 0) {
            Some(ms) => vec![said, Action::Wait(300), Action::Beep(ms)],
            None => vec![said],
        }
    }

    /// Says goodbye unless the turn did, and ends the call.
    fn goodbye(&mut self, index: usize) -> Vec<Action> {
        let said_already = self.persona.turns[index].say.contains(&Intent::Goodbye);
        let goodbye = if said_already { None } else { self.phrase(Intent::Goodbye) };
        let mut actions = vec![Action::Wait(PUT_DOWN_MS)];
        actions.extend(goodbye);
        actions.extend(self.hang_up());
        actions
    }

    fn hang_up(&mut self) -> Vec<Action> {
        self.stage = Stage::Over;
        vec![Action::HangUp]
    }

    fn phrase(&self, intent: Intent) -> Option<Action> {
        let slots = self.persona.slots(None);
        Phrases::of(self.language()).render(intent, self.persona.wording, &slots).map(Action::Say)
    }

    fn language(&self) -> Language {
        self.persona.language
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{restaurants::persona, talker::vocabulary::built_in_guests};

    fn script(name: &str) -> Script {
        let persona = persona::built_in().unwrap().into_iter().find(|persona| persona.name == name).unwrap();
        Script::new(persona, built_in_guests())
    }
    fn spoke(text: &str) -> Event {
        Event::AgentSpoke { text: Some(text.to_owned()) }
    }
    fn said(actions: &[Action]) -> Vec<&str> {
        actions.iter().filter_map(|action| if let Action::Say(text) = action { Some(text.as_str()) } else { None }).collect()
    }

    #[test]
    fn the_greeting_comes_after_picking_up_and_the_reply_after_the_caller() {
        let mut script = script("golden-lion");
        assert_eq!(script.on(&Event::Answered), []);
        assert_eq!(script.on(&Event::Silence(100)), []);
        assert_eq!(said(&script.on(&Event::Silence(300))), ["Hello, this is The Golden Lion, Mary speaking."]);
        script.on(&Event::AgentStarted);
        let opening = "Hello, this is an automated assistant calling on behalf of Ada Winter. This call is recorded.";
        assert_eq!(script.on(&spoke(opening)), []);
        assert_eq!(script.on(&Event::Silence(3000)), [], "an introduction is no request yet");
        assert_eq!(script.on(&Event::AgentSpoke { text: None }), []);
        assert_eq!(said(&script.on(&Event::Silence(700))), ["Yes, we have a table for you. Under what name, please?"]);
        assert_eq!(script.on(&spoke("The name is Ada Winter.")), []);
        assert_eq!(said(&script.on(&Event::Silence(700))), ["Wonderful, your table is booked. Thank you, goodbye."]);
        let end = script.on(&spoke("Thank you very much, goodbye."));
        assert_eq!(end, [Action::Wait(PUT_DOWN_MS), Action::HangUp]);
        assert!(script.is_over());
    }

    #[test]
    fn an_answer_that_was_understood_leads_where_it_should() {
        let until_offer = || {
            let mut script = script("de-kade");
            script.on(&Event::Silence(300));
            script.on(&Event::AgentSpoke { text: None });
            assert!(said(&script.on(&Event::Silence(2500)))[0].contains("20:00"));
            script
        };
        let mut yes = until_offer();
        yes.on(&spoke("Ja, dat komt ons goed uit, dank u."));
        assert_eq!(said(&yes.on(&Event::Silence(700))), ["Op welke naam, alstublieft?"]);
        let mut no = until_offer();
        no.on(&spoke("Nee, dank u."));
        assert!(said(&no.on(&Event::Silence(700)))[0].contains("helemaal vol"));
        let mut again = until_offer();
        again.on(&spoke("Kunt u dat herhalen, alstublieft?"));
        assert!(said(&again.on(&Event::Silence(700)))[0].contains("20:00"));
        let mut goodbye = until_offer();
        assert_eq!(said(&goodbye.on(&spoke("Dat is jammer. Hartelijk dank, tot ziens."))), ["Dank u wel, tot ziens."]);
    }

    #[test]
    fn silence_is_asked_about_once_and_then_ends_the_call() {
        let mut script = script("leon-dorado");
        script.on(&Event::Silence(300));
        assert_eq!(script.on(&Event::Silence(6900)), []);
        assert_eq!(said(&script.on(&Event::Silence(7000))), ["Oiga, ¿sigue usted ahí?"]);
        assert_eq!(script.on(&Event::Silence(7000)), []);
        let end = script.on(&Event::Silence(20_000));
        assert_eq!(said(&end), ["Muchas gracias, adiós."]);
        assert_eq!(end.last(), Some(&Action::HangUp));
    }

    #[test]
    fn a_machine_beeps_and_records_whatever_is_said() {
        let mut script = script("night-owl");
        let actions = script.on(&Event::Silence(300));
        assert!(said(&actions)[0].ends_with("Please leave a message after the tone."));
        assert_eq!(actions.last(), Some(&Action::Beep(800)));
        script.on(&Event::AgentStarted);
        assert_eq!(script.on(&spoke("Thank you very much, goodbye.")), []);
        assert_eq!(script.on(&Event::Silence(19_900)), []);
        assert_eq!(script.on(&Event::Silence(20_000)), [Action::HangUp]);
    }

    #[test]
    fn an_interruption_falls_into_the_callers_sentence_and_its_end_is_no_answer() {
        let mut script = script("chatty-kitchen");
        script.on(&Event::Silence(300));
        let actions = script.on(&Event::AgentStarted);
        assert_eq!(actions[0], Action::Wait(7500));
        assert_eq!(said(&actions), ["Sorry, for how many people will it be?"]);
        script.on(&Event::AgentSpoke { text: None });
        assert_eq!(script.on(&Event::Silence(2500)), [], "the cut sentence was no answer");
        script.on(&Event::AgentSpoke { text: None });
        assert_eq!(said(&script.on(&Event::Silence(700))), ["Yes, we have a table for you. Under what name, please?"]);
    }

    #[test]
    fn who_asks_to_wait_comes_back_unasked() {
        let mut script = script("slow-kettle");
        script.on(&Event::Silence(300));
        for _ in 0..2 {
            script.on(&Event::AgentSpoke { text: None });
            script.on(&Event::Silence(2500));
        }
        script.on(&spoke("Of course, I will hold."));
        assert_eq!(script.on(&Event::Silence(2900)), []);
        assert_eq!(said(&script.on(&Event::Silence(3000))), ["Yes, we have a table for you."]);
    }

    #[test]
    fn who_has_had_enough_hangs_up_right_after_the_last_word() {
        let mut script = script("closed-door");
        script.on(&Event::Silence(300));
        script.on(&Event::AgentSpoke { text: None });
        let end = [Action::Say("Please do not call us again.".to_owned()), Action::Wait(150), Action::HangUp];
        assert_eq!(script.on(&Event::Silence(2500)), end);
        assert!(script.is_over());
        assert_eq!(script.on(&spoke("Thank you very much, goodbye.")), []);
    }

    #[test]
    fn an_introduction_that_was_not_understood_is_given_time_to_go_on() {
        let mut script = script("golden-lion");
        script.on(&Event::Silence(300));
        script.on(&Event::AgentSpoke { text: None });
        assert_eq!(script.on(&Event::Silence(2400)), []);
        assert!(!script.on(&Event::Silence(2500)).is_empty());
    }

    #[test]
    fn after_the_call_nothing_is_said() {
        let mut script = script("golden-lion");
        script.on(&Event::HungUp);
        assert_eq!(script.on(&Event::Silence(300)), []);
        assert!(script.is_over());
    }
}
