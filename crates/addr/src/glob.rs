//! Patterns of addresses: `module.a.*`, `aws_instance.web[*]`.

use crate::{InstanceAddr, InstanceKey, ModuleInstance, ParseError, ResourceAddr, Target};
use std::fmt;
use std::str::FromStr;

/// What a command line selects: an address, or a text in which each `*` stands for any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
            Pattern::Glob(glob) => fits(glob, &addr.to_string()),
        }
    }

    /// Like [`Pattern::contains`], but as an address of a resource or module stands for all that is in it, so does a
    /// pattern that has its shape.
    pub fn selects(&self, addr: &InstanceAddr) -> bool {
        match self {
            Pattern::Exact(target) => target.contains(addr),
            Pattern::Glob(glob) => fits(glob, &addr.to_string()) || self.covers(&addr.resource),
        }
    }

    /// Whether every instance of a resource is selected, whatever its keys are.
    pub fn covers(&self, addr: &ResourceAddr) -> bool {
        match self {
            Pattern::Exact(Target::Instance(_)) => false,
            Pattern::Exact(target) => target.contains(&addr.instance(InstanceKey::None)),
            Pattern::Glob(glob) => {
                let text = addr.to_string();
                let any_key = glob.strip_suffix("[*]").is_some_and(|g| fits(g, &text));
                any_key || fits(glob, &text) || self.covers_module(&addr.module)
            }
        }
    }

    /// Whether all that is in a module instance is selected.
    pub fn covers_module(&self, module: &ModuleInstance) -> bool {
        (1..=module.steps().len()).any(|depth| {
            let outer = ModuleInstance::new(module.steps()[..depth].to_vec());
            match self {
                Pattern::Exact(Target::Module(wanted)) => covers_steps(wanted, &outer),
                Pattern::Exact(_) => false,
                Pattern::Glob(glob) => fits(glob, &outer.to_string()),
            }
        })
    }

    /// Whether some instance of a resource may be selected.
    pub fn may_select(&self, addr: &ResourceAddr) -> bool {
        match self {
            Pattern::Exact(Target::Instance(i)) => i.resource.resource == addr.resource,
            Pattern::Exact(target) => target.contains(&addr.instance(InstanceKey::None)),
            Pattern::Glob(glob) => self.covers(addr) || may_begin(glob, &format!("{addr}[")),
        }
    }

    /// Whether something in a module instance may be selected. A step without a key stands for any.
    pub fn may_reach(&self, module: &ModuleInstance) -> bool {
        match self {
            Pattern::Exact(target) => {
                let wanted = match target {
                    Target::Module(m) => m,
                    Target::Resource(r) => &r.module,
                    Target::Instance(i) => &i.resource.module,
                };
                wanted
                    .steps()
                    .iter()
                    .zip(module.steps())
                    .all(|(a, b)| a.name == b.name && (a.key == InstanceKey::None || a.key == b.key))
            }
            Pattern::Glob(glob) => {
                module.is_root() || self.covers_module(module) || may_begin(glob, &format!("{module}."))
            }
        }
    }
}

fn covers_steps(wanted: &ModuleInstance, module: &ModuleInstance) -> bool {
    let (wanted, steps) = (wanted.steps(), module.steps());
    wanted.len() == steps.len()
        && wanted
            .iter()
            .zip(steps)
            .all(|(a, b)| a.name == b.name && (a.key == InstanceKey::None || a.key == b.key))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Exact(target) => target.fmt(f),
            Pattern::Glob(glob) => f.write_str(glob),
        }
    }
}

fn fits(glob: &str, text: &str) -> bool {
    captures(glob, text).is_some()
}

/// Whether a text that begins so can have the shape of a pattern.
fn may_begin(glob: &str, beginning: &str) -> bool {
    match glob.split_once('*') {
        None => glob.starts_with(beginning),
        // What follows the first star can be put behind, whatever stands between.
        Some((head, _)) => head.starts_with(beginning) || beginning.starts_with(head),
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
    fn selecting_takes_what_is_inside() {
        let check = |pattern: &str, addr: &str, expected: bool| {
            let pattern: Pattern = pattern.parse().unwrap();
            let addr: InstanceAddr = addr.parse().unwrap();
            assert_eq!(pattern.selects(&addr), expected, "{pattern} {addr}");
            // Whoever looks from above comes to it.
            if expected {
                assert!(pattern.may_select(&addr.resource), "{pattern} {addr}");
                assert!(pattern.may_reach(&addr.resource.module), "{pattern} {addr}");
            }
        };
        check("*.web", "module.m.x.web[0]", true);
        check("module.*.x.web[*]", "module.m[\"k\"].x.web[0]", true);
        check("module.*.x.web[*]", "module.m.x.web", true);
        check("module.*.x.web[*]", "module.m.x.other[0]", false);
        check("x.w*", "x.web[\"a\"]", true);
        check("x.w*", "y.web", false);
        check("module.a*", "module.ab.module.c.x.y", true);
        check("x.web[\"p*", "x.web[\"prod\"]", true);
        check("x.web[\"p*", "x.web[\"dev\"]", false);
        check("x.web[\"*\"]", "x.web[\"dev\"]", false);
        check("module.a", "module.a[1].module.b.x.y", true);
        check("module.a[1].x.y", "module.a[1].x.y[7]", true);
    }

    #[test]
    fn what_covers_a_resource_takes_all_of_it() {
        let check = |pattern: &str, addr: &str, expected: bool| {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.covers(&addr.parse().unwrap()), expected, "{pattern} {addr}");
        };
        check("x.y", "x.y", true);
        check("x.y[0]", "x.y", false);
        check("x.y[*]", "x.y", true);
        check("x.y[\"a*", "x.y", false);
        check("module.m", "module.m[0].x.y", true);
        check("module.*", "module.m[0].x.y", true);
        check("module.m[0]", "module.m[1].x.y", false);
        let reach = |pattern: &str, module: &str| {
            pattern.parse::<Pattern>().unwrap().may_reach(&module.parse().unwrap())
        };
        assert!(reach("module.a.x.y", "module.a[0]") && !reach("module.a.x.y", "module.b"));
        assert!(reach("module.a*.x", "module.ab") && !reach("module.a*.x", "module.b"));
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
