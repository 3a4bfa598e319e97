//! `offhook call watch`: what happens in calls, as it happens.

use std::{collections::HashSet, time::Duration};

use offhook::{
    call::CallState,
    store::{
        calls,
        error::StoreError,
        events::{EventRow, TurnRow, events, turns},
    },
};
use serde_json::json;
use sqlx::{PgPool, postgres::PgListener};

use super::{call_error::CallError, call_line::line};
use crate::config::database::{ConnectError, DatabaseConfig};

/// The channels on which the database announces events, turns and changes of state.
const CHANNELS: [&str; 2] = ["offhook_events", "offhook_calls"];
/// How often to look without a notification.
const LOOK: Duration = Duration::from_secs(1);

/// Follows calls until each is over or held, printing to standard output.
///
/// # Errors
/// [`CallError::Unknown`] where there is no such call, [`CallError::Store`] where the database fails.
pub async fn watch(pool: &PgPool, database: &DatabaseConfig, ids: &[i64], as_json: bool) -> Result<(), CallError> {
    let url = database.listen_url().map_err(ConnectError::from)?;
    let mut listener = PgListener::connect(url.expose()).await.map_err(StoreError::from)?;
    listener.listen_all(CHANNELS).await.map_err(StoreError::from)?;
    let mut watched: Vec<Watched> = ids.iter().map(|id| Watched::new(*id)).collect();
    loop {
        let mut over = true;
        for call in watched.iter_mut().filter(|call| !call.over) {
            call.look(pool, as_json).await?;
            over &= call.over;
        }
        if over || crate::output::closed() {
            return Ok(());
        }
        // Told or not: look again. What was told of other calls wakes us for nothing, at most.
        let _ = tokio::time::timeout(LOOK, listener.recv()).await;
    }
}

/// One call and how far it was printed.
struct Watched {
    id: i64,
    last_event: i64,
    said: HashSet<(i32, i32)>,
    over: bool,
}

impl Watched {
    fn new(id: i64) -> Self {
        Watched { id, last_event: 0, said: HashSet::new(), over: false }
    }

    async fn look(&mut self, pool: &PgPool, as_json: bool) -> Result<(), CallError> {
        // The state is read first: what belongs to it is there by then, and is printed before the end is.
        let call = calls::find(pool, self.id).await?.ok_or(CallError::Unknown(self.id))?;
        let name = &call.restaurant_name;
        for event in events(pool, self.id, self.last_event).await? {
            self.last_event = event.id;
            match as_json {
                true => crate::outln!("{}", json!({ "call_id": self.id, "event": event })),
                false => show(&event).into_iter().for_each(|text| print_line(&event.at.format("%T").to_string(), name, &text)),
            }
        }
        for turn in turns(pool, self.id).await? {
            // A turn is told again when more of it was heard; people see the agent's words when they are spoken.
            if as_json || self.said.insert((turn.attempt, turn.number)) {
                match as_json {
                    true => crate::outln!("{}", json!({ "call_id": self.id, "turn": turn })),
                    false => heard(&turn).into_iter().for_each(|text| print_line("", name, &text)),
                }
            }
        }
        if call.state.is_final() || call.state == CallState::Held {
            self.over = true;
            match as_json {
                true => crate::outln!("{}", json!({ "call": call })),
                false => crate::outln!("{}", line(&call)),
            }
        }
        Ok(())
    }
}

fn print_line(time: &str, name: &str, text: &str) {
    crate::outln!("{time:>8}  {name:<18.18}  {text}");
}

/// An event in words for people; nothing for those that only explain.
fn show(event: &EventRow) -> Option<String> {
    let detail = &event.detail.0;
    let text = |key: &str| detail.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    Some(match event.kind.as_str() {
        "claimed" => format!("· claimed, through trunk {}", text("trunk")?),
        "invite_sent" => "· dialling".to_owned(),
        "ringing" => "· ringing".to_owned(),
        "talking" => format!("· answered, {}", text("codec")?),
        "saying" => format!("agent   ▸ {}", text("text")?),
        "language" => format!("· speaks {}", text("language").or_else(|| text("to"))?),
        "line_ended" if text("how").as_deref() == Some("bye") => "· hangs up".to_owned(),
        "line_ended" => format!("· the line went down: {}", text("why").unwrap_or_default()),
        "rang_out" => "· nobody picks up".to_owned(),
        "ended" => match text("outcome").filter(|outcome| outcome != "null") {
            Some(outcome) => format!("· ended: {}, {outcome}", text("disposition")?),
            None => format!("· ended: {}", text("disposition")?),
        },
        "settled" => format!("· {}: {}", text("state")?, text("why")?),
        _ => return None,
    })
}

fn heard(turn: &TurnRow) -> Option<String> {
    (turn.speaker == "callee").then(|| format!("callee  ◂ {}", turn.text))
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;

    fn event(kind: &str, detail: serde_json::Value) -> EventRow {
        EventRow { id: 1, attempt: Some(1), at: Utc::now(), kind: kind.to_owned(), detail: Json(detail) }
    }

    #[test]
    fn people_see_words_and_steps_and_no_machinery() {
        assert_eq!(show(&event("saying", json!({ "text": "Hello." }))).as_deref(), Some("agent   ▸ Hello."));
        assert_eq!(show(&event("ended", json!({ "disposition": "busy", "outcome": null }))).as_deref(), Some("· ended: busy"));
        assert_eq!(show(&event("answer_latency", json!({ "ms": 80 }))), None);
    }
}
