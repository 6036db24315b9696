//! Histories: what people and the world do to a configuration and its objects, step by step.
//!
//! Terraform goes through a history with the toy provider in Python (`tests/toy/oracle`), we with the toy cloud built in: each
//! has a folder of its own, `cloud`, laid out alike. A history without toy objects needs no provider. The provider needs a
//! Python with the package `tf`: `FORMWORK_TOY_ORACLE` names it, and `cargo xtask test` makes it; without it, answers are
//! those recorded.
//!
//! A page begins with a comment that says what it is about. What follows are lines between `==`:
//!
//! - `file <name>`, followed by its text, writes a file; `remove <name>` takes it away. The provider's configuration is there
//!   already, in `toy.tf`.
//! - `cloud set <object> <attribute>=<JSON>...`, `cloud delete <object>` and `cloud make <id> <attribute>=<JSON>...` happen behind
//!   the engine's back. An object is named by its `name`, or by its id.
//! - `fault <JSON>` is an order to fail, `mend` takes all of them back.
//! - `plan <arguments>` plans into a file; `apply <arguments>` plans and applies what was planned; `run <words>` is any other
//!   command (`run apply plan.out` is what was planned last). Variables of the environment (`TF_VAR_a=1`) may precede
//!   arguments. `@a@` in arguments and files stands for the id of the object named `a`.
//! - `saved` looks whether the last plan was saved, and what it says: plans with errors are sometimes.
//!
//! Plan, apply and run are compared: exit codes, what the plan says, what is in the state and in the cloud afterwards, which calls
//! changed something, and what commands that only tell something print. Ids are told by the object's name and whether it is the
//! first or a later one of this name. Errors are recorded for the reader; that there is one is told by the exit code.
//!
//! Lines `# not yet: ` and `# on purpose at ` mean what they mean for configurations.

use crate::Oracle;
use crate::configs::{self, changes, outputs, pruned};
use crate::names::Names;
use formwork_testkit::Terraform;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the toy cloud's provider is, in every history with toy objects.
const PROVIDER: &str = r#"terraform {
  required_providers {
    toy = { source = "formwork/toy" }
  }
}

provider "toy" {
  folder = "cloud"
}
"#;

/// Where plans are saved.
const PLAN: &str = "plan.out";

#[derive(Debug, PartialEq)]
enum Step {
    File { name: String, text: String },
    Remove(String),
    Cloud { verb: String, object: String, attributes: Map<String, Json> },
    Fault(String),
    Mend,
    Plan(Vec<String>),
    Apply(Vec<String>),
    Run(Vec<String>),
    Saved,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// `size=3 tags={"a": "b"}`
fn attributes(mut text: &str) -> Option<Map<String, Json>> {
    let mut found = Map::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json>();
        found.insert(name.to_owned(), values.next()?.ok()?);
        text = rest[values.byte_offset()..].trim_start();
    }
    Some(found)
}

fn step(header: &str) -> Option<Step> {
    let (verb, rest) = header.split_once(' ').unwrap_or((header, ""));
    Some(match verb {
        "file" => Step::File { name: rest.into(), text: String::new() },
        "remove" => Step::Remove(rest.into()),
        "cloud" => {
            let (verb, rest) = rest.split_once(' ').filter(|(v, _)| ["set", "delete", "make"].contains(v))?;
            let (object, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            Step::Cloud { verb: verb.into(), object: object.into(), attributes: attributes(rest)? }
        }
        "fault" if serde_json::from_str::<Map<String, Json>>(rest).is_ok() => Step::Fault(rest.into()),
        "mend" => Step::Mend,
        "saved" => Step::Saved,
        "plan" => Step::Plan(words(rest)),
        "apply" => Step::Apply(words(rest)),
        "run" if !rest.is_empty() => Step::Run(words(rest)),
        _ => return None,
    })
}

fn parse(text: &str) -> Result<Vec<(String, Step)>, String> {
    let mut steps: Vec<(String, Step)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}: {line}", number + 1);
        if let Some(header) = line.strip_prefix("== ").and_then(|l| l.strip_suffix(" ==")) {
            steps.push((header.to_owned(), step(header).ok_or_else(|| wrong("no such step"))?));
            continue;
        }
        match steps.last_mut() {
            Some((_, Step::File { text, .. })) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line.is_empty() || line.starts_with('#') => {}
            Some(_) if line.is_empty() => {}
            _ => return Err(wrong("text that belongs to no file")),
        }
    }
    Ok(steps)
}

/// The toy provider, waiting for Terraform. Ends with this.
struct Provider {
    child: Child,
    /// How Terraform finds it.
    reattach: String,
}

impl Provider {
    fn start(python: &Path, folder: &Path) -> Result<Self, String> {
        let program = crate::common::repository("tests/toy/oracle/provider.py");
        let mut command = Command::new(python);
        command.arg(program).arg("--dev").current_dir(folder).env("PYTHONUNBUFFERED", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("TMPDIR", folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let cannot = |e: &dyn std::fmt::Display| format!("{} provider.py: {e}", python.display());
        let mut child = command.spawn().map_err(|e| cannot(&e))?;
        let out = child.stdout.take();
        let mut provider = Provider { child, reattach: String::new() };
        let lines = std::io::BufReader::new(out.ok_or_else(|| cannot(&"no output"))?).lines();
        for line in lines.map_while(Result::ok) {
            if let Some((_, value)) = line.split_once("TF_REATTACH_PROVIDERS=") {
                provider.reattach = value.trim_matches('\'').to_owned();
                return Ok(provider);
            }
        }
        Err(cannot(&"it ended before it said where it is"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // Both fail harmlessly where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder in which one program goes through the steps.
struct Walk<'a> {
    program: &'a Terraform,
    folder: tempfile::TempDir,
    provider: Option<Provider>,
    needs_init: bool,
    names: Names,
    /// How many lines of the log were told.
    told: usize,
    /// What the last step said of state and cloud, so that it need not be said again.
    last: BTreeMap<&'static str, Json>,
}

/// What a command printed.
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Walk<'_> {
    fn command(&self, words: &[String]) -> Result<Said, String> {
        let is_variable = |w: &&String| w.starts_with("TF_VAR_");
        let mut env: Vec<(&str, &str)> =
            words.iter().take_while(is_variable).filter_map(|w| w.split_once('=')).collect();
        let args: Vec<String> = words[env.len()..].iter().map(|w| self.names.ids_in(w)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        env.push(("TF_CLI_CONFIG_FILE", "/dev/null"));
        env.extend(self.provider.as_ref().map(|p| ("TF_REATTACH_PROVIDERS", p.reattach.as_str())));
        let output =
            self.program.run_with(self.folder.path(), &args, &env, None).map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }

    fn json(&self, args: &[&str]) -> Result<Json, String> {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let said = self.command(&args)?;
        let mut json: Json = serde_json::from_str(&said.stdout)
            .map_err(|e| format!("{args:?} exits {}: {e}\n{}{}", said.code, said.stdout, said.stderr))?;
        self.names.rename_all(&mut json);
        Ok(json)
    }

    fn write(&mut self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.path().join(name);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder.and_then(|()| std::fs::write(&path, text)).map_err(|e| format!("{name}: {e}"))
    }

    /// Takes one step, and says what there was to see, if it is one to look at.
    fn step(&mut self, header: &str, step: &Step) -> Result<Option<Json>, String> {
        let mut facts = Map::new();
        facts.insert("step".into(), header.into());
        // A plan, and what only tells something, leaves the state alone.
        let mut changes = true;
        match step {
            Step::File { name, text } => {
                let text = self.names.ids_in(text);
                self.write(name, &text)?;
                if self.needs_init && text.contains("module \"") {
                    self.command(&["init".into(), "-input=false".into()])?;
                }
                return Ok(None);
            }
            Step::Remove(name) => {
                let path = self.folder.path().join(name);
                return std::fs::remove_file(path).map(|()| None).map_err(|e| format!("{name}: {e}"));
            }
            Step::Cloud { verb, object, attributes } => {
                let mut attributes = attributes.clone();
                for value in attributes.values_mut() {
                    if let Json::String(text) = value {
                        *text = self.names.ids_in(text);
                    }
                }
                return self.names.change(self.folder.path(), verb, object, &attributes).map(|()| None);
            }
            Step::Fault(text) => {
                let name = format!("cloud/.faults/{}.json", self.told_faults());
                return self.write(&name, text).map(|()| None);
            }
            Step::Mend => {
                let faults = self.folder.path().join("cloud/.faults");
                return std::fs::remove_dir_all(faults).map(|()| None).map_err(|e| e.to_string());
            }
            Step::Plan(args) => {
                self.plan(args, &mut facts)?;
                changes = false;
            }
            Step::Saved => {
                let there = self.folder.path().join(PLAN).exists();
                facts.insert("saved".into(), there.into());
                if there {
                    self.saved(&mut facts)?;
                }
                changes = false;
            }
            Step::Apply(args) => {
                if self.plan(args, &mut facts)? {
                    let said = self.command(&["apply".into(), "-input=false".into(), PLAN.into()])?;
                    facts.insert("apply".into(), said.code.into());
                    told(&mut facts, &said);
                }
            }
            Step::Run(words) => {
                let said = self.command(words)?;
                facts.insert("exit".into(), said.code.into());
                told(&mut facts, &said);
                let tells = matches!(
                    words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
                    ["output" | "show", ..] | ["state", "list" | "show", ..]
                );
                changes = !tells;
                if tells && said.code == 0 {
                    self.names.look(self.folder.path())?;
                    let said = formwork_testkit::normalise(&self.names.rename(&said.stdout), "");
                    let said = without_deposed_keys(&said);
                    facts.insert("said".into(), said.lines().collect::<Vec<_>>().into());
                }
            }
        }
        self.afterwards(changes, &mut facts)?;
        Ok(Some(facts.into()))
    }

    fn told_faults(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("cloud/.faults")).map_or(0, Iterator::count)
    }

    /// Plans; says whether it could.
    fn plan(&self, args: &[String], facts: &mut Map<String, Json>) -> Result<bool, String> {
        let variables = args.iter().take_while(|w| w.starts_with("TF_VAR_")).count();
        let mut words: Vec<String> = args[..variables].to_vec();
        words.extend(["plan", "-input=false", "-detailed-exitcode"].map(str::to_owned));
        words.push(format!("-out={PLAN}"));
        words.extend_from_slice(&args[variables..]);
        let said = self.command(&words)?;
        facts.insert("plan".into(), said.code.into());
        told(facts, &said);
        if said.code == 1 {
            return Ok(false);
        }
        self.saved(facts)?;
        Ok(true)
    }

    /// What the plan that was saved last says.
    fn saved(&self, facts: &mut Map<String, Json>) -> Result<(), String> {
        let plan = self.json(&["show", "-json", PLAN])?;
        for name in ["applyable", "complete", "errored"] {
            facts.insert(name.into(), plan[name].clone());
        }
        let add = |facts: &mut Map<String, Json>, name: &str, fact: Json| {
            if fact != json!([]) && fact != json!({}) {
                facts.insert(name.into(), fact);
            }
        };
        add(facts, "changes", brief(changes(&plan["resource_changes"])));
        add(facts, "drift", changes(&plan["resource_drift"]));
        add(facts, "output_changes", outputs(&plan["output_changes"]));
        add(facts, "checks", checks(&plan["checks"]));
        Ok(())
    }

    /// What there is after a step; of the state only if it `changes`.
    fn afterwards(&mut self, changes: bool, facts: &mut Map<String, Json>) -> Result<(), String> {
        self.names.look(self.folder.path())?;
        let calls = self.names.calls(self.folder.path());
        let mut fresh: Vec<String> = calls.iter().skip(self.told).cloned().collect();
        self.told = calls.len();
        fresh.sort();
        if !fresh.is_empty() {
            facts.insert("calls".into(), fresh.into());
        }
        let mut now = vec![("cloud", configs::normalised(&self.names.objects(self.folder.path())?))];
        if changes {
            let mut state = self.json(&["show", "-json"])?;
            let shown = instances(&state["values"]["root_module"]);
            let values = state["values"]["outputs"].take();
            now.push(("state", configs::normalised(&shown)));
            now.push(("outputs", configs::normalised(&values)));
            let judged = checks(&state["checks"]);
            if judged != json!({}) || self.last.contains_key("judged") {
                now.push(("judged", judged));
            }
        }
        for (name, fact) in now {
            if self.last.get(name) != Some(&fact) {
                facts.insert(name.into(), fact.clone());
                self.last.insert(name, fact);
            }
        }
        Ok(())
    }
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Keys of deposed objects are drawn anew each time.
fn without_deposed_keys(text: &str) -> String {
    const FIELD: &str = "\"deposed_key\":\"";
    let mut parts = text.split(FIELD);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(FIELD);
        out.push_str("<key>");
        out.push_str(part.find('"').map_or("", |end| &part[end..]));
    }
    out
}

/// Errors, for whoever reads the records.
fn told(facts: &mut Map<String, Json>, said: &Said) {
    let errors: Vec<String> = configs::errors(&said.stderr).into_iter().map(plain).collect();
    if !errors.is_empty() {
        facts.insert("errors (not compared)".into(), errors.into());
    }
}

/// Of what stays as it is, only that it does; and all in an order that does not depend on chance, which keys of
/// deposed objects do, and the order in which a provider names what makes it replace.
fn brief(mut changes: Json) -> Json {
    if let Some(changes) = changes.as_array_mut() {
        let address = |c: &Json| c["address"].as_str().unwrap_or_default().to_owned();
        changes.sort_by_cached_key(|c| (address(c), c["before"].to_string()));
    }
    for change in changes.as_array_mut().into_iter().flatten() {
        if let Some(paths) = change.get_mut("replace_paths").and_then(Json::as_array_mut) {
            paths.sort_by_cached_key(Json::to_string);
        }
    }
    for change in changes.as_array_mut().into_iter().flatten() {
        if change["actions"] == json!(["no-op"])
            && change.get("previous_address").is_none()
            && let Some(change) = change.as_object_mut()
        {
            change.retain(|k, _| ["address", "actions", "reason", "importing"].contains(&k.as_str()));
        }
    }
    changes
}

/// The outcome of each check.
fn checks(checks: &Json) -> Json {
    let mut facts = BTreeMap::new();
    for check in checks.as_array().into_iter().flatten() {
        let name = |c: &Json| c["address"]["to_display"].as_str().unwrap_or_default().to_owned();
        facts.insert(name(check), check["status"].clone());
        for instance in check["instances"].as_array().into_iter().flatten() {
            let problems: Vec<&Json> =
                instance["problems"].as_array().into_iter().flatten().map(|p| &p["message"]).collect();
            facts.insert(format!("instance {}", name(instance)), json!([instance["status"], problems]));
        }
    }
    json!(facts)
}

/// An address without the keys of instances.
fn whole(address: &str) -> String {
    let (mut out, mut depth, mut quoted) = (String::new(), 0, false);
    for c in address.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Every instance in a state, with the resources that it depends on, also by others.
fn instances(root: &Json) -> Json {
    let mut all: Vec<Json> = Vec::new();
    let mut modules = vec![root];
    while let Some(module) = modules.pop() {
        all.extend(module["resources"].as_array().into_iter().flatten().cloned());
        modules.extend(module["child_modules"].as_array().into_iter().flatten());
    }
    let address = |r: &Json| r["address"].as_str().unwrap_or_default().to_owned();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for resource in &all {
        let entry = needs.entry(whole(&address(resource))).or_default();
        let direct = resource["depends_on"].as_array().into_iter().flatten();
        entry.extend(direct.filter_map(|d| Some(whole(d.as_str()?))));
    }
    let closed = |from: &str| {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = vec![from];
        while let Some(at) = next.pop() {
            for needed in needs.get(at).into_iter().flatten() {
                if needs.contains_key(needed) && found.insert(needed) {
                    next.push(needed);
                }
            }
        }
        found.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Keys of deposed objects are random: their values tell which is which.
    all.sort_by_cached_key(|r| r["values"].to_string());
    let mut facts: BTreeMap<String, Json> = BTreeMap::new();
    for resource in &all {
        let mut name = address(resource);
        while resource["deposed_key"].is_string() && (name == address(resource) || facts.contains_key(&name))
        {
            name.push_str(" (deposed)");
        }
        let mut fact = json!({
            "values": pruned(&resource["values"]),
            "sensitive": pruned(&resource["sensitive_values"]),
            "tainted": resource["tainted"],
            "needs": closed(&whole(&address(resource))),
        });
        // What data sources need is kept by us alone: our dependencies are direct, and lead through them.
        if resource["mode"] == "data" {
            fact["needs"].take();
        }
        if let Some(fact) = fact.as_object_mut() {
            fact.retain(|_, v| !v.is_null() && *v != json!([]) && *v != json!({}));
        }
        facts.insert(name, fact);
    }
    json!(facts)
}

fn is_toy(steps: &[(String, Step)]) -> bool {
    steps.iter().any(|(_, s)| matches!(s, Step::File { text, .. } if text.contains("toy_")))
}

fn walk(
    program: &Terraform,
    steps: &[(String, Step)],
    needs_init: bool,
    python: Option<&Path>,
) -> Result<Json, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let provider = python.map(|python| Provider::start(python, folder.path())).transpose()?;
    let (names, last) = (Names::default(), BTreeMap::new());
    let mut walk = Walk { program, folder, provider, needs_init, names, told: 0, last };
    if is_toy(steps) {
        walk.write("toy.tf", PROVIDER)?;
    }
    let mut facts = Vec::new();
    for (number, (header, step)) in steps.iter().enumerate() {
        let header = format!("{}. {header}", number + 1);
        let fact = walk.step(&header, step).map_err(|e| format!("step {header}: {e}"))?;
        facts.extend(fact);
    }
    Ok(facts.into())
}

/// The Python that has the package `tf`, if we were told of one.
fn python() -> Option<PathBuf> {
    std::env::var_os("FORMWORK_TOY_ORACLE").map(PathBuf::from)
}

/// Goes through one history.
pub fn check(path: &Path, index: usize, oracle: &Oracle) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let steps = parse(&text)?;
    let python = if is_toy(&steps) { Some(python()) } else { None };
    let theirs = || match (oracle.fresh(index, 12), &python) {
        (None, _) | (_, Some(None)) => Ok(None),
        (Some(terraform), Some(Some(python))) => walk(terraform, &steps, true, Some(python)).map(Some),
        (Some(terraform), None) => walk(terraform, &steps, true, None).map(Some),
    };
    let ours = || walk(&Terraform::at(&crate::common::program()), &steps, false, None);
    configs::compare(path, &text, oracle, theirs, ours)
}
