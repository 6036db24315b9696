//! Regular expressions, and functions that take strings apart.

use super::graphemes::graphemes;
use super::re2::{AFTER_PREFIX, translate};
use super::*;
use regex::{Captures, NoExpand, Regex};
use std::cell::RefCell;
use std::collections::HashMap;

library![regex, regexall, replace, substr, strrev];

/// The first match of a regular expression: the text, or what its groups captured.
#[function(result_of = match_type, check = pattern, example = r#"regex("[a-z]+", "53453453.345345aaabbbccc23454")"#, gives = r#""aaabbbccc""#)]
fn regex(pattern: &str, string: &str) -> FnResult {
    let regex = groups(pattern)?;
    match regex.captures(string) {
        Some(found) => Ok(captured(&regex, &found)),
        None => Err(FnError::new(
            "the pattern matches no part of the string; use can() to test, or try() for a default",
        )),
    }
}

/// All matches of a regular expression.
#[function(result_of = matches_type, check = pattern, example = r#"regexall("[a-z]+", "1234abcd5678efgh9")"#, gives = "tolist([\n  \"abcd\",\n  \"efgh\",\n])")]
fn regexall(pattern: &str, string: &str) -> FnResult {
    let regex = groups(pattern)?;
    let found = regex.captures_iter(string).map(|c| captured(&regex, &c));
    Ok(Value::list(shape(&regex), found.collect()))
}

/// The string with every occurrence of another replaced; between slashes that is a regular expression.
#[function(result = Type::String, example = r#"replace("1 + 2 + 3", "+", "-")"#, gives = r#""1 - 2 - 3""#)]
fn replace(str: &str, substr: &str, replace: &str) -> FnResult {
    let (text, old, new) = (str, substr, replace);
    match old.strip_prefix('/').and_then(|p| p.strip_suffix('/')) {
        Some(p) => {
            let regex = compile(p).map_err(|m| FnError::arg(1, m).quoting())?;
            // Of each `$` no more can come than the match.
            let groups = new.matches('$').count();
            let longest = |length: usize| length.checked_mul(groups)?.checked_add(new.len());
            let mut matches = regex.find_iter(text).map(|found| longest(found.len()));
            fits(matches.try_fold(text.len(), |sum, more| sum.checked_add(more?)))?;
            let replaced = match new.contains('$') {
                true => {
                    let references = compile(REFERENCE).map_err(|m| FnError::arg(2, m))?;
                    regex.replace_all(text, |found: &Captures<'_>| expand(new, &references, &regex, found))
                }
                false => regex.replace_all(text, NoExpand(new)),
            };
            Ok(Value::string(replaced.into_owned()))
        }
        None => {
            let added = text.matches(old).count().checked_mul(new.len());
            fits(added.and_then(|added| added.checked_add(text.len())))?;
            Ok(Value::string(text.replace(old, new)))
        }
    }
}

/// What refers to a group in a replacement, or is a dollar sign as such.
const REFERENCE: &str = r"\$(?:(\$)|\{([\pL\p{Nd}_]+)\}|([\pL\p{Nd}_]+))";

/// The replacement for a match, with the groups that it refers to. Those that there are not are empty.
fn expand(new: &str, references: &Regex, regex: &Regex, found: &Captures<'_>) -> String {
    let text = |reference: &Captures<'_>| {
        let Some(name) = reference.get(2).or(reference.get(3)) else { return "$".to_owned() };
        let name = name.as_str();
        // A number does not begin with a zero: `01` is a name.
        let number = name.parse::<usize>().ok().filter(|_| name == "0" || !name.starts_with('0'));
        let mut named = group_names(regex).into_iter().filter(|(_, written)| *written == name);
        let group = match number {
            Some(number) => found.get(number),
            None => named.find_map(|(own, _)| found.name(own)),
        };
        group.map_or_else(String::new, |group| group.as_str().to_owned())
    };
    references.replace_all(new, text).into_owned()
}

/// Part of a string by offset and length in characters; a negative offset counts from the end, length -1 means the rest.
#[function(result = Type::String, example = r#"substr("hello world", 1, 4)"#, gives = r#""ello""#)]
fn substr(str: &str, offset: i64, length: i64) -> FnResult {
    Ok(Value::string(part(str, offset, length)))
}

/// The characters of a string in reverse order.
#[function(example = r#"strrev("hello")"#, gives = r#""olleh""#)]
fn strrev(str: &str) -> String {
    graphemes(str).rev().collect::<String>()
}

fn part(text: &str, offset: i64, length: i64) -> String {
    let offset = if offset < 0 {
        offset.saturating_add(graphemes(text).count() as i64).max(0)
    } else if length == 0 {
        return String::new();
    } else {
        offset
    };
    let rest = graphemes(text).skip(offset as usize);
    // Terraform takes all of the rest for length 0 after a negative offset; so do we.
    if length <= 0 { rest.collect() } else { rest.take(length as usize).collect() }
}

fn match_type(args: &[Value]) -> Type {
    args[0].as_str().and_then(|p| compile(p).ok()).map_or(Type::Dynamic, |regex| shape(&regex))
}

fn matches_type(args: &[Value]) -> Type {
    Type::list(match_type(args))
}

/// The first argument, if it is known, is a pattern.
fn pattern(args: &[Value]) -> Result<(), FnError> {
    args[0].as_str().map_or(Ok(()), |pattern| groups(pattern).map(|_| ()))
}

/// A pattern whose groups are all named or all unnamed.
fn groups(pattern: &str) -> Result<Regex, FnError> {
    let regex = compile(pattern).map_err(|m| FnError::arg(0, m).quoting())?;
    let named = regex.capture_names().skip(1).flatten().count();
    if named > 0 && named + 1 < regex.captures_len() {
        return Err(FnError::arg(0, "it mixes named and unnamed groups; name all of them or none"));
    }
    Ok(regex)
}

/// The names of a pattern's groups: as the regex crate has them, and as they are written.
fn group_names(regex: &Regex) -> Vec<(&str, &str)> {
    let names = regex.capture_names().flatten();
    names.map(|name| (name, name.rsplit_once(AFTER_PREFIX).map_or(name, |(_, name)| name))).collect()
}

/// Type of what a match gives: an object of named groups, a tuple of unnamed ones, or a string.
fn shape(regex: &Regex) -> Type {
    let names = group_names(regex);
    if !names.is_empty() {
        Type::object(names.into_iter().map(|(_, name)| (name, Type::String)))
    } else if regex.captures_len() > 1 {
        Type::tuple(vec![Type::String; regex.captures_len() - 1])
    } else {
        Type::String
    }
}

fn captured(regex: &Regex, found: &Captures<'_>) -> Value {
    let text = |m: Option<regex::Match<'_>>| {
        m.map_or_else(|| Value::null(Type::String), |m| Value::string(m.as_str()))
    };
    let names = group_names(regex);
    if !names.is_empty() {
        Value::object(names.into_iter().map(|(own, name)| (name, text(found.name(own)))))
    } else if regex.captures_len() > 1 {
        Value::tuple((1..regex.captures_len()).map(|i| text(found.get(i))).collect())
    } else {
        text(found.get(0))
    }
}

/// Compiled patterns are kept: a pattern in a module is used by all of its instances.
fn compile(pattern: &str) -> Result<Regex, String> {
    const KEPT: usize = 64;
    thread_local! {
        static CACHE: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
    }
    if let Some(regex) = CACHE.with_borrow(|cache| cache.get(pattern).cloned()) {
        return Ok(regex);
    }
    let problem = |why: &str| format!("it is not a valid regular expression: {why}");
    let translated = translate(pattern).map_err(|why| problem(&why))?;
    let regex = Regex::new(&translated).map_err(|e| {
        let text = e.to_string();
        let reason = text.lines().last().unwrap_or_default().trim();
        problem(reason.trim_start_matches("error: "))
    })?;
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= KEPT {
            cache.clear();
        }
        cache.insert(pattern.to_string(), regex.clone());
    });
    Ok(regex)
}
