//! Lists and tuples.

use super::collections::{is_sequence, sequence};
use super::*;
use crate::eval::a_type;
use formwork_value::unify;

/// `range` gives no more than so many numbers.
const MAX_RANGE: usize = 1024;

library![
    concat,
    flatten,
    reverse,
    slice,
    compact,
    distinct,
    sort,
    range,
    chunklist,
    coalescelist,
    setproduct
];

/// One list with the elements of all.
#[function(result_of = concat_type, check = check_concat, example = r#"concat(["a", ""], ["b", "c"])"#, gives = "[\n  \"a\",\n  \"\",\n  \"b\",\n  \"c\",\n]")]
fn concat(#[arg(rest, shallow, partial)] seqs: &[Value]) -> FnResult {
    if seqs.is_empty() {
        return Err(FnError::new("it needs at least one argument"));
    }
    let mut all = Vec::new();
    for (i, arg) in seqs.iter().enumerate() {
        all.extend_from_slice(sequence(arg, i)?);
    }
    if seqs.iter().all(|a| matches!(a.kind(), Kind::List(..))) {
        let types: Vec<Type> = seqs.iter().map(element_of).collect();
        if types[1..].iter().all(|t| *t == types[0]) {
            return Ok(Value::list(types[0].clone(), all));
        }
        if let Some(ty) = unify(&types) {
            let items: Result<Vec<Value>, String> = all.iter().map(|v| converted(v.clone(), &ty)).collect();
            if let Ok(items) = items {
                return Ok(Value::list(ty, items));
            }
        }
    }
    Ok(Value::tuple(all))
}

/// A list in which every element that is itself a list is replaced by its elements, at any depth.
#[function(example = r#"flatten([["a", "b"], [], ["c"]])"#, gives = "[\n  \"a\",\n  \"b\",\n  \"c\",\n]")]
fn flatten(#[arg(shallow, partial)] list: &Value) -> FnResult {
    let Some(items) = list.as_slice() else {
        return Err(FnError::arg(0, format!("it must be a list, set or tuple, not {}", a_type(&list.ty()))));
    };
    let (mut flat, mut marks) = (Vec::new(), Marks::NONE);
    let known = list.has_certain_length() && gather(items, &mut flat, &mut marks);
    let result = if known { Value::tuple(flat) } else { Value::unknown(Type::Dynamic) };
    Ok(result.with_marks(marks))
}

/// The same elements in reverse order.
#[function(result_of = reversed_type, facts = same_length, check = check_reverse, example = "reverse([1, 2, 3])", gives = "[\n  3,\n  2,\n  1,\n]")]
fn reverse(#[arg(shallow, partial)] list: &Value) -> FnResult {
    let Some(items) = list.as_slice() else {
        return Err(FnError::arg(0, format!("it must be a list, set or tuple, not {}", a_type(&list.ty()))));
    };
    let turned = items.iter().rev().cloned().collect();
    Ok(match list.kind() {
        Kind::Set(t, _) if !list.has_certain_length() => {
            Value::unknown_refined(Type::list(t.clone()), same_length(std::slice::from_ref(list)))
        }
        Kind::List(t, _) | Kind::Set(t, _) => Value::list(t.clone(), turned),
        _ => Value::tuple(turned),
    })
}

/// The elements from one position up to, and without, another.
#[function(result_of = slice_type, check = check_slice, example = r#"slice(["a", "b", "c", "d"], 1, 3)"#, gives = "[\n  \"b\",\n  \"c\",\n]")]
fn slice(#[arg(shallow, partial)] list: &Value, start_index: i64, end_index: i64) -> FnResult {
    let items = sequence(list, 0)?;
    check_bounds(Some(items.len()), Some(start_index), Some(end_index))?;
    let part = items[start_index as usize..end_index as usize].to_vec();
    Ok(match list.kind() {
        Kind::List(t, _) => Value::list(t.clone(), part),
        _ => Value::tuple(part),
    })
}

/// What is wrong with the bounds of a slice, as far as they and the length of the list are known.
fn check_bounds(length: Option<usize>, start: Option<i64>, end: Option<i64>) -> Result<(), FnError> {
    if start.is_some_and(|start| start < 0) {
        return Err(FnError::arg(1, "it must not be negative"));
    }
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        return Err(FnError::arg(1, "it must not be greater than the end index"));
    }
    for (i, bound) in [(1, start), (2, end)] {
        if let Some(n) = length
            && bound.is_some_and(|bound| bound > n as i64)
        {
            return Err(FnError::arg(i, format!("it must not be greater than {n}, the length of the list")));
        }
    }
    Ok(())
}

fn check_slice(args: &[Value]) -> Result<(), FnError> {
    is_sequence(&args[0], 0)?;
    let index = |i: usize| args[i].is_known().then(|| i64::read(args, i)).transpose();
    check_bounds(args[0].len(), index(1)?, index(2)?)
}

fn check_concat(args: &[Value]) -> Result<(), FnError> {
    args.iter().enumerate().try_for_each(|(i, arg)| is_sequence(arg, i))
}

fn check_reverse(args: &[Value]) -> Result<(), FnError> {
    match args[0].ty() {
        Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Dynamic => Ok(()),
        other => Err(FnError::arg(0, format!("it must be a list, set or tuple, not {}", a_type(&other)))),
    }
}

fn check_setproduct(args: &[Value]) -> Result<(), FnError> {
    if args.len() < 2 {
        return Err(FnError::new("it needs at least two arguments"));
    }
    factors(args).map(|_| ())
}

/// The types of the elements of setproduct's arguments.
fn factors(args: &[Value]) -> Result<Vec<Type>, FnError> {
    let of_one = |(i, arg): (usize, &Value)| match arg.ty() {
        Type::List(element) | Type::Set(element) => Ok((*element).clone()),
        Type::Tuple(all) => {
            unify(&all).ok_or_else(|| FnError::arg(i, "all its elements must be of one type"))
        }
        Type::Dynamic => Ok(Type::Dynamic),
        other => Err(FnError::arg(i, format!("it must be a list or set, not {}", a_type(&other)))),
    };
    args.iter().enumerate().map(of_one).collect()
}

fn setproduct_type(args: &[Value]) -> Type {
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    match factors(args) {
        Ok(elements) if !types.is_empty() && !types.contains(&Type::Dynamic) => {
            let any_set = types.iter().any(|t| matches!(t, Type::Set(_)));
            let element = Type::tuple(elements);
            if any_set { Type::set(element) } else { Type::list(element) }
        }
        _ => Type::Dynamic,
    }
}

/// A list of strings without those that are empty or null.
#[function(result = Type::list(Type::String), example = r#"compact(["a", "", "b", null])"#, gives = "tolist([\n  \"a\",\n  \"b\",\n])")]
fn compact(#[arg(ty = Type::list(Type::String))] list: &[Value]) -> FnResult {
    let kept = list.iter().filter(|v| v.as_str().is_some_and(|s| !s.is_empty()));
    Ok(Value::list(Type::String, kept.cloned().collect()))
}

/// A list without repetitions; of equal elements the first one stays.
#[function(result_of = same_type, example = r#"distinct(["a", "b", "a"])"#, gives = "tolist([\n  \"a\",\n  \"b\",\n])")]
fn distinct(#[arg(ty = Type::list(Type::Dynamic))] list: &Value) -> FnResult {
    let mut seen = std::collections::BTreeSet::new();
    let kept = list.as_slice().unwrap_or_default().iter().filter(|v| seen.insert(*v));
    Ok(Value::list(element_of(list), kept.cloned().collect()))
}

/// A list of strings in the order of their characters' codes.
#[function(result = Type::list(Type::String), facts = same_length, example = r#"sort(["e", "d", "a"])"#, gives = "tolist([\n  \"a\",\n  \"d\",\n  \"e\",\n])")]
fn sort(#[arg(ty = Type::list(Type::String), partial)] list: &[Value]) -> FnResult {
    let mut sorted = list.to_vec();
    if let Some(i) = sorted.iter().position(Value::is_null) {
        return Err(FnError::arg(0, format!("its element {i} is null, which has no place in the order")));
    }
    if sorted.iter().any(|v| !v.is_known()) {
        sorted.fill(Value::unknown(Type::String));
    }
    sorted.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    Ok(Value::list(Type::String, sorted))
}

/// Numbers from a start (or 0) up to, and without, a limit, in steps (or 1, or -1 when counting down).
#[function(result = Type::list(Type::Number), example = "range(1, 4)", gives = "tolist([\n  1,\n  2,\n  3,\n])")]
fn range(#[arg(rest, ty = Type::Number)] params: &[Value]) -> FnResult {
    let number = |i: usize| <&Number>::read(params, i).cloned();
    let zero = Number::from(0i64);
    let (start, limit, step) = match params.len() {
        1 => (zero.clone(), number(0)?, None),
        2 => (number(0)?, number(1)?, None),
        3 => (number(0)?, number(1)?, Some(number(2)?)),
        n => return Err(FnError::new(format!("it takes one, two or three arguments, not {n}"))),
    };
    let up = Number::from(if limit < start { -1i64 } else { 1 });
    let step = step.unwrap_or(up);
    let down = step < zero;
    if limit > start && down {
        return Err(FnError::arg(1, "the limit must be less than the start when the step is negative"));
    }
    if limit < start && step > zero {
        return Err(FnError::arg(1, "the limit must be greater than the start when the step is positive"));
    }
    if step.is_zero() && limit != start {
        return Err(FnError::arg(2, "the step must not be zero"));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if down { next > limit } else { next < limit } {
        if numbers.len() >= MAX_RANGE {
            return Err(FnError::new(format!(
                "it would give more than {MAX_RANGE} numbers; use a larger step or a smaller range"
            )));
        }
        numbers.push(Value::from(next.clone()));
        next = next
            .add(&step)
            .map_err(|_| FnError::new("a step from infinity back to numbers leads nowhere"))?;
    }
    Ok(Value::list(Type::Number, numbers))
}

/// A list cut into lists of at most so many elements.
#[function(result_of = |a| Type::list(a[0].ty()), example = r#"chunklist(["a", "b", "c"], 2)"#, gives = "tolist([\n  tolist([\n    \"a\",\n    \"b\",\n  ]),\n  tolist([\n    \"c\",\n  ]),\n])")]
fn chunklist(#[arg(ty = Type::list(Type::Dynamic), shallow, partial)] list: &Value, size: i64) -> FnResult {
    let items = list.as_slice().unwrap_or_default();
    if size < 0 {
        return Err(FnError::arg(1, "it must not be negative"));
    }
    let size = if size == 0 { items.len().max(1) } else { size as usize };
    let chunks = items.chunks(size).map(|c| Value::list(element_of(list), c.to_vec()));
    Ok(Value::list(list.ty(), chunks.collect()))
}

/// The first of its arguments that is not an empty list.
#[function(example = r#"coalescelist([], ["a", "b"])"#, gives = "[\n  \"a\",\n  \"b\",\n]")]
fn coalescelist(#[arg(rest, null, unknown)] vals: &[Value]) -> FnResult {
    if vals.is_empty() {
        return Err(FnError::new("it needs at least one argument"));
    }
    let mut found = None;
    for (i, arg) in vals.iter().enumerate() {
        match arg.kind() {
            Kind::Null(Type::List(_) | Type::Tuple(_)) => {}
            // What comes after it may well be something else.
            Kind::Unknown(_) => return Ok(found.unwrap_or_else(|| Value::unknown(Type::Dynamic))),
            _ => {
                if !sequence(arg, i)?.is_empty() && found.is_none() {
                    found = Some(arg.clone());
                }
            }
        }
    }
    found.ok_or_else(|| FnError::new("all its arguments are null or empty"))
}

/// All combinations of one element from each of the sets or lists.
#[function(
    result_of = setproduct_type,
    check = check_setproduct,
    example = r#"setproduct(["a", "b"], ["x", "y"])"#,
    gives = "tolist([\n  [\n    \"a\",\n    \"x\",\n  ],\n  [\n    \"a\",\n    \"y\",\n  ],\n  [\n    \"b\",\n    \"x\",\n  ],\n  [\n    \"b\",\n    \"y\",\n  ],\n])"
)]
fn setproduct(#[arg(rest, shallow, partial)] sets: &[Value]) -> FnResult {
    check_setproduct(sets)?;
    let types = factors(sets)?;
    let mut inputs: Vec<Vec<Value>> = Vec::with_capacity(sets.len());
    for (i, (arg, ty)) in sets.iter().zip(&types).enumerate() {
        let items = arg.as_slice().unwrap_or_default().iter().map(|item| converted(item.clone(), ty));
        inputs.push(items.collect::<Result<_, _>>().map_err(|m| FnError::arg(i, m))?);
    }
    // Refused before they are made: no memory holds them. Each is a tuple and what lies in it.
    let count = inputs.iter().try_fold(1u64, |n, input| n.checked_mul(input.len() as u64));
    let weight = count.and_then(|n| n.checked_mul(inputs.len() as u64 + 1));
    if inputs.iter().all(|input| !input.is_empty()) && weight.is_none_or(|w| w > MAX_WEIGHT) {
        return Err(FnError::new("it would give too many combinations to be worked with"));
    }
    let element = Type::tuple(types);
    let any_set = sets.iter().any(|a| matches!(a.kind(), Kind::Set(..)));
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for input in &inputs {
        combinations = combinations
            .iter()
            .flat_map(|chosen| {
                input.iter().map(move |item| {
                    let mut chosen = chosen.clone();
                    chosen.push(item.clone());
                    chosen
                })
            })
            .collect();
    }
    // Combinations of unknown elements of a set may turn out to be equal.
    if any_set && sets.iter().any(|a| matches!(a.kind(), Kind::Set(..)) && !a.is_wholly_known()) {
        let max_len = Some(combinations.len() as u64);
        let refinement = Refinement { not_null: true, max_len, ..Refinement::default() };
        return Ok(Value::unknown_refined(Type::set(element), refinement));
    }
    let tuples = combinations.into_iter().map(Value::tuple).collect();
    Ok(if any_set { Value::set(element, tuples) } else { Value::list(element, tuples) })
}

fn element_of(list: &Value) -> Type {
    match list.kind() {
        Kind::List(t, _) | Kind::Set(t, _) => t.clone(),
        _ => Type::Dynamic,
    }
}

fn reversed_type(args: &[Value]) -> Type {
    match args[0].ty() {
        Type::Set(t) => Type::List(t),
        Type::Tuple(types) => Type::tuple(types.iter().rev().cloned().collect::<Vec<_>>()),
        other => other,
    }
}

fn slice_type(args: &[Value]) -> Type {
    match args[0].ty() {
        list @ Type::List(_) => list,
        _ => Type::Dynamic,
    }
}

fn concat_type(args: &[Value]) -> Type {
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    if types.iter().all(|t| matches!(t, Type::List(_)))
        && let Some(ty @ Type::List(_)) = unify(&types)
    {
        return ty;
    }
    let mut all = Vec::new();
    for ty in types {
        match ty {
            Type::Tuple(types) => all.extend(types.iter().cloned()),
            _ => return Type::Dynamic,
        }
    }
    Type::tuple(all)
}

/// Gathers the leaves; `false` when one could be a list and is not known yet.
fn gather(items: &[Value], flat: &mut Vec<Value>, marks: &mut Marks) -> bool {
    items.iter().all(|item| match item.kind() {
        Kind::List(_, inner) | Kind::Set(_, inner) | Kind::Tuple(inner) => {
            *marks = marks.union(item.marks());
            item.has_certain_length() && gather(inner, flat, marks)
        }
        Kind::Unknown(u) if matches!(u.ty, Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
            *marks = marks.union(item.marks());
            false
        }
        _ => {
            flat.push(item.clone());
            true
        }
    })
}
