//! Runs of the program on the toy cloud that get killed, and what must be true afterwards.

use crate::common::schedule::Counts;
use formwork_testkit::{PHASES, Ran, Sandbox, objects};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

const APPLY: &str = "apply -auto-approve -input=false";
const DESTROY: &str = "destroy -auto-approve -input=false";

/// A run that gets killed.
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// The configuration that is there before; empty for none.
    before: String,
    /// The configuration that the killed run has.
    after: String,
    /// The command that gets killed. `{a}` in it, and in the configuration that it has, is the id of the object `a`.
    command: Vec<&'static str>,
    /// What is done before the command, in words of the program.
    first: Vec<&'static str>,
    /// The command has no intents, and is either done or not: it is given again after the kill, and then there must be
    /// nothing left to do.
    whole: bool,
    /// Every effect lands so much later than its request; 0 for at once.
    late_ms: u64,
    /// A call that fails in the killed run, as the toy cloud is told; empty for none.
    fault: &'static str,
}

/// A configuration: four things, of which the last may be replaced with the new one first, three links between
/// them, and one object without effects outside the state.
pub fn config(size: u32, color: &str, things: &[&str], links: &[(&str, &str)], quiet_ms: u64) -> String {
    let mut text = format!(
        "terraform {{\n  required_providers {{\n    toy = {{ source = \"formwork/toy\" }}\n  }}\n}}\n\n\
         provider \"toy\" {{\n  folder   = \"cloud\"\n  quiet_ms = {quiet_ms}\n}}\n\n\
         resource \"terraform_data\" \"size\" {{\n  input = {size}\n}}\n\n"
    );
    for name in things {
        let order = if name.ends_with("cbd") { "true" } else { "false" };
        text.push_str(&format!(
            "resource \"toy_thing\" \"{name}\" {{\n  name  = \"{name}\"\n  size  = terraform_data.size.output\n  \
             color = \"{color}\"\n  lifecycle {{\n    create_before_destroy = {order}\n  }}\n}}\n\n"
        ));
    }
    for (from, to) in links {
        text.push_str(&format!(
            "resource \"toy_link\" \"{from}_{to}\" {{\n  from = toy_thing.{from}.id\n  to   = toy_thing.{to}.id\n}}\n\n"
        ));
    }
    text
}

/// All runs that are killed.
pub fn scenarios() -> Vec<Scenario> {
    let things = ["a", "b", "c", "d_cbd", "e_cbd"];
    let links = [("a", "b"), ("b", "c"), ("d_cbd", "e_cbd")];
    let whole = |size, color| config(size, color, &things, &links, 0);
    let late = |size, color| config(size, color, &things, &links, 250);
    let fewer = config(2, "red", &["a", "b", "f"], &[("a", "f")], 0);
    let scenario = |name, before, after, command: &'static str| Scenario {
        name,
        before,
        after,
        command: command.split(' ').collect(),
        first: vec![],
        whole: false,
        late_ms: 0,
        fault: "",
    };
    let imports = "import {\n  to = toy_thing.a\n  id = \"{a}\"\n}\n\n".to_owned();
    let moved = whole(1, "red")
        .replace("toy_thing\" \"a\"", "toy_thing\" \"z\"")
        .replace("toy_thing.a.", "toy_thing.z.");
    vec![
        scenario("create", String::new(), whole(1, "red"), APPLY),
        scenario("update", whole(1, "red"), whole(2, "red"), APPLY),
        scenario("replace", whole(1, "red"), whole(1, "blue"), APPLY),
        scenario("replace and update", whole(1, "red"), whole(2, "blue"), APPLY),
        scenario("shrink", whole(1, "red"), fewer, APPLY),
        scenario("destroy", whole(1, "red"), whole(1, "red"), DESTROY),
        Scenario { late_ms: 60, ..scenario("create, late", String::new(), late(1, "red"), APPLY) },
        Scenario { late_ms: 60, ..scenario("replace, late", late(1, "red"), late(1, "blue"), APPLY) },
        Scenario {
            fault: r#"{"on": "create", "fail": "before", "times": 0}"#,
            ..scenario("replace, refused", whole(1, "red"), whole(1, "blue"), APPLY)
        },
        Scenario {
            fault: r#"{"on": "create", "fail": "after"}"#,
            ..scenario("replace, answer lost", whole(1, "red"), whole(1, "blue"), APPLY)
        },
        Scenario {
            fault: r#"{"on": "create", "fail": "partial"}"#,
            ..scenario("create, half made", String::new(), whole(1, "red"), APPLY)
        },
        Scenario {
            fault: r#"{"on": "delete", "fail": "before"}"#,
            ..scenario("destroy, refused", whole(1, "red"), whole(1, "red"), DESTROY)
        },
        Scenario {
            first: vec!["state", "rm", "toy_thing.a"],
            ..scenario("import and update", whole(1, "red"), imports + &whole(2, "red"), APPLY)
        },
        Scenario {
            first: vec!["state", "rm", "toy_thing.a"],
            whole: true,
            ..scenario("import", whole(1, "red"), whole(1, "red"), "import -input=false toy_thing.a {a}")
        },
        Scenario {
            whole: true,
            ..scenario("state mv", whole(1, "red"), moved, "state mv toy_thing.a toy_thing.z")
        },
    ]
}

impl Scenario {
    /// A folder in which the command can run.
    pub fn prepare(&self) -> Result<Sandbox, String> {
        let sandbox = Sandbox::new(&crate::common::program()).map_err(|e| e.to_string())?;
        let write = |name: &str, text: &str| sandbox.write(name, text).map_err(|e| format!("{name}: {e}"));
        if !self.before.is_empty() {
            write("main.tf", &self.before)?;
            run(&sandbox, &["apply", "-auto-approve"], &[])?.expect(0)?;
        }
        if !self.first.is_empty() {
            run(&sandbox, &self.first, &[])?.expect(0)?;
        }
        write("main.tf", &with_ids(&sandbox, &self.after)?)?;
        if self.late_ms > 0 {
            write("cloud/.faults/late.json", &format!("{{\"late_ms\": {}, \"times\": 0}}", self.late_ms))?;
        }
        if !self.fault.is_empty() {
            write("cloud/.faults/fault.json", self.fault)?;
        }
        Ok(sandbox)
    }

    fn command(&self, sandbox: &Sandbox, env: &[(&str, &str)]) -> Result<Ran, String> {
        let words: Vec<String> =
            self.command.iter().map(|word| with_ids(sandbox, word)).collect::<Result<_, _>>()?;
        run(sandbox, &words.iter().map(String::as_str).collect::<Vec<_>>(), env)
    }

    /// How often the command meets each phase when nothing kills it.
    pub fn count(&self, prepared: &Sandbox) -> Result<Counts, String> {
        let sandbox = Sandbox::copy_of(prepared).map_err(|e| e.to_string())?;
        let log = sandbox.dir().join("probe.log").display().to_string();
        let ran = self.command(&sandbox, &[("FORMWORK_TOY_PROBE", &log)])?;
        if self.fault.is_empty() {
            ran.expect(0)?;
        }
        let log = std::fs::read_to_string(&log).map_err(|e| e.to_string())?;
        Ok(PHASES.map(|phase| log.lines().filter(|l| *l == phase).count()))
    }

    /// Kills once, goes on, and looks.
    pub fn kill(&self, prepared: &Sandbox, phase: &str, n: usize) -> Result<(), String> {
        let sandbox = Sandbox::copy_of(prepared).map_err(|e| e.to_string())?;
        let order = format!("{phase}:{n}");
        let killed = self.command(&sandbox, &[("FORMWORK_TOY_KILL", &order)])?;
        if killed.signal != Some(9) {
            return Err(format!("was not killed: exit code {:?}\n{}", killed.code, killed.output));
        }
        if !self.fault.is_empty() {
            std::fs::remove_file(sandbox.dir().join("cloud/.faults/fault.json"))
                .map_err(|e| e.to_string())?;
        }
        if self.whole {
            let again = self.command(&sandbox, &[])?;
            if ![Some(0), Some(1)].contains(&again.code) {
                return Err(format!("the command once more: {:?}: {}", again.code, again.output));
            }
            let plan = run(&sandbox, &["plan", "-detailed-exitcode", "-input=false"], &[])?;
            plan.expect(0).map_err(|e| format!("it was neither done nor left undone: {e}"))?;
        }
        let apply = run(&sandbox, &["apply", "-auto-approve", "-input=false"], &[])?;
        apply.expect(0).map_err(|e| format!("the next apply: {e}"))?;
        compare(&sandbox)?;
        let plan = run(&sandbox, &["plan", "-detailed-exitcode", "-input=false"], &[])?;
        plan.expect(0).map_err(|e| format!("the plan after it: {e}"))?;
        let by_hand = |args: &[&str]| args.first().is_some_and(|a| ["import", "state"].contains(a));
        leftovers(&sandbox, by_hand(&self.first) || by_hand(&self.command))
    }
}

/// A text with `{a}` replaced by the id of the object `a`.
fn with_ids(sandbox: &Sandbox, text: &str) -> Result<String, String> {
    if !text.contains("{a}") {
        return Ok(text.to_owned());
    }
    let cloud = objects(&sandbox.dir().join("cloud")).map_err(|e| format!("the cloud: {e}"))?;
    let found = cloud.iter().find(|o| o.attributes.get("name") == Some(&"a".into()));
    Ok(text.replace("{a}", &found.ok_or("there is no object a")?.id))
}

/// Runs the program.
pub fn run(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Result<Ran, String> {
    sandbox.formwork_with(args, env).map_err(|e| format!("formwork {}: {e}", args.join(" ")))
}

/// Fails for files that nobody needs any more. Each command that changes a state by hand leaves a backup.
fn leftovers(sandbox: &Sandbox, by_hand: bool) -> Result<(), String> {
    const KNOWN: [&str; 5] =
        ["main.tf", "cloud", "terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.history"];
    let left: Vec<String> = std::fs::read_dir(sandbox.dir())
        .map_err(|e| e.to_string())?
        .filter_map(|e| e.ok().map(|e| e.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            let time = name.strip_prefix("terraform.tfstate.").and_then(|n| n.strip_suffix(".backup"));
            let backup = time.is_some_and(|time| time.bytes().all(|b| b.is_ascii_digit()));
            !(KNOWN.contains(&name.as_str()) || backup && by_hand)
        })
        .collect();
    if left.is_empty() { Ok(()) } else { Err(format!("files left behind: {left:?}")) }
}

/// Holds the state against the cloud.
pub fn compare(sandbox: &Sandbox) -> Result<(), String> {
    let text = std::fs::read_to_string(sandbox.dir().join("terraform.tfstate"))
        .map_err(|e| format!("the state cannot be read: {e}"))?;
    let state: Json = serde_json::from_str(&text).map_err(|e| format!("the state is no JSON: {e}"))?;
    let mut known: BTreeMap<String, Json> = BTreeMap::new();
    for resource in state["resources"].as_array().into_iter().flatten() {
        if !resource["type"].as_str().unwrap_or_default().starts_with("toy_") {
            continue;
        }
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let address = format!("{}.{}", resource["type"], resource["name"]).replace('"', "");
            if !instance["deposed"].is_null() || !instance["status"].is_null() {
                return Err(format!("{address} is deposed or tainted in the state: {instance}"));
            }
            let id = instance["attributes"]["id"].as_str().unwrap_or_default().to_owned();
            if known.insert(id.clone(), instance["attributes"].clone()).is_some() {
                return Err(format!("{id} is twice in the state"));
            }
        }
    }
    let cloud = objects(&sandbox.dir().join("cloud")).map_err(|e| format!("the cloud: {e}"))?;
    let mut names = BTreeSet::new();
    for object in &cloud {
        let Some(attributes) = known.remove(&object.id) else {
            return Err(format!("orphan: {} is in the cloud, and not in the state", object.id));
        };
        if attributes != Json::Object(object.attributes.clone()) {
            return Err(format!(
                "{}: the state says {attributes}, the cloud {:?}",
                object.id, object.attributes
            ));
        }
        let ends = ["name", "from", "to"].map(|a| object.attributes.get(a).map(Json::to_string));
        if !names.insert((object.kind.clone(), ends.clone())) {
            return Err(format!("duplicate: two objects of type {} are {ends:?}", object.kind));
        }
    }
    match known.keys().next() {
        None => Ok(()),
        Some(id) => Err(format!("lost: {id} is in the state, and not in the cloud")),
    }
}
