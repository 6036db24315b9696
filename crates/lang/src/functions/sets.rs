//! Sets.

use super::*;
use formwork_value::{Element, unify};
use std::collections::BTreeSet;

library![setunion, setintersection, setsubtract];

/// The elements that are in any of the sets.
#[function(result_of = alike_type, check = check_alike, example = r#"setunion(["a", "b"], ["b", "c"])"#, gives = "toset([\n  \"a\",\n  \"b\",\n  \"c\",\n])")]
fn setunion(
    #[arg(ty = Type::set(Type::Dynamic), partial)] first_set: &Value,
    #[arg(rest, ty = Type::set(Type::Dynamic), partial)] other_sets: &[Value],
) -> FnResult {
    let (ty, sets) = alike(std::iter::once(first_set).chain(other_sets))?;
    Ok(Value::set(ty, sets.iter().flat_map(|s| s.as_slice().unwrap_or_default()).cloned().collect()))
}

/// The elements that are in all of the sets.
#[function(result_of = alike_type, check = check_alike, example = r#"setintersection(["a", "b"], ["b", "c"])"#, gives = "toset([\n  \"b\",\n])")]
fn setintersection(
    #[arg(ty = Type::set(Type::Dynamic))] first_set: &Value,
    #[arg(rest, ty = Type::set(Type::Dynamic))] other_sets: &[Value],
) -> FnResult {
    let (ty, sets) = alike(std::iter::once(first_set).chain(other_sets))?;
    let others: Vec<BTreeSet<Element>> = sets[1..].iter().map(elements).collect();
    let first = sets[0].as_slice().unwrap_or_default();
    let common = first.iter().filter(|v| others.iter().all(|o| o.contains(&Element(v))));
    Ok(Value::set(ty, common.cloned().collect()))
}

/// The elements of the first set that are not in the second.
#[function(result_of = alike_type, check = check_alike, example = r#"setsubtract(["a", "b", "c"], ["a", "c"])"#, gives = "toset([\n  \"b\",\n])")]
fn setsubtract(
    #[arg(ty = Type::set(Type::Dynamic))] a: &Value,
    #[arg(ty = Type::set(Type::Dynamic))] b: &Value,
) -> FnResult {
    let (ty, sets) = alike([a, b])?;
    let gone = elements(&sets[1]);
    let left = sets[0].as_slice().unwrap_or_default().iter().filter(|v| !gone.contains(&Element(v)));
    Ok(Value::set(ty, left.cloned().collect()))
}

fn elements(set: &Value) -> BTreeSet<Element<'_>> {
    set.as_slice().unwrap_or_default().iter().map(Element).collect()
}

/// The type that the elements of all sets have or become. An empty set has no type of its own to insist on.
fn common<'a>(args: impl IntoIterator<Item = &'a Value>) -> Result<Type, FnError> {
    let insisting = args.into_iter().filter(|a| !(a.is_empty() && a.ty().has_dynamic()));
    let types: Vec<Type> = insisting.filter_map(|a| a.ty().element().cloned()).collect();
    let element = if types.is_empty() { Some(Type::Dynamic) } else { unify(&types) };
    element.ok_or_else(|| FnError::new("the elements of the sets have types that do not fit together"))
}

fn alike_type(args: &[Value]) -> Type {
    Type::set(common(args).unwrap_or(Type::Dynamic))
}

/// That those sets have elements of one type whose elements are known in number.
fn check_alike(args: &[Value]) -> Result<(), FnError> {
    common(args.iter().filter(|a| a.is_known())).map(|_| ())
}

/// The sets with elements of one type.
fn alike<'a>(args: impl IntoIterator<Item = &'a Value>) -> Result<(Type, Vec<Value>), FnError> {
    let args: Vec<&Value> = args.into_iter().collect();
    let element = common(args.iter().copied())?;
    let ty = Type::set(element.clone());
    let sets = args.iter().enumerate().map(|(i, a)| {
        if a.is_empty() {
            return Ok(Value::set(element.clone(), Vec::new()));
        }
        converted((*a).clone(), &ty).map_err(|m| FnError::arg(i, m))
    });
    let sets = sets.collect::<Result<_, _>>()?;
    Ok((element, sets))
}
