//! Values.

use crate::{Element, Mark, Marks, Number, Path, PathStep, Str, Type, Unknown};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of a map or attributes of an object, in the order of their names.
pub type Map = BTreeMap<Str, Value>;

/// What a value is, apart from its marks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Null of a type; plain `null` has [`Type::Dynamic`].
    Null(Type),
    /// Not known yet.
    Unknown(Arc<Unknown>),
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, in normalisation form C.
    String(Str),
    /// A list: element type and elements.
    List(Type, Arc<Vec<Value>>),
    /// A set: element type and elements, in the language's order and without duplicates.
    Set(Type, Arc<Vec<Value>>),
    /// A map: element type and elements.
    Map(Type, Arc<Map>),
    /// A tuple.
    Tuple(Arc<Vec<Value>>),
    /// An object.
    Object(Arc<Map>),
}

/// A value of the language. Marks may sit at any depth. Cloning is cheap.
///
/// `==`, order and hash are structural and include marks; the language's own equality is [`Value::equals`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    kind: Kind,
    marks: Marks,
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Value { kind, marks: Marks::NONE }
    }
}

macro_rules! from {
    ($($ty:ty => |$x:ident| $kind:expr),* $(,)?) => {
        $(impl From<$ty> for Value { fn from($x: $ty) -> Self { Value::from($kind) } })*
    };
}

from! {
    bool => |x| Kind::Bool(x),
    Number => |x| Kind::Number(x),
    i64 => |x| Kind::Number(Number::from(x)),
    i32 => |x| Kind::Number(Number::from(i64::from(x))),
    u32 => |x| Kind::Number(Number::from(i64::from(x))),
    u64 => |x| Kind::Number(Number::from(x)),
    usize => |x| Kind::Number(Number::from(x as u64)),
    Map => |x| Kind::Object(Arc::new(x)),
}

impl From<&str> for Value {
    fn from(x: &str) -> Self {
        Value::string(x)
    }
}

impl From<String> for Value {
    fn from(x: String) -> Self {
        Value::string(x)
    }
}

impl From<Str> for Value {
    fn from(x: Str) -> Self {
        Value::string(x)
    }
}

impl Value {
    /// Plain `null`.
    pub const NULL: Value = Value { kind: Kind::Null(Type::Dynamic), marks: Marks::NONE };

    /// A string; brought into normalisation form C.
    pub fn string(text: impl AsRef<str> + Into<Str>) -> Value {
        let text: Str = if is_normal(text.as_ref()) { text.into() } else { normal(text.as_ref()) };
        Kind::String(text).into()
    }

    /// Null of this type.
    pub fn null(ty: Type) -> Value {
        Kind::Null(ty).into()
    }

    /// A list; the elements must all have type `element` already (or be of it once known).
    pub fn list(element: Type, items: Vec<Value>) -> Value {
        Kind::List(element, Arc::new(items)).into()
    }

    /// A set: sorts as the language does, and drops duplicates. Marks of elements move to the set itself.
    pub fn set(element: Type, items: Vec<Value>) -> Value {
        let mut marks = Marks::NONE;
        let mut plain: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            let (item, inner) = item.unmark_deep();
            marks = marks.union(inner);
            plain.push(item);
        }
        crate::set::sort(&mut plain);
        // Unknown elements may turn out different.
        plain.dedup_by(|a, b| Element(a) == Element(b) && a.is_wholly_known());
        Value { kind: Kind::Set(element, Arc::new(plain)), marks }
    }

    /// A map.
    pub fn map(element: Type, items: Map) -> Value {
        Kind::Map(element, Arc::new(items)).into()
    }

    /// A tuple.
    pub fn tuple(items: Vec<Value>) -> Value {
        Kind::Tuple(Arc::new(items)).into()
    }

    /// An object.
    pub fn object<K: Into<Str>>(attrs: impl IntoIterator<Item = (K, Value)>) -> Value {
        Kind::Object(Arc::new(attrs.into_iter().map(|(k, v)| (k.into(), v)).collect())).into()
    }

    /// What it is, without its own marks (those inside remain).
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Takes it apart.
    pub fn into_kind(self) -> (Kind, Marks) {
        (self.kind, self.marks)
    }

    /// Its type. For a structural value this is built on each call.
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Null(t) => t.clone(),
            Kind::Unknown(u) => u.ty.clone(),
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::String(_) => Type::String,
            Kind::List(t, _) => Type::list(t.clone()),
            Kind::Set(t, _) => Type::set(t.clone()),
            Kind::Map(t, _) => Type::map(t.clone()),
            Kind::Tuple(items) => Type::Tuple(items.iter().map(Value::ty).collect()),
            Kind::Object(attrs) => Type::object(attrs.iter().map(|(k, v)| (k.clone(), v.ty()))),
        }
    }

    /// Whether its type is exactly this one, without building it. Never for a type constraint with optional
    /// attributes.
    pub fn is_of(&self, ty: &Type) -> bool {
        match (&self.kind, ty) {
            (Kind::Null(t), _) => t == ty,
            (Kind::Unknown(u), _) => u.ty == *ty,
            (Kind::Bool(_), Type::Bool)
            | (Kind::Number(_), Type::Number)
            | (Kind::String(_), Type::String) => true,
            (Kind::List(t, _), Type::List(u))
            | (Kind::Set(t, _), Type::Set(u))
            | (Kind::Map(t, _), Type::Map(u)) => *t == **u,
            (Kind::Tuple(items), Type::Tuple(types)) => {
                items.len() == types.len() && items.iter().zip(types.iter()).all(|(v, t)| v.is_of(t))
            }
            (Kind::Object(attrs), Type::Object(object)) => {
                object.optional.is_empty()
                    && attrs.len() == object.attrs.len()
                    && attrs.iter().zip(&object.attrs).all(|((a, v), (b, t))| a == b && v.is_of(t))
            }
            _ => false,
        }
    }

    /// Whether it fits a type constraint as it is, without conversion; [`Type::Dynamic`] fits everything.
    pub fn conforms(&self, constraint: &Type) -> bool {
        self.ty().conforms(constraint)
    }

    /// Whether it is null (of whatever type).
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null(_))
    }

    /// Whether it is itself known; what is inside may still be unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown(_))
    }

    /// Whether nothing in it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match &self.kind {
            Kind::Unknown(_) => false,
            _ => self.children().all(Value::is_wholly_known),
        }
    }

    /// The unknown's facts, when it is unknown.
    pub fn as_unknown(&self) -> Option<&Unknown> {
        match &self.kind {
            Kind::Unknown(u) => Some(u),
            _ => None,
        }
    }

    /// The boolean, if it is one and known.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The string, if it is one and known.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(s) => Some(s),
            _ => None,
        }
    }

    /// The number, if it is one and known.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.kind {
            Kind::Number(n) => Some(n),
            _ => None,
        }
    }

    /// The elements of a known list, set or tuple.
    pub fn as_slice(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(_, v) | Kind::Set(_, v) | Kind::Tuple(v) => Some(v),
            _ => None,
        }
    }

    /// The elements of a known map or the attributes of a known object.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(_, m) | Kind::Object(m) => Some(m),
            _ => None,
        }
    }

    /// An attribute of a known object or an element of a known map, without marks added from the outside.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }

    /// Number of elements of a known collection, tuple or object.
    pub fn len(&self) -> Option<usize> {
        self.as_slice().map(<[Value]>::len).or_else(|| self.as_map().map(Map::len))
    }

    /// The least and the greatest number of elements that a collection can have, as far as is known already; `None`
    /// for null and for what has no elements.
    pub fn lengths(&self) -> Option<(u64, Option<u64>)> {
        if let Some(unknown) = self.as_unknown() {
            let facts = &unknown.refinement;
            return match &unknown.ty {
                Type::List(_) | Type::Set(_) | Type::Map(_) => {
                    Some((facts.min_len.unwrap_or(0), facts.max_len))
                }
                Type::Tuple(items) => Some((items.len() as u64, Some(items.len() as u64))),
                Type::Object(object) => Some((object.attrs.len() as u64, Some(object.attrs.len() as u64))),
                _ => None,
            };
        }
        let len = self.len()? as u64;
        match &self.kind {
            // Elements that are not known yet may turn out equal to others.
            Kind::Set(_, items) if !items.iter().all(Value::is_wholly_known) => {
                let known = items.iter().filter(|item| item.is_wholly_known()).count() as u64;
                Some((known.max(1), Some(len)))
            }
            _ => Some((len, Some(len))),
        }
    }

    /// Whether it is certain how many elements it has: not for a set of elements that may turn out to be equal.
    pub fn has_certain_length(&self) -> bool {
        self.lengths().is_some_and(|(min, max)| max == Some(min))
    }

    /// Whether a known collection has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The values directly inside, in order.
    pub fn children(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match &self.kind {
            Kind::List(_, v) | Kind::Set(_, v) | Kind::Tuple(v) => Box::new(v.iter()),
            Kind::Map(_, m) | Kind::Object(m) => Box::new(m.values()),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Elements with the keys by which the language reaches them: attribute names, map keys, list indices, and
    /// for sets the elements themselves.
    pub fn steps(&self) -> Vec<(PathStep, &Value)> {
        match &self.kind {
            Kind::List(_, v) | Kind::Tuple(v) => {
                v.iter().enumerate().map(|(i, x)| (PathStep::Index(Value::from(i)), x)).collect()
            }
            Kind::Set(_, v) => v.iter().map(|x| (PathStep::Index(x.clone()), x)).collect(),
            Kind::Map(_, m) => {
                m.iter().map(|(k, x)| (PathStep::Index(Value::string(k.clone())), x)).collect()
            }
            Kind::Object(m) => m.iter().map(|(k, x)| (PathStep::Attr(k.clone()), x)).collect(),
            _ => Vec::new(),
        }
    }

    /// The value at a path; marks met on the way are added to it.
    pub fn at(&self, path: &Path) -> Option<Value> {
        let mut current = self.clone();
        for step in &path.0 {
            let marks = current.marks;
            let next = match (step, &current.kind) {
                (PathStep::Attr(name), Kind::Object(m) | Kind::Map(_, m)) => m.get(name)?.clone(),
                (PathStep::Index(key), Kind::Map(_, m) | Kind::Object(m)) => m.get(key.as_str()?)?.clone(),
                (PathStep::Index(key), Kind::List(_, v) | Kind::Tuple(v)) => {
                    v.get(usize::try_from(key.as_number()?.to_i64()?).ok()?)?.clone()
                }
                (PathStep::Index(key), Kind::Set(_, v)) => v.iter().find(|x| *x == key)?.clone(),
                _ => return None,
            };
            current = next.with_marks(marks);
        }
        Some(current)
    }

    /// The marks on the value itself.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Whether the value itself has this mark.
    pub fn has_mark(&self, mark: Mark) -> bool {
        self.marks.has(mark)
    }

    /// The marks on the value or on anything inside it.
    pub fn marks_deep(&self) -> Marks {
        self.children().fold(self.marks, |marks, child| marks.union(child.marks_deep()))
    }

    /// The object with an attribute replaced, or added; anything else becomes an object of this attribute alone.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: Value) -> Value {
        let Kind::Object(attributes) = &mut self.kind else { return Value::object([(name, value)]) };
        let attributes = Arc::make_mut(attributes);
        match attributes.get_mut(name) {
            Some(there) => *there = value,
            None => drop(attributes.insert(name.into(), value)),
        }
        self
    }

    /// With these marks added.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Value {
        self.marks = self.marks.union(marks);
        self
    }

    /// With this mark added.
    #[must_use]
    pub fn mark(self, mark: Mark) -> Value {
        self.with_marks(mark.into())
    }

    /// Without the marks on itself, and those marks.
    pub fn unmark(mut self) -> (Value, Marks) {
        let marks = std::mem::take(&mut self.marks);
        (self, marks)
    }

    /// Without marks at any depth, and the union of what was there.
    pub fn unmark_deep(self) -> (Value, Marks) {
        let marks = self.marks_deep();
        if marks.is_empty() {
            return (self, marks);
        }
        (self.map_deep(&mut |v| v.unmark().0), marks)
    }

    /// Without marks; every path that carried one, with its marks.
    pub fn unmark_paths(self) -> (Value, Vec<(Path, Marks)>) {
        let mut paths = Vec::new();
        if self.marks_deep().is_empty() {
            return (self, paths);
        }
        collect_marks(&self, &Path::root(), &mut paths);
        (self.unmark_deep().0, paths)
    }

    /// With marks put back at these paths; a path that leads nowhere marks the last value it reaches.
    #[must_use]
    pub fn mark_paths(self, paths: &[(Path, Marks)]) -> Value {
        paths.iter().fold(self, |value, (path, marks)| value.mark_path(&path.0, *marks))
    }

    fn mark_path(self, steps: &[PathStep], marks: Marks) -> Value {
        let Some((step, rest)) = steps.split_first() else { return self.with_marks(marks) };
        let own = self.marks;
        let kind = match (self.kind, step) {
            (Kind::Object(mut m), PathStep::Attr(name)) if m.contains_key(name) => {
                if let Some(slot) = Arc::make_mut(&mut m).get_mut(name) {
                    *slot = std::mem::replace(slot, Value::NULL).mark_path(rest, marks);
                }
                Kind::Object(m)
            }
            (Kind::Map(t, mut m), PathStep::Index(key))
                if key.as_str().is_some_and(|k| m.contains_key(k)) =>
            {
                if let Some(slot) = key.as_str().and_then(|k| Arc::make_mut(&mut m).get_mut(k)) {
                    *slot = std::mem::replace(slot, Value::NULL).mark_path(rest, marks);
                }
                Kind::Map(t, m)
            }
            (Kind::List(t, mut v), PathStep::Index(key)) => {
                mark_item(&mut v, key, rest, marks);
                Kind::List(t, v)
            }
            (Kind::Tuple(mut v), PathStep::Index(key)) => {
                mark_item(&mut v, key, rest, marks);
                Kind::Tuple(v)
            }
            (kind, _) => return Value { kind, marks: own.union(marks) },
        };
        Value { kind, marks: own }
    }

    /// Whether an infinite number is in it, at any depth: neither a state nor any other JSON can hold one.
    pub fn holds_infinity(&self) -> bool {
        self.as_number().is_some_and(Number::is_infinite) || self.children().any(Value::holds_infinity)
    }

    /// With zero in place of minus zero, at any depth.
    #[must_use]
    pub fn plain_zeros(&self) -> Cow<'_, Value> {
        if !self.holds_minus_zero() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(self.clone().map_deep(&mut |v| match v.as_number() {
            Some(n) if n.is_minus_zero() => Value::from(n.neg()).with_marks(v.marks()),
            _ => v,
        }))
    }

    fn holds_minus_zero(&self) -> bool {
        self.as_number().is_some_and(Number::is_minus_zero) || self.children().any(Value::holds_minus_zero)
    }

    /// Rebuilds the value from the leaves up: `f` is given each value after its children were rebuilt.
    #[must_use]
    pub fn map_deep(self, f: &mut dyn FnMut(Value) -> Value) -> Value {
        let Value { kind, marks } = self;
        let kind = match kind {
            Kind::List(t, v) => Kind::List(t, Arc::new(v.iter().map(|x| x.clone().map_deep(f)).collect())),
            Kind::Set(t, v) => {
                let rebuilt = Value::set(t, v.iter().map(|x| x.clone().map_deep(f)).collect());
                return f(rebuilt.with_marks(marks));
            }
            Kind::Tuple(v) => Kind::Tuple(Arc::new(v.iter().map(|x| x.clone().map_deep(f)).collect())),
            Kind::Map(t, m) => {
                Kind::Map(t, Arc::new(m.iter().map(|(k, x)| (k.clone(), x.clone().map_deep(f))).collect()))
            }
            Kind::Object(m) => {
                Kind::Object(Arc::new(m.iter().map(|(k, x)| (k.clone(), x.clone().map_deep(f))).collect()))
            }
            leaf => leaf,
        };
        f(Value { kind, marks })
    }
}

fn is_normal(text: &str) -> bool {
    use unicode_normalization::{IsNormalized, is_nfc_quick};
    text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes
}

/// The text in normalisation form C.
pub(crate) fn normal(text: &str) -> Str {
    use unicode_normalization::UnicodeNormalization;
    if is_normal(text) { text.into() } else { text.nfc().collect::<String>().into() }
}

fn mark_item(items: &mut Arc<Vec<Value>>, key: &Value, rest: &[PathStep], marks: Marks) {
    let index = key.as_number().and_then(Number::to_i64).and_then(|i| usize::try_from(i).ok());
    if let Some(slot) = index.and_then(|i| Arc::make_mut(items).get_mut(i)) {
        *slot = std::mem::replace(slot, Value::NULL).mark_path(rest, marks);
    }
}

fn collect_marks(value: &Value, path: &Path, out: &mut Vec<(Path, Marks)>) {
    if !value.marks.is_empty() {
        out.push((path.clone(), value.marks));
    }
    for (step, child) in value.steps() {
        let mut inner = path.clone();
        inner.0.push(step);
        collect_marks(child, &inner, out);
    }
}
