//! A Postgres cluster of a test's own, that can be killed and started again. It keeps what it has said yes to.
#![allow(dead_code)] // every test file uses its part

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Gone when it is dropped.
pub struct Cluster {
    /// The superuser's URL, of the database `postgres`.
    pub admin: String,
    pub port: u16,
    folder: PathBuf,
}

impl Cluster {
    /// Makes and starts one with room for so many connections.
    pub fn start(max_connections: u32) -> Cluster {
        let folder = PathBuf::from(format!("/var/tmp/offhook-cluster-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let how = ["-D", "data", "-U", "offhook", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
        assert!(postgres(&folder, "initdb", &how), "{}", output(&folder));
        // A process that dies takes nothing with it that was committed: only the machine itself could, and it is not killed here.
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = {max_connections}\nfsync = off\n\
             full_page_writes = off\nshared_buffers = 32MB\nlog_min_messages = warning\n"
        );
        let file = folder.join("data/postgresql.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, before + &settings).unwrap();
        let mut cluster = Cluster { admin: String::new(), port: 0, folder };
        for _ in 0..5 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            cluster.port = free.local_addr().unwrap().port();
            drop(free);
            if cluster.run() {
                cluster.admin = format!("postgres://offhook@127.0.0.1:{}/postgres", cluster.port);
                return cluster;
            }
        }
        panic!("Postgres does not start: {}", output(&cluster.folder));
    }

    /// SIGKILL for the first process, which the others follow.
    pub fn kill(&self) {
        let noted = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("Postgres runs");
        let pid = noted.lines().next().unwrap();
        assert!(Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
    }

    /// Starts it once more, on the same port and data.
    pub fn start_again(&self) {
        // Until the last of its processes has gone.
        let started = (0..50).any(|_| {
            let runs = self.run();
            if !runs {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            runs
        });
        assert!(started, "Postgres does not start again: {}", output(&self.folder));
    }

    /// An orderly restart that throws everybody out.
    pub fn restart(&self) {
        let port = format!("-p {}", self.port);
        let how = ["-D", "data", "-w", "-m", "fast", "-o", &port, "-l", "log", "restart"];
        assert!(postgres(&self.folder, "pg_ctl", &how), "{}", output(&self.folder));
    }

    fn run(&self) -> bool {
        let port = format!("-p {}", self.port);
        postgres(&self.folder, "pg_ctl", &["-D", "data", "-w", "-t", "30", "-o", &port, "-l", "log", "start"])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        postgres(&self.folder, "pg_ctl", &["-D", "data", "-m", "immediate", "stop"]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs one of Postgres' programs in `folder`, as the user its package made where we are root, which it refuses. Returns whether it
/// succeeded.
fn postgres(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let path =
        newest.map_or(PathBuf::from(program), |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{program}")));
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = if root { Command::new("runuser") } else { Command::new(&path) };
    if root {
        command.args(["-u", "postgres", "--"]).arg(&path);
    }
    // Into a file: nothing of it may hold on to our output, whoever reads the test's waits for its end.
    let out = std::fs::File::options().create(true).append(true).open(folder.join("output")).unwrap();
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
    command.status().unwrap_or_else(|error| panic!("{program}: {error}")).success()
}

fn output(folder: &Path) -> String {
    ["output", "log"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default()).join("\n")
}
