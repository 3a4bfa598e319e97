//! One conversation, from the answer to the end: feeds the mind what happens and carries out what it wants done.
//!
//! Everything outside is behind a port: the line, the ear, the recogniser, the model, the voice, the journal. The clock is tokio's,
//! which tests pause. Nothing here decides anything or keeps a bound of its own: that is the mind's.

pub mod driver;
pub mod event_log;
#[doc(hidden)]
pub mod fuzzing;
pub mod measured;
pub mod ports;
mod possible;
pub mod replay;
mod setup;
pub mod text;
mod voices;

#[cfg(test)]
mod rehearsal;

pub use driver::converse;
pub use event_log::EventLog;
pub use setup::Setup;
