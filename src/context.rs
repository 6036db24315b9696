//! What every command works with.

use crate::environment;
use crate::kept::{self, Kept, Lost, Said};
use crate::memory;
use crate::rescue::Rescued;
use crate::schemas::Known;
use crate::ui::Screen;
use crate::ui::style::Style;
use formwork_diag::{Diagnostic, Sources};
use formwork_engine::Registry;
use formwork_provider::Provider;
use formwork_state::{
    Backend, Kinds, LocalBackend, LockInfo, OpenOptions, Opened, Probe, Session, StateError,
};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Where the state is, unless flags say otherwise.
pub const STATE_FILE: &str = "terraform.tfstate";
/// Where the states of other workspaces are.
pub const WORKSPACES: &str = "terraform.tfstate.d";

/// What every command works with.
pub struct Context {
    /// Where text goes.
    pub screen: Screen,
    /// Told of each phase of each operation.
    pub probe: Arc<dyn Probe>,
    providers: Vec<Arc<dyn Provider>>,
    registry: OnceLock<Arc<Registry>>,
    kinds: Kinds,
    kept: OnceLock<Kept>,
}

impl Context {
    /// With these providers.
    pub fn new(providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> Self {
        Context {
            screen: Screen::new(environment::colour()),
            probe,
            providers,
            registry: OnceLock::new(),
            kinds: crate::providers::kinds(),
            kept: OnceLock::new(),
        }
    }

    /// Obeys `-no-color`.
    pub fn no_colour(&mut self, yes: bool) {
        if yes {
            self.screen.out = Style { colour: false, ..self.screen.out };
            self.screen.err = Style { colour: false, ..self.screen.err };
        }
    }

    /// The providers.
    pub fn registry(&self) -> &Arc<Registry> {
        self.registry.get_or_init(|| Arc::new(Registry::new(self.providers.iter().cloned())))
    }

    /// Schemas of all that this binary knows.
    pub fn schemas(&self) -> Known<'_> {
        Known(self.registry())
    }

    /// Shows diagnostics that end the command, and gives its exit code.
    pub fn fail(&self, diagnostics: &[Diagnostic], sources: &Sources) -> u8 {
        self.screen.diagnostics(diagnostics, sources);
        1
    }

    /// Shows one diagnostic without a place, and gives the exit code.
    pub fn refuse(&self, diagnostic: impl Into<Diagnostic>) -> u8 {
        self.fail(&[diagnostic.into()], &Sources::default())
    }

    /// The kinds of backends, besides files.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Finds out where the state is. Errors are shown.
    pub fn choose(&self, said: Result<Said, Lost>) -> Result<(), u8> {
        match said.and_then(|said| kept::choose(self, said)) {
            Ok(kept) => {
                // The first answer is the one that counts.
                let _ = self.kept.set(kept);
                Ok(())
            }
            Err(lost) => Err(self.fail(&lost.diagnostics, &lost.sources)),
        }
    }

    /// Where the state is.
    pub fn kept(&self) -> &Kept {
        self.kept.get_or_init(Kept::default)
    }

    /// Whether the state is somewhere else than in files here.
    pub fn is_remote(&self) -> bool {
        self.kept().remote.is_some()
    }

    /// The state in this file, or in the file that the current workspace has here.
    pub fn local(&self, path: Option<&Path>) -> LocalBackend {
        LocalBackend::new(self.state_path(path))
            .with_probe(self.probe.clone())
            .with_history(environment::state_history())
    }

    /// The state that flags and the workspace name: a file, if one is named.
    pub fn backend(&self, path: Option<&Path>) -> Result<Box<dyn Backend>, StateError> {
        match &self.kept().remote {
            Some(remote) if path.is_none() => remote.state(&environment::workspace()),
            _ => Ok(Box::new(self.local(path))),
        }
    }

    /// The state file of the current workspace, or the one that a flag names.
    pub fn state_path(&self, flag: Option<&Path>) -> PathBuf {
        flag.map_or_else(|| self.kept().workspace_path(&environment::workspace()), Path::to_path_buf)
    }

    /// Reads a state without locking it.
    pub fn peek(&self, path: Option<&Path>) -> Result<Opened, StateError> {
        self.backend(path)?.peek()
    }

    /// Opens the state of a backend that is not in files here. What cannot be written there is written here.
    pub fn open_remote(
        &self,
        backend: &dyn Backend,
        operation: &str,
        lock: Lock,
    ) -> Result<Box<dyn Session>, StateError> {
        let session = self.open(backend, operation, lock)?;
        let kept = self.kept();
        if kept.remember {
            let arguments = kept::arguments(&kept.kind, &self.kinds);
            // Without it, a later change of the block is not noticed; nothing else depends on it.
            let _ = memory::write(Some((&kept.kind, &kept.settings, &kept.settings)), arguments);
        }
        Ok(Box::new(Rescued(session)))
    }

    /// Opens a state for `operation`, and says so when it has to wait for another run.
    pub fn open(
        &self,
        backend: &dyn Backend,
        operation: &str,
        lock: Lock,
    ) -> Result<Box<dyn Session>, StateError> {
        let screen = self.screen;
        let waiting = |info: &LockInfo| {
            screen.tell(&format!("Waiting for the state lock: {info}."));
        };
        backend.open(&OpenOptions {
            operation: operation.to_owned(),
            who: environment::who(),
            now: Timestamp::now().to_string(),
            lock: lock.take,
            lock_timeout: lock.timeout,
            wait: Some(&waiting),
        })
    }
}

/// Whether to lock the state, and how long to wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Lock {
    /// `-lock`
    pub take: bool,
    /// `-lock-timeout`
    pub timeout: Duration,
}
