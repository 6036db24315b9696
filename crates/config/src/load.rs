//! Reading a root module and everything that it calls.

use crate::alone::Alone;
use crate::blocks::{add_file, no_attributes};
use crate::check::{self, only_plans_refuse};
use crate::files::Files;
use crate::labels;
use crate::manifest::{Installed, Manifest, Modules};
use crate::model::{Config, Import, Module, ModuleCall};
use crate::native_json;
use crate::overrides::{NOTHING, is_override, merge, without_effect};
use crate::source::Source;
use formwork_addr::ModulePath;
use formwork_diag::{Diagnostic, Sources, Span, has_errors, suggestion};
use formwork_syntax::{
    Body, Expr, ExprKind, Undecodable, decode_configuration, decode_json, json_value_with, parse,
};
use memchr::memmem;
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// How deep modules may call each other before it must be a mistake.
const MAX_DEPTH: usize = 100;

/// A configuration, with the texts that its spans point into.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The configuration; absent when there are errors, other than those that [only plans refuse](only_plans_refuse).
    pub config: Option<Config>,
    /// The files that were read.
    pub sources: Sources,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the module in `root` and everything that it calls. File names in spans and `path.module` are relative to where
/// `root` is relative to; `""` and `"."` both mean the working directory.
///
/// Modules that are not at local paths are found by the list of what was fetched; they are not fetched here.
/// A folder without files is an empty root module.
pub fn load(root: &Path, files: &dyn Files) -> Loaded {
    finished(Loader::new(files, &installed(files)), root)
}

/// [`load`] for those who only ask what there is: whether modules are given the arguments that they take is not looked at.
pub fn load_structure(root: &Path, files: &dyn Files) -> Loaded {
    load_with(root, files, &installed(files))
}

/// [`load_structure`] that asks `fetched` for the modules that are not at local paths.
pub fn load_with(root: &Path, files: &dyn Files, fetched: &dyn Modules) -> Loaded {
    finished(Loader { arguments: false, ..Loader::new(files, fetched) }, root)
}

/// What the list says of the modules that were fetched.
fn installed(files: &dyn Files) -> Installed {
    match files.manifest() {
        Ok(bytes) => Manifest::parse(&bytes).map_or_else(Installed::Broken, Installed::List),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Installed::Absent,
        Err(e) => Installed::Broken(e.to_string()),
    }
}

fn finished(mut loader: Loader<'_>, root: &Path) -> Loaded {
    loader.module(ModulePath::default(), root.to_path_buf(), None, None);
    let Loader { mut out, modules, damaged, .. } = loader;
    // What a block seems to lack may stand where it could not be read.
    out.diagnostics.retain(|d| d.summary != MISSING || !d.span.is_some_and(|at| damaged.contains(&at)));
    if can_be_looked_at(&out.diagnostics) {
        let config = Config { modules };
        check::whole(&config, &mut out.diagnostics);
        out.config = Some(config).filter(|_| can_be_looked_at(&out.diagnostics));
    }
    out
}

fn can_be_looked_at(diags: &[Diagnostic]) -> bool {
    diags.iter().all(|d| !d.is_error() || only_plans_refuse(d))
}

/// [`load`], but import blocks of the root module whose resource the configuration does not have are taken out and come
/// back apart: their resources are yet to be written.
pub fn load_without_lost_imports(root: &Path, files: &dyn Files) -> (Loaded, Vec<Import>) {
    let first = load(root, files);
    if !has_errors(&first.diagnostics) {
        return (first, Vec::new());
    }
    let installed = match files.manifest() {
        Ok(bytes) => Manifest::parse(&bytes).map_or_else(Installed::Broken, Installed::List),
        Err(_) => Installed::Absent,
    };
    let mut loader = Loader::new(files, &installed);
    loader.module(ModulePath::default(), root.to_path_buf(), None, None);
    let Loader { mut out, mut modules, .. } = loader;
    if !can_be_looked_at(&out.diagnostics) {
        return (first, Vec::new());
    }
    let mut lost = Vec::new();
    let has = |import: &Import| {
        let holder = modules.get(&import.to.path);
        holder.is_some_and(|m| m.resources.contains_key(&import.to.resource))
    };
    if let Some(root) = modules.get(&ModulePath::default()) {
        let mut kept = (**root).clone();
        lost.extend(kept.imports.extract_if(.., |import| !has(import)));
        modules.insert(ModulePath::default(), Arc::new(kept));
    }
    let config = Config { modules };
    check::whole(&config, &mut out.diagnostics);
    out.config = Some(config).filter(|_| can_be_looked_at(&out.diagnostics));
    (out, lost)
}

/// Whether a folder has any files of a configuration. One that cannot be read counts: [`load`] says why.
pub fn has_configuration(root: &Path, files: &dyn Files) -> bool {
    files.read_dir(root).map_or(true, |names| names.iter().any(|name| is_configuration(name)))
}

fn is_configuration(name: &str) -> bool {
    (name.ends_with(".tf") || name.ends_with(".tf.json")) && !ignored(name)
}

/// The module in `root` alone: what it calls is not read. For what is needed before there is a state.
pub fn load_root(root: &Path, files: &dyn Files) -> Loaded {
    let mut loader = Loader::new(files, &Installed::Absent);
    let module = loader.folder(root, None);
    let Loader { mut out, .. } = loader;
    if !has_errors(&out.diagnostics) {
        let modules = module.map(|module| (ModulePath::default(), Arc::new(module)));
        out.config =
            Some(Config { modules: modules.into_iter().collect() }).filter(|c| !c.modules.is_empty());
    }
    out
}

/// Whether a file of the module in `root` has this word in it. One that cannot be read has not.
pub fn mentions(root: &Path, files: &dyn Files, word: &str) -> bool {
    let speaks = |name: &String| {
        if !is_configuration(name) {
            return false;
        }
        let bytes = files.read(&root.join(name));
        bytes.is_ok_and(|bytes| memmem::find(&bytes, word.as_bytes()).is_some())
    };
    files.read_dir(root).is_ok_and(|names| names.iter().any(speaks))
}

/// The module in `root` alone, if it may have a `backend` block: what it calls is not read. It reads no more than it must,
/// and what is wrong with the files is for [`load`] to say. `None` without such a block.
pub fn load_backend(root: &Path, files: &dyn Files) -> Option<(Config, Sources)> {
    let names = files.read_dir(root).ok()?;
    let speaks = |bytes: Vec<u8>| memmem::find(&bytes, b"backend").is_some();
    if !names.iter().any(|n| is_configuration(n) && files.read(&root.join(n)).is_ok_and(speaks)) {
        return None;
    }
    let mut loader = Loader::new(files, &Installed::Absent);
    let module = loader.folder(root, None).filter(|module| module.backend.is_some())?;
    let modules = BTreeMap::from([(ModulePath::default(), Arc::new(module))]);
    Some((Config { modules }, loader.out.sources))
}

/// What is said of a block without an argument that it must have.
pub(crate) const MISSING: &str = "Missing required argument";

struct Loader<'a> {
    files: &'a dyn Files,
    fetched: &'a dyn Modules,
    /// Whether to look at what modules are given.
    arguments: bool,
    out: Loaded,
    modules: BTreeMap<ModulePath, Arc<Module>>,
    /// Folders that were read already: a module called often is parsed once.
    parsed: BTreeMap<PathBuf, Module>,
    /// The places of what is missing in blocks in which something could not be read.
    damaged: Vec<Span>,
}

impl<'a> Loader<'a> {
    fn new(files: &'a dyn Files, fetched: &'a dyn Modules) -> Self {
        Loader {
            files,
            fetched,
            arguments: true,
            out: Loaded::default(),
            modules: BTreeMap::new(),
            parsed: BTreeMap::new(),
            damaged: Vec::new(),
        }
    }

    /// `package` is the folder of what was fetched, when the module was: local paths may not lead out of it.
    fn module(&mut self, path: ModulePath, dir: PathBuf, package: Option<&Path>, call: Option<&ModuleCall>) {
        let mut module = match self.parsed.get(&dir) {
            Some(module) => module.clone(),
            None => {
                let Some(module) = self.folder(&dir, call) else { return };
                // Nobody calls the root.
                if call.is_some() {
                    self.parsed.insert(dir.clone(), module.clone());
                }
                module
            }
        };
        module.path = path.clone();
        if let Some(call) = call.filter(|_| self.arguments) {
            self.check_arguments(call, &module);
        }
        let calls: Vec<ModuleCall> = module.calls.values().cloned().collect();
        self.modules.insert(path.clone(), Arc::new(module));
        if path.0.len() >= MAX_DEPTH {
            if let Some(call) = calls.first() {
                self.out.diagnostics.push(
                    Diagnostic::error(
                        "Module calls do not end",
                        format!("Modules call each other {MAX_DEPTH} deep; most likely one calls itself."),
                    )
                    .at(call.span),
                );
            }
            return;
        }
        for call in calls {
            let path = path.child(call.name.name.clone());
            match self.source_dir(&path, &dir, package, &call) {
                Ok((child, package)) => self.module(path, child, package.as_deref(), Some(&call)),
                Err(d) => self.out.diagnostics.push(d),
            }
        }
    }

    /// The folder of the module that `call` names, and of the package that it is in.
    fn source_dir(
        &self,
        path: &ModulePath,
        dir: &Path,
        package: Option<&Path>,
        call: &ModuleCall,
    ) -> Result<(PathBuf, Option<PathBuf>), Diagnostic> {
        let source = &*call.source;
        if source.starts_with("./") || source.starts_with("../") {
            let child = join(dir, source);
            if let Some(package) = package
                && !child.starts_with(package)
            {
                let d = Diagnostic::error(
                    "Module source leads out of its package",
                    format!("\"{source}\" is outside of what was fetched together with this module."),
                );
                return Err(d
                    .help("Fetch the whole repository, and name the module's folder in it behind //")
                    .at(call.source_span));
            }
            self.fetched.local(path, call, &child);
            return Ok((child, package.map(Path::to_path_buf)));
        }
        if matches!(Source::parse(source), Err(_) | Ok(Source::Registry(_)))
            && self.files.read_dir(&join(dir, source)).is_ok()
        {
            return Err(Diagnostic::error(
                "Invalid module source",
                format!("\"{source}\" does not say where to look."),
            )
            .help(format!("For the folder of that name: source = \"./{source}\""))
            .at(call.source_span));
        }
        let found = self.fetched.folder(path, call)?;
        Ok((found.dir, Some(found.package)))
    }

    fn check_arguments(&mut self, call: &ModuleCall, module: &Module) {
        for (name, (ident, _)) in &call.arguments {
            if let Some(variable) = module.variables.get(name) {
                if let Some(why) = &variable.deprecated {
                    self.out.diagnostics.push(
                        Diagnostic::warning(
                            "Deprecated variable",
                            format!(
                                "The module \"{}\" says of its variable \"{name}\": {why}",
                                call.name.name
                            ),
                        )
                        .at(ident.span)
                        .label(variable.name.span, "declared here"),
                    );
                }
                continue;
            }
            let detail = format!("The module \"{}\" has no variable \"{name}\".", call.name.name);
            let d = match call.merged {
                true => without_effect("Argument", detail),
                false => Diagnostic::error("Unsupported argument", detail),
            }
            .at(ident.span);
            self.out.diagnostics.push(match suggestion(name, module.variables.keys().map(|k| &**k)) {
                Some(s) => d.help(format!("Did you mean \"{s}\"?")),
                None => d.help(format!("Its folder is {}.", module.dir.display())),
            });
        }
        for (name, variable) in &module.variables {
            if variable.default.is_none() && !call.arguments.contains_key(name) {
                self.out.diagnostics.push(
                    Diagnostic::error(
                        MISSING,
                        format!(
                            "The module \"{}\" needs a value for its variable \"{name}\".",
                            call.name.name
                        ),
                    )
                    .at(call.missing)
                    .label(variable.name.span, "declared here, without a default"),
                );
            }
        }
    }

    fn folder(&mut self, dir: &Path, call: Option<&ModuleCall>) -> Option<Module> {
        let mut names = match self.files.read_dir(dir) {
            Ok(names) => names,
            Err(error) => {
                let shown = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
                let d = match call {
                    Some(call) => Diagnostic::error(
                        "Module not found",
                        format!("The folder {} cannot be read: {error}.", shown.display()),
                    )
                    .at(call.span),
                    None => Diagnostic::error(
                        "Configuration not found",
                        format!("The folder {} cannot be read: {error}.", shown.display()),
                    ),
                };
                self.out.diagnostics.push(d);
                return None;
            }
        };
        names.sort();
        names.retain(|n| is_configuration(n));
        let mut bodies: Vec<Body> = Vec::new();
        let mut overriding: Vec<Body> = Vec::new();
        let mut broken = false;
        for name in &names {
            let before = self.out.diagnostics.len();
            let body = self.file(&dir.join(name));
            if is_override(name) {
                overriding.extend(body);
            } else {
                broken |= has_errors(&self.out.diagnostics[before..]);
                bodies.extend(body);
            }
        }
        let (mut found, alone) = overridden(&mut bodies, overriding);
        // What seems not to be there may stand where it could not be read.
        found.retain(|d| !broken || d.summary != NOTHING);
        self.out.diagnostics.extend(found);
        let mut module = Module { dir: dir.to_path_buf(), ..Module::default() };
        for body in &bodies {
            add_file(&mut module, body, &mut self.out.diagnostics);
        }
        alone.finish(&mut module, &mut self.out.diagnostics);
        Some(module)
    }

    fn file(&mut self, path: &Path) -> Option<Body> {
        let shown = path.display().to_string();
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.out.diagnostics.push(Diagnostic::error(
                    "File cannot be read",
                    format!("{shown} cannot be read: {error}."),
                ));
                return None;
            }
        };
        let text = if is_json(path) { Ok(decode_json(bytes)) } else { decode_configuration(bytes) };
        match text {
            Ok(text) => {
                let id = self.out.sources.add(shown, text.as_str());
                if !is_json(path) {
                    let (mut body, mut diagnostics) = parse(id, &text);
                    if !diagnostics.is_empty() {
                        damaged(&body, &diagnostics, &mut self.damaged);
                    }
                    labels::nested(&mut body, &mut diagnostics);
                    self.out.diagnostics.extend(diagnostics);
                    return Some(body);
                }
                let (expr, diagnostics) = json_value_with(id, &text, &native_json::is_literal);
                self.out.diagnostics.extend(diagnostics);
                let expr = expr?;
                if let Some(wrong) = not_blocks(&expr) {
                    self.out.diagnostics.push(
                        Diagnostic::error(
                            "Incorrect JSON value type",
                            "A configuration in JSON is an object, whose keys are the types of blocks.",
                        )
                        .at(wrong)
                        .help("Write it as { \"resource\": { … } }, or as an array of such objects."),
                    );
                    return None;
                }
                Some(native_json::body(&expr, &mut self.out.diagnostics))
            }
            Err(Undecodable { text, at }) => {
                let id = self.out.sources.add(shown.as_str(), text);
                self.out.diagnostics.push(
                    Diagnostic::error(
                        "Invalid character encoding",
                        format!("{shown} is not UTF-8 text: the byte at offset {at} is wrong."),
                    )
                    .at(Span::new(id, at, at + char::REPLACEMENT_CHARACTER.len_utf8()))
                    .help("Save the file in the UTF-8 encoding."),
                );
                None
            }
        }
    }
}

/// Merges override files into the others. Apart comes what the blocks that it changes said before.
fn overridden(bodies: &mut Vec<Body>, overriding: Vec<Body>) -> (Vec<Diagnostic>, Alone) {
    let mut diags = Vec::new();
    let mut alone = Alone::default();
    // Blocks that change no other need a place, too.
    if let Some(first) = overriding.first().filter(|_| bodies.is_empty()) {
        bodies.push(first.emptied());
    }
    for body in overriding {
        no_attributes(&body, &mut diags);
        for block in body.blocks {
            merge(bodies, block, &mut alone, &mut diags);
        }
    }
    (diags, alone)
}

/// Adds the places of what the blocks lack that mistakes of grammar lie in.
fn damaged(body: &Body, mistakes: &[Diagnostic], out: &mut Vec<Span>) {
    for block in &body.blocks {
        let body = block.body.span;
        let inside = |at: Span| at.file == body.file && (body.start..body.end).contains(&at.start);
        if mistakes.iter().any(|d| d.span.is_some_and(inside)) {
            out.push(block.body.missing);
            damaged(&block.body, mistakes, out);
        }
    }
}

/// What in the value of a JSON file is no object.
fn not_blocks(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Object(_) => None,
        ExprKind::Tuple(items) => items.iter().find_map(not_blocks),
        _ => Some(expr.span),
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json")
}

/// Files that editors leave behind.
fn ignored(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))
}

/// `dir` and a relative path, with `.` and `..` resolved where that is possible.
fn join(dir: &Path, relative: &str) -> PathBuf {
    let mut out = if dir == Path::new(".") { PathBuf::new() } else { dir.to_path_buf() };
    for component in Path::new(relative).components() {
        match component {
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
