//! What is measured.

use std::fmt::Write as _;

/// A configuration.
pub struct Case {
    /// What to call it.
    pub name: &'static str,
    /// Whether `--quick` keeps it.
    pub quick: bool,
    /// Its text.
    pub config: fn() -> String,
}

/// All of them.
pub fn all() -> Vec<Case> {
    vec![
        Case { name: "count-1000", quick: true, config: || count(1_000) },
        Case { name: "count-10000", quick: false, config: || count(10_000) },
        Case { name: "tree-1000", quick: true, config: || references(1_000, |i| (i - 1) / 10) },
        Case { name: "chain-1000", quick: false, config: || references(1_000, |i| i - 1) },
    ]
}

/// One block, many instances.
fn count(n: usize) -> String {
    format!(
        "resource \"terraform_data\" \"x\" {{\n  count = {n}\n  input = \"object ${{count.index}}\"\n}}\n"
    )
}

/// Many blocks; all but the first refer to one before.
fn references(n: usize, parent: fn(usize) -> usize) -> String {
    let mut text = String::from("resource \"terraform_data\" \"x0\" {\n  input = \"root\"\n}\n");
    for i in 1..n {
        let _ = write!(
            text,
            "\nresource \"terraform_data\" \"x{i}\" {{\n  input = \"under ${{terraform_data.x{}.id}}\"\n}}\n",
            parent(i)
        );
    }
    text
}
