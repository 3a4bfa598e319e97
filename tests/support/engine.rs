//! A Docker engine of a test's own, that can be killed; and a wire to any engine, that can be cut, or let single requests wait.
#![allow(dead_code)] // every test file uses its part

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    sync::watch,
};

/// How long an engine may take to answer after it was started.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineWire {
    /// No container is made: the request waits.
    pub launches_wait: bool,
    /// No container is removed: the request waits.
    pub removals_wait: bool,
    /// Containers are started, and nobody hears of it until the connection breaks.
    pub start_answers_lost: bool,
    /// Connections break, new ones are closed at once.
    pub cut: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Wired {
    wire: EngineWire,
    /// Connections of an earlier epoch are broken.
    epoch: u32,
    /// How many connections found no engine since the wire was last set.
    refused: u32,
}

/// Listens on a socket of its own until it is dropped.
pub struct EngineProxy {
    pub address: String,
    state: watch::Sender<Wired>,
    task: tokio::task::JoinHandle<()>,
}

impl EngineProxy {
    /// A wire from a socket in `folder` to the engine at `address`, a `unix://` one.
    pub fn to(address: &str, folder: &Path) -> EngineProxy {
        let far = PathBuf::from(address.strip_prefix("unix://").expect("an engine behind a socket"));
        let near = folder.join("engine.sock");
        let listener = UnixListener::bind(&near).unwrap();
        let state = watch::Sender::new(Wired::default());
        let watched = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = if watched.borrow().wire.cut { None } else { UnixStream::connect(&far).await.ok() };
                let Some(far) = far else {
                    watched.send_modify(|state| state.refused += 1);
                    continue;
                };
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                let epoch = watched.borrow().epoch;
                let loses_answer = watch::Sender::new(false);
                tokio::spawn(requests(near_in, far_out, watched.subscribe(), epoch, loses_answer.clone()));
                tokio::spawn(answers(far_in, near_out, watched.subscribe(), epoch, loses_answer));
            }
        });
        EngineProxy { address: format!("unix://{}", near.display()), state, task }
    }

    pub fn set(&self, wire: EngineWire) {
        self.state.send_modify(|state| {
            *state = Wired { wire, epoch: state.epoch + u32::from(wire.cut), refused: 0 };
        });
    }

    /// Waits until somebody has tried to reach the engine and could not, since the wire was last set.
    pub async fn is_missed(&self) {
        let mut state = self.state.subscribe();
        let missed = tokio::time::timeout(Duration::from_secs(60), state.wait_for(|state| state.refused > 0)).await;
        assert!(missed.is_ok_and(|missed| missed.is_ok()), "nobody has tried to reach the engine");
    }

    /// What has not got through yet never will; everything passes from now on.
    pub fn start_afresh(&self) {
        self.state.send_modify(|state| *state = Wired { wire: EngineWire::default(), epoch: state.epoch + 1, refused: 0 });
    }
}

impl Drop for EngineProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wired>,
    epoch: u32,
    loses_answer: watch::Sender<bool>,
) {
    let mut buffer = [0; 16_384];
    loop {
        let mut ended = state.clone();
        let read = tokio::select! {
            biased;
            _ = ended.wait_for(|state| state.epoch != epoch) => return,
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else { return };
        let request = &buffer[..length];
        let passes = |state: &Wired| {
            let waits = (state.wire.launches_wait && is(request, "POST ", "/containers/create"))
                || (state.wire.removals_wait && is(request, "DELETE ", "/containers/"));
            state.epoch != epoch || !waits
        };
        match state.wait_for(passes).await {
            Ok(state) if state.epoch == epoch => {
                loses_answer.send_replace(state.wire.start_answers_lost && is(request, "POST ", "/start"));
            }
            _ => return,
        }
        if to.write_all(request).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wired>,
    epoch: u32,
    loses_answer: watch::Sender<bool>,
) {
    let mut buffer = [0; 16_384];
    loop {
        let read = tokio::select! {
            biased;
            _ = state.wait_for(|state| state.epoch != epoch) => return,
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else { return };
        if *loses_answer.borrow() {
            continue;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Whether a request begins here, with this method and a path with these words.
fn is(request: &[u8], method: &str, path: &str) -> bool {
    let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    line.starts_with(method) && line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().contains(path)
}

/// An engine of a test's own, without a bridge and without firewall rules. Gone, with all its containers, when it is dropped.
pub struct Engine {
    pub address: String,
    folder: PathBuf,
    live_restore: bool,
    daemon: Child,
}

impl Engine {
    /// Starts one with an image from the engine of the tests. With `live_restore`, containers outlive their daemon.
    pub async fn start(image: &str, live_restore: bool) -> Engine {
        let folder = PathBuf::from(format!("/var/tmp/offhook-engine-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]));
        std::fs::create_dir_all(&folder).unwrap();
        let engine = Engine {
            address: format!("unix://{}", folder.join("docker.sock").display()),
            daemon: daemon(&folder, live_restore),
            folder,
            live_restore,
        };
        engine.answers().await;
        let from = std::env::var("OFFHOOK_TEST_DOCKER_HOST").expect("run by `make test`");
        let mut saved = Command::new("docker").args(["-H", &from, "save", image]).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = saved.stdout.take().unwrap();
        let loaded = Command::new("docker").args(["-H", &engine.address, "load", "--quiet"]).stdin(pipe).output().unwrap();
        assert!(loaded.status.success() && saved.wait().unwrap().success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        engine
    }

    /// SIGKILL for the daemon. Its containerd dies with it; what watches over a single container does not.
    pub fn kill(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        // A daemon that is started before its predecessor's containerd has gone takes it for its own, and waits for it without end.
        let pid = std::fs::read_to_string(self.folder.join("exec/containerd/containerd.pid")).unwrap_or_default();
        let process = Path::new("/proc").join(pid.trim());
        let deadline = Instant::now() + STARTS_WITHIN;
        while !pid.trim().is_empty() && process.exists() {
            assert!(Instant::now() < deadline, "containerd {pid} outlives its daemon");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The daemon once more, on the same data.
    pub async fn start_again(&mut self) {
        self.daemon = daemon(&self.folder, self.live_restore);
        self.answers().await;
    }

    async fn answers(&self) {
        let deadline = Instant::now() + STARTS_WITHIN;
        let ask =
            || Command::new("docker").args(["-H", &self.address, "version"]).output().is_ok_and(|answer| answer.status.success());
        while !tokio::task::block_in_place(ask) {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the engine does not start:\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn daemon(folder: &Path, live_restore: bool) -> Child {
    // What a killed daemon could not take away.
    let _ = std::fs::remove_file(folder.join("pid"));
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let mut command = Command::new("dockerd");
    command.arg("--data-root").arg(folder.join("data")).arg("--exec-root").arg(folder.join("exec"));
    command.arg("-H").arg(format!("unix://{}", folder.join("docker.sock").display())).arg("--pidfile").arg(folder.join("pid"));
    command.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
    command.arg(format!("--containerd-namespace={name}")).arg(format!("--containerd-plugins-namespace={name}-plugins"));
    if live_restore {
        command.arg("--live-restore");
    }
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().expect("dockerd, as root; scripts/setup.sh installs it")
}

impl Drop for Engine {
    fn drop(&mut self) {
        let listed = Command::new("docker").args(["-H", &self.address, "ps", "-aq"]).output();
        let listed = listed.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
        if listed.lines().next().is_some() {
            let _ = Command::new("docker").args(["-H", &self.address, "rm", "-f"]).args(listed.lines()).output();
        }
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
        // The engine leaves the host's network namespace mounted, and what was mounted into containers that were killed.
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mounted =
            mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|path| Path::new(path).starts_with(&self.folder));
        for path in mounted.collect::<Vec<_>>().into_iter().rev() {
            let _ = Command::new("umount").arg(path).status();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
