//! What recognisers write beside the words: tokens of their own, times, remarks about sounds, and one phrase over and over. Pure.

/// Most words of a phrase that is looked at for repetition.
const LONGEST_PHRASE: usize = 8;
/// Bytes of a token in angle brackets: `<unk>`, `</s>`.
const LONGEST_TOKEN: usize = 20;

/// A text without the recogniser's tokens (`<|en|>`, `<unk>`) and its remarks about sounds (`[BLANK_AUDIO]`, `(music)`, `*coughs*`, `♪`),
/// wherever they stand.
pub(super) fn words_only(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '[', '(', '*', '♪', '♫']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let length =
            if rest.starts_with(['♪', '♫']) { '♪'.len_utf8() } else { token(rest).or_else(|| remark(rest)).unwrap_or(0) };
        if length == 0 {
            kept.push_str(&rest[..1]);
        } else {
            kept.push(' ');
        }
        rest = &rest[length.max(1)..];
    }
    kept.push_str(rest);
    if !kept.contains(char::is_alphanumeric) {
        return String::new();
    }
    let trimmed = kept.trim();
    if trimmed == text.trim() { trimmed.to_owned() } else { kept.split_whitespace().collect::<Vec<_>>().join(" ") }
}

/// The length of the token that a text begins with.
fn token(text: &str) -> Option<usize> {
    if text.starts_with("<|") {
        return text.find("|>").map(|at| at + 2);
    }
    let inner = text.strip_prefix('<')?;
    let end = inner.find('>').filter(|end| (1..=LONGEST_TOKEN).contains(end))?;
    let letters = inner[..end].chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '_' | '-' | ' '));
    letters.then_some(end + 2)
}

/// The length of the remark that a text begins with. What has a digit in it is said: `(030) 1234`.
fn remark(text: &str) -> Option<usize> {
    let close = match text.chars().next()? {
        '[' => ']',
        '(' => ')',
        '*' => '*',
        _ => return None,
    };
    let inner = &text[1..];
    let end = inner.find(close)?;
    let inside = &inner[..end];
    let brackets = close == ']';
    let sound = !inside.trim().is_empty() && (brackets || !inside.contains(|c: char| c.is_ascii_digit()));
    (sound && !inside.contains(['[', '(', '\n'])).then_some(end + 2)
}

/// The words of subtitles (SRT, WebVTT), and of lines with times before them (`[00:00.000 --> 00:01.000]  Yes.`), which some servers send
/// for everything; any other text as it is.
pub(super) fn subtitles(text: &str) -> String {
    if !text.contains("-->") {
        return text.to_owned();
    }
    let words = |line: &str| -> Option<String> {
        let line = line.trim();
        if let Some((times, words)) = line.split_once(']').filter(|(times, _)| times.starts_with('[') && times.contains("-->")) {
            let _ = times;
            return Some(words.trim().to_owned());
        }
        let aside = line.contains("-->") || line.starts_with("WEBVTT") || line.chars().all(|c| c.is_ascii_digit());
        (!aside).then(|| line.to_owned())
    };
    let lines: Vec<String> = text.lines().filter_map(words).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// The text with a phrase that it repeats over and over only once; `None` where it has none. People say a word five times, Whisper says it
/// until its window is full.
pub(super) fn without_loop(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let folded: Vec<String> =
        words.iter().map(|word| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()).collect();
    for at in 0..words.len() {
        for length in 1..=LONGEST_PHRASE.min(words.len() - at) {
            let phrase = &folded[at..at + length];
            let times = folded[at..].chunks_exact(length).take_while(|chunk| *chunk == phrase).count();
            let most = match length {
                1 => 8,
                2 | 3 => 5,
                _ => 4,
            };
            // Digits may be repeated for good reasons.
            let said = phrase.iter().any(|word| word.contains(|c: char| c.is_ascii_digit()));
            if times >= most && !said {
                let after = &words[at + length * times..];
                // The last repetition is cut off by the end of the window.
                let rest = if phrase.starts_with(&folded[at + length * times..]) { &[] } else { after };
                let kept: Vec<&str> = words[..at + length].iter().chain(rest).copied().collect();
                return Some(kept.join(" "));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_and_tokens_are_no_words_wherever_they_stand() {
        for (text, words) in [
            ("[BLANK_AUDIO]", ""),
            ("(whooshing) (whooshing) [Music] [Music]", ""),
            ("♪ ♪", ""),
            ("*coughs* Yes. *laughs*", "Yes."),
            ("(music) Good evening. [ringing]", "Good evening."),
            ("<|de|><|transcribe|><|0.00|> Guten Abend.<|2.00|>", "Guten Abend."),
            ("Guten <unk> Abend.</s>", "Guten Abend."),
            ("<|zh|><|NEUTRAL|><|Speech|><|woitn|>Yes.", "Yes."),
            ("Call (030) 12 34.", "Call (030) 12 34."),
            ("Two < three, 5 * 4, a [", "Two < three, 5 * 4, a ["),
            ("Good evening.", "Good evening."),
        ] {
            assert_eq!(words_only(text), words, "{text}");
        }
    }

    #[test]
    fn times_before_the_words_are_no_words() {
        let lines = "[00:00:00.000 --> 00:00:01.000]   Good\n[00:00:01.000 --> 00:00:02.000]  evening.\n";
        assert_eq!(subtitles(lines), "Good evening.");
        assert_eq!(subtitles("1\n00:00:00,000 --> 00:00:01,000\nGood evening.\n"), "Good evening.");
        assert_eq!(subtitles("At eight."), "At eight.");
    }

    #[test]
    fn a_phrase_over_and_over_is_one_and_what_people_repeat_stays() {
        let times = |phrase: &str, times: usize| vec![phrase; times].join(" ");
        assert_eq!(without_loop(&times("danke", 20)).as_deref(), Some("danke"));
        assert_eq!(without_loop(&format!("Ja. {} vielen", times("Vielen Dank.", 9))).as_deref(), Some("Ja. Vielen Dank."));
        assert_eq!(without_loop(&format!("{} at eight", times("I will see you", 4))).as_deref(), Some("I will see you at eight"));
        for said in [times("no,", 7).as_str(), "Nee nee nee, ja ja.", &times("0", 12), "Yes.", ""] {
            assert_eq!(without_loop(said), None, "{said}");
        }
    }
}
