//! What a model writes as text and nobody is to hear: its thoughts, and tool calls that its server did not take out. Pure.
//!
//! Text is let go as soon as it cannot be the start of either; until then it is held. The notations are those of the models' chat
//! templates: Qwen, Hermes, Llama, Mistral, DeepSeek, Kimi, GLM, gpt-oss (harmony), Gemma, and JSON as a chat would show it.

mod bare;
mod calls;
mod dialogue;
mod entities;
mod objects;
mod opening;
mod tags;

use bare::Start;
use calls::{Called, read_calls};
use tags::{Tag, tag_at};

/// Most bytes held undecided; more is neither speech nor a call.
const MOST_HELD: usize = 16 * 1024;
/// Characters of an unreadable call that the model is shown.
const SHOWN: usize = 300;
/// The name of a call that could not be read: no tool has it, so that the model is told and asked again.
pub(crate) const UNREADABLE: &str = "unreadable";

/// A tool call that was written as text. Where it could not be read, its name or its arguments are such that it cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenCall {
    pub(crate) name: String,
    pub(crate) arguments: String,
}

/// Takes the text of one reply, in pieces cut anywhere.
pub(crate) struct Written {
    tools: Vec<String>,
    mode: Mode,
    held: String,
    /// The start of an entity (`&am`) that belongs behind `held`.
    entity: String,
    /// The last character before `held`.
    before: char,
    /// Whether a sentence may begin where `held` does.
    at_sentence: bool,
    calls: Vec<WrittenCall>,
    /// Thoughts that began as they should.
    has_thoughts: bool,
    thinks_without_opening: bool,
    /// All of the text comes at once: nothing of it has been spoken yet.
    whole: bool,
}

#[derive(Debug, Clone)]
enum Mode {
    /// Nothing has come: channels without their tokens begin with the word "analysis" (`bare`).
    Start,
    /// Such channels, up to the one that is for others.
    Bare,
    /// Speech.
    Text,
    /// Perhaps thoughts: the server leaves their opening tag out.
    Doubt,
    /// Dropped up to one of these, lower case; up to the end of the reply, where there is none.
    Drop(Vec<String>),
    /// A call up to one of these or the end, whose name may be known.
    Call(Vec<String>, Option<String>),
    /// Up to three backticks.
    Fence,
    /// Thoughts with labels (ReAct), up to the label of an action or of the answer.
    Labels,
    /// The header of a channel (harmony) as far as it is read; it ends at `<|message|>`.
    Channel(String),
}

enum Decision {
    /// Cannot be told yet.
    Wait,
    /// So many bytes are speech.
    Speak(usize),
    /// So many bytes are nothing.
    Skip(usize),
    /// So many bytes end thoughts that had no beginning.
    ThoughtsEnd(usize),
    /// So many bytes open something.
    Enter(usize, Mode),
    /// So many bytes are calls.
    Calls(usize),
    /// So many bytes are the name of a tool and nothing else.
    Alone(usize),
    /// So many bytes are an object.
    Object(usize),
    /// The first byte and the one at this place are braces around a character.
    Braces(usize),
}

impl Written {
    /// Begins to read. `hold_thoughts`: nothing is let go before `</think>` or the end.
    pub(crate) fn new(tools: &[&str], hold_thoughts: bool) -> Self {
        Written {
            tools: tools.iter().map(|name| (*name).to_owned()).collect(),
            mode: if hold_thoughts { Mode::Doubt } else { Mode::Start },
            held: String::new(),
            entity: String::new(),
            before: ' ',
            at_sentence: true,
            calls: Vec::new(),
            has_thoughts: false,
            thinks_without_opening: false,
            whole: false,
        }
    }

    /// Says that all of the text comes at once.
    pub(crate) fn is_whole(&mut self) {
        self.whole = true;
    }

    /// Says that the reply was cut off where the model had written enough: what may have been thoughts was.
    pub(crate) fn is_cut_off(&mut self) {
        if matches!(self.mode, Mode::Doubt) {
            self.held.clear();
        }
    }

    /// The names of the tools.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(String::as_str)
    }

    /// Whether there were thoughts, with their beginning.
    pub(crate) fn has_thoughts(&self) -> bool {
        self.has_thoughts
    }

    /// Whether thoughts ended that had no beginning.
    pub(crate) fn thinks_without_opening(&self) -> bool {
        self.thinks_without_opening
    }

    /// Takes more text; returns what may be spoken by now.
    pub(crate) fn push(&mut self, text: &str) -> String {
        self.entity.push_str(text);
        let known = self.entity.len() - entities::unfinished(&self.entity);
        let rest = self.entity.split_off(known);
        self.held.push_str(&entities::decoded(&std::mem::replace(&mut self.entity, rest)));
        self.go_on(false)
    }

    /// Ends the text; returns what is left of the speech, and the calls.
    pub(crate) fn finish(&mut self) -> (String, Vec<WrittenCall>) {
        self.held.push_str(&std::mem::take(&mut self.entity));
        let speech = self.go_on(true);
        (speech, std::mem::take(&mut self.calls))
    }

    fn go_on(&mut self, over: bool) -> String {
        let mut speech = String::new();
        while self.step(over, &mut speech) {}
        if self.held.len() > MOST_HELD && !matches!(self.mode, Mode::Doubt) {
            let held = std::mem::take(&mut self.held);
            self.unreadable(&held, None);
            self.mode = Mode::Drop(Vec::new());
        }
        speech
    }

    /// Decides the next stretch; returns whether there is more to decide.
    fn step(&mut self, over: bool, speech: &mut String) -> bool {
        match self.mode.clone() {
            Mode::Start => {
                self.mode = match bare::start(&self.held, over) {
                    Start::Unknown => return false,
                    Start::Channels => {
                        self.has_thoughts = true;
                        Mode::Bare
                    }
                    Start::Other => Mode::Text,
                };
                true
            }
            Mode::Bare => match bare::next(&self.held) {
                bare::Next::Final(end) => {
                    self.held.drain(..end);
                    self.mode = Mode::Text;
                    true
                }
                bare::Next::Call(end, name) => {
                    self.held.drain(..end);
                    self.mode = Mode::Call(bare::ENDS_OF_CALL.map(str::to_owned).to_vec(), Some(name));
                    true
                }
                bare::Next::Unknown => {
                    let cut = floor_boundary(&self.held, self.held.len().saturating_sub(if over { 0 } else { bare::LONGEST }));
                    self.held.drain(..cut);
                    false
                }
            },
            Mode::Text => {
                let at = self.suspicious();
                self.speak(at, speech);
                if self.held.is_empty() {
                    return false;
                }
                match self.decide(over) {
                    Decision::Wait => return false,
                    Decision::Speak(length) => self.speak(length, speech),
                    Decision::Skip(length) => drop(self.held.drain(..length)),
                    Decision::ThoughtsEnd(length) => {
                        // A model that has opened its thoughts may close them twice.
                        if !self.has_thoughts {
                            self.thinks_without_opening = true;
                            if self.whole {
                                speech.clear();
                            }
                        }
                        self.held.drain(..length);
                    }
                    Decision::Enter(length, mode) => {
                        self.has_thoughts |= matches!(&mode, Mode::Drop(ends) if !ends.is_empty());
                        self.held.drain(..length);
                        self.mode = mode;
                    }
                    Decision::Calls(length) => {
                        let written: String = self.held.drain(..length).collect();
                        self.call(&written, None);
                    }
                    Decision::Alone(length) => {
                        let written: String = self.held.drain(..length).collect();
                        let name = self.tools.iter().find(|tool| tool.eq_ignore_ascii_case(&written)).cloned();
                        self.call("", name.as_deref());
                    }
                    Decision::Object(length) => {
                        let written: String = self.held.drain(..length).collect();
                        self.object(&written);
                    }
                    Decision::Braces(close) => {
                        self.held.remove(close);
                        self.held.remove(0);
                        self.speak(close - 1, speech);
                    }
                }
                true
            }
            Mode::Labels => self.labels(over),
            Mode::Doubt => {
                if let Some((_, end)) = find(&self.held, &tags::ENDS_OF_THOUGHTS.map(str::to_owned)) {
                    self.held.drain(..end);
                    self.thinks_without_opening = true;
                    self.mode = Mode::Text;
                } else if over {
                    self.mode = Mode::Text;
                } else {
                    return false;
                }
                true
            }
            Mode::Drop(ends) => match find(&self.held, &ends) {
                Some((start, end)) => {
                    // A call that begins within thoughts ends them.
                    let calls = self.held[start..end].eq_ignore_ascii_case(tags::HALF_CALL);
                    self.held.drain(..if calls { start } else { end });
                    self.mode = Mode::Text;
                    true
                }
                None => {
                    let longest = ends.iter().map(String::len).max().unwrap_or(0);
                    let keep = if over { 0 } else { longest };
                    let cut = floor_boundary(&self.held, self.held.len().saturating_sub(keep));
                    self.held.drain(..cut);
                    false
                }
            },
            Mode::Call(ends, name) => match find(&self.held, &ends) {
                Some((start, end)) => {
                    let written: String = self.held.drain(..end).collect();
                    self.call(&written[..start], name.as_deref());
                    self.mode = Mode::Text;
                    true
                }
                None if over => {
                    let written = std::mem::take(&mut self.held);
                    self.call(&written, name.as_deref());
                    self.mode = Mode::Text;
                    false
                }
                None => false,
            },
            Mode::Fence => {
                let end = self.held.find("```").unwrap_or(self.held.len());
                let ticks = self.held[end..].chars().take_while(|c| *c == '`').count();
                if end + ticks == self.held.len() && !over {
                    return false;
                }
                let written: String = self.held.drain(..end).collect();
                self.held.drain(..ticks);
                self.mode = Mode::Text;
                speech.push_str(&self.fenced(&written));
                true
            }
            Mode::Channel(read) => {
                let longest = floor_boundary(&self.held, SHOWN.min(self.held.len()));
                let Some(at) = self.held[..longest].find('<') else {
                    // A header has a few words.
                    if self.held.len() > SHOWN || over {
                        self.held.drain(..longest);
                        self.mode = Mode::Text;
                        return !self.held.is_empty();
                    }
                    return false;
                };
                let header = read + &self.held[..at];
                let (length, mode) = match tag_at(&self.held[at..]) {
                    tags::Found::Tag(length, tag) => (length, after_header(header, &tag)),
                    tags::Found::Unfinished if !over => return false,
                    tags::Found::Unfinished | tags::Found::None => (1, Mode::Text),
                };
                self.held.drain(..at + length);
                self.mode = mode;
                true
            }
        }
    }

    fn speak(&mut self, length: usize, speech: &mut String) {
        let spoken: String = self.held.drain(..length).collect();
        self.before = spoken.chars().last().unwrap_or(self.before);
        self.at_sentence = dialogue::at_sentence(self.at_sentence, &spoken);
        speech.push_str(&spoken);
    }

    /// The place of the first thing that may be more than speech.
    fn suspicious(&self) -> usize {
        let (mut before, mut at_sentence) = (self.before, self.at_sentence);
        for (at, character) in self.held.char_indices() {
            if matches!(character, '<' | '◁' | '{' | '[' | '`' | '(') {
                return at;
            }
            let begins = (character.is_ascii_alphabetic() || character == '_') && !(before.is_alphanumeric() || before == '_');
            if begins && !matches!(self.tool_at(at, false), Called::No) {
                return at;
            }
            if begins && at_sentence && dialogue::begins_at(&self.held[at..], &self.tools) {
                return at;
            }
            (before, at_sentence) = (character, dialogue::still_at_sentence(at_sentence, character));
        }
        self.held.len()
    }

    fn tool_at(&self, at: usize, over: bool) -> Called {
        calls::tool_at(&self.held[at..], &self.tools, over)
    }

    fn decide(&self, over: bool) -> Decision {
        let held = &self.held;
        let wait_or = |decision| if over { decision } else { Decision::Wait };
        match held.chars().next() {
            Some('<' | '◁') => match tag_at(held) {
                tags::Found::None => Decision::Speak(held.chars().next().map_or(0, char::len_utf8)),
                tags::Found::Unfinished => wait_or(Decision::Skip(held.len())),
                tags::Found::Tag(length, tag) => self.opened(length, &tag),
            },
            Some('{') => objects::decide(held).unwrap_or_else(|| wait_or(Decision::Object(held.len()))),
            Some('[') => self.bracket(over),
            Some('(') => self.parenthesis(over),
            Some('`') => match held.chars().take_while(|c| *c == '`').count() {
                count if count == held.len() => wait_or(Decision::Skip(count)),
                count if count < 3 => Decision::Skip(count),
                count => Decision::Enter(count, Mode::Fence),
            },
            _ => match self.tool_at(0, over) {
                Called::Maybe => Decision::Wait,
                Called::Yes(end) => Decision::Calls(end),
                Called::No => self.word(over),
            },
        }
    }

    /// What stood in a code fence: calls, code that nobody wants to hear, or speech that was put there by mistake.
    fn fenced(&mut self, written: &str) -> String {
        let (first, rest) = written.split_once('\n').unwrap_or(("", written));
        let is_label = first.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'));
        let body = if is_label { rest } else { written };
        let code = |c: char| matches!(c, '{' | '}' | '[' | ']' | '=' | ';' | '<' | '>' | '_');
        if !first.trim().is_empty() && is_label || body.contains(code) {
            // Only what may have been meant as a call is worth a question.
            if matches!(objects::read(body, &self.tools), objects::Object::Words(_)) {
                self.object(body);
            } else if body.contains('{') || self.tools.iter().any(|tool| body.contains(tool.as_str())) {
                self.call(body, None);
            }
            return String::new();
        }
        body.to_owned()
    }

    fn call(&mut self, written: &str, name: Option<&str>) {
        if written.trim().is_empty() && name.is_none() {
            return;
        }
        let calls = read_calls(written, name, &self.tools);
        if calls.is_empty() {
            self.unreadable(written, name);
        }
        self.calls.extend(calls);
    }

    /// Something that was meant as a call, and none that can run.
    fn unreadable(&mut self, written: &str, name: Option<&str>) {
        let named = name.map(crate::tool_calls::bare_name);
        let meant = self.tools.iter().find(|tool| named.map_or(written.contains(tool.as_str()), |name| name == tool.as_str()));
        let shown: String = [written, name.unwrap_or_default()]
            .iter()
            .map(|text| text.trim())
            .find(|text| !text.is_empty())
            .unwrap_or("nothing")
            .chars()
            .take(SHOWN)
            .collect();
        // What could be arguments of that tool was not meant as such.
        let name = meant
            .filter(|_| serde_json::from_str::<serde_json::Value>(&shown).is_err())
            .map_or(UNREADABLE, String::as_str)
            .to_owned();
        self.calls.push(WrittenCall { name, arguments: shown });
    }
}

/// What a channel of the harmony format holds. Only "final" is for others' ears.
fn after_header(header: String, tag: &Tag) -> Mode {
    let ends = || ["<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>"].map(str::to_owned).to_vec();
    match tag.name.as_str() {
        "constrain" | "channel" if header.len() < SHOWN => Mode::Channel(header + " "),
        "message" => {
            let recipient = header.split("to=").nth(1).and_then(|rest| rest.split_whitespace().next());
            match recipient {
                Some(name) => Mode::Call(ends(), Some(name.to_owned())),
                None if header.contains("final") || matches!(header.trim(), "" | "assistant") => Mode::Text,
                None => Mode::Drop(ends()),
            }
        }
        _ => Mode::Text,
    }
}

/// The first of the ends in the text, in whatever case: where it begins and where it is over.
fn find(text: &str, ends: &[String]) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    ends.iter().filter_map(|end| lower.find(end.as_str()).map(|at| (at, at + end.len()))).min()
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod spoken_aloud;
#[cfg(test)]
mod tests;
