//! Long strings of one line: of what stays, only what stands around the change is shown.

/// Strings of fewer characters are shown whole.
const LONG: usize = 1_000;

/// Unchanged characters that are shown before and after what changes.
const CONTEXT: usize = 40;

/// Two strings around what differs in them, with `…` for what is hidden, and how many unchanged characters that is. `None` where
/// they are short, or have little in common.
pub(super) fn around(before: &str, after: &str) -> Option<(String, String, usize)> {
    let (a, b): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let shorter = a.len().min(b.len());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take(shorter - head).take_while(|(x, y)| x == y).count();
    let (from, rest) = (head.saturating_sub(CONTEXT), tail.saturating_sub(CONTEXT));
    let hidden = from + rest;
    if a.len().max(b.len()) < LONG || hidden < LONG / 2 {
        return None;
    }
    let part = |all: &[char]| {
        let middle: String = all.get(from..all.len() - rest).unwrap_or_default().iter().collect();
        let (left, right) = (if from > 0 { "…" } else { "" }, if rest > 0 { "…" } else { "" });
        format!("{left}{middle}{right}")
    };
    Some((part(&a), part(&b), hidden))
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn only_what_changes_is_shown_of_long_strings() {
        let (x, y) = ("x".repeat(5_000), "ÿ".repeat(4_000));
        let context = ("x".repeat(40), "ÿ".repeat(40));
        let changed = |old: &str, new: &str| around(&format!("{x}{old}{y}"), &format!("{x}{new}{y}"));
        let shown = |middle: &str| format!("…{}{middle}{}…", context.0, context.1);
        assert_eq!(changed("a", "b"), Some((shown("a"), shown("b"), 8_920)));
        assert_eq!(changed("", "b"), Some((shown(""), shown("b"), 8_920)));
        let longer = around(&x, &format!("{x}!"));
        assert_eq!(longer, Some((format!("…{}", context.0), format!("…{}!", context.0), 4_960)));
    }

    #[test]
    fn short_and_different_strings_are_shown_whole() {
        assert_eq!(around("a", "b"), None);
        assert_eq!(around(&"x".repeat(999), &"x".repeat(998)), None);
        assert_eq!(around(&"x".repeat(5_000), &"y".repeat(5_000)), None);
        assert_eq!(around("", &"y".repeat(5_000)), None);
    }
}
