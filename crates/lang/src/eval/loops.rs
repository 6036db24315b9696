//! `for` expressions and splats.

use super::{Evaluator, a_type, unknown};
use formwork_diag::Diagnostic;
use formwork_syntax::{Expr, For, Ident};
use formwork_value::{Kind, Map, Marks, Refinement, Type, Value, surely_differ};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

impl<'a> Evaluator<'a> {
    pub(super) fn for_expr(&mut self, f: &'a For, whole: &'a Expr) -> Value {
        let collection = self.expr(&f.collection);
        let Some((items, mut marks)) = self.iterable(&collection, f.key.is_some(), &f.collection) else {
            return unknown();
        };
        let Some(items) = items else { return unknown().with_marks(marks) };
        let set = unsettled(&collection);
        let mut kept: Vec<Value> = Vec::new();
        let mut known = true;
        let mut list: Vec<Value> = Vec::new();
        let mut object = Map::new();
        let mut groups: BTreeMap<crate::Str, Vec<Value>> = BTreeMap::new();
        let finished = self.each(f.key.as_ref(), &f.value, items, |this| {
            if let Some(condition) = &f.condition {
                let (wanted, condition_marks) = this.filter(condition)?;
                marks = marks.union(condition_marks);
                match wanted {
                    Some(true) => {}
                    Some(false) => return Some(()),
                    None => {
                        known = false;
                        return Some(());
                    }
                }
            }
            if set {
                kept.extend(this.locals.last().map(|(_, item)| item.clone()));
            }
            let Some(key_expr) = &f.key_expr else {
                let start = this.diags.len();
                let value = this.expr(&f.value_expr);
                list.push(value);
                return (!this.errors_since(start)).then_some(());
            };
            let start = this.diags.len();
            let (key, key_marks) = this.object_key(key_expr, "'for' expression")?;
            marks = marks.union(key_marks);
            let value = this.expr(&f.value_expr);
            if this.errors_since(start) {
                return None;
            }
            let Some(key) = key else {
                known = false;
                return Some(());
            };
            if f.grouping {
                groups.entry(key).or_default().push(value);
                return Some(());
            }
            match object.entry(key) {
                Entry::Vacant(slot) => {
                    slot.insert(value);
                    Some(())
                }
                // They may be one.
                Entry::Occupied(mut slot) if set && !surely_differ(&kept) => {
                    let marks = marks_of(&[slot.get().clone(), value]);
                    slot.insert(unknown().with_marks(marks));
                    Some(())
                }
                Entry::Occupied(slot) => {
                    let shown = if marks.is_empty() { format!("the key {:?}", slot.key()) } else { "the same key".into() };
                    let d = Diagnostic::error(
                        "Duplicate object key",
                        format!("Two items of this 'for' expression gave {shown}."),
                    )
                    .help("Make the keys differ, or write ... after the value to gather the values of equal keys in a list.");
                    this.fail(d.at(key_expr.span), Some(whole));
                    None
                }
            }
        });
        if finished.is_some() && f.condition.as_ref().is_some_and(|c| self.never_fits(f, c)) {
            return unknown().with_marks(marks);
        }
        if finished.is_none() || !known {
            return unknown().with_marks(marks);
        }
        let certain = !set || surely_differ(&kept);
        let tuple = |list: Vec<Value>, unsettled: bool| match unsettled {
            true if list.len() > 1 && !certain => unknown().with_marks(marks_of(&list)),
            true => Value::tuple(without_order(list)),
            false => Value::tuple(list),
        };
        let partly = set && kept.iter().any(|item| !item.is_wholly_known());
        let result = match (&f.key_expr, f.grouping) {
            (None, _) => tuple(list, partly),
            (Some(_), false) => Value::from(object),
            (Some(_), true) => Value::object(groups.into_iter().map(|(k, v)| (k, tuple(v, partly)))),
        };
        result.with_marks(marks)
    }

    /// Runs `body` with the names bound to each item in turn, until it gives `None` (after an error).
    pub(super) fn each(
        &mut self,
        key: Option<&'a Ident>,
        value: &'a Ident,
        items: Vec<(Value, Value)>,
        mut body: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let depth = self.locals.len();
        if let Some(key) = key {
            self.locals.push((&key.name, Value::NULL));
        }
        let slot = self.locals.len();
        self.locals.push((&value.name, Value::NULL));
        let mut result = Some(());
        for (k, v) in items {
            if slot > depth {
                self.locals[depth].1 = k;
            }
            self.locals[slot].1 = v;
            result = body(self);
            if result.is_none() {
                break;
            }
        }
        self.locals.truncate(depth);
        result
    }

    /// The items of a collection with their keys, and its marks; no items when it is unknown. `None` after an
    /// error. Keys are made only when they are wanted.
    pub(super) fn iterable(
        &mut self,
        collection: &Value,
        keys: bool,
        expr: &'a Expr,
    ) -> Option<(Option<Vec<(Value, Value)>>, Marks)> {
        let marks = collection.marks();
        let items = match collection.kind() {
            Kind::Null(_) => {
                let d = Diagnostic::error(
                    "Iteration over null value",
                    "The collection of this 'for' expression is null, so there is nothing to iterate over.",
                )
                .help("Use coalesce(…, []) or a condition if it may be null.");
                self.fail(d.at(expr.span), Some(expr));
                return None;
            }
            Kind::List(_, v) | Kind::Tuple(v) => v
                .iter()
                .enumerate()
                .map(|(i, x)| (if keys { Value::from(i) } else { Value::NULL }, x.clone()))
                .collect(),
            Kind::Set(_, v) => v.iter().map(|x| (x.clone(), x.clone())).collect(),
            Kind::Map(_, m) | Kind::Object(m) => m
                .iter()
                .map(|(k, x)| (if keys { Kind::String(k.clone()).into() } else { Value::NULL }, x.clone()))
                .collect(),
            Kind::Unknown(u) if !u.ty.is_primitive() => return Some((None, marks)),
            _ => {
                let d = Diagnostic::error(
                    "Iteration over non-iterable value",
                    format!("The collection of this 'for' expression is {}.", a_type(&collection.ty())),
                )
                .help("Lists, sets, maps, tuples and objects can be iterated over.");
                self.fail(d.at(expr.span), Some(expr));
                return None;
            }
        };
        Some((Some(items), marks))
    }

    /// Whether the condition of a `for` is wrong whatever the item, so that it is even if there is no item.
    fn never_fits(&mut self, f: &'a For, condition: &'a Expr) -> bool {
        let any = vec![(unknown(), unknown())];
        self.each(f.key.as_ref(), &f.value, any, |this| this.filter(condition).map(|_| ())).is_none()
    }

    /// The condition of a `for`; `None` after an error.
    fn filter(&mut self, condition: &'a Expr) -> Option<(Option<bool>, Marks)> {
        let start = self.diags.len();
        let value = self.expr(condition);
        if self.errors_since(start) {
            return None;
        }
        let result = self.condition(value, condition);
        if result.is_none() {
            for d in &mut self.diags[start..] {
                d.summary = "Invalid 'for' condition".into();
            }
        }
        result
    }

    pub(super) fn splat(&mut self, whole: &'a Expr, source_expr: &'a Expr, each: &'a Expr) -> Value {
        let start = self.diags.len();
        let (source, marks) = self.expr(source_expr).unmark();
        if self.errors_since(start) {
            return unknown();
        }
        let result = match source.kind() {
            Kind::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                let d = Diagnostic::error("Splat of null value", "The list before [*] is null.")
                    .help("Use coalesce(…, [])[*] if it may be null.");
                return self.fail(d.at(source_expr.span), Some(whole));
            }
            Kind::Null(_) => Value::tuple(Vec::new()),
            Kind::Tuple(items) => {
                let Some(values) = self.taken(items, each) else { return unknown() };
                Value::tuple(values)
            }
            Kind::List(element, items) | Kind::Set(element, items) => {
                let Some(values) = self.taken(items, each) else { return unknown() };
                if values.is_empty() {
                    let Some(ty) = self.taken_type(element, each) else { return unknown() };
                    Value::list(ty, values)
                } else if !unsettled(&source) {
                    one_type(values)
                } else if surely_differ(items) {
                    one_type(without_order(values))
                } else {
                    let (least, most) = source.lengths().unwrap_or_default();
                    match any_of(&values).unmark() {
                        (item, marks) if item.ty() == Type::Dynamic => unknown().with_marks(marks),
                        (item, marks) => {
                            let list = Type::list(item.ty());
                            Value::unknown_refined(list, Refinement::lengths(least, most)).with_marks(marks)
                        }
                    }
                }
            }
            Kind::Unknown(u) => match &u.ty {
                Type::Dynamic => unknown(),
                Type::List(element) | Type::Set(element) => {
                    let Some(ty) = self.taken_type(element, each) else { return unknown() };
                    let lengths = Refinement {
                        not_null: true,
                        min_len: u.refinement.min_len,
                        max_len: u.refinement.max_len,
                        ..Refinement::default()
                    };
                    Value::unknown_refined(Type::list(ty), lengths)
                }
                Type::Tuple(types) => {
                    let types: Option<Vec<Type>> = types.iter().map(|t| self.taken_type(t, each)).collect();
                    let Some(types) = types else { return unknown() };
                    Value::unknown_not_null(Type::tuple(types))
                }
                // One element, or none if it turns out to be null.
                _ => {
                    let sure = u.refinement.not_null;
                    let Some(values) = self.taken(std::slice::from_ref(&source), each) else {
                        return unknown();
                    };
                    if sure { Value::tuple(values) } else { unknown() }
                }
            },
            _ => {
                let Some(values) = self.taken(std::slice::from_ref(&source), each) else { return unknown() };
                Value::tuple(values)
            }
        };
        result.with_marks(marks)
    }

    /// What the splat takes of each item; `None` after an error.
    fn taken(&mut self, items: &[Value], each: &'a Expr) -> Option<Vec<Value>> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let start = self.diags.len();
            self.items.push(item.clone());
            values.push(self.expr(each));
            self.items.pop();
            if self.errors_since(start) {
                return None;
            }
        }
        Some(values)
    }

    fn taken_type(&mut self, item: &Type, each: &'a Expr) -> Option<Type> {
        self.taken(&[Value::unknown(item.clone())], each)?.first().map(Value::ty)
    }
}

/// Whether it is a set with elements that are not known, so that some may turn out to be equal, and it is not known in
/// which order they come.
pub(super) fn unsettled(collection: &Value) -> bool {
    matches!(collection.kind(), Kind::Set(_, items) if items.len() > 1 && !collection.is_wholly_known())
}

/// What was made of a set's elements when it is not known which comes first.
fn without_order(values: Vec<Value>) -> Vec<Value> {
    match values.as_slice() {
        [] | [_] => values,
        some => vec![any_of(some); some.len()],
    }
}

/// The marks of all that is in these values.
fn marks_of(values: &[Value]) -> Marks {
    values.iter().fold(Marks::NONE, |marks, v| marks.union(v.marks_deep()))
}

/// What holds for all these values, of which there is one at least; the value itself if all are the same.
fn any_of(values: &[Value]) -> Value {
    let Some((first, rest)) = values.split_first() else { return unknown() };
    if first.is_wholly_known() && rest.iter().all(|v| v == first) {
        return first.clone();
    }
    let marks = marks_of(values);
    if rest.iter().any(|v| v.ty() != first.ty()) {
        return unknown().with_marks(marks);
    }
    let refinement = rest.iter().fold(first.refinement(), |all, v| all.either(&v.refinement()));
    Value::unknown_refined(first.ty(), refinement).with_marks(marks)
}

/// A list, or a tuple should the values not have one type (an index into an unknown tuple can do that).
fn one_type(values: Vec<Value>) -> Value {
    let Some(ty) = values.first().map(Value::ty) else { return Value::list(Type::Dynamic, values) };
    if values[1..].iter().all(|v| v.ty() == ty) { Value::list(ty, values) } else { Value::tuple(values) }
}
