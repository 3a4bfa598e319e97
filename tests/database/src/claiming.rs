//! Attempts as a coordinator begins them.

use std::time::Duration;

use offhook::{
    secret::Secret,
    store::{
        claim::{Claimant, claim},
        leases::AttemptId,
    },
};

use crate::TestDatabase;

/// One attempt under way.
pub struct StartedAttempt {
    /// The call.
    pub call_id: i64,
    /// From 1.
    pub attempt: i32,
    /// What its worker opens the database with.
    pub token: Secret,
}

/// A coordinator on a machine called `host`.
pub fn claimant(name: &str, host: &str) -> Claimant {
    Claimant {
        coordinator: name.into(),
        host: host.into(),
        namespace: "test".into(),
        lease: Duration::from_secs(15),
        port_first: 20_000,
        port_last: 29_999,
        servers: Vec::new(),
    }
}

/// The first attempt of a call.
pub fn first_attempt(call_id: i64) -> AttemptId {
    AttemptId { call_id, attempt: 1 }
}

impl TestDatabase {
    /// Ends the current attempt of a live call and moves the call on, as a coordinator that settles it does.
    pub async fn move_on(&self, call_id: i64, state: &str) {
        self.run(format!(
            "begin; \
             select offhook_finish_attempt(id, attempt, '{{\"disposition\": \"trunk_failure\"}}') from calls where id = {call_id}; \
             update calls set state = '{state}' where id = {call_id}; \
             update attempts set settled_at = clock_timestamp() where call_id = {call_id} and settled_at is null; \
             delete from port_leases where call_id = {call_id}; \
             commit"
        ))
        .await;
    }

    /// Claims the call before all others, as a coordinator does. The hour, the time since the last call to the number and an earlier
    /// attempt do not keep it from that; where there is no trunk for telephone numbers, one is made.
    pub async fn start_attempt(&self, call_id: i64) -> StartedAttempt {
        if self.one(format!("select state in ('claimed', 'dialing', 'talking') from calls where id = {call_id}")).await {
            self.move_on(call_id, "queued").await;
        }
        self.run(format!(
            "update installation set quiet_time = '0', calls_per_day = 100000; \
             insert into trunks (name, host, calls_per_second) select 'lab', '127.0.0.1', 1000 \
              where not exists (select from trunks where host is not null); \
             update calls set state = 'queued', calling_from = '00:00', calling_to = '24:00', \
                    due_at = least(now(), (select min(turn_at) from calls)) - interval '1 second' \
              where id = {call_id}"
        ))
        .await;
        loop {
            let claimed =
                claim(&self.pool, &Claimant { lease: Duration::from_secs(60), ..claimant("test", "test") }, 1).await.unwrap();
            match (claimed.calls.into_iter().next(), claimed.wait) {
                (Some(fresh), _) => {
                    assert_eq!(fresh.call.id, call_id, "it is the next one in the queue");
                    return StartedAttempt { call_id, attempt: fresh.call.attempt, token: fresh.token };
                }
                (None, Some(wait)) => tokio::time::sleep(wait).await,
                (None, None) => panic!("call {call_id} cannot be claimed: {:?}", self.state(call_id).await),
            }
        }
    }
}
