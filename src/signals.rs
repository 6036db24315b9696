//! The user's wish to stop.

use crate::ui::progress::Progress;
use formwork_engine::Cancel;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Raises `cancel` at each SIGINT and SIGTERM, and says what that means. Must run inside the runtime.
pub fn watch(cancel: Cancel, progress: Arc<Progress>) {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (cancel, progress) = (cancel.clone(), progress.clone());
        let Ok(mut signals) = signal(kind) else { continue };
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                cancel.raise();
                progress.say(match cancel.level() {
                    1 => {
                        "\nInterrupt received.\nPlease wait for Formwork to exit or data loss may occur.\nGracefully shutting \
                         down...\n\nStopping operation..."
                    }
                    2 => {
                        "\nTwo interrupts received. Exiting immediately. Calls under way are given up; the next run finds \
                         out what became of them."
                    }
                    _ => "\nStill exiting...",
                });
            }
        });
    }
}
