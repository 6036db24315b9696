//! Ctrl-C: the first one lets what runs come to its end, and the chore put things in order; the second one ends it.
//!
//! The terminal sends the signal to every program in the foreground. Formwork then finishes the operation that it is
//! in and keeps its state; a chore that died at once would leave it alone on the terminal.

use crate::Failure;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on Ctrl-C is noticed.
pub fn notice() -> Result<(), Failure> {
    let asked = ASKED.get_or_init(Arc::default);
    let interrupt = signal_hook::consts::SIGINT;
    // In this order, so that the signal that sets the flag does not end the program itself.
    signal_hook::flag::register_conditional_default(interrupt, asked.clone())
        .and_then(|_| signal_hook::flag::register(interrupt, asked.clone()))
        .map(drop)
        .map_err(|e| format!("Ctrl-C cannot be noticed: {e}"))
}

/// Fails if it was asked for.
pub fn check() -> Result<(), Failure> {
    if ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed)) {
        return Err("interrupted".into());
    }
    Ok(())
}

/// What is left is putting things in order, which nothing may cut short.
pub fn forget() {
    if let Some(asked) = ASKED.get() {
        asked.store(false, Ordering::Relaxed);
    }
}
