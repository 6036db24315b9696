//! Indentation, spaces and columns.

use super::Piece;
use crate::lexer::Kind;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// A line, cut where its neighbours may align with it. Ranges are of pieces; those after `lead` may be empty.
struct Line {
    /// Everything up to the others.
    lead: Range<usize>,
    /// From the equals sign of an attribute or object item on.
    assign: Range<usize>,
    /// A comment after something else.
    comment: Range<usize>,
}

/// Sets the spaces before each piece.
pub(super) fn lay_out(pieces: &mut [Piece]) {
    let lines = lines(pieces);
    indent(pieces, &lines);
    for line in &lines {
        space(&mut pieces[line.lead.clone()]);
        space(&mut pieces[line.assign.clone()]);
    }
    align(pieces, &lines, |line| line.assign.clone(), |line| line.lead.clone());
    align(pieces, &lines, |line| line.comment.clone(), |line| line.lead.start..line.assign.end);
}

fn lines(pieces: &[Piece]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (n, piece) in pieces.iter().enumerate() {
        if piece.ends_line() {
            lines.push(line(pieces, start..n + 1));
            start = n + 1;
        }
    }
    if start < pieces.len() {
        lines.push(line(pieces, start..pieces.len()));
    }
    lines
}

fn line(pieces: &[Piece], range: Range<usize>) -> Line {
    let Range { start, end } = range;
    let has_comment = end - start > 1 && pieces[end - 1].kind == Kind::Comment;
    let content = end - usize::from(has_comment);
    let equal = (start + 1..content).find(|n| pieces[*n].kind == Kind::Equal);
    // A value that goes on on the next line is not aligned.
    let assign = equal
        .filter(|equal| pieces[*equal..content].iter().map(Piece::bracket).sum::<isize>() == 0)
        .unwrap_or(content);
    Line { lead: start..assign, assign: assign..content, comment: content..end }
}

/// Each line that opens more brackets than it closes indents those after it by one level, however many it opens.
fn indent(pieces: &mut [Piece], lines: &[Line]) {
    let mut levels: Vec<isize> = Vec::new();
    for line in lines {
        let Some(first) = pieces.get(line.lead.start) else { continue };
        if first.kind == Kind::Newline {
            continue;
        }
        let mut net = 0;
        for piece in &pieces[line.lead.clone()] {
            net += piece.bracket();
            if piece.kind == Kind::OpenHeredoc {
                break;
            }
        }
        net += pieces[line.assign.clone()].iter().map(Piece::bracket).sum::<isize>();
        let before = levels.len();
        if net > 0 {
            levels.push(net);
        }
        let mut closed = -net;
        while closed > 0
            && let Some(level) = levels.last_mut()
        {
            let open = *level;
            if closed < open {
                *level -= closed;
            } else {
                levels.pop();
            }
            closed -= open;
        }
        pieces[line.lead.start].spaces = 2 * if net > 0 { before } else { levels.len() };
    }
}

/// The spaces between the pieces of a part of a line.
fn space(pieces: &mut [Piece]) {
    for n in 1..pieces.len() {
        let before = n.checked_sub(2).map(|n| pieces[n].kind);
        pieces[n].spaces = usize::from(has_space(before, &pieces[n - 1], pieces[n].kind));
    }
}

/// Whether a space stands between `left`, which follows `before`, and `right`.
fn has_space(before: Option<Kind>, left: &Piece, right: Kind) -> bool {
    use Kind::*;
    match (left.kind, right) {
        (_, Newline) | (Word, OpenParen) | (Word, DoubleColon) | (DoubleColon, Word) => false,
        (Dot, _) | (_, Dot | Comma | Ellipsis) => false,
        (Comma, _) => true,
        (Plain | Text | OpenQuote | OpenHeredoc, _) => false,
        (_, Plain | Text | CloseQuote | CloseHeredoc) => false,
        (Word, _) if left.text == "in" && before == Some(Word) => true,
        (Word | Number, OpenBracket) => false,
        (_, OpenBracket) if left.bracket() < 0 => false,
        (Not, _) => false,
        (Minus, _) => before.is_some_and(ends_operand),
        (OpenBrace, CloseBrace) => false,
        (OpenBrace, _) | (_, CloseBrace) => true,
        (Interpolation | Directive, OpenBrace) | (CloseBrace, TemplateEnd) => true,
        (TemplateEnd, Interpolation | Directive) => false,
        (_, CloseBracket | CloseParen | TemplateEnd) => false,
        _ => left.bracket() <= 0,
    }
}

/// Whether a minus after this subtracts, and does not negate.
fn ends_operand(before: Kind) -> bool {
    use Kind::*;
    !matches!(
        before,
        OpenParen
            | OpenBrace
            | OpenBracket
            | Equal
            | Colon
            | Comma
            | Question
            | Plus
            | Star
            | Slash
            | Percent
            | Minus
            | EqualEqual
            | NotEqual
            | Greater
            | GreaterEqual
            | Less
            | LessEqual
            | And
            | Or
            | Not
    )
}

/// Gives the parts that `part` names of neighbouring lines one column, one space behind the widest of what stands
/// `before` them.
fn align(
    pieces: &mut [Piece],
    lines: &[Line],
    part: impl Fn(&Line) -> Range<usize>,
    before: impl Fn(&Line) -> Range<usize>,
) {
    let mut from = 0;
    while from < lines.len() {
        let chain = lines[from..].iter().take_while(|line| !part(line).is_empty()).count();
        let widths: Vec<usize> =
            lines[from..from + chain].iter().map(|line| width(&pieces[before(line)])).collect();
        let widest = widths.iter().copied().max().unwrap_or(0);
        for (line, width) in lines[from..].iter().zip(widths) {
            pieces[part(line).start].spaces = widest - width + 1;
        }
        from += chain.max(1);
    }
}

/// How many columns the pieces take.
fn width(pieces: &[Piece]) -> usize {
    let columns = |text: &str| match text.is_ascii() {
        // A carriage return and line feed are one.
        true => text.len() - text.matches("\r\n").count(),
        false => text.graphemes(true).count(),
    };
    pieces.iter().map(|piece| piece.spaces + columns(&piece.text)).sum()
}
