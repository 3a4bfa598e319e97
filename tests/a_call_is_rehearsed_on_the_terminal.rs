//! `offhook rehearse`: the conversation of a call by text, with the sandbox's model. It is logged and replayed, led by a program, and
//! leaves the row as it is.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use support::installation::{Installation, binary};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    time::timeout,
};

/// A conversation without sound takes seconds.
const REHEARSED_WITHIN: Duration = Duration::from_secs(60);

/// `offhook rehearse …` with the model of the sandbox, and no database.
fn rehearse(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("offhook"));
    command.arg("rehearse").args(arguments).stdin(Stdio::null()).env_remove("OFFHOOK_DATABASE_URL");
    command.env("OFFHOOK_PROVIDER_URL", format!("http://{}/v1", installation.http)).env("OFFHOOK_CHAT_MODEL", "sandbox-talker");
    command
}

/// The same with the installation's database.
fn rehearse_row(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = rehearse(installation, arguments);
    command.env("OFFHOOK_DATABASE_URL", installation.database.url().expose());
    command
}

/// What it wrote, where it succeeded.
async fn out(command: Command) -> String {
    let output = ended(command).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it wrote on standard error, where it failed as it should.
async fn failure(command: Command) -> String {
    let output = ended(command).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

async fn ended(command: Command) -> Output {
    let mut command = tokio::process::Command::from(command);
    timeout(REHEARSED_WITHIN, command.kill_on_drop(true).output()).await.expect("it ends in time").expect("it starts")
}

fn replay(log: &Path) -> Output {
    Command::new(binary("offhook-worker")).arg("replay").arg(log).output().unwrap()
}

#[tokio::test]
async fn a_script_leads_to_an_agreement_whose_log_replays() {
    let installation = Installation::idle(&[]).await;
    let (script, log) = (installation.folder.join("restaurant.txt"), installation.folder.join("events.jsonl"));
    let lines = [
        "# Offers another time.",
        "Hello, this is The Golden Lion, Mary speaking.",
        "At that time we are full, but we could offer you 20:00 instead.",
        "",
        "Under what name, please?",
        "Very good, I have booked the table for you. Thank you, goodbye.",
    ];
    fs::write(&script, lines.join("\n")).unwrap();
    let arguments = ["--script", script.to_str().unwrap(), "--event-log", log.to_str().unwrap()];
    let shown = out(rehearse(&installation, &arguments)).await;
    println!("{shown}");
    let says = |who: &str, words: &str| shown.lines().any(|line| line.starts_with(who) && line.contains(words));
    assert!(says("agent ", "automated assistant calling on behalf of Ada Winter"));
    assert!(says("restaurant ", "we could offer you 20:00 instead") && !shown.contains("Offers another time."));
    assert!(says("  tool 1 ", "accept_offer") && says("  tool 1 ", "→ {\"accepted\":true"));
    assert!(says("outcome ", "booked_alternative"));

    let same = replay(&log);
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stdout));
    assert!(String::from_utf8_lossy(&same.stdout).contains("the same actions: answered, booked_alternative"));

    // The first sentence the log wanted spoken is another one now.
    let written = fs::read_to_string(&log).unwrap();
    let before = "Hello, this is an automated assistant";
    let (at, line) = written.lines().enumerate().find(|(_, line)| line.contains("\"speak\"") && line.contains(before)).unwrap();
    let changed = installation.folder.join("changed.jsonl");
    fs::write(&changed, written.replacen(line, &line.replacen(before, "Hello, this is nobody", 1), 1)).unwrap();
    let different = replay(&changed);
    let said = String::from_utf8(different.stdout).unwrap();
    assert_eq!(different.status.code(), Some(1), "{said}");
    assert!(said.starts_with(&format!("line {at}: after {{")), "the event before line {}: {said}", at + 1);
    let (logged, replayed) = said.split_once("and the mind says").unwrap();
    assert!(logged.contains("Hello, this is nobody") && replayed.contains(before), "{said}");

    let taken = failure(rehearse(&installation, &arguments)).await;
    assert!(taken.contains("events.jsonl") && taken.contains("exists"), "a log is not written over: {taken}");
}

#[tokio::test]
async fn a_program_plays_the_restaurant_and_the_row_stays_as_it_is() {
    let installation = Installation::idle(&[]).await;
    let call = installation.insert("+442079460101", &[("max_attempts", "3")]).await;
    let everything = format!(
        "select jsonb_build_object('call', to_jsonb(c),
                'events', (select count(*) from events where call_id = c.id), 'attempts', (select count(*) from attempts where call_id = c.id),
                'turns', (select count(*) from turns where call_id = c.id),
                'tool_calls', (select count(*) from tool_calls where call_id = c.id))::text
           from calls c where id = {call}"
    );
    let before = installation.ask(&everything).await;

    let command = rehearse_row(&installation, &[&call.to_string(), "--json"]);
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut program = command.spawn().unwrap();
    let mut says = program.stdin.take().unwrap();
    let mut shown = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut answers = [
        json!({ "say": "Hello, this is The Golden Lion, Mary speaking." }),
        // Is told what it may write, and has its turn still.
        json!({ "sing": "Hello" }),
        json!({ "say": "Yes, we have a table for you. Under what name, please?" }),
        json!({ "say": "Wonderful, your table is booked. Thank you, goodbye." }),
        json!({ "hang_up": true }),
    ]
    .into_iter();
    let conversation = async {
        let mut all: Vec<Value> = Vec::new();
        while let Some(line) = shown.next_line().await.unwrap() {
            let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            println!("{told}");
            all.push(told);
            if all.last() == Some(&json!({ "your_turn": true })) {
                let answer = answers.next().expect("the conversation ends");
                says.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
                if answer.get("sing").is_some() {
                    let answer = answers.next().unwrap();
                    says.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
                }
            }
        }
        all
    };
    let all = timeout(REHEARSED_WITHIN, conversation).await.expect("it ends in time");
    let output = program.wait_with_output().await.unwrap();
    let refused = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{refused}");
    assert!(refused.contains("not understood") && refused.contains("{\"say\": \"…\"} or {\"hang_up\": true}"), "{refused}");
    let end = &all.last().unwrap()["end"];
    assert_eq!((&end["disposition"], &end["outcome"]["outcome"]), (&json!("answered"), &json!("booked")), "{end}");
    assert!(all.iter().any(|told| told["tool"]["name"] == "accept_offer"), "{all:#?}");
    assert!(all.iter().any(|told| told["say"].as_str().is_some_and(|text| text.contains("Ada Winter"))), "the row's guest");

    assert_eq!(installation.ask(&everything).await, before, "the row, and what belongs to it");
}

#[tokio::test]
async fn lines_that_are_piped_all_at_once_are_said_one_by_one() {
    let installation = Installation::idle(&[]).await;
    let lines = "Hello, this is The Golden Lion, Mary speaking.\nAt that time we are full, but we could offer you 20:00 instead.\n\
                 Under what name, please?\nVery good, I have booked the table for you. Thank you, goodbye.\n";
    let mut command = tokio::process::Command::from(rehearse(&installation, &[]));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut program = command.spawn().unwrap();
    let mut says = program.stdin.take().unwrap();
    says.write_all(lines.as_bytes()).await.unwrap();
    drop(says);
    let output = timeout(REHEARSED_WITHIN, program.wait_with_output()).await.expect("it ends in time").unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("outcome ") && line.contains("booked_alternative")), "{shown}");
}

/// A request as a file of its own.
fn request() -> Value {
    json!({
        "number": "+493023125101", "restaurant_name": "Goldener Löwe", "restaurant_zone": "Europe/Berlin", "guest_name": "Ada Winter",
        "guest_phone": "+4915112345678", "party_size": 4, "wanted_date": "2030-12-04", "wanted_time": "19:30:00",
    })
}

#[tokio::test]
async fn a_request_in_a_file_is_negotiated_in_german_without_a_database() {
    let installation = Installation::idle(&[]).await;
    let (file, script) = (installation.folder.join("request.json"), installation.folder.join("restaurant.txt"));
    let mut hinted = request();
    hinted["language_hint"] = json!("en");
    fs::write(&file, hinted.to_string()).unwrap();
    let lines = [
        "Restaurant Goldener Löwe, guten Tag, Sie sprechen mit Maria.",
        "Ja, da haben wir einen Tisch für Sie. Auf welchen Namen, bitte?",
        "Wunderbar, Ihr Tisch ist reserviert. Vielen Dank, auf Wiederhören.",
    ];
    fs::write(&script, lines.join("\n")).unwrap();
    let (file, script) = (file.to_str().unwrap(), script.to_str().unwrap());
    let shown = out(rehearse(&installation, &[file, "--language", "de", "--script", script])).await;
    println!("{shown}");
    let agent: String = shown.lines().filter(|line| line.starts_with("agent ")).collect::<Vec<_>>().join("\n");
    assert!(agent.contains("hier ist ein automatischer Assistent im Auftrag von Ada Winter"), "{agent}");
    assert!(agent.contains("Tisch") && !agent.contains("assistant") && !agent.contains("table"), "German throughout: {agent}");
    assert!(shown.lines().any(|line| line.starts_with("outcome ") && line.ends_with(" booked")), "{shown}");
}

#[tokio::test]
async fn what_cannot_be_rehearsed_is_told_with_what_to_change() {
    let installation = Installation::idle(&[]).await;
    let path = |name: &str| installation.folder.join(name).to_str().unwrap().to_owned();
    let unknown = failure(rehearse_row(&installation, &["4711", "--json"])).await;
    assert!(unknown.contains("there is no call 4711; `offhook call list` shows them"), "{unknown}");

    let missing = failure(rehearse(&installation, &[&path("nowhere.json")])).await;
    assert!(missing.contains("nowhere.json: No such file"), "{missing}");
    let no_script = failure(rehearse(&installation, &["--script", &path("nowhere.txt")])).await;
    assert!(no_script.contains("nowhere.txt: No such file"), "{no_script}");

    let mut wrong = request();
    wrong["guests"] = json!(4);
    fs::write(path("wrong.json"), wrong.to_string()).unwrap();
    let column = failure(rehearse(&installation, &[&path("wrong.json")])).await;
    assert!(column.contains("wrong.json holds no request: unknown field `guests`, expected one of `number`"), "{column}");

    let mut elsewhere = request();
    elsewhere["restaurant_zone"] = json!("Europe/Atlantis");
    fs::write(path("elsewhere.json"), elsewhere.to_string()).unwrap();
    let zone = failure(rehearse(&installation, &[&path("elsewhere.json")])).await;
    assert!(zone.contains("Europe/Atlantis"), "{zone}");

    elsewhere["restaurant_zone"] = json!("Asia/Tokyo");
    fs::write(path("elsewhere.json"), elsewhere.to_string()).unwrap();
    let zone = failure(rehearse(&installation, &[&path("elsewhere.json")])).await;
    assert!(zone.contains("is not a time zone of the country the number is in (DE): it has Europe/Berlin"), "{zone}");
}
