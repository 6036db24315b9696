//! Laws that hold for every expression, tried on generated ones: what is known while a value is unknown stays true
//! whatever the value turns out to be, and nothing that depends on a secret goes unmarked.

use super::{Fixed, parse};
use crate::eval;
use formwork_value::{Kind, Map, Mark, Refinement, Type, Value, convert};

/// A small generator (SplitMix64), so that every failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    // Values.

    fn text(&mut self) -> Value {
        // Combining characters at the start change what a template put before them.
        self.one(&[
            "", "a", "b", "ab-c", "a-", "1", "-2", "true", "\u{301}x", "\u{323}", "\u{338}=", "\u{1161}", "é",
        ])
        .into()
    }

    fn number(&mut self) -> Value {
        let text = self.one(&["0", "1", "2", "3", "-1", "-2.5", "0.5", "1e20"]);
        Value::from(formwork_value::Number::parse(text).unwrap_or(formwork_value::Number::ZERO))
    }

    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Value) -> Vec<Value> {
        (0..self.below(4)).map(|_| item(self)).collect()
    }

    /// A value for the variable of this name.
    fn value(&mut self, name: &str) -> Value {
        match name {
            "s" => self.text(),
            "n" => self.number(),
            "b" => Value::from(self.chance(50)),
            "l" => Value::list(Type::String, self.items(Dice::text)),
            "st" => Value::set(Type::String, self.items(Dice::text)),
            "m" => {
                let keys = self.items(Dice::text);
                let items = keys.iter().filter_map(|k| Some((k.as_str()?.into(), self.number())));
                Value::map(Type::Number, items.collect())
            }
            "o" => Value::object([
                ("a", self.text()),
                ("b", Value::list(Type::Number, self.items(Dice::number))),
            ]),
            "t" => Value::tuple(vec![self.number(), self.text()]),
            _ => {
                let kind = self.one(&["s", "n", "b", "l", "st", "m", "o", "t"]);
                self.value(kind)
            }
        }
    }

    /// An unknown value which `value` would fit.
    fn unknown_for(&mut self, name: &str, value: &Value) -> Value {
        if name == "d" {
            return Value::unknown(Type::Dynamic);
        }
        let mut facts = Refinement { not_null: !value.is_null() && self.chance(60), ..Refinement::default() };
        match value.kind() {
            Kind::String(text) => {
                let ends: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
                let end = ends[self.below(ends.len())];
                facts.prefix = Some(text[..end].into()).filter(|_| self.chance(60));
            }
            Kind::Number(n) => {
                let near = |by: i64| n.add(&formwork_value::Number::from(by)).unwrap_or_else(|_| n.clone());
                facts.min = [None, Some((n.clone(), true)), Some((near(-1), false))][self.below(3)].clone();
                facts.max = [None, Some((n.clone(), true)), Some((near(1), false))][self.below(3)].clone();
            }
            Kind::List(_, items) | Kind::Set(_, items) if self.chance(60) => {
                facts.min_len = Some(items.len().saturating_sub(self.below(2)) as u64);
                facts.max_len = Some((items.len() + self.below(2)) as u64);
            }
            _ => {}
        }
        let ty = match value.kind() {
            Kind::Null(ty) => ty.clone(),
            _ => value.ty(),
        };
        Value::unknown_refined(ty, facts)
    }

    // Expressions.

    fn num(&mut self, d: usize) -> String {
        if d == 0 || self.chance(40) {
            return self.one(&["0", "1", "2", "-1", "1.5", "v.n", "v.n", "v.t[0]", "v.d"]).into();
        }
        match self.below(8) {
            0..3 => {
                format!("({} {} {})", self.num(d - 1), self.one(&["+", "-", "*", "/", "%"]), self.num(d - 1))
            }
            3 => format!("length({})", self.col(d - 1)),
            4 => format!("({} ? {} : {})", self.boolean(d - 1), self.num(d - 1), self.num(d - 1)),
            5 => format!("-{}", self.num(d - 1)),
            6 => format!("max({}, {})", self.num(d - 1), self.num(d - 1)),
            _ => format!("{}[{}]", self.col(d - 1), self.num(0)),
        }
    }

    fn string(&mut self, d: usize) -> String {
        if d == 0 || self.chance(35) {
            return self.one(&["\"\"", "\"a\"", "\"ab-\"", "v.s", "v.s", "v.o.a", "v.d", "v.t[1]"]).into();
        }
        match self.below(8) {
            0..3 => {
                let before =
                    self.one(&["", "e", "ab-", "1", "=", "<", "e\u{308}", "\u{1100}", "q\u{307}", "="]);
                format!("\"{before}${{{}}}{}\"", self.any(d - 1), self.one(&["", "x", "\u{301}"]))
            }
            3 => format!("({} ? {} : {})", self.boolean(d - 1), self.string(d - 1), self.any(d - 1)),
            4 => {
                format!("\"%{{if {}}}t${{{}}}%{{else}}f%{{endif}}\"", self.boolean(d - 1), self.string(d - 1))
            }
            5 => format!("\"%{{for x in {}}}[${{x}}]%{{endfor}}\"", self.col(d - 1)),
            6 => format!("join(\"-\", {})", self.col(d - 1)),
            _ => format!(
                "{}({})",
                self.one(&["upper", "trimspace", "tostring", "jsonencode"]),
                self.string(d - 1)
            ),
        }
    }

    fn boolean(&mut self, d: usize) -> String {
        if d == 0 || self.chance(25) {
            return self.one(&["true", "false", "v.b", "v.b", "v.d"]).into();
        }
        match self.below(8) {
            0..2 => format!("({} {} {})", self.any(d - 1), self.one(&["==", "!="]), self.any(d - 1)),
            2 => format!("({} {} null)", self.any(d - 1), self.one(&["==", "!="])),
            3 => format!("({} {} {})", self.num(d - 1), self.one(&["<", "<=", ">", ">="]), self.num(d - 1)),
            4 => format!("({} {} {})", self.boolean(d - 1), self.one(&["&&", "||"]), self.boolean(d - 1)),
            5 => format!("!{}", self.boolean(d - 1)),
            6 => format!("contains({}, {})", self.col(d - 1), self.any(d - 1)),
            _ => format!(
                "startswith({}, {})",
                self.string(d - 1),
                self.one(&["\"a\"", "\"ab-\"", "\"e\"", "\"=\""])
            ),
        }
    }

    fn col(&mut self, d: usize) -> String {
        if d == 0 || self.chance(30) {
            return self.one(&["[]", "{}", "[1]", "v.l", "v.st", "v.m", "v.o", "v.t", "v.d", "v.o.b"]).into();
        }
        match self.below(9) {
            0 => format!("[{}, {}]", self.any(d - 1), self.any(d - 1)),
            1 => format!("{{ a = {}, (\"b\") = {} }}", self.any(d - 1), self.any(d - 1)),
            2 => format!("{}({})", self.one(&["tolist", "toset", "tomap"]), self.col(d - 1)),
            3 => format!("({} ? {} : {})", self.boolean(d - 1), self.col(d - 1), self.col(d - 1)),
            4 => format!("[for k, x in {} : {} if {}]", self.col(d - 1), self.item(d - 1), self.test(d - 1)),
            5 => format!("{{for k, x in {} : \"${{k}}\" => {}}}", self.col(d - 1), self.item(d - 1)),
            6 => format!("{{for k, x in {} : \"${{x}}\" => {}...}}", self.col(d - 1), self.item(d - 1)),
            7 => format!("{}{}", self.col(d - 1), self.one(&["[*]", "[*].a", "[*][0]"])),
            _ => format!(
                "{}({})",
                self.one(&["keys", "values", "reverse", "sort", "distinct", "flatten", "concat", "merge"]),
                self.col(d - 1)
            ),
        }
    }

    fn item(&mut self, d: usize) -> String {
        if self.chance(60) {
            self.one(&["x", "k", "[x]", "{ a = x }", "\"e${x}\""]).into()
        } else {
            self.any(d)
        }
    }

    fn test(&mut self, d: usize) -> String {
        if self.chance(50) {
            self.one(&["true", "x != null", "x == v.s", "v.b"]).into()
        } else {
            self.boolean(d)
        }
    }

    fn any(&mut self, d: usize) -> String {
        match self.below(10) {
            0..3 => self.num(d),
            3..5 => self.string(d),
            5..7 => self.boolean(d),
            7 => self.one(&["null", "v.d", "v.d"]).into(),
            _ => self.col(d),
        }
    }
}

/// How many expressions each law is tried on.
const ROUNDS: u64 = 5_000;

const NAMES: [&str; 9] = ["s", "n", "b", "l", "st", "m", "o", "t", "d"];

/// The value of an expression in which `v` is this object; `None` if it fails.
fn run(text: &str, v: &Map) -> Option<Value> {
    let scope = Fixed { values: [("v", Value::from(v.clone()))].into(), ..Fixed::new() };
    let outcome = eval(&parse(text), &scope, &mut Vec::new());
    (!outcome.failed).then_some(outcome.value)
}

/// Whether what was known before is true of what came out, perhaps after a conversion: where a branch that is not
/// taken fails, a conditional has no type to convert the other to, as in Terraform.
fn fits(before: &Value, after: &Value) -> bool {
    fits_exactly(before, after)
        || convert(after, &before.ty()).is_ok_and(|after| fits_exactly(before, &after))
}

fn fits_exactly(before: &Value, after: &Value) -> bool {
    match (before.kind(), after.kind()) {
        (Kind::Unknown(unknown), _) => after.conforms(&unknown.ty) && unknown.refinement.admits(after),
        (Kind::Null(_), Kind::Null(_)) => true,
        (Kind::Set(_, a), Kind::Set(_, b)) => {
            let (least, most) = before.lengths().unwrap_or_default();
            let count = b.len() as u64;
            let within = least <= count && most.is_none_or(|most| count <= most);
            within && a.iter().filter(|x| x.is_wholly_known()).all(|x| b.iter().any(|y| fits(x, y)))
        }
        (Kind::List(t, a), Kind::List(u, b)) => {
            u.conforms(t) && a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| fits(x, y))
        }
        (Kind::Tuple(a), Kind::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| fits(x, y))
        }
        (Kind::Map(_, a), Kind::Map(_, b)) | (Kind::Object(a), Kind::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(x, y)| fits(x, y))
        }
        (a, b) => a == b,
    }
}

#[test]
fn what_is_known_of_the_unknown_stays_true() {
    let mut known = 0;
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let depth = 1 + dice.below(3);
        let text = dice.any(depth);
        let mut after = Map::new();
        let mut before = Map::new();
        for name in NAMES {
            let value = dice.value(name);
            let value = if dice.chance(10) { Value::null(value.ty()) } else { value };
            let unknown = if dice.chance(70) { dice.unknown_for(name, &value) } else { value.clone() };
            before.insert(name.into(), unknown);
            after.insert(name.into(), value);
        }
        let first = run(&text, &before);
        let second = run(&text, &after);
        let context = || format!("seed {seed}: {text}\nbefore: {before:?}\nafter: {after:?}");
        match (first, second) {
            (Some(first), Some(second)) => {
                known += usize::from(first.is_known());
                assert!(fits(&first, &second), "{first:?}\nbecame {second:?}\n{}", context());
            }
            // A splat makes nothing of null, whatever its type promised.
            (None, Some(second)) if !after.values().any(Value::is_null) => {
                panic!("an error became {second:?}\n{}", context());
            }
            _ => {}
        }
    }
    assert!(known > 500, "only {known} were known");
}

/// Calls that count or order the elements of a set; each takes what the one before gave.
const COUNTING: [&str; 23] = [
    "tolist(X)",
    "toset(X)",
    "reverse(X)",
    "sort(X)",
    "flatten([X, [\"q\"]])",
    "flatten([[X]])",
    "concat(tolist(X), [\"q\"])",
    "distinct(X)",
    "compact(X)",
    "coalescelist(tolist(X), [\"q\"])",
    "slice(tolist(X), 0, 1)",
    "formatlist(\"%s-\", X)",
    "setunion(X, [\"a\"])",
    "setsubtract(X, [\"a\"])",
    "setintersection(X, [\"a\", \"b\"])",
    "matchkeys(X, tolist(X), [\"a\", \"b\"])",
    "chunklist(X, 1)[0]",
    "[for k in setproduct(X, [\"x\"]) : k[0]]",
    "[for x in X : x]",
    "[for x in X : \"a${x}\" if x != \"b\"]",
    "toset([for x in X : \"${x}-\"])",
    "X[*]",
    "keys({ for x in X : x => 1... })",
];

/// What is asked of the collection at the end.
const ASKING: [&str; 20] = [
    "X",
    "length(X)",
    "one(X)",
    "tolist(X)[0]",
    "contains(X, \"a\")",
    "index(tolist(X), \"b\")",
    "element(tolist(X), 1)",
    "join(\",\", X)",
    "[for i, x in tolist(X) : \"${i}-${x}\"]",
    "length(setproduct(X, [1, 2]))",
    "[for x in X : 1]",
    "{ for x in X : \"k\" => x... }",
    "{ for x in X : \"k-${x}\" => x }",
    "try({ for x in X : \"k\" => 1 }, \"two\")",
    "\"%{ for x in X }${x}%{ endfor }\"",
    "\"%{ for x in X }q%{ endfor }\"",
    "X[*]",
    "coalesce(X...)",
    "max([for x in X : 1]...)",
    "min([for x in X : length(x)]...)",
];

/// What is asked of a set of objects, of which some have an attribute that is not known.
const OBJECTS: [&str; 10] = [
    "[for x in v.po : x.k]",
    "[for x in v.po : x.v]",
    "[for x in v.po : x]",
    "[for x in v.po : x.v if x.k == \"a\"]",
    "length([for x in v.po : x if x.k != \"a\"])",
    "v.po[*].k",
    "v.po[*].v[0]",
    "{ for x in v.po : x.k => x.v... }",
    "try({ for x in v.po : x.k => x.v }, \"twice\")",
    "\"%{ for x in v.po }${x.k}%{ endfor }\"",
];

#[test]
fn a_set_of_unknown_elements_has_neither_length_nor_order() {
    let mut known = 0;
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let mut text = String::from("v.ps");
        for _ in 0..dice.below(4) {
            text = dice.one(&COUNTING).replace('X', &text);
        }
        text = dice.one(&ASKING).replace('X', &text);
        let count = 1 + dice.below(3);
        let items: Vec<Value> = (0..count).map(|_| Value::from(dice.one(&["a", "b", "ab"]))).collect();
        let partly = items
            .iter()
            .map(|item| if dice.chance(50) { dice.unknown_for("s", item) } else { item.clone() })
            .collect();
        let [before, after] =
            [partly, items].map(|items| Map::from([("ps".into(), Value::set(Type::String, items))]));
        let context = || format!("seed {seed}: {text}\nbefore: {before:?}\nafter: {after:?}");
        match (run(&text, &before), run(&text, &after)) {
            (Some(first), Some(second)) => {
                known += usize::from(first.is_known());
                assert!(fits(&first, &second), "{first:?}\nbecame {second:?}\n{}", context());
            }
            (None, Some(second)) => panic!("an error became {second:?}\n{}", context()),
            _ => {}
        }
    }
    assert!(known > 500, "only {known} were known");
}

#[test]
fn a_set_of_partly_unknown_objects_promises_nothing_false() {
    let (mut known, mut counted) = (0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let text = dice.one(&OBJECTS);
        let (mut partly, mut items) = (Vec::new(), Vec::new());
        for _ in 0..1 + dice.below(3) {
            let k = Value::from(dice.one(&["a", "b", "c"]));
            let v = Value::list(Type::String, vec![Value::from(dice.one(&["x", "y"]))]);
            let before = if dice.chance(50) { Value::unknown_not_null(v.ty()) } else { v.clone() };
            items.push(Value::object([("k", k.clone()), ("v", v)]));
            partly.push(Value::object([("k", k), ("v", before)]));
        }
        let ty = items[0].ty();
        let [before, after] =
            [partly, items].map(|items| Map::from([("po".into(), Value::set(ty.clone(), items))]));
        let context = || format!("seed {seed}: {text}\nbefore: {before:?}\nafter: {after:?}");
        match (run(text, &before), run(text, &after)) {
            (Some(first), Some(second)) => {
                known += usize::from(first.is_wholly_known());
                counted += usize::from(first.is_known() && !first.is_wholly_known());
                assert!(fits(&first, &second), "{first:?}\nbecame {second:?}\n{}", context());
            }
            (None, Some(second)) => panic!("an error became {second:?}\n{}", context()),
            _ => {}
        }
    }
    // Objects that differ in what is known are counted, and told apart by it.
    assert!(known > 500 && counted > 200, "{known} were known, {counted} in part");
}

#[test]
fn a_set_of_unknown_elements_hides_no_secret() {
    let unknowns =
        (0..2).map(|i| Value::unknown_refined(Type::String, Refinement::prefixed(&format!("{i}"))));
    let alike = (0..2).map(|_| Value::object([("k", Value::from("a")), ("v", Value::unknown(Type::Number))]));
    let elements: [Vec<Value>; 2] = [unknowns.collect(), alike.collect()];
    let mut looked = 0;
    for items in elements {
        let set = Value::set(items[0].ty(), items);
        let values = Map::from([("ps".into(), set), ("s".into(), Value::from("x").mark(Mark::Sensitive))]);
        for text in [
            "[for x in v.ps : v.s]",
            "[for x in v.ps : [v.s, x]]",
            "{ for x in v.ps : \"k\" => v.s... }",
            "{ for x in v.ps : \"k\" => v.s }",
            "\"%{ for x in v.ps }${v.s}%{ endfor }\"",
        ] {
            // Elements that certainly differ give one key twice.
            let Some(found) = run(text, &values) else { continue };
            looked += 1;
            assert!(found.marks_deep().has(Mark::Sensitive), "{text}: {found:?}");
        }
    }
    assert!(looked >= 9, "only {looked} could be evaluated");
}

/// Whether everything in which two values differ is marked in both.
fn hidden(a: &Value, b: &Value) -> bool {
    let both = |mark| a.has_mark(mark) && b.has_mark(mark);
    if both(Mark::Sensitive) {
        return true;
    }
    match (a.kind(), b.kind()) {
        (Kind::List(t, x), Kind::List(u, y)) if t == u && x.len() == y.len() => {
            x.iter().zip(y.iter()).all(|(x, y)| hidden(x, y))
        }
        (Kind::Tuple(x), Kind::Tuple(y)) if x.len() == y.len() => {
            x.iter().zip(y.iter()).all(|(x, y)| hidden(x, y))
        }
        (Kind::Map(_, x), Kind::Map(_, y)) | (Kind::Object(x), Kind::Object(y)) if x.keys().eq(y.keys()) => {
            x.values().zip(y.values()).all(|(x, y)| hidden(x, y))
        }
        (x, y) => x == y,
    }
}

#[test]
fn whatever_depends_on_a_secret_is_marked() {
    let mut marked = 0;
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed ^ 0x5eed);
        let depth = 1 + dice.below(3);
        let text = dice.any(depth);
        let mut one = Map::new();
        for name in NAMES {
            one.insert(name.into(), dice.value(name));
        }
        let mut other = one.clone();
        let secret = dice.one(&NAMES);
        for values in [&mut one, &mut other] {
            // The type of a value is no secret, so it stays.
            let wanted = values.get(secret).map(Value::ty);
            let mut drawn = dice.value(secret);
            while wanted.as_ref() != Some(&drawn.ty()) {
                drawn = dice.value(secret);
            }
            values.insert(secret.into(), drawn.mark(Mark::Sensitive));
        }
        let context = || format!("seed {seed}: {text}\none: {one:?}\nother: {other:?}");
        if let (Some(a), Some(b)) = (run(&text, &one), run(&text, &other)) {
            marked += usize::from(a.marks_deep().has(Mark::Sensitive));
            assert!(hidden(&a, &b), "{a:?}\n{b:?}\n{}", context());
        }
    }
    assert!(marked > 250, "only {marked} were marked");
}

#[test]
fn conversion_of_the_unknown_promises_nothing_false() {
    let types = [
        "list(string)",
        "set(string)",
        "map(string)",
        "set(any)",
        "list(any)",
        "map(any)",
        "string",
        "number",
    ];
    let types: Vec<Type> =
        types.iter().filter_map(|t| crate::type_expr(&parse(t)).ok()).map(|(t, _)| t).collect();
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let name = dice.one(&NAMES);
        let value = dice.value(name);
        let unknown = dice.unknown_for(name, &value);
        let to = &types[dice.below(types.len())];
        if let (Ok(before), Ok(after)) = (convert(&unknown, to), convert(&value, to)) {
            assert!(
                fits(&before, &after),
                "seed {seed}: {unknown:?} to {to}: {before:?}, but {value:?}: {after:?}"
            );
        }
    }
}
