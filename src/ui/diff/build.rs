//! Comparing two values.
//!
//! Where a schema gives the type, attributes are compared by it. Where it does not (dynamic attributes, outputs, strings
//! that hold JSON), values are compared as JSON: lists and tuples are arrays, maps and objects are objects; a set that stays
//! a set is compared as one.

use super::sequence::{self, Pair};
use super::{Act, Blocks, Fate, JsonText, Kind, Leaf, Node};
use formwork_provider::{Block, Nesting, Schema};
use formwork_value::{Kind as ValueKind, Map, Mark, Path, PathStep, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A value before and after.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    /// Before.
    pub before: Option<&'a Value>,
    /// After.
    pub after: Option<&'a Value>,
    /// Whether a null before, and one after, is a value that somebody wrote, not the absence of one.
    pub explicit: (bool, bool),
    /// What is left of the paths that force a replacement.
    pub replace: Vec<&'a [PathStep]>,
}

impl<'a> Change<'a> {
    /// Of a whole value.
    pub fn new(before: Option<&'a Value>, after: Option<&'a Value>) -> Self {
        Change { before, after, ..Change::default() }
    }

    /// With the paths that force a replacement.
    #[must_use]
    pub fn replacing(mut self, paths: &'a [Path]) -> Self {
        self.replace = paths.iter().map(|p| p.0.as_slice()).collect();
        self
    }

    fn old(&self) -> Option<&'a Value> {
        self.before.filter(|v| !v.is_null())
    }

    fn new_value(&self) -> Option<&'a Value> {
        self.after.filter(|v| !v.is_null())
    }

    /// The new value, when it is known.
    fn new_known(&self) -> Option<&'a Value> {
        self.new_value().filter(|v| v.is_known())
    }

    fn forced(&self) -> bool {
        self.replace.iter().any(|p| p.is_empty())
    }

    fn sensitive(&self) -> (bool, bool) {
        let marked = |v: Option<&Value>| v.is_some_and(|v| v.has_mark(Mark::Sensitive));
        (marked(self.before), marked(self.after))
    }

    fn only_before(&self) -> Change<'a> {
        Change { after: None, explicit: (self.explicit.0, false), ..self.clone() }
    }

    fn only_after(&self) -> Change<'a> {
        Change { before: None, explicit: (false, self.explicit.1), ..self.clone() }
    }

    fn below(&self, matches: impl Fn(&PathStep) -> bool) -> Vec<&'a [PathStep]> {
        if self.replace.is_empty() {
            return Vec::new();
        }
        self.replace
            .iter()
            .filter_map(|p| p.split_first().filter(|(s, _)| matches(s)).map(|(_, r)| r))
            .collect()
    }

    fn attribute(&self, name: &str) -> Change<'a> {
        let side = |v: Option<&'a Value>| v.and_then(Value::as_map).and_then(|m| m.get(name));
        let (before, after) = (side(self.before), side(self.after));
        Change {
            before,
            after,
            explicit: (before.is_some(), after.is_some()),
            replace: self.below(|s| match s {
                PathStep::Attr(n) => &**n == name,
                PathStep::Index(key) => key.as_str() == Some(name),
            }),
        }
    }

    fn element(&self, old: Option<usize>, new: Option<usize>) -> Change<'a> {
        let side = |v: Option<&'a Value>, i: Option<usize>| v.and_then(Value::as_slice)?.get(i?);
        let (before, after) = (side(self.before, old), side(self.after, new));
        Change {
            before,
            after,
            explicit: (before.is_some(), after.is_some()),
            replace: self.below(|s| match s {
                PathStep::Index(key) => match key.as_number() {
                    Some(n) => n.to_i64().and_then(|n| usize::try_from(n).ok()) == old.or(new),
                    None => false,
                },
                PathStep::Attr(_) => false,
            }),
        }
    }

    /// What happens to it as a whole, when its parts do not matter.
    fn act(&self) -> Act {
        let gone = self.new_value().is_none() && !self.explicit.1;
        let absent = self.old().is_none() && !self.explicit.0;
        match (absent, gone) {
            (true, false) => Act::Create,
            (false, true) => Act::Delete,
            _ if same(self.old(), self.new_value()) => Act::NoOp,
            _ => Act::Update,
        }
    }

    /// What happens to a collection before its elements are looked at.
    fn outer_act(&self) -> Act {
        match (self.old(), self.new_value()) {
            (None, Some(_)) => Act::Create,
            (Some(_), None) => Act::Delete,
            _ => Act::NoOp,
        }
    }

    fn node(&self, act: Act, kind: Kind<'a>) -> Node<'a> {
        Node { act, replace: self.forced(), kind }
    }
}

/// Whether two values look the same to a reader; types and marks do not matter, and what is unknown looks like null.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return a.is_none() && b.is_none() };
    use ValueKind as K;
    match (a.kind(), b.kind()) {
        (K::Null(_) | K::Unknown(_), K::Null(_) | K::Unknown(_)) => true,
        (K::Bool(x), K::Bool(y)) => x == y,
        (K::Number(x), K::Number(y)) => x == y,
        (K::String(x), K::String(y)) => x == y,
        (K::List(_, x) | K::Set(_, x) | K::Tuple(x), K::List(_, y) | K::Set(_, y) | K::Tuple(y)) => {
            x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| same(Some(x), Some(y)))
        }
        (K::Map(_, x) | K::Object(x), K::Map(_, y) | K::Object(y)) => {
            x.len() == y.len()
                && x.iter().zip(y.iter()).all(|((k, x), (l, y))| k == l && same(Some(x), Some(y)))
        }
        _ => false,
    }
}

fn sensitive<'a>(change: &Change<'a>) -> Option<Node<'a>> {
    match change.sensitive() {
        (false, false) => None,
        (was, will) => Some(secret(change, was, will)),
    }
}

/// A change of which only the kind is shown: whether it was secret, and whether it will be.
pub fn secret<'a>(change: &Change<'a>, was: bool, will: bool) -> Node<'a> {
    let mut act = match change.after {
        Some(v) if !v.is_known() => match change.old() {
            Some(_) => Act::Update,
            None => Act::Create,
        },
        _ => change.act(),
    };
    let nothing = change.old().is_none() && change.new_value().is_none() && change.explicit == (false, false);
    if act == Act::NoOp && was != will && !nothing {
        act = Act::Update;
    }
    let fate = match change.after {
        Some(v) if !v.is_wholly_known() => Fate::Unknown,
        _ if same(change.old(), change.new_value()) => Fate::Same,
        _ => Fate::Changed,
    };
    change.node(act, Kind::Sensitive(was, will, fate))
}

fn unknown<'a>(change: &Change<'a>, compare: impl FnOnce(&Change<'a>) -> Node<'a>) -> Option<Node<'a>> {
    if change.after?.is_known() {
        return None;
    }
    Some(match change.old() {
        None => change.node(Act::Create, Kind::Unknown(None)),
        Some(_) => {
            // Said once, behind the arrow.
            let before = compare(&Change { replace: Vec::new(), ..change.only_before() });
            change.node(Act::Update, Kind::Unknown(Some(Box::new(before))))
        }
    })
}

fn leaf<'a>(value: Option<&'a Value>) -> Leaf<'a> {
    match value.map(Value::kind) {
        Some(ValueKind::Bool(b)) => Leaf::Bool(*b),
        Some(ValueKind::Number(n)) => Leaf::Number(n),
        Some(ValueKind::String(s)) => Leaf::Text(s),
        _ => Leaf::Null,
    }
}

/// The value that a string holds as JSON, when it is an object or array.
fn json_text(leaf: Leaf<'_>) -> Option<Value> {
    match leaf {
        Leaf::Text(s) if s.starts_with(['{', '[']) => formwork_value::json::decode_implied(s).ok(),
        _ => None,
    }
}

/// A JSON text without the whitespace that has no meaning.
fn compact(text: &str) -> impl Iterator<Item = char> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    text.chars().filter(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        quoted || !c.is_ascii_whitespace()
    })
}

fn simple<'a>(change: &Change<'a>) -> Node<'a> {
    let act = change.act();
    let (old, new) = (leaf(change.old()), leaf(change.new_known()));
    if act == Act::NoOp {
        return match json_text(new) {
            Some(v) => change.node(
                act,
                Kind::Json(Box::new(JsonText { before: Some(v.clone()), after: Some(v), rewritten: false })),
            ),
            None => change.node(act, Kind::Leaf(old, new)),
        };
    }
    match (json_text(old), json_text(new)) {
        (None, None) => change.node(act, Kind::Leaf(old, new)),
        (Some(v), None) if act == Act::Update => {
            let before = Kind::Json(Box::new(JsonText { before: Some(v), after: None, rewritten: false }));
            let b = Node { act: Act::Delete, replace: false, kind: before };
            let a = Node { act: Act::Create, replace: false, kind: Kind::Leaf(Leaf::Null, new) };
            change.node(act, Kind::TypeChange(Box::new(b), Box::new(a)))
        }
        (None, Some(v)) if act == Act::Update => {
            let after = Kind::Json(Box::new(JsonText { before: None, after: Some(v), rewritten: false }));
            let b = Node { act: Act::Delete, replace: false, kind: Kind::Leaf(old, Leaf::Null) };
            let a = Node { act: Act::Create, replace: false, kind: after };
            change.node(act, Kind::TypeChange(Box::new(b), Box::new(a)))
        }
        (before, after) => {
            let rewritten = match (old, new) {
                (Leaf::Text(a), Leaf::Text(b)) => !compact(a).eq(compact(b)),
                _ => false,
            };
            change.node(act, Kind::Json(Box::new(JsonText { before, after, rewritten })))
        }
    }
}

#[derive(PartialEq)]
enum Shape {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

fn shape(value: Option<&Value>) -> Shape {
    use ValueKind as K;
    match value.map(Value::kind) {
        None | Some(K::Null(_) | K::Unknown(_)) => Shape::Null,
        Some(K::Bool(_)) => Shape::Bool,
        Some(K::Number(_)) => Shape::Number,
        Some(K::String(_)) => Shape::Text,
        Some(K::List(..) | K::Set(..) | K::Tuple(_)) => Shape::Array,
        Some(K::Map(..) | K::Object(_)) => Shape::Object,
    }
}

/// Compares values of which no schema tells the type.
pub fn dynamic<'a>(change: &Change<'a>) -> Node<'a> {
    // Schemas say of a dynamic value as a whole that it forces a replacement, never of something in it.
    let forced = change.forced();
    let node = dynamic_parts(&Change { replace: Vec::new(), ..change.clone() });
    Node { replace: node.replace || forced, ..node }
}

fn dynamic_parts<'a>(change: &Change<'a>) -> Node<'a> {
    if let Some(node) = sensitive(change).or_else(|| unknown(change, dynamic)) {
        return node;
    }
    let (old, new) = (shape(change.before), shape(change.after));
    let created = old == Shape::Null && !change.explicit.0;
    let deleted = new == Shape::Null && !change.explicit.1;
    if old != new && !created && !deleted {
        let before = dynamic_as(&change.only_before(), &old);
        let after = dynamic_as(&change.only_after(), &new);
        return change.node(Act::Update, Kind::TypeChange(Box::new(before), Box::new(after)));
    }
    dynamic_as(change, if old == Shape::Null { &new } else { &old })
}

fn dynamic_as<'a>(change: &Change<'a>, shape: &Shape) -> Node<'a> {
    match shape {
        Shape::Array if is_set(change.old()) && is_set(change.new_value()) => {
            let (parts, act) = set(change, &|c| dynamic(c));
            change.node(act, Kind::Set(parts))
        }
        Shape::Array => elements(change, &|c| dynamic(c), &is_object),
        Shape::Object => {
            let mut act = change.outer_act();
            let mut parts = Vec::new();
            for name in names(change) {
                let part = dynamic(&change.attribute(name));
                act = act.with(part.act);
                parts.push((name, part));
            }
            change.node(act, Kind::Object(parts))
        }
        _ => simple(change),
    }
}

fn is_set(value: Option<&Value>) -> bool {
    value.is_some_and(|v| matches!(v.kind(), ValueKind::Set(..)))
}

fn is_object(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Map(..) | ValueKind::Object(_))
}

fn names<'a>(change: &Change<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let keys = |v: Option<&'a Value>| v.and_then(Value::as_map).into_iter().flat_map(Map::keys);
    let all: BTreeSet<&str> = keys(change.before).chain(keys(change.after)).map(|k| &**k).collect();
    all.into_iter()
}

fn elements<'a>(
    change: &Change<'a>,
    compare: &dyn Fn(&Change<'a>) -> Node<'a>,
    object: &dyn Fn(&Value) -> bool,
) -> Node<'a> {
    let side = |v: Option<&'a Value>| v.and_then(Value::as_slice).unwrap_or_default();
    let (old, new) = (side(change.before), side(change.after));
    let mut act = change.outer_act();
    let mut parts = Vec::with_capacity(old.len().max(new.len()));
    let mut push = |b, a| {
        let part = compare(&change.element(b, a));
        act = act.with(part.act);
        parts.push(part);
    };
    if old.is_empty() || new.is_empty() {
        (0..old.len()).for_each(|i| push(Some(i), None));
        (0..new.len()).for_each(|i| push(None, Some(i)));
    } else {
        let mut names = BTreeMap::new();
        let (b, a) = (numbered(old, &mut names), numbered(new, &mut names));
        for pair in sequence::values(&b, &a, &|b, a| object(&old[b]) && object(&new[a])) {
            match pair {
                Pair::Old(b) => push(Some(b), None),
                Pair::New(a) => push(None, Some(a)),
                Pair::Both(b, a) => push(Some(b), Some(a)),
            }
        }
    }
    change.node(act, Kind::List(parts))
}

/// Gives each value a number; those that look the same have the same.
fn numbered(values: &[Value], names: &mut BTreeMap<String, u32>) -> Vec<u32> {
    let mut out = Vec::with_capacity(values.len());
    for value in values {
        let mut text = String::new();
        canonical(value, &mut text);
        let next = names.len() as u32;
        out.push(*names.entry(text).or_insert(next));
    }
    out
}

fn canonical(value: &Value, out: &mut String) {
    use ValueKind as K;
    use std::fmt::Write;
    let _ = match value.kind() {
        K::Null(_) | K::Unknown(_) => write!(out, "-"),
        K::Bool(b) => write!(out, "{b}"),
        K::Number(n) => write!(out, "{n};"),
        K::String(s) => write!(out, "s{}:{s}", s.len()),
        K::List(_, v) | K::Set(_, v) | K::Tuple(v) => {
            out.push('[');
            v.iter().for_each(|v| canonical(v, out));
            write!(out, "]")
        }
        K::Map(_, m) | K::Object(m) => {
            out.push('{');
            for (k, v) in m.iter() {
                let _ = write!(out, "{}:{k}", k.len());
                canonical(v, out);
            }
            write!(out, "}}")
        }
    };
}

/// Compares values of a declared type.
pub fn typed<'a>(change: &Change<'a>, ty: &Type) -> Node<'a> {
    if matches!(ty, Type::Dynamic) {
        return dynamic(change);
    }
    if let Some(node) = sensitive(change).or_else(|| unknown(change, |c| typed(c, ty))) {
        return node;
    }
    let fits = |v: Option<&Value>| match (ty, shape(v)) {
        (_, Shape::Null) => true,
        (Type::Map(_) | Type::Object(_), s) => s == Shape::Object,
        (Type::List(_) | Type::Set(_) | Type::Tuple(_), s) => s == Shape::Array,
        (_, s) => s != Shape::Object && s != Shape::Array,
    };
    if !fits(change.before) || !fits(change.after) {
        return dynamic(change);
    }
    match ty {
        Type::Object(o) => {
            let mut act = change.outer_act();
            let mut parts = Vec::with_capacity(o.attrs.len());
            for (name, ty) in &o.attrs {
                let inner = Change { explicit: (false, false), ..change.attribute(name) };
                let part = typed(&inner, ty);
                if part.act == Act::NoOp && inner.old().is_none() && inner.new_value().is_none() {
                    continue;
                }
                act = act.with(part.act);
                let name = names_of(change, name);
                parts.extend(name.map(|name| (name, part)));
            }
            change.node(act, Kind::Object(parts))
        }
        Type::Map(element) => {
            let mut act = change.outer_act();
            let mut parts = Vec::new();
            for name in names(change) {
                let part = typed(&change.attribute(name), element);
                act = act.with(part.act);
                parts.push((name, part));
            }
            change.node(act, Kind::Map(parts))
        }
        Type::List(element) => {
            let object = matches!(**element, Type::Object(_));
            elements(change, &|c| typed(c, element), &|_| object)
        }
        Type::Tuple(types) => {
            let mut act = change.outer_act();
            let mut parts = Vec::with_capacity(types.len());
            for (i, ty) in types.iter().enumerate() {
                let part = typed(&change.element(Some(i), Some(i)), ty);
                act = act.with(part.act);
                parts.push(part);
            }
            change.node(act, Kind::List(parts))
        }
        Type::Set(element) => {
            let (parts, act) = set(change, &|c| typed(c, element));
            change.node(act, Kind::Set(parts))
        }
        Type::Dynamic | Type::Bool | Type::Number | Type::String => simple(change),
    }
}

/// The name of an attribute as it stands in one of the values, which live long enough.
fn names_of<'a>(change: &Change<'a>, name: &str) -> Option<&'a str> {
    let key = |v: Option<&'a Value>| Some(&**v?.as_map()?.get_key_value(name)?.0);
    key(change.before).or_else(|| key(change.after))
}

/// The elements of a set: those that stay or go first, then those that come.
fn set<'a>(change: &Change<'a>, compare: &dyn Fn(&Change<'a>) -> Node<'a>) -> (Vec<Node<'a>>, Act) {
    let side = |v: Option<&'a Value>| v.and_then(Value::as_slice).unwrap_or_default();
    let (old, new) = (side(change.before), side(change.after));
    let mut texts = BTreeMap::new();
    let (b, a) = (numbered(old, &mut texts), numbered(new, &mut texts));
    let mut waiting: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (i, id) in a.iter().enumerate().rev() {
        // An unknown element is never taken for one that exists.
        if new[i].is_known() {
            waiting.entry(*id).or_default().push(i);
        }
    }
    let mut act = change.outer_act();
    let mut parts = Vec::with_capacity(old.len().max(new.len()));
    let mut matched = vec![false; new.len()];
    for (i, id) in b.iter().enumerate() {
        let partner = waiting.get_mut(id).and_then(Vec::pop);
        if let Some(j) = partner {
            matched[j] = true;
        }
        parts.push(compare(&change.element(Some(i), partner)));
    }
    for j in (0..new.len()).filter(|j| !matched[*j]) {
        parts.push(compare(&change.element(None, Some(j))));
    }
    for part in &parts {
        act = act.with(part.act);
    }
    (parts, act)
}

/// Compares two objects of a resource type. Without its schema, all is compared as JSON.
pub fn resource<'a>(change: &Change<'a>, schema: Option<&'a Schema>) -> Node<'a> {
    match schema {
        Some(schema) => block(change, &schema.block),
        None => {
            let mut act = change.outer_act();
            let mut parts = Vec::new();
            for name in names(change) {
                let inner = Change { explicit: (false, false), ..change.attribute(name) };
                if inner.old().is_some() || inner.new_value().is_some() {
                    let part = dynamic(&inner);
                    act = act.with(part.act);
                    parts.push((name, part));
                }
            }
            change.node(act, Kind::Block(parts, Vec::new()))
        }
    }
}

/// Compares the content of a resource or nested block.
pub fn block<'a>(change: &Change<'a>, schema: &'a Block) -> Node<'a> {
    if let Some(node) = sensitive(change).or_else(|| unknown(change, |c| block(c, schema))) {
        return node;
    }
    let mut act = change.outer_act();
    let mut attributes = Vec::with_capacity(schema.attributes.len());
    for (name, attribute) in &schema.attributes {
        let mut inner = Change { explicit: (false, false), ..change.attribute(name) };
        // In blocks an empty string counts as nothing: providers cannot always tell them apart. Where any value may stand,
        // somebody chose it.
        let empty = |v: &&Value| v.as_str() == Some("") && v.marks().is_empty();
        if attribute.ty != Type::Dynamic {
            inner.before = inner.before.filter(|v| !empty(v));
            inner.after = inner.after.filter(|v| !empty(v));
        }
        let part = typed(&inner, &attribute.ty);
        if part.act == Act::NoOp && inner.old().is_none() && inner.new_value().is_none() {
            continue;
        }
        act = act.with(part.act);
        attributes.push((&**name, part));
    }
    let mut groups = Vec::new();
    for (name, nested) in &schema.blocks {
        let inner = change.attribute(name);
        let mut group = Blocks {
            name,
            items: Vec::new(),
            replace: inner.forced(),
            set: nested.nesting == Nesting::Set,
            sensitive: inner.sensitive(),
        };
        if let Some(node) = unknown(&inner, |c| blocks_of(c, nested.nesting, &nested.block)) {
            act = act.with(node.act);
            group.items.push((None, node));
            groups.push(group);
            continue;
        }
        let inner_act = match nested.nesting {
            Nesting::Single | Nesting::Group => {
                let node = block(&inner, &nested.block);
                let act = node.act;
                if inner.old().is_some() || inner.new_value().is_some() {
                    group.items.push((None, node));
                }
                act
            }
            nesting => {
                let (items, act) = nested_items(&inner, nesting, &nested.block);
                group.items = items;
                act
            }
        };
        if inner_act == Act::NoOp && inner.old().is_none() && inner.new_value().is_none() {
            continue;
        }
        act = act.with(inner_act);
        groups.push(group);
    }
    change.node(act, Kind::Block(attributes, groups))
}

fn nested_items<'a>(
    change: &Change<'a>,
    nesting: Nesting,
    schema: &'a Block,
) -> (Vec<(Option<&'a str>, Node<'a>)>, Act) {
    if nesting == Nesting::Set {
        let (parts, act) = set(change, &|c| block(c, schema));
        return (parts.into_iter().map(|p| (None, p)).collect(), act);
    }
    let mut act = change.outer_act();
    let mut items = Vec::new();
    if nesting == Nesting::Map {
        for name in names(change) {
            items.push((Some(name), block(&change.attribute(name), schema)));
        }
    } else {
        let len = |v: Option<&Value>| v.and_then(Value::as_slice).map_or(0, <[Value]>::len);
        for i in 0..len(change.before).max(len(change.after)) {
            items.push((None, block(&change.element(Some(i), Some(i)), schema)));
        }
    }
    for (_, item) in &items {
        act = act.with(item.act);
    }
    (items, act)
}

/// What was there of blocks that become unknown: the first of them stands for all.
fn blocks_of<'a>(change: &Change<'a>, nesting: Nesting, schema: &'a Block) -> Node<'a> {
    match nesting {
        Nesting::Single | Nesting::Group => block(change, schema),
        nesting => {
            let (items, act) = nested_items(change, nesting, schema);
            change.node(act, Kind::List(items.into_iter().map(|(_, n)| n).collect()))
        }
    }
}
