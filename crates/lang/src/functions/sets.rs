//! Sets.

use super::*;
use formwork_value::unify;
use std::collections::BTreeSet;

pub(super) fn all() -> Vec<Function> {
    let set = |name| Param::new(name, Type::set(Type::Dynamic));
    vec![
        Function::new(
            "setunion",
            [set("first_set").partial()],
            same_type,
            "The elements that are in any of the sets.",
            "setunion([\"a\", \"b\"], [\"b\", \"c\"])",
            |_, a| {
                let (ty, sets) = alike(a)?;
                Ok(Value::set(
                    ty,
                    sets.iter().flat_map(|s| s.as_slice().unwrap_or_default()).cloned().collect(),
                ))
            },
        )
        .variadic(set("other_sets").partial()),
        Function::new(
            "setintersection",
            [set("first_set")],
            same_type,
            "The elements that are in all of the sets.",
            "setintersection([\"a\", \"b\"], [\"b\", \"c\"])",
            |_, a| {
                let (ty, sets) = alike(a)?;
                let others: Vec<BTreeSet<&Value>> =
                    sets[1..].iter().map(|s| s.as_slice().unwrap_or_default().iter().collect()).collect();
                let first = sets[0].as_slice().unwrap_or_default();
                let common = first.iter().filter(|v| others.iter().all(|o| o.contains(v)));
                Ok(Value::set(ty, common.cloned().collect()))
            },
        )
        .variadic(set("other_sets")),
        Function::new(
            "setsubtract",
            [set("a"), set("b")],
            same_type,
            "The elements of the first set that are not in the second.",
            "setsubtract([\"a\", \"b\", \"c\"], [\"a\", \"c\"])",
            |_, a| {
                let (ty, sets) = alike(a)?;
                let gone: BTreeSet<&Value> = sets[1].as_slice().unwrap_or_default().iter().collect();
                let left = sets[0].as_slice().unwrap_or_default().iter().filter(|v| !gone.contains(v));
                Ok(Value::set(ty, left.cloned().collect()))
            },
        ),
    ]
}

/// The sets with elements of one type. An empty set has no type of its own to insist on.
fn alike(args: &[Value]) -> Result<(Type, Vec<Value>), FnError> {
    let types: Vec<Type> = args
        .iter()
        .filter(|a| !(a.is_empty() && a.ty().has_dynamic()))
        .filter_map(|a| a.ty().element().cloned())
        .collect();
    let element = if types.is_empty() { Some(Type::Dynamic) } else { unify(&types) };
    let element = element
        .ok_or_else(|| FnError::new("the elements of the sets have types that do not fit together"))?;
    let ty = Type::set(element.clone());
    let sets = args.iter().enumerate().map(|(i, a)| {
        if a.is_empty() {
            return Ok(Value::set(element.clone(), Vec::new()));
        }
        converted(a.clone(), &ty).map_err(|m| FnError::arg(i, m))
    });
    let sets = sets.collect::<Result<_, _>>()?;
    Ok((element, sets))
}
