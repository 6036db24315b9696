//! What the commands that change a state by hand have in common.

use crate::commands::options::{Ignored, Look, duration, switch_parser};
use crate::context::{Context, Lock};
use clap::Args;
use formwork_addr::InstanceAddr;
use formwork_diag::Diagnostic;
use formwork_state::{Backend, LocalBackend, Pending, Session, State};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which state, and how it is locked and backed up.
#[derive(Debug, Args)]
pub struct Place {
    /// The state file. [default: terraform.tfstate, or that of the current workspace]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Where the previous state is kept. [default: the state file with the time and .backup behind]
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    #[command(flatten)]
    pub locking: Locking,
    #[command(flatten)]
    pub look: Look,
}

/// How the state is locked.
#[derive(Debug, Args)]
pub struct Locking {
    /// Lock the state.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true",
          value_parser = switch_parser(), value_name = "BOOL")]
    lock: bool,
    /// How long to wait for the lock.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
    #[command(flatten)]
    ignored: Ignored,
}

impl Locking {
    /// What the flags say.
    pub fn lock(&self) -> Lock {
        Lock { take: self.lock, timeout: self.lock_timeout }
    }
}

impl Place {
    /// The path of the state, unless it is kept elsewhere.
    pub fn path(&self, cx: &Context) -> Option<PathBuf> {
        (self.state.is_some() || !cx.is_remote()).then(|| cx.state_path(self.state.as_deref()))
    }

    /// Reads the state without changing anything, as a dry run does. There must be one.
    pub fn look_at(&self, cx: &Context) -> Result<State, Diagnostic> {
        let backend = cx.backend(self.state.as_deref())?;
        let opened = backend.peek()?;
        exists(&opened.state, &*backend)?;
        Ok(opened.state)
    }

    /// Opens the state to change it. There must be one.
    pub fn open(&self, cx: &Context, operation: &str) -> Result<Box<dyn Session>, Diagnostic> {
        let backend = cx.backend(self.state.as_deref())?;
        if backend.is_absent()? {
            return Err(missing(&*backend));
        }
        self.begin(cx, operation)
    }

    /// Opens the state to change it, unless no version can follow it.
    pub fn begin(&self, cx: &Context, operation: &str) -> Result<Box<dyn Session>, Diagnostic> {
        let lock = self.locking.lock();
        let (session, place) = match self.path(cx) {
            Some(path) => (cx.open(&in_file(cx, &path, self.backup.as_deref()), operation, lock)?, path),
            None => {
                let backend = cx.backend(None)?;
                (cx.open_remote(&*backend, operation, lock)?, PathBuf::from(backend.place()))
            }
        };
        session.state().serial_after().map_err(|e| e.in_file(&place))?;
        Ok(session)
    }
}

/// A state in a file, to be changed by hand. Its backup has the time in its name, so that no later one overwrites it.
pub fn in_file(cx: &Context, path: &Path, backup: Option<&Path>) -> LocalBackend {
    let backup = backup.map_or_else(
        || {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{}.backup", Timestamp::now().as_second()));
            PathBuf::from(name)
        },
        Path::to_path_buf,
    );
    cx.local(Some(path)).with_backup(Some(backup))
}

/// Refuses what is not there.
pub fn exists(state: &State, backend: &dyn Backend) -> Result<(), Diagnostic> {
    if state.is_empty() && state.serial == 0 && backend.is_absent()? { Err(missing(backend)) } else { Ok(()) }
}

fn missing(backend: &dyn Backend) -> Diagnostic {
    Diagnostic::error("No state file was found", format!("There is no state at {}.", backend.place()))
        .help("Run this in a folder where something was applied, or name a state file with -state.")
}

/// Refuses to touch what an interrupted run left open: what it made would be recorded at an address that means another
/// object by then.
pub fn settled(pending: &[Pending], touched: impl Fn(&InstanceAddr) -> bool) -> Result<(), Diagnostic> {
    match pending.iter().find(|p| touched(&p.intent.address)) {
        None => Ok(()),
        Some(p) => Err(Diagnostic::error(
            "An interrupted run is not settled",
            format!("The journal tells of an operation on {} whose outcome is not known.", p.intent.address),
        )
        .help("Settle it first with formwork plan; formwork recover shows all that is open.")),
    }
}
