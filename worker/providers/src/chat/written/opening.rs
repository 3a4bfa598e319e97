//! What a tag, a special token, a bracket or a parenthesis opens.

use super::{
    Decision, Mode, SHOWN, Written,
    calls::{self, Called, bracket_end},
    dialogue::{self, Label},
    floor_boundary, objects,
    tags::{self, Tag},
};

impl Written {
    /// After a tag or a special token.
    pub(super) fn opened(&self, length: usize, tag: &Tag) -> Decision {
        let name = tag.name.as_str();
        let close = || match tag.half {
            true => vec![format!("<{name}|>")],
            false if tag.dsml => vec![format!("</｜dsml｜{name}>"), format!("</|dsml|{name}>")],
            false => vec![format!("</{name}>")],
        };
        if tags::ends_the_reply(tag) {
            return Decision::Enter(length, Mode::Drop(Vec::new()));
        }
        if let Some(end) = tags::end_of_token(tag) {
            return if end.is_empty() { Decision::ThoughtsEnd(length) } else { Decision::Enter(length, Mode::Drop(vec![end])) };
        }
        if tag.half && name == "channel" {
            let ends = || vec!["<channel|>".to_owned(), tags::HALF_CALL.to_owned()];
            return if tag.closes { Decision::ThoughtsEnd(length) } else { Decision::Enter(length, Mode::Drop(ends())) };
        }
        if tags::is_thought(name) {
            if tag.closes || name == "unused95" {
                return Decision::ThoughtsEnd(length);
            }
            let ends = match name {
                "unused94" => vec!["<unused95>".to_owned()],
                _ if tag.kimi => vec![format!("◁/{name}▷")],
                _ => close(),
            };
            return if tag.empty { Decision::Skip(length) } else { Decision::Enter(length, Mode::Drop(ends)) };
        }
        if tag.special {
            return match name {
                "channel" | "start" => Decision::Enter(length, Mode::Channel(String::new())),
                _ if tags::is_call(name) && !tag.closes && !name.contains("end") => {
                    let ends = [
                        "calls_section_end|>",
                        "calls_end|>",
                        "calls▁end｜>",
                        "<|/tool_call|>",
                        "<|eom_id|>",
                        "<|im_end|>",
                        "<|eot_id|>",
                        "<tool_call|>",
                        "<|end_action|>",
                    ];
                    Decision::Enter(length, Mode::Call(ends.map(str::to_owned).to_vec(), None))
                }
                _ => Decision::Skip(length),
            };
        }
        if tags::is_call(name) && !tag.closes && !tag.empty {
            return Decision::Enter(length, Mode::Call(close(), tag.value.clone()));
        }
        if !tag.special && !tag.closes && self.tools.contains(&tag.name) {
            let attributes = objects::attributes(&self.held[..length]);
            return match tag.empty || attributes.is_some() {
                true => Decision::Object(length),
                false => Decision::Enter(length, Mode::Call(close(), Some(tag.name.clone()))),
            };
        }
        // A place that the model has not filled in: the sentence is not said (`worker/speaking`).
        if !tag.special && !tag.closes && !tag.empty && tags::is_place(tag) {
            return Decision::Speak(length);
        }
        Decision::Skip(length)
    }

    /// `[TOOL_CALLS]`, `[THINK]`, a list of calls; anything else in brackets is the speaker's business.
    pub(super) fn bracket(&self, over: bool) -> Decision {
        let held = &self.held;
        let inside = &held[1..];
        let rest = inside.trim_start();
        if rest.is_empty() {
            return if over { Decision::Skip(held.len()) } else { Decision::Wait };
        }
        if rest.starts_with('{') {
            return match bracket_end(held) {
                Some(end) => Decision::Object(end),
                None if over => Decision::Object(held.len()),
                None => Decision::Wait,
            };
        }
        match dialogue::note_at(rest, over) {
            Called::Yes(_) => return Decision::Enter(1, Mode::Drop(vec!["]".to_owned()])),
            Called::Maybe => return Decision::Wait,
            Called::No => {}
        }
        match dialogue::alone_at(rest, &self.tools, over) {
            Called::Yes(_) if self.at_sentence => return Decision::Skip(1),
            Called::Maybe => return Decision::Wait,
            _ => {}
        }
        match calls::tool_at(rest, &self.tools, over) {
            Called::Yes(_) => return Decision::Skip(1),
            Called::Maybe => return Decision::Wait,
            Called::No => {}
        }
        let upper = rest.to_ascii_uppercase();
        for (mark, ends) in [
            ("TOOL_CALLS]", ""),
            ("TOOL_CALL]", ""),
            ("TOOL_REQUEST]", "[end_tool_request]"),
            ("/THINK]", "-"),
            ("THINK]", "[/think]"),
        ] {
            if upper.starts_with(mark) {
                let length = 1 + (inside.len() - rest.len()) + mark.len();
                return match ends {
                    "-" => Decision::ThoughtsEnd(length),
                    "[/think]" => Decision::Enter(length, Mode::Drop(vec![ends.to_owned()])),
                    "" => Decision::Enter(length, Mode::Call(Vec::new(), None)),
                    _ => Decision::Enter(length, Mode::Call(vec![ends.to_owned()], None)),
                };
            }
            if mark.starts_with(&upper) {
                return if over { Decision::Skip(held.len()) } else { Decision::Wait };
            }
        }
        Decision::Speak(1)
    }

    /// `(Note: I should call accept_offer now.)` is a thought; anything else in parentheses is speech.
    pub(super) fn parenthesis(&self, over: bool) -> Decision {
        let held = &self.held;
        let shown = &held[..floor_boundary(held, SHOWN.min(held.len()))];
        match dialogue::note_at(&shown[1..], over) {
            Called::Yes(_) => return Decision::Enter(1, Mode::Drop(vec![")".to_owned()])),
            Called::Maybe => return Decision::Wait,
            Called::No => {}
        }
        let Some(end) = shown.find(')') else {
            return if over || held.len() >= SHOWN { Decision::Speak(1) } else { Decision::Wait };
        };
        let mut named = self.tools.iter().filter_map(|tool| shown[..end].find(tool.as_str()).map(|at| at + tool.len()));
        match named.next() {
            // A call in parentheses is a call.
            Some(behind) if shown[behind..end].trim_start().starts_with(['(', '{', ':']) => Decision::Skip(1),
            Some(_) => Decision::Skip(end + 1),
            None => Decision::Speak(1),
        }
    }

    /// A word that begins a sentence: a label, a tool's name alone, or speech.
    pub(super) fn word(&self, over: bool) -> Decision {
        let held = &self.held;
        let speak = Decision::Speak(held.chars().next().map_or(0, char::len_utf8));
        if !self.at_sentence || self.before.is_alphanumeric() || self.before == '_' {
            return speak;
        }
        match dialogue::alone_at(held, &self.tools, over) {
            Called::Yes(length) => return Decision::Alone(length),
            Called::Maybe => return Decision::Wait,
            Called::No => {}
        }
        match dialogue::label_at(held, over) {
            Label::No => speak,
            Label::Maybe => Decision::Wait,
            Label::Thought(_) | Label::Action(_) => Decision::Enter(0, Mode::Labels),
            Label::Answer(length) => Decision::Skip(length),
            // What the callee says next is theirs to say.
            Label::Turn(_) => Decision::Enter(held.len(), Mode::Drop(Vec::new())),
        }
    }

    /// Drops labelled thoughts and reads actions; returns whether there is more to decide.
    pub(super) fn labels(&mut self, over: bool) -> bool {
        let Some((at, label)) = dialogue::next_label(&self.held, self.before, over) else {
            let keep = if over { 0 } else { dialogue::LONGEST };
            let cut = floor_boundary(&self.held, self.held.len().saturating_sub(keep));
            let dropped: String = self.held.drain(..cut).collect();
            self.before = dropped.chars().last().unwrap_or(self.before);
            return false;
        };
        let length = match label {
            Label::Thought(length) => length,
            Label::Answer(length) => {
                self.held.drain(..at + length);
                (self.before, self.at_sentence, self.mode) = (' ', true, Mode::Text);
                return true;
            }
            Label::Turn(_) => {
                self.held.clear();
                self.mode = Mode::Drop(Vec::new());
                return true;
            }
            Label::Action(length) => match dialogue::action(&self.held[at + length..], over) {
                None => return false,
                Some(action) => {
                    let name = self.tools.iter().find(|tool| tool.eq_ignore_ascii_case(&action.name)).cloned();
                    match name {
                        Some(name) => self.call(&action.arguments, Some(&name)),
                        None if action.is_nothing() => {}
                        None => self.call(&format!("{} {}", action.name, action.arguments), None),
                    }
                    length + action.length
                }
            },
            Label::No | Label::Maybe => 1,
        };
        self.held.drain(..at + length);
        self.before = ' ';
        true
    }

    /// An object in the text: calls, words that a model has put into JSON, something that was meant as a call, or nothing for the ear.
    pub(super) fn object(&mut self, written: &str) {
        match objects::read(written, &self.tools) {
            objects::Object::Calls(calls, words) => {
                self.calls.extend(calls);
                self.put_back(&words);
            }
            objects::Object::Words(words) => self.put_back(&words),
            objects::Object::Broken => self.unreadable(written, None),
            objects::Object::Data => {}
        }
    }

    /// Words that stood within something else are read as if they stood in the text.
    fn put_back(&mut self, words: &str) {
        if !words.is_empty() {
            self.held.insert_str(0, &format!("{words} "));
            (self.before, self.at_sentence) = (' ', true);
        }
    }
}
