//! Patterns of addresses: `module.a.*`, `aws_instance.web[*]`.

use crate::{InstanceAddr, ParseError, Target};
use std::str::FromStr;

/// What a command line selects: an address, or a text in which each `*` stands for any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A module, a resource or an instance.
    Exact(Target),
    /// Every instance whose address, as it is printed, has this shape.
    Glob(String),
}

impl Pattern {
    /// Whether the instance is selected.
    pub fn contains(&self, addr: &InstanceAddr) -> bool {
        match self {
            Pattern::Exact(target) => target.contains(addr),
            Pattern::Glob(glob) => captures(glob, &addr.to_string()).is_some(),
        }
    }
}

impl FromStr for Pattern {
    type Err = ParseError;

    /// A key in quotes may have a star of its own: what is an address is no pattern.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.parse() {
            Ok(target) => Ok(Pattern::Exact(target)),
            Err(_) if text.contains('*') => Ok(Pattern::Glob(text.to_owned())),
            Err(error) => Err(error),
        }
    }
}

/// What each star of a pattern stands for in a text, the first ones for as little as possible; `None` when it does not fit.
pub fn captures<'t>(glob: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = glob.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    let mut found = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        // The last part is the end of the text; all before it may come as early as they do.
        let at = if i + 1 == parts.len() { rest.strip_suffix(part).map(str::len)? } else { rest.find(part)? };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

/// Puts what stars stand for into the stars of another text. `None` when it does not have as many.
pub fn substitute(glob: &str, captures: &[&str]) -> Option<String> {
    let mut parts = glob.split('*');
    let mut out = parts.next()?.to_owned();
    let mut captures = captures.iter();
    for part in parts {
        out.push_str(captures.next()?);
        out.push_str(part);
    }
    captures.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        let check = |pattern: &str, addr: &str, expected: bool| {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.contains(&addr.parse().unwrap()), expected, "{pattern:?} {addr}");
        };
        check("module.a.*", "module.a.x.y[0]", true);
        check("module.a.*", "module.a.module.b.x.y", true);
        check("module.a.*", "module.ab.x.y", false);
        check("x.web[*]", "x.web[\"k\"]", true);
        check("x.web[*]", "x.web", false);
        check("*.web", "module.m.x.web", true);
        check("*.web*b", "x.webb", true);
        check("x.ab*ba", "x.aba", false);
        // An address, and not a pattern.
        check("x.y[\"*\"]", "x.y[\"k\"]", false);
        check("x.y[\"*\"]", "x.y[\"*\"]", true);
        check("module.a", "module.a[1].x.y", true);
        assert!("x y".parse::<Pattern>().is_err());
    }

    #[test]
    fn what_a_star_stood_for_goes_where_the_other_stands() {
        let check = |from: &str, to: &str, text: &str, expected: Option<&str>| {
            let found = captures(from, text).and_then(|c| substitute(to, &c));
            assert_eq!(found.as_deref(), expected, "{from} {to} {text}");
        };
        check("x.web[*]", "module.m.x.web[*]", "x.web[\"k\"]", Some("module.m.x.web[\"k\"]"));
        check("*.a[*]", "*.b[*]", "module.m.x.a[1]", Some("module.m.x.b[1]"));
        check("x.*", "x.y", "x.web", None);
        check("x.*", "*.*", "x.web", None);
    }
}
