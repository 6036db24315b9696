//! What plan, apply and destroy have in common: configuration, state, engine, and the end of it.

use crate::commands::options::StateFlags;
use crate::context::Context;
use crate::encryption;
use crate::environment;
use crate::kept;
use crate::ui::Screen;
use crate::ui::patience::Patience;
use crate::ui::progress::Progress;
use crate::variables::{self, Flag};
use crate::world::RealWorld;
use formwork_addr::{InstanceAddr, Str};
use formwork_config::{Config, DiskFiles, Files, Loaded, MANIFEST, has_configuration, load, load_structure};
use formwork_diag::{Diagnostic, Sources, has_errors};
use formwork_engine::{ApplyOutcome, PlanOptions, PlanOutcome, Setup, Unmade};
use formwork_plan::{Mode, Plan};
use formwork_state::{Backend, Opened, Pending, Session, State, StoredObject};
use formwork_value::Value;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::runtime::Runtime;

/// A configuration with values for its variables.
#[derive(Clone)]
pub struct Inputs {
    /// The configuration.
    pub config: Arc<Config>,
    /// What spans point into.
    pub sources: Sources,
    /// Values of the root module's variables.
    pub variables: BTreeMap<Str, Value>,
    /// Those of them that were given, as they were.
    pub given: BTreeMap<Str, Value>,
    /// Why what was given for others is no value of theirs: for whoever asks for them.
    pub unfit: BTreeMap<Str, Diagnostic>,
    /// The files of the configuration.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// The disk, with a memory of what was read.
struct Recorder {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    screen: Screen,
    patience: OnceLock<Patience>,
}

/// A configuration of this many bytes takes long enough to be read that who waits is told.
const LARGE: usize = 1 << 20;

impl Recorder {
    fn new(screen: Screen) -> Recorder {
        Recorder { files: Mutex::default(), screen, patience: OnceLock::new() }
    }

    fn keep(&self, path: PathBuf, bytes: &[u8]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path, bytes.to_vec());
        if bytes.len() >= LARGE
            || (files.len().is_multiple_of(64) && files.values().map(Vec::len).sum::<usize>() >= LARGE)
        {
            self.patience.get_or_init(|| Patience::start(self.screen, "Reading the configuration..."));
        }
    }
}

impl Files for Recorder {
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        DiskFiles.read_dir(dir)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = DiskFiles.read(path)?;
        self.keep(path.to_path_buf(), &bytes);
        Ok(bytes)
    }

    fn manifest(&self) -> io::Result<Vec<u8>> {
        let bytes = WorkingFiles.manifest()?;
        // A saved plan knows nothing of data folders.
        self.keep(PathBuf::from(MANIFEST), &bytes);
        Ok(bytes)
    }
}

/// The disk, and the list of modules in the data folder that the environment names.
#[derive(Clone, Copy, Debug)]
pub struct WorkingFiles;

impl Files for WorkingFiles {
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        DiskFiles.read_dir(dir)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        DiskFiles.read(path)
    }

    fn manifest(&self) -> io::Result<Vec<u8>> {
        DiskFiles.read(&environment::data_dir().join("modules").join("modules.json"))
    }
}

/// The files of a folder, and one more in it that is not on the disk (yet).
pub struct With<'a, F> {
    /// The others.
    pub files: F,
    /// Its name.
    pub name: &'a str,
    /// Its contents.
    pub text: &'a str,
}

impl<F: Files> With<'_, F> {
    fn is_root(dir: &Path) -> bool {
        dir.as_os_str().is_empty() || dir == Path::new(".")
    }
}

impl<F: Files> Files for With<'_, F> {
    fn read_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = self.files.read_dir(dir)?;
        if Self::is_root(dir) && !names.iter().any(|n| n == self.name) {
            names.push(self.name.to_owned());
        }
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let here =
            path.parent().is_none_or(Self::is_root) && path.file_name().is_some_and(|n| n == self.name);
        if here { Ok(self.text.as_bytes().to_vec()) } else { self.files.read(path) }
    }

    fn manifest(&self) -> io::Result<Vec<u8>> {
        self.files.manifest()
    }
}

/// Settles what override files left open, now that there are schemas.
pub fn settled(cx: &Context, mut loaded: Loaded) -> Loaded {
    if let Some(config) = &mut loaded.config {
        loaded.diagnostics.extend(formwork_engine::settle(config, || cx.registry()));
    }
    loaded
}

/// Like [`configuration`], with one more file (name and contents) in the root module.
pub fn configuration_with(cx: &Context, name: &str, text: &str) -> Result<Inputs, u8> {
    let files = With { files: Recorder::new(cx.screen), name, text };
    let loaded = settled(cx, load(Path::new(""), &files));
    let Some(config) = loaded.config.filter(|_| !has_errors(&loaded.diagnostics)) else {
        return Err(cx.fail(&loaded.diagnostics, &loaded.sources));
    };
    let mut read = files.files.files.into_inner().unwrap_or_else(PoisonError::into_inner);
    read.insert(name.into(), text.as_bytes().to_vec());
    Ok(Inputs {
        config: Arc::new(config),
        sources: loaded.sources,
        variables: BTreeMap::new(),
        given: BTreeMap::new(),
        unfit: BTreeMap::new(),
        files: read,
        warnings: loaded.diagnostics,
    })
}

/// Reads the configuration in the working directory, without values. Errors are shown; that there is none is one, unless
/// it `may_be_empty`.
pub fn configuration(cx: &Context, may_be_empty: bool) -> Result<Inputs, u8> {
    read(cx, may_be_empty, load)
}

/// Like [`configuration`], for those who only ask what there is: see [`load_structure`].
pub fn structure(cx: &Context, may_be_empty: bool) -> Result<Inputs, u8> {
    read(cx, may_be_empty, load_structure)
}

fn read(cx: &Context, may_be_empty: bool, load: fn(&Path, &dyn Files) -> Loaded) -> Result<Inputs, u8> {
    if !may_be_empty && !has_configuration(Path::new(""), &DiskFiles) {
        let d = Diagnostic::error(
            "No configuration files",
            "The folder . has no files ending in .tf or .tf.json. With an empty configuration, everything that there is would go.",
        );
        return Err(
            cx.refuse(d.help("Create a file such as main.tf, or name the folder with -chdir=FOLDER."))
        );
    }
    let files = Recorder::new(cx.screen);
    let loaded = settled(cx, load(Path::new(""), &files));
    let Recorder { files, patience, .. } = files;
    drop(patience);
    let Some(config) = loaded.config.filter(|_| !has_errors(&loaded.diagnostics)) else {
        return Err(cx.fail(&loaded.diagnostics, &loaded.sources));
    };
    Ok(Inputs {
        config: Arc::new(config),
        sources: loaded.sources,
        variables: BTreeMap::new(),
        given: BTreeMap::new(),
        unfit: BTreeMap::new(),
        files: files.into_inner().unwrap_or_else(PoisonError::into_inner),
        warnings: loaded.diagnostics,
    })
}

/// Reads the configuration and the values of its variables, in the same way.
pub fn inputs(cx: &Context, flags: &[Flag], ask: bool, may_be_empty: bool) -> Result<Inputs, u8> {
    with_values(cx, configuration(cx, may_be_empty)?, flags, ask)
}

/// The same for a plan, which goes as far as it can without the variables whose values do not fit.
/// A destroy is refused: it asks for no values until it is too late.
pub fn inputs_to_plan(
    cx: &Context,
    flags: &[Flag],
    ask: bool,
    may_be_empty: bool,
    mode: Mode,
) -> Result<Inputs, u8> {
    let inputs = configuration(cx, may_be_empty)?;
    if mode == Mode::Destroy {
        return with_values(cx, inputs, flags, ask);
    }
    with_some_values(cx, inputs, flags, ask)
}

/// A configuration with the values of its variables.
pub fn with_values(cx: &Context, inputs: Inputs, flags: &[Flag], ask: bool) -> Result<Inputs, u8> {
    let mut inputs = with_some_values(cx, inputs, flags, ask)?;
    if inputs.unfit.is_empty() {
        return Ok(inputs);
    }
    inputs.warnings.extend(std::mem::take(&mut inputs.unfit).into_values());
    Err(cx.fail(&inputs.warnings, &inputs.sources))
}

fn with_some_values(cx: &Context, mut inputs: Inputs, flags: &[Flag], ask: bool) -> Result<Inputs, u8> {
    let resolved = variables::resolve(flags, &inputs.config, &mut inputs.sources, cx.screen, ask);
    if has_errors(&resolved.diagnostics) {
        inputs.warnings.extend(resolved.problems().cloned());
        return Err(cx.fail(&inputs.warnings, &inputs.sources));
    }
    inputs.warnings.extend(resolved.diagnostics);
    inputs.unfit = resolved.unfit;
    match encryption::of(&inputs.config, &resolved.values, &mut inputs.sources) {
        Ok(encryption) => cx.encrypt(encryption),
        Err(diags) => {
            inputs.warnings.extend(diags);
            return Err(cx.fail(&inputs.warnings, &inputs.sources));
        }
    }
    (inputs.variables, inputs.given) = (resolved.values, resolved.given);
    Ok(inputs)
}

/// What the engine works with. `events` come later, with [`Run`].
pub fn setup(cx: &Context, inputs: &Inputs, world: Arc<RealWorld>, parallelism: usize) -> Setup {
    Setup {
        config: inputs.config.clone(),
        registry: cx.registry().clone(),
        variables: inputs.variables.clone(),
        unfit: inputs.unfit.clone(),
        workspace: environment::workspace().into(),
        world,
        clock: Arc::new(|| Timestamp::now().as_nanosecond()),
        events: Arc::new(|_| {}),
        parallelism,
        cancel: cx.signals.cancel(),
        probe: cx.probe.clone(),
        unmade: Unmade::default(),
        settle_here: environment::settle_here(),
    }
}

/// What an operation does to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It plans: at most what an interrupted run left is recorded.
    Read,
    /// It applies.
    Write,
}

/// A state in use.
enum Held {
    /// To be written.
    Open(Box<dyn Session>),
    /// Only looked at, without the lock: others may be writing it.
    Peeked(Opened),
}

/// An operation under way: an open state and an engine with all it needs.
pub struct Run {
    /// What the engine works with.
    pub setup: Setup,
    /// What people see of it.
    pub progress: Arc<Progress>,
    held: Held,
    runtime: Runtime,
}

impl Run {
    /// Opens the state. Errors are shown.
    pub fn begin(
        cx: &Context,
        mut setup: Setup,
        state: &StateFlags,
        operation: &str,
        access: Access,
    ) -> Result<Run, u8> {
        // The engine runs on this thread; the other one drives connections.
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let runtime = match threads.worker_threads(1).enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => {
                return Err(cx.refuse(Diagnostic::error(
                    "The program cannot start its threads",
                    format!("The system refused: {e}."),
                )));
            }
        };
        // Reading a large state takes a while: who waits should see that something happens.
        let progress = Arc::new(Progress::start(cx.screen, environment::log()));
        cx.signals.tell(&progress);
        // Where there is nothing yet, there is nothing to lock: a file would be made for it, only to be removed again.
        let nothing = || !cx.is_remote() && cx.local(state.state.as_deref()).is_absent().unwrap_or(false);
        let held = if access == Access::Read && (!state.lock || nothing()) {
            Held::Peeked(peek(cx, state)?)
        } else {
            Held::Open(open(cx, state, operation, access)?)
        };
        // What is only looked at has no lock that would stay: until here, the first signal ends the program.
        cx.signals.watch(cx.screen);
        setup.events = progress.sink();
        Ok(Run { setup, progress, held, runtime })
    }

    /// The state as it was opened, or as it was last recorded.
    pub fn state(&self) -> &State {
        match &self.held {
            Held::Open(session) => session.state(),
            Held::Peeked(opened) => &opened.state,
        }
    }

    /// Settles what an interrupted run left; without the lock it only says what there is.
    pub fn recover(&mut self) -> Vec<Diagnostic> {
        let (setup, runtime) = (&self.setup, &self.runtime);
        let diags = match &mut self.held {
            Held::Open(session) => runtime.block_on(async {
                tokio::select! {
                    diags = formwork_engine::recover(setup, &mut **session) => diags,
                    // It may have to wait for longer than there is time to free the lock in.
                    () = setup.cancel.reached(2) => vec![Diagnostic::error(
                        "Interrupted",
                        "What an interrupted run left was not found out to the end, as asked. The rest stays in the journal.",
                    )],
                }
            }),
            Held::Peeked(opened) => unsettled(opened).into_iter().collect(),
        };
        self.progress.pause();
        diags
    }

    /// Makes a plan.
    pub fn plan(&mut self, options: &PlanOptions) -> PlanOutcome {
        let outcome = self.runtime.block_on(formwork_engine::plan(&self.setup, self.state(), options));
        self.progress.shows();
        self.progress.pause();
        outcome
    }

    /// What of the data at these addresses is not what it is in `state`; see [`formwork_engine::changed_data`].
    pub fn changed_data(
        &self,
        state: &State,
        addrs: &BTreeSet<InstanceAddr>,
        files: bool,
    ) -> Result<Vec<String>, Diagnostic> {
        let changed = self.runtime.block_on(async {
            tokio::select! {
                changed = formwork_engine::changed_data(&self.setup, state, addrs, files) => Ok(changed),
                () = self.setup.cancel.reached(1) => Err(Diagnostic::error(
                    "Interrupted",
                    "What the plan was made from was being read again, and nothing was done, as asked.",
                )),
            }
        });
        self.progress.pause();
        changed
    }

    /// Does what a plan says, from a state that was read when it was made.
    pub fn apply(&mut self, plan: &Plan, state: State) -> ApplyOutcome {
        let Held::Open(session) = &mut self.held else {
            let d = Diagnostic::error(
                "Nothing was applied",
                "The state was opened to be read, not to be written.",
            );
            return ApplyOutcome {
                state,
                diagnostics: vec![d],
                counts: (0, 0, 0),
                imported: 0,
                skipped: Vec::new(),
                failed: Vec::new(),
                recorded: true,
            };
        };
        let outcome = self.runtime.block_on(formwork_engine::apply(&self.setup, plan, state, &mut **session));
        self.progress.shows();
        self.progress.pause();
        outcome
    }

    /// Intents whose outcome is not known.
    pub fn pending(&self) -> &[Pending] {
        match &self.held {
            Held::Open(session) => session.pending(),
            Held::Peeked(opened) => &opened.pending,
        }
    }

    /// Reads an object that exists, as an import would.
    pub fn find(&mut self, addr: &InstanceAddr, id: &Str) -> Result<Arc<StoredObject>, Vec<Diagnostic>> {
        let found = self.runtime.block_on(formwork_engine::import(&self.setup, self.state(), addr, id));
        self.progress.pause();
        found.map(|(_, object)| object)
    }

    /// Takes an object that exists into the state.
    pub fn import(&mut self, addr: &InstanceAddr, id: &Str) -> Result<(), Vec<Diagnostic>> {
        let mut state = self.state().clone();
        let imported = self.runtime.block_on(async {
            let (provider, object) = formwork_engine::import(&self.setup, &state, addr, id).await?;
            state.set(addr, None, &provider, Some(object));
            formwork_engine::record_outputs(&self.setup, &mut state).await;
            Ok::<(), Vec<Diagnostic>>(())
        });
        self.progress.shows();
        self.progress.pause();
        imported?;
        match &mut self.held {
            Held::Open(session) => session.fold(&state).map_err(|e| vec![e.into()]),
            Held::Peeked(_) => Err(vec![Diagnostic::error(
                "Nothing was imported",
                "The state was opened to be read, not to be written.",
            )]),
        }
    }

    /// Whether the user wants to stop.
    pub fn stopping(&self) -> bool {
        self.setup.cancel.level() > 0
    }

    /// Closes the state. What could not be closed is shown.
    pub fn end(self, cx: &Context) -> u8 {
        self.progress.pause();
        match self.held {
            Held::Open(session) => session.close().map_or_else(|e| cx.refuse(e), |()| 0),
            Held::Peeked(_) => 0,
        }
    }
}

/// Reads the state that the flags name, without the lock.
fn peek(cx: &Context, flags: &StateFlags) -> Result<Opened, u8> {
    files_only_here(cx, flags)?;
    let backend = cx.backend(flags.state.as_deref()).map_err(|e| cx.refuse(e))?;
    let opened = backend.peek().map_err(|e| cx.refuse(e))?;
    opened.state.usable().map_err(|e| cx.refuse(e.in_file(Path::new(&backend.place()))))?;
    Ok(opened)
}

/// Refuses flags that name files while the state is not in one: what they say would be done to nobody's state.
fn files_only_here(cx: &Context, flags: &StateFlags) -> Result<(), u8> {
    let named = [("-state", &flags.state), ("-state-out", &flags.state_out)];
    match named.into_iter().find(|(_, path)| path.is_some()).filter(|_| cx.is_remote()) {
        None => Ok(()),
        Some((flag, _)) => Err(cx.refuse(
            Diagnostic::error(
                "The state is not in a file",
                format!("{flag} names a file, but the state is in the backend \"{}\".", cx.kept().kind),
            )
            .help(format!("Leave {flag} out; or remove the backend block, if the state is to be in a file.")),
        )),
    }
}

/// How many instances a message names before it counts the others.
const NAMED: usize = 10;

fn list(pending: &[Pending]) -> String {
    let mut list: String = pending.iter().take(NAMED).map(|p| format!("\n - {}", p.intent.address)).collect();
    if pending.len() > NAMED {
        list.push_str(&format!("\n - and {} more", pending.len() - NAMED));
    }
    list
}

/// What the journal knows and nobody may settle without the lock.
fn unsettled(opened: &Opened) -> Option<Diagnostic> {
    if opened.pending.is_empty() {
        return None;
    }
    let d = Diagnostic::warning(
        "Operations are under way or were interrupted",
        format!(
            "The journal beside the state tells of operations whose outcome is not known. Without the lock they are left \
             alone, so this plan may not fit what exists:{}",
            list(&opened.pending)
        ),
    );
    Some(d.help("If no other run is at work, plan without -lock=false: that settles them first."))
}

/// Opens the state that the flags name; with `-state-out`, a second one that starts as a copy of the first.
pub fn open(
    cx: &Context,
    flags: &StateFlags,
    operation: &str,
    access: Access,
) -> Result<Box<dyn Session>, u8> {
    files_only_here(cx, flags)?;
    if cx.is_remote() {
        let backend = cx.backend(None).map_err(|e| cx.refuse(e))?;
        let session = cx.open_remote(&*backend, operation, flags.lock()).map_err(|e| cx.refuse(e))?;
        return can_follow(cx, session, Path::new(&backend.place()), access);
    }
    let from = cx.state_path(flags.state.as_deref());
    let to = match &flags.state_out {
        Some(out) if access == Access::Write => out.clone(),
        _ => from.clone(),
    };
    if flags.state.is_none() {
        kept::make_folder(&to).map_err(|d| cx.refuse(d))?;
    }
    let mut backend = cx.local(Some(&to));
    if let Some(backup) = &flags.backup {
        backend = backend.with_backup((backup.as_os_str() != "-").then(|| backup.clone()));
    }
    if to != from {
        backend.spares(&cx.local(Some(&from)), "-backup").map_err(|e| cx.refuse(e))?;
    }
    let mut session = cx.open(&backend, operation, flags.lock()).map_err(|e| cx.refuse(e))?;
    if to != from {
        let read = cx.local(Some(&from)).peek().map_err(|e| cx.refuse(e))?;
        read.state.usable().map_err(|e| cx.refuse(e.in_file(&from)))?;
        if let Some(d) = interrupted(&*session, &to, &read, &from) {
            return Err(cx.refuse(d));
        }
        session.replace(&read.state).map_err(|e| cx.refuse(e))?;
    }
    can_follow(cx, session, &to, access)
}

/// Refuses to make anything for a state that no version can follow: it could not be recorded.
fn can_follow(
    cx: &Context,
    session: Box<dyn Session>,
    place: &Path,
    access: Access,
) -> Result<Box<dyn Session>, u8> {
    match session.state().serial_after() {
        Err(e) if access == Access::Write => Err(cx.refuse(e.in_file(place))),
        _ => Ok(session),
    }
}

/// Why a state may not be overwritten by another: an interrupted run left something that would be forgotten.
fn interrupted(target: &dyn Session, to: &Path, source: &Opened, from: &Path) -> Option<Diagnostic> {
    let open = [(target.pending(), to), (&source.pending, from)];
    if let Some((pending, path)) = open.into_iter().find(|(pending, _)| !pending.is_empty()) {
        let d = Diagnostic::error(
            "An interrupted run is not settled",
            format!(
                "The journal beside {} tells of operations whose outcome is not known, and -state-out would leave what \
                 they made behind:{}",
                path.display(),
                list(pending)
            ),
        );
        return Some(d.help(format!(
            "Settle them first with formwork plan -state={}, and run again.",
            path.display()
        )));
    }
    target.recovered().then(|| {
        Diagnostic::error(
            "An interrupted run had written to the state",
            format!(
                "{} was about to be overwritten because of -state-out, but a journal beside it held changes of a run that \
                 was interrupted. They are in it now, as version {}, and nothing else was done.",
                to.display(),
                target.state().serial
            ),
        )
        .help(format!(
            "Look at it with formwork state list -state={0}. If it may go, run again; if not, name another file.",
            to.display()
        ))
    })
}
