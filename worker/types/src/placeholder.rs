//! What a model should have filled in and has not: `[Guest Name]`, `<guest_name>`, `{{date}}`. Where such a mark stands differs from
//! notation to notation; the words in it are the same.

const WORDS: [&str; 24] = [
    "name",
    "names",
    "guest",
    "phone",
    "number",
    "date",
    "time",
    "party",
    "size",
    "restaurant",
    "your",
    "insert",
    "email",
    "gast",
    "telefonnummer",
    "telefon",
    "datum",
    "uhrzeit",
    "nombre",
    "fecha",
    "hora",
    "naam",
    "tijd",
    "placeholder",
];

/// Whether the text between the brackets of a mark, such as `Guest Name` or `guest_name`, names something to be filled in.
pub fn names_placeholder(inside: &str) -> bool {
    inside.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_by_its_words() {
        assert!(["Guest Name", "guest_name", "UHRZEIT", "insert phone here"].into_iter().all(names_placeholder));
        assert!(["", "laughs", "tool_call", "renamed"].into_iter().all(|inside| !names_placeholder(inside)));
    }
}
