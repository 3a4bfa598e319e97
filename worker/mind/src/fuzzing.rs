//! What the fuzz target `tool_call` calls. Nothing here may panic for any input, but where a property is broken.

use crate::{
    tool_calls::understand,
    tool_schemas::{ACCEPT_OFFER, END_CALL, REPORT_OUTCOME},
};

/// Arguments that a model gives a tool; the first byte says which one.
pub fn tool_call(bytes: &[u8]) {
    let Some((tool, arguments)) = bytes.split_first() else { return };
    let name = [ACCEPT_OFFER, REPORT_OUTCOME, END_CALL][usize::from(*tool) % 3];
    match understand(name, &String::from_utf8_lossy(arguments)) {
        Ok((_, journaled)) => assert!(journaled.is_object(), "{journaled}"),
        Err(told) => assert!(!told.is_empty(), "the model is told what is wrong"),
    }
}
