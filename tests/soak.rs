//! Calls in a row through one coordinator, each in a container of its own: nothing grows, and nothing is left over.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{
    callees::Manner,
    site::{SOON, Site},
};
use tokio::time::Instant;

/// Calls at once.
const ABREAST: usize = 4;
/// What memory, connections and open files may differ by: allocators and pools breathe.
const GROWTH_KB: u64 = 8 * 1024;
const FILES: usize = 12;
/// Calls after which the coordinator has everything it ever needs.
const WARM: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_calls_leave_nothing_behind() {
    soak(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by make chaos: it takes minutes"]
async fn five_hundred_calls_leave_nothing_behind() {
    soak(500).await;
}

/// What a coordinator holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    memory_kb: u64,
    files: usize,
}

fn held(pid: u32) -> Held {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory_kb = memory.trim().trim_end_matches(" kB").parse().unwrap();
    Held { memory_kb, files: std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() }
}

async fn soak(calls: usize) {
    let mut site = Site::new(&[("OFFHOOK_MAX_CALLS", "4")]).await;
    site.start_coordinator().await;
    let pid = site.coordinator_pid();
    let begun = Instant::now();
    let manner = |nth: usize| if nth.is_multiple_of(4) { Manner::Busy } else { Manner::AnswersAndHangsUp };
    let mut first = held(pid);
    for batch in (0..calls).step_by(ABREAST) {
        for nth in batch..(batch + ABREAST).min(calls) {
            site.insert(&site.callees.number(manner(nth), nth), &[("max_attempts", "1")]).await;
        }
        let done = format!("select count(*) = {} from attempts where settled_at is not null", (batch + ABREAST).min(calls));
        site.until_within(SOON, "the calls of this round are settled", &done).await;
        if batch + ABREAST == WARM {
            first = held(pid);
        }
    }
    let took = begun.elapsed();
    site.nothing_is_left_over().await;
    let last = held(pid);
    println!(
        "{calls} calls in {} s, {ABREAST} abreast; memory of the coordinator {} kB after {WARM} calls, {} kB after the last; open files {}, {}",
        took.as_secs(),
        first.memory_kb,
        last.memory_kb,
        first.files,
        last.files
    );
    assert!(last.memory_kb < first.memory_kb + GROWTH_KB, "{first:?} {last:?}");
    assert!(last.files < first.files + FILES, "{first:?} {last:?}");
    assert_eq!(site.ask("select count(*)::text from attempts where disposition not in ('busy', 'answered')").await, "0");
    assert_eq!(site.callees.rung_twice(), vec![]);
    assert_eq!(site.callees.invites(), calls);
    // Of workers nobody is connected any more, of coordinators no more than may be.
    let deadline = Instant::now() + SOON;
    let workers =
        "select count(*)::text from pg_stat_activity where datname = current_database() and application_name = 'offhook-worker'";
    while site.ask(workers).await != "0" {
        assert!(Instant::now() < deadline, "workers' connections are left over");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ours =
        "select (count(*) <= 11)::text from pg_stat_activity where datname = current_database() and application_name = 'offhook'";
    assert_eq!(site.ask(ours).await, "true", "ten of the pool and one that listens");
}
