//! `ignore_changes`: what of a configuration gives way to what is there.

use crate::cells::InstanceInfo;
use crate::evaluator::Evaluator;
use crate::provide::TypeInfo;
use formwork_addr::Str;
use formwork_config::IgnoreChanges;
use formwork_diag::Diagnostic;
use formwork_lang::{RefStep, references};
use formwork_syntax::Expr;
use formwork_value::{Kind, Map, Marks, Path, PathStep, Type, Value};
use std::sync::Arc;

/// Where values are marked.
type Marked = Vec<(Path, Marks)>;

/// A configuration and its marks with what `ignore_changes` names taken from the prior object, which has its own marks: what
/// is kept of a secret is one.
pub(crate) fn ignore_changes(
    ev: &mut Evaluator,
    instance: &InstanceInfo,
    config: Value,
    marks: Marked,
    prior: &Value,
) -> (Value, Marked) {
    let block = instance.block.block();
    if matches!(block.lifecycle.ignore_changes, IgnoreChanges::None) {
        return (config, marks);
    }
    let Some(info) = ev.type_info(&block.resource) else { return (config, marks) };
    // The prior object is marked by its schema, too. What comes of the configuration will be, in its own places.
    let config = info.mark(config.mark_paths(&marks));
    let (config, mut marks) = kept(ev, instance, &info, config, prior).unmark_paths();
    let (_, of_schema) = info.mark(config.clone()).unmark_paths();
    marks.retain(|mark| !of_schema.contains(mark));
    (config, marks)
}

fn kept(ev: &mut Evaluator, instance: &InstanceInfo, info: &TypeInfo, config: Value, prior: &Value) -> Value {
    let block = instance.block.block();
    match &block.lifecycle.ignore_changes {
        IgnoreChanges::None => config,
        IgnoreChanges::All => {
            let Some(attrs) = config.as_map() else { return config };
            let mut out = attrs.clone();
            for (name, value) in &mut out {
                let ours = info.schema.block.attributes.get(name).is_none_or(|a| a.configurable());
                if let (true, Some(old)) = (ours, prior.get(name)) {
                    *value = old.clone();
                }
            }
            Value::from(out)
        }
        IgnoreChanges::Paths(paths) => {
            // What the provider alone decides has nothing in the configuration that could be ignored.
            let decided = |path: &Path| match path.0.first() {
                Some(PathStep::Attr(name)) => {
                    info.schema.block.attributes.get(name).is_some_and(|a| !a.configurable())
                }
                _ => false,
            };
            let mut out = config;
            for expr in paths {
                match relative_path(expr) {
                    Some(path) if decided(&path) => {}
                    Some(path) => out = take_over(out, prior, &path.0),
                    None => ev.diags.push(
                        Diagnostic::error(
                            "Invalid ignore_changes",
                            "ignore_changes lists attributes of this block, such as tags or tags[\"Name\"].",
                        )
                        .at(expr.span)
                        .about(&instance.addr),
                    ),
                }
            }
            out
        }
    }
}

/// `tags["Name"]` as a path.
fn relative_path(expr: &Expr) -> Option<Path> {
    let found = references(expr);
    let [reference] = found.as_slice() else {
        // Old configurations quote the names.
        let formwork_syntax::ExprKind::String(text) = &expr.kind else { return None };
        return Some(text.split('.').fold(Path::root(), |p, name| p.attr(name)));
    };
    let mut path = Path::root().attr(reference.root);
    for step in &reference.steps {
        path = match step {
            RefStep::Attr(name) => path.attr(*name),
            RefStep::Key(v) => path.index(v.clone()),
            _ => return None,
        };
    }
    Some(path)
}

/// `config` with what lies at `path` taken from `prior`. What only one of them has stays as it is: it can be no change.
fn take_over(config: Value, prior: &Value, path: &[PathStep]) -> Value {
    // As in Terraform, a name in brackets at the end is a key where there is a map; anywhere else all of what it is to be
    // found in is meant, an object too.
    let (path, key) = match path.split_last() {
        Some((PathStep::Index(last), before)) if last.as_str().is_some() => (before, last.as_str()),
        _ => (path, None),
    };
    let (mut old, mut new) = (prior, &config);
    let (mut was, mut is) = (Marks::NONE, Marks::NONE);
    for step in path {
        (was, is) = (was.union(old.marks()), is.union(new.marks()));
        let (Some(before), Some(now)) = (inside(old, step), inside(new, step)) else { return config };
        (old, new) = (before, now);
    }
    // It says what it was marked with from around it, unless what is around it now does.
    let old = if is.union(was) == is { old.clone() } else { old.clone().with_marks(was) };
    changed_at(config, path, |new| match key {
        Some(key) => with_element(new, old, key),
        None => old,
    })
}

/// What a step leads to. As in Terraform, names behind a dot are of objects, and those in brackets of maps.
fn inside<'v>(value: &'v Value, step: &PathStep) -> Option<&'v Value> {
    match (value.kind(), step) {
        (Kind::Object(attributes), PathStep::Attr(name)) => attributes.get(name),
        (Kind::Map(_, elements), PathStep::Index(key)) => elements.get(key.as_str()?),
        (Kind::List(_, items) | Kind::Tuple(items), PathStep::Index(key)) => items.get(position(key)?),
        _ => None,
    }
}

/// The same, to change it.
fn inside_mut<'v>(kind: &'v mut Kind, step: &PathStep) -> Option<&'v mut Value> {
    match (kind, step) {
        (Kind::Object(attributes), PathStep::Attr(name)) => Arc::make_mut(attributes).get_mut(name),
        (Kind::Map(_, elements), PathStep::Index(key)) => Arc::make_mut(elements).get_mut(key.as_str()?),
        (Kind::List(_, items) | Kind::Tuple(items), PathStep::Index(key)) => {
            Arc::make_mut(items).get_mut(position(key)?)
        }
        _ => None,
    }
}

fn position(key: &Value) -> Option<usize> {
    usize::try_from(key.as_number()?.to_i64()?).ok()
}

/// `value` with what lies at `path` changed, if there is something, and if it still fits a collection that it is in.
fn changed_at(value: Value, path: &[PathStep], change: impl FnOnce(Value) -> Value) -> Value {
    let Some((step, rest)) = path.split_first() else { return change(value) };
    let (mut kind, marks) = value.into_kind();
    let element = match &kind {
        Kind::List(ty, _) | Kind::Map(ty, _) => Some(ty.clone()),
        _ => None,
    };
    if let Some(slot) = inside_mut(&mut kind, step) {
        let changed = changed_at(slot.clone(), rest, change);
        if element.is_none_or(|ty| changed.conforms(&ty)) {
            *slot = changed;
        }
    }
    Value::from(kind).with_marks(marks)
}

/// A map with one element as it was, which comes, goes and stays as in the old value; instead of anything else, the old value.
fn with_element(value: Value, old: Value, key: &str) -> Value {
    let was = old.get(key).cloned();
    let (kind, marks) = value.into_kind();
    let kind = match kind {
        Kind::Map(ty, mut elements) => {
            match was {
                Some(was) if was.conforms(&ty) => {
                    Arc::make_mut(&mut elements).insert(Str::from(key), was);
                }
                Some(_) => {}
                None => {
                    Arc::make_mut(&mut elements).remove(key);
                }
            }
            Kind::Map(ty, elements)
        }
        Kind::Null(Type::Map(ty)) => match was.filter(|was| was.conforms(&ty)) {
            Some(was) => Kind::Map((*ty).clone(), Arc::new(Map::from([(Str::from(key), was)]))),
            None => Kind::Null(Type::Map(ty)),
        },
        // Which elements it has is not known.
        Kind::Unknown(facts) if matches!(facts.ty, Type::Map(_)) => Kind::Unknown(facts),
        _ => return old,
    };
    Value::from(kind).with_marks(marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use formwork_value::Mark;

    fn object(attributes: &[(&'static str, Value)]) -> Value {
        Value::object(attributes.iter().cloned())
    }

    fn map(elements: &[(&'static str, &'static str)]) -> Value {
        let elements = elements.iter().map(|(key, value)| (Str::from(*key), Value::string(*value)));
        Value::map(Type::String, elements.collect())
    }

    fn list(items: &[&'static str]) -> Value {
        Value::list(Type::String, items.iter().map(|item| Value::string(*item)).collect())
    }

    fn number(number: i64) -> Value {
        Value::from(number)
    }

    /// The argument `a` when `path`, which begins in it, is ignored.
    fn taken(config: Value, prior: Value, path: impl FnOnce(Path) -> Path) -> Value {
        let path = path(Path::root().attr("a"));
        let out = take_over(object(&[("a", config)]), &object(&[("a", prior)]), &path.0);
        out.get("a").cloned().unwrap_or(Value::NULL)
    }

    #[test]
    fn what_was_not_there_is_not_ignored() {
        let (one, both) = (object(&[("y", number(1))]), object(&[("x", number(2)), ("y", number(2))]));
        assert_eq!(taken(both.clone(), one.clone(), |a| a.attr("x")), both);
        assert_eq!(taken(one.clone(), both.clone(), |a| a.attr("x")), one);
        assert_eq!(taken(both.clone(), Value::NULL, |a| a.attr("x")), both);
        assert_eq!(taken(Value::NULL, both.clone(), |a| a.attr("x")), Value::NULL);
        let kept = object(&[("x", number(2)), ("y", number(1))]);
        let prior = object(&[("x", number(1)), ("y", number(1))]);
        assert_eq!(taken(both.clone(), prior, |a| a.attr("y")), kept);
        let (short, long) = (Value::tuple(vec![number(1)]), Value::tuple(vec![both, number(2)]));
        assert_eq!(taken(long.clone(), short.clone(), |a| a.index(1)), long);
        assert_eq!(taken(long.clone(), short.clone(), |a| a.index(0).attr("x")), long);
        assert_eq!(taken(short.clone(), long, |a| a.index(1)), short);
        assert_eq!(taken(list(&["2", "2"]), list(&["1"]), |a| a.index(1)), list(&["2", "2"]));
        assert_eq!(taken(list(&["2", "2"]), list(&["1", "1"]), |a| a.index(1)), list(&["2", "1"]));
    }

    #[test]
    fn names_in_brackets_are_keys_of_maps() {
        let key = |a: Path| a.index("x");
        assert_eq!(taken(map(&[("x", "2"), ("y", "2")]), map(&[("y", "1")]), key), map(&[("y", "2")]));
        assert_eq!(taken(map(&[("y", "2")]), map(&[("x", "1")]), key), map(&[("x", "1"), ("y", "2")]));
        let nothing = Value::null(Type::map(Type::String));
        assert_eq!(taken(nothing.clone(), map(&[("x", "1"), ("y", "1")]), key), map(&[("x", "1")]));
        assert_eq!(taken(nothing.clone(), map(&[("y", "1")]), key), nothing);
        let unknown = Value::unknown(Type::map(Type::String));
        assert_eq!(taken(unknown.clone(), map(&[("x", "1")]), key), unknown);
        // An element of another type would be none of this map.
        let numbers = Value::map(Type::Number, Map::from([(Str::from("x"), number(1))]));
        assert_eq!(taken(map(&[("x", "2")]), numbers, key), map(&[("x", "2")]));
        // A name behind a dot is none of a map.
        assert_eq!(taken(map(&[("x", "2")]), map(&[("x", "1")]), |a| a.attr("x")), map(&[("x", "2")]));
    }

    #[test]
    fn a_name_in_brackets_at_the_end_means_the_whole_of_an_object() {
        let (old, new) = (object(&[("y", number(1))]), object(&[("x", number(2)), ("y", number(2))]));
        assert_eq!(taken(new.clone(), old.clone(), |a| a.index("x")), old);
        assert_eq!(taken(Value::NULL, old.clone(), |a| a.index("x")), old);
        assert_eq!(taken(new.clone(), Value::NULL, |a| a.index("x")), Value::NULL);
        let within = |inner: Value, z: i64| object(&[("o", inner), ("z", number(z))]);
        let (was, is) = (within(old.clone(), 1), within(new, 2));
        assert_eq!(taken(is.clone(), was.clone(), |a| a.attr("o").index("x")), within(old, 2));
        // Elsewhere such a name leads nowhere in an object.
        assert_eq!(taken(is.clone(), was.clone(), |a| a.index("o").attr("y")), is);
        assert_eq!(taken(is.clone(), was, |a| a.index("o").index("y")), is);
    }

    #[test]
    fn what_is_within_elements_of_maps_is_found() {
        let element = |x: i64| object(&[("x", number(x)), ("y", number(x))]);
        let of = |key: &str, element: Value| Value::map(element.ty(), Map::from([(Str::from(key), element)]));
        let mixed = object(&[("x", number(1)), ("y", number(2))]);
        assert_eq!(
            taken(of("k", element(2)), of("k", element(1)), |a| a.index("k").attr("x")),
            of("k", mixed)
        );
        let new = of("k", element(2));
        assert_eq!(taken(new.clone(), of("other", element(1)), |a| a.index("k").attr("x")), new);
    }

    #[test]
    fn what_is_kept_of_a_secret_is_one() {
        let secret = |value: Value| value.mark(Mark::Sensitive);
        let new = object(&[("x", number(2)), ("y", number(2))]);
        let old = object(&[("x", number(1)), ("y", number(1))]);
        let expected = object(&[("x", secret(number(1))), ("y", number(2))]);
        assert_eq!(taken(new.clone(), secret(old.clone()), |a| a.attr("x")), expected);
        let now = object(&[("x", secret(number(2))), ("y", number(2))]);
        let expected = object(&[("x", number(1)), ("y", number(2))]);
        assert_eq!(taken(now, old.clone(), |a| a.attr("x")), expected);
        assert_eq!(taken(secret(new.clone()), old.clone(), |a| a.attr("x")), secret(expected.clone()));
        assert_eq!(taken(secret(new), secret(old), |a| a.attr("x")), secret(expected));
    }
}
