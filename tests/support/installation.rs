//! A whole offhook for one test: its own database, its own sandbox of restaurants and model servers, its own coordinator on a real
//! Docker engine. When it is dropped, every call is replayed from its event log, and everything is gone.
#![allow(dead_code)] // every test file uses its part

use std::{
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use offhook_test_database::TestDatabase;
use sqlx::{AssertSqlSafe, Row, postgres::PgListener};

use super::{event_logs::replay_all, ports::Ports};

/// From an insert to a final state, at most: ringing, a minute of talk, settling.
const A_CALL: Duration = Duration::from_secs(150);

/// A running offhook.
pub struct Installation {
    pub database: TestDatabase,
    /// Spool and recordings.
    pub folder: PathBuf,
    pub sip: String,
    pub http: String,
    namespace: String,
    ports: Ports,
    settings: Vec<(String, String)>,
    sandbox: Running,
    coordinator: Option<Running>,
    others: Vec<Running>,
}

/// What `call_results` shows of a call, as text.
#[derive(Debug, Clone)]
pub struct CallResult {
    pub id: i64,
    pub state: String,
    pub why: Option<String>,
    pub attempts: i32,
    pub disposition: Option<String>,
    pub outcome: Option<String>,
    pub agreed: Option<String>,
    pub agreed_name: Option<String>,
    pub language: Option<String>,
    pub sip_code: Option<i32>,
    pub offers: serde_json::Value,
    pub recording: Option<PathBuf>,
    pub recording_ms: Option<i64>,
    pub event_log: Option<PathBuf>,
    pub talked_seconds: Option<f64>,
}

/// A turn of the transcript.
#[derive(Debug, Clone)]
pub struct Said {
    pub speaker: String,
    pub text: String,
    pub started_ms: i64,
    pub ended_ms: i64,
    pub interrupted: bool,
}

impl Installation {
    /// Starts sandbox and coordinator; ready when both take work.
    pub async fn start() -> Installation {
        Installation::start_with(&[], &[]).await
    }

    /// The same with further arguments for the sandbox and settings for the coordinator.
    pub async fn start_with(sandbox_arguments: &[&str], settings: &[(&str, &str)]) -> Installation {
        let installation = Installation::idle(sandbox_arguments).await;
        installation.with_settings(settings).await
    }

    /// A sandbox, a trunk and a database, and no coordinator yet.
    pub async fn idle(sandbox_arguments: &[&str]) -> Installation {
        let database = TestDatabase::new().await;
        let namespace = format!("offhook-test-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let folder = std::env::temp_dir().join(&namespace);
        std::fs::create_dir_all(&folder).unwrap();
        let (sip, http) = (free_udp(), free_tcp());
        let cache = std::env::temp_dir().join("offhook-sandbox-templates");
        let mut sandbox = Command::new(binary("offhook-sandbox"));
        sandbox.args(["serve", "--http", &http, "--sip", &sip, "--cache"]).arg(cache);
        sandbox.args(sandbox_arguments);
        let sandbox = Running::start(sandbox, &folder.join("sandbox.log"));
        sandbox.wait_for_line("ready", Duration::from_secs(120)).await;
        let (host, port) = sip.rsplit_once(':').unwrap();
        // Tests ring one number again and again, and do not wait a minute in between.
        sqlx::query("update installation set quiet_time = '0', calls_per_day = 100000").execute(&database.pool).await.unwrap();
        sqlx::query("insert into trunks (name, host, port, max_concurrent, calls_per_second) values ('sandbox', $1, $2, 10, 50)")
            .bind(host)
            .bind(port.parse::<i32>().unwrap())
            .execute(&database.pool)
            .await
            .unwrap();
        Installation {
            database,
            folder,
            sip,
            http,
            namespace,
            ports: Ports::take(40),
            settings: Vec::new(),
            sandbox,
            coordinator: None,
            others: Vec::new(),
        }
    }

    /// Runs statements that bind nothing.
    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&self.database.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Starts the coordinator with these settings.
    pub async fn with_settings(mut self, settings: &[(&str, &str)]) -> Installation {
        self.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.start_coordinator().await;
        self
    }

    /// A setting of the coordinators that are started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the coordinator (again).
    pub async fn start_coordinator(&mut self) {
        self.coordinator = Some(self.run_coordinator(&[]).await);
    }

    /// Starts one more coordinator on the same queue.
    pub async fn add_coordinator(&mut self, settings: &[(&str, &str)]) {
        let coordinator = self.run_coordinator(settings).await;
        self.others.push(coordinator);
    }

    async fn run_coordinator(&self, settings: &[(&str, &str)]) -> Running {
        let log = self.folder.join(format!("coordinator-{}.log", uuid::Uuid::new_v4().simple()));
        let mut command = self.coordinator_command();
        command.envs(settings.iter().copied());
        let running = Running::start(command, &log);
        running.wait_for_line("waiting for calls", Duration::from_secs(30)).await;
        running
    }

    /// SIGKILL: no goodbye, no clean-up.
    pub fn kill_coordinator(&mut self) {
        self.coordinator.take().expect("a coordinator runs").kill();
    }

    /// SIGTERM, and waits for it to drain.
    pub async fn drain_coordinator(&mut self, within: Duration) {
        self.coordinator.take().expect("a coordinator runs").terminate(within).await;
    }

    fn coordinator_command(&self) -> Command {
        let mut command = Command::new(binary("offhook"));
        command.arg("run");
        let spool = self.folder.join("spool");
        let providers = format!("http://{}/v1", self.http);
        for (name, value) in [
            ("OFFHOOK_DATABASE_URL", self.database.url().expose()),
            ("OFFHOOK_NAMESPACE", &self.namespace),
            ("OFFHOOK_SPOOL", spool.to_str().unwrap()),
            ("OFFHOOK_LAUNCHER", "docker"),
            (
                "OFFHOOK_DOCKER_HOST",
                &std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`, which sets OFFHOOK_TEST_DOCKER_HOST"),
            ),
            ("OFFHOOK_IMAGE", &std::env::var("OFFHOOK_TEST_IMAGE").expect("run by `make test`, which sets OFFHOOK_TEST_IMAGE")),
            ("OFFHOOK_MEDIA_ADDRESS", "127.0.0.1"),
            ("OFFHOOK_PORT_FIRST", &self.ports.first.to_string()),
            ("OFFHOOK_PORT_LAST", &self.ports.last().to_string()),
            ("OFFHOOK_PROVIDER_URL", &providers),
            ("OFFHOOK_STT_MODEL", "sandbox-ear"),
            ("OFFHOOK_CHAT_MODEL", "sandbox-talker"),
            ("OFFHOOK_TTS_MODEL", "sandbox-voice"),
            ("OFFHOOK_VOICES", "en=en-1,de=de-1,es=es-1,nl=nl-1"),
        ] {
            command.env(name, value);
        }
        command.envs(self.settings.iter().cloned());
        command
    }

    /// Inserts a call that may be made at any hour; `columns` are SQL expressions.
    pub async fn insert(&self, number: &str, columns: &[(&str, &str)]) -> i64 {
        let number = format!("'{number}'");
        let mut row =
            vec![("number", number.as_str()), ("calling_from", "'00:00'"), ("calling_to", "'24:00'"), ("max_attempts", "1")];
        row.retain(|(column, _)| columns.iter().all(|(other, _)| other != column));
        row.extend_from_slice(columns);
        self.database.insert_call(&row).await
    }

    /// Waits until nothing more will happen to the call on its own.
    pub async fn settled(&self, call: i64) -> CallResult {
        self.wait_for(call, "state in ('finished', 'held', 'expired', 'cancelled')", A_CALL).await;
        self.result(call).await
    }

    /// Waits until the call is talking.
    pub async fn talking(&self, call: i64) {
        self.wait_for(call, "state = 'talking'", Duration::from_secs(30)).await;
    }

    /// Waits for a condition on the call's row, woken by its events.
    pub async fn wait_for(&self, call: i64, condition: &str, within: Duration) {
        let mut listener = PgListener::connect_with(&self.database.pool).await.unwrap();
        listener.listen_all(["offhook_calls", "offhook_events"]).await.unwrap();
        let deadline = Instant::now() + within;
        let query = format!("select exists (select from calls where id = $1 and ({condition}))");
        loop {
            let met: bool =
                sqlx::query_scalar(AssertSqlSafe(query.clone())).bind(call).fetch_one(&self.database.pool).await.unwrap();
            if met {
                return;
            }
            if Instant::now() > deadline {
                self.print_logs().await;
                panic!("call {call} did not reach ({condition}) within {within:?}: {:#?}", self.result(call).await);
            }
            let _ = tokio::time::timeout(Duration::from_secs(1), listener.recv()).await;
        }
    }

    /// The call's row of `call_results`.
    pub async fn result(&self, call: i64) -> CallResult {
        let row = sqlx::query(
            "select id, state::text, why, attempts, disposition::text, outcome::text, agreed_name, language, sip_code, offers,
                    to_char(agreed_date + agreed_time, 'YYYY-MM-DD HH24:MI') || ' for ' || agreed_party as agreed,
                    recording, recording_ms, event_log, talked_seconds
               from call_results where id = $1",
        )
        .bind(call)
        .fetch_one(&self.database.pool)
        .await
        .unwrap();
        let path = |column: &str| {
            let uri: Option<String> = row.get(column);
            uri.map(|uri| PathBuf::from(uri.strip_prefix("file://").expect("a file URI")))
        };
        CallResult {
            id: row.get("id"),
            state: row.get("state"),
            why: row.get("why"),
            attempts: row.get("attempts"),
            disposition: row.get("disposition"),
            outcome: row.get("outcome"),
            agreed: row.get("agreed"),
            agreed_name: row.get("agreed_name"),
            language: row.get("language"),
            sip_code: row.get("sip_code"),
            offers: row.get::<Option<serde_json::Value>, _>("offers").unwrap_or_default(),
            recording: path("recording"),
            recording_ms: row.get("recording_ms"),
            event_log: path("event_log"),
            talked_seconds: row.get("talked_seconds"),
        }
    }

    /// The transcript of the call's last attempt.
    pub async fn transcript(&self, call: i64) -> Vec<Said> {
        sqlx::query(
            "select speaker, text, started_ms, ended_ms, interrupted from turns
              where call_id = $1 and attempt = (select attempt from calls where id = $1) order by number",
        )
        .bind(call)
        .fetch_all(&self.database.pool)
        .await
        .unwrap()
        .into_iter()
        .map(|row| Said {
            speaker: row.get("speaker"),
            text: row.get("text"),
            started_ms: row.get("started_ms"),
            ended_ms: row.get("ended_ms"),
            interrupted: row.get("interrupted"),
        })
        .collect()
    }

    /// The first column of the first row, as text.
    pub async fn ask(&self, query: &str) -> String {
        let answer: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.database.pool).await.unwrap();
        answer.unwrap_or_default()
    }

    /// `docker <arguments>` against the engine the test uses.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let host = std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`");
        let output = Command::new("docker").arg("-H").arg(host).args(arguments).output().expect("a docker client");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Names of this installation's containers, running or not.
    pub fn containers(&self) -> Vec<String> {
        let filter = format!("name={}", self.namespace);
        self.docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"]).lines().map(str::to_owned).collect()
    }

    /// Waits until the coordinator has removed every container; it does so after the row has its end.
    pub async fn no_container_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.containers().is_empty() {
            assert!(Instant::now() < deadline, "left over: {:?}", self.containers());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn print_logs(&self) {
        for entry in std::fs::read_dir(&self.folder).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(60).collect();
                eprintln!("--- {}", entry.path().display());
                tail.iter().rev().for_each(|line| eprintln!("{line}"));
            }
        }
        for name in self.containers() {
            eprintln!("--- container {name}\n{}", self.docker(&["logs", "--tail", "60", &name]));
        }
        let events = sqlx::query("select at::text || ' ' || kind || ' ' || detail::text as line from events order by id")
            .fetch_all(&self.database.pool)
            .await
            .unwrap_or_default();
        events.iter().for_each(|row| eprintln!("{}", row.get::<String, _>("line")));
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if let Some(coordinator) = self.coordinator.take() {
            coordinator.kill();
        }
        for name in self.containers() {
            self.docker(&["rm", "-f", &name]);
        }
        if !std::thread::panicking() {
            replay_all(&self.folder.join("spool"));
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A child process whose log can be waited for.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(super) fn start(mut command: Command, log: &Path) -> Running {
        let file = std::fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        Running { child, log: log.to_owned() }
    }

    pub async fn wait_for_line(&self, word: &str, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            if text.lines().any(|line| line.contains(word)) {
                return;
            }
            assert!(Instant::now() < deadline, "no \"{word}\" in {}:\n{text}", self.log.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself.
    pub async fn ends(mut self, within: Duration) {
        let waited = tokio::task::spawn_blocking(move || self.child.wait());
        tokio::time::timeout(within, waited).await.expect("it ends in time").unwrap().unwrap();
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(self, within: Duration) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.ends(within).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of this workspace, built beside the test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    folder.unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace` first")).join(name)
}

fn free_udp() -> String {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn free_tcp() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
