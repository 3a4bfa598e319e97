//! `make install` into a folder: what is there afterwards, and what a second run, the upgrade, leaves alone.
#![allow(clippy::unwrap_used)]

#[path = "support/scratch.rs"]
mod scratch;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Output},
};

use scratch::Scratch;

const SETTINGS: &str = "machine/etc/offhook/offhook.env";

/// A folder with programs that were built, and one that is a machine.
struct Machine(Scratch);

impl Machine {
    fn new() -> Machine {
        let folder = Scratch::new("install");
        fs::create_dir(folder.path("built")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_offhook"), folder.path("built/offhook")).unwrap();
        // Nothing of a worker is looked at but that it is there.
        fs::copy("/bin/true", folder.path("built/offhook-worker")).unwrap();
        Machine(folder)
    }

    fn make(&self, target: &str, more: &[&str]) -> Output {
        let mut make = Command::new("make");
        make.arg("--silent").arg(target).arg(format!("PROGRAMS={}", self.0.path("built"))).args(more);
        make.arg(format!("DESTDIR={}", self.0.path("machine")));
        make.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).output().unwrap()
    }

    fn install(&self, more: &[&str]) -> String {
        let output = self.make("install", more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// What it says where it does nothing.
    fn refused(&self, target: &str, more: &[&str]) -> String {
        let output = self.make(target, more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        said
    }

    fn mode(&self, path: &str) -> u32 {
        fs::metadata(self.0.path(path)).unwrap_or_else(|error| panic!("{path}: {error}")).permissions().mode() & 0o777
    }
}

#[test]
fn programs_a_unit_and_a_file_with_every_setting_are_there() {
    let machine = Machine::new();
    machine.install(&[]);
    let names: Vec<String> = machine.0.files().into_keys().filter(|name| name.starts_with("machine/")).collect();
    let expected = [
        "machine/etc/offhook/installed",
        SETTINGS,
        "machine/usr/local/bin/offhook",
        "machine/usr/local/bin/offhook-worker",
        "machine/usr/local/lib/systemd/system/offhook.service",
    ];
    assert_eq!(names, expected);
    let modes =
        ["machine/usr/local/bin/offhook", "machine/usr/local/bin/offhook-worker", SETTINGS, "machine/etc/offhook/secrets"];
    assert_eq!(modes.map(|path| machine.mode(path)), [0o755, 0o755, 0o600, 0o700]);
    let settings = machine.0.read(SETTINGS);
    assert!(
        settings.contains("\nOFFHOOK_SECRETS=/etc/offhook/secrets\n") && settings.contains("\n#OFFHOOK_DRAIN=8m\n"),
        "{settings}"
    );
    assert!(!settings.contains("OFFHOOK_LAUNCHER=process"));
}

#[test]
fn a_second_run_keeps_settings_secrets_and_what_runs() {
    let machine = Machine::new();
    machine.install(&[]);
    let edited =
        machine.0.read(SETTINGS).replace("#OFFHOOK_LEASE=15s", "# slow network\nOFFHOOK_LEASE=40s") + "\n# the last word\n";
    fs::write(machine.0.path(SETTINGS), &edited).unwrap();
    fs::write(machine.0.path("machine/etc/offhook/secrets/trunk"), "hunter2").unwrap();
    let program = machine.0.path("machine/usr/local/bin/offhook");
    let old = fs::File::open(&program).unwrap();
    machine.install(&[]);
    let settings = machine.0.read(SETTINGS);
    assert!(settings.contains("# slow network\nOFFHOOK_LEASE=40s\n") && settings.contains("# the last word"), "{settings}");
    assert_eq!(machine.0.read("machine/etc/offhook/secrets/trunk"), "hunter2");
    assert_eq!(old.metadata().unwrap().nlink(), 0, "whoever runs the old program has its file still, and it was not written to");
    assert_ne!(old.metadata().unwrap().ino(), fs::metadata(&program).unwrap().ino());
    let before = machine.0.files();
    machine.install(&[]);
    let after = machine.0.files();
    assert_eq!(before[SETTINGS], after[SETTINGS], "not even written again");
    assert!(after.keys().all(|name| !name.ends_with(".new")));
}

#[test]
fn a_new_program_that_does_not_run_leaves_the_old_one_in_its_place() {
    let machine = Machine::new();
    machine.install(&[]);
    let before = machine.0.files();
    let put = |text: &str| fs::write(machine.0.path("built/offhook"), text).unwrap();
    for broken in ["#!/bin/sh\nexit 1\n", "not a program"] {
        put(broken);
        let refused = machine.make("install", &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("nothing was changed"), "{said}");
    }
    fs::remove_file(machine.0.path("built/offhook")).unwrap();
    assert!(!machine.make("install", &[]).status.success());
    let after = machine.0.files();
    let installed = |name: &&String| name.starts_with("machine/");
    assert!(before.iter().filter(|(name, _)| installed(name)).all(|(name, file)| after[name] == *file));
}

#[test]
fn settings_that_the_new_program_cannot_use_are_named_and_the_old_one_stays() {
    let machine = Machine::new();
    machine.install(&[]);
    let good = machine.0.read(SETTINGS);
    let program = machine.0.path("machine/usr/local/bin/offhook");
    let before = fs::metadata(&program).unwrap().ino();
    let mistakes = [
        ("OFFHOOK_LEASE=soon", "OFFHOOK_LEASE is set in line"),
        ("lease 15s", "is not a setting"),
        ("OFFHOOK_PORT_LAST=20001", "widen it"),
    ];
    for (mistake, sentence) in mistakes {
        fs::write(machine.0.path(SETTINGS), format!("{good}{mistake}\n")).unwrap();
        let refused = machine.make("install", &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(sentence) && said.contains("stay as they are"), "{said}");
        assert_eq!(fs::metadata(&program).unwrap().ino(), before);
        // The unit asks the same before it ends a coordinator that runs.
        let check =
            Command::new(&program).args(["settings", "--check"]).env("OFFHOOK_SETTINGS", machine.0.path(SETTINGS)).output();
        assert!(!check.unwrap().status.success());
    }
    fs::write(machine.0.path(SETTINGS), good).unwrap();
    machine.install(&[]);
}

#[test]
fn without_docker_workers_are_processes() {
    let machine = Machine::new();
    machine.install(&["LAUNCHER=process", "PREFIX=/opt/offhook"]);
    let settings = machine.0.read(SETTINGS);
    assert!(settings.contains("\nOFFHOOK_LAUNCHER=process\n"), "{settings}");
    assert!(settings.contains("\nOFFHOOK_WORKER_PROGRAM=/opt/offhook/bin/offhook-worker\n"), "{settings}");
    assert_eq!(machine.mode("machine/opt/offhook/bin/offhook-worker"), 0o755);
    assert!(!machine.make("install", &["LAUNCHER=magic"]).status.success());
}

#[test]
fn a_launcher_that_is_not_that_of_the_installation_is_refused_with_what_to_do() {
    let machine = Machine::new();
    machine.install(&[]);
    let before = machine.0.files();
    let said = machine.refused("install", &["LAUNCHER=process"]);
    for sentence in [
        "OFFHOOK_LAUNCHER=docker",
        "nothing was changed",
        "write OFFHOOK_LAUNCHER=process",
        "OFFHOOK_WORKER_PROGRAM=/usr/local/bin/offhook-worker",
    ] {
        assert!(said.contains(sentence), "{said}");
    }
    assert_eq!(machine.0.files(), before);
    machine.install(&["LAUNCHER=docker"]);
    let settings = machine.0.read(SETTINGS).replace("#OFFHOOK_LAUNCHER=docker", "OFFHOOK_LAUNCHER=process");
    fs::write(machine.0.path(SETTINGS), settings).unwrap();
    machine.install(&["LAUNCHER=process"]);
    let said = machine.refused("install", &["LAUNCHER=docker"]);
    assert!(said.contains("OFFHOOK_LAUNCHER=process") && said.contains("write OFFHOOK_LAUNCHER=docker into it, then"), "{said}");
}

#[test]
fn other_places_than_those_of_the_installation_are_refused_and_an_upgrade_finds_its_own() {
    let machine = Machine::new();
    machine.install(&["PREFIX=/opt/offhook"]);
    let program = machine.0.path("machine/opt/offhook/bin/offhook");
    let first = fs::metadata(&program).unwrap().ino();
    let before = machine.0.files();
    for target in ["install", "uninstall"] {
        let said = machine.refused(target, &["PREFIX=/usr/local"]);
        assert!(said.contains("give PREFIX=/opt/offhook") && said.contains("make uninstall PREFIX=/opt/offhook"), "{said}");
        let said = machine.refused(target, &["PREFIX=/opt/offhook", "SYSCONFDIR=/srv"]);
        assert!(said.contains("run with /etc/offhook/offhook.env") && said.contains("give SYSCONFDIR=/etc;"), "{said}");
    }
    assert_eq!(machine.0.files(), before);
    machine.install(&[]);
    assert_ne!(fs::metadata(&program).unwrap().ino(), first, "the upgrade went to where the programs are");
    assert!(machine.make("uninstall", &[]).status.success());
    assert!(!Path::new(&program).exists());
    // Another place is free now, with the settings that stayed.
    machine.install(&["PREFIX=/usr/local"]);
}

#[test]
fn settings_in_another_folder_are_named_for_commands_by_hand() {
    let machine = Machine::new();
    let said = machine.install(&["SYSCONFDIR=/srv"]);
    assert!(said.contains("OFFHOOK_SETTINGS=/srv/offhook/offhook.env") && said.contains("SYSCONFDIR=/srv"), "{said}");
    assert!(!machine.install(&["PREFIX=/opt"]).contains("OFFHOOK_SETTINGS"), "the usual folder needs no word");
}

/// Ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_systemd_a_worker_that_talks_is_named_and_keeps_its_program() {
    let machine = Machine::new();
    // What runs for a while under the worker's name.
    let built = machine.0.path("built/offhook-worker");
    fs::copy("/bin/sleep", &built).unwrap();
    machine.install(&[]);
    let mut sleep = Command::new(machine.0.path("machine/usr/local/bin/offhook-worker"));
    let running = Running(sleep.arg("600").spawn().unwrap());
    let pid = running.0.id().to_string();
    // An upgrade gives the process an older file of the same name.
    machine.install(&[]);
    let before = machine.0.files();
    let said = machine.refused("uninstall", &[]);
    assert!(said.contains(&format!("process {pid}")) && said.contains(&format!("kill -TERM {pid}")), "{said}");
    assert!(said.contains("nothing was removed") && said.contains("FORCE=yes"), "{said}");
    assert!(said.contains("calls are under way"), "{said}");
    assert_eq!(machine.0.files(), before);
    assert!(machine.make("uninstall", &["FORCE=yes"]).status.success());
    assert!(!Path::new(&machine.0.path("machine/usr/local/bin/offhook-worker")).exists());
}

#[test]
fn without_systemd_an_upgrade_says_how_the_coordinator_that_runs_is_replaced() {
    let machine = Machine::new();
    machine.install(&[]);
    // Waits for a database that does not answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut run = Command::new(machine.0.path("machine/usr/local/bin/offhook"));
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    let run = run.args(["--settings", "", "run"]).env("OFFHOOK_DATABASE_URL", url).stderr(std::process::Stdio::null());
    let running = Running(run.spawn().unwrap());
    // It is the new program from then on, and asks for the database.
    let asked = silent.accept().unwrap();
    let said = machine.install(&[]);
    let pid = running.0.id();
    assert!(said.contains(&format!("process {pid}")) && said.contains(&format!("kill -HUP {pid}")), "{said}");
    let said = machine.refused("uninstall", &[]);
    assert!(said.contains("nothing was removed") && said.contains(&format!("kill -TERM {pid} lets it")), "{said}");
    drop(asked);
}

#[test]
fn uninstalling_names_the_folder_of_the_recordings() {
    let machine = Machine::new();
    machine.install(&[]);
    let settings = machine.0.read(SETTINGS) + "\nOFFHOOK_SPOOL=/srv/calls\n";
    fs::write(machine.0.path(SETTINGS), settings).unwrap();
    let output = machine.make("uninstall", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/srv/calls") && !said.contains("/var/lib/offhook"), "{said}");
    let nothing = machine.make("uninstall", &[]);
    let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(said.contains("there were no programs in /usr/local/bin"), "{said}");
}

#[test]
fn uninstalling_keeps_settings_and_secrets() {
    let machine = Machine::new();
    machine.install(&[]);
    fs::write(machine.0.path("machine/etc/offhook/secrets/trunk"), "hunter2").unwrap();
    let output = machine.make("uninstall", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("settings and secrets"), "{said}");
    let names: Vec<String> = machine.0.files().into_keys().filter(|name| name.starts_with("machine/")).collect();
    assert_eq!(names, [SETTINGS, "machine/etc/offhook/secrets/trunk"]);
    assert!(machine.make("uninstall", &[]).status.success(), "where there is nothing, too");
}

#[test]
fn systemd_takes_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("not tried: there is no systemd-analyze on this machine");
        return;
    }
    let machine = Machine::new();
    // A unit names programs by their real paths: of this folder, whose root is the machine's.
    let mut make = Command::new("make");
    make.args(["--silent", "install", "DESTDIR=/"]).arg(format!("PROGRAMS={}", machine.0.path("built")));
    make.arg(format!("PREFIX={}", machine.0.path("usr"))).arg(format!("SYSCONFDIR={}", machine.0.path("etc")));
    let made = make.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let unit = machine.0.path("usr/lib/systemd/system/offhook.service");
    let text = fs::read_to_string(&unit).unwrap();
    assert!(text.contains(&format!("ExecStart={} run\n", machine.0.path("usr/bin/offhook"))), "{text}");
    assert!(text.contains(&format!("OFFHOOK_SETTINGS={}\n", machine.0.path("etc/offhook/offhook.env"))), "{text}");
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !said.contains("offhook.service:"), "{said}");
}
