//! `terraform_remote_state`: what another configuration's state gives out.

use crate::remote_cipher::{Decrypting, RemoteCiphers};
use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Computed, Cx, DataSource, Lookup, LookupSource, Model, Problem, Resource, Schema,
};
use formwork_state::{
    Argument, Backend, Cipher, Clear, Kinds, LocalBackend, Settings, State, StateError, Wrong, checked,
};
use formwork_value::{Map, Path, Str, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// Kinds of backends that Terraform has besides `local`.
const OTHERS: [&str; 9] = ["azurerm", "consul", "cos", "gcs", "kubernetes", "oci", "oss", "remote", "cloud"];
/// Those that it once had.
const GONE: [&str; 6] = ["artifactory", "azure", "etcd", "etcdv3", "manta", "swift"];
const ARGUMENTS: [&str; 2] = ["path", "workspace_dir"];

/// With these kinds of backends, besides `local`.
pub(crate) fn data_sources(
    kinds: Option<Kinds>,
    ciphers: Option<&RemoteCiphers>,
) -> Vec<Arc<dyn DataSource>> {
    let plain = LookupSource::<RemoteState>::new();
    let local: Arc<dyn DataSource> = match ciphers {
        Some(ciphers) => Arc::new(Decrypting { plain, ciphers: ciphers.clone() }),
        None => plain,
    };
    vec![match kinds {
        Some(kinds) => Arc::new(Elsewhere { local, kinds, ciphers: ciphers.cloned() }),
        None => local,
    }]
}

/// States in files here, and in other backends.
struct Elsewhere {
    local: Arc<dyn DataSource>,
    kinds: Kinds,
    ciphers: Option<RemoteCiphers>,
}

impl Elsewhere {
    /// The kind of backend, if it is one of ours.
    fn kind<'v>(&self, config: &'v Value) -> Option<&'v str> {
        config
            .get("backend")
            .and_then(Value::as_str)
            .filter(|kind| self.kinds.names().any(|name| name == *kind))
    }
}

/// The arguments of a backend elsewhere; `None` while they are not all known.
fn settings(config: &Value) -> Result<Option<Settings>, Problem> {
    let Some(config) = config.get("config").filter(|c| !c.is_null()) else {
        return Ok(Some(Settings::new()));
    };
    if !config.is_wholly_known() {
        return Ok(None);
    }
    let (config, _) = config.clone().unmark_deep();
    match config.as_map() {
        Some(map) => {
            let pair =
                |(name, value): (&Str, &Value)| (name.to_string(), formwork_value::json::to_serde(value));
            Ok(Some(map.iter().map(pair).collect()))
        }
        None => Err(Problem::error(
            Path::root().attr("config"),
            "Invalid backend configuration",
            "The configuration of a backend is an object.",
        )),
    }
}

fn wrong(wrong: &Wrong) -> Problem {
    let at = Path::root().attr("config");
    let at = if wrong.argument.is_empty() { at } else { at.attr(&*wrong.argument) };
    Problem::error(at, "Invalid backend configuration", wrong.problem.clone())
}

#[async_trait]
impl DataSource for Elsewhere {
    fn type_name(&self) -> &str {
        self.local.type_name()
    }

    fn schema(&self) -> &Schema {
        self.local.schema()
    }

    fn validate(&self, config: &Value) -> Vec<Problem> {
        let Some(kind) = self.kind(config) else { return self.local.validate(config) };
        let mut problems = default_problems(config);
        match settings(config) {
            Ok(None) => {}
            Ok(Some(settings)) => {
                let arguments = self.kinds.arguments(kind).unwrap_or_default();
                let found = checked(kind, arguments, &settings).err().unwrap_or_default();
                problems.extend(found.iter().map(wrong));
            }
            Err(problem) => problems.push(problem),
        }
        problems
    }

    fn secrets(&self, object: &Value) -> Vec<Path> {
        let Some(arguments) = self.kind(object).and_then(|kind| self.kinds.arguments(kind)) else {
            return self.local.secrets(object);
        };
        let given = object.get("config").and_then(Value::as_map);
        let hides = |a: &&Argument| {
            let value = given.and_then(|map| map.get(a.name));
            value.is_some_and(|v| v.as_str().map_or(a.secret, |text| a.hides(text)))
        };
        let secret = arguments.iter().filter(hides);
        secret.map(|a| Path::root().attr("config").attr(a.name)).collect()
    }

    fn files(&self, config: &Value) -> Vec<String> {
        if self.kind(config).is_some() { Vec::new() } else { self.local.files(config) }
    }

    fn is_asked_again(&self) -> bool {
        self.local.is_asked_again()
    }

    async fn read(&self, call: &Call<'_>, config: &Value) -> Result<Value, CallError> {
        let Some(kind) = self.kind(config) else { return self.local.read(call, config).await };
        let told = |p: Problem| CallError::new(p.summary, p.detail).on(p.path);
        let settings = settings(config).map_err(told)?.unwrap_or_default();
        let remote = match self.kinds.configure(kind, &settings) {
            Some(Ok(remote)) => remote,
            Some(Err(all)) => {
                return Err(all.first().map(|w| told(wrong(w))).unwrap_or_else(|| {
                    CallError::new(
                        "Invalid backend configuration",
                        "The backend takes no such configuration.",
                    )
                }));
            }
            None => return self.local.read(call, config).await,
        };
        let asked = RemoteState::from_value(config).map_err(told)?;
        let clear = || Arc::new(Clear) as Arc<dyn Cipher>;
        let cipher = self.ciphers.as_ref().map_or_else(clear, |ciphers| ciphers(call.about));
        let workspace = asked.workspace.clone().filter(|w| !w.is_empty()).unwrap_or_else(|| "default".into());
        // Whoever asks a server waits for it: not on a thread that others need.
        let (send, receive) = tokio::sync::oneshot::channel();
        let read = move || {
            let backend = remote.state(&workspace, cipher)?;
            let state = if backend.is_absent()? { None } else { Some(backend.peek()?.state) };
            Ok((state, backend.place(), workspace))
        };
        let failed = |e: StateError| {
            CallError::new(e.summary(), format!("{e} {}", e.help())).on(Path::root().attr("config"))
        };
        let started =
            std::thread::Builder::new().name("remote state".into()).spawn(move || send.send(read()).ok());
        started.map_err(|e| {
            CallError::new("The state cannot be read", format!("No thread could be started: {e}."))
        })?;
        let ended = |_| CallError::new("The state cannot be read", "The thread that read it ended.");
        let (state, place, workspace): (_, String, String) = receive.await.map_err(ended)?.map_err(failed)?;
        match state {
            Some(state) => Ok(asked.with(state).to_value()),
            None => {
                let at = if workspace == "default" { "config" } else { "workspace" };
                let detail = format!(
                    "There is no state of the workspace \"{workspace}\" at {place}. Was that configuration applied already?"
                );
                Err(CallError::new("Unable to find remote state", detail).on(Path::root().attr(at)))
            }
        }
    }
}

/// The output values of another configuration's root module, read from its state. Nothing of that state is changed or
/// locked, and a run that is at work on it, or was interrupted, is no obstacle. Outputs that are sensitive there are not
/// so here, as in Terraform: mark them with `sensitive()` where that matters.
#[derive(Clone, Resource)]
#[resource(name = "terraform_remote_state")]
pub(crate) struct RemoteState {
    /// The kind of backend that keeps the state: `local`, `http`, `pg` or `s3`.
    backend: String,
    /// The backend's arguments, an object. For `local`: `path`, the state's file (`terraform.tfstate` unless given), and
    /// `workspace_dir`, the folder of the states of workspaces (`terraform.tfstate.d` unless given). For others, what their
    /// `backend` blocks take.
    config: Option<Value>,
    /// Values of outputs that the state does not have, an object.
    defaults: Option<Value>,
    /// The outputs, an object.
    outputs: Computed<Value>,
    /// The workspace whose state is read; `default` unless given.
    workspace: Option<String>,
}

#[async_trait]
impl Lookup for RemoteState {
    type Client = ();

    fn validate(config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(backend) = config.get("backend").and_then(Value::as_str) {
            problems.extend(backend_problem(backend));
            if backend == "local" {
                problems.extend(config.get("config").and_then(|c| arguments(c).err()));
            }
        }
        problems.extend(default_problems(config));
        problems
    }

    fn files(config: &Value) -> Vec<String> {
        let file = RemoteState::from_value(config).ok().and_then(|asked| asked.file().ok());
        file.map(|file| file.display().to_string()).into_iter().collect()
    }

    /// A state is written for many reasons; only another output is another answer.
    fn is_asked_again() -> bool {
        true
    }

    async fn lookup(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        self.find(Arc::new(Clear))
    }
}

impl RemoteState {
    fn in_workspace(&self) -> Option<&str> {
        self.workspace.as_deref().filter(|w| !w.is_empty() && *w != "default")
    }

    /// The state's file, of the backend `local`.
    fn file(&self) -> Result<PathBuf, CallError> {
        let wrong = |p: Problem| CallError::new(p.summary, p.detail).on(p.path);
        if let Some(problem) = backend_problem(&self.backend) {
            return Err(wrong(problem));
        }
        let Arguments { path, workspace_dir } =
            self.config.as_ref().map_or_else(|| Ok(Arguments::default()), arguments).map_err(wrong)?;
        Ok(match self.in_workspace() {
            None => PathBuf::from(path.as_deref().unwrap_or("terraform.tfstate")),
            Some(name) if name.contains(['/', '\\']) || name == ".." || name == "." => {
                let detail = format!("\"{name}\" cannot be the name of a workspace.");
                return Err(CallError::new("Invalid workspace", detail).on(Path::root().attr("workspace")));
            }
            Some(name) => PathBuf::from(workspace_dir.as_deref().unwrap_or("terraform.tfstate.d"))
                .join(name)
                .join("terraform.tfstate"),
        })
    }

    /// With the outputs of the state, which is encrypted with `cipher`.
    pub(crate) fn find(&self, cipher: Arc<dyn Cipher>) -> Result<Self, CallError> {
        let (file, workspace) = (self.file()?, self.in_workspace());
        let Some(state) = read(&file, cipher).map_err(|e| {
            CallError::new(e.summary(), format!("{e} {}", e.help())).on(Path::root().attr("config"))
        })?
        else {
            let at = if workspace.is_some() { "workspace" } else { "config" };
            let of = workspace.map_or_else(String::new, |w| format!(" of the workspace \"{w}\""));
            let detail = format!(
                "There is no state{of} in the file {}. Was that configuration applied already, and is the path right? It \
                 counts from the folder in which this program runs.",
                file.display()
            );
            return Err(CallError::new("Unable to find remote state", detail).on(Path::root().attr(at)));
        };
        Ok(self.with(state))
    }
}

impl RemoteState {
    /// With the outputs of this state.
    fn with(&self, state: State) -> Self {
        let defaults = self.defaults.as_ref().and_then(Value::as_map);
        let mut outputs: Map = defaults.cloned().unwrap_or_default();
        outputs.extend(state.outputs.into_iter().map(|(name, output)| (name, output.value)));
        RemoteState { outputs: Value::from(outputs).into(), ..self.clone() }
    }
}

fn default_problems(config: &Value) -> Vec<Problem> {
    let defaults = config.get("defaults").filter(|d| d.is_known() && !d.is_null());
    if defaults.is_none_or(|d| d.as_map().is_some()) {
        return Vec::new();
    }
    let detail = "The defaults are an object, with an attribute for each output.";
    vec![Problem::error(Path::root().attr("defaults"), "Invalid default values", detail)]
}

/// The state with what its journal adds to it, if there is one.
fn read(file: &std::path::Path, cipher: Arc<dyn Cipher>) -> Result<Option<State>, StateError> {
    let backend = LocalBackend::new(file).with_cipher(cipher);
    if backend.is_absent()? {
        return Ok(None);
    }
    let state = backend.peek()?.state;
    // An empty file, which is what a lock leaves behind.
    Ok(Some(state).filter(|s| !s.lineage.is_empty() || *s != State::default()))
}

fn backend_problem(backend: &str) -> Option<Problem> {
    let detail = match backend {
        "local" => return None,
        _ if OTHERS.contains(&backend) => {
            format!("States in a backend \"{backend}\" cannot be read yet. There are local, http, pg and s3.")
        }
        _ if GONE.contains(&backend) => {
            format!("Terraform has no backend \"{backend}\" any more, since version 1.3.")
        }
        _ => format!("There is no backend type named \"{backend}\"."),
    };
    Some(Problem::error(Path::root().attr("backend"), "Invalid backend configuration", detail))
}

/// What a local backend is told, as far as it is known.
#[derive(Default)]
struct Arguments {
    path: Option<String>,
    workspace_dir: Option<String>,
}

fn arguments(config: &Value) -> Result<Arguments, Problem> {
    let mut found = Arguments::default();
    if config.is_null() || !config.is_known() {
        return Ok(found);
    }
    let at = Path::root().attr("config");
    let wrong = |at: Path, why: String| {
        let detail = format!("The configuration is not valid for the backend \"local\": {why}.");
        Problem::error(at, "Invalid backend configuration", detail)
    };
    let Some(map) = config.as_map() else {
        return Err(wrong(at, "it is to be an object, with path and workspace_dir".to_owned()));
    };
    if let Some(name) = map.keys().find(|n| !ARGUMENTS.contains(&&***n)) {
        return Err(wrong(at, format!("it has no argument \"{name}\"; there are path and workspace_dir")));
    }
    for (name, place) in ARGUMENTS.into_iter().zip([&mut found.path, &mut found.workspace_dir]) {
        let Some(value) = map.get(name).filter(|v| v.is_known() && !v.is_null()) else { continue };
        let text = formwork_value::convert(value, &formwork_value::Type::String);
        match text.as_ref().ok().and_then(Value::as_str) {
            None => return Err(wrong(at.attr(name), format!("{name} is to be a string"))),
            Some("") => return Err(wrong(at.attr(name), format!("{name} is empty"))),
            Some(text) => *place = Some(text.to_owned()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::data_sources;
    use crate::tests::{Bench, whole};
    use formwork_state::{Backend, LocalBackend, OpenOptions, OutputState, Phase, Probe, Session, State};
    use formwork_value::{Value, json};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    /// Reads with arguments in JSON, in which HERE is a folder; gives the outputs, or what is wrong.
    async fn read(here: &Path, arguments: &str) -> String {
        let here = here.display().to_string();
        let arguments = json::decode_implied(&arguments.replace("HERE", &here)).unwrap();
        let given: Vec<(&str, Value)> =
            arguments.as_map().unwrap().iter().map(|(n, v)| (&**n, v.clone())).collect();
        let source = data_sources(None, None).remove(0);
        let config = whole(source.schema(), &given);
        let bench = Bench::at(0).await;
        let told = match (source.validate(&config).first(), source.read(&bench.call(), &config).await) {
            (None, Ok(found)) => json::to_string(found.get("outputs").unwrap()).unwrap(),
            (Some(problem), Err(error)) => {
                assert_eq!((&problem.summary, &problem.detail), (&error.summary, &error.detail));
                format!("{} at {}", problem.detail, problem.path)
            }
            (None, Err(error)) => format!("{} at {}", error.detail, error.path),
            (Some(problem), Ok(_)) => panic!("{problem:?}"),
        };
        told.replace(&here, "HERE")
    }

    fn open(backend: &LocalBackend) -> Box<dyn Session> {
        let lock_timeout = Duration::ZERO;
        let (operation, who, now) = ("test".into(), "test".into(), String::new());
        let options = OpenOptions { operation, who, now, lock: true, lock_timeout, wait: None, stop: None };
        backend.open(&options).unwrap()
    }

    fn state(n: i64) -> State {
        let output = OutputState { value: n.into(), sensitive: n == 1 };
        State { outputs: [("n".into(), output)].into(), ..State::default() }
    }

    /// Ends a run when the state's file is half written.
    struct Ends;

    impl Probe for Ends {
        fn at(&self, phase: Phase) {
            assert!(phase != Phase::Folding(5), "ended");
        }
    }

    #[tokio::test]
    async fn states_are_read_whoever_works_on_them() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let check = async |arguments: &str, expected: &str| assert_eq!(read(here, arguments).await, expected);
        let plain = r#"{"backend": "local", "config": {"path": "HERE/a"}}"#;
        let none = "There is no state in the file HERE/a. Was that configuration applied already, and is the path right? \
                    It counts from the folder in which this program runs. at .config";
        check(plain, none).await;
        let backend = LocalBackend::new(here.join("a"));
        // The lock makes an empty file.
        let mut session = open(&backend);
        check(plain, none).await;
        session.fold(&state(1)).unwrap();
        check(plain, r#"{"n":1}"#).await;
        drop(session);
        let defaults =
            r#"{"backend": "local", "config": {"path": "HERE/a"}, "defaults": {"n": 5, "m": [true]}}"#;
        check(defaults, r#"{"m":[true],"n":1}"#).await;
        // A run that ended in the middle of writing: the new state is whole beside the old one.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            open(&backend.clone().with_probe(Arc::new(Ends))).fold(&state(2)).unwrap();
        }));
        assert!(ended.is_err() && std::fs::read_to_string(here.join("a")).unwrap().starts_with(|c| c != '{'));
        check(plain, r#"{"n":2}"#).await;
        // Workspaces.
        let other =
            r#"{"backend": "local", "config": {"path": "x", "workspace_dir": "HERE/w"}, "workspace": "b"}"#;
        let none = none
            .replace("state in", "state of the workspace \"b\" in")
            .replace("HERE/a", "HERE/w/b/terraform.tfstate");
        check(other, &none.replace(".config", ".workspace")).await;
        std::fs::create_dir_all(here.join("w/b")).unwrap();
        open(&LocalBackend::new(here.join("w/b/terraform.tfstate"))).fold(&state(3)).unwrap();
        check(other, r#"{"n":3}"#).await;
        check(&plain.replace("}}", r#"}, "workspace": "default"}"#), r#"{"n":2}"#).await;
        let out = r#"{"backend": "local", "workspace": "../b"}"#;
        check(out, r#""../b" cannot be the name of a workspace. at .workspace"#).await;
        std::fs::write(here.join("bad"), "[]").unwrap();
        let bad = read(here, &plain.replace("HERE/a", "HERE/bad")).await;
        assert!(bad.starts_with("HERE/bad: "), "{bad}");
    }

    #[tokio::test]
    async fn arguments_are_checked_before_anything_is_read() {
        let check = async |arguments: &str, expected: &str| {
            assert_eq!(read(Path::new("/none"), arguments).await, expected);
        };
        check(
            r#"{"backend": "gcs"}"#,
            "States in a backend \"gcs\" cannot be read yet. There are local, http, pg and s3. at .backend",
        )
        .await;
        check(r#"{"backend": "pigeon"}"#, "There is no backend type named \"pigeon\". at .backend").await;
        check(
            r#"{"backend": "swift"}"#,
            "Terraform has no backend \"swift\" any more, since version 1.3. at .backend",
        )
        .await;
        let invalid = async |config: &str, why: &str, at: &str| {
            let expected =
                format!("The configuration is not valid for the backend \"local\": {why}. at .config{at}");
            check(&format!("{{\"backend\": \"local\", \"config\": {config}}}"), &expected).await;
        };
        invalid("\"x\"", "it is to be an object, with path and workspace_dir", "").await;
        invalid(r#"{"pth": "x"}"#, "it has no argument \"pth\"; there are path and workspace_dir", "").await;
        invalid(r#"{"path": ["x"]}"#, "path is to be a string", ".path").await;
        invalid(r#"{"path": ""}"#, "path is empty", ".path").await;
    }
}
