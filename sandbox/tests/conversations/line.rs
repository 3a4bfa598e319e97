//! A telephone line of text: a restaurant's script on one end, the talker with its tools on the other.

use offhook::{language::Language, offer::Offer, request::Request};
use offhook_sandbox::{
    restaurants::{
        persona::Persona,
        script::{Action, Event, Script},
    },
    talker::{
        Message, Reply, Tool,
        sentences::{self, lines},
        understanding::words,
        vocabulary::{agent_vocabulary, built_in_guests},
    },
};
use serde_json::{Value, json};

/// How a conversation went.
#[derive(Debug, Default)]
pub struct Ended {
    /// What was reported last and recorded.
    pub outcome: Option<String>,
    /// The arguments of that report.
    pub report: Value,
    /// What was accepted.
    pub accepted: Option<Offer>,
    /// `R: …` and `A: …`
    pub transcript: Vec<String>,
    /// The agent hung up, not the restaurant.
    pub agent_hung_up: bool,
}

pub struct Line {
    request: Request,
    language: Language,
    messages: Vec<Message>,
    tools: Vec<Tool>,
    vocabulary: Vec<(Language, String)>,
    pub ended: Ended,
}

impl Line {
    pub fn new(request: Request, language: Language) -> Line {
        let tools = ["accept_offer", "report_outcome", "end_call"].map(Tool::named).to_vec();
        let messages = vec![Message::text("system", &prompt(&request, language))];
        let vocabulary = agent_vocabulary(&built_in_guests());
        Line { request, language, messages, tools, vocabulary, ended: Ended::default() }
    }

    /// The whole call. The restaurant hears the opening and the first sentence in one breath only where it interrupts.
    pub fn call(mut self, persona: &Persona) -> Ended {
        let mut script = Script::new(persona.clone(), built_in_guests());
        script.on(&Event::Answered);
        let mut introduced = false;
        for _ in 0..40 {
            let Some(actions) = (0..=200).map(|tick| script.on(&Event::Silence(tick * 100))).find(|actions| !actions.is_empty())
            else {
                return self.ended;
            };
            self.restaurant_says(&actions);
            if script.is_over() {
                return self.ended;
            }
            let mut interruption = Vec::new();
            if !introduced {
                introduced = true;
                let opening = sentences::named(lines(self.language).opening, &self.request.guest_name);
                let opening = format!("{opening} {}", lines(self.language).recorded);
                self.agent_says(&opening);
                interruption = script.on(&Event::AgentStarted);
                if interruption.is_empty() {
                    script.on(&self.heard(&opening));
                }
            }
            self.agent_turn(&mut script, interruption);
            if self.ended.agent_hung_up || script.is_over() {
                return self.ended;
            }
        }
        panic!("the call never ends:\n{}", self.ended.transcript.join("\n"));
    }

    fn agent_turn(&mut self, script: &mut Script, mut interruption: Vec<Action>) {
        for _ in 0..8 {
            let reply = self.think();
            let asks_again = !reply.tool_calls.is_empty();
            if !reply.text.is_empty() {
                if interruption.is_empty() {
                    interruption = script.on(&Event::AgentStarted);
                }
                if interruption.is_empty() {
                    self.agent_replies(&reply, reply.text.clone());
                    let event = self.heard(&reply.text);
                    let actions = if self.ended.agent_hung_up { Vec::new() } else { script.on(&event) };
                    self.restaurant_says(&actions);
                } else {
                    let words: Vec<_> = reply.text.split(' ').collect();
                    self.agent_replies(&reply, words[..words.len() / 2].join(" "));
                    self.restaurant_says(&std::mem::take(&mut interruption));
                    script.on(&Event::AgentSpoke { text: None });
                    continue;
                }
            } else {
                self.agent_replies(&reply, String::new());
            }
            if self.ended.agent_hung_up {
                script.on(&Event::HungUp);
            }
            if !asks_again || self.ended.agent_hung_up || script.is_over() {
                return;
            }
        }
        panic!("the talker calls tools for ever:\n{}", self.ended.transcript.join("\n"));
    }

    /// What the talker says next; it may not be nothing, and may not thank for a table that is not agreed.
    pub fn think(&self) -> Reply {
        let reply = offhook_sandbox::talker::reply(&self.messages, &self.tools);
        let transcript = || self.ended.transcript.join("\n");
        assert!(!reply.text.is_empty() || !reply.tool_calls.is_empty(), "dead air after\n{}", transcript());
        assert!(!reply.text.contains(['{', '}']), "{}", reply.text);
        if self.ended.accepted.is_none() {
            for line in [lines(self.language).thanks, lines(self.language).suits] {
                assert!(!reply.text.contains(line), "claims a table: {}\n{}", reply.text, transcript());
            }
        }
        reply
    }

    pub fn restaurant_says(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Say(text) = action {
                self.ended.transcript.push(format!("R: {text}"));
                self.messages.push(Message::text("user", text));
            }
        }
    }

    pub fn agent_says(&mut self, text: &str) {
        self.ended.transcript.push(format!("A: {text}"));
        self.messages.push(Message::text("assistant", text));
    }

    /// Puts the reply into the history, as far as it was heard, and runs its tools.
    pub fn agent_replies(&mut self, reply: &Reply, heard: String) {
        if !heard.is_empty() {
            self.ended.transcript.push(format!("A: {heard}"));
        }
        self.messages.push(Message { tool_calls: reply.tool_calls.clone(), ..Message::text("assistant", &heard) });
        for call in &reply.tool_calls {
            let arguments: Value = serde_json::from_str(&call.function.arguments).unwrap();
            let result = self.run(&call.function.name, &arguments);
            self.ended.transcript.push(format!("   {} {arguments} -> {result}", call.function.name));
            let result = Message { tool_call_id: Some(call.id.clone()), ..Message::text("tool", &result.to_string()) };
            self.messages.push(result);
        }
    }

    fn run(&mut self, tool: &str, arguments: &Value) -> Value {
        match tool {
            "accept_offer" => {
                let mut whole = arguments.clone();
                whole["time"] = json!(format!("{}:00", arguments["time"].as_str().unwrap()));
                let offer: Offer = serde_json::from_value(whole).unwrap();
                match self.request.allows(&offer) {
                    Ok(()) => {
                        self.ended.accepted = Some(offer);
                        json!({ "accepted": true })
                    }
                    Err(outside) => json!({ "accepted": false, "reason": outside.to_string() }),
                }
            }
            "report_outcome" => {
                let outcome = arguments["outcome"].as_str().unwrap().to_owned();
                let known = offhook::outcome::Outcome::ALL.iter().any(|known| known.as_str() == outcome);
                assert!(known, "{outcome}");
                if ["booked", "booked_alternative", "changed"].contains(&outcome.as_str()) {
                    assert!(self.ended.accepted.is_some(), "{outcome} without a table:\n{}", self.ended.transcript.join("\n"));
                }
                self.ended.outcome = Some(outcome);
                self.ended.report = arguments.clone();
                json!({ "recorded": true })
            }
            "end_call" => {
                self.ended.agent_hung_up = true;
                json!({})
            }
            other => panic!("no tool {other}"),
        }
    }

    fn heard(&self, text: &str) -> Event {
        let words = words::fold(text);
        let known = self.vocabulary.iter().find(|(language, known)| *language == self.language && words::fold(known) == words);
        Event::AgentSpoke { text: known.map(|(_, text)| text.clone()) }
    }
}

fn prompt(request: &Request, language: Language) -> String {
    let clock = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    let block = json!({
        "kind": request.kind, "restaurant_name": request.restaurant_name, "guest_name": request.guest_name,
        "guest_phone": request.guest_phone, "party_size": request.party_size, "wanted_date": request.wanted_date,
        "weekday": request.wanted_date.format("%A").to_string(), "wanted_time": clock(request.wanted_time),
        "earliest_time": clock(request.earliest_time), "latest_time": clock(request.latest_time),
        "other_dates": request.other_dates, "special_requests": request.special_requests,
        "booking_reference": request.booking_reference, "language": language, "today": "2026-11-20",
    });
    format!("You call a restaurant. Speak {}.\n<request>\n{block}\n</request>\n", language.english_name())
}
