//! JSON syntax: `.tf.json` files, as expressions with spans.
//!
//! What is an attribute and what a block, only a schema can say. So the reader gives one object expression, and
//! whoever knows the schema asks for [`json_body`] or [`json_blocks`].

use crate::parse::template_in;
use crate::parser::normalised;
use crate::report::{Place, Problem, short};
use crate::work::Work;
use crate::{Attribute, Block, Body, Expr, ExprKind, Ident, ObjectItem, Str, UnaryOp};
use formwork_diag::{Diagnostic, FileId, Span, suggestion};
use std::ops::Range;

/// As deep as arrays and objects may nest.
const MAX_DEPTH: usize = 128;

/// Reads a JSON text. Strings, keys included, are templates, as they are in Terraform's JSON syntax; whoever
/// wants a string for something else parses its content.
pub fn json_value(file: FileId, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    read(file, text, true, &|_| false)
}

/// As [`json_value`], but the values whose keys, from the outermost on, `literal` says yes to are nothing but themselves, and
/// so is all that is in them.
pub fn json_value_with(
    file: FileId,
    text: &str,
    literal: &dyn Fn(&[Str]) -> bool,
) -> (Option<Expr>, Vec<Diagnostic>) {
    read(file, text, true, literal)
}

/// Reads a JSON text in which strings are nothing but themselves, as in variable files.
pub fn json_data(file: FileId, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    read(file, text, false, &|_| true)
}

fn read(
    file: FileId,
    text: &str,
    templates: bool,
    literal: &dyn Fn(&[Str]) -> bool,
) -> (Option<Expr>, Vec<Diagnostic>) {
    let keys = Vec::new();
    let work = Work::new();
    let mut reader = Reader { text, at: 0, file, depth: 0, templates, literal, keys, work, broken: false };
    if text.starts_with('\u{feff}') {
        reader.at = 3;
    }
    let value = reader.value().and_then(|value| {
        reader.space();
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader
                .unexpected("the end of the file", "A JSON file holds one value; remove what follows it.")),
        }
    });
    match value {
        Ok(value) => (Some(value).filter(|_| !reader.broken), reader.work.finish()),
        Err(problem) => {
            reader.report(problem);
            (None, reader.work.finish())
        }
    }
}

/// An object as a body of attributes only; an array of objects as all of them together. Keys named `//` are
/// comments. Anything else is an empty body: see [`json_blocks`] for a check.
pub fn json_body(expr: &Expr) -> Body {
    let close = Span { start: expr.span.end.saturating_sub(1).max(expr.span.start), ..expr.span };
    let mut body = Body { missing: close, ..Body::empty(expr.span) };
    add_attributes(expr, &mut body);
    body
}

fn add_attributes(expr: &Expr, body: &mut Body) {
    match &expr.kind {
        ExprKind::Object(items) => {
            for ObjectItem { key, value } in items {
                if let Some(name) = json_name(key).filter(|name| &*name.name != "//") {
                    let span = key.span.to(value.span);
                    body.attributes.push(Attribute { name, expr: value.clone(), span, json: true, over: 0 });
                }
            }
        }
        ExprKind::Tuple(items) => items.iter().for_each(|item| add_attributes(item, body)),
        _ => {}
    }
}

fn json_name(key: &Expr) -> Option<Ident> {
    match &key.kind {
        ExprKind::String(name) => Some(Ident { name: name.clone(), span: key.span }),
        _ => None,
    }
}

/// The blocks of type `kind` that an expression stands for: `labels` levels of objects give the labels, arrays
/// give several blocks, `null` gives none. Values of another shape give none: [`json_block_problems`] names them.
pub fn json_blocks(expr: &Expr, kind: &str, labels: usize) -> Vec<Block> {
    read_blocks(expr, kind, labels).0
}

/// What keeps an expression from being read as blocks with so many labels.
pub fn json_block_problems(expr: &Expr, kind: &str, labels: usize) -> Vec<Diagnostic> {
    read_blocks(expr, kind, labels).1
}

fn read_blocks(expr: &Expr, kind: &str, labels: usize) -> (Vec<Block>, Vec<Diagnostic>) {
    let mut blocks = Vec::new();
    let mut diagnostics = Vec::new();
    let kind = Ident { name: kind.into(), span: expr.span };
    add_blocks(expr, &kind, labels, &mut Vec::new(), &mut blocks, &mut diagnostics);
    if labels > 0 {
        unlabelled(expr, &kind.name, labels, &mut diagnostics);
    }
    (blocks, diagnostics)
}

/// Where labels should be, and there are no keys at all. `missing` counts them.
fn unlabelled(expr: &Expr, kind: &str, missing: usize, diagnostics: &mut Vec<Diagnostic>) {
    let mut objects = Vec::new();
    let fine = labelled(expr, &mut objects);
    let mut values = objects.iter().flat_map(|items| items.iter()).map(|item| &item.value).peekable();
    if values.peek().is_none() && fine {
        diagnostics.push(
            Diagnostic::error(
                "Missing block label",
                format!("\"{kind}\" is a block with labels, and here is none."),
            )
            .at(expr.span)
            .help(format!(
                "The keys of an object are the labels; without any such block, remove \"{kind}\"."
            )),
        );
    }
    if missing > 1 {
        values.for_each(|value| unlabelled(value, kind, missing - 1, diagnostics));
    }
}

/// The objects in arrays, however deep, or the object itself; false if anything is no object, which is said elsewhere.
fn labelled<'a>(expr: &'a Expr, objects: &mut Vec<&'a [ObjectItem]>) -> bool {
    match &expr.kind {
        ExprKind::Object(items) => objects.push(items),
        ExprKind::Tuple(items) => return items.iter().all(|item| labelled(item, objects)),
        ExprKind::Null => {}
        _ => return false,
    }
    true
}

fn add_blocks(
    expr: &Expr,
    kind: &Ident,
    missing: usize,
    labels: &mut Vec<Ident>,
    blocks: &mut Vec<Block>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match &expr.kind {
        ExprKind::Tuple(items) => {
            items.iter().for_each(|item| add_blocks(item, kind, missing, labels, blocks, diagnostics));
        }
        ExprKind::Null => {}
        ExprKind::Object(_) if missing == 0 => {
            let header = labels.iter().fold(None, |all: Option<Span>, label| {
                Some(all.map_or(label.span, |span| span.to(label.span)))
            });
            blocks.push(Block {
                kind: Ident { span: header.unwrap_or(kind.span), ..kind.clone() },
                labels: labels.clone(),
                body: json_body(expr),
                header: header.unwrap_or(kind.span),
            });
        }
        ExprKind::Object(items) => {
            for ObjectItem { key, value } in items {
                match json_name(key) {
                    Some(name) => {
                        labels.push(name);
                        add_blocks(value, kind, missing - 1, labels, blocks, diagnostics);
                        labels.pop();
                    }
                    None => diagnostics.push(
                        Diagnostic::error(
                            "Invalid block label",
                            format!("The label of a \"{}\" block cannot be computed; this one has a template in it.", kind.name),
                        )
                        .at(key.span)
                        .help("Write the name itself."),
                    ),
                }
            }
        }
        other => {
            let found = match other {
                ExprKind::Bool(_) => "a boolean",
                ExprKind::Number(_) | ExprKind::Unary(..) => "a number",
                _ => "a string",
            };
            let wanted = match missing {
                0 => "Its content is a JSON object, or an array of objects".to_owned(),
                n => format!("Here should be an object whose keys are labels ({n} more to come)"),
            };
            diagnostics.push(
                Diagnostic::error(
                    "Invalid JSON for a block",
                    format!("\"{}\" is a block. {wanted}, but this is {found}.", kind.name),
                )
                .at(expr.span)
                .help("Write { … } here."),
            );
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    file: FileId,
    depth: usize,
    /// Whether strings are templates here.
    templates: bool,
    /// Below which keys they are not.
    literal: &'a dyn Fn(&[Str]) -> bool,
    /// The keys that lead here.
    keys: Vec<Str>,
    work: Work,
    /// Something was reported and read over.
    broken: bool,
}

type Read<T> = Result<T, Problem>;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    /// Takes in a problem that does not keep what follows from being read.
    fn report(&mut self, problem: Problem) {
        self.broken = true;
        let problem = problem.at(Place::At(self.file, 0));
        let span = problem.span.unwrap_or(self.span(0..0));
        self.work.add(span, || problem);
    }

    fn unexpected(&self, wanted: &str, help: &str) -> Problem {
        let rest = &self.text[self.at..];
        let length = rest.chars().next().map_or(0, char::len_utf8);
        let found = match &rest[..length] {
            "" => "the file ends".to_owned(),
            c => format!("there is \"{c}\""),
        };
        let help = match rest.as_bytes().first() {
            Some(b'\'') => "JSON strings are in double quotes.",
            Some(b'#' | b'/') => "JSON has no comments; an object may have a key \"//\" for them.",
            _ => help,
        };
        Problem::new(
            self.at..self.at + length,
            "Invalid JSON",
            format!("Here should be {wanted}, but {found}."),
            help,
        )
    }

    fn value(&mut self) -> Read<Expr> {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{' | b'[') if self.depth >= MAX_DEPTH => {
                return Err(Problem::new(
                    start..start + 1,
                    "Nesting too deep",
                    format!(
                        "Arrays and objects may be nested in each other {MAX_DEPTH} times, and here it is more."
                    ),
                    "",
                ));
            }
            Some(b'{') => {
                self.depth += 1;
                let items = self.object()?;
                self.depth -= 1;
                ExprKind::Object(items)
            }
            Some(b'[') => {
                self.depth += 1;
                let items = self.array()?;
                self.depth -= 1;
                ExprKind::Tuple(items)
            }
            Some(b'"') => return self.string(),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let rest = &self.text[start..];
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                self.at += end;
                match &rest[..end] {
                    "null" => ExprKind::Null,
                    "true" => ExprKind::Bool(true),
                    "false" => ExprKind::Bool(false),
                    word => {
                        // It is not quoted: in a file of variables it may be a secret.
                        let help = match suggestion(&word.to_ascii_lowercase(), ["true", "false", "null"]) {
                            Some(near) => format!("Did you mean {near}?"),
                            None => "Put strings in double quotes.".into(),
                        };
                        let detail = "The words of JSON are true, false and null, and this is none of them.";
                        self.report(Problem::new(start..start + end, "Invalid JSON keyword", detail, help));
                        ExprKind::Null
                    }
                }
            }
            _ => {
                return Err(self.unexpected(
                    "a value",
                    "Write a string, number, array, object, true, false or null; remove a comma after the last item.",
                ));
            }
        };
        Ok(Expr { kind, span: self.span(start..self.at) })
    }

    /// After an item: whether another one follows.
    fn more(&mut self, close: u8) -> Read<bool> {
        self.space();
        match self.peek() {
            Some(b',') => {
                let comma = self.at..self.at + 1;
                self.at += 1;
                self.space();
                if self.peek() != Some(close) {
                    return Ok(true);
                }
                self.at += 1;
                let detail = format!("Between this comma and the \"{}\" nothing follows.", close as char);
                self.report(Problem::new(
                    comma,
                    "Trailing comma",
                    detail,
                    "Remove the comma, or add what is missing.",
                ));
                Ok(false)
            }
            Some(c) if c == close => {
                self.at += 1;
                Ok(false)
            }
            _ => {
                let wanted = format!("a comma or \"{}\"", close as char);
                Err(self.unexpected(&wanted, "Add what is missing before this."))
            }
        }
    }

    /// Whether the array or object at the cursor is empty; the cursor moves past what was seen.
    fn opens_empty(&mut self, close: u8) -> bool {
        self.at += 1;
        self.space();
        let empty = self.peek() == Some(close);
        self.at += usize::from(empty);
        empty
    }

    fn array(&mut self) -> Read<Vec<Expr>> {
        let mut items = Vec::new();
        if self.opens_empty(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value()?);
            if !self.more(b']')? {
                return Ok(items);
            }
        }
    }

    fn object(&mut self) -> Read<Vec<ObjectItem>> {
        let mut items = Vec::new();
        if self.opens_empty(b'}') {
            return Ok(items);
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected(
                    "a key in double quotes",
                    "Quote the key; remove a comma after the last item.",
                ));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("a colon", "In JSON a colon stands between key and value."));
            }
            self.at += 1;
            let value = self.value_of(&key)?;
            items.push(ObjectItem { key, value });
            if !self.more(b'}')? {
                return Ok(items);
            }
        }
    }

    fn value_of(&mut self, key: &Expr) -> Read<Expr> {
        self.keys.push(match &key.kind {
            ExprKind::String(name) => name.clone(),
            _ => "".into(),
        });
        let templates = self.templates;
        self.templates = templates && !(self.literal)(&self.keys);
        let value = self.value();
        self.templates = templates;
        self.keys.pop();
        value
    }

    fn number(&mut self) -> Read<Expr> {
        let start = self.at;
        let rest = &self.text[start..];
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let digits = &rest[..end];
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        let (mantissa, exponent) = plain.split_once(['e', 'E']).map_or((plain, None), |(m, e)| (m, Some(e)));
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let valid = is_digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(is_digits)
            && exponent.is_none_or(|e| is_digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
        if !valid {
            return Err(Problem::new(
                start..start + end,
                "Invalid JSON number",
                format!("\"{}\" is not a number.", short(digits)),
                "Numbers are written as in 12, -0.5 or 1e10, without zeros in front.",
            ));
        }
        self.at += end;
        let span = self.span(start..self.at);
        let number =
            Expr { kind: ExprKind::Number(plain.into()), span: self.span(self.at - plain.len()..self.at) };
        let kind = match plain.len() == digits.len() {
            true => number.kind,
            false => ExprKind::Unary(UnaryOp::Negate, Box::new(number)),
        };
        Ok(Expr { kind, span })
    }

    fn string(&mut self) -> Read<Expr> {
        let start = self.at;
        let mut decoded = String::new();
        let mut plain = true;
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let stop = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            decoded.push_str(&rest[..stop]);
            self.at += stop;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    decoded.push(self.escape()?);
                }
                _ => {
                    return Err(Problem::new(
                        start..self.at,
                        "Missing closing quote",
                        "The string that starts here does not end on its line.",
                        "Add the closing quote; write \\n for a line break.",
                    ));
                }
            }
        }
        self.at += 1;
        let span = self.span(start..self.at);
        let mut first = start + 1;
        // A template is a text of its own, before which a byte order mark may stand.
        if self.templates && decoded.starts_with('\u{feff}') {
            decoded.drain(..3);
            first += 3;
        }
        if !self.templates || !(decoded.contains("${") || decoded.contains("%{")) {
            return Ok(Expr { kind: ExprKind::String(normalised(&decoded)), span });
        }
        // Without escapes the decoded text is the text in the file, and its places are true.
        let place = if plain { Place::At(self.file, first) } else { Place::Within(span) };
        let expr = template_in(&decoded, place, &mut self.work);
        Ok(Expr { kind: expr.map_or_else(|| ExprKind::String(normalised(&decoded)), |e| e.kind), span })
    }

    /// The character of the escape at the cursor, which moves past it.
    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        let selector = self.text[start + 1..].chars().next();
        let length = 1 + selector.map_or(0, char::len_utf8);
        self.at += length;
        let c = match selector {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unicode(),
            _ => None,
        };
        c.ok_or_else(|| {
            Problem::new(
                start..start + length,
                "Invalid JSON escape",
                "The backslash begins an escape sequence, and this is none.",
                "Write \\\\ for a backslash itself; the escapes are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uNNNN.",
            )
        })
    }

    /// Four digits, and four more when they are the first half of a pair; a half alone is U+FFFD.
    fn unicode(&mut self) -> Option<char> {
        let code = self.hex()?;
        if let 0xd800..=0xdbff = code
            && self.text[self.at..].starts_with("\\u")
        {
            let before = self.at;
            self.at += 2;
            if let low @ 0xdc00..=0xdfff = self.hex()? {
                return char::from_u32(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
            }
            self.at = before;
        }
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
