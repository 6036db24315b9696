use super::*;
use crate::{
    Action, CheckResult, CheckStatus, Deferred, LeftOut, Mode, OutputChange, Part, PlannedChange, Reason,
    ReplaceOrder, Step, StepKind,
};
use formwork_addr::{InstanceAddr, InstanceKey, Pattern, Target};
use formwork_diag::{FileId, Span};
use formwork_state::{Status, StoredObject};
use formwork_value::{Mark, Path, Type};
use std::sync::Arc;

fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

/// Everything that a plan can hold, at least once.
fn sample() -> (Plan, Bundle) {
    let stored = StoredObject {
        schema_version: 3,
        attributes: "{ \"id\" : 1.50,\n\"n\":null}".into(),
        sensitive: vec![Path::root().attr("a").index(0).index("k"), Path::root()],
        private: vec![0, 255, 7],
        dependencies: ["module.m[\"a\"].data.t.x", "t.y"].iter().map(|a| a.parse().unwrap()).collect(),
        status: Status::Tainted,
        create_before_destroy: true,
        provider: None,
        extra: vec![("identity".into(), "{\"a\":1}".into())],
    };
    let object = Value::object([
        ("id", Value::unknown(Type::String)),
        ("secret", Value::from("s").mark(Mark::Sensitive)),
        ("set", Value::set(Type::Number, vec![1.into(), 2.into()])),
    ]);
    let full = PlannedChange {
        addr: addr("module.m[0].module.n.t.a[\"x\\\"${y}\\n\"]"),
        deposed: Some("0badcafe".into()),
        previous_addr: Some(addr("t.old[1]")),
        provider: "provider[\"registry.terraform.io/hashicorp/aws\"].west".into(),
        action: Action::Replace(ReplaceOrder::CreateFirst),
        reason: Some(Reason::ReplaceBecauseTainted),
        before: Some(Value::NULL),
        after: Some(object),
        replace_paths: vec![Path::root().attr("id"), Path::root().attr("l").index(2)],
        prior: Some(Arc::new(stored)),
        private: vec![1, 2, 3],
        schema_version: 4,
        dependencies: ["t.y".parse().unwrap()].into(),
        create_before_destroy: true,
        notes: vec!["note".into()],
        span: Some(Span { file: FileId(2), start: 5, end: 9 }),
    };
    let empty = PlannedChange {
        addr: addr("data.t.b"),
        deposed: None,
        previous_addr: None,
        action: Action::NoOp,
        reason: None,
        before: None,
        after: None,
        replace_paths: vec![],
        prior: None,
        private: vec![],
        dependencies: [].into(),
        notes: vec![],
        span: None,
        ..full.clone()
    };
    let actions = [
        Action::Create,
        Action::Read,
        Action::Update,
        Action::Replace(ReplaceOrder::DestroyFirst),
        Action::Delete,
        Action::Forget,
        Action::Defer,
    ];
    let mut changes = vec![full.clone(), empty.clone()];
    changes.extend(actions.map(|action| PlannedChange { action, ..empty.clone() }));
    let output = |before, after| OutputChange { before, after, sensitive: true };
    let plan = Plan {
        mode: Mode::RefreshOnly,
        changes,
        drift: vec![full],
        outputs: [
            ("null".into(), output(None, Some(Value::NULL))),
            ("gone".into(), output(Some(Value::null(Type::String)), None)),
        ]
        .into(),
        steps: vec![
            Step { kind: StepKind::Gate, after: vec![] },
            Step { kind: StepKind::Change(0, Part::Depose), after: vec![0] },
            Step { kind: StepKind::Change(0, Part::Delete), after: vec![0, 1] },
            Step { kind: StepKind::Change(1, Part::Apply), after: vec![] },
            Step { kind: StepKind::Change(1, Part::Forget), after: vec![] },
        ],
        deferred: vec![Deferred {
            address: "module.m".into(),
            cause: crate::Cause::InstanceCountUnknown,
            reason: "count".into(),
            within: vec!["module.m[\"*\"].t.a".parse().unwrap()],
        }],
        checks: vec![CheckResult {
            address: "check.c".into(),
            status: CheckStatus::Fail,
            problems: vec!["no".into()],
        }],
        variables: [("v".into(), Value::from("x").mark(Mark::Ephemeral))].into(),
        targets: vec![
            Pattern::Exact(Target::Module("module.m[0]".parse().unwrap())),
            Pattern::Exact(Target::Resource("t.a".parse().unwrap())),
            Pattern::Exact(Target::Instance(addr("t.a").resource.instance(InstanceKey::None))),
            Pattern::Glob("t.*[\"x*".into()),
        ],
        excludes: vec![Pattern::Glob("*".into())],
        left_out: vec![LeftOut { address: "module.m".into(), named: true }],
        replace: vec![addr("t.a[0]")],
        imports: [(addr("t.a"), "id".into())].into(),
        generated: [(addr("t.a"), "resource \"t\" \"a\" {\n}".into())].into(),
        providers: [("provider[\"x\"]".into(), "00ff".into())].into(),
        timestamp: "2026-01-02T03:04:05Z".into(),
        prior_serial: u64::MAX,
        prior_lineage: "l".into(),
        workspace: "default".into(),
        errored: true,
    };
    let bundle = Bundle {
        root: ".".into(),
        sources: vec![("main.tf".into(), b"a\r\n\xc3\xa9".to_vec()), ("x.bin".into(), vec![0xff, 0])],
        variables: [("v".into(), Value::list(Type::Number, vec![1.into()]))].into(),
        refreshed_state: "{\n}\n".into(),
        reads: crate::reads::tests::sample(),
    };
    (plan, bundle)
}

#[test]
fn everything_survives() {
    let (plan, bundle) = sample();
    let file = write(&plan, &bundle);
    let (plan_again, bundle_again) = read(&file).unwrap();
    assert_eq!(plan_again, plan);
    assert_eq!(bundle_again, bundle);
    assert_eq!(read(&write(&Plan::default(), &Bundle::default())), Ok(Default::default()));
}

#[test]
fn a_cut_or_changed_file_is_refused() {
    let (plan, bundle) = sample();
    let file = write(&plan, &bundle);
    assert_eq!(read(&[]), Err(PlanFileError::Empty));
    for end in 1..file.len() {
        let error = read(&file[..end]).unwrap_err();
        assert!(matches!(error, PlanFileError::Truncated { .. }), "cut at {end}: {error:?}");
    }
    for at in (0..file.len()).step_by(7) {
        let mut file = file.clone();
        file[at] ^= 1;
        assert!(read(&file).is_err(), "changed at {at}");
    }
    let mut longer = file;
    longer.push(b'\n');
    assert_eq!(read(&longer), Err(PlanFileError::Corrupted));
}

#[test]
fn a_mark_tells_that_it_was_applied() {
    let (plan, bundle) = sample();
    let file = write(&plan, &bundle);
    assert_eq!(applied(&file), None);
    let marked = [&file[..], mark("2026-01-02T03:04:05Z").as_bytes()].concat();
    assert_eq!(applied(&marked), Some("2026-01-02T03:04:05Z"));
    assert_eq!(read(&marked).unwrap(), (plan, bundle));
    // Half a mark, or two, is damage.
    let again = [&marked[..], mark("2026-01-02T03:04:06Z").as_bytes()].concat();
    for broken in [&marked[..marked.len() - 1], &marked[..file.len() + 3], &again[..]] {
        assert_eq!(read(broken), Err(PlanFileError::Corrupted));
    }
}

#[test]
fn other_files_are_named() {
    let check = |bytes: &[u8], expected| assert_eq!(read(bytes), Err(expected));
    check(b"PK\x03\x04rest", PlanFileError::Terraform);
    check(b" {\"format_version\":\"1.2\"}", PlanFileError::Json);
    check(b"resource \"a\" \"b\" {}", PlanFileError::Unrecognised);
    check(b"formwork plan 3\nwhatever", PlanFileError::Newer { version: 3 });
    check(b"formwork plan 1\nwhatever", PlanFileError::Older { version: 1 });
    check(b"formwork plan 0\nwhatever", PlanFileError::Corrupted);
    check(b"formwork plan x\nwhatever", PlanFileError::Corrupted);

    let payload = "{\"plan\":{\"hunter2\":1}}";
    let file =
        format!("formwork plan 2\nsha256 {} {}\n{payload}", hex(&Sha256::digest(payload)), payload.len());
    let error = read(file.as_bytes()).unwrap_err();
    assert!(matches!(error, PlanFileError::Malformed { line: 1, .. }), "{error:?}");
    let shown = format!("{:?}", error.diagnostic("p"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
