//! Drain and upgrade while people are on the line: nothing new is claimed by who leaves, nobody is hung up on, every call has its end.
#![allow(clippy::unwrap_used)]

mod support;

use std::{process::Command, time::Duration};

use sqlx::migrate::Migrator;
use support::{
    callees::{Act, Manner},
    site::{SOON, Site},
};

/// Calls that talk while everything around them changes.
const TALKING: usize = 20;

/// So many calls on the line; their numbers.
async fn talk(site: &Site, count: usize, first: usize) -> Vec<String> {
    let numbers: Vec<String> = (first..first + count).map(|nth| site.callees.number(Manner::AnswersAndWaits, nth)).collect();
    for number in &numbers {
        site.insert(number, &[]).await;
    }
    for number in &numbers {
        site.callees.until(number, SOON, "talking", |seen| seen.talking).await;
    }
    site.until("talking is written", &format!("select count(*) filter (where state = 'talking') >= {count} from calls")).await;
    numbers
}

fn nobody_was_hung_up_on(site: &Site, numbers: &[String]) {
    for number in numbers {
        let seen = site.callees.seen(number);
        assert_eq!((seen.invites.len(), seen.hung_up_on), (1, 0), "{number}: {seen:?}");
    }
}

/// They hang up; every call comes to an end, in one attempt.
async fn all_end(site: &Site, numbers: &[String]) {
    numbers.iter().for_each(|number| site.callees.tell(number, Act::HangUp));
    site.until("all have ended", "select count(*) filter (where settled_at is null) = 0 from attempts").await;
    nobody_was_hung_up_on(site, numbers);
    assert_eq!(site.ask("select count(*)::text from attempts where disposition <> 'answered'").await, "0");
    assert_eq!(site.ask("select (count(*) = count(distinct call_id))::text from attempts").await, "true");
    assert_eq!(site.callees.rung_twice(), vec![]);
    site.nothing_is_left_over().await;
}

fn signal(pid: u32) {
    send("-TERM", pid);
}

fn send(which: &str, pid: u32) {
    assert!(Command::new("kill").args([which, &pid.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drains_claims_nothing_new_and_talks_every_call_to_its_end() {
    let mut site = Site::new(&[("OFFHOOK_LEASE", "3s")]).await;
    site.start_coordinator().await;
    let numbers = talk(&site, 5, 0).await;
    let leaving = site.take_coordinator();
    signal(leaving.id());
    leaving.wait_for_line("no more claims", SOON).await;
    let late = site.callees.number(Manner::AnswersAndHangsUp, 99);
    let call = site.insert(&late, &[]).await;
    // A whole lease later it is renewed still, so that nobody takes the calls over.
    let first = site.ask("select max(lease_until)::text from calls where state = 'talking'").await;
    let renewed =
        format!("select bool_and(lease_until > '{first}'::timestamptz + interval '3 s') from calls where state = 'talking'");
    site.until("the leases are renewed", &renewed).await;
    nobody_was_hung_up_on(&site, &numbers);
    assert_eq!(site.ask(&format!("select state::text from calls where id = {call}")).await, "queued");
    assert_eq!(
        site.ask("select bool_and(lease_until > clock_timestamp())::text from calls where state = 'talking'").await,
        "true"
    );
    all_end(&site, &numbers).await;
    leaving.ends(SOON).await;
    assert_eq!(site.callees.seen(&late).invites.len(), 0);
    // Whoever comes next makes it.
    site.start_coordinator().await;
    site.callees.until(&late, SOON, "talking", |seen| seen.talking).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_drops_nobody() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    let numbers = talk(&site, TALKING, 0).await;
    let old = site.ask("select min(claimed_by) from calls").await;

    let leaving = site.take_coordinator();
    site.start_coordinator().await;
    signal(leaving.id());
    leaving.wait_for_line("no more claims", SOON).await;
    let more = talk(&site, 3, 100).await;
    assert_eq!(site.ask(&format!("select count(*)::text from calls where id > {TALKING} and claimed_by = '{old}'")).await, "0");
    assert_eq!(site.ask(&format!("select count(*)::text from calls where claimed_by = '{old}'")).await, TALKING.to_string());

    // Once more: it leaves at once, and the containers go on.
    signal(leaving.id());
    leaving.ends(Duration::from_secs(30)).await;
    site.until("all are adopted", &format!("select count(*) filter (where claimed_by = '{old}') = 0 from calls")).await;
    let numbers = [numbers, more].concat();
    nobody_was_hung_up_on(&site, &numbers);
    all_end(&site, &numbers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_the_unit_drops_nobody() {
    // Nobody waits for a lease to run out: it is given up.
    let mut site = Site::new(&[("OFFHOOK_LEASE", "10m")]).await;
    site.start_coordinator().await;
    let numbers = talk(&site, 5, 0).await;
    let old = site.ask("select min(claimed_by) from calls").await;
    // What systemd does: the old one is told, and when it has ended the new one is started.
    let leaving = site.take_coordinator();
    send("-HUP", leaving.id());
    leaving.ends(Duration::from_secs(30)).await;
    nobody_was_hung_up_on(&site, &numbers);
    site.start_coordinator().await;
    site.until("all are adopted", &format!("select count(*) filter (where claimed_by = '{old}') = 0 from calls")).await;
    let more = talk(&site, 2, 100).await;
    let numbers = [numbers, more].concat();
    all_end(&site, &numbers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_changes_under_calls_that_talk() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    let numbers = talk(&site, 8, 0).await;

    // The functions anew, as an upgrade applies them.
    site.ask("update installation set functions_checksum = null returning id").await;
    let migrated = site.command(&["migrate"]).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert_eq!(site.ask("select (functions_checksum is not null)::text from installation").await, "true");

    // A numbered step that touches every table a call writes to.
    let folder = site.folder.join("steps");
    std::fs::create_dir(&folder).unwrap();
    let step = "alter table calls add column later_idea text;
                alter table attempts add column later_idea text default 'none';
                alter table events add column later_idea int;
                alter table turns add column later_idea int;
                alter table trunks add column later_idea int not null default 1;
                create index later_index on attempts (later_idea);";
    std::fs::write(folder.join("9001_a_later_idea.sql"), step).unwrap();
    let mut steps = Migrator::new(folder.as_path()).await.unwrap();
    steps.set_ignore_missing(true).run(&site.database.pool).await.unwrap();

    // Who is on the line stays, and new calls are made by the coordinator that was there before.
    let more = talk(&site, 4, 100).await;
    let numbers = [numbers, more].concat();
    nobody_was_hung_up_on(&site, &numbers);
    all_end(&site, &numbers).await;
}
