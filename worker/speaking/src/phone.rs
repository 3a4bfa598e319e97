//! Phone numbers, references and other long rows of digits: digit by digit, in groups a person can write down.

use offhook::language::Language;
use offhook_language::tables;

use super::numbers::digit_word;

/// Returns a phone number or reference as words. Groups as written where they have at most four digits, longer ones in threes; the country
/// code of an international number is a group of its own. A comma between groups makes the voice pause.
///
/// "+49 151 12345678" becomes "plus four nine, one five one, one two three, four five six, seven eight".
pub fn phone_words(written: &str, language: Language) -> String {
    let international = written.trim_start().starts_with('+');
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let groups = groups(written, &digits, international);
    let said: Vec<String> = groups.iter().map(|group| digits_apart(group, language)).collect();
    let said = said.join(", ");
    if international { format!("{} {said}", tables(language).numbers.plus) } else { said }
}

/// Returns digits with a space between: "four seven one one". What is no digit is left out.
pub fn digits_apart(digits: &str, language: Language) -> String {
    let words: Vec<_> = digits.chars().filter(char::is_ascii_digit).map(|digit| digit_word(digit, language)).collect();
    words.join(" ")
}

fn groups(written: &str, digits: &str, international: bool) -> Vec<String> {
    let mut as_written = written.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    let mut groups: Vec<String> = Vec::new();
    if international && let Some(first) = as_written.next() {
        let (country, rest) = first.split_at(country_code_length(digits).min(first.len()));
        groups.push(country.to_owned());
        groups.extend(threes(rest));
    }
    groups.extend(as_written.flat_map(|group| if group.len() <= 4 { vec![group.to_owned()] } else { threes(group) }));
    groups
}

/// Threes from the left; a single digit left over joins the group before.
fn threes(digits: &str) -> Vec<String> {
    let mut groups: Vec<String> =
        digits.as_bytes().chunks(3).map(|chunk| chunk.iter().map(|byte| char::from(*byte)).collect()).collect();
    if groups.len() > 1 && groups.last().is_some_and(|last| last.len() == 1) {
        let last = groups.pop().unwrap_or_default();
        if let Some(before) = groups.last_mut() {
            before.push_str(&last);
        }
    }
    groups
}

/// Length of the country code an international number begins with (ITU-T E.164, list of assigned codes).
fn country_code_length(digits: &str) -> usize {
    const TWO: [&str; 42] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51", "52",
        "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90", "91", "92",
        "93", "94",
    ];
    match digits.chars().next() {
        Some('1' | '7') => 1,
        _ if TWO.iter().any(|code| digits.starts_with(code)) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_groups() {
        assert_eq!(
            phone_words("+49 151 12345678", Language::En),
            "plus four nine, one five one, one two three, four five six, seven eight"
        );
        assert_eq!(phone_words("555-010-0199", Language::En), "five five five, zero one zero, zero one nine nine");
        assert_eq!(
            phone_words("+34911234567", Language::Es),
            "más tres cuatro, nueve uno uno, dos tres cuatro, cinco seis siete"
        );
        assert_eq!(phone_words("030 1234", Language::De), "null drei null, eins zwei drei vier");
    }

    #[test]
    fn no_digit_is_lost() {
        for number in ["+12125550100", "+35312345678", "0612345678", "+4930123456"] {
            let said = phone_words(number, Language::Nl);
            assert_eq!(said.replace("plus ", "").split_whitespace().count(), number.trim_start_matches('+').len(), "{said}");
        }
    }
}
