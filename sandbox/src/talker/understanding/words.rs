//! Text without case, accents and punctuation, and patterns over it.

use offhook::language::folding::unaccented;

/// The words of a text in lower case without accents. Points, colons, dashes and slashes stay between digits (`19:30`,
/// `4.12.2026`), `+` before one; apostrophes vanish (`don't` → `dont`).
pub fn fold(text: &str) -> Vec<String> {
    let chars: Vec<char> = unaccented(text).chars().collect();
    let digit = |index: Option<usize>| index.and_then(|i| chars.get(i)).is_some_and(char::is_ascii_digit);
    let mut folded = String::with_capacity(text.len() + 2);
    for (index, &c) in chars.iter().enumerate() {
        match c {
            '.' | ':' | '-' | '/' if digit(index.checked_sub(1)) && digit(Some(index + 1)) => folded.push(c),
            '+' if digit(Some(index + 1)) => folded.push(c),
            c if c.is_alphanumeric() => folded.push(c),
            _ => folded.push(' '),
        }
    }
    folded.split_whitespace().map(str::to_owned).collect()
}

/// Whether one of the patterns, separated by `|`, is in the text. `text` is folded words with a space before, between and
/// after. A pattern begins at a word and ends at one, unless it ends in `*`.
pub fn any(text: &str, patterns: &str) -> bool {
    patterns.split('|').any(|pattern| match pattern.strip_suffix('*') {
        Some(stem) => text.contains(&format!(" {stem}")),
        None => text.contains(&format!(" {pattern} ")),
    })
}

/// Folded words with a space before, between and after, for [`any`].
pub fn spaced(words: &[String]) -> String {
    format!(" {} ", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_meaning_survives_folding() {
        assert_eq!(fold("¿Le vendría bien a las 20:30, señor?"), ["le", "vendria", "bien", "a", "las", "20:30", "senor"]);
        assert_eq!(fold("Am 4.12.2026 per E-Mail. Don't!"), ["am", "4.12.2026", "per", "e", "mail", "dont"]);
        assert_eq!(fold("+49 151, Löwe-Straße"), ["+49", "151", "lowe", "strasse"]);
    }

    #[test]
    fn patterns_begin_and_end_at_words() {
        let text = spaced(&fold("We are fully booked, I'm afraid."));
        assert!(any(&text, "sold out|fully booked"));
        assert!(any(&text, "full*"));
        assert!(!any(&text, "full|book"));
    }
}
