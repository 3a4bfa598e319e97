//! What Whisper writes where nobody speaks: the ends of the videos it was trained on. Pure.
//! Source: the hallucinations collected in arXiv 2501.11378 and by users of whisper.cpp, in our languages.

use offhook_types::transcript::NOBODY_SPOKE;

/// Nobody says these into a telephone: folded words that stand in the text.
const CREDITS: &[&str] = &[
    "amara org",
    "untertitel",
    "untertitelung",
    "subtitulos",
    "ondertiteling",
    "ondertiteld",
    "ondertitels",
    "subtitles by",
    "subtitled by",
    "captions by",
    "transcription by",
    "transcribed by",
    "castingwords",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "like and subscribe",
    "subscribe to",
    "in the next video",
    "gracias por ver",
    "suscribete",
    "suscribanse",
    "fur s zuschauen",
    "furs zuschauen",
    "im nachsten video",
    "bis zum nachsten video",
    "abonniert",
    "bedankt voor het kijken",
    "in de volgende video",
    "im auftrag des zdf",
    "im auftrag von funk",
    "copyright wdr",
];
/// Words of a text with credits; more, and it is something else.
const MOST_WORDS: usize = 14;

/// Callees say these as well: whole texts, folded.
const POLITE: &[&str] = &[
    "thank you",
    "thank you very much",
    "thank you so much",
    "thanks",
    "you",
    "bye",
    "bye bye",
    "okay",
    "so",
    "oh",
    "vielen dank",
    "danke",
    "danke schon",
    "tschuss",
    "gracias",
    "muchas gracias",
    "adios",
    "dank je wel",
    "dank u wel",
    "bedankt",
    "dankjewel",
];

/// Whether a text is one of those, and nobody said it. `no_speech` is the recogniser's own figure; where it has none, `near_silent`
/// (hardly anything is to be heard in the sound) decides about what people say as well.
pub(super) fn is_stock_phrase(text: &str, no_speech: Option<f64>, near_silent: bool) -> bool {
    let folded = folded(text);
    let credits = CREDITS.iter().any(|phrase| has_words(&folded, phrase)) && folded.split(' ').count() <= MOST_WORDS;
    let nobody = no_speech.map_or(near_silent, |likely| likely > f64::from(NOBODY_SPOKE));
    credits || (nobody && POLITE.contains(&folded.as_str()))
}

/// Words in lower case, without accents and punctuation, one space between them.
fn folded(text: &str) -> String {
    let lower: String = text
        .chars()
        .take(400)
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' | 'à' | 'ä' | 'â' => 'a',
            'é' | 'è' | 'ë' | 'ê' => 'e',
            'í' | 'ï' => 'i',
            'ó' | 'ö' => 'o',
            'ú' | 'ü' => 'u',
            other => other,
        })
        .collect();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn has_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        before.is_none_or(|c| c == ' ') && after.is_none_or(|c| c == ' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_says_the_end_of_a_video_into_a_telephone() {
        for text in [
            "Thanks for watching!",
            "Untertitel der Amara.org-Community",
            "Untertitelung des ZDF, 2020",
            "Subtítulos realizados por la comunidad de Amara.org",
            "Ondertiteld door de Amara.org gemeenschap",
            "¡Suscríbete al canal!",
            "Vielen Dank fürs Zuschauen.",
        ] {
            assert!(is_stock_phrase(text, None, false) && is_stock_phrase(text, Some(0.1), false), "{text}");
        }
        for text in
            ["Thank you for waiting.", "We are watching the door.", "Danke, bis Freitag.", "Good evening, Golden Lion.", ""]
        {
            assert!(!is_stock_phrase(text, Some(0.9), true), "{text}");
        }
    }

    #[test]
    fn a_thank_you_counts_where_somebody_spoke() {
        for text in ["Thank you.", "Vielen Dank!", "Gracias.", "Dank u wel."] {
            assert!(is_stock_phrase(text, Some(0.8), false) && is_stock_phrase(text, None, true), "{text}");
            assert!(!is_stock_phrase(text, Some(0.2), true) && !is_stock_phrase(text, None, false), "{text}");
        }
    }
}
