//! What a failed plan says, together with what is wrong whatever the values are.

use formwork_diag::Diagnostic;

/// Adds mistakes that were found without values to those of a plan. Where the plan met a null on the way to one, the null is
/// not told: the mistake is there with any value.
pub(super) fn add(told: &mut Vec<Diagnostic>, found: Vec<Diagnostic>) {
    for found in found.into_iter().filter(|d| d.span.is_some()) {
        if told.iter().any(|d| d.span == found.span && d.summary == found.summary) {
            continue;
        }
        match told.iter().position(|d| is_null_before(d, &found)) {
            Some(at) => told[at] = found,
            None => told.push(found),
        }
    }
}

/// Whether the first speaks of a null, and the second of a later step of the same path.
fn is_null_before(null: &Diagnostic, later: &Diagnostic) -> bool {
    let (Some(first), Some(second)) = (null.span, later.span) else { return false };
    if !null.summary.ends_with("null value") || first.file != second.file || first.end > second.start {
        return false;
    }
    // `var.v` and `var.v.a`: what is between is what the places are apart. Of what is secret, there is no name.
    let between = (second.start - first.start) as usize;
    let mut names = null.values.iter().flat_map(|(a, _)| later.values.iter().map(move |(b, _)| (a, b)));
    let named = |(a, b): (&String, &String)| b.strip_prefix(a.as_str()).is_some_and(|s| s.len() == between);
    first.end == second.start || names.any(named)
}

#[cfg(test)]
mod tests {
    use super::add;
    use formwork_diag::{Diagnostic, FileId, Span};

    fn mistake(summary: &str, place: std::ops::Range<usize>, name: &str) -> Diagnostic {
        let mut d = Diagnostic::error(summary, "").at(Span::new(FileId(0), place.start, place.end));
        d.values.push((name.into(), String::new()));
        d
    }

    /// What is told of a null at `.a` of `var.v.a.b.c`, and of what is wrong without values.
    fn told(later: Diagnostic) -> Vec<String> {
        let mut told = vec![mistake("Attempt to get attribute from null value", 5..7, "var.v")];
        add(&mut told, vec![later]);
        told.into_iter().map(|d| d.summary).collect()
    }

    #[test]
    fn a_path_has_one_mistake() {
        let wrong = "Unsupported attribute";
        assert_eq!(told(mistake(wrong, 7..9, "var.v.a")), [wrong]);
        assert_eq!(told(mistake(wrong, 9..11, "var.v.a.b")), [wrong]);
        assert_eq!(told(mistake(wrong, 7..9, "a secret")), [wrong]);
        assert_eq!(told(mistake(wrong, 25..27, "var.v.a")).len(), 2);
        assert_eq!(told(mistake("Unsupported function", 0..4, "var.v.a")).len(), 2);
    }
}
