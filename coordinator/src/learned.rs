//! What probes have learned of the providers' servers, for the workers: a server that refuses something is asked for it by a probe, and not
//! once more in every call.

use std::sync::{Arc, Mutex, PoisonError};

use offhook::provider::Provider;
use serde_json::{Map, Value};

/// Shared by those who probe and those who describe attempts.
#[derive(Debug, Clone, Default)]
pub struct LearnedServers(Arc<Mutex<Map<String, Value>>>);

impl LearnedServers {
    /// Remembers what a server has shown of itself while it worked, instead of what was known of it.
    pub fn note(&self, provider: Provider, learned: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(provider.as_str().to_owned(), learned);
    }

    /// What is known, as `ProviderSpecification::learned` has it.
    pub fn all(&self) -> Value {
        Value::Object(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
