//! Unknown values: what is known about a value that is not known yet.

use crate::{Number, Str, Type};

/// What is already certain of an unknown value besides its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Refinement {
    /// It will not be null.
    pub not_null: bool,
    /// A string that starts so.
    pub prefix: Option<Str>,
    /// A collection of at least so many elements.
    pub min_len: Option<u64>,
    /// A collection of at most so many elements.
    pub max_len: Option<u64>,
    /// A number of at least (`true`: inclusive) this.
    pub min: Option<(Number, bool)>,
    /// A number of at most (`true`: inclusive) this.
    pub max: Option<(Number, bool)>,
}

/// A value that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown {
    /// Its type; [`Type::Dynamic`] when not even that is known.
    pub ty: Type,
    /// What else is known.
    pub refinement: Refinement,
}
