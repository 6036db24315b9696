//! Random configurations, changed at random, applied to a cloud in memory whose calls fail at random.
//!
//! What must hold: new values come after what they are made from; what goes, goes before what it was made from; after an
//! apply without failures the cloud is as configured and the next plan is empty; after one with failures nothing is lost, and
//! the next apply goes on from there.

mod cloud;
mod conditions;
mod half_made;
mod many;
mod opened;
mod world;

use cloud::{Cloud, Entry};
use formwork_engine::{PlanOptions, Setup, apply, plan, recover};
use formwork_plan::{Cause, Mode};
use formwork_state::{Backend, LocalBackend, OpenOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a random configuration is made of: by name, the colour (a change replaces), the size (a change updates), the
/// names that it refers to, the number of instances, and whether replacement makes the new one first.
#[derive(Clone, Debug)]
struct Thing {
    colour: u32,
    size: u32,
    needs: BTreeSet<usize>,
    count: Option<usize>,
    /// Whose id the count is made from, so that it is not known before that is made.
    waits: Option<usize>,
    create_first: bool,
}

type Things = BTreeMap<usize, Thing>;

fn random_thing(rng: &mut StdRng, i: usize, others: &[usize]) -> Thing {
    let needs = others.iter().copied().filter(|o| *o < i && rng.random_bool(0.3)).collect();
    Thing {
        colour: rng.random_range(0..3),
        size: rng.random_range(0..3),
        needs,
        count: rng.random_bool(0.3).then(|| rng.random_range(0..4)),
        waits: others.iter().copied().filter(|o| *o < i).find(|_| rng.random_bool(0.15)),
        create_first: rng.random_bool(0.25),
    }
}

fn change(rng: &mut StdRng, things: &mut Things) {
    let names: Vec<usize> = (0..9).collect();
    for i in names {
        let others: Vec<usize> = things.keys().copied().collect();
        match rng.random_range(0..6) {
            0 => {
                things.remove(&i);
                for t in things.values_mut() {
                    t.needs.remove(&i);
                    t.waits = t.waits.filter(|o| *o != i);
                }
            }
            1 | 2 => {
                let thing = random_thing(rng, i, &others);
                things.insert(i, thing);
            }
            _ => {}
        }
    }
}

fn render(things: &Things) -> String {
    let mut out = String::new();
    for (i, t) in things {
        out.push_str(&format!("resource \"mem_thing\" \"t{i}\" {{\n  name = \"t{i}\"\n"));
        if let Some(n) = t.count {
            match t.waits {
                None => out.push_str(&format!("  count = {n}\n")),
                Some(o) => {
                    let ids = format!("join(\"\", mem_thing.t{o}[*].id)");
                    out.push_str(&format!("  count = {ids} == \"none has this\" ? 9 : {n}\n"));
                }
            }
        }
        out.push_str(&format!("  colour = \"c{}\"\n  size = {}\n", t.colour, t.size));
        let needs: Vec<String> = t
            .needs
            .iter()
            .map(|o| match things[o].count {
                Some(_) => format!("join(\"\", mem_thing.t{o}[*].id)"),
                None => format!("mem_thing.t{o}.id"),
            })
            .collect();
        out.push_str(&format!("  needs = [{}]\n", needs.join(", ")));
        if t.create_first {
            out.push_str("  lifecycle {\n    create_before_destroy = true\n  }\n");
        }
        out.push_str("}\n");
    }
    out
}

struct Run {
    cloud: Arc<Cloud>,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Run {
    fn new() -> Self {
        Run {
            cloud: Arc::new(Cloud::default()),
            dir: tempfile::tempdir().expect("a folder for the state"),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        }
    }

    fn setup(&self, things: &Things) -> Setup {
        world::setup(&render(things), self.cloud.clone())
    }

    /// Plans and applies, until nothing has to wait any more; returns whether there were errors, and what the first plan came
    /// to (add, change, destroy).
    fn apply(&self, things: &Things, mode: Mode) -> (bool, (usize, usize, usize)) {
        let (mut failed, counts, mut waits) = self.stage(things, mode);
        for _ in 0..things.len() {
            if failed || !waits {
                break;
            }
            let next = self.stage(things, mode);
            assert_ne!(
                (next.1, next.2),
                ((0, 0, 0), true),
                "nothing is done, and something waits\n{}",
                render(things)
            );
            (failed, waits) = (next.0, next.2);
        }
        assert!(failed || !waits, "more stages than objects\n{}", render(things));
        (failed, counts)
    }

    /// One plan, applied. Also whether something had to wait.
    fn stage(&self, things: &Things, mode: Mode) -> (bool, (usize, usize, usize), bool) {
        let setup = self.setup(things);
        let backend = LocalBackend::new(self.dir.path().join("terraform.tfstate"));
        let mut session = backend.open(&open_options()).expect("the state opens");
        self.runtime.block_on(async {
            let diags = recover(&setup, &mut *session).await;
            assert!(diags.is_empty(), "{diags:?}");
            let options = PlanOptions { mode, ..PlanOptions::default() };
            let planned = plan(&setup, session.state(), &options).await;
            assert!(!planned.plan.errored, "{:?}\n{}", planned.diagnostics, render(things));
            let counts = planned.plan.counts();
            let waits = !planned.plan.deferred.is_empty();
            for unknown in planned.plan.deferred.iter().filter(|d| d.cause == Cause::InstanceCountUnknown) {
                let mut of_it =
                    planned.plan.changes.iter().filter(|c| c.addr.resource.to_string() == unknown.address);
                // That it has moved is told.
                assert!(
                    of_it.all(|c| c.deposed.is_some() || !c.is_change()),
                    "{unknown:?} is planned\n{}",
                    render(things)
                );
            }
            let applied = apply(&setup, &planned.plan, planned.refreshed, &mut *session).await;
            let failed = applied.diagnostics.iter().any(|d| d.is_error());
            session.close().expect("the state closes");
            (failed, counts, waits)
        })
    }

    /// Objects in the state, by id.
    fn ids(&self) -> Vec<String> {
        let backend = LocalBackend::new(self.dir.path().join("terraform.tfstate"));
        let opened = backend.peek().expect("the state can be read");
        assert!(opened.pending.is_empty());
        let mut ids = Vec::new();
        for (_, _, instance) in opened.state.instances() {
            for object in instance.current.iter().chain(instance.deposed.values()) {
                let json: serde_json::Value =
                    serde_json::from_str(&object.attributes).expect("attributes are JSON");
                ids.push(json["id"].as_str().expect("every object has an id").to_owned());
            }
        }
        ids.sort();
        ids
    }
}

fn open_options() -> OpenOptions<'static> {
    OpenOptions {
        operation: "test".into(),
        who: "test".into(),
        now: "2026-01-01T00:00:00Z".into(),
        lock: true,
        lock_timeout: Duration::ZERO,
        wait: None,
        stop: None,
    }
}

/// Objects that are used, by those that use them, must have been made before them and go after them.
fn check_order(log: &[Entry], context: &str) {
    let mut alive: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, entry) in log.iter().enumerate() {
        match entry {
            Entry::Created { id, name, needs } => {
                names.insert(id, name);
                for n in needs {
                    assert!(alive.contains_key(n), "{id} was made from {n}, which was not there\n{context}");
                }
                alive.insert(id.clone(), needs.clone());
            }
            Entry::Updated { id, needs } => {
                for n in needs {
                    assert!(
                        alive.contains_key(n),
                        "{id} was changed to need {n}, which was not there\n{context}"
                    );
                }
                alive.insert(id.clone(), needs.clone());
            }
            Entry::Deleted { id } => {
                // Replaced destroy-first under a user that can be changed in place, or made from something that is: there is
                // no other way.
                let returns = |id: &str| {
                    log[i..].iter().any(|e| matches!(e, Entry::Created { name, .. } if *name == names[id]))
                };
                let mut reached = vec![id.clone()];
                let mut next = 0;
                while let Some(at) = reached.get(next).cloned() {
                    next += 1;
                    reached.extend(
                        alive.get(&at).into_iter().flatten().filter(|n| alive.contains_key(*n)).cloned(),
                    );
                }
                let comes_back = reached.iter().any(|id| returns(id));
                alive.remove(id);
                let user =
                    alive.iter().find(|(_, needs)| needs.contains(id) && !comes_back).map(|(user, _)| user);
                assert!(user.is_none(), "{id} went while {user:?} was still made from it\n{context}");
            }
        }
    }
}

fn wanted(things: &Things) -> usize {
    things.values().map(|t| t.count.unwrap_or(1)).sum()
}

#[test]
fn random_changes_with_random_failures_converge() {
    for seed in 0..120u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let run = Run::new();
        let mut things = Things::new();
        for round in 0..6 {
            change(&mut rng, &mut things);
            let context = format!("seed {seed}, round {round}:\n{}", render(&things));
            run.cloud.fail_with(if rng.random_bool(0.5) { 0.25 } else { 0.0 }, rng.random());
            let (failed, _) = run.apply(&things, Mode::Normal);
            assert_eq!(run.ids(), run.cloud.ids(), "state and cloud differ\n{context}");
            if failed {
                run.cloud.fail_with(0.0, 0);
                let (failed, _) = run.apply(&things, Mode::Normal);
                assert!(!failed, "an apply without failing calls failed\n{context}");
            }
            run.cloud.fail_with(0.0, 0);
            assert_eq!(run.ids(), run.cloud.ids(), "state and cloud differ\n{context}");
            assert_eq!(run.cloud.ids().len(), wanted(&things), "not what is wanted\n{context}");
            let (failed, counts) = run.apply(&things, Mode::Normal);
            assert!(!failed && counts == (0, 0, 0), "the second plan is not empty: {counts:?}\n{context}");
            check_order(&run.cloud.log(), &context);
        }
        let (failed, _) = run.apply(&things, Mode::Destroy);
        assert!(!failed, "seed {seed}: destroy failed");
        assert!(run.cloud.ids().is_empty() && run.ids().is_empty(), "seed {seed}: something is left");
        check_order(&run.cloud.log(), &format!("seed {seed}: destroy"));
    }
}

#[test]
fn state_lies_where_it_should() {
    let run = Run::new();
    run.apply(&Things::from([(0, random_thing(&mut StdRng::seed_from_u64(1), 0, &[]))]), Mode::Normal);
    let names: Vec<String> = std::fs::read_dir(run.dir.path())
        .expect("the folder is there")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .collect();
    assert!(names.iter().any(|n| Path::new(n) == Path::new("terraform.tfstate")), "{names:?}");
    assert!(!names.iter().any(|n| n.ends_with(".journal")), "the journal was not folded: {names:?}");
}
