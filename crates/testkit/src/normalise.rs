//! What differs from run to run, replaced.

use regex::Regex;
use std::sync::LazyLock;

struct Rule {
    pattern: Regex,
    with: &'static str,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[UUID]"),
        (r"\b(thing|link|vault)-[0-9a-f]{16}\b", "$1-[ID]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", "[TIME]"),
        (r"\bafter (\d+h)?(\d+m)?\d+s\b", "after 0s"),
        (r"\bdeposed object [0-9a-f]{8}\b", "deposed object [KEY]"),
        (r"\b(pid|process) \d+\b", "$1 [PID]"),
        (r"(?m)[ \t]+$", ""),
        // Said when a machine is slow.
        (r"(?m)^(Looking at what there is|Reading the configuration)\.\.\.\n", ""),
    ];
    rules
        .iter()
        .filter_map(|(pattern, with)| Regex::new(pattern).ok().map(|pattern| Rule { pattern, with }))
        .collect()
});

/// The text with the folder's path, ids, times and durations replaced by words in brackets, and without spaces at
/// the ends of lines.
pub fn normalise(text: &str, folder: &str) -> String {
    let mut text = if folder.is_empty() { text.to_owned() } else { text.replace(folder, "[DIR]") };
    for rule in RULES.iter() {
        text = rule.pattern.replace_all(&text, rule.with).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn replaces_what_differs() {
        let check = |input, expected| assert_eq!(normalise(input, "/tmp/x1"), expected);
        check("in /tmp/x1/main.tf", "in [DIR]/main.tf");
        check("done after 1m2s [id=thing-0123456789abcdef]", "done after 0s [id=thing-[ID]]");
        check("a 6ba7b810-9dad-11d1-80b4-00c04fd430c8  \nb", "a [UUID]\nb");
        check("at 2026-11-22T14:00:00Z.", "at [TIME].");
        check("Looking at what there is...\nNo changes.", "No changes.");
        check("nothing-to-see 12s", "nothing-to-see 12s");
        assert_eq!(super::RULES.len(), 8);
    }
}
