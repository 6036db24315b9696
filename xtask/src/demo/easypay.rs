//! EasyPay, from nothing, on real components.

use super::show;
use super::site::Site;
use crate::Failure;
use crate::components::{self, Ahead};
use crate::steps::Steps;
use crate::witness;
use serde_json::Value;

/// The plan of everything, and of the changed line.
const PLANS: [&str; 2] = ["easypay.plan", "change.plan"];

/// Prepares, starts, plans, applies, shows, changes; with `destroy` takes it all down, or what an earlier demo left.
pub fn run(destroy: bool) -> Result<(), Failure> {
    let steps = Steps::new();
    let ahead = Ahead::begin(&steps)?;
    super::build(&steps)?;
    ahead.wait(&steps)?;
    let started = components::start_everything(&steps)?;
    let site = Site::new(started.facts)?;
    let outcome = play(&steps, &site, destroy);
    if crate::interrupt::check().is_err() {
        return Err("interrupted. What was made is still there, and known: `cargo xtask demo` begins anew, \
                    `cargo xtask demo --destroy` takes it down."
            .into());
    }
    outcome
}

fn play(steps: &Steps, site: &Site, destroy: bool) -> Result<(), Failure> {
    if site.is_left() {
        site.point()?;
        if destroy {
            return take_down(steps, site);
        }
        steps.announce("destroy what the last demo left");
        site.formwork(&["destroy", "-auto-approve"])?;
    }
    steps.step("copy examples/easypay, modules and ansible to target/demo/easypay", || site.lay_out())?;
    let (_, since) = witness::calls(site.facts.get("cloud", "endpoint")?, 0)?;
    steps.announce("what is going to be made");
    site.formwork(&["plan", &format!("-out={}", PLANS[0])])?;
    steps.announce("make it");
    site.formwork(&["apply", PLANS[0]])?;
    show::cloud(steps, site, since)?;
    show::cluster(steps, site)?;
    show::hosts(steps, site)?;
    show::snapshot(steps, site)?;
    site.settled(steps)?;

    let edited = steps.step("change one line", || super::edit(&site.folder))?;
    println!("  {edited}");
    steps.announce("what that changes");
    site.formwork(&["plan", &format!("-out={}", PLANS[1])])?;
    steps.step("nothing else is in that plan", || only_updates(site))?;
    steps.announce("change it");
    site.formwork(&["apply", PLANS[1]])?;
    site.settled(steps)?;
    if destroy {
        return take_down(steps, site);
    }
    println!(
        "\nIt is all there: the configuration is in {}, the components run (cargo xtask components status).\n\
         `cargo xtask demo --destroy` takes it down.",
        site.folder.display()
    );
    Ok(())
}

/// A change of one line changes objects; it makes none, and takes none away.
fn only_updates(site: &Site) -> Result<(), Failure> {
    let plan: Value = serde_json::from_str(&site.ask(&["show", "-json", PLANS[1]])?)
        .map_err(|e| format!("show -json: {e}"))?;
    let mut updates = 0;
    for change in plan["resource_changes"].as_array().into_iter().flatten() {
        let actions = &change["change"]["actions"];
        if *actions == serde_json::json!(["update"]) {
            updates += 1;
        } else if *actions != serde_json::json!(["no-op"]) && *actions != serde_json::json!(["read"]) {
            return Err(format!("{}: {actions}, and only updates were expected", change["address"]));
        }
    }
    if updates > 0 { Ok(()) } else { Err("the plan changes nothing".into()) }
}

/// Destroys everything, sees that it is gone, and stops the components.
fn take_down(steps: &Steps, site: &Site) -> Result<(), Failure> {
    // A demo that was cut short may have none yet.
    let snapshot = site.snapshot().ok();
    steps.announce("take it all down");
    site.formwork(&["destroy", "-auto-approve"])?;
    steps.step("nothing of it is left in the cloud and the cluster, by their own lists", || {
        let left = site.remaining()?;
        if left.is_empty() { Ok(()) } else { Err(format!("still there:\n  {}", left.join("\n  "))) }
    })?;
    if let Some(snapshot) = snapshot {
        steps.announce("the snapshot stays");
        show::snapshot_at(site, &snapshot)?;
    }
    components::stop_everything(steps)
}
