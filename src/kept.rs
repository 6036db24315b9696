//! Where the state is: what the `backend` block says, what `init` was told, and what was used here before.

use crate::context::{Context, STATE_FILE, WORKSPACES};
use crate::memory;
use crate::variables::{self, Flag};
use crate::world::RealWorld;
use formwork_addr::Str;
use formwork_config::{BackendBlock, Config, DiskFiles, backend_arguments, load_backend};
use formwork_diag::{Diagnostic, Sources, has_errors, suggestion};
use formwork_state::{Argument, Backend, Expects, Kinds, Remote, Settings, StateError, Wrong, checked};
use formwork_value::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kind of backend that is a file here.
pub const LOCAL: &str = "local";
const LOCAL_ARGUMENTS: [Argument; 2] =
    [Argument::new("path", Expects::Text), Argument::new("workspace_dir", Expects::Text)];
/// Kinds of backends that Terraform has and this program has not.
const OTHERS: [&str; 9] =
    ["azurerm", "consul", "cos", "gcs", "kubernetes", "oci", "oss", "remote", "artifactory"];

/// Where the state is.
#[derive(Clone)]
pub struct Kept {
    /// The kind of backend.
    pub kind: String,
    /// Its arguments.
    pub settings: Settings,
    /// The backend, unless the state is in files here.
    pub remote: Option<Arc<dyn Remote>>,
    /// Whether a run that writes is to remember it.
    pub remember: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Kept { kind: LOCAL.into(), settings: Settings::new(), remote: None, remember: false }
    }
}

/// Why it is not known where the state is.
pub struct Lost {
    /// The reasons.
    pub diagnostics: Vec<Diagnostic>,
    /// What spans point into.
    pub sources: Sources,
}

impl From<Diagnostic> for Lost {
    fn from(d: Diagnostic) -> Self {
        Lost { diagnostics: vec![d], sources: Sources::default() }
    }
}

/// What a `backend` block says.
#[derive(Default)]
pub struct Said {
    /// The kind of backend and its arguments; `None` without a block.
    pub block: Option<(String, Settings)>,
    /// The configuration that has it.
    config: Option<Config>,
    sources: Sources,
}

impl Said {
    fn lost(self, diagnostics: Vec<Diagnostic>) -> Lost {
        Lost { diagnostics, sources: self.sources }
    }

    fn written(&self) -> Option<&Arc<BackendBlock>> {
        self.config.as_ref()?.root().backend.as_ref()
    }

    /// Puts what is wrong with arguments at their places.
    fn wrong(self, wrong: Vec<Wrong>) -> Lost {
        let block = self.written().cloned();
        let diagnostics = wrong.into_iter().map(|w| {
            let mut d = Diagnostic::error("Invalid backend configuration", w.problem);
            if !w.help.is_empty() {
                d = d.help(w.help);
            }
            let Some(block) = &block else { return d };
            let at = block.arguments.iter().find(|a| *a.name.name == *w.argument);
            d.at(at.map_or(block.header, |a| a.span))
        });
        let diagnostics = diagnostics.collect();
        self.lost(diagnostics)
    }
}

/// Reads the `backend` block of the configuration here.
pub fn said(cx: &Context, flags: &[Flag]) -> Result<Said, Lost> {
    let Some((config, mut sources)) = load_backend(Path::new(""), &DiskFiles) else {
        return Ok(Said::default());
    };
    // What is wrong with values for variables is told by the commands that take them.
    let (values, _) = variables::partial(flags, &config, &mut sources);
    said_in(cx, config, &values, sources)
}

/// What the `backend` block of a configuration says.
pub fn said_in(
    cx: &Context,
    config: Config,
    values: &BTreeMap<Str, Value>,
    sources: Sources,
) -> Result<Said, Lost> {
    let mut said = Said { block: None, config: Some(config), sources };
    let (Some(config), Some(block)) = (&said.config, said.written().cloned()) else { return Ok(said) };
    if let Some(d) = unknown_kind(&block.kind.name, cx.kinds()) {
        return Err(said.lost(vec![d.at(block.kind.span)]));
    }
    let mut diags = Vec::new();
    let found = backend_arguments(config, values, &RealWorld::console(), &mut diags);
    if has_errors(&diags) {
        return Err(said.lost(diags));
    }
    let settings =
        found.iter().map(|(name, value)| (name.to_string(), formwork_value::json::to_serde(value)));
    let kind = block.kind.name.to_string();
    match checked(&kind, arguments(&kind, cx.kinds()), &settings.collect()) {
        Ok(settings) => {
            said.block = Some((kind, settings));
            Ok(said)
        }
        Err(wrong) => Err(said.wrong(wrong)),
    }
}

/// What a kind of backend takes.
pub fn arguments(kind: &str, kinds: &Kinds) -> &'static [Argument] {
    if kind == LOCAL { &LOCAL_ARGUMENTS } else { kinds.arguments(kind).unwrap_or_default() }
}

fn unknown_kind(kind: &str, kinds: &Kinds) -> Option<Diagnostic> {
    let known: Vec<&str> = std::iter::once(LOCAL).chain(kinds.names()).collect();
    if known.contains(&kind) {
        return None;
    }
    let there = format!("There are {}.", known.join(", "));
    Some(if OTHERS.contains(&kind) {
        Diagnostic::error(
            "Unsupported backend",
            format!("Terraform has a backend \"{kind}\"; Formwork has none yet."),
        )
        .help(there)
    } else {
        let d =
            Diagnostic::error("Unsupported backend", format!("There is no backend type named \"{kind}\"."));
        match suggestion(kind, known.iter().copied()) {
            Some(near) => d.help(format!("Did you mean \"{near}\"?")),
            None => d.help(there),
        }
    })
}

/// A backend of this kind with these arguments.
pub fn configured(cx: &Context, said: Said, kind: &str, settings: Settings) -> Result<Kept, Lost> {
    if let Some(d) = unknown_kind(kind, cx.kinds()) {
        return Err(d.into());
    }
    let kept = |settings, remote| Kept { kind: kind.into(), settings, remote, remember: false };
    if kind == LOCAL {
        return match checked(LOCAL, &LOCAL_ARGUMENTS, &settings) {
            Ok(settings) => Ok(kept(settings, None)),
            Err(wrong) => Err(said.wrong(wrong)),
        };
    }
    match cx.kinds().configure(kind, &settings) {
        Some(Ok(remote)) => Ok(kept(settings, Some(remote))),
        Some(Err(wrong)) => Err(said.wrong(wrong)),
        None => Ok(Kept::default()),
    }
}

/// Where the state is, for all commands but `init`.
pub fn choose(cx: &Context, said: Said) -> Result<Kept, Lost> {
    let memory = memory::read()?;
    let Some((kind, settings)) = said.block.clone() else {
        return match memory {
            Some(memory) if !memory.is_usual() => Err(changed(format!(
                "The state was last in the backend \"{}\"{}, and the configuration has no backend block any more.",
                memory.kind,
                match memory.settings.get("path").filter(|_| memory.kind == LOCAL) {
                    Some(path) => format!(" with the path {path}"),
                    None => String::new(),
                }
            ))
            .into()),
            _ => Ok(Kept::default()),
        };
    };
    let Some(memory) = memory else {
        let mut kept = configured(cx, said, &kind, settings)?;
        if !kept.is_usual() {
            not_left_behind(cx, &kept)?;
            kept.remember = true;
        }
        return Ok(kept);
    };
    match memory.merged(&kind, &settings, arguments(&kind, cx.kinds())) {
        Ok(settings) => configured(cx, said, &kind, settings),
        Err(why) => {
            let header = said.written().map(|b| b.header);
            let d = changed(why);
            let d = header.map_or(d.clone(), |span| d.at(span));
            Err(said.lost(vec![d]))
        }
    }
}

fn changed(why: String) -> Diagnostic {
    Diagnostic::error("Backend configuration changed", format!("{why} A plan made now would be for another state."))
        .help(
            "If the state is to move, run formwork init -migrate-state, which copies it. If the other place is right as it is, \
             run formwork init -reconfigure.",
        )
}

/// Refuses to begin with empty states elsewhere while there are some in the usual files here.
fn not_left_behind(cx: &Context, kept: &Kept) -> Result<(), Diagnostic> {
    let usual = Kept::default();
    for workspace in usual.workspaces()?.unwrap_or_default() {
        if usual.shares(kept, &workspace) {
            continue;
        }
        let local = cx.local(Some(&usual.workspace_path(&workspace)));
        let opened = local.peek()?;
        let (state, pending) = (opened.state, opened.pending.len());
        // Files elsewhere with a state in them have been in use without being remembered.
        let is_used = |path: PathBuf| cx.local(Some(&path)).peek().map(|o| !o.state.is_empty());
        if state.is_empty() && pending == 0
            || kept.remote.is_none() && is_used(kept.workspace_path(&workspace))?
        {
            continue;
        }
        let has = match state.instances().count() {
            0 if pending > 0 => {
                format!("a journal with {pending} operation(s) that an interrupted run left unsettled")
            }
            count => format!("a state with {count} resource instance(s)"),
        };
        let whose = match workspace.as_str() {
            "default" => String::new(),
            other => format!(" of the workspace \"{other}\""),
        };
        return Err(Diagnostic::error(
            "Backend initialization required",
            format!(
                "The configuration keeps its state in a backend \"{}\", but {}{whose} has {has}, and what is there would be \
                 made a second time.",
                kept.kind,
                local.place(),
            ),
        )
        .help(match pending {
            0 => "Copy it with formwork init -migrate-state, or, if it is to be left alone, run formwork init -reconfigure.",
            _ => "Take the backend block away once more and run formwork plan, which settles it; then copy it with formwork \
                  init -migrate-state.",
        }));
    }
    Ok(())
}

/// A path by which two names of one file are the same, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    whole(path)
        .or_else(|| {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(whole(dir)?.join(path.file_name()?))
        })
        .or_else(|| std::path::absolute(path).ok())
        .unwrap_or_else(|| path.to_path_buf())
}

/// Makes the folder of a state file.
pub fn make_folder(path: &Path) -> Result<(), Diagnostic> {
    let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(dir).map_err(|e| {
        Diagnostic::error(
            "The folder of the state cannot be made",
            format!("Could not create {}: {e}.", dir.display()),
        )
    })
}

impl Kept {
    fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(|v| v.as_str()).filter(|v| !v.is_empty())
    }

    /// Whether the state is in the files that have it without a `backend` block.
    pub fn is_usual(&self) -> bool {
        self.remote.is_none()
            && self.text("path").is_none_or(|path| path == STATE_FILE)
            && self.text("workspace_dir").is_none_or(|dir| dir == WORKSPACES)
    }

    /// Whether both have a workspace in the same file here.
    pub fn shares(&self, other: &Kept, workspace: &str) -> bool {
        let path = |kept: &Kept| resolved(&kept.workspace_path(workspace));
        self.remote.is_none() && other.remote.is_none() && path(self) == path(other)
    }

    /// The state file of a workspace, for a state in files here.
    pub fn workspace_path(&self, workspace: &str) -> PathBuf {
        match workspace {
            "default" => self.text("path").unwrap_or(STATE_FILE).into(),
            other => self.workspaces_dir().join(other).join(STATE_FILE),
        }
    }

    /// The folder of the states of other workspaces, for a state in files here.
    pub fn workspaces_dir(&self) -> PathBuf {
        self.text("workspace_dir").unwrap_or(WORKSPACES).into()
    }

    /// The workspaces, the default one first; `None` if there can be no others.
    pub fn workspaces(&self) -> Result<Option<Vec<String>>, StateError> {
        let mut names: Vec<String> = match &self.remote {
            Some(remote) => match remote.workspaces()? {
                Some(names) => names,
                None => return Ok(None),
            },
            None => std::fs::read_dir(self.workspaces_dir())
                .into_iter()
                .flatten()
                .flatten()
                .filter(|entry| entry.path().is_dir())
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect(),
        };
        names.retain(|name| name != "default");
        names.sort();
        names.insert(0, "default".into());
        Ok(Some(names))
    }

    /// The state of a workspace.
    pub fn state(&self, cx: &Context, workspace: &str) -> Result<Box<dyn Backend>, StateError> {
        match &self.remote {
            Some(remote) => remote.state(workspace, cx.cipher()),
            None => Ok(Box::new(cx.local(Some(&self.workspace_path(workspace))))),
        }
    }
}
