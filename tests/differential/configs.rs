//! Configurations with several steps.
//!
//! A file begins with a comment that says what it is about. `== step <name>: <arguments> ==` begins a step, whose
//! arguments (after variables of the environment, `TF_VAR_a=1`) go to `plan`; `== file <name> ==` is followed by a file's text, `== remove <name> ==` removes one; files
//! stay from step to step. Each step plans, shows the plan as JSON, applies it, and asks for outputs and resources; one
//! that cannot be planned asks `validate -json` where the mistakes are.
//! A line `# not yet: <what>` before the first step says that we cannot do it yet: then the facts must differ, so that
//! the line goes when we can. A line `# on purpose at <part of a fact's path>: <why>` says where we differ because it is
//! better: there the facts must differ, and everywhere else they must agree. What `validate -json` marks is compared to the
//! byte: `[step].ranges` is that fact.

use crate::Oracle;
use crate::sessions::{places, ranges};
use formwork_testkit::{Terraform, normalise};
use serde_json::{Map, Value as Json, json};
use std::path::Path;

#[derive(Debug, Default)]
struct Step {
    name: String,
    args: Vec<String>,
    /// Files to write, or to remove where there is no text.
    files: Vec<(String, Option<String>)>,
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}: {line}", number + 1);
        let header = line.strip_prefix("== ").and_then(|l| l.strip_suffix(" =="));
        match (header, steps.last_mut()) {
            (Some(header), step) => match (header.split_once(' '), step) {
                (Some(("step", rest)), _) => {
                    let (name, args) = rest.split_once(':').unwrap_or((rest, ""));
                    let args = args.split_whitespace().map(str::to_owned).collect();
                    steps.push(Step { name: name.trim().to_owned(), args, files: Vec::new() });
                }
                (Some(("file", name)), Some(step)) => step.files.push((name.into(), Some(String::new()))),
                (Some(("remove", name)), Some(step)) => step.files.push((name.into(), None)),
                _ => return Err(wrong("neither step, file nor remove, or a file before the first step")),
            },
            (None, Some(step)) => match step.files.last_mut() {
                Some((_, Some(file))) => {
                    file.push_str(line);
                    file.push('\n');
                }
                _ if line.trim().is_empty() => {}
                _ => return Err(wrong("text that belongs to no file")),
            },
            (None, None) if line.is_empty() || line.starts_with('#') => {}
            (None, None) => return Err(wrong("text before the first step")),
        }
    }
    Ok(steps)
}

/// A folder in which one program goes through the steps.
struct Run<'a> {
    program: &'a Terraform,
    folder: tempfile::TempDir,
    needs_init: bool,
}

impl Run<'_> {
    fn command(&self, args: &[&str]) -> Result<(i32, String, String), String> {
        self.command_with(args, &[])
    }

    fn command_with(&self, args: &[&str], env: &[(&str, &str)]) -> Result<(i32, String, String), String> {
        let output = self.program.run_with(self.folder.path(), args, env, None).map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
    }

    fn json(&self, args: &[&str]) -> Result<Json, String> {
        let (code, stdout, stderr) = self.command(args)?;
        serde_json::from_str(&stdout).map_err(|e| format!("{args:?} exits {code}: {e}\n{stdout}{stderr}"))
    }

    /// Where `validate` finds mistakes.
    fn marked(&self, facts: &mut Map<String, Json>) -> Result<(), String> {
        let report = self.json(&["validate", "-json"])?;
        facts.insert("places".into(), places(&report).into());
        facts.insert("ranges".into(), ranges(&report).into());
        Ok(())
    }

    /// Takes one step, and says what there was to see.
    fn step(&self, step: &Step) -> Result<Json, String> {
        for (name, text) in &step.files {
            let path = self.folder.path().join(name);
            let done = match text {
                Some(text) => path
                    .parent()
                    .map_or(Ok(()), std::fs::create_dir_all)
                    .and_then(|()| std::fs::write(&path, text)),
                None => std::fs::remove_file(&path),
            };
            done.map_err(|e| format!("{name}: {e}"))?;
        }
        let mut facts = Map::new();
        facts.insert("step".into(), step.name.clone().into());
        if self.needs_init && self.command(&["init", "-input=false"])?.0 != 0 {
            // What makes init fail makes our plan fail.
            facts.insert("plan".into(), 1.into());
            self.marked(&mut facts)?;
            return Ok(facts.into());
        }
        let is_variable = |word: &&String| word.starts_with("TF_VAR_");
        let env: Vec<(&str, &str)> =
            step.args.iter().take_while(is_variable).filter_map(|w| w.split_once('=')).collect();
        let mut args = vec!["plan", "-input=false", "-detailed-exitcode", "-out=plan.out"];
        args.extend(step.args[env.len()..].iter().map(String::as_str));
        if !self.needs_init {
            // What Terraform refuses, and we do later, is tried in tests/cases/language/deferral.md.
            args.push("-allow-deferral=false");
        }
        let (code, _, stderr) = self.command_with(&args, &env)?;
        facts.insert("plan".into(), code.into());
        if code == 1 {
            self.marked(&mut facts)?;
            facts.insert("errors (not compared)".into(), errors(&stderr).into());
            return Ok(facts.into());
        }
        let plan = self.json(&["show", "-json", "plan.out"])?;
        facts.insert("changes".into(), changes(&plan["resource_changes"]));
        facts.insert("output_changes".into(), outputs(&plan["output_changes"]));
        let (code, _, stderr) = self.command(&["apply", "-input=false", "plan.out"])?;
        facts.insert("apply".into(), code.into());
        if code != 0 {
            facts.insert("errors (not compared)".into(), errors(&stderr).into());
        }
        facts.insert("outputs".into(), normalised(&self.json(&["output", "-json"])?));
        let (code, list, _) = self.command(&["state", "list"])?;
        let list: Vec<&str> = if code == 0 { list.lines().collect() } else { Vec::new() };
        facts.insert("resources".into(), list.into());
        Ok(facts.into())
    }
}

/// Summaries of errors, for whoever reads the records.
pub fn errors(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|l| l.split_once("Error: ").map(|(_, s)| s.trim())).collect()
}

/// Without what is not there, false or empty.
pub fn pruned(json: &Json) -> Json {
    let empty = |v: &Json| match v {
        Json::Null | Json::Bool(false) => true,
        Json::Object(m) => m.is_empty(),
        Json::Array(a) => a.is_empty(),
        _ => false,
    };
    match json {
        Json::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), pruned(v))).filter(|(_, v)| !empty(v));
            Json::Object(kept.collect())
        }
        Json::Array(items) => {
            let items: Vec<Json> = items.iter().map(pruned).collect();
            if items.iter().all(empty) { Json::Array(Vec::new()) } else { Json::Array(items) }
        }
        other => other.clone(),
    }
}

/// With ids and times replaced.
pub fn normalised(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(normalise(text, "")),
        Json::Array(items) => Json::Array(items.iter().map(normalised).collect()),
        Json::Object(map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), normalised(v))).collect()),
        other => other.clone(),
    }
}

/// What a plan says of each resource instance, by address.
pub fn changes(changes: &Json) -> Json {
    let mut facts: Vec<Json> = Vec::new();
    for change in changes.as_array().into_iter().flatten() {
        let inner = &change["change"];
        let mut fact = json!({
            "address": change["address"],
            "previous_address": change["previous_address"],
            "reason": change["action_reason"],
            "actions": inner["actions"],
            "before": normalised(&inner["before"]),
            "after": normalised(&inner["after"]),
            "after_unknown": pruned(&inner["after_unknown"]),
            "before_sensitive": pruned(&inner["before_sensitive"]),
            "after_sensitive": pruned(&inner["after_sensitive"]),
            "replace_paths": inner["replace_paths"],
        });
        if let Json::Object(fact) = &mut fact {
            fact.retain(|_, v| {
                !matches!(v, Json::Null | Json::Bool(false)) && *v != json!({}) && *v != json!([])
            });
        }
        facts.push(fact);
    }
    facts.sort_by_key(|f| f["address"].as_str().unwrap_or_default().to_owned());
    Json::Array(facts)
}

/// What a plan says of each output.
pub fn outputs(changes: &Json) -> Json {
    let facts = changes.as_object().into_iter().flatten().map(|(name, change)| {
        let fact = json!({
            "actions": change["actions"],
            "before": normalised(&change["before"]),
            "after": normalised(&change["after"]),
            "unknown": pruned(&change["after_unknown"]),
            "sensitive": pruned(&change["after_sensitive"]),
        });
        (name.clone(), fact)
    });
    Json::Object(facts.collect())
}

fn walk(program: &Terraform, steps: &[Step], needs_init: bool) -> Result<Json, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let run = Run { program, folder, needs_init };
    let facts: Result<Vec<Json>, String> =
        steps.iter().map(|s| run.step(s).map_err(|e| format!("step {}: {e}", s.name))).collect();
    facts.map(Json::Array)
}

/// The facts that `validate` tells.
const MARKED: [&str; 2] = ["places", "ranges"];

/// What Terraform marks and we do not. (Whether there are as many mistakes is told by the places.)
fn unmarked(theirs: &Json, ours: &Json) -> Option<String> {
    let list = |ranges: &Json| -> Vec<String> {
        ranges.as_array().into_iter().flatten().filter_map(|p| Some(p.as_str()?.to_owned())).collect()
    };
    let (theirs, ours) = (list(theirs), list(ours));
    let lost: Vec<&str> = theirs.iter().filter(|r| !ours.contains(r)).map(|r| &**r).collect();
    let more: Vec<&str> = ours.iter().filter(|r| !theirs.contains(r)).map(|r| &**r).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "  Terraform: {}\n  Formwork:  {}",
            lost.join("\n             "),
            more.join("\n             ")
        )
    })
}

/// Paths at which two documents differ, what is not to be compared left out.
fn differences(theirs: &Json, ours: &Json, path: &str, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            // Places are held against places: where only one fails, that says enough.
            let compared = |k: &&String| {
                !k.ends_with("(not compared)") && (!MARKED.contains(&&***k) || a.contains_key(*k))
            };
            for key in keys.into_iter().filter(compared) {
                let get = |m: &Map<String, Json>| m.get(key).cloned().unwrap_or(Json::Null);
                if key == "places" && placed(&get(a), &get(b)) {
                    continue;
                }
                if key == "ranges" {
                    found.extend(unmarked(&get(a), &get(b)).map(|what| format!("{path}.ranges\n{what}")));
                    continue;
                }
                differences(&get(a), &get(b), &format!("{path}.{key}"), found);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                let name = [&a["step"], &a["address"]].into_iter().find_map(Json::as_str);
                let step = name.map_or(format!("[{i}]"), |n| format!("[{n}]"));
                differences(a, b, &format!("{path}{step}"), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}\n  Terraform: {a}\n  Formwork:  {b}")),
    }
}

/// Whether we tell the places that Terraform tells. Where it tells none of a mistake, or finds it only later, ours may be
/// more.
fn placed(theirs: &Json, ours: &Json) -> bool {
    let list = |places: &Json| -> Vec<String> {
        places.as_array().into_iter().flatten().filter_map(|p| Some(p.as_str()?.to_owned())).collect()
    };
    let (theirs, ours) = (list(theirs), list(ours));
    let told: Vec<&String> = theirs.iter().filter(|p| p.contains(".tf")).collect();
    told.len() < theirs.len().max(1) && told.iter().all(|p| ours.contains(p)) && !ours.is_empty()
}

/// Checks one configuration.
pub fn check(path: &Path, index: usize, oracle: &Oracle) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let steps = parse(&text)?;
    let theirs = || oracle.fresh(index, 12).map(|terraform| walk(terraform, &steps, true)).transpose();
    let ours = || walk(&Terraform::at(Path::new(env!("CARGO_BIN_EXE_formwork"))), &steps, false);
    compare(path, &text, oracle, theirs, ours)
}

/// Holds our facts against Terraform's, which are asked for anew where that is possible, and recorded otherwise.
pub fn compare(
    path: &Path,
    text: &str,
    oracle: &Oracle,
    theirs: impl FnOnce() -> Result<Option<Json>, String>,
    ours: impl FnOnce() -> Result<Json, String>,
) -> Result<(), String> {
    let not_yet = text.lines().find_map(|line| line.strip_prefix("# not yet: "));
    let record = path.with_extension("answers.json");
    let mut recorded: Option<Json> =
        std::fs::read_to_string(&record).ok().and_then(|text| serde_json::from_str(&text).ok());
    if let Some(fresh) = theirs().map_err(|e| format!("Terraform: {e}"))? {
        if oracle.update {
            let text = serde_json::to_string_pretty(&fresh).map_err(|e| e.to_string())?;
            std::fs::write(&record, text + "\n").map_err(|e| e.to_string())?;
        } else if let Some(recorded) = &recorded {
            let mut found = Vec::new();
            differences(recorded, &fresh, "", &mut found);
            if !found.is_empty() {
                return Err(format!(
                    "Terraform says something else than what is recorded:\n{}",
                    found.join("\n")
                ));
            }
        }
        recorded = Some(fresh);
    }
    let recorded = recorded.ok_or("no answers are recorded, and there is no terraform to ask")?;
    let ours = ours().map_err(|e| format!("Formwork: {e}"))?;
    let mut found = Vec::new();
    differences(&recorded, &ours, "", &mut found);
    for (part, why) in text.lines().filter_map(|l| l.strip_prefix("# on purpose at ")?.split_once(": ")) {
        let before = found.len();
        found.retain(|fact| !fact.lines().next().unwrap_or_default().contains(part));
        if found.len() == before {
            return Err(format!("the line \"# on purpose at {part}: {why}\" can go: the facts agree there"));
        }
    }
    match (found.is_empty(), not_yet) {
        (true, None) | (false, Some(_)) => Ok(()),
        (true, Some(what)) => Err(format!("the line \"# not yet: {what}\" can go: all facts agree")),
        (false, None) => Err(format!("{} facts differ:\n{}", found.len(), found.join("\n"))),
    }
}
