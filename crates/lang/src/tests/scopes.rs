//! References, readiness, marks in messages, files and types.

use super::{Fixed, parse, printed, run};
use crate::{Outcome, eval, references, type_expr};
use formwork_diag::has_errors;
use formwork_value::{Type, Value};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(printed(text), expected, "{text}");
}

#[test]
fn a_reference_is_asked_for_as_a_whole() {
    for (text, expected) in [
        ("local.tpl", r#"local [Attr("tpl")]"#),
        ("(local.u)[0].a", r#"local [Attr("u"), Index(0), Attr("a")]"#),
        ("local.u[local.u].a", r#"local [Attr("u")] | local [Attr("u")]"#),
        ("[for local in [1] : local]", ""),
        ("local.nul[*].id", r#"local [Attr("nul")]"#),
    ] {
        let scope = Fixed::new();
        eval(&parse(text), &scope, &mut Vec::new());
        let asked = scope.asked.borrow().join(" | ").replace("Value ", "");
        let asked: String = simplify(&asked);
        assert_eq!(asked, expected, "{text}");
    }
}

/// `Index(Number(0), …)` as `Index(0)`.
fn simplify(asked: &str) -> String {
    regex::Regex::new(r"Index\([^)]*?(\d+)\)?[^\]]*?\}\)")
        .map_or_else(|_| asked.into(), |r| r.replace_all(asked, "Index($1)").into())
}

#[test]
fn what_is_missing_or_failed_is_never_swallowed() {
    for text in [
        "X.a",
        "try(X.a, 1)",
        "can(X.a)",
        "true ? 1 : X.a",
        "false ? X : 1",
        "X ? 1 : 2",
        "[for x in [1] : X if false] == X",
        "\"%{ if true }a%{ else }${X}%{ endif }\"",
        "try(null.a + X, 1)",
        "coalesce(\"a\", X)",
    ] {
        let Outcome { missing, failed, .. } = run(&text.replace('X', "missing")).0;
        assert!(missing && !failed, "{text}");
        let (Outcome { missing, failed, .. }, diags) = run(&text.replace('X', "failed"));
        assert!(failed && !missing && diags.is_empty(), "{text}: {diags:?}");
    }
}

#[test]
fn messages_suggest_and_keep_secrets() {
    let (_, diags) = run("upper(local.tplx)");
    assert_eq!(diags[0].help.as_deref(), Some("Did you mean \"tpl\"?"));
    let (_, diags) = run("uper(\"a\")");
    assert_eq!(diags[0].help.as_deref(), Some("Did you mean upper()?"));
    let (_, diags) = run("1 + local.tpl");
    assert_eq!(diags[0].values, [("local.tpl".to_string(), "\"<${x}>\"".to_string())]);
    for text in [
        "1 + local.secret",
        "local.secret.x",
        "tonumber(local.secret)",
        "[1][local.secret]",
        "format(\"%d\", local.secret)",
        "{ (local.secret) = 1 }.hunter",
        "{ (local.secret) = 1 }[\"hunter\"]",
        "tomap({ (local.secret) = 1 }).hunter",
        "{ a = { (local.secret) = 1 } }.a.hunter",
        "true ? { (local.secret) = 1 } : { b = [] }",
        "true ? { a = { (local.secret) = 1 } } : { a = { b = [] } }",
        "convert({ (local.secret) = [] }, map(string))",
        "convert({ a = { (local.secret) = 1 } }, object({ a = object({ hunter = number }) }))",
        "keyed[local.secret]",
    ] {
        let (_, diags) = run(text);
        assert!(has_errors(&diags), "{text}");
        assert!(!format!("{diags:?}").contains("hunter2"), "{text}: {diags:?}");
    }
}

#[test]
fn messages_show_what_the_references_are() {
    for (text, values, declared) in [
        ("1 + local.tpl", "local.tpl is \"<${x}>\"", "tpl"),
        ("1 + local.secret", "local.secret is (sensitive value)", "secret"),
        // As far as there is something.
        ("local.nul.a.b", "local.nul is null", "nul"),
        ("local.tpl[\"x\"].y", "local.tpl is \"<${x}>\"", "tpl"),
        ("\"x${local}\"", "local is object with 7 attributes", ""),
        ("0 / 0 + local.tpl", "", ""),
        ("[for x in [local.nul] : x.a]", "x is null", ""),
        ("[for local in [{ a = null }] : local.a.b]", "local.a is null", ""),
        (
            "upper([local.tpl, local.tpl, local.nul, local.bad, local.secret])",
            "local.tpl is \"<${x}>\", local.nul is null, local.bad is \"<${x\", local.secret is (sensitive value)",
            // Names of one length are at one place here.
            "tpl, secret",
        ),
    ] {
        let (_, diags) = run(text);
        let Some(diag) = diags.first() else { panic!("{text} is no error") };
        let shown: Vec<String> = diag.values.iter().map(|(n, v)| format!("{n} is {v}")).collect();
        assert_eq!(shown.join(", "), values, "{text}");
        let places: Vec<&str> = diag
            .labels
            .iter()
            .filter(|l| l.span.file == formwork_diag::FileId(1))
            .filter_map(|l| l.text.strip_prefix("local.")?.strip_suffix(" is declared here"))
            .collect();
        assert_eq!(places.join(", "), declared, "{text}");
        for (place, label) in places.iter().zip(diag.labels.iter().filter(|l| l.span.file.0 == 1)) {
            assert_eq!(label.span.end as usize, place.len(), "{text}");
        }
    }
}

#[test]
fn files_come_from_the_world() {
    check("file(\"a.txt\")", "<<EOT\nhello\n\nEOT");
    check("filemd5(\"a.txt\")", "\"b1946ac92492d2347c6235b4d2611184\"");
    check("fileexists(\"nope\")", "false");
    check("tolist(fileset(\"d\", \"**\"))", "tolist([\n  \".h\",\n  \"e/b.txt\",\n])");
    check("tolist(fileset(\".\", \"{a,b}.txt\"))", "tolist([\n  \"a.txt\",\n])");
    check("chomp(templatefile(\"t.tftpl\", { name = \"bob\", l = [1, 2] }))", "\"hi bob, 1, 2\"");
    check("abspath(\"x/../y\")", "\"/project/y\"");
    check("pathexpand(\"~/x\")", "\"/home/user/x\"");
    check("plantimestamp()", "\"2026-01-02T03:04:05Z\"");
    for text in [
        "file(\"nope\")",
        "file(\"bin\")",
        "templatefile(\"t.tftpl\", {})",
        "templatefile(\"loop.tftpl\", {})",
    ] {
        assert!(has_errors(&run(text).1), "{text}");
    }
}

#[test]
fn a_byte_order_mark_moves_nothing_in_a_template() {
    let detail = |text: &str| run(text).1[0].detail.clone();
    let file = detail("templatefile(\"bom.tmpl\", {})");
    assert!(file.contains("bom.tmpl:1,4:"), "{file}");
    assert_eq!(detail("templatestring(local.bomtpl, {})"), detail("templatestring(local.tpl, {})"));
}

#[test]
fn time_and_chance_are_unknown_in_a_plan() {
    let mut scope = Fixed::new();
    scope.world.planning = true;
    for text in ["timestamp()", "uuid()", "bcrypt(\"x\", 4)"] {
        let value = eval(&parse(text), &scope, &mut Vec::new()).value;
        let never_null = value.as_unknown().is_some_and(|u| u.refinement.not_null);
        assert!(never_null && value.ty() == Type::String, "{text}: {value:?}");
    }
}

#[test]
fn converts_to_a_type_that_is_written_out() {
    check("convert([1, \"a\", 1], set(string))", "toset([\n  \"1\",\n  \"a\",\n])");
    check(
        "convert({ a = 1 }, object({ a = string, b = optional(number, 5) }))",
        "{\n  \"a\" = \"1\"\n  \"b\" = 5\n}",
    );
    check("convert(local.u, string)", "(known after apply)");
    check("core::convert(\"1\", number)", "1");
    for text in [
        "convert(\"a\", number)",
        "convert(1, nosuch)",
        "convert(1)",
        "convert(1, \"string\")",
        "convert(local.secret, number)",
    ] {
        let (_, diags) = run(text);
        assert!(has_errors(&diags) && !format!("{diags:?}").contains("hunter2"), "{text}: {diags:?}");
    }
}

#[test]
fn lists_references() {
    let expr = parse("[for k in var.a[each.key].b : \"${k} ${aws_x.y[0].z[*].id}\" if k != local.c[\"d\"]]");
    let found: Vec<String> =
        references(&expr).iter().map(|r| format!("{} {}", r.root, r.steps.len())).collect();
    assert_eq!(found, ["var 3", "each 1", "aws_x 5", "local 2"]);
}

#[test]
fn addresses_take_numbers_of_128_bits() {
    let all = "340282366920938463463374607431768211455";
    check(&format!("cidrsubnet(\"::/0\", 128, {all})"), "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128\"");
    check(&format!("cidrhost(\"::/0\", {all})"), "\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\"");
    check(&format!("cidrhost(\"::/0\", -{all})"), "\"::1\"");
    check("cidrhost(\"10.0.0.0/8\", -1)", "\"10.255.255.255\"");
    assert!(printed("cidrsubnet(\"::/0\", 128, 1e40)").contains("whole number that an address can hold"));
}

#[test]
fn combinations_that_no_memory_holds_are_not_made() {
    let many = "[for i in range(1000) : i]";
    assert!(printed(&format!("setproduct({many}, {many}, {many})")).contains("too many combinations"));
    check(&format!("length(setproduct({many}, {many}, []))"), "0");
    check(&format!("length(setproduct({many}, [1], {many}[*]))"), "1000000");
}

#[test]
fn says_that_a_number_is_too_large() {
    assert!(printed("jsonencode(1e3000000)").contains("too large"));
    // Long strings, before there is memory for them.
    let long = r#"join("", [for i in range(1000) : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])"#;
    let text = format!("replace({long}, \"a\", {long})");
    assert!(printed(&text).contains("too long"));
    assert!(
        printed(&format!("replace({long}, \"/(a)/\", \"$1$1$1$1{}\")", "x".repeat(9000)))
            .contains("too long")
    );
    let doubled = "%{for i in range(1000)}%{for j in range(100)}${s}%{endfor}%{endfor}";
    assert!(printed(&format!("[for s in [{long}] : \"{doubled}\"]")).contains("too long"));
}

#[test]
fn a_reference_as_a_key_is_ambiguous() {
    assert!(printed("{ local.a = 1 }").contains("Ambiguous object key"));
    assert!(!printed("{ (\"b\") = 1 }").contains("Ambiguous"));
}

#[test]
fn reads_type_constraints() {
    for (text, expected) in [
        ("string", Ok("string")),
        ("any", Ok("any")),
        ("list(map(number))", Ok("list(map(number))")),
        ("tuple([string, bool])", Ok("tuple([string, bool])")),
        (
            "object({ a = optional(string, \"x\"), b = set(any) })",
            Ok("object({a=optional(string), b=set(any)})"),
        ),
        ("list", Ok("list(any)")),
        ("map", Ok("map(any)")),
        ("set", Err("Invalid type specification")),
        ("list(list)", Err("Invalid type specification")),
        ("strng", Err("Invalid type specification")),
        ("optional(string)", Err("Invalid type specification")),
        ("\"string\"", Err("Invalid quoted type constraints")),
        ("object({ a = optional(number, \"x\") })", Err("Invalid default value for optional attribute")),
        ("object({ a = optional(number, var.x) })", Err("Variables not allowed")),
        (
            "object({ a = optional(number, \"x\"), b = tuple([strng, bol]), b = string, c = optional(nope, upper(\"\")) })",
            Err(
                "Invalid default value for optional attribute, Invalid type specification, Invalid type specification, \
                 Invalid type specification, Invalid type specification, Function calls not allowed",
            ),
        ),
    ] {
        let actual = type_expr(&parse(text)).map(|(ty, _)| ty.to_string()).map_err(|all| {
            let summaries: Vec<String> = all.into_iter().map(|d| d.summary).collect();
            summaries.join(", ")
        });
        assert_eq!(actual.as_deref().map_err(|s| s.as_str()), expected, "{text}");
    }
    let expr = parse("list(object({ a = optional(string, 1) }))");
    let defaults = type_expr(&expr).ok().and_then(|(_, d)| d).and_then(|d| d.element);
    assert_eq!(defaults.and_then(|d| d.attrs.get("a").cloned()), Some(Value::from("1")));
}

#[test]
fn what_is_known_of_the_unknown() {
    // Terraform knows only "more than -1".
    check("length(local.ulist) >= 0", "true");
    check("length(local.ulist) + 1 > 0", "true");
    check("(local.u ? 1 : 2) * -3 <= -3", "true");
    check("-(local.u ? 1 : 2) > 0", "false");
    check("local.u ? 1 : 1", "1");
    check("length(local.u ? [1] : [2])", "1");
    check("\"<${local.u}\" == \">\"", "(known after apply)");
    check("(local.u ? \"a-1\" : \"a-2\") == \"b\"", "false");
    check("startswith(\"a-b${local.u}\", \"a-\")", "true");
    let (outcome, _) = run("local.u ? [1] : [2, 3]");
    assert_eq!(outcome.value.ty(), Type::list(Type::Number));
    assert!(outcome.value.as_unknown().is_some_and(|u| u.refinement.min_len == Some(1)));
}

#[test]
fn the_side_not_taken_marks_too() {
    for text in ["true ? \"a\" : local.secret", "\"%{ if true }a%{ else }${local.secret}%{ endif }\""] {
        let (outcome, diags) = run(text);
        assert!(outcome.value.has_mark(formwork_value::Mark::Sensitive), "{text}: {diags:?}");
    }
}

#[test]
fn conditionals_say_how_their_sides_differ() {
    for (text, why) in [
        (
            "true ? { a = { b = [1] } } : { a = { b = {} } }",
            "at .a.b the true one is a tuple and the false one an object",
        ),
        (
            "true ? [1, { a = [] }] : [1, { a = 1 }]",
            "at [1].a the true one is a tuple and the false one a number",
        ),
        ("true ? { a = 1 } : { a = 1, b = [] }", "only the false one has the attribute \"b\""),
        ("true ? [] : {}", "the true one is a tuple and the false one an object"),
    ] {
        let said = printed(text);
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn values_and_evaluations_may_be_too_large() {
    let doubled = (0..30).fold(Value::from(1), |v, _| Value::tuple(vec![v.clone(), v]));
    let scope = Fixed { values: [("big", doubled)].into(), ..Fixed::new() };
    let mut diags = Vec::new();
    assert!(eval(&parse("[big, big]"), &scope, &mut diags).failed);
    assert_eq!(diags[0].summary, "Value too large");
}

#[test]
fn a_long_for() {
    let scope = Fixed::new();
    let list = Value::tuple((0..100_000).map(Value::from).collect());
    let scope = Fixed { values: [("big", list)].into(), ..scope };
    let outcome =
        eval(&parse("{ for i, x in big : \"k${i}\" => x + 1 if x % 2 == 0 }"), &scope, &mut Vec::new());
    assert_eq!(outcome.value.len(), Some(50_000));
}

#[test]
fn a_key_is_named_unless_it_is_sensitive() {
    let check = |text: &str, named: bool| {
        let (_, diags) = run(text);
        let said = format!("{diags:?}");
        assert!(said.contains("no element with"), "{text}: {said}");
        assert_eq!(said.contains("k3y"), named, "{text}: {said}");
    };
    check("lookup({ a = 1 }, \"k3y\")", true);
    check("lookup({ a = 1 }, sensitive(\"k3y\"))", false);
}
