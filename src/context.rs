//! What every command works with.

use crate::encryption;
use crate::environment;
use crate::kept::{self, Kept, Lost, Said};
use crate::memory;
use crate::rescue::Rescued;
use crate::schemas::Known;
use crate::signals::Signals;
use crate::ui::Screen;
use crate::ui::style::Style;
use crate::variables::Flag;
use formwork_diag::{Diagnostic, Sources};
use formwork_encryption::Encryption;
use formwork_engine::Registry;
use formwork_provider::Provider;
use formwork_state::{
    Ahead, Backend, Cipher, Clear, Kinds, LocalBackend, LockInfo, OpenOptions, Opened, Probe, Session, State,
    StateError, Stored, snapshot,
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
    /// Whether the user wants to stop.
    pub signals: Signals,
    providers: Vec<Arc<dyn Provider>>,
    registry: OnceLock<Arc<Registry>>,
    /// Values of variables that were given on the command line, for what is needed before a configuration is read.
    pub given: Vec<Flag>,
    kinds: Kinds,
    kept: OnceLock<Kept>,
    ahead: OnceLock<Ahead>,
}

impl Context {
    /// With these providers.
    pub fn new(providers: Vec<Arc<dyn Provider>>, probe: Arc<dyn Probe>) -> Self {
        Context {
            screen: Screen::new(environment::colour()),
            probe,
            signals: Signals::default(),
            providers,
            registry: OnceLock::new(),
            given: Vec::new(),
            kinds: crate::providers::kinds(),
            kept: OnceLock::new(),
            ahead: OnceLock::new(),
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
                self.keep(kept);
                Ok(())
            }
            Err(lost) => Err(self.fail(&lost.diagnostics, &lost.sources)),
        }
    }

    /// Says where the state is. The first answer is the one that counts.
    pub fn keep(&self, kept: Kept) {
        let _ = self.kept.set(kept);
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
            .with_cipher(self.cipher())
            .with_ahead(self.ahead.get().cloned().unwrap_or_default())
    }

    /// Begins to read the state that is going to be opened, if it is in a file; `path` is what a flag names.
    pub fn read_ahead(&self, path: Option<&Path>) {
        if !self.is_remote() {
            self.ahead.get_or_init(|| Ahead::start(&self.state_path(path)));
        }
    }

    /// How what is stored is encrypted. Unless [`Context::encrypt`] was called, the configuration in the working directory
    /// is asked, and as little of it as that needs.
    pub fn encryption(&self) -> Result<&Encryption, StateError> {
        encryption::known(&self.given)
    }

    /// Says how what is stored is encrypted, from a configuration that was read as a whole.
    pub fn encrypt(&self, encryption: Encryption) {
        encryption::know(encryption);
    }

    /// What the state is encrypted with. Where that cannot be found out, nothing can be read or written.
    pub fn cipher(&self) -> Arc<dyn Cipher> {
        self.encryption().map_or_else(encryption::refusing, encryption::of_state)
    }

    /// The text of a state that was read from a file, encrypted or not: one that somebody brings.
    pub fn state_text(&self, bytes: &[u8]) -> Result<String, StateError> {
        let cipher = if formwork_state::is_sealed(bytes) { self.cipher() } else { Arc::new(Clear) };
        let unsealed = cipher.unseal(Stored::Snapshot, bytes)?;
        Ok(String::from_utf8_lossy(&unsealed.text).into_owned())
    }

    /// A state that was read from a file, encrypted or not: one that somebody brings.
    pub fn state_of(&self, bytes: &[u8]) -> Result<State, StateError> {
        snapshot::parse(&self.state_text(bytes)?)
    }

    /// The bytes of a saved plan, as they are to be stored.
    pub fn seal_plan(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Diagnostic> {
        match &self.encryption()?.plan {
            Some(sealer) => sealer.seal(bytes).map_err(|f| {
                let f = encryption::sentence(&f);
                Diagnostic::error("The plan cannot be encrypted", f.problem).help(f.help)
            }),
            None => Ok(bytes),
        }
    }

    /// The bytes of a saved plan, as they were before they were stored in the file `shown`.
    pub fn unseal_plan(&self, bytes: Vec<u8>, shown: &str) -> Result<Vec<u8>, Diagnostic> {
        let refused = |problem: String, help: String| {
            Diagnostic::error("Cannot read plan file", format!("\"{shown}\": {problem}")).help(help)
        };
        let sealed = formwork_state::is_sealed(formwork_plan::file::unmarked(&bytes).0);
        match self.encryption() {
            Ok(Encryption { plan: Some(sealer), .. }) => {
                let (text, mark) = formwork_plan::file::unmarked(&bytes);
                match sealer.unseal(text) {
                    Ok(unsealed) => Ok([&*unsealed.text, mark].concat()),
                    Err(f) => Err(refused(f.problem, f.help)),
                }
            }
            Ok(_) if sealed => Err(refused(
                "it is encrypted, and no encryption of plans is configured.".into(),
                "Give the configuration that it was encrypted with: the block \"encryption\" inside of \"terraform\", or the \
                 environment variable TF_ENCRYPTION."
                    .into(),
            )),
            Ok(_) => Ok(bytes),
            // Whoever opens the state says it.
            Err(_) if !sealed => Ok(bytes),
            Err(e) => Err(e.into()),
        }
    }

    /// The state that flags and the workspace name: a file, if one is named.
    pub fn backend(&self, path: Option<&Path>) -> Result<Box<dyn Backend>, StateError> {
        match &self.kept().remote {
            Some(remote) if path.is_none() => remote.state(&environment::workspace(), self.cipher()),
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
        Ok(Box::new(Rescued::new(session, self.cipher())))
    }

    /// Opens a state for `operation`, and says so when it has to wait for another run.
    pub fn open(
        &self,
        backend: &dyn Backend,
        operation: &str,
        lock: Lock,
    ) -> Result<Box<dyn Session>, StateError> {
        let session = self.opening(operation, lock, |options| backend.open(options))?;
        let kept = self.kept();
        if kept.remember {
            let arguments = kept::arguments(&kept.kind, &self.kinds);
            // Without it, a later change of the block is not noticed; nothing else depends on it.
            let _ = memory::write(Some((&kept.kind, &kept.settings, &kept.settings)), arguments);
        }
        Ok(session)
    }

    /// Calls `open` with what is told of `operation` to those who wait for it, and says so when it has to wait for another. From
    /// here on a signal lets what is under way end.
    pub fn opening<T>(
        &self,
        operation: &str,
        lock: Lock,
        open: impl FnOnce(&OpenOptions<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let screen = self.screen;
        let waiting = |info: &LockInfo| {
            screen.tell(&format!("Waiting for the state lock: {info}."));
        };
        self.signals.watch(screen);
        let stop = || self.signals.stopping();
        open(&OpenOptions {
            operation: operation.to_owned(),
            who: environment::who(),
            now: Timestamp::now().to_string(),
            lock: lock.take,
            lock_timeout: lock.timeout,
            wait: Some(&waiting),
            stop: Some(&stop),
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
