//! The first table: what a call costs, from the insert to the last packet. Run by `make bench`, which brings Postgres, a Docker
//! engine, release binaries and the release image. One part alone: `cargo bench --bench calls -- queue` (or invite, image, call).
//!
//! Every figure is measured from outside: on the wire, in the engine, in `/proc`, in the table.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use support::installation::Installation;
use tokio::{net::UdpSocket, sync::watch};

/// How many calls fall due at once, how often that is tried, and the aim.
const AT_ONCE: [(usize, usize, &str); 3] = [(1, 30, "150 p50, 250 p95"), (10, 5, ""), (50, 3, "")];
const CALLS: [&str; 3] = ["+442079460101", "+493023125101", "+31200000101"];
const QUEUE_ROWS: i64 = 1_000;

#[tokio::main]
async fn main() {
    println!("| what | p50 | p95 | aim |\n|---|---|---|---|");
    let chosen = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |part: &str| chosen.as_deref().is_none_or(|chosen| chosen == part);
    if wanted("invite") {
        insert_to_invite().await;
    }
    if wanted("image") {
        image_size().await;
    }
    if wanted("call") {
        cost_of_a_call().await;
    }
    if wanted("queue") {
        three_coordinators().await;
    }
}

/// From the insert to the INVITE on the wire, each in a container that did not exist before, with one or many calls due at once.
async fn insert_to_invite() {
    let ports = [("OFFHOOK_PORT_FIRST", "33000"), ("OFFHOOK_PORT_LAST", "33999"), ("OFFHOOK_MAX_CALLS", "60")];
    let installation = Installation::start_with(&[], &ports).await;
    let probe = Probe::listen().await;
    sqlx::query(
        "insert into trunks (name, host, port, calls_per_second, max_concurrent) values ('probe', '127.0.0.1', $1, 1000, 100)",
    )
    .bind(i32::from(probe.port))
    .execute(&installation.database.pool)
    .await
    .unwrap();
    let mut numbers = (0..).map(|n| format!("+44207946{n:04}"));
    for (at_once, rounds, aim) in AT_ONCE {
        let mut to_wire = Vec::new();
        for _ in 0..rounds {
            let numbers: Vec<String> = numbers.by_ref().take(at_once).collect();
            let inserted = Instant::now();
            installation.run(&insert_all(&numbers)).await;
            for number in &numbers {
                to_wire.push(probe.arrived(number).await.duration_since(inserted).as_secs_f64() * 1000.0);
            }
            while installation.ask("select count(*)::text from calls where state <> 'finished'").await != "0" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        row(&format!("insert to INVITE on the wire, cold containers, {at_once} due at once, ms"), &mut to_wire, aim);
        if at_once == 1 {
            let mut claims: Vec<f64> = sqlx::query_scalar(
                "select (extract(epoch from a.created_at - c.created_at) * 1000)::float8
                   from attempts a join calls c on c.id = a.call_id",
            )
            .fetch_all(&installation.database.pool)
            .await
            .unwrap();
            row("insert to claim, idle queue, ms", &mut claims, "10 p50");
        }
    }
}

/// One statement for all of them.
fn insert_all(numbers: &[String]) -> String {
    format!(
        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
                            calling_from, calling_to, max_attempts, trunk)
         select n, 'R', 'Europe/London', 'Ada', '+4915112345678', 2, current_date + 7, '19:30', '00:00', '24:00', 1, 'probe'
           from unnest('{{{}}}'::text[]) n",
        numbers.join(",")
    )
}

/// A trunk that answers every INVITE with 486 and knows when each number's came first.
struct Probe {
    port: u16,
    arrivals: watch::Receiver<HashMap<String, Instant>>,
}

impl Probe {
    async fn listen() -> Probe {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let (told, arrivals) = watch::channel(HashMap::new());
        tokio::spawn(async move {
            let mut datagram = vec![0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
                let now = Instant::now();
                let message = String::from_utf8_lossy(&datagram[..length]).into_owned();
                let Some(number) = message.strip_prefix("INVITE sip:").and_then(|rest| rest.split('@').next()) else { continue };
                told.send_modify(|arrivals: &mut HashMap<String, Instant>| {
                    arrivals.entry(number.to_owned()).or_insert(now);
                });
                let mut answer = String::from("SIP/2.0 486 Busy Here\r\n");
                for header in ["Via", "From", "To", "Call-ID", "CSeq"] {
                    let name = format!("{}:", header.to_ascii_lowercase());
                    answer.push_str(message.lines().find(|line| line.to_ascii_lowercase().starts_with(&name)).unwrap());
                    answer.push_str(if header == "To" { ";tag=probe\r\n" } else { "\r\n" });
                }
                answer.push_str("Content-Length: 0\r\n\r\n");
                socket.send_to(answer.as_bytes(), from).await.unwrap();
            }
        });
        Probe { port, arrivals }
    }

    async fn arrived(&self, number: &str) -> Instant {
        let mut arrivals = self.arrivals.clone();
        let there = arrivals.wait_for(|arrivals| arrivals.contains_key(number));
        tokio::time::timeout(Duration::from_secs(60), there).await.expect("every call is dialled").unwrap()[number]
    }
}

async fn image_size() {
    let installation = Installation::start().await;
    let image = std::env::var("OFFHOOK_TEST_IMAGE").unwrap();
    let bytes: f64 = installation.docker(&["image", "inspect", "--format", "{{.Size}}", &image]).parse().unwrap();
    println!("| worker image, MB | {:.1} | | 20 |", bytes / 1e6);
}

/// Peak memory and processor time of the worker's process over a whole call.
async fn cost_of_a_call() {
    let installation = Installation::start().await;
    let (mut memory, mut processor, mut latency) = (Vec::new(), Vec::new(), Vec::new());
    for number in CALLS {
        let call = installation.insert(number, &[]).await;
        installation.talking(call).await;
        let container = installation.containers().pop().unwrap();
        let pid = installation.docker(&["inspect", "--format", "{{.State.Pid}}", &container]);
        let (mut peak, mut ticks) = (0.0, 0.0);
        while let (Some(high_water), Some(used)) = (peak_kb(&pid), cpu_ticks(&pid)) {
            (peak, ticks) = (high_water, used);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let result = installation.settled(call).await;
        memory.push(peak / 1000.0);
        processor.push(ticks / 100.0 / result.talked_seconds.unwrap() * 100.0);
    }
    let mut answers: Vec<f64> = sqlx::query_scalar("select (detail ->> 'ms')::float8 from events where kind = 'answer_latency'")
        .fetch_all(&installation.database.pool)
        .await
        .unwrap();
    latency.append(&mut answers);
    row("worker's peak memory in a call, MB", &mut memory, "25");
    row("worker's CPU in a call, % of a core", &mut processor, "");
    row("end of turn detected to the agent's first sound, ms", &mut latency, "");
}

fn peak_kb(pid: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn cpu_ticks(pid: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// Three coordinators on one queue: how often a call is launched more than once.
async fn three_coordinators() {
    let mut installation = Installation::idle(&[]).await;
    let runs = installation.folder.join("runs");
    let worker = installation.folder.join("worker.sh");
    let report = r#"{"disposition":"busy","sip_code":486}"#;
    std::fs::write(
        &worker,
        format!(
            "#!/bin/sh\necho \"$1\" >> {}\nspool=$(dirname \"$1\")\necho '{report}' > \"$spool/report.part\"\nmv \"$spool/report.part\" \"$spool/report.json\"\n",
            runs.display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
    sqlx::query(
        "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
                            calling_from, calling_to, max_attempts, trunk)
         select '+44207' || lpad(n::text, 7, '0'), 'R', 'Europe/London', 'Ada', '+4915112345678', 2, current_date + 7, '19:30',
                '00:00', '24:00', 1, 'sandbox' from generate_series(1, $1) n",
    )
    .bind(QUEUE_ROWS)
    .execute(&installation.database.pool)
    .await
    .unwrap();
    sqlx::query("update trunks set max_concurrent = 1000, calls_per_second = 1000 where name = 'sandbox'")
        .execute(&installation.database.pool)
        .await
        .unwrap();
    let begun = Instant::now();
    for host in ["one", "two", "three"] {
        installation
            .add_coordinator(&[
                ("OFFHOOK_HOST", host),
                ("OFFHOOK_LAUNCHER", "process"),
                ("OFFHOOK_WORKER_PROGRAM", worker.to_str().unwrap()),
                ("OFFHOOK_SPOOL", installation.folder.join(host).to_str().unwrap()),
            ])
            .await;
    }
    while installation.ask("select count(*)::text from calls where state <> 'finished'").await != "0" {
        assert!(begun.elapsed() < Duration::from_secs(300), "the queue does not drain");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // From the first claim on: starting a coordinator, which asks the model servers first, is no work of the queue.
    let seconds: f64 = sqlx::query_scalar("select extract(epoch from max(settled_at) - min(created_at))::float8 from attempts")
        .fetch_one(&installation.database.pool)
        .await
        .unwrap();
    let mut launches: HashMap<String, u32> = HashMap::new();
    for line in std::fs::read_to_string(&runs).unwrap().lines() {
        let folder = line.rsplit('/').nth(1).unwrap().split('-').next().unwrap().to_owned();
        *launches.entry(folder).or_default() += 1;
    }
    let twice = launches.values().filter(|count| **count > 1).count();
    let lost = QUEUE_ROWS as usize - launches.len();
    println!("| launched twice, of {QUEUE_ROWS} calls by three coordinators | {twice} | | 0 |");
    println!("| lost, of the same | {lost} | | 0 |");
    println!(
        "| the same, calls a second through claim, launch of a process and settling, from the first claim on | {:.0} | | |",
        QUEUE_ROWS as f64 / seconds
    );
}

fn row(what: &str, values: &mut [f64], aim: &str) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(f64::NAN);
    println!("| {what} | {:.1} | {:.1} | {aim} |", at(0.5), at(0.95));
}
