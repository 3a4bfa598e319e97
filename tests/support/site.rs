//! A coordinator on a real Docker engine whose every wire goes through the test: to Postgres, of its workers to Postgres, to the
//! engine. The callees count. When it is dropped, every call is replayed from its event log, and everything is gone.
#![allow(dead_code)] // every test file uses its part

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use offhook::store::kept_files::KeptFile;
use offhook_test_database::TestDatabase;
use sqlx::{AssertSqlSafe, Row};

use super::{
    callees::Callees,
    engine::EngineProxy,
    event_logs::replay_all,
    installation::{Running, binary},
    ports::Ports,
    wire::Proxy,
};

/// Longer than anything here takes on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// A coordinator's surroundings.
pub struct Site {
    pub database: TestDatabase,
    pub callees: Callees,
    pub coordinator_wire: Proxy,
    pub worker_wire: Proxy,
    pub engine_wire: EngineProxy,
    /// Spool and logs.
    pub folder: PathBuf,
    engine: String,
    namespace: String,
    providers: SilentServer,
    ports: Ports,
    settings: Vec<(String, String)>,
    coordinators: Vec<Running>,
}

impl Site {
    /// On the services of the tests, without a coordinator yet. `settings` are the coordinators'.
    pub async fn new(settings: &[(&str, &str)]) -> Site {
        let engine = std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`, which sets OFFHOOK_TEST_DOCKER_HOST");
        Site::on(TestDatabase::new().await, engine, settings).await
    }

    /// On this database and this engine.
    pub async fn on(database: TestDatabase, engine: String, settings: &[(&str, &str)]) -> Site {
        let namespace = format!("offhook-test-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let folder = std::env::temp_dir().join(&namespace);
        std::fs::create_dir_all(&folder).unwrap();
        let (host, port) = database.address();
        sqlx::raw_sql(
            "update trunks set max_concurrent = 200, calls_per_second = 200, breaker_failures = 1000 where name = 'direct';
             update retry_policies set trunk_failure_from = '1 second', trunk_failure_to = '1 second';
             do $$ begin
                 update installation set quiet_time = '0', calls_per_day = 100000;
             exception when undefined_column then null;
             end $$",
        )
        .execute(&database.pool)
        .await
        .unwrap();
        Site {
            callees: Callees::listen().await,
            coordinator_wire: Proxy::to(host.clone(), port).await,
            worker_wire: Proxy::to(host, port).await,
            engine_wire: EngineProxy::to(&engine, &folder),
            engine,
            namespace,
            providers: SilentServer::start().await,
            folder,
            ports: Ports::take(320),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            coordinators: Vec::new(),
            database,
        }
    }

    /// Starts a coordinator, one more where one runs; ready when it takes work.
    pub async fn start_coordinator(&mut self) {
        let log = self.folder.join(format!("coordinator-{}.log", uuid::Uuid::new_v4().simple()));
        let running = Running::start(self.command(&["run"]), &log);
        running.wait_for_line("waiting for calls", SOON).await;
        self.coordinators.push(running);
    }

    /// The process of the coordinator that was started first.
    pub fn coordinator_pid(&self) -> u32 {
        self.coordinators[0].id()
    }

    /// The coordinator that was started first.
    pub fn take_coordinator(&mut self) -> Running {
        self.coordinators.remove(0)
    }

    /// Waits until the coordinator that was started first has logged a line with these words.
    pub async fn coordinator_says(&self, words: &str) {
        self.coordinators[0].wait_for_line(words, SOON).await;
    }

    /// Waits until the worker of this call's first attempt has written its report to disk, whether or not the database has it.
    pub async fn reported(&self, call: i64) {
        let report = self.folder.join(format!("spool/{call}-1/report.json"));
        let deadline = Instant::now() + SOON;
        while !report.exists() {
            if Instant::now() > deadline {
                self.print_logs().await;
                panic!("not within {SOON:?}: {} is written", report.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// SIGKILL for the coordinator that was started first.
    pub fn kill_coordinator(&mut self) {
        self.take_coordinator().kill();
    }

    /// `offhook …` with this site's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("offhook"));
        let spool = self.folder.join("spool");
        command.args(arguments).envs([
            ("OFFHOOK_DATABASE_URL", self.database.url_through(self.coordinator_wire.port).expose()),
            ("OFFHOOK_WORKER_DATABASE_URL", self.database.url_through(self.worker_wire.port).expose()),
            ("OFFHOOK_NAMESPACE", &self.namespace),
            ("OFFHOOK_SPOOL", spool.to_str().unwrap()),
            ("OFFHOOK_LAUNCHER", "docker"),
            ("OFFHOOK_DOCKER_HOST", &self.engine_wire.address),
            ("OFFHOOK_IMAGE", &std::env::var("OFFHOOK_TEST_IMAGE").expect("run by `make test`, which sets OFFHOOK_TEST_IMAGE")),
            ("OFFHOOK_MEDIA_ADDRESS", "127.0.0.1"),
            ("OFFHOOK_PORT_FIRST", &self.ports.first.to_string()),
            ("OFFHOOK_PORT_LAST", &self.ports.last().to_string()),
            ("OFFHOOK_PROVIDER_URL", &self.providers.url),
            ("OFFHOOK_PROVIDER_PROBE", "false"),
            ("OFFHOOK_STT_MODEL", "none"),
            ("OFFHOOK_CHAT_MODEL", "none"),
            ("OFFHOOK_TTS_MODEL", "none"),
            ("OFFHOOK_VOICES", "en=none,de=none,es=none,nl=none"),
            ("OFFHOOK_LIMIT_SILENCE", "20m"),
            ("OFFHOOK_LIMIT_PROVIDER_FIRST", "20m"),
            ("OFFHOOK_LIMIT_MEDIA", "20m"),
            ("OFFHOOK_LIMIT_CALL", "20m"),
            ("OFFHOOK_LIMIT_RING", "5m"),
            ("OFFHOOK_MAX_CALLS", "80"),
            ("OFFHOOK_LEASE", "6s"),
        ]);
        command.envs(self.settings.iter().cloned());
        command
    }

    /// Inserts a call that may be made at any hour; `columns` are SQL expressions.
    pub async fn insert(&self, number: &str, columns: &[(&str, &str)]) -> i64 {
        let number = format!("'{number}'");
        let mut row = vec![("number", number.as_str()), ("calling_from", "'00:00'"), ("calling_to", "'24:00'")];
        row.extend_from_slice(columns);
        self.database.insert_call(&row).await
    }

    /// Waits until the query returns true. An unreachable database has not returned anything yet.
    pub async fn until(&self, what: &str, query: &str) {
        self.until_within(SOON, what, query).await;
    }

    /// The same, within this time.
    pub async fn until_within(&self, within: Duration, what: &str, query: &str) {
        let deadline = Instant::now() + within;
        loop {
            let met = sqlx::query_scalar::<_, bool>(AssertSqlSafe(query.to_owned())).fetch_one(&self.database.pool).await;
            if met.as_ref().is_ok_and(|met| *met) {
                return;
            }
            if Instant::now() > deadline {
                self.print_logs().await;
                panic!("not within {within:?}: {what} ({query}: {met:?})");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The first column of the first row, as text.
    pub async fn ask(&self, query: &str) -> String {
        let answer: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.database.pool).await.unwrap();
        answer.unwrap_or_default()
    }

    /// `docker <arguments>` against the engine, not through the wire.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").arg("-H").arg(&self.engine).args(arguments).output().expect("a docker client");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Names of this site's containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        let filter = format!("name={}", self.namespace);
        self.docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]).lines().map(str::to_owned).collect()
    }

    /// Waits until nothing is left of settled calls but recordings and event logs that the database knows: no container, no port, no
    /// secret, no other file.
    pub async fn nothing_is_left_over(&self) {
        let deadline = Instant::now() + SOON;
        loop {
            let (containers, files) = (self.containers(), self.files_left());
            let ports = self.ask("select count(*)::text from port_leases").await;
            if containers.is_empty() && files.is_empty() && ports == "0" {
                return self.every_file_is_known().await;
            }
            if Instant::now() > deadline {
                self.print_logs().await;
                panic!("left over: containers {containers:?}, files {files:?}, ports of {ports} attempts");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What is kept on disk can be found, and so deleted, by a row.
    async fn every_file_is_known(&self) {
        let known = sqlx::query("select uri from recordings union all select uri from event_logs");
        let known: Vec<Option<String>> =
            known.fetch_all(&self.database.pool).await.unwrap().iter().map(|row| row.get("uri")).collect();
        let folders = std::fs::read_dir(self.folder.join("spool")).into_iter().flatten().flatten();
        for file in folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten()) {
            let uri = format!("file://{}", file.path().canonicalize().unwrap().display());
            assert!(known.contains(&Some(uri.clone())), "no row names {uri}");
        }
    }

    /// What lies in the spool and is not kept.
    fn files_left(&self) -> Vec<PathBuf> {
        let kept = |file: &PathBuf| KeptFile::ALL.iter().any(|kept| file.file_name().is_some_and(|name| name == kept.name()));
        // A test may fill the disk with a file of its own.
        let entries = std::fs::read_dir(self.folder.join("spool")).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let mut left = Vec::new();
        for folder in folders {
            let files: Vec<PathBuf> =
                std::fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|file| file.path()).collect();
            if files.is_empty() {
                left.push(folder.path());
            }
            left.extend(files.into_iter().filter(|file| !kept(file)));
        }
        left
    }

    pub async fn print_logs(&self) {
        for entry in std::fs::read_dir(&self.folder).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(80).collect();
                eprintln!("--- {}", entry.path().display());
                tail.iter().rev().for_each(|line| eprintln!("{line}"));
            }
        }
        for name in self.containers().into_iter().take(5) {
            eprintln!("--- container {name}\n{}", self.docker(&["logs", "--tail", "30", &name]));
        }
        let rows = "select format('%s %s %s; attempt %s: %s %s %s', c.id, c.number, c.state, c.attempt, a.disposition, a.detail, c.why) as line
                      from calls c left join attempts a on a.call_id = c.id and a.number = c.attempt order by c.id";
        let rows = sqlx::query(rows).fetch_all(&self.database.pool).await.unwrap_or_default();
        rows.iter().for_each(|row| eprintln!("{}", row.get::<String, _>("line")));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.coordinators.drain(..).for_each(Running::kill);
        let containers = self.containers();
        if !containers.is_empty() {
            let mut arguments = vec!["rm", "-f"];
            arguments.extend(containers.iter().map(String::as_str));
            self.docker(&arguments);
        }
        if !std::thread::panicking() {
            replay_all(&self.folder.join("spool"));
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Model servers that take every question and never answer: a call lasts until somebody hangs up.
struct SilentServer {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl SilentServer {
    async fn start() -> SilentServer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let mut asked = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                asked.push(connection);
            }
        });
        SilentServer { url, task }
    }
}

impl Drop for SilentServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
