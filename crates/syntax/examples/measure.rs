use formwork_diag::FileId;
use std::time::Instant;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let mut cases: Vec<(String, String)> = Vec::new();
    let mut add = |n: &str, t: String| cases.push((n.to_owned(), t));
    let r = |s: &str, n: usize| s.repeat(n);
    for (o, c) in [
        ("[", "]"), ("(", ")"), ("{", "}"), ("{a=", "}"), ("\"${", "}\""), ("!", ""), ("-", ""), ("f(", ")"), ("x ? 1 : ", ""),
        ("a[", "]"), ("[for a in ", ": a]"), ("{for a in a : a => ", "}"), ("\"%{ if a }", "%{ endif }\""),
        ("\"%{ for a in ", "}%{ endfor }\""), ("<<EOT\n${", "}\nEOT\n"), ("{\na = ", "\n}"),
    ] {
        let n = 20_000;
        add(&format!("nest closed {o:?}"), format!("a = {}1{}\n", r(o, n), r(c, n)));
        add(&format!("nest open {o:?}"), format!("a = {}1", r(o, n)));
        add(&format!("nest lines open {o:?}"), format!("a = {o}\n").repeat(n));
        add(&format!("nest in block {o:?}"), format!("r \"a\" {{\n a = {}1{}\n}}\n", r(o, n), r(c, n)));
        add(&format!("nest 50 x 2000 {o:?}"), format!("a = {}1{}\n", r(o, 50), r(c, 50)).repeat(2000));
        add(&format!("nest 100 x 2000 {o:?}"), format!("a = {}1{}\n", r(o, 100), r(c, 100)).repeat(2000));
    }
    add("blocks open 5k", r("a {\n", 5_000));
    add("blocks open 20k", r("a {\n", 20_000));
    add("blocks closed 20k", format!("{}{}", r("a {\n", 20_000), r("}\n", 20_000)));
    add("blocks closed 60 with 100k attrs, one broken", format!("{}{}x = = 1\n{}", r("a {\n", 60), (0..100_000).map(|i| format!("a{i} = 1\n")).collect::<String>(), r("}\n", 60)));
    add("blocks closed 60 with 100k attrs, unclosed quote", format!("{}{}x = \"abc\n{}", r("a {\n", 60), (0..100_000).map(|i| format!("a{i} = 1\n")).collect::<String>(), r("}\n", 60)));
    add("open quotes", r("x = \"\n", 10_000));
    add("open heredocs", r("x = <<E\n", 10_000));
    add("open heredocs in blocks", r("a {\nx = <<E\n}\n", 10_000));
    add("open brackets in blocks", r("a {\nx = [\n}\n", 10_000));
    add("open parens", r("x = (\n", 10_000));
    add("open blocks at headers", r("resource \"a\" \"b\" {\n x = 1\n", 10_000));
    add("mismatched 1", format!("x = {}{}", r("(", 100_000), r("}", 100_000)));
    add("mismatched 2", format!("x = {}{}", r("(", 120), r("}", 1_000_000)));
    add("stray", r("}\n", 100_000));
    add("stray line", r("}", 1_000_000));
    let m = 5 << 20;
    for c in ["x", " ", "\t", "\"", "'", "`", "«", "‘", "“", "é", "$", "%", "<", "/", "/*", "\\", "(", "[", "{", "}", "1", ".", "-", "!", "#", ",", "\r", "<<E ", "\"${", "${", "a ", "a.", "1+", "1 1 ", "\"a\" ", "[]", "e\u{301}", "''", "=", ":", "? ", "...", "\0", ";"] {
        add(&format!("long raw {c:?}"), r(c, m / c.len()));
        add(&format!("long value {c:?}"), format!("a = {}\nb = 1\n", r(c, m / c.len())));
        add(&format!("long string {c:?}"), format!("a = \"{}\"\nb = 1\n", r(c, m / c.len())));
        add(&format!("long array {c:?}"), format!("a = [{}]\nb = 1\n", r(c, m / c.len())));
    }
    add("long array ok", format!("a = [{}]\nb = 1\n", r("1,", m / 2)));
    add("long interpolations", format!("a = \"{}\"\nb = 1\n", r("${a}", m / 4)));
    add("long directives", format!("a = \"{}\"\nb = 1\n", r("%{if a}b%{endif}", m / 16)));
    add("long directives open", format!("a = \"{}\"\nb = 1\n", r("%{if a}", m / 16)));
    add("long heredoc", format!("a = <<E\n{}\nE\nb = 1\n", r("abc def\n", m / 8)));
    add("long flush heredoc", format!("a = <<-E\n{}\nE\nb = 1\n", r("   ${a} def\n", m / 12)));
    add("100k attributes", (0..100_000).map(|i| format!("a{i} = {i}\n")).collect());
    add("100k attributes in block", format!("r {{\n{}}}\n", (0..100_000).map(|i| format!("a{i} = {i}\n")).collect::<String>()));
    add("100k attributes in block broken", format!("r {{\n{}}}\n", (0..100_000).map(|i| format!("a{i} = = {i}\n")).collect::<String>()));
    add("100k same attributes", r("a = 1\n", 100_000));
    for n in [10_000, 100_000] {
        add(&format!("{n}-key object"), format!("a = {{\n{}}}\n", (0..n).map(|i| format!("key_number_{i} = {i}\n")).collect::<String>()));
        add(&format!("{n}-string-key object"), format!("a = {{\n{}}}\n", (0..n).map(|i| format!("\"key_number_{i}\" = {i}\n")).collect::<String>()));
        add(&format!("{n}-key object, end broken"), format!("a = {{\n{} x x }}\n", (0..n).map(|i| format!("key_number_{i} = {i}\n")).collect::<String>()));
        add(&format!("{n}-same-key object"), format!("a = {{\n{}}}\n", r("a = 1\n", n)));
        add(&format!("{n}-key object, then 300 same"), format!("a = {{\n{}{}}}\n", (0..n).map(|i| format!("key_number_{i} = {i}\n")).collect::<String>(), r("abc = 1\n", 300)));
        add(&format!("{n} objects with dup"), format!("a = [\n{}]\n", r("{ abc = 1, abc = 2 },\n", n)));
    }
    add("chain +", format!("a = 1{}\n", r(" + 1", 100_000)));
    add("chain &&", format!("a = (\n1{})\n", r("\n&& 1", 100_000)));
    add("chain .c", format!("a = b{}\n", r(".c", 1_000_000)));
    add("chain [0]", format!("a = b{}\n", r("[0]", 1_000_000)));
    add("chain [*]", format!("a = b{}\n", r("[*]", 1_000_000)));
    add("chain .*", format!("a = b{}\n", r(".*", 1_000_000)));
    add("chain ::", format!("a = b{}\n", r("::c", 1_000_000)));
    add("chain ?:", format!("a = b{}\n", r(" ? 1 : 2", 100_000)));
    add("chain strings with 120 operators", format!("a = 1{}\n", r(" + 1", 120)).repeat(2000));
    add("5000 broken blocks", (0..5000).map(|i| format!("resource \"a\" \"b{i}\" {{\n  x = \n  y = [1, 2\n  z = \"abc\n}}\n")).collect());
    add("5000 broken blocks 2", (0..5000).map(|i| format!("resource \"a\" \"b{i}\" {{\n  x = 1 1\n  y = foo(1 2)\n}}\n")).collect());
    add("5000 broken blocks 3", (0..5000).map(|i| format!("resource \"a\" \"b{i}\" {{\n  x = 1\n")).collect());
    add("5000 broken blocks 4", (0..5000).map(|i| format!("resource \"a\" b{i}\" {{\n  x = 1\n}}\n")).collect());
    add("5000 broken blocks 5", (0..5000).map(|i| format!("resource \"a\" \"b{i}\"\n{{\n  x = 'a'\n}}\n")).collect());
    add("ws after unary", format!("a = {}1{}\n", r("!", 60), r(" ", m)));
    add("ambiguous keys", format!("a = {{\n{}}}\n", r("a.b = 1\n", 10_000)));
    add("restarts in every level", {
        let mut t = String::from("x = 1\n");
        for _ in 0..60 { t = format!("b {{\n{}c {{\n{t}}}\n}}\n", r("x = [\nb {\n}\n", 16)); }
        t
    });
    add("tail junk in every level", {
        let mut t = String::from("x = 1\n").repeat(10_000);
        for _ in 0..60 { t = format!("b {{\n{t}}} x\n"); }
        t
    });
    for (name, text) in &cases {
        if !name.contains(&only) { continue; }
        let t = Instant::now();
        let (_, d) = formwork_syntax::parse(FileId(0), text);
        let a = t.elapsed();
        let t = Instant::now();
        let (_, e) = formwork_syntax::parse_expr(FileId(0), text);
        let b = t.elapsed();
        let t = Instant::now();
        let (_, f) = formwork_syntax::parse_template(FileId(0), text);
        let c = t.elapsed();
        let json = format!("{{\"a\": {}}}", text);
        let t = Instant::now();
        let (_, g) = formwork_syntax::json_value(FileId(0), &json);
        let jt = t.elapsed();
        let longest = d.iter().chain(&e).chain(&f).chain(&g).map(|d| d.detail.len() + d.help.as_deref().unwrap_or("").len()).max().unwrap_or(0);
        let slow = if a.as_millis().max(b.as_millis()).max(c.as_millis()).max(jt.as_millis()) > 700 { "SLOW" } else { "" };
        println!("{:>7} KB {:6} ms {:>6} diag | expr {:6} ms {:>4} | tmpl {:6} ms {:>4} | json {:6} {:>4} | msg {longest:>8} {slow} {name}  [{}]", text.len() >> 10, a.as_millis(), d.len(), b.as_millis(), e.len(), c.as_millis(), f.len(), jt.as_millis(), g.len(), d.first().map_or("", |d| &d.summary));
    }
}
