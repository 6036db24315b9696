//! Text of the Terraform language to a tree with spans.
//!
//! [`parse`] is the one door. Nothing here evaluates, reads files or knows
//! what a `resource` is.

mod format;
mod json;
mod lexer;
mod parse;
mod parser;
mod recover;
mod report;
mod tree;
mod visit;
mod work;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

pub use format::format;
pub use json::{json_block_problems, json_blocks, json_body, json_data, json_value, json_value_with};
pub use parse::duplicate_attributes;
pub use tree::*;
pub use visit::walk;

use formwork_diag::{Diagnostic, FileId, Span};
use report::Place;

/// Parses a file of attributes and blocks. What is wrong is reported, all of it at once, and what is right is in
/// the body all the same. Spans are byte offsets into `text`, a byte-order mark included.
pub fn parse(file: FileId, text: &str) -> (Body, Vec<Diagnostic>) {
    parse::file(text, Place::At(file, 0))
}

/// Parses one expression; line breaks in it mean nothing, as between parentheses.
pub fn parse_expr(file: FileId, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    parse::expression(text, Place::At(file, 0))
}

/// Parses a template, as in a template file: text with `${…}` and `%{…}`, without quotes or backslash escapes.
pub fn parse_template(file: FileId, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    parse::template(text, Place::At(file, 0))
}

/// [`parse_expr`] for a text that was itself the value of something, such as a string in a JSON file: everything
/// in it has the span of that.
pub fn parse_expr_within(span: Span, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    parse::expression(text, Place::Within(span))
}

/// The text of a file. The error is the offset of the first byte that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<String, usize> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| error.valid_up_to())
}

/// The text of a configuration file. What is not UTF-8 is let pass in comments, where question marks stand for its bytes; the
/// error is the offset of the first such byte elsewhere.
pub fn decode_configuration(bytes: Vec<u8>) -> Result<String, usize> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut wrong = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            wrong.push(text.len());
            text.push('?');
        }
    }
    let lexed = lexer::lex(&text, lexer::Mode::Body, true);
    let mut comments = lexed.tokens.iter().filter(|t| t.kind == lexer::Kind::Comment).map(|t| t.range());
    let mut comment = comments.next();
    for at in wrong {
        while comment.as_ref().is_some_and(|c| c.end <= at) {
            comment = comments.next();
        }
        if !comment.as_ref().is_some_and(|c| c.contains(&at)) {
            return Err(at);
        }
    }
    Ok(text)
}
