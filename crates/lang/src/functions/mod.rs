//! The function library.
//!
//! A function declares its parameters; [`call_function`] converts the arguments, refuses nulls, answers unknown
//! arguments with an unknown result and carries marks from the arguments to the result, so that most bodies see
//! only plain known values.

mod collections;
mod convert;
mod datetime;
mod encoding;
mod files;
mod format;
mod hashing;
mod network;
mod numbers;
mod sequences;
mod sets;
mod strings;
mod text;
mod yaml;

use crate::Scope;
use formwork_value::{Kind, Mark, Marks, Number, Type, Value, convert as convert_value};
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

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FnError {
    /// Position of the argument at fault, when there is one, counted from 0.
    pub arg: Option<usize>,
    /// What is wrong: a clause without a full stop.
    pub message: String,
    /// The message may quote an argument, so it is not for people when one of them is sensitive.
    reveals: bool,
}

impl FnError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        FnError { arg: None, message: message.into(), reveals: false }
    }

    pub(crate) fn arg(index: usize, message: impl Into<String>) -> Self {
        FnError { arg: Some(index), message: message.into(), reveals: false }
    }

    /// Marks the message as one that may quote an argument.
    pub(crate) fn quoting(mut self) -> Self {
        self.reveals = true;
        self
    }
}

/// What becomes of the marks of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    /// Those at any depth go to the result.
    Deep,
    /// Those on the argument itself go to the result; the function carries the inner ones along.
    Shallow,
    /// The function sees them and does what is right.
    Keep,
}

/// A parameter of a function.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name, for messages and documentation.
    pub name: &'static str,
    /// What an argument is converted to; [`Type::Dynamic`] takes anything.
    pub ty: Type,
    /// Whether null is accepted.
    pub allow_null: bool,
    /// Whether the function itself deals with an unknown argument.
    pub allow_unknown: bool,
    /// Whether the function itself deals with unknown values inside a known argument.
    pub allow_partial: bool,
    marked: Marked,
}

impl Param {
    fn new(name: &'static str, ty: Type) -> Param {
        Param {
            name,
            ty,
            allow_null: false,
            allow_unknown: false,
            allow_partial: false,
            marked: Marked::Deep,
        }
    }

    fn nullable(mut self) -> Param {
        self.allow_null = true;
        self
    }

    fn unknown(mut self) -> Param {
        self.allow_unknown = true;
        self.partial()
    }

    fn partial(mut self) -> Param {
        self.allow_partial = true;
        self
    }

    fn shallow(mut self) -> Param {
        self.marked = Marked::Shallow;
        self
    }

    fn keep_marks(mut self) -> Param {
        self.marked = Marked::Keep;
        self
    }
}

fn string(name: &'static str) -> Param {
    Param::new(name, Type::String)
}

fn number(name: &'static str) -> Param {
    Param::new(name, Type::Number)
}

fn any(name: &'static str) -> Param {
    Param::new(name, Type::Dynamic)
}

fn list_of(name: &'static str, element: Type) -> Param {
    Param::new(name, Type::list(element))
}

type Body = fn(&mut CallCx<'_>, &[Value]) -> Result<Value, FnError>;

/// A function of the language.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Parameters that every call gives.
    pub params: Vec<Param>,
    /// What any further arguments are.
    pub variadic: Option<Param>,
    /// What it does, in one or two sentences.
    pub description: &'static str,
    /// A call of it.
    pub example: &'static str,
    nullable: bool,
    result: fn(&[Value]) -> Type,
    body: Body,
}

impl Function {
    fn new(
        name: &'static str,
        params: impl Into<Vec<Param>>,
        result: fn(&[Value]) -> Type,
        description: &'static str,
        example: &'static str,
        body: Body,
    ) -> Function {
        Function {
            name,
            params: params.into(),
            variadic: None,
            description,
            example,
            nullable: false,
            result,
            body,
        }
    }

    fn variadic(mut self, param: Param) -> Function {
        self.variadic = Some(param);
        self
    }

    /// The result may be null, so an unknown one promises nothing.
    fn may_be_null(mut self) -> Function {
        self.nullable = true;
        self
    }

    /// The parameter that the argument at this position belongs to.
    pub fn param(&self, index: usize) -> Option<&Param> {
        self.params.get(index).or(self.variadic.as_ref())
    }

    /// As in `lookup(inputMap, key, default...)`.
    pub fn signature(&self) -> String {
        let mut names: Vec<String> = self.params.iter().map(|p| p.name.to_string()).collect();
        names.extend(self.variadic.iter().map(|p| format!("{}...", p.name)));
        format!("{}({})", self.name, names.join(", "))
    }

    /// As in `lookup()`.
    pub(crate) fn called(&self) -> String {
        format!("{}()", self.name)
    }

    /// Whether it can be called with so many arguments; if not, why.
    pub(crate) fn check_arity(&self, given: usize) -> Result<(), String> {
        let wanted = self.params.len();
        let plural = |n: usize| if n == 1 { "1 argument".to_string() } else { format!("{n} arguments") };
        if given < wanted {
            let least = if self.variadic.is_some() { "at least " } else { "" };
            let missing: Vec<&str> = self.params[given..].iter().map(|p| p.name).collect();
            return Err(format!(
                "{} takes {least}{}, and {} given. What is missing: {}.",
                self.called(),
                plural(wanted),
                if given == 1 { "1 was".to_string() } else { format!("{given} were") },
                missing.join(", ")
            ));
        }
        if given > wanted && self.variadic.is_none() {
            return Err(format!("{} takes {}, and {given} were given.", self.called(), plural(wanted)));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.signature())
    }
}

/// All functions by name. `try` and `can` are among them for their documentation; the evaluator runs them itself,
/// since their arguments may fail.
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
            sequences::all(),
            sets::all(),
            strings::all(),
            text::all(),
            yaml::all(),
        ];
        groups.into_iter().flatten().map(|f| (f.name, f)).collect()
    });
    &ALL
}

/// Calls a function: converts the arguments, refuses nulls, and takes care of unknowns and marks.
pub fn call_function(function: &Function, cx: &mut CallCx<'_>, args: Vec<Value>) -> Result<Value, FnError> {
    function.check_arity(args.len()).map_err(FnError::new)?;
    let mut marks = Marks::NONE;
    let mut known = true;
    let mut ready: Vec<Value> = Vec::with_capacity(args.len());
    for (i, arg) in args.into_iter().enumerate() {
        let Some(param) = function.param(i) else { break };
        let arg = converted(arg, &param.ty).map_err(|message| FnError::arg(i, message))?;
        let arg = match param.marked {
            Marked::Keep => arg,
            Marked::Shallow => {
                let (arg, own) = arg.unmark();
                marks = marks.union(own);
                arg
            }
            Marked::Deep => {
                let (arg, all) = arg.unmark_deep();
                marks = marks.union(all);
                arg
            }
        };
        if arg.is_null() && !param.allow_null {
            return Err(FnError::arg(i, "it is null, which this function does not accept"));
        }
        known = known
            && (param.allow_unknown || arg.is_known())
            && (param.allow_partial || !arg.is_known() || arg.is_wholly_known());
        ready.push(arg);
    }
    let result = if known {
        (function.body)(cx, &ready).map_err(|e| {
            let secret =
                || marks.has(Mark::Sensitive) || ready.iter().any(|a| a.marks_deep().has(Mark::Sensitive));
            if e.reveals && secret() {
                FnError { message: "why is not shown, because it could tell a sensitive value".into(), ..e }
            } else {
                e
            }
        })?
    } else {
        unknown_result(function, &ready)
    };
    Ok(result.with_marks(marks))
}

fn unknown_result(function: &Function, args: &[Value]) -> Value {
    match (function.result)(args) {
        Type::Dynamic => Value::unknown(Type::Dynamic),
        ty if function.nullable => Value::unknown(ty),
        ty => Value::unknown_not_null(ty),
    }
}

/// An argument as the type of its parameter, or why that cannot be.
fn converted(arg: Value, ty: &Type) -> Result<Value, String> {
    match (arg.kind(), ty) {
        (_, Type::Dynamic)
        | (Kind::String(_), Type::String)
        | (Kind::Number(_), Type::Number)
        | (Kind::Bool(_), Type::Bool) => return Ok(arg),
        _ => {}
    }
    convert_value(&arg, ty).map_err(|e| match e.path.0.is_empty() {
        true => e.message,
        false => format!("its element {}: {}", e.path.to_string().trim_start_matches('.'), e.message),
    })
}

// What follows reads arguments that `call_function` already converted and found to be known and not null.

fn text_arg(args: &[Value], i: usize) -> &str {
    args.get(i).and_then(Value::as_str).unwrap_or_default()
}

fn number_arg(args: &[Value], i: usize) -> Result<&Number, FnError> {
    args.get(i).and_then(Value::as_number).ok_or_else(|| FnError::arg(i, "it must be a number"))
}

fn whole_arg(args: &[Value], i: usize) -> Result<i64, FnError> {
    number_arg(args, i)?
        .to_i64()
        .ok_or_else(|| FnError::arg(i, "it must be a whole number of at most 64 bits"))
}

fn items(args: &[Value], i: usize) -> &[Value] {
    args.get(i).and_then(Value::as_slice).unwrap_or_default()
}

fn path_arg(args: &[Value], i: usize) -> &Path {
    Path::new(text_arg(args, i))
}

fn strings_list(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::list(Type::String, items.into_iter().map(|s| Value::string(s.into())).collect())
}

// Result types, for unknown arguments.

fn to_string(_: &[Value]) -> Type {
    Type::String
}

fn to_number(_: &[Value]) -> Type {
    Type::Number
}

fn to_bool(_: &[Value]) -> Type {
    Type::Bool
}

fn to_any(_: &[Value]) -> Type {
    Type::Dynamic
}

fn to_strings(_: &[Value]) -> Type {
    Type::list(Type::String)
}

fn same_type(args: &[Value]) -> Type {
    args.first().map_or(Type::Dynamic, Value::ty)
}
