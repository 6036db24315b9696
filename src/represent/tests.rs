use super::*;
use formwork_addr::InstanceAddr;
use formwork_config::{MemoryFiles, load};
use formwork_plan::{Action, Mode, OutputChange, PlannedChange};
use serde_json::json;
use std::path::Path;

const ROOT: &str = r#"
variable "n" {
  default     = 2
  description = "How many."
  validation {
    condition     = var.n > 0
    error_message = "Too few."
  }
}
locals {
  l = terraform_data.a[0].output.s
}
resource "terraform_data" "a" {
  count = var.n
  input = { s = module.m["k"].out, i = count.index }
}
resource "terraform_data" "b" {
  for_each         = { p = terraform_data.a[1].id }
  input            = "${each.value}-${local.l}-${terraform_data.a[var.n - 1].id}"
  triggers_replace = ["x", 1, null]
  depends_on       = [terraform_data.a, module.m]
}
resource "terraform_data" "c" {
  input = upper("x")
}
module "m" {
  source   = "./m"
  for_each = { k = 1 }
  in       = terraform_data.c.id
}
output "o" {
  value     = values(terraform_data.b)[*].id
  sensitive = true
}
"#;

const CHILD: &str = r#"
variable "in" {}
resource "terraform_data" "inner" {
  input = var.in
}
output "out" {
  value = terraform_data.inner.output
}
"#;

fn config() -> Config {
    let files = [("main.tf", ROOT), ("m/main.tf", CHILD)].map(|(p, text)| (p.into(), text.into()));
    let loaded = load(Path::new(""), &MemoryFiles(files.into()));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.config.unwrap()
}

fn created(address: &str) -> PlannedChange {
    PlannedChange {
        addr: address.parse::<InstanceAddr>().unwrap(),
        deposed: None,
        previous_addr: None,
        provider: "".into(),
        action: Action::Create,
        reason: None,
        before: None,
        after: None,
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

/// The expected answer is Terraform 1.11.4's, of the same configuration.
#[test]
fn represents_as_terraform_does() {
    let registry = Registry::new(formwork_provider_builtin::providers());
    let found = represent(&config(), &Sources::default(), &Plan::default(), &registry);
    let head = |name: &str| {
        json!({
            "address": format!("terraform_data.{name}"), "mode": "managed", "type": "terraform_data", "name": name,
            "provider_config_key": "terraform", "schema_version": 0,
        })
    };
    let resource = |name: &str, rest: Value| {
        let (Value::Object(mut all), Value::Object(rest)) = (head(name), rest) else { panic!() };
        all.extend(rest);
        Value::from(all)
    };
    let expected = json!({
        "provider_config": { "terraform": { "name": "terraform", "full_name": "terraform.io/builtin/terraform" } },
        "root_module": {
            "outputs": { "o": { "sensitive": true, "expression": { "references": ["terraform_data.b"] } } },
            "resources": [
                resource("a", json!({
                    "expressions": { "input": { "references": [
                        "module.m[\"k\"].out", "module.m[\"k\"]", "count.index",
                    ] } },
                    "count_expression": { "references": ["var.n"] },
                })),
                resource("b", json!({
                    "expressions": {
                        "input": { "references": [
                            "each.value", "local.l", "terraform_data.a", "var.n",
                        ] },
                        "triggers_replace": { "constant_value": ["x", 1, null] },
                    },
                    "for_each_expression": { "references": [
                        "terraform_data.a[1].id", "terraform_data.a[1]", "terraform_data.a",
                    ] },
                    "depends_on": ["terraform_data.a", "module.m"],
                })),
                resource("c", json!({ "expressions": { "input": {} } })),
            ],
            "module_calls": { "m": {
                "source": "./m",
                "expressions": { "in": { "references": ["terraform_data.c.id", "terraform_data.c"] } },
                "for_each_expression": { "constant_value": { "k": 1 } },
                "module": {
                    "outputs": { "out": { "expression": { "references": [
                        "terraform_data.inner.output", "terraform_data.inner",
                    ] } } },
                    "resources": [
                        resource("inner", json!({ "expressions": { "input": { "references": ["var.in"] } } })),
                    ],
                    "variables": { "in": {} },
                },
            } },
            "variables": { "n": { "default": 2, "description": "How many." } },
        },
    });
    assert_eq!(found.document, expected);
    assert_eq!(found.checkable, ["var.n"]);
}

#[test]
fn relevant_attributes_are_followed_to_resources() {
    let output = OutputChange { before: None, after: Some(1.into()), sensitive: true };
    let plan = Plan {
        changes: vec![created("terraform_data.b[\"p\"]"), created("module.m[\"k\"].terraform_data.inner")],
        outputs: [("o".into(), output)].into(),
        ..Plan::default()
    };
    let found = represent(&config(), &Sources::default(), &plan, &Registry::default()).relevant;
    let expected = [
        ("module.m[\"k\"].terraform_data.inner", json!(["output"])),
        ("terraform_data.a", json!([])),
        ("terraform_data.a[0]", json!(["output", "s"])),
        ("terraform_data.a[1]", json!(["id"])),
        ("terraform_data.b", json!([])),
        ("terraform_data.c", json!(["id"])),
    ];
    let expected = expected.map(|(resource, path)| json!({ "resource": resource, "attribute": path }));
    assert_eq!(found, expected);
    // Nothing that is there is in module.m: what its output is made of is relevant to what uses it.
    let plan = Plan { changes: vec![created("terraform_data.a[0]")], ..Plan::default() };
    let found = represent(&config(), &Sources::default(), &plan, &Registry::default()).relevant;
    let inner = json!({ "resource": "module.m[\"k\"].terraform_data.inner", "attribute": ["output"] });
    assert_eq!(found, [inner]);
}

/// What a plan that creates something says of a root module and its module `m`.
fn of_two(root: &str, child: &str, changes: &[&str]) -> Represented {
    let changes = changes.iter().map(|address| created(address)).collect();
    of_plan(root, child, &Plan { changes, ..Plan::default() })
}

/// What a plan says of a root module and its module `m`.
fn of_plan(root: &str, child: &str, plan: &Plan) -> Represented {
    let files = [("main.tf", root), ("m/main.tf", child)].map(|(p, text)| (p.into(), text.into()));
    let loaded = load(Path::new(""), &MemoryFiles(files.into()));
    represent(&loaded.config.unwrap(), &loaded.sources, plan, &Registry::default())
}

/// The expected answers are Terraform 1.11.4's.
#[test]
fn outputs_of_modules_count_as_new_in_every_plan() {
    let root = "module \"m\" {\n source = \"./m\"\n for_each = { x = 1 }\n in = 1\n}\n";
    let child = format!(
        "{CHILD}output \"nothing\" {{\n value = null\n}}\n\
         output \"neither\" {{\n value = terraform_data.inner.triggers_replace\n}}\n"
    );
    let object = formwork_value::Value::object([
        ("output", 1.into()),
        ("triggers_replace", formwork_value::Value::null(formwork_value::Type::Dynamic)),
    ]);
    let change = |key: &str, action| PlannedChange {
        action,
        after: Some(object.clone()),
        ..created(&format!("module.m[\"{key}\"].terraform_data.inner"))
    };
    let changes = vec![change("x", Action::NoOp), change("y", Action::Delete)];
    let plan = |mode| Plan { mode, changes: changes.clone(), ..Plan::default() };
    let inner = json!({ "resource": "module.m[\"x\"].terraform_data.inner", "attribute": ["output"] });
    assert_eq!(of_plan(root, &child, &plan(Mode::Normal)).relevant, std::slice::from_ref(&inner));
    assert_eq!(of_plan(root, &child, &plan(Mode::RefreshOnly)).relevant, [inner]);
    assert!(of_plan(root, &child, &plan(Mode::Destroy)).relevant.is_empty());
}

/// The expected answers are Terraform 1.11.4's.
#[test]
fn modules_without_resources_have_outputs_too() {
    let child = "variable \"in\" {}\noutput \"out\" {\n value = var.in\n}\n";
    for (repetition, there) in [("", true), (" count = 2\n", true), (" count = 0\n", false)] {
        let root = format!(
            "resource \"terraform_data\" \"a\" {{}}\n\
             module \"m\" {{\n source = \"./m\"\n{repetition} in = terraform_data.a.id\n}}\n"
        );
        let attribute = json!({ "resource": "terraform_data.a", "attribute": ["id"] });
        let expected: Vec<Value> = if there { vec![attribute] } else { Vec::new() };
        assert_eq!(of_two(&root, child, &[]).relevant, expected, "{repetition}");
    }
}

/// The expected answers are Terraform 1.11.4's, in another order.
#[test]
fn a_module_without_a_key_means_all_its_instances() {
    for reference in ["module.m[each.key].out", "[for m in module.m : m.out]", "module.m"] {
        let root = format!(
            "module \"m\" {{\n source = \"./m\"\n for_each = {{ x = 1, y = 2 }}\n in = 1\n}}\n\
             resource \"terraform_data\" \"z\" {{\n for_each = {{ x = 1 }}\n input = {reference}\n}}\n"
        );
        let changes = [
            "module.m[\"x\"].terraform_data.inner",
            "module.m[\"y\"].terraform_data.inner",
            "terraform_data.z[\"x\"]",
        ];
        let expected = ["module.m", "module.m[\"x\"]", "module.m[\"y\"]"].map(
            |module| json!({ "resource": format!("{module}.terraform_data.inner"), "attribute": ["output"] }),
        );
        assert_eq!(of_two(&root, CHILD, &changes).relevant, expected, "{reference}");
    }
}

/// The expected answers are Terraform 1.11.4's.
#[test]
fn a_provider_that_nobody_configures_is_that_of_the_module_that_uses_it() {
    let call = "module \"m\" {\n source = \"./m\"\n in = 1\n}\n";
    let key = |root: &str| {
        let document = of_two(root, CHILD, &[]).document;
        let module = &document["root_module"]["module_calls"]["m"]["module"];
        let key = module["resources"][0]["provider_config_key"].as_str().unwrap_or_default().to_owned();
        let all: Vec<String> = document["provider_config"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(all, std::slice::from_ref(&key));
        (document["provider_config"][&key]["module_address"].clone(), key)
    };
    assert_eq!(key(call), ("module.m".into(), "module.m:terraform".into()));
    let used = format!("{call}resource \"terraform_data\" \"a\" {{}}\n");
    assert_eq!(key(&used), (Value::Null, "terraform".into()));
}

/// The expected answer is Terraform 1.11.4's, of the same configuration.
#[test]
fn json_is_shown_as_it_is_written() {
    let text = r#"{
        "resource": { "terraform_data": { "a": {
            "count": "${1}",
            "input": ["${1}", 2, "$${x} ${upper(\"a\")}", { "${\"k\"}": "\u00e9" }],
            "triggers_replace": { "b": "${terraform_data.b.id}" }
        } } },
        "output": { "o": { "value": "${terraform_data.b.id}" } }
    }"#;
    let files =
        [("main.tf.json", text), ("b.tf", "resource \"terraform_data\" \"b\" {\n input = \"${1}\"\n}\n")];
    let loaded = load(Path::new(""), &MemoryFiles(files.map(|(p, text)| (p.into(), text.into())).into()));
    let registry = Registry::new(formwork_provider_builtin::providers());
    let found = represent(&loaded.config.unwrap(), &loaded.sources, &Plan::default(), &registry);
    let root = &found.document["root_module"];
    let a = &root["resources"][0];
    assert_eq!(a["count_expression"], json!({ "constant_value": "${1}" }));
    let input = json!(["${1}", 2, "$${x} ${upper(\"a\")}", { "${\"k\"}": "\u{e9}" }]);
    assert_eq!(a["expressions"]["input"], json!({ "constant_value": input }));
    let references = json!(["terraform_data.b.id", "terraform_data.b"]);
    let replace =
        json!({ "constant_value": { "b": "${terraform_data.b.id}" }, "references": references.clone() });
    assert_eq!(a["expressions"]["triggers_replace"], replace);
    let output = json!({ "constant_value": "${terraform_data.b.id}", "references": references });
    assert_eq!(root["outputs"]["o"]["expression"], output);
    assert_eq!(root["resources"][1]["expressions"]["input"], json!({ "constant_value": 1 }));
}
