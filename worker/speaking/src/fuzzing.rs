//! What the fuzz target `spoken_text` calls: text as a model writes it. Nothing here may panic for any input, but where a property is
//! broken.

use offhook::language::Language;

use crate::{Chunker, spoken};

/// Speaks a text, whole and in pieces as long as the first byte says, in each language.
pub fn spoken_text(bytes: &[u8]) {
    let Some((length, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let sentences = cut([text.as_ref()].into_iter());
    let pieces: Vec<String> =
        text.chars().collect::<Vec<_>>().chunks(usize::from(*length) + 1).map(|piece| piece.iter().collect()).collect();
    assert_eq!(cut(pieces.iter().map(String::as_str)), sentences, "how it comes makes no difference");
    for sentence in sentences {
        for language in Language::ALL {
            let said = spoken(&sentence, language);
            assert!(!said.contains(|character: char| character.is_ascii_digit()), "{language:?}: {sentence:?} as {said:?}");
            assert_eq!(spoken(&said, language), said, "{language:?}: saying it twice changes nothing");
        }
    }
}

fn cut<'t>(deltas: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut chunker = Chunker::new();
    let mut sentences: Vec<String> = deltas.flat_map(|delta| chunker.push(delta)).collect();
    sentences.extend(chunker.finish());
    sentences
}
