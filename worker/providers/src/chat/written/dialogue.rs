//! Labels in a model's text: those of ReAct ("Thought:", "Action:", "Final Answer:"), and of a dialogue that it goes on inventing
//! ("Restaurant: You are welcome."). Pure. A label begins with a capital letter, stands where a sentence may begin, and ends in a colon.

use super::calls::{Called, bracket_end};

/// Labels of thoughts.
const THOUGHTS: [&str; 9] = [
    "Thoughts",
    "Thought",
    "Thinking",
    "Thought process",
    "Reasoning",
    "Internal thought",
    "Analysis",
    "Observation",
    "Scratchpad",
];
/// Labels of a tool's name, and of its arguments.
const ACTIONS: [&str; 2] = ["Action", "Tool call"];
const INPUTS: [&str; 4] = ["Action Input", "Action_Input", "Input", "Arguments"];
/// Labels of what is to be said.
const ANSWERS: [&str; 11] = [
    "Final Answer",
    "Final Response",
    "Answer",
    "Response",
    "Reply",
    "Spoken response",
    "Spoken",
    "Speech",
    "Assistant",
    "Agent",
    "AI",
];
/// Whom a model lets answer in the callee's place, in all languages.
const TURNS: [&str; 22] = [
    "Restaurant",
    "Restaurante",
    "User",
    "Human",
    "Callee",
    "Staff",
    "Restaurant staff",
    "Host",
    "Hostess",
    "Waiter",
    "Employee",
    "Receptionist",
    "Customer",
    "Nutzer",
    "Benutzer",
    "Mitarbeiter",
    "Kellner",
    "Usuario",
    "Camarero",
    "Gebruiker",
    "Medewerker",
    "Ober",
];
/// What a note in parentheses begins with.
const NOTES: [&str; 8] = ["Note", "Note to self", "Internal note", "Internal", "System", "Thought", "Thinking", "Anmerkung"];
/// Most bytes of a label with the marks around its colon.
pub(super) const LONGEST: usize = 32;

/// What a text begins with; the length is that of the label and its colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// No label.
    No,
    /// That cannot be told yet.
    Maybe,
    Thought(usize),
    Action(usize),
    Answer(usize),
    Turn(usize),
}

/// Makes a label of its length.
type Kind = fn(usize) -> Label;

/// Whether a sentence may begin behind `spoken`; `before` says it of its beginning.
pub(super) fn at_sentence(before: bool, spoken: &str) -> bool {
    spoken.chars().fold(before, still_at_sentence)
}

/// The same for one character.
pub(super) fn still_at_sentence(before: bool, character: char) -> bool {
    match character {
        '.' | '!' | '?' | '…' | '\n' => true,
        ' ' | '\t' | '\r' | '*' | '#' | '_' | '"' | '[' | '(' | ')' | ']' | '”' => before,
        _ => false,
    }
}

/// The label that `text` begins with. `over`: nothing follows.
pub(super) fn label_at(text: &str, over: bool) -> Label {
    if !text.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Label::No;
    }
    let kinds: [(&[&str], Kind); 4] =
        [(&THOUGHTS, Label::Thought), (&ACTIONS, Label::Action), (&ANSWERS, Label::Answer), (&TURNS, Label::Turn)];
    let mut found = Label::No;
    for (labels, kind) in kinds {
        for label in labels {
            match colon_behind(text, label, over) {
                Called::Yes(length) => return kind(length),
                Called::Maybe => found = Label::Maybe,
                Called::No => {}
            }
        }
    }
    found
}

/// Whether `text` begins with this label and a colon.
fn colon_behind(text: &str, label: &str, over: bool) -> Called {
    let same = |length: usize| text.get(..length).is_some_and(|start| start.eq_ignore_ascii_case(&label[..length]));
    let maybe = if over { Called::No } else { Called::Maybe };
    if text.len() < label.len() {
        return if same(text.len()) { maybe } else { Called::No };
    }
    if !same(label.len()) {
        return Called::No;
    }
    let rest = &text[label.len()..];
    let marks = rest.len() - rest.trim_start_matches(['*', ' ']).len();
    match rest[marks..].chars().next() {
        _ if marks > 3 => Called::No,
        None => maybe,
        Some(':') => Called::Yes(label.len() + marks + 1),
        Some(_) => Called::No,
    }
}

/// Whether what stands in a bracket is a note that a model wrote for itself.
pub(super) fn note_at(text: &str, over: bool) -> Called {
    let begin = text.trim_start();
    let mut found = Called::No;
    for note in NOTES {
        match colon_behind(begin, note, over) {
            Called::Yes(length) => return Called::Yes(length),
            Called::Maybe => found = Called::Maybe,
            Called::No => {}
        }
    }
    found
}

/// Whether `text` begins with a tool's name that stands alone: `END_CALL` at the end of a line or of the reply.
pub(super) fn alone_at(text: &str, tools: &[String], over: bool) -> Called {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let word = &text[..end];
    let maybe = if over { Called::No } else { Called::Maybe };
    if !tools.iter().any(|tool| tool.eq_ignore_ascii_case(word)) {
        let grows =
            end == text.len() && tools.iter().any(|tool| tool.get(..end).is_some_and(|start| start.eq_ignore_ascii_case(word)));
        return if grows && !word.is_empty() { maybe } else { Called::No };
    }
    let behind = text[end..].trim_start_matches(['.', '!', ']', ')', '*', ' ', '"', '_']);
    match behind.chars().next() {
        None if over => Called::Yes(end),
        None => Called::Maybe,
        Some('\n') => Called::Yes(end),
        Some(_) => Called::No,
    }
}

/// Whether a label or a tool's name alone stands at the beginning of `text`, or may.
pub(super) fn begins_at(text: &str, tools: &[String]) -> bool {
    label_at(text, false) != Label::No || alone_at(text, tools, false) != Called::No
}

/// The first label in `text` that begins at a word, and its place. `before` is the character before the text.
pub(super) fn next_label(text: &str, before: char, over: bool) -> Option<(usize, Label)> {
    let mut before = before;
    for (at, character) in text.char_indices() {
        if !(before.is_alphanumeric() || before == '_') {
            match label_at(&text[at..], over) {
                Label::No => {}
                Label::Maybe => return None,
                label => return Some((at, label)),
            }
        }
        before = character;
    }
    None
}

/// A tool's name and its arguments, as ReAct writes them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) name: String,
    /// Empty where there are none.
    pub(super) arguments: String,
    /// Bytes of both.
    pub(super) length: usize,
}

impl Action {
    /// "Action: None".
    pub(super) fn is_nothing(&self) -> bool {
        self.arguments.is_empty() && is_nothing(&self.name)
    }
}

fn is_nothing(text: &str) -> bool {
    matches!(
        text.trim_matches(['.', '*', '`', ' ']).to_ascii_lowercase().as_str(),
        "" | "none" | "n/a" | "null" | "no action" | "-"
    )
}

/// Reads what follows "Action:"; `None` where its end has not come.
pub(super) fn action(text: &str, over: bool) -> Option<Action> {
    let open = text.find(['{', '(']);
    let next = next_label(text, ' ', over).map(|(at, _)| at);
    let (input, length) = match (open, next) {
        (Some(open), next) if next.is_none_or(|next| open < next) => match bracket_end(&text[open..]) {
            Some(length) => (Some(open), open + length),
            None if over => (Some(open), text.len()),
            None => return None,
        },
        (_, Some(next)) => (None, next),
        _ if over => (None, text.len()),
        _ => return None,
    };
    let head = &text[..input.unwrap_or(length)];
    let said = INPUTS.iter().find_map(|label| head.find(&format!("{label}:")).map(|at| (at, at + label.len() + 1)));
    let (name, words) = said.map_or((head, ""), |(at, behind)| (&head[..at], &head[behind..]));
    let name = name.trim().trim_matches(|c: char| matches!(c, '*' | '`' | '"' | '\'' | '.' | ':') || c.is_whitespace());
    let arguments = match input {
        Some(open) => text[open..length].to_owned(),
        None if is_nothing(words) => String::new(),
        None => words.trim().to_owned(),
    };
    // `accept_offer(date="…")`: arguments as in Python.
    let arguments = match arguments.strip_prefix('(') {
        Some(inside) => inside.strip_suffix(')').unwrap_or(inside).to_owned(),
        None => arguments,
    };
    Some(Action { name: name.to_owned(), arguments, length })
}
