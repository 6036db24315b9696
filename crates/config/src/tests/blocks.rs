//! Mistakes in blocks, and what of the text is marked.

use super::loaded;

/// What is said of the files of a root module, each with the text that it marks.
fn marked(texts: &[(&str, &str)]) -> Vec<String> {
    let loaded = loaded(texts);
    let told = loaded.diagnostics.iter().map(|d| {
        let text = d.span.map_or("", |at| loaded.sources.text(at));
        format!("{}: {text}", d.summary)
    });
    told.collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(marked(&[("main.tf", text)]), expected, "{text}");
}

#[test]
fn nested_blocks_have_their_labels() {
    let condition = "condition = path.root != \"\"\n error_message = \"m\"\n";
    let resource = |inner: &str| format!("resource \"t\" \"a\" {{\n {inner}\n}}\n");
    check(&resource("lifecycle \"x\" {}"), &["Extraneous label for lifecycle: \"x\""]);
    check(&resource("connection \"x\" {}"), &["Extraneous label for connection: \"x\""]);
    check(
        &resource(&format!("lifecycle {{\n precondition \"x\" \"y\" {{\n {condition} }}\n}}")),
        &["Extraneous label for precondition: \"x\""],
    );
    check(
        &resource("provisioner \"local-exec\" {\n connection \"x\" {}\n}"),
        &["Extraneous label for connection: \"x\""],
    );
    check(&resource("provisioner \"file\" \"x\" {}"), &["Extraneous label for provisioner: \"x\""]);
    check(&resource("provisioner {}"), &["Missing kind for provisioner: {"]);
    check(
        &format!("check \"c\" {{\n assert \"x\" {{\n {condition} }}\n}}\n"),
        &["Extraneous label for assert: \"x\"", "Missing assert block: check \"c\""],
    );
    check(
        "variable \"v\" {\n validation \"x\" {\n condition = var.v\n error_message = \"m\"\n }\n}\n",
        &["Extraneous label for validation: \"x\""],
    );
    check(
        "terraform {\n required_providers \"x\" {}\n backend \"local\" \"y\" {}\n}\n",
        &["Extraneous label for required_providers: \"x\"", "Extraneous label for backend: \"y\""],
    );
    check("removed {\n from = t.a\n lifecycle \"y\" {}\n}\n", &["Extraneous label for lifecycle: \"y\""]);
    // What only a type can say of its blocks is for its schema to judge.
    check(&resource("rule \"x\" {}"), &[]);
}

#[test]
fn addresses_begin_with_types() {
    let moved = |from: &str, to: &str| format!("moved {{\n from = {from}\n to = {to}\n}}\n");
    let invalid = |at: &str| format!("Invalid address: {at}");
    for root in ["arg", "count", "each", "lazy", "local", "path", "self", "template", "terraform", "var"] {
        let address = format!("{root}.x");
        check(&moved(&address, "resource.t.y"), &[&invalid(&address)]);
        check(&moved("t.y", &format!("module.m[0].{address}[1]")), &[&invalid(&format!(".{address}[1]"))]);
        check(&format!("import {{\n to = {address}\n id = \"i\"\n}}\n"), &[&invalid(&address)]);
        let full = format!("resource.{address}");
        check(&moved(&full, &format!("resource.{root}.y")), &[]);
        check(&format!("resource {root:?} \"x\" {{}}\nimport {{\n to = {full}\n id = \"i\"\n}}\n"), &[]);
        check(&format!("removed {{\n from = {address}\n}}\n"), &[]);
    }
}

#[test]
fn what_is_removed_has_no_keys() {
    let removed = |from: &str| format!("removed {{\n from = {from}\n}}\n");
    let (module, resource) = ("Module instance keys not allowed: ", "Resource instance keys not allowed: ");
    check(&removed("module.x[0]"), &[&format!("{module}[0]")]);
    check(&removed("module.x.module.y[\"a\"].t.a[1]"), &[&format!("{module}[\"a\"]")]);
    check(&removed("t.a[1]"), &[&format!("{resource}[1]")]);
    check(&removed("data.t.a[\"x\"]"), &[&format!("{resource}[\"x\"]")]);
}

#[test]
fn provisioners_are_for_one_resource() {
    let removed = |from: &str, inner: &str| format!("removed {{\n from = {from}\n {inner}\n}}\n");
    let provisioner = "provisioner \"local-exec\" {\n when = destroy\n}";
    let told = "Invalid provisioner block: provisioner \"local-exec\"";
    check(&removed("t.a", provisioner), &[]);
    check(&removed("module.m", provisioner), &[told]);
    check(&removed("module.m", "connection {}"), &["Invalid connection block: connection"]);
    check(&removed("data.t.a", provisioner), &[told, "Data source address not allowed: data.t.a"]);
}

/// The text from each place on in which something is missing.
fn lacking(name: &str, text: &str) -> Vec<String> {
    let loaded = loaded(&[(name, text)]);
    let lacks = loaded.diagnostics.iter().filter(|d| d.summary == "Missing required argument");
    lacks.map(|d| d.span.map_or(String::new(), |at| text[at.start as usize..].to_owned())).collect()
}

#[test]
fn what_is_missing_has_a_place() {
    for (block, at) in [
        ("output \"x\" ", "{}"),
        ("output \"x\" ", "{\n description = \"a\"\n}"),
        ("output \"x\" { ", "description = \"a\" }"),
        ("moved { ", "from = t.a }"),
        ("import { ", "to = t.a }"),
        ("module \"m\" { ", "count = 1 }"),
        ("variable \"v\" {\n validation { ", "condition = var.v }\n}"),
    ] {
        assert_eq!(lacking("main.tf", &format!("{block}{at}")), [at]);
    }
    for (text, at) in [
        (r#"{"output": {"o": {"sensitive": true}}}"#, "}}}"),
        (r#"{"output": {"o": [{"sensitive": true}]}}"#, "}]}}"),
        (r#"{"moved": {"from": "t.a"}}"#, "}}"),
        (r#"{"removed": {}}"#, "}}"),
        (r#"{"module": {"m": {"count": 1}}}"#, "}}}"),
    ] {
        assert_eq!(lacking("main.tf.json", text), [at]);
    }
}

#[test]
fn of_wrong_literals_the_text_is_marked() {
    let wrong = |at: &str| format!("Unsuitable value: {at}");
    let variable = |inner: &str| format!("variable \"v\" {{\n {inner}\n}}\n");
    for (value, at) in
        [("\"maybe\"", "maybe"), ("(\"maybe\")", "maybe"), ("5", "5"), ("[]", "["), ("{ a = 1 }", "{")]
    {
        for name in ["sensitive", "ephemeral", "nullable"] {
            check(&variable(&format!("{name} = {value}")), &[&wrong(at)]);
        }
        for name in ["create_before_destroy", "prevent_destroy"] {
            let text = format!("resource \"t\" \"a\" {{\n lifecycle {{\n {name} = {value}\n}}\n}}\n");
            // What stands in parentheses may be computed, and is judged when all is known.
            let told = if value.starts_with('(') { Vec::new() } else { vec![wrong(at)] };
            assert_eq!(marked(&[("main.tf", &text)]), told, "{text}");
        }
        check(
            &format!("removed {{\n from = t.a\n lifecycle {{\n destroy = {value}\n}}\n}}\n"),
            &[&wrong(at)],
        );
    }
    check(&variable("description = []"), &[&wrong("[")]);
    let json = r#"{"variable": {"v": {"sensitive": "maybe"}}}"#;
    assert_eq!(marked(&[("main.tf.json", json)]), [wrong("\"maybe\"")]);
}

#[test]
fn all_that_is_wrong_in_a_block_is_told() {
    check(
        "variable \"v\" {\n type = object({ a = nope, b = optional(list(string), [{}]) })\n}\n",
        &["Invalid type specification: nope", "Invalid default value for optional attribute: [{}]"],
    );
    check(
        "resource \"t\" \"a\" {\n lifecycle {\n create_before_destroy = \"maybe\"\n ignore_changes = \"all\"\n}\n}\n",
        &["Unsuitable value: maybe", "Unsuitable value: all"],
    );
    check(
        "output \"o\" {\n value = 1\n precondition {\n condition = true\n}\n}\n",
        &["Missing required argument: {", "Invalid precondition expression: true"],
    );
}

#[test]
fn an_overridden_type_is_shown_beside_the_default() {
    let loaded = loaded(&[
        ("main.tf", "variable \"v\" {\n default = \"x\"\n}\n"),
        ("override.tf", "variable \"v\" {\n type = number\n}\n"),
    ]);
    let labels: Vec<&str> =
        loaded.diagnostics.iter().flat_map(|d| &d.labels).map(|l| loaded.sources.text(l.span)).collect();
    assert_eq!(labels, ["\"x\"", "number"]);
}
