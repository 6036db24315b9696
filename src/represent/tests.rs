use super::*;
use formwork_addr::InstanceAddr;
use formwork_config::{MemoryFiles, load};
use formwork_plan::{Action, OutputChange, PlannedChange};
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
    let found = represent(&config(), &Plan::default(), &registry);
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
    let found = represent(&config(), &plan, &Registry::default()).relevant;
    let expected = [
        ("terraform_data.a", json!([])),
        ("terraform_data.a[0]", json!(["output", "s"])),
        ("terraform_data.a[1]", json!(["id"])),
        ("terraform_data.b", json!([])),
        ("terraform_data.c", json!(["id"])),
    ];
    let expected = expected.map(|(resource, path)| json!({ "resource": resource, "attribute": path }));
    assert_eq!(found, expected);
    // What module.m's output is made of is relevant only to what uses it.
    let plan = Plan { changes: vec![created("terraform_data.a[0]")], ..Plan::default() };
    let found = represent(&config(), &plan, &Registry::default()).relevant;
    let inner = json!({ "resource": "module.m[\"k\"].terraform_data.inner", "attribute": ["output"] });
    assert_eq!(found, [inner]);
}
