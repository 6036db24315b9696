//! What is measured.

use std::fmt::Write as _;

/// A configuration.
pub struct Case {
    /// What to call it.
    pub name: &'static str,
    /// Whether `--quick` keeps it.
    pub quick: bool,
    /// Where the effects are.
    pub cloud: Cloud,
    /// How many instances it has.
    pub instances: usize,
    /// Whether Terraform is asked at all. What it needs hours for tells nothing more.
    pub side_by_side: bool,
    /// Its text.
    pub config: fn() -> String,
}

/// Where the effects of a case are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// In the state alone: `terraform_data`.
    State,
    /// Outside: the toy cloud, a folder of files. Each operation is journalled.
    Toy,
}

/// All of them.
pub fn all() -> Vec<Case> {
    let state = |name, quick, instances, config| Case {
        name,
        quick,
        cloud: Cloud::State,
        instances,
        side_by_side: instances <= 10_000,
        config,
    };
    let toy = |name, quick, config| Case {
        name,
        quick,
        cloud: Cloud::Toy,
        instances: 1_000,
        side_by_side: true,
        config,
    };
    vec![
        state("count-1000", true, 1_000, || count(1_000)),
        state("count-10000", false, 10_000, || count(10_000)),
        state("count-100000", false, 100_000, || count(100_000)),
        state("tree-1000", true, 1_000, || references(1_000, |i| (i - 1) / 10, DATA)),
        state("chain-1000", false, 1_000, || references(1_000, |i| i - 1, DATA)),
        state("modules-100x11", false, 1_100, modules),
        state("wide-2000", false, 2_000, || wide(1_000)),
        toy(FAN, true, || format!("{TOY}{}", count_of(1_000, THING))),
        toy(CHAIN, false, || format!("{TOY}{}", references(1_000, |i| i - 1, THING))),
    ]
}

/// Toy things that have nothing to do with each other.
pub const FAN: &str = "toy-fan-1000";
/// Toy things of which each needs the one before.
pub const CHAIN: &str = "toy-chain-1000";

/// A type, and its argument that takes text.
type Kind = (&'static str, &'static str);
const DATA: Kind = ("terraform_data", "input");
const THING: Kind = ("toy_thing", "name");

const TOY: &str = "terraform {\n  required_providers {\n    toy = {\n      source = \"formwork/toy\"\n    }\n  }\n}\n\n\
                   provider \"toy\" {\n  folder = \"cloud\"\n}\n\n";

/// One block, many instances.
fn count(n: usize) -> String {
    count_of(n, DATA)
}

fn count_of(n: usize, (kind, argument): Kind) -> String {
    format!("resource \"{kind}\" \"x\" {{\n  count = {n}\n  {argument} = \"object ${{count.index}}\"\n}}\n")
}

/// Many blocks; all but the first refer to one before.
fn references(n: usize, parent: fn(usize) -> usize, (kind, argument): Kind) -> String {
    let mut text = format!("resource \"{kind}\" \"x0\" {{\n  {argument} = \"root\"\n}}\n");
    for i in 1..n {
        let _ = write!(
            text,
            "\nresource \"{kind}\" \"x{i}\" {{\n  {argument} = \"under ${{{kind}.x{}.id}}\"\n}}\n",
            parent(i)
        );
    }
    text
}

/// Instances of one block, each of which depends on all those of another.
fn wide(n: usize) -> String {
    format!(
        "resource \"terraform_data\" \"first\" {{\n  count = {n}\n}}\n\nresource \"terraform_data\" \"then\" {{\n  count      = {n}\n  \
         depends_on = [terraform_data.first]\n  input      = \"${{length(terraform_data.first[*].id)}} ${{count.index}}\"\n}}\n"
    )
}

/// The module that [`modules`] calls.
pub const MODULE: &str = "variable \"name\" {\n  type = string\n}\n\nresource \"terraform_data\" \"base\" {\n  input = var.name\n}\n\n\
                          resource \"terraform_data\" \"part\" {\n  count = 10\n  input = \"${terraform_data.base.id} ${count.index}\"\n}\n\n\
                          output \"parts\" {\n  value = terraform_data.part[*].id\n}\n";

/// Where its calls look for it.
pub const MODULE_FOLDER: &str = "part";

/// A hundred calls of a module of eleven instances; every tenth needs what the one before gives.
fn modules() -> String {
    let mut text = String::new();
    for i in 0..100 {
        let name = match i % 10 {
            0 => format!("\"part {i}\""),
            _ => format!("\"part {i} of ${{length(module.m{}.parts)}}\"", i - i % 10),
        };
        let _ =
            write!(text, "module \"m{i}\" {{\n  source = \"./{MODULE_FOLDER}\"\n  name   = {name}\n}}\n\n");
    }
    text
}
