//! Debian's Postgres on this machine: installed and started where it is not, and spoken to as its superuser.

use std::{
    io::{self, Write},
    process::{Command, Output, Stdio},
};

/// A cluster that runs.
#[derive(Debug)]
pub(super) struct LocalPostgres {
    /// Its TCP port.
    pub port: u16,
}

/// No Postgres on this machine.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The superuser is a user of the system, and only root may become it.
    #[error("a database on this machine is made as the user postgres; run offhook setup as root, or give --database-url")]
    NotRoot,
    /// Another system than Debian.
    #[error("this machine has no apt-get to install Postgres with; install it yourself and give --admin-database-url")]
    NoPackages,
    /// A program that failed.
    #[error("{what} failed: {said}; repair that, or give --database-url of another Postgres")]
    Failed {
        /// Which.
        what: &'static str,
        /// What it wrote.
        said: String,
    },
    /// Installed, and no cluster.
    #[error(
        "Postgres is installed and has no cluster; make one with pg_createcluster, such as: pg_createcluster --start 15 main"
    )]
    NoCluster,
}

/// A cluster of Debian's, as pg_lsclusters(1) lists it.
#[derive(Debug, PartialEq, Eq)]
struct Cluster {
    version: String,
    name: String,
    port: u16,
    online: bool,
}

/// Whether this user may make a database on this machine.
pub(super) fn may() -> Result<(), LocalError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(LocalError::NotRoot) }
}

/// Finds a cluster that runs, starts one, or installs Postgres first.
pub(super) fn find_or_install(done: &mut Vec<String>) -> Result<LocalPostgres, LocalError> {
    may()?;
    if !is_there("pg_lsclusters") {
        if !is_there("apt-get") {
            return Err(LocalError::NoPackages);
        }
        eprintln!("installing postgresql");
        run("apt-get update", Command::new("apt-get").args(["update", "-qq"]))?;
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "-qq", "--no-install-recommends", "postgresql"]).env("DEBIAN_FRONTEND", "noninteractive");
        run("apt-get install postgresql", &mut install)?;
        done.push("Postgres is installed".to_owned());
    }
    let listed = || run("pg_lsclusters", Command::new("pg_lsclusters").arg("-h")).map(|listed| clusters(&listed));
    let clusters = listed()?;
    if let Some(running) = clusters.iter().find(|cluster| cluster.online) {
        return Ok(LocalPostgres { port: running.port });
    }
    let Cluster { version, name, port, .. } = clusters.into_iter().last().ok_or(LocalError::NoCluster)?;
    run("pg_ctlcluster", Command::new("pg_ctlcluster").args([&version, &name, "start"]))?;
    done.push(format!("Postgres {version} is started"));
    Ok(LocalPostgres { port })
}

impl LocalPostgres {
    /// Runs statements as the superuser, and returns what they select. They are written to psql's input: a list of processes shows
    /// no password.
    pub(super) fn psql(&self, sql: &str) -> Result<String, LocalError> {
        let mut psql = Command::new("runuser");
        psql.args(["-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-p"])
            .arg(self.port.to_string())
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |error: io::Error| LocalError::Failed { what: "psql", said: error.to_string() };
        let mut child = psql.spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // What it refuses half-way it says at its end.
            let _ = input.write_all(sql.as_bytes());
        }
        said("psql", child.wait_with_output().map_err(failed)?)
    }
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn run(what: &'static str, command: &mut Command) -> Result<String, LocalError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| LocalError::Failed { what, said: error.to_string() })?;
    said(what, output)
}

fn said(what: &'static str, output: Output) -> Result<String, LocalError> {
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(LocalError::Failed { what, said: String::from_utf8_lossy(&output.stderr).trim().to_owned() }),
    }
}

/// Reads `15 main 5432 online postgres /var/lib/… /var/log/…`.
fn clusters(listed: &str) -> Vec<Cluster> {
    let clusters = listed.lines().filter_map(|line| {
        let mut columns = line.split_whitespace();
        let (version, name, port, state) = (columns.next()?, columns.next()?, columns.next()?.parse().ok()?, columns.next()?);
        // `online,recovery` is a standby: nothing can be made in it.
        Some(Cluster { version: version.to_owned(), name: name.to_owned(), port, online: state == "online" })
    });
    clusters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_read_as_debian_lists_them() {
        let listed = "13 old  5433 down   postgres /var/lib/postgresql/13/old  /var/log/postgresql/postgresql-13-old.log\n\
                      15 main 5432 online postgres /var/lib/postgresql/15/main /var/log/postgresql/postgresql-15-main.log\n";
        let main = Cluster { version: "15".into(), name: "main".into(), port: 5432, online: true };
        assert_eq!(clusters(listed)[1], main);
        assert!(!clusters(listed)[0].online);
        assert!(clusters("").is_empty());
        assert!(!clusters("15 standby 5432 online,recovery postgres /d /l")[0].online);
    }
}
