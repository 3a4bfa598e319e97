//! Where a trunk fails before anybody was rung, the call goes over its fallback; where somebody was, nobody is rung again.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{
    carrier::{Carrier, header},
    installation::{CallResult, Installation},
};

const BUSY: &str = "486 Busy Here";
const OVERLOADED: &str = "503 Service Unavailable";
/// In the sandbox: a telephone that is engaged, and a restaurant that takes bookings.
const ENGAGED: &str = "+442079460108";
const ALTE_POST: &str = "+493023125102";

impl Installation {
    /// A trunk, preferred to those added after it.
    async fn trunk(&self, name: &str, host: &str, port: Option<u16>, fallback: &str) {
        let port = port.map_or("null".to_owned(), |port| port.to_string());
        self.run(&format!(
            "insert into trunks (name, host, port, transport, preference, calls_per_second, max_concurrent, fallback)
             values ('{name}', '{host}', {port}, 'udp', (select 10 + count(*) from trunks), 50, 10, '{fallback}')"
        ))
        .await;
    }

    async fn carrier(&self, name: &str, script: &[&str], fallback: &str) -> Carrier {
        let carrier = Carrier::answering(script).await;
        self.trunk(name, "127.0.0.1", Some(carrier.address.port()), fallback).await;
        carrier
    }

    async fn call(&self, number: &str) -> CallResult {
        let id = self.insert(number, &[]).await;
        self.settled(id).await
    }

    /// The trunk of the call's last attempt, and those that failed before it.
    async fn trunks_of(&self, call: i64) -> (String, String) {
        let query = "select trunk, coalesce((select string_agg(concat_ws(' ', f ->> 'trunk', f ->> 'sip_code'), ', ') \
                     from jsonb_array_elements(failed_trunks) f), '') from attempts where call_id = $1 order by number desc limit 1";
        sqlx::query_as(query).bind(call).fetch_one(&self.database.pool).await.unwrap()
    }

    async fn until(&self, what: &str, query: &str) {
        let asking = async {
            while self.ask(&format!("select ({query})::text")).await != "true" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
    }

    /// How often a telephone of the sandbox was rung under this Call-ID.
    fn rung_in_the_sandbox(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.join("sandbox.log")).unwrap();
        let calls = log.lines().filter(|line| line.contains("a call") && line.contains("call_id"));
        calls.map(|line| line.split("call_id").nth(1).unwrap_or_default().to_owned()).collect()
    }
}

/// Nobody listens there.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_table_is_booked_over_the_fallback_of_an_overloaded_trunk() {
    let installation = Installation::start().await;
    let carrier = installation.carrier("berlin", &[OVERLOADED], "{sandbox}").await;
    installation.run("update trunks set preference = 1 where name = 'berlin'").await;
    let result = installation.call(ALTE_POST).await;
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("finished", Some("answered")), "{result:#?}");
    assert!(result.outcome.is_some() && result.recording.is_some(), "{result:#?}");
    assert_eq!((result.attempts, installation.trunks_of(result.id).await), (1, ("sandbox".into(), "berlin 503".into())));

    let first = carrier.call_ids();
    assert_eq!(first.len(), 1, "one INVITE");
    let rung = installation.rung_in_the_sandbox();
    assert_eq!(rung.len(), 1, "one telephone rings once: {rung:?}");
    let second = installation.ask(&format!("select sip_call_id from attempts where call_id = {}", result.id)).await;
    assert!(rung[0].contains(&second), "the Call-ID of the row is the one on the wire: {rung:?} {second}");
    assert_eq!(second, first[0].replace('@', ".2@"), "and says which attempt it is of");
    let moved = "select detail ->> 'from' || ' ' || (detail ->> 'to') || ' ' || (detail ->> 'why') from events where kind = 'trunk_changed'";
    assert_eq!(installation.ask(moved).await, "berlin sandbox Service Unavailable");
}

#[tokio::test]
async fn a_silent_trunk_one_that_does_not_resolve_and_one_that_takes_no_tls_are_gone_round() {
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_RING", "3s")]).await;
    installation.trunk("nowhere", "trunk.invalid", Some(5060), "{}").await;
    installation.trunk("closed", "127.0.0.1", Some(closed_port()), "{}").await;
    installation.run("update trunks set transport = 'tls' where name = 'closed'").await;
    let carrier = installation.carrier("silent", &[], "{nowhere,closed,sandbox}").await;
    installation.run("update trunks set preference = 1 where name = 'silent'").await;
    let result = installation.call(ENGAGED).await;
    assert_eq!((result.disposition.as_deref(), result.sip_code), (Some("busy"), Some(486)), "{result:#?}");
    assert_eq!(installation.trunks_of(result.id).await, ("sandbox".into(), "silent, nowhere, closed".into()));
    assert_eq!(carrier.invites().len(), 1);
    let why = installation.ask("select failed_trunks -> 1 ->> 'why' from attempts").await;
    assert!(why.contains("cannot resolve trunk.invalid"), "{why}");
}

#[tokio::test]
async fn who_was_reached_is_not_rung_over_another_trunk() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[BUSY], "{}").await;
    let hamburg = installation.carrier("hamburg", &[BUSY], "{}").await;
    installation.run("update trunks set fallback = '{hamburg}', preference = 1 where name = 'berlin'").await;
    for (nth, (script, disposition)) in [
        (&[BUSY][..], "busy"),
        (&["603 Decline"], "rejected"),
        (&["600 Busy Everywhere"], "busy"),
        (&["604 Does Not Exist Anywhere"], "invalid_number"),
        (&["404 Not Found"], "invalid_number"),
        (&["180 Ringing", OVERLOADED], "no_answer"),
    ]
    .into_iter()
    .enumerate()
    {
        berlin.answer(script);
        let result = installation.call(&format!("+49301234567{nth}")).await;
        assert_eq!(result.disposition.as_deref(), Some(disposition), "{script:?}: {result:#?}");
        assert_eq!(installation.trunks_of(result.id).await, ("berlin".into(), String::new()), "{script:?}");
    }
    assert_eq!((berlin.invites().len(), hamburg.invites().len()), (6, 0));
}

#[tokio::test]
async fn where_every_trunk_fails_the_row_says_why_of_each() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[OVERLOADED], "{}").await;
    let _hamburg = installation.carrier("hamburg", &["403 Forbidden"], "{}").await;
    installation.run("update trunks set fallback = '{hamburg}', preference = 1 where name = 'berlin'").await;
    let id = installation.insert("+493012345678", &[]).await;
    installation.wait_for(id, "state = 'queued' and attempt = 1", Duration::from_secs(30)).await;
    let why = installation.result(id).await.why.unwrap();
    assert_eq!(why, "the trunk failed: berlin: Service Unavailable; hamburg: Forbidden");
    assert_eq!(
        installation.ask("select string_agg(name || failures, ' ' order by name) from trunks where failures > 0").await,
        "berlin1 hamburg1"
    );
    assert_eq!(installation.ask("select attempts_counted::text from calls").await, "0");
    assert_eq!(berlin.invites().len(), 1);
}

#[tokio::test]
async fn a_trunk_that_fails_rests_and_one_call_finds_out_whether_it_works_again() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[OVERLOADED], "{}").await;
    let hamburg = installation.carrier("hamburg", &[BUSY], "{}").await;
    installation
        .run(
            "update trunks set fallback = '{hamburg}', preference = 1, breaker_failures = 2, breaker_rest = '5 seconds' where name = 'berlin';
             update trunks set preference = 2 where name = 'hamburg'",
        )
        .await;
    for nth in 1..=2 {
        let result = installation.call(&format!("+49301234567{nth}")).await;
        assert_eq!(installation.trunks_of(result.id).await, ("hamburg".into(), "berlin 503".into()), "{result:#?}");
    }
    let state = "select state from trunk_status where name = 'berlin'";
    assert_eq!(installation.ask(state).await, "resting");
    let result = installation.call("+493012345673").await;
    assert_eq!(installation.trunks_of(result.id).await, ("hamburg".into(), String::new()), "nobody knocks at a trunk that rests");
    assert_eq!((berlin.invites().len(), hamburg.invites().len()), (2, 3));

    installation.until("it has rested", "select state = 'probing' from trunk_status where name = 'berlin'").await;
    let result = installation.call("+493012345674").await;
    assert_eq!(installation.trunks_of(result.id).await, ("hamburg".into(), "berlin 503".into()), "still broken, and gone round");
    assert_eq!(installation.ask(state).await, "resting", "one failure is enough this time");

    installation.until("it has rested again", "select state = 'probing' from trunk_status where name = 'berlin'").await;
    berlin.answer(&[BUSY]);
    let result = installation.call("+493012345675").await;
    assert_eq!(installation.trunks_of(result.id).await, ("berlin".into(), String::new()));
    assert_eq!(installation.ask(state).await, "ready");
}

#[tokio::test]
async fn retry_after_is_kept_by_the_trunk_and_by_the_call() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &["503 Service Unavailable\r\nRetry-After: 300 (maintenance)"], "{}").await;
    let hamburg = installation
        .carrier("hamburg", &["486 Busy Here\r\nRetry-After: 7200\r\nReason: Q.850;cause=17;text=\"busy\""], "{}")
        .await;
    installation.run("update trunks set fallback = '{hamburg}', preference = 1 where name = 'berlin'").await;
    let id = installation.insert("+493012345678", &[("max_attempts", "3")]).await;
    installation.wait_for(id, "state = 'queued' and attempt = 1", Duration::from_secs(30)).await;
    let told = installation.ask("select concat_ws(' ', disposition, cause, retry_after) from attempts").await;
    assert_eq!(told, "busy 17 7200");
    let kept = "select (due_at > now() + interval '115 minutes' and due_at < now() + interval '121 minutes')::text from calls";
    assert_eq!(installation.ask(kept).await, "true");
    let rests = "select (paused_until between now() + interval '4 minutes' and now() + interval '5 minutes')::text from trunks where name = 'berlin'";
    assert_eq!(installation.ask(rests).await, "true");
    assert_eq!((berlin.invites().len(), hamburg.invites().len()), (1, 1));
}

#[tokio::test]
async fn a_cause_says_what_the_code_leaves_open() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[BUSY], "{}").await;
    installation.run("update trunks set preference = 1 where name = 'berlin'").await;
    for (nth, (answer, disposition)) in [
        ("480 Temporarily Unavailable\r\nReason: Q.850;cause=17", "busy"),
        ("500 Server Internal Error\r\nReason: Q.850;cause=1", "invalid_number"),
        ("503 Service Unavailable\r\nReason: Q.850;cause=19", "no_answer"),
        ("403 Forbidden\r\nReason: Q.850;cause=21", "rejected"),
    ]
    .into_iter()
    .enumerate()
    {
        berlin.answer(&[answer]);
        let result = installation.call(&format!("+49301234567{nth}")).await;
        assert_eq!(result.disposition.as_deref(), Some(disposition), "{answer}: {result:#?}");
    }
}

#[tokio::test]
async fn an_invite_carries_what_its_trunk_wants_and_no_secret_of_it() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[BUSY], "{}").await;
    installation
        .run(
            "update trunks set preference = 1, from_domain = 'example.org', asserted_identity = 'tel:+4930123456', caller_id = '+4930123456',
                 headers = '{\"X-Customer\": \"1234\"}', session_expires = '30 minutes' where name = 'berlin'",
        )
        .await;
    installation.call("+493012345678").await;
    let invite = berlin.invites().pop().unwrap();
    assert!(invite.starts_with(&format!("INVITE sip:+493012345678@127.0.0.1:{} SIP/2.0", berlin.address.port())), "{invite}");
    assert!(header(&invite, "From").contains("sip:+4930123456@example.org"), "{invite}");
    assert_eq!(header(&invite, "X-Customer"), "1234", "{invite}");
    assert!(header(&invite, "P-Asserted-Identity").contains("tel:+4930123456"), "{invite}");
    assert!(header(&invite, "Session-Expires").starts_with("1800"), "{invite}");
}

#[tokio::test]
async fn every_trunk_gets_the_number_as_it_wants_it_written() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[OVERLOADED], "{}").await;
    let hamburg = installation.carrier("hamburg", &[OVERLOADED], "{}").await;
    let munich = installation.carrier("munich", &[BUSY], "{}").await;
    installation
        .run(
            "update trunks set preference = 1, fallback = '{hamburg,munich}', number_format = 'national', country_code = '49',
                 national_prefix = '0', dial_prefix = '#31#', user_phone = true, caller_id = '0301234567' where name = 'berlin'",
        )
        .await;
    installation.run("update trunks set number_format = 'international', dial_prefix = '9' where name = 'hamburg'").await;
    let result = installation.call("+493012345678").await;
    assert_eq!(installation.trunks_of(result.id).await, ("munich".into(), "berlin 503, hamburg 503".into()));
    for (carrier, user, parameters) in
        [(&berlin, "%2331%2303012345678", ";user=phone"), (&hamburg, "900493012345678", ""), (&munich, "+493012345678", "")]
    {
        let invite = carrier.invites().pop().unwrap();
        let uri = format!("sip:{user}@127.0.0.1:{}{parameters}", carrier.address.port());
        assert!(invite.starts_with(&format!("INVITE {uri} SIP/2.0\r\n")), "{invite}");
        assert_eq!(header(&invite, "To"), format!("<{uri}>"), "{invite}");
    }
    let from = berlin.invites().pop().unwrap();
    assert!(
        header(&from, "From").starts_with("<sip:0301234567@") && header(&from, "From").contains(";user=phone>;tag="),
        "{from}"
    );

    // The rules for numbers go by the row's own.
    installation.run("insert into do_not_call (number) values ('+493012345678')").await;
    let id = installation.insert("+493012345678", &[("request_key", "'again'")]).await;
    installation.wait_for(id, "state = 'cancelled'", Duration::from_secs(30)).await;
    assert_eq!(berlin.invites().len(), 1);

    // A number of another country, and a sip: URI, over the same trunk.
    for (number, uri) in
        [("+442079460108", "sip:%2331%2300442079460108@"), ("sip:trattoria@127.0.0.1:9", "sip:trattoria@127.0.0.1:9 ")]
    {
        berlin.answer(&[BUSY]);
        let id = installation.insert(number, &[("trunk", "'berlin'")]).await;
        installation.settled(id).await;
        let invite = berlin.invites().pop().unwrap();
        assert!(invite.starts_with(&format!("INVITE {uri}")), "{invite}");
    }
}

#[tokio::test]
async fn a_trunk_that_wants_it_is_registered_with_for_the_length_of_the_call() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[BUSY], "{sandbox}").await;
    installation
        .run("update trunks set preference = 1, register = '10 minutes', username = 'us', from_domain = 'example.org' where name = 'berlin'")
        .await;
    let result = installation.call("+493012345678").await;
    assert_eq!(installation.trunks_of(result.id).await, ("berlin".into(), String::new()));
    let told = berlin.registrations();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(header(&told[0], "To").contains("sip:us@example.org"), "{}", told[0]);
    let goodbye = format!("{} {}", header(&told[1], "Expires"), header(&told[1], "Contact"));
    assert!(goodbye.starts_with("0 ") || goodbye.contains("expires=0"), "it says goodbye: {}", told[1]);

    berlin.refuse_registration("403 Forbidden");
    let result = installation.call(ENGAGED).await;
    assert_eq!(installation.trunks_of(result.id).await, ("sandbox".into(), "berlin 403".into()));
    assert_eq!(berlin.invites().len(), 1, "who may not register does not call");
}

#[tokio::test]
async fn where_the_database_does_not_say_yes_nobody_is_dialled() {
    let installation = Installation::start().await;
    let berlin = installation.carrier("berlin", &[OVERLOADED], "{}").await;
    let hamburg = installation.carrier("hamburg", &[BUSY], "{}").await;
    installation.run("update trunks set fallback = '{hamburg}', preference = 1 where name = 'berlin'").await;
    installation.run("drop function worker_change_trunk").await;
    let id = installation.insert("+493012345678", &[]).await;
    installation.wait_for(id, "state = 'queued' and attempt = 1", Duration::from_secs(30)).await;
    assert_eq!(installation.trunks_of(id).await, ("berlin".into(), String::new()));
    assert_eq!((berlin.invites().len(), hamburg.invites().len()), (1, 0));
}
