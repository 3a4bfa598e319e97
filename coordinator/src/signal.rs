//! The signals of the operating system: SIGTERM and Ctrl-C drain, SIGHUP hands over to the next coordinator (`systemctl reload`).

use tokio::signal::unix::{SignalKind, signal};

use crate::run::Shutdown;

/// The first SIGTERM or Ctrl-C drains, the second leaves; SIGHUP leaves at once, for a new program or new settings.
///
/// # Errors
/// Where the operating system takes no handler.
pub fn on_signals() -> std::io::Result<Shutdown> {
    let shutdown = Shutdown::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (told, handed_over) = (shutdown.clone(), shutdown.clone());
    tokio::spawn(async move {
        if hang_up.recv().await.is_some() {
            tracing::info!("told to hand over: calls under way are left to the next coordinator");
            handed_over.drain.cancel();
            handed_over.leave.cancel();
        }
    });
    tokio::spawn(async move {
        for token in [told.drain, told.leave] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
            tracing::info!("told to stop: no more claims; once more leaves running calls to the next coordinator");
        }
    });
    Ok(shutdown)
}
