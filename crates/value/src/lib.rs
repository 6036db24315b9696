//! Types and values of the language.
//!
//! The model is go-cty's (<https://github.com/zclconf/go-cty/blob/main/docs/concepts.md>): primitive, collection
//! and structural types, nulls of every type, unknown values that may carry refinements, and marks that stick to
//! whatever is derived from a marked value. Nothing here knows expressions, files or resources.

mod convert;
mod double;
mod equality;
mod float;
pub mod function;
pub mod json;
mod marks;
mod number;
mod path;
mod print;
mod set;
mod size;
#[cfg(test)]
mod tests;
mod ty;
mod unify;
mod unknown;
mod value;

pub use convert::{ConvertError, Defaults, convert, convert_defaults};
pub use marks::{Mark, Marks};
pub use number::{Number, NumberError};
pub use path::{Path, PathStep};
pub use print::{display, quote};
pub use set::{Element, surely_differ};
pub use size::{MAX_DEPTH, MAX_WEIGHT, TooLarge};
pub use ty::{ObjectType, Type};
pub use unify::{unify, unify_values};
pub use unknown::{Bound, Refinement, Unknown};
pub use value::{Kind, Map, Value};

/// A short immutable string that is cheap to clone. Always in Unicode normalisation form C.
pub type Str = std::sync::Arc<str>;
