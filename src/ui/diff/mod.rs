//! The difference of two values as a tree: [`build`] makes it, [`render`] writes it in the way of Terraform's plans.

mod build;
mod hunks;
mod long;
mod render;
mod sequence;

pub use build::{Change, dynamic, resource, secret, typed};
pub use render::{Options, render, symbol};

use formwork_value::{Number, Value};

/// What happens to one part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    NoOp,
    /// It comes.
    Create,
    /// It changes.
    Update,
    /// It goes.
    Delete,
}

impl Act {
    /// What happens to a whole of which some parts are known already, and one more part is looked at.
    fn with(self, part: Act) -> Act {
        match part {
            Act::NoOp => self,
            _ if self == part => self,
            _ => Act::Update,
        }
    }
}

/// A part of a difference.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// What happens.
    pub act: Act,
    /// Its change is why the whole object is replaced.
    pub replace: bool,
    /// What it is.
    pub kind: Kind<'a>,
}

/// The kinds of part.
#[derive(Clone, Debug)]
pub enum Kind<'a> {
    /// A null, boolean, number or string, before and after.
    Leaf(Leaf<'a>, Leaf<'a>),
    /// Attributes of an object, in the order of their names.
    Object(Vec<(&'a str, Node<'a>)>),
    /// Elements of a map, in the order of their keys.
    Map(Vec<(&'a str, Node<'a>)>),
    /// Elements of a list: order matters, so neighbours of a change are shown.
    List(Vec<Node<'a>>),
    /// Elements of a set.
    Set(Vec<Node<'a>>),
    /// Not known before apply; what was there before, if anything.
    Unknown(Option<Box<Node<'a>>>),
    /// Never shown: whether it was sensitive, and will be, and what becomes of the value.
    Sensitive(bool, bool, Fate),
    /// One kind of value becomes another.
    TypeChange(Box<Node<'a>>, Box<Node<'a>>),
    /// Attributes and nested blocks of a resource or nested block.
    Block(Vec<(&'a str, Node<'a>)>, Vec<Blocks<'a>>),
    /// A string that holds JSON: before and after as parsed, in the middle what became of it.
    Json(Box<JsonText>),
}

/// What becomes of a value that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Same,
    /// It becomes another.
    Changed,
    /// Nobody can tell before apply.
    Unknown,
}

/// A string that holds JSON, before or after or both. The parsed values live here, so their difference is made on demand.
#[derive(Clone, Debug)]
pub struct JsonText {
    /// Parsed; absent when there was none.
    pub before: Option<Value>,
    /// Parsed; absent when there will be none.
    pub after: Option<Value>,
    /// The texts differ in more than whitespace, though they may mean the same.
    pub rewritten: bool,
}

/// A simple value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaf<'a> {
    /// Null, or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(&'a Number),
    /// A string.
    Text(&'a str),
}

/// All nested blocks of one name.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    /// The name.
    pub name: &'a str,
    /// Each block, with its label for blocks that have one.
    pub items: Vec<(Option<&'a str>, Node<'a>)>,
    /// All of them together force the replacement.
    pub replace: bool,
    /// They are a set: a replacement of the whole is said at each.
    pub set: bool,
    /// Whether all of them were sensitive, and will be.
    pub sensitive: (bool, bool),
}
