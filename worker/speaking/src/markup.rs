//! What a model writes for the eye: Markdown, emoji, stage directions, links, labels, signatures. A voice would read all of it aloud.

use offhook_language::tables::Sentences;
use offhook_types::placeholder::names_placeholder;

/// Words of a stage direction between asterisks or in parentheses.
const LONGEST_DIRECTION: usize = 6;
/// Words of a name below a letter.
const LONGEST_NAME: usize = 4;
/// What stands for a smile without being one character.
const EMOTICONS: [&str; 12] = [":)", ":-)", ";)", ";-)", ":(", ":-(", ":D", ":-D", ":P", "<3", "^^", "xD"];
/// Whom some models name before they speak.
const LABELS: [&str; 8] = ["assistant", "agent", "ai", "caller", "bot", "me", "asistente", "assistent"];

/// Whether the text has a place that the model has not filled in: `[Guest Name]`, `<guest_name>`, `{{guest_phone}}`. Nobody can make
/// anything of such a sentence.
pub(crate) fn has_hole(text: &str) -> bool {
    [('[', ']'), ('<', '>'), ('{', '}')].into_iter().any(|(open, close)| {
        text.match_indices(open).any(|(at, _)| {
            let Some((inside, behind)) = text[at + 1..].split_once(close) else { return false };
            let place = inside.trim_matches(['{', '[', '<', ' ']);
            let words: Vec<&str> = place.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            // The text of a link is said.
            let link = open == '[' && behind.starts_with('(');
            let named = place.contains('_') || names_placeholder(place);
            !link && !words.is_empty() && words.len() <= LONGEST_DIRECTION && !is_direction(place) && (open == '{' || named)
        })
    })
}

/// Returns a chunk of text as it is to be said; empty where nothing of it is.
pub(crate) fn plain(chunk: &str) -> String {
    let text = without_brackets(chunk);
    let text = without_directions(&text, '*', '*');
    let text = without_directions(&text, '(', ')');
    let text = text.replace("--", "–").replace('—', "–").replace("&quot;", "\"");
    let words = text.split_whitespace().filter(|word| !is_link(word) && !EMOTICONS.contains(word));
    let mut said = String::with_capacity(text.len());
    for (number, word) in words.enumerate() {
        // A bullet, a quotation mark of mail, a heading.
        if number == 0 && word.chars().all(|c| matches!(c, '-' | '*' | '+' | '•' | '>' | '–' | '#' | '·')) {
            continue;
        }
        let word = letters_of(without_formula(word));
        if !word.is_empty() {
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(&word);
        }
    }
    said
}

/// The text without the name of who speaks before it: "Assistant: Good evening."
pub(crate) fn without_label(text: &str) -> &str {
    let Some((label, rest)) = text.split_once(':') else { return text };
    if LABELS.contains(&label.trim().to_lowercase().as_str()) { rest.trim_start() } else { text }
}

/// Whether the text ends a letter: "Best regards, Abigail". Whatever follows belongs to the letter.
pub(crate) fn ends_a_letter(text: &str) -> bool {
    let words: Vec<String> =
        text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()).collect();
    let words: Vec<&String> = words.iter().filter(|word| !word.is_empty()).collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let is_name = |words: &[&String]| {
        words.len() <= LONGEST_NAME && words.iter().all(|word| word.chars().next().is_some_and(char::is_uppercase))
    };
    lists(|sentences| sentences.letter_closings).any(|closing| {
        let length = closing.split(' ').count();
        lower.len() >= length && lower[..length].join(" ") == closing && is_name(&words[length..])
    })
}

fn lists(list: impl Fn(&Sentences) -> &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    offhook_language::all().flat_map(move |tables| list(&tables.sentences)).copied()
}

/// Links as their text; pictures, and anything else in brackets, left out: `[pause]`, `[Name]`.
fn without_brackets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']').map(|at| open + at) else { break };
        let picture = rest[..open].ends_with('!');
        kept.push_str(rest[..open].strip_suffix('!').filter(|_| picture).unwrap_or(&rest[..open]));
        let behind = &rest[close + 1..];
        match behind.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => {
                if !picture {
                    kept.push_str(&rest[open + 1..close]);
                }
                rest = after;
            }
            None => rest = behind,
        }
    }
    kept.push_str(rest);
    kept
}

/// The text without stage directions between two marks: `*smiles*`, `(laughs)`. Emphasis, and what else stands in parentheses, stays.
fn without_directions(text: &str, open: char, close: char) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let inside = &rest[at + 1..];
        let Some(end) = inside.find(close) else { break };
        let (words, behind) = (&inside[..end], &inside[end + 1..]);
        let doubled = open == close && (words.is_empty() || rest[..at].ends_with(open));
        kept.push_str(&rest[..at]);
        let alone = !kept.contains(char::is_alphanumeric) && !behind.contains(char::is_alphanumeric);
        let before_speech = !kept.contains(char::is_alphanumeric)
            && words.starts_with(char::is_lowercase)
            && behind.trim_start().starts_with(char::is_uppercase);
        let direction = !doubled
            && words.split_whitespace().count() <= LONGEST_DIRECTION
            && (is_direction(words) || (open == close && (alone || before_speech)));
        if !direction {
            kept.push(open);
            kept.push_str(words);
            kept.push(close);
        }
        rest = behind;
    }
    kept.push_str(rest);
    kept
}

fn is_direction(words: &str) -> bool {
    let lower = words.to_lowercase();
    lists(|sentences| sentences.stage_directions)
        .any(|stem| lower.split(|c: char| !c.is_alphabetic()).any(|word| word.starts_with(stem)))
}

fn is_link(word: &str) -> bool {
    let word = word.trim_start_matches(['(', '<', '"']);
    word.starts_with("http://") || word.starts_with("https://") || word.starts_with("www.")
}

/// `$19:30$` without the marks of a formula.
fn without_formula(word: &str) -> &str {
    let bare = word.trim_end_matches(['.', ',', '!', '?', ';']);
    match bare.strip_prefix('$').and_then(|rest| rest.strip_suffix('$')) {
        Some(inside) => inside,
        None => word,
    }
}

/// A word without marks and pictures.
fn letters_of(word: &str) -> String {
    let mut said = String::with_capacity(word.len());
    for (at, character) in word.char_indices() {
        match character {
            '*' | '#' | '`' | '[' | ']' | '{' | '}' | '|' | '~' | '<' | '>' | '\\' => {}
            // Between letters it is the space of programmers.
            '_' => {
                let behind = word[at + 1..].chars().next().is_some_and(char::is_alphanumeric);
                if behind && said.ends_with(char::is_alphanumeric) {
                    said.push(' ');
                }
            }
            picture if is_picture(picture) => {}
            other => said.push(other),
        }
    }
    said
}

/// Emoji, dingbats, arrows, and what joins them.
fn is_picture(character: char) -> bool {
    matches!(
        character,
        '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{25a0}'..='\u{27bf}'
            | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{20e3}'
            | '\u{feff}'
            | '\u{1f000}'..='\u{1faff}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_for_the_eye_are_not_said() {
        for (written, said) in [
            ("**Good** _evening_, `Ada`.", "Good evening, Ada."),
            ("## Your request", "Your request"),
            ("- four people", "four people"),
            ("* on Friday", "on Friday"),
            ("• at eight", "at eight"),
            ("> quoted", "quoted"),
            ("Thank you! 😊🎉 ✅", "Thank you!"),
            ("Thank you :)", "Thank you"),
            ("See [our menu](https://example.org/menu) first.", "See our menu first."),
            ("![logo](x.png) Hello.", "Hello."),
            ("It is at https://example.org/a?b=c today.", "It is at today."),
            ("| four | people |", "four people"),
            ("Yes—for four -- please.", "Yes–for four – please."),
            ("accept_offer now", "accept offer now"),
            ("At $19:30$ then, for $20", "At 19:30 then, for $20"),
            ("~~no~~ yes", "no yes"),
            ("---", ""),
            ("1️⃣ table", "1 table"),
        ] {
            assert_eq!(plain(written), said, "{written}");
        }
    }

    #[test]
    fn stage_directions_are_not_said_and_what_only_looks_like_one_is() {
        for (written, said) in [
            ("*smiles* Good evening.", "Good evening."),
            ("*clears his throat* Good evening.", "Good evening."),
            ("Of course *laughs softly*.", "Of course ."),
            ("*lächelt* Guten Abend.", "Guten Abend."),
            ("(Lacht) Guten Abend.", "Guten Abend."),
            ("(sonríe) Buenas noches.", "Buenas noches."),
            ("*glimlacht* Goedenavond.", "Goedenavond."),
            ("[pause] Good evening.", "Good evening."),
            ("*Pause*", ""),
            ("A *small* table (for four people), please.", "A small table (for four people), please."),
            ("*Good* evening.", "Good evening."),
            ("**Four** people and **one** dog.", "Four people and one dog."),
            ("2 * 3 is six", "2 3 is six"),
        ] {
            assert_eq!(plain(written), said, "{written}");
        }
    }

    #[test]
    fn a_place_that_was_left_open_is_a_hole() {
        for text in [
            "I call for [Guest Name].",
            "My name is <guest_name>.",
            "Call {{guest_phone}}.",
            "{guest} is fine.",
            "Am [Datum einfügen] bitte.",
        ] {
            assert!(has_hole(text), "{text}");
        }
        for text in [
            "[pause] Good evening.",
            "See [our phone list](https://x.example).",
            "4 < 5 and 6 > 5",
            "A [small] table.",
            "*smiles*",
        ] {
            assert!(!has_hole(text), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_letter_is_told_from_regards_to_somebody() {
        for end in [
            "Best regards, Abigail",
            "Kind regards,",
            "Mit freundlichen Grüßen",
            "Un saludo, Ada Winter",
            "Met vriendelijke groet, Ada",
        ] {
            assert!(ends_a_letter(end), "{end}");
        }
        for speech in ["Best regards to the chef!", "Viele Grüße an das Team.", "Abigail", "", "Saludos a todos"] {
            assert!(!ends_a_letter(speech), "{speech}");
        }
        assert_eq!(without_label("Assistant: Good evening."), "Good evening.");
        assert_eq!(without_label("For example: Friday."), "For example: Friday.");
    }
}
