//! `GET /v1/models`. Source: <https://platform.openai.com/docs/api-reference/models/list>.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{EAR_MODEL, Servers, TALKER_MODEL, VOICE_MODEL};

/// The models that answer here.
pub(super) async fn models(State(servers): State<Arc<Servers>>) -> Json<Value> {
    let talker = servers.talker.as_ref().map(|_| TALKER_MODEL);
    let models: Vec<Value> = [VOICE_MODEL, EAR_MODEL]
        .into_iter()
        .chain(talker)
        .map(|id| json!({"id": id, "object": "model", "created": 1_767_225_600, "owned_by": "offhook-sandbox"}))
        .collect();
    Json(json!({"object": "list", "data": models}))
}
