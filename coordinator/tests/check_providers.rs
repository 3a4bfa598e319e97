//! `offhook check` asks the providers what a call asks them, and says which setting has to change. `offhook run` calls nobody before they
//! work.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;
#[path = "support/model_server.rs"]
mod model_server;
#[path = "support/service.rs"]
mod service;

use command::offhook;
use model_server::{Manner, ModelServer};
use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config, told};

/// `offhook check` with these further arguments: its lines about providers, and all it wrote on standard error.
async fn check(database: &TestDatabase, spool: &str, further: &[&str]) -> (Vec<String>, String) {
    let mut line = vec!["check", "--launcher", "process", "--worker-program", env!("CARGO_BIN_EXE_offhook"), "--spool", spool];
    line.extend(["--voices", "en=alloy,de=onyx"]);
    line.extend(further);
    let output = tokio::task::block_in_place(|| offhook(database, &line));
    let text = String::from_utf8(output.stdout).unwrap();
    let about = |line: &&str| {
        ["speech", "text to", "conversation", "providers", "spool"].iter().any(|subject| line[5..].starts_with(subject))
    };
    (text.lines().filter(about).map(str::to_owned).collect(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_setting_that_has_to_change() {
    let database = TestDatabase::new().await;
    let server = ModelServer::start(Manner::Works).await;
    let spool = std::env::temp_dir().join(format!("offhook-unmade-{}", uuid::Uuid::new_v4().simple()));
    let spool = spool.to_str().unwrap();
    let url = server.url();
    let without_v1 = format!("http://{}", server.address);
    let (works, said) = check(&database, spool, &["--provider-url", &url]).await;
    assert_eq!(works.len(), 6, "{works:#?}");
    assert!(works.iter().all(|line| line.starts_with("ok ")), "{works:#?}");
    assert_eq!(said, "", "nothing but the findings");
    assert!(works[0].contains("would be created") && !std::path::Path::new(spool).exists(), "{works:#?}");

    let refused = "http://127.0.0.1:9/v1";
    let (tls, unknown) = (url.replace("http", "https"), "http://no-such-host.invalid/v1");
    let cases: &[(Manner, &[&str], &[&str])] = &[
        (Manner::Works, &["--provider-url", &without_v1], &["OFFHOOK_PROVIDER_URL lacks /v1: set it to http://"]),
        (Manner::Works, &["--chat-url", &without_v1], &["OFFHOOK_CHAT_URL lacks /v1"]),
        (Manner::Works, &["--chat-model", "missing"], &["no model \"missing\"", "OFFHOOK_CHAT_MODEL", "good, better"]),
        (
            Manner::Works,
            &["--tts-model", "missing"],
            &["speech en, de", "no model \"missing\"", "OFFHOOK_TTS_MODEL", "good, better"],
        ),
        (Manner::WantsAKey, &[], &["no key is set", "OFFHOOK_PROVIDER_KEY_FILE"]),
        (Manner::WantsAKey, &["--provider-key", "wrong"], &["the key in OFFHOOK_PROVIDER_KEY is not the right one"]),
        (Manner::IsAWebsite, &[], &["a page"]),
        (Manner::VoiceIsSilent, &[], &["OFFHOOK_VOICES"]),
        (Manner::VoiceIsTooShort, &[], &["text to speech en", "100 ms of sound for 26 letters"]),
        (Manner::RecogniserMishears, &[], &["Where is the station?", "OFFHOOK_STT_MODEL"]),
        (Manner::ModelHasNoTools, &[], &["called none", "OFFHOOK_CHAT_MODEL"]),
        (Manner::ModelDoesNotStream, &[], &["one piece and not streamed"]),
        (
            Manner::ModelRefusesTools,
            &[],
            &["conversation, tools", "tiny does not support tools", "OFFHOOK_CHAT_MODEL", "works with this model"],
        ),
        (Manner::ModelNeedsAnOption, &[], &["called none", "--enable-auto-tool-choice and the --tool-call-parser"]),
        (Manner::ModelFails, &[], &["failed with 500", "out of memory"]),
        (Manner::Works, &["--chat-url", refused], &["nothing listens there", "check OFFHOOK_CHAT_URL,"]),
        (Manner::Works, &["--provider-url", refused], &["nothing listens there", "check OFFHOOK_PROVIDER_URL,"]),
        (Manner::Works, &["--chat-url", &tls], &["http:// instead of https://"]),
        (Manner::Works, &["--chat-url", unknown], &["DNS"]),
    ];
    let mut unsaid = Vec::new();
    for (manner, further, words) in cases {
        server.set(*manner);
        let base: &[&str] = if further.contains(&"--provider-url") { &[] } else { &["--provider-url", &url] };
        let (lines, _) = check(&database, spool, &[base, further].concat()).await;
        let mut failed = lines.iter().filter(|line| line.starts_with("FAIL"));
        if !failed.any(|line| words.iter().all(|word| line.contains(word))) {
            unsaid.push(format!("{manner:?} {further:?}: nothing says {words:?}: {lines:#?}"));
        }
    }
    assert!(unsaid.is_empty(), "{}", unsaid.join("\n"));
}

#[tokio::test]
async fn nobody_is_claimed_before_the_providers_work_and_they_are_asked_again() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let server = ModelServer::start(Manner::ModelFails).await;
    let id = database.insert_calls(1, "", "").await;
    let url = server.url();
    let settings = config(&database, &spool.0, &["--provider-url", &url, "--provider-probe", "true"]);
    let running = Running::start(&settings).await;
    told("the providers were asked", &running.signals.probed, 2).await;
    assert_eq!(database.state(id).await.0, "queued");
    let why: String = database.one(format!("select offhook_why_not_yet({id})")).await;
    assert!(why.contains("language model") && why.contains("out of memory"), "{why}");
    server.set(Manner::Works);
    until("it is claimed", || async { database.state(id).await.0 == "claimed" }).await;
    spool.go();
    running.drain().await;
    let states: Vec<String> = sqlx::query_scalar("select state from provider_status").fetch_all(&database.pool).await.unwrap();
    assert_eq!(states, ["works", "works", "works"]);
}

#[tokio::test]
async fn the_first_call_waits_for_one_round_of_questions_and_no_longer() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let server = ModelServer::start(Manner::Works).await;
    let id = database.insert_calls(1, "", "").await;
    let url = server.url();
    let settings = config(&database, &spool.0, &["--provider-url", &url, "--provider-probe", "true"]);
    let begun = std::time::Instant::now();
    let running = Running::start(&settings).await;
    until("it is claimed", || async { database.state(id).await.0 == "claimed" }).await;
    println!("claimed {} ms after the start", begun.elapsed().as_millis());
    assert_eq!(server.asked(), 3, "one sentence said, one heard, one question");
    spool.go();
    running.drain().await;
    assert_eq!(server.asked(), 3, "while everything works nobody is asked again");
}

#[tokio::test]
async fn what_the_probe_has_learned_of_a_server_no_call_learns_again() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let server = ModelServer::start(Manner::ModelIsNew).await;
    let id = database.insert_calls(1, "special_requests", "'play: wait'").await;
    let url = server.url();
    let running = Running::start(&config(&database, &spool.0, &["--provider-url", &url, "--provider-probe", "true"])).await;
    until("the worker runs", || async { spool.file(&format!("started-{id}-1")).exists() }).await;
    let specification = std::fs::read(spool.file(&format!("{id}-1/attempt.json"))).unwrap();
    let specification: offhook::attempt::AttemptSpecification = serde_json::from_slice(&specification).unwrap();
    let asked = server.asked();
    let providers = offhook_providers::Providers::new(&specification.providers, &specification.limits).unwrap();
    let (question, tools) = offhook_coordinator::probe::question();
    offhook_coordinator::probe::ask(&providers, &question, &tools).await.unwrap();
    assert_eq!(server.asked(), asked + 1, "the worker's first request is one that the server takes");
    spool.go();
    running.drain().await;
}

/// With the probe switched off the pause of an open circuit breaker ends by itself.
#[tokio::test]
async fn without_probes_the_pause_ends_and_the_next_call_finds_out() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let server = "http://127.0.0.1:9/v1";
    database
        .run(format!(
            "insert into provider_breakers (provider, server, failures, pauses, paused_until, reason) \
             values ('chat', '{server}', 2, 1, now() + interval '1 second', 'it failed')"
        ))
        .await;
    let id = database.insert_calls(1, "", "").await;
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    until("it is claimed", || async { database.state(id).await.0 == "claimed" }).await;
    let after: bool = database
        .one("select (select created_at from attempts) > (select min(created_at) from calls) + interval '900 ms' and failures = 1 from provider_breakers")
        .await;
    assert!(after, "not before the pause was over, and one more spoiled call opens it again");
    spool.go();
    running.drain().await;
}
