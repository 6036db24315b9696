//! Schemas: which attributes and blocks a resource type has, and what each may do.

use formwork_value::{Str, Type, Value};
use std::collections::BTreeMap;

/// The schema of a resource type, data source or provider configuration.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Grows when stored attributes change shape; [`crate::ManagedResource::upgrade`] lifts older ones.
    pub version: u64,
    /// The content.
    pub block: Block,
}

/// Attributes and nested blocks.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// For the reference.
    pub description: Str,
    /// Attributes by name.
    pub attributes: BTreeMap<Str, Attribute>,
    /// Nested blocks by name.
    pub blocks: BTreeMap<Str, NestedBlock>,
    /// Why not to use it any more.
    pub deprecated: Option<Str>,
}

/// An attribute. Exactly one of `required`, `optional` and `computed` holds, or both of the latter.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its type.
    pub ty: Type,
    /// For the reference.
    pub description: Str,
    /// The configuration must give it.
    pub required: bool,
    /// The configuration may give it.
    pub optional: bool,
    /// The provider gives it when the configuration does not.
    pub computed: bool,
    /// Never shown.
    pub sensitive: bool,
    /// A change needs a new object.
    pub replace: bool,
    /// Given to the provider and never stored: null in plans and states, and so it may be ephemeral. `create` and `update`
    /// find it in what was planned.
    pub write_only: bool,
    /// A computed value that may change with any update: it is unknown whenever anything changes.
    pub volatile: bool,
    /// The attribute beside it whose value this one repeats: what is sensitive there is sensitive here.
    pub copies: Option<Str>,
    /// Value when the configuration gives none.
    pub default: Option<Value>,
    /// An empty value means the same as none, so that neither is a change of the other.
    pub empty_is_nothing: bool,
    /// Why not to use it any more.
    pub deprecated: Option<Str>,
}

impl Attribute {
    /// An attribute with no flag set.
    pub fn new(ty: Type) -> Self {
        Attribute {
            ty,
            description: "".into(),
            required: false,
            optional: false,
            computed: false,
            sensitive: false,
            replace: false,
            write_only: false,
            volatile: false,
            copies: None,
            default: None,
            empty_is_nothing: false,
            deprecated: None,
        }
    }

    /// Whether the configuration may set it.
    pub fn configurable(&self) -> bool {
        self.required || self.optional
    }
}

/// How often a nested block may stand, and what shape its value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most one: an object, or null.
    Single,
    /// At most one: an object always, of nulls when absent.
    Group,
    /// A list of objects.
    List,
    /// A set of objects.
    Set,
    /// A map of objects, by label.
    Map,
}

/// A nested block.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Its shape.
    pub nesting: Nesting,
    /// Its content.
    pub block: Block,
    /// At least so many.
    pub min: usize,
    /// At most so many; 0 means any number.
    pub max: usize,
}

impl NestedBlock {
    /// The type of the value of all blocks of this name together.
    pub fn ty(&self) -> Type {
        let inner = self.block.ty();
        match self.nesting {
            Nesting::Single | Nesting::Group => inner,
            // A collection cannot hold elements whose types differ, which `any` inside would allow.
            Nesting::List if inner.has_dynamic() => Type::Dynamic,
            Nesting::Map if inner.has_dynamic() => Type::Dynamic,
            Nesting::List => Type::list(inner),
            Nesting::Set => Type::set(inner),
            Nesting::Map => Type::map(inner),
        }
    }
}

impl Block {
    /// The object type of a value of this block.
    pub fn ty(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, a)| (name.clone(), a.ty.clone()));
        let blocks = self.blocks.iter().map(|(name, b)| (name.clone(), b.ty()));
        Type::object(attributes.chain(blocks))
    }

    /// Names of everything in it, attributes first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().chain(self.blocks.keys()).map(|n| &**n)
    }
}
