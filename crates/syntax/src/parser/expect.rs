//! What is wrong where the parser found something else than it needs.

use super::head::head;
use super::{Parsed, Parser};
use crate::lexer::{Kind, Token, word_length};
use crate::report::{Problem, short};
use std::ops::Range;

type Failure = Box<Problem>;

impl Parser<'_> {
    /// Passes the closing bracket, or says that it is missing.
    pub(super) fn expect_close(&mut self, kind: Kind) -> Parsed<Token> {
        if let Some(token) = self.take(kind) {
            return Ok(token);
        }
        let token = self.peek();
        let (summary, what, help) = match kind {
            Kind::CloseParen => (
                "Missing comma or parenthesis",
                "a comma, an operator or the closing parenthesis",
                "Add the missing \",\" or \")\".",
            ),
            Kind::CloseBracket => (
                "Missing comma or bracket",
                "a comma, an operator or the closing bracket",
                "Add the missing \",\" or \"]\".",
            ),
            Kind::TemplateEnd => (
                "Missing closing brace",
                "the closing brace",
                "End the interpolation with \"}\" before this, or add the operator that is missing. For the characters ${ or %{ themselves, write $${ or %%{.",
            ),
            _ => (
                "Missing closing brace",
                "the closing brace",
                "End the object with \"}\" before this, or add the operator that is missing.",
            ),
        };
        Err(self.instead(token, summary, |found| format!("Here should be {what}, and not {found}."), help))
    }

    pub(super) fn expect_colon(&mut self) -> Parsed<()> {
        if self.take(Kind::Colon).is_some() {
            return Ok(());
        }
        let token = self.peek();
        Err(self.instead(
            token,
            "Missing colon",
            |found| format!("Here should be a colon, and not {found}."),
            "A conditional reads condition ? a : b; a for expression, [for v in collection : result].",
        ))
    }

    /// A problem with `token`, unless it is a mistake that people bring from other languages.
    fn instead(
        &self,
        token: Token,
        summary: &'static str,
        detail: impl FnOnce(String) -> String,
        help: &str,
    ) -> Failure {
        let rest = self.rest(token);
        let range = self.found_range(token);
        let problem = by_character(rest, range.clone())
            .unwrap_or_else(|| Problem::new(range, summary, detail(found(rest)), help));
        Box::new(problem)
    }

    fn rest(&self, token: Token) -> &str {
        self.text.get(token.start as usize..).unwrap_or_default()
    }

    fn found_range(&self, token: Token) -> Range<usize> {
        let start = token.start as usize;
        start..start + token_length(self.rest(token).lines().next().unwrap_or(""))
    }

    pub(super) fn unexpected(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Invalid syntax",
            |found| format!("Here is {found}, which cannot stand in this place."),
            "Look for something missing before it.",
        )
    }

    /// Something stands where an expression should begin.
    pub(super) fn no_expression(&self, token: Token) -> Failure {
        let start = token.start as usize;
        let before = self.at.checked_sub(1).map(|at| self.token(at));
        let is_end = matches!(token.kind, Kind::Newline | Kind::End);
        if let (true, Some(operator)) = (is_end, before.filter(|token| is_operator(token.kind))) {
            return Box::new(Problem::new(
                operator.range(),
                "Missing expression",
                format!("After \"{}\" comes another value, but the line ends.", self.text_of(operator)),
                "Write the value on this line; an expression in parentheses may go on on the next one.",
            ));
        }
        if is_end {
            return Box::new(missing_expression(start..start));
        }
        let doubled = before.filter(|b| b.end == token.start && is_operator(b.kind)).and_then(|operator| {
            let range = operator.start as usize..token.end as usize;
            by_character(self.rest(operator), range)
        });
        if let Some(problem) = doubled {
            return Box::new(problem);
        }
        self.instead(
            token,
            "Expression expected",
            |found| format!("Here should stand a value, and not {found}."),
            "Write a literal, a reference, a function call or something in brackets here.",
        )
    }

    pub(super) fn bad_number(&self, token: Token) -> Failure {
        Box::new(Problem::new(
            token.range(),
            "Invalid number",
            format!("\"{}\" is not a number.", short(self.text_of(token))),
            "Numbers are written as in 12, 0.5 or 1e10. A version is a string: quote it.",
        ))
    }

    pub(super) fn no_attribute_name(&self, dot: Token, found_token: Token) -> Failure {
        if let Kind::Newline | Kind::End = found_token.kind {
            return Box::new(Problem::new(
                dot.range(),
                "Invalid attribute name",
                "After a dot comes an attribute's name, but the line ends.",
                "Write the name, or remove the dot.",
            ));
        }
        self.instead(
            found_token,
            "Invalid attribute name",
            |found| format!("After a dot comes an attribute's name, and not {found}."),
            "Write a name here; for other keys use brackets: object[\"key\"].",
        )
    }

    pub(super) fn nested_splat(&self, star: Token) -> Failure {
        Box::new(Problem::new(
            star.range(),
            "Nested splat expression",
            "After .* only attribute names may follow, and not another .*.",
            "Use the [*] form, which can be nested, or a for expression.",
        ))
    }

    pub(super) fn double_index(&self, token: Token) -> Failure {
        let text = self.text_of(token);
        let (first, second) = text.split_once('.').unwrap_or((text, ""));
        Box::new(Problem::new(
            token.range(),
            "Invalid legacy index",
            format!("After a dot, {} is one number with a fraction, and no two indices.", short(text)),
            format!("Write [{}][{}].", short(first), short(second)),
        ))
    }

    pub(super) fn no_function_name(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Missing function name",
            |found| format!("After \"::\" comes a name, and not {found}."),
            "Functions of providers are called as provider::name::function(…).",
        )
    }

    pub(super) fn no_parenthesis(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Missing arguments",
            |found| format!("A name with \"::\" is that of a function, whose arguments follow in parentheses; here is {found}."),
            "Write the arguments: provider::name::function(…). A reference has dots between its names.",
        )
    }

    pub(super) fn no_loop_name(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Invalid name or keyword",
            |found| {
                format!(
                    "Here should be a name, or the keyword \"in\" after the names of a for; here is {found}."
                )
            },
            "A for expression reads [for k, v in collection : result].",
        )
    }

    pub(super) fn no_key_in_object(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Invalid for expression",
            |found| {
                format!("A for expression between braces needs a key and a value, \"key => value\"; here is {found}.")
            },
            "Write {for k, v in collection : k => v}, or use brackets for a list.",
        )
    }

    pub(super) fn key_in_tuple(&self, arrow: Token) -> Failure {
        Box::new(Problem::new(
            arrow.range(),
            "Invalid for expression",
            "A for expression between brackets makes a list, whose elements have no keys.",
            "Remove the key and the \"=>\", or use braces for an object.",
        ))
    }

    pub(super) fn grouping_in_tuple(&self, ellipsis: Token) -> Failure {
        Box::new(Problem::new(
            ellipsis.range(),
            "Invalid for expression",
            "Only a for expression between braces can group its values by their keys with \"...\".",
            "Remove the \"...\", or write {for k, v in collection : k => v...}.",
        ))
    }

    pub(super) fn no_object_value(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Missing equals sign in object",
            |found| {
                format!("After the key of an object item comes \"=\" or \":\" and then its value, and not {found}.")
            },
            "Write key = value.",
        )
    }

    pub(super) fn no_object_separator(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Missing separator in object",
            |found| {
                format!("After an item of an object comes a comma, a new line or the closing brace, and not {found}.")
            },
            "Put the items on lines of their own, or commas between them.",
        )
    }

    pub(super) fn not_on_one_line(&self, token: Token) -> Failure {
        self.instead(
            token,
            "Invalid block on one line",
            |found| format!("A block on one line can hold one attribute and no blocks; here is {found}."),
            "Start a new line after the \"{\", and put each attribute on its own line.",
        )
    }

    /// An item begins with `name`, and does not go on as it should.
    pub(super) fn bad_head(&mut self, name: Token) -> Failure {
        let start = name.start as usize;
        let end = self.tokens.last().map_or(start, |last| last.start as usize).max(start);
        match self.text.get(start..end).and_then(head) {
            Some(problem) => Box::new(problem.shifted(start)),
            None => {
                let token = self.peek();
                self.unexpected(token)
            }
        }
    }

    /// Something follows a finished attribute or block on its line.
    pub(crate) fn unexpected_after_item(&mut self) -> Failure {
        let token = self.peek();
        let range = self.found_range(token);
        let rest = self.rest(token);
        if let Some(problem) = by_character(rest, range.clone()) {
            return Box::new(problem);
        }
        let line = rest.lines().next().unwrap_or("");
        let name = word_length(line);
        let is_attribute = name > 0 && line[name..].trim_start().starts_with('=');
        let after_brace = self.at.checked_sub(1).is_some_and(|at| self.token(at).kind == Kind::CloseBrace);
        let help = if is_attribute {
            "Put each attribute on a line of its own."
        } else if after_brace {
            "Start a new line after the \"}\"."
        } else {
            "Remove it, or quote the whole value if it is a string, or add the operator that is missing."
        };
        Box::new(Problem::new(
            range.start..range.start + line.trim_end().len(),
            "Missing newline",
            format!("The line should end here, but {} follows.", found(rest)),
            help,
        ))
    }
}

fn is_operator(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Plus
            | Kind::Minus
            | Kind::Star
            | Kind::Slash
            | Kind::Percent
            | Kind::EqualEqual
            | Kind::NotEqual
            | Kind::Less
            | Kind::LessEqual
            | Kind::Greater
            | Kind::GreaterEqual
            | Kind::And
            | Kind::Or
            | Kind::Not
            | Kind::Question
    )
}

/// An expression is missing altogether.
pub(crate) fn missing_expression(range: Range<usize>) -> Problem {
    Problem::new(
        range,
        "Missing expression",
        "The line ends where a value should stand.",
        "Write the value on this line; to go on on the next one, open a bracket or parenthesis first.",
    )
}

/// What the directive at `at` begins does not end.
pub(super) fn unfinished_directive(at: usize, end: &str) -> Problem {
    Problem::new(
        at..at + 2,
        "Missing end of template directive",
        format!("A template directive is not finished: its %{{ {end} }} is missing."),
        format!("Add %{{ {end} }} where it should end."),
    )
}

pub(super) fn no_directive(at: usize, word: &str) -> Problem {
    Problem::new(
        at..at + 2,
        "Invalid template directive",
        format!("A directive begins with if, else, endif, for or endfor, and not with \"{}\".", short(word)),
        "Write %%{ for the characters %{ themselves.",
    )
}

pub(super) fn unmatched_directive(at: usize, word: &str) -> Problem {
    let wanted = if word == "endfor" { "for" } else { "if" };
    Problem::new(
        at..at + 2,
        "Unexpected template directive",
        format!("This %{{ {word} }} has no %{{ {wanted} }} before it."),
        format!("Remove it, or add the %{{ {wanted} }} that it belongs to."),
    )
}

pub(super) fn second_else(at: usize) -> Problem {
    Problem::new(
        at..at + 2,
        "Unexpected template directive",
        "This %{ if } has an %{ else } already.",
        "Remove one of the two; for a choice between more, put an %{ if } into the %{ else }.",
    )
}

/// What stands there, in words.
pub(super) fn found(rest: &str) -> String {
    let line = rest.lines().next().unwrap_or("");
    if line.is_empty() {
        return if rest.trim_start().is_empty() { "the end" } else { "the end of the line" }.to_owned();
    }
    if let Some(name) = line.chars().next().and_then(invisible) {
        return name;
    }
    match &line[..token_length(line)] {
        "\"" => "a string".to_owned(),
        token => format!("\"{}\"", short(token)),
    }
}

/// The name of a character that nobody sees, with its number.
fn invisible(c: char) -> Option<String> {
    let name = match c {
        '\r' => "a carriage return without a line feed",
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => "a control character",
        '\u{a0}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "a joiner without width",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark of the direction of writing"
        }
        '\u{2028}' => "a line separator",
        '\u{2029}' => "a paragraph separator",
        '\u{202f}' => "a narrow no-break space",
        '\u{feff}' => "a byte order mark",
        c if c.is_whitespace() && !c.is_ascii() => "a space that is none in this language",
        _ => return None,
    };
    Some(format!("{name} (U+{:04X})", c as u32))
}

/// The length of the word, number or character at the start of a line.
pub(super) fn token_length(line: &str) -> usize {
    let number = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
    match word_length(line).max(number) {
        0 => line.chars().next().map_or(0, char::len_utf8),
        length => length,
    }
}

/// Characters of other languages.
fn by_character(rest: &str, range: Range<usize>) -> Option<Problem> {
    let (summary, detail, help) = match rest.chars().next()? {
        ';' => (
            "Unexpected semicolon",
            "Nothing ends with a semicolon in this language.",
            "Start a new line instead.",
        ),
        '&' => ("Unsupported operator", "There is no operator \"&\".", "For \"and\" write &&."),
        '|' => ("Unsupported operator", "There is no operator \"|\".", "For \"or\" write ||."),
        '=' if rest.starts_with("===") => {
            ("Unsupported operator", "There is no operator \"===\".", "Write ==.")
        }
        '+' if rest.starts_with("++") => (
            "Unsupported operator",
            "There is no operator \"++\".",
            "For strings, write \"${a}${b}\"; for lists, concat(a, b).",
        ),
        '^' => ("Unsupported operator", "There is no operator \"^\".", "For powers use pow(base, exponent)."),
        '~' => (
            "Unsupported operator",
            "There is no operator \"~\".",
            "For patterns use regex(pattern, string).",
        ),
        '?' if rest.starts_with("??") => {
            ("Unsupported operator", "There is no operator \"??\".", "Use coalesce(a, b), or try(a, b).")
        }
        _ => return None,
    };
    Some(Problem::new(range, summary, detail, help))
}
