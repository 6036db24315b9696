//! Lines that are longer than the terminal is wide.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How much deeper a line goes on than it begins.
const DEEPER: usize = 4;

/// Lines that a terminal with `width` columns would break somewhere are broken behind a space where there is one, and go on
/// deeper than they began, so that signs and names stay the only things in their columns. Colours go on, too.
pub fn hang(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if columns(line) > width {
            break_line(line, width, &mut out);
        } else {
            out.push_str(line);
        }
        out.push_str(end);
    }
    out
}

fn break_line(line: &str, width: usize, out: &mut String) {
    let indent = (begin(line) + DEEPER).min(width / 2);
    // Bytes of the line that are written, and how far the part that is not goes: to its last space, and up to now.
    let (mut written, mut used) = (0, 0);
    let mut space: Option<(usize, usize)> = None;
    let mut at = 0;
    for (piece, columns) in pieces(line) {
        // Spaces may hang over the edge.
        if used + columns > width && piece != " " {
            // A word that is cut near the margin would leave most of the line empty.
            let cut = match space {
                Some((end, filled)) if filled > width / 2 => end,
                _ => at,
            };
            out.push_str(line[written..cut].trim_end_matches(' '));
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = indent + self::columns(&line[cut..at]);
            written = cut;
            space = None;
        }
        at += piece.len();
        used += columns;
        if piece == " " {
            space = Some((at, used));
        }
    }
    out.push_str(&line[written..]);
}

/// The column in which what a line says begins, behind spaces and the sign of what is done.
fn begin(line: &str) -> usize {
    let mut column = 0;
    for (piece, columns) in pieces(line) {
        match piece {
            " " | "+" | "-" | "~" | "/" | "<" | "=" | "#" => column += columns,
            _ if columns == 0 => {}
            _ => break,
        }
    }
    column
}

fn columns(line: &str) -> usize {
    // Most lines are short, and plain.
    if line.is_ascii() && !line.contains('\x1b') {
        return line.len();
    }
    pieces(line).map(|(_, columns)| columns).sum()
}

/// What a person takes for characters, and codes that have no width, each with its width in columns.
fn pieces(line: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let code = rest.strip_prefix("\x1b[").and_then(|code| code.find('m')).map(|end| end + 3);
        let (len, columns) = match code {
            Some(len) => (len, 0),
            None => rest.graphemes(true).next().map(|piece| (piece.len(), piece.width()))?,
        };
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some((piece, columns))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_deeper() {
        let text = "  + resource \"a\" \"b\" {\n      + words = \"one two three four five six\"\n    }\n";
        let wanted = "  + resource \"a\" \"b\" {\n      + words = \"one two\n            three four five\n            six\"\n    }\n";
        assert_eq!(hang(text, 28), wanted);
        assert_eq!(hang(wanted, 28), wanted);
        assert_eq!(hang(text, 60), text);
    }

    #[test]
    fn words_without_an_end_are_cut() {
        assert_eq!(
            hang("  ~ a = xxxxxxxxxxxxxxxxxxxxxxxx\n", 20),
            "  ~ a = xxxxxxxxxxxx\n        xxxxxxxxxxxx\n"
        );
        // Wide characters count twice, marks not at all.
        assert_eq!(hang("a = 漢字漢字漢字漢字", 12), "a = 漢字漢字\n    漢字漢字");
        assert_eq!(hang("a = e\u{301}e\u{301}", 6), "a = e\u{301}e\u{301}");
    }

    #[test]
    fn colours_have_no_width() {
        let text = "\x1b[32m+\x1b[0m a = \x1b[90mone two\x1b[0m";
        assert_eq!(hang(text, 13), text);
        assert_eq!(hang(text, 9), "\x1b[32m+\x1b[0m a = \x1b[90mone\n    two\x1b[0m");
    }

    #[test]
    fn nothing_is_lost() {
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let text =
            "      + a = \"x yy  zzz é漢 \u{1f469}\u{200d}\u{1f680} \x1b[1mlast\x1b[0m\"   \n".repeat(3);
        for width in 1..60 {
            let hung = hang(&text, width);
            assert_eq!(bare(&hung), bare(&text), "{width}");
            // From a width on in which the widest character fits behind the indentation.
            let longest = hung.lines().map(|line| columns(line.trim_end())).max();
            assert!(width < 8 || longest.is_some_and(|longest| longest <= width), "{width}: {hung}");
        }
    }
}
