//! Versions, and constraints on them
//! (<https://developer.hashicorp.com/terraform/language/expressions/version-constraints>).

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.2.3`, perhaps with the name of a pre-release (`1.2.3-beta.1`) and metadata (`1.2.3+build`). Versions are
/// ordered as the rules of semantic versioning have it; metadata plays no part in the order.
#[derive(Clone, Debug)]
pub struct Version {
    numbers: [u64; 3],
    pre: Vec<Part>,
    text: String,
}

/// A part of a pre-release's name: numbers come before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Version {
    /// Reads a version; a `v` may stand before it, and missing numbers are zero.
    pub fn parse(text: &str) -> Option<Version> {
        Self::read(text).map(|(version, _)| version)
    }

    /// The version, and how many numbers were given.
    fn read(text: &str) -> Option<(Version, usize)> {
        let bare = text.trim();
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        let (rest, metadata) = bare.split_once('+').map_or((bare, None), |(rest, m)| (rest, Some(m)));
        let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
        let parts: Vec<&str> = core.split('.').collect();
        let mut numbers = [0; 3];
        if parts.len() > numbers.len() {
            return None;
        }
        for (slot, part) in numbers.iter_mut().zip(&parts) {
            *slot = Some(part).filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        }
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'~')
        };
        let pre: Vec<Part> = match pre {
            None => Vec::new(),
            Some(names) => names
                .split('.')
                .map(|name| match name.parse() {
                    _ if !word(name) => None,
                    Ok(number) => Some(Part::Number(number)),
                    Err(_) => Some(Part::Word(name.to_owned())),
                })
                .collect::<Option<_>>()?,
        };
        if !metadata.is_none_or(|m| m.split('.').all(word)) {
            return None;
        }
        let [a, b, c] = numbers;
        let mut text = format!("{a}.{b}.{c}");
        // What follows the numbers stays as it was.
        text.push_str(&bare[core.len()..]);
        Some((Version { numbers, pre, text }, parts.len()))
    }

    /// Whether this comes before the release of its number.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.pre.cmp(&other.pre),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

/// Constraints, all of which a version must meet: `>= 1.5, < 2.0`. Without any, every release is admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    all: Vec<Constraint>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Constraint {
    operator: Operator,
    version: Version,
    /// How many numbers were given.
    given: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
    /// All but the last number given are fixed.
    Near,
}

impl Constraints {
    /// Reads constraints with commas between; or says what is wrong with them.
    pub fn parse(text: &str) -> Result<Constraints, String> {
        let all = text.split(',').map(|part| Constraint::parse(part.trim())).collect::<Result<_, _>>()?;
        Ok(Constraints { all, text: text.trim().to_owned() })
    }

    /// Whether a version meets them. A pre-release must be named itself, alone.
    pub fn admit(&self, version: &Version) -> bool {
        if version.is_prerelease() {
            let [only] = self.all.as_slice() else { return false };
            return only.operator == Operator::Is && only.version == *version;
        }
        self.all.iter().all(|c| c.admits(version))
    }

    /// Whether any of them names a pre-release.
    pub fn name_prerelease(&self) -> bool {
        self.all.iter().any(|c| c.version.is_prerelease())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Constraint {
    fn parse(part: &str) -> Result<Constraint, String> {
        let at = part.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(part.len());
        let (operator, version) = (part[..at].trim(), &part[at..]);
        let operator = match operator {
            "" | "=" => Operator::Is,
            "!=" => Operator::IsNot,
            ">" => Operator::Above,
            ">=" => Operator::AtLeast,
            "<" => Operator::Below,
            "<=" => Operator::AtMost,
            "~>" => Operator::Near,
            other => return Err(format!("\"{other}\" is not an operator of version constraints")),
        };
        let (version, given) = Version::read(version)
            .ok_or_else(|| format!("\"{part}\" is not a version with an operator before it"))?;
        Ok(Constraint { operator, version, given })
    }

    fn admits(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.operator {
            Operator::Is => version == wanted,
            Operator::IsNot => version != wanted,
            Operator::Above => version > wanted,
            Operator::AtLeast => version >= wanted,
            Operator::Below => version < wanted,
            Operator::AtMost => version <= wanted,
            Operator::Near => {
                let fixed = self.given.saturating_sub(1);
                version >= wanted && version.numbers[..fixed] == wanted.numbers[..fixed]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_admit_versions() {
        let check = |constraints: &str, version: &str, admitted: bool| {
            let version = Version::parse(version).unwrap();
            let found = Constraints::parse(constraints).map(|c| c.admit(&version));
            assert_eq!(found, Ok(admitted), "{constraints} {version}");
        };
        for (constraints, admitted) in [
            (">= 1.0", true),
            ("~> 1.5", true),
            ("~> 1.11.0", true),
            ("~> 1.10.0", false),
            (">= 1.5, < 1.11", false),
            ("1.11.4", true),
            ("= v1.11.4", true),
            ("!= 1.11.4", false),
            ("~> 2", false),
            // With one number nothing is fixed.
            ("~> 0", true),
            ("~> 0.9", false),
            (">= 1.11.4-beta", true),
        ] {
            check(constraints, "1.11.4", admitted);
        }
        check(">= 1.0", "1.1.0-beta", false);
        check("1.1.0-beta", "1.1.0-beta", true);
        check("1.1.0-beta", "1.1.0", false);
        check("1.1.0-beta, > 1.0", "1.1.0-beta", false);
        assert!(Constraints::default().admit(&Version::parse("1.0").unwrap()));
        for wrong in ["latest", "", "=> 1", "1.2.3.4", "1.x", "1.0-", "99999999999999999999"] {
            assert!(Constraints::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_ordered() {
        let ordered =
            ["0.9", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0", "1.2", "1.10"];
        for pair in ordered.windows(2) {
            let [a, b] = [0, 1].map(|i| Version::parse(pair[i]).unwrap());
            assert!(a < b, "{a} {b}");
        }
        assert_eq!(Version::parse("v1.2").unwrap().to_string(), "1.2.0");
        assert_eq!(Version::parse("1.2.0-rc.1+x").unwrap().to_string(), "1.2.0-rc.1+x");
    }
}
