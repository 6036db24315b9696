//! What every command works with.

use crate::environment;
use crate::schemas::Known;
use crate::ui::Screen;
use crate::ui::style::Style;
use formwork_config::{DiskFiles, local_state};
use formwork_diag::{Diagnostic, Sources};
use formwork_engine::Registry;
use formwork_provider::Provider;
use formwork_state::{Backend, LocalBackend, LockInfo, OpenOptions, Opened, Probe, Session, StateError};
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
}

impl Context {
    /// With these providers.
    pub fn new(providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> Self {
        Context { screen: Screen::new(environment::colour()), probe, providers, registry: OnceLock::new() }
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

    /// The state that flags and the workspace name.
    pub fn backend(&self, path: Option<&Path>) -> LocalBackend {
        LocalBackend::new(state_path(path))
            .with_probe(self.probe.clone())
            .with_history(environment::state_history())
    }

    /// Reads a state without locking it.
    pub fn peek(&self, path: Option<&Path>) -> Result<Opened, StateError> {
        self.backend(path).peek()
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

/// The state file of the current workspace, or the one that a flag names.
pub fn state_path(flag: Option<&Path>) -> PathBuf {
    if let Some(path) = flag {
        return path.to_path_buf();
    }
    workspace_path(&environment::workspace())
}

/// The state file of a workspace.
pub fn workspace_path(workspace: &str) -> PathBuf {
    match workspace {
        "default" => local_state(Path::new(""), &DiskFiles).unwrap_or_else(|| STATE_FILE.into()),
        other => Path::new(WORKSPACES).join(other).join(STATE_FILE),
    }
}
