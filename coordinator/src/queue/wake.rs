//! Wake-ups that are never lost: a flag that stays up until it is taken, and a waker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    task::Context,
};

use futures::task::AtomicWaker;

/// Tells the queue to look again. Any number of wake-ups before the look are one.
#[derive(Debug, Default)]
pub struct Wake {
    raised: AtomicBool,
    waker: AtomicWaker,
}

impl Wake {
    /// The queue may have changed.
    pub fn wake(&self) {
        self.raised.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Has the task of `cx` polled at the next wake-up.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Whether there was a wake-up since the last time.
    pub(super) fn take(&self) -> bool {
        self.raised.swap(false, Ordering::AcqRel)
    }
}
