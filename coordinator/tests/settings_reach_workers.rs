//! Every setting either reaches a worker, through its specification or its environment, or is the coordinator's own business.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use offhook_coordinator::{
    command::Command,
    settings::{command_line::Invocation, definitions::settings},
};
use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config};

/// Settings of the worker, each with a value that is not its default, and how it looks where the worker finds it.
const WORKERS: &[(&str, &str, &str)] = &[
    ("OFFHOOK_WORKER_DATABASE_URL", "postgres://worker@127.0.0.1:9/x", "\"database_url\":\"postgres://worker@127.0.0.1:9/x\""),
    ("OFFHOOK_MEDIA_ADDRESS", "127.0.0.1", "\"address\":\"127.0.0.1\""),
    ("OFFHOOK_PUBLIC_ADDRESS", "198.51.100.7", "\"public_address\":\"198.51.100.7\""),
    ("OFFHOOK_STUN", "stun.test:3479", "\"stun\":[\"stun.test\",3479]"),
    ("OFFHOOK_PORT_FIRST", "21000", "\"port_base\":21000"),
    ("OFFHOOK_PORT_LAST", "21003", "\"port_base\":21000"),
    ("OFFHOOK_PROVIDER_URL", "http://127.0.0.1:9/common", "\"base_url\":\"http://127.0.0.1:9/common\""),
    ("OFFHOOK_PROVIDER_KEY", "key-common", "\"key\":\"key-common\""),
    ("OFFHOOK_STT_MODEL", "ears", "\"model\":\"ears\""),
    ("OFFHOOK_CHAT_URL", "http://127.0.0.1:9/chat", "\"base_url\":\"http://127.0.0.1:9/chat\""),
    ("OFFHOOK_CHAT_KEY", "key-chat", "\"key\":\"key-chat\""),
    ("OFFHOOK_CHAT_MODEL", "mind", "\"model\":\"mind\""),
    ("OFFHOOK_TTS_URL", "http://127.0.0.1:9/speech", "\"base_url\":\"http://127.0.0.1:9/speech\""),
    ("OFFHOOK_TTS_KEY", "key-speech", "\"key\":\"key-speech\""),
    ("OFFHOOK_TTS_MODEL", "mouth", "\"model\":\"mouth\""),
    ("OFFHOOK_VOICES", "en=emma,de=dora", "[\"en\",\"emma\"],[\"de\",\"dora\"]"),
    ("OFFHOOK_TTS_RATE", "22050", "\"raw_voice_rate\":22050"),
    ("OFFHOOK_LIMIT_RING", "41s", "\"ring\":41000"),
    ("OFFHOOK_LIMIT_CALL", "4m", "\"call\":240000"),
    ("OFFHOOK_LIMIT_SILENCE", "13s", "\"silence\":13000"),
    ("OFFHOOK_LIMIT_PROVIDER_FIRST", "7s", "\"provider_first\":7000"),
    ("OFFHOOK_LIMIT_PROVIDER_STALL", "6s", "\"provider_stall\":6000"),
    ("OFFHOOK_LIMIT_MEDIA", "11s", "\"media\":11000"),
    ("OFFHOOK_LOG", "warn,offhook_sip=debug", "OFFHOOK_LOG=warn,offhook_sip=debug\n"),
];

/// Settings of the coordinator, which no worker needs. A key's file is the key given another way, and the recogniser's server is tried
/// by that of the others.
const COORDINATORS: &[&str] = &[
    "OFFHOOK_MIGRATE",
    "OFFHOOK_DATABASE_URL",
    "OFFHOOK_LISTEN_DATABASE_URL",
    "OFFHOOK_DATABASE_CONNECTIONS",
    "OFFHOOK_DATABASE_TIMEOUT",
    "OFFHOOK_LAUNCHER",
    "OFFHOOK_NAMESPACE",
    "OFFHOOK_HOST",
    "OFFHOOK_SPOOL",
    "OFFHOOK_SPOOL_ON_HOST",
    "OFFHOOK_SECRETS",
    "OFFHOOK_DOCKER_HOST",
    "OFFHOOK_IMAGE",
    "OFFHOOK_CONTAINER_USER",
    "OFFHOOK_CONTAINER_MEMORY_MB",
    "OFFHOOK_CONTAINER_PIDS",
    "OFFHOOK_WORKER_PROGRAM",
    "OFFHOOK_PARALLEL_STARTS",
    "OFFHOOK_STT_URL",
    "OFFHOOK_STT_KEY",
    "OFFHOOK_MAX_CALLS",
    "OFFHOOK_POLL",
    "OFFHOOK_LEASE",
    "OFFHOOK_STATEMENT_TIMEOUT",
    "OFFHOOK_ABANDONED_AFTER",
    "OFFHOOK_RETENTION_EVERY",
    "OFFHOOK_PROVIDER_PROBE",
    "OFFHOOK_DRAIN",
    "OFFHOOK_STOP_GRACE",
    // Workers write JSON, which their launcher keeps.
    "OFFHOOK_LOG_FORMAT",
];

#[test]
fn every_setting_is_a_workers_or_the_coordinators() {
    for setting in settings() {
        let name = setting.name.strip_suffix("_FILE").unwrap_or(&setting.name);
        let workers = WORKERS.iter().any(|(known, ..)| *known == name);
        assert!(
            workers != COORDINATORS.contains(&name),
            "{name} stands in one of the two lists: does a worker need it, and does it get it?"
        );
    }
}

/// The file of the settings is read, not the variables of this process.
#[tokio::test]
async fn what_the_file_of_the_settings_says_reaches_the_worker() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let file = spool.file("offhook.conf");
    let text: String = WORKERS.iter().map(|(name, value, _)| format!("{name}={value}\n")).collect();
    std::fs::write(&file, text).unwrap();
    let line = ["offhook", "--settings", file.to_str().unwrap(), "check"];
    let invocation = Invocation::read(line.into_iter().map(Into::into)).unwrap();
    let Command::Check(mut of_the_file) = invocation.line.command else { panic!("it is check") };
    // Where the test is: the database, the spool and the fake worker.
    let here = config(&database, &spool.0, &[]);
    of_the_file.config.launcher.launcher = here.launcher.launcher;
    of_the_file.config.launcher.worker_program = here.launcher.worker_program;
    of_the_file.config.launcher.spool = here.launcher.spool;
    of_the_file.config.launcher.secrets = here.launcher.secrets;
    of_the_file.config.database.database_url = here.database.database_url;
    of_the_file.config.queue = here.queue;
    let running = Running::start(&of_the_file.config).await;
    let id = database.insert_calls(1, "special_requests", "'play: environment'").await;
    let found = spool.file(&format!("environment-{id}-1"));
    until("the worker runs", || async { found.exists() }).await;
    let specification = std::fs::read_to_string(spool.file(&format!("{id}-1/attempt.json"))).unwrap();
    let all = specification + &std::fs::read_to_string(&found).unwrap();
    let missing: Vec<&str> = WORKERS.iter().filter(|(.., shown)| !all.contains(shown)).map(|(name, ..)| *name).collect();
    assert!(missing.is_empty(), "{missing:?} did not reach the worker: {all}");
    spool.go();
    running.drain().await;
}
