//! The one layout of a text, as `terraform fmt` has it.
//!
//! Little is rewritten: the labels of blocks are quoted, `"${x}"` becomes `x` where it is all that an attribute is, and
//! types of variables are given their modern names. All else is white space: indentation by the brackets that a line
//! opens, the spaces between two tokens, and the columns in which `=` and comments stand in neighbouring lines.

mod layout;
mod rewrite;

use crate::lexer::{self, Kind, Mode};
use crate::{Body, parse};
use formwork_diag::{Diagnostic, FileId, has_errors};
use std::borrow::Cow;

/// A token as it will be written.
#[derive(Clone, Debug)]
struct Piece<'a> {
    kind: Kind,
    text: Cow<'a, str>,
    /// So many spaces stand before it.
    spaces: usize,
}

impl<'a> Piece<'a> {
    fn new(kind: Kind, text: impl Into<Cow<'a, str>>) -> Self {
        Piece { kind, text: text.into(), spaces: 0 }
    }

    /// Whether the line ends with it: comments have their line break in them.
    fn ends_line(&self) -> bool {
        self.kind == Kind::Newline || self.kind == Kind::Comment && self.text.ends_with('\n')
    }

    /// One more bracket is open after it, or one less.
    fn bracket(&self) -> isize {
        match self.kind {
            Kind::OpenBrace | Kind::OpenBracket | Kind::OpenParen | Kind::Interpolation | Kind::Directive => {
                1
            }
            Kind::CloseBrace | Kind::CloseBracket | Kind::CloseParen | Kind::TemplateEnd => -1,
            _ => 0,
        }
    }
}

/// The text of a file in its one layout, which has the same meaning. What is wrong with it, when it cannot be read: then
/// nobody knows where its lines belong.
pub fn format(file: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (body, diagnostics) = parse(file, text);
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    Ok(formatted(text, &body))
}

fn formatted(text: &str, body: &Body) -> String {
    let tokens = lexer::lex(text, Mode::Body, true).tokens;
    let mut pieces = rewrite::pieces(text, &tokens, body);
    layout::lay_out(&mut pieces);
    let mut result = String::with_capacity(text.len() + text.len() / 8);
    for piece in &pieces {
        result.extend(std::iter::repeat_n(' ', piece.spaces));
        result.push_str(&piece.text);
    }
    // What stands after the last token stays, as spaces.
    let end = tokens.iter().rev().find(|token| token.kind != Kind::End).map_or(0, |token| token.end as usize);
    result.extend(std::iter::repeat_n(' ', text.len() - end));
    result
}
