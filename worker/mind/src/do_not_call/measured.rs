//! Sentences that were written before anybody looked at the tables, 25 wishes and 25 harmless ones in each language. Those at even places
//! were used to improve the tables; those at odd places are held out: nobody looked at which of them fail, and they say how good the
//! tables are with sentences they do not know.

use super::asks_not_to_call;

const SENTENCES: [(&str, &str); 4] = [
    ("en", include_str!("sentences/en.txt")),
    ("de", include_str!("sentences/de.txt")),
    ("es", include_str!("sentences/es.txt")),
    ("nl", include_str!("sentences/nl.txt")),
];

/// The sentences of one kind (`wish`, `harmless`): those used, and those held out.
fn halves(file: &str, kind: &str) -> (Vec<String>, Vec<String>) {
    let of_kind = file.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(": ")).map(str::to_owned);
    let (used, held_out): (Vec<_>, Vec<_>) = of_kind.enumerate().partition(|(place, _)| place % 2 == 0);
    let texts = |half: Vec<(usize, String)>| half.into_iter().map(|(_, text)| text).collect();
    (texts(used), texts(held_out))
}

fn wrong(texts: &[String], wish: bool) -> Vec<&String> {
    texts.iter().filter(|text| asks_not_to_call(text) != wish).collect()
}

/// Wishes of the held-out halves that are missed, of 12 in each language: English, German, Spanish, Dutch. No harmless sentence of either half
/// is taken for a wish. What is missed is left to the model, which reports the wish by itself.
const MISSED: [usize; 4] = [4, 4, 4, 4];

#[test]
fn wishes_and_harmless_sentences_that_nobody_wrote_for_the_tables() {
    for ((language, file), most) in SENTENCES.into_iter().zip(MISSED) {
        let (used, held_out) = halves(file, "wish");
        assert_eq!((used.len(), held_out.len()), (13, 12), "{language}");
        assert_eq!(wrong(&used, true), Vec::<&String>::new(), "{language}");
        let missed = wrong(&held_out, true).len();
        println!("{language}: {missed} of 12 held-out wishes are missed");
        assert!(missed <= most, "{language}: {missed} held-out wishes are missed");
        let (used, held_out) = halves(file, "harmless");
        let taken: Vec<_> = wrong(&used, false).into_iter().chain(wrong(&held_out, false)).collect();
        assert_eq!(taken, Vec::<&String>::new(), "{language}");
    }
}
