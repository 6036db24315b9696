//! The blocks of the language: what each is for, what it takes, and where it stands.
//!
//! Labels, nesting and names come from here alone: readers of blocks check what they take against it, `.tf.json` is told
//! apart by it, and the reference is written from it.

pub(crate) mod blocks;
pub(crate) mod encryption;

pub use blocks::{DYNAMIC, TOP_LEVEL};

/// A kind of block.
#[derive(Debug)]
pub struct BlockKind {
    /// Its keyword.
    pub name: &'static str,
    /// What its labels stand for.
    pub labels: &'static [&'static str],
    /// What messages call it, with an article: `a variable block`.
    pub what: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// The arguments that the language has for it.
    pub arguments: &'static [Argument],
    /// What other arguments and blocks mean, if it takes any.
    pub others: Option<&'static str>,
    /// The blocks inside.
    pub blocks: &'static [&'static BlockKind],
}

/// An argument of a block.
#[derive(Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What it says.
    pub says: &'static str,
}

impl BlockKind {
    /// The names of its arguments and of the blocks inside.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.arguments.iter().map(|a| a.name).chain(self.blocks.iter().map(|b| b.name))
    }
}
