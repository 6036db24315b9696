//! The function library.
//!
//! Each function is declared by `#[function]` in the file of its topic; what happens around a call (conversion of
//! arguments, nulls, unknown values, marks) is [`Signature::call`].

mod charset;
mod classes;
mod codepages;
mod collections;
mod convert;
mod csv;
mod datetime;
mod eastern;
mod encoding;
mod files;
mod format;
mod glob;
mod graphemes;
mod hashing;
mod network;
mod numbers;
mod re2;
mod rsa;
mod sequences;
mod sets;
mod strings;
mod text;
mod yaml;

use crate::Scope;
use formwork_macros::function;
use formwork_value::function::{Argument, converted};
pub use formwork_value::function::{FnError, FnResult, Param, Signature};
use formwork_value::{
    Kind, MAX_WEIGHT, Map, Mark, Marks, Number, Refinement, Type, Value, convert as convert_value,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// What a function may use besides its arguments.
pub struct CallCx<'a> {
    /// For the world outside.
    pub scope: &'a dyn Scope,
    /// How many templates the call is inside.
    pub(crate) depth: u32,
}

impl CallCx<'_> {
    /// A context for calls from outside of any expression.
    pub fn new(scope: &dyn Scope) -> CallCx<'_> {
        CallCx { scope, depth: 0 }
    }

    /// A path as functions take it: `~` is the user's home, and relative ones start at the scope's folder.
    fn path(&self, path: &str) -> Result<PathBuf, FnError> {
        Ok(self.scope.base_dir().join(files::expand_home(self.scope.world(), path)?))
    }
}

/// A function of the language.
#[derive(Clone)]
pub struct Function {
    /// Its name, parameters, type and documentation.
    pub signature: Signature,
    body: Body,
}

#[derive(Clone, Copy)]
enum Body {
    Pure(fn(&[Value]) -> FnResult),
    InContext(fn(&mut CallCx<'_>, &[Value]) -> FnResult),
}

impl Function {
    fn pure(signature: Signature, body: fn(&[Value]) -> FnResult) -> Function {
        Function { signature, body: Body::Pure(body) }
    }

    fn in_context(signature: Signature, body: fn(&mut CallCx<'_>, &[Value]) -> FnResult) -> Function {
        Function { signature, body: Body::InContext(body) }
    }

    /// Calls it: converts the arguments, refuses nulls, and takes care of unknowns and marks.
    pub fn call(&self, cx: &mut CallCx<'_>, args: Vec<Value>) -> FnResult {
        self.signature.call(args, |args| match self.body {
            Body::Pure(body) => body(args),
            Body::InContext(body) => body(cx, args),
        })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signature.usage())
    }
}

/// `all()`: these functions.
macro_rules! library {
    ($($function:ident),* $(,)?) => {
        pub(super) fn all() -> Vec<Function> {
            vec![$($function()),*]
        }
    };
}
pub use files::matching;
use library;
pub use yaml::{yaml_documents, yaml_text};

/// All functions by name. `try`, `can` and `convert` are among them for their documentation; the evaluator runs them
/// itself, since their arguments are not just values.
pub fn functions() -> &'static BTreeMap<&'static str, Function> {
    static ALL: LazyLock<BTreeMap<&'static str, Function>> = LazyLock::new(|| {
        let groups = [
            collections::all(),
            convert::all(),
            datetime::all(),
            encoding::all(),
            files::all(),
            format::all(),
            hashing::all(),
            network::all(),
            numbers::all(),
            rsa::all(),
            sequences::all(),
            sets::all(),
            strings::all(),
            text::all(),
            yaml::all(),
        ];
        groups.into_iter().flatten().map(|f| (f.signature.name, f)).collect()
    });
    &ALL
}

/// Strings that functions make are of no more bytes than a value may have.
const MAX_TEXT: usize = MAX_WEIGHT as usize * 16;

/// Refuses a result of so many bytes before any memory is asked for.
fn fits(length: Option<usize>) -> Result<(), FnError> {
    match length {
        Some(length) if length <= MAX_TEXT => Ok(()),
        _ => Err(FnError::new("the result would be too long a string")),
    }
}

fn strings_list(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::list(Type::String, items.into_iter().map(|s| Value::string(s.into())).collect())
}

/// As many elements as the first argument has.
fn same_length(args: &[Value]) -> Refinement {
    let (min, max) = args.first().and_then(Value::lengths).unwrap_or_default();
    Refinement::lengths(min, max)
}

/// The type of the first argument.
fn same_type(args: &[Value]) -> Type {
    args.first().map_or(Type::Dynamic, Value::ty)
}
