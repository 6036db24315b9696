//! Tests with texts that are made to be expensive, or just very long: the work grows with the length alone.

use crate::work::MAX_SHOWN;
use crate::*;
use std::time::{Duration, Instant};

const FILE: FileId = FileId(0);

fn numbered(count: usize, line: &str) -> String {
    (0..count).map(|n| line.replace('#', &n.to_string())).collect()
}

/// Texts of some hundred kilobytes, each of which once cost much more than its length.
fn texts() -> Vec<String> {
    let n = 10_000;
    let mut texts = Vec::new();
    let brackets = [
        ("[", "]"),
        ("(", ")"),
        ("{", "}"),
        ("{a=", "}"),
        ("{\na = ", "\n}"),
        ("f(", ")"),
        ("a[", "]"),
        ("!", ""),
        ("x ? 1 : ", ""),
        ("\"${", "}\""),
        ("[for a in ", ": a]"),
        ("{for a in a : a => ", "}"),
        ("\"%{ if a }", "%{ endif }\""),
        ("<<E\n${", "}\nE\n"),
    ];
    for (open, close) in brackets {
        let nested = |depth| format!("a = {}1{}\n", open.repeat(depth), close.repeat(depth));
        texts.push(nested(n));
        texts.push(format!("r \"a\" {{\n{}}}\n", nested(n)));
        texts.push(nested(60).repeat(500));
        texts.push(nested(150).repeat(200));
        texts.push(format!("a = {}1\n", open.repeat(n)));
        texts.push(format!("a = {open}\n").repeat(n));
    }
    let (open, close) = ("a {\n".repeat(60), "}\n".repeat(60));
    let attributes = numbered(n, "a# = #\n");
    texts.extend([
        "a {\n".repeat(n),
        format!("{}{}", "a {\n".repeat(n), "}\n".repeat(n)),
        format!("{open}{attributes}x = = 1\n{close}"),
        format!("{open}{attributes}x = \"abc\n{close}"),
        (0..60).fold(attributes.clone(), |inner, _| format!("b {{\n{inner}}} x\n")),
        (0..60).fold("x = 1\n".to_owned(), |inner, _| {
            format!("b {{\n{}c {{\n{inner}}}\n}}\n", "x = [\nb {\n}\n".repeat(16))
        }),
        "x = \"\n".repeat(n),
        "x = <<E\n".repeat(n),
        "a {\nx = <<E\n}\n".repeat(n),
        "a {\nx = [\n}\n".repeat(n),
        "resource \"a\" \"b\" {\n x = 1\n".repeat(n),
        format!("x = {}{}", "(".repeat(120), "}".repeat(n * 10)),
        "}\n".repeat(n),
        numbered(5_000, "resource \"a\" \"b#\" {\n  x =\n  y = [1, 2\n  z = \"abc\n}\n"),
        numbered(5_000, "resource \"a\" \"b#\" {\n  x = 1 1\n  y = foo(1 2)\n}\n"),
        numbered(5_000, "resource \"a\" \"b#\"\n{\n  x = 'a'\n}\n"),
        attributes.clone(),
        format!("a {{\n{attributes}}}\n"),
        "a = 1\n".repeat(n),
        format!("a = {{\n{attributes}}}\n"),
        format!("a = {{\n{attributes} x x }}\n"),
        format!("a = {{\n{}}}\n", "a = 1\n".repeat(n)),
        format!("a = {{\n{attributes}{}}}\n", "abc = 1\n".repeat(300)),
        format!("a = [\n{}]\n", "{ abc = 1, abc = 2 },\n".repeat(n)),
        format!("a = {{\n{}}}\n", "(a /**/) = 1, (a) = 1, ( a ) = 1\n".repeat(n)),
        format!("a = {{\n{}}}\n", "a.b = 1\n".repeat(n)),
        format!("a = 1{}\n", " + 1".repeat(n)),
        format!("a = (1{})\n", "\n&& 1".repeat(n)),
        format!("a = 1{}\n", " ? 1 : 2".repeat(n)),
    ]);
    for piece in
        ["x", " ", "\"", "'", "«", "é", "${", "/*", "\\", "[", "}", "1", ".", "-", "<<E ", "a ", "a."]
    {
        let long = piece.repeat(200_000 / piece.len());
        texts.push(format!("a = {long}\nb = 1\n"));
        texts.push(format!("a = \"{long}\"\nb = 1\n"));
        texts.push(long);
    }
    texts
}

#[test]
fn the_work_grows_with_the_length_of_the_text_alone() {
    for text in texts() {
        let start: String = text.chars().take(60).collect();
        let begun = Instant::now();
        let (_, diagnostics) = parse(FILE, &text);
        assert!(diagnostics.len() <= MAX_SHOWN + 1, "{start}");
        let longest =
            diagnostics.iter().map(|d| d.detail.len() + d.help.as_ref().map_or(0, String::len)).max();
        assert!(longest < Some(1_000), "{start}");
        parse_expr(FILE, &text);
        parse_template(FILE, &text);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}: {start}", begun.elapsed());
    }
}

#[test]
fn what_nests_too_deep_is_one_error_where_it_is_too_deep() {
    let text = format!("a = 1\nx = {}1{}\nb {{\n  c = 2\n}}\n", "[{k = ".repeat(5_000), "}]".repeat(5_000));
    let (body, diagnostics) = parse(FILE, &text);
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].summary, "Nesting too deep");
    assert_eq!(diagnostics[0].span, Some(Span::new(FILE, 10 + 64 * 6, 11 + 64 * 6)));
    assert_eq!(body.attributes.len(), 1);
    assert_eq!(&*body.blocks[0].body.attributes[0].name.name, "c");
    // As deep as the parser goes.
    let text = format!("x = {}1{}\n", "[\"${".repeat(63), "}\"]".repeat(63));
    assert_eq!(parse(FILE, &text).1, []);
}

#[test]
fn an_indented_heredoc_without_an_end_is_named_whole() {
    let (_, diagnostics) = parse(FILE, "a = <<-É\nx\n");
    assert_eq!(diagnostics[0].span, Some(Span::new(FILE, 4, 9)));
}

#[test]
fn an_escape_of_a_composed_character_is_no_crash() {
    for escaped in ["e\u{301}", "\u{301}", "\u{1f600}"] {
        let (_, diagnostics) = parse(FILE, &format!("a = \"\\{escaped}\"\n"));
        assert_eq!(diagnostics[0].summary, "Invalid escape sequence");
    }
}

#[test]
fn of_many_errors_the_first_are_told_and_the_others_counted() {
    let (body, diagnostics) = parse(FILE, &numbered(100, "a# = 1\nb# = 'x'\nc# = 1 +\n"));
    assert_eq!(body.attributes.len(), 100);
    assert_eq!(diagnostics.len(), MAX_SHOWN + 1);
    let last = &diagnostics[MAX_SHOWN];
    assert_eq!(
        (&*last.summary, &*last.detail),
        ("Too many errors", "150 more errors not shown; the first of them is here.")
    );
    assert_eq!(diagnostics[1].summary, "Missing expression");
    let (_, diagnostics) = json_value(FILE, &format!("[{}\"${{\"]", "\"${\", ".repeat(MAX_SHOWN)));
    assert_eq!(diagnostics[MAX_SHOWN].detail, "One more error not shown; it is here.");
}

#[test]
fn objects_with_many_items_are_read_whole() {
    let items = |text: &str| {
        let (body, diagnostics) = parse(FILE, text);
        assert_eq!(diagnostics, [], "{text}");
        let ExprKind::Object(items) = body.attributes[0].expr.kind.clone() else { panic!("{text}") };
        items
    };
    // Comments, commas, nested large objects, repeated keys and a key "for" at the cuts.
    let nested = format!("{{ {} }}", numbered(40, "n# = #, "));
    let text = format!(
        "a = {{\n{}  // comment }}\n  for = 2\n  é = {nested}, \"é\" = 1\n{}  (b) = 1, (b) = 2, ( b ) = 3\n}}\n",
        numbered(16, "  k# = \"${v#}\" // {\n"),
        "  k0 = [{ a = 1, a = 2 }]\n".repeat(60),
    );
    let found = items(&text);
    assert_eq!(found.len(), 16 + 3 + 60 + 3);
    for item in &found {
        let spelled = &text[item.key.span.start as usize..item.key.span.end as usize];
        match &item.key.kind {
            ExprKind::String(key) => assert_eq!(spelled.trim_matches('"'), &**key),
            ExprKind::Paren(_) => assert!(matches!(spelled, "(b)" | "( b )"), "{spelled}"),
            other => panic!("{other:?}"),
        }
    }
    let value = &found[15].value;
    assert_eq!(&text[value.span.start as usize..value.span.end as usize], "\"${v15}\"");
    let ExprKind::Object(inner) = &found[17].value.kind else { panic!("{:?}", found[17]) };
    assert_eq!(inner.len(), 40);
    assert_eq!(&text[inner[39].value.span.start as usize..inner[39].value.span.end as usize], "39");
    // A mistake in one item does not hide the rest of the block.
    let text = format!("r {{\n  a = {{\n{}    x x\n  }}\n  b = 1\n}}\n", numbered(40, "    k# = 1\n"));
    let (body, diagnostics) = parse(FILE, &text);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!(diagnostics[0].summary, "Missing equals sign in object");
    assert_eq!(diagnostics[0].span.map(|span| span.start as usize), text.find("x x").map(|n| n + 2));
    assert_eq!(&*body.blocks[0].body.attributes[0].name.name, "b");
    // A block with many attributes is none.
    let text = format!("x = [\nr {{\n{}  k1 = 2\n}}\n", numbered(40, "  k# = 1\n"));
    let (body, diagnostics) = parse(FILE, &text);
    let found: Vec<_> = diagnostics.iter().map(|d| &*d.summary).collect();
    assert_eq!(found, ["Missing closing bracket", "Attribute redefined"]);
    assert_eq!(body.blocks[0].body.attributes.len(), 41);
}
