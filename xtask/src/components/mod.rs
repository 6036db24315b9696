//! The real components that demos and tests run on: `cargo xtask components`.
//!
//! What is slow to make (programs, Python environments, a root file system) is kept under `target/components`, or
//! in the folder that `FORMWORK_COMPONENTS` names. What runs is in `state.json` there: processes, endpoints,
//! credentials. Each start is from empty data.

mod ahead;
mod ansible;
mod certs;
mod checkov;
mod cloud;
mod etcd;
mod facts;
mod hosts;
mod kubernetes;
mod oracle;
mod packages;
mod place;
mod process;
mod python;

use crate::Failure;
use crate::steps::Steps;
use place::Place;
use serde_json::Value;

pub use ahead::Ahead;
pub use checkov::program as checkov_program;
pub use facts::Facts;
pub use oracle::python as oracle_python;
pub use packages::{is_root, need};

/// What `cargo xtask components help` prints.
const USAGE: &str = "\
usage: cargo xtask components <command> [name...]

  prepare   installs and builds what is missing (the first time about 10 minutes, later nothing)
  start     prepares, starts from empty data, and proves that each component works
  status    what is prepared, what runs, and where
  stop      ends the recorded processes and takes the network namespaces away
  test      the stern cloud's own tests

names: etcd cloud hosts kubernetes ansible (without a name: all)
";

/// One of the things that can be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Component {
    /// Moto behind the stern cloud.
    Cloud,
    /// One etcd member, with and without TLS.
    Etcd,
    /// The API server and the controller manager, on that etcd.
    Kubernetes,
    /// SSH hosts in network namespaces.
    Hosts,
    /// Ansible in an environment of its own; nothing of it keeps running.
    Ansible,
}

use Component::{Ansible, Cloud, Etcd, Hosts, Kubernetes};

/// In the order in which they start.
const ALL: [Component; 5] = [Etcd, Cloud, Hosts, Kubernetes, Ansible];

impl Component {
    fn name(self) -> &'static str {
        match self {
            Cloud => "cloud",
            Etcd => "etcd",
            Kubernetes => "kubernetes",
            Hosts => "hosts",
            Ansible => "ansible",
        }
    }

    /// What it cannot run without.
    fn needs(self) -> &'static [Component] {
        match self {
            Kubernetes => &[Etcd],
            _ => &[],
        }
    }

    fn prepared(self, place: &Place) -> bool {
        match self {
            Cloud => cloud::prepared(place),
            Etcd => etcd::prepared(place),
            Kubernetes => kubernetes::prepared(place),
            Hosts => hosts::prepared(place),
            Ansible => ansible::prepared(place),
        }
    }

    fn prepare(self, steps: &Steps, place: &Place) -> Result<(), Failure> {
        match self {
            Cloud => cloud::prepare(steps, place),
            Etcd => etcd::prepare(steps, place),
            Kubernetes => kubernetes::prepare(steps, place),
            Hosts => hosts::prepare(steps, place),
            Ansible => ansible::prepare(steps, place),
        }
    }
}

/// Does one command.
pub fn run(args: &[&str]) -> Result<(), Failure> {
    let Some((&command, names)) = args.split_first() else {
        print!("{USAGE}");
        return Ok(());
    };
    match command {
        "prepare" => prepare(&chosen(names)?),
        "start" => {
            let started = start(&Steps::new(), &chosen(names)?)?;
            println!("what runs where: {}", started.facts.file.display());
            Ok(())
        }
        "status" => status(&chosen(names)?),
        "stop" => stop(&Steps::new(), &chosen(names)?),
        "test" if names.is_empty() => test(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no such command: components {other} (cargo xtask components help lists them)")),
    }
}

fn chosen(names: &[&str]) -> Result<Vec<Component>, Failure> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let mut chosen = Vec::new();
    for name in names {
        let found = ALL.into_iter().find(|c| c.name() == *name);
        chosen.push(found.ok_or_else(|| {
            let all: Vec<&str> = ALL.iter().map(|c| c.name()).collect();
            format!("no component is called {name:?}; there are {}", all.join(", "))
        })?);
    }
    Ok(ALL.into_iter().filter(|c| chosen.contains(c)).collect())
}

/// With what they need, in the order in which they start.
fn closed(chosen: &[Component]) -> Vec<Component> {
    ALL.into_iter().filter(|c| chosen.contains(c) || chosen.iter().any(|d| d.needs().contains(c))).collect()
}

/// With what needs them, the last started first.
fn dependents(chosen: &[Component]) -> Vec<Component> {
    let gone = |c: &Component| chosen.contains(c) || c.needs().iter().any(|n| chosen.contains(n));
    ALL.into_iter().rev().filter(gone).collect()
}

fn prepare(chosen: &[Component]) -> Result<(), Failure> {
    let place = Place::open(true)?;
    let steps = Steps::new();
    for component in closed(chosen) {
        prepare_one(&steps, &place, component)?;
    }
    Ok(())
}

fn prepare_one(steps: &Steps, place: &Place, component: Component) -> Result<(), Failure> {
    if component.prepared(place) {
        steps.announce(&format!("{}: prepared already", component.name()));
        return Ok(());
    }
    component.prepare(steps, place)
}

/// What a start came to.
pub struct Started {
    /// What had to be started; the rest ran already.
    pub new: Vec<Component>,
    /// What runs where.
    pub facts: Facts,
}

/// Starts all components; what runs already is left alone.
pub fn start_everything(steps: &Steps) -> Result<Started, Failure> {
    start(steps, &ALL)
}

/// Stops all components.
pub fn stop_everything(steps: &Steps) -> Result<(), Failure> {
    stop(steps, &ALL)
}

fn start(steps: &Steps, chosen: &[Component]) -> Result<Started, Failure> {
    let mut place = Place::open(true)?;
    for component in closed(chosen) {
        prepare_one(steps, &place, component)?;
    }
    let mut missing: Vec<Component> = closed(chosen).into_iter().filter(|c| !place.runs(c.name())).collect();
    // What stands on a component that has died cannot go on with its successor.
    let stale = dependents(&missing);
    for component in &stale {
        if place.entry(component.name()).is_none() {
            continue;
        }
        place.stop(steps, component.name())?;
        if !missing.contains(component) {
            missing.push(*component);
        }
    }
    if let Err(failure) = start_all(steps, &mut place, &missing) {
        for component in ALL.into_iter().rev().filter(|c| missing.contains(c)) {
            if !place.runs(component.name()) {
                place.stop(steps, component.name())?;
            }
        }
        return Err(failure);
    }
    for component in closed(chosen).into_iter().filter(|c| !missing.contains(c)) {
        steps.announce(&format!("{}: ran already", component.name()));
    }
    Ok(Started { new: missing, facts: Facts::of(&place) })
}

/// Starts what is missing. The API server and the cloud take seconds to be ready: others start meanwhile.
fn start_all(steps: &Steps, place: &mut Place, missing: &[Component]) -> Result<(), Failure> {
    let (mut cloud, mut kubernetes, mut proving, mut pinging) = (None, None, None, None);
    let wanted = |component: Component| missing.contains(&component);
    if wanted(Cloud) {
        cloud = Some(cloud::launch(steps, place)?);
    }
    if wanted(Etcd) {
        etcd::start(steps, place)?;
    }
    if wanted(Kubernetes) {
        kubernetes = Some(kubernetes::launch(steps, place)?);
    }
    if wanted(Hosts) {
        hosts::start(steps, place)?;
    }
    if wanted(Ansible) {
        pinging = Some(ansible::launch(place)?);
    }
    if let Some(cloud) = cloud {
        proving = Some(cloud::wait(steps, place, &cloud)?);
    }
    if let Some(kubernetes) = kubernetes {
        kubernetes::finish(steps, place, kubernetes)?;
    }
    if let Some(proving) = proving {
        cloud::finish(steps, place, proving)?;
    }
    if let Some(pinging) = pinging {
        ansible::finish(steps, place, pinging)?;
    }
    if wanted(Kubernetes) { kubernetes::settled(steps, place) } else { Ok(()) }
}

fn status(chosen: &[Component]) -> Result<(), Failure> {
    let place = Place::open(false)?;
    for component in chosen {
        let name = component.name();
        let word = match place.entry(name) {
            None if component.prepared(&place) => "prepared, stopped".to_owned(),
            None => "not prepared".to_owned(),
            Some(_) => match place.dead(name) {
                dead if dead.is_empty() && place.runs(name) => "ready".to_owned(),
                dead if dead.is_empty() => {
                    "BROKEN: its start was cut short; start it again, or stop it".to_owned()
                }
                dead => format!("BROKEN: no longer runs: {}", dead.join(", ")),
            },
        };
        println!("{name:<11} {word}");
        if let Some(entry) = place.entry(name) {
            for process in entry.processes() {
                println!("            process {} {}", process.pid, process.name);
            }
            if let Some(facts) = entry.0.get("facts").and_then(Value::as_object) {
                for (key, value) in facts {
                    println!(
                        "            {key} = {}",
                        value.as_str().map_or(value.to_string(), str::to_owned)
                    );
                }
            }
        }
    }
    Ok(())
}

/// Stops these, and what stands on them.
pub fn stop(steps: &Steps, chosen: &[Component]) -> Result<(), Failure> {
    let mut place = Place::open(true)?;
    let mut failures = Vec::new();
    for component in dependents(chosen) {
        if place.entry(component.name()).is_none() {
            continue;
        }
        if let Err(failure) = place.stop(steps, component.name()) {
            failures.push(failure);
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Runs the stern cloud's own tests.
pub fn test() -> Result<(), Failure> {
    let place = Place::open(true)?;
    let steps = Steps::new();
    prepare_one(&steps, &place, Cloud)?;
    steps.announce("the stern cloud's tests");
    cloud::test(&place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_start_first_and_stop_last() {
        assert_eq!(closed(&[Kubernetes]), [Etcd, Kubernetes]);
        assert_eq!(dependents(&[Etcd]), [Kubernetes, Etcd]);
        assert_eq!(dependents(&[Kubernetes]), [Kubernetes]);
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(chosen(&["etcd", "cloud"]).unwrap(), [Etcd, Cloud]);
        assert!(chosen(&["moon"]).unwrap_err().contains("there are etcd, cloud"));
    }
}
