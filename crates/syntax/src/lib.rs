//! Text of the Terraform language to a tree with spans.
//!
//! [`parse`] is the one door. Nothing here evaluates, reads files or knows
//! what a `resource` is.

mod encoding;
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

pub use encoding::{Lenient, Undecodable, decode, decode_configuration, decode_json};
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
