//! Plans as text: values before and after, and the lines that say so. The expectations are Terraform 1.11.4's own lines where it
//! can make such a plan by itself.

use super::plan::{Schemas, View, plan};
use super::style::Style;
use formwork_addr::{InstanceAddr, InstanceKey, ModuleInstance, Resource, ResourceAddr};
use formwork_plan::{Action, OutputChange, Plan, PlannedChange, Reason, ReplaceOrder};
use formwork_provider::{Attribute, Block, NestedBlock, Nesting, Schema};
use formwork_value::{Mark, Path, Type, Value};

struct One(Schema);

impl Schemas for One {
    fn schema(&self, _: &Resource) -> Option<&Schema> {
        Some(&self.0)
    }
}

fn attribute(ty: Type) -> Attribute {
    Attribute { optional: true, ..Attribute::new(ty) }
}

fn schema() -> Schema {
    let attributes = [
        ("id", Type::String),
        ("any", Type::Dynamic),
        ("flag", Type::Bool),
        ("items", Type::list(Type::String)),
        ("labels", Type::map(Type::String)),
        ("names", Type::set(Type::String)),
        ("objects", Type::list(Type::object([("k", Type::String), ("v", Type::Number)]))),
        ("size", Type::Number),
        ("text", Type::String),
    ];
    let port = Block {
        attributes: [("number", Type::Number), ("protocol", Type::String)]
            .map(|(n, t)| (n.into(), attribute(t)))
            .into(),
        ..Block::default()
    };
    let nested = |nesting| NestedBlock { nesting, block: port.clone(), min: 0, max: 0 };
    Schema {
        version: 0,
        block: Block {
            attributes: attributes.map(|(n, t)| (n.into(), attribute(t))).into(),
            blocks: [("port".into(), nested(Nesting::List)), ("rule".into(), nested(Nesting::Set))].into(),
            ..Block::default()
        },
    }
}

fn object(attrs: &[(&str, Value)]) -> Value {
    let mut all: std::collections::BTreeMap<formwork_value::Str, Value> = match schema().block.ty() {
        Type::Object(o) => o.attrs.iter().map(|(k, t)| (k.clone(), Value::null(t.clone()))).collect(),
        _ => unreachable!("a block's type is an object"),
    };
    for name in ["port", "rule"] {
        let element = Type::object([("number", Type::Number), ("protocol", Type::String)]);
        let none = if name == "port" { Value::list(element, vec![]) } else { Value::set(element, vec![]) };
        all.insert(name.into(), none);
    }
    all.extend(attrs.iter().map(|(k, v)| ((*k).into(), v.clone())));
    Value::from(all)
}

fn change(action: Action, before: Option<Value>, after: Option<Value>) -> PlannedChange {
    let addr = ResourceAddr::managed(ModuleInstance::ROOT, "toy_thing", "a");
    PlannedChange {
        addr: InstanceAddr { resource: addr, key: InstanceKey::None },
        deposed: None,
        previous_addr: None,
        provider: "provider[\"x\"]".into(),
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

fn render(changes: Vec<PlannedChange>) -> String {
    plan(&Plan { changes, ..Plan::default() }, &One(schema()), Style::PLAIN, View::default())
}

/// The lines between the header of the one resource and its closing brace.
fn body(change: PlannedChange) -> String {
    let text = render(vec![change]);
    let start = text.find("resource \"toy_thing\" \"a\" {").expect("a resource");
    let text = &text[start..];
    let end = text.find("\n    }\n").expect("its end");
    text[text.find('\n').expect("a line")..end].trim_matches('\n').to_owned()
}

fn update(before: &[(&str, Value)], after: &[(&str, Value)], expected: &str) {
    let change = change(Action::Update, Some(object(before)), Some(object(after)));
    assert_eq!(body(change), expected.trim_matches('\n'));
}

fn strings(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(|s| Value::from(*s)).collect())
}

fn labels(items: &[(&str, &str)]) -> Value {
    Value::map(Type::String, items.iter().map(|(k, v)| ((*k).into(), Value::from(*v))).collect())
}

#[test]
fn simple_values() {
    update(
        &[("id", "i-1".into()), ("flag", true.into()), ("size", 1.into()), ("text", "a".into())],
        &[("id", "i-1".into()), ("flag", false.into()), ("text", Value::unknown(Type::String))],
        r#"
      ~ flag = true -> false
        id   = "i-1"
      - size = 1 -> null
      ~ text = "a" -> (known after apply)"#,
    );
    update(
        &[("size", 1.into()), ("text", "x".into())],
        &[("size", 2.into()), ("text", "x".into())],
        "      ~ size = 1 -> 2\n        # (1 unchanged attribute hidden)",
    );
}

#[test]
fn secrets_are_never_shown() {
    let secret = |s: &str| Value::from(s).mark(Mark::Sensitive);
    update(
        &[("text", secret("old")), ("labels", labels(&[("a", "1")]).mark(Mark::Sensitive))],
        &[("text", secret("new")), ("labels", labels(&[("a", "1")]).mark(Mark::Sensitive))],
        "      ~ text   = (sensitive value) # changed\n        # (1 unchanged attribute hidden)",
    );
    update(
        &[("text", "shown".into())],
        &[("text", secret("shown"))],
        "      # Warning: this attribute value will be marked as sensitive and will not
      # display in UI output after applying this change. The value is unchanged.
      ~ text = (sensitive value)",
    );
}

#[test]
fn lists_show_the_neighbours_of_a_change() {
    update(
        &[("items", strings(&["a", "b", "c", "d", "e"]))],
        &[("items", strings(&["a", "b", "x", "d", "e"]))],
        r#"
      ~ items = [
            # (1 unchanged element hidden)
            "b",
          ~ "c" -> "x",
            "d",
            # (1 unchanged element hidden)
        ]"#,
    );
    update(
        &[("items", strings(&["a", "b"]))],
        &[("items", strings(&["x", "a", "b"]))],
        r#"
      ~ items = [
          + "x",
            "a",
            # (1 unchanged element hidden)
        ]"#,
    );
}

#[test]
fn maps_sets_and_objects() {
    update(
        &[("labels", labels(&[("a", "1"), ("long key", "2"), ("z", "9")]))],
        &[("labels", labels(&[("a", "1"), ("long key", "3"), ("n", "4")]))],
        r#"
      ~ labels = {
          ~ "long key" = "2" -> "3"
          + "n"        = "4"
          - "z"        = "9" -> null
            # (1 unchanged element hidden)
        }"#,
    );
    let set = |items: &[&str]| Value::set(Type::String, items.iter().map(|s| Value::from(*s)).collect());
    update(
        &[("names", set(&["a", "b"]))],
        &[("names", set(&["b", "c"]))],
        r#"
      ~ names = [
          - "a",
          + "c",
            # (1 unchanged element hidden)
        ]"#,
    );
    let item = |v: i32| Value::object([("k", Value::from("x")), ("v", Value::from(v))]);
    let ty = Type::object([("k", Type::String), ("v", Type::Number)]);
    update(
        &[("objects", Value::list(ty.clone(), vec![item(1)]))],
        &[("objects", Value::list(ty, vec![item(2)]))],
        r#"
      ~ objects = [
          ~ {
              ~ v = 1 -> 2
                # (1 unchanged attribute hidden)
            },
        ]"#,
    );
}

#[test]
fn long_strings_and_json() {
    update(
        &[("text", "x\nb\nz\n".into())],
        &[("text", "x\ny\nz\n".into())],
        "
      ~ text = <<-EOT
            x
          - b
          + y
            z
        EOT",
    );
    update(
        &[("text", r#"{"a":1,"b":[1,2]}"#.into())],
        &[("text", r#"{"a":2,"b":[1,2]}"#.into())],
        r#"
      ~ text = jsonencode(
          ~ {
              ~ a = 1 -> 2
                # (1 unchanged attribute hidden)
            }
        )"#,
    );
    update(
        &[("text", r#"{"a":1}"#.into())],
        &[("text", r#"{ "a": 1 }"#.into())],
        "
      ~ text = jsonencode( # whitespace changes
            {
                a = 1
            }
        )",
    );
    update(&[("text", "".into())], &[("text", "[]".into())], "      + text = jsonencode([])");
}

#[test]
fn nested_blocks() {
    let ty = Type::object([("number", Type::Number), ("protocol", Type::String)]);
    let port = |n: i32, p: &str| Value::object([("number", Value::from(n)), ("protocol", Value::from(p))]);
    update(
        &[
            ("size", 1.into()),
            ("port", Value::list(ty.clone(), vec![port(80, "tcp"), port(53, "udp")])),
            ("rule", Value::set(ty.clone(), vec![port(1, "a"), port(2, "b")])),
        ],
        &[
            ("size", 1.into()),
            ("port", Value::list(ty.clone(), vec![port(80, "tcp"), port(54, "udp"), port(99, "tcp")])),
            ("rule", Value::set(ty.clone(), vec![port(1, "a"), port(3, "c")])),
        ],
        r#"
        # (1 unchanged attribute hidden)

      ~ port {
          ~ number   = 53 -> 54
            # (1 unchanged attribute hidden)
        }
      + port {
          + number   = 99
          + protocol = "tcp"
        }

      - rule {
          - number   = 2 -> null
          - protocol = "b" -> null
        }
      + rule {
          + number   = 3
          + protocol = "c"
        }

        # (2 unchanged blocks hidden)"#,
    );
}

#[test]
fn dynamic_values_are_shown_as_what_they_hold() {
    update(
        &[("any", Value::object([("name", Value::from("a")), ("x y", Value::NULL)]))],
        &[("any", Value::object([("name", Value::from("b")), ("x y", Value::NULL)]))],
        "      ~ any = {
          ~ name  = \"a\" -> \"b\"
            # (1 unchanged attribute hidden)
        }",
    );
    update(
        &[("any", 1.into())],
        &[("any", Value::object([("a", Value::from(2))]))],
        "      ~ any = 1 -> {
          + a = 2
        }",
    );
}

#[test]
fn replacement_says_why() {
    let mut c = change(
        Action::Replace(ReplaceOrder::DestroyFirst),
        Some(object(&[("id", "i-1".into()), ("size", 1.into()), ("labels", labels(&[("a", "1")]))])),
        Some(object(&[
            ("id", Value::unknown(Type::String)),
            ("size", 2.into()),
            ("labels", labels(&[("a", "2")])),
        ])),
    );
    c.replace_paths = vec![Path::root().attr("size"), Path::root().attr("labels")];
    c.reason = Some(Reason::ReplaceBecauseCannotUpdate);
    let text = render(vec![c]);
    assert_eq!(
        text,
        r#"
Formwork used the selected providers to generate the following execution
plan. Resource actions are indicated with the following symbols:
-/+ destroy and then create replacement

Formwork will perform the following actions:

  # toy_thing.a must be replaced
-/+ resource "toy_thing" "a" {
      ~ id     = "i-1" -> (known after apply)
      ~ labels = { # forces replacement
          ~ "a" = "1" -> "2"
        }
      ~ size   = 1 -> 2 # forces replacement
    }

Plan: 1 to add, 0 to change, 1 to destroy.
"#
    );
}

#[test]
fn headers() {
    let check = |c: PlannedChange, expected: &str| {
        let text = render(vec![c]);
        assert!(text.contains(expected), "{text}\nlacks\n{expected}");
    };
    let value = || object(&[("id", "i".into())]);
    check(
        PlannedChange {
            reason: Some(Reason::DeleteBecauseNoResourceConfig),
            ..change(Action::Delete, Some(value()), None)
        },
        "  # toy_thing.a will be destroyed\n  # (because toy_thing.a is not in configuration)\n  - resource \"toy_thing\" \"a\" \
         {\n      - id = \"i\" -> null\n    }\n",
    );
    let other = ResourceAddr::managed(ModuleInstance::ROOT, "toy_thing", "b").instance(InstanceKey::Int(0));
    check(
        PlannedChange { previous_addr: Some(other), ..change(Action::NoOp, Some(value()), Some(value())) },
        "  # toy_thing.b[0] has moved to toy_thing.a\n    resource \"toy_thing\" \"a\" {\n        id = \"i\"\n    }\n",
    );
    check(
        change(Action::Forget, Some(value()), None),
        " # toy_thing.a will no longer be managed by Formwork, but will not be destroyed\n # (destroy = false is set in the \
         configuration)\n . resource \"toy_thing\" \"a\" {\n        id = \"i\"\n    }\n",
    );
    check(
        PlannedChange { deposed: Some("abcd1234".into()), ..change(Action::Delete, Some(value()), None) },
        "  # toy_thing.a (deposed object abcd1234) will be destroyed\n  # (left over from a replacement of this \
         instance)\n",
    );
    check(
        PlannedChange {
            reason: Some(Reason::ReplaceBecauseTainted),
            ..change(Action::Replace(ReplaceOrder::CreateFirst), Some(value()), Some(value()))
        },
        "  # toy_thing.a is tainted, so must be replaced\n+/- resource",
    );
}

#[test]
fn outputs_only() {
    let output =
        |before: Option<Value>, after: Option<Value>, sensitive| OutputChange { before, after, sensitive };
    let outputs = [
        ("gone", output(Some("x".into()), None, false)),
        ("key", output(None, Some("v".into()), false)),
        ("same", output(Some(1.into()), Some(1.into()), false)),
        ("secret", output(Some("a".into()), Some("b".into()), true)),
    ];
    let p = Plan { outputs: outputs.map(|(k, v)| (k.into(), v)).into(), ..Plan::default() };
    assert_eq!(
        plan(&p, &One(schema()), Style::PLAIN, View::default()),
        r#"
Changes to Outputs:
  - gone   = "x" -> null
  + key    = "v"
  ~ secret = (sensitive value) # changed

You can apply this plan to save these new output values to the Formwork
state, without changing any real infrastructure.
"#
    );
}

#[test]
fn nothing_to_do() {
    let text = plan(&Plan::default(), &One(schema()), Style::PLAIN, View::default());
    assert!(text.starts_with("\nNo changes. Your infrastructure matches the configuration.\n\n"), "{text}");
}

#[test]
fn ten_thousand_creates_are_rendered_at_once() {
    let values: Vec<PlannedChange> = (0..10_000)
        .map(|i| {
            let value = object(&[
                ("id", Value::unknown(Type::String)),
                ("text", format!("number {i}").into()),
                ("any", Value::object([("i", Value::from(i as i64))])),
            ]);
            let mut c = change(Action::Create, None, Some(value));
            c.addr.key = InstanceKey::Int(i as u64);
            c
        })
        .collect();
    let begun = std::time::Instant::now();
    let text = render(values);
    let took = begun.elapsed();
    assert!(text.ends_with("Plan: 10000 to add, 0 to change, 0 to destroy.\n"));
    // Two threads write it: each once, and in order.
    let shown = text.lines().filter_map(|line| line.strip_suffix("] will be created")?.rsplit_once('['));
    assert!(shown.map(|(_, index)| index.to_owned()).eq((0..10_000).map(|i: u32| i.to_string())));
    // In a release build this is about a tenth of what is allowed here for a build with little optimisation.
    assert!(took.as_millis() < 2000, "{took:?}");
}

fn text(before: &str, after: &str) -> String {
    body(change(
        Action::Update,
        Some(object(&[("text", before.into())])),
        Some(object(&[("text", after.into())])),
    ))
}

#[test]
fn one_line_of_three_thousand_takes_ten() {
    let before: String = (0..3000).map(|i| format!("key{i}: {i}\n")).collect();
    assert_eq!(
        text(&before, &before.replace("key700: 700\n", "key700: 7\n")),
        r#"      ~ text = <<-EOT
            # (698 unchanged lines hidden)
            key698: 698
            key699: 699
          - key700: 700
          + key700: 7
            key701: 701
            key702: 702
            # (2,297 unchanged lines hidden)
        EOT"#
    );
}

#[test]
fn texts_that_mean_the_same_say_so() {
    let check = |before: &str, after: &str, expected: Option<&str>| {
        let shown = text(before, after);
        let first = shown.lines().next().unwrap_or_default();
        assert_eq!(first.split_once(" # ").map(|(_, r)| r), expected, "{shown}");
    };
    let yaml = Some("same YAML: only layout, comments or the order of keys change");
    check("a: 1\nb: [x]\n", "# why\nb:\n  - x\na: 1\n", yaml);
    check("a: 1\nb: 2\n", "a: 1\nb: 3\n", None);
    // Prose is a scalar to YAML, which folds its lines.
    check("some\nwords", "some\n  words", None);
    check("a\nb", "a\nb\n", Some("only whitespace at the beginning or end changes"));
    check("a\r\nb", "a\nb", Some("only line endings change"));
}

#[test]
fn json_says_whether_only_the_text_differs() {
    let check = |before: &str, after: &str, expected: &str| {
        let shown = text(before, after);
        assert!(shown.contains(expected), "{shown}");
    };
    check(r#"{"a":1,"b":2}"#, r#"{ "a": 1, "b": 2 }"#, "jsonencode( # whitespace changes\n");
    check(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, "jsonencode( # same JSON, written differently\n");
    check(r#"{"a":" x"}"#, r#"{"a":"x"}"#, r#"~ a = " x" -> "x""#);
}

#[test]
fn secrets_say_what_becomes_of_them() {
    let secret = |s: &str| Value::from(s).mark(Mark::Sensitive);
    update(
        &[("text", secret("a"))],
        &[("text", Value::unknown(Type::String).mark(Mark::Sensitive))],
        "      ~ text = (sensitive value) # (known after apply)",
    );
    let shown = body(change(
        Action::Update,
        Some(object(&[("text", "a".into())])),
        Some(object(&[("text", secret("a"))])),
    ));
    assert!(shown.contains("after applying this change. The value is unchanged."), "{shown}");
    assert!(!shown.contains("# changed"), "{shown}");
}

#[test]
fn instances_that_change_alike_are_folded() {
    let one = |key: i64, id: &str, size: i64| {
        let mut c = change(
            Action::Update,
            Some(object(&[("id", id.into()), ("size", 1.into())])),
            Some(object(&[("id", id.into()), ("size", size.into())])),
        );
        c.addr.key = InstanceKey::Int(key as _);
        c
    };
    let changes = vec![one(0, "i-0", 2), one(1, "i-1", 2), one(2, "i-2", 3), one(3, "i-3", 2)];
    let view = View { fold: true, ..View::default() };
    let text = plan(&Plan { changes, ..Plan::default() }, &One(schema()), Style::PLAIN, view);
    assert_eq!(text.matches("will be updated in-place").count(), 2, "{text}");
    assert!(text.contains("    # (2 more change alike, the last of them toy_thing.a[3])\n"), "{text}");
    assert!(text.contains("Plan: 0 to add, 4 to change, 0 to destroy."), "{text}");
    // Why it goes names each one's own key.
    let gone = |key: i64| {
        let mut c = change(
            Action::Delete,
            Some(object(&[("id", format!("i-{key}").into()), ("size", 1.into())])),
            None,
        );
        c.addr.key = InstanceKey::Int(key as _);
        c.reason = Some(Reason::DeleteBecauseCountIndex);
        c
    };
    let text = plan(
        &Plan { changes: vec![gone(7), gone(8)], ..Plan::default() },
        &One(schema()),
        Style::PLAIN,
        view,
    );
    assert!(text.contains("    # (1 more changes alike"), "{text}");
}

#[test]
fn what_becomes_unknown_is_shown_by_its_beginning() {
    let before: String = (0..3000).map(|i| format!("line {i}\n")).collect();
    update(
        &[
            ("text", before.as_str().into()),
            ("items", strings(&["a", "b", "c", "d", "e", "f", "g", "h", "i"])),
        ],
        &[("text", Value::unknown(Type::String)), ("items", Value::unknown(Type::list(Type::String)))],
        r#"
      ~ items = [
          - "a",
          - "b",
          - "c",
            # (6 more elements)
        ] -> (known after apply)
      ~ text  = <<-EOT
            line 0
            line 1
            line 2
            # (2,997 more lines)
        EOT -> (known after apply)"#,
    );
}

#[test]
fn colours_add_nothing_to_the_meaning() {
    let changed = || {
        vec![
            change(
                Action::Update,
                Some(object(&[("text", "a\nb\n".into()), ("items", strings(&["a"])), ("size", 1.into())])),
                Some(object(&[("text", "a\nc\n".into()), ("items", strings(&["b"]))])),
            ),
            change(Action::Delete, Some(object(&[("flag", true.into())])), None),
        ]
    };
    let show =
        |style| plan(&Plan { changes: changed(), ..Plan::default() }, &One(schema()), style, View::default());
    let coloured = show(Style { colour: true, ..Style::PLAIN });
    assert!(coloured.contains("\x1b[32m+\x1b[0m"), "{coloured}");
    let mut plain = String::new();
    for (i, piece) in coloured.split('\x1b').enumerate() {
        plain.push_str(if i == 0 { piece } else { piece.split_once('m').map_or("", |(_, rest)| rest) });
    }
    assert_eq!(plain, show(Style::PLAIN));
}
