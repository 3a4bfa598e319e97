//! The standard output of commands. A reader that has gone (`offhook status | head -1`) is no error: what is left to write is dropped, and
//! [`closed`] lets a command end that would go on for ever.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write},
    sync::atomic::{AtomicBool, Ordering},
};

static CLOSED: AtomicBool = AtomicBool::new(false);
static FAILED: AtomicBool = AtomicBool::new(false);

/// Writes, as `print!` does; for [`crate::out`] and [`crate::outln`].
pub fn write(text: Arguments<'_>) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        CLOSED.store(true, Ordering::Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            FAILED.store(true, Ordering::Relaxed);
            eprintln!("offhook: the standard output cannot be written: {error}");
        }
    }
}

/// Whether nobody reads any more.
pub fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Whether something could not be written, for other reasons than that nobody reads.
pub fn failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

/// As `print!`, and without a panic where nobody reads.
#[macro_export]
macro_rules! out {
    ($($words:tt)*) => { $crate::output::write(format_args!($($words)*)) };
}

/// As `println!`, and without a panic where nobody reads.
#[macro_export]
macro_rules! outln {
    ($($words:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($words)*))) };
}
