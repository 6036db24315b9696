//! The examples of HCL's published specification of the native syntax, and what it says of each (hashicorp/hcl, `spec.md` and
//! `hclsyntax/spec.md`). Where Terraform 1.11.4 does otherwise than the text says, it is Terraform that counts, and a line says so.

use super::Fixed;
use crate::eval;
use formwork_diag::FileId;
use formwork_syntax::parse_expr;
use formwork_value::{Type, Value, display};

/// Of each expression, what it prints; `None` for a mistake.
fn check(cases: &[(&str, Option<&str>)]) {
    let mut scope = Fixed::new();
    scope.values.extend([
        ("foo", Value::from("FOO")),
        ("baz", Value::from("BAZ")),
        ("for", Value::from("FOR")),
        ("name", Value::from("Ermintrude")),
        ("some_list", Value::tuple(vec![])),
        ("any_object", Value::object([("id", Value::from("i-1"))])),
        ("any_number", Value::from(5)),
        ("null_list", Value::null(Type::list(Type::String))),
        ("unknown_number", Value::unknown(Type::Number)),
        ("unknown_bool", Value::unknown(Type::Bool)),
        ("dynamic", Value::unknown(Type::Dynamic)),
    ]);
    let leaf = |n: i64| {
        Value::object([("foo", Value::object([("bar", Value::tuple(vec![n.into(), (n + 1).into()]))]))])
    };
    scope.values.insert("tuple", Value::tuple(vec![leaf(1), leaf(3)]));
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let (expr, mut diagnostics) = parse_expr(FileId(0), text);
        let found = expr.and_then(|expr| {
            let outcome = eval(&expr, &scope, &mut diagnostics);
            (!outcome.failed).then(|| display(&outcome.value, 0))
        });
        if found.as_deref() != *expected || found.is_some() != diagnostics.is_empty() {
            wrong.push(format!("{text}\n  should be {expected:?}\n  is {found:?} {diagnostics:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn collection_values() {
    check(&[
        ("{foo = \"baz\"}", Some("{\n  \"foo\" = \"baz\"\n}")),
        ("{(foo) = \"baz\"}", Some("{\n  \"FOO\" = \"baz\"\n}")),
        ("{foo: \"baz\",}", Some("{\n  \"foo\" = \"baz\"\n}")),
        ("[for, foo, baz]", None),
        ("[(for), foo, baz]", Some("[\n  \"FOR\",\n  \"FOO\",\n  \"BAZ\",\n]")),
        ("{for = 1, baz = 2}", None),
        ("{\"for\" = 1, baz = 2}", Some("{\n  \"baz\" = 2\n  \"for\" = 1\n}")),
        ("{baz = 2, for = 1}", Some("{\n  \"baz\" = 2\n  \"for\" = 1\n}")),
        ("{(for) = 1, baz = 2}", Some("{\n  \"FOR\" = 1\n  \"baz\" = 2\n}")),
    ]);
}

#[test]
fn literals_and_quoted_templates() {
    check(&[
        ("12", Some("12")),
        ("1.5e3", Some("1500")),
        ("15E-1", Some("1.5")),
        ("true", Some("true")),
        ("null", Some("null")),
        ("\"\\n\\r\\t\\\"\\\\\\u00e9\\U0001F600\"", Some("<<EOT\n\n\r\t\"\\é😀\nEOT")),
        ("\"\\q\"", None),
        ("\"a\nb\"", None),
        ("<<E\n  a\n    b\nE\n", Some("<<EOT\n  a\n    b\n\nEOT")),
        ("<<-E\n  a\n    b\n  E\n", Some("<<EOT\na\n  b\n\nEOT")),
    ]);
}

#[test]
fn for_expressions() {
    check(&[
        ("[for v in [\"a\", \"b\"]: v]", Some("[\n  \"a\",\n  \"b\",\n]")),
        ("[for i, v in [\"a\", \"b\"]: i]", Some("[\n  0,\n  1,\n]")),
        ("{for i, v in [\"a\", \"b\"]: v => i}", Some("{\n  \"a\" = 0\n  \"b\" = 1\n}")),
        ("{for i, v in [\"a\", \"a\", \"b\"]: v => i}", None),
        (
            "{for i, v in [\"a\", \"a\", \"b\"]: v => i...}",
            Some("{\n  \"a\" = [\n    0,\n    1,\n  ]\n  \"b\" = [\n    2,\n  ]\n}"),
        ),
        ("[for i, v in [\"a\", \"b\", \"c\"]: v if i < 2]", Some("[\n  \"a\",\n  \"b\",\n]")),
        ("[for v in [\"a\"]: v if 1 + 1]", None),
        ("[for k, v in {b = 1, a = 2}: k]", Some("[\n  \"a\",\n  \"b\",\n]")),
        ("[for k, v in toset([\"x\"]): k == v]", Some("[\n  true,\n]")),
        ("[for v in 1: v]", None),
        ("[for v in dynamic: v]", Some("(known after apply)")),
    ]);
}

#[test]
fn index_attribute_and_splat() {
    check(&[
        ("[\"a\", \"b\"][1]", Some("\"b\"")),
        ("[\"a\", \"b\"][\"1\"]", Some("\"b\"")),
        ("[\"a\", \"b\"][2]", None),
        ("[\"a\", \"b\"][-1]", None),
        ("[\"a\", \"b\"][0.5]", None),
        ("[\"a\", \"b\"][\n1\n]", Some("\"b\"")),
        ("[\"a\", \"b\"].1", Some("\"b\"")),
        ("[[1, 2]].0.0", None),
        ("{a = 1}[\"a\"]", Some("1")),
        ("{\"1\" = 2}[1]", Some("2")),
        ("{a = 1}.b", None),
        ("tuple.*.foo.bar[0]", Some("[\n  1,\n  2,\n]")),
        ("[for v in tuple: v.foo.bar][0]", Some("[\n  1,\n  2,\n]")),
        ("tuple[*].foo.bar[0]", Some("[\n  1,\n  3,\n]")),
        ("[for v in tuple: v.foo.bar[0]]", Some("[\n  1,\n  3,\n]")),
        ("any_object.*.id", Some("[\n  \"i-1\",\n]")),
        ("any_number.*", Some("[\n  5,\n]")),
        ("null.*", Some("[]")),
        ("null[*]", Some("[]")),
        ("null_list[*]", None),
    ]);
}

#[test]
fn operations() {
    check(&[
        ("8 / 4 * 2", Some("4")),
        ("(8 / 4) * 2", Some("4")),
        ("1 + 2 * 3", Some("7")),
        ("1 + 2 > 2 == true && !false || false", Some("true")),
        ("-1 - -1", Some("0")),
        ("7 % 4", Some("3")),
        ("1 == \"1\"", Some("false")),
        ("1 == 1.0", Some("true")),
        ("(1 == 2) == !(1 != 2)", Some("true")),
        ("\"a\" < \"b\"", None),
        ("unknown_number < 1", Some("(known after apply)")),
        ("1 + dynamic", Some("(known after apply)")),
        ("unknown_number == unknown_number", Some("(known after apply)")),
        ("!unknown_bool", Some("(known after apply)")),
        ("length(some_list) > 0 ? some_list[0] : \"default\"", Some("\"default\"")),
        ("true ? some_list[0] : \"default\"", None),
        ("true ? 1 : \"a\"", Some("\"1\"")),
        ("unknown_bool ? 1 : 2", Some("(known after apply)")),
        ("max([1, 3, 2]...)", Some("3")),
        ("max(\n1,\n2,\n)", Some("2")),
        ("false && unknown_bool", Some("(known after apply)")),
    ]);
}

#[test]
fn templates() {
    check(&[
        ("\"hello ${~ \"world\" }\"", Some("\"helloworld\"")),
        ("\"%{ if true ~} hello %{~ endif }\"", Some("\"hello\"")),
        ("\"${\"hello\" ~}${\" world\"}\"", Some("\"hello world\"")),
        ("\"${true}\"", Some("true")),
        ("\"${\"${true}\"}\"", Some("true")),
        ("\"hello ${true}\"", Some("\"hello true\"")),
        ("\"${\"\"}${true}\"", Some("\"true\"")),
        ("\"%{ for v in [true] }${v}%{ endfor }\"", Some("\"true\"")),
        ("\"%{ if false }a%{ endif }\"", Some("\"\"")),
        ("\"%{ if false }a%{ else }b%{ endif }\"", Some("\"b\"")),
        ("\"%{ for i, v in [\"a\", \"b\"] }${i}${v}%{ endfor }\"", Some("\"0a1b\"")),
        ("\"$${foo} %%{ if }\"", Some("\"${foo} %{ if }\"")),
        ("\"Hello, ${name}!\"", Some("\"Hello, Ermintrude!\"")),
        ("\"a ${[]}\"", None),
    ]);
}

/// The rules of conversion and unification, each on an example.
#[test]
fn the_information_model() {
    check(&[
        ("\"e\\u0301\" == \"\\u00e9\"", Some("true")),
        // By the text only these four; Terraform takes them alone, too.
        (
            "[tobool(\"true\"), tobool(\"0\"), tobool(\"1\"), tobool(\"false\")]",
            Some("[\n  true,\n  false,\n  true,\n  false,\n]"),
        ),
        ("tobool(\"yes\")", None),
        ("tobool(1)", None),
        ("tonumber(true)", None),
        ("tostring(1.5)", Some("\"1.5\"")),
        ("tonumber(\"1.5\")", Some("1.5")),
        ("tonumber(\"a\")", None),
        // By the text no exponent is allowed; Terraform reads one.
        ("tonumber(\"1e3\")", Some("1000")),
        ("tolist(toset([\"b\", \"a\"]))", Some("tolist([\n  \"a\",\n  \"b\",\n])")),
        ("toset(tolist([\"b\", \"b\"]))", Some("toset([\n  \"b\",\n])")),
        ("tolist([1, \"a\", true])", Some("tolist([\n  \"1\",\n  \"a\",\n  \"true\",\n])")),
        ("tomap({a = 1, b = \"x\"})", Some("tomap({\n  \"a\" = \"1\"\n  \"b\" = \"x\"\n})")),
        ("tomap({a = 1, b = []})", None),
        ("tostring(null) == null", Some("true")),
        ("convert([1, 2], tuple([string, number]))", Some("[\n  \"1\",\n  2,\n]")),
        // By the text a list of the right length can be one; not so in Terraform.
        ("convert(tolist([1, 2]), tuple([string, number]))", None),
        ("convert([1], tuple([string, number]))", None),
        ("convert(tomap({a = 1}), object({a = string}))", Some("{\n  \"a\" = \"1\"\n}")),
        ("convert(tomap({b = 1}), object({a = string}))", None),
        ("convert({a = 1, b = 2}, object({a = string}))", Some("{\n  \"a\" = \"1\"\n}")),
        ("convert({a = 1}, map(string))", Some("tomap({\n  \"a\" = \"1\"\n})")),
        ("convert(dynamic, number)", Some("(known after apply)")),
        // Integers of 256 bits, and more.
        (
            "115792089237316195423570985008687907853269984665640564039457584007913129639937 - 1",
            Some("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
        ),
    ]);
}
