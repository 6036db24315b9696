//! Pure evaluation of expressions, and the function library.
//!
//! [`eval`] turns an expression into a value with the help of a [`Scope`], which answers references; files, the
//! clock and randomness come in through the [`World`]. Everything is synchronous: a reference whose value is not
//! ready makes the outcome `missing`, and the caller evaluates again once it is. Nothing here does I/O itself.

mod console;
mod eval;
mod functions;
mod gzip;
mod references;
mod scope;
mod types;

#[cfg(test)]
mod tests;

pub use console::{type_argument, type_text};
pub use eval::{Outcome, eval, referenced_values};
pub use functions::{
    CallCx, FnError, FnResult, Function, Param, Signature, functions, matching, yaml_documents, yaml_text,
};
pub use references::{RefStep, Reference, references};
pub use scope::{Lookup, Scope, Step, World};
pub use types::type_expr;

/// A short immutable string that is cheap to clone.
pub type Str = std::sync::Arc<str>;
