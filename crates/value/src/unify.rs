//! Finding one type for many values: elements of a list, results of a conditional.

use crate::convert::convertible;
use crate::{Str, Type, Value, convert};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

/// The type to which values of all these types can be converted; `None` if there is none, [`Type::Dynamic`] if
/// there are no types.
///
/// Primitives unify to string; tuples and objects of one shape element by element, others to a list or a map;
/// beside a type that is not known yet, collections and structures do not know theirs either.
pub fn unify(types: &[Type]) -> Option<Type> {
    unify_with(types, Dynamic::Open)
}

/// Converts the values to the type that [`unify`] finds for them; `None` if there is none or a value resists.
///
/// A null without a type fits beside anything. (In Terraform only beside primitive types: an error elsewhere.)
pub fn unify_values(values: &[Value]) -> Option<(Type, Vec<Value>)> {
    let types: Vec<Type> = values.iter().map(Value::ty).collect();
    let dynamic = if values.iter().any(lacks_type) { Dynamic::Open } else { Dynamic::Filled };
    let ty = unify_with(&types, dynamic)?;
    let values = values.iter().map(|v| convert(v, &ty).ok()).collect::<Option<_>>()?;
    Some((ty, values))
}

/// Whether anything in it is unknown, down to its type.
pub(crate) fn lacks_type(value: &Value) -> bool {
    match value.as_unknown() {
        Some(unknown) => unknown.ty.has_dynamic(),
        None => value.children().any(lacks_type),
    }
}

/// What [`Type::Dynamic`] stands for among types to unify.
#[derive(Clone, Copy, PartialEq)]
enum Dynamic {
    /// A type that will turn out later.
    Open,
    /// That of a null or of an empty collection, to which any other type is welcome.
    Filled,
}

fn unify_with(types: &[Type], dynamic: Dynamic) -> Option<Type> {
    let mut distinct: Vec<&Type> = Vec::new();
    let mut seen: HashSet<&Type> = HashSet::new();
    for ty in types {
        if distinct.last() != Some(&ty) && seen.insert(ty) {
            distinct.push(ty);
        }
    }
    if dynamic == Dynamic::Filled {
        distinct.retain(|ty| **ty != Type::Dynamic);
    }
    match distinct.as_slice() {
        [] => Some(Type::Dynamic),
        [one] => Some((*one).clone()),
        many => unify_distinct(many, dynamic),
    }
}

fn unify_distinct(types: &[&Type], dynamic: Dynamic) -> Option<Type> {
    let count = |test: fn(&Type) -> bool| types.iter().filter(|ty| test(ty)).count();
    let unknown = count(|t| matches!(t, Type::Dynamic));
    let maps = count(|t| matches!(t, Type::Map(_)));
    let lists = count(|t| matches!(t, Type::List(_)));
    let sets = count(|t| matches!(t, Type::Set(_)));
    let objects = count(|t| matches!(t, Type::Object(_)));
    let tuples = count(|t| matches!(t, Type::Tuple(_)));
    let rest = types.len() - unknown;
    if objects > 0 && tuples > 0 {
        return None;
    }
    if unknown > 0 && [maps, lists, sets, objects, tuples].contains(&rest) {
        return Some(Type::Dynamic);
    }
    let unified = if objects > 0 && objects == rest {
        unify_objects(types, dynamic)
    } else if tuples > 0 && tuples == rest {
        unify_tuples(types, dynamic)
    } else if maps > 0 && maps + objects == rest {
        unify_elements(types, dynamic).map(Type::map)
    } else if lists > 0 && lists + tuples == rest {
        unify_elements(types, dynamic).map(Type::list)
    } else if sets > 0 && sets == rest {
        unify_elements(types, dynamic).map(Type::set)
    } else {
        let best = preferred(types)?;
        if dynamic == Dynamic::Open || sets == 0 || sets + lists + tuples < rest || !best.has_dynamic() {
            return Some(best);
        }
        let of: fn(Type) -> Type = if matches!(best, Type::Set(_)) { Type::set } else { Type::list };
        unify_elements(types, dynamic).map(of)
    };
    unified.filter(|ty| types.iter().all(|from| convertible(from, ty)))
}

/// One type for everything that is inside these.
fn unify_elements(types: &[&Type], dynamic: Dynamic) -> Option<Type> {
    let mut inside = Vec::new();
    for ty in types {
        match ty {
            Type::List(t) | Type::Set(t) | Type::Map(t) => inside.push(Type::clone(t)),
            Type::Tuple(ts) => inside.extend(ts.iter().cloned()),
            Type::Object(o) => inside.extend(o.attrs.values().cloned()),
            _ => {}
        }
    }
    unify_with(&inside, dynamic)
}

fn unify_objects(types: &[&Type], dynamic: Dynamic) -> Option<Type> {
    let objects: Vec<_> =
        types.iter().filter_map(|ty| if let Type::Object(o) = ty { Some(&o.attrs) } else { None }).collect();
    let first = objects.first()?;
    if !objects.iter().all(|o| o.keys().eq(first.keys())) {
        return unify_elements(types, dynamic).map(Type::map);
    }
    let mut attrs: BTreeMap<Str, Type> = BTreeMap::new();
    for name in first.keys() {
        let across: Vec<Type> = objects.iter().filter_map(|o| o.get(name).cloned()).collect();
        attrs.insert(name.clone(), unify_with(&across, dynamic)?);
    }
    Some(Type::object(attrs))
}

fn unify_tuples(types: &[&Type], dynamic: Dynamic) -> Option<Type> {
    let tuples: Vec<_> =
        types.iter().filter_map(|ty| if let Type::Tuple(ts) = ty { Some(ts) } else { None }).collect();
    let length = tuples.first()?.len();
    if tuples.iter().any(|ts| ts.len() != length) {
        return unify_elements(types, dynamic).map(Type::list);
    }
    let elements: Option<Vec<Type>> = (0..length)
        .map(|i| unify_with(&tuples.iter().map(|ts| ts[i].clone()).collect::<Vec<_>>(), dynamic))
        .collect();
    elements.map(Type::tuple)
}

/// The best of the types themselves to which all others convert.
fn preferred(types: &[&Type]) -> Option<Type> {
    let mut left = types.to_vec();
    while !left.is_empty() {
        let best = left.iter().position(|ty| left.iter().all(|other| prefer(other, ty) != Ordering::Less));
        let ty = left.remove(best.unwrap_or(0));
        if types.iter().all(|from| convertible(from, ty)) {
            return Some(ty.clone());
        }
    }
    None
}

/// `Less` if `a` is the more general of the two, and so the better result.
fn prefer(a: &Type, b: &Type) -> Ordering {
    use Type::{Bool, Dynamic, List, Map, Number, Object, Set, String, Tuple};
    match (a, b) {
        (Dynamic, Dynamic) => Ordering::Equal,
        (Dynamic, _) => Ordering::Greater,
        (_, Dynamic) => Ordering::Less,
        (String, Bool | Number) => Ordering::Less,
        (Bool | Number, String) => Ordering::Greater,
        (List(a), List(b)) | (Set(a), Set(b)) | (Map(a), Map(b)) => prefer(a, b),
        (List(_) | Tuple(_), Set(_)) | (List(_), Tuple(_)) | (Map(_), Object(_)) => Ordering::Less,
        (Set(_), List(_) | Tuple(_)) | (Tuple(_), List(_)) | (Object(_), Map(_)) => Ordering::Greater,
        // Of two that are alike in all else, the more open one, wherever it stands.
        _ => b.has_dynamic().cmp(&a.has_dynamic()),
    }
}
