//! Who waits is told that there is work.

use super::Screen;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Shorter waits need no words.
const SILENCE: Duration = Duration::from_millis(100);

/// Says what is being done, unless it is over after a moment. Nothing is said after this was dropped.
pub struct Patience {
    over: Option<Sender<()>>,
    speaker: Option<JoinHandle<()>>,
}

impl Patience {
    /// The moment begins.
    pub fn start(screen: Screen, what: &'static str) -> Patience {
        let (over, waiting) = channel::<()>();
        let speaker = std::thread::Builder::new().name("patience".into());
        let speak = move || {
            if waiting.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) && !screen.json {
                // It is no part of what a command has to say.
                screen.complain(&format!("{what}\n"));
            }
        };
        Patience { over: Some(over), speaker: speaker.spawn(speak).ok() }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.over.take();
        if let Some(speaker) = self.speaker.take() {
            let _ = speaker.join();
        }
    }
}
