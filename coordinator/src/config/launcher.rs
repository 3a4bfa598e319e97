//! How workers are started.

use std::{path::PathBuf, str::FromStr};

/// Containers or processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LauncherKind {
    /// One container per attempt, through the Docker Engine's API.
    Docker,
    /// One child process per attempt: for development, and for machines without an engine.
    Process,
}

/// Numeric user and group of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerUser {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl FromStr for ContainerUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        match (uid.parse(), gid.parse()) {
            (Ok(uid), Ok(gid)) => Ok(ContainerUser { uid, gid }),
            _ => Err(format!("\"{text}\" is not a numeric user and group; write 65534:65534")),
        }
    }
}

impl std::fmt::Display for ContainerUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// What is launched, and how it is fenced in.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Launching")]
pub struct LauncherConfig {
    /// Containers or processes
    #[arg(long, env = "OFFHOOK_LAUNCHER", value_enum, default_value = "docker")]
    pub launcher: LauncherKind,
    /// Tells the containers of this installation from those of others on the same machine
    #[arg(long, env = "OFFHOOK_NAMESPACE", default_value = "main", value_parser = namespace)]
    pub namespace: String,
    /// This machine's name, as leases and attempts carry it; the kernel's host name where not set
    #[arg(long, env = "OFFHOOK_HOST")]
    pub host: Option<String>,
    /// Where attempts get their folders, and recordings and event logs stay; one folder per installation
    #[arg(long, env = "OFFHOOK_SPOOL", default_value = "/var/lib/offhook/spool")]
    pub spool: PathBuf,
    /// The same folder as the Docker Engine sees it, where the coordinator itself runs in a container
    #[arg(long, env = "OFFHOOK_SPOOL_ON_HOST")]
    pub spool_on_host: Option<PathBuf>,
    /// The folder with the trunks' password files, each named by a row's `secret`
    #[arg(long, env = "OFFHOOK_SECRETS", default_value = "/run/secrets")]
    pub secrets: PathBuf,
    /// The engine's API; DOCKER_HOST where not set, else unix:///var/run/docker.sock
    #[arg(long, env = "OFFHOOK_DOCKER_HOST")]
    pub docker_host: Option<String>,
    /// The worker's image
    #[arg(long, env = "OFFHOOK_IMAGE", default_value = "offhook-worker:latest")]
    pub image: String,
    /// Numeric user and group the container runs as, and that the attempt's folder belongs to
    #[arg(long, env = "OFFHOOK_CONTAINER_USER", default_value = "65534:65534")]
    pub container_user: ContainerUser,
    /// The container's memory, in MB
    #[arg(long, env = "OFFHOOK_CONTAINER_MEMORY_MB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(16..))]
    pub container_memory_mb: u32,
    /// The most threads in a container
    #[arg(long, env = "OFFHOOK_CONTAINER_PIDS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..))]
    pub container_pids: u32,
    /// The worker's program; where not set, the image's entry point, and for `--launcher process` offhook-worker on the PATH
    #[arg(long, env = "OFFHOOK_WORKER_PROGRAM")]
    pub worker_program: Option<String>,
    /// How many workers are started at the same moment; the machine's cores where not set
    #[arg(long, env = "OFFHOOK_PARALLEL_STARTS")]
    pub parallel_starts: Option<usize>,
    /// What workers log: the coordinator's own filter (`OFFHOOK_LOG`)
    #[arg(from_global)]
    pub log: String,
}

impl LauncherConfig {
    /// This machine's name.
    pub fn host_name(&self) -> String {
        let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = self.host.clone().filter(|name| !name.is_empty()).or_else(kernel).unwrap_or_default();
        let name = name.trim();
        if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
    }

    /// The worker's program, where one is named.
    pub fn program(&self) -> Option<&str> {
        self.worker_program.as_deref().filter(|program| !program.is_empty())
    }

    /// The engine's API.
    pub fn docker_address(&self) -> String {
        let set = |value: &String| !value.is_empty();
        self.docker_host
            .clone()
            .filter(set)
            .or_else(|| std::env::var("DOCKER_HOST").ok().filter(set))
            .unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
    }

    /// The variables that a worker reads, whichever launcher starts it. Everything else it is told by its specification: an environment is
    /// shown by `docker inspect`.
    pub fn worker_environment(&self) -> Vec<(&'static str, String)> {
        let backtrace = std::env::var("RUST_BACKTRACE").ok().map(|value| ("RUST_BACKTRACE", value));
        [("OFFHOOK_LOG", self.log.clone())].into_iter().chain(backtrace).collect()
    }

    /// How many workers are started at the same moment.
    pub fn starts(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        self.parallel_starts.unwrap_or_else(cores).max(1)
    }
}

/// A name that is good in container names and labels.
fn namespace(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 32 && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("use up to 32 lower-case letters, digits and hyphens, beginning with a letter".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_users_are_numbers_because_an_empty_image_knows_no_names() {
        assert_eq!("1000:100".parse(), Ok(ContainerUser { uid: 1000, gid: 100 }));
        assert_eq!("1000".parse(), Ok(ContainerUser { uid: 1000, gid: 1000 }));
        assert!("nobody".parse::<ContainerUser>().is_err_and(|message| message.contains("65534:65534")));
    }

    #[test]
    fn namespaces_are_good_in_container_names() {
        assert!(namespace("lab-2").is_ok());
        for bad in ["", "Lab", "2lab", "a/b", "a b"] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }
}
