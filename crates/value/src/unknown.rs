//! Unknown values: what is known about a value that is not known yet.

use crate::{Kind, Number, Str, Type, Value};
use std::sync::Arc;

/// A bound of a number, and whether the number may be the bound itself.
pub type Bound = (Number, bool);

/// A list whose length is certain becomes one of unknown elements only up to this length.
const MAX_SPELT_OUT: u64 = 1024;

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
    pub min: Option<Bound>,
    /// A number of at most (`true`: inclusive) this.
    pub max: Option<Bound>,
}

impl Refinement {
    /// Not null, and nothing else.
    pub const NOT_NULL: Refinement =
        Refinement { not_null: true, prefix: None, min_len: None, max_len: None, min: None, max: None };

    /// A string that starts so, and is therefore not null. What would make a combining character at the start of
    /// the rest part of the last character is left out of the prefix.
    pub fn prefixed(text: &str) -> Refinement {
        Refinement { prefix: safe_prefix(text), ..Refinement::NOT_NULL }
    }

    /// A collection of so many elements.
    pub fn lengths(min: u64, max: Option<u64>) -> Refinement {
        Refinement { min_len: Some(min).filter(|min| *min > 0), max_len: max, ..Refinement::NOT_NULL }
    }

    /// A number between these.
    pub fn between(min: Option<Bound>, max: Option<Bound>) -> Refinement {
        Refinement { min, max, ..Refinement::NOT_NULL }
    }

    /// What holds for a value of which either this or the other holds.
    #[must_use]
    pub fn either(&self, other: &Refinement) -> Refinement {
        let prefix = match (&self.prefix, &other.prefix) {
            (Some(a), Some(b)) => safe_prefix(common(a, b)),
            _ => None,
        };
        let outer = |a: &Option<Bound>, b: &Option<Bound>, least: bool| match (a, b) {
            (Some(a), Some(b)) if a.0 == b.0 => Some((a.0.clone(), a.1 || b.1)),
            (Some(a), Some(b)) => Some(if (a.0 < b.0) == least { a.clone() } else { b.clone() }),
            _ => None,
        };
        Refinement {
            not_null: self.not_null && other.not_null,
            prefix,
            min_len: self.min_len.zip(other.min_len).map(|(a, b)| a.min(b)),
            max_len: self.max_len.zip(other.max_len).map(|(a, b)| a.max(b)),
            min: outer(&self.min, &other.min, true),
            max: outer(&self.max, &other.max, false),
        }
    }

    /// Whether a value could be what this tells of; what is unknown in it counts as possible. Types do not matter.
    pub fn admits(&self, value: &Value) -> bool {
        match value.kind() {
            Kind::Null(_) => !self.not_null,
            Kind::String(text) => self.prefix.as_deref().is_none_or(|prefix| text.starts_with(prefix)),
            Kind::Number(n) => {
                let above =
                    self.min.as_ref().is_none_or(|(min, inclusive)| n > min || *inclusive && n == min);
                let below =
                    self.max.as_ref().is_none_or(|(max, inclusive)| n < max || *inclusive && n == max);
                above && below
            }
            Kind::List(..) | Kind::Set(..) | Kind::Map(..) => {
                let Some((least, most)) = value.lengths() else { return true };
                self.min_len.is_none_or(|min| most.is_none_or(|most| most >= min))
                    && self.max_len.is_none_or(|max| least <= max)
            }
            _ => true,
        }
    }
}

/// A value that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unknown {
    /// Its type; [`Type::Dynamic`] when not even that is known.
    pub ty: Type,
    /// What else is known.
    pub refinement: Refinement,
}

impl Value {
    /// An unknown value of this type about which nothing else is known.
    pub fn unknown(ty: Type) -> Value {
        Kind::Unknown(Arc::new(Unknown { ty, refinement: Refinement::default() })).into()
    }

    /// An unknown value that is certain not to be null.
    pub fn unknown_not_null(ty: Type) -> Value {
        Value::unknown_refined(ty, Refinement::NOT_NULL)
    }

    /// An unknown value with a refinement; the value itself where the refinement leaves only one, and a list of
    /// unknown elements where it leaves only one length.
    pub fn unknown_refined(ty: Type, refinement: Refinement) -> Value {
        if ty == Type::Dynamic {
            // Not even "not null" is kept, since what it turns out to be decides over the rest too.
            return Value::unknown(ty);
        }
        if refinement.not_null
            && let Some(value) = only_choice(&ty, &refinement)
        {
            return value;
        }
        Kind::Unknown(Arc::new(Unknown { ty, refinement })).into()
    }

    /// Whether it is certain not to be null.
    pub fn never_null(&self) -> bool {
        match self.kind() {
            Kind::Null(_) => false,
            Kind::Unknown(unknown) => unknown.refinement.not_null,
            _ => true,
        }
    }

    /// What is certain of it, known or not.
    pub fn refinement(&self) -> Refinement {
        match self.kind() {
            Kind::Null(_) => Refinement::default(),
            Kind::Unknown(unknown) => unknown.refinement.clone(),
            Kind::String(text) => Refinement { prefix: Some(text.clone()), ..Refinement::NOT_NULL },
            Kind::Number(n) => {
                let bound = Some((n.clone(), true));
                Refinement::between(bound.clone(), bound)
            }
            Kind::List(..) | Kind::Set(..) | Kind::Map(..) => {
                let (min, max) = self.lengths().unwrap_or_default();
                Refinement::lengths(min, max)
            }
            _ => Refinement::NOT_NULL,
        }
    }
}

/// The value of this type that a refinement leaves, if it is only one.
fn only_choice(ty: &Type, facts: &Refinement) -> Option<Value> {
    let least = facts.min_len.unwrap_or(0);
    let exact = facts.max_len.filter(|max| *max == least && *max <= MAX_SPELT_OUT);
    match (ty, exact) {
        (Type::Number, _) => match (&facts.min, &facts.max) {
            (Some((min, true)), Some((max, true))) if min == max => Some(min.clone().into()),
            _ => None,
        },
        (Type::List(element), Some(len)) => {
            let items = (0..len).map(|_| Value::unknown((**element).clone())).collect();
            Some(Value::list((**element).clone(), items))
        }
        (Type::Set(element), Some(len @ (0 | 1))) => {
            let items = (0..len).map(|_| Value::unknown((**element).clone())).collect();
            Some(Value::set((**element).clone(), items))
        }
        (Type::Map(element), Some(0)) => Some(Value::map((**element).clone(), crate::Map::new())),
        _ => None,
    }
}

/// The part of a prefix that stays whatever follows. A combining character may still change the last character, and
/// all that combine with it already; only some that nothing combines with are certain to stay.
fn safe_prefix(text: &str) -> Option<Str> {
    use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
    let text = crate::value::normal(text);
    let last = text.chars().next_back()?;
    if ends_for_certain(last) {
        return Some(text);
    }
    let starter = |c: char| canonical_combining_class(c) == 0 && !is_combining_mark(c) && !joins(c);
    let end = text.char_indices().rev().find(|(_, c)| starter(*c)).map_or(0, |(at, _)| at);
    // What stands before may need what was just cut off, as in a sequence joined by U+200D.
    let mut kept = &text[..end];
    while let Some(c) = kept.chars().next_back().filter(|c| joins(*c)) {
        kept = &kept[..kept.len() - c.len_utf8()];
    }
    (!kept.is_empty()).then(|| kept.into())
}

/// Characters that separate words in names, paths and addresses, which no other character changes.
fn ends_for_certain(c: char) -> bool {
    "-_:;/\\,.(){}[]|?!~ \t@#$%^&*+\"'".contains(c)
}

/// Joiners, and the second and third parts of a Hangul syllable.
fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{1160}'..='\u{11ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// What both begin with.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    a.get(..same).unwrap_or("")
}
