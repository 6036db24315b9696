//! Templates: escapes, strip markers and the indentation of `<<-` heredocs.
//!
//! Terraform works on a flat list of tokens, in which every line of text is one token: a strip marker reaches
//! to the end of the neighbouring token, and no further. So the parser's nested template is flattened first,
//! then trimmed, then built up again.

use crate::lower::{Lower, normalised};
use crate::report::Problem;
use crate::{Expr, ExprKind, Ident, TemplatePart};
use hcl::edit::Span as _;
use hcl::edit::template::{Directive, Element, Template};
use hcl::template::Strip;
use std::ops::Range;

/// Where the template stands, which decides about escapes and line breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Between quotes: backslashes escape.
    Quoted,
    /// A heredoc; of which the indentation is removed (`<<-`) or not.
    Heredoc { flush: bool },
    /// A file of its own, or a string of a JSON file.
    Bare,
}

enum Token {
    Literal(String),
    Interpolation(Expr),
    If(Expr),
    Else,
    EndIf,
    For { key: Option<Ident>, value: Ident, collection: Expr },
    EndFor,
}

/// The tokens so far, and what the last one does to the next.
struct Tokens {
    list: Vec<Token>,
    trim_next: bool,
    form: Form,
}

impl Tokens {
    fn literal(&mut self, text: String) {
        let text = if std::mem::take(&mut self.trim_next) { text.trim_start().to_owned() } else { text };
        self.list.push(Token::Literal(text));
    }

    fn control(&mut self, token: Token, strip: Strip) {
        if strip.strip_start()
            && let Some(Token::Literal(text)) = self.list.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.trim_next = strip.strip_end();
        self.list.push(token);
    }
}

/// The expression of a template.
pub(crate) fn lower(lower: &mut Lower, template: &Template, form: Form) -> ExprKind {
    let mut tokens = Tokens { list: Vec::new(), trim_next: false, form };
    flatten(lower, template, &mut tokens);
    let mut list = tokens.list;
    if form == (Form::Heredoc { flush: true }) {
        flush(&mut list);
    }
    if matches!(list.as_slice(), [Token::Interpolation(_)])
        && let Some(Token::Interpolation(expr)) = list.pop()
    {
        return ExprKind::Interpolation(Box::new(expr));
    }
    let mut parts = build(&mut list.into_iter(), &mut None);
    match parts.as_mut_slice() {
        [] => ExprKind::String("".into()),
        [TemplatePart::Literal(text)] => ExprKind::String(std::mem::replace(text, "".into())),
        _ => ExprKind::Template(parts),
    }
}

fn flatten(lower: &mut Lower, template: &Template, tokens: &mut Tokens) {
    for element in template {
        match element {
            Element::Literal(literal) => {
                let range = literal.span().unwrap_or_default();
                let text = lower.text(range.clone());
                if tokens.form == Form::Quoted {
                    let text = unescape(lower, text, range);
                    tokens.literal(text);
                } else {
                    for line in text.split_inclusive('\n') {
                        tokens.literal(unmark(line));
                    }
                }
            }
            Element::Interpolation(interpolation) => {
                let expr = lower.expr(&interpolation.expr);
                tokens.control(Token::Interpolation(expr), interpolation.strip);
            }
            Element::Directive(directive) => match &**directive {
                Directive::If(directive) => {
                    let head = &directive.if_expr;
                    let condition = lower.expr(&head.cond_expr);
                    tokens.control(Token::If(condition), head.strip);
                    flatten(lower, &head.template, tokens);
                    if let Some(otherwise) = &directive.else_expr {
                        tokens.control(Token::Else, otherwise.strip);
                        flatten(lower, &otherwise.template, tokens);
                    }
                    tokens.control(Token::EndIf, directive.endif_expr.strip);
                }
                Directive::For(directive) => {
                    let head = &directive.for_expr;
                    let collection = lower.expr(&head.collection_expr);
                    let key = head.key_var.as_ref().map(|key| lower.ident(key));
                    let value = lower.ident(&head.value_var);
                    tokens.control(Token::For { key, value, collection }, head.strip);
                    flatten(lower, &head.template, tokens);
                    tokens.control(Token::EndFor, directive.endfor_expr.strip);
                }
            },
        }
    }
}

/// Removes the indentation that all lines have in common. Blank lines do not count; a line that starts with an
/// interpolation has none.
fn flush(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut starts_line = true;
    let mut adjust = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let Token::Literal(text) = token else {
            if std::mem::take(&mut starts_line) {
                least = 0;
            }
            continue;
        };
        if starts_line {
            let blank = text.trim_start().is_empty() && text.ends_with('\n');
            if !blank {
                least = least.min(text.chars().take_while(|c| c.is_whitespace()).count());
                adjust.push(n);
            }
        }
        starts_line = text.ends_with('\n');
    }
    for n in adjust {
        if let Token::Literal(text) = &mut tokens[n] {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// The tokens as parts, up to the end of the directive they are in; `stop` receives what ended it.
fn build(tokens: &mut dyn Iterator<Item = Token>, stop: &mut Option<Token>) -> Vec<TemplatePart> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let flush = |literal: &mut String, parts: &mut Vec<TemplatePart>| {
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(normalised(literal)));
            literal.clear();
        }
    };
    while let Some(token) = tokens.next() {
        if let Token::Literal(text) = token {
            literal.push_str(&text);
            continue;
        }
        flush(&mut literal, &mut parts);
        match token {
            Token::Literal(_) => {}
            Token::Interpolation(expr) => parts.push(TemplatePart::Interpolation(expr)),
            Token::If(condition) => {
                let mut end = None;
                let then = build(tokens, &mut end);
                let otherwise = match end {
                    Some(Token::Else) => build(tokens, &mut None),
                    _ => Vec::new(),
                };
                parts.push(TemplatePart::If { condition, then, otherwise });
            }
            Token::For { key, value, collection } => {
                let body = build(tokens, &mut None);
                parts.push(TemplatePart::For { key, value, collection, body });
            }
            end @ (Token::Else | Token::EndIf | Token::EndFor) => {
                *stop = Some(end);
                return parts;
            }
        }
    }
    flush(&mut literal, &mut parts);
    parts
}

/// `$${` and `%%{` stand for what would otherwise start an interpolation or directive.
fn unmark(text: &str) -> String {
    text.replace("$${", "${").replace("%%{", "%{")
}

/// The text between quotes with its escapes resolved.
fn unescape(lower: &mut Lower, text: &str, range: Range<usize>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"', '$', '%']) {
        result.push_str(&rest[..at]);
        let here = range.start + (text.len() - rest.len()) + at;
        rest = &rest[at..];
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            result.push_str(&rest[1..3]);
            rest = &rest[3..];
            continue;
        }
        let mut chars = rest.chars();
        match chars.next() {
            Some('"') => {
                // Directives hide the end of the string from the parser.
                lower.problem(here..here + 1, |range| {
                    Problem::new(
                        range,
                        "Missing end of template directive",
                        "The string ends here, but a %{ if } or %{ for } in it is not finished.",
                        "Add %{ endif } or %{ endfor } before the closing quote.",
                    )
                });
                return result;
            }
            Some('\\') => match escape(&rest[1..]) {
                Some((c, length)) => {
                    result.push(c);
                    rest = &rest[1 + length..];
                    continue;
                }
                None => lower.problem(here..here + 1, |_| bad_escape(here, rest)),
            },
            Some(c) => result.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    result.push_str(rest);
    result
}

/// The character that an escape stands for, and the length of what follows its backslash.
fn escape(text: &str) -> Option<(char, usize)> {
    let hex = |digits: usize| {
        let code = text.get(1..1 + digits).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, 1 + digits))
    };
    match text.bytes().next()? {
        b'n' => Some(('\n', 1)),
        b'r' => Some(('\r', 1)),
        b't' => Some(('\t', 1)),
        b'"' => Some(('"', 1)),
        b'\\' => Some(('\\', 1)),
        b'u' => hex(4),
        b'U' => hex(8),
        _ => None,
    }
}

/// `rest` begins with a backslash that starts no escape.
pub(crate) fn bad_escape(at: usize, rest: &str) -> Problem {
    let selector = rest[1..].chars().next().unwrap_or('\\');
    let length = 1 + selector.len_utf8();
    let detail = match selector {
        'u' => {
            "\\u must be followed by four hexadecimal digits that make a character, as in \\u00e9.".to_owned()
        }
        'U' => "\\U must be followed by eight hexadecimal digits that make a character, as in \\U0001f600."
            .to_owned(),
        c => format!("The backslash begins an escape sequence, and \\{c} is none."),
    };
    Problem::new(
        at..at + length,
        "Invalid escape sequence",
        detail,
        "Write \\\\ for a backslash itself; the escapes are \\n \\r \\t \\\" \\\\ \\uNNNN \\UNNNNNNNN.",
    )
}
