//! Strings.

use super::*;
use formwork_value::Refinement;

library![
    upper,
    lower,
    title,
    trim,
    trimprefix,
    trimsuffix,
    trimspace,
    chomp,
    indent,
    join,
    split,
    startswith,
    endswith,
    strcontains
];

/// All letters in upper case.
#[function(example = r#"upper("hello")"#, gives = r#""HELLO""#)]
fn upper(str: &str) -> String {
    str.chars().map(to_upper).collect::<String>()
}

/// All letters in lower case.
#[function(example = r#"lower("HELLO")"#, gives = r#""hello""#)]
fn lower(str: &str) -> String {
    str.chars().map(to_lower).collect::<String>()
}

/// The first letter of each word in upper case.
#[function(result = Type::String, example = r#"title("hello world")"#, gives = r#""Hello World""#)]
fn title(str: &str) -> FnResult {
    let mut previous = ' ';
    let titled = str.chars().map(|c| {
        let start = !(previous.is_alphanumeric() || previous == '_')
            && (previous.is_ascii() || previous.is_whitespace());
        previous = c;
        if start { to_title(c) } else { c }
    });
    Ok(Value::string(titled.collect::<String>()))
}

/// The string without any of these characters at its start and end.
#[function(result = Type::String, example = r#"trim("?!hello?!", "!?")"#, gives = r#""hello""#)]
fn trim(str: &str, cutset: &str) -> FnResult {
    let cut: Vec<char> = cutset.chars().collect();
    Ok(Value::string(str.trim_matches(&cut[..])))
}

/// The string without this start.
#[function(example = r#"trimprefix("helloworld", "hello")"#, gives = r#""world""#)]
fn trimprefix(str: &str, prefix: &str) -> String {
    str.strip_prefix(prefix).unwrap_or(str).to_owned()
}

/// The string without this end.
#[function(example = r#"trimsuffix("helloworld", "world")"#, gives = r#""hello""#)]
fn trimsuffix(str: &str, suffix: &str) -> String {
    str.strip_suffix(suffix).unwrap_or(str).to_owned()
}

/// The string without white space at its start and end.
#[function(example = r#"trimspace("  hello\n")"#, gives = r#""hello""#)]
fn trimspace(str: &str) -> String {
    str.trim().to_owned()
}

/// The string without line breaks at its end.
#[function(example = r#"chomp("hello\n")"#, gives = r#""hello""#)]
fn chomp(str: &str) -> String {
    str.trim_end_matches(['\r', '\n']).to_owned()
}

/// The string with so many spaces before all its lines but the first.
#[function(result = Type::String, example = r#"indent(2, "a\nb")"#, gives = "<<EOT\na\n  b\nEOT")]
fn indent(spaces: i64, str: &str) -> FnResult {
    let lines = str.contains('\n');
    let spaces = usize::try_from(spaces)
        .ok()
        .filter(|n| *n <= 10_000 || !lines)
        .ok_or_else(|| FnError::arg(0, "it must be a number from 0 to 10000"))?;
    if !lines {
        return Ok(Value::string(str));
    }
    let added = str.matches('\n').count().checked_mul(spaces);
    fits(added.and_then(|added| added.checked_add(str.len())))?;
    Ok(Value::string(str.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

/// The elements of lists of strings as one string, with a separator between them.
#[function(result = Type::String, example = r#"join("-", ["foo", "bar", "baz"])"#, gives = r#""foo-bar-baz""#)]
fn join(separator: &str, #[arg(rest, ty = Type::list(Type::String))] lists: &[Value]) -> FnResult {
    if lists.is_empty() {
        return Err(FnError::new("it needs at least one list"));
    }
    let mut parts = Vec::new();
    for (i, list) in lists.iter().enumerate() {
        for (n, item) in list.as_slice().unwrap_or_default().iter().enumerate() {
            let text = item.as_str().ok_or_else(|| {
                FnError::arg(i + 1, format!("its element {n} is null, which cannot be joined"))
            })?;
            parts.push(text);
        }
    }
    let separators = parts.len().saturating_sub(1).checked_mul(separator.len());
    fits(parts.iter().try_fold(separators.unwrap_or(usize::MAX), |sum, part| sum.checked_add(part.len())))?;
    Ok(Value::string(parts.join(separator)))
}

/// The parts of a string between separators.
#[function(result = Type::list(Type::String), example = r#"split(",", "foo,bar,baz")"#, gives = "tolist([\n  \"foo\",\n  \"bar\",\n  \"baz\",\n])")]
fn split(separator: &str, str: &str) -> FnResult {
    Ok(match separator {
        "" => strings_list(str.chars()),
        _ => strings_list(str.split(separator)),
    })
}

/// Whether a string starts with another.
#[function(result = Type::Bool, example = r#"startswith("hello world", "hello")"#, gives = "true")]
fn startswith(#[arg(unknown, ty = Type::String)] str: &Value, prefix: &str) -> FnResult {
    Ok(match (str.as_str(), str.as_unknown()) {
        (Some(text), _) => text.starts_with(prefix).into(),
        (None, Some(u)) => known_start(&u.refinement, prefix),
        (None, None) => Value::unknown_not_null(Type::Bool),
    })
}

/// Whether a string ends with another.
#[function(example = r#"endswith("hello world", "world")"#, gives = "true")]
fn endswith(str: &str, suffix: &str) -> bool {
    str.ends_with(suffix)
}

/// Whether a string contains another.
#[function(example = r#"strcontains("hello world", "wor")"#, gives = "true")]
fn strcontains(str: &str, substr: &str) -> bool {
    str.contains(substr)
}

/// Whether an unknown string starts so, as far as its own known start tells.
fn known_start(refinement: &Refinement, prefix: &str) -> Value {
    let known = refinement.prefix.as_deref().unwrap_or_default();
    if known.starts_with(prefix) {
        true.into()
    } else if !prefix.starts_with(known) {
        false.into()
    } else {
        Value::unknown_not_null(Type::Bool)
    }
}

/// Upper case where that is one character; `ß` stays.
fn to_upper(c: char) -> char {
    // Greek letters with an iota become one character here, though in full case conversion they become two.
    let with_iota = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => 0,
    };
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => char::from_u32(u32::from(c) + with_iota).unwrap_or(c),
    }
}

/// As [`to_upper`], but for letters that have a form of their own at the start of a word.
fn to_title(c: char) -> char {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        // Georgian letters begin words as they are.
        'ა'..='ჺ' | 'ჽ'..='ჿ' => c,
        _ => to_upper(c),
    }
}

fn to_lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}
