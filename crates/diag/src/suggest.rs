//! What a user most likely meant.

use std::sync::atomic::{AtomicU64, Ordering};

/// After so many comparisons of letters nothing is suggested any more: a hundred thousand mistakes among as many names would
/// otherwise take minutes, for suggestions that nobody reads.
const MAX_WORK: u64 = 100_000_000;

static WORK: AtomicU64 = AtomicU64::new(0);

/// The candidate that a user most likely meant by `given`, when one is close enough (Damerau–Levenshtein
/// distance of at most a third of the length, and less than all of it).
pub fn suggestion<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    suggest(given, candidates, &WORK)
}

fn suggest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    done: &AtomicU64,
) -> Option<&'a str> {
    if done.load(Ordering::Relaxed) > MAX_WORK {
        return None;
    }
    let given: Vec<char> = given.chars().collect();
    let limit = (given.len() / 3).max(1);
    let mut work = 0;
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        work += 1;
        // Each letter too many or too few is a change of its own.
        let shortest = candidate.len().div_ceil(4);
        if shortest > given.len() + limit || candidate.len() + limit < given.len() {
            continue;
        }
        let letters: Vec<char> = candidate.chars().collect();
        if letters.len().abs_diff(given.len()) > limit {
            continue;
        }
        work += (letters.len() * given.len()) as u64;
        let distance = edit_distance(&given, &letters);
        if distance <= limit && distance < given.len() && best.is_none_or(|best| (distance, candidate) < best)
        {
            best = Some((distance, candidate));
        }
    }
    done.fetch_add(work, Ordering::Relaxed);
    best.map(|(_, candidate)| candidate)
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    // The last row, the one before it, and the one being made.
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let (mut earlier, mut row) = (vec![0; b.len() + 1], vec![0; b.len() + 1]);
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let substitute = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(earlier[j - 2] + 1);
            }
            row[j] = best;
        }
        std::mem::swap(&mut earlier, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_end_with_too_much_work() {
        let done = AtomicU64::new(0);
        let known: Vec<String> = (0..1_000).map(|n| format!("resource_number_{n:04}")).collect();
        let near = || suggest("resource_number_0a07", known.iter().map(String::as_str), &done);
        assert_eq!(near(), Some("resource_number_0007"));
        // Each look at a thousand names of twenty letters costs at least that many comparisons of letters.
        let mut looks = 1;
        while near().is_some() {
            looks += 1;
            assert!(looks <= MAX_WORK / (1_000 * 20 * 20) + 1, "nothing ends it");
        }
        assert!(looks > 10, "it ended after {looks}");
    }
}
