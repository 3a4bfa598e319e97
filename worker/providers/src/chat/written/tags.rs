//! Tags and special tokens in a model's text: `<think>`, `<function=name>`, `<|channel|>`, `<｜tool▁calls▁begin｜>`, `◁think▷`.

/// Most bytes of a tag.
const LONGEST: usize = 256;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Lower case, without `/` and attributes.
    pub(super) name: String,
    /// `</…>`.
    pub(super) closes: bool,
    /// `<…/>`.
    pub(super) empty: bool,
    /// `<|…|>`: a token of the template.
    pub(super) special: bool,
    /// `◁…▷`.
    pub(super) kimi: bool,
    /// The name that a tag of a call gives: `<function=name>`, `<invoke name="name">`.
    pub(super) value: Option<String>,
}

/// What begins with `<`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A tag of so many bytes.
    Tag(usize, Tag),
    /// Perhaps a tag.
    Unfinished,
    /// None.
    None,
}

/// Reads the tag that `text` begins with.
pub(super) fn tag_at(text: &str) -> Found {
    let mut characters = text.chars();
    let close = match characters.next() {
        Some('<') => '>',
        Some('◁') => '▷',
        _ => return Found::None,
    };
    let inside = characters.as_str();
    let opening = text.len() - inside.len();
    let Some(first) = inside.chars().next() else { return Found::Unfinished };
    if !(first.is_ascii_alphabetic() || matches!(first, '/' | '|' | '｜' | '_')) {
        return Found::None;
    }
    let Some(end) = inside.find([close, '<', '◁', '\n']) else {
        return if inside.len() >= LONGEST { Found::None } else { Found::Unfinished };
    };
    if !inside[end..].starts_with(close) || end >= LONGEST {
        return Found::None;
    }
    let length = opening + end + close.len_utf8();
    let inner = &inside[..end];
    let special = inner.starts_with(['|', '｜']);
    let bare = inner.trim_matches(['|', '｜']).trim();
    let closes = bare.starts_with('/');
    let empty = !special && bare.ends_with('/') && bare.len() > 1;
    let bare = bare.trim_matches('/');
    let name_end = bare.find(|c: char| c.is_whitespace() || matches!(c, '=' | '(' | ':')).unwrap_or(bare.len());
    let (name, rest) = bare.split_at(name_end);
    let value = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '('));
    let value = value.strip_prefix("name=").unwrap_or(value);
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '='));
    let value = value.split(['"', '\'']).next().unwrap_or(value);
    let tag = Tag {
        name: name.to_lowercase(),
        closes,
        empty,
        special,
        kimi: close == '▷',
        value: (!value.is_empty()).then(|| value.to_owned()),
    };
    Found::Tag(length, tag)
}

/// Whether the tag holds what the model thinks, or what it imagines others answer.
pub(super) fn is_thought(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "think",
        "thinking",
        "thought",
        "thoughts",
        "reasoning",
        "reflection",
        "scratchpad",
        "analysis",
        "internal",
        "inner_monologue",
        "inner_thoughts",
        "plan",
        "planning",
        "commentary",
        "unused94",
        "tool_response",
        "tool_result",
        "function_results",
        "function_response",
        "observation",
    ];
    NAMES.contains(&name)
}

/// Whether the tag holds a tool call.
pub(super) fn is_call(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "tool_call",
        "tool_calls",
        "function_call",
        "function_calls",
        "tool_use",
        "tool_code",
        "invoke",
        "function",
        "python_tag",
        "action",
    ];
    NAMES.contains(&name) || name.starts_with("tool_call") || name.starts_with("tool▁call")
}

/// Whether nothing after it belongs to the reply: a model that does not stop goes on with the callee's next turn.
pub(super) fn ends_the_reply(tag: &Tag) -> bool {
    const TOKENS: [&str; 6] = ["im_end", "eot_id", "endoftext", "return", "end▁of▁sentence", "eos"];
    let token = tag.special && TOKENS.contains(&tag.name.as_str());
    let named = !tag.special && (matches!(tag.name.as_str(), "end_of_turn" | "eos") || (tag.closes && tag.name == "s"));
    token || named
}
