//! Planning, as a table: configuration and prior object in, plan and replacements out.

use super::*;
use crate::{Computed, Model, Nested, Object, Resource};

/// A rule.
#[derive(Nested)]
struct Rule {
    /// Its port.
    port: i64,
    /// Its id.
    #[attr(name = "rule_id")]
    id: Computed<String>,
}

/// A thing.
#[derive(Resource)]
#[resource(name = "test_thing", id = key, version = 2)]
struct Thing {
    /// Its name.
    #[attr(replace)]
    name: String,
    /// Its note.
    note: Option<String>,
    /// Its size.
    #[attr(default = 8)]
    size: i64,
    /// Its zone.
    #[attr(optional, replace)]
    zone: Computed<String>,
    /// Its etag.
    #[attr(volatile)]
    etag: Computed<String>,
    /// Its key.
    key: Computed<String>,
    /// Rules in order.
    #[block(list, max = 2)]
    rules: Vec<Rule>,
    /// Rules in any order.
    #[block(set)]
    any: Vec<Rule>,
}

fn rules(items: &[(i64, Option<&str>)]) -> Vec<Rule> {
    items.iter().map(|(port, id)| Rule { port: *port, id: id.map(str::to_owned).into() }).collect()
}

fn config() -> Thing {
    let (zone, etag, key) = (Computed::Null, Computed::Null, Computed::Null);
    Thing { name: "a".into(), note: None, size: 8, zone, etag, key, rules: vec![], any: vec![] }
}

fn prior() -> Thing {
    Thing { zone: "z".into(), etag: "e".into(), key: "k".into(), ..config() }
}

fn unset(value: Value, name: &str) -> Value {
    let mut map = value.as_map().unwrap().clone();
    let ty = map[name].ty();
    map.insert(name.into(), Value::null(ty));
    map.into()
}

fn check(config: &Thing, prior: Option<&Thing>, planned: &Thing, replace: &[&str]) {
    let schema = Thing::schema();
    let config = unset(config.to_value(), "size");
    let prior = prior.map(|p| Object::new(p.to_value()));
    let request = PlanRequest { config: &config, prior: prior.as_ref() };
    let plan = default_plan(&schema, &request);
    assert_eq!(plan.planned, planned.to_value());
    assert_eq!(plan.replace.iter().map(ToString::to_string).collect::<Vec<_>>(), replace);
    let replaced = prior.as_ref().filter(|_| replace.is_empty()).map(|p| &p.value);
    assert!(crate::check_planned(&schema, &config, replaced, &plan.planned).is_empty());
}

const UNKNOWN: Computed<String> = Computed::Unknown;

#[test]
fn the_schema_is_what_the_struct_says() {
    let schema = Thing::schema();
    assert_eq!((Thing::type_name(), schema.version), ("test_thing", 2));
    let of = |name: &str| {
        let a = &schema.block.attributes[name];
        (a.required, a.optional, a.computed, a.replace, a.default.is_some())
    };
    assert_eq!(of("name"), (true, false, false, true, false));
    assert_eq!(of("note"), (false, true, false, false, false));
    assert_eq!(of("size"), (false, true, false, false, true));
    assert_eq!(of("zone"), (false, true, true, true, false));
    assert_eq!(of("id"), (false, false, true, false, false));
    assert_eq!(&*schema.block.attributes["etag"].description, "Its etag.");
    assert_eq!((schema.block.blocks["rules"].max, schema.block.blocks["any"].nesting), (2, Nesting::Set));
    let value = prior().to_value();
    assert_eq!(value.ty(), schema.block.ty());
    assert_eq!(prior().id().as_deref(), Some("k"));
    let back = Thing::from_value(&value).unwrap();
    assert_eq!(back.to_value(), value);
    let problem = Thing::from_value(&unset(value, "name")).err().unwrap();
    assert_eq!(
        (problem.path.to_string().as_str(), problem.detail.as_str()),
        (".name", "A value of type string is needed; there is none.")
    );
}

#[test]
fn a_new_object_has_defaults_and_unknowns() {
    let planned = Thing { zone: UNKNOWN, etag: UNKNOWN, key: UNKNOWN, ..config() };
    check(&config(), None, &planned, &[]);
    let wish = Thing { zone: "y".into(), rules: rules(&[(1, None)]), ..config() };
    let unknown = vec![Rule { port: 1, id: UNKNOWN }];
    check(&wish, None, &Thing { zone: "y".into(), rules: unknown, ..planned }, &[]);
}

#[test]
fn nothing_changes_when_nothing_differs() {
    check(&config(), Some(&prior()), &prior(), &[]);
    let wish = Thing { rules: rules(&[(1, None)]), any: rules(&[(2, None), (1, None)]), ..config() };
    let has =
        Thing { rules: rules(&[(1, Some("r"))]), any: rules(&[(1, Some("x")), (2, Some("y"))]), ..prior() };
    check(&wish, Some(&has), &has, &[]);
}

#[test]
fn an_update_keeps_what_is_computed_save_volatile() {
    let wish = Thing { note: Some("n".into()), ..config() };
    check(&wish, Some(&prior()), &Thing { note: Some("n".into()), etag: UNKNOWN, ..prior() }, &[]);
    check(
        &config(),
        Some(&Thing { note: Some("n".into()), ..prior() }),
        &Thing { etag: UNKNOWN, ..prior() },
        &[],
    );
    check(&config(), Some(&Thing { size: 9, ..prior() }), &Thing { etag: UNKNOWN, ..prior() }, &[]);
}

#[test]
fn set_elements_find_their_prior_by_what_is_configured() {
    let wish = Thing { any: rules(&[(3, None), (1, None)]), ..config() };
    let has = Thing { any: rules(&[(1, Some("x")), (2, Some("y"))]), ..prior() };
    let mut any = rules(&[(1, Some("x"))]);
    any.push(Rule { port: 3, id: UNKNOWN });
    check(&wish, Some(&has), &Thing { any, etag: UNKNOWN, ..prior() }, &[]);
}

#[test]
fn replacing_is_planned_as_creating() {
    let fresh = Thing { zone: UNKNOWN, etag: UNKNOWN, key: UNKNOWN, ..config() };
    let wish = Thing { name: "b".into(), ..config() };
    check(&wish, Some(&prior()), &Thing { name: "b".into(), ..fresh }, &[".name"]);
}
