//! Conversion, unification, equality.

use super::{json, secret, ty};
use crate::{
    Defaults, Mark, Refinement, Type, Value, convert, convert_defaults, display, unify, unify_values,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Converts JSON and shows the result on one line; the error's text if it fails.
fn check(value: &str, to: &str, expected: &str) {
    let shown = match convert(&json(value), &ty(to)) {
        Ok(value) => line(&value),
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{value} to {to}");
}

fn line(value: &Value) -> String {
    let words: Vec<String> = display(value, 0).split_whitespace().map(String::from).collect();
    words.join(" ").replace("[ ", "[").replace(", ]", "]").replace("{ ", "{").replace(" }", "}")
}

#[test]
fn primitives() {
    check("1.50", "'string'", "\"1.5\"");
    check("true", "'string'", "\"true\"");
    check("\"1\"", "'bool'", "true");
    check("\"false\"", "'bool'", "false");
    check("\"1e3\"", "'number'", "1000");
    check("null", "'number'", "tonumber(null)");
    check("1", "'bool'", "a bool is required, but this is a number");
    check("true", "'number'", "a number is required, but this is a bool");
    check("\"True\"", "'bool'", "a bool is required; to convert from a string, use lowercase \"true\"");
    check("\"abc\"", "'bool'", "a bool is required, but this text is neither \"true\" nor \"false\"");
    check(
        "\"abc\"",
        "'number'",
        "a number is required, but this text is not a number in decimal notation, such as 42, -1.5 or 1e6",
    );
    check("[]", "'string'", "a string is required, but this is a tuple");
}

#[test]
fn an_empty_collection_is_still_of_its_type() {
    let objects = ty("['object',{'a':'number'}]");
    let converts = |value: &Value, to: &str| convert(value, &ty(to)).is_ok();
    let (list, set) = (Value::list(objects.clone(), vec![]), Value::set(objects.clone(), vec![]));
    for to in
        ["['list','string']", "['set','string']", "['list',['object',{'b':'number'}]]", "['set','bool']"]
    {
        assert!(!converts(&list, to) && !converts(&set, to), "{to}");
    }
    for to in ["['list','dynamic']", "['set',['object',{'a':'string'}]]", "['list',['map','string']]"] {
        assert!(converts(&list, to) && converts(&set, to), "{to}");
    }
    let map = Value::map(Type::Number, Default::default());
    assert!(converts(&map, "['map','string']") && !converts(&map, "['map',['list','string']]"));
    assert!(!converts(&Value::object([("x", list)]), "['map',['list','string']]"));
    // Of what is empty and has no type yet, everything can become.
    for open in [Value::list(Type::Dynamic, vec![]), json("[]")] {
        assert!(converts(&open, "['list',['object',{'a':'string'}]]") && converts(&open, "['set','bool']"));
    }
    assert!(converts(&json("{}"), "['map',['list','string']]"));
    assert_eq!(
        convert(&Value::set(Type::Number, vec![]), &ty("['set','bool']")).unwrap_err().to_string(),
        "a set of bool is required, but this is a set of number"
    );
}

#[test]
fn collections() {
    check("[1, \"a\", true]", "['list','string']", "tolist([\"1\", \"a\", \"true\"])");
    check("[1, \"a\", true]", "['list','dynamic']", "tolist([\"1\", \"a\", \"true\"])");
    check("[1, \"1\", 2]", "['set','dynamic']", "toset([\"1\", \"2\"])");
    check("[3, 20, -1, null]", "['set','dynamic']", "toset([-1, 3, 20, tonumber(null)])");
    check("[]", "['list','dynamic']", "tolist([])");
    check("[null, \"a\"]", "['list','dynamic']", "tolist([tostring(null), \"a\"])");
    check("[null, {\"a\": 1}]", "['list','dynamic']", "tolist([null /* object */, {\"a\" = 1}])");
    check(
        "[{\"a\": null}, {\"a\": 1}]",
        "['list','dynamic']",
        "tolist([{\"a\" = tonumber(null)}, {\"a\" = 1}])",
    );
    check(
        "[{\"a\": 1}, {\"b\": \"x\"}]",
        "['list','dynamic']",
        "tolist([tomap({\"a\" = \"1\"}), tomap({\"b\" = \"x\"})])",
    );
    check("[[1], [\"a\", \"b\"]]", "['list','dynamic']", "tolist([tolist([\"1\"]), tolist([\"a\", \"b\"])])");
    check("[[1], [\"a\"]]", "['list','dynamic']", "tolist([[\"1\"], [\"a\"]])");
    let different = "all elements of a list must have the same type, and these have no type in common";
    check("[1, true]", "['list','dynamic']", different);
    check("[\"a\", {}]", "['list','dynamic']", different);
    check("[{\"a\": 1}, {\"a\": []}]", "['list','dynamic']", different);
    check("{\"a\": 1, \"b\": \"x\"}", "['map','dynamic']", "tomap({\"a\" = \"1\" \"b\" = \"x\"})");
    check("{\"a\": 1}", "['list','string']", "a list of string is required, but this is an object");
    check("[[1], [true]]", "['list',['list','number']]", "[1][0]: a number is required, but this is a bool");
}

#[test]
fn sets_are_in_the_order_of_terraform() {
    check(
        "[{\"a\":2,\"b\":\"x\"},{\"a\":10,\"b\":\"a\"},{\"a\":null,\"b\":\"b\"}]",
        "['set','dynamic']",
        "toset([{\"a\" = 10 \"b\" = \"a\"}, {\"a\" = 2 \"b\" = \"x\"}, {\"a\" = tonumber(null) \"b\" = \"b\"}])",
    );
    check(
        "[[2],[10],[1,2],[]]",
        "['set','dynamic']",
        "toset([tolist([10]), tolist([1, 2]), tolist([2]), tolist([])])",
    );
    check(
        "[{\"n\":1.5},{\"n\":10},{\"n\":100000000000000000000000},{\"n\":-1},{\"n\":2}]",
        "['set','dynamic']",
        "toset([{\"n\" = -1}, {\"n\" = 1.5}, {\"n\" = 10}, {\"n\" = 100000000000000000000000}, {\"n\" = 2}])",
    );
    check(
        "[{\"n\":\"b c\"},{\"n\":\"b\"},{\"n\":\"b\\\"d\"},{\"n\":\"b!\"},{\"n\":\"é\"},{\"n\":\"z\"},{\"n\":\"ab\"}]",
        "['set','dynamic']",
        "toset([{\"n\" = \"ab\"}, {\"n\" = \"b c\"}, {\"n\" = \"b!\"}, {\"n\" = \"b\"}, {\"n\" = \"b\\\"d\"}, \
         {\"n\" = \"z\"}, {\"n\" = \"é\"}])",
    );
    check("[true, null, false]", "['set','dynamic']", "toset([false, true, tobool(null)])");
}

#[test]
fn objects() {
    let server = "['object',{'name':'string','port':'number'},['port']]";
    check("{\"name\": 1, \"other\": true}", server, "{\"name\" = \"1\" \"port\" = tonumber(null)}");
    check("{\"nmae\": \"x\"}", server, "attribute \"name\" is required; perhaps \"nmae\" was meant to be it");
    check("{\"name\": \"x\", \"port\": []}", server, ".port: a number is required, but this is a tuple");
    check(
        "{}",
        "['object',{'a':'bool','b':'bool','c':'bool'}]",
        "attributes \"a\", \"b\" and \"c\" are required",
    );
    check("[1]", "['tuple',['bool','bool']]", "a tuple of 2 elements is required, but this has 1");
    let map = Value::map(Type::String, [("name".into(), Value::from("x"))].into());
    assert_eq!(line(&convert(&map, &ty(server)).unwrap()), "{\"name\" = \"x\" \"port\" = tonumber(null)}");
}

#[test]
fn marks_stay_where_they_are() {
    let list = convert(&Value::tuple(vec![secret(1), Value::from(2)]), &ty("['list','string']")).unwrap();
    assert_eq!(line(&list), "tolist([(sensitive value), \"2\"])");
    let set = convert(&Value::tuple(vec![secret(1), Value::from(2)]), &ty("['set','string']")).unwrap();
    assert!(set.has_mark(Mark::Sensitive));
    let error = convert(&secret("hunter2"), &Type::Number).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    // Nor does a message tell what keys a sensitive value has; where that value lies, it does.
    let keys = |value: &str| Value::object([("a", json(value).mark(Mark::Sensitive))]);
    for (value, to, expected) in [
        ("{\"hunter2\": []}", "['map','string']", ".a: a string is required, but this is a tuple"),
        ("{\"hunter2\": 1}", "['object',{'hunter':'number'}]", ".a: attribute \"hunter\" is required"),
    ] {
        let error = convert(&keys(value), &ty(&format!("['object',{{'a':{to}}}]"))).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn unknown_values_keep_what_is_certain() {
    let refinement =
        Refinement { not_null: true, min_len: Some(2), max_len: Some(3), ..Refinement::default() };
    let list = Value::unknown_refined(ty("['list','number']"), refinement);
    let set = convert(&list, &ty("['set','string']")).unwrap();
    let unknown = set.as_unknown().unwrap();
    assert_eq!(unknown.ty, ty("['set','string']"));
    assert_eq!((unknown.refinement.min_len, unknown.refinement.max_len), (Some(1), Some(3)));
    assert!(unknown.refinement.not_null);
    let two = Value::set(Type::String, vec![Value::unknown(Type::String), Value::unknown(Type::String)]);
    assert_eq!(two.lengths(), Some((1, Some(2))));
    let mixed = Value::tuple(vec![json("{\"a\": 1}"), Value::unknown(Type::Dynamic)]);
    assert!(!convert(&mixed, &ty("['list','dynamic']")).unwrap().is_known());
}

#[test]
fn unifying_types() {
    for (types, expected) in [
        ("[]", Some("'dynamic'")),
        ("['number','string']", Some("'string'")),
        ("['number','bool']", None),
        ("['dynamic','number']", Some("'number'")),
        ("['dynamic',['list','number']]", Some("'dynamic'")),
        ("[['set','string'],['tuple',['string']]]", Some("['set','string']")),
        ("[['set','string'],['list','number']]", Some("['list','number']")),
        ("[['list','string'],['set','number']]", Some("['list','string']")),
        ("[['tuple',['string']],['set','number']]", Some("['set','number']")),
        ("[['map','number'],['object',{'b':'string'}]]", Some("['map','string']")),
        ("[['object',{'a':'number'}],['object',{'a':'string'}]]", Some("['object',{'a':'string'}]")),
        ("[['object',{'a':'number'}],['object',{'b':'bool'}]]", None),
        ("[['tuple',['number']],['tuple',[]]]", Some("['list','number']")),
        ("[['tuple',[]],['object',{}]]", None),
    ] {
        let list: Vec<serde_json::Value> = serde_json::from_str(&types.replace('\'', "\"")).unwrap();
        let list: Vec<Type> =
            list.iter().map(|t| crate::json::decode_type(&t.to_string()).unwrap()).collect();
        assert_eq!(unify(&list), expected.map(ty), "{types}");
    }
}

#[test]
fn defaults_at_any_depth() {
    let inner = Defaults { attrs: BTreeMap::from([("port".into(), Value::from(80))]), ..Defaults::default() };
    let defaults = Defaults {
        attrs: BTreeMap::from([("tls".into(), json("{}")), ("on".into(), Value::from(true))]),
        children: BTreeMap::from([
            ("tls".into(), inner.clone()),
            ("all".into(), Defaults { element: Some(Box::new(inner)), ..Defaults::default() }),
        ]),
        ..Defaults::default()
    };
    let server = "['object',{'port':'number','host':'string'},['port','host']]";
    let ty =
        ty(&format!("['object',{{'tls':{server},'on':'bool','all':['list',{server}]}},['tls','on','all']]"));
    for (value, expected) in [
        (
            "{}",
            "{\"all\" = tolist(null) /* of object */ \"on\" = true \"tls\" = {\"host\" = tostring(null) \"port\" = 80}}",
        ),
        (
            "{\"on\": null, \"tls\": {\"port\": null, \"host\": \"h\"}, \"all\": [{}, {\"port\": 1}]}",
            "{\"all\" = tolist([{\"host\" = tostring(null) \"port\" = 80}, {\"host\" = tostring(null) \"port\" = 1}]) \
             \"on\" = true \"tls\" = {\"host\" = \"h\" \"port\" = 80}}",
        ),
    ] {
        assert_eq!(line(&convert_defaults(&json(value), &ty, &defaults).unwrap()), expected);
    }
    assert!(convert_defaults(&Value::NULL, &ty, &defaults).unwrap().is_null());
}

#[test]
fn equality() {
    let yes = Value::from(true);
    let no = Value::from(false);
    let maybe = Value::unknown_not_null(Type::Bool);
    let list = |text| convert(&json(text), &ty("['list','dynamic']")).unwrap();
    let prefixed = |prefix: &str| {
        let refinement = Refinement { not_null: true, prefix: Some(prefix.into()), ..Refinement::default() };
        Value::unknown_refined(Type::String, refinement)
    };
    let string = Value::unknown(Type::String);
    for (a, b, expected) in [
        (json("1"), json("\"1\""), &no),
        (json("[1, 2]"), list("[1, 2]"), &no),
        (json("{\"a\": 1}"), json("{\"a\": \"1\"}"), &no),
        (list("[]"), list("[1]"), &no),
        (Value::NULL, Value::null(Type::String), &yes),
        (string.clone(), Value::NULL, &maybe),
        (string.clone(), string.clone(), &maybe),
        (string.clone(), json("1"), &no),
        (Value::unknown_not_null(Type::String), Value::NULL, &no),
        (prefixed("i-"), json("\"i-1\""), &maybe),
        (prefixed("i-"), json("\"vol-1\""), &no),
        (Value::tuple(vec![string.clone(), json("1")]), Value::tuple(vec![json("\"a\""), json("2")]), &no),
        (Value::tuple(vec![string.clone()]), Value::tuple(vec![json("\"a\"")]), &maybe),
    ] {
        assert_eq!(&a.equals(&b), expected, "{a:?} == {b:?}");
        assert_eq!(&b.equals(&a), expected, "{b:?} == {a:?}");
    }
    let marked = Value::tuple(vec![secret(1)]);
    assert_eq!(marked.equals(&json("[1]")), secret(true));
    assert!(marked.same(&json("[1]")));
    assert!(!Value::NULL.same(&Value::null(Type::Bool)));
}

/// Any known or unknown value, of limited depth.
pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::NULL),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9]{1,30}\\.[0-9]{1,30}".prop_map(|n| Value::from(n.parse::<crate::Number>().unwrap())),
        "[a-c<\"\\\\\\né]{0,5}".prop_map(Value::from),
        Just(Value::null(Type::String)),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let items = prop::collection::vec(inner, 0..4);
        prop_oneof![
            items.clone().prop_map(Value::tuple),
            items
                .clone()
                .prop_map(|v| Value::object(v.into_iter().enumerate().map(|(i, v)| (format!("k{i}"), v)))),
            items.prop_map(|v| {
                let set = convert(&Value::tuple(v.clone()), &Type::set(Type::Dynamic));
                set.unwrap_or_else(|_| Value::tuple(v))
            }),
        ]
    })
}

/// Whether sets stand beside other types, at the top or at any place within, where whatever is inside a collection or a
/// structure counts as one place.
fn mixes_sets(types: &[&Type]) -> bool {
    let sets = types.iter().filter(|ty| matches!(ty, Type::Set(_))).count();
    let inner: Vec<&Type> = types
        .iter()
        .flat_map(|ty| match ty {
            Type::List(element) | Type::Set(element) | Type::Map(element) => vec![&**element],
            Type::Tuple(elements) => elements.iter().collect(),
            Type::Object(object) => object.attrs.values().collect(),
            _ => vec![],
        })
        .collect();
    (sets > 0 && sets < types.len()) || (!inner.is_empty() && mixes_sets(&inner))
}

proptest! {
    #[test]
    fn converting_to_its_own_type_changes_nothing(value in any_value()) {
        prop_assert_eq!(&convert(&value, &value.ty()).unwrap(), &value);
        prop_assert_eq!(&convert(&value, &Type::Dynamic).unwrap(), &value);
        prop_assert!(value.is_of(&value.ty()));
        prop_assert!(value.same(&value));
        prop_assert_eq!(value.equals(&value), Value::from(true));
    }

    #[test]
    fn what_unifies_converts(values in prop::collection::vec(any_value(), 1..4)) {
        let types: Vec<Type> = values.iter().map(Value::ty).collect();
        if let Some((ty, unified)) = unify_values(&values) {
            prop_assert!(unified.iter().all(|value| value.is_of(&ty)));
        }
        // Where the type stays open, only the values can tell. A set beside a list or a tuple may be given their type, as in
        // Terraform, even if its own elements are texts and theirs are not: then such a text may resist, and nothing else.
        let mixed = mixes_sets(&types.iter().collect::<Vec<_>>());
        if let Some(ty) = unify(&types).filter(|ty| !ty.has_dynamic()) {
            for value in &values {
                prop_assert!(convert(&Value::unknown(value.ty()), &ty).is_ok(), "{} to {}", value.ty(), ty);
                if let Err(error) = convert(value, &ty) {
                    prop_assert!(mixed && error.message.contains("this text"), "{:?} to {}", value, ty);
                }
            }
        }
    }

    #[test]
    fn conversion_gives_the_type_asked_for(value in any_value()) {
        for wanted in ["['list','string']", "['set','dynamic']", "['map','number']", "'string'"] {
            let wanted = ty(wanted);
            if let Ok(converted) = convert(&value, &wanted) {
                prop_assert!(converted.conforms(&wanted));
                prop_assert_eq!(convert(&converted, &wanted).unwrap(), converted);
            }
        }
    }
}

#[test]
fn refinements_that_leave_one_choice() {
    let lengths = |min, max| Refinement::lengths(min, Some(max));
    let bound = |n: i64| Some((crate::Number::from(n), true));
    for (ty, facts, expected) in [
        (Type::Number, Refinement::between(bound(2), bound(2)), Some("2")),
        (Type::Number, Refinement::between(bound(2), bound(3)), None),
        (Type::Number, Refinement { not_null: false, ..Refinement::between(bound(2), bound(2)) }, None),
        (ty("['list','string']"), lengths(0, 0), Some("tolist([])")),
        (ty("['list','string']"), lengths(2, 2), Some("tolist([(known after apply), (known after apply)])")),
        (ty("['list','string']"), lengths(1 << 40, 1 << 40), None),
        (ty("['set','string']"), lengths(1, 1), Some("toset([(known after apply)])")),
        (ty("['set','string']"), lengths(2, 2), None),
        (ty("['map','string']"), lengths(0, 0), Some("tomap({})")),
        (ty("['map','string']"), lengths(1, 1), None),
    ] {
        let value = Value::unknown_refined(ty, facts);
        assert_eq!(value.is_known().then(|| line(&value)).as_deref(), expected);
    }
}

#[test]
fn prefixes_that_stay() {
    for (text, stays) in [
        ("ab-", Some("ab-")),
        ("ab", Some("a")),
        ("a1", Some("a")),
        ("a=", Some("a")),
        ("e", None),
        // All that may still be put into another order goes.
        ("ae\u{308}\u{301}", Some("a")),
        ("aq\u{307}", Some("a")),
        ("a\u{1100}\u{1161}", Some("a")),
        ("", None),
    ] {
        assert_eq!(Refinement::prefixed(text).prefix.as_deref(), stays, "{text}");
    }
}

#[test]
fn values_that_no_memory_holds() {
    let double = |value: Value, times| (0..times).fold(value, |v, _| Value::tuple(vec![v.clone(), v]));
    assert_eq!(double(Value::from(1), 20).check_size(), Ok(()));
    assert_eq!(double(Value::from(1), 60).check_size(), Err(crate::TooLarge::Weight));
    assert_eq!(double("x".repeat(1 << 16).into(), 14).check_size(), Err(crate::TooLarge::Weight));
    let nested = |times| (0..times).fold(Value::NULL, |v, _| Value::tuple(vec![v]));
    assert_eq!(nested(crate::MAX_DEPTH).check_size(), Ok(()));
    assert_eq!(nested(crate::MAX_DEPTH + 1).check_size(), Err(crate::TooLarge::Depth));
}

proptest! {
    #[test]
    fn unification_does_not_depend_on_the_order(values in prop::collection::vec(any_value(), 2..5)) {
        let types: Vec<Type> = values.iter().map(Value::ty).collect();
        let backwards: Vec<Type> = types.iter().rev().cloned().collect();
        prop_assert_eq!(unify(&types), unify(&backwards));
        let reversed: Vec<Value> = values.iter().rev().cloned().collect();
        let ty = |found: Option<(Type, Vec<Value>)>| found.map(|(ty, _)| ty);
        prop_assert_eq!(ty(unify_values(&values)), ty(unify_values(&reversed)));
    }

    #[test]
    fn a_detour_over_the_common_type_changes_nothing(values in prop::collection::vec(any_value(), 2..4)) {
        let Some((_, unified)) = unify_values(&values) else { return Ok(()) };
        for wanted in ["'string'", "'number'", "'bool'", "['list','string']", "['set','number']", "['map','string']"] {
            let wanted = ty(wanted);
            for (value, unified) in values.iter().zip(&unified) {
                // A set forgets how often it was given something, and in which order: what it held stays.
                let last = match (unified.ty(), &wanted) {
                    (Type::Set(_), Type::List(element)) => Type::set((**element).clone()),
                    _ => wanted.clone(),
                };
                let over = |value: &Value| convert(value, &wanted).and_then(|v| convert(&v, &last));
                if let (Ok(straight), Ok(detour)) = (over(value), over(unified)) {
                    prop_assert!(straight.equals(&detour).as_bool() == Some(true), "{:?}, {:?}", straight, detour);
                }
            }
        }
    }

    #[test]
    fn a_value_fits_what_is_known_of_it(value in any_value(), other in any_value()) {
        prop_assert!(value.refinement().admits(&value));
        let either = value.refinement().either(&other.refinement());
        prop_assert!(either.admits(&value) && either.admits(&other));
    }
}
