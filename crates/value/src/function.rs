//! Functions over values: how they are declared, and what happens around each call.
//!
//! A [`Signature`] names the parameters. [`Signature::call`] converts the arguments, refuses nulls, answers unknown
//! arguments with an unknown result and carries marks from the arguments to the result, so that most bodies see only
//! plain known values. `#[function]` (`formwork-macros`) writes signatures; the function library of the language and
//! the functions of providers are both made with it.

use crate::{Kind, Map, Mark, Marks, Number, Refinement, Type, Value, convert};

/// What a function gives, or why it cannot.
pub type FnResult = Result<Value, FnError>;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FnError {
    /// Position of the argument at fault, when there is one, counted from 0.
    pub arg: Option<usize>,
    /// What is wrong: a clause without a full stop.
    pub message: String,
    /// The message may quote an argument: what is said instead when one of them is sensitive.
    discreet: Option<&'static str>,
}

impl FnError {
    /// About the call as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        FnError { arg: None, message: message.into(), discreet: None }
    }

    /// About one argument, counted from 0.
    pub fn arg(index: usize, message: impl Into<String>) -> Self {
        FnError { arg: Some(index), message: message.into(), discreet: None }
    }

    /// Marks the message as one that may quote an argument.
    #[must_use]
    pub fn quoting(self) -> Self {
        self.quoting_or("why is not shown, because it could tell a sensitive value")
    }

    /// Marks the message as one that may quote an argument, and gives one that does not.
    #[must_use]
    pub fn quoting_or(mut self, discreet: &'static str) -> Self {
        self.discreet = Some(discreet);
        self
    }
}

/// What becomes of the marks of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
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
    /// What becomes of its marks.
    pub marked: Marked,
}

/// What is known of a function without calling it.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one or two sentences.
    pub description: &'static str,
    /// Parameters that every call gives.
    pub params: Vec<Param>,
    /// What any further arguments are.
    pub variadic: Option<Param>,
    /// A call of it.
    pub example: &'static str,
    /// What the example prints; empty where that differs from run to run.
    pub gives: &'static str,
    /// The result may be null, so an unknown one promises nothing.
    pub nullable: bool,
    /// Type of the result for these arguments, any of which may be unknown.
    pub result: fn(&[Value]) -> Type,
    /// What is certain of the result while arguments are not known yet, besides its type: a prefix, a length, bounds.
    pub facts: fn(&[Value]) -> Refinement,
    /// What is wrong with arguments although some of them are not known yet; asked instead of the function itself.
    pub check: fn(&[Value]) -> Result<(), FnError>,
}

impl Signature {
    /// The parameter that the argument at this position belongs to.
    pub fn param(&self, index: usize) -> Option<&Param> {
        self.params.get(index).or(self.variadic.as_ref())
    }

    /// As in `lookup(inputMap, key, default...)`.
    pub fn usage(&self) -> String {
        let mut names: Vec<String> = self.params.iter().map(|p| p.name.to_string()).collect();
        names.extend(self.variadic.iter().map(|p| format!("{}...", p.name)));
        format!("{}({})", self.name, names.join(", "))
    }

    /// Type of the result when nothing is known of the arguments but what the parameters say.
    pub fn return_type(&self) -> Type {
        let args: Vec<Value> = self.params.iter().map(|p| Value::unknown(p.ty.clone())).collect();
        (self.result)(&args)
    }

    /// Whether it can be called with so many arguments; if not, why.
    pub fn check_arity(&self, given: usize) -> Result<(), String> {
        let wanted = self.params.len();
        let plural = |n: usize| if n == 1 { "1 argument".to_string() } else { format!("{n} arguments") };
        if let Some(missing) = self.params.get(given..).filter(|m| !m.is_empty()) {
            let least = if self.variadic.is_some() { "at least " } else { "" };
            let missing: Vec<&str> = missing.iter().map(|p| p.name).collect();
            let given = if given == 1 { "1 was".to_string() } else { format!("{given} were") };
            return Err(format!(
                "{}() takes {least}{}, and {given} given. What is missing: {}.",
                self.name,
                plural(wanted),
                missing.join(", ")
            ));
        }
        if given > wanted && self.variadic.is_none() {
            return Err(format!("{}() takes {}, and {given} were given.", self.name, plural(wanted)));
        }
        Ok(())
    }

    /// Calls a function with this signature. `body` is given as many arguments as there are, each of the type of its
    /// parameter; it is not called while an argument is unknown that it does not deal with itself.
    pub fn call(&self, args: Vec<Value>, body: impl FnOnce(&[Value]) -> FnResult) -> FnResult {
        self.check_arity(args.len()).map_err(FnError::new)?;
        let mut marks = Marks::NONE;
        let mut known = true;
        // Of what can be anything, nothing is wrong yet.
        let mut anything = false;
        let mut ready: Vec<Value> = Vec::with_capacity(args.len());
        for (i, arg) in args.into_iter().enumerate() {
            let Some(param) = self.param(i) else { break };
            let arg = converted(arg, &param.ty).map_err(|message| FnError::arg(i, message))?;
            let (arg, own) = match param.marked {
                Marked::Keep => (arg, Marks::NONE),
                Marked::Shallow => arg.unmark(),
                Marked::Deep => arg.unmark_deep(),
            };
            marks = marks.union(own);
            if arg.is_null() && !param.allow_null {
                return Err(FnError::arg(i, "it is null, which this function does not accept"));
            }
            anything = anything
                || !param.allow_unknown && matches!(arg.kind(), Kind::Unknown(u) if u.ty == Type::Dynamic);
            known = known
                && (param.allow_unknown || arg.is_known())
                && (param.allow_partial || !arg.is_known() || arg.is_wholly_known());
            ready.push(arg);
        }
        let result = match (known, anything) {
            (true, _) => body(&ready),
            (false, true) => Ok(self.unknown(&ready)),
            (false, false) => (self.check)(&ready).map(|()| self.unknown(&ready)),
        };
        match result {
            Ok(value) => Ok(value.with_marks(marks)),
            Err(e) => {
                let secret =
                    marks.has(Mark::Sensitive) || ready.iter().any(|a| a.marks_deep().has(Mark::Sensitive));
                Err(match e.discreet.filter(|_| secret) {
                    Some(message) => FnError { message: message.into(), ..e },
                    None => e,
                })
            }
        }
    }

    fn unknown(&self, args: &[Value]) -> Value {
        match (self.result)(args) {
            Type::Dynamic => Value::unknown(Type::Dynamic),
            ty if self.nullable => Value::unknown(ty),
            ty => Value::unknown_refined(ty, (self.facts)(args)),
        }
    }
}

/// An argument as the type of its parameter, or why that cannot be.
pub fn converted(arg: Value, ty: &Type) -> Result<Value, String> {
    match (arg.kind(), ty) {
        (_, Type::Dynamic)
        | (Kind::String(_), Type::String)
        | (Kind::Number(_), Type::Number)
        | (Kind::Bool(_), Type::Bool) => return Ok(arg),
        _ => {}
    }
    convert(&arg, ty).map_err(|e| match e.path.0.is_empty() {
        true => e.message,
        false => format!("its element {}: {}", e.path.to_string().trim_start_matches('.'), e.message),
    })
}

/// What the body of a function may return.
pub trait Answer {
    /// Its type; [`Type::Dynamic`] when that is not known from the Rust type.
    fn ty() -> Type {
        Type::Dynamic
    }

    /// The value, or why there is none.
    fn answer(self) -> FnResult;
}

impl Answer for Value {
    fn answer(self) -> FnResult {
        Ok(self)
    }
}

macro_rules! answers {
    ($($rust:ty => $ty:ident),* $(,)?) => {
        $(impl Answer for $rust {
            fn ty() -> Type {
                Type::$ty
            }

            fn answer(self) -> FnResult {
                Ok(self.into())
            }
        })*
    };
}

answers! { bool => Bool, Number => Number, String => String, &str => String }

impl<T: Answer> Answer for Result<T, FnError> {
    fn ty() -> Type {
        T::ty()
    }

    fn answer(self) -> FnResult {
        self.and_then(T::answer)
    }
}

/// What a parameter of a Rust function reads from an argument that [`Signature::call`] has made ready.
pub trait Argument<'a>: Sized {
    /// What the argument is converted to unless the declaration says otherwise.
    fn ty() -> Type;

    /// The argument at this position.
    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError>;
}

impl<'a> Argument<'a> for &'a Value {
    fn ty() -> Type {
        Type::Dynamic
    }

    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError> {
        args.get(index).ok_or_else(|| FnError::arg(index, "it is missing"))
    }
}

impl<'a> Argument<'a> for &'a str {
    fn ty() -> Type {
        Type::String
    }

    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError> {
        args.get(index).and_then(Value::as_str).ok_or_else(|| FnError::arg(index, "it must be a string"))
    }
}

impl<'a> Argument<'a> for &'a Number {
    fn ty() -> Type {
        Type::Number
    }

    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError> {
        args.get(index).and_then(Value::as_number).ok_or_else(|| FnError::arg(index, "it must be a number"))
    }
}

impl Argument<'_> for i64 {
    fn ty() -> Type {
        Type::Number
    }

    fn read(args: &[Value], index: usize) -> Result<Self, FnError> {
        let number = args.get(index).and_then(Value::as_number).and_then(Number::to_i64);
        number.ok_or_else(|| FnError::arg(index, "it must be a whole number of at most 64 bits"))
    }
}

impl<'a> Argument<'a> for &'a [Value] {
    fn ty() -> Type {
        Type::list(Type::Dynamic)
    }

    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError> {
        args.get(index).and_then(Value::as_slice).ok_or_else(|| FnError::arg(index, "it must be a list"))
    }
}

impl<'a> Argument<'a> for &'a Map {
    fn ty() -> Type {
        Type::map(Type::Dynamic)
    }

    fn read(args: &'a [Value], index: usize) -> Result<Self, FnError> {
        args.get(index).and_then(Value::as_map).ok_or_else(|| FnError::arg(index, "it must be a map"))
    }
}
