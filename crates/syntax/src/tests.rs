//! Tests of the crate as a whole.

use crate::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn spelled(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

fn valid(text: &str) -> Body {
    let (body, diagnostics) = parse(FileId(0), text);
    assert_eq!(diagnostics, [], "{text}");
    body
}

fn expr(text: &str) -> Expr {
    let (expr, diagnostics) = parse_expr(FileId(0), text);
    assert_eq!(diagnostics, [], "{text}");
    expr.unwrap()
}

/// The tree as text with all brackets, to see its shape.
fn shape(e: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(shape).collect::<Vec<_>>().join(" ");
    match &e.kind {
        ExprKind::Null => "null".into(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Number(n) => n.to_string(),
        ExprKind::String(s) => format!("{s:?}"),
        ExprKind::Template(parts) => format!("(template {})", parts.len()),
        ExprKind::Interpolation(x) => format!("(wrap {})", shape(x)),
        ExprKind::Variable(v) => v.to_string(),
        ExprKind::Attr(x, name) => format!("{}.{}", shape(x), name.name),
        ExprKind::Index(x, key) => format!("{}[{}]", shape(x), shape(key)),
        ExprKind::Splat { source, each } => format!("(splat {} {})", shape(source), shape(each)),
        ExprKind::SplatItem => "_".into(),
        ExprKind::Unary(op, x) => format!("({op:?} {})", shape(x)),
        ExprKind::Binary(op, _, a, b) => format!("({op:?} {} {})", shape(a), shape(b)),
        ExprKind::Conditional(c, a, b) => format!("(if {} {} {})", shape(c), shape(a), shape(b)),
        ExprKind::Call(call) => {
            format!("({}{} {})", call.name.name, if call.expand_final { "..." } else { "" }, list(&call.args))
        }
        ExprKind::Tuple(items) => format!("[{}]", list(items)),
        ExprKind::Object(items) => {
            let items: Vec<_> =
                items.iter().map(|i| format!("{}={}", shape(&i.key), shape(&i.value))).collect();
            format!("{{{}}}", items.join(" "))
        }
        ExprKind::For(f) => {
            let mut text =
                format!("(for {}", f.key.iter().map(|k| format!("{} ", k.name)).collect::<String>());
            text += &format!("{} in {} :", f.value.name, shape(&f.collection));
            text += &f.key_expr.iter().map(|k| format!(" {} =>", shape(k))).collect::<String>();
            text += &format!(" {}{}", shape(&f.value_expr), if f.grouping { "..." } else { "" });
            text + &f.condition.iter().map(|c| format!(" if {}", shape(c))).collect::<String>() + ")"
        }
        ExprKind::Paren(x) => format!("({})", shape(x)),
    }
}

#[test]
fn expressions_have_the_shape_that_terraform_gives_them() {
    let check = |text: &str, expected: &str| assert_eq!(shape(&expr(text)), expected, "{text}");
    check("1 + 2 * 3 - 4", "(Subtract (Add 1 (Multiply 2 3)) 4)");
    check("a || b && !c == d", "(Or a (And b (Equal (Not c) d)))");
    check("1 < 2 == 3 > 4", "(Equal (Less 1 2) (Greater 3 4))");
    check("a ? 1 : b ? 2 : 3", "(if a 1 (if b 2 3))");
    check("-1", "(Negate 1)");
    check("- 1.50 - -x.y", "(Subtract (Negate 1.50) (Negate x.y))");
    check("a.*.b.0.c[1]", "(splat a _.b[0].c)[1]");
    check("a[*].b[0].c[*].d", "(splat a (splat _.b[0].c _.d))");
    check("a.0.b", "a[0].b");
    check("f(1, [2,]...)", "(f... 1 [2])");
    check("provider::aws::f()", "(provider::aws::f )");
    check("{ a = 1, \"b\" : 2, (c) = 3, 4 = 5, true = 6 }", r#"{"a"=1 "b"=2 (c)=3 4=5 "true"=6}"#);
    check("{ a = 1\n a = 2\n \"a\" = 3, (x) = 4, (x) = 5 }", r#"{"a"=1 "a"=2 "a"=3 (x)=4 (x)=5}"#);
    check("{for k, v in a : k => v... if v > 0}", "(for k v in a : k => v... if (Greater v 0))");
    check("[for\r\n x in a +\n b // c\n : x\n + 1]", "(for x in (Add a b) : (Add x 1))");
    check("\n 1\n + 2 # c\n", "(Add 1 2)");
    check("1e400", "1e400");
    check("\"${a}\"", "(wrap a)");
    check("\"e\u{301}\\u00e9\\\\\"", "\"éé\\\\\"");
}

#[test]
fn spans_cover_what_they_name() {
    let text = "\u{feff}# ü\r\nresource \"a\" b /* { */ {\r\n  x = foo.bar[0] + 1e999 # c\r\n  y {\n    z = \"é${v}\"\n  }\n}\r\n";
    let body = valid(text);
    let block = &body.blocks[0];
    assert_eq!(spelled(text, body.span), text);
    assert_eq!(spelled(text, block.header), "resource \"a\" b");
    assert_eq!(spelled(text, block.labels[0].span), "\"a\"");
    assert!(spelled(text, block.body.span).starts_with("{\r\n  x"));
    assert!(spelled(text, block.body.span).ends_with("  }\n}"));
    let x = &block.body.attributes[0];
    assert_eq!(spelled(text, x.span), "x = foo.bar[0] + 1e999");
    let mut spans = Vec::new();
    walk(&x.expr, &mut |e| spans.push(spelled(text, e.span)));
    assert_eq!(spans, ["foo.bar[0] + 1e999", "foo.bar[0]", "foo.bar", "foo", "0", "1e999"]);
    let text_of_one_line = "a \"b\" { c = d }";
    let one_line = valid(text_of_one_line).blocks.remove(0);
    assert_eq!(spelled(text_of_one_line, one_line.body.attributes[0].span), "c = d");
    assert_eq!(spelled(text_of_one_line, one_line.body.span), "{ c = d }");
    let y = &block.body.blocks[0];
    assert_eq!(spelled(text, y.body.span), "{\n    z = \"é${v}\"\n  }");
    spans.clear();
    walk(&y.body.attributes[0].expr, &mut |e| spans.push(spelled(text, e.span)));
    assert_eq!(spans, ["\"é${v}\"", "v"]);
}

/// Just enough evaluation to compare templates with what Terraform makes of them.
fn render(e: &Expr, env: &BTreeMap<String, String>) -> String {
    match &e.kind {
        ExprKind::String(s) => s.to_string(),
        ExprKind::Interpolation(x) => render(x, env),
        ExprKind::Template(parts) => render_parts(parts, env),
        ExprKind::Variable(v) => env.get(&**v).cloned().unwrap_or_else(|| v.to_uppercase()),
        other => panic!("not in these tests: {other:?}"),
    }
}

fn render_parts(parts: &[TemplatePart], env: &BTreeMap<String, String>) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Literal(text) => text.to_string(),
        TemplatePart::Interpolation(x) => render(x, env),
        TemplatePart::If { condition, then, otherwise } => {
            render_parts(if render(condition, env) == "T" { then } else { otherwise }, env)
        }
        TemplatePart::For { value, body, .. } => ["a", "b"]
            .iter()
            .map(|item| {
                let mut env = env.clone();
                env.insert(value.name.to_string(), (*item).to_owned());
                render_parts(body, &env)
            })
            .collect(),
    };
    parts.iter().map(part).collect()
}

/// The expectations are Terraform 1.11.4's answers, with `x` for "X", `t` for true, `l` for ["a", "b"].
#[test]
fn templates_give_what_terraform_gives() {
    let check = |text: &str, expected: &str| {
        let body = valid(&format!("a = {text}\n"));
        assert_eq!(render(&body.attributes[0].expr, &BTreeMap::new()), expected, "{text}");
    };
    check("<<-EOT\n      a\n    b\n        c\n      EOT", "  a\nb\n    c\n");
    check("<<-EOT\n      a\n\n    ${x} b\n\ttab\n  EOT", "     a\n\n   X b\ntab\n");
    check(
        "<<-EOT\n    ${x}\n      %{ if t ~}\n      yes\n      %{ endif ~}\n    end\n    EOT",
        "X\n        yes\n      end\n",
    );
    check("<<EOT\n  a ${~ x ~}   \n   b\nEOT", "  aX   b\n");
    check(r#""a  ${~ x ~}  \n  b""#, "aXb");
    check(r#""$${a} %%{b} $$${local.x} $ $$ % %% $""#, "${a} %{b} $${local.x} $ $$ % %% $");
    check("<<EOT\n$${a} $$${x} $ %% \\n \\\" \"q\"\nEOT", "${a} $${x} $ %% \\n \\\" \"q\"\n");
    check("<<EOT\nEOT", "");
    check("<<-EOT\nEOT", "");
    check(
        "<<-EOT\n      %{ for v in l }\n      - ${v}\n      %{ endfor }\n      x\n    EOT",
        "\n- a\n\n- b\n\nx\n",
    );
    check(
        "<<-EOT\n      %{ for v in l ~}\n      - ${v}\n      %{ endfor ~}\n      x\n    EOT",
        "      - a\n      - b\n      x\n",
    );
    check("<<EOT\nx EOT\n EOT x\nEOTX\nEOT", "x EOT\n EOT x\nEOTX\n");
    check("<<-EOT\n    a\n   \n      b\n  ${x~}\n  \n    z\n    EOT", "  a\n   \n    b\nX  \n  z\n");
    check(r#""%{ if t }a\nb\"c%{ else }d%{ endif }""#, "a\nb\"c");
    check(r#""%{ if t ~}  a  %{~ else ~} b %{ endif }""#, "a");
    check("<<-EOT\n      a\n        ${x}\n       %{ if t }\n     q%{ endif }\n     EOT", " a\n   X\n  \nq\n");
    check("<<-EOT\n${\"\"}    a\n      b\n  EOT", "    a\n      b\n");
    check("<<EOT\na ${x} ${~ x}\n  ${~ x}\nEOT", "a XX\nX\n");
    check(r#""a${"b"}c${"${x}"}""#, "abcX");
    check("<<-EOT\n  \ta\n    b\n  EOT", "a\n b\n".trim_start_matches(' '));
    check("<<EOT\r\na\r\nEOT\r\n", "a\r\n");
}

fn summaries(text: &str) -> Vec<(String, String)> {
    let (_, diagnostics) = parse(FileId(0), text);
    let place = |d: &Diagnostic| spelled(text, d.span.unwrap()).to_owned();
    diagnostics.iter().map(|d| (d.summary.clone(), place(d))).collect()
}

#[test]
fn mistakes_are_named_where_they_are() {
    let check = |text: &str, summary: &str, at: &str| {
        let found = summaries(text);
        assert_eq!(found, [(summary.to_owned(), at.to_owned())], "{text}");
    };
    check("a: 1", "Missing equals sign", ":");
    check("a = 'x'", "Invalid single quotes", "'x'");
    check("a = “x”", "Invalid typographic quotes", "“x”");
    check("a = \"x\nb = 1", "Missing closing quote", "\"x");
    check("a = \"x ${b\"\nc = 1", "Missing closing brace", "${");
    check("a = [1, 2\nb = 3", "Missing closing bracket", "[");
    check("a = <<EOT\nx\n", "Missing end of heredoc", "<<EOT");
    check("a = <<EOT\nx\nEOT", "Missing end of heredoc", "<<EOT");
    check("a = 1 b = 2", "Missing newline", "b = 2");
    check("a = foo bar", "Missing newline", "bar");
    check("a = 1;", "Unexpected semicolon", ";");
    check("a =\nb = 2", "Missing expression", "");
    check("a = 1 +\nb = 2", "Missing expression", "+");
    check("a = 1 & 2", "Unsupported operator", "&");
    check("variable \"x\" = {\n}", "Unexpected equals sign", "=");
    check("resource \"a\" \"b\"\n{\n}", "Missing block body", "resource \"a\" \"b\"");
    check("resource \"a\" \"${b}\" {\n}", "Invalid block label", "${");
    check("count 3", "Missing equals sign", "3");
    check("a = \"\\q\"", "Invalid escape sequence", "\\q");
    check("a = \"%{ if x }y\"", "Missing end of template directive", "%{");
    check("a = \"%{ foo }\"", "Invalid template directive", "%{");
    check("a = { b = 1 c = 2 }", "Missing separator in object", "c");
    check("a = { b 1 }", "Missing equals sign in object", "1");
    check("a { b {} }", "Invalid block on one line", "{");
    check("}", "Unexpected closing brace", "}");
    check("a {\n  b = 1\n  b = 2\n}", "Attribute redefined", "b");
    check("a {\n  b {\n    c = 1\n}\n\nd \"e\" {\n}\n", "Missing closing brace", "{");
    check(&format!("a = {}1", "-".repeat(200)), "Nesting too deep", "-");
    check(&format!("a = 1{}", " + 1".repeat(600)), "Expression too complex", "1");
    check(&format!("a = b{}", ".c".repeat(600)), "Expression too complex", "c");
    check("a = 1..2", "Invalid number", "1..2");
    check("a = b.0.1", "Invalid legacy index", "0.1");
    check("a = [for x in y : x => x]", "Invalid for expression", "=>");
    check("a = [for x in y : x...]", "Invalid for expression", "...");
    check("a = {for x in y : x}", "Invalid for expression", "}");
    check("a = b.*.*", "Nested splat expression", "*");
    check("a = b::c", "Missing arguments", "");
    check("a = \"${b c}\"", "Missing closing brace", "c");
    check("a = \"%{ if b }%{ else }%{ else }%{ endif }\"", "Unexpected template directive", "%{");
    check("a = 1 /* b", "Missing end of comment", "/*");
    check("a {\n  b = 1 }\n", "Missing newline", "}");
    check("a { b = 1\n}", "Invalid block on one line", "");
    check("a = <<E \nx\nE\n", "Invalid start of heredoc", " ");
}

#[test]
fn what_nobody_sees_has_a_name() {
    for (text, name) in [
        ("a =\u{a0}1", "a no-break space (U+00A0)"),
        ("a = 1\u{200b}", "a zero-width space (U+200B)"),
        ("a = 1\rb = 2", "a carriage return without a line feed (U+000D)"),
        ("\u{3000}a = 1", "a space that is none in this language (U+3000)"),
        ("a = [1,\u{2028}2]", "a line separator (U+2028)"),
    ] {
        let (_, diagnostics) = parse(FileId(0), text);
        let said = diagnostics.iter().any(|d| d.detail.contains(name));
        assert!(said, "{text:?}: {diagnostics:?}");
    }
}

#[test]
fn all_mistakes_come_at_once_and_the_rest_is_kept() {
    let text =
        "a \"b\" {\n  x = \"abc\n  y = 2\n  z = foo(1, 2\n}\nc = 1 2\nd \"e\" {\n  f =\n  g = 1\n}\nh = 2\n";
    let (body, diagnostics) = parse(FileId(0), text);
    let found: Vec<_> = diagnostics.iter().map(|d| &*d.summary).collect();
    assert_eq!(
        found,
        ["Missing closing quote", "Missing closing parenthesis", "Missing newline", "Missing expression"]
    );
    assert_eq!(body.blocks.len(), 2);
    assert_eq!(&*body.blocks[0].body.attributes[0].name.name, "y");
    assert_eq!(&*body.blocks[1].body.attributes[0].name.name, "g");
    assert_eq!(spelled(text, body.blocks[1].body.attributes[0].span), "g = 1");
    assert_eq!(&*body.attributes[0].name.name, "h");
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let pairs = [
        ("[", "]"),
        ("(", ")"),
        ("{a=", "}"),
        ("\"${", "}\""),
        ("!", ""),
        ("f(", ")"),
        ("x ? 1 : ", ""),
        ("a[", "]"),
        ("[for a in ", ": a]"),
        ("{for a in a : a => ", "}"),
        ("\"%{ if a }", "%{ endif }\""),
        ("\"%{ for a in ", "}%{ endfor }\""),
        ("<<EOT\n${", "}\nEOT\n"),
    ];
    for (open, close) in pairs {
        let text = format!("a = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
        assert!(!parse(FileId(0), &text).1.is_empty(), "{open}");
        assert!(!parse(FileId(0), &text[..text.len() / 3]).1.is_empty(), "{open}");
    }
    assert!(!parse(FileId(0), &"a {\n".repeat(5_000)).1.is_empty());
    assert!(!parse(FileId(0), &format!("{}{}", "a {\n".repeat(5_000), "}\n".repeat(5_000))).1.is_empty());
    assert!(!json_value(FileId(0), &"[".repeat(100_000)).1.is_empty());
}

#[test]
fn json_is_read_on_behind_a_mistake() {
    let text = "{\"a\": tru, \"b\": [1,], \"c\": {\"d\": Null,}, \"e\": x1}";
    let (expr, found) = json_value(FileId(0), text);
    assert!(expr.is_none());
    let at = |d: &Diagnostic| d.span.map(|s| &text[s.start as usize..s.end as usize]);
    let places: Vec<_> = found.iter().map(|d| (d.summary.as_str(), at(d).unwrap_or_default())).collect();
    let [word, comma] = ["Invalid JSON keyword", "Trailing comma"];
    assert_eq!(places, [(word, "tru"), (comma, ","), (word, "Null"), (comma, ","), (word, "x1")]);
    assert_eq!(found[2].help.as_deref(), Some("Did you mean null?"));
}

#[test]
fn json_reads_as_blocks_where_a_schema_says_so() {
    let text = r#"{"//": "c", "resource": {"a": {"b": {"x": "é${v}", "n": -1.5e3}, "c": [{}, {}]}}, "s": "\u00e9\ud83d\ude00"}"#;
    let (expr, diagnostics) = json_value(FileId(0), text);
    assert_eq!(diagnostics, []);
    let body = json_body(&expr.unwrap());
    assert_eq!(body.attributes.len(), 2);
    assert_eq!(shape(&body.attributes[1].expr), "\"é😀\"");
    let blocks = json_blocks(&body.attributes[0].expr, "resource", 2);
    let names: Vec<_> = blocks.iter().map(|b| format!("{}.{}", b.labels[0].name, b.labels[1].name)).collect();
    assert_eq!(names, ["a.b", "a.c", "a.c"]);
    assert_eq!(shape(&blocks[0].body.attributes[1].expr), "(Negate 1.5e3)");
    let mut spans = Vec::new();
    walk(&blocks[0].body.attributes[0].expr, &mut |e| spans.push(spelled(text, e.span)));
    assert_eq!(spans, ["\"é${v}\"", "v"]);
    assert_eq!(json_block_problems(&body.attributes[1].expr, "s", 1).len(), 1);
    for bad in
        ["{\"a\": 1,}", "{'a': 1}", "[01]", "{\"a\" 1}", "\"\\x\"", "\"a\nb\"", "1 2", "", "{\"a\": \"${\"}"]
    {
        assert_eq!(json_value(FileId(0), bad).1.len(), 1, "{bad}");
    }
}

#[test]
fn template_files_have_no_escapes() {
    let (expr, diagnostics) =
        parse_template(FileId(0), "a\\n \"${x}\"\n%{ for v in l ~}\n  ${v}\n%{ endfor ~}\nz");
    assert_eq!(diagnostics, []);
    assert_eq!(render(&expr.unwrap(), &BTreeMap::new()), "a\\n \"X\"\n  a\n  b\nz");
    assert_eq!(shape(&parse_template(FileId(0), "${x}").0.unwrap()), "(wrap x)");
    assert_eq!(parse_template(FileId(0), "a ${x").1.len(), 1);
    assert_eq!(parse_template(FileId(0), "a %{ endif }").1.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    /// Whatever the text, there is an answer; every span is within the text, and on whole characters.
    #[test]
    fn any_text_has_an_answer(fragments in prop::collection::vec(prop::sample::select(vec![
        "a", "b", "for", "in", "if", "resource", "true", "1", "1e400", "0x", "=", "==", "=>", "{", "}", "[", "]",
        "(", ")", "\"", "\"", "'", "“", "é", "\\", "\\u12", "${", "%{", "~}", "~", "$${", "%", "$", "\n", "\n", "\r\n",
        " ", " ", ",", ".", ".*", "[*]", "...", ":", "?", "!", "-", "&&", "<<EOT\n", "<<-EOT\n", "EOT", "\nEOT\n", "#",
        "//", "/*", "*/", "%{ if a }", "%{ else }", "%{ endif }", "%{ for a in b }", "%{ endfor }", "a = ", "a {\n",
        "\u{feff}", "::", ";", "<", "\t",
    ]), 0..40)) {
        let text = fragments.concat();
        let (_, diagnostics) = parse(FileId(0), &text);
        for d in diagnostics.iter().chain(&parse_template(FileId(0), &text).1).chain(&parse_expr(FileId(0), &text).1) {
            let span = d.span.unwrap();
            prop_assert!(text.get(span.start as usize..span.end as usize).is_some(), "{:?} in {:?}", d, text);
        }
        json_value(FileId(0), &text);
    }
}

#[test]
fn a_carriage_return_ends_no_comment_at_the_end_of_the_text() {
    for text in ["a = 1\n# c\r", "a = 1\n// c\r", "# c\r\na = 1\n"] {
        let (body, diagnostics) = parse(FileId(0), text);
        assert_eq!((body.attributes.len(), diagnostics), (1, Vec::new()), "{text:?}");
    }
}

#[test]
fn numbers_may_have_their_exponent_behind_the_point() {
    for text in ["a = 1.e5\n", "a = 12.e1\n", "a = 1.e-2\n"] {
        let (body, diagnostics) = parse(FileId(0), text);
        assert!(
            matches!(body.attributes[0].expr.kind, ExprKind::Number(_)) && diagnostics.is_empty(),
            "{text:?}"
        );
    }
}
