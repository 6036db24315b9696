use super::*;
use crate::{PlannedChange, ReplaceOrder};
use formwork_state::{OutputState, StoredObject};
use formwork_value::Value;
use proptest::prelude::*;
use std::sync::Arc;

/// Something of everything.
pub(crate) fn sample() -> Reads {
    let mut reads = Reads {
        instances: [(addr("t.a[\"k\"]"), "00".into())].into(),
        absent: [addr("t.b")].into(),
        sets: vec![Target::Module("module.m".parse().unwrap())],
        dependents: [addr("t.c")].into(),
        dropped: [addr("data.t.d")].into(),
        outputs: [("o".into(), None), ("p".into(), Some("01".into()))].into(),
        asked: [addr("data.t.e")].into(),
        ..Reads::default()
    };
    reads.file("f", b"x");
    reads.looked_for("g", false);
    reads.list(".", "*", vec!["f".into()]);
    reads.variable("REGION", None);
    reads
}

fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

fn object(attributes: &str, dependencies: &[&str]) -> Arc<StoredObject> {
    Arc::new(StoredObject {
        schema_version: 0,
        attributes: attributes.into(),
        sensitive: vec![],
        private: vec![],
        dependencies: dependencies.iter().map(|d| d.parse().unwrap()).collect(),
        status: formwork_state::Status::Ready,
        create_before_destroy: false,
        provider: None,
        extra: vec![],
    })
}

fn state(instances: &[(&str, &str, &[&str])]) -> State {
    let mut state = State { serial: 1, lineage: "l".into(), ..State::default() };
    for (at, attributes, dependencies) in instances {
        state.set(&addr(at), None, &"provider[\"p\"]".into(), Some(object(attributes, dependencies)));
    }
    state
}

fn change(at: &str, action: Action) -> PlannedChange {
    PlannedChange {
        addr: addr(at),
        deposed: None,
        previous_addr: None,
        provider: "provider[\"p\"]".into(),
        action,
        reason: None,
        before: None,
        after: None,
        replace_paths: vec![],
        prior: None,
        private: vec![],
        schema_version: 0,
        dependencies: [].into(),
        create_before_destroy: false,
        notes: vec![],
        span: None,
    }
}

fn resources(names: &[&str]) -> BTreeSet<Target> {
    names.iter().map(|n| Target::Resource(n.parse().unwrap())).collect()
}

/// A plan that read `t.a` and `t.n[*]`, missed `t.b`, and removes `t.gone`.
fn planned() -> (Plan, Reads, State) {
    let before = state(&[
        ("t.a", "{\"id\": \"a\", \"n\": 1.0}", &[]),
        ("t.n[0]", "{}", &[]),
        ("t.gone", "{}", &[]),
        ("t.other", "{}", &["t.gone"]),
        ("data.t.d", "{}", &[]),
    ]);
    let mut before = before;
    before.outputs.insert("o".into(), OutputState { value: Value::from("v"), sensitive: false });
    let plan = Plan {
        prior_serial: 1,
        prior_lineage: "l".into(),
        changes: vec![
            change("t.a", Action::Update),
            change("t.b", Action::Create),
            change("t.gone", Action::Delete),
            change("t.n[0]", Action::NoOp),
        ],
        ..Plan::default()
    };
    let seen = Seen {
        instances: ["t.a", "t.n[0]", "t.gone"].map(addr).into(),
        absent: [addr("t.b")].into(),
        sets: resources(&["t.a", "t.b", "t.n", "module.m.t.x"]),
        outputs: ["o".into(), "new".into()].into(),
        environment: BTreeSet::new(),
        files: BTreeSet::new(),
        asked: BTreeSet::new(),
    };
    let reads = Reads::new(&seen, &plan, &before, &before);
    (plan, reads, before)
}

/// What has changed after `edit`.
fn after(edit: impl FnOnce(&mut State)) -> Vec<String> {
    let (plan, reads, before) = planned();
    let mut now = before.clone();
    edit(&mut now);
    now.serial += 1;
    reads.changed_state(&plan, &before, &now)
}

fn set(state: &mut State, at: &str, attributes: &str, dependencies: &[&str]) {
    state.set(&addr(at), None, &"provider[\"p\"]".into(), Some(object(attributes, dependencies)));
}

#[test]
fn what_was_read_must_stay() {
    let check = |edit: fn(&mut State), expected: &str| assert_eq!(after(edit), [expected]);
    check(|s| set(s, "t.a", "{\"id\":\"z\"}", &[]), "t.a has changed");
    check(|s| set(s, "t.a", "{\"id\":\"a\",\"n\":1.0}", &["t.x"]), "t.a has changed");
    check(|s| s.resources.get_mut(&addr("t.a").resource).unwrap().provider = "q".into(), "t.a has changed");
    check(|s| s.depose(&addr("t.a"), &"00000001".into()), "t.a has changed");
    check(|s| s.set(&addr("t.a"), None, &"p".into(), None), "t.a is gone");
    let there = "is there now, and was not when the plan was made";
    check(
        |s| set(s, "t.b", "{}", &[]),
        &format!("t.b {}", "is there now, and was not when the plan was made"),
    );
    assert_eq!(after(|s| set(s, "t.n[1]", "{}", &[])), [format!("t.n[1] {there}")]);
    assert_eq!(after(|s| set(s, "module.m[0].t.x", "{}", &[])), [format!("module.m[0].t.x {there}")]);
    let output = |value: &str| OutputState { value: Value::from(value), sensitive: false };
    assert_eq!(after(|s| _ = s.outputs.insert("o".into(), output("w"))), ["the output \"o\" has changed"]);
    assert_eq!(after(|s| _ = s.outputs.remove("o")), ["the output \"o\" is gone"]);
    assert_eq!(
        after(|s| _ = s.outputs.insert("new".into(), output("w"))),
        [format!("the output \"new\" {there}")]
    );
    assert_eq!(
        after(|s| set(s, "t.late", "{}", &["t.gone"])),
        ["t.late depends now on t.gone, which the plan removes"]
    );
}

#[test]
fn the_rest_may_change() {
    let check = |edit: fn(&mut State)| assert_eq!(after(edit), Vec::<String>::new());
    check(|_| {});
    check(|s| set(s, "t.unrelated", "{}", &["t.a"]));
    check(|s| set(s, "t.other", "{\"id\":\"changed\"}", &["t.gone"]));
    check(|s| s.set(&addr("t.other"), None, &"p".into(), None));
    check(|s| set(s, "data.t.d", "{\"id\":1}", &[]));
    check(|s| s.check_results = Some("[]".into()));
    check(|s| {
        s.outputs.insert("unread".into(), OutputState { value: Value::from("v"), sensitive: true });
    });
    // The same, written otherwise.
    check(|s| set(s, "t.a", " {\"n\":1.0,\n\"id\":\"\\u0061\"}", &[]));
}

#[test]
fn what_the_plan_had_found_itself_is_no_change() {
    let (plan, reads, before) = planned();
    let mut refreshed = before.clone();
    set(&mut refreshed, "t.a", "{\"id\":\"drifted\"}", &[]);
    assert_eq!(reads.changed_state(&plan, &refreshed, &refreshed), Vec::<String>::new());
}

#[test]
fn a_destroy_read_everything_and_a_target_only_its_part() {
    let (mut plan, reads, before) = planned();
    let mut now = before.clone();
    set(&mut now, "t.unrelated", "{}", &[]);
    plan.mode = Mode::Destroy;
    assert_eq!(reads.changed_state(&plan, &before, &now).len(), 2, "t.other was not read either");
    plan.mode = Mode::Normal;
    plan.targets = vec!["t.n[0]".parse().unwrap()];
    let mut now = before.clone();
    set(&mut now, "t.n[1]", "{}", &[]);
    assert_eq!(reads.changed_state(&plan, &before, &now), Vec::<String>::new());
    plan.targets = vec!["t.n*".parse().unwrap()];
    assert_eq!(reads.changed_state(&plan, &before, &now).len(), 1);
    plan.targets.clear();
    plan.excludes = vec!["t.n[*]".parse().unwrap()];
    assert_eq!(reads.changed_state(&plan, &before, &now), Vec::<String>::new());
}

#[test]
fn merging_keeps_what_others_did() {
    let (mut plan, reads, before) = planned();
    plan.changes[0].previous_addr = Some(addr("t.a"));
    plan.changes[0].addr = addr("t.moved");
    let mut refreshed = before.clone();
    refreshed.rename(&addr("t.a"), &addr("t.moved"));
    set(&mut refreshed, "t.moved", "{\"id\":\"found\"}", &[]);
    refreshed.set(&addr("t.n[0]"), None, &"p".into(), None);
    let mut now = before.clone();
    now.serial = 7;
    set(&mut now, "t.unrelated", "{}", &[]);
    set(&mut now, "t.other", "{\"id\":\"new\"}", &[]);
    let merged = reads.merge(&plan, refreshed.clone(), &now);
    let text = |s: &State, at: &str| {
        s.instance(&addr(at)).and_then(|i| i.current.as_ref()).map(|o| o.attributes.to_string())
    };
    assert_eq!(merged.serial, 7);
    assert_eq!(text(&merged, "t.a"), None);
    assert_eq!(text(&merged, "t.moved").as_deref(), Some("{\"id\":\"found\"}"));
    assert_eq!(text(&merged, "t.n[0]"), None);
    assert_eq!(text(&merged, "t.unrelated").as_deref(), Some("{}"));
    assert_eq!(text(&merged, "t.other").as_deref(), Some("{\"id\":\"new\"}"));
    now.serial = 1;
    assert_eq!(reads.merge(&plan, refreshed.clone(), &now), refreshed);
}

#[test]
fn files_and_the_environment_count() {
    let mut reads = Reads::default();
    reads.file("a", b"1");
    reads.looked_for("a", true);
    reads.looked_for("b", false);
    reads.looked_for("c", true);
    reads.list("d/", "*.x", vec!["e.x".into()]);
    reads.variable("R", Some("eu"));
    reads.variable("S", None);
    let disk = |a: &'static str| move |p: &str| (p == "c" || p == a).then(|| b"1".to_vec());
    let list = |_: &str, _: &str| vec!["e.x".to_owned()];
    assert_eq!(reads.changed_files(disk("a"), list), Vec::<String>::new());
    assert_eq!(
        reads.changed_files(disk("b"), |_, _| vec!["f.x".into()]),
        [
            "the file a is gone",
            "the file b is there now, and was not when the plan was made",
            "the file d/e.x is gone",
            "the file d/f.x is there now, and was not when the plan was made",
        ]
    );
    let other = |p: &str| Some(if p == "a" { b"2".to_vec() } else { b"1".to_vec() }).filter(|_| p != "b");
    assert_eq!(reads.changed_files(other, list), ["the file a has changed"]);
    let env = |r: Option<&'static str>, s: Option<&'static str>| {
        move |n: &str| (if n == "R" { r } else { s }).map(String::from)
    };
    assert_eq!(reads.changed_environment(env(Some("eu"), None)), Vec::<String>::new());
    assert_eq!(
        reads.changed_environment(env(Some("us"), Some("x"))),
        [
            "the environment variable R has another value",
            "the environment variable S is set now, and was not when the plan was made",
        ]
    );
    assert_eq!(reads.changed_environment(env(None, None)), ["the environment variable R is no longer set"]);
}

#[test]
fn replacements_read_who_depends_on_them() {
    let (mut plan, _, before) = planned();
    plan.changes = vec![change("t.a", Action::Replace(ReplaceOrder::DestroyFirst))];
    let seen = Seen { instances: [addr("t.a")].into(), ..Seen::default() };
    let reads = Reads::new(&seen, &plan, &before, &before);
    let mut now = before.clone();
    set(&mut now, "t.late", "{}", &["t.a"]);
    assert_eq!(
        reads.changed_state(&plan, &before, &now),
        ["t.late depends now on t.a, which the plan removes"]
    );
}

proptest! {
    /// Whatever is done to the state: a plan is stale exactly when something that it read is not what it was.
    #[test]
    fn stale_exactly_when_something_read_differs(
        edits in proptest::collection::vec((0usize..6, 0usize..4), 0..8),
        read in proptest::collection::btree_set(0usize..6, 0..6),
    ) {
        let names = ["t.a", "t.b", "t.c", "t.d[0]", "t.d[1]", "module.m[\"x\"].t.e"];
        let before = state(&[("t.a", "{\"v\":0}", &[]), ("t.b", "{\"v\":0}", &[]), ("t.d[0]", "{\"v\":0}", &[])]);
        let (there, missing): (Vec<usize>, Vec<usize>) =
            read.iter().partition(|i| before.instance(&addr(names[**i])).is_some());
        let seen = Seen {
            instances: there.iter().map(|i| addr(names[*i])).collect(),
            absent: missing.iter().map(|i| addr(names[*i])).collect(),
            ..Seen::default()
        };
        let plan = Plan::default();
        let reads = Reads::new(&seen, &plan, &before, &before);
        let mut now = before.clone();
        for (which, value) in edits {
            let at = addr(names[which]);
            let new = (value > 0).then(|| object(&format!("{{\"v\":{}}}", value - 1), &[]));
            now.set(&at, None, &"provider[\"p\"]".into(), new);
        }
        let text = |s: &State, i: &usize| {
            s.instance(&addr(names[*i])).and_then(|i| i.current.as_ref()).map(|o| o.attributes.clone())
        };
        let differing: Vec<usize> = read.iter().copied().filter(|i| text(&before, i) != text(&now, i)).collect();
        let changes = reads.changed_state(&plan, &before, &now);
        prop_assert_eq!(changes.len(), differing.len());
        for i in differing {
            let name = format!("{} ", names[i]);
            prop_assert!(changes.iter().any(|c| c.starts_with(&name)), "{}", names[i]);
        }
        // What it did not read is, after merging, as others left it.
        let merged = reads.merge(&Plan { prior_serial: 99, ..Plan::default() }, before.clone(), &now);
        for i in 0..names.len() {
            let expected = if there.contains(&i) { text(&before, &i) } else { text(&now, &i) };
            prop_assert_eq!(text(&merged, &i), expected);
        }
    }
}
