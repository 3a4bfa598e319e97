//! `offhook call watch`: what happens in a call, as it happens.

use std::{collections::HashSet, time::Duration};

use offhook::{
    call::CallState,
    store::{
        calls,
        refusal::StoreError,
        watch::{events, turns},
    },
};
use serde_json::json;
use sqlx::{PgPool, postgres::PgListener};

use super::call::{CallError, line};
use crate::config::database::{ConnectError, DatabaseConfig};

/// The channel on which the database tells of events and turns; the payload is the call's number.
const EVENTS: &str = "offhook_events";
/// How often to look where nothing is told.
const LOOK: Duration = Duration::from_secs(1);

/// Follows a call until it is over or held, printing to standard output.
///
/// # Errors
/// [`CallError::Unknown`] where there is no such call, [`CallError::Store`] where the database fails.
pub async fn watch(pool: &PgPool, database: &DatabaseConfig, id: i64, as_json: bool) -> Result<(), CallError> {
    let url = database.listen_url().map_err(ConnectError::from)?;
    let mut listener = PgListener::connect(url.expose()).await.map_err(StoreError::from)?;
    listener.listen(EVENTS).await.map_err(StoreError::from)?;
    let mut last_event = 0;
    let mut said = HashSet::new();
    loop {
        let call = calls::find(pool, id).await?.ok_or(CallError::Unknown(id))?;
        for event in events(pool, id, last_event).await? {
            last_event = event.id;
            match as_json {
                true => println!("{}", json!({ "event": event })),
                false => println!("{} {} {}", event.at.format("%T%.3f"), event.kind, event.detail.0),
            }
        }
        for turn in turns(pool, id).await? {
            // A turn is told again when more of it was heard.
            if said.insert((turn.attempt, turn.number, turn.text.clone())) {
                match as_json {
                    true => println!("{}", json!({ "turn": turn })),
                    false => println!("             {}: {}", turn.speaker, turn.text),
                }
            }
        }
        if call.state.is_final() || call.state == CallState::Held {
            match as_json {
                true => println!("{}", json!({ "call": call })),
                false => println!("{}", line(&call)),
            }
            return Ok(());
        }
        // Told or not: look again. What was told of other calls wakes us for nothing, at most.
        let _ = tokio::time::timeout(LOOK, listener.recv()).await;
    }
}
