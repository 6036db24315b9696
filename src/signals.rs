//! The user's wish to stop.

use crate::ui::progress::Progress;
use formwork_engine::Cancel;
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the engine may take to give up its calls after the second signal.
const GRACE: Duration = Duration::from_secs(1);

/// Raises `cancel` at each SIGINT and SIGTERM, and says what that means. After the second one the process ends, whatever it
/// is doing: the lock frees itself, and the journal has what is needed.
///
/// The signals have a thread of their own, since evaluation keeps the other threads as long as it likes.
pub fn watch(cancel: Cancel, progress: Arc<Progress>) {
    let (ready, registered) = mpsc::channel::<()>();
    let progress = Arc::downgrade(&progress);
    let watcher = std::thread::Builder::new().name("signals".into());
    let spawned = watcher.spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            let (Ok(interrupt), Ok(terminate)) = signals else { return };
            let _ = ready.send(());
            obey(interrupt, terminate, &cancel, &progress).await;
        });
    });
    if spawned.is_ok() {
        // Ends when the signals are registered, or when they cannot be: then they do what they do by default.
        let _ = registered.recv();
    }
}

async fn obey(mut interrupt: Signal, mut terminate: Signal, cancel: &Cancel, progress: &Weak<Progress>) {
    loop {
        let received = tokio::select! {
            received = interrupt.recv() => received,
            received = terminate.recv() => received,
        };
        if received.is_none() {
            return;
        }
        // The run is over: there is nothing left to be careful with.
        let Some(progress) = progress.upgrade() else { std::process::exit(1) };
        cancel.raise();
        match cancel.level() {
            1 => progress.say(
                "\nInterrupt received.\nPlease wait for Formwork to exit or data loss may occur.\nGracefully shutting \
                 down...\n\nStopping operation...",
            ),
            2 => {
                let end = std::thread::Builder::new().name("end".into()).spawn(|| {
                    std::thread::sleep(GRACE);
                    std::process::exit(1);
                });
                if end.is_err() {
                    std::process::exit(1);
                }
                progress.say(
                    "\nTwo interrupts received. Exiting immediately. Calls under way are given up; the next run finds out \
                     what became of them.",
                );
            }
            _ => std::process::exit(1),
        }
    }
}
