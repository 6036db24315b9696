//! Configurations that say what cannot be.

mod blocks;
mod escape;
mod json;
mod overrides;

use crate::{IgnoreChanges, Loaded, MemoryFiles, backend_arguments, load, load_backend, load_structure};
use std::path::{Path, PathBuf};

fn files(texts: &[(&str, &str)]) -> MemoryFiles {
    MemoryFiles(texts.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect())
}

fn loaded(texts: &[(&str, &str)]) -> Loaded {
    load(Path::new(""), &files(texts))
}

/// Summaries of everything that is said of a root module.
fn check(text: &str, expected: &[&str]) {
    check_all(&[("main.tf", text)], expected);
}

fn check_all(texts: &[(&str, &str)], expected: &[&str]) {
    let diagnostics = loaded(texts).diagnostics;
    let found: Vec<&str> = diagnostics.iter().map(|d| &*d.summary).collect();
    assert_eq!(found, expected, "{texts:#?}\n{diagnostics:#?}");
}

const A: &str = "resource \"terraform_data\" \"a\" {}\n";

#[test]
fn references_stand_without_quotes() {
    let c = |list: &str| format!("{A}resource \"terraform_data\" \"c\" {{ depends_on = {list} }}");
    check(&c("[terraform_data.a, resource.terraform_data.a]"), &[]);
    check(&c("[\"terraform_data.a\"]"), &["Quoted references are deprecated"]);
    check(&c("[1 + 1]"), &["Invalid expression"]);
    check(&c("[[terraform_data.a]]"), &["Invalid expression"]);
    check(&c("terraform_data.a"), &["Unsuitable value"]);
}

#[test]
fn what_modules_are_given_is_no_part_of_the_structure() {
    let texts = [
        ("main.tf", "module \"m\" {\n  source = \"./m\"\n  y = 1\n}\n"),
        ("m/a.tf", "variable \"x\" {}\nvariable \"y\" {\n  deprecated = \"Use x.\"\n}\n"),
    ];
    check_all(&texts, &["Deprecated variable", "Missing required argument"]);
    let other = [("main.tf", "module \"m\" {\n  source = \"./m\"\n  z = 1\n}\n"), ("m/a.tf", "")];
    check_all(&other, &["Unsupported argument"]);
    for texts in [&texts, &other] {
        let loaded = load_structure(Path::new(""), &files(texts));
        assert!(loaded.diagnostics.is_empty() && loaded.config.is_some(), "{:?}", loaded.diagnostics);
    }
}

#[test]
fn triggers_are_resources() {
    let c = |list: &str| {
        format!(
            "resource \"terraform_data\" \"c\" {{\n lifecycle {{\n replace_triggered_by = [{list}]\n}}\n}}"
        )
    };
    check(&c("terraform_data.a, resource.terraform_data.a[0].id, terraform_data.b[each.key]"), &[]);
    check(&c("terraform_data.a[\"x\"].input[0], terraform_data.b[count.index].id"), &[]);
    for wrong in
        ["var.v", "local.v", "1 + 1", "upper(terraform_data.a.id)", "self.id", "\"terraform_data.a\""]
    {
        check(&c(wrong), &["Invalid replace_triggered_by expression"]);
    }
    for wrong in ["true ? 0 : 0", "0 + 0", "(0)", "count.index + 1", "\"x${count.index}\""] {
        check(&c(&format!("terraform_data.a[{wrong}]")), &["Invalid replace_triggered_by expression"]);
        check(&c(&format!("terraform_data.a.input[{wrong}]")), &["Invalid replace_triggered_by expression"]);
    }
}

#[test]
fn triggers_are_no_splats_but_only_plans_refuse_them() {
    for splat in ["terraform_data.a[*]", "terraform_data.a[*].id", "terraform_data.a.*.id"] {
        let text = format!(
            "{A}resource \"terraform_data\" \"c\" {{\n lifecycle {{\n replace_triggered_by = [{splat}]\n}}\n}}"
        );
        check(&text, &["Splat in replace_triggered_by"]);
        assert!(loaded(&[("main.tf", &*text)]).config.is_some());
    }
}

#[test]
fn a_module_may_be_empty() {
    let call = ("main.tf", "module \"m\" {\n source = \"./m\"\n}\n");
    check_all(&[call, ("m/readme.md", "")], &[]);
    check_all(&[call], &["Module not found"]);
}

#[test]
fn the_language_has_one_edition_and_no_prereleases() {
    let setting = |text: &str, expected: &[&str]| check(&format!("terraform {{\n {text}\n}}\n"), expected);
    setting("language = TF2021", &[]);
    check_all(&[("main.tf.json", r#"{"terraform":{"language":"TF2021"}}"#)], &[]);
    setting("language = TF2023", &["Unsupported language edition"]);
    setting("language = \"TF2021\"", &["Invalid language edition"]);
    setting("required_version = \">= 1.0\"", &[]);
    setting("required_version = null", &[]);
    check_all(&[("main.tf.json", r#"{"terraform":{"required_version":null}}"#)], &[]);
    setting("required_version = \">= 1.0+build\"", &[]);
    for version in [">= 1.0-beta", "1.0-beta", ">= 1.0-beta, < 2.0", "!= 1.0-beta"] {
        setting(&format!("required_version = \"{version}\""), &["Invalid required_version constraint"]);
    }
}

#[test]
fn what_is_passed_is_what_the_module_takes() {
    let passed = |map: &str, child: &str, expected: &[&str]| {
        let root = format!(
            "provider \"terraform\" {{\n alias = \"x\"\n}}\nmodule \"m\" {{\n source = \"./m\"\n providers = {{ {map} }}\n}}\n"
        );
        check_all(&[("main.tf", &root), ("m/main.tf", child)], expected);
    };
    let takes = "terraform {\n required_providers {\n terraform = {\n source = \"terraform.io/builtin/terraform\"\n configuration_aliases = [terraform.y]\n}\n}\n}\n";
    passed("terraform = terraform, terraform.y = terraform.x", takes, &[]);
    passed("terraform.y = terraform.x", "provider \"terraform\" {\n alias = \"y\"\n}\n", &[]);
    passed("terraform.y = terraform.x", "locals {}\n", &["Reference to undefined provider"]);
    passed(
        "terraform.y = terraform.x, terraform.z = terraform.x",
        takes,
        &["Reference to undefined provider"],
    );
    passed("nope = terraform", "locals {}\n", &["Reference to undefined provider", "Provider type mismatch"]);
    passed("terraform.y = terraform, terraform.y = terraform.x", takes, &["Duplicate provider address"]);
    let quoted = "Quoted references are deprecated";
    passed("\"terraform\" = terraform, terraform.y = terraform.x", takes, &[quoted]);
    passed("terraform = \"terraform\", terraform.y = \"terraform.x\"", takes, &[quoted, quoted]);
}

#[test]
fn ignoring_everything_is_no_list() {
    let c = |value: &str| {
        format!("resource \"terraform_data\" \"c\" {{\n lifecycle {{\n ignore_changes = {value}\n}}\n}}")
    };
    let all = loaded(&[("main.tf", &c("all"))]).config.unwrap();
    let block = all.root().resources.values().next().unwrap();
    assert!(matches!(block.lifecycle.ignore_changes, IgnoreChanges::All));
    check(&c("[\"*\"]"), &["Invalid expression"]);
    check(&c("\"all\""), &["Unsuitable value"]);
    check(&c("[tags[\"a\"], input.b]"), &[]);
}

#[test]
fn conditions_speak_of_something() {
    let block = |kind: &str, condition: &str| {
        format!("{kind} {{\n condition = {condition}\n error_message = \"no.\"\n}}\n")
    };
    let variable = |c: &str| format!("variable \"a\" {{\n{}}}", block("validation", c));
    check(&variable("true"), &["Invalid validation expression"]);
    check(&variable("local.b == 1"), &["Invalid variable validation condition"]);
    check(&variable("var.a == local.b"), &[]);
    let resource =
        |kind: &str, c: &str| format!("resource \"t\" \"a\" {{\n lifecycle {{\n{}}}\n}}", block(kind, c));
    check(&resource("precondition", "true"), &["Invalid precondition expression"]);
    check(&resource("postcondition", "true"), &["Invalid postcondition expression"]);
    check(&resource("postcondition", "self.id != \"\""), &[]);
    check(&resource("postcondition", "t.a.id != \"\""), &["Invalid reference in postcondition"]);
    check(&resource("precondition", "resource.t.a.id != \"\""), &["Invalid reference in precondition"]);
    check(&resource("precondition", "t.b.id != \"\""), &[]);
    check(
        &format!("output \"o\" {{\n value = 1\n{}}}", block("precondition", "1 == 1")),
        &["Invalid precondition expression"],
    );
}

#[test]
fn provider_configurations_must_be_there() {
    let block = "provider \"toy\" { alias = \"west\" }\n";
    let user = |name: &str| format!("{block}resource \"toy_thing\" \"a\" {{ provider = {name} }}");
    check(&user("toy.west"), &[]);
    check(&user("toy"), &[]);
    check(&user("toy.wets"), &["Provider configuration not present"]);
    let typo = loaded(&[("main.tf", &user("toy.wets"))]);
    assert_eq!(typo.diagnostics[0].help.as_deref(), Some("Did you mean toy.west?"));

    let child = "terraform {\n required_providers {\n toy = {\n source = \"a/toy\"\n configuration_aliases = [toy.x]\n}\n}\n}
                 resource \"toy_thing\" \"a\" { provider = toy.x }";
    let require = "terraform {\n required_providers {\n toy = { source = \"a/toy\" }\n}\n}\n";
    let call = |rest: &str| format!("{require}{block}module \"m\" {{\n source = \"./m\"\n{rest}\n}}");
    let both = |rest: &str, expected: &[&str]| {
        check_all(&[("main.tf", &call(rest)), ("m/main.tf", child)], expected);
    };
    both("providers = { toy.x = toy.west }", &[]);
    both("providers = { toy.x = toy.nope }", &["Provider configuration not present"]);
    both("", &["Missing required provider configuration"]);
    both("providers = { toy.x = aws }", &["Provider type mismatch"]);
}

#[test]
fn providers_are_named_without_quotes() {
    let quoted = &["Quoted references are deprecated"];
    check("resource \"terraform_data\" \"a\" {\n provider = \"terraform\"\n}\n", quoted);
    check("data \"terraform_remote_state\" \"a\" {\n provider = \"terraform\"\n}\n", quoted);
    check(
        &format!("{A}import {{\n to = terraform_data.a\n id = \"x\"\n provider = \"terraform\"\n}}\n"),
        &[quoted[0], "Invalid import provider argument"],
    );
    let resource =
        |name: &str| format!(r#"{{"resource":{{"terraform_data":{{"a":{{"provider":"{name}"}}}}}}}}"#);
    check_all(&[("main.tf.json", &resource("terraform"))], &[]);
    check_all(&[("main.tf.json", &resource("${terraform}"))], &["Invalid expression"]);
    let call = r#"{"module":{"m":{"source":"./m","providers":{"terraform":"terraform"}}}}"#;
    check_all(&[("main.tf.json", call), ("m/m.tf", "provider \"terraform\" {}\n")], &[]);
}

#[test]
fn aliases_of_required_providers_are_references() {
    let with = |list: &str| {
        format!(
            "terraform {{\n required_providers {{\n toy = {{ configuration_aliases = {list} }}\n }}\n}}\n"
        )
    };
    check(&with("[toy, toy.a, toy.b]"), &[]);
    for wrong in ["[\"toy.a\"]", "[1 + 1]", "[toy[\"a\"]]"] {
        check(&with(wrong), &["Invalid expression"]);
    }
    for wrong in ["toy.a", "null", "\"toy.a\""] {
        check(&with(wrong), &["Unsuitable value"]);
    }
    check(&with("[other.a]"), &["Invalid configuration_aliases value"]);
    let json = |item: &str| {
        format!(r#"{{"terraform":{{"required_providers":{{"toy":{{"configuration_aliases":[{item}]}}}}}}}}"#)
    };
    check_all(&[("main.tf.json", &json("\"toy.a\""))], &[]);
    check_all(&[("main.tf.json", &json("\"${toy.a}\", 5"))], &["Invalid expression"; 2]);
}

#[test]
fn some_names_are_taken() {
    for name in ["source", "provider", "_"] {
        check(&format!("variable \"{name}\" {{}}\n"), &["Invalid variable name"]);
    }
    check("variable \"__\" {}\nlocals {\n _ = 1\n}\noutput \"_\" {\n value = 1\n}\n", &[]);
}

#[test]
fn paths_may_have_backslashes() {
    for (source, file) in [(".\\\\a", "a/m.tf"), ("./a\\\\b", "a/b/m.tf"), (".\\\\a\\\\..\\\\b", "b/m.tf")] {
        let call = format!("module \"m\" {{\n source = \"{source}\"\n}}\n");
        check_all(&[("main.tf", &call), (file, "locals {}\n")], &[]);
    }
    let no_path = "module \"m\" {\n source = \"a\\\\b\"\n}\n";
    check_all(&[("main.tf", no_path), ("a/b/m.tf", "locals {}\n")], &["Invalid module source"]);
}

#[test]
fn what_cannot_be_read_is_not_missing() {
    let unclosed = "Missing closing quote";
    check("module \"m\" {\n source = \"./m\n}\n", &[unclosed]);
    check("module \"m\" {\n count = \"1\n}\noutput \"a\" {}\n", &[unclosed, "Missing required argument"]);
    check("variable \"v\" {\n validation {\n condition = \"a\n }\n}\n", &[unclosed]);
    check_all(
        &[
            ("main.tf", "module \"m\" {\n source = \"./m\"\n v = \"a\n}\n"),
            ("m/main.tf", "variable \"v\" {}\n"),
        ],
        &[unclosed],
    );
}

#[test]
fn moves_and_removals_fit_the_configuration() {
    let removed = "removed {\n from = terraform_data.a\n}\n";
    check(removed, &[]);
    check(&format!("{A}{removed}"), &["Removed resource still exists"]);
    check("removed {\n from = resource.terraform_data.a\n}\n", &[]);
    check("removed {\n from = data.t.a\n}\n", &["Data source address not allowed"]);
    let call = "module \"m\" { source = \"./m\" }\n";
    for (from, expected) in [
        ("module.m", "Removed module still exists"),
        ("module.m.terraform_data.a", "Removed resource still exists"),
    ] {
        let root = format!("{call}removed {{\n from = {from}\n}}");
        check_all(&[("main.tf", &root), ("m/main.tf", A)], &[expected]);
    }
    let moved = |pairs: &[(&str, &str)]| -> String {
        pairs.iter().map(|(from, to)| format!("moved {{\n from = t.{from}\n to = t.{to}\n}}\n")).collect()
    };
    check(&moved(&[("a", "b"), ("b", "c"), ("a", "b")]), &[]);
    check(&moved(&[("a", "a")]), &["Redundant move statement"]);
    check(&moved(&[("a", "b"), ("a", "c")]), &["Ambiguous move statements"]);
    check(&moved(&[("a", "c"), ("b", "c")]), &["Ambiguous move statements"]);
    check(&moved(&[("z", "a"), ("a", "b"), ("b", "a")]), &["Ambiguous move statements"]);
    check(&moved(&[("a", "b"), ("b", "c"), ("c", "a")]), &["Cyclic dependency in move statements"]);
}

#[test]
fn what_only_modules_may_say() {
    let call = "module \"m\" {\n source = \"./m\"\n}\n";
    let inner = "output \"o\" {\n value = 1\n ephemeral = true\n}";
    check_all(&[("main.tf", call), ("m/main.tf", inner)], &[]);
    let versioned = "module \"m\" {\n source = \"./m\"\n version = \"1.0\"\n}\n";
    check_all(&[("main.tf", versioned), ("m/main.tf", A)], &["Invalid module version"]);
}

#[test]
fn the_state_may_be_elsewhere() {
    let backend = "terraform {\n backend \"local\" {\n path = \"foo/x.tfstate\"\n}\n}\n";
    check(backend, &[]);
    let kind = |texts: &[(&str, &str)]| {
        let (config, _) = load_backend(Path::new(""), &files(texts))?;
        config.root().backend.as_ref().map(|b| b.kind.name.to_string())
    };
    assert_eq!(kind(&[("main.tf", backend)]).as_deref(), Some("local"));
    assert_eq!(kind(&[("main.tf", A), ("readme.md", backend)]), None);
    assert_eq!(kind(&[("main.tf", "# a backend\n")]), None);
    let other = "terraform {\n backend \"http\" {}\n}\n";
    assert_eq!(kind(&[("a_override.tf", other), ("main.tf", backend)]).as_deref(), Some("http"));
    let two = "terraform {\n required_version = \"> 1\"\n}\n".to_owned() + backend;
    assert_eq!(kind(&[("a_override.tf", other), ("main.tf", &two)]).as_deref(), Some("http"));
    check("terraform {\n backend {}\n}\n", &["Missing kind for backend"]);
    check("terraform {\n backend \"s3\" {\n assume_role {}\n}\n}\n", &["Unsupported block type"]);
    check(&format!("{backend}{other}"), &["Duplicate backend configuration"]);
}

#[test]
fn arguments_of_backends_are_computed() {
    let check = |text: &str, expected: Result<&str, &str>| {
        let declared = "variable \"env\" {\n default = \"dev\"\n}\nvariable \"none\" {}\nvariable \"pw\" {\n default = \
                        \"s\"\n sensitive = true\n}\nlocals {\n key = \"${var.env}/x\"\n loop = local.pool\n pool = \
                        local.loop\n made = terraform_data.a.id\n}\n";
        let text = format!("{declared}terraform {{\n backend \"s3\" {{\n key = {text}\n}}\n}}\n");
        let (config, _) = load_backend(Path::new(""), &files(&[("main.tf", &text)])).unwrap();
        let values = ["env", "pw"].map(|n| (n.into(), config.root().variables[n].default.clone().unwrap()));
        let mut diags = Vec::new();
        let found = backend_arguments(&config, &values.into(), &crate::constant::Nothing, &mut diags);
        match (diags.first(), expected) {
            (Some(d), Err(problem)) => assert_eq!(format!("{}: {}", d.summary, d.detail), problem),
            (None, Ok(value)) => assert_eq!(found["key"].as_str(), Some(value)),
            (d, expected) => panic!("{d:?} {expected:?}"),
        }
    };
    check("\"a\"", Ok("a"));
    check("upper(local.key)", Ok("DEV/X"));
    check("var.pw", Ok("s"));
    check("\"${path.module}/${var.env}\"", Ok("./dev"));
    check(
        "var.none",
        Err(
            "Variable without a value: The variable \"none\" has no value here, and the state cannot be read without it.",
        ),
    );
    check("local.loop", Err("Local value refers to itself: The value of local.loop needs local.loop."));
    check(
        "local.made",
        Err(
            "Not known before the state is read: \"terraform_data\" cannot be referred to here: this is needed before the state \
             is read.",
        ),
    );
    check(
        "terraform.workspace",
        Err(
            "Not known before the state is read: \"terraform\" cannot be referred to here: the workspaces are where the state \
             is, and this says where that is.",
        ),
    );
    check(
        "var.other",
        Err("Reference to undeclared variable: The root module declares no variable \"other\"."),
    );
}

#[test]
fn configurations_are_inherited_by_source() {
    let source = |name: &str, source: &str| {
        format!("terraform {{\n required_providers {{\n {name} = {{ source = \"{source}\" }}\n }}\n}}\n")
    };
    let check = |root: &str, child: &str, expected: &str| {
        let root = format!("{root}\nmodule \"m\" {{\n source = \"./m\"\n}}\n");
        let child = format!("{child}\nresource \"play_book\" \"p\" {{}}\n");
        let config = loaded(&[("main.tf", &root), ("m/main.tf", &child)]).config.unwrap();
        let module = config.modules.values().last().unwrap();
        let key = config.provider_of(module, module.resources.values().next().unwrap());
        let block = if config.provider_block(&key).is_some() { "configured" } else { "empty" };
        assert_eq!(format!("{key} {} {block}", key.local), expected);
    };
    let own = "provider[\"registry.terraform.io/play/play\"]";
    check(
        &(source("play", "play/play") + "provider \"play\" {}"),
        &source("play", "play/play"),
        &format!("{own} play configured"),
    );
    check(
        &(source("p", "play/play") + "provider \"p\" {}"),
        &source("play", "play/play"),
        &format!("{own} p configured"),
    );
    // The root's `play` is hashicorp/play: another one.
    check("provider \"play\" {}", &source("play", "play/play"), &format!("{own} play empty"));
    check("provider \"play\" {}", "", "provider[\"registry.terraform.io/hashicorp/play\"] play configured");
}

#[test]
fn imports_name_what_is_there() {
    let import = |to: &str, id: &str| format!("{A}\nimport {{\n to = {to}\n id = {id}\n}}\n");
    check(&import("terraform_data.a", "\"x\""), &[]);
    check(&import("terraform_data.b", "\"x\""), &["Configuration for import target does not exist"]);
    check(&import("data.local_file.a", "\"x\""), &["Invalid import address"]);
    check(&import("module.m", "\"x\""), &["Invalid import address"]);
    check(&import("terraform_data.a.input", "\"x\""), &["Invalid import address"]);
    check(&import("terraform_data.a", "terraform_data.a.id"), &["Invalid import id argument"]);
    let twice = "import {\n to = terraform_data.a[0]\n id = \"y\"\n}\n";
    check(
        &format!("{}{twice}", import("terraform_data.a[0]", "\"x\"")),
        &["Duplicate import configuration for \"terraform_data.a[0]\""],
    );
    check(&format!("{A}\nimport {{}}\n"), &["Missing required argument", "Missing required argument"]);
    let call = "module \"m\" {\n source = \"./m\"\n}\n";
    check_all(
        &[("main.tf", call), ("m/main.tf", &import("terraform_data.a", "\"x\""))],
        &["Invalid import configuration"],
    );
}

#[test]
fn provisioners_say_when_and_what_for() {
    let with = |inner: &str| format!("resource \"terraform_data\" \"a\" {{\n{inner}\n}}\n");
    let provisioner = |inner: &str| with(&format!("provisioner \"local-exec\" {{\n{inner}\n}}"));
    check(&provisioner("command = \"x\""), &[]);
    check(&provisioner("when = destroy\ncommand = self.id"), &[]);
    check(&provisioner("when = destroy\ncommand = \"${path.module}/${terraform.workspace}\""), &[]);
    check(&provisioner("when = destroy\nconnection {\n host = path.root\n}"), &[]);
    check(&provisioner("when = destroy\ncommand = var.x"), &["Invalid reference from destroy provisioner"]);
    check(
        &provisioner("when = destroy\ncommand = each.value"),
        &["Invalid reference from destroy provisioner"],
    );
    check(&provisioner("when = later"), &["Invalid \"when\" keyword"]);
    check(&provisioner("on_failure = 1"), &["Invalid \"on_failure\" keyword"]);
    check(&with("provisioner \"chef\" {}"), &["Unknown provisioner"]);
    check(&with("provisioner {}"), &["Missing kind for provisioner"]);
    check(&with("connection {}\nconnection {}"), &["Duplicate connection block"]);
    let removed = |inner: &str| format!("removed {{\n from = terraform_data.a\n{inner}\n}}\n");
    check(&removed("provisioner \"local-exec\" {\n when = destroy\n}"), &[]);
    check(&removed("provisioner \"local-exec\" {\n when = destroy\n command = path.cwd\n}"), &[]);
    check(&removed("provisioner \"local-exec\" {}"), &["Invalid provisioner block"]);
    check(
        &removed("lifecycle {\n destroy = false\n}\nprovisioner \"local-exec\" {\n when = destroy\n}"),
        &["Provisioner never runs"],
    );
    // What the provisioner says of its connection wins over what the resource says.
    let both = with(
        "connection {\n host = \"a\"\n port = 1\n}\nprovisioner \"file\" {\n connection {\n host = \"b\"\n}\n}",
    );
    let config = loaded(&[("main.tf", &both)]).config.unwrap();
    let block = config.root().resources.values().next().unwrap();
    let connection = block.provisioners[0].connection.as_ref().unwrap();
    let names: Vec<&str> = connection.body.attributes.iter().map(|a| &*a.name.name).collect();
    assert_eq!(names, ["host", "port"]);
    assert_eq!(connection.body.attributes[0].expr.kind, formwork_syntax::ExprKind::String("b".into()));
}

#[test]
fn what_repeats_and_what_is_enabled() {
    let with = |inner: &str| format!("resource \"terraform_data\" \"a\" {{\n{inner}\n}}\n");
    check(&with("lifecycle {\n enabled = false\n}"), &[]);
    check(
        &with("count = 1\nlifecycle {\n enabled = false\n}"),
        &["Invalid combination of \"enabled\" and \"count\""],
    );
    check(&with("lifecycle {\n create_before_destroy = var.x\n}"), &[]);
    check(&with("lifecycle {\n create_before_destroy = each.key\n}"), &["Invalid create_before_destroy"]);
    let data = "data \"local_file\" \"f\" {\n filename = \"x\"\n}\n";
    let assert = "assert {\n condition = data.local_file.f.id != \"\"\n error_message = \"x\"\n}\n";
    check(&format!("check \"c\" {{\n{data}{assert}}}\n"), &[]);
    check(&format!("{data}check \"c\" {{\n{data}{assert}}}\n"), &["Duplicate data resource"]);
}

#[test]
fn what_is_set_twice_is_told_once() {
    check("variable \"a\" {\n type = string\n type = number\n}\n", &["Attribute redefined"]);
    check("output \"a\" {\n value = 1\n value = 2\n value = 3\n}\n", &["Attribute redefined"; 2]);
}

#[test]
fn what_is_constant_need_not_be_literal() {
    let text = "variable \"x\" {\n sensitive = !false\n description = \"a${1}\"\n}\n";
    let all = loaded(&[("main.tf", text)]).config.unwrap();
    let variable = all.root().variables.values().next().unwrap();
    assert!(variable.sensitive);
    assert_eq!(variable.description.as_deref(), Some("a1"));
    check("terraform {\n required_version = \">= ${1}\"\n}\n", &[]);
    check("output \"x\" {\n value = 1\n sensitive = (true)\n}\n", &[]);
    check("variable \"x\" {\n sensitive = null\n}\n", &["Unsuitable value"]);
    check("variable \"x\" {\n sensitive = var.y\n}\n", &["Unsuitable value"]);
    check("variable \"x\" {\n description = upper(\"a\")\n}\n", &["Unsuitable value"]);
}

#[test]
fn types_are_written_as_such() {
    let of = |ty: &str| format!("variable \"x\" {{\n type = {ty}\n}}\n");
    let wrong = &["Invalid type specification"];
    check(&of("object({ a = string, b-c = optional(number, 1 + 2) })"), &[]);
    check(&of("object({ \"a\" = string })"), wrong);
    check(&of("(string)"), wrong);
    check(&of("list((string))"), wrong);
    check(&of("object({ a = optional(string, upper(\"a\")) })"), &["Function calls not allowed"]);
    check_all(
        &[("main.tf.json", r#"{"variable":{"x":{"type":"object({ a = string, bb = number })"}}}"#)],
        &[],
    );
}

#[test]
fn requirements_stand_once_and_name_providers() {
    let one = "terraform {\n required_providers {\n null = { source = \"hashicorp/null\" }\n }\n}\n";
    let twice = &["Duplicate required providers configuration"];
    check(&format!("{one}{one}"), twice);
    check_all(&[("a.tf", one), ("b.tf", one)], twice);
    check_all(&[("a.tf", "terraform {}\n"), ("b.tf", one), ("c_override.tf", one)], &[]);
    let with = |what: &str| format!("terraform {{\n required_providers {{\n {what}\n }}\n}}\n");
    for name in ["Null", "nu_ll", "nu--ll"] {
        check(
            &with(&format!("{name} = {{ source = \"hashicorp/null\" }}")),
            &["Invalid provider local name"],
        );
    }
    for version in ["\"abc\"", "3", "null"] {
        let wrong = &["Invalid version constraint"];
        check(&with(&format!("null = {{ source = \"hashicorp/null\", version = {version} }}")), wrong);
    }
    check(&with("null = { source = \"hashicorp/null\", version = \">= ${3}\" }"), &[]);
    check("provider \"nu_ll\" {}\n", &["Invalid provider local name"]);
    check("resource \"null_resource\" \"x\" {\n provider = Null\n}\n", &["Invalid provider local name"]);
    check("provider \"null\" {\n alias = \"a b\"\n}\n", &["Invalid provider configuration alias"]);
    check("provider \"null\" {\n alias = \"\"\n}\n", &["Invalid provider configuration alias"]);
}

#[test]
fn dependencies_are_those_of_all_instances() {
    let c = |what: &str| format!("{A}resource \"terraform_data\" \"c\" {{\n {what}\n}}\n");
    check(&c("depends_on = [each.key]"), &["Reference to \"each\" in context without for_each"]);
    check(&c("depends_on = [count.index]"), &["Reference to \"count\" in non-counted context"]);
    let triggers =
        |key: &str| c(&format!("lifecycle {{\n replace_triggered_by = [terraform_data.a[{key}]]\n }}"));
    check(&triggers("each.key"), &[]);
    check(&triggers("count.index"), &[]);
    check(&triggers("each.value"), &["Invalid each reference in replace_triggered_by expression"]);
}

#[test]
fn checks_assert_something() {
    check(
        "check \"a\" {}\nvariable \"x\" {\n sensitive = 5\n}\n",
        &["Missing assert block", "Unsuitable value"],
    );
    check("check \"a\" {\n assert {}\n}\n", &["Missing required argument"; 2]);
    check(
        "check \"a\" {\n assert {\n condition = true\n}\n}\n",
        &["Missing required argument", "Invalid assert expression"],
    );
}

#[test]
fn comments_may_hold_any_bytes() {
    let summaries = |text: &[u8]| {
        let files = MemoryFiles([(PathBuf::from("main.tf"), text.to_vec())].into());
        load(Path::new(""), &files).diagnostics.into_iter().map(|d| d.summary).collect::<Vec<_>>()
    };
    assert_eq!(summaries(b"# caf\xe9\nlocals {\n a = 1 /* \xff\xfe */ // \xe9\n}\n"), [""; 0]);
    assert_eq!(summaries(b"# caf\xe9\nlocals {\n a = \"\xe9\"\n}\n"), ["Invalid character encoding"]);
    assert_eq!(summaries(b"locals {\n a = 1\n}\n\xe9"), ["Invalid character encoding"]);
}

#[test]
fn what_is_not_text_has_a_place() {
    let files = [(PathBuf::from("main.tf"), b"# \xff\nlocals {\n  a = \"x\xfey\"\n}\n".to_vec())];
    let loaded = load(Path::new(""), &MemoryFiles(files.into()));
    let span = loaded.diagnostics[0].span.unwrap();
    assert_eq!((span.start, span.end), (21, 24));
    let text = &loaded.sources.get(span.file).unwrap().text;
    assert_eq!(&**text, "# ?\nlocals {\n  a = \"x\u{fffd}y\"\n}\n");
}

#[test]
fn json_may_hold_any_bytes_in_its_strings() {
    let files = [(PathBuf::from("main.tf.json"), b"{\"locals\":{\"a\":\"x\xff\xe2\x82\"}}".to_vec())];
    let loaded = load(Path::new(""), &MemoryFiles(files.into()));
    assert_eq!(loaded.diagnostics, []);
    let text = loaded.config.unwrap().root().locals["a"].expr.kind.clone();
    assert_eq!(text, formwork_syntax::ExprKind::String("x\u{fffd}\u{fffd}\u{fffd}".into()));
}
