//! Tags and special tokens in a model's text: `<think>`, `<function=name>`, `<|channel|>`, `<｜tool▁calls▁begin｜>`, `◁think▷`.

use offhook_types::placeholder::names_placeholder;

/// Where thoughts end whose beginning stood in the prompt, lower case.
pub(super) const ENDS_OF_THOUGHTS: [&str; 9] = [
    "</think>",
    "</thinking>",
    "</thought>",
    "</mm:think>",
    "</seed:think>",
    "[/think]",
    "◁/think▷",
    "<|end_thinking|>",
    "<channel|>",
];
/// What begins a call of Gemma 4, also within thoughts.
pub(super) const HALF_CALL: &str = "<|tool_call>";
/// Most bytes of a tag.
const LONGEST: usize = 256;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Lower case, without `/` and attributes; with what stands before a colon, where it belongs to it (`mm:think`).
    pub(super) name: String,
    /// `</…>`.
    pub(super) closes: bool,
    /// `<…/>`.
    pub(super) empty: bool,
    /// `<|…|>`, `<|…>`, `<…|>`: a token of the template.
    pub(super) special: bool,
    /// `<|…>` and `<…|>`, which opens and which closes (Gemma 4).
    pub(super) half: bool,
    /// `◁…▷`.
    pub(super) kimi: bool,
    /// `<｜DSML｜…>`, `</｜DSML｜…>` (DeepSeek 3.2): a tag of their own notation.
    pub(super) dsml: bool,
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
    let without_mark = without_dsml(inner);
    let dsml = without_mark != inner;
    let inner = without_mark.as_str();
    let (left, right) = (inner.starts_with(['|', '｜']), inner.ends_with(['|', '｜']));
    let special = left || right;
    let half = left != right;
    let bare = inner.trim_matches(['|', '｜']).trim();
    let closes = bare.starts_with('/') || (half && right);
    let empty = !special && bare.ends_with('/') && bare.len() > 1;
    let bare = bare.trim_matches('/');
    let mut name_end = bare.find(|c: char| c.is_whitespace() || matches!(c, '=' | '(' | ':')).unwrap_or(bare.len());
    // A colon stands before a name's value, or behind the name of the model's maker (`mm:think`, `seed:tool_call`).
    if let Some((_, local)) = bare[name_end..].split_once(':').filter(|(before, _)| before.is_empty()) {
        let local_end = local.find(|c: char| c.is_whitespace() || matches!(c, '=' | '(')).unwrap_or(local.len());
        let local = local[..local_end].to_lowercase();
        if is_thought(&local) || is_call(&local) {
            name_end += 1 + local_end;
        }
    }
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
        half,
        kimi: close == '▷',
        dsml,
        value: (!value.is_empty()).then(|| value.to_owned()),
    };
    Found::Tag(length, tag)
}

/// The text without the mark that DeepSeek puts before the names of its tags.
pub(super) fn without_dsml(text: &str) -> String {
    text.replace("｜DSML｜", "").replace("|DSML|", "")
}

/// Whether a tag is a place that the model has not filled in: `<guest_name>`.
pub(super) fn is_place(tag: &Tag) -> bool {
    names_placeholder(&format!("{} {}", tag.name, tag.value.as_deref().unwrap_or_default()))
}

/// The name without what stands before a colon.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Whether the tag holds what the model thinks, or what it imagines others answer.
pub(super) fn is_thought(name: &str) -> bool {
    const NAMES: [&str; 19] = [
        "thoughts",
        "details",
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
        "unused95",
        "tool_response",
        "tool_result",
        "function_results",
        "function_response",
        "observation",
        "reason",
    ];
    let name = local(name);
    NAMES.contains(&name) || ["think", "thinking", "thought", "reasoning"].iter().any(|end| name.ends_with(end))
}

/// What ends the thoughts that a token of the template begins: `<|START_THINKING|>` (Cohere), `<|begin_of_thought|>`,
/// `<|inner_prefix|>`. `None` where it begins none; an empty text where it ends them.
pub(super) fn end_of_token(tag: &Tag) -> Option<String> {
    let name = tag.name.as_str();
    let thoughts = is_thought(name) || name.starts_with("inner_");
    if !tag.special || tag.half || !thoughts {
        return None;
    }
    if tag.closes || name.starts_with("end_") || name.ends_with("suffix") {
        return Some(String::new());
    }
    let end = name.replacen("start_", "end_", 1).replacen("begin_", "end_", 1).replacen("prefix", "suffix", 1);
    Some(if end == name { format!("<|/{name}|>") } else { format!("<|{end}|>") })
}

/// Whether the tag holds a tool call.
pub(super) fn is_call(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "start_action",
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
    let name = local(name);
    NAMES.contains(&name) || name.starts_with("tool_call") || name.starts_with("tool▁call")
}

/// Whether nothing after it belongs to the reply: a model that does not stop goes on with the callee's next turn.
pub(super) fn ends_the_reply(tag: &Tag) -> bool {
    const TOKENS: [&str; 6] = ["im_end", "eot_id", "endoftext", "return", "end▁of▁sentence", "eos"];
    let token = tag.special && TOKENS.contains(&tag.name.as_str());
    let named = !tag.special && (matches!(tag.name.as_str(), "end_of_turn" | "eos") || (tag.closes && tag.name == "s"));
    token || named || (tag.half && tag.name == "turn")
}
