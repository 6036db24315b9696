//! `console.txt` holds expressions with what `terraform console` prints for them; `!` is an error, which must be one
//! here too, in our own words.

use super::printed;

/// Where we decided otherwise: Terraform's answer is in the file, ours is here.
const DIFFERENT: [(&str, &str); 6] = [
    // There are no infinite numbers here: they cannot be written to a state.
    ("1 / 0", "!"),
    ("pow(10,400)", "!"),
    ("log(0,2)", "!"),
    ("yamldecode(\".inf\")", "!"),
    // It would stay unknown for ever.
    ("format(\"%s\", null)", "!"),
    // It is no subnet of the prefix.
    ("cidrsubnet(\"10.0.0.0/8\", 2, -1)", "!"),
];

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
        let same = if expected.starts_with('!') {
            actual.starts_with('!')
        } else {
            actual.trim_end_matches('\n') == expected
        };
        if !same {
            wrong.push(format!("{text}\n  expected: {expected}\n  actual:   {actual}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
