//! Maps, objects, and questions about collections of any kind.

use super::*;
use crate::eval::a_type;
use formwork_value::{Map, Refinement};
use unicode_segmentation::UnicodeSegmentation;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "length",
            [any("value").shallow().unknown()],
            to_number,
            "The number of elements in a collection, or of characters in a string.",
            "length([\"a\", \"b\"])",
            |_, a| length(&a[0]),
        ),
        Function::new(
            "element",
            [any("list").shallow().partial(), number("index")],
            element_type,
            "One element of a list; positions beyond the end start over, negative ones count from the end.",
            "element([\"a\", \"b\", \"c\"], 3)",
            |_, a| {
                let items = sequence(&a[0], 0)?;
                let index = whole_arg(a, 1)?;
                if items.is_empty() {
                    return Err(FnError::arg(0, "it is empty, so it has no element to give"));
                }
                Ok(items[index.rem_euclid(items.len() as i64) as usize].clone())
            },
        )
        .may_be_null(),
        Function::new(
            "index",
            [any("list"), any("value")],
            to_number,
            "The position of the first element that equals a value.",
            "index([\"a\", \"b\", \"c\"], \"b\")",
            |_, a| {
                let items = sequence(&a[0], 0)?;
                match items.iter().position(|x| x.equals(&a[1]).as_bool() == Some(true)) {
                    Some(i) => Ok(i.into()),
                    None => Err(FnError::new(
                        "no element of the list equals the value; contains() tells whether one does",
                    )),
                }
            },
        ),
        Function::new(
            "contains",
            [any("list").partial(), any("value").unknown()],
            to_bool,
            "Whether a list or set has an element that equals a value.",
            "contains([\"a\", \"b\", \"c\"], \"a\")",
            |_, a| {
                let Some(items) = a[0].as_slice() else {
                    return Err(FnError::arg(
                        0,
                        format!("it must be a list, set or tuple, not {}", a_type(&a[0].ty())),
                    ));
                };
                let mut unsure = false;
                for item in items {
                    match item.equals(&a[1]).as_bool() {
                        Some(true) => return Ok(true.into()),
                        Some(false) => {}
                        None => unsure = true,
                    }
                }
                Ok(if unsure { Value::unknown_not_null(Type::Bool) } else { false.into() })
            },
        ),
        Function::new(
            "lookup",
            [any("inputMap").shallow().partial(), string("key")],
            lookup_type,
            "The element of a map with this key, or a default if there is none.",
            "lookup({ a = \"ay\", b = \"bee\" }, \"c\", \"what?\")",
            |_, a| lookup(a),
        )
        .variadic(any("default").nullable().unknown().keep_marks())
        .may_be_null(),
        Function::new(
            "keys",
            [any("inputMap").shallow().unknown()],
            to_any,
            "The keys of a map, in their order.",
            "keys({ a = 1, c = 2, d = 3 })",
            |_, a| keys(&a[0]),
        ),
        Function::new(
            "values",
            [any("mapping").shallow().unknown()],
            to_any,
            "The elements of a map, in the order of their keys.",
            "values({ a = 3, c = 2, d = 1 })",
            |_, a| values(&a[0]),
        ),
        Function::new(
            "merge",
            [],
            to_any,
            "One map with the elements of all; for equal keys the last one counts.",
            "merge({ a = \"b\", c = \"d\" }, { e = \"f\", c = \"z\" })",
            |_, a| merge(a),
        )
        .variadic(any("maps").nullable().shallow().unknown()),
        Function::new(
            "zipmap",
            [list_of("keys", Type::String), any("values").shallow().partial()],
            to_any,
            "A map from a list of keys and a list of values.",
            "zipmap([\"a\", \"b\"], [1, 2])",
            |_, a| {
                let (keys, values) = (items(a, 0), sequence(&a[1], 1)?);
                if keys.len() != values.len() {
                    let message = format!("there are {} keys but {} values", keys.len(), values.len());
                    return Err(FnError::new(message));
                }
                let mut map = Map::new();
                for (i, (key, value)) in keys.iter().zip(values).enumerate() {
                    let Kind::String(key) = key.kind() else {
                        return Err(FnError::arg(
                            0,
                            format!("its element {i} is null, and a key must not be"),
                        ));
                    };
                    map.insert(key.clone(), value.clone());
                }
                Ok(match a[1].kind() {
                    Kind::List(element, _) => Value::map(element.clone(), map),
                    _ => map.into(),
                })
            },
        ),
        Function::new(
            "transpose",
            [Param::new("values", Type::map(Type::list(Type::String)))],
            |_| Type::map(Type::list(Type::String)),
            "Swaps the keys and the values of a map of lists of strings.",
            "transpose({ a = [\"1\", \"2\"], b = [\"2\", \"3\"] })",
            |_, a| {
                let mut turned: BTreeMap<crate::Str, Vec<Value>> = BTreeMap::new();
                for (key, list) in a[0].as_map().into_iter().flatten() {
                    let list = list
                        .as_slice()
                        .ok_or_else(|| FnError::arg(0, format!("its list {key:?} is null")).quoting())?;
                    for item in list {
                        let Kind::String(item) = item.kind() else {
                            return Err(
                                FnError::arg(0, format!("its list {key:?} has a null element")).quoting()
                            );
                        };
                        turned.entry(item.clone()).or_default().push(Value::string(key.clone()));
                    }
                }
                let lists = turned.into_iter().map(|(k, v)| (k, Value::list(Type::String, v)));
                Ok(Value::map(Type::list(Type::String), lists.collect()))
            },
        ),
        Function::new(
            "one",
            [any("list").partial()],
            one_type,
            "The only element of a list or set, or null if it is empty.",
            "one(aws_eip.main[*].public_ip)",
            |_, a| match (a[0].as_slice(), a[0].kind()) {
                (Some([only]), _) => Ok(only.clone()),
                (Some([]), Kind::List(t, _) | Kind::Set(t, _)) => Ok(Value::null(t.clone())),
                (Some([]), _) => Ok(Value::NULL),
                (Some(more), _) => {
                    Err(FnError::arg(0, format!("it has {} elements; it may have one or none", more.len())))
                }
                (None, _) => Err(FnError::arg(0, "it must be a list, set or tuple with one element or none")),
            },
        )
        .may_be_null(),
        Function::new(
            "alltrue",
            [list_of("list", Type::Bool).partial()],
            to_bool,
            "Whether all elements are true; of an empty list they are.",
            "alltrue([true, \"true\"])",
            |_, a| Ok(judge(items(a, 0), false)),
        ),
        Function::new(
            "anytrue",
            [list_of("list", Type::Bool).partial()],
            to_bool,
            "Whether any element is true.",
            "anytrue([true, false])",
            |_, a| Ok(judge(items(a, 0), true)),
        ),
        Function::new(
            "matchkeys",
            [
                list_of("values", Type::Dynamic).partial(),
                list_of("keys", Type::Dynamic),
                list_of("searchset", Type::Dynamic),
            ],
            same_type,
            "Those values whose keys, at the same positions, are in the search set.",
            "matchkeys([\"i-1\", \"i-2\"], [\"west\", \"east\"], [\"east\"])",
            |_, a| {
                let (values, keys) = (items(a, 0), items(a, 1));
                if values.len() != keys.len() {
                    let message = format!("there are {} values but {} keys", values.len(), keys.len());
                    return Err(FnError::new(message));
                }
                let both = [a[1].ty(), a[2].ty()];
                let ty = formwork_value::unify(&both)
                    .ok_or_else(|| FnError::arg(2, "its elements have another type than the keys"))?;
                let wanted = converted(a[2].clone(), &ty).map_err(|m| FnError::arg(2, m))?;
                let keys = converted(a[1].clone(), &ty).map_err(|m| FnError::arg(1, m))?;
                let wanted = wanted.as_slice().unwrap_or_default();
                let found = values.iter().zip(keys.as_slice().unwrap_or_default());
                let found =
                    found.filter(|(_, key)| wanted.iter().any(|w| w.equals(key).as_bool() == Some(true)));
                let element = a[0].ty().element().cloned().unwrap_or(Type::Dynamic);
                Ok(Value::list(element, found.map(|(v, _)| v.clone()).collect()))
            },
        ),
    ]
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

fn length(value: &Value) -> Result<Value, FnError> {
    if let Some(text) = value.as_str() {
        return Ok(text.graphemes(true).count().into());
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
                Ok(range(u.refinement.min_len.unwrap_or(0), u.refinement.max_len))
            }
            Type::Tuple(types) => Ok(types.len().into()),
            Type::Object(o) => Ok(o.attrs.len().into()),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
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

fn lookup(args: &[Value]) -> Result<Value, FnError> {
    if args.len() > 3 {
        return Err(FnError::new(format!("it takes two or three arguments, not {}", args.len())));
    }
    let Some(map) = args[0].as_map() else {
        return Err(FnError::arg(0, format!("it must be a map or object, not {}", a_type(&args[0].ty()))));
    };
    let key = text_arg(args, 1);
    let default = match (args.get(2), args[0].kind()) {
        (Some(default), Kind::Map(element, _)) => {
            Some(converted(default.clone(), element).map_err(|_| {
                let (wanted, found) = (a_type(element), a_type(&default.ty()));
                FnError::arg(
                    2,
                    format!("the elements of the map are each {wanted}, but this default is {found}"),
                )
            })?)
        }
        (default, _) => default.cloned(),
    };
    match (map.get(key), default) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(FnError::new(
            "the map has no element with this key, and there is no third argument as a default",
        )),
    }
}

fn keys(value: &Value) -> Result<Value, FnError> {
    let names = |names: &mut dyn Iterator<Item = &crate::Str>| -> Vec<Value> {
        names.map(|k| Kind::String(k.clone()).into()).collect()
    };
    match value.kind() {
        Kind::Object(m) => Ok(Value::tuple(names(&mut m.keys()))),
        Kind::Map(_, m) => Ok(Value::list(Type::String, names(&mut m.keys()))),
        Kind::Unknown(u) => match &u.ty {
            Type::Object(o) => Ok(Value::tuple(names(&mut o.attrs.keys()))),
            Type::Map(_) => Ok(Value::unknown_not_null(Type::list(Type::String))),
            Type::Dynamic => Ok(Value::unknown(Type::Dynamic)),
            other => Err(not_a_map(other)),
        },
        _ => Err(not_a_map(&value.ty())),
    }
}

fn values(value: &Value) -> Result<Value, FnError> {
    match value.kind() {
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
        _ => Err(not_a_map(&value.ty())),
    }
}

fn not_a_map(ty: &Type) -> FnError {
    FnError::arg(0, format!("it must be a map or object, not {}", a_type(ty)))
}

fn merge(args: &[Value]) -> Result<Value, FnError> {
    // All maps of one type give such a map, anything else an object.
    let first = args.first().filter(|a| !matches!(a.kind(), Kind::Object(_))).map(Value::ty);
    let one_type = match &first {
        Some(Type::Map(_)) => args[1..].iter().all(|a| Some(a.ty()) == first),
        _ => false,
    };
    let mut merged = Map::new();
    let mut unknown = false;
    for (i, arg) in args.iter().enumerate() {
        match arg.kind() {
            Kind::Null(Type::Dynamic | Type::Map(_) | Type::Object(_)) => {}
            Kind::Map(_, m) | Kind::Object(m) => merged.extend(m.iter().map(|(k, v)| (k.clone(), v.clone()))),
            Kind::Unknown(u) => match &u.ty {
                Type::Dynamic | Type::Map(_) => unknown = true,
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
            _ => {
                return Err(FnError::arg(
                    i,
                    format!("it must be a map or object, not {}", a_type(&arg.ty())),
                ));
            }
        }
    }
    Ok(match (one_type, first) {
        (true, Some(ty)) if unknown => Value::unknown_not_null(ty),
        (true, Some(Type::Map(element))) => Value::map((*element).clone(), merged),
        _ if unknown => Value::unknown(Type::Dynamic),
        _ => merged.into(),
    })
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
