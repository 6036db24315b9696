//! Plans and states as JSON, compared byte for byte with what Terraform 1.11.4 printed.
//!
//! `tests/terraform/terraform.tfstate` was made by applying `before.tf` (with `module.tf` as `./m`); then its random ids
//! were replaced by readable ones, `count[3]` was tainted and `count[4]` got a deposed object. `state.json` is
//! `terraform show -json` of it. `plan.json` is that of a plan of `after.tf` with `-replace=terraform_data.count[5]`,
//! without `prior_state`, `configuration` and `relevant_attributes`. The plan is written down again here, by hand.

use formwork_addr::{InstanceAddr, ResourceAddr};
use formwork_plan::{
    Action, CheckResult, CheckStatus, Deferred, Mode, OutputChange, Plan, PlannedChange, Reason,
    ReplaceOrder, json,
};
use formwork_state::{State, StoredObject, snapshot};
use formwork_value::{Mark, Number, Path, Type, Value};

fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

fn number(text: &str) -> Value {
    Number::parse(text).unwrap().into()
}

fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

fn no_type() -> Value {
    Value::null(Type::Dynamic)
}

fn change(address: &str, action: Action, before: Option<Value>, after: Option<Value>) -> PlannedChange {
    PlannedChange {
        addr: addr(address),
        deposed: None,
        previous_addr: None,
        provider: "provider[\"terraform.io/builtin/terraform\"]".into(),
        action,
        reason: None,
        before,
        after,
        replace_paths: Vec::new(),
        prior: None,
        private: Vec::new(),
        schema_version: 0,
        dependencies: [].into(),
        create_before_destroy: false,
        notes: Vec::new(),
        span: None,
    }
}

/// An object of type `terraform_data`.
fn data(id: Value, input: Value, output: Value, triggers: Value) -> Value {
    Value::object([("id", id), ("input", input), ("output", output), ("triggers_replace", triggers)])
}

fn plain(id: &str) -> Value {
    data(id.into(), no_type(), no_type(), no_type())
}

fn sample() -> Plan {
    let input = |name: &str, secret: Value| {
        Value::object([
            ("list", Value::tuple(vec![1.into(), secret, number("0.1")])),
            ("m", Value::map(Type::String, [("k".into(), "<v>".into())].into())),
            ("nul", no_type()),
            ("name", name.into()),
        ])
    };
    let secret = || Value::from("hunter2").mark(Mark::Sensitive);
    let update_before =
        data("id-update".into(), input("n", secret()), input("n", "hunter2".into()), no_type());
    let update_after =
        data("id-update".into(), input("z", secret()), Value::unknown(input("n", "".into()).ty()), no_type());
    let replace_input =
        |x| Value::tuple(vec!["id-update".into(), Value::object([("x", x), ("y", 1.into())])]);
    let replace_before = {
        let input = replace_input(input("n", "hunter2".into()));
        data("id-replace".into(), input.clone(), input, Value::tuple(vec!["n".into()]))
    };
    let replace_after = {
        let input = replace_input(Value::unknown(input("n", "".into()).ty()));
        let output = Value::unknown(input.ty());
        data(Value::unknown(Type::String), input, output, Value::tuple(vec!["z".into()]))
    };
    let big = || number("12345678901234567890");
    let moved = {
        let a = || Value::tuple(vec!["a".into()]);
        data("id-old".into(), a().mark(Mark::Sensitive), a(), no_type())
    };

    let mut changes: Vec<_> = (0..=10)
        .map(|i| {
            let before = plain(&format!("id-count{i}"));
            let replacement = data(Value::unknown(Type::String), no_type(), no_type(), no_type());
            let address = format!("terraform_data.count[{i}]");
            let replace = Action::Replace(ReplaceOrder::DestroyFirst);
            let (action, reason, after) = match i {
                3 => (replace, Some(Reason::ReplaceBecauseTainted), Some(replacement)),
                5 => (replace, Some(Reason::ReplaceByRequest), Some(replacement)),
                10 => (Action::Delete, Some(Reason::DeleteBecauseCountIndex), None),
                _ => (Action::NoOp, None, Some(before.clone())),
            };
            PlannedChange { reason, ..change(&address, action, Some(before), after) }
        })
        .collect();
    for module in ["module.m[\"one\"]", "module.m[\"k\\\"2\"]"] {
        let id = if module.contains("one") { "id-inner-one" } else { "id-inner-k2" };
        let address = format!("{module}.terraform_data.inner");
        changes.push(change(&address, Action::NoOp, Some(plain(id)), Some(plain(id))));
    }
    changes.extend([
        PlannedChange {
            deposed: Some("0badcafe".into()),
            ..change("terraform_data.count[4]", Action::Delete, Some(plain("id-count4")), None)
        },
        PlannedChange {
            reason: Some(Reason::DeleteBecauseNoResourceConfig),
            ..change("terraform_data.forgotten", Action::Forget, Some(plain("id-forgotten")), None)
        },
        change("terraform_data.imported", Action::NoOp, Some(plain("someid")), Some(plain("someid"))),
        PlannedChange {
            previous_addr: Some(addr("terraform_data.old")),
            ..change("terraform_data.new", Action::NoOp, Some(moved.clone()), Some(moved))
        },
        PlannedChange {
            reason: Some(Reason::ReplaceBecauseCannotUpdate),
            replace_paths: vec![Path::root().attr("triggers_replace")],
            ..change(
                "terraform_data.replace",
                Action::Replace(ReplaceOrder::DestroyFirst),
                Some(replace_before),
                Some(replace_after),
            )
        },
        PlannedChange {
            reason: Some(Reason::ReplaceByTriggers),
            ..change(
                "terraform_data.triggered",
                Action::Replace(ReplaceOrder::CreateFirst),
                Some(data("id-triggered".into(), big(), big(), no_type())),
                Some(data(
                    Value::unknown(Type::String),
                    big(),
                    Value::unknown_not_null(Type::Number),
                    no_type(),
                )),
            )
        },
        change("terraform_data.update", Action::Update, Some(update_before), Some(update_after)),
        PlannedChange {
            reason: Some(Reason::ReadBecauseConfigUnknown),
            ..change(
                "data.terraform_remote_state.later",
                Action::Read,
                None,
                Some(Value::object([
                    ("backend", "local".into()),
                    ("config", Value::object([("path", Value::unknown(Type::String))])),
                    ("defaults", no_type()),
                    ("outputs", unknown()),
                    ("workspace", Value::null(Type::String)),
                ])),
            )
        },
        // Read while planning: not shown.
        change("data.terraform_remote_state.now", Action::NoOp, None, Some(Value::object([("a", 1.into())]))),
    ]);

    let output = |before, after, sensitive| OutputChange { before, after, sensitive };
    let same = || Some(Value::set(Type::String, vec!["same".into()]));
    let parts = Value::tuple(vec![unknown(), "x".into(), Value::object([("a", unknown()), ("b", 1.into())])]);
    let check = |address: &str, status, problems: &[&str]| CheckResult {
        address: address.into(),
        status,
        problems: problems.iter().map(|p| p.to_string()).collect(),
    };
    Plan {
        changes,
        outputs: [
            ("gone", output(Some(1.into()), None, false)),
            ("null", output(None, Some(no_type()), false)),
            ("parts", output(None, Some(parts), false)),
            ("same", output(same(), same(), false)),
            ("secret", output(Some("n".into()), Some(Value::from("z").mark(Mark::Sensitive)), true)),
            ("wholly", output(None, Some(Value::unknown_not_null(Type::String)), false)),
        ]
        .map(|(name, change)| (name.into(), change))
        .into(),
        checks: vec![
            check("output.wholly", CheckStatus::Pass, &[]),
            check("module.m[\"one\"].terraform_data.inner", CheckStatus::Pass, &[]),
            check("check.failing", CheckStatus::Fail, &["never"]),
            check("module.m[\"k\\\"2\"].terraform_data.inner", CheckStatus::Pass, &[]),
        ],
        variables: [("name".into(), "z".into())].into(),
        replace: vec![addr("terraform_data.count[5]")],
        imports: [(addr("terraform_data.imported"), "someid".into())].into(),
        timestamp: "2026-11-22T14:38:01Z".into(),
        ..Plan::default()
    }
}

/// Like `assert_eq`, but shows only where the texts part.
fn check_text(ours: &str, theirs: &str) {
    let theirs = theirs.trim_end();
    let same = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let bytes = &text.as_bytes()[same.saturating_sub(200)..text.len().min(same + 200)];
        String::from_utf8_lossy(bytes).into_owned()
    };
    assert!(ours == theirs, "ours:   {}\ntheirs: {}", around(ours), around(theirs));
}

fn decode(addr: &ResourceAddr, object: &StoredObject) -> Option<Value> {
    let ty = Type::object([
        ("id", Type::String),
        ("input", Type::Dynamic),
        ("output", Type::Dynamic),
        ("triggers_replace", Type::Dynamic),
    ]);
    assert_eq!(&*addr.resource.type_name, "terraform_data");
    formwork_value::json::decode(&object.attributes, &ty).ok()
}

fn state() -> State {
    snapshot::parse(include_str!("terraform/terraform.tfstate")).unwrap()
}

#[test]
fn a_plan_is_terraforms() {
    let plan = sample();
    check_text(&json::plan_text(&plan, None, None), include_str!("terraform/plan.json"));
    let value = json::plan(&plan, None, None);
    assert_eq!(value["resource_changes"][0]["change"]["actions"][0], "read");
    assert_eq!(value["resource_changes"].as_array().map(Vec::len), Some(21));
}

#[test]
fn a_state_is_terraforms() {
    check_text(&json::state_text(&state(), &decode), include_str!("terraform/state.json"));
    assert_eq!(json::state_text(&State::default(), &decode), r#"{"format_version":"1.0"}"#);
}

#[test]
fn an_object_of_an_unknown_type_is_shown_as_stored() {
    let state = json::state(&state(), &|_, _| None);
    let resources = state["values"]["root_module"]["resources"].as_array().unwrap();
    let old = resources.iter().find(|r| r["name"] == "old").unwrap();
    assert_eq!(old["values"]["id"], "id-old");
    assert_eq!(old["values"]["input"]["value"][0], "a");
    assert_eq!(old["sensitive_values"]["input"], true);
}

#[test]
fn infinite_variables_are_text() {
    let plan = Plan { variables: [("n".into(), number("-Inf"))].into(), ..Plan::default() };
    assert_eq!(json::plan(&plan, None, None)["variables"]["n"]["value"], "-Inf");
}

#[test]
fn an_empty_plan() {
    let plan = Plan { timestamp: "2026-11-22T14:25:09Z".into(), ..Plan::default() };
    let representation = serde_json::json!({"root_module": {}});
    let configuration =
        json::Configuration { representation: &representation, relevant_attributes: &[], checkable: &[] };
    check_text(
        &json::plan_text(&plan, Some(configuration), None),
        r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{"root_module":{}},"configuration":{"root_module":{}},"timestamp":"2026-11-22T14:25:09Z","applyable":false,"complete":true,"errored":false}"#,
    );
}

#[test]
fn the_prior_state_is_shown_within() {
    let prior = json::PriorState { state: &state(), decode: &decode };
    let plan = json::plan(&Plan::default(), None, Some(prior));
    let mut state: serde_json::Value = serde_json::from_str(include_str!("terraform/state.json")).unwrap();
    // Terraform leaves the outcomes of checks out here.
    state.as_object_mut().unwrap().remove("checks");
    assert_eq!(plan["prior_state"], state);
}

#[test]
fn known_outputs_are_in_the_prior_state_already() {
    let output =
        |before: Option<Value>, after: Option<Value>| OutputChange { before, after, sensitive: false };
    let secret = || Value::from("x").mark(formwork_value::Mark::Sensitive);
    let outputs = |mode| {
        let changes = [
            ("a", output(None, Some(1.into()))),
            ("b", output(None, Some(Value::unknown(Type::String)))),
            ("c", output(None, Some(no_type()))),
            // From now on, and no longer, a secret.
            ("hidden", OutputChange { sensitive: true, ..output(Some("x".into()), Some(secret())) }),
            ("shown", OutputChange { sensitive: true, ..output(Some(secret()), Some("x".into())) }),
        ];
        let plan = Plan { mode, outputs: changes.map(|(k, v)| (k.into(), v)).into(), ..Plan::default() };
        let prior = json::PriorState { state: &State::default(), decode: &decode };
        json::plan(&plan, None, Some(prior))["prior_state"].clone()
    };
    let values = serde_json::json!({
        "outputs": {
            "a": { "sensitive": false, "value": 1, "type": "number" },
            "hidden": { "sensitive": true, "value": "x", "type": "string" },
            "shown": { "sensitive": false, "value": "x", "type": "string" },
        },
        "root_module": {},
    });
    assert_eq!(outputs(Mode::Normal)["values"], values);
    assert_eq!(outputs(Mode::Destroy), serde_json::Value::Null);
}

#[test]
fn what_was_not_checked_is_unknown() {
    let representation = serde_json::json!({});
    let checkable = ["check.x".to_owned()];
    let relevant_attributes = [serde_json::json!({ "resource": "t.a", "attribute": ["id"] })];
    let configuration = json::Configuration {
        representation: &representation,
        relevant_attributes: &relevant_attributes,
        checkable: &checkable,
    };
    let shown = |plan: &Plan| json::plan(plan, Some(configuration), None);
    let check = |status: &str| {
        serde_json::json!([{
            "address": { "kind": "check", "name": "x", "to_display": "check.x" }, "status": status,
        }])
    };
    let failed = shown(&Plan { errored: true, ..Plan::default() });
    assert_eq!(failed["relevant_attributes"][0]["resource"], "t.a");
    assert_eq!(failed["checks"], check("unknown"));
    assert_eq!(shown(&Plan { mode: Mode::Destroy, ..Plan::default() })["checks"], check("unknown"));
    // Where everything was looked at, there is none.
    assert_eq!(shown(&Plan::default())["checks"], check("pass"));
}

#[test]
fn what_waits_makes_a_plan_incomplete() {
    let deferred = change("t.a", Action::Defer, None, Some(unknown()));
    let plan = Plan {
        changes: vec![deferred],
        deferred: vec![Deferred {
            address: "t.a".into(),
            cause: formwork_plan::Cause::DeferredPrereq,
            reason: "its count is not known".into(),
            within: Vec::new(),
        }],
        ..Plan::default()
    };
    let shown = json::plan(&plan, None, None);
    assert_eq!(shown["complete"], false);
    assert_eq!(shown["resource_changes"], serde_json::Value::Null);
    assert_eq!(shown["planned_values"]["root_module"], serde_json::json!({}));
    assert_eq!(shown["deferred_changes"][0]["resource_change"]["change"]["actions"][0], "create");
}

/// Looked for one by one, these would be compared two hundred million times.
#[test]
fn much_may_wait() {
    let addresses: Vec<String> = (0..20_000).map(|i| format!("t.a[{i}]")).collect();
    let waits = |address: &String| Deferred {
        address: address.clone(),
        cause: formwork_plan::Cause::DeferredPrereq,
        reason: "its count is not known".into(),
        within: Vec::new(),
    };
    let plan = Plan {
        changes: addresses.iter().map(|a| change(a, Action::Defer, None, Some(unknown()))).collect(),
        deferred: addresses.iter().map(waits).collect(),
        ..Plan::default()
    };
    let shown = json::plan(&plan, None, None);
    let waiting = shown["deferred_changes"].as_array().unwrap();
    assert_eq!(waiting.len(), 20_000);
    assert_eq!(waiting[19_999]["resource_change"]["address"], "t.a[19999]");
}

#[test]
fn removals_that_wait_are_told_apart() {
    let object = || Some(plain("id"));
    let gone = change("t.a", Action::Defer, object(), None);
    let deposed = PlannedChange { deposed: Some("abcd1234".into()), ..gone.clone() };
    let kept = change("t.b", Action::Defer, object(), object());
    let old =
        PlannedChange { deposed: Some("00000000".into()), ..change("t.b", Action::Defer, object(), None) };
    let read = change("data.t.a", Action::Defer, None, Some(unknown()));
    let changes = vec![read, gone, deposed, kept, old];
    let waits = |c: &PlannedChange| Deferred {
        address: c.subject(),
        cause: formwork_plan::Cause::DeferredPrereq,
        reason: "something has to wait".into(),
        within: Vec::new(),
    };
    let deferred = changes.iter().map(waits).collect();
    let shown = json::plan(&Plan { changes, deferred, ..Plan::default() }, None, None);
    assert_eq!(shown["resource_changes"], serde_json::Value::Null);
    let told = shown["deferred_changes"].as_array().unwrap().iter().map(|d| {
        let change = &d["resource_change"];
        format!("{} {} {}", change["address"], change["deposed"], change["change"]["actions"])
    });
    let expected = [
        r#""data.t.a" null ["read"]"#,
        r#""t.a" null ["delete"]"#,
        r#""t.a" "abcd1234" ["delete"]"#,
        r#""t.b" null ["update"]"#,
        r#""t.b" "00000000" ["delete"]"#,
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn moves_are_drift_only_when_nothing_else_is_planned() {
    let object = || Some(plain("id"));
    let moved =
        PlannedChange { previous_addr: Some(addr("t.a")), ..change("t.b", Action::NoOp, object(), object()) };
    let shown = |mode| {
        json::plan(&Plan { mode, drift: vec![moved.clone()], ..Plan::default() }, None, None)["resource_drift"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(shown(Mode::Normal), None);
    assert_eq!(shown(Mode::RefreshOnly), Some(1));
}

#[test]
fn data_that_is_read_again_is_not_in_the_prior_state() {
    let instance = serde_json::json!({ "schema_version": 0, "attributes": { "id": "a" } });
    let state = serde_json::json!({
        "version": 4, "serial": 1, "lineage": "l", "outputs": {},
        "resources": [{
            "mode": "data", "type": "t", "name": "a", "provider": "provider[\"x\"]", "instances": [instance],
        }],
    });
    let state = snapshot::parse(&state.to_string()).unwrap();
    let prior = json::PriorState { state: &state, decode: &|_, _| None };
    let root = |changes| {
        let plan = Plan { changes, ..Plan::default() };
        json::plan(&plan, None, Some(prior))["prior_state"]["values"]["root_module"].clone()
    };
    assert_eq!(root(Vec::new())["resources"][0]["address"], "data.t.a");
    let again = change("data.t.a", Action::Read, None, Some(Value::object([("id", unknown())])));
    assert_eq!(root(vec![again]), serde_json::json!({}));
}

#[test]
fn an_object_of_which_nothing_is_known_has_no_values() {
    let object = |id| Some(Value::object([("id", id), ("etag", unknown())]));
    let changes = vec![
        change("t.a", Action::Create, None, object(unknown())),
        change("t.b", Action::Create, None, object(no_type())),
    ];
    let shown = json::plan(&Plan { changes, ..Plan::default() }, None, None);
    let values = |i: usize| shown["planned_values"]["root_module"]["resources"][i].get("values").cloned();
    assert_eq!(values(0), None);
    assert_eq!(values(1), Some(serde_json::json!({ "id": null })));
}
