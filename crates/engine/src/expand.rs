//! `count` and `for_each`: which instances there are.

use formwork_addr::{InstanceKey, Str};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_value::{Kind, Mark, PathStep, Type, Value, convert};
use std::collections::BTreeMap;

/// The instances of a block, and what stands for each.
#[derive(Debug)]
pub(crate) enum Expansion<T> {
    /// Nobody knows yet which there are.
    Unknown,
    /// `enabled` is false.
    Absent,
    /// Neither `count` nor `for_each`.
    Single(T),
    /// `count`
    Count(Vec<T>),
    /// `for_each`
    ForEach(BTreeMap<Str, T>),
}

impl<T> Expansion<T> {
    pub fn get(&self, key: &InstanceKey) -> Option<&T> {
        match (self, key) {
            (Expansion::Single(x), InstanceKey::None) => Some(x),
            (Expansion::Unknown | Expansion::Absent, _) => None,
            (Expansion::Count(v), InstanceKey::Int(i)) => v.get(usize::try_from(*i).ok()?),
            (Expansion::ForEach(m), InstanceKey::Str(k)) => m.get(k),
            _ => None,
        }
    }

    pub fn iter(&self) -> Box<dyn Iterator<Item = (InstanceKey, &T)> + '_> {
        match self {
            Expansion::Unknown | Expansion::Absent => Box::new(std::iter::empty()),
            Expansion::Single(x) => Box::new(std::iter::once((InstanceKey::None, x))),
            Expansion::Count(v) => {
                Box::new(v.iter().enumerate().map(|(i, x)| (InstanceKey::Int(i as u64), x)))
            }
            Expansion::ForEach(m) => Box::new(m.iter().map(|(k, x)| (InstanceKey::Str(k.clone()), x))),
        }
    }
}

/// What a repetition's expression came to.
pub(crate) enum Repeat {
    /// Something that is only known after apply.
    Unknown,
    Absent,
    Single,
    Count(u64),
    ForEach(BTreeMap<Str, Value>),
}

impl Repeat {
    /// How many instances there will be.
    pub fn len(&self) -> usize {
        match self {
            Repeat::Unknown | Repeat::Absent => 0,
            Repeat::Single => 1,
            Repeat::Count(n) => *n as usize,
            Repeat::ForEach(map) => map.len(),
        }
    }

    /// Makes the expansion, asking `make` for each instance with its key and `each.value`.
    pub fn expand<T>(self, mut make: impl FnMut(InstanceKey, Option<Value>) -> T) -> Expansion<T> {
        match self {
            Repeat::Unknown => Expansion::Unknown,
            Repeat::Absent => Expansion::Absent,
            Repeat::Single => Expansion::Single(make(InstanceKey::None, None)),
            Repeat::Count(n) => Expansion::Count((0..n).map(|i| make(InstanceKey::Int(i), None)).collect()),
            Repeat::ForEach(map) => Expansion::ForEach(
                map.into_iter().map(|(k, v)| (k.clone(), make(InstanceKey::Str(k), Some(v)))).collect(),
            ),
        }
    }
}

const UNTIL_APPLY: &str = "The value depends on something that is only known after apply, so it cannot be said now how \
                           many instances there are.";
const UNTIL_APPLY_HELP: &str = "Use something that the configuration itself says (a variable, a constant, keys that you write), \
                                or apply what it depends on first with -target.";

const EPHEMERAL: &str = "The value is ephemeral, and so may differ between plan and apply.";

/// What a `count` may not be, whatever its value.
pub(crate) fn refuse_marks_of_count(value: &Value, span: Span) -> Result<(), Diagnostic> {
    if value.has_mark(Mark::Ephemeral) {
        return Err(Diagnostic::error("Invalid count argument", EPHEMERAL).at(span));
    }
    Ok(())
}

/// What a `for_each` may not be, whatever its value.
pub(crate) fn refuse_marks_of_for_each(value: &Value, span: Span) -> Result<(), Diagnostic> {
    if value.has_mark(Mark::Sensitive) {
        return Err(Diagnostic::error(
            "Invalid for_each argument",
            "The value is sensitive (or made from something that is), and its keys would be shown as parts of addresses.",
        )
        .at(span)
        .help("If the keys may be seen, use nonsensitive(keys(…)) with toset."));
    }
    if value.has_mark(Mark::Ephemeral) {
        return Err(Diagnostic::error("Invalid for_each argument", EPHEMERAL).at(span));
    }
    Ok(())
}

/// What an argument is refused with that has to be known.
pub(crate) fn not_known_yet(argument: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("Invalid {argument} argument"), UNTIL_APPLY).at(span).help(UNTIL_APPLY_HELP)
}

/// Which of a provider's configurations a key means; `None` while it is not known.
pub(crate) fn provider_key(value: &Value, span: Span) -> Result<Option<Str>, Diagnostic> {
    let fail = |detail: String| Diagnostic::error("Invalid provider instance key", detail).at(span);
    if value.has_mark(Mark::Sensitive) {
        return Err(fail(
            "The value is sensitive, and the state says in clear which configuration manages an object."
                .into(),
        )
        .help("If it may be seen, write nonsensitive(…) around it."));
    }
    if value.has_mark(Mark::Ephemeral) {
        return Err(fail(EPHEMERAL.into()));
    }
    match convert(value, &Type::String).as_ref().map(Value::kind) {
        Ok(Kind::String(key)) => Ok(Some(key.clone())),
        Ok(Kind::Unknown(_)) => Ok(None),
        Ok(Kind::Null(_)) => {
            Err(fail("The value is null.".into()).help("Give a key of the provider's for_each."))
        }
        _ => Err(fail(format!("The value is a {}, and must be a string.", value.ty().friendly_name()))),
    }
}

/// That a provider's `for_each` does not have a key.
pub(crate) fn no_provider<'k>(
    key: &str,
    known: impl Iterator<Item = &'k Str> + Clone,
    span: Span,
) -> Diagnostic {
    let d = Diagnostic::error(
        "Provider configuration not present",
        format!("\"for_each\" of the provider block has no key \"{key}\"."),
    )
    .at(span);
    match suggestion(key, known.clone().map(|k| &**k)) {
        Some(near) => d.help(format!("Did you mean \"{near}\"?")),
        None => d.help(
            "Add it there. While the state has objects that this configuration manages, it has to stay: remove the resources first, \
             and the key with the next change.",
        ),
    }
}

/// How many instances a `count` means.
pub(crate) fn count(value: &Value, span: Span) -> Result<Repeat, Diagnostic> {
    let fail = |detail: String| Diagnostic::error("Invalid count argument", detail).at(span);
    refuse_marks_of_count(value, span)?;
    let (value, _) = value.clone().unmark();
    if value.is_null() {
        return Err(fail("The value is null.".into()).help("Give a whole number, zero or more."));
    }
    let number = convert(&value, &Type::Number).map_err(|e| fail(format!("{}.", e.message)))?;
    match number.kind() {
        Kind::Unknown(_) => Ok(Repeat::Unknown),
        Kind::Number(n) => match n.to_i64() {
            Some(i) if i >= 0 => Ok(Repeat::Count(i as u64)),
            Some(i) => Err(fail(format!("The value is {i}, and must be zero or more."))),
            None => Err(fail(format!("The value is {n}, and must be a whole number."))),
        },
        _ => Err(fail("A number is required.".into())),
    }
}

/// Which instances a `for_each` means.
pub(crate) fn for_each(value: &Value, span: Span) -> Result<Repeat, Diagnostic> {
    let fail = |detail: String| Diagnostic::error("Invalid for_each argument", detail).at(span);
    refuse_marks_of_for_each(value, span)?;
    match value.kind() {
        Kind::Unknown(u) => {
            let fitting = matches!(u.ty, Type::Map(_) | Type::Set(_) | Type::Object(_) | Type::Dynamic);
            if fitting { Ok(Repeat::Unknown) } else { Err(wrong_kind(&u.ty, span)) }
        }
        Kind::Null(_) => Err(fail("The value is null.".into())
            .help("Give a map, or a set of strings; an empty one for no instances.")),
        Kind::Map(_, m) | Kind::Object(m) => {
            Ok(Repeat::ForEach(m.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
        }
        Kind::Set(_, items) => {
            let mut map = BTreeMap::new();
            for item in items.iter() {
                match item.kind() {
                    Kind::String(s) => {
                        map.insert(s.clone(), item.clone());
                    }
                    Kind::Unknown(_) => return Ok(Repeat::Unknown),
                    Kind::Null(_) => return Err(fail("The set has a null in it.".into())),
                    _ => {
                        return Err(fail(format!(
                            "The value is a {}, and a set must be of strings.",
                            value.ty().friendly_name()
                        )));
                    }
                }
            }
            Ok(Repeat::ForEach(map))
        }
        _ => Err(wrong_kind(&value.ty(), span)),
    }
}

/// What an import block's `for_each` may not be, whatever its elements.
pub(crate) fn refuse_as_elements(value: &Value, span: Span) -> Result<(), Diagnostic> {
    let fail = |detail: &str| Diagnostic::error("Invalid for_each argument", detail).at(span);
    if value.has_mark(Mark::Ephemeral) {
        return Err(fail(EPHEMERAL));
    }
    let ty = value.ty();
    match ty {
        Type::Bool | Type::Number | Type::String if !value.is_null() => Err(fail(&format!(
            "The value is a {}, and must be a collection: a map, a set or a list.",
            ty.friendly_name()
        ))),
        _ => Ok(()),
    }
}

/// The elements for which an import block stands, each with its key: any collection will do, and null is none. The keys of a
/// list are its numbers, those of a set its elements. Marks are on the values only: the keys become parts of addresses
/// that the blocks of the resources have made public.
pub(crate) fn elements(value: &Value, span: Span) -> Result<Vec<(Value, Value)>, Diagnostic> {
    refuse_as_elements(value, span)?;
    if !value.is_wholly_known() {
        let detail = "The value depends on something that is only known after apply, so it cannot be said now what is to be \
                      imported.";
        return Err(Diagnostic::error("Invalid for_each argument", detail).at(span).help(UNTIL_APPLY_HELP));
    }
    let pairs = value.steps().into_iter().map(|(step, item)| match step {
        PathStep::Attr(name) => (Value::string(name), item.clone().with_marks(value.marks())),
        PathStep::Index(key) => (key, item.clone().with_marks(value.marks())),
    });
    Ok(pairs.collect())
}

/// Whether a block with `enabled` stands for an object at all.
pub(crate) fn enabled(value: &Value, span: Span) -> Result<Repeat, Diagnostic> {
    let fail = |detail: &str| Diagnostic::error("Invalid enabled argument", detail).at(span);
    if value.has_mark(Mark::Ephemeral) {
        return Err(fail(EPHEMERAL));
    }
    if value.has_mark(Mark::Sensitive) {
        return Err(fail("The value is sensitive, and everyone would see whether there is an object.")
            .help("If it may be seen, write nonsensitive(…) around it."));
    }
    match convert(value, &Type::Bool).as_ref().map(Value::kind) {
        Ok(Kind::Bool(true)) => Ok(Repeat::Single),
        Ok(Kind::Bool(false)) => Ok(Repeat::Absent),
        Ok(Kind::Unknown(_)) => Ok(Repeat::Unknown),
        Ok(Kind::Null(_)) => Err(fail("The value is null.").help("Give true or false.")),
        _ => Err(fail(&format!("The value is a {}, and must be true or false.", value.ty().friendly_name()))),
    }
}

fn wrong_kind(ty: &Type, span: Span) -> Diagnostic {
    let d = Diagnostic::error(
        "Invalid for_each argument",
        format!("The value is a {}, and must be a map, or a set of strings.", ty.friendly_name()),
    )
    .at(span);
    match ty {
        Type::List(_) | Type::Tuple(_) => {
            d.help("To use the elements of a list as keys, write toset(…) around it.")
        }
        _ => d,
    }
}
