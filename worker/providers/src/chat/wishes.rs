//! What a request asks for beyond what is needed, and what is left out of the next try where a server refuses it. Pure.

use serde::{Deserialize, Serialize};

use crate::refusal::names;

/// Most tokens of a reply. What is spoken is bounded where sentences are cut; this bounds what is paid for where a model does not stop.
/// A few sentences and a tool call are some 200 tokens.
const MOST_TOKENS: u32 = 1_000;
/// The same for models that take `max_completion_tokens` only: their thoughts, which nobody sees, count as well.
const MOST_TOKENS_WITH_THOUGHTS: u32 = 4_000;

/// How the length of a reply is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Length {
    /// `max_tokens`: every server but those of the newest models.
    Tokens,
    /// `max_completion_tokens`.
    CompletionTokens,
    Unbounded,
}

/// The form of a request. Changed once a server has refused something, and kept for all requests after it, in later calls as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Wishes {
    length: Length,
    /// The reply is to be streamed.
    pub(crate) stream: bool,
    /// The prompt is a message of its own; otherwise it begins the first turn of the user (templates of Gemma and others).
    pub(crate) system: bool,
    /// An assistant message that only calls tools has `""` as its content; otherwise it has none.
    pub(crate) empty_content: bool,
    /// The tools are on the wire; otherwise in the prompt (`described`).
    pub(crate) tools: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes { length: Length::Tokens, stream: true, system: true, empty_content: true, tools: true }
    }
}

impl Wishes {
    /// The field that bounds the length, and its value. `thinks`: the model's thoughts count as well.
    pub(crate) fn length(self, thinks: bool) -> Option<(&'static str, u32)> {
        match self.length {
            Length::Tokens if thinks => Some(("max_tokens", MOST_TOKENS_WITH_THOUGHTS)),
            Length::Tokens => Some(("max_tokens", MOST_TOKENS)),
            Length::CompletionTokens => Some(("max_completion_tokens", MOST_TOKENS_WITH_THOUGHTS)),
            Length::Unbounded => None,
        }
    }

    /// What to ask for after a refusal in these words; `None` where there is nothing left to leave out. A refusal that names nothing
    /// of ours is about the first thing that has not been left out, unless `named_only`.
    pub(crate) fn after(self, said: &str, named_only: bool) -> Option<Wishes> {
        let shorter = || match self.length {
            Length::Tokens => Some(Wishes { length: Length::CompletionTokens, ..self }),
            Length::CompletionTokens => Some(Wishes { length: Length::Unbounded, ..self }),
            Length::Unbounded => None,
        };
        let whole = || self.stream.then_some(Wishes { stream: false, ..self });
        let folded = || self.system.then_some(Wishes { system: false, ..self });
        let absent = || self.empty_content.then_some(Wishes { empty_content: false, ..self });
        let described = || self.tools.then_some(Wishes { tools: false, ..self });
        if names(said, &["max_tokens", "max_completion_tokens", "max_new_tokens", "max_output_tokens"]) {
            return shorter();
        }
        if names(said, &["stream", "streaming"]) {
            return whole();
        }
        if refuses_tools(said) {
            return described();
        }
        if names(said, &["system"]) {
            return folded();
        }
        if names(said, &["content", "contents"]) {
            return absent();
        }
        if named_only {
            return None;
        }
        // Both names of the bound at once: a refusal without a word is not worth two tries.
        let unbounded = (self.length != Length::Unbounded).then_some(Wishes { length: Length::Unbounded, ..self });
        unbounded.or_else(whole).or_else(folded).or_else(absent).or_else(described)
    }
}

/// Whether a server says that it, or its model, takes no tools. What it says of one message or one schema is another matter.
pub(crate) fn refuses_tools(said: &str) -> bool {
    let about = [
        "tool",
        "tools",
        "tool_choice",
        "tool-choice",
        "tool_calls",
        "function",
        "functions",
        "function_call",
        "enable-auto-tool-choice",
    ];
    let refuses = [
        "support",
        "supports",
        "supported",
        "unsupported",
        "require",
        "requires",
        "required",
        "enable",
        "enabled",
        "disabled",
        "unknown",
        "unrecognized",
        "unexpected",
        "extra",
        "implemented",
        "allowed",
        "permitted",
    ];
    let otherwise = ["role", "roles", "schema", "message", "messages", "property"];
    names(said, &about) && names(said, &refuses) && !names(said, &otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_names_is_left_out_and_nothing_else() {
        let all = Wishes::default();
        let unsupported =
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        let newer = all.after(unsupported, true).map(|wishes| wishes.length(false));
        assert_eq!(newer, Some(Some(("max_completion_tokens", 4_000))));
        assert_eq!(all.after("Streaming is not supported", true), Some(Wishes { stream: false, ..all }));
        assert_eq!(all.after("System role not supported", true), Some(Wishes { system: false, ..all }));
        assert_eq!(all.after("messages.2.content: text must be non-empty", true), Some(Wishes { empty_content: false, ..all }));
        assert_eq!(all.after("The model `streamer-2` does not exist", true), None);
        assert_eq!(all.length(true), Some(("max_tokens", 4_000)), "thoughts count as well");
    }

    #[test]
    fn a_server_that_takes_no_tools_is_understood_in_its_own_words() {
        let without = Some(Wishes { tools: false, ..Wishes::default() });
        for said in [
            "registry.ollama.ai/library/gemma:7b does not support tools",
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            "tools param requires --jinja flag",
            "Unsupported param: tools",
            "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing",
            "`tool calling` is not supported with this model",
            "litellm.UnsupportedParamsError: ollama does not support parameters: ['tools'], for model=x. To drop these, set drop_params",
            "Function calling is not enabled for this model",
            "tools: Extra inputs are not permitted",
        ] {
            assert_eq!(Wishes::default().after(said, true), without, "{said}");
        }
        for said in [
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
            "Invalid schema for function 'end_call': properties: should be non-empty for OBJECT type.",
            "Only user, assistant and tool roles are supported!",
            "The model `tool-model` does not exist",
        ] {
            assert!(!refuses_tools(said), "{said}");
        }
        let streaming = Wishes::default().after("Tool and function calls do not currently support streaming", true);
        assert_eq!(streaming, Some(Wishes { stream: false, ..Wishes::default() }));
    }

    #[test]
    fn a_refusal_without_a_word_is_followed_until_nothing_is_left() {
        let mut tries = 0;
        let mut wishes = Some(Wishes::default());
        while let Some(next) = wishes {
            tries += 1;
            wishes = next.after("Bad Request", false);
        }
        assert_eq!(tries, 6);
    }
}
