//! The shells: their scripts, how they cut a line into words, and how they want answers.

use clap::ValueEnum;

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// What the shell has to read so that it completes.
    pub fn script(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("formwork.bash"),
            Shell::Zsh => include_str!("formwork.zsh"),
            Shell::Fish => include_str!("formwork.fish"),
        }
    }
}

/// The words of a line up to the cursor; the last one is being typed, and may be empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The words, without quotes.
    pub words: Vec<String>,
    /// The quotation mark that the last word is in.
    pub quote: Option<char>,
}

/// Cuts a line as shells do.
pub fn split(line: &str) -> Line {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut blank = true;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let word = words.last_mut().expect("there is always one");
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => {
                if !blank {
                    words.push(String::new());
                }
                blank = true;
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (None | Some('"'), '\\') => word.extend(chars.next()),
            (_, c) => word.push(c),
        }
        blank = false;
    }
    Line { words, quote }
}

/// What the shell is to offer, one on a line. `quote` is what the last word stands in.
pub fn answer(shell: Shell, current: &str, quote: Option<char>, candidates: &[String]) -> String {
    let mut out = String::new();
    for candidate in candidates {
        let text = match shell {
            // They quote by themselves.
            Shell::Zsh | Shell::Fish => candidate.clone(),
            Shell::Bash => {
                // Bash begins a new word at these, unless they are quoted, and replaces only what follows.
                let cut = match quote {
                    None => current.rfind(['=', ':']).map_or(0, |at| at + 1),
                    Some(_) => quoted_from(current),
                };
                let rest = candidate.get(cut..).unwrap_or_default();
                if quote.is_some() { rest.to_owned() } else { escaped(rest) }
            }
        };
        out.push_str(&text);
        out.push('\n');
    }
    out
}

/// Where a word goes on within quotes, as in `-target='x`: what stands before an equals sign is not in them.
fn quoted_from(current: &str) -> usize {
    match current.split_once('=') {
        Some((flag, _)) if flag.starts_with('-') => flag.len() + 1,
        _ => 0,
    }
}

/// With a backslash before each character that means something to Bash.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !(c.is_alphanumeric() || "-_./=,:@%+".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_as_shells_do() {
        let check = |line: &str, words: &[&str], quote: Option<char>| {
            assert_eq!(
                split(line),
                Line { words: words.iter().map(|w| (*w).to_owned()).collect(), quote },
                "{line}"
            );
        };
        check("formwork ", &["formwork", ""], None);
        check("formwork  plan -o", &["formwork", "plan", "-o"], None);
        check("f -target='a[\"k", &["f", "-target=a[\"k"], Some('\''));
        check("f 'a b' \"c\\\"d\" e\\ f", &["f", "a b", "c\"d", "e f"], None);
        check("f ''", &["f", ""], None);
        check("", &[""], None);
    }

    #[test]
    fn answers_fit_where_they_are_put() {
        let check = |current: &str, quote, candidate: &str, expected: &str| {
            let found = answer(Shell::Bash, current, quote, &[candidate.to_owned()]);
            assert_eq!(found, format!("{expected}\n"), "{current}");
        };
        check("-target=x", None, "-target=x.y[\"k\"]", "x.y\\[\\\"k\\\"\\]");
        check("-target=x", Some('\''), "-target=x.y[\"k\"]", "x.y[\"k\"]");
        check("x", Some('"'), "x.y", "x.y");
        check("pl", None, "plan", "plan");
        let same = answer(Shell::Zsh, "-target=x", None, &["-target=x.y[0]".into()]);
        assert_eq!(same, "-target=x.y[0]\n");
    }
}
