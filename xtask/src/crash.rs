//! Kills the program at drawn moments, and looks whether anything was lost.

use crate::components;
use crate::steps::{Steps, build, cargo};
use crate::{Failure, test::environment};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The most kills that one run may order: it would not end before the next release.
const MOST: u64 = 1_000_000;

/// What was ordered.
#[derive(Debug, PartialEq)]
struct Order {
    rounds: u64,
    seed: Option<u64>,
    components: bool,
    terraform: bool,
}

fn order(args: &[&str]) -> Result<Order, Failure> {
    let mut order = Order { rounds: 1_000, seed: None, components: true, terraform: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut number = || {
            let value = rest.next().ok_or_else(|| format!("{arg} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{arg} takes a number, not {value:?}"))
        };
        match *arg {
            "--rounds" => match number()? {
                rounds @ 10..=MOST => order.rounds = rounds,
                other => return Err(format!("--rounds takes a number from 10 to {MOST}, not {other}")),
            },
            "--seed" => order.seed = Some(number()?),
            "--without-components" => order.components = false,
            "--terraform" => order.terraform = true,
            other => return Err(format!("crash has no option {other:?}; cargo xtask help lists them")),
        }
    }
    Ok(order)
}

/// On the toy cloud; then on the components, where there are any to be had.
pub fn run(args: &[&str]) -> Result<(), Failure> {
    let order = order(args)?;
    crate::interrupt::notice()?;
    let steps = Steps::new();
    if order.terraform {
        return beside_terraform(&steps);
    }
    if order.components && !components::is_root() {
        return Err("the real components need root, for network namespaces; as somebody else, run \
                    `cargo xtask crash --without-components`"
            .into());
    }
    // Differs from run to run, and is printed, so that a run can be repeated.
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |t| t.as_secs());
    let seed = order.seed.unwrap_or(clock);
    let (rounds, seed) = (order.rounds.to_string(), seed.to_string());
    println!("{rounds} kills, seed {seed}");
    let ordered = |command: &mut Command| {
        command.envs([("FORMWORK_CRASH_ROUNDS", &rounds), ("FORMWORK_CRASH_SEED", &seed)]);
    };
    steps.command("build", &mut build(&["--examples", "--bins"]))?;
    steps.announce("kills on the toy cloud");
    let mut toy = test("crash", "nothing_is_lost_at_any_kill");
    ordered(&mut toy);
    shown(&mut toy)?;
    if !order.components {
        return Ok(());
    }
    let started = components::start_everything(&steps)?;
    steps.announce("kills on the real components");
    let outcome = environment(&started.facts).and_then(|environment: Vec<(&str, String)>| {
        let mut real = test("easypay", "kills::nothing_is_lost_at_any_kill");
        ordered(&mut real);
        shown(real.envs(environment))
    });
    crate::interrupt::forget();
    if started.new.is_empty() {
        return outcome;
    }
    outcome.and(components::stop(&Steps::new(), &started.new))
}

/// The same kills on Terraform and on us.
fn beside_terraform(steps: &Steps) -> Result<(), Failure> {
    let Some(python) = components::oracle_python(steps)? else {
        println!("skipped: there is no terraform on PATH to compare with");
        return Ok(());
    };
    steps.command("build", &mut build(&["--examples", "--bins"]))?;
    steps.announce("the same kills on terraform and on formwork");
    shown(test("crash", "beside::the_same_kills_on_terraform").env("FORMWORK_TOY_ORACLE", python))
}

/// One test of a suite, with what it prints.
fn test(suite: &str, name: &str) -> Command {
    cargo(&["test", "--workspace", "--test", suite, "--", "--exact", "--nocapture", name])
}

fn shown(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|e| crate::steps::cannot(command, &e))?;
    if status.success() { Ok(()) } else { Err(format!("the test ended with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        let usual = Order { rounds: 1_000, seed: None, components: true, terraform: false };
        assert_eq!(order(&[]), Ok(usual));
        let all = ["--rounds", "60", "--seed", "7", "--without-components", "--terraform"];
        let expected = Order { rounds: 60, seed: Some(7), components: false, terraform: true };
        assert_eq!(order(&all), Ok(expected));
        for wrong in
            [&["--rounds"][..], &["--rounds", "x"], &["--rounds", "9"], &["--seed", "-1"], &["--lunch"]]
        {
            assert!(order(wrong).is_err(), "{wrong:?}");
        }
    }
}
