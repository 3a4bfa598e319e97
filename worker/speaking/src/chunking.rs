//! Cuts the model's streamed text into sentences as early as it safely can, so that the voice begins with the first of them.

use offhook_language::tables::Sentences;

use super::{
    dates::is_month,
    markup::{ends_a_letter, has_hole, plain, without_label},
};

/// Words before the first chunk may end at a clause instead of a sentence.
const FIRST_CLAUSE_WORDS: usize = 5;
/// A chunk never grows beyond this many characters: then it ends at a space, or within a word as long as that.
const LONGEST: usize = 240;

/// Marks for the eye that may stand around words.
const MARKS: [char; 6] = ['*', '#', '`', '_', '[', ']'];

/// Turns streamed model text into sentences, without what is written for the eye. How the text is cut into deltas makes no difference to them.
#[derive(Debug, Clone, Default)]
pub struct Chunker {
    waiting: String,
    begun: bool,
    /// A letter's closing has come: what follows is its signature.
    over: bool,
    /// A clause of this sentence had a hole: what is left of it is not said either.
    hole: bool,
}

impl Chunker {
    /// Returns a chunker that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece of text; returns the sentences it completes, without surrounding space. The first may be a clause of at
    /// least five words.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        // Space before a chunk is no part of it, in whichever delta it comes.
        self.waiting.push_str(if self.waiting.is_empty() { delta.trim_start() } else { delta });
        let mut chunks = Vec::new();
        while let Some(end) = boundary(&self.waiting, !self.begun) {
            let rest = self.waiting.split_off(end);
            let chunk = std::mem::replace(&mut self.waiting, rest.trim_start().to_owned());
            self.take(&chunk, &mut chunks);
        }
        chunks
    }

    /// Ends the text. Returns what is left, if it has any words.
    pub fn finish(&mut self) -> Option<String> {
        let mut chunks = Vec::new();
        let rest = std::mem::take(&mut self.waiting);
        self.take(&rest, &mut chunks);
        chunks.pop()
    }

    fn take(&mut self, chunk: &str, chunks: &mut Vec<String>) {
        let was_hole = std::mem::replace(&mut self.hole, false);
        if was_hole || has_hole(chunk) {
            let ends =
                chunk.trim_end().trim_end_matches(['"', '\'', ')', '”', '»', '’', '*', '_', '`']).ends_with(['.', '!', '?', '…']);
            self.hole = !ends;
            return;
        }
        let said = plain(if self.begun { chunk } else { without_label(chunk) });
        self.over |= ends_a_letter(&said);
        if !self.over && said.contains(char::is_alphanumeric) {
            self.begun = true;
            chunks.push(said);
        }
    }
}

/// Where the first chunk of `text` ends, in bytes; `None` while that cannot be told.
fn boundary(text: &str, first: bool) -> Option<usize> {
    let mut last_space = None;
    let mut count = 0;
    for (at, character) in text.char_indices() {
        count += 1;
        let after = at + character.len_utf8();
        match character {
            '\n' if text[..at].contains(char::is_alphanumeric) => return Some(at),
            '!' | '?' | '…' | '.' | ',' | ';' | ':' | '–' => match judge(text, at, after, first) {
                Verdict::Ends(end) => return Some(end),
                Verdict::Wait => return None,
                Verdict::GoesOn => {}
            },
            _ => {}
        }
        if character.is_whitespace() {
            last_space = Some(at);
        }
        if count > LONGEST {
            return Some(last_space.unwrap_or(at));
        }
    }
    None
}

enum Verdict {
    Ends(usize),
    GoesOn,
    Wait,
}

fn judge(text: &str, at: usize, after: usize, first: bool) -> Verdict {
    let mark = text[at..].chars().next().unwrap_or(' ');
    let closing = text[after..]
        .chars()
        .take_while(|c| matches!(c, '"' | '\'' | ')' | '”' | '»' | '’' | '.' | '!' | '?' | '…' | '*' | '_' | '`'));
    let end = after + closing.map(char::len_utf8).sum::<usize>();
    let Some(following) = text[end..].chars().next() else { return Verdict::Wait };
    if !following.is_whitespace() {
        return Verdict::GoesOn;
    }
    match mark {
        '!' | '?' | '…' => Verdict::Ends(end),
        '.' => full_stop(text, at, end),
        _ if first
            && text[..at].split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
                >= FIRST_CLAUSE_WORDS =>
        {
            Verdict::Ends(end)
        }
        _ => Verdict::GoesOn,
    }
}

/// Whether the full stop at `at` ends a sentence; `end` is behind it and anything that closes a quotation.
fn full_stop(text: &str, at: usize, end: usize) -> Verdict {
    let word = text[..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let word = word.trim_matches(MARKS);
    let lower = word.to_lowercase();
    if text[at + 1..end].contains(|c| !MARKS.contains(&c)) {
        return Verdict::Ends(end);
    }
    if is_listed(&lower, |sentences| sentences.never_last) || (word.chars().count() == 1 && word.chars().all(char::is_alphabetic))
    {
        return Verdict::GoesOn;
    }
    let day = lower.rsplit('.').next().unwrap_or_default();
    let ordinal = (1..=2).contains(&day.len()) && day.chars().all(|c| c.is_ascii_digit());
    let sometimes = is_listed(&lower, |sentences| sentences.sometimes_last);
    if !ordinal && !sometimes {
        return Verdict::Ends(end);
    }
    let rest = text[end..].trim_start();
    let Some(length) = rest.find(|c: char| !c.is_alphanumeric()) else { return Verdict::Wait };
    let next = &rest[..length];
    let capital = next.chars().next().is_none_or(char::is_uppercase);
    let joined = ordinal && (is_month(next) || is_listed(&next.to_lowercase(), |sentences| sentences.after_ordinal));
    if capital && !joined { Verdict::Ends(end) } else { Verdict::GoesOn }
}

/// Whether a word is in a list of any language: a model may mix them.
fn is_listed(word: &str, list: impl Fn(&Sentences) -> &'static [&'static str]) -> bool {
    offhook_language::all().any(|tables| list(&tables.sentences).contains(&word))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn chunks(text: &str) -> Vec<String> {
        let mut chunker = Chunker::new();
        let mut chunks = chunker.push(text);
        chunks.extend(chunker.finish());
        chunks
    }

    #[test]
    fn sentences_are_cut_at_their_ends() {
        assert_eq!(chunks("Yes. At 19:30! Is that fine? Good…"), ["Yes.", "At 19:30!", "Is that fine?", "Good…"]);
    }

    #[test]
    fn the_first_chunk_may_be_a_clause_of_five_words_and_later_ones_not() {
        assert_eq!(
            chunks("I would like to book a table, for four people, please. It is for Ada, on Friday, please."),
            ["I would like to book a table,", "for four people, please.", "It is for Ada, on Friday, please."]
        );
        assert_eq!(chunks("Well, yes, a table please."), ["Well, yes, a table please."]);
    }

    #[test]
    fn shortenings_times_decimals_and_ordinals_do_not_end_a_sentence() {
        for whole in [
            "Dr. Winter kommt z. B. am 4. Dezember um 19.30 Uhr.",
            "Der Tisch ist im 2. Stock.",
            "Am 4.12. um acht.",
            "It costs 12.50 for Mr. Jones at 7 p.m. on Friday.",
            "La Sra. García llega a las 8 p. m. el viernes.",
            "Dhr. de Vries komt o.a. voor de tuin.",
        ] {
            assert_eq!(chunks(whole), [whole]);
        }
        assert_eq!(chunks("We are 4. Do you have a table?"), ["We are 4.", "Do you have a table?"]);
        assert_eq!(chunks("At 7 p.m. That is fine."), ["At 7 p.m.", "That is fine."]);
    }

    #[test]
    fn the_cut_of_the_deltas_makes_no_difference() {
        let text = "Guten Tag, ich rufe für Dr. Winter an. Wir sind 4. Haben Sie am 4. Dezember um 19:30 Uhr, z. B. im 2. Stock, \
                    einen Tisch? Das wäre sehr schön… Danke! Tschüss.";
        let expected = chunks(text);
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..300 {
            let mut chunker = Chunker::new();
            let mut got = Vec::new();
            let mut piece = String::new();
            for character in text.chars() {
                piece.push(character);
                if random.random_bool(0.3) {
                    got.extend(chunker.push(&piece));
                    piece.clear();
                }
            }
            got.extend(chunker.push(&piece));
            got.extend(chunker.finish());
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn space_before_a_chunk_is_no_part_of_it_in_whichever_delta_it_comes() {
        let text = "Ja!  \n\n ".to_owned() + &"und dann ".repeat(60);
        let mut chunker = Chunker::new();
        let mut cut: Vec<String> = text.split_inclusive(' ').flat_map(|delta| chunker.push(delta)).collect();
        cut.extend(chunker.finish());
        assert_eq!(cut, chunks(&text));
    }

    #[test]
    fn a_word_longer_than_a_chunk_holds_nothing_up() {
        let (mut chunker, longest) = (Chunker::new(), "x".repeat(LONGEST));
        assert_eq!(chunker.push(&longest.repeat(2)), std::slice::from_ref(&longest));
        assert_eq!(chunker.push(" und mehr"), [longest]);
        assert_eq!(chunker.push(". Gut. "), ["und mehr.", "Gut."]);
    }

    #[test]
    fn text_without_an_end_is_cut_at_a_space() {
        let text = "and ".repeat(200);
        let cut = chunks(&text);
        assert!(cut.len() > 2 && cut.iter().all(|chunk| chunk.chars().count() <= LONGEST));
        assert_eq!(cut.join(" "), text.trim());
    }

    #[test]
    fn what_is_written_for_the_eye_is_not_spoken() {
        assert_eq!(
            chunks(
                "Assistant: **Good evening.** *smiles* Here is what we need:\n- a table for 4\n- on Friday 😊\n\nIs that possible?"
            ),
            ["Good evening.", "Here is what we need:", "a table for 4", "on Friday", "Is that possible?"]
        );
        assert_eq!(chunks("Thank you very much.\n\nBest regards,\nAbigail\nReservations"), ["Thank you very much."]);
        assert_eq!(chunks("Is **z. B.** Freitag möglich?"), ["Is z. B. Freitag möglich?"]);
    }

    #[test]
    fn a_sentence_with_a_hole_is_not_said() {
        assert_eq!(
            chunks("Good evening. My name is [Your Name]. A table for four, please."),
            ["Good evening.", "A table for four, please."]
        );
        assert_eq!(chunks("I am calling on behalf of [Guest Name], and I want a table. Is that fine?"), ["Is that fine?"]);
        assert!(chunks("Please call {{guest_phone}}.").is_empty());
    }

    #[test]
    fn marks_of_emphasis_and_empty_text_are_not_spoken() {
        assert_eq!(chunks("**Good** evening."), ["Good evening."]);
        assert!(chunks(" \n ... ").is_empty());
    }
}
