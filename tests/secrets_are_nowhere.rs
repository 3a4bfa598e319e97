//! During a call with every kind of secret there is: none is in the container's environment, labels, image, log or inspection, nor in
//! the coordinator's log, a table or a file that stays; and the container can do nothing it need not.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::Value;
use support::installation::Installation;

const TRUNK_PASSWORD: &str = "trunk-password-4711-never-shown";
const MODEL_KEY: &str = "model-key-0815-never-shown";
const DATABASE_PASSWORD: &str = "worker-password-1234-never-shown";

/// Everything that must not be seen, by name.
fn secrets(installation: &Installation, token: &str) -> Vec<(&'static str, String)> {
    let url = installation.database.url();
    let admin_password = url.expose().split_once("://").unwrap().1.split_once('@').and_then(|(user, _)| user.split_once(':'));
    let mut secrets = vec![
        ("the trunk's password", TRUNK_PASSWORD.to_owned()),
        ("the model's key", MODEL_KEY.to_owned()),
        ("the worker's database password", DATABASE_PASSWORD.to_owned()),
        ("the attempt's token", token.to_owned()),
    ];
    if let Some((_, password)) = admin_password {
        secrets.push(("the coordinator's database password", password.to_owned()));
    }
    secrets
}

fn none_of(secrets: &[(&'static str, String)], place: &str, text: &[u8]) {
    for (name, secret) in secrets {
        let found = text.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{name} is in {place}");
    }
}

#[tokio::test]
async fn a_call_with_secrets_shows_none_and_its_container_is_locked_in() {
    let installation = Installation::idle(&[]).await;
    let folder = installation.folder.join("secrets");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("carrier"), TRUNK_PASSWORD).unwrap();
    std::fs::set_permissions(folder.join("carrier"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let key = installation.folder.join("model-key");
    std::fs::write(&key, MODEL_KEY).unwrap();
    let login = format!("offhook_test_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    installation.run(&format!("create role {login} login password '{DATABASE_PASSWORD}' in role offhook_worker")).await;
    installation.run("update trunks set username = 'us', secret = 'carrier' where name = 'sandbox'").await;
    let url = installation.database.url();
    let host = url.expose().rsplit_once('@').map_or(url.expose(), |(_, host)| host).to_owned();
    let worker_url = installation.folder.join("worker-url");
    std::fs::write(&worker_url, format!("postgres://{login}:{DATABASE_PASSWORD}@{host}")).unwrap();

    let installation = installation
        .with_settings(&[
            ("OFFHOOK_SECRETS", folder.to_str().unwrap()),
            ("OFFHOOK_PROVIDER_KEY_FILE", key.to_str().unwrap()),
            ("OFFHOOK_WORKER_DATABASE_URL_FILE", worker_url.to_str().unwrap()),
        ])
        .await;
    let number = "+442079460101";
    let call = installation.insert(number, &[("trunk", "'sandbox'"), ("guest_phone", "'+4915112345678'")]).await;
    installation.talking(call).await;

    let containers = installation.containers();
    let [container] = &containers[..] else { panic!("one container: {containers:?}") };
    let specification = std::fs::read_to_string(installation.folder.join(format!("spool/{call}-1/attempt.json"))).unwrap();
    let handed: Value = serde_json::from_str(&specification).unwrap();
    let token = handed["token"].as_str().expect("the worker is handed its token").to_owned();
    assert!(
        specification.contains(TRUNK_PASSWORD) && specification.contains(MODEL_KEY) && specification.contains(DATABASE_PASSWORD)
    );
    let secrets = secrets(&installation, &token);

    let logged = std::fs::File::create(installation.folder.join("container.log")).unwrap();
    let mut following = Command::new("docker")
        .args(["-H", &std::env::var("OFFHOOK_TEST_DOCKER_HOST").unwrap(), "logs", "-f", container])
        .stdout(logged.try_clone().unwrap())
        .stderr(logged)
        .spawn()
        .unwrap();

    let inspected = installation.docker(&["inspect", container]);
    none_of(&secrets, "docker inspect", inspected.as_bytes());
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    let inspected = &inspected[0];
    // How workers log is no secret; all else is handed over in a file.
    let environment = inspected["Config"]["Env"].as_array().unwrap().iter().map(|variable| variable.as_str().unwrap());
    let beyond: Vec<&str> = environment
        .filter(|variable| !["PATH=", "OFFHOOK_LOG=", "RUST_BACKTRACE="].iter().any(|known| variable.starts_with(known)))
        .collect();
    assert!(beyond.is_empty(), "{beyond:?}");
    let labels = inspected["Config"]["Labels"].as_object().unwrap();
    assert!(labels.keys().all(|name| name.starts_with("offhook")), "{labels:?}");
    none_of(&secrets, "the process list", installation.docker(&["top", container, "-eo", "args"]).as_bytes());

    let host = &inspected["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]));
    assert_eq!((&host["CapAdd"], &host["Privileged"]), (&Value::Null, &Value::Bool(false)));
    let options: Vec<&str> = host["SecurityOpt"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(options.contains(&"no-new-privileges") && !options.iter().any(|option| option.contains("unconfined")), "{options:?}");
    assert!(host["PidsLimit"].as_i64().is_some_and(|pids| (1..=256).contains(&pids)), "{}", host["PidsLimit"]);
    assert!(host["Memory"].as_i64().is_some_and(|bytes| bytes > 0) && host["MemorySwap"] == host["Memory"]);
    assert!(host["Devices"].as_array().is_none_or(Vec::is_empty));
    let user = inspected["Config"]["User"].as_str().unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");

    // What the kernel says of the process itself.
    let pid = inspected["State"]["Pid"].as_i64().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line =
            status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_else(|| panic!("{name} in {status}"));
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(capabilities), 16).unwrap(), 0, "{capabilities}");
    }
    assert_eq!((field("NoNewPrivs").as_str(), field("Seccomp").as_str()), ("1", "2"), "2 is a filter");
    assert!(field("Uid").split_whitespace().all(|id| id == "65534"), "{}", field("Uid"));
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    none_of(&secrets, "the process's environment", &environment);
    assert!(std::fs::write(format!("/proc/{pid}/root/probe"), b"").is_err(), "the root is read-only, even for root");

    // The specification is for the worker's eyes only.
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let spool = installation.folder.join("spool");
    assert_eq!(mode(&spool.join(format!("{call}-1"))), 0o700);
    assert_eq!(mode(&spool.join(format!("{call}-1/attempt.json"))), 0o400);
    // What was said is for its owner's eyes only, and the passwords are not in it even while the call talks.
    let log = spool.join(format!("{call}-1/events.jsonl"));
    offhook_test_database::until("the call has an event log", || async { log.is_file() }).await;
    assert_eq!(mode(&log), 0o600);
    for file in ["events.jsonl", "recording.opus"] {
        none_of(&secrets, file, &std::fs::read(spool.join(format!("{call}-1/{file}"))).unwrap());
    }

    let image = std::env::var("OFFHOOK_TEST_IMAGE").unwrap();
    let saved = installation.folder.join("image.tar");
    installation.docker(&["save", "-o", saved.to_str().unwrap(), &image]);
    none_of(&secrets, "the image", &std::fs::read(&saved).unwrap());
    std::fs::remove_file(saved).unwrap();

    let result = installation.settled(call).await;
    following.wait().unwrap();
    for entry in std::fs::read_dir(&installation.folder).unwrap().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "log") && !path.ends_with("sandbox.log") {
            let log = std::fs::read(&path).unwrap();
            none_of(&secrets, &path.display().to_string(), &log);
            let log = String::from_utf8_lossy(&log);
            assert!(!log.contains(number) && !log.contains("+4915112345678"), "a whole number is in {}", path.display());
        }
    }
    for table in installation.database.tables().await {
        let rows = installation.ask(&format!("select coalesce(string_agg(t::text, ' '), '') from {table} t")).await;
        none_of(&secrets, &table, rows.as_bytes());
    }
    installation.no_container_is_left().await;
    let mut looked_through = BTreeSet::new();
    for entry in std::fs::read_dir(&spool).unwrap().flatten() {
        for file in std::fs::read_dir(entry.path()).unwrap().flatten() {
            none_of(&secrets, &file.path().display().to_string(), &std::fs::read(file.path()).unwrap());
            looked_through.insert(file.path().canonicalize().unwrap());
        }
    }
    let (log, recording) = (result.event_log.unwrap(), result.recording.unwrap());
    assert!(looked_through.contains(&log) && looked_through.contains(&recording), "{looked_through:?}");
    let said = installation.transcript(call).await.into_iter().find(|said| said.speaker == "callee").unwrap().text;
    assert!(std::fs::read_to_string(&log).unwrap().contains(&said), "the log holds the conversation");
    assert_eq!((mode(log.parent().unwrap()), mode(&log)), (0o700, 0o600));
    installation.run(&format!("drop role {login}")).await;
}
