//! Whether an expression goes on in the next line.

/// What is open at a place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Open {
    /// `(`, `[` or `{`, with what closes it.
    Bracket(char),
    /// `"…`
    Quote,
    /// `<<EOT`, from the next line on.
    Heredoc(String),
}

/// Whether brackets, templates in quotes, or heredocs are open at the end of the text. A quote alone is not: strings in
/// quotes end in the line that they begin in.
pub fn is_open(text: &str) -> bool {
    let mut stack: Vec<Open> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match stack.last() {
            Some(Open::Quote) => quoted(rest, c, &mut stack),
            Some(Open::Heredoc(marker)) => match heredoc(rest, marker) {
                Heredoc::Template(rest) => {
                    stack.push(Open::Bracket('}'));
                    rest
                }
                Heredoc::End(rest) => {
                    stack.pop();
                    rest
                }
                Heredoc::Unfinished => return true,
            },
            _ => match plain(rest, c, &mut stack) {
                Some(rest) => rest,
                // More closes than opens: what is wrong is for the parser to say.
                None => return false,
            },
        };
    }
    !matches!(stack.last(), None | Some(Open::Quote))
}

/// Text behind the next character, inside of quotes.
fn quoted<'t>(rest: &'t str, c: char, stack: &mut Vec<Open>) -> &'t str {
    let behind = |n: usize| {
        let mut chars = rest.chars();
        chars.by_ref().take(n).for_each(drop);
        chars.as_str()
    };
    match c {
        '\\' => behind(2),
        '"' => {
            stack.pop();
            behind(1)
        }
        '$' | '%' if rest[1..].starts_with(c) && rest[2..].starts_with('{') => behind(3),
        '$' | '%' if rest[1..].starts_with('{') => {
            stack.push(Open::Bracket('}'));
            behind(2)
        }
        _ => behind(1),
    }
}

enum Heredoc<'t> {
    Template(&'t str),
    End(&'t str),
    Unfinished,
}

/// Goes on in a heredoc until something opens in it or it ends. `rest` begins somewhere in a line.
fn heredoc<'t>(rest: &'t str, marker: &str) -> Heredoc<'t> {
    for (at, c) in rest.char_indices() {
        let here = &rest[at..];
        match c {
            '\n' => {
                let line = here[1..].split('\n').next().unwrap_or_default();
                if line.trim() == marker {
                    return Heredoc::End(&here[1 + line.len()..]);
                }
            }
            '$' | '%' if here[1..].starts_with('{') && !rest[..at].ends_with(c) => {
                return Heredoc::Template(&here[2..]);
            }
            _ => {}
        }
    }
    Heredoc::Unfinished
}

fn plain<'t>(rest: &'t str, c: char, stack: &mut Vec<Open>) -> Option<&'t str> {
    let end_of_line = || rest.find('\n').map_or("", |at| &rest[at..]);
    if rest.starts_with("//") || c == '#' {
        return Some(end_of_line());
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return Some(comment.find("*/").map_or("", |at| &comment[at + 2..]));
    }
    if let Some(introducer) = rest.strip_prefix("<<") {
        let word = introducer.strip_prefix('-').unwrap_or(introducer);
        let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(word.len());
        if end > 0 {
            stack.push(Open::Heredoc(word[..end].to_owned()));
            return Some(&word[end..]);
        }
    }
    match c {
        '"' => stack.push(Open::Quote),
        '(' => stack.push(Open::Bracket(')')),
        '[' => stack.push(Open::Bracket(']')),
        '{' => stack.push(Open::Bracket('}')),
        ')' | ']' | '}' if stack.pop() != Some(Open::Bracket(c)) => return None,
        _ => {}
    }
    Some(&rest[c.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn what_is_open_goes_on() {
        let open = [
            "[1,",
            "{",
            "f(\"a)\"",
            "\"${",
            "\"%{ if x }a%{ endif }${[",
            "<<X",
            "<<-X\n a",
            "<<X\n${[\n",
            "<<X\na\n Xa",
            "[<<X\na\nX\n",
            "(\n# )\n",
            "{ a = \"}\"",
        ];
        for text in open {
            assert!(is_open(text), "{text}");
        }
        let closed = [
            "",
            "1",
            "[1, 2]",
            "\"[\"",
            "\"\\\"{\"",
            "\"$${\"",
            "\"${\"a\"}\"",
            "\"abc",
            "1 # (",
            "1 // (",
            "/* ( */ 1",
            "<<X\na ( $${ \"\nX",
            "<<-X\n a\n  X\n",
            "<<X\n${x}\nX\n",
            "1]",
            "(]",
            "1 << 2",
            "é ? 1 : 2",
        ];
        for text in closed {
            assert!(!is_open(text), "{text}");
        }
    }
}
