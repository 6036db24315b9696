//! Reading.

use super::types::type_from_value;
use crate::value::normal;
use crate::{Map, Number, Str, Type, Value};

/// Arrays and objects may not be nested deeper: each level takes some of the stack.
const MAX_DEPTH: usize = 1000;

/// Reads one value after the other from JSON text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Self {
        Reader { text, at: 0, depth: 0 }
    }

    fn fail<T>(&self, problem: impl std::fmt::Display) -> Result<T, String> {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
        Err(format!("{problem} (line {line}, column {column})"))
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, String> {
        match self.text[self.at..].chars().next() {
            Some(c) => self.fail(format!("the JSON text has {c:?} where {wanted} should be")),
            None => self.fail(format!("the JSON text ends where {wanted} should be")),
        }
    }

    /// The next byte that is no white space, without taking it; 0 at the end.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space may be left.
    pub fn end(&mut self) -> Result<(), String> {
        if self.peek() == 0 && self.at == self.text.len() {
            return Ok(());
        }
        self.unexpected("its end")
    }

    /// Whether a closing bracket or brace comes next.
    pub fn closes(&mut self) -> bool {
        matches!(self.peek(), b']' | b'}')
    }

    /// A value with the type that the text shows.
    pub fn implied(&mut self) -> Result<Value, String> {
        match self.peek() {
            b'{' => {
                let mut attrs = Map::new();
                self.entries(|reader, name| {
                    let value = reader.implied()?;
                    attrs.insert(name, value);
                    Ok(())
                })?;
                Ok(Value::from(attrs))
            }
            b'[' => {
                let mut items = Vec::new();
                self.array(|reader| {
                    items.push(reader.implied()?);
                    Ok(())
                })?;
                Ok(Value::tuple(items))
            }
            b'n' => self.word("null", Value::NULL),
            _ => self.primitive(),
        }
    }

    /// A value of this type.
    pub fn typed(&mut self, ty: &Type) -> Result<Value, String> {
        let start = self.at;
        match (ty, self.peek()) {
            (_, b'n') => self.word("null", Value::null(ty.without_optional())),
            (Type::Dynamic, b'{') => self.dynamic(),
            (Type::Bool | Type::Number | Type::String, b'"' | b't' | b'f' | b'-' | b'0'..=b'9') => {
                let value = self.primitive()?;
                crate::convert(&value, ty).or_else(|error| {
                    self.at = start;
                    self.fail(error.message)
                })
            }
            (Type::List(element) | Type::Set(element), b'[') => {
                let mut items = Vec::new();
                self.array(|reader| {
                    items.push(reader.typed(element)?);
                    Ok(())
                })?;
                let element = known_element(element, items.iter());
                Ok(if matches!(ty, Type::Set(_)) {
                    Value::set(element, items)
                } else {
                    Value::list(element, items)
                })
            }
            (Type::Map(element), b'{') => {
                let mut items = Map::new();
                self.entries(|reader, name| {
                    let value = reader.typed(element)?;
                    items.insert(name, value);
                    Ok(())
                })?;
                Ok(Value::map(known_element(element, items.values()), items))
            }
            (Type::Tuple(types), b'[') => {
                let mut items = Vec::with_capacity(types.len());
                self.array(|reader| match types.get(items.len()) {
                    Some(ty) => {
                        items.push(reader.typed(ty)?);
                        Ok(())
                    }
                    None => reader.fail(format!("more than the {} elements of the tuple", types.len())),
                })?;
                if items.len() < types.len() {
                    return self.fail(format!(
                        "only {} of the {} elements of the tuple",
                        items.len(),
                        types.len()
                    ));
                }
                Ok(Value::tuple(items))
            }
            (Type::Object(object), b'{') => {
                let mut attrs = Map::new();
                self.entries(|reader, name| match object.attrs.get_key_value(&*name) {
                    Some((name, ty)) => {
                        let value = reader.typed(ty)?;
                        attrs.insert(name.clone(), value);
                        Ok(())
                    }
                    None => reader.fail(format!("unsupported attribute {name:?}")),
                })?;
                for (name, ty) in &object.attrs {
                    if !attrs.contains_key(name) {
                        attrs.insert(name.clone(), Value::null(ty.without_optional()));
                    }
                }
                Ok(Value::from(attrs))
            }
            _ => self.unexpected(match ty {
                Type::Dynamic => "an object with \"value\" and \"type\"",
                Type::Bool => "a bool",
                Type::Number => "a number",
                Type::String => "a string",
                Type::List(_) | Type::Set(_) | Type::Tuple(_) => "an array",
                Type::Map(_) | Type::Object(_) => "an object",
            }),
        }
    }

    /// `{"value": …, "type": …}`, in either order.
    fn dynamic(&mut self) -> Result<Value, String> {
        let (mut ty, mut value, mut value_at) = (None, None, None);
        self.entries(|reader, name| {
            reader.peek();
            let start = reader.at;
            match (&*name, &ty) {
                ("type", _) => {
                    let written = reader.implied()?;
                    ty = Some(type_from_value(&written).or_else(|problem| reader.fail(problem))?);
                }
                ("value", Some(ty)) => value = Some(reader.typed(ty)?),
                ("value", None) => {
                    reader.implied()?;
                    value_at = Some(start);
                }
                _ => return reader.fail(format!("unsupported attribute {name:?}")),
            }
            Ok(())
        })?;
        match (ty, value, value_at) {
            (Some(_), Some(value), _) => Ok(value),
            (Some(ty), None, Some(start)) => {
                let end = std::mem::replace(&mut self.at, start);
                let value = self.typed(&ty)?;
                self.at = end;
                Ok(value)
            }
            (None, ..) => {
                self.fail("an object with \"value\" and \"type\" is required, but \"type\" is missing")
            }
            _ => self.fail("an object with \"value\" and \"type\" is required, but \"value\" is missing"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        self.unexpected("a value")
    }

    fn primitive(&mut self) -> Result<Value, String> {
        match self.peek() {
            b'"' => Ok(Value::from(self.string()?)),
            b't' => self.word("true", Value::from(true)),
            b'f' => self.word("false", Value::from(false)),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.unexpected("a value"),
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |at: &mut usize| {
            let first = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - first
        };
        let mut at = start + usize::from(bytes[start] == b'-');
        let leading_zero = bytes.get(at) == Some(&b'0');
        let whole = digits(&mut at);
        let mut valid = whole == 1 || whole > 1 && !leading_zero;
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            valid &= digits(&mut at) > 0;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            valid &= digits(&mut at) > 0;
        }
        if !valid {
            return self.fail("the JSON text has a number that is not written as JSON wants it");
        }
        match Number::parse(&self.text[start..at]) {
            Ok(number) => {
                self.at = at;
                Ok(Value::from(number))
            }
            Err(error) => self.fail(error),
        }
    }

    fn string(&mut self) -> Result<Str, String> {
        self.at += 1;
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut unescaped = String::new();
        let mut plain = start;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    unescaped.push_str(&self.text[plain..self.at]);
                    unescaped.push(self.escape()?);
                    plain = self.at;
                }
                Some(0..=0x1f) => {
                    return self
                        .fail("the JSON text has a control character in a string, where \\n or \\u belongs");
                }
                Some(_) => self.at += 1,
                None => return self.unexpected("the end of a string"),
            }
        }
        let rest = &self.text[plain..self.at];
        self.at += 1;
        if plain == start {
            return Ok(normal(rest));
        }
        unescaped.push_str(rest);
        Ok(normal(&unescaped))
    }

    fn escape(&mut self) -> Result<char, String> {
        let byte = self.text.as_bytes().get(self.at + 1).copied().unwrap_or(0);
        let c = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode(),
            _ => return self.fail("the JSON text has an escape that JSON does not know"),
        };
        self.at += 2;
        Ok(c)
    }

    /// `\uXXXX`, or two of them for a character beyond the first 65,536; a lone half becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, String> {
        let hex = |at: usize| {
            let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
            let valid = digits.bytes().all(|b| b.is_ascii_hexdigit());
            u32::from_str_radix(digits, 16).ok().filter(|_| valid)
        };
        let Some(first) = hex(self.at) else {
            return self.fail("the JSON text has \\u without four hexadecimal digits");
        };
        let second = if (0xd800..0xdc00).contains(&first) { hex(self.at + 6) } else { None };
        if let Some(second) = second.filter(|second| (0xdc00..0xe000).contains(second)) {
            self.at += 12;
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at += 6;
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn nest(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self
                .fail(format!("the JSON text nests arrays and objects deeper than {MAX_DEPTH} levels"));
        }
        self.at += 1;
        Ok(())
    }

    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.nest()?;
        if !self.take(b']') {
            loop {
                item(self)?;
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return self.unexpected("a comma or the end of the array");
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn entries(&mut self, mut entry: impl FnMut(&mut Self, Str) -> Result<(), String>) -> Result<(), String> {
        self.nest()?;
        if !self.take(b'}') {
            loop {
                if self.peek() != b'"' {
                    return self.unexpected("the name of a property");
                }
                let name = self.string()?;
                if !self.take(b':') {
                    return self.unexpected("a colon");
                }
                entry(self, name)?;
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return self.unexpected("a comma or the end of the object");
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// The element type of a collection that was read: where the declared one is open, its elements tell.
fn known_element<'v>(declared: &Type, items: impl Iterator<Item = &'v Value>) -> Type {
    if !declared.has_dynamic() {
        return declared.without_optional();
    }
    let mut types = items.map(Value::ty);
    match types.next() {
        Some(first) if types.all(|ty| ty == first) => first,
        _ => declared.without_optional(),
    }
}
