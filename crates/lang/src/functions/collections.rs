//! Maps, objects, and questions about collections of any kind.

use super::graphemes::graphemes;
use super::*;
use crate::eval::a_type;
use formwork_value::Refinement;

library![
    length, element, index, contains, lookup, keys, values, merge, zipmap, transpose, one, alltrue, anytrue,
    matchkeys
];

/// The number of elements in a collection, or of characters in a string.
#[function(result = Type::Number, example = r#"length(["a", "b"])"#, gives = "2")]
fn length(#[arg(shallow, unknown)] value: &Value) -> FnResult {
    if let Some(text) = value.as_str() {
        return Ok(graphemes(text).count().into());
    }
    let wrong = || {
        let found = a_type(&value.ty());
        FnError::arg(0, format!("it must be a collection or a string, not {found}"))
    };
    let range = |min: u64, max: Option<u64>| {
        if max == Some(min) {
            return Value::from(min);
        }
        Value::unknown_refined(
            Type::Number,
            Refinement {
                not_null: true,
                min: Some((min.into(), true)),
                max: max.map(|m| (m.into(), true)),
                ..Refinement::default()
            },
        )
    };
    match (value.kind(), value.len()) {
        // Unknown elements may turn out to be equal.
        (Kind::Set(..), Some(n)) if n > 1 && !value.is_wholly_known() => Ok(range(1, Some(n as u64))),
        (_, Some(n)) => Ok(n.into()),
        (Kind::Unknown(u), None) => match &u.ty {
            Type::Dynamic | Type::String => Ok(range(0, None)),
            Type::List(_) | Type::Set(_) | Type::Map(_) => {
                let most = u.refinement.max_len.unwrap_or(i64::MAX as u64);
                Ok(range(u.refinement.min_len.unwrap_or(0), Some(most)))
            }
            Type::Tuple(types) => Ok(types.len().into()),
            Type::Object(o) => Ok(o.attrs.len().into()),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// One element of a list; positions beyond the end start over, negative ones count from the end.
#[function(result_of = element_type, nullable, check = first_is_sequence, example = r#"element(["a", "b", "c"], 3)"#, gives = r#""a""#)]
fn element(#[arg(shallow, partial)] list: &Value, index: i64) -> FnResult {
    let items = sequence(list, 0)?;
    if items.is_empty() {
        return Err(FnError::arg(0, "it is empty, so it has no element to give"));
    }
    Ok(items[index.rem_euclid(items.len() as i64) as usize].clone())
}

/// The position of the first element that equals a value.
#[function(result = Type::Number, example = r#"index(["a", "b", "c"], "b")"#, gives = "1")]
fn index(#[arg(partial)] list: &Value, value: &Value) -> FnResult {
    for (i, item) in sequence(list, 0)?.iter().enumerate() {
        match item.equals(value).as_bool() {
            Some(true) => return Ok(i.into()),
            Some(false) => {}
            None => return Ok(Value::unknown_not_null(Type::Number)),
        }
    }
    Err(FnError::new("no element of the list equals the value; contains() tells whether one does"))
}

/// Whether a list or set has an element that equals a value.
#[function(result = Type::Bool, example = r#"contains(["a", "b", "c"], "a")"#, gives = "true")]
fn contains(#[arg(partial)] list: &Value, #[arg(unknown)] value: &Value) -> FnResult {
    let Some(items) = list.as_slice() else {
        return Err(FnError::arg(0, format!("it must be a list, set or tuple, not {}", a_type(&list.ty()))));
    };
    let mut unsure = false;
    for item in items {
        match item.equals(value).as_bool() {
            Some(true) => return Ok(true.into()),
            Some(false) => {}
            None => unsure = true,
        }
    }
    Ok(if unsure { Value::unknown_not_null(Type::Bool) } else { false.into() })
}

/// The element of a map with this key, or a default if there is none.
#[function(result_of = lookup_type, nullable, check = check_lookup, example = r#"lookup({ a = "ay", b = "bee" }, "c", "what?")"#, gives = r#""what?""#)]
fn lookup(
    #[arg(name = "inputMap", shallow, partial)] map: &Value,
    key: &str,
    #[arg(rest, null, unknown, keep)] default: &[Value],
) -> FnResult {
    let default = default_of(map, default)?;
    let Some(items) = map.as_map() else { return Err(not_a_map(&map.ty())) };
    match (items.get(key), default) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(FnError::new(format!(
            "the map has no element with the key {key:?}, and there is no third argument as a default"
        ))
        .quoting_or("the map has no element with this key, and there is no third argument as a default")),
    }
}

/// The default of a lookup, as the elements of the map are.
fn default_of(map: &Value, default: &[Value]) -> Result<Option<Value>, FnError> {
    if default.len() > 1 {
        return Err(FnError::new(format!("it takes two or three arguments, not {}", default.len() + 2)));
    }
    let Some(default) = default.first() else { return Ok(None) };
    let Type::Map(element) = map.ty() else { return Ok(Some(default.clone())) };
    let default = converted(default.clone(), &element).map_err(|_| {
        let (wanted, found) = (a_type(&element), a_type(&default.ty()));
        FnError::arg(2, format!("the elements of the map are each {wanted}, but this default is {found}"))
    })?;
    Ok(Some(default))
}

fn check_lookup(args: &[Value]) -> Result<(), FnError> {
    let ty = args[0].ty();
    if !matches!(ty, Type::Map(_) | Type::Object(_) | Type::Dynamic) {
        return Err(not_a_map(&ty));
    }
    default_of(&args[0], args.get(2..).unwrap_or_default()).map(|_| ())
}

/// The keys of a map, in their order.
#[function(example = "keys({ a = 1, c = 2, d = 3 })", gives = "[\n  \"a\",\n  \"c\",\n  \"d\",\n]")]
fn keys(#[arg(name = "inputMap", shallow, unknown)] map: &Value) -> FnResult {
    let names = |names: &mut dyn Iterator<Item = &crate::Str>| -> Vec<Value> {
        names.map(|k| Kind::String(k.clone()).into()).collect()
    };
    match map.kind() {
        Kind::Object(m) => Ok(Value::tuple(names(&mut m.keys()))),
        Kind::Map(_, m) => Ok(Value::list(Type::String, names(&mut m.keys()))),
        Kind::Unknown(u) => match &u.ty {
            Type::Object(o) => Ok(Value::tuple(names(&mut o.attrs.keys()))),
            Type::Map(_) => Ok(Value::unknown_not_null(Type::list(Type::String))),
            Type::Dynamic => Ok(Value::unknown(Type::Dynamic)),
            other => Err(not_a_map(other)),
        },
        _ => Err(not_a_map(&map.ty())),
    }
}

/// The elements of a map, in the order of their keys.
#[function(example = "values({ a = 3, c = 2, d = 1 })", gives = "[\n  3,\n  2,\n  1,\n]")]
fn values(#[arg(shallow, unknown)] mapping: &Value) -> FnResult {
    match mapping.kind() {
        Kind::Object(m) => Ok(Value::tuple(m.values().cloned().collect())),
        Kind::Map(t, m) => Ok(Value::list(t.clone(), m.values().cloned().collect())),
        Kind::Unknown(u) => match &u.ty {
            Type::Object(o) => {
                Ok(Value::unknown_not_null(Type::tuple(o.attrs.values().cloned().collect::<Vec<_>>())))
            }
            Type::Map(t) => Ok(Value::unknown_not_null(Type::list((**t).clone()))),
            Type::Dynamic => Ok(Value::unknown(Type::Dynamic)),
            other => Err(not_a_map(other)),
        },
        _ => Err(not_a_map(&mapping.ty())),
    }
}

/// One map with the elements of all; for equal keys the last one counts.
#[function(
    example = r#"merge({ a = "b", c = "d" }, { e = "f", c = "z" })"#,
    gives = "{\n  \"a\" = \"b\"\n  \"c\" = \"z\"\n  \"e\" = \"f\"\n}"
)]
fn merge(#[arg(rest, null, shallow, unknown)] maps: &[Value]) -> FnResult {
    // All maps of one type give such a map, anything else an object.
    let first = maps.first().filter(|a| !matches!(a.kind(), Kind::Object(_))).map(Value::ty);
    let one_type = match &first {
        Some(Type::Map(_)) => maps[1..].iter().all(|a| Some(a.ty()) == first),
        _ => false,
    };
    let mut merged = Map::new();
    let mut unknown = false;
    // Terraform does not look at the types of what stands behind a null without a type.
    let mut untyped = false;
    for (i, arg) in maps.iter().enumerate() {
        match arg.kind() {
            Kind::Null(Type::Dynamic) => untyped = true,
            Kind::Null(Type::Map(_) | Type::Object(_)) => {}
            Kind::Null(_) if untyped => {}
            Kind::Map(_, m) | Kind::Object(m) => merged.extend(m.iter().map(|(k, v)| (k.clone(), v.clone()))),
            Kind::Unknown(u) => match &u.ty {
                Type::Dynamic | Type::Map(_) => unknown = true,
                Type::List(_) | Type::Set(_) if untyped => unknown = true,
                Type::Object(o) => {
                    merged.extend(o.attrs.iter().map(|(k, t)| (k.clone(), Value::unknown(t.clone()))));
                }
                other => {
                    return Err(FnError::arg(
                        i,
                        format!("it must be a map or object, not {}", a_type(other)),
                    ));
                }
            },
            _ => match entries(arg).filter(|_| untyped) {
                Some(entries) => merged.extend(entries),
                None => {
                    return Err(FnError::arg(
                        i,
                        format!("it must be a map or object, not {}", a_type(&arg.ty())),
                    ));
                }
            },
        }
    }
    Ok(match (one_type, first) {
        (true, Some(ty)) if unknown => Value::unknown_not_null(ty),
        (true, Some(Type::Map(element))) => Value::map((*element).clone(), merged),
        _ if unknown => Value::unknown(Type::Dynamic),
        _ => merged.into(),
    })
}

/// What passes for a map where nobody looks at types: a set of strings, each of which is its own key, and what is empty.
fn entries(value: &Value) -> Option<Map> {
    let entry = |item: &Value| match item.kind() {
        Kind::String(key) => Some((key.clone(), item.clone())),
        _ => None,
    };
    let items = value.as_slice()?;
    match value.kind() {
        Kind::Set(..) => items.iter().map(entry).collect(),
        _ => items.is_empty().then(Map::new),
    }
}

/// A map from a list of keys and a list of values.
#[function(result_of = zipmap_type, check = check_zipmap, example = r#"zipmap(["a", "b"], [1, 2])"#, gives = "{\n  \"a\" = 1\n  \"b\" = 2\n}")]
fn zipmap(
    #[arg(ty = Type::list(Type::String))] keys: &[Value],
    #[arg(shallow, partial)] values: &Value,
) -> FnResult {
    let items = sequence(values, 1)?;
    if keys.len() != items.len() {
        let message = format!("there are {} keys but {} values", keys.len(), items.len());
        return Err(FnError::new(message));
    }
    let mut map = Map::new();
    for (i, (key, value)) in keys.iter().zip(items).enumerate() {
        let Kind::String(key) = key.kind() else {
            return Err(FnError::arg(0, format!("its element {i} is null, and a key must not be")));
        };
        map.insert(key.clone(), value.clone());
    }
    Ok(match values.kind() {
        Kind::List(element, _) => Value::map(element.clone(), map),
        _ => map.into(),
    })
}

/// Swaps the keys and the values of a map of lists of strings.
#[function(result = Type::map(Type::list(Type::String)), example = r#"transpose({ a = ["1", "2"], b = ["2", "3"] })"#, gives = "tomap({\n  \"1\" = tolist([\n    \"a\",\n  ])\n  \"2\" = tolist([\n    \"a\",\n    \"b\",\n  ])\n  \"3\" = tolist([\n    \"b\",\n  ])\n})")]
fn transpose(#[arg(ty = Type::map(Type::list(Type::String)))] values: &Map) -> FnResult {
    let mut turned: BTreeMap<crate::Str, Vec<Value>> = BTreeMap::new();
    for (key, list) in values {
        let list =
            list.as_slice().ok_or_else(|| FnError::arg(0, format!("its list {key:?} is null")).quoting())?;
        for item in list {
            let Kind::String(item) = item.kind() else {
                return Err(FnError::arg(0, format!("its list {key:?} has a null element")).quoting());
            };
            turned.entry(item.clone()).or_default().push(Value::string(key.clone()));
        }
    }
    let lists = turned.into_iter().map(|(k, v)| (k, Value::list(Type::String, v)));
    Ok(Value::map(Type::list(Type::String), lists.collect()))
}

/// The only element of a list or set, or null if it is empty.
#[function(result_of = one_type, nullable, check = check_one, example = r#"one(["a"])"#, gives = r#""a""#)]
fn one(#[arg(partial)] list: &Value) -> FnResult {
    match (list.as_slice(), list.kind()) {
        // Its elements may all turn out to be equal.
        (Some(_), Kind::Set(t, _)) if !list.has_certain_length() => Ok(Value::unknown(t.clone())),
        (Some([only]), _) => Ok(only.clone()),
        (Some([]), Kind::List(t, _) | Kind::Set(t, _)) => Ok(Value::null(t.clone())),
        (Some([]), _) => Ok(Value::NULL),
        (Some(more), _) => Err(too_many(more.len())),
        (None, _) => Err(not_one()),
    }
}

fn too_many(found: usize) -> FnError {
    FnError::arg(0, format!("it has {found} elements; it may have one or none"))
}

fn not_one() -> FnError {
    FnError::arg(0, "it must be a list, set or tuple with one element or none")
}

/// Whether all elements are true; of an empty list they are.
#[function(result = Type::Bool, example = r#"alltrue([true, "true"])"#, gives = "true")]
fn alltrue(#[arg(ty = Type::list(Type::Bool), partial)] list: &[Value]) -> FnResult {
    Ok(judge(list, false))
}

/// Whether any element is true.
#[function(result = Type::Bool, example = "anytrue([true, false])", gives = "true")]
fn anytrue(#[arg(ty = Type::list(Type::Bool), partial)] list: &[Value]) -> FnResult {
    Ok(judge(list, true))
}

/// Those values whose keys, at the same positions, are in the search set.
#[function(result_of = same_type, check = check_matchkeys, example = r#"matchkeys(["i-1", "i-2"], ["west", "east"], ["east"])"#, gives = "tolist([\n  \"i-2\",\n])")]
fn matchkeys(
    #[arg(ty = Type::list(Type::Dynamic), partial)] values: &Value,
    #[arg(ty = Type::list(Type::Dynamic))] keys: &Value,
    #[arg(ty = Type::list(Type::Dynamic))] searchset: &Value,
) -> FnResult {
    let items = values.as_slice().unwrap_or_default();
    if values.len() != keys.len() {
        let message = format!("there are {} values but {} keys", items.len(), keys.len().unwrap_or_default());
        return Err(FnError::new(message));
    }
    let ty = keys_type(keys, searchset)?;
    let wanted = converted(searchset.clone(), &ty).map_err(|m| FnError::arg(2, m))?;
    let keys = converted(keys.clone(), &ty).map_err(|m| FnError::arg(1, m))?;
    let wanted = wanted.as_slice().unwrap_or_default();
    let found = items.iter().zip(keys.as_slice().unwrap_or_default());
    let found = found.filter(|(_, key)| wanted.iter().any(|w| w.equals(key).as_bool() == Some(true)));
    let element = values.ty().element().cloned().unwrap_or(Type::Dynamic);
    Ok(Value::list(element, found.map(|(v, _)| v.clone()).collect()))
}

/// The type that the keys and the search set of matchkeys have or become.
fn keys_type(keys: &Value, searchset: &Value) -> Result<Type, FnError> {
    let ty = formwork_value::unify(&[keys.ty(), searchset.ty()]);
    ty.ok_or_else(|| FnError::arg(2, "its elements have another type than the keys"))
}

fn check_matchkeys(args: &[Value]) -> Result<(), FnError> {
    keys_type(&args[1], &args[2])?;
    same_lengths(args)
}

/// What a list of values makes is a map; what anything else makes depends on the keys.
fn zipmap_type(args: &[Value]) -> Type {
    match args[1].ty() {
        Type::List(element) => Type::Map(element),
        _ => Type::Dynamic,
    }
}

/// The elements of a list or tuple.
pub(super) fn sequence(value: &Value, arg: usize) -> Result<&[Value], FnError> {
    match value.kind() {
        Kind::List(_, v) | Kind::Tuple(v) => Ok(v),
        Kind::Set(..) => {
            Err(FnError::arg(arg, "it is a set, which has no order; use tolist() if any order will do"))
        }
        _ => Err(FnError::arg(arg, format!("it must be a list or tuple, not {}", a_type(&value.ty())))),
    }
}

/// That an argument is, or will be, a list or tuple.
pub(super) fn is_sequence(value: &Value, arg: usize) -> Result<(), FnError> {
    match value.ty() {
        Type::List(_) | Type::Tuple(_) | Type::Dynamic => Ok(()),
        _ => sequence(value, arg).map(|_| ()),
    }
}

pub(super) fn first_is_sequence(args: &[Value]) -> Result<(), FnError> {
    is_sequence(&args[0], 0)
}

fn check_zipmap(args: &[Value]) -> Result<(), FnError> {
    is_sequence(&args[1], 1)
}

fn check_one(args: &[Value]) -> Result<(), FnError> {
    match args[0].ty() {
        Type::List(_) | Type::Set(_) | Type::Dynamic => Ok(()),
        Type::Tuple(types) if types.len() < 2 => Ok(()),
        Type::Tuple(types) => Err(too_many(types.len())),
        _ => Err(not_one()),
    }
}

/// That there are as many values as keys.
fn same_lengths(args: &[Value]) -> Result<(), FnError> {
    let certain = |value: &Value| value.lengths().and_then(|(min, max)| max.filter(|max| *max == min));
    match (certain(&args[0]), certain(&args[1])) {
        (Some(values), Some(keys)) if values != keys => {
            Err(FnError::new(format!("there are {values} values but {keys} keys")))
        }
        _ => Ok(()),
    }
}

fn element_type(args: &[Value]) -> Type {
    match (args[0].ty(), args[1].as_number().and_then(Number::to_i64)) {
        (Type::List(t), _) => (*t).clone(),
        (Type::Tuple(types), Some(i)) if !types.is_empty() => {
            types[i.rem_euclid(types.len() as i64) as usize].clone()
        }
        _ => Type::Dynamic,
    }
}

fn one_type(args: &[Value]) -> Type {
    match args[0].ty() {
        Type::List(t) | Type::Set(t) => (*t).clone(),
        Type::Tuple(types) if types.len() == 1 => types[0].clone(),
        _ => Type::Dynamic,
    }
}

fn lookup_type(args: &[Value]) -> Type {
    match args[0].ty() {
        Type::Map(t) => (*t).clone(),
        Type::Object(o) => match args[1].as_str() {
            Some(key) => {
                o.attrs.get(key).cloned().or_else(|| args.get(2).map(Value::ty)).unwrap_or(Type::Dynamic)
            }
            None => Type::Dynamic,
        },
        _ => Type::Dynamic,
    }
}

fn not_a_map(ty: &Type) -> FnError {
    FnError::arg(0, format!("it must be a map or object, not {}", a_type(ty)))
}

/// Whether any element is `wanted`, put as the answer of anytrue (`wanted`) or alltrue (`!wanted`).
fn judge(items: &[Value], wanted: bool) -> Value {
    let mut unsure = false;
    for item in items {
        match item.kind() {
            Kind::Unknown(_) => unsure = true,
            // Null counts as false.
            kind if matches!(kind, Kind::Bool(true)) == wanted => return wanted.into(),
            _ => {}
        }
    }
    if unsure { Value::unknown_not_null(Type::Bool) } else { (!wanted).into() }
}
