//! `console.txt` holds expressions with what `terraform console` prints for them; `!` is an error, which must be one
//! here too, in our own words.

use super::printed;

/// Where we decided otherwise: Terraform's answer is in the file, ours is here.
const DIFFERENT: [(&str, &str); 0] = [];

#[test]
fn answers_as_terraform_console_does() {
    let mut wrong = Vec::new();
    for case in include_str!("console.txt").split("\n\n> ") {
        let case = case.trim_start_matches("> ").trim_end_matches('\n');
        let (text, expected) = case.split_once('\n').unwrap_or((case, ""));
        let expected = match DIFFERENT.iter().find(|(t, _)| *t == text) {
            Some((_, ours)) => ours,
            None => expected,
        };
        let actual = printed(text);
        let same = if expected.starts_with('!') { actual.starts_with('!') } else { actual.trim_end_matches('\n') == expected };
        if !same {
            wrong.push(format!("{text}\n  expected: {expected}\n  actual:   {actual}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
