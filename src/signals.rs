//! The user's wish to stop.

use crate::ui::Screen;
use crate::ui::progress::Progress;
use formwork_engine::Cancel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak, mpsc};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long what is under way may take to end after the second signal: calls are given up, the state is saved, the lock is
/// freed. CI systems kill after 2.5 s.
const GRACE: Duration = Duration::from_millis(2_200);

/// What becomes of SIGINT and SIGTERM. They end the program at once until they are watched, which they are before the first
/// lock is taken: a lock elsewhere outlives the process.
#[derive(Clone, Default)]
pub struct Signals {
    cancel: Cancel,
    watched: Arc<OnceLock<()>>,
    progress: Arc<Mutex<Weak<Progress>>>,
}

impl Signals {
    /// Raised at each signal.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Whether the user wants to stop.
    pub fn stopping(&self) -> bool {
        self.cancel.level() > 0
    }

    /// What is said of signals goes among these lines, as long as there are any.
    pub fn tell(&self, progress: &Arc<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(progress);
    }

    /// From now on, the first signal lets what is under way end, and the second gives it `GRACE`; then the process ends,
    /// whatever it is doing: a lock on a file frees itself, and the journal has what is needed.
    ///
    /// The signals have a thread of their own, since evaluation keeps the other threads as long as it likes.
    pub fn watch(&self, screen: Screen) {
        self.watched.get_or_init(|| self.clone().start(screen));
    }

    fn start(self, screen: Screen) {
        let (ready, registered) = mpsc::channel::<()>();
        let watcher = std::thread::Builder::new().name("signals".into());
        let spawned = watcher.spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
                return;
            };
            runtime.block_on(async {
                let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
                let (Ok(interrupt), Ok(terminate)) = signals else { return };
                let _ = ready.send(());
                self.obey(interrupt, terminate, screen).await;
            });
        });
        if spawned.is_ok() {
            // Ends when the signals are registered, or when they cannot be: then they do what they do by default.
            let _ = registered.recv();
        }
    }

    async fn obey(&self, mut interrupt: Signal, mut terminate: Signal, screen: Screen) {
        loop {
            let received = tokio::select! {
                received = interrupt.recv() => received,
                received = terminate.recv() => received,
            };
            if received.is_none() {
                return;
            }
            self.cancel.raise();
            match self.cancel.level() {
                1 => self.say(
                    screen,
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
                    self.say(
                        screen,
                        "\nTwo interrupts received. Exiting immediately. Calls under way are given up; the next run finds \
                         out what became of them.",
                    );
                }
                _ => std::process::exit(1),
            }
        }
    }

    fn say(&self, screen: Screen, text: &str) {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        match progress {
            Some(progress) => progress.say(text),
            None => screen.tell(text),
        }
    }
}
