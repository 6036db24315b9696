//! Override files: what they change, and what they cannot.

use super::{A, check_all, loaded};
use formwork_syntax::{Block, Body, Expr, ExprKind};

#[test]
fn an_override_changes_the_configuration_of_its_alias() {
    let base = "provider \"p\" {\n a = 1\n}\nprovider \"p\" {\n alias = \"x\"\n a = 2\n}\n";
    let over = "provider \"p\" {\n alias = \"x\"\n b = 3\n}\nprovider \"q\" {\n}\n";
    let all = loaded(&[("main.tf", base), ("override.tf", over)]);
    assert!(all.diagnostics.is_empty(), "{:?}", all.diagnostics);
    let all = all.config.unwrap();
    let of = |name: &str, alias: Option<&str>| {
        let block = &all.root().providers[&(name.into(), alias.map(Into::into))];
        block.body.attributes.iter().map(|a| a.name.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((&*of("p", None), &*of("p", Some("x")), &*of("q", None)), ("a", "a b", ""));
    let other = "provider \"p\" {\n alias = \"y\"\n}\n";
    check_all(&[("main.tf", base), ("override.tf", other)], &["Nothing to override"]);
}

#[test]
fn what_no_override_can_change() {
    let over = |base: &str, text: &str, expected: &[&str]| {
        check_all(&[("main.tf", base), ("x_override.tf", text)], expected);
    };
    let moved = "moved {\n from = terraform_data.b\n to = terraform_data.a\n}\n";
    let import = "import {\n id = \"x\"\n to = terraform_data.a\n}\n";
    for (block, summary) in
        [(moved, "Cannot override 'moved' blocks"), (import, "Cannot override 'import' blocks")]
    {
        over(A, block, &[summary]);
        over(&format!("{A}{block}"), block, &[summary]);
    }
    over(A, "check \"c\" {}\n", &["Can't override check blocks"]);
    over(A, "removed {\n from = terraform_data.a\n}\n", &["Removed block without effect"]);
    let dependent = "resource \"terraform_data\" \"a\" {\n depends_on = [terraform_data.b]\n}\n";
    over(A, dependent, &["Unsupported override"]);
    over(A, "resource \"terraform_data\" \"a\" {\n depends_on = []\n}\n", &[]);
    over(
        "output \"o\" {\n value = 1\n}\n",
        "output \"o\" {\n depends_on = [local.x]\n}\n",
        &["Unsupported override"],
    );
    let call = "module \"m\" {\n source = \"./m\"\n}\n";
    let texts = [
        ("main.tf", call),
        ("m/main.tf", "locals {}\n"),
        ("override.tf", "module \"m\" {\n depends_on = [local.x]\n}\n"),
    ];
    check_all(&texts, &["Unsupported override"]);
}

#[test]
fn mistakes_are_told_though_they_are_replaced() {
    let over = |base: &str, text: &str, expected: &[&str]| {
        check_all(&[("main.tf", base), ("x_override.tf", text)], expected);
    };
    let variable = |inner: &str| format!("variable \"v\" {{\n{inner}\n}}\n");
    let default = "Invalid default value for variable";
    let wrong = variable("type = number\ndefault = \"x\"");
    over(&wrong, &variable("default = 5"), &[default]);
    over(&wrong, &variable("type = string"), &[default]);
    // Once, though it is there in the end, too.
    over(&wrong, &variable("description = \"x\""), &[default]);
    over(&variable("type = strin"), &variable("type = string"), &["Invalid type specification"]);
    over(&variable("sensitive = \"x\""), &variable("sensitive = true"), &["Unsuitable value"]);
    over(&variable("default = null\nnullable = false"), &variable("default = 1"), &[default]);
    over(&variable("default = 1"), &variable("type = bool\ndefault = \"x\""), &[default]);
    let setting = |text: &str| format!("terraform {{\n {text}\n}}\n");
    let fine = setting("required_version = \">= 1\"");
    over(&setting("required_version = \"foo\""), &fine, &["Invalid version constraint"]);
    over(&setting("required_version = \">= 99\""), &fine, &[]);
    let early = |value: &str| {
        format!("resource \"t\" \"a\" {{\n lifecycle {{\n create_before_destroy = {value}\n}}\n}}\n")
    };
    over(&early("\"x\""), &early("true"), &["Unsuitable value"]);
    check_all(
        &[
            ("main.tf", "resource \"t\" \"a\" {}\n"),
            ("x_override.tf", &early("\"x\"")),
            ("y_override.tf", &early("true")),
        ],
        &["Unsuitable value"],
    );
    let lasting =
        |value: &str| format!("resource \"t\" \"a\" {{\n lifecycle {{\n prevent_destroy = {value}\n}}\n}}\n");
    over(&lasting("var.x"), &lasting("true"), &["Reference to undeclared input variable"]);
    over(&(lasting("var.x") + "variable \"x\" {}\n"), &lasting("true"), &[]);
    // What only the override file has is not missing.
    over("output \"o\" {}\n", "output \"o\" {\n value = 1\n}\n", &[]);
}

#[test]
fn a_default_takes_the_types_of_all_files() {
    let variable = |inner: &str| format!("variable \"v\" {{\n{inner}\n}}\n");
    let default = |base: &str, overs: &[&str]| {
        let mut texts = vec![("main.tf".to_owned(), variable(base))];
        texts.extend(overs.iter().enumerate().map(|(i, text)| (format!("{i}_override.tf"), variable(text))));
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
        let all = loaded(&texts);
        assert!(all.diagnostics.is_empty(), "{:?}", all.diagnostics);
        let config = all.config.unwrap();
        config.root().variables["v"].default.clone().unwrap()
    };
    let check = |base: &str, overs: &[&str], same: &str| {
        assert_eq!(default(base, overs), default(same, &[]), "{base} {overs:?}");
    };
    check(
        "type = set(string)\ndefault = [\"b\", \"a\", \"a\"]",
        &["type = list(string)"],
        "type = list(string)\ndefault = [\"a\", \"b\"]",
    );
    check("type = number\ndefault = \"010\"", &["type = string"], "default = \"10\"");
    check("default = \"010\"", &["type = number", "type = string"], "default = \"10\"");
    check("type = number", &["default = \"010\"", "type = string"], "default = \"10\"");
    check("type = bool\ndefault = \"1\"", &["type = string"], "default = \"true\"");
    check(
        "type = object({ x = optional(string, \"d\") })\ndefault = {}",
        &["type = object({ x = optional(string, \"e\") })"],
        "default = { x = \"d\" }",
    );
    check(
        "type = object({ x = string })\ndefault = { x = \"1\", y = 1 }",
        &["type = object({ x = string, y = optional(number, 5) })"],
        "type = object({ x = string, y = optional(number) })\ndefault = { x = \"1\" }",
    );
    check(
        "type = object({ x = optional(string, \"d\") })",
        &["default = { x = null }"],
        "default = { x = \"d\" }",
    );
}

#[test]
fn a_default_that_does_not_fit_is_the_fault_of_the_override() {
    let told = |base: &str, over: &str| {
        let all = loaded(&[("main.tf", base), ("x_override.tf", over)]);
        let marked = |at: Option<formwork_diag::Span>| at.map_or("", |at| all.sources.text(at)).to_owned();
        let d = all.diagnostics.first().unwrap();
        let labels = d.labels.iter().map(|label| marked(Some(label.span))).collect::<Vec<_>>();
        (all.diagnostics.len(), marked(d.span), labels.join(", "))
    };
    let base = "variable \"v\" {\n type = number\n default = 5\n}\n";
    let expected = |labels: &str| (1, "variable \"v\"".to_owned(), labels.to_owned());
    assert_eq!(told(base, "variable \"v\" {\n type = bool\n}\n"), expected("5, bool"));
    assert_eq!(told(base, "variable \"v\" {\n default = \"x\"\n}\n"), expected("\"x\", number"));
    let null = "variable \"v\" {\n default = null\n}\n";
    assert_eq!(told(null, "variable \"v\" {\n nullable = false\n}\n"), expected("null"));
}

#[test]
fn a_backend_takes_the_place_of_hcp_terraform() {
    let cloud = "terraform {\n cloud {\n organization = \"a\"\n}\n}\n";
    let backend = "terraform {\n backend \"local\" {}\n}\n";
    let files = [("main.tf", cloud), ("x_override.tf", backend)];
    check_all(&files, &[]);
    let kind = loaded(&files).config.unwrap().root().backend.as_ref().map(|b| b.kind.name.to_string());
    assert_eq!(kind.as_deref(), Some("local"));
    check_all(&[("main.tf", backend), ("x_override.tf", cloud)], &["Unsupported backend"]);
}

#[test]
fn conditions_stay_as_they_are() {
    let over = |base: &str, text: &str, expected: &[&str]| {
        check_all(&[("main.tf", base), ("x_override.tf", text)], expected);
    };
    let block = |kind: &str| {
        format!("{kind} {{\n condition = terraform_data.b.id == 1\n error_message = \"x.\"\n}}\n")
    };
    let (pre, post) = ("Can't override precondition blocks", "Can't override postcondition blocks");
    let validation = "Can't override validation blocks";
    let variable = |inner: &str| format!("variable \"v\" {{\n{inner}\n}}\n");
    over(&variable(""), &variable(&block("validation")), &[validation]);
    over(&variable(""), &variable("validation {}\nvalidation {}"), &[validation; 2]);
    over("", &variable("validation {}"), &[validation, "Nothing to override"]);
    over(
        "output \"o\" {\n value = 1\n}\n",
        &format!("output \"o\" {{\n{}}}\n", block("precondition")),
        &[pre],
    );
    for kind in ["resource", "data", "ephemeral"] {
        let base = format!("{kind} \"t\" \"a\" {{}}\n");
        let both = block("postcondition") + &block("precondition");
        over(&base, &format!("{kind} \"t\" \"a\" {{\n lifecycle {{\n{both}}}\n}}\n"), &[post, pre]);
    }
    // In JSON, the place is where the value starts.
    let json = r#"{"variable":{"v":{"validation":[{}]}}}"#;
    let all = loaded(&[("main.tf", &variable("")), ("x_override.tf.json", json)]);
    let span = all.diagnostics[0].span.unwrap();
    assert_eq!(&json[span.start as usize..span.end as usize], "[");
}

#[test]
fn only_what_was_read_lacks_something() {
    let over = ("x_override.tf.json", r#"{"locals":{"a":1},"output":{"a":{"value":1}}}"#);
    check_all(&[("main.tf.json", r#"{"output":{"a" {}}}"#), over], &["Invalid JSON"]);
    check_all(&[("main.tf", "locals {\n a = ]\n}\n"), over], &["Unexpected closing bracket"]);
    check_all(&[("main.tf", ""), over], &["Nothing to override"; 2]);
    let broken = ("y_override.tf", "locals {\n a = ]\n}\n");
    check_all(
        &[("main.tf", ""), over, broken],
        &["Unexpected closing bracket", "Nothing to override", "Nothing to override"],
    );
}

#[test]
fn what_is_missing_is_named() {
    let detail = |text: &str| loaded(&[("x_override.tf", text)]).diagnostics[0].detail.clone();
    for (text, what) in [
        ("locals {\n a = 1\n}\n", "local value \"a\""),
        ("output \"a\" {}\n", "output \"a\""),
        ("module \"a\" {}\n", "module call \"a\""),
        ("data \"t\" \"a\" {}\n", "data resource t.a"),
        ("provider \"a\" {\n alias = \"b\"\n}\n", "provider configuration \"a\" with the alias \"b\""),
    ] {
        let expected = format!("There is no {what} in the other files of the module for this one to change.");
        assert_eq!(detail(text), expected);
    }
}

#[test]
fn override_files_hold_known_blocks() {
    let over = |name: &str, text: &str, expected: &[&str]| check_all(&[(name, text)], expected);
    over("x_override.tf", "a = 1\n", &["Unsupported argument"]);
    over(
        "x_override.tf",
        "locals \"x\" {\n a {}\n}\n",
        &["Unsupported block type", "Extraneous label for locals"],
    );
    over("x_override.tf", "resorce \"t\" \"a\" {}\n", &["Unsupported block type"]);
    over("x_override.tf.json", r#"{"outputs":{}}"#, &["Unsupported argument"]);
    over("x_override.tf", "terraform {\n required_version = \">= 99\"\n}\n", &["Unsupported version"]);
}

/// What a resource of both files holds: in JSON as it is written, a block by the number `p` in it.
fn merged(base: &str, over: &str) -> String {
    let named = |name: &str, text: &str| match text.starts_with('{') {
        true => (format!("{name}.tf.json"), format!(r#"{{"resource":{{"t":{{"a":{text}}}}}}}"#)),
        false => (format!("{name}.tf"), format!("resource \"t\" \"a\" {{\n{text}\n}}\n")),
    };
    let files = [named("main", base), named("x_override", over)];
    let files = files.each_ref().map(|(name, text)| (&**name, &**text));
    let all = loaded(&files);
    assert!(all.diagnostics.is_empty(), "{files:#?}\n{:#?}", all.diagnostics);
    let config = all.config.unwrap();
    let body = &config.root().resources.values().next().unwrap().body;
    let attributes = body.attributes.iter().map(|a| {
        let sign = if a.json { ":" } else { " =" };
        format!("{}{sign} {}", a.name.name, json(&a.expr))
    });
    attributes.chain(body.blocks.iter().map(shown)).collect::<Vec<_>>().join(", ")
}

fn json(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number(n) => n.to_string(),
        ExprKind::Tuple(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        ExprKind::Object(items) => {
            let pair = |i: &formwork_syntax::ObjectItem| format!("{}:{}", json(&i.key), json(&i.value));
            format!("{{{}}}", items.iter().map(pair).collect::<Vec<_>>().join(","))
        }
        ExprKind::String(text) => text.to_string(),
        ExprKind::Null => "null".into(),
        other => panic!("{other:?}"),
    }
}

fn shown(block: &Block) -> String {
    let number = |body: &Body| body.attribute("p").map_or_else(|| "-".into(), |a| json(&a.expr));
    match block.labels.first() {
        Some(label) => format!("dynamic {} {}", label.name, number(&block.body)),
        None => format!("{} {}", block.kind.name, number(&block.body)),
    }
}

#[test]
fn a_dynamic_block_is_of_the_kind_that_it_makes() {
    let check = |base: &str, over: &str, expected: &str| assert_eq!(merged(base, over), expected);
    let one = "in {\n p = 1\n}";
    let two = "in {\n p = 2\n}";
    let made = "dynamic \"in\" {\n p = 3\n}";
    let out = "dynamic \"out\" {\n p = 4\n}";
    check(made, two, "in 2");
    check(one, made, "dynamic in 3");
    check(&format!("{made}\n{out}"), "dynamic \"out\" {\n p = 5\n}", "dynamic in 3, dynamic out 5");
    check(&format!("{made}\n{one}\n{out}"), &format!("{two}\n{made}"), "dynamic out 4, in 2, dynamic in 3");
    check(made, out, "dynamic in 3, dynamic out 4");
}

#[test]
fn blocks_of_json_replace_and_are_replaced() {
    let check = |base: &str, over: &str, expected: &str| assert_eq!(merged(base, over), expected);
    let one = "in {\n p = 1\n}";
    let made = "dynamic \"in\" {\n p = 3\n}";
    let out = "dynamic \"out\" {\n p = 4\n}";
    check(one, r#"{"in":{"p":2}}"#, "in: {p:2}");
    check(one, r#"{"in":[[{"p":2}]]}"#, "in: [[{p:2}]]");
    check(&format!("{made}\n{out}"), r#"{"in":{"p":2}}"#, "in: {p:2}, dynamic out 4");
    // Whether the first of these is an argument, and counts, a schema says.
    check(r#"{"in":{"p":1}}"#, one, "in: {p:1}, in 1");
    check(r#"{"in":{"p":1}}"#, made, "in: {p:1}, dynamic in 3");
    // One key may be there several times.
    check(r#"{"in":{"p":1},"in":{"p":2}}"#, r#"{"in":{"p":3},"in":[{"p":4}]}"#, "in: {p:3}, in: [{p:4}]");
    // Dynamic blocks of JSON, and of both.
    let dynamic = r#"{"dynamic":{"in":{"p":5},"out":{"p":6}}}"#;
    check(
        &format!("{made}\n{one}\n{out}"),
        r#"{"dynamic":{"in":{"p":5}}}"#,
        "dynamic: {in:{p:5}}, dynamic out 4",
    );
    check(r#"{"in":{"p":1}}"#, dynamic, "in: {p:1}, dynamic: {in:{p:5},out:{p:6}}");
    check(dynamic, one, "dynamic: {out:{p:6}}, in 1");
    check(dynamic, made, "dynamic: {out:{p:6}}, dynamic in 3");
    check(dynamic, r#"{"in":{"p":1}}"#, "in: {p:1}, dynamic: {out:{p:6}}");
    check(dynamic, &format!("{one}\n{out}"), "in 1, dynamic out 4");
    check(dynamic, r#"{"dynamic":{"out":{"p":7}}}"#, "dynamic: {out:{p:7}}, dynamic: {in:{p:5}}");
    check(r#"{"dynamic":[{"in":{"p":5}},{"out":[{"p":6}]}]}"#, one, "dynamic: [{out:[{p:6}]}], in 1");
}

#[test]
fn what_is_empty_leaves_what_may_be_blocks() {
    let check = |base: &str, over: &str, expected: &str| assert_eq!(merged(base, over), expected);
    let one = "in {\n p = 1\n}";
    check(one, "in = []", "in = [], in 1");
    check(one, r#"{"in":[]}"#, "in: [], in 1");
    check(one, r#"{"in":null}"#, "in: null, in 1");
    check("in = []", one, "in = [], in 1");
    check(r#"{"in":[{"p":1}]}"#, r#"{"in":[]}"#, "in: [{p:1}], in: []");
    check(r#"{"in":[5]}"#, r#"{"in":[]}"#, "in: []");
    check("dynamic \"in\" {\n p = 3\n}", r#"{"in":[]}"#, "in: [], dynamic in 3");
    check("in = 1\nother = 2", "in = 3", "other = 2, in = 3");
}

#[test]
fn an_argument_named_dynamic_makes_nothing() {
    let call = |value: &str| format!(r#"{{"module":{{"m":{{"source":"./m","dynamic":{value}}}}}}}"#);
    let over = r#"{"module":{"m":{"dynamic":{"b":2}}}}"#;
    let texts = [
        ("main.tf.json", &*call(r#"{"a":1}"#)),
        ("x_override.tf.json", over),
        ("m/m.tf", "variable \"dynamic\" {}\n"),
    ];
    let config = loaded(&texts).config.unwrap();
    let value = &config.root().calls["m"].arguments["dynamic"].1;
    assert_eq!(json(value), "{b:2}");
}
