//! The examples of HCL's published specification and of its suite of tests, valid and invalid, and what they leave
//! open. Each verdict is Terraform 1.11.4's.

use formwork_diag::FileId;
use formwork_syntax::{ExprKind, parse, parse_expr};

const FILE: FileId = FileId(0);

/// Of each text, whether it is valid.
fn check(cases: &[(&str, bool)], read: impl Fn(&str) -> bool) {
    let wrong: Vec<_> = cases.iter().filter(|(text, valid)| read(text) != *valid).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bodies() {
    let cases = [
        ("", true),
        ("a = 1", true),
        ("a = 1\nb = 2\n", true),
        ("a = 1 b = 2\n", false),
        ("a = 1; b = 2\n", false),
        ("a = 1, b = 2\n", false),
        ("a = 1\na = 2\n", false),
        ("\"a\" = 1\n", false),
        ("a : 1\n", false),
        ("a\n= 1\n", false),
        ("a =\n1\n", false),
        ("a = 1 # c\n# d\n// e\n/* f */ b = 2 /* g\n */\n", true),
        ("/* a /* b */ */\n", false),
        ("a {}\n", true),
        ("a { }\n", true),
        ("a {\n}\n", true),
        ("a {", false),
        ("a {\n", false),
        ("a { b = 1 }\n", true),
        ("a { b = 1 } c = 2\n", false),
        ("a { b = \"foo\", c = \"bar\" }\n", false),
        ("a { b = \"foo\"\n}\n", false),
        ("a { b = \"foo\"\n  c = \"bar\" }\n", false),
        ("a {\n  b = \"foo\" }\n", false),
        ("a { d {} }\n", false),
        ("a {\n  d {} }\n", false),
        ("a {\n  d {}\n}\n", true),
        ("a \"b\" c \"d-e\" {}\n", true),
        ("a \"b\n\" {}\n", false),
        ("a \"${b}\" {}\n", false),
        ("a \"$${b} \\u00e9 %\" {}\n", true),
        ("a \"\\q\" {}\n", false),
        ("a 1 {}\n", false),
        ("a\n{\n}\n", false),
        ("a = {\n}\nb {\n}\n", true),
        ("é-1 = 1\n_a = 2\n日本 { x = 1 }\n", true),
        ("-a = 1\n", false),
        ("1a = 1\n", false),
        ("a = 1\r\nb {\r\n  c = 2\r\n}\r\n", true),
        ("a = 1\rb = 2\n", false),
        ("\u{feff}a = 1\n", true),
        ("a\t=\t1\n", true),
        ("a = 1 \u{a0}\n", false),
        ("a = <<E\nx\nE\n", true),
        ("a = <<E\nx\n  E  \nb = 1\n", true),
        ("a = <<E\nx\n", false),
        ("a = << E\nx\nE\n", false),
        ("a = <<E \nx\nE\n", false),
        ("a = <<\"E\"\nx\nE\n", false),
        ("a = <<E\nx E\nE\n", true),
        ("a = f(<<E\nx\nE\n)\n", true),
        ("a = [<<E\nx\nE\n, 1]\n", true),
        ("a = <<-E\n  ${b}\n  %{ if c }d%{ endif }\n  E\n", true),
        ("a = <<E\n%{ if c }\nE\n", false),
        ("a = <<E\n${\nE\n", false),
        ("a = {\n  for = 1\n}\n", false),
        ("a = {\n  b = 1,\n  c = 2,\n}\n", true),
        ("a = {\n  b = 1, c = 2\n  d = 3 }\n", true),
        ("a = {\n  b\n  = 1\n}\n", false),
        ("a = {\n  b =\n  1\n}\n", false),
        ("a = {\n  b = 1 +\n  2\n}\n", false),
        ("a = [\n  1 +\n  2\n]\n", true),
        ("a = [{\n  b = 1 +\n  2\n}]\n", false),
        ("a = {\n  b = (1 +\n  2)\n}\n", true),
        ("a = b ?\n  1 : 2\n", false),
        ("a = (b ?\n  1 : 2)\n", true),
        ("a = b\n.c\n", false),
        ("a = (b\n.c)\n", true),
        ("a = b[\n  0\n]\n", true),
        ("a = b[*\n]\n", false),
        ("a = b[\n*]\n", false),
        ("a = f\n(1)\n", false),
        ("a = \"x\ny\"\n", false),
        ("a = \"${\n  b\n}\"\n", true),
    ];
    check(&cases, |text| parse(FILE, text).1.is_empty());
}

#[test]
fn expressions() {
    let cases = [
        ("1", true),
        ("1.5e-3", true),
        ("1e400", true),
        ("01", true),
        ("1.", false),
        (".5", false),
        ("1.2.3", false),
        ("1e", false),
        ("0x10", false),
        ("true", true),
        ("null", true),
        ("[]", true),
        ("[1, 2,]", true),
        ("[,]", false),
        ("[1 2]", false),
        ("[for, foo, baz]", false),
        ("[(for), foo, baz]", true),
        ("[foo, for, baz]", true),
        ("{for = 1, baz = 2}", false),
        ("{\"for\" = 1, baz = 2}", true),
        ("{baz = 2, for = 1}", true),
        ("{(for) = 1, baz = 2}", true),
        ("{a = 1, a = 2}", true),
        ("{a = 1 b = 2}", false),
        ("{a = 1,, b = 2}", false),
        ("{, a = 1}", false),
        ("{a.b = 1, 1 = 2, \"${c}\" = 3, d() = 4}", true),
        ("{a}", false),
        ("{a => 1}", false),
        ("f()", true),
        ("f(1,)", true),
        ("f(,)", false),
        ("f(a...)", true),
        ("f(a..., b)", false),
        ("f(a...,)", false),
        ("f(a b)", false),
        ("provider::a::b(1)", true),
        ("core::max(1, 2)", true),
        ("a::b", false),
        ("a::(1)", false),
        ("[for v in c: v]", true),
        ("[for i, v in c: v if i < 2]", true),
        ("[for i, v, w in c: v]", false),
        ("[for v in c v]", false),
        ("[for v of c: v]", false),
        ("[for v in c: v => v]", false),
        ("[for v in c: v...]", false),
        ("{for i, v in c: v => i}", true),
        ("{for i, v in c: v => i...}", true),
        ("{for i, v in c: v => i... if i > 0}", true),
        ("{for v in c: v}", false),
        ("a[0][\"b\"].c", true),
        ("a.0.b", true),
        ("a.0.0.b", false),
        ("a.*.foo.bar[0]", true),
        ("a[*].foo.bar[0]", true),
        ("a.*.b.0.c", true),
        ("a.*.*", false),
        ("a[*][*]", true),
        ("a.", false),
        ("a..b", false),
        ("a.\"b\"", false),
        ("a[]", false),
        ("a[0, 1]", false),
        ("-a + !b", true),
        ("--1", true),
        ("+1", false),
        ("a < b < c", true),
        ("a == b != c && d || e", true),
        ("a = b", false),
        ("a & b", false),
        ("a | b", false),
        ("a ^ b", false),
        ("~a", false),
        ("a ** b", false),
        ("a ?? b", false),
        ("a ? b : c ? d : e", true),
        ("a ? b", false),
        ("a ? : c", false),
        ("a if b", false),
        ("(a)", true),
        ("()", false),
        ("(a", false),
        ("a)", false),
        ("\"a\" \"b\"", false),
        ("'a'", false),
        ("`a`", false),
        ("\"\\n\\r\\t\\\"\\\\\\u00e9\\U0001f600\"", true),
        ("\"\\u12\"", false),
        ("\"\\ud800\"", false),
        ("\"\\x41\"", false),
        ("\"\\a\"", false),
        ("\"$a $ ${b} $${c} %d %%{e}\"", true),
        ("\"${}\"", false),
        ("\"${a b}\"", false),
        ("\"${a\"", false),
        ("\"${~ a ~}\"", true),
        ("\"${ {} }\"", true),
        ("\"%{ if a }b%{ else }c%{ endif }\"", true),
        ("\"%{ if a }b%{ else }c%{ else }d%{ endif }\"", false),
        ("\"%{ if a }b\"", false),
        ("\"%{ endif }\"", false),
        ("\"%{ else }\"", false),
        ("\"%{ if a }b%{ endfor }\"", false),
        ("\"%{ for k, v in a }${k}%{ endfor }\"", true),
        ("\"%{ for v in a }b%{ else }%{ endfor }\"", false),
        ("\"%{ while a }\"", false),
        ("\"%{ a }\"", false),
    ];
    check(&cases, |text| {
        let (expr, diagnostics) = parse_expr(FILE, text);
        assert_eq!(expr.is_some(), diagnostics.is_empty(), "{text}");
        // In a file they mean the same.
        assert_eq!(parse(FILE, &format!("a = {text}\n")).1.is_empty(), diagnostics.is_empty(), "{text}");
        diagnostics.is_empty()
    });
}

#[test]
fn depth_has_a_limit_and_length_has_none() {
    let deep = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parse_expr(FILE, &deep(127)).1, []);
    assert_eq!(parse_expr(FILE, &deep(128)).1[0].summary, "Nesting too deep");
    let chain = |length| format!("1{}", " + 1".repeat(length));
    assert_eq!(parse_expr(FILE, &chain(500)).1, []);
    assert_eq!(parse_expr(FILE, &chain(600)).1[0].summary, "Expression too complex");
    let (expr, _) = parse_expr(FILE, &format!("[{}]", "1,".repeat(100_000)));
    assert!(matches!(expr.map(|e| e.kind), Some(ExprKind::Tuple(items)) if items.len() == 100_000));
}
