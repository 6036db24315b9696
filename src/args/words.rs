//! Words of an environment variable, as a shell would see them.

/// A quotation mark that does not close, or a backslash at the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclosed;

/// Splits at spaces; quotes keep words together, a backslash takes the next character as it is.
pub fn split(text: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(Unclosed)?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(Unclosed)? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(Unclosed)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or(Unclosed)? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell_does() {
        let check = |text: &str, expected: &[&str]| assert_eq!(split(text).unwrap(), expected, "{text}");
        check("  a  b ", &["a", "b"]);
        check(r#"-var 'x={"a"=1}' "b \"c\"" d\ e ''"#, &["-var", r#"x={"a"=1}"#, "b \"c\"", "d e", ""]);
        assert_eq!(split("\"a"), Err(Unclosed));
        assert_eq!(split("a\\"), Err(Unclosed));
    }
}
