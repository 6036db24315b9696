//! Kills the program at the n-th event of each phase while it makes, replaces, imports, moves and destroys easypay and one
//! object of every other built-in type, and looks whether a plain `apply` mends everything, by comparing the cloud's and
//! the cluster's own lists with the state.
//!
//! `FORMWORK_KILLS` says how often each phase of each command is hit: a number (4), or `all` for every event.
//! `FORMWORK_CRASH_ROUNDS` and `FORMWORK_CRASH_SEED` (`cargo xtask crash`) draw so many kills instead.

use crate::common::schedule::{self, Counts, Order};
use crate::compare::{compare, empty};
use crate::site::Site;
use crate::world::World;
use formwork_testkit::PHASES;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Sites that are killed side by side: more than cores, since much of the time is spent waiting.
const LANES: usize = 4;

/// How often each phase of each command is hit without `FORMWORK_KILLS`.
const EACH: usize = 4;

/// Without `FORMWORK_KILLS`, no kill is begun after so long: machines differ, and the kills that are left out are of
/// phases and places that others have hit.
const LONG: Duration = Duration::from_secs(7 * 60);

/// At which line about its playbook a run is killed: the first says that it begins, and those after it name tasks, of
/// which some are left out when they follow each other quickly. So it is no name that is waited for.
const IN_PLAYBOOK: [usize; 3] = [1, 2, 5];

/// API servers before 1.24 forget to give a node port free when the connection is cut in the middle of a Service's
/// deletion, and find that out some ten minutes later. Until then nobody can have that port: the configuration needs
/// another, whatever applies it.
const LEAKED: &str = "provided port is already allocated";

/// How many other ports are tried then: what is leaked adds up over the tests.
const PORTS: usize = 5;

/// What the example has not: with it, a site has one object of every built-in type.
const EVERY: &str = include_str!("every.tf");

/// The object that is imported and moved.
const OBJECT: &str = "aws_ebs_volume.every";

/// Where it is moved to.
const MOVED: &str = "aws_ebs_volume.moved";

/// What a site goes through, in this order, from empty to empty.
const LIFE: [&str; 5] = ["apply", "replace", "import", "state mv", "destroy"];

/// A number for each command of a site's life.
type Each<T> = [T; LIFE.len()];

/// Everything that is to be done, and what has come of it.
struct Work {
    /// Phase and number of the event, for each command.
    orders: Each<Vec<(usize, usize)>>,
    next: Each<AtomicUsize>,
    until: Option<Instant>,
    outcomes: Mutex<Vec<Outcome>>,
    /// What was mended, and could not be destroyed.
    stuck: Mutex<Vec<String>>,
}

struct Outcome {
    command: usize,
    phase: usize,
    n: usize,
    /// Types of the resources that were under way.
    hit: BTreeSet<String>,
    /// Whether the event came at all: the order of things differs from run to run.
    killed: bool,
    result: Result<(), String>,
}

impl Work {
    fn take(&self, command: usize) -> Option<(usize, usize)> {
        if self.until.is_some_and(|until| Instant::now() > until) {
            return None;
        }
        self.orders[command].get(self.next[command].fetch_add(1, Ordering::Relaxed)).copied()
    }
}

#[test]
fn nothing_is_lost_at_any_kill() {
    let Some(world) = World::get() else { return };
    let begun = Instant::now();
    let counts = count(&world).unwrap_or_else(|e| panic!("{e}"));
    println!("| counted in {:.0} s", begun.elapsed().as_secs_f64());
    let drawn = Order::get();
    let order = std::env::var("FORMWORK_KILLS").ok();
    let until = (order.is_none() && drawn.is_none()).then(|| begun + LONG);
    let each = match order.as_deref() {
        Some("all") => usize::MAX,
        Some(number) => number.parse().unwrap_or_else(|_| panic!("FORMWORK_KILLS: {number:?} is no number")),
        None => EACH,
    };
    let orders = match drawn {
        None => counts.map(|c| spread(&c, each)),
        Some(order) => {
            let kills = order.draw(&counts);
            std::array::from_fn(|c| kills.iter().filter(|k| k.run == c).map(|k| (k.phase, k.n)).collect())
        }
    };
    let wanted = orders.iter().map(Vec::len).sum::<usize>();
    let work =
        Work { orders, next: Default::default(), until, outcomes: Mutex::default(), stuck: Mutex::default() };
    std::thread::scope(|scope| {
        for lane in 0..LANES.min(wanted) {
            let (world, work) = (&world, &work);
            scope.spawn(move || drive(world, work, lane));
        }
    });
    let outcomes = work.outcomes.into_inner().expect("no lane panicked");
    let least = drawn.map_or(EACH.min(2), |order| order.at_least());
    report(&counts, &outcomes, work.stuck.into_inner().expect("no lane panicked"), wanted, least, begun);
}

/// A site with an object of every built-in type to come.
fn site<'w>(world: &'w World, label: &str) -> Result<Site<'w>, String> {
    let site = Site::quick(world, label)?;
    site.write("every.tf", EVERY)?;
    Ok(site)
}

/// Lives once without a kill, and counts.
fn count(world: &World) -> Result<Each<Counts>, String> {
    let mut site = site(world, "count")?;
    let mut counts = Each::default();
    for (command, counts) in counts.iter_mut().enumerate() {
        let args = prepared(&mut site, command)?;
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let log = site.path(&format!("probe-{command}.log")).display().to_string();
        site.formwork_with(&args, &[("FORMWORK_TOY_PROBE", &log)])?.expect(0)?;
        let log = std::fs::read_to_string(&log).map_err(|e| format!("{log}: {e}"))?;
        *counts = PHASES.map(|phase| log.lines().filter(|l| *l == phase).count());
        if LIFE[command] == "apply" {
            every_type(&site)?;
        }
        repeated(&site, command, &args)?;
    }
    Ok(counts)
}

/// Fails unless the state has an object of every resource type that has a page in the reference.
fn every_type(site: &Site) -> Result<(), String> {
    let state = site.state()?;
    let pages = crate::common::repository("docs/reference/resources");
    let pages = std::fs::read_dir(&pages).map_err(|e| format!("{}: {e}", pages.display()))?;
    let mut missing: Vec<String> = pages
        .flatten()
        .filter_map(|p| Some(p.file_name().to_str()?.strip_suffix(".md")?.to_owned()))
        .collect();
    missing.retain(|kind| {
        let resources = state["resources"].as_array();
        !resources.into_iter().flatten().any(|r| r["mode"] == "managed" && r["type"] == **kind)
    });
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("every.tf lacks an object of {}", missing.join(", ")))
    }
}

/// Does what comes before a command of a site's life; the command.
fn prepared(site: &mut Site, command: usize) -> Result<Vec<String>, String> {
    const APPLY: &[&str] = &["apply", "-auto-approve", "-input=false"];
    let id;
    let args: &[&str] = match LIFE[command] {
        "apply" => APPLY,
        "replace" => {
            let generation = site.value("generation").as_u64().unwrap_or(1);
            site.set("generation", (generation + 1).into())?;
            APPLY
        }
        "import" => {
            let state = site.state()?;
            let (kind, name) = OBJECT.split_once('.').ok_or("OBJECT is no address")?;
            let found = state["resources"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|r| r["type"] == kind && r["name"] == name);
            let found = found.and_then(|r| r["instances"][0]["attributes"]["id"].as_str());
            id = found.ok_or_else(|| format!("{OBJECT} is not in the state"))?.to_owned();
            site.formwork(&["state", "rm", OBJECT])?.expect(0)?;
            &["import", "-input=false", OBJECT, &id]
        }
        "state mv" => &["state", "mv", OBJECT, MOVED],
        _ => &["destroy", "-auto-approve", "-input=false"],
    };
    Ok(args.iter().map(|&a| a.to_owned()).collect())
}

/// A command without intents was either done or not: it is given once more, and then nothing is left to do. What was
/// moved goes back.
fn repeated(site: &Site, command: usize, args: &[&str]) -> Result<(), String> {
    if !["import", "state mv"].contains(&LIFE[command]) {
        return Ok(());
    }
    let again = site.formwork(args)?;
    if ![Some(0), Some(1)].contains(&again.code) {
        return Err(format!("the command once more: {}", again.output));
    }
    if LIFE[command] == "state mv" {
        site.formwork(&["state", "mv", MOVED, OBJECT])?.expect(0)?;
    }
    forget_backups(&site.dir())?;
    site.settled().map_err(|e| format!("it was neither done nor left undone: {e}"))
}

/// Removes the backups that the commands leave which change a state by hand. Nothing else may leave any.
fn forget_backups(folder: &Path) -> Result<(), String> {
    let told = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(told)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let time = name.strip_prefix("terraform.tfstate.").and_then(|rest| rest.strip_suffix(".backup"));
        if time.is_some_and(|time| time.bytes().all(|b| b.is_ascii_digit())) {
            std::fs::remove_file(entry.path()).map_err(told)?;
        }
    }
    Ok(())
}

/// The numbers of the events to be killed at: as far from each other as can be, since neighbours are of one type.
fn spread(counts: &[usize; PHASES.len()], each: usize) -> Vec<(usize, usize)> {
    let mut orders = Vec::new();
    for (phase, &count) in counts.iter().enumerate() {
        let kills = each.min(count);
        orders.extend((0..kills).map(|i| (i, phase, 1 + (2 * i + 1) * count / (2 * kills))));
    }
    // All phases in turn, so that a run that is cut short has met them all.
    orders.sort();
    orders.into_iter().map(|(_, phase, n)| (phase, n.min(counts[phase]))).collect()
}

/// One lane: one life after the other, killed at each step for which there is an order; a site that was not mended is
/// given up.
fn drive(world: &World, work: &Work, lane: usize) {
    let mut site = None;
    loop {
        let orders: Each<_> = std::array::from_fn(|command| work.take(command));
        if orders.iter().all(Option::is_none) {
            break;
        }
        let begun = Instant::now();
        let mut healthy = true;
        for (command, order) in orders.into_iter().enumerate() {
            if order.is_none() && LIFE[command] != "apply" {
                continue;
            }
            if !healthy {
                // The order that the broken site leaves open is carried out on another.
                site = None;
            }
            let outcome = cycle(world, &mut site, lane, command, order);
            healthy = outcome.is_ok();
            let Some((phase, n)) = order else { continue };
            let (hit, killed, result) = match outcome {
                Ok((hit, killed)) => (hit, killed, Ok(())),
                Err(e) => (BTreeSet::new(), true, Err(e)),
            };
            let outcome = Outcome { command, phase, n, hit, killed, result };
            work.outcomes.lock().expect("no lane panicked").push(outcome);
        }
        if !healthy {
            site = None;
        } else if let Some(done) = &site {
            // Empty again, for the next one; that destroys what was mended, too.
            if let Err(e) = done.destroy().and_then(|_| empty(done)) {
                let orders = orders.iter().flatten().map(|(p, n)| format!("{}:{n}", PHASES[*p]));
                let orders = orders.collect::<Vec<_>>().join(" and ");
                let stuck = format!("killed at {orders} and mended, but it cannot be destroyed: {e}");
                work.stuck.lock().expect("no lane panicked").push(stuck);
                site = None;
            }
        }
        eprintln!("lane {lane}: {:?} in {:.0} s", orders, begun.elapsed().as_secs_f64());
    }
}

/// Kills one command, applies, and looks. The site is empty before an apply, and whole before anything else.
fn cycle<'w>(
    world: &'w World,
    site: &mut Option<Site<'w>>,
    lane: usize,
    command: usize,
    order: Option<(usize, usize)>,
) -> Result<(BTreeSet<String>, bool), String> {
    let fresh = site.is_none();
    if fresh {
        *site = Some(self::site(world, &format!("kill{lane}"))?);
    }
    let site = site.as_mut().ok_or("no site")?;
    if fresh && LIFE[command] != "apply" {
        site.apply()?;
    }
    let Some((phase, n)) = order else {
        return site.apply().map(|_| Default::default());
    };
    let kill = format!("{}:{n}", PHASES[phase]);
    let args = prepared(site, command)?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = site.formwork_with(&args, &[("FORMWORK_TOY_KILL", &kill)])?;
    let killed = ran.killed();
    if !killed && ran.code != Some(0) {
        return Err(format!("{} failed by itself: {}", LIFE[command], ran.output));
    }
    let hit = under_way(&ran.output);
    repeated(site, command, &args).and_then(|()| mended(site)).map_err(|e| {
        let (said, cloud) = (tail(&ran.output), site.cloud.complaints());
        format!("{e}\n--- the killed run had printed:\n{said}\n--- the cloud had complained:\n{cloud}")
    })?;
    Ok((hit, killed))
}

/// A plain apply, and everything is right.
fn mended(site: &mut Site) -> Result<(), String> {
    let mut applied = site.apply();
    for _ in 0..PORTS {
        let leaked = applied.as_ref().is_err_and(|e| e.contains(LEAKED));
        if !leaked || !site.other_port()? {
            break;
        }
        println!("| the API server had leaked a node port, and got another");
        applied = site.apply();
    }
    let output = applied.map_err(|e| format!("the next apply: {}", tail(&e)))?;
    compare(site)
        .and_then(|()| site.settled().map_err(|e| format!("the plan after it: {e}")))
        .map_err(|e| format!("{e}\n--- the next apply had printed:\n{}", tail(&output)))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// The types of resources whose operation had begun and not ended.
fn under_way(output: &str) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for line in output.lines() {
        let Some((address, what)) = line.trim().split_once(": ") else { continue };
        if ["Creating...", "Destroying...", "Modifying..."].iter().any(|w| what.starts_with(w)) {
            open.insert(address.to_owned());
        } else if what.contains(" complete after ") {
            open.remove(address);
        }
    }
    let kind = |address: &String| {
        let mut parts = address.split('.');
        while let Some(part) = parts.next() {
            if part != "module" {
                return Some(part.to_owned());
            }
            parts.next();
        }
        None
    };
    open.iter().filter_map(kind).collect()
}

/// Prints the tables, and fails for what was not mended.
fn report(
    counts: &Each<Counts>,
    outcomes: &[Outcome],
    stuck: Vec<String>,
    wanted: usize,
    least: usize,
    begun: Instant,
) {
    let rows: Vec<_> = LIFE.into_iter().zip(*counts).collect();
    schedule::table("events", &rows);
    let killed = outcomes.iter().filter(|o| o.killed);
    let killed: Vec<_> = killed.map(|o| schedule::Kill { run: o.command, phase: o.phase, n: o.n }).collect();
    let rows: Vec<_> = LIFE.into_iter().zip(schedule::hits(&killed, LIFE.len())).collect();
    let reached = schedule::table("kills", &rows);
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in outcomes.iter().flat_map(|o| &o.hit) {
        *types.entry(kind).or_default() += 1;
    }
    for (kind, count) in &types {
        println!("| {count:4} kills while {kind} was under way");
    }
    let late = outcomes.iter().filter(|o| !o.killed).count();
    let mut failures: Vec<String> = outcomes
        .iter()
        .filter_map(|o| {
            let e = o.result.as_ref().err()?;
            Some(format!("{} killed at {}:{}: {e}", LIFE[o.command], PHASES[o.phase], o.n))
        })
        .collect();
    failures.extend(stuck);
    println!(
        "| {} kills in {:.0} s, {} not mended, {late} events that did not come",
        outcomes.len() - late,
        begun.elapsed().as_secs_f64(),
        failures.len()
    );
    let shown = failures.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} kills were not mended:\n{shown}", failures.len(), outcomes.len());
    assert!(late * 10 <= wanted, "{late} of {wanted} events did not come");
    for (phase, reached) in PHASES.iter().zip(reached) {
        assert!(reached >= least, "the phase {phase} was hit {reached} times only");
    }
}

#[test]
fn nothing_is_lost_when_a_playbook_is_cut_short() {
    let Some(world) = World::get() else { return };
    in_playbook(&world).unwrap_or_else(|e| panic!("{e}"));
}

/// Kills applies while the whole playbook runs on the hosts: at its start, and later.
fn in_playbook(world: &World) -> Result<(), String> {
    let _alone = world.hosts_alone();
    for nth in IN_PLAYBOOK {
        // Each with its own names and port: what one kill leaves behind in the API server is not the next one's trouble.
        let mut site = Site::new(world, "playbook")?;
        let (mut seen, mut last) = (0, String::new());
        let ran = site.formwork_until(&["apply", "-auto-approve", "-input=false"], &[], |line| {
            let of_it = line.contains("ansible_playbook.")
                && line.contains(if seen == 0 { "Creating..." } else { "task \"" });
            seen += usize::from(of_it);
            if of_it {
                line.clone_into(&mut last);
            }
            of_it && seen == nth
        })?;
        println!("| line {nth} about the playbook, killed: {}: {last}", ran.killed());
        if !ran.killed() {
            return Err(format!("{seen} lines about the playbook are no {nth}:\n{}", tail(&ran.output)));
        }
        mended(&mut site).map_err(|e| format!("killed at {last:?}: {e}"))?;
        site.destroy()?;
        empty(&site)?;
    }
    Ok(())
}

#[test]
fn events_are_spread() {
    let mut counts = [0; PHASES.len()];
    (counts[0], counts[5]) = (10, 1);
    assert_eq!(spread(&counts, 2), [(0, 3), (5, 1), (0, 8)]);
    assert_eq!(spread(&counts, usize::MAX).len(), 11);
}

#[test]
fn what_was_under_way_is_read() {
    let output = "module.network.aws_vpc.this: Creating...\nmodule.network.aws_vpc.this: Creation complete after 1s [id=x]\n\
                  module.load_balancer.aws_instance.node[\"a\"]: Creating...\nrandom_password.root: Creating...\n";
    let expected = ["aws_instance", "random_password"].map(str::to_owned);
    assert_eq!(under_way(output), BTreeSet::from(expected));
}
