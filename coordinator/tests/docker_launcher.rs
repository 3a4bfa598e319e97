//! Workers as containers, on a real Docker Engine: OFFHOOK_TEST_DOCKER_HOST says where it is, as in `unix:///run/test/docker.sock`.
//!
//! The image is made here, from this machine's shell and a script that plays the worker.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use bollard::{Docker, models::ContainerInspectResponse};
use offhook_coordinator::config::{Config, launcher::LauncherKind};
use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config};

/// Where the engine is.
fn docker_host() -> String {
    std::env::var("OFFHOOK_TEST_DOCKER_HOST")
        .expect("OFFHOOK_TEST_DOCKER_HOST names a Docker Engine to test with; `make test` starts one")
}

/// An image with this machine's shell and the few programs the worker's script needs, each with the libraries it is linked to.
fn image(name: &str) -> String {
    let root = std::env::temp_dir().join(format!("offhook-image-{}", uuid::Uuid::new_v4().simple()));
    let put = |path: &Path| {
        let target = root.join(path.strip_prefix("/").unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(path, &target).unwrap();
    };
    for program in ["/bin/sh", "/bin/cat", "/bin/mv", "/bin/sleep", "/usr/bin/dirname", "/usr/bin/basename", "/bin/touch"] {
        put(Path::new(program));
        let linked = Command::new("ldd").arg(program).output().unwrap();
        let linked = String::from_utf8(linked.stdout).unwrap();
        linked.split_whitespace().filter(|word| word.starts_with('/')).for_each(|library| put(Path::new(library)));
    }
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_worker.sh"), root.join("worker")).unwrap();
    let tar = Command::new("tar").arg("-C").arg(&root).args(["-c", "."]).output().unwrap();
    assert!(tar.status.success());
    let mut import = Command::new("docker")
        .args(["-H", &docker_host(), "import", "-", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(&tar.stdout).unwrap();
    assert!(import.wait().unwrap().success());
    std::fs::remove_dir_all(&root).unwrap();
    name.to_owned()
}

/// A coordinator that starts containers of `image`, and a namespace that no other test has.
fn settings(database: &TestDatabase, spool: &TestSpool, image: &str) -> Config {
    let namespace = format!("t{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut config = config(database, &spool.0, &["--image", image, "--namespace", &namespace, "--docker-host", &docker_host()]);
    config.launcher.launcher = LauncherKind::Docker;
    config.launcher.worker_program = Some("/worker".into());
    config
}

async fn engine() -> Docker {
    Docker::connect_with_host(&docker_host()).unwrap().negotiate_version().await.unwrap()
}

async fn container(config: &Config, id: i64) -> Option<ContainerInspectResponse> {
    let name = format!("{}-offhook-{id}-1", config.launcher.namespace);
    engine().await.inspect_container(&name, None).await.ok()
}

async fn runs(config: &Config, id: i64) -> bool {
    container(config, id).await.and_then(|container| container.state?.running) == Some(true)
}

async fn is_settled(database: &TestDatabase, id: i64) -> bool {
    database.one(format!("select exists (select from attempts where call_id = {id} and settled_at is not null)")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_runs_in_a_hardened_container_that_is_gone_afterwards() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let image = image("offhook-test:hardened");
    let settings = settings(&database, &spool, &image);
    let running = Running::start(&settings).await;
    let id = database.insert_calls(1, "special_requests", "'play: deaf'").await;
    until("the container runs", || runs(&settings, id)).await;

    let found = container(&settings, id).await.unwrap();
    let (host, made) = (found.host_config.unwrap(), found.config.unwrap());
    assert_eq!(host.readonly_rootfs, Some(true));
    assert_eq!(host.cap_drop, Some(vec!["ALL".into()]));
    assert!(host.security_opt.unwrap().iter().any(|option| option.starts_with("no-new-privileges")));
    assert_eq!((host.memory, host.pids_limit), (Some(128 << 20), Some(64)));
    assert_eq!((host.network_mode.as_deref(), host.auto_remove), (Some("host"), Some(false)));
    assert_eq!(host.log_config.unwrap().typ.as_deref(), Some("local"));
    assert_eq!(made.user.as_deref(), Some("65534:65534"));
    let labels = made.labels.clone().unwrap();
    assert_eq!((labels["offhook.call"].clone(), labels["offhook.attempt"].clone()), (id.to_string(), "1".to_owned()));

    // The specification is readable for the container's user, and its secrets are nowhere else.
    let path = spool.file(&format!("{id}-1/attempt.json"));
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap());
    assert_eq!(owner, 65534);
    let specification: offhook::attempt::AttemptSpecification = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(specification.spool, Path::new("/spool"));
    let log = format!("OFFHOOK_LOG={}", settings.launcher.log);
    assert!(made.env.as_ref().is_some_and(|env| env.contains(&log)), "{:?}", made.env);
    let shown = format!("{:?} {:?} {:?}", made.env, made.cmd, labels);
    assert!(!shown.contains(specification.token.expose()) && !shown.contains(specification.database_url.expose()));

    engine().await.kill_container(&format!("{}-offhook-{id}-1", settings.launcher.namespace), None).await.unwrap();
    until("it is settled", || is_settled(&database, id)).await;
    assert_eq!(
        database.one::<String>("select detail from attempts").await,
        "the worker ended with exit code 137 without telling how the call went"
    );
    running.drain().await;
    assert!(container(&settings, id).await.is_none(), "removed after settling");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_comes_out_of_a_container_and_the_recording_gets_the_machines_path() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = settings(&database, &spool, &image("offhook-test:result"));
    let running = Running::start(&settings).await;
    let id = database.insert_calls(1, "special_requests", "'play: booked'").await;
    until("it is settled", || is_settled(&database, id)).await;
    let (outcome, uri): (String, String) =
        sqlx::query_as("select outcome::text, recording from call_results").fetch_one(&database.pool).await.unwrap();
    let path = spool.file(&format!("{id}-1/recording.opus")).canonicalize().unwrap();
    assert_eq!((outcome.as_str(), uri), ("booked", format!("file://{}", path.display())));

    for _ in 0..10 {
        let id = database.insert_calls(1, "special_requests", "'play: busy'").await;
        until("it is settled", || is_settled(&database, id)).await;
    }
    let median: f64 = database
        .one(
            "select percentile_cont(0.5) within group (order by extract(epoch from a.launched_at - c.created_at) * 1000) \
             from attempts a join calls c on c.id = a.call_id where c.id > 1",
        )
        .await;
    println!("INSERT to started container: median {median:.0} ms");
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_outlives_its_coordinator_and_is_adopted() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = settings(&database, &spool, &image("offhook-test:adopted"));
    let first = Running::start(&settings).await;
    let id = database.insert_calls(1, "special_requests", "'play: deaf'").await;
    until("the container runs", || runs(&settings, id)).await;
    first.leave().await;
    assert!(runs(&settings, id).await);
    let second = Running::start(&settings).await;
    until("it is taken over", || async {
        database.one::<bool>("select lease_until > clock_timestamp() + interval '500 ms' from calls").await
    })
    .await;
    std::fs::write(
        spool.file(&format!("{id}-1/report.json")),
        r#"{"disposition":"busy","sip_code":486,"sip_reason":null,"detail":null,"codec":null,"media":null,"recording":null}"#,
    )
    .unwrap();
    engine().await.kill_container(&format!("{}-offhook-{id}-1", settings.launcher.namespace), None).await.unwrap();
    until("it is settled", || is_settled(&database, id)).await;
    assert_eq!(database.one::<String>("select disposition::text from attempts").await, "busy");
    second.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_of_nobody_is_removed_and_those_of_others_are_left_alone() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let image = image("offhook-test:orphans");
    let (ours, others) = (settings(&database, &spool, &image), settings(&database, &spool, &image));
    let first = Running::start(&ours).await;
    let id = database.insert_calls(1, "special_requests", "'play: deaf'").await;
    until("the container runs", || runs(&ours, id)).await;
    first.leave().await;
    database.run_unruled(format!("delete from calls where id = {id}")).await;

    let strangers = Running::start(&others).await;
    let theirs = database.insert_calls(1, "special_requests", "'play: busy'").await;
    until("they have looked around", || is_settled(&database, theirs)).await;
    assert!(runs(&ours, id).await, "another namespace is another installation");
    strangers.drain().await;

    let second = Running::start(&ours).await;
    until("it is removed", || async { container(&ours, id).await.is_none() }).await;
    second.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_image_calls_wait_and_say_why() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = settings(&database, &spool, "offhook-test:nowhere");
    let running = Running::start(&settings).await;
    let id = database.insert_calls(1, "special_requests", "'play: busy'").await;
    until("it is settled", || is_settled(&database, id)).await;
    assert_eq!(database.state(id).await.0, "queued");
    let detail: String = database.one("select detail from attempts").await;
    assert!(detail.contains("there is no image offhook-test:nowhere"), "{detail}");
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_said_before_it_ended_without_a_report_is_told() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = settings(&database, &spool, &image("offhook-test:complains"));
    let running = Running::start(&settings).await;
    let id = database.insert_calls(1, "special_requests", "'play: complain'").await;
    until("it is settled", || is_settled(&database, id)).await;
    let detail: String = database.one("select detail from attempts").await;
    assert!(detail.contains("exit code 2") && detail.ends_with("said: nothing was dialled: no login with …"), "{detail}");
    running.drain().await;
}
