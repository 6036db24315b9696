//! Which elements of two lists belong together.

use similar::{Algorithm, DiffTag, capture_diff_slices};
use std::collections::{HashMap, HashSet};

/// An element of the old list, of the new one, or one that stands in both places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Only in the old list.
    Old(usize),
    /// Only in the new list.
    New(usize),
    /// In both, equal or to be shown as one change.
    Both(usize, usize),
}

/// Tables larger than this are not made; a faster algorithm finds an answer that may be less pretty.
const TABLE_LIMIT: usize = 1 << 20;

/// Longer stretches without anchors are shown as going and coming as a whole.
const MYERS_LIMIT: usize = 1 << 13;

/// Pairs up two lists of lines, each given as a number that stands for its text.
pub fn lines(before: &[u32], after: &[u32]) -> Vec<Pair> {
    align(before, after, &|_, _| false)
}

/// Pairs up two lists of values, each given as a number that stands for its content; objects that stand at the same turn are
/// one change. Lists of equal length that do not hold the same things are compared place by place, unless fewer edits make
/// the one from the other: something left at one end, and something else came at the other.
pub fn values(before: &[u32], after: &[u32], both_objects: &dyn Fn(usize, usize) -> bool) -> Vec<Pair> {
    let edits = align(before, after, both_objects);
    if before.len() == after.len() {
        let mut there = after.to_vec();
        there.sort_unstable();
        let changed = before.iter().zip(after).filter(|(b, a)| b != a).count();
        let differs = |pair: &&Pair| !matches!(pair, Pair::Both(b, a) if before[*b] == after[*a]);
        if before.iter().any(|b| there.binary_search(b).is_err())
            && changed <= edits.iter().filter(differs).count()
        {
            return (0..before.len()).map(|i| Pair::Both(i, i)).collect();
        }
    }
    edits
}

fn align(before: &[u32], after: &[u32], both_objects: &dyn Fn(usize, usize) -> bool) -> Vec<Pair> {
    let common = common_subsequence(before, after);
    let mut out = Vec::with_capacity(before.len().max(after.len()));
    let (mut b, mut a, mut c) = (0, 0, 0);
    while b < before.len() || a < after.len() || c < common.len() {
        while b < before.len() && common.get(c) != Some(&before[b]) {
            if a < after.len() && common.get(c) != Some(&after[a]) && both_objects(b, a) {
                out.push(Pair::Both(b, a));
                a += 1;
            } else {
                out.push(Pair::Old(b));
            }
            b += 1;
        }
        while a < after.len() && common.get(c) != Some(&after[a]) {
            out.push(Pair::New(a));
            a += 1;
        }
        if c < common.len() {
            if b >= before.len() || a >= after.len() {
                break;
            }
            out.push(Pair::Both(b, a));
            (b, a, c) = (b + 1, a + 1, c + 1);
        }
    }
    out
}

/// A longest common subsequence; of several, the one that a walk from the ends finds which prefers to step back in `after`.
fn common_subsequence(before: &[u32], after: &[u32]) -> Vec<u32> {
    let prefix = before.iter().zip(after).take_while(|(b, a)| b == a).count();
    let (rest_b, rest_a) = (&before[prefix..], &after[prefix..]);
    let suffix = rest_b.iter().rev().zip(rest_a.iter().rev()).take_while(|(b, a)| b == a).count();
    let (xs, ys) = (&rest_b[..rest_b.len() - suffix], &rest_a[..rest_a.len() - suffix]);
    let mut out = before[..prefix].to_vec();
    if xs.len().saturating_mul(ys.len()) <= TABLE_LIMIT {
        out.extend(table(xs, ys));
    } else {
        let (mut x, mut y) = (0, 0);
        for (i, j) in anchors(xs, ys).into_iter().chain([(xs.len(), ys.len())]) {
            between(&xs[x..i], &ys[y..j], &mut out);
            out.extend(xs.get(i));
            (x, y) = (i + 1, j + 1);
        }
    }
    out.extend_from_slice(&before[before.len() - suffix..]);
    out
}

/// What two stretches between anchors have in common. Where both are long and share little, finding it all would take
/// time by their product: what stands in one only is left out first, and then what is still too long is given up.
fn between(xs: &[u32], ys: &[u32], out: &mut Vec<u32>) {
    if xs.len().saturating_mul(ys.len()) <= TABLE_LIMIT {
        return out.extend(table(xs, ys));
    }
    let only = |list: &[u32], other: &[u32]| -> Vec<u32> {
        let there: HashSet<u32> = other.iter().copied().collect();
        list.iter().copied().filter(|id| there.contains(id)).collect()
    };
    let (xs, ys) = (only(xs, ys), only(ys, xs));
    if xs.len() + ys.len() > MYERS_LIMIT {
        return;
    }
    for op in capture_diff_slices(Algorithm::Myers, &xs, &ys) {
        if op.tag() == DiffTag::Equal {
            out.extend_from_slice(&xs[op.old_range()]);
        }
    }
}

/// Places of elements that stand once in each list, as many as keep their order: the longest rising chain, found in
/// n log n.
fn anchors(xs: &[u32], ys: &[u32]) -> Vec<(usize, usize)> {
    let mut places: HashMap<u32, (usize, usize, usize)> = HashMap::with_capacity(ys.len());
    for (j, y) in ys.iter().enumerate() {
        let place = places.entry(*y).or_insert((0, 0, j));
        place.1 += 1;
    }
    for x in xs {
        if let Some(place) = places.get_mut(x) {
            place.0 += 1;
        }
    }
    let once = xs.iter().enumerate().filter_map(|(i, x)| match places.get(x) {
        Some((1, 1, j)) => Some((i, *j)),
        _ => None,
    });
    let pairs: Vec<(usize, usize)> = once.collect();
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (n, (_, j)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|e| pairs[*e].1 < *j);
        previous.push(length.checked_sub(1).map(|l| ends[l]));
        if length == ends.len() {
            ends.push(n);
        } else {
            ends[length] = n;
        }
    }
    let mut chain = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(n) = at {
        chain.push(pairs[n]);
        at = previous[n];
    }
    chain.reverse();
    chain
}

fn table(xs: &[u32], ys: &[u32]) -> Vec<u32> {
    let width = xs.len() + 1;
    let mut lengths = vec![0u32; width * (ys.len() + 1)];
    for (j, y) in ys.iter().enumerate() {
        for (i, x) in xs.iter().enumerate() {
            let here = (j + 1) * width + i + 1;
            lengths[here] = if x == y {
                lengths[here - width - 1] + 1
            } else {
                lengths[here - 1].max(lengths[here - width])
            };
        }
    }
    let mut out = Vec::new();
    let (mut i, mut j) = (xs.len(), ys.len());
    while i > 0 && j > 0 {
        if xs[i - 1] == ys[j - 1] {
            out.push(xs[i - 1]);
            (i, j) = (i - 1, j - 1);
        } else if lengths[j * width + i - 1] > lengths[(j - 1) * width + i] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::Pair::{Both, New, Old};
    use super::*;

    #[test]
    fn pairs_as_terraform_does() {
        let check = |before: &[u32], after: &[u32], expected: &[Pair]| {
            assert_eq!(values(before, after, &|_, _| false), expected, "{before:?} -> {after:?}");
        };
        check(&[1, 2], &[2, 1], &[Old(0), Both(1, 0), New(1)]);
        check(&[1, 2, 3], &[3, 2, 1], &[Old(0), Old(1), Both(2, 0), New(1), New(2)]);
        check(&[1, 2, 3, 4], &[2, 3, 8, 9], &[Both(0, 0), Both(1, 1), Both(2, 2), Both(3, 3)]);
        check(&[1, 2, 3], &[1, 8, 9, 3], &[Both(0, 0), Old(1), New(1), New(2), Both(2, 3)]);
        check(&[1, 1], &[1, 2], &[Both(0, 0), Old(1), New(1)]);
        check(&[1, 2], &[1, 1], &[Both(0, 0), Both(1, 1)]);
        check(&[], &[1], &[New(0)]);
        // Terraform writes three changes.
        check(&[1, 2, 3], &[2, 3, 4], &[Old(0), Both(1, 0), Both(2, 1), New(2)]);
    }

    #[test]
    fn long_lists_stay_fast() {
        let before: Vec<u32> = (0..20_000).collect();
        let after: Vec<u32> = (0..20_000).filter(|i| i % 7 != 0).collect();
        assert_eq!(lines(&before, &after).len(), 20_000);
        // Nothing keeps its place, and no element is alone: whatever is found, it is found soon.
        let before: Vec<u32> = (0..100_000).map(|i| i / 2).collect();
        let after: Vec<u32> = before.iter().rev().copied().collect();
        assert!(lines(&before, &after).len() >= 100_000);
        let one = |gone: u32| -> Vec<u32> { (0..100_000).filter(|i| *i != gone).collect() };
        let changed = lines(&one(7), &one(99_000));
        assert_eq!(changed.iter().filter(|p| !matches!(p, Both(..))).count(), 2);
    }
}
