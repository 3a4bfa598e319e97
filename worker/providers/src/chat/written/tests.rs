#![allow(clippy::unwrap_used)]

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::*;

const TOOLS: [&str; 3] = ["accept_offer", "report_outcome", "end_call"];

/// What is spoken, and what is called, of a text in pieces of so many characters.
fn read_in(text: &str, piece: usize) -> (String, Vec<(String, String)>) {
    let mut written = Written::new(&TOOLS, false);
    let characters: Vec<char> = text.chars().collect();
    let mut speech: String = characters.chunks(piece).map(|piece| written.push(&piece.iter().collect::<String>())).collect();
    let (rest, calls) = written.finish();
    speech.push_str(&rest);
    (speech, calls.into_iter().map(|call| (call.name, call.arguments)).collect())
}

pub(super) fn read(text: &str) -> (String, Vec<(String, String)>) {
    let whole = read_in(text, usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(read_in(text, piece), whole, "in pieces of {piece}: {text}");
    }
    whole
}

pub(super) fn speech(text: &str) -> String {
    let (speech, calls) = read(text);
    assert_eq!(calls, [], "{text}");
    speech.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn thoughts_are_not_spoken() {
    for text in [
        "<think>The user wants four. {\"x\":1}</think>Good evening.",
        "<think>\nHm < 5 > 4 </b>\n</think>\n\nGood evening.",
        "Good evening.<think>and on and on, without an end. accept_offer({})",
        "<thinking>a</thinking>Good <reasoning>b</reasoning>evening.",
        "<THINK>a</Think>Good evening.",
        "[THINK]a[/THINK]Good evening.",
        "◁think▷a◁/think▷Good evening.",
        "<|channel|>analysis<|message|>We should greet.<|end|><|start|>assistant<|channel|>final<|message|>Good evening.<|return|>",
        "<|channel|>commentary<|message|>Preamble.<|end|><|channel|>final<|message|>Good evening.",
        "<unused94>thought\nabc<unused95>Good evening.",
        "Good evening.<|im_end|>\n<|im_start|>user\nA table for four, please.",
        "Good evening.</s>",
        "Good evening.<end_of_turn>\n<start_of_turn>user\nHello",
        "<answer>Good evening.</answer>",
        "Good evening.<tool_response>{\"accepted\":true}</tool_response>",
        "Good evening.</thi",
        "<mm:think>a</mm:think>Good evening.",
        "<seed:think>a</seed:think>Good evening.",
        "<antThinking>a</antThinking>Good evening.",
        "<|START_THINKING|>a {\"x\": 1}<|END_THINKING|><|START_RESPONSE|>Good evening.<|END_RESPONSE|>",
        "<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>Good evening.<|end_of_solution|>",
        "<|inner_prefix|>a<|inner_suffix|>Good evening.",
        "<|channel>thought\nWe should < greet.\n<channel|>Good evening.",
        "Good evening.<turn|>\n<|turn>user\nHello",
        "analysisWe should greet.assistantfinalGood evening.",
        "<think>a</think></think>Good evening.",
    ] {
        assert_eq!(speech(text), "Good evening.", "{text}");
    }
}

#[test]
fn thoughts_whose_opening_the_server_leaves_out_are_noticed_and_held_back_the_next_time() {
    let mut first = Written::new(&TOOLS, false);
    first.push("I should greet.</think>Good evening.");
    assert!(first.thinks_without_opening());
    let mut second = Written::new(&TOOLS, true);
    assert_eq!(second.push("I should greet. <thi"), "");
    assert_eq!(second.push("nk></think>Good evening. "), "Good evening. ");
    for end in ["</thinking>", "[/THINK]", "◁/think▷", "<|END_THINKING|>", "<channel|>", "</mm:think>"] {
        let mut first = Written::new(&TOOLS, false);
        first.push(&format!("I should greet.{end}Good evening."));
        first.finish();
        assert!(first.thinks_without_opening(), "{end}");
        let mut second = Written::new(&TOOLS, true);
        assert_eq!(second.push(&format!("I should greet.{end}Good evening. ")), "Good evening. ", "{end}");
    }
    let mut twice = Written::new(&TOOLS, false);
    twice.push("<think>a</think>Good evening.</think> ");
    assert!(!twice.thinks_without_opening(), "they had a beginning");
    let mut whole = Written::new(&TOOLS, false);
    whole.is_whole();
    assert_eq!(whole.push("I should greet.</think>Good evening. "), "Good evening. ", "nothing of it had been spoken");
    let mut without = Written::new(&TOOLS, true);
    assert_eq!(without.push("Good evening."), "");
    assert_eq!(without.finish().0, "Good evening.");
}

#[test]
fn speech_is_let_go_at_once_and_left_as_it_is() {
    for text in [
        "We are 4 < 5, at 19:30 (or 20:00) – fine? [pause] *smiles* I accept, and end the call.",
        "Für vier Personen, a las ocho. Re: report_outcome, functions and all.",
        "I'd say: end of story",
        "analysis of the menu, a plan",
        "analysis",
    ] {
        assert_eq!(read(text), (text.to_owned(), vec![]));
    }
    let mut written = Written::new(&TOOLS, false);
    assert_eq!(written.push("A table for four, "), "A table for four, ");
    assert_eq!(written.push("a"), "", "perhaps accept_offer");
    assert_eq!(written.push("t eight. <"), "at eight. ");
    assert_eq!(written.push(" 5"), "< 5");
}

#[test]
fn a_call_written_as_text_is_a_call() {
    let object = r#"{"date": "2026-12-04", "time": "19:30", "party_size": 4}"#;
    let in_json = format!(r#"{{"name": "accept_offer", "arguments": {object}}}"#);
    for text in [
        format!("<tool_call>\n{in_json}\n</tool_call>"),
        format!("<tool_call>{in_json}"),
        format!("```json\n{in_json}\n```"),
        format!("```\n{in_json}\n```"),
        "```tool_code\nprint(default_api.accept_offer(date=\"2026-12-04\", time='19:30', party_size=4))\n```".to_owned(),
        in_json.clone(),
        format!("[{in_json}]"),
        format!("[TOOL_CALLS][{in_json}]"),
        format!("[TOOL_CALLS]accept_offer[ARGS]{object}"),
        format!("[TOOL_REQUEST]{in_json}[END_TOOL_REQUEST]"),
        format!("<function=accept_offer>{object}</function>"),
        format!("<function(accept_offer)>{object}</function>"),
        "<tool_call><function=accept_offer>\n<parameter=date>\n2026-12-04\n</parameter>\n<parameter=time>19:30</parameter><parameter=party_size>4</parameter></function></tool_call>".to_owned(),
        "<function_calls><invoke name=\"accept_offer\"><parameter name=\"date\">2026-12-04</parameter><parameter name=\"time\">19:30</parameter><parameter name=\"party_size\">4</parameter></invoke></function_calls>".to_owned(),
        "<tool_call>accept_offer\n<arg_key>date</arg_key>\n<arg_value>2026-12-04</arg_value><arg_key>time</arg_key><arg_value>19:30</arg_value><arg_key>party_size</arg_key><arg_value>4</arg_value></tool_call>".to_owned(),
        format!("functions.accept_offer({object})"),
        "accept_offer(date=\"2026-12-04\", time=\"19:30\", party_size=4)".to_owned(),
        "[accept_offer(date=\"2026-12-04\", time=\"19:30\", party_size=4)]".to_owned(),
        format!("accept_offer: {object}"),
        format!("<|python_tag|>{in_json}"),
        "<|python_tag|>accept_offer(date=\"2026-12-04\", time=\"19:30\", party_size=4)<|eom_id|>".to_owned(),
        format!("<|tool_calls_section_begin|><|tool_call_begin|>functions.accept_offer:0<|tool_call_argument_begin|>{object}<|tool_call_end|><|tool_calls_section_end|>"),
        format!("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>accept_offer\n```json\n{object}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        format!("<|channel|>analysis<|message|>ok<|end|><|start|>assistant<|channel|>commentary to=functions.accept_offer <|constrain|>json<|message|>{object}<|call|>"),
        format!(r#"{{"type":"function","function":{{"name":"accept_offer","parameters":{object}}}}}"#),
        format!(r#"{{"tool_calls":[{{"function":{{"name":"accept_offer","arguments":{}}}}}]}}"#, Value::from(object)),
        format!(r#"{{"accept_offer":{object}}}"#),
        "<|tool_call>call:accept_offer{date:<|\"|>2026-12-04<|\"|>,time:<|\"|>19:30<|\"|>,party_size:4}<tool_call|>".to_owned(),
        "<|channel>thought\nI accept.<|tool_call>call:accept_offer{date:<|\"|>2026-12-04<|\"|>,time:<|\"|>19:30<|\"|>,party_size:4}<tool_call|>".to_owned(),
        format!("<minimax:tool_call>{in_json}</minimax:tool_call>"),
        "<seed:tool_call><function=accept_offer><parameter=date>2026-12-04</parameter><parameter=time>19:30</parameter><parameter=party_size>4</parameter></function></seed:tool_call>".to_owned(),
        format!("<|START_ACTION|>[{{\"tool_call_id\": \"0\", \"tool_name\": \"accept_offer\", \"parameters\": {object}}}]<|END_ACTION|>"),
        r#"{"tool":"accept_offer","date":"2026-12-04","time":"19:30","party_size":4}"#.to_owned(),
    ] {
        let (speech, calls) = read(&format!("One moment. {text}"));
        assert_eq!(speech.trim_end_matches(['\n', ' ', ']']), "One moment.", "{text}");
        assert_eq!(calls.len(), 1, "{text}: {calls:?}");
        assert_eq!(calls[0].0, "accept_offer", "{text}");
        let arguments: Value = serde_json::from_str(&calls[0].1).unwrap_or_else(|_| panic!("{text}: {calls:?}"));
        assert_eq!(arguments, json!({"date": "2026-12-04", "time": "19:30", "party_size": 4}), "{text}");
    }
    let bare = format!("analysisFine.assistantcommentary to=functions.accept_offer json{object}assistantfinalOne moment.");
    assert_eq!(read(&bare).0, "One moment.");
    assert_eq!(read(&bare).1[0].0, "accept_offer");
    assert!(read(&bare).1[0].1.contains("19:30"), "{:?}", read(&bare));
    assert_eq!(read("<tool_call>{\"name\": \"end_call\"}</tool_call>").1, [("end_call".into(), "{}".into())]);
    let two =
        read("{\"name\":\"report_outcome\",\"arguments\":{\"outcome\":\"booked\"}}\n{\"name\":\"end_call\",\"arguments\":{}}");
    assert_eq!(two.1.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["report_outcome", "end_call"]);
}

#[test]
fn what_was_meant_as_a_call_and_is_none_is_not_spoken_and_cannot_run() {
    for (text, name) in [
        ("<tool_call>{\"name\": \"accept_offer\", \"arguments\": {\"date\"", "accept_offer"),
        ("accept_offer({\"date\": \"2026", "accept_offer"),
        ("accept_offer(the table at eight)", "accept_offer"),
        ("{\"name\": \"book_table\", \"arguments\": {}}", "book_table"),
        ("{\"date\": \"2026-12-04\"}", UNREADABLE),
        ("<tool_call>hm</tool_call>", UNREADABLE),
        ("```json\n{\"half\": \n```", UNREADABLE),
    ] {
        let (speech, calls) = read(&format!("Fine. {text}"));
        assert_eq!(speech.trim(), "Fine.", "{text}");
        assert_eq!(calls.len(), 1, "{text}");
        assert_eq!(calls[0].0, name, "{text}");
        let runs = TOOLS.contains(&name) && serde_json::from_str::<Value>(&calls[0].1).is_ok();
        assert!(!runs, "{text}: {calls:?}");
    }
    assert_eq!(speech("Good evening. ```python\nx = 1\n```"), "Good evening.", "nobody wants to hear code");
    assert_eq!(speech("```\nGood evening.\n```"), "Good evening.", "speech in a code fence is speech");
}

#[test]
fn any_text_cut_anywhere_comes_to_the_same() {
    let pieces = [
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "{",
        "}",
        "\"",
        "```",
        "`",
        "json\n",
        "[",
        "]",
        "accept_offer",
        "end_call",
        "(",
        ")",
        "functions.",
        "a",
        " ",
        "<|channel|>",
        "final",
        "<|message|>",
        "<|end|>",
        "<function=",
        ">",
        "<",
        "\n",
        "é",
        "[TOOL_CALLS]",
        ":",
        "name",
        "\\",
        "◁think▷",
        "<|start|>",
        " to=functions.end_call ",
        "analysis",
        "A",
        "assistantfinal",
        "<|channel>",
        "<channel|>",
        "<|tool_call>",
        "<|\"|>",
        "<mm:think>",
        "<|START_THINKING|>",
        "<|tool_call_begin|>",
        "Thought:",
        "Action: ",
        "Answer",
        "User:",
        "&am",
        "p;",
        "(Note:",
        ". ",
        "END_CALL",
        "{\"response\":\"",
        "<accept_offer>",
        "<guest_name>",
        "<｜DSML｜invoke name=\"end_call\">",
    ];
    let mut random = StdRng::seed_from_u64(5);
    for _ in 0..20_000 {
        let text: String = (0..random.random_range(1..14)).map(|_| pieces[random.random_range(0..pieces.len())]).collect();
        let (speech, _) = read(&text);
        assert!(!speech.contains("<think>") && !speech.contains("<tool_call>"), "{text:?}: {speech:?}");
    }
}
