//! Sound on the wire: RTP in and out on a 20 ms clock, codecs, playout, recording, SDP. The only room that names codecs.
//!
//! Everything that decides is pure and takes `now` in milliseconds of the media clock; `session` owns the socket and the clock,
//! `recorder` the file. A tick reads what has come in, plays one frame in each direction and writes both to the recording:
//!
//! ```text
//! socket ─▶ latch ─▶ jitter ─▶ codec ─▶ Heard ──┐
//!                                               ├─▶ recorder
//! socket ◀─ rtp ◀─ codec ◀─ playout ◀─ play() ──┘
//! ```

pub mod clock;
pub mod codec;
pub mod dtmf;
pub mod early_sound;
pub mod error;
mod fuzz_signals;
mod fuzz_wire;
pub mod inbound;
pub mod jitter;
pub mod latch;
pub mod line;
pub mod negotiation;
pub mod outbound;
pub mod playout;
pub mod quality;
pub mod reception;
pub mod recorder;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod session;
pub mod srtp;
pub mod stun;

#[cfg(test)]
mod conversation_tests;
#[cfg(test)]
mod early_media_tests;
#[cfg(test)]
mod testing;

/// What the fuzz targets call. Nothing here may panic for any input, but where a property is broken.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::fuzz_signals::{dtmf, sdp};
    pub use crate::fuzz_wire::{rtcp, rtp, stun};
}

pub use error::MediaError;
pub use line::MediaEvent;
pub use negotiation::{Lookup, Negotiated};
pub use offhook::attempt::CodecName;
pub use recorder::{Recording, RecordingError};
pub use session::{EarlyMedia, MediaConfig, MediaHandle, MediaOutcome, MediaSession};
