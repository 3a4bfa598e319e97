//! What was spoken aloud and should not be, and harmless text that was taken for a call.

use serde_json::{Value, json};

use super::{
    UNREADABLE,
    tests::{read, speech},
};

#[test]
fn harmless_text_is_no_call() {
    for (text, said) in [
        ("Please call {{guest_phone}}.", "Please call {{guest_phone}}."),
        ("It is for {guest_name}, fine.", "It is for {guest_name}, fine."),
        ("At $19{:}30$ then.", "At $19:30$ then."),
        ("Fine {\"a\": 1} then.", "Fine then."),
        ("Fine { for four, please.", "Fine for four, please."),
        ("Fine {} then.", "Fine then."),
        (r#"{"response": "Great, thank you!"}"#, "Great, thank you!"),
        (r#"{"role":"assistant","content":"Great, thank you!"}"#, "Great, thank you!"),
        (r#"[{"type":"text","text":"Great, thank you!"}]"#, "Great, thank you!"),
        (r#"{"message":{"role":"assistant","content":"Great, thank you!"}}"#, "Great, thank you!"),
        (r#"{"response": "<think>Hm.</think>Great, thank you!"}"#, "Great, thank you!"),
        ("```json\n{\"response\": \"Great, thank you!\"}\n```", "Great, thank you!"),
    ] {
        assert_eq!(speech(text), said, "{text}");
    }
    let (said, calls) = read(r#"{"response": "Goodbye.", "action": "end_call"}"#);
    assert_eq!((said.trim(), calls.len(), calls[0].0.as_str()), ("Goodbye.", 1, "end_call"));
}

#[test]
fn a_call_in_an_odd_frame_runs() {
    for text in [
        "Thought: I should accept.\nAction: accept_offer\nAction Input: {\"date\": \"2026-12-04\", \"party_size\": 4}\nObservation: ok",
        "Thought: I should accept. Action: accept_offer Action Input: {\"date\": \"2026-12-04\", \"party_size\": 4}",
        "**Thought:** x\n**Action:** `accept_offer`\n**Action Input:** {\"date\": \"2026-12-04\", \"party_size\": 4}",
        "Action: accept_offer(date=\"2026-12-04\", party_size=4)",
        "<accept_offer><date>2026-12-04</date><party_size>4</party_size></accept_offer>",
        "<accept_offer>\n<date>2026-12-04</date>\n<party_size>4</party_size>\n</accept_offer>",
        "<accept_offer date=\"2026-12-04\" party_size=\"4\"/>",
        "<｜DSML｜function_calls><｜DSML｜invoke name=\"accept_offer\"><｜DSML｜parameter name=\"date\" string=\"true\">2026-12-04</｜DSML｜parameter><｜DSML｜parameter name=\"party_size\" string=\"false\">4</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>",
    ] {
        let (said, calls) = read(&format!("One moment. {text}"));
        assert_eq!(said.trim_matches([' ', '*', '\n']), "One moment.", "{text}");
        assert_eq!(calls.len(), 1, "{text}: {calls:?}");
        assert_eq!(calls[0].0, "accept_offer", "{text}");
        let arguments: Value = serde_json::from_str(&calls[0].1).unwrap_or_else(|_| panic!("{text}: {calls:?}"));
        assert_eq!(arguments["date"], json!("2026-12-04"), "{text}");
        assert!(["4", "\"4\""].contains(&arguments["party_size"].to_string().as_str()), "{text}: {arguments}");
    }
    for text in [
        "Goodbye.\nEND_CALL",
        "Goodbye. END_CALL",
        "Goodbye. [END_CALL]",
        "Goodbye. <end_call/>",
        "Goodbye.\nAction: end_call\nAction Input: None",
    ] {
        let (said, calls) = read(text);
        assert_eq!(said.trim_matches([' ', '\n', '[', ']']), "Goodbye.", "{text}");
        assert_eq!(calls, [("end_call".to_owned(), "{}".to_owned())], "{text}");
    }
}

#[test]
fn labelled_thoughts_notes_and_invented_turns_are_not_spoken() {
    for (text, said) in [
        ("Thinking: four people. Response: Great, thank you!", "Great, thank you!"),
        ("Thought: The table is free.\nAnswer: Great, thank you!", "Great, thank you!"),
        ("Thought: free.\nFinal Answer: Great, thank you!", "Great, thank you!"),
        ("Great, thank you! Restaurant: You are welcome. Assistant: Goodbye.", "Great, thank you!"),
        ("Great, thank you!\n\nUser: You are welcome.\n{\"name\":\"end_call\"}", "Great, thank you!"),
        ("Great, thank you!\nKellner: Gern.", "Great, thank you!"),
        ("Great, thank you! (Note: I should call accept_offer now.)", "Great, thank you!"),
        ("Great, thank you! [Note: accept now.]", "Great, thank you!"),
        ("Great, thank you! (I will call accept_offer now)", "Great, thank you!"),
        ("<details type=\"reasoning\" done=\"true\"><summary>Thought</summary>x</details>Great, thank you!", "Great, thank you!"),
        ("Great,&nbsp;thank you!", "Great, thank you!"),
        ("Fish &amp; chips &copy; AT&T & more &", "Fish & chips &copy; AT&T & more &"),
        ("&lt;think&gt;Hm.&lt;/think&gt;Great, thank you!", "Great, thank you!"),
        ("My name is <guest_name>.", "My name is <guest_name>."),
    ] {
        assert_eq!(speech(text), said, "{text}");
    }
    for text in [
        "The host: who is it? I think: yes.",
        "Human beings eat. Userland",
        "A table (for four people), please.",
        "Actions speak. Answer me (please",
    ] {
        assert_eq!(speech(text), text);
    }
}

#[test]
fn a_frame_with_nothing_readable_in_it_is_a_call_that_says_what_stood_there() {
    for text in [
        "<tool_callxx{\"name\":\"accept_offer\",\"arguments\":tl_oocall>",
        "analysis\nx to=functions.{",
        "<tool_call name=\":\"></tool_call>",
    ] {
        for (_, arguments) in read(text).1 {
            assert!(!arguments.trim().is_empty(), "{text}");
        }
    }
    // What only mentions a tool does not run it, however whole it is.
    let (_, calls) = read("<tool_call>{\"note\": \"I shall not end_call\"}</tool_call>");
    assert_eq!(calls[0].0, UNREADABLE);
}
