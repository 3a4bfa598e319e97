//! `offhook setup` on a real Postgres: what it writes, what it keeps, and what it says to wrong answers.
#![allow(clippy::unwrap_used)]

#[path = "support/scratch.rs"]
mod scratch;

use std::process::{Command, Output, Stdio};

use scratch::Scratch;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// A machine to be set up: a folder for its files, a name for its database.
struct Machine {
    folder: Scratch,
    database: String,
    admin: String,
}

impl Machine {
    fn new() -> Machine {
        let admin = std::env::var("OFFHOOK_TEST_DATABASE_URL").expect("eval \"$(scripts/services.sh start)\"");
        let database = format!("setup_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        Machine { folder: Scratch::new("setup"), database, admin }
    }

    fn offhook(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
        command.env("OFFHOOK_SETTINGS", self.folder.path("etc/offhook.env")).env_remove("OFFHOOK_DATABASE_URL");
        command.stdin(Stdio::null());
        command
    }

    /// `offhook setup --no-start …`
    fn setup(&self, arguments: &[&str]) -> Output {
        self.offhook().args(["setup", "--no-start"]).args(arguments).output().unwrap()
    }

    /// Everything a machine without telephones needs.
    fn complete(&self) -> Vec<String> {
        let spool = self.folder.path("spool");
        [
            &["--admin-database-url", &self.admin, "--database-name", &self.database, "--no-provider-key", "--no-trunk"][..],
            &[
                "--launcher",
                "process",
                "--worker-program",
                "/bin/true",
                "--spool",
                &spool,
                "--provider-url",
                "http://127.0.0.1:9/v1",
            ],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    }

    fn set_up(&self, more: &[&str]) -> Output {
        let complete = self.complete();
        let arguments: Vec<&str> = complete.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.setup(&arguments)
    }

    async fn login(&self, file: &str) -> PgConnection {
        let url = self.folder.read(&format!("etc/secrets/{file}"));
        PgConnection::connect(&url).await.unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    async fn passwords(&self) -> Vec<(String, String)> {
        let mut admin = PgConnection::connect(&self.admin).await.unwrap();
        let roles = "select rolname::text, rolpassword from pg_authid where rolname like $1 order by 1";
        sqlx::query_as(roles).bind(format!("{}%", self.database)).fetch_all(&mut admin).await.unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.database.clone());
        // On a thread of its own: `drop` runs inside a test's runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let mut connection = PgConnection::connect(&admin).await?;
                connection.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await?;
                for role in [format!("{name}_worker_login"), format!("{name}_user_login"), name] {
                    connection.execute(AssertSqlSafe(format!("drop role if exists {role}"))).await?;
                }
                connection.close().await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the test's database {} stays behind", self.database);
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn flags_alone_make_a_machine_ready_and_a_second_run_changes_nothing() {
    let machine = Machine::new();
    let first = said(&machine.set_up(&["--voices", "de=onyx,en=nova"]));
    assert!(first.contains(&format!("done role {}_worker_login", machine.database)), "{first}");
    assert!(first.contains("ok   migrations: up to date") && first.contains("ok   launcher"), "the check is shown: {first}");
    assert!(first.contains("FAIL conversation: chat: 127.0.0.1:9 cannot be reached"), "{first}");

    let files = machine.folder.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let secrets = ["database_url", "user_database_url", "worker_database_url"].map(|name| format!("etc/secrets/{name}"));
    assert_eq!(names, [&["etc/offhook.env".to_owned()][..], &secrets].concat());
    assert!(files.values().all(|(mode, ..)| *mode == 0o600), "{names:?}");
    let settings = machine.folder.read("etc/offhook.env");
    assert!(settings.contains("\nOFFHOOK_VOICES=de=onyx,en=nova\n") && settings.contains("\n#OFFHOOK_LEASE=15s\n"), "{settings}");
    let passwords = machine.passwords().await;
    assert_eq!(passwords.len(), 3, "one login each for coordinator, workers and people");
    assert!(passwords.iter().all(|(role, _)| !settings.contains(&format!("{role}:"))), "no password is in the settings");

    for again in [machine.set_up(&[]), machine.setup(&[])] {
        let again = said(&again);
        assert!(again.contains("is as it should be") && again.matches("done ").count() == 1, "{again}");
        assert_eq!(machine.folder.files(), files);
        assert_eq!(machine.passwords().await, passwords);
    }
    let changed = said(&machine.setup(&["--lease", "20s"]));
    assert!(changed.contains("are written"), "{changed}");
    assert!(machine.folder.read("etc/offhook.env").contains("\nOFFHOOK_LEASE=20s\n"));
    assert!(machine.folder.read("etc/offhook.env").contains("\nOFFHOOK_VOICES=de=onyx,en=nova\n"), "what was there stays");
}

#[tokio::test]
async fn each_login_can_do_its_part_and_no_more() {
    let machine = Machine::new();
    machine.set_up(&[]);
    let mut coordinator = machine.login("database_url").await;
    let rights = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user";
    assert!(
        !sqlx::query_scalar::<_, bool>(rights).fetch_one(&mut coordinator).await.unwrap(),
        "it owns its schema, and that is all"
    );
    let mut user = machine.login("user_database_url").await;
    let day = "current_date + 30";
    let row = format!(
        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time) \
         values ('sip:alte-post@127.0.0.1', 'Alte Post', 'Europe/Berlin', 'Ada', '+4915112345678', 2, {day}, '19:30')"
    );
    user.execute(AssertSqlSafe(row)).await.unwrap();
    assert!(user.execute("update trunks set enabled = false").await.is_err(), "trunks are the owner's");
    coordinator.execute("update installation set sip_domains = '{127.0.0.1}'").await.unwrap();
    coordinator.execute("update calls set calling_from = '00:00', calling_to = '23:59:59'").await.unwrap();
    let claim =
        "select cardinality(claimed) from offhook_claim('c', 'here', 'main', '15 s', 20000, 20399, array[sha256('token')])";
    sqlx::query_scalar::<_, i32>(claim).fetch_one(&mut coordinator).await.expect("an owner without more rights can claim");
    let mut worker = machine.login("worker_database_url").await;
    assert!(worker.execute("select * from calls").await.is_err(), "a worker reads no table");
    let none = worker.execute("select worker_seen(1, 1, 'no token')").await;
    assert!(!none.is_err_and(|error| error.to_string().contains("permission denied")), "it may ask for its attempt");
}

#[tokio::test]
async fn what_is_missing_without_a_terminal_is_named_with_its_flag() {
    let machine = Machine::new();
    let url = machine.admin.clone();
    let named = ["--admin-database-url", &url, "--database-name", &machine.database];
    for (arguments, flag) in [
        (vec![], "--local-database"),
        (named.to_vec(), "--no-provider-key"),
        ([&named[..], &["--no-provider-key"]].concat(), "--no-trunk"),
        ([&named[..], &["--no-provider-key", "--trunk-name", "berlin"]].concat(), "--trunk-host"),
    ] {
        let output = machine.setup(&arguments);
        assert!(!output.status.success() && said(&output).contains(flag), "{arguments:?}: {}", said(&output));
        assert!(machine.folder.files().is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn wrong_answers_say_what_to_do_and_leave_nothing() {
    let machine = Machine::new();
    let complete = machine.complete();
    let with = |flag: &str, value: &str| {
        let mut arguments = complete.clone();
        match arguments.iter().position(|argument| argument == flag) {
            Some(place) => arguments[place + 1] = value.to_owned(),
            None => arguments.extend([flag.to_owned(), value.to_owned()]),
        }
        arguments
    };
    let trunk = |more: &[&str]| {
        let mut arguments = complete.clone();
        arguments.retain(|argument| argument != "--no-trunk");
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    };
    for (arguments, sentence) in [
        (with("--admin-database-url", "postgres://x:y@127.0.0.1:1/x"), "127.0.0.1:1/x cannot be used"),
        (with("--admin-database-url", "127.0.0.1/x"), "write postgres://"),
        (with("--database-name", "Robert'); drop"), "lower-case letters"),
        (with("--voices", "fr=nova"), "\"fr\" is not a language offhook speaks"),
        (with("--voices", "onyx"), "is not language=voice"),
        (with("--provider-url", "api.example.org"), "OFFHOOK_PROVIDER_URL cannot be used: \"api.example.org\" is not an http://"),
        (with("--provider-key-file", "/nowhere/key"), "--no-provider-key"),
        (with("--lease", "soon"), "--lease"),
        (with("--port-last", "20002"), "OFFHOOK_PORT_FIRST to OFFHOOK_PORT_LAST"),
        (with("--database-url", "postgres://a@b/c"), "give one of them"),
        (with("--worker-database-url", "postgres://x:y@127.0.0.1:1/x"), "goes with --database-url"),
        (trunk(&["--trunk-host", "sip:trunk.example.org"]), "sip: is left out"),
        (trunk(&["--trunk-host", "127.0.0.1:25070"]), "the port in the column port: 25070"),
        (trunk(&["--trunk-host", "a", "--trunk-transport", "carrier pigeon"]), "Use udp, tcp or tls"),
        (trunk(&["--trunk-host", "a", "--trunk-name", "../../x"]), "is not a word"),
        (trunk(&["--trunk-host", "a", "--trunk-username", "u", "--trunk-password-file", "/nowhere/p"]), "/nowhere/p"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = machine.setup(&arguments);
        assert!(!output.status.success() && said(&output).contains(sentence), "{arguments:?}: {}", said(&output));
        assert!(machine.folder.files().is_empty(), "{arguments:?}");
    }
    assert!(said(&machine.set_up(&[])).contains("are written"), "and the right answers are taken after all of that");
}

#[tokio::test]
async fn what_this_shell_knows_and_the_service_would_not_is_kept() {
    let machine = Machine::new();
    let mut arguments = machine.complete();
    arguments.retain(|argument| argument != "--no-provider-key" && argument != "--launcher" && argument != "process");
    let key = machine.folder.path("key");
    std::fs::write(&key, "sk-1\n").unwrap();
    let mut setup = machine.offhook();
    setup.args(["setup", "--no-start"]).args(&arguments).args(["--provider-key-file", &key]);
    let first = said(&setup.env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().unwrap());
    std::fs::remove_file(&key).unwrap();
    assert_eq!(machine.folder.read("etc/secrets/provider_key"), "sk-1", "{first}");
    let settings = machine.folder.read("etc/offhook.env");
    let kept = machine.folder.path("etc/secrets/provider_key");
    assert!(settings.contains(&format!("\nOFFHOOK_PROVIDER_KEY_FILE={kept}\n")), "{settings}");
    assert!(settings.contains("\nOFFHOOK_DOCKER_HOST=unix:///nowhere/docker.sock\n"), "{settings}");
    assert!(first.contains("FAIL launcher: the Docker Engine at unix:///nowhere/docker.sock"), "{first}");
}

#[tokio::test]
async fn a_trunk_is_a_row_and_a_file_and_is_changed_by_another_run() {
    let machine = Machine::new();
    let mut arguments = machine.complete();
    arguments.retain(|argument| argument != "--no-trunk");
    let password = machine.folder.path("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    let trunk = ["--trunk-host", "127.0.0.1", "--trunk-port", "9", "--trunk-username", "me", "--trunk-password-file", &password];
    let all: Vec<&str> = arguments.iter().map(String::as_str).chain(trunk).collect();
    let first = said(&machine.setup(&all));
    assert!(
        first.contains("done trunk trunk-1") && first.contains("FAIL trunk trunk-1: 127.0.0.1 port 9: OPTIONS was not answered"),
        "{first}"
    );
    assert_eq!(machine.folder.read("etc/secrets/trunk-trunk-1"), "hunter2");
    let mut database = machine.login("database_url").await;
    let row = "select concat_ws(' ', host, port, username, secret, caller_id) from trunks where name = 'trunk-1'";
    let row = async |database: &mut PgConnection| sqlx::query_scalar::<_, String>(row).fetch_one(database).await.unwrap();
    assert_eq!(row(&mut database).await, "127.0.0.1 9 me trunk-trunk-1 offhook");
    assert!(!said(&machine.setup(&all)).contains("done trunk"), "the second time nothing is to be done");
    assert!(said(&machine.setup(&["--trunk-caller-id", "+4930123456"])).contains("done trunk trunk-1"));
    assert_eq!(row(&mut database).await, "127.0.0.1 9 me trunk-trunk-1 +4930123456");
    let refused = said(&machine.setup(&["--trunk-caller-id", "sip:me", "--lease", "99s"]));
    assert!(refused.contains("is not the user part of an address"), "{refused}");
    assert!(!machine.folder.read("etc/offhook.env").contains("99s"), "nothing of a refused run is kept");
}

#[tokio::test]
async fn a_lost_password_is_made_anew_and_the_role_of_somebody_else_is_left_alone() {
    let machine = Machine::new();
    machine.set_up(&[]);
    let url = machine.folder.read("etc/secrets/worker_database_url");
    std::fs::remove_file(machine.folder.path("etc/secrets/worker_database_url")).unwrap();
    let cannot = said(&machine.setup(&[]));
    assert!(cannot.contains("worker_database_url"), "the settings name a file that is gone: {cannot}");
    std::fs::write(machine.folder.path("etc/secrets/worker_database_url"), "postgres://nobody@127.0.0.1:1/x").unwrap();
    let owner = said(&machine.setup(&[]));
    assert!(owner.contains("--admin-database-url"), "the owner may not create roles, so somebody has to: {owner}");
    let again = said(&machine.setup(&["--admin-database-url", &machine.admin, "--database-name", &machine.database]));
    assert!(again.contains(&format!("a new password for role {}_worker_login", machine.database)), "{again}");
    assert_ne!(machine.folder.read("etc/secrets/worker_database_url"), url);
    machine.login("worker_database_url").await;

    let other = Scratch::new("setup");
    let mut command = machine.offhook();
    command.env("OFFHOOK_SETTINGS", other.path("offhook.env")).args(["setup", "--no-start"]).args(machine.complete());
    let taken = said(&command.output().unwrap());
    assert!(taken.contains(&format!("there is a role {} already", machine.database)), "{taken}");
    assert!(other.files().is_empty());
}

#[tokio::test]
async fn an_owner_without_more_rights_is_enough_where_the_workers_login_is_given() {
    let machine = Machine::new();
    let name = &machine.database;
    let mut admin = PgConnection::connect(&machine.admin).await.unwrap();
    for statement in [
        format!("create role {name} login password 'o'"),
        format!("create role {name}_worker_login login password 'w'"),
        format!("create database {name} owner {name}"),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let place = machine.admin.rsplit_once('@').unwrap().1.rsplit_once('/').unwrap().0.to_owned();
    let (owner, worker) =
        (format!("postgres://{name}:o@{place}/{name}"), format!("postgres://{name}_worker_login:w@{place}/{name}"));
    let mut arguments: Vec<String> = machine.complete().split_off(4);
    arguments.extend(["--database-url".to_owned(), owner.clone()]);
    let run = |more: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        said(&machine.setup(&arguments))
    };
    let no_worker = run(&[]);
    assert!(no_worker.contains("give --worker-database-url"), "{no_worker}");
    // Whether the roles with the rights are there already depends on what else was set up on this server.
    admin.execute("do $$ begin create role offhook_worker nologin; exception when duplicate_object or unique_violation then null; end $$").await.unwrap();
    admin
        .execute(
            "do $$ begin create role offhook_user nologin; exception when duplicate_object or unique_violation then null; end $$",
        )
        .await
        .unwrap();
    let outside = run(&["--worker-database-url", &worker]);
    assert!(outside.contains("is not in role offhook_worker; run: grant offhook_worker"), "{outside}");
    assert!(machine.folder.files().is_empty());
    admin.execute(AssertSqlSafe(format!("grant offhook_worker to {name}_worker_login"))).await.unwrap();
    let good = run(&["--worker-database-url", &worker]);
    assert!(good.contains("ok   migrations: up to date"), "{good}");
    assert_eq!(machine.folder.read("etc/secrets/worker_database_url"), worker);
    // A database that setup has not made may have other users: who may connect to it stays as it was.
    let open = "select has_database_privilege('pg_read_all_stats', $1, 'connect')";
    assert!(sqlx::query_scalar::<_, bool>(open).bind(name).fetch_one(&mut admin).await.unwrap());
    assert_eq!(machine.folder.read("etc/secrets/database_url"), owner);
}

#[tokio::test]
async fn on_a_terminal_it_asks_and_what_is_there_is_the_default() {
    let machine = Machine::new();
    machine.set_up(&[]);
    let files = machine.folder.files();
    // Answers to: database, base URL, three models, voices, launcher, key, trunk.
    let typed = |answers: &str| {
        let program = env!("CARGO_BIN_EXE_offhook");
        let mut script = Command::new("script");
        script.args(["-qec", &format!("{program} setup --no-start"), "/dev/null"]);
        script.env("OFFHOOK_SETTINGS", machine.folder.path("etc/offhook.env")).env_remove("OFFHOOK_DATABASE_URL");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), answers.as_bytes()).unwrap();
        said(&child.wait_with_output().unwrap())
    };
    let asked = typed(&"\n".repeat(9));
    for part in ["[as it is]", "[http://127.0.0.1:9/v1]", "[whisper-1]", "[process]", "is as it should be", "ok   migrations"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert_eq!(machine.folder.files(), files, "return alone keeps everything");
    let asked = typed(
        "nonsense\npostgres://x:y@127.0.0.1:1/z\n\n\n\n\n\nfr=nova\nde=nova\n\nkey-of-ours\nsip:127.0.0.1\nlater\n\n+4930123456\n\
         127.0.0.1\nberlin-1\n\n+4930123456\n",
    );
    for again in
        ["begins with postgres://", "127.0.0.1:1/z cannot be used", "\"fr\" is not a language offhook speaks", "sip: is left out"]
    {
        assert!(asked.contains(again), "asked again: {again}: {asked}");
    }
    assert!(asked.contains("done trunk berlin-1"), "{asked}");
    assert!(machine.folder.read("etc/offhook.env").contains("\nOFFHOOK_VOICES=de=nova\n"));
    assert_eq!(machine.folder.read("etc/secrets/provider_key"), "key-of-ours");
}

/// A login of `machine`, led to another database of its server.
async fn elsewhere(machine: &Machine, file: &str, database: &str) -> Result<PgConnection, sqlx::Error> {
    let url = machine.folder.read(&format!("etc/secrets/{file}"));
    let (before, after) = url.rsplit_once('/').unwrap();
    let query = after.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    PgConnection::connect(&format!("{before}/{database}{query}")).await
}

async fn is_kept_out(machine: &Machine, database: &str) {
    for file in ["database_url", "user_database_url", "worker_database_url"] {
        let error = elsewhere(machine, file, database).await.map(|_| ()).expect_err(file).to_string();
        assert!(error.contains("permission denied for database"), "{file}: {error}");
    }
}

#[tokio::test]
async fn two_installations_on_one_server_do_not_reach_each_others_calls() {
    let (one, other) = (Machine::new(), Machine::new());
    one.set_up(&[]);
    other.set_up(&[]);
    is_kept_out(&one, &other.database).await;
    is_kept_out(&other, &one.database).await;
    for machine in [&one, &other] {
        for file in ["database_url", "user_database_url", "worker_database_url"] {
            machine.login(file).await;
        }
    }
    // A login that is lost, and made anew by another run, is let in again.
    let mut admin = PgConnection::connect(&one.admin).await.unwrap();
    let name = &one.database;
    admin
        .execute(AssertSqlSafe(format!(
            "revoke connect on database {name} from {name}_worker_login; drop role {name}_worker_login"
        )))
        .await
        .unwrap();
    let again = said(&one.setup(&["--admin-database-url", &one.admin, "--database-name", name]));
    assert!(again.contains(&format!("done role {name}_worker_login")), "{again}");
    one.login("worker_database_url").await;
}

#[tokio::test]
async fn an_upgrade_closes_the_database_that_setup_made_to_other_installations_and_to_nobody_else() {
    let (one, other) = (Machine::new(), Machine::new());
    one.set_up(&[]);
    other.set_up(&[]);
    let name = &one.database;
    let (own, app) = (format!("{name}_own"), format!("{name}_app"));
    let mut admin = PgConnection::connect(&one.admin).await.unwrap();
    let mut owner = one.login("database_url").await;
    // As the version before left it: open to all; with a login that a person has made, and an application's that has a table there.
    for statement in [
        format!("grant connect on database {name} to public; revoke connect on database {name} from {name}_user_login"),
        format!("create role {own} login password 'p' in role offhook_user; create role {app} login password 'p'"),
    ] {
        admin.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    owner.execute(AssertSqlSafe(format!("create table menus (dish text); grant select on menus to {app}"))).await.unwrap();
    elsewhere(&other, "user_database_url", name).await.expect("as it was");
    owner.execute("update installation set functions_checksum = 'of before'").await.unwrap();

    let migrated = one.offhook().arg("migrate").output().unwrap();
    assert!(migrated.status.success(), "{}", said(&migrated));

    is_kept_out(&other, name).await;
    one.login("user_database_url").await;
    one.login("worker_database_url").await;
    let place = one.admin.rsplit_once('@').unwrap().1.rsplit_once('/').unwrap().0.to_owned();
    for role in [&own, &app] {
        PgConnection::connect(&format!("postgres://{role}:p@{place}/{name}")).await.unwrap_or_else(|e| panic!("{role}: {e}"));
    }
    for statement in
        [format!("drop database if exists {name} with (force)"), format!("drop role {own}"), format!("drop role {app}")]
    {
        admin.execute(AssertSqlSafe(statement)).await.ok();
    }
}
