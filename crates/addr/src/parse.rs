//! Parsing of addresses as people type them and states hold them.

use crate::{InstanceAddr, InstanceKey, ModuleInstance, ModuleStep, ResourceAddr, Str, Target};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a valid address: {}", self.text, self.reason)
    }
}

impl std::error::Error for ParseError {}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { text: self.text.to_owned(), reason: reason.into() })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn name(&mut self) -> Result<&'a str, ParseError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return self.fail(format!("a name is expected at character {}", self.at + 1));
        }
        self.at += end;
        Ok(name)
    }

    fn key(&mut self) -> Result<InstanceKey, ParseError> {
        if !self.eat("[") {
            return Ok(InstanceKey::None);
        }
        let key = if self.eat("\"") {
            InstanceKey::Str(self.quoted()?)
        } else {
            let rest = self.rest();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let digits = &rest[..end];
            self.at += end;
            match digits.parse() {
                Ok(i) => InstanceKey::Int(i),
                Err(_) => return self.fail("an index is a whole number, or a key in double quotes"),
            }
        };
        if self.eat("]") { Ok(key) } else { self.fail("the index has no closing bracket") }
    }

    fn quoted(&mut self) -> Result<Str, ParseError> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Ok(out.replace("$${", "${").replace("%%{", "%{").into());
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, 'r')) => out.push('\r'),
                    Some((_, 't')) => out.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => out.push(c),
                    Some((_, u @ ('u' | 'U'))) => {
                        let digits: String =
                            chars.by_ref().take(if u == 'u' { 4 } else { 8 }).map(|(_, c)| c).collect();
                        match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                            Some(c) => out.push(c),
                            None => return self.fail(format!("\\{u}{digits} is not a character")),
                        }
                    }
                    _ => return self.fail("the key has an unknown escape"),
                },
                c => out.push(c),
            }
        }
        self.fail("the key has no closing quote")
    }
}

fn parse_target(text: &str) -> Result<Target, ParseError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut steps = Vec::new();
    while cursor.eat("module.") {
        let name = cursor.name()?.into();
        let key = cursor.key()?;
        steps.push(ModuleStep { name, key });
        if cursor.rest().is_empty() {
            return Ok(Target::Module(ModuleInstance::new(steps)));
        }
        if !cursor.eat(".") {
            return cursor.fail("a dot is expected after the module");
        }
    }
    let module = ModuleInstance::new(steps);
    let data = cursor.eat("data.");
    let type_name = cursor.name()?;
    if !cursor.eat(".") {
        return cursor.fail("a resource is written TYPE.NAME");
    }
    let name = cursor.name()?;
    let resource = if data {
        ResourceAddr::data(module, type_name, name)
    } else {
        ResourceAddr::managed(module, type_name, name)
    };
    if cursor.rest().is_empty() {
        return Ok(Target::Resource(resource));
    }
    let key = cursor.key()?;
    if key == InstanceKey::None || !cursor.rest().is_empty() {
        return cursor.fail(format!("\"{}\" after it is unexpected", cursor.rest()));
    }
    Ok(Target::Instance(resource.instance(key)))
}

impl FromStr for Target {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_target(text)
    }
}

impl FromStr for InstanceAddr {
    type Err = ParseError;

    /// A resource without an index is its instance without a key.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match parse_target(text)? {
            Target::Instance(i) => Ok(i),
            Target::Resource(r) => Ok(r.instance(InstanceKey::None)),
            Target::Module(_) => {
                Err(ParseError { text: text.into(), reason: "it names a module, not a resource".into() })
            }
        }
    }
}

impl FromStr for ResourceAddr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match parse_target(text)? {
            Target::Resource(r) => Ok(r),
            _ => Err(ParseError { text: text.into(), reason: "it does not name a whole resource".into() }),
        }
    }
}

impl FromStr for ModuleInstance {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Ok(ModuleInstance::ROOT);
        }
        match parse_target(text)? {
            Target::Module(m) => Ok(m),
            _ => Err(ParseError { text: text.into(), reason: "it does not name a module".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for text in [
            "aws_instance.web",
            "aws_instance.web[3]",
            "data.aws_ami.ubuntu",
            "module.a[\"x.y\"].module.b[0].aws_instance.web[\"a\\\"b\"]",
            "module.a[\"$${x}\"]",
            "module.a",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_addresses_say_why() {
        for (text, reason) in [
            ("", "a name is expected at character 1"),
            ("aws_instance", "a resource is written TYPE.NAME"),
            ("a.b[", "an index is a whole number, or a key in double quotes"),
            ("a.b[\"x]", "the key has no closing quote"),
            ("a.b[1]x", "\"x\" after it is unexpected"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err().reason, reason, "{text}");
        }
    }

    #[test]
    fn module_targets_cover_what_is_below() {
        let target: Target = "module.a".parse().unwrap();
        assert!(target.contains(&"module.a[1].module.b.x.y".parse().unwrap()));
        assert!(!target.contains(&"module.b.x.y".parse().unwrap()));
        let exact: Target = "module.a[0].x.y".parse().unwrap();
        assert!(!exact.contains(&"module.a[1].x.y".parse().unwrap()));
    }
}
