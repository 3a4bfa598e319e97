//! Text as recognisers may or may not write it: case and accents carry no meaning between them.

/// The text in lower case, without accents, apostrophes and combining marks: "Löwe" is "lowe", "Straße" "strasse", "I'll" "ill".
pub fn unaccented(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'ä' | 'á' | 'à' | 'â' => folded.push('a'),
            'é' | 'è' | 'ë' | 'ê' => folded.push('e'),
            'í' | 'ï' | 'ì' | 'î' => folded.push('i'),
            'ö' | 'ó' | 'ò' | 'ô' => folded.push('o'),
            'ü' | 'ú' | 'ù' | 'û' => folded.push('u'),
            'ñ' => folded.push('n'),
            'ß' => folded.push_str("ss"),
            '\u{300}'..='\u{36f}' | '\'' | '’' => {}
            _ => folded.push(character),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_a_word_are_one() {
        for (one, other) in [
            ("Grüß", "gruss"),
            ("u\u{308}ber", "über"),
            ("dígame", "DIGAME"),
            ("I’ll", "I'll"),
            ("tweeëntwintig", "tweeentwintig"),
        ] {
            assert_eq!(unaccented(one), unaccented(other));
        }
        assert_eq!(unaccented("19:30, +49!"), "19:30, +49!");
    }
}
