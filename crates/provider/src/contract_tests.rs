//! What the checks accept and refuse.

use super::*;
use crate::Schema;
use formwork_value::{Mark, Refinement, Type};

fn schema() -> Schema {
    let mut schema = Schema::default();
    let with = |f: fn(&mut Attribute)| {
        let mut a = Attribute::new(Type::String);
        f(&mut a);
        a
    };
    schema.block.attributes.insert("name".into(), with(|a| a.required = true));
    schema.block.attributes.insert("note".into(), with(|a| a.optional = true));
    schema.block.attributes.insert("id".into(), with(|a| a.computed = true));
    schema
}

fn object(name: Value, note: Value, id: Value) -> Value {
    Value::object([("name", name), ("note", note), ("id", id)])
}

fn null() -> Value {
    Value::null(Type::String)
}

fn unknown() -> Value {
    Value::unknown(Type::String)
}

#[test]
fn plans_follow_the_configuration() {
    let check = |config: Value, prior: Option<Value>, planned: Value, expected: &[&str]| {
        let found = check_planned(&schema(), &config, prior.as_ref(), &planned);
        let details: Vec<_> = found.iter().map(|p| p.detail.as_str()).collect();
        assert_eq!(details, expected);
    };
    let config = || object("a".into(), null(), null());
    check(config(), None, object("a".into(), null(), unknown()), &[]);
    check(
        config(),
        None,
        object("b".into(), null(), unknown()),
        &["name is not planned as it is configured."],
    );
    let kept = Some(object("A".into(), null(), "i".into()));
    check(config(), kept, object("A".into(), null(), "i".into()), &[]);
    let extra = ["note is neither configured nor computed, yet is planned."];
    check(config(), None, object("a".into(), "n".into(), unknown()), &extra);
    check(config(), None, object("a".into(), unknown(), unknown()), &extra);
    let pending = || object(unknown(), null(), null());
    check(pending(), None, object(unknown(), null(), unknown()), &[]);
    check(
        pending(),
        None,
        object("a".into(), null(), unknown()),
        &["name is not planned as it is configured."],
    );
    let misfit = ["The planned value of name is of type bool; the schema says string."];
    check(config(), None, object(true.into(), null(), unknown()), &misfit);
}

#[test]
fn results_follow_the_plan() {
    let check = |planned: Value, actual: Value, expected: &[&str]| {
        let found = check_applied(&schema(), &planned, &actual);
        let details: Vec<_> = found.iter().map(|p| p.detail.as_str()).collect();
        assert_eq!(details, expected);
    };
    let planned = || object("a".into(), null(), unknown());
    check(planned(), object("a".into(), null(), "i".into()), &[]);
    check(
        planned(),
        object("a".into(), "n".into(), "i".into()),
        &["The value of note is not the one that was planned."],
    );
    check(planned(), object("a".into(), null(), unknown()), &["id is still unknown after the apply."]);
    check(
        planned(),
        Value::NULL,
        &["The object is absent after an operation that should have made or changed it."],
    );
}

#[test]
fn later_values_refine_earlier_ones() {
    let check = |planned: Value, now: Value, expected: Result<(), &str>| {
        let found = check_refines(&planned, &now).map_err(|p| p.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{planned:?} then {now:?}");
    };
    let refined = |r: Refinement| Value::unknown_refined(Type::String, r);
    let list = |items: Vec<Value>| Value::list(Type::String, items);
    let set = |items: Vec<Value>| Value::set(Type::String, items);
    check("a".into(), Value::from("a").mark(Mark::Sensitive), Ok(()));
    check("a".into(), unknown(), Err(""));
    check(unknown(), "a".into(), Ok(()));
    check(unknown(), true.into(), Err(""));
    check(Value::unknown(Type::Dynamic), true.into(), Ok(()));
    check(Value::unknown_not_null(Type::String), null(), Err(""));
    let prefix = || refined(Refinement { prefix: Some("ami-".into()), ..Refinement::default() });
    check(prefix(), "ami-1".into(), Ok(()));
    check(prefix(), "i-1".into(), Err(""));
    check(list(vec!["a".into(), unknown()]), list(vec!["a".into(), "b".into()]), Ok(()));
    check(list(vec!["a".into(), unknown()]), list(vec!["b".into(), "b".into()]), Err("[0]"));
    check(list(vec![unknown()]), list(vec![]), Err(""));
    check(set(vec!["a".into(), unknown()]), set(vec!["a".into()]), Ok(()));
    check(set(vec!["a".into(), unknown()]), set(vec!["b".into()]), Err(""));
    check(Value::object([("x", unknown())]), Value::object([("x", null())]), Ok(()));
    check(Value::object([("x", Value::from(1))]), Value::object([("x", Value::from(2))]), Err(".x"));
}
