//! Mistakes in `.tf.json` and in variable files of JSON.

use super::check_all;
use crate::{Origin, variable_file};
use formwork_diag::Sources;

fn check(text: &str, expected: &[&str]) {
    check_all(&[("main.tf.json", text)], expected);
}

/// A resource with this content.
fn resource(content: &str) -> String {
    format!(r#"{{"resource":{{"terraform_data":{{"x":{{{content}}}}}}}}}"#)
}

#[test]
fn nothing_is_given_twice() {
    let (argument, attribute) = ("Attribute redefined", "Duplicate object attribute");
    check(&resource(r#""input":1,"input":2"#), &[argument]);
    check(&resource(r#""input":null,"input":2"#), &[argument]);
    check(&resource(r#""count":1,"count":1"#), &[argument]);
    check(&resource(r#""input":{"a":1,"a":2}"#), &[attribute]);
    check(&resource(r#""input":[{"a":{"b":"x","b":"y"}}]"#), &[attribute]);
    check(&resource(r#""for_each":{"a":[],"a":[]}"#), &[attribute]);
    check(&resource(r#""provisioner":{"local-exec":{"command":"a","command":"b"}}"#), &[argument]);
    check(r#"{"module":{"m":{"source":"./m","a":{},"a":{}}}}"#, &[argument, "Module not found"]);
    check(r#"{"variable":{"v":{"default":1,"default":2}}}"#, &[argument]);
    check(r#"{"locals":{"a":1,"a":2}}"#, &["Duplicate local value"]);
    check(r#"{"provider":{"terraform":{"a":1,"a":2}}}"#, &[argument]);
    // These may be blocks, of which there may be several; what is in them is told apart with the schema.
    check(&resource(r#""rule":{"a":1},"rule":[{"a":2}]"#), &[]);
    check(&resource(r#""rule":{"port":{"a":1},"port":{"a":2}}"#), &[]);
    check(&resource(r#""//":1,"//":2"#), &[]);
}

#[test]
fn variable_files_say_nothing_twice() {
    let read = |text: &str| {
        let given = variable_file("a.tfvars.json", text, &mut Sources::default(), &Origin::Flag);
        given.1.into_iter().map(|d| d.summary).collect::<Vec<_>>()
    };
    assert_eq!(read(r#"{"a":1,"a":2}"#), ["Attribute redefined"]);
    assert_eq!(read(r#"{"a":{"b":{},"b":{}}}"#), ["Duplicate object attribute"]);
    assert_eq!(read(r#"{"a":{"b":1}}"#), [""; 0]);
}

#[test]
fn names_are_no_templates() {
    let with = |from: &str| {
        format!(
            r#"{{"moved":{{"from":"{from}","to":"terraform_data.d"}},"resource":{{"terraform_data":{{"d":{{}}}}}}}}"#
        )
    };
    check(&with("terraform_data.c"), &[]);
    check(&with("${terraform_data.c}"), &["Invalid expression"]);
    check(&resource(r#""depends_on":["${terraform_data.c}"]"#), &["Invalid expression"]);
}

#[test]
fn local_values_have_names() {
    let wrong = "Invalid local value name";
    check(r#"{"locals":{"1bad":1,"a b":2,"-x":3,"":4,"a.b":5,"_":6,"é-1":7}}"#, &[wrong; 5]);
    check(r#"{"locals":[{"1bad":1},{"1bad":2}]}"#, &[wrong, wrong, "Duplicate local value"]);
    check_all(
        &[("main.tf.json", r#"{"locals":{"a":1}}"#), ("x_override.tf.json", r#"{"locals":{"1bad":1}}"#)],
        &[wrong, "Nothing to override"],
    );
}

#[test]
fn comments_are_no_labels() {
    check(r#"{"variable":{"//":{"type":"string"}}}"#, &["Invalid name"]);
    check(r#"{"variable":{"//":"said"}}"#, &["Invalid JSON for a block"]);
    check(r#"{"variable":{"v":{"//":"said"}},"//":"said"}"#, &[]);
}

#[test]
fn blocks_with_labels_have_one() {
    for none in [
        r#"{"variable":[]}"#,
        r#"{"variable":null}"#,
        r#"{"variable":{}}"#,
        r#"{"output":[null]}"#,
        r#"{"resource":{"terraform_data":null}}"#,
        r#"{"resource":{"terraform_data":[]}}"#,
        r#"{"resource":[{"terraform_data":{}}]}"#,
    ] {
        check(none, &["Missing block label"]);
    }
    check(r#"{"output":{"a":null},"variable":{"x":null},"locals":null,"moved":[]}"#, &[]);
    check(r#"{"output":{"a":[]},"resource":{"terraform_data":{"a":null}}}"#, &[]);
}

#[test]
fn a_byte_order_mark_before_a_template_is_no_part_of_it() {
    let config = super::loaded(&[("main.tf.json", "{\"locals\":{\"a\":\"\u{feff}x\",\"b\":\"x\u{feff}\"}}")])
        .config
        .unwrap();
    let text = |name: &str| config.root().locals[name].expr.kind.clone();
    assert_eq!(text("a"), formwork_syntax::ExprKind::String("x".into()));
    assert_eq!(text("b"), formwork_syntax::ExprKind::String("x\u{feff}".into()));
}

#[test]
fn what_is_literal_is_no_template() {
    let wrong = "Unsuitable value";
    for (argument, json) in
        [("sensitive", "\"${true}\""), ("nullable", "\"${false}\""), ("ephemeral", "\"${\\\"true\\\"}\"")]
    {
        check(&format!(r#"{{"variable":{{"v":{{"{argument}":{json}}}}}}}"#), &[wrong]);
    }
    check(r#"{"output":{"o":{"value":1,"sensitive":"${true}"}}}"#, &[wrong]);
    check(r#"{"removed":{"from":"t.a","lifecycle":{"destroy":"${false}"}}}"#, &[wrong]);
    check(r#"{"variable":{"v":{"sensitive":"true","nullable":false}}}"#, &[]);
}

#[test]
fn names_are_not_computed() {
    check(r#"{"locals":[{"${\"x\"}":1,"a${1}":2}]}"#, &["Invalid local value name"; 2]);
    for text in [
        r#"{"${\"x\"}":{}}"#,
        r#"{"output":{"o":{"value":1,"${\"x\"}":1}}}"#,
        r#"{"resource":{"t":{"a":[{"${\"x\"}":1}]}}}"#,
        r#"{"resource":{"t":{"a":{"lifecycle":{"${\"x\"}":1}}}}}"#,
    ] {
        check(text, &["Unsupported argument"]);
    }
    // Keys of values are.
    check(r#"{"resource":{"t":{"a":{"b":{"${\"x\"}":1}}}}}"#, &[]);
}
