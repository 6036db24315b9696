//! YAML to values. Plain scalars are resolved as Terraform's YAML 1.1 library does: `yes`, `on` and `y` are true.

mod mend;
mod openings;

use super::super::encoding::decode_base64;
use super::BYTE_ORDER_MARK;
use formwork_value::{Kind, Map, Number, NumberError, Type, Value, convert};
use openings::Openings;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Collections nest no deeper: each level takes stack.
const MAX_DEPTH: usize = 500;
/// Aliases may not blow a document up beyond so many values.
const MAX_NODES: usize = 1_000_000;

/// Tabs behind colons, comments right behind something else, and quoted texts whose lines are not indented, are put up with
/// in so many places.
const MAX_MENDED: usize = 100;

/// What the parser says of quoted texts with lines that are not indented.
const UNINDENTED: [&str; 2] = ["invalid indentation in quoted scalar", "tab cannot be used as indentation"];

/// The value of a text with one document; problems as a clause that tells the line.
pub(super) fn document(text: &str) -> Result<Value, String> {
    if begins_with_end(text) {
        return Err("it begins with the end of a document".into());
    }
    let (text, stand_in) = mend::marks(text);
    leniently(&text, |reader| {
        reader.stand_in = stand_in;
        reader.asks = true;
        if reader.document_start()?.is_none() {
            return Err("it has no document, only comments or white space".into());
        }
        let value = reader.node(0)?;
        match reader.document_start()? {
            Some(line) => Err(format!("it has a second document on line {line}; only one is read")),
            None => Ok(value),
        }
    })
}

/// Whether `...` is the first thing in it.
fn begins_with_end(text: &str) -> bool {
    let blank = |line: &&str| matches!(line.trim_start().chars().next(), None | Some('#'));
    let first = text.lines().find(|line| !blank(line)).and_then(|line| line.strip_prefix("..."));
    first.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The values of all documents.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, String> {
    leniently(text, |reader| {
        let mut values = Vec::new();
        while reader.document_start()?.is_some() {
            values.push(reader.node(0)?);
            reader.anchors.clear();
        }
        Ok(values)
    })
}

/// The parser insists on a space behind the colon of a key and before a comment, and that lines inside brackets and quotes
/// be indented; Terraform's does not. So a text that cannot be read is tried again with what it insists on.
fn leniently<T>(text: &str, read: impl Fn(&mut Reader<'_>) -> Result<T, String>) -> Result<T, String> {
    let mut text = lines(text)?;
    let indentation = mend::indentation(&text);
    // Where the lines of a quoted text were indented last: once is enough.
    let mut quote = None;
    // What the parser said before lines in brackets were indented.
    let mut unbracketed = None;
    for _ in 0..MAX_MENDED {
        let mut reader = Reader::new(&text);
        let problem = match read(&mut reader) {
            Ok(found) => return Ok(found),
            Err(problem) => problem,
        };
        let mended = match (reader.asked, reader.unindented, reader.unspaced) {
            (Some(at), _, _) => mend::asked(&text, at),
            (None, Some(at), _) if quote != Some(at) => {
                quote = Some(at);
                mend::quoted(&text, at, &indentation)
            }
            (None, None, Some(at)) => mend::spaced(&text, at),
            _ => None,
        };
        text = match mended {
            Some(mended) => Cow::Owned(mended),
            None => match (unbracketed.take(), mend::bracketed(&text, &indentation)) {
                (None, Some(indented)) => {
                    unbracketed = Some(problem);
                    Cow::Owned(indented)
                }
                (problem_before, _) => return Err(problem_before.unwrap_or(problem)),
            },
        };
    }
    read(&mut Reader::new(&text))
}

/// The text with line feeds where YAML 1.1 has line breaks and the parser, which reads 1.2, does not: U+0085, and at the
/// start U+2028 and U+2029. Control characters are refused.
fn lines(text: &str) -> Result<Cow<'_, str>, String> {
    let printable = |c: char| {
        let allowed = matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..);
        allowed && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if let Some(c) = text.chars().find(|c| !printable(*c)) {
        let code = c as u32;
        return Err(format!(
            "it has the control character U+{code:04X}, which can only be written as an escape"
        ));
    }
    let rest = text.trim_start_matches([' ', '\n', '\r', '\u{2028}', '\u{2029}', '\u{85}']);
    let start = &text[..text.len() - rest.len()];
    if !text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return Ok(Cow::Borrowed(text));
    }
    let start = start.replace(['\u{2028}', '\u{2029}'], "\n");
    Ok(Cow::Owned((start + rest).replace('\u{85}', "\n")))
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// Anchored values; `None` while the value is still being read.
    anchors: HashMap<usize, Option<Value>>,
    nodes: usize,
    /// Length of a text whose last line has no line break.
    unfinished: Option<usize>,
    /// The character before which the parser wants a space.
    unspaced: Option<usize>,
    /// The quoted text whose lines the parser wants to be indented, or the tab that it does not take for that.
    unindented: Option<usize>,
    /// What stands for byte order marks inside of the text.
    stand_in: Option<char>,
    /// Whether a question mark in brackets begins a key even where nothing separates it from others, and a colon in front of
    /// a text a value, as in Terraform's function.
    asks: bool,
    /// The plain text in brackets that has such a mark.
    asked: Option<usize>,
    /// Tells collections in brackets from others.
    openings: Openings<'a>,
    /// Whether what is read is inside of brackets.
    in_brackets: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let unfinished = (!text.ends_with(['\n', '\r'])).then(|| text.chars().count());
        Reader {
            parser: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
            unfinished,
            unspaced: None,
            unindented: None,
            stand_in: None,
            asks: false,
            asked: None,
            openings: Openings::new(text),
            in_brackets: false,
        }
    }

    /// Goes to the next document; gives its line, or `None` at the end.
    fn document_start(&mut self) -> Result<Option<usize>, String> {
        loop {
            match self.next()? {
                Some((Event::DocumentStart(_), span)) => return Ok(Some(span.start.line())),
                Some((Event::StreamEnd, _)) | None => return Ok(None),
                Some(_) => {}
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, String> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(e)) => {
                let place = e.marker();
                self.unspaced = Some(place.index());
                self.unindented = UNINDENTED.contains(&e.info()).then(|| place.index());
                Err(format!(
                    "it is not valid YAML on line {}, column {}: {}",
                    place.line(),
                    place.col() + 1,
                    e.info()
                ))
            }
        }
    }

    fn node(&mut self, depth: usize) -> Result<Value, String> {
        let (event, span) = self.next()?.ok_or("it ends too early")?;
        self.value(event, span, depth)
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value, String> {
        let line = span.start.line();
        if depth > MAX_DEPTH {
            return Err(format!("line {line} is nested more than {MAX_DEPTH} levels deep"));
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("it has more than {MAX_NODES} values"));
        }
        match event {
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(Some(value)) => {
                    let value = value.clone();
                    self.nodes += count(&value);
                    Ok(value)
                }
                Some(None) => Err(format!("line {line} refers to an anchor from inside its own value")),
                None => Err(format!("line {line} refers to an anchor that is not defined")),
            },
            Event::Scalar(mut text, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if block && self.unfinished.is_some_and(|end| span.end.index() >= end) && text.ends_with('\n')
                {
                    // The parser puts a line break where the text just ends.
                    text.to_mut().pop();
                }
                if self.in_brackets
                    && style == ScalarStyle::Plain
                    && let Some(mark) = bracket_mark(&text)
                {
                    self.asked = Some(span.start.index());
                    return Err(format!(
                        "line {line} has {mark} inside of brackets, where it means something; put the text into quotes"
                    ));
                }
                if let Some(stand_in) = self.stand_in.filter(|stand_in| text.contains(*stand_in)) {
                    text = text.replace(stand_in, BYTE_ORDER_MARK.encode_utf8(&mut [0; 4])).into();
                }
                let value = scalar(&text, style, tag.as_deref()).map_err(|m| format!("line {line}: {m}"))?;
                self.keep(anchor, &value);
                Ok(value)
            }
            Event::SequenceStart(anchor, tag) => {
                plain_tag(tag.as_deref(), "seq").map_err(|m| format!("line {line}: {m}"))?;
                self.begin(anchor);
                let around = self.enter(span);
                let mut items = Vec::new();
                loop {
                    match self.next()?.ok_or("it ends too early")? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.value(event, span, depth + 1)?),
                    }
                }
                self.in_brackets = around;
                let value = Value::tuple(items);
                self.keep(anchor, &value);
                Ok(value)
            }
            Event::MappingStart(anchor, tag) => {
                plain_tag(tag.as_deref(), "map").map_err(|m| format!("line {line}: {m}"))?;
                self.begin(anchor);
                let around = self.enter(span);
                let value = self.mapping(depth)?;
                self.in_brackets = around;
                self.keep(anchor, &value);
                Ok(value)
            }
            _ => Err(format!("line {line} cannot be read as a value")),
        }
    }

    /// Goes into a collection; gives whether what is around it is inside of brackets.
    fn enter(&mut self, span: Span) -> bool {
        let around = self.in_brackets;
        self.in_brackets = around || self.asks && self.openings.is_bracket(span.start.index());
        around
    }

    fn begin(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn keep(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 {
            self.anchors.insert(anchor, Some(value.clone()));
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut entries = Map::new();
        loop {
            let (event, span) = self.next()?.ok_or("it ends too early")?;
            let line = span.start.line();
            let merge = match &event {
                Event::MappingEnd => break,
                // Quoted or not.
                Event::Scalar(text, _, _, None) => text == "<<",
                _ => false,
            };
            let key = if merge { Value::NULL } else { self.value(event, span, depth + 1)? };
            let value = self.node(depth + 1)?;
            if merge {
                merge_into(&mut entries, &value).map_err(|m| format!("line {line}: {m}"))?;
                continue;
            }
            if key.is_null() {
                return Err(format!("line {line}: a key must not be null"));
            }
            match convert(&key, &Type::String).map(Value::into_kind) {
                Ok((Kind::String(key), _)) => entries.insert(key, value),
                _ => return Err(format!("line {line}: a key must be a string")),
            };
        }
        Ok(entries.into())
    }
}

/// `<<: {…}` or `<<: [{…}, {…}]`: the first of several has precedence. Of entries before and after it, the last one counts, as
/// in Terraform.
fn merge_into(entries: &mut Map, value: &Value) -> Result<(), String> {
    let all: Vec<&Value> = match value.as_slice() {
        Some(items) => items.iter().rev().collect(),
        None => vec![value],
    };
    for value in all {
        let attrs = value.as_map().ok_or("only mappings can be merged with <<")?;
        entries.extend(attrs.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    Ok(())
}

/// What in a plain text means something to Terraform's function when it stands in brackets.
fn bracket_mark(text: &str) -> Option<&'static str> {
    if text.contains('?') {
        return Some("a question mark");
    }
    text.starts_with(':').then_some("a colon in front of text")
}

fn count(value: &Value) -> usize {
    1 + value.children().map(count).sum::<usize>()
}

/// The name of a tag that YAML itself has: `str` of `!!str`, and of `!<tag:yaml.org,2002:str>`.
fn core(tag: &Tag) -> Option<&str> {
    match &*tag.handle {
        "tag:yaml.org,2002:" => Some(&tag.suffix),
        "" => tag.suffix.strip_prefix("tag:yaml.org,2002:"),
        _ => None,
    }
}

fn plain_tag(tag: Option<&Tag>, expected: &str) -> Result<(), String> {
    match tag {
        None => Ok(()),
        Some(t) if core(t) == Some(expected) => Ok(()),
        Some(t) if t.handle.is_empty() && t.suffix == "!" => Ok(()),
        Some(t) => Err(format!("the tag {t} is not supported here")),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => resolve(text),
            // An empty block is no value at all.
            ScalarStyle::Literal | ScalarStyle::Folded if text.is_empty() => Ok(Value::null(Type::String)),
            _ => Ok(Value::string(text)),
        };
    };
    let Some(kind) = core(tag) else {
        return if tag.suffix == "!" || (tag.handle == "!" && tag.suffix.is_empty()) {
            Ok(Value::string(text))
        } else {
            Err(format!("the tag {tag} is not supported"))
        };
    };
    match kind {
        "str" => Ok(Value::string(text)),
        "binary" => match decode_base64(text) {
            Ok(_) => Ok(Value::string(text)),
            Err(_) => Err(format!("{text:?} is not valid Base64")),
        },
        "int" | "float" | "bool" | "null" | "timestamp" => {
            let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
            tagged(text, quoted, kind).ok_or_else(|| format!("{text:?} is no {kind}"))
        }
        _ => Err(format!("the tag {tag} is not supported")),
    }
}

/// What a text with the tag of a plain value means: as in Terraform anything that it would be without one, and only if that is
/// text does the tag count. Quoted text that begins as such a value might is left alone whatever its tag says.
fn tagged(text: &str, quoted: bool, kind: &str) -> Option<Value> {
    let begins = |c: char| c.is_ascii_digit() || "+-.~yYnNtTfFoO".contains(c);
    if quoted && text.chars().next().is_none_or(begins) {
        return Some(Value::string(text));
    }
    match (resolve(text), kind) {
        (Ok(value), _) if value.as_str().is_none() => Some(value),
        (Ok(_), "null") => Some(Value::NULL),
        // Infinity would be a number in Terraform.
        (Err(_), "null") if text.eq_ignore_ascii_case(".nan") => Some(Value::NULL),
        (Ok(_), "int" | "float") => tagged_number(text),
        (Ok(value), "timestamp") if !quoted && timestamp(text).is_some() => Some(value),
        _ => None,
    }
}

/// The number that a text with the tag of one is: there may be underscores in it, and it may be binary.
fn tagged_number(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let (sign, rest) = plain.split_at(usize::from(plain.starts_with(['-', '+'])));
    let base = match rest.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => return number(&plain)?.ok().map(Value::from),
    };
    let digits = &rest[2..];
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let number = match sign {
        "" => Number::from(u64::from_str_radix(digits, base).ok()?),
        _ => Number::from(i64::from_str_radix(&format!("{sign}{digits}"), base).ok()?),
    };
    Some(number.into())
}

/// What a plain scalar means.
fn resolve(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::NULL),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(true.into());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(false.into());
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            let infinity = if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
            return Ok(Number::from_f64(infinity).map_or(Value::NULL, Value::from));
        }
        ".nan" | ".NaN" | ".NAN" => return Err("NaN is not supported as a number".into()),
        _ => {}
    }
    if let Some(number) = with_base(text) {
        return number.map(Value::from);
    }
    if let Some(number) = number(text) {
        return number.map(Value::from).map_err(|error| format!("{text:?} is {error}"));
    }
    Ok(Value::string(timestamp(text).unwrap_or_else(|| text.to_string())))
}

/// The number that a text is in hexadecimal or octal notation, which goes up to 64 bits without a sign.
fn with_base(text: &str) -> Option<Result<Number, String>> {
    let (digits, base) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text.strip_prefix("0o")?, 8),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let number = u64::from_str_radix(digits, base).map(Number::from);
    Some(number.map_err(|_| {
        format!("{text:?} is a number of more than 64 bits; to mean the text, put it into quotes")
    }))
}

/// The number that a text looks like; an error if it is one that nobody works with.
fn number(text: &str) -> Option<Result<Number, NumberError>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        b'0'..=b'9' | b'.' => (false, text),
        _ => return None,
    };
    let sign = |n: Number| if negative { n.neg() } else { n };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((m, e)) => (m, Some(e)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let exponent = match exponent {
        None => String::new(),
        Some(e) => {
            let plain = e.strip_prefix(['+', '-']).unwrap_or(e);
            if plain.is_empty() || !all_digits(plain) {
                return None;
            }
            format!("e{e}")
        }
    };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    Some(Number::parse(&format!("0{whole}.{fraction}{exponent}")).map(sign))
}

/// A date, or a date and time, in the form that Terraform gives it: RFC 3339 without fractions of a second.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let date_end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let mut date = text[..date_end].split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    if date.next().is_some() {
        return None;
    }
    let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if date_end == text.len() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let rest = &text[date_end + 1..];
    let clock_end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut clock = clock.split(':').map(|part| part.parse::<i8>().ok());
    let time = jiff::civil::Time::new(clock.next()??, clock.next()??, clock.next()??, 0).ok()?;
    // After a T there must be a zone, after a space there must be none.
    let zone = match (text.as_bytes()[date_end], zone) {
        (b' ', "") | (b'T' | b't', "Z") => "Z",
        (b'T' | b't', zone) if zone.len() == 6 && zone.as_bytes()[3] == b':' => zone,
        _ => return None,
    };
    Some(format!("{date}T{:02}:{:02}:{:02}{zone}", time.hour(), time.minute(), time.second()))
}
