//! Characters that a server has escaped as in HTML: `&amp;`, `&nbsp;`. Pure. Quotation marks are left alone: within JSON they are escaped
//! for a reason.

/// Entities and what they stand for.
const ENTITIES: [(&str, char); 10] = [
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&nbsp;", ' '),
    ("&#38;", '&'),
    ("&#60;", '<'),
    ("&#62;", '>'),
    ("&#160;", ' '),
    ("&#39;", '\''),
    ("&rsquo;", '’'),
];

/// Bytes at the end of `text` that may be the start of an entity.
pub(super) fn unfinished(text: &str) -> usize {
    let Some(at) = text.rfind('&') else { return 0 };
    let tail = &text[at..];
    let begins = ENTITIES.iter().any(|(entity, _)| entity.len() > tail.len() && entity.starts_with(tail));
    if begins { tail.len() } else { 0 }
}

/// The text with its entities as characters.
pub(super) fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, character) = ENTITIES
            .iter()
            .find(|(entity, _)| rest.starts_with(entity))
            .map_or((1, '&'), |(entity, character)| (entity.len(), *character));
        decoded.push(character);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    decoded
}
